"""How much of everything a site needs, each figure with the rule that gave it.

Rules and golden table: the group's decisions; constants and their sources: catalogue/sizing.yaml.
Arithmetic is exact (fractions): 1.3 x 10 never becomes 13.000000000000002 and one port more.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

from ..model.catalogue import Archetype, Sizing, UplinkKind
from ..model.site import Leases
from .needs import Needs
from .result import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """The figures that other stages compute with."""

    access_points: int
    outlets: int
    ports: int
    poe_w: int
    demand_mbps: int
    uplink_mbps: int


def size(needs: Needs, archetype: Archetype, constants: Sizing) -> Sized:
    """All six rules of the golden table."""
    c = constants
    access_points = max(
        ceil(Fraction(needs.area_m2) / exact(c.area_per_access_point_m2)),
        ceil(exact(c.active_clients_per_person) * needs.people / exact(c.clients_per_access_point)),
    ) + int((needs.meeting_rooms + needs.screening_rooms) / exact(c.rooms_per_extra_access_point))
    outlets = ceil(
        exact(c.growth)
        * (
            exact(c.outlets_per_person) * needs.people
            + exact(c.outlets_per_room) * (needs.meeting_rooms + 1)
            + access_points
            + needs.cameras
            + needs.doors
        )
    )
    ports = ceil(
        exact(c.growth)
        * (
            needs.people
            + needs.edit_seats
            + access_points
            + needs.cameras
            + exact(c.ports_per_door) * needs.doors
            + exact(c.ports_per_room) * needs.meeting_rooms
            + exact(c.other_ports)
        )
    )
    watts = {name: exact(value) for name, value in c.power_w.items()}
    poe_w = ceil(
        exact(c.power_headroom)
        * (
            watts["access_point"] * access_points
            + watts["camera"] * needs.cameras
            + watts["door"] * needs.doors
            + watts["room"] * needs.meeting_rooms
            + watts["phone"] * needs.desk_phones
        )
    )
    demand = ceil(exact(c.mbps_per_person) * needs.people)
    return Sized(
        access_points=access_points,
        outlets=outlets,
        ports=ports,
        poe_w=poe_w,
        demand_mbps=demand,
        uplink_mbps=max(ceil(demand / exact(c.uplink_utilisation)), archetype.uplink_floor_mbps),
    )


def next_offer(kind: UplinkKind, mbps: int) -> int | None:
    """The smallest rate sold for this kind of line that is not below; None: too slow a kind."""
    return next((offer for offer in kind.offers.mbps if offer >= mbps), None)


@lru_cache(maxsize=1024)
def leases(written: Leases, needs: Needs) -> int:
    """How many addresses a segment hands out at this site."""
    return written.fixed + ceil(
        exact(written.person) * needs.people
        + exact(written.edit_seat) * needs.edit_seats
        + exact(written.meeting_room) * needs.meeting_rooms
        + exact(written.camera) * needs.cameras
        + exact(written.door) * needs.doors
        + exact(written.printer) * needs.printers
    )


def pool(leases: int, constants: Sizing) -> int:
    """Addresses a DHCP range must have: a fifth stays free, and a margin of twenty."""
    return ceil(leases / exact(constants.dhcp_utilisation)) + constants.dhcp_margin


def figures(sized: Sized, needs: Needs, archetype: Archetype, constants: Sizing) -> list[Figure]:
    """The figures with their rules in words; `available` is filled in by whoever knows it."""
    c, n = constants, needs
    growth, headroom = c.growth, c.power_headroom
    rooms = n.meeting_rooms + n.screening_rooms
    return [
        Figure(
            name="access-points",
            value=sized.access_points,
            unit="",
            rule=f"max(⌈{n.area_m2} m² / {c.area_per_access_point_m2:g}⌉, "
            f"⌈{c.active_clients_per_person:g} × {n.people} people / "
            f"{c.clients_per_access_point:g}⌉) + "
            f"⌊{rooms} rooms / {c.rooms_per_extra_access_point:g}⌋",
        ),
        Figure(
            name="outlets",
            value=sized.outlets,
            unit="",
            rule=f"⌈{growth:g} × ({c.outlets_per_person:g} × {n.people} people + "
            f"{c.outlets_per_room:g} × ({n.meeting_rooms} rooms + 1) + {sized.access_points} AP + "
            f"{n.cameras} cameras + {n.doors} doors)⌉",
        ),
        Figure(
            name="switch-ports",
            value=sized.ports,
            unit="",
            rule=f"⌈{growth:g} × ({n.people} people + {n.edit_seats} edit seats + "
            f"{sized.access_points} AP + {n.cameras} cameras + {c.ports_per_door:g} × "
            f"{n.doors} doors + {c.ports_per_room:g} × {n.meeting_rooms} rooms + "
            f"{c.other_ports:g})⌉",
        ),
        Figure(
            name="poe",
            value=sized.poe_w,
            unit="W",
            rule=f"⌈{headroom:g} × ({c.power_w['access_point']:g} × {sized.access_points} AP + "
            f"{c.power_w['camera']:g} × {n.cameras} cameras + {c.power_w['door']:g} × "
            f"{n.doors} doors + {c.power_w['room']:g} × {n.meeting_rooms} rooms + "
            f"{c.power_w['phone']:g} × {n.desk_phones} phones)⌉",
        ),
        Figure(
            name="demand",
            value=sized.demand_mbps,
            unit="Mbit/s",
            rule=f"⌈{c.mbps_per_person:g} × {n.people} people⌉",
        ),
        Figure(
            name="uplink",
            value=sized.uplink_mbps,
            unit="Mbit/s",
            rule=f"max(⌈{sized.demand_mbps} / {c.uplink_utilisation:g}⌉, "
            f"{archetype.uplink_floor_mbps} of {archetype.name})",
        ),
    ]


@lru_cache(maxsize=256)
def exact(value: float | int) -> Fraction:
    """The decimal number somebody wrote, not the binary float nearest to it."""
    return Fraction(str(value))
