"""What the catalogue holds: data that users extend without touching Python."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from .base import Address, Count, Mac, Mbps, Model, Name, Prefix, SchemaVersion, Text, VlanId
from .organisation import Tier
from .settings import Level
from .site import Equipment, Flow, Role, Rooms, Segment

Positive = Annotated[float, Field(gt=0, le=100_000)]
Source = Annotated[tuple[Text, ...], Field(min_length=1)]
FitOutKind = Literal[
    "panel", "fibre-panel", "cable-manager", "tray", "shelf", "ups", "storage", "server", "render"
]
CordLength = Literal["panel", "cabinet", "between", "carrier", "outlet", "stack"]
CordKind = Literal[
    "carrier",
    "firewall",
    "inter-switch",
    "peer-link",
    "heartbeat",
    "stack",
    "server",
    "office",
    "media",
    "access-point",
    "security",
]


Product = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 +./()_-]*$",
        max_length=60,
        description="An order number: letters, digits, spaces and + . / ( ) _ -",
    ),
]
PortNames = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^([A-Za-z0-9/._-]|\{n\}|\{member\})+$",
        max_length=40,
        description="As the platform writes it; {n} counts, {member} is the stack member.",
    ),
]
PortName = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9/._-]+$",
        max_length=40,
        description="As the platform writes it, such as port1",
    ),
]
Fqdn = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$",
        max_length=253,
        description="A name such as www.example.org or *.example.org",
    ),
]


class Zone(Model):
    """Networks that trust each other alike."""

    vlan: VlanId | None
    trust: Annotated[int, Field(strict=True, ge=0, le=5)]
    title: Text
    title_fr: Text | None = None
    purpose: Text
    purpose_fr: Text | None = None
    authentication: Literal["eap", "mab", "none"] = "none"
    lease_hours: Annotated[int, Field(strict=True, ge=1, le=720)] = 192
    dscp: Annotated[int, Field(strict=True, ge=0, le=63)] | None = None
    content: bool = False
    external: bool = False
    isolated: bool = False
    firewall_services: tuple[Literal["dns", "ntp", "dhcp", "ping"], ...] = ()
    source: tuple[Text, ...] = ()


class Zones(Model):
    """The file of zones."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    zones: dict[Name, Zone]


class NetworkConstants(Model):
    """Numbers that are the same at every site, and the addresses that are not the Internet."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    blackhole_vlan: VlanId
    native_vlan: VlanId
    mlag_vlan: VlanId
    private: tuple[Prefix, ...]
    management_hosts: dict[Role, Count]
    mlag_prefix: Prefix
    virtual_mac: Mac
    health_targets: Annotated[tuple[Address, ...], Field(min_length=1)]


class Never(Model):
    """A conversation that no policy may allow, whatever a site adds.

    Where it goes is one of: named zones, every internal zone except some, every private address.
    """

    id: Name
    title: Text
    source: tuple[Name, ...]
    destination: tuple[Name, ...] = ()
    destination_except: tuple[Name, ...] = ()
    destination_private: bool = False
    except_services: tuple[Name, ...] = ()
    except_serving: Name | None = None
    source_rule: Text


class StandardFlow(Flow):
    """A flow of the standard: its number is the id of its rules at every site."""

    number: Annotated[int, Field(strict=True, ge=1, le=999)]
    reason_fr: Text | None = None


class Flows(Model):
    """The group's flows and what may never be."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    flows: tuple[StandardFlow, ...]
    never: tuple[Never, ...] = ()


class Terms(Model):
    """One protocol with its ports, as numbers or ranges in text."""

    protocol: Literal["tcp", "udp", "icmp", "esp", "gre"]
    ports: tuple[Annotated[str, Field(strict=True, pattern=r"^\d{1,5}(-\d{1,5})?$")], ...] = ()


class ServiceEntry(Model):
    """A service: what it is called, its protocols and ports, and who says so."""

    title: Text
    terms: Annotated[tuple[Terms, ...], Field(min_length=1)]
    source: Text | tuple[Text, ...]


