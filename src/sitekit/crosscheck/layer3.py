"""Checks of what is routed: addresses, gateways, routes, DHCP, MTU, and the address plan."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from .checks import Findings
from .facts import Firewall, Scope, Site, Subnet, Switch, dotted, number
from .layer2 import switched_mtu
from .networks import ZONE, Network, Networks
from .standard import PRIVATE
from .wiring import Wiring, bundle_of, carried


def check(site: Site, wiring: Wiring, networks: Networks, findings: Findings) -> None:
    """Everything about addresses and routes."""
    _twice(site, networks, findings)
    _prefixes(networks, findings)
    _plan(site, networks, findings)
    _gateways(site, networks, findings)
    _routes(site, networks, findings)
    _dhcp(site, networks, findings)
    _dhcp_trust(site, wiring, findings)
    _mtu(site, wiring, networks, findings)


# --- addresses ---------------------------------------------------------------------------------


class _Holder(NamedTuple):
    """Somebody who has an address: an interface, a machine, or whom a scope keeps it for."""

    kind: str
    words: str
    file: str
    line: int


def _twice(site: Site, networks: Networks, findings: Findings) -> None:
    holders: dict[int, list[_Holder]] = defaultdict(list)
    devices = {s.name for s in site.switches} | {f.name for f in site.firewalls}
    for i in networks.interfaces:
        holders[i.subnet.address].append(
            _Holder("interface", f"{i.device} {i.name}", i.file, i.line)
        )
        if i.virtual is not None and i.virtual != i.subnet.address:
            shared = f"the virtual address of {i.name}"
            holders[i.virtual].append(_Holder("interface", shared, i.file, i.line))
    for host in site.documents.hosts:
        if host.address is not None and host.name not in devices:
            holders[host.address].append(
                _Holder("machine", host.name, site.documents.plan_file, host.line)
            )
    for firewall in networks.firewalls:
        for scope in firewall.scopes:
            _reservations(firewall, scope, holders, findings)
    for address, who in holders.items():
        first = who[0]
        for other in who[1:]:
            # a reservation is for the machine that the plan names
            if other.words != first.words and {first.kind, other.kind} != {"machine", "scope"}:
                findings.add(
                    "cross-address-twice",
                    other.file,
                    other.line,
                    f"{dotted(address)} is {other.words} and {first.words} "
                    f"({first.file}:{first.line})",
                )


def _reservations(
    firewall: Firewall,
    scope: Scope,
    holders: dict[int, list[_Holder]],
    findings: Findings,
) -> None:
    macs: dict[str, int] = {}
    for address, mac, line in scope.reserved:
        holders[address].append(_Holder("scope", f"reserved for {mac}", firewall.file, line))
        before = macs.setdefault(mac, address)
        if before != address:
            findings.add(
                "cross-dhcp-range",
                firewall.file,
                line,
                f"{mac} has two reservations in scope {scope.name}: {dotted(before)} and "
                f"{dotted(address)}",
            )


def _prefixes(networks: Networks, findings: Findings) -> None:
    found = list(networks.by_vlan.values())
    for network in found:
        for i in network.interfaces:
            if (i.subnet.first, i.subnet.length) != (network.prefix.first, network.prefix.length):
                other = network.interfaces[0]
                findings.add(
                    "cross-prefix",
                    i.file,
                    i.line,
                    f"{i.device} {i.name} has {i.subnet} in VLAN {i.vlan}, {other.device} "
                    f"{other.name} has {other.subnet} there",
                )
    spans = sorted((i.subnet.first, i.subnet.last, i.vlan or 0, i) for i in networks.interfaces)
    for index, (_, last, vlan, i) in enumerate(spans):
        for first, _, other_vlan, other in spans[index + 1 :]:
            if first > last:
                break
            same_place = (i.device, i.name) == (other.device, other.name)
            if other_vlan != vlan or (not vlan and not same_place):
                findings.add(
                    "cross-prefix",
                    other.file,
                    other.line,
                    f"{other.subnet} of {other.device} {other.name} overlaps {i.subnet} of "
                    f"{i.device} {i.name}",
                )


# --- the address plan --------------------------------------------------------------------------


def _plan(site: Site, networks: Networks, findings: Findings) -> None:
    documents = site.documents
    for network in networks.by_vlan.values():
        plan = network.plan
        if plan is None or not network.interfaces:
            if plan is None and documents.networks:
                i = network.interfaces[0]
                findings.add(
                    "cross-plan",
                    i.file,
                    i.line,
                    f"VLAN {network.vlan} ({i.device} {i.name}) is not in the address plan",
                )
            continue
        i = network.interfaces[0]
        if (plan.prefix.first, plan.prefix.length) != (i.subnet.first, i.subnet.length):
            findings.add(
                "cross-plan",
                i.file,
                i.line,
                f"{i.device} {i.name} has {i.subnet}, the address plan has {plan.prefix} for "
                f"{plan.name} ({documents.plan_file}:{plan.line})",
            )
    for firewall in networks.firewalls:
        for leg in firewall.legs.values():
            zone = firewall.zone_of(leg.name)
            network_ = networks.by_vlan.get(leg.vlan) if leg.vlan is not None else None
            plan = network_.plan if network_ else None
            if plan is None or not zone.startswith(ZONE) or zone == ZONE + plan.zone:
                continue
            findings.add(
                "cross-plan",
                firewall.file,
                firewall.root.table("system zone").entries[zone].where("interface"),
                f"{leg.name} is in zone {zone}, the address plan has {plan.name} in {plan.zone} "
                f"({documents.plan_file}:{plan.line})",
            )
    own: dict[str, list[int]] = defaultdict(list)
    for i in networks.interfaces:
        own[i.device].append(i.subnet.address)
    files = {s.name: s.file for s in site.switches} | {f.name: f.file for f in networks.firewalls}
    for host in documents.hosts:
        file = files.get(host.name)
        if file is None or host.address is None or host.address in own[host.name]:
            continue
        findings.add(
            "cross-plan",
            file,
            0,
            f"the address plan has {host.name} at {dotted(host.address)} "
            f"({documents.plan_file}:{host.line}), none of its interfaces has that",
        )


# --- gateways and routes -----------------------------------------------------------------------


def _gateways(site: Site, networks: Networks, findings: Findings) -> None:
    present = {i.subnet.address for i in networks.interfaces}
    present |= {i.virtual for i in networks.interfaces if i.virtual is not None}
    for plan in site.documents.networks:
        if plan.gateway is None:
            continue
        if not plan.prefix.holds(plan.gateway):
            findings.add(
                "cross-gateway-outside",
                site.documents.plan_file,
                plan.line,
                f"gateway {dotted(plan.gateway)} of {plan.name} is outside {plan.prefix}",
            )
        if plan.gateway not in present:
            file, line = _where_gateway(site, networks, plan.vlan)
            findings.add(
                "cross-gateway-absent",
                file,
                line,
                f"no device has {dotted(plan.gateway)}, the gateway of {plan.name} "
                f"({site.documents.plan_file}:{plan.line})",
            )
    for i in networks.interfaces:
        if i.virtual is not None and not i.subnet.holds(i.virtual):
            findings.add(
                "cross-gateway-outside",
                i.file,
                i.line,
                f"virtual address {dotted(i.virtual)} of {i.device} {i.name} is outside {i.subnet}",
            )
    for firewall in networks.firewalls:
        for scope in firewall.scopes:
            if scope.gateway is None:
                continue
            line = scope.at.get("default-gateway", scope.line)
            if scope.gateway not in present:
                findings.add(
                    "cross-gateway-absent",
                    firewall.file,
                    line,
                    f"scope {scope.name} hands out {dotted(scope.gateway)} as gateway, which no "
                    f"device has",
                )
            for first, _, _ in scope.ranges[:1]:
                if not Subnet(first, scope.length).holds(scope.gateway):
                    findings.add(
                        "cross-gateway-outside",
                        firewall.file,
                        line,
                        f"scope {scope.name} hands out gateway {dotted(scope.gateway)}, which is "
                        f"outside {dotted(Subnet(first, scope.length).first)}/{scope.length}",
                    )


def _where_gateway(site: Site, networks: Networks, vlan: int) -> tuple[str, int]:
    """Where the gateway of a VLAN ought to be."""
    network = networks.by_vlan.get(vlan)
    if network is not None and network.interfaces:
        return network.interfaces[0].file, network.interfaces[0].line
    for firewall in networks.firewalls:
        for leg in firewall.legs.values():
            if leg.vlan == vlan:
                return firewall.file, leg.line
    firewall_ = networks.firewall
    return (firewall_.file, 0) if firewall_ else (site.documents.plan_file, 0)


def _routes(site: Site, networks: Networks, findings: Findings) -> None:
    somebody = {i.subnet.address for i in networks.interfaces}
    somebody |= {i.virtual for i in networks.interfaces if i.virtual is not None}
    for switch in site.switches:
        own = [i.subnet for i in networks.interfaces if i.device == switch.name]
        hops = [(route.next_hop, route.line) for route in switch.routes]
        if switch.gateway is not None:
            hops.append((switch.gateway, switch.gateway_line))
        elif not switch.routing and switch.gateway_line:
            hops.append((None, switch.gateway_line))
        for hop, line in hops:
            _hop(switch, own, hop, line, somebody, findings)
        if own and not any(h for h, _ in hops if h is not None):
            findings.add(
                "cross-next-hop",
                switch.file,
                0,
                f"{switch.name} has an address and no route beyond its own network",
            )
    for firewall in networks.firewalls:
        own = [leg.address for leg in firewall.legs.values() if leg.address is not None]
        for route in firewall.routes:
            if route.next_hop is not None:
                _hop(firewall, own, route.next_hop, route.line, somebody, findings)
        _uplinks(firewall, findings)
        _far_networks(firewall, networks, findings)


def _hop(
    device: Switch | Firewall,
    own: list[Subnet],
    hop: int | None,
    line: int,
    somebody: set[int],
    findings: Findings,
) -> None:
    if hop is None:
        return
    if not any(subnet.holds(hop) for subnet in own):
        findings.add(
            "cross-next-hop",
            device.file,
            line,
            f"{device.name} routes to {dotted(hop)}, which is in none of its networks",
        )
    elif hop not in somebody:
        findings.add(
            "cross-next-hop",
            device.file,
            line,
            f"{device.name} routes to {dotted(hop)}, which no device of the site has",
        )


def _uplinks(firewall: Firewall, findings: Findings) -> None:
    for node in firewall.root.table("system sdwan").table("members").entries.values():
        leg = firewall.legs.get(node.word("interface"))
        gateway = node.word("gateway")
        if leg is None or leg.address is None or not gateway:
            continue
        value = number(gateway)
        if value is None or not leg.address.holds(value):
            findings.add(
                "cross-gateway-outside",
                firewall.file,
                node.where("gateway"),
                f"gateway {gateway} of uplink {leg.name} is outside {leg.address}",
            )


def _far_networks(firewall: Firewall, networks: Networks, findings: Findings) -> None:
    """A network behind a core needs a route, to the core, on the firewall."""
    for network in networks.core_networks():
        if network.plan is not None and network.plan.gateway is None:
            continue  # nothing is routed there
        matching = [
            r
            for r in firewall.routes
            if not r.blackhole
            and r.prefix.length > 0
            and r.prefix.holds(network.prefix.first)
            and r.prefix.holds(network.prefix.last)
        ]
        if not matching:
            i = network.interfaces[0]
            findings.add(
                "cross-route-missing",
                firewall.file,
                firewall.root.table("router static").line,
                f"{firewall.name} has no route to {network.name} {network.prefix_words}, which is "
                f"behind {i.device}",
            )
            continue
        holders = {i.subnet.address for i in networks.interfaces if i.device in _devices(network)}
        holders |= {
            i.virtual
            for i in networks.interfaces
            if i.device in _devices(network) and i.virtual is not None
        }
        best = max(matching, key=lambda r: r.prefix.length)
        if best.next_hop is not None and best.next_hop not in holders:
            findings.add(
                "cross-next-hop",
                firewall.file,
                best.line,
                f"{firewall.name} routes {network.name} to {dotted(best.next_hop)}, which is not "
                f"the device that has {network.name}",
            )


def _devices(network: Network) -> set[str]:
    return {i.device for i in network.interfaces}


# --- DHCP --------------------------------------------------------------------------------------


def _dhcp(site: Site, networks: Networks, findings: Findings) -> None:
    for firewall in networks.firewalls:
        for scope in firewall.scopes:
            _scope(firewall, scope, site, networks, findings)
        _collisions(firewall, site, networks, findings)
        _options(firewall, networks, findings)
    _relays(site, networks, findings)
    _planned(site, networks, findings)


def _options(firewall: Firewall, networks: Networks, findings: Findings) -> None:
    """Servers that clients are told of: inside the site somebody, outside the firewall's own."""
    present = {i.subnet.address for i in networks.interfaces}
    present |= {i.virtual for i in networks.interfaces if i.virtual is not None}
    dns = firewall.root.table("system dns")
    own = {number(dns.word("primary")), number(dns.word("secondary"))}
    for name, node in firewall.root.table("system dhcp server").entries.items():
        for key in ("dns-server1", "dns-server2", "ntp-server1", "ntp-server2", "wifi-ac1"):
            address = number(node.word(key))
            if address is None or address in present:
                continue
            inside = networks.at(address)
            if inside is not None:
                wrong = f"which is in {inside.name} and no device's"
            elif key.startswith("dns") and address not in own and _is_private(address):
                wrong = "which is no server of the firewall's own"
            else:
                continue
            findings.add(
                "cross-dhcp-option",
                firewall.file,
                node.where(key),
                f"scope {name} hands out {key} {dotted(address)}, {wrong}",
            )


