"""What the site has of everything: the inputs of sizing, site values over archetype defaults."""

from __future__ import annotations

from dataclasses import dataclass

from ..load.organisation import SiteInputs
from ..model.site import Equipment, Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """People u, area A, meeting rooms m, cameras c, doors d, edit seats e, and the rest."""

    people: int
    area_m2: int
    meeting_rooms: int
    screening_rooms: int
    cameras: int
    doors: int
    edit_seats: int
    printers: int
    desk_phones: int


def needs(inputs: SiteInputs) -> Needs:
    """The site's own number where it writes one, else the archetype's default."""
    return of(
        people=inputs.site.people,
        area_m2=inputs.site.area_m2,
        rooms=(inputs.site.rooms, inputs.archetype.rooms),
        equipment=(inputs.site.equipment, inputs.archetype.equipment),
    )


def of(
    *,
    people: int,
    area_m2: int,
    rooms: tuple[Rooms, Rooms],
    equipment: tuple[Equipment, Equipment],
) -> Needs:
    """Merge (own, default) pairs into the numbers the rules take."""

    def room(key: str) -> int:
        return _first(getattr(rooms[0], key), getattr(rooms[1], key))

    def count(key: str) -> int:
        return _first(getattr(equipment[0], key), getattr(equipment[1], key))

    return Needs(
        people=people,
        area_m2=area_m2,
        meeting_rooms=room("meeting"),
        screening_rooms=room("screening"),
        cameras=count("cameras"),
        doors=count("doors"),
        edit_seats=count("edit_seats"),
        printers=count("printers"),
        desk_phones=count("desk_phones"),
    )


def _first(own: int | None, default: int | None) -> int:
    return own if own is not None else default or 0
