"""The shape of a finished design: plain frozen values, all numbers decided.

SiteDesign
├── networks, policy (rules, never-proofs), sizing, uplinks, tunnels, wifi, qos, ptp
└── devices: SwitchDesign | FirewallDesign | AccessPointDesign, the only thing a template sees
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from ..errors import Place
from ..findings import Finding
from ..model.settings import Settings
from ..model.site import Role

# --- addresses ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpReservation:
    """One machine that always gets the same address."""

    name: str
    mac: str
    address: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpScope:
    """What a network hands out, and for how long. Served by the firewall, relayed by a core."""

    first: IPv4Address
    last: IPv4Address
    lease_seconds: int
    domain: str
    dns_servers: tuple[IPv4Address, ...]
    ntp_servers: tuple[IPv4Address, ...]
    reservations: tuple[DhcpReservation, ...]
    reserved_only: bool  # only machines with a reservation are served


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPort:
    """What a media profile asks of a network and its ports."""

    profile: str
    igmp_snooping: bool
    igmp_version: int
    flow_control: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A segment with its numbers: VLAN, prefix, gateway, DHCP."""

    name: str
    zone: str
    zone_title: str
    trust: int  # of the zone, 0 public to 5 critical
    vlan: int
    prefix: IPv4Network
    gateway_on: Literal["firewall", "core", "none"]
    gateway: IPv4Address | None  # first usable address; None where nothing routes
    dhcp: DhcpScope | None
    mtu: int
    purpose: str
    media: MediaPort | None
    place: Place


# --- policy ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTerm:
    """One protocol with port ranges, inclusive; no ranges means every port."""

    protocol: Literal["tcp", "udp", "icmp", "esp", "gre"]
    ports: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A named service with its protocols and ports."""

    name: str
    title: str
    terms: tuple[ServiceTerm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressObject:
    """A named set of addresses as rules use it: one name always means one set."""

    name: str
    kind: Literal["network", "host", "prefixes", "fqdn", "internet", "any"]
    prefixes: tuple[IPv4Network, ...]
    fqdns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A derived permit (or deny) between networks. Order is position; `number` is its stable id."""

    number: int
    name: str  # unique in a site, at most 35 characters
    action: Literal["permit", "deny"]
    source_zone: str
    destination_zone: str
    ingress: str  # zone of the firewall interface where it arrives (transit for core networks)
    egress: str
    sources: tuple[AddressObject, ...]
    destinations: tuple[AddressObject, ...]
    services: tuple[Service, ...]  # empty: every service
    nat: bool
    log: Literal["all", "start"]
    inspect: Literal["none", "standard", "content"]
    limit_mbps: int | None
    enforced_by: Literal["firewall", "core"]
    published: str | None  # name of the PublishedService behind it
    reason: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedService:
    """A machine in the dmz that the Internet may reach, on one uplink address."""

    name: str
    uplink: str
    interface: str  # firewall port of the uplink
    external: IPv4Address
    mapped: IPv4Address
    services: tuple[Service, ...]