def _is_private(address: int) -> bool:
    return any(first <= address <= last for first, last in PRIVATE)


def _scope(
    firewall: Firewall, scope: Scope, site: Site, networks: Networks, findings: Findings
) -> None:
    leg = firewall.legs.get(scope.interface)
    if leg is None or leg.address is None:
        return  # said by cross-reference
    if scope.relay is None:
        subnet = leg.address
        if subnet.length != scope.length:
            findings.add(
                "cross-dhcp-range",
                firewall.file,
                scope.at.get("netmask", scope.line),
                f"scope {scope.name} hands out /{scope.length}, {leg.name} has /{subnet.length}",
            )
    else:
        found = next(
            (i for i in networks.interfaces if i.core and i.subnet.address == scope.relay), None
        )
        if found is None:
            findings.add(
                "cross-dhcp-relay",
                firewall.file,
                scope.at.get("relay-agent", scope.line),
                f"scope {scope.name} waits for the relay {dotted(scope.relay)}, which no switch is",
            )
            return
        subnet = found.subnet
        switch = next(s for s in site.switches if s.name == found.device)
        if leg.address.address not in switch.ports[found.name].helpers:
            findings.add(
                "cross-dhcp-relay",
                switch.file,
                switch.ports[found.name].where("helpers"),
                f"{found.device} {found.name} does not relay DHCP to "
                f"{dotted(leg.address.address)}, where scope {scope.name} of {firewall.name} waits",
            )
    for first, last, line in scope.ranges:
        if first > last or not (subnet.holds(first) and subnet.holds(last)):
            findings.add(
                "cross-dhcp-range",
                firewall.file,
                line,
                f"range {dotted(first)} - {dotted(last)} of scope {scope.name} is outside "
                f"{dotted(subnet.first)}/{subnet.length}",
            )
    for address, mac, line in scope.reserved:
        if not subnet.holds(address):
            findings.add(
                "cross-dhcp-range",
                firewall.file,
                line,
                f"reservation {dotted(address)} for {mac} is outside "
                f"{dotted(subnet.first)}/{subnet.length}",
            )


