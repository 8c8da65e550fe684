"""What asks for switch ports: written endpoints first, then what the sizing counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from ..errors import Place
from ..load.catalogue import Catalogue
from ..load.organisation import SiteInputs
from ..model.site import Endpoint, EndpointKind
from .needs import Needs
from .result import Network, PortPurpose
from .sizing import exact
from .units import Units

PURPOSE = {
    EndpointKind.WORKSTATION: PortPurpose.ACCESS,
    EndpointKind.EDIT_SEAT: PortPurpose.EDIT_SEAT,
    EndpointKind.PHONE: PortPurpose.ACCESS,
    EndpointKind.PRINTER: PortPurpose.PRINTER,
    EndpointKind.CAMERA: PortPurpose.CAMERA,
    EndpointKind.RECORDER: PortPurpose.CAMERA,
    EndpointKind.DOOR: PortPurpose.DOOR,
    EndpointKind.ALARM: PortPurpose.ALARM,
    EndpointKind.ROOM: PortPurpose.ROOM,
    EndpointKind.SENSOR: PortPurpose.SENSOR,
    EndpointKind.SERVER: PortPurpose.SERVER,
    EndpointKind.STORAGE: PortPurpose.STORAGE,
    EndpointKind.RENDER: PortPurpose.RENDER,
    EndpointKind.TRANSFER: PortPurpose.TRANSFER,
    EndpointKind.AUDIO: PortPurpose.AUDIO,
    EndpointKind.VIDEO: PortPurpose.VIDEO,
    EndpointKind.MEDIA_2110: PortPurpose.ST2110,
}
# Port speed in Mbit/s where nothing is written; everything else has 1 Gbit/s.
SPEED = {
    EndpointKind.STORAGE: 25_000,
    EndpointKind.MEDIA_2110: 25_000,
    EndpointKind.RENDER: 10_000,
    EndpointKind.EDIT_SEAT: 10_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One machine, or one outlet, that wants `links` ports."""

    to: str
    purpose: PortPurpose
    network: str
    speed_mbps: int
    poe_w: int
    links: int
    port: tuple[str, str] | None  # device and interface that somebody wrote
    spread: bool  # neighbours go to different switches
    core: int | None  # red and blue paths: the one core that has the network
    place: Place


def demands(
    inputs: SiteInputs, networks: Mapping[str, Network], units: Units, needs: Needs
) -> list[Demand]:
    """Everything that wants a port, in the order in which ports are given."""
    written = list(_endpoints(inputs, networks, paths(networks.values(), inputs.catalogue)))
    named = [d for d in written if d.port or d.links > 1]
    rest = [d for d in written if not (d.port or d.links > 1)]
    counted = list(_counted(inputs, networks, units, needs))
    return [*named, *rest, *counted]


def _endpoints(
    inputs: SiteInputs, networks: Mapping[str, Network], paths: Mapping[str, int]
) -> Iterator[Demand]:
    for index, endpoint in enumerate(inputs.site.endpoints):
        for name in (endpoint.segment, *endpoint.also):
            if name not in networks:
                continue
            yield Demand(
                to=endpoint.name,
                purpose=PURPOSE[endpoint.kind],
                network=name,
                speed_mbps=endpoint.speed_mbps or SPEED.get(endpoint.kind, 1000),
                poe_w=endpoint.poe_w if endpoint.poe_w is not None else _watts(inputs, endpoint),
                links=endpoint.links,
                port=(endpoint.port.device, endpoint.port.port) if endpoint.port else None,
                spread=False,
                core=paths.get(name),
                place=inputs.place("endpoints", index),
            )


def paths(networks: Iterable[Network], catalogue: Catalogue) -> dict[str, int]:
    """Networks of profiles with two separate paths, by name: which core carries each.

    In VLAN order the first is the red path on the first core, the second the blue one.
    """
    apart = [n for n in networks if n.media and catalogue.media[n.media.profile].networks > 1]
    return {n.name: index for index, n in enumerate(sorted(apart, key=lambda n: n.vlan))}


