"""Access lists of a routing core: the same policy, spelt for a filter that keeps no state.

A list stands inbound on the interface of its network. What the policy permits from there is
permitted, replies to what it permits towards there are recognised by `established` (TCP) or by
their source port, everything else is denied and logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from typing import Literal, NamedTuple

from .result import Acl, AclEntry, AddressObject, Network, Rule
from .space import within

STEP = 10


class _Line(NamedTuple):
    """An entry before it has its number."""

    protocol: Literal["ip", "tcp", "udp", "icmp", "esp", "gre"]
    source: IPv4Network | None
    source_ports: tuple[int, int] | None
    destination: IPv4Network | None
    destination_ports: tuple[int, int] | None
    established: bool
    remark: str


def name(network: Network) -> str:
    """The list's name: the network it filters."""
    return f"{network.name}-in"


def lists(networks: Sequence[Network], policy: Sequence[Rule]) -> tuple[Acl, ...]:
    """One list for every network whose gateway is the core."""
    return tuple(
        Acl(name=name(network), entries=tuple(_numbered(_lines(network, policy))))
        for network in networks
    )


def _lines(network: Network, policy: Sequence[Rule]) -> Iterator[_Line]:
    if network.dhcp is not None:
        yield _Line("udp", None, (68, 68), None, (67, 67), False, "DHCP of the site")
    own = IPv4Network((int(network.prefix.network_address) + 1, 32))
    yield _Line("icmp", network.prefix, None, own, None, False, "ping of the gateway")
    known: dict[int, list[IPv4Network]] = {}  # rules share their sets of addresses

    def inside(addresses: Iterable[AddressObject]) -> Iterator[IPv4Network]:
        for address in addresses:
            found = known.get(id(address))
            if found is None:
                found = [p for p in address.prefixes if within(p, network.prefix)]
                known[id(address)] = found
            yield from found

    for rule in policy:
        for source in inside(rule.sources):
            yield from _towards(source, rule)
    for rule in policy:
        for destination in inside(rule.destinations):
            yield from _back(destination, rule)


def _towards(source: IPv4Network, rule: Rule) -> Iterator[_Line]:
    for destination in _prefixes(rule.destinations):
        for service in rule.services:
            for term in service.terms:
                for ports in term.ports or (None,):
                    yield _Line(term.protocol, source, None, destination, ports, False, rule.reason)


def _back(destination: IPv4Network, rule: Rule) -> Iterator[_Line]:
    """Replies: from the served machine back to whoever was permitted to ask."""
    for client in _prefixes(rule.sources):
        for service in rule.services:
            for term in service.terms:
                for ports in term.ports or (None,):
                    yield _Line(
                        term.protocol,
                        destination,
                        ports,
                        client,
                        None,
                        term.protocol == "tcp",
                        f"replies: {rule.reason}",
                    )


def _prefixes(addresses: Iterable[AddressObject]) -> list[IPv4Network]:
    return [prefix for address in addresses for prefix in address.prefixes]


def _numbered(lines: Iterable[_Line]) -> Iterator[AclEntry]:
    sequence = 0
    for line in dict.fromkeys(lines):
        sequence += STEP
        yield AclEntry(sequence=sequence, action="permit", log=False, **line._asdict())
    yield AclEntry(
        sequence=sequence + STEP,
        action="deny",
        protocol="ip",
        source=None,
        source_ports=None,
        destination=None,
        destination_ports=None,
        established=False,
        log=True,
        remark="what no flow allows",
    )