class DestinationEntry(Model):
    """A named set of external names or prefixes. `written`: the organisation fills it in."""

    title: Text
    fqdns: tuple[Fqdn, ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    written: bool = False
    source: Text | tuple[Text, ...]


class PortGroupEntry(Model):
    """Consecutive ports of one kind."""

    name: PortNames
    first: Count = 1
    count: Annotated[int, Field(strict=True, ge=1, le=128)]
    speeds_mbps: Annotated[tuple[Mbps, ...], Field(min_length=1)]
    media: Literal["copper", "sfp", "sfp+", "sfp28", "qsfp+", "qsfp28"]
    poe: bool = False
    default: Literal["front", "uplink", "mgmt", "wan", "ha", "lan"] = "front"


class FactoryState(Model):
    """What a firewall's ports belong to when it comes out of the box."""

    lan_switch: PortName | None = None
    members: tuple[PortName, ...] = ()
    fortilink: tuple[PortName, ...] | PortName | None = None
    dhcp: bool = False


class WifiEntry(Model):
    """The radio side of an access point."""

    standard: Text
    radios: Annotated[int, Field(strict=True, ge=1, le=4)]
    poe_w: float
    poe_class: Annotated[int, Field(strict=True, ge=1, le=8)]


class HardwareModel(Model):
    """One orderable box: ports by speed, power, stacking, throughput, size."""

    vendor: Text
    product: Product
    platform: Name
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    rack_units: float
    watts_max: float
    poe_budget_w: float = 0
    poe_port_w: float = 0
    stack_members_max: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    mlag: bool = False
    mtu_max: Count = 1500
    inspected_mbps: Mbps | None = None
    ipsec_mbps: Mbps | None = None
    fortiap_max: Count | None = None
    wifi: WifiEntry | None = None
    factory: FactoryState | None = None
    features: tuple[Name, ...] = ()
    ports: tuple[PortGroupEntry, ...]
    note: Text | None = None
    source: Text | tuple[Text, ...]


class LeadDays(Model):
    """Calendar days from order to service."""

    best: Count
    usual: Count
    bad: Count


class UplinkKind(Model):
    """A kind of line: how long it takes to get one and what it guarantees."""

    title_fr: Text
    title_en: Text
    lead_days: LeadDays
    symmetric: bool
    shared: bool
    guaranteed: bool
    repair: Text
    carrier_grade_nat: bool
    cap_days: LeadCap | None = None
    offers: Offers
    note: Text | None = None
    source: Text | tuple[Text, ...]


class Offers(Model):
    """Downstream rates one can order, Mbit/s, ascending."""

    mbps: Annotated[tuple[Mbps, ...], Field(min_length=1)]
    source: Text


class LeadCap(Model):
    """A regulatory ceiling of the lead time, in calendar days."""

    normal: Count
    complex: Count


class DscpUse(Model):
    """Which traffic carries which DSCP, and the egress queue it goes to."""

    traffic: Name
    dscp: Annotated[int, Field(strict=True, ge=0, le=63)]
    queue: Literal["ptp", "audio", "video", "best-effort"]


class IgmpUse(Model):
    """What a profile asks of multicast."""

    snooping: bool
    version: Literal[2, 3]
    querier: Literal["one", "none"] = "one"


class PtpUse(Model):
    """The clock of a profile, and what switches do about it."""

    profile: Text | None
    domain: Annotated[int, Field(strict=True, ge=0, le=127)] | None
    role: Literal["boundary", "none"]


class MulticastGroup(Model):
    """A group or range of groups that a profile uses."""

    name: Name
    addresses: Text
    service: Name


class MediaProfile(Model):
    """What one kind of media traffic asks of the switches."""

    title: Text
    dscp: tuple[DscpUse, ...]
    queues_min: Annotated[int, Field(strict=True, ge=1, le=8)]
    strict_priority: bool
    igmp: IgmpUse
    eee: bool
    mtu: Count
    flow_control: bool
    ptp: PtpUse
    max_utilisation: Annotated[float, Field(gt=0, le=1)]
    min_speed_mbps: Mbps
    storm_control_multicast: bool
    lacp_hash: Text | None = None
    groups: tuple[MulticastGroup, ...]
    services: tuple[Name, ...]
    networks: Annotated[int, Field(strict=True, ge=1, le=2)] = 1
    oversubscription: Count | None = None
    source: Text | tuple[Text, ...]


class MediaConflict(Model):
    """Two profiles that cannot share something."""

    profiles: tuple[Name, Name]
    scope: Literal["dscp-plan", "vlan"]
    reason: Text
    source: Text


class Sizing(Model):
    """Constants of the sizing rules; the rules themselves are in design/sizing.py."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    growth: Positive
    area_per_access_point_m2: Positive
    active_clients_per_person: Positive
    clients_per_access_point: Positive
    rooms_per_extra_access_point: Positive
    outlets_per_person: Positive
    outlets_per_room: Positive
    ports_per_door: Positive
    ports_per_room: Positive
    other_ports: Positive
    power_headroom: Positive
    power_w: dict[Name, Positive]
    mbps_per_person: Positive
    uplink_utilisation: Positive
    dhcp_utilisation: Positive
    dhcp_margin: Count
    static_hosts: Count
    firewall_over_uplinks: Positive
    source: dict[Name, Text]


class Colour(Model):
    """A colour of cables: its names and how it is drawn."""

    fr: Text
    en: Text
    hex: Annotated[str, Field(strict=True, pattern=r"^#[0-9a-f]{6}$")]


class FitOut(Model):
    """What stands around the devices: cabinets, panels, power, cords. Rules: render/fit_out.py."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    cabinets_u: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=4, le=52)], ...],
        Field(min_length=1, description="Heights one can order, rack units, ascending."),
    ]
    fill: Annotated[float, Field(gt=0, le=1)]
    heights_u: dict[FitOutKind, Annotated[int, Field(strict=True, ge=1, le=10)]]
    panel_ports: Annotated[int, Field(strict=True, ge=12, le=48)]
    ups_va: Annotated[
        tuple[Count, ...], Field(min_length=1, description="Ratings one can order, ascending.")
    ]
    ups_power_factor: Annotated[float, Field(gt=0, le=1)]
    ups_growth: Positive
    ups_minutes: Count
    ups_minutes_of: dict[Name, Count] = Field(default_factory=dict)
    cord_m: dict[CordLength, Positive]
    colours: dict[CordKind, Name]
    palette: dict[Name, Colour]
    source: dict[Name, Text]

    @model_validator(mode="after")
    def _complete(self) -> FitOut:
        for what, have, want in (
            ("heights_u", self.heights_u, get_args(FitOutKind)),
            ("cord_m", self.cord_m, get_args(CordLength)),
            ("colours", self.colours, get_args(CordKind)),
            ("palette", self.palette, self.colours.values()),
        ):
            if missing := sorted(set(want) - set(have)):
                raise ValueError(f"{what} lacks {', '.join(missing)}")
        return self


