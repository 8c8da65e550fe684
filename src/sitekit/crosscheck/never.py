"""The six never-rules about conversations, proved again on the policy that the text holds.

The proof is exact: what a rule permits, less what rules before it refuse, must have nothing in
common with what may never be. It trusts neither routes nor the order in which the design thought.
DNS names count as the Internet, because they may resolve to any of its addresses.
"""

from __future__ import annotations

from . import conversations as talk
from .checks import CHECKS, Findings
from .conversations import Rule, Rules
from .facts import Firewall
from .filtering import conversation
from .networks import ZONE, Networks
from .spaces import (
    ALL_DESTINATIONS,
    ALL_SERVICES,
    FIRST_NAME,
    LAST_NAME,
    Box,
    Span,
    boxes,
    joined,
    leave,
    meeting,
)
from .standard import INTERNET, NEVER, NOT_INTERNET, PUBLIC, Never

_ANYBODY: Span = (0, FIRST_NAME - 1)


def check(networks: Networks, rules: dict[str, Rules], findings: Findings) -> None:
    """All six on every firewall of the site."""
    for firewall in networks.firewalls:
        known = rules[firewall.name]
        left: dict[int, list[Box]] = {}
        for never in NEVER:
            for rule in known.rules:
                if not rule.policy.accept:
                    continue
                broken = _broken(never, rule, known, networks, firewall, left)
                if broken:
                    policy = rule.policy
                    findings.add(
                        never.check,
                        firewall.file,
                        policy.line,
                        f"{conversation(broken[0], known)} is permitted by rule {policy.number} "
                        f"({policy.name}): {CHECKS[never.check].title.lower()}",
                    )


def _broken(
    never: Never,
    rule: Rule,
    known: Rules,
    networks: Networks,
    firewall: Firewall,
    left: dict[int, list[Box]],
) -> list[Box]:
    sources = _sources(never, rule, networks, firewall)
    if not sources:
        return []
    destinations = _destinations(never, rule, networks, firewall)
    if not destinations:
        return []
    asked = boxes(sources, destinations, (ALL_SERVICES,))
    if not meeting(rule.boxes, asked):
        return []
    permitted = left.get(id(rule))
    if permitted is None:
        denied = talk.denied_before(known.rules, rule)
        permitted = left[id(rule)] = leave(rule.boxes, denied)
    broken = meeting(permitted, asked)
    if broken and never.except_services:
        brokers = _published(firewall)
        broken = leave(broken, boxes(brokers, (ALL_DESTINATIONS,), never.except_services))
    return broken


def uplinks(firewall: Firewall) -> frozenset[str]:
    """The zone of the uplinks, its members, and `any`."""
    zones = firewall.root.table("system sdwan").table("zone").entries
    names = {f"{ZONE}{INTERNET}", *zones}
    return frozenset(names | {leg for name in names for leg in firewall.zones.get(name, ())})


def _sources(never: Never, rule: Rule, networks: Networks, firewall: Firewall) -> tuple[Span, ...]:
    if INTERNET in never.sources:
        return (_ANYBODY,) if talk.touches(rule.sources, uplinks(firewall)) else ()
    return _prefixes(networks, never.sources, rule.sources)


def _destinations(
    never: Never, rule: Rule, networks: Networks, firewall: Firewall
) -> tuple[Span, ...]:
    if never.private:
        return NOT_INTERNET
    if never.all_but:
        zones = {n.zone for n in networks.by_vlan.values()} - never.all_but
        return _prefixes(networks, zones, rule.destinations)
    if INTERNET in never.to:
        names = ((FIRST_NAME, LAST_NAME),)
        if talk.touches(rule.destinations, uplinks(firewall)):
            return joined((*PUBLIC, *names))
        return PUBLIC
    return _prefixes(networks, never.to, rule.destinations)


def _prefixes(
    networks: Networks, zones: frozenset[str] | set[str], way: frozenset[str]
) -> tuple[Span, ...]:
    """The prefixes of zones that the firewall meets where the rule is about."""
    return joined(
        (n.prefix.first, n.prefix.last)
        for n in networks.by_vlan.values()
        if n.zone in zones and talk.touches(way, frozenset({networks.entrance(n)}))
    )


def _published(firewall: Firewall) -> tuple[Span, ...]:
    """The machines that the firewall publishes: the broker is one of them."""
    return joined(
        (vip.mapped, vip.mapped) for vip in firewall.vips.values() if vip.mapped is not None
    )
