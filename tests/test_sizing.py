"""The golden table of the group's decisions, cell by cell, from the archetypes' own defaults."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitekit.design import sizing
from sitekit.design.needs import Needs, of
from sitekit.load.catalogue import load_catalogue
from sitekit.model.site import Equipment, Leases, Rooms

CATALOGUE, _ = load_catalogue(None, str)

#                    AP  outlets ports  PoE  Mbit/s
GOLDEN = {
    "micro-office": (1, 23, 16, 40, 15),
    "small-office": (3, 80, 59, 236, 72),
    "headquarters": (16, 419, 284, 1076, 432),
    "post-facility": (8, 159, 140, 725, 126),
    "temporary-office": (4, 138, 77, 128, 162),
}


def defaults(name: str) -> Needs:
    archetype = CATALOGUE.archetypes[name]
    return of(
        people=archetype.people.default,
        area_m2=archetype.area_m2.default,
        rooms=(Rooms(), archetype.rooms),
        equipment=(Equipment(), archetype.equipment),
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_table(name: str) -> None:
    sized = sizing.size(defaults(name), CATALOGUE.archetypes[name], CATALOGUE.sizing)
    assert (
        sized.access_points,
        sized.outlets,
        sized.ports,
        sized.poe_w,
        sized.demand_mbps,
    ) == GOLDEN[name]


@pytest.mark.parametrize(
    ("name", "mbps"), [("micro-office", 100), ("headquarters", 1000), ("temporary-office", 203)]
)
def test_uplink_is_demand_with_reserve_or_the_floor(name: str, mbps: int) -> None:
    sized = sizing.size(defaults(name), CATALOGUE.archetypes[name], CATALOGUE.sizing)
    assert sized.uplink_mbps == mbps


def test_the_next_offer_is_the_first_that_is_enough() -> None:
    ftto = CATALOGUE.uplink_kinds["ftto"]
    assert sizing.next_offer(ftto, 90) == 100
    assert sizing.next_offer(ftto, 100) == 100
    assert sizing.next_offer(CATALOGUE.uplink_kinds["lte"], 5000) is None


def test_a_pool_leaves_a_fifth_free_and_twenty() -> None:
    assert sizing.pool(45, CATALOGUE.sizing) == 57 + 20
    assert sizing.pool(0, CATALOGUE.sizing) == 20


def test_decimal_constants_are_exact() -> None:
    assert sizing.exact(1.3) == Fraction(13, 10)


@pytest.mark.parametrize("name", sorted(CATALOGUE.archetypes))
def test_networks_hold_their_leases_at_the_largest_site(name: str) -> None:
    """Each archetype's slot table is large enough for the most people it is made for."""
    archetype = CATALOGUE.archetypes[name]
    largest = of(
        people=archetype.people.max,
        area_m2=archetype.area_m2.max,
        rooms=(Rooms(), archetype.rooms),
        equipment=(Equipment(), archetype.equipment),
    )
    for segment in archetype.segments:
        if segment.dhcp == "none" or segment.gateway == "none" or segment.zone == "net_mgmt":
            continue
        usable = (1 << (32 - segment.prefix_length)) - 2 - CATALOGUE.sizing.static_hosts
        wanted = sizing.pool(sizing.leases(segment.leases, largest), CATALOGUE.sizing)
        assert usable >= wanted, f"{segment.name}: {usable} of {wanted}"


@given(
    people=st.integers(1, 500),
    area=st.integers(5, 20_000),
    rooms=st.integers(0, 40),
    cameras=st.integers(0, 60),
    doors=st.integers(0, 40),
    seats=st.integers(0, 40),
)
def test_more_of_anything_never_needs_less(
    people: int, area: int, rooms: int, cameras: int, doors: int, seats: int
) -> None:
    archetype = CATALOGUE.archetypes["headquarters"]

    def sized(**more: int) -> tuple[int, ...]:
        numbers = {
            "people": people,
            "area_m2": area,
            "meeting_rooms": rooms,
            "screening_rooms": 0,
            "cameras": cameras,
            "doors": doors,
            "edit_seats": seats,
            "printers": 1,
            "desk_phones": 0,
        }
        for key, value in more.items():
            numbers[key] += value
        found = sizing.size(Needs(**numbers), archetype, CATALOGUE.sizing)
        return (found.access_points, found.outlets, found.ports, found.poe_w, found.demand_mbps)

    base = sized()
    for key in ("people", "area_m2", "meeting_rooms", "cameras", "doors", "edit_seats"):
        assert all(a <= b for a, b in zip(base, sized(**{key: 7}), strict=True)), key


def test_figures_say_which_rule_gave_them() -> None:
    needs = defaults("small-office")
    archetype = CATALOGUE.archetypes["small-office"]
    sized = sizing.size(needs, archetype, CATALOGUE.sizing)
    figures = {f.name: f for f in sizing.figures(sized, needs, archetype, CATALOGUE.sizing)}
    assert figures["switch-ports"].rule == (
        "⌈1.3 × (20 people + 2 edit seats + 3 AP + 4 cameras + 3 × 2 doors + 3 × 2 rooms + 4)⌉"
    )
    assert figures["demand"].rule == "⌈3.6 × 20 people⌉"


def test_leases_round_up_once() -> None:
    needs = defaults("small-office")
    assert sizing.leases(Leases(person=0.5, fixed=3), needs) == 13