def _collisions(firewall: Firewall, site: Site, networks: Networks, findings: Findings) -> None:
    ranges = sorted(
        (first, last, line, scope.name)
        for scope in firewall.scopes
        for first, last, line in scope.ranges
    )
    for one, other in pairwise(ranges):
        if other[0] <= one[1]:
            findings.add(
                "cross-dhcp-range",
                firewall.file,
                other[2],
                f"ranges of scopes {one[3]} and {other[3]} overlap",
            )
    fixed = {i.subnet.address: f"{i.device} {i.name}" for i in networks.interfaces}
    fixed |= {
        i.virtual: f"the gateway of {i.name}" for i in networks.interfaces if i.virtual is not None
    }
    for host in site.documents.hosts:
        if host.address is not None:
            fixed.setdefault(host.address, host.name)
    reserved = {address for scope in firewall.scopes for address, _, _ in scope.reserved}
    for first, last, line, name in ranges:
        for address, who in fixed.items():
            if first <= address <= last and address not in reserved:
                findings.add(
                    "cross-dhcp-range",
                    firewall.file,
                    line,
                    f"scope {name} hands out {dotted(address)}, which is {who}",
                )


def _relays(site: Site, networks: Networks, findings: Findings) -> None:
    waiting = {
        (scope.relay, leg.address.address)
        for firewall in networks.firewalls
        for scope in firewall.scopes
        if scope.relay is not None
        and (leg := firewall.legs.get(scope.interface)) is not None
        and leg.address is not None
    }
    for switch in site.switches:
        for port in switch.ports.values():
            for helper in port.helpers:
                if port.address is None or (port.address.address, helper) in waiting:
                    continue
                findings.add(
                    "cross-dhcp-relay",
                    switch.file,
                    port.where("helpers"),
                    f"{switch.name} {port.name} relays DHCP to {dotted(helper)}, where no scope "
                    f"waits for {dotted(port.address.address)}",
                )


