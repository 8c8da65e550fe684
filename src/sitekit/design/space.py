"""Set algebra on conversations: who, to whom, on which protocol and port.

A box is three closed intervals of whole numbers: source addresses, destination addresses, and
services (protocol x 65,536 + port). Rules and never-rules are unions of boxes; what a policy
permits in spite of a never-rule is their intersection less the exceptions, and any box that is
left holds a counterexample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from .result import Service

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50}
NAMES = {number: name for name, number in PROTOCOLS.items()}
LAST_ADDRESS = 0xFFFF_FFFF
LAST_SERVICE = 256 * 65536 - 1


class Interval(NamedTuple):
    """Whole numbers from first to last, both included."""

    first: int
    last: int


class Box(NamedTuple):
    """Every conversation from these sources to these destinations on these services."""

    source: Interval
    destination: Interval
    service: Interval


ANY_ADDRESS = Interval(0, LAST_ADDRESS)
ANY_SERVICE = Interval(0, LAST_SERVICE)


def interval(prefix: IPv4Network) -> Interval:
    """The addresses of a prefix."""
    first = int(prefix.network_address)
    return Interval(first, first | LAST_ADDRESS >> prefix.prefixlen)


def within(inner: IPv4Network, outer: IPv4Network) -> bool:
    """True where every address of the inner prefix is in the outer one: `subnet_of`, but fast."""
    apart = int(inner.network_address) ^ int(outer.network_address)
    return inner.prefixlen >= outer.prefixlen and not apart >> (32 - outer.prefixlen)


def addresses(prefixes: Iterable[IPv4Network]) -> list[Interval]:
    """Prefixes as few intervals, ascending, neighbours joined."""
    return union(map(interval, prefixes))


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals in ascending order, neighbours joined."""
    joined: list[Interval] = []
    for first, last in sorted(intervals):
        if joined and first <= joined[-1].last + 1:
            joined[-1] = Interval(joined[-1].first, max(joined[-1].last, last))
        else:
            joined.append(Interval(first, last))
    return joined


def complement(intervals: Iterable[Interval], last: int = LAST_ADDRESS) -> list[Interval]:
    """Everything from 0 to last that the ascending intervals leave out."""
    gaps: list[Interval] = []
    start = 0
    for interval in intervals:
        if interval.first > start:
            gaps.append(Interval(start, interval.first - 1))
        start = max(start, interval.last + 1)
    if start <= last:
        gaps.append(Interval(start, last))
    return gaps


def common(one: Iterable[Interval], other: Iterable[Interval]) -> list[Interval]:
    """The numbers that are in both unions."""
    others = list(other)
    return [
        Interval(max(first, other_first), min(last, other_last))
        for first, last in one
        for other_first, other_last in others
        if first <= other_last and other_first <= last
    ]


def services(named: Iterable[Service]) -> list[Interval]:
    """Services as intervals; none named means every one."""
    found = [
        Interval(PROTOCOLS[term.protocol] * 65536 + low, PROTOCOLS[term.protocol] * 65536 + high)
        for service in named
        for term in service.terms
        for low, high in (term.ports or ((0, 65535),))
    ]
    return found or [ANY_SERVICE]


def boxes(
    sources: Iterable[Interval],
    destinations: Iterable[Interval],
    on: Iterable[Interval],
) -> Iterator[Box]:
    """The product of three unions of intervals."""
    to, via = list(destinations), list(on)
    for source in sources:
        for destination in to:
            for service in via:
                yield Box(source, destination, service)


def meet(one: Box, other: Box) -> Box | None:
    """The conversations in both, or None."""
    found = []
    for a, b in zip(one, other, strict=True):
        first, last = max(a.first, b.first), min(a.last, b.last)
        if first > last:
            return None
        found.append(Interval(first, last))
    return Box(*found)


def subtract(one: Box, other: Box) -> list[Box]:
    """The conversations of one that are not in other, as disjoint boxes."""
    common = meet(one, other)
    if common is None:
        return [one]
    left: list[Box] = []
    rest = list(one)
    for axis in range(3):
        whole, cut = rest[axis], common[axis]
        if whole.first < cut.first:
            left.append(Box(*_with(rest, axis, Interval(whole.first, cut.first - 1))))
        if whole.last > cut.last:
            left.append(Box(*_with(rest, axis, Interval(cut.last + 1, whole.last))))
        rest[axis] = cut
    return left


def subtract_all(one: Box, others: Iterable[Box]) -> list[Box]:
    """The conversations of one that are in none of the others."""
    left = [one]
    for other in others:
        left = [piece for box in left for piece in subtract(box, other)]
    return left


def example(box: Box) -> str:
    """One conversation of the box in words: 10.0.0.1 -> 9.9.9.9 tcp/443."""
    protocol, port = divmod(box.service.first, 65536)
    service = NAMES.get(protocol, f"protocol {protocol}")
    if protocol in (6, 17):
        service += f"/{port}"
    return f"{_host(box.source)} -> {_host(box.destination)} {service}"


def _host(interval: Interval) -> IPv4Address:
    """An address of the interval that a machine may have: not the first, where there are more."""
    return IPv4Address(min(interval.first + 1, interval.last))


def _with(intervals: list[Interval], axis: int, interval: Interval) -> list[Interval]:
    return [interval if i == axis else old for i, old in enumerate(intervals)]
