"""The port map and the cables of a site: what the person with the patch cords needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from .ports import PortPlan, Socket, Use
from .result import Cable, DeviceDesign, Network, PortPurpose, PortUse, SwitchDesign
from .units import Units

UNTAGGED: tuple[int | None, tuple[int, ...]] = (None, ())
CABLES: dict[
    PortPurpose,
    Literal["inter-switch", "firewall", "peer-link", "heartbeat", "uplink", "access-point"],
] = {
    PortPurpose.ACCESS_POINT: "access-point",
    PortPurpose.INTER_SWITCH: "inter-switch",
    PortPurpose.FIREWALL: "firewall",
    PortPurpose.PEER_LINK: "peer-link",
    PortPurpose.HEARTBEAT: "heartbeat",
    PortPurpose.UPLINK: "uplink",
}


def port_map(
    units: Units,
    plan: PortPlan,
    networks: Mapping[str, Network],
    devices: Sequence[DeviceDesign],
) -> tuple[PortUse, ...]:
    """Every port of every device, in the order of the boxes."""
    tagged = {
        (device.name, port.name): (port.profile.native_vlan, port.profile.allowed_vlans)
        for device in devices
        if isinstance(device, SwitchDesign)
        for port in device.ports
        if port.profile.allowed_vlans
    }
    vlans: dict[tuple[object, ...], str] = {}  # as text, by all that it depends on
    rows = []
    for unit in units.all:
        for socket in plan.sockets[unit.name].values():
            use = plan.uses.get((unit.name, socket.name))
            if use is None:
                rows.append(_unused(socket))
                continue
            network = networks.get(use.network or "")
            carried = tagged.get((unit.name, socket.name), UNTAGGED)
            alike = (use.network, *carried)
            text = vlans.get(alike)
            if text is None:
                text = vlans[alike] = " ".join(_vlans(network, *carried))
            rows.append(_row(use, network, text))
    return tuple(rows)


def cables(units: Units, plan: PortPlan) -> tuple[Cable, ...]:
    """Every link between named devices, each once, and the carriers' lines."""
    found: list[Cable] = []
    ends: set[tuple[str, str]] = set()  # right-hand ends of cables already listed
    for unit in units.all:
        for use in plan.of(unit.name):
            kind = CABLES.get(use.purpose)
            if kind is None or (unit.name, use.socket.name) in ends:
                continue
            if use.to_port:
                ends.add((use.to, use.to_port))
            found.append(
                Cable(
                    left=unit.name,
                    left_port=use.socket.name,
                    right=use.to,
                    right_port=use.to_port,
                    kind=kind,
                )
            )
    return tuple(found)


def _unused(socket: Socket) -> PortUse:
    return PortUse(
        device=socket.device,
        port=socket.name,
        purpose=PortPurpose.MANAGEMENT if socket.out_of_band else PortPurpose.UNUSED,
        to="",
        peer="",
        network="",
        vlan="",
        speed=speed(socket.fastest),
        poe_w=0,
        lag=None,
        description="unused",
    )


def _row(use: Use, network: Network | None, vlans: str) -> PortUse:
    return PortUse(
        device=use.socket.device,
        port=use.socket.name,
        purpose=use.purpose,
        to=use.to,
        peer=f"{use.to} {use.to_port}" if use.to and use.to_port else use.to or use.to_port,
        network=network.name if network else "",
        vlan=vlans,
        speed=speed(use.speed_mbps),
        poe_w=use.poe_w,
        lag=use.lag,
        description=use.description,
    )


def _vlans(network: Network | None, native: int | None, allowed: tuple[int, ...]) -> Iterator[str]:
    if allowed:
        yield f"{native}u"
        yield from (f"{vlan}t" for vlan in allowed if vlan != native)
    elif network is not None:
        yield str(network.vlan)


@lru_cache(maxsize=64)
def speed(mbps: int) -> str:
    """10000 as people say it: 10G."""
    if mbps < 1000:
        return f"{mbps}M"
    return f"{mbps / 1000:g}G"