def _planned(site: Site, networks: Networks, findings: Findings) -> None:
    spans = [
        (first, last)
        for firewall in networks.firewalls
        for scope in firewall.scopes
        for first, last, _ in scope.ranges
    ]
    firewall = networks.firewall
    if firewall is None:
        return
    for plan in site.documents.networks:
        for first, last in plan.dhcp:
            covered = sum(max(0, min(last, high) - max(first, low) + 1) for low, high in spans)
            if not covered:
                findings.add(
                    "cross-dhcp-missing",
                    firewall.file,
                    firewall.root.table("system dhcp server").line,
                    f"no scope hands out {dotted(first)} - {dotted(last)} in {plan.name}, which "
                    f"the address plan promises ({site.documents.plan_file}:{plan.line})",
                )
            elif covered < last - first + 1:
                findings.add(
                    "cross-plan",
                    firewall.file,
                    firewall.root.table("system dhcp server").line,
                    f"the scopes of {plan.name} hand out {covered} of the "
                    f"{last - first + 1} addresses that the address plan promises "
                    f"({site.documents.plan_file}:{plan.line})",
                )


def _dhcp_trust(site: Site, wiring: Wiring, findings: Findings) -> None:
    """Answers come from the firewall: the port that leads nearest to it has to let them in."""
    near = {firewall.name: 0 for firewall in site.firewalls}
    wave = list(near)
    while wave:
        following: list[str] = []
        for link in wiring.links:
            for here, there in (
                (link.left.device, link.right.device),
                (link.right.device, link.left.device),
            ):
                if here in wave and there not in near:
                    near[there] = near[here] + 1
                    following.append(there)
        wave = following
    for cable in wiring.cables:
        for one, other in ((cable.left, cable.right), (cable.right, cable.left)):
            switch = wiring.switch(one.device)
            if switch is None or near.get(other.device, 99) >= near.get(one.device, 99):
                continue
            bundle = bundle_of(switch, one.port)
            port = switch.ports.get(bundle.name)
            if port is None:
                continue
            if switch.syntax == "ios":
                blocked = switch.snooping and not port.dhcp_trust
            else:
                blocked = switch.locks and bundle.name not in switch.dhcp_ports
            if blocked:
                findings.add(
                    "cross-dhcp-trust",
                    switch.file,
                    port.line,
                    f"{switch.name} {port.name} leads to {other.device} and drops the answers of "
                    f"DHCP servers",
                )


