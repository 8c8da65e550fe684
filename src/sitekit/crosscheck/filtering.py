"""Checks of the policy: objects, rules, access lists of a core, and the two against each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from . import conversations as talk
from .checks import Findings
from .conversations import Rule, Rules
from .facts import Acl, Entry, Firewall, Site, Switch, dotted
from .fortios import Node
from .networks import Network, Networks, unzoned
from .read_firewall import PREDEFINED
from .spaces import FIRST_NAME, Box, Span, boxes, leave, meeting, service_words

_EVERY = ((0, FIRST_NAME - 1),)


def check(site: Site, networks: Networks, rules: dict[str, Rules], findings: Findings) -> None:
    """Everything about the firewall's policy and the core's access lists."""
    for firewall in networks.firewalls:
        _references(firewall, findings)
        _zones(firewall, findings)
        _rules(firewall, rules[firewall.name], findings)
        _vips(firewall, networks, findings)
    _pairs(site, findings)
    for switch in site.switches:
        _acl_names(switch, findings)
        _acl_lines(switch, findings)
        _acl_missing(switch, networks, findings)
    firewall_ = networks.firewall
    if firewall_ is not None:
        for switch in site.switches:
            if switch.routing:
                _against_policy(site, switch, networks, rules[firewall_.name], findings)


def conversation(box: Box, rules: Rules) -> str:
    """One conversation of a box in words, between machines rather than gateways."""
    source, destination, (service, last) = box
    if (service, last) == PREDEFINED["ALL"][0]:
        words = "any service"
    elif service >> 16 != last >> 16:
        words = "other services"
    else:
        words = service_words(service)
    return f"{dotted(_machine(source))} -> {rules.destination_words(_machine(destination))} {words}"


def _machine(span: Span) -> int:
    """A number of the span that a machine may have: gateways are the first of their prefix."""
    first, last = span
    if first >= FIRST_NAME:
        return first
    return first + 30 if last - first > 30 else first + (last - first) // 2


# --- objects -----------------------------------------------------------------------------------


class _Reference(NamedTuple):
    """A setting that names entries of other tables."""

    path: tuple[str, ...]
    key: str
    kinds: tuple[str, ...]


_REFERENCES = (
    _Reference(("firewall policy",), "srcintf", ("zone", "interface")),
    _Reference(("firewall policy",), "dstintf", ("zone", "interface")),
    _Reference(("firewall policy",), "srcaddr", ("address",)),
    _Reference(("firewall policy",), "dstaddr", ("address", "vip")),
    _Reference(("firewall policy",), "service", ("service",)),
    _Reference(("firewall policy",), "schedule", ("schedule",)),
    _Reference(("firewall policy",), "profile-group", ("profile-group",)),
    _Reference(("firewall policy",), "traffic-shaper", ("shaper",)),
    _Reference(("firewall policy",), "traffic-shaper-reverse", ("shaper",)),
    _Reference(("firewall local-in-policy",), "srcaddr", ("address",)),
    _Reference(("firewall local-in-policy",), "dstaddr", ("address",)),
    _Reference(("firewall local-in-policy",), "service", ("service",)),
    _Reference(("firewall addrgrp",), "member", ("address",)),
    _Reference(("firewall service group",), "member", ("service",)),
    _Reference(("firewall vipgrp",), "member", ("vip",)),
    _Reference(("firewall profile-group",), "av-profile", ("antivirus profile",)),
    _Reference(("firewall profile-group",), "ips-sensor", ("ips sensor",)),
    _Reference(("firewall profile-group",), "webfilter-profile", ("webfilter profile",)),
    _Reference(("firewall profile-group",), "dnsfilter-profile", ("dnsfilter profile",)),
    _Reference(("firewall profile-group",), "application-list", ("application list",)),
    _Reference(("system zone",), "interface", ("interface",)),
    _Reference(("system interface",), "interface", ("interface",)),
    _Reference(("system interface",), "member", ("interface",)),
    _Reference(("system dhcp server",), "interface", ("interface",)),
    _Reference(("system dns-server",), "", ("interface",)),
    _Reference(("router static",), "device", ("interface",)),
    _Reference(("router static",), "sdwan-zone", ("zone",)),
    _Reference(("system sdwan", "members"), "interface", ("interface",)),
    _Reference(("system sdwan", "members"), "zone", ("sdwan zone",)),
    _Reference(("system sdwan", "service"), "src", ("address",)),
    _Reference(("system sdwan", "service"), "dst", ("address",)),
    _Reference(("system sdwan", "service"), "priority-members", ("sdwan member",)),
    _Reference(("system sdwan", "health-check"), "members", ("sdwan member",)),
    _Reference(("vpn ipsec phase1-interface",), "interface", ("interface",)),
    _Reference(("vpn ipsec phase2-interface",), "phase1name", ("phase1",)),
    _Reference(("router bgp", "neighbor"), "update-source", ("interface",)),
    _Reference(("router bgp", "neighbor"), "prefix-list-in", ("prefix-list",)),
    _Reference(("router bgp", "neighbor"), "prefix-list-out", ("prefix-list",)),
    _Reference(("user group",), "member", ("user",)),
)
_SETTINGS = (
    (("system ha",), "monitor", "interface"),
    (("system ntp",), "interface", "interface"),
)
_WORDS = {"vip": "address", "phase1": "tunnel"}
# What FortiOS has from the factory under these kinds.
_FACTORY = {
    "address": {"all", "none"},
    "schedule": {"always", "none"},
    "zone": {"any", "virtual-wan-link"},
    "interface": {"any"},
    "sdwan zone": {"virtual-wan-link"},
    "service": set(PREDEFINED),
}
# Not profile groups: the same ones stand on every firewall on purpose.
_UNUSED = ("address", "service", "vip", "shaper", "prefix-list")


def _known(firewall: Firewall) -> dict[str, dict[str, int]]:
    """Every entry that can be named, by kind, with its line."""
    root = firewall.root

    def lines(*path: str) -> dict[str, int]:
        return {name: node.line for name, node in root.table(*path).entries.items()}

    sdwan_zones = lines("system sdwan", "zone")
    return {
        "address": lines("firewall address") | lines("firewall addrgrp"),
        "service": lines("firewall service custom") | lines("firewall service group"),
        "vip": lines("firewall vip") | lines("firewall vipgrp"),
        "zone": lines("system zone") | sdwan_zones,
        "sdwan zone": sdwan_zones,
        "sdwan member": lines("system sdwan", "members"),
        "interface": {name: leg.line for name, leg in firewall.legs.items()},
        "schedule": lines("firewall schedule recurring") | lines("firewall schedule onetime"),
        "profile-group": lines("firewall profile-group"),
        "shaper": lines("firewall shaper traffic-shaper"),
        "phase1": lines("vpn ipsec phase1-interface"),
        "prefix-list": lines("router prefix-list"),
        "user": lines("user radius") | lines("user saml") | lines("user local"),
        **{
            kind: lines(kind)
            for kind in (
                "antivirus profile",
                "ips sensor",
                "webfilter profile",
                "dnsfilter profile",
                "application list",
            )
        },
    }


def _named(firewall: Firewall) -> Iterator[tuple[tuple[str, ...], str, int, str]]:
    """Everything that is named: kinds it may be of, its name, the line, who names it."""
    for reference in _REFERENCES:
        table = firewall.root.table(*reference.path)
        for name, node in table.entries.items():
            who = f"{' '.join(reference.path)} {name}"
            if not reference.key:
                yield reference.kinds, name, node.line, who
                continue
            found = node.values.get(reference.key)
            if found is not None:
                for word in found[1]:
                    yield reference.kinds, word, found[0], who
    for path, key, kind in _SETTINGS:
        found = firewall.root.table(*path).values.get(key)
        for word in found[1] if found else ():
            yield (kind,), word, found[0] if found else 0, " ".join(path)


def _references(firewall: Firewall, findings: Findings) -> None:
    known = _known(firewall)
    used: dict[str, set[str]] = {kind: set() for kind in known}
    for kinds, name, line, who in _named(firewall):
        for kind in kinds:
            used[kind].add(name)
        if not any(name in known[kind] or name in _FACTORY.get(kind, ()) for kind in kinds):
            kind = _WORDS.get(kinds[0], kinds[0])
            findings.add(
                "cross-reference",
                firewall.file,
                line,
                f"{who} names {kind} '{name}', which is not defined",
            )
    for kind in _UNUSED:
        for name, line in known[kind].items():
            if name not in used[kind]:
                findings.add(
                    "cross-unused",
                    firewall.file,
                    line,
                    f"nothing uses {'published address' if kind == 'vip' else kind} '{name}'",
                )


def _zones(firewall: Firewall, findings: Findings) -> None:
    holders: dict[str, str] = {}
    tables = firewall.root.table("system zone").entries
    for zone, legs in firewall.zones.items():
        node = tables.get(zone)
        for leg in legs:
            other = holders.setdefault(leg, zone)
            if other != zone:
                findings.add(
                    "cross-zone",
                    firewall.file,
                    node.where("interface") if node else 0,
                    f"interface '{leg}' is in {other} and in {zone}",
                )
        if node is not None and node.word("intrazone", "deny") == "allow":
            findings.add(
                "cross-zone",
                firewall.file,
                node.where("intrazone"),
                f"zone {zone} lets everything through between its interfaces",
            )
    for leg_ in unzoned(firewall):
        findings.add(
            "cross-zone",
            firewall.file,
            leg_.line,
            f"interface '{leg_.name}' is in no zone: no rule is about it",
        )


# --- rules -------------------------------------------------------------------------------------


def _rules(firewall: Firewall, rules: Rules, findings: Findings) -> None:
    for index, rule in enumerate(rules.rules):
        policy = rule.policy
        named = f"rule {policy.number} ({policy.name})"
        if not rule.boxes:
            findings.add(
                "cross-rule-empty",
                firewall.file,
                policy.line,
                f"{named} matches nothing: its addresses or services are empty",
            )
            continue
        if policy.accept:
            _any(firewall, rule, named, findings)
        _shadowed(firewall, rules, index, named, findings)
    last = firewall.policies[-1] if firewall.policies else None
    table = firewall.root.table("firewall policy")
    if last is None or not _denies_all(last.sources, last.destinations, last.accept, rules):
        findings.add(
            "cross-rule-last",
            firewall.file,
            last.line if last else table.line,
            "the last rule does not refuse everything from any to any",
        )
    elif table.entries[last.number].word("logtraffic") != "all":
        findings.add(
            "cross-rule-last",
            firewall.file,
            last.line,
            f"rule {last.number} ({last.name}) refuses without a log",
        )


def _denies_all(
    sources: tuple[str, ...], destinations: tuple[str, ...], accept: bool, rules: Rules
) -> bool:
    if accept or talk.ANY not in sources or talk.ANY not in destinations or not rules.rules:
        return False
    whole = boxes(_EVERY, _EVERY, PREDEFINED["ALL"])
    return not leave(whole, rules.rules[-1].boxes)


def _any(firewall: Firewall, rule: Rule, named: str, findings: Findings) -> None:
    policy = rule.policy
    for words, key, which in (
        (policy.sources, "srcintf", "from any zone"),
        (policy.destinations, "dstintf", "to any zone"),
    ):
        if talk.ANY in words:
            findings.add(
                "cross-rule-any",
                firewall.file,
                policy.at.get(key, policy.line),
                f"{named} permits {which}",
            )
    if "ALL" in policy.services:
        findings.add(
            "cross-rule-any",
            firewall.file,
            policy.at.get("service", policy.line),
            f"{named} permits every service",
        )
    if "all" in policy.from_addresses and "all" in policy.to_addresses:
        findings.add(
            "cross-rule-any",
            firewall.file,
            policy.at.get("dstaddr", policy.line),
            f"{named} permits everybody to everybody",
        )


def _shadowed(firewall: Firewall, rules: Rules, index: int, named: str, findings: Findings) -> None:
    rule = rules.rules[index]
    if not rule.policy.accept and talk.ANY in rule.sources:
        return  # refusals stand at both ends on purpose
    left = list(rule.boxes)
    last: Rule | None = None
    for earlier in rules.rules[:index]:
        if not (
            talk.covers(earlier.sources, rule.sources)
            and talk.covers(earlier.destinations, rule.destinations)
        ):
            continue
        if rule.published and not earlier.published and not earlier.policy.match_vip:
            continue
        if meeting(left, earlier.boxes):
            left = leave(left, earlier.boxes)
            last = earlier
            if not left:
                break
    if not left and last is not None:
        findings.add(
            "cross-rule-shadowed",
            firewall.file,
            rule.policy.line,
            f"{named} never decides: rule {last.policy.number} ({last.policy.name}, line "
            f"{last.policy.line}) and those before it cover it",
        )


def _vips(firewall: Firewall, networks: Networks, findings: Findings) -> None:
    uplinks = {
        leg.address.address: leg.name
        for leg in firewall.legs.values()
        if leg.address is not None and leg.vlan is None and leg.kind != "loopback"
    }
    for name, vip in firewall.vips.items():
        node = firewall.root.table("firewall vip").entries[name]
        if vip.external is not None and vip.external not in uplinks:
            findings.add(
                "cross-vip",
                firewall.file,
                node.where("extip"),
                f"published address '{name}' answers at {dotted(vip.external)}, which no uplink "
                f"has",
            )
        network = networks.at(vip.mapped) if vip.mapped is not None else None
        if network is None:
            findings.add(
                "cross-vip",
                firewall.file,
                node.where("mappedip"),
                f"published address '{name}' leads to {node.word('mappedip') or 'nothing'}, which "
                f"is in no network of the site",
            )


# --- a pair of firewalls -----------------------------------------------------------------------

_OWN = {
    ("system global", "hostname"),
    ("system global", "alias"),
    ("system ha", "priority"),
}


def _pairs(site: Site, findings: Findings) -> None:
    pairs = sorted(
        (f for f in site.firewalls if f.root.table("system ha").values), key=lambda f: f.name
    )
    for one, other in pairwise(pairs):
        for path, key, line in _differences(one.root, other.root, ()):
            findings.add(
                "cross-ha",
                other.file,
                line,
                f"{' '.join((*path, key))} differs on {one.name} and {other.name}",
            )
        mine, theirs = (f.root.table("system ha") for f in (one, other))
        if mine.word("priority") == theirs.word("priority"):
            findings.add(
                "cross-ha",
                other.file,
                theirs.where("priority"),
                f"{one.name} and {other.name} have the same priority: chance decides which one is "
                f"active",
            )


def _differences(
    one: Node, other: Node, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, int]]:
    for key in one.values.keys() | other.values.keys():
        if ((path[0], key) if path else ("", key)) in _OWN:
            continue
        if path[:1] == ("system interface",) and key == "description":
            continue  # each has its own cables
        a, b = one.values.get(key), other.values.get(key)
        if (a[1] if a else None) != (b[1] if b else None):
            yield path, key, b[0] if b else other.line
    for tables in ("children", "entries"):
        mine: dict[str, Node] = getattr(one, tables)
        theirs: dict[str, Node] = getattr(other, tables)
        for key in mine.keys() | theirs.keys():
            left, right = mine.get(key), theirs.get(key)
            if left is None or right is None:
                yield path, key, right.line if right else other.line
            else:
                yield from _differences(left, right, (*path, key))
        if tables == "entries" and path == ("firewall policy",) and list(mine) != list(theirs):
            yield path, "order", other.line


# --- access lists ------------------------------------------------------------------------------


def _acl_names(switch: Switch, findings: Findings) -> None:
    for name, line in switch.acl_uses:
        if name not in switch.acls:
            findings.add(
                "cross-reference",
                switch.file,
                line,
                f"{switch.name} names access list '{name}', which is not defined",
            )
    used = {name for name, _ in switch.acl_uses}
    for acl in switch.acls.values():
        if acl.name not in used:
            findings.add(
                "cross-unused",
                switch.file,
                acl.line,
                f"{switch.name} has access list '{acl.name}', which nothing uses",
            )


def _acl_lines(switch: Switch, findings: Findings) -> None:
    for acl in switch.acls.values():
        for line in acl.unread:
            findings.add(
                "cross-acl-unread",
                switch.file,
                line,
                f"a line of access list {acl.name} of {switch.name} is not understood",
            )
        before: list[Box] = []
        for entry in acl.entries:
            protocols = (
                ((0, 255),) if entry.protocol is None else ((entry.protocol, entry.protocol),)
            )
            box = (
                entry.source,
                entry.source_ports,
                entry.destination,
                entry.destination_ports,
                protocols[0],
                (1, 1) if entry.established else (0, 1),
            )
            if before and not leave([box], before):
                findings.add(
                    "cross-acl-shadowed",
                    switch.file,
                    entry.line,
                    f"line {entry.number} of access list {acl.name} of {switch.name} never "
                    f"decides: lines before it cover it",
                )
            before.append(box)


def _acl_missing(switch: Switch, networks: Networks, findings: Findings) -> None:
    if not switch.routing:
        return
    for network in networks.core_networks():
        for i in network.interfaces:
            port = switch.ports.get(i.name) if i.device == switch.name else None
            if port is not None and port.acl_in is None:
                findings.add(
                    "cross-acl-missing",
                    switch.file,
                    port.line,
                    f"{switch.name} {port.name} is the gateway of {network.name} and has no access "
                    f"list: it reaches everything behind the core",
                )


class _Filtered(NamedTuple):
    """A network behind a core with its access list on one switch, and its zone on the firewall."""

    network: Network
    acl: Acl
    span: tuple[int, int]
    zone: frozenset[str]


def _filtered(switch: Switch, networks: Networks) -> list[_Filtered]:
    found = []
    for network in networks.core_networks():
        port = switch.ports.get(f"Vlan{network.vlan}")
        acl = switch.acls.get(port.acl_in) if port is not None and port.acl_in else None
        if acl is not None:
            span = (network.prefix.first, network.prefix.last)
            zone = frozenset({networks.entrance(network)})
            found.append(_Filtered(network, acl, span, zone))
    return found


def _against_policy(
    site: Site, switch: Switch, networks: Networks, rules: Rules, findings: Findings
) -> None:
    behind = _filtered(switch, networks)
    core = [f.span for f in behind]
    own = {i.subnet.address for i in networks.interfaces}
    own |= {i.virtual for i in networks.interfaces if i.virtual is not None}
    accepted = _accepted(rules)
    for filtered in behind:
        span, acl = filtered.span, filtered.acl
        for rule, pieces in accepted:
            said = f"rule {rule.policy.number} ({rule.policy.name})"
            if talk.touches(rule.sources, filtered.zone):
                out = meeting(pieces, boxes((span,), _EVERY, PREDEFINED["ALL"]))
                out = leave(out, boxes(_EVERY, core, PREDEFINED["ALL"]))
                _blocked(switch, acl, talk.first_packets(acl, out), said, "", rules, findings)
            if talk.touches(rule.destinations, filtered.zone):
                back = meeting(pieces, boxes(_EVERY, (span,), PREDEFINED["ALL"]))
                back = leave(back, boxes(core, _EVERY, PREDEFINED["ALL"]))
                answers = talk.replies(acl, talk.flowing(back))
                _blocked(switch, acl, answers, said, "the replies to ", rules, findings)
        _inside(switch, filtered, behind, rules, findings)
        _wider(switch, filtered, core, own, accepted, rules, findings)


def _accepted(rules: Rules) -> list[tuple[Rule, list[Box]]]:
    """Every rule that permits, less what rules before it refuse."""
    return [
        (rule, leave(rule.boxes, talk.denied_before(rules.rules, rule)))
        for rule in rules.rules
        if rule.policy.accept
    ]


def _blocked(
    switch: Switch,
    acl: Acl,
    decided: list[tuple[Entry | None, list[Box]]],
    said: str,
    what: str,
    rules: Rules,
    findings: Findings,
) -> None:
    for entry, pieces in decided:
        if entry is None or not entry.permit:
            number = f"line {entry.number}" if entry else "its end"
            findings.add(
                "cross-acl-blocks",
                switch.file,
                entry.line if entry else acl.line,
                f"access list {acl.name} of {switch.name} refuses at {number} {what}"
                f"{conversation(pieces[0], rules)}, which {said} permits",
            )
            return


def _inside(
    switch: Switch,
    filtered: _Filtered,
    behind: list[_Filtered],
    rules: Rules,
    findings: Findings,
) -> None:
    """Between two networks behind the core: what one list begins the other has to answer."""
    for other in behind:
        if other is filtered:
            continue
        asked = boxes((filtered.span,), (other.span,), PREDEFINED["ALL"])
        for entry, pieces in talk.first_packets(filtered.acl, asked):
            if entry is None or not entry.permit:
                continue
            said = f"line {entry.number} of {filtered.acl.name}"
            answers = talk.replies(other.acl, talk.flowing(pieces))
            _blocked(switch, other.acl, answers, said, "the replies to ", rules, findings)


def _wider(
    switch: Switch,
    filtered: _Filtered,
    core: list[tuple[int, int]],
    own: set[int],
    accepted: list[tuple[Rule, list[Box]]],
    rules: Rules,
    findings: Findings,
) -> None:
    """What a list lets out of the core and the firewall refuses."""
    permitted = [
        box
        for rule, pieces in accepted
        if talk.touches(rule.sources | rule.destinations, filtered.zone)
        for box in pieces
    ]
    asked = boxes((filtered.span,), _EVERY, PREDEFINED["ALL"])
    asked = leave(asked, boxes(_EVERY, core, PREDEFINED["ALL"]))
    asked = leave(asked, [(*_EVERY, (a, a), PREDEFINED["ALL"][0]) for a in sorted(own)])
    for entry, pieces in talk.first_packets(filtered.acl, asked):
        if entry is None or not entry.permit:
            continue
        left = leave(pieces, permitted)
        # an answer without ports (ping) looks like a beginning: the other way may be permitted
        turned = [(box[1], box[0], box[2]) for box in permitted if box[1][1] < FIRST_NAME]
        left = leave(left, [box for box in turned if box[2][0] >> 16 == 1])
        if left:
            findings.add(
                "cross-acl-wider",
                switch.file,
                entry.line,
                f"line {entry.number} of access list {filtered.acl.name} of {switch.name} permits "
                f"{conversation(left[0], rules)}, which the firewall refuses",
            )
