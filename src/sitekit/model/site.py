"""What the owner of a site writes: one office at one address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import (
    Address,
    Count,
    Day,
    Hostname,
    Mac,
    Mbps,
    Model,
    Name,
    Prefix,
    SchemaVersion,
    SiteCode,
    Text,
    VlanId,
)
from .cloud import SiteCloud
from .settings import Level
from .standard import StandardChoice


class Role(StrEnum):
    """What a device is for. One template per role and platform."""

    FIREWALL = "firewall"
    CORE = "core-switch"
    ACCESS = "access-switch"
    ACCESS_POINT = "access-point"


class EndpointKind(StrEnum):
    """What stands at the other end of a port; decides speed, authentication and port purpose."""

    WORKSTATION = "workstation"
    EDIT_SEAT = "edit-seat"
    PHONE = "phone"
    PRINTER = "printer"
    CAMERA = "camera"
    RECORDER = "recorder"
    DOOR = "door-controller"
    ALARM = "alarm-panel"
    ROOM = "room-system"
    SENSOR = "sensor"
    SERVER = "server"
    STORAGE = "storage"
    RENDER = "render-node"
    TRANSFER = "transfer-station"
    AUDIO = "audio-device"
    VIDEO = "video-device"
    MEDIA_2110 = "st2110-device"


class PostalAddress(Model):
    """Where the office is."""

    street: Text
    postcode: Annotated[
        str,
        Field(strict=True, pattern=r"^[A-Z0-9 -]{3,10}$", description="Such as 75012, in quotes."),
    ]
    city: Text
    country: Annotated[
        str, Field(strict=True, pattern=r"^[A-Z]{2}$", description="Two capitals, such as FR.")
    ] = "FR"


class StaticAddress(Model):
    """A fixed public address of an uplink: prefix with our host bits, and the carrier's side."""

    address: Address
    prefix_length: Annotated[int, Field(strict=True, ge=8, le=31)]
    gateway: Address


class Uplink(Model):
    """A line to a carrier. `interim` uplinks open the office; `final` ones take over later."""

    name: Name
    kind: Name
    carrier: Name
    down_mbps: Mbps
    up_mbps: Mbps
    addressing: Literal["dhcp"] | StaticAddress = "dhcp"
    ordered: Day
    lead_days: Annotated[int, Field(strict=True, ge=0, le=400)] | None = None
    stage: Literal["interim", "final"] = "final"
    path: Text | None = None


Serial = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
        max_length=40,
        description="Letters, digits and hyphens, as on the label.",
    ),
]


class Device(Model):
    """One box, or one stack of boxes. `count` is for access points, which come in numbers."""

    name: Hostname | None = None
    role: Role
    model: Name
    platform: Name | None = None
    serial: Serial | Annotated[tuple[Serial, ...], Field(max_length=9)] | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=200)] = 1
    stack: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    management: Address | None = None

    @model_validator(mode="after")
    def _only_access_points_are_counted(self) -> Device:
        if self.count > 1 and self.role is not Role.ACCESS_POINT:
            raise ValueError("count is for access points", "write one entry per device")
        if self.count > 1 and self.name:
            raise ValueError("name and count exclude each other", "leave name out: it is chosen")
        if self.stack > 1 and self.role not in (Role.CORE, Role.ACCESS):
            raise ValueError("only switches form a stack", "remove stack:")
        return self


class PortChoice(Model):
    """A port that somebody decided: on this device, with this interface name."""

    device: Hostname
    port: Annotated[str, Field(strict=True, min_length=1, max_length=40)]


class Endpoint(Model):
    """A machine that needs a fixed port, a fixed address or several links."""

    name: Hostname
    kind: EndpointKind
    segment: Name
    also: tuple[Name, ...] = ()
    mac: Mac | None = None
    address: Address | None = None
    port: PortChoice | None = None
    speed_mbps: Mbps | None = None
    links: Annotated[int, Field(strict=True, ge=1, le=8)] = 1
    poe_w: Annotated[int, Field(strict=True, ge=0, le=90)] | None = None
    serves: tuple[Name, ...] = ()