# --- MTU ---------------------------------------------------------------------------------------


def _mtu(site: Site, wiring: Wiring, networks: Networks, findings: Findings) -> None:
    wanted: dict[int, tuple[int, str]] = {}
    for network in networks.by_vlan.values():
        sizes = {i.mtu for i in network.interfaces}
        if len(sizes) > 1:
            usual = network.plan.mtu if network.plan else max(sizes)
            for i in network.interfaces:
                if i.mtu != usual:
                    findings.add(
                        "cross-mtu",
                        i.file,
                        i.line,
                        f"{i.device} {i.name} sends {i.mtu} bytes in {network.name}, the others "
                        f"{usual}",
                    )
        elif sizes and network.plan and sizes != {network.plan.mtu} and network.plan.gateway:
            i = network.interfaces[0]
            findings.add(
                "cross-mtu",
                i.file,
                i.line,
                f"{i.device} {i.name} sends {i.mtu} bytes in {network.name}, the address plan has "
                f"{network.plan.mtu} ({site.documents.plan_file}:{network.plan.line})",
            )
        if network.vlan is not None:
            sizes.add(network.plan.mtu if network.plan else 1500)
            wanted[network.vlan] = (max(sizes), network.name)
    for switch in site.switches:
        carries = set(switch.vlans)
        for link in wiring.links:
            for bundle in (link.left, link.right):
                if bundle.device == switch.name:
                    carries |= carried(wiring, bundle)
        limit = switched_mtu(switch)
        for vlan in sorted(carries & wanted.keys()):
            size, name = wanted[vlan]
            if size > limit:
                findings.add(
                    "cross-mtu",
                    switch.file,
                    switch.system_mtu_line,
                    f"{switch.name} carries at most {limit} bytes, {name} (VLAN {vlan}) needs "
                    f"{size}",
                )
