"""Random calendars of contracts, and people made for a test."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from sitekit.load import LoadedOrganisation
from sitekit.model.people import Engagement, Person
from tests.organisations import horizon

FIRST = date(2027, 1, 4)
SPAN = 120  # days in which contracts begin
PRODUCTIONS = (None, "tamaris", "aurora")  # tamaris is standard, aurora high


def engagement(number: int, start: date, end: date | None, **more: object) -> Engagement:
    """A contract; without an end it is a CDI."""
    return Engagement.model_validate(
        {
            "contract_id": f"C-{number}",
            "contract_type": "freelance" if end else "cdi",
            "subsidiary": "hmp",
            "department": "image",
            "start_date": start.isoformat(),
            "end_date": end.isoformat() if end else None,
            "site": "par01",
            "licence_profile": "standard",
            **more,
        }
    )


def person(identity: str, *engagements: Engagement, **more: object) -> Person:
    """Somebody with these contracts."""
    return Person.model_validate(
        {
            "person_id": identity,
            "first_name": "Camille",
            "last_name": "Morel",
            "private_email": f"{identity.lower()}@boite.example",
            **more,
            "engagements": tuple(sorted(engagements, key=lambda e: (e.start_date, e.contract_id))),
        }
    )


BOSS = person("B0001", engagement(0, date(2020, 1, 1), None), first_name="Inès", last_name="Vidal")


def organisation(*people: Person) -> LoadedOrganisation:
    """The example organisation with these people alone."""
    return replace(horizon(), people=people, register=())


@st.composite
def contracts(draw: st.DrawFn, first_id: int = 1, most: int = 6) -> list[Engagement]:
    """Contracts of one person; those of one production and subsidiary do not overlap, as loading
    sees to.
    """
    made: list[Engagement] = []
    free: dict[tuple[str | None, str], date] = {}
    for number in range(first_id, first_id + draw(st.integers(1, most))):
        production = draw(st.sampled_from((*PRODUCTIONS, "tamaris")))
        subsidiary = draw(st.sampled_from(["hmp", "hpo"]))
        earliest = free.get((production, subsidiary), FIRST)
        start = earliest + timedelta(days=draw(st.one_of(st.integers(0, 6), st.integers(0, 40))))
        end = start + timedelta(days=draw(st.one_of(st.integers(0, 3), st.integers(0, 40))))
        free[production, subsidiary] = end + timedelta(days=1)
        made.append(
            engagement(
                number,
                start,
                end,
                production=production,
                subsidiary=subsidiary,
                department=draw(st.sampled_from(["image", "son"])),
                security_tier=draw(st.sampled_from([None, "standard", "high"])),
                status=draw(st.sampled_from(["planned", "active", "active", "cancelled"])),
                account_type=draw(st.sampled_from(["member", "member", "member", "none"])),
                licence_profile=draw(st.sampled_from(["standard", "frontline", None])),
                job_title=draw(st.sampled_from(["Monteuse", None])),
            )
        )
    return made


@st.composite
def shared(draw: st.DrawFn) -> Person:
    """Somebody whom two subsidiaries engage for one production, at times both at once."""
    made = []
    for number, subsidiary in ((80, "hmp"), (81, "hpo")):
        start = FIRST + timedelta(days=draw(st.integers(0, 20)))
        end = start + timedelta(days=draw(st.integers(0, 40)))
        department = draw(st.sampled_from(["image", "son"]))
        made.append(engagement(number, start, end, production="tamaris",
                               subsidiary=subsidiary, department=department))  # fmt: skip
    return person("Q0001", *made, first_name="Sacha", last_name="Roy")


@st.composite
def casts(draw: st.DrawFn) -> list[Person]:
    """A few people, homonyms among them, some with two employers, and guests of the boss."""
    found = [BOSS]
    for number in range(draw(st.integers(1, 3))):
        found.append(person(f"P{number}", *draw(contracts(first_id=1 + 10 * number, most=3))))
    if draw(st.booleans()):
        found.append(draw(shared()))
    if draw(st.booleans()):
        start = FIRST + timedelta(days=draw(st.integers(0, 60)))
        end = start + timedelta(days=draw(st.integers(0, 30)))
        guest = engagement(90, start, end, account_type="guest", manager_id="B0001")
        found.append(person("G0001", guest, first_name="Noor", last_name="Aziz"))
    return found


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    """An instant in or around the calendars, often at an edge of a day."""
    day = FIRST + timedelta(days=draw(st.one_of(st.integers(-5, 45), st.integers(-5, SPAN + 120))))
    edge = draw(st.sampled_from([0, 1, 22 * 60 + 58, 22 * 60 + 59, 23 * 60, 23 * 60 + 1, 12 * 60]))
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=edge)
