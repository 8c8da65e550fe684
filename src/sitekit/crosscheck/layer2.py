"""Checks of what is switched: trunks, aggregates, pairs, spanning tree, queriers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from .checks import Findings
from .facts import EOS_SWITCHED_MTU, Firewall, Port, Site, Switch, dotted
from .networks import Networks
from .standard import BLACK_HOLE, CONTENT, ISOLATED_MEDIA
from .wiring import Bundle, Link, Wiring, carried

_STATIC = {"on", "static"}


def check(site: Site, wiring: Wiring, networks: Networks, findings: Findings) -> None:
    """Everything about links and VLANs."""
    for link in wiring.links:
        _link(wiring, link, findings)
    _aggregates(wiring, findings)
    for switch in site.switches:
        _vlans_defined(switch, findings)
    _vlan_names(site, findings)
    _port_map(site, wiring, findings)
    _mlag(wiring, findings)
    _cut(site, wiring, networks, findings)
    _spanning_tree(site, wiring, findings)
    _queriers(site, networks, findings)
    _radio(networks, findings)


def _radio(networks: Networks, findings: Findings) -> None:
    """What the access points bridge ends in a VLAN that the firewall has, the one of its name."""
    for firewall in networks.firewalls:
        legs = {leg.vlan: leg for leg in firewall.legs.values() if leg.vlan is not None}
        for name, node in firewall.root.table("wireless-controller vap").entries.items():
            text = node.word("vlanid")
            if not text.isdigit():
                continue
            own = firewall.legs.get(f"v-{name.removeprefix('w-')}")
            if own is not None and own.vlan != int(text):
                wrong = f"its network {own.name} is VLAN {own.vlan}"
            elif int(text) not in legs and int(text) not in networks.by_vlan:
                wrong = "which no network has"
            else:
                continue
            findings.add(
                "cross-vlan-undefined",
                firewall.file,
                node.where("vlanid"),
                f"radio network {name} is bridged to VLAN {text}, {wrong}",
            )


def listed(vlans: Iterable[int]) -> str:
    """VLANs in words: 10, 20-22."""
    runs: list[list[int]] = []
    for vlan in sorted(vlans):
        if runs and vlan == runs[-1][1] + 1:
            runs[-1][1] = vlan
        else:
            runs.append([vlan, vlan])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _name(bundle: Bundle) -> str:
    name = bundle.name
    return f"{bundle.device} {'Port-Channel' + name[12:] if name[:5] == 'port-' else name}"


# --- one link ----------------------------------------------------------------------------------


def _link(wiring: Wiring, link: Link, findings: Findings) -> None:
    left, right = wiring.port(link.left), wiring.port(link.right)
    if left is not None and right is not None:
        _between_switches(wiring, link, left, right, findings)
    elif left is not None:
        _to_firewall(wiring, link.left, left, link.right, findings)
    elif right is not None:
        _to_firewall(wiring, link.right, right, link.left, findings)


def _between_switches(
    wiring: Wiring, link: Link, left: Port, right: Port, findings: Findings
) -> None:
    ends = ((link.left, left, link.right, right), (link.right, right, link.left, left))
    modes = {left.mode, right.mode}
    if modes != {"trunk"}:
        for one, port, other, there in ends:
            if port.mode != "trunk":
                findings.add(
                    "cross-trunk-mode",
                    wiring.devices[one.device].file,
                    port.where("mode"),
                    f"{_name(one)} is no trunk ({port.mode}), {_name(other)} is {there.mode}",
                )
        return
    if (left.native or 1) != (right.native or 1):
        for one, port, other, there in ends:
            findings.add(
                "cross-native-vlan",
                wiring.devices[one.device].file,
                port.where("native"),
                f"{_name(one)} has native VLAN {port.native or 1}, {_name(other)} has "
                f"{there.native or 1}",
            )
    if left.shut != right.shut:
        one, port, other, _ = ends[0] if left.shut else ends[1]
        findings.add(
            "cross-trunk-mode",
            wiring.devices[one.device].file,
            port.where("shut"),
            f"{_name(one)} is shut down, {_name(other)} is not",
        )
        return
    peers = wiring.pairs.get(link.left.device) == link.right.device
    for one, port, other, there in ends:
        missing = carried(wiring, other) - carried(wiring, one)
        if peers and port.allowed is None and there.allowed is None:
            missing &= _on_other_trunks(wiring, other)
        if missing:
            findings.add(
                "cross-trunk-vlan",
                wiring.devices[one.device].file,
                port.where("allowed"),
                f"VLAN {listed(missing)} is carried by {_name(other)} and not by {_name(one)}",
            )


def _on_other_trunks(wiring: Wiring, bundle: Bundle) -> set[int]:
    """A VLAN of one switch of a pair alone (a separate media path) is on no other trunk."""
    switch = wiring.switch(bundle.device)
    found: set[int] = set()
    for key, port in switch.ports.items() if switch else ():
        if port.mode == "trunk" and key != bundle.name and port.allowed is not None:
            found |= port.allowed
    return found


def _to_firewall(
    wiring: Wiring, here: Bundle, port: Port, there: Bundle, findings: Findings
) -> None:
    switch, firewall = wiring.devices[here.device], wiring.devices[there.device]
    if not isinstance(firewall, Firewall):
        return  # a switch whose aggregate is not defined: said there
    if port.mode != "trunk":
        findings.add(
            "cross-trunk-mode",
            switch.file,
            port.where("mode"),
            f"{_name(here)} is no trunk ({port.mode}), {_name(there)} is one",
        )
        return
    tagged = carried(wiring, there)
    allowed = carried(wiring, here)
    if missing := tagged - allowed:
        findings.add(
            "cross-trunk-vlan",
            switch.file,
            port.where("allowed"),
            f"VLAN {listed(missing)} is carried by {_name(there)} and not by {_name(here)}",
        )
    native = port.native or 1
    if extra := allowed - tagged - {native}:
        leg = firewall.legs.get(there.name)
        findings.add(
            "cross-trunk-vlan",
            firewall.file,
            leg.line if leg else 0,
            f"VLAN {listed(extra)} is carried by {_name(here)} and not by {_name(there)}",
        )
    if native in tagged:
        findings.add(
            "cross-native-vlan",
            switch.file,
            port.where("native"),
            f"{_name(here)} sends VLAN {native} without a tag, {_name(there)} expects one",
        )


# --- aggregates --------------------------------------------------------------------------------


def _aggregates(wiring: Wiring, findings: Findings) -> None:
    for device in wiring.devices.values():
        if isinstance(device, Switch):
            _members(device, findings)
    peers: dict[Bundle, set[Bundle]] = defaultdict(set)
    for link in wiring.links:
        peers[link.left].add(link.right)
        peers[link.right].add(link.left)
    for bundle, others in peers.items():
        if _is_lag(wiring, bundle):
            _far_ends(wiring, bundle, others, findings)
    for link in wiring.links:
        _lacp(wiring, link, findings)


def _is_lag(wiring: Wiring, bundle: Bundle) -> bool:
    device = wiring.devices[bundle.device]
    if isinstance(device, Switch):
        return bundle.name.startswith("port-channel")
    leg = device.legs.get(bundle.name)
    return bool(leg and leg.members)


def _line(wiring: Wiring, bundle: Bundle) -> tuple[str, int]:
    device = wiring.devices[bundle.device]
    found = (
        device.ports.get(bundle.name)
        if isinstance(device, Switch)
        else device.legs.get(bundle.name)
    )
    return device.file, found.line if found else 0


def _members(switch: Switch, findings: Findings) -> None:
    members: dict[int, list[Port]] = defaultdict(list)
    for port in switch.ports.values():
        if port.lag is not None:
            members[port.lag].append(port)
    for group, ports in members.items():
        lag = switch.lag(group)
        if lag is None:
            findings.add(
                "cross-reference",
                switch.file,
                ports[0].where("lag"),
                f"{switch.name} {ports[0].name} is in aggregate {group}, which is not defined",
            )
            continue
        modes = {port.lag_mode for port in ports}
        if len(modes) > 1:
            findings.add(
                "cross-lag",
                switch.file,
                ports[-1].where("lag_mode"),
                f"members of {switch.name} {lag.name} are {' and '.join(sorted(modes))}",
            )
        for port in ports:
            for field in ("mode", "native", "allowed", "access"):
                if field in port.at and getattr(port, field) != getattr(lag, field):
                    findings.add(
                        "cross-lag",
                        switch.file,
                        port.where(field),
                        f"{switch.name} {port.name} and its aggregate {lag.name} differ "
                        f"({field} of VLANs)",
                    )
            if port.shut and not lag.shut:
                findings.add(
                    "cross-lag",
                    switch.file,
                    port.where("shut"),
                    f"{switch.name} {port.name} is shut down, its aggregate {lag.name} is not",
                )
    for key, port in switch.ports.items():
        if key.startswith("port-channel") and not any(
            f"port-channel{group}" == key for group in members
        ):
            findings.add(
                "cross-lag",
                switch.file,
                port.line,
                f"{switch.name} {port.name} has no members",
            )


def _far_ends(wiring: Wiring, bundle: Bundle, others: set[Bundle], findings: Findings) -> None:
    """All cables of an aggregate end in one aggregate, or in one MLAG of a pair."""
    file, line = _line(wiring, bundle)
    loose = sorted(other for other in others if not _is_lag(wiring, other))
    if loose:
        findings.add(
            "cross-lag",
            file,
            line,
            f"{_name(bundle)} is an aggregate, {_name(loose[0])} at its other end is none",
        )
        return
    if len(others) == 1:
        return
    numbers = set()
    for other in others:
        port = wiring.port(other)
        numbers.add(port.mlag if port else None)
    devices = {other.device for other in others}
    one = min(devices)
    paired = len(devices) == 2 == len(others) and wiring.pairs.get(one) in devices
    if not paired or len(numbers) != 1 or None in numbers:
        ends = " and ".join(_name(other) for other in sorted(others))
        findings.add(
            "cross-lag",
            file,
            line,
            f"{_name(bundle)} ends in {ends}, which are not one aggregate"
            + (" (their MLAG numbers differ)" if paired else ""),
        )


def _lacp(wiring: Wiring, link: Link, findings: Findings) -> None:
    modes = [_lacp_modes(wiring, bundle) for bundle in (link.left, link.right)]
    if not all(modes):
        return
    static = [bool(mode & _STATIC) for mode in modes]
    quiet = all(mode == {"passive"} for mode in modes)
    if static[0] == static[1] and not quiet:
        return
    file, line = _line(wiring, link.left)
    both = f"{'/'.join(sorted(modes[0]))} and {'/'.join(sorted(modes[1]))}"
    findings.add(
        "cross-lag",
        file,
        line,
        f"{_name(link.left)} and {_name(link.right)} do not agree on LACP: {both}",
    )


def _lacp_modes(wiring: Wiring, bundle: Bundle) -> set[str]:
    device = wiring.devices[bundle.device]
    if isinstance(device, Switch):
        return {
            port.lag_mode
            for port in device.ports.values()
            if port.lag is not None and f"port-channel{port.lag}" == bundle.name
        }
    leg = device.legs.get(bundle.name)
    return {leg.lacp} if leg and leg.members else set()


# --- VLANs -------------------------------------------------------------------------------------


def _vlans_defined(switch: Switch, findings: Findings) -> None:
    known = switch.vlans.keys()
    for port in switch.ports.values():
        named: set[int] = set()
        if port.mode == "trunk":
            named |= (port.allowed or frozenset()) - known
            fields = ("allowed", "native")
        else:
            fields = ("access", "voice")
        for field in (*fields, "voice"):
            value = getattr(port, field)
            if isinstance(value, int) and value not in known:
                named.add(value)
        if port.name.startswith("Vlan") and port.address is not None:
            text = port.name[4:]
            if text.isdigit() and int(text) not in known:
                named.add(int(text))
        if named:
            findings.add(
                "cross-vlan-undefined",
                switch.file,
                port.where(*fields),
                f"{switch.name} {port.name} names VLAN {listed(named)}, which is not defined",
            )
    for querier in switch.queriers.values():
        if querier.vlan not in known:
            findings.add(
                "cross-vlan-undefined",
                switch.file,
                querier.line,
                f"{switch.name} asks in VLAN {querier.vlan}, which is not defined",
            )


def _vlan_names(site: Site, findings: Findings) -> None:
    first: dict[int, tuple[str, Switch]] = {}
    for switch in site.switches:
        for number, vlan in switch.vlans.items():
            name, other = first.setdefault(number, (vlan.name, switch))
            if name != vlan.name:
                findings.add(
                    "cross-vlan-name",
                    switch.file,
                    vlan.line,
                    f"VLAN {number} is {vlan.name or 'without a name'} on {switch.name} and "
                    f"{name or 'without a name'} on {other.name}",
                )


def _port_map(site: Site, wiring: Wiring, findings: Findings) -> None:
    """Each port is in the VLANs that the port map prints, and shut where it is printed unused."""
    for row in site.documents.ports:
        switch = wiring.switch(row.device)
        port = switch.ports.get(row.port) if switch else None
        if switch is None or port is None:
            continue
        if port.lag is not None:
            port = switch.lag(port.lag) or port
        said = f"({site.documents.map_file}:{row.line})"
        words = row.vlan.split()
        if not words:
            if not row.to and not port.shut:
                findings.add(
                    "cross-plan",
                    switch.file,
                    port.line,
                    f"{switch.name} {row.port} is unused in the port map {said} and not shut down",
                )
            vlan = switch.vlans.get(port.access or 0)
            if not row.to and port.mode == "access" and vlan and vlan.name != BLACK_HOLE:
                findings.add(
                    "cross-plan",
                    switch.file,
                    port.where("access"),
                    f"{switch.name} {row.port} is unused in the port map {said} and in VLAN "
                    f"{port.access}, not in the one that leads nowhere",
                )
            continue
        tagged = {int(word[:-1]) for word in words if word[:-1].isdigit() and word[-1] == "t"}
        plain = words[0].rstrip("u")
        own = int(plain) if plain.isdigit() else None
        has = port.native if port.mode == "trunk" else port.access
        if own is not None and has != own:
            field, is_in, wanted = "native", f"VLAN {has}", f"VLAN {own}"
        elif tagged and port.mode != "trunk":
            field, is_in, wanted = "mode", "no trunk", "a trunk"
        elif tagged and port.allowed is not None and port.allowed - {own} != tagged:
            field, is_in, wanted = "allowed", f"VLAN {listed(port.allowed)}", listed(tagged)
        else:
            continue
        findings.add(
            "cross-plan",
            switch.file,
            port.where(field, "access", "mode"),
            f"{switch.name} {port.name} has {is_in}, the port map {wanted} {said}",
        )


def _users(
    site: Site, networks: Networks, bundles: set[Bundle]
) -> dict[int, list[tuple[str, str, int]]]:
    """Who uses each VLAN: device, what, line; links between devices are not users."""
    users: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for switch in site.switches:
        seen: set[int] = set()
        for key, port in switch.ports.items():
            if key.startswith("Vlan"):
                if port.address is not None and key[4:].isdigit() and not port.shut:
                    users[int(key[4:])].append((switch.name, port.name, port.line))
                continue
            if port.shut or port.lag is not None or port.mode == "routed":
                continue
            if Bundle(switch.name, key) in bundles:
                continue
            if port.mode == "trunk":
                vlans = set(port.allowed or ()) | ({port.native} if port.native else set())
            else:
                vlans = {v for v in (port.access, port.voice) if v is not None}
            for vlan in vlans - seen:
                seen.add(vlan)
                users[vlan].append((switch.name, port.name, port.line))
    for firewall in networks.firewalls:
        for leg in firewall.legs.values():
            if leg.vlan is not None and leg.address is not None:
                users[leg.vlan].append((firewall.name, leg.name, leg.line))
    return users


def _cut(site: Site, wiring: Wiring, networks: Networks, findings: Findings) -> None:
    """Every VLAN is one piece: its ports and its gateway reach each other."""
    bundles = {end for link in wiring.links for end in (link.left, link.right)}
    carries = {bundle: carried(wiring, bundle) for bundle in bundles}
    files = {name: device.file for name, device in wiring.devices.items()}
    for vlan, users in _users(site, networks, bundles).items():
        devices = {device for device, _, _ in users}
        if len(devices) < 2:
            continue
        neighbours: dict[str, set[str]] = defaultdict(set)
        for link in wiring.links:
            if vlan in carries[link.left] and vlan in carries[link.right]:
                neighbours[link.left.device].add(link.right.device)
                neighbours[link.right.device].add(link.left.device)
        start = networks.home_of(vlan, devices)
        reached, wave = {start}, [start]
        while wave:
            wave = [n for here in wave for n in neighbours[here] if n not in reached]
            reached.update(wave)
        for device, what, line in users:
            if device not in reached:
                findings.add(
                    "cross-vlan-cut",
                    files[device],
                    line,
                    f"{device} {what} uses VLAN {vlan}, and no chain of links carries that VLAN "
                    f"to {start}",
                )


# --- MLAG --------------------------------------------------------------------------------------


def _mlag(wiring: Wiring, findings: Findings) -> None:
    done: set[frozenset[str]] = set()
    for switch in [d for d in wiring.devices.values() if isinstance(d, Switch)]:
        if switch.mlag is None:
            for port in switch.ports.values():
                if port.mlag is not None:
                    findings.add(
                        "cross-mlag",
                        switch.file,
                        port.where("mlag"),
                        f"{switch.name} {port.name} is in MLAG {port.mlag}, and {switch.name} has "
                        f"no MLAG configuration",
                    )
            continue
        peer = wiring.switch(wiring.pairs.get(switch.name, ""))
        if peer is None:
            findings.add(
                "cross-mlag",
                switch.file,
                switch.mlag.at.get("link", switch.mlag.line),
                f"{switch.name} says that it is one of an MLAG pair, and its peer link leads to no "
                f"switch that says the same",
            )
            continue
        pair = frozenset({switch.name, peer.name})
        if pair not in done:
            done.add(pair)
            for message, who, line in _disagreements(switch, peer):
                findings.add("cross-mlag", who.file, line, message)


def _disagreements(one: Switch, other: Switch) -> Iterator[tuple[str, Switch, int]]:
    a, b = one.mlag, other.mlag
    assert a is not None
    assert b is not None
    if a.domain != b.domain:
        yield (
            f"MLAG domain is {b.domain} on {other.name} and {a.domain} on {one.name}",
            other,
            b.at.get("domain", b.line),
        )
    for here, mine, there in ((one, a, other), (other, b, one)):
        theirs = b if here is one else a
        interface = there.ports.get(theirs.interface)
        address = interface.address.address if interface and interface.address else None
        if mine.peer is None or mine.peer != address:
            said = dotted(mine.peer) if mine.peer is not None else "nobody"
            has = dotted(address) if address is not None else "no address"
            yield (
                f"{here.name} looks for its MLAG peer at {said}; {there.name} has {has}",
                here,
                mine.at.get("peer", mine.line),
            )
    if one.virtual_mac != other.virtual_mac:
        yield (
            f"the virtual MAC address is {other.virtual_mac or 'not set'} on {other.name} and "
            f"{one.virtual_mac or 'not set'} on {one.name}",
            other,
            other.virtual_mac_line,
        )
    numbers = {
        switch.name: {p.mlag: p for p in switch.ports.values() if p.mlag is not None}
        for switch in (one, other)
    }
    for here, there in ((one, other), (other, one)):
        for number, port in numbers[here.name].items():
            twin = numbers[there.name].get(number)
            if twin is None:
                yield (
                    f"MLAG {number} is on {here.name} {port.name} and not on {there.name}",
                    here,
                    port.where("mlag"),
                )
            elif here is one:
                for field in ("mode", "native", "allowed", "access", "trunk_group"):
                    if getattr(port, field) != getattr(twin, field):
                        yield (
                            f"MLAG {number} differs on {one.name} and {other.name} "
                            f"({field} of VLANs)",
                            other,
                            twin.where(field),
                        )
    for name in sorted(one.ports.keys() | other.ports.keys()):
        if not name.startswith("Vlan"):
            continue
        here_port, there_port = one.ports.get(name), other.ports.get(name)
        virtual = [p.virtual if p else None for p in (here_port, there_port)]
        if virtual[0] != virtual[1]:
            who, found = (other, there_port) if there_port else (one, here_port)
            values = [dotted(v) if v is not None else "none" for v in virtual]
            yield (
                f"the virtual address of {name} is {values[1]} on {other.name} and "
                f"{values[0]} on {one.name}",
                who,
                found.where("virtual") if found else 0,
            )
        elif (
            here_port
            and there_port
            and virtual[0] is not None
            and here_port.acl_in != there_port.acl_in
        ):
            yield (
                f"the access list of {name} is {there_port.acl_in or 'none'} on {other.name} "
                f"and {here_port.acl_in or 'none'} on {one.name}",
                other,
                there_port.where("acl_in"),
            )
    for name in sorted(one.acls.keys() & other.acls.keys()):
        mine_, theirs_ = one.acls[name], other.acls[name]
        if [e.text for e in mine_.entries] != [e.text for e in theirs_.entries]:
            pairs = zip(mine_.entries, theirs_.entries, strict=False)
            line = next((y.line for x, y in pairs if x.text != y.text), theirs_.line)
            yield f"access list {name} differs on {one.name} and {other.name}", other, line


# --- spanning tree -----------------------------------------------------------------------------


def _spanning_tree(site: Site, wiring: Wiring, findings: Findings) -> None:
    between = [
        link
        for link in wiring.links
        if wiring.switch(link.left.device) and wiring.switch(link.right.device)
    ]
    for link in between:
        for bundle, other in ((link.left, link.right), (link.right, link.left)):
            _edge(wiring, bundle, other, findings)
    for path in _loops(wiring, between):
        _loop(wiring, path, findings)
    for switch in site.switches:
        if switch.stp_mode == "none":
            findings.add(
                "cross-stp",
                switch.file,
                switch.stp_line,
                f"{switch.name} runs no spanning tree: a patch cable put in wrongly stops the site",
            )
        for vlan, line in switch.stp_off.items():
            if not (switch.mlag and switch.mlag.interface == f"Vlan{vlan}"):
                findings.add(
                    "cross-stp",
                    switch.file,
                    line,
                    f"{switch.name} runs no spanning tree in VLAN {vlan}",
                )
    running = [s for s in site.switches if s.stp_mode != "none"]
    kinds = {_kind(s.stp_mode) for s in running}
    if len(kinds) > 1:
        usual = max(sorted(kinds), key=lambda k: sum(_kind(s.stp_mode) == k for s in running))
        for switch in running:
            if _kind(switch.stp_mode) != usual:
                findings.add(
                    "cross-stp-mixed",
                    switch.file,
                    switch.stp_line,
                    f"{switch.name} runs {switch.stp_mode}, the other switches run {usual}",
                )
    if len(running) > 1:
        _root(running, wiring, findings)


def _kind(mode: str) -> str:
    return {"mst": "mstp", "mstp": "mstp"}.get(mode, mode)


def _root(running: list[Switch], wiring: Wiring, findings: Findings) -> None:
    lowest = min(s.stp_priority for s in running)
    roots = [s for s in running if s.stp_priority == lowest]
    names = {s.name for s in roots}
    pair = len(roots) == 2 and wiring.pairs.get(roots[0].name) == roots[1].name
    cores = {s.name for s in running if s.routing}
    if len(roots) > 1 and not pair:
        for switch in roots[1:]:
            findings.add(
                "cross-stp",
                switch.file,
                switch.stp_priority_line or switch.stp_line,
                f"{switch.name} and {roots[0].name} have the same lowest priority {lowest}: "
                f"chance decides which one is the root",
            )
    elif cores and not names <= cores:
        for switch in roots:
            findings.add(
                "cross-stp",
                switch.file,
                switch.stp_priority_line or switch.stp_line,
                f"{switch.name} has the lowest priority {lowest} and would be the root instead of "
                f"the core",
            )


def _edge(wiring: Wiring, bundle: Bundle, other: Bundle, findings: Findings) -> None:
    port = wiring.port(bundle)
    if port is None:
        return
    file = wiring.devices[bundle.device].file
    if port.edge:
        findings.add(
            "cross-stp",
            file,
            port.where("edge"),
            f"{_name(bundle)} is an edge port and leads to {_name(other)}",
        )
    if port.bpdu_filter:
        findings.add(
            "cross-stp",
            file,
            port.where("bpdu_filter"),
            f"{_name(bundle)} leads to {_name(other)} and drops what spanning tree says",
        )


def _loops(wiring: Wiring, links: list[Link]) -> Iterator[list[Link]]:
    """A path of links for each link that closes a loop; an MLAG pair counts as one switch."""

    def node(name: str) -> str:
        return min(name, wiring.pairs.get(name, name))

    edges: dict[tuple[str, ...], Link] = {}
    for link in links:
        ends = [node(link.left.device), node(link.right.device)]
        if ends[0] == ends[1]:
            continue
        labels = []
        for bundle in (link.left, link.right):
            port = wiring.port(bundle)
            mlag = port.mlag if port and bundle.device in wiring.pairs else None
            labels.append(
                f"{node(bundle.device)} mlag {mlag}"
                if mlag is not None
                else f"{bundle.device} {bundle.name}"
            )
        edges.setdefault(tuple(sorted(labels)), link)
    tree: dict[str, list[tuple[str, Link]]] = defaultdict(list)
    for link in edges.values():
        one, other = node(link.left.device), node(link.right.device)
        path = _path(tree, one, other)
        if path is None:
            tree[one].append((other, link))
            tree[other].append((one, link))
        else:
            yield [*path, link]


def _path(tree: dict[str, list[tuple[str, Link]]], one: str, other: str) -> list[Link] | None:
    stack: list[tuple[str, list[Link]]] = [(one, [])]
    seen = {one}
    while stack:
        here, path = stack.pop()
        if here == other:
            return path
        for there, link in tree[here]:
            if there not in seen:
                seen.add(there)
                stack.append((there, [*path, link]))
    return None


def _loop(wiring: Wiring, path: list[Link], findings: Findings) -> None:
    around = frozenset.intersection(
        *(carried(wiring, bundle) for link in path for bundle in (link.left, link.right))
    )
    switches = {bundle.device for link in path for bundle in (link.left, link.right)}
    names = ", ".join(sorted(switches))
    for name in sorted(switches):
        switch = wiring.switch(name)
        if switch is None or not around:
            continue
        off = around if switch.stp_mode == "none" else around & switch.stp_off.keys()
        if off:
            line = switch.stp_line or next(iter(switch.stp_off.values()), 0)
            findings.add(
                "cross-loop",
                switch.file,
                line,
                f"{names} form a loop in VLAN {listed(off)}, and {name} runs no spanning tree "
                f"there",
            )


# --- queriers ----------------------------------------------------------------------------------


def _queriers(site: Site, networks: Networks, findings: Findings) -> None:
    asking: dict[int, list[tuple[Switch, int]]] = defaultdict(list)
    for switch in site.switches:
        for querier in switch.queriers.values():
            if not querier.asks:
                continue
            asking[querier.vlan].append((switch, querier.line))
            network = networks.by_vlan.get(querier.vlan)
            address = querier.address
            if address is not None and network is not None and not network.prefix.holds(address):
                findings.add(
                    "cross-querier",
                    switch.file,
                    querier.address_line,
                    f"{switch.name} asks in VLAN {querier.vlan} as {dotted(address)}, which is "
                    f"outside {network.prefix_words}",
                )
    for vlan, who in asking.items():
        if len(who) > 1:
            names = " and ".join(switch.name for switch, _ in who)
            for switch, line in who[1:]:
                findings.add("cross-querier", switch.file, line, f"{names} both ask in VLAN {vlan}")
    for vlan, (switch, line) in _media(site, networks).items():
        if vlan not in asking:
            findings.add(
                "cross-querier",
                switch.file,
                line,
                f"VLAN {vlan} carries multicast media, and no switch asks in it: streams reach "
                f"every port, or stop",
            )
        for other in site.switches:
            off = other.snooping_off.get(vlan, other.snooping_off.get(0))
            if off is not None and vlan in other.vlans:
                findings.add(
                    "cross-querier",
                    other.file,
                    off,
                    f"{other.name} does not snoop IGMP in VLAN {vlan}",
                )


def _media(site: Site, networks: Networks) -> dict[int, tuple[Switch, int]]:
    """Media VLANs, each with the switch that ought to ask: a core, else the first that has it.

    Whether content rides on multicast is its archetype's choice, and large packets do not tell:
    a VLAN of content counts where the text of any switch says something of its querier.
    """
    said = {vlan for switch in site.switches for vlan in switch.queriers}
    found: dict[int, tuple[Switch, int]] = {}
    for switch in sorted(site.switches, key=lambda s: (not s.routing, s.name)):
        for number, vlan in switch.vlans.items():
            zone = networks.zone_of_vlan(number, vlan.name)
            if zone in ISOLATED_MEDIA or (zone in CONTENT and number in said):
                found.setdefault(number, (switch, vlan.line))
    return found


def switched_mtu(switch: Switch) -> int:
    """The largest packet that the switched ports of a switch carry."""
    return EOS_SWITCHED_MTU if switch.syntax == "eos" else switch.system_mtu