# --- uplinks and tunnels -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkDesign:
    """A line to a carrier as the firewall sees it."""

    number: int  # SD-WAN member id and priority: 1 is preferred
    name: str
    kind: str
    title: str
    carrier: str
    port: str
    down_mbps: int
    up_mbps: int
    address: IPv4Address | None  # None: by DHCP
    prefix_length: int | None
    gateway: IPv4Address | None
    interim: bool
    ready: date
    cut_over: date | None  # when an interim uplink hands over to a final one
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class IpsecProposal:
    """Every parameter, because Azure takes a custom policy only when it is complete."""

    encryption: str = "aes256gcm"  # phase 2; phase 1 uses phase1_encryption
    phase1_encryption: str = "aes256"
    phase1_integrity: str = "sha384"
    dh_group: int = 20
    pfs_group: int = 20
    phase1_seconds: int = 28800
    phase2_seconds: int = 27000
    dpd_seconds: int = 15
    mss: int = 1350


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """One IPsec IKEv2 tunnel from one uplink to one gateway of the Azure hub."""

    number: int
    name: str  # at most 15 characters
    uplink: str
    port: str  # firewall port of the uplink
    local_address: IPv4Address
    remote_address: IPv4Address
    remote_bgp_address: IPv4Address
    psk: str  # secret reference
    proposal: IpsecProposal


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpPlan:
    """Routing with the hub."""

    asn: int
    router_id: IPv4Address  # also the loopback that sessions come from
    remote_asn: int
    advertise: tuple[IPv4Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A static route of a device."""

    prefix: IPv4Network
    next_hop: IPv4Address | None  # None: through `interface`, or to nowhere when that is None too
    interface: str | None
    distance: int
    reason: str


# --- media -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QosClass:
    """One egress queue: 7 is served first; strict queues empty before the others share percent."""

    name: Literal["ptp", "audio", "voice", "video", "best-effort"]
    queue: int
    dscps: tuple[int, ...]
    strict: bool
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QosPlan:
    """The one DSCP plan of a site; every switch has the same."""

    name: str
    classes: tuple[QosClass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PtpPlan:
    """The clock of a media profile that needs help from switches."""

    mode: Literal["boundary"]
    domain: int
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IgmpVlan:
    """IGMP snooping in one VLAN; exactly one device per VLAN is its querier."""

    vlan: int
    version: int
    querier: bool
    querier_address: IPv4Address | None  # set where querier is true


# --- ports -------------------------------------------------------------------------------------


class PortPurpose(StrEnum):
    """Why a port is there. Every port of every device has exactly one."""

    ACCESS = "access"
    EDIT_SEAT = "edit-seat"
    ACCESS_POINT = "access-point"
    CAMERA = "camera"
    DOOR = "door"
    ALARM = "alarm"
    PRINTER = "printer"
    ROOM = "room"
    SENSOR = "sensor"
    SERVER = "server"
    STORAGE = "storage"
    RENDER = "render"
    TRANSFER = "transfer"
    AUDIO = "audio"
    VIDEO = "video"
    ST2110 = "st2110"
    INTER_SWITCH = "inter-switch"
    PEER_LINK = "peer-link"
    FIREWALL = "firewall"
    SWITCH = "switch"  # a firewall's port towards a switch
    UPLINK = "uplink"
    HEARTBEAT = "heartbeat"
    MANAGEMENT = "management"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortProfile:
    """All that the body of a switch port depends on; equal profiles give equal text."""

    purpose: PortPurpose
    mode: Literal["access", "trunk", "member", "unused", "management"]
    vlan: int | None  # access VLAN; the black-hole VLAN where unused
    voice_vlan: int | None
    native_vlan: int | None  # trunks: untagged VLAN
    allowed_vlans: tuple[int, ...]  # trunks, ascending, native included
    authentication: Literal["eap", "mab", "none"]  # eap: 802.1X, then MAC
    guest_vlan: int | None  # where an unknown machine or a dead RADIUS leaves an office port
    edge: bool  # a host: STP edge port with BPDU guard
    root_guard: bool  # towards a switch that must never become root
    trusted: bool  # DHCP and ARP are believed here
    source_guard: bool
    storm_control: Literal["none", "broadcast", "all"]  # media ports: never multicast
    poe: bool | None  # None: the port has none
    speed_mbps: int | None  # forced; None: negotiated
    mtu: int
    eee: bool  # False: energy saving is switched off (it delays media)
    flow_control: bool
    qos: bool  # the site's QosPlan applies
    ptp: bool
    lag: int | None  # mode member: the LAG it belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One physical port of a switch."""

    name: str
    member: int  # stack member, 1 where there is no stack
    description: str
    peer: str  # name of what hangs on it; empty where unused or a free outlet
    network: str | None
    profile: PortProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """A link aggregation group (LACP active)."""

    number: int
    description: str
    peer: str
    members: tuple[str, ...]
    profile: PortProfile
    mlag: int | None  # MLAG id where both devices of a pair carry it


# --- switches ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan:
    """One VLAN as a switch knows it."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AclEntry:
    """One line of a stateless access list; `established` matches replies of TCP only."""

    sequence: int
    action: Literal["permit", "deny"]
    protocol: Literal["ip", "tcp", "udp", "icmp", "esp", "gre"]
    source: IPv4Network | None  # None: any
    source_ports: tuple[int, int] | None
    destination: IPv4Network | None
    destination_ports: tuple[int, int] | None
    established: bool
    log: bool
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """A named access list, ended by an explicit deny."""

    name: str
    entries: tuple[AclEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Svi:
    """A routed VLAN interface of a switch: management, transit, and `gateway: core` networks."""

    vlan: int
    description: str
    address: IPv4Address
    prefix_length: int
    virtual_address: IPv4Address | None  # shared by an MLAG pair
    mtu: int
    acl_in: str | None
    relays: tuple[IPv4Address, ...]
    management: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MlagPlan:
    """How the two devices of an MLAG pair know each other."""

    domain: str
    vlan: int
    address: IPv4Address
    prefix_length: int
    peer_address: IPv4Address
    peer_link: int  # LAG number
    virtual_mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackMember:
    """One box of a switch stack."""

    number: int
    product: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpAssociation:
    """A time server as one device asks it: with the key for the platform's algorithm."""

    address: IPv4Address
    key_id: int
    key: str  # secret reference


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDesign:
    """All that a switch's template needs."""

    name: str
    role: Role
    platform: str
    model: str
    product: str
    serials: tuple[str, ...]
    site: SiteFacts
    description: str
    ntp: tuple[NtpAssociation, ...]
    management: Svi
    gateway: IPv4Address  # of the management network
    vlans: tuple[Vlan, ...]
    svis: tuple[Svi, ...]  # all but management
    routes: tuple[Route, ...]
    routing: bool
    acls: tuple[Acl, ...]
    ports: tuple[Port, ...]
    lags: tuple[Lag, ...]
    members: tuple[StackMember, ...]  # one where there is no stack
    mlag: MlagPlan | None
    stp_priority: int
    snooping_vlans: tuple[int, ...]  # DHCP snooping
    inspection_vlans: tuple[int, ...]  # ARP inspection
    igmp: tuple[IgmpVlan, ...]
    qos: QosPlan | None
    ptp: PtpPlan | None
    max_mtu: int
    authentication: bool  # some port asks for 802.1X or MAC authentication
    source_guard: bool


# --- firewalls ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallPort:
    """One physical port of a firewall."""

    name: str
    purpose: PortPurpose
    description: str
    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallInterface:
    """A VLAN interface of the firewall: the gateway of a network, or the transit to a core."""

    name: str  # at most 15 characters
    network: Network
    parent: str
    address: IPv4Address
    own_services: tuple[Literal["dns", "ntp", "dhcp", "ping"], ...]
    administration: bool  # the management plane answers here (to administration prefixes)
    captive_portal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpServer:
    """A scope as the firewall serves it; `relay_agent` is set for networks behind a core."""

    number: int
    network: Network
    interface: str
    relay_agent: IPv4Address | None
    gateway: IPv4Address
    first: IPv4Address
    last: IPv4Address
    scope: DhcpScope


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGroup:
    """The interfaces of one zone on the firewall; traffic inside it is denied too."""

    zone: str
    title: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaPlan:
    """An active-passive pair."""

    group_id: int
    group_name: str
    priority: int  # the higher one is active
    heartbeat: tuple[str, ...]
    monitor: tuple[str, ...]
    secret: str  # secret reference


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUserPlan:
    """Dial-up IKEv2 for people on the road, signed in at Entra."""

    pool: IPv4Network
    first: IPv4Address
    last: IPv4Address
    tenant: str
    certificate: str
    host: str  # the name that people connect to, known to Entra as well
    psk: str  # secret reference, of its own
    uplink: str
    port: str
    dns_servers: tuple[IPv4Address, ...]
    proposal: IpsecProposal


@dataclass(frozen=True, slots=True, kw_only=True)
class SsidPlan:
    """One wireless network."""

    name: str  # at most 15 characters, unique
    ssid: str
    network: Network
    security: Literal["wpa3-enterprise", "wpa2-psk-per-device", "portal", "owe"]
    bands: tuple[str, ...]
    key: str | None  # secret reference
    isolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPointDesign:
    """One access point: where it hangs and which channels it uses."""

    name: str
    role: Role
    platform: str
    model: str
    product: str
    serials: tuple[str, ...]
    site: SiteFacts
    address: IPv4Address | None  # None: by DHCP in the management network
    switch: str
    port: str
    channel_24: int
    channel_5: int
    width_5: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WifiPlan:
    """The radio side of a site."""

    country: str
    ssids: tuple[SsidPlan, ...]
    access_points: tuple[AccessPointDesign, ...]
    products: tuple[str, ...]  # order numbers of the access points, each once


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallDesign:
    """All that a firewall's template needs."""

    name: str
    role: Role
    platform: str
    model: str
    product: str
    serials: tuple[str, ...]
    site: SiteFacts
    description: str
    ntp: tuple[NtpAssociation, ...]
    management_address: IPv4Address
    management_network: Network
    factory_switch: str | None
    factory_members: tuple[str, ...]
    factory_fortilink: tuple[str, ...]
    ports: tuple[FirewallPort, ...]
    lan: str  # parent of all VLAN interfaces: the LAG, or one port
    lan_members: tuple[str, ...]  # ports of the LAG; one port: lan is that port itself
    lag: bool
    interfaces: tuple[FirewallInterface, ...]
    zones: tuple[ZoneGroup, ...]
    dhcp: tuple[DhcpServer, ...]
    uplinks: tuple[UplinkDesign, ...]
    health_targets: tuple[IPv4Address, ...]
    tunnels: tuple[Tunnel, ...]
    hub_prefixes: tuple[IPv4Network, ...]
    bgp: BgpPlan | None
    routes: tuple[Route, ...]
    addresses: tuple[AddressObject, ...]  # every object the policy uses, once
    services: tuple[Service, ...]  # every service the policy uses, once
    policy: tuple[Rule, ...]  # enforced_by firewall, in order
    published: tuple[PublishedService, ...]
    guest_limit_mbps: int | None
    wifi: WifiPlan | None
    remote_users: RemoteUserPlan | None
    ha: HaPlan | None
    private: tuple[IPv4Network, ...]  # never leave through an uplink


DeviceDesign = SwitchDesign | FirewallDesign | AccessPointDesign

# --- the site ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A supplier that whoever stands on site may have to ring."""

    kind: Literal["managed-services", "carrier"]
    name: str
    contact: str
    phone: str  # empty where nobody wrote one
    contract: str
    uplinks: tuple[str, ...]  # of a carrier: its lines at this site


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What every device of a site shares."""

    code: str
    name: str
    organisation: str
    subsidiary: str
    archetype: str
    archetype_title: str
    city: str
    country: str
    settings: Settings
    block: IPv4Network
    administration: tuple[IPv4Network, ...]  # from where devices may be managed
    blackhole_vlan: int
    native_vlan: int
    contacts: tuple[Contact, ...] = ()  # managed services first, then carriers of its uplinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the sizing with the rule that gave it, and what the written hardware offers."""

    name: str
    value: int
    unit: str
    rule: str
    available: int | None = None  # None: nothing written answers to it

    @property
    def enough(self) -> bool:
        """True where the written hardware covers the figure, or nothing has to."""
        return self.available is None or self.available >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A never-rule and how it was proved."""

    rule: str
    title: str
    method: str
    holds: bool
    counterexample: str
    remedy: str
    place: Place | None  # of what breaks it; None where it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class PortUse:
    """One row of the port map: any port of any device."""

    device: str
    port: str
    purpose: PortPurpose
    to: str  # what hangs on it, by name
    peer: str  # the same with its port, where that is known
    network: str
    vlan: str
    speed: str
    poe_w: int
    lag: int | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """One link between two named devices."""

    left: str
    left_port: str
    right: str
    right_port: str
    kind: Literal["inter-switch", "firewall", "peer-link", "heartbeat", "uplink", "access-point"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAddress:
    """A machine that others look for, with the address it keeps."""

    name: str
    network: str
    address: IPv4Address
    mac: str  # empty where nobody wrote it: then the machine itself is set to the address


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What sitekit chose and people type: the content of `sites/<code>.assigned.yaml`."""

    names: tuple[tuple[str, tuple[str, ...]], ...]  # role, names of its unnamed devices
    management: tuple[tuple[str, IPv4Address], ...]
    addresses: tuple[tuple[str, IPv4Address], ...]


@dataclass(frozen=True, kw_only=True)
class SiteDesign:
    """A site with every number decided."""

    facts: SiteFacts
    zone_titles: dict[str, str]  # in the site's language, by zone
    networks: tuple[Network, ...]
    policy: tuple[Rule, ...]
    proofs: tuple[Proof, ...]
    sizing: tuple[Figure, ...]
    uplinks: tuple[UplinkDesign, ...]
    tunnels: tuple[Tunnel, ...]
    wifi: WifiPlan | None
    qos: QosPlan | None
    ports: tuple[PortUse, ...]
    cables: tuple[Cable, ...]
    devices: tuple[DeviceDesign, ...]
    fixed: tuple[FixedAddress, ...]
    choices: Choices
    findings: tuple[Finding, ...]

    @cached_property
    def network(self) -> dict[str, Network]:
        """Networks by name."""
        return {network.name: network for network in self.networks}