class Leases(Model):
    """How many addresses a segment hands out, per unit of what the site has."""

    person: Annotated[float, Field(ge=0, le=10)] = 0
    edit_seat: Annotated[float, Field(ge=0, le=10)] = 0
    meeting_room: Annotated[float, Field(ge=0, le=20)] = 0
    camera: Annotated[float, Field(ge=0, le=5)] = 0
    door: Annotated[float, Field(ge=0, le=10)] = 0
    printer: Annotated[float, Field(ge=0, le=5)] = 0
    access_point: Annotated[float, Field(ge=0, le=5)] = 0
    fixed: Annotated[int, Field(strict=True, ge=0, le=5000)] = 0


class Segment(Model):
    """Hosts that share a VLAN, a prefix and a zone. Its slot is written, never counted."""

    name: Name
    zone: Name
    vlan: VlanId
    slot: Annotated[int, Field(strict=True, ge=0, le=4095)]
    prefix_length: Annotated[int, Field(strict=True, ge=20, le=30)]
    gateway: Literal["firewall", "core", "none"] = "firewall"
    dhcp: Literal["dynamic", "reserved", "none"] = "dynamic"
    leases: Leases = Leases()
    mtu: Annotated[int, Field(strict=True, ge=1280, le=9216)] | None = None
    media: Name | None = None
    reason: Text | None = None


class Flow(Model):
    """A permission between zones (or segments or prefixes), with services and a reason."""

    source: Name | Prefix
    destination: Name | Prefix
    services: Annotated[tuple[Name, ...], Field(min_length=1)]
    to: tuple[Name, ...] = ()
    from_serving: Name | None = None
    to_serving: Name | None = None
    inspect: Literal["none", "standard", "content"] = "none"
    log: Literal["all", "start"] = "all"
    limit: Literal["none", "guest"] = "none"
    reason: Text


class Rooms(Model):
    """How many rooms of each kind."""

    open_space: Count | None = None
    desk: Count | None = None
    meeting: Count | None = None
    reception: Count | None = None
    screening: Count | None = None
    edit_cell: Count | None = None
    grading: Count | None = None
    mix: Count | None = None
    machine_room: Count | None = None
    data_io_room: Count | None = None
    stage: Count | None = None
    control_room: Count | None = None
    audio_booth: Count | None = None
    dressing: Count | None = None
    production: Count | None = None
    accounting: Count | None = None
    costume: Count | None = None


class Equipment(Model):
    """What hangs on the network besides people's own machines."""

    cameras: Count | None = None
    doors: Count | None = None
    edit_seats: Count | None = None
    printers: Count | None = None
    desk_phones: Count | None = None


class Site(Level):
    """One office, managed as a unit. Its code is the name of its file."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    name: Text
    subsidiary: Name
    archetype: Name
    standard: StandardChoice | None = None
    address: PostalAddress
    area_m2: Annotated[int, Field(strict=True, ge=5, le=100_000)]
    people: Annotated[int, Field(strict=True, ge=1, le=5000)]
    opens: Day
    closes: Day | None = None
    block: Prefix | None = None
    rooms: Rooms = Rooms()
    equipment: Equipment = Equipment()
    uplinks: Annotated[tuple[Uplink, ...], Field(min_length=1)]
    devices: Annotated[tuple[Device, ...], Field(min_length=1)]
    endpoints: tuple[Endpoint, ...] = ()
    segments: tuple[Segment, ...] = ()
    flows: tuple[Flow, ...] = ()
    cloud: SiteCloud = SiteCloud()


class AssignedPort(Model):
    """What a port was given to, as the tool chose it."""

    purpose: Name
    to: Annotated[str, Field(strict=True, max_length=63)] = ""
    segment: Name | None = None
    lag: Annotated[int, Field(strict=True, ge=1, le=512)] | None = None


class Assigned(Model):
    """The memory of what sitekit chose for a site and people have typed since.

    Written by `sitekit new` and `sitekit design --assign`, by nothing else.
    """

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    site: SiteCode
    block: Prefix | None = None
    devices: dict[str, tuple[Hostname, ...]] = Field(default_factory=dict)
    management: dict[Hostname, Address] = Field(default_factory=dict)
    addresses: dict[Hostname, Address] = Field(default_factory=dict)
    ports: dict[Hostname, dict[str, AssignedPort]] = Field(default_factory=dict)
    tunnels: dict[str, Annotated[int, Field(strict=True, ge=1, le=255)]] = Field(
        default_factory=dict
    )
    asn: int | None = None
