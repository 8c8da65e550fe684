"""What the text of a site says, in one form for all syntaxes: every fact with its line.

Addresses are whole numbers (`number` and `dotted` translate), prefixes are spans of them, so that
comparing thousands costs little. Line 0 means that no line says it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .fortios import Node

ALL_VLANS = frozenset(range(1, 4095))
DEFAULT_MTU = 1500
EOS_SWITCHED_MTU = 9214  # what every switched port of EOS carries, whatever is written


class Subnet(NamedTuple):
    """An address and the length of its prefix."""

    address: int
    length: int

    @property
    def first(self) -> int:
        """The first address of the prefix."""
        return self.address & ~((1 << (32 - self.length)) - 1)

    @property
    def last(self) -> int:
        """The last address of the prefix."""
        return self.first | ((1 << (32 - self.length)) - 1)

    def holds(self, address: int) -> bool:
        """True where the address is inside the prefix."""
        return self.first <= address <= self.last

    def __str__(self) -> str:
        return f"{dotted(self.address)}/{self.length}"


def number(text: str) -> int | None:
    """A dotted address as a whole number, or None where it is none."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    value = 0
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) <= 3):
            return None
        byte = int(part)
        if byte > 255:
            return None
        value = value << 8 | byte
    return value


def dotted(value: int) -> str:
    """A whole number as a dotted address."""
    return f"{value >> 24 & 255}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def mask_length(text: str) -> int | None:
    """The prefix length of a netmask, or None where it is none."""
    value = number(text)
    if value is None:
        return None
    host = value ^ 0xFFFFFFFF
    return None if host & (host + 1) else 32 - host.bit_length()


def subnet(address: str, mask: str) -> Subnet | None:
    """An address with a dotted mask."""
    value, length = number(address), mask_length(mask)
    return None if value is None or length is None else Subnet(value, length)


def slashed(text: str) -> Subnet | None:
    """An address with a slash and a length."""
    address, _, length = text.partition("/")
    value = number(address)
    if value is None or not (length.isascii() and length.isdigit() and len(length) <= 2):
        return None
    return Subnet(value, int(length)) if int(length) <= 32 else None


# --- switches ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Port:
    """An interface of a switch: physical, aggregated or routed."""

    name: str
    line: int
    description: str = ""
    shut: bool = False
    mode: str = "access"  # access, trunk or routed
    access: int | None = None
    native: int | None = None
    allowed: frozenset[int] | None = None  # None on a trunk: every VLAN
    voice: int | None = None
    trunk_group: str | None = None
    lag: int | None = None  # member of this LAG
    lag_mode: str = ""
    mlag: int | None = None
    mtu: int | None = None
    ip_mtu: int | None = None
    address: Subnet | None = None
    virtual: int | None = None
    helpers: tuple[int, ...] = ()
    acl_in: str | None = None
    edge: bool = False
    root_guard: bool = False
    bpdu_filter: bool = False
    dhcp_trust: bool = False
    at: dict[str, int] = field(default_factory=dict)

    def where(self, *fields: str) -> int:
        """The line that says one of these, the first that is there; else the interface's."""
        return next((self.at[name] for name in fields if name in self.at), self.line)


class Vlan(NamedTuple):
    """A VLAN that a switch knows."""

    line: int
    name: str = ""
    trunk_group: str | None = None


@dataclass(slots=True)
class Querier:
    """A switch that asks who wants which multicast, in one VLAN."""

    vlan: int
    line: int
    asks: bool = False
    address: int | None = None
    address_line: int = 0
    version: int | None = None


class Route(NamedTuple):
    """Where packets to a prefix go."""

    line: int
    prefix: Subnet
    next_hop: int | None = None
    interface: str = ""
    blackhole: bool = False
    distance: int = 10


class Entry(NamedTuple):
    """A line of an access list: who, from which port, to whom, to which port."""

    line: int
    number: int
    permit: bool
    protocol: int | None  # None: every protocol
    source: tuple[int, int]
    source_ports: tuple[int, int]
    destination: tuple[int, int]
    destination_ports: tuple[int, int]
    established: bool
    text: str
    reason: str = ""


@dataclass(slots=True)
class Acl:
    """An access list."""

    name: str
    line: int
    standard: bool = False
    entries: list[Entry] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)  # lines that were not understood


