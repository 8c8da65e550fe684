"""What rules and access lists permit, as spaces of conversations.

A rule of the firewall is a union of boxes (who, to whom, service) between zones; DNS names are
destinations of their own beyond the last address. An access list is judged twice: for packets that
begin a conversation, and for the replies to those that somebody else began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .facts import Acl, Entry, Firewall, Policy, dotted
from .spaces import (
    ALL_ADDRESSES,
    ALL_DESTINATIONS,
    ALL_SERVICES,
    FIRST_NAME,
    Box,
    Span,
    boxes,
    joined,
    leave,
    meeting,
)

ANY = "any"
_BoxOf = Callable[[Entry], list[Box]]
_FLOWING = (1, 6, 17)  # protocols whose conversations have replies: ICMP, TCP, UDP


class Rule(NamedTuple):
    """A rule of the firewall with what it matches."""

    policy: Policy
    sources: frozenset[str]  # zones and interfaces; holds `any` where it is any
    destinations: frozenset[str]
    boxes: tuple[Box, ...]
    published: bool  # its destination is a VIP: matched after translation


@dataclass(slots=True)
class Rules:
    """The enabled rules of a firewall, in their order, and the names behind destinations."""

    rules: list[Rule]
    names: list[str]
    groups: dict[str, tuple[str, ...]]

    def destination_words(self, destination: int) -> str:
        """A destination in words: an address, or the DNS name that stands for it."""
        if destination >= FIRST_NAME:
            index = destination - FIRST_NAME
            return self.names[index] if index < len(self.names) else "a DNS name"
        return dotted(destination)


def rules_of(firewall: Firewall) -> Rules:
    """Every enabled rule with the objects it names resolved; unknown objects match nothing."""
    resolver = _Resolver(firewall)
    rules = []
    for policy in firewall.policies:
        if not policy.enabled:
            continue
        published = any(
            name in firewall.vips or name in resolver.vip_groups for name in policy.to_addresses
        )
        rules.append(
            Rule(
                policy,
                frozenset(policy.sources),
                frozenset(policy.destinations),
                tuple(resolver.boxes(policy)),
                published,
            )
        )
    return Rules(rules, list(firewall.names.values()), resolver.groups)


class _Resolver:
    """Objects and groups of a firewall as spans; each is worked out once."""

    def __init__(self, firewall: Firewall) -> None:
        self.firewall = firewall
        root = firewall.root
        self.groups = {
            name: node.words("member")
            for name, node in root.table("firewall addrgrp").entries.items()
        }
        self.service_groups = {
            name: node.words("member")
            for name, node in root.table("firewall service group").entries.items()
        }
        self.vip_groups = {
            name: node.words("member")
            for name, node in root.table("firewall vipgrp").entries.items()
        }
        self._numbers = {name: FIRST_NAME + n for n, name in enumerate(firewall.names)}
        self._destinations: dict[str, tuple[Span, ...]] = {"all": (ALL_DESTINATIONS,)}
        self._services: dict[str, tuple[Span, ...]] = {}

    def boxes(self, policy: Policy) -> list[Box]:
        sources = joined(
            (low, min(high, FIRST_NAME - 1))
            for name in policy.from_addresses
            for low, high in self.addresses(name)
            if low < FIRST_NAME
        )
        services = joined(span for name in policy.services for span in self.services(name))
        found: list[Box] = []
        plain: list[Span] = []
        for name in policy.to_addresses:
            for vip in self._vips(name):
                entry = self.firewall.vips.get(vip)
                if entry is None or entry.mapped is None:
                    continue
                mapped = (
                    (ALL_SERVICES,)
                    if entry.protocol is None
                    else (
                        (
                            (entry.protocol << 16) + entry.ports[0],
                            (entry.protocol << 16) + entry.ports[1],
                        ),
                    )
                )
                both = tuple(box[0] for box in meeting(boxes(mapped), boxes(services)))
                found += boxes(sources, ((entry.mapped, entry.mapped),), both)
            plain += self.addresses(name)
        return [*found, *boxes(sources, joined(plain), services)]

    def _vips(self, name: str) -> tuple[str, ...]:
        if name in self.vip_groups:
            return self.vip_groups[name]
        return (name,) if name in self.firewall.vips else ()

    def addresses(self, name: str, depth: int = 0) -> tuple[Span, ...]:
        """The destinations of an object or a group of objects."""
        found = self._destinations.get(name)
        if found is None:
            if name in self.groups and depth < 8:  # FortiOS nests groups eight deep at most
                spans: Iterable[Span] = (
                    span
                    for member in self.groups[name]
                    for span in self.addresses(member, depth + 1)
                )
                found = joined(spans)
            elif name in self._numbers:
                found = ((self._numbers[name], self._numbers[name]),)
            else:
                found = self.firewall.addresses.get(name, ())
            self._destinations[name] = found
        return found

    def services(self, name: str, depth: int = 0) -> tuple[Span, ...]:
        """The services of an object or a group."""
        found = self._services.get(name)
        if found is None:
            if name in self.service_groups and depth < 8:
                found = joined(
                    span
                    for member in self.service_groups[name]
                    for span in self.services(member, depth + 1)
                )
            else:
                found = self.firewall.services.get(name, ())
            self._services[name] = found
        return found


def covers(outer: frozenset[str], inner: frozenset[str]) -> bool:
    """True where every zone of the inner set is in the outer one."""
    return ANY in outer or (ANY not in inner and inner <= outer)


def touches(one: frozenset[str], other: frozenset[str]) -> bool:
    """True where both sets have a zone in common."""
    return ANY in one or ANY in other or bool(one & other)


def decided(
    rules: Sequence[Rule], sources: str, destinations: str, asked: Sequence[Box]
) -> list[tuple[Rule | None, list[Box]]]:
    """Which rule decides which part of what is asked, in order; None: no rule does (denied)."""
    left = list(asked)
    found: list[tuple[Rule | None, list[Box]]] = []
    for rule in rules:
        if not left:
            break
        if not (
            touches(rule.sources, frozenset({sources}))
            and touches(rule.destinations, frozenset({destinations}))
        ):
            continue
        part = meeting(left, rule.boxes)
        if part:
            found.append((rule, part))
            left = leave(left, rule.boxes)
    if left:
        found.append((None, left))
    return found


def denied_before(rules: Sequence[Rule], rule: Rule) -> list[Box]:
    """What rules before this one refuse on the whole way between its zones."""
    found: list[Box] = []
    for earlier in rules:
        if earlier is rule:
            break
        if (
            not earlier.policy.accept
            and covers(earlier.sources, rule.sources)
            and covers(earlier.destinations, rule.destinations)
            and (not rule.published or earlier.policy.match_vip)
        ):
            found += earlier.boxes
    return found


# --- access lists ------------------------------------------------------------------------------


def _protocols(entry: Entry, ports: tuple[int, int]) -> tuple[Span, ...]:
    if entry.protocol is None:
        return (ALL_SERVICES,)
    base = entry.protocol << 16
    return ((base + ports[0], base + ports[1]),)


def first_packets(acl: Acl, asked: Sequence[Box]) -> list[tuple[Entry | None, list[Box]]]:
    """What each line decides of conversations that begin here (source, destination, service).

    A machine begins from any source port: a line that wants a certain one, or `established`,
    lets no conversation begin.
    """

    def box(entry: Entry) -> list[Box]:
        if entry.source_ports != (0, 65535) or entry.established:
            return []
        to = ALL_DESTINATIONS if entry.destination == ALL_ADDRESSES else entry.destination
        return boxes((entry.source,), (to,), _protocols(entry, entry.destination_ports))

    return _walk(acl, asked, box)


def replies(acl: Acl, asked: Sequence[Box]) -> list[tuple[Entry | None, list[Box]]]:
    """What each line decides of replies to conversations, given as (client, server, service)."""

    def box(entry: Entry) -> list[Box]:
        if entry.destination_ports != (0, 65535):
            return []
        return boxes((entry.destination,), (entry.source,), _protocols(entry, entry.source_ports))

    return _walk(acl, asked, box)


def _walk(acl: Acl, asked: Sequence[Box], box: _BoxOf) -> list[tuple[Entry | None, list[Box]]]:
    left = list(asked)
    found: list[tuple[Entry | None, list[Box]]] = []
    for entry in acl.entries:
        if not left:
            break
        space = box(entry)
        part = meeting(left, space)
        if part:
            found.append((entry, part))
            left = leave(left, space)
    if left:
        found.append((None, left))
    return found


def flowing(pieces: Iterable[Box]) -> list[Box]:
    """The pieces on TCP, UDP and ICMP, whose replies an access list has to know."""
    spans = tuple((protocol << 16, (protocol << 16) + 65535) for protocol in _FLOWING)
    return meeting(pieces, boxes(((0, FIRST_NAME - 1),), ((0, FIRST_NAME - 1),), spans))