def _watts(inputs: SiteInputs, endpoint: Endpoint) -> int:
    power = inputs.catalogue.sizing.power_w
    match endpoint.kind:
        case EndpointKind.CAMERA:
            return ceil(power["camera"])
        case EndpointKind.DOOR:
            return ceil(power["door"] / 2)
        case EndpointKind.PHONE:
            return ceil(power["phone"])
        case EndpointKind.ROOM:
            return ceil(power["room"])
        case _:
            return 0


def _counted(
    inputs: SiteInputs, networks: Mapping[str, Network], units: Units, needs: Needs
) -> Iterator[Demand]:
    """Access points, then what the archetype counts beyond the written endpoints, desks last."""
    sizing = inputs.catalogue.sizing
    power = {name: ceil(value) for name, value in sizing.power_w.items()}
    standard = inputs.place("archetype")
    for unit in units.access_points:
        wifi = unit.hardware.wifi
        yield _outlet(
            unit.name,
            PortPurpose.ACCESS_POINT,
            _first(networks, "net_mgmt"),
            poe_w=ceil(wifi.poe_w) if wifi else power["access_point"],
            spread=True,
            place=unit.place,
        )
    edit = _first(networks, "post", "corp")
    yield from _series(
        inputs,
        "edit",
        PortPurpose.EDIT_SEAT,
        edit,
        needs.edit_seats,
        EndpointKind.EDIT_SEAT,
        speed=10_000 if edit == "post" else 1000,
    )
    yield from _series(
        inputs,
        "camera",
        PortPurpose.CAMERA,
        _first(networks, "cctv"),
        needs.cameras,
        EndpointKind.CAMERA,
        poe_w=power["camera"],
    )
    per_door = ceil(sizing.ports_per_door)
    door_power = ceil(exact(sizing.power_w["door"]) / per_door)
    yield from _series(
        inputs,
        "door",
        PortPurpose.DOOR,
        _first(networks, "eac"),
        needs.doors * per_door,
        EndpointKind.DOOR,
        poe_w=door_power,
    )
    per_room = ceil(sizing.ports_per_room)
    yield from _series(
        inputs,
        "room",
        PortPurpose.ROOM,
        _first(networks, "av", "guest"),
        needs.meeting_rooms * per_room,
        EndpointKind.ROOM,
        poe_w=ceil(exact(sizing.power_w["room"]) / per_room),
    )
    yield from _series(
        inputs,
        "printer",
        PortPurpose.PRINTER,
        _first(networks, "print"),
        needs.printers,
        EndpointKind.PRINTER,
    )
    desks = ceil(exact(sizing.growth) * needs.people)
    corp = _first(networks, "corp")
    for number in range(1, desks + 1):
        yield _outlet(
            f"desk-{number:03}",
            PortPurpose.ACCESS,
            corp,
            poe_w=power["phone"] if number <= needs.desk_phones else 0,
            place=standard,
        )


def _series(
    inputs: SiteInputs,
    stem: str,
    purpose: PortPurpose,
    network: str,
    wanted: int,
    kind: EndpointKind,
    *,
    speed: int = 1000,
    poe_w: int = 0,
) -> Iterator[Demand]:
    """As many outlets as wanted, less the endpoints of this kind that are written by name."""
    written = sum(endpoint.kind is kind for endpoint in inputs.site.endpoints)
    place = inputs.place("archetype")
    for number in range(1, wanted - written + 1):
        yield _outlet(
            f"{stem}-{number:02}",
            purpose,
            network,
            speed=speed,
            poe_w=poe_w,
            spread=True,
            place=place,
        )


def _outlet(
    to: str,
    purpose: PortPurpose,
    network: str,
    *,
    speed: int = 1000,
    poe_w: int = 0,
    spread: bool = False,
    place: Place,
) -> Demand:
    return Demand(
        to=to,
        purpose=purpose,
        network=network,
        speed_mbps=speed,
        poe_w=poe_w,
        links=1,
        port=None,
        spread=spread,
        core=None,
        place=place,
    )


def _first(networks: Mapping[str, Network], *zones: str) -> str:
    """The first network of the first of these zones that the site has."""
    for zone in zones:
        for network in networks.values():
            if network.zone == zone:
                return network.name
    return next(iter(networks))