@dataclass(slots=True)
class Mlag:
    """What one of two switches says of the other."""

    line: int
    domain: str = ""
    interface: str = ""
    peer: int | None = None
    link: str = ""
    at: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Switch:
    """Everything that the text of one switch says."""

    name: str
    file: str
    syntax: str  # eos or ios
    ports: dict[str, Port] = field(default_factory=dict)
    vlans: dict[int, Vlan] = field(default_factory=dict)
    stp_mode: str = ""
    stp_line: int = 0
    stp_off: dict[int, int] = field(default_factory=dict)  # VLAN, line
    stp_priority: int = 32768
    stp_priority_line: int = 0
    queriers: dict[int, Querier] = field(default_factory=dict)
    snooping_off: dict[int, int] = field(default_factory=dict)  # VLAN (0: all), line
    routes: list[Route] = field(default_factory=list)
    gateway: int | None = None
    gateway_line: int = 0
    routing: bool = False
    acls: dict[str, Acl] = field(default_factory=dict)
    acl_uses: list[tuple[str, int]] = field(default_factory=list)
    mlag: Mlag | None = None
    virtual_mac: str = ""
    virtual_mac_line: int = 0
    system_mtu: int = DEFAULT_MTU
    system_mtu_line: int = 0
    snooped: frozenset[int] = frozenset()  # VLANs in which DHCP servers need a trusted port
    snooping: bool = False
    dhcp_ports: dict[str, int] = field(default_factory=dict)  # EOS: ports that DHCP may come from
    locks: bool = False  # EOS: some port drops DHCP of others

    def lag(self, number: int) -> Port | None:
        """The aggregated interface of a LAG's number."""
        return self.ports.get(f"port-channel{number}")


# --- firewalls ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Leg:
    """An interface of a firewall."""

    name: str
    line: int
    description: str = ""
    parent: str = ""
    vlan: int | None = None
    address: Subnet | None = None
    members: tuple[str, ...] = ()
    lacp: str = ""
    kind: str = ""
    mtu: int = DEFAULT_MTU
    down: bool = False
    at: dict[str, int] = field(default_factory=dict)

    def where(self, *fields: str) -> int:
        """The line that says one of these, the first that is there; else the interface's."""
        return next((self.at[name] for name in fields if name in self.at), self.line)


@dataclass(slots=True)
class Scope:
    """The addresses that the firewall hands out in one network."""

    name: str
    line: int
    interface: str
    length: int
    gateway: int | None
    relay: int | None
    ranges: tuple[tuple[int, int, int], ...]  # first, last, line
    reserved: tuple[tuple[int, str, int], ...]  # address, MAC, line
    at: dict[str, int]


class Vip(NamedTuple):
    """An address of the Internet that leads to a machine inside."""

    line: int
    external: int | None
    mapped: int | None
    protocol: int | None  # None: all of them
    ports: tuple[int, int]


@dataclass(slots=True)
class Policy:
    """A rule of the firewall."""

    number: str
    line: int
    name: str
    sources: tuple[str, ...]  # interfaces and zones
    destinations: tuple[str, ...]
    from_addresses: tuple[str, ...]
    to_addresses: tuple[str, ...]
    services: tuple[str, ...]
    accept: bool
    enabled: bool
    match_vip: bool
    comment: str
    at: dict[str, int]


@dataclass(slots=True)
class Firewall:
    """Everything that the text of one firewall says; `root` is the whole tree."""

    name: str
    file: str
    root: Node
    legs: dict[str, Leg] = field(default_factory=dict)
    zones: dict[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # object of a DNS name
    services: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    vips: dict[str, Vip] = field(default_factory=dict)
    policies: list[Policy] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    def zone_of(self, interface: str) -> str:
        """The zone of an interface, or the interface itself."""
        return next((zone for zone, legs in self.zones.items() if interface in legs), interface)


# --- documents ---------------------------------------------------------------------------------


class PlanNetwork(NamedTuple):
    """A network as the address plan prints it."""

    line: int
    name: str
    prefix: Subnet
    vlan: int
    zone: str
    gateway: int | None
    dhcp: tuple[tuple[int, int], ...]
    mtu: int


class PlanHost(NamedTuple):
    """A device or a machine with a fixed address, as the address plan prints it."""

    line: int
    name: str
    address: int | None
    vlan: int | None
    zone: str


class PlanPort(NamedTuple):
    """A port as the port map prints it."""

    line: int
    device: str
    port: str
    to: str
    lag: str
    vlan: str


@dataclass(slots=True)
class Documents:
    """What the address plan and the port map say; empty where they are not there."""

    plan_file: str = ""
    map_file: str = ""
    networks: list[PlanNetwork] = field(default_factory=list)
    hosts: list[PlanHost] = field(default_factory=list)
    ports: list[PlanPort] = field(default_factory=list)


Device = Switch | Firewall


@dataclass(slots=True)
class Site:
    """All that is written about one site."""

    code: str
    switches: list[Switch] = field(default_factory=list)
    firewalls: list[Firewall] = field(default_factory=list)
    documents: Documents = field(default_factory=Documents)
    unread: list[tuple[str, str]] = field(default_factory=list)  # file, platform without a parser