class Span(Model):
    """A default with the bounds an archetype is meant for."""

    default: Count
    min: Count
    max: Count


class Ssid(Model):
    """A wireless network of the archetype and the segment it lands in."""

    segment: Name
    security: Literal["wpa3-enterprise", "wpa2-psk-per-device", "guest"]
    bands: tuple[Literal["2.4", "5", "6"], ...] = ("5",)


class StandardHardware(Model):
    """What `sitekit new site` writes: models from small to large, the first that is enough."""

    firewall: Annotated[tuple[Name, ...], Field(min_length=1)]
    core: tuple[Name, ...] = ()
    access: Annotated[tuple[Name, ...], Field(min_length=1)]
    access_point: Name
    uplinks: Annotated[tuple[Name, ...], Field(min_length=1)]
    interim: Name


class ProductionRange(Model):
    """Where productions with a network of their own stand: one slice per production slot."""

    slot: Count
    prefix_length: Annotated[int, Field(strict=True, ge=20, le=26)]
    each: Annotated[int, Field(strict=True, ge=24, le=28)]


class Archetype(Level):
    """The standard a kind of site is built to."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    name: Name
    title_fr: Text
    title_en: Text
    people: Span
    area_m2: Span
    rooms: Rooms
    equipment: Equipment
    tier: Tier
    redundancy: Literal["none", "wan", "full"]
    uplink_floor_mbps: Mbps
    block_length: Annotated[int, Field(strict=True, ge=16, le=24)]
    slot_length: Annotated[int, Field(strict=True, ge=24, le=30)]
    productions: ProductionRange | None = None
    hardware: StandardHardware
    segments: Annotated[tuple[Segment, ...], Field(min_length=1)]
    ssids: tuple[Ssid, ...] = ()
    flows: tuple[Flow, ...] = ()
