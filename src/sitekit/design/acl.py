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
from .space import interval

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
    ends = [(rule, _prefixes(rule.sources), _prefixes(rule.destinations)) for rule in policy]
    return tuple(
        Acl(name=name(network), entries=tuple(_numbered(_lines(network, ends))))
        for network in networks
    )


_Ends = tuple[Rule, list[IPv4Network], list[IPv4Network]]  # a rule, from where, to where


def _lines(network: Network, policy: Iterable[_Ends]) -> Iterator[_Line]:
    if network.dhcp is not None:
        yield _Line("udp", None, (68, 68), None, (67, 67), False, "DHCP of the site")
    own = IPv4Network((int(network.prefix.network_address) + 1, 32))
    yield _Line("icmp", network.prefix, None, own, None, False, "ping of the gateway")
    for rule, sources, destinations in policy:
        for inside in _inside(sources, network):
            yield from _towards(inside, destinations, rule)
    for rule, sources, destinations in policy:
        for inside in _inside(destinations, network):
            yield from _back(inside, sources, rule)


def _inside(prefixes: Iterable[IPv4Network], network: Network) -> list[IPv4Network]:
    """Those of the prefixes that the network holds."""
    first, last = interval(network.prefix)
    return [
        prefix
        for prefix in prefixes
        if first <= int(prefix.network_address) <= last
        and prefix.prefixlen >= network.prefix.prefixlen
    ]


def _towards(
    source: IPv4Network, destinations: Iterable[IPv4Network], rule: Rule
) -> Iterator[_Line]:
    for destination in destinations:
        for service in rule.services:
            for term in service.terms:
                for ports in term.ports or (None,):
                    yield _Line(term.protocol, source, None, destination, ports, False, rule.reason)


def _back(
    destination: IPv4Network, clients: Iterable[IPv4Network], rule: Rule
) -> Iterator[_Line]:
    """Replies: from the served machine back to whoever was permitted to ask."""
    for client in clients:
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
