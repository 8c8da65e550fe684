"""Presences against an oracle that counts days one by one, and the clocks of odd places."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitekit.model.organisation import Tier
from sitekit.model.people import Engagement
from sitekit.people import Presence, presences_of
from sitekit.people.presences import end_of, run_ends, start_of
from tests.calendars import FIRST, SPAN, contracts, engagement
from tests.organisations import horizon

TERMS = horizon().catalogue.identity.terms
ZONES = ("Europe/Paris", "America/New_York", "Asia/Beirut", "America/Havana", "Pacific/Apia")
DAY = timedelta(days=1)


def tier(e: Engagement) -> Tier:
    return (
        Tier.HIGH
        if Tier.HIGH in (e.security_tier, {"aurora": Tier.HIGH}.get(e.production or ""))
        else Tier.STANDARD
    )


def made(engagements: Sequence[Engagement], zone: str = "Europe/Paris") -> tuple[Presence, ...]:
    return presences_of(engagements, TERMS, zone=lambda _: zone, tier=tier)


def allowed_days(engagements: Sequence[Engagement]) -> set[date]:
    """The rule of decisions, day by day: contracts, short gaps of a standard production, grace."""
    days: set[date] = set()
    of_production: dict[str, set[date]] = {}
    for e in engagements:
        if e.status == "cancelled" or e.account_type == "none":
            continue
        assert e.end_date is not None
        own = {e.start_date + DAY * n for n in range((e.end_date - e.start_date).days + 1)}
        days |= own
        if e.production and tier(e) is Tier.STANDARD:
            of_production.setdefault(e.production, set()).update(own)
        grace = 0 if tier(e) is Tier.HIGH else 2
        days |= {e.end_date + DAY * n for n in range(1, grace + 1)}
    for worked in of_production.values():
        for day in worked:
            following = min((d for d in worked if d > day), default=None)
            if following is not None and (following - day).days - 1 <= 14:
                days |= {day + DAY * n for n in range((following - day).days)}
    return days


def may(engagements: Sequence[Engagement], at: datetime, zone: str) -> bool:
    here = at.astimezone(ZoneInfo(zone))
    days, today = allowed_days(engagements), here.date()
    over = datetime.combine(today, time(23, 59), ZoneInfo(zone)).replace(fold=1)
    return today in days and (at < over.astimezone(UTC) or today + DAY in days)


@given(
    contracts(),
    st.sampled_from(ZONES),
    st.integers(-3, SPAN + 100),
    st.integers(-2, 2),
    st.sampled_from([0, 12 * 60, 23 * 60 + 59]),
)
def test_access_is_given_on_the_days_of_the_rule_and_on_no_other(
    engagements: list[Engagement], zone: str, day: int, minute: int, clock: int
) -> None:
    midnight = datetime.combine(FIRST + DAY * day, time(), ZoneInfo(zone)).astimezone(UTC)
    at = midnight + timedelta(minutes=clock + minute)
    assert any(p.holds(at) for p in made(engagements, zone)) == may(engagements, at, zone)


@given(contracts(), st.sampled_from(ZONES), st.data())
def test_nobody_lacks_access_inside_a_contract_on_its_own_clock(
    engagements: list[Engagement], zone: str, data: st.DataObject
) -> None:
    zones = {e.contract_id: data.draw(st.sampled_from(ZONES)) for e in engagements}
    found = presences_of(engagements, TERMS, zone=lambda e: zones[e.contract_id], tier=tier)
    for e in engagements:
        if e.status == "cancelled" or e.account_type == "none":
            continue
        assert e.end_date is not None
        begin = start_of(e.start_date, zones[e.contract_id])
        end = end_of(e.end_date, zones[e.contract_id])
        for at in (begin, end - timedelta(seconds=1), begin + (end - begin) / 2):
            assert any(p.holds(at) for p in found)


@given(contracts())
def test_the_end_that_is_announced_is_the_end(engagements: list[Engagement]) -> None:
    found = made(engagements)
    for presence in found:
        end = run_ends(found, presence.begins)
        assert end is not None
        assert not any(p.holds(end) for p in found)
        assert any(p.holds(end - timedelta(seconds=1)) for p in found)


def one(*engagements: Engagement) -> Presence:
    (found,) = made(engagements)
    return found


def test_a_gap_of_fourteen_days_is_bridged_and_one_of_fifteen_is_not() -> None:
    first = engagement(1, date(2027, 2, 1), date(2027, 2, 5), production="tamaris")
    near = engagement(2, date(2027, 2, 20), date(2027, 2, 26), production="tamaris")
    far = engagement(3, date(2027, 2, 21), date(2027, 2, 26), production="tamaris")
    assert one(first, near).engagements == (first, near)
    assert len(made([first, far])) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"production": "aurora"}, "high tier by production"),
        ({"production": "tamaris", "security_tier": "high"}, "high tier by contract"),
        ({"production": None}, "no production"),
        ({"production": "tamaris", "status": "cancelled"}, "the later one is cancelled"),
    ],
)
def test_gaps_that_are_not_bridged(change: dict[str, object], why: str) -> None:
    first = engagement(1, date(2027, 2, 1), date(2027, 2, 5), **{**change, "status": "active"})
    later = engagement(2, date(2027, 2, 10), date(2027, 2, 26), **change)
    gap = datetime(2027, 2, 8, 12, tzinfo=UTC)
    assert not any(p.holds(gap) for p in made([first, later])), why


def test_the_last_day_ends_at_2359_on_the_local_clock_whatever_the_season() -> None:
    winter = engagement(1, date(2027, 3, 1), date(2027, 3, 27), security_tier="high")
    summer = engagement(1, date(2027, 3, 1), date(2027, 3, 28), security_tier="high")
    assert one(winter).ends == datetime(2027, 3, 27, 22, 59, tzinfo=UTC)
    assert one(summer).ends == datetime(2027, 3, 28, 21, 59, tzinfo=UTC)  # clocks went forward


def test_a_high_tier_has_no_grace_and_a_standard_one_two_days() -> None:
    e = engagement(1, date(2027, 2, 1), date(2027, 2, 5))
    high = engagement(1, date(2027, 2, 1), date(2027, 2, 5), production="aurora")
    assert one(e).ends == datetime(2027, 2, 7, 22, 59, tzinfo=UTC)
    assert one(high).ends == datetime(2027, 2, 5, 22, 59, tzinfo=UTC)
    assert one(high).last == date(2027, 2, 5)


def test_contracts_that_touch_leave_no_minute_out() -> None:
    a = engagement(1, date(2027, 2, 1), date(2027, 2, 5), production="aurora")
    b = engagement(2, date(2027, 2, 6), date(2027, 2, 9), production="aurora")
    first, second = made([a, b])
    assert first.ends == second.begins


def test_midnights_that_do_not_exist_or_exist_twice() -> None:
    # Beirut jumps over 00:00 on 28 March 2027; Havana goes back to it on 7 November.
    assert start_of(date(2027, 3, 28), "Asia/Beirut") == datetime(2027, 3, 27, 22, tzinfo=UTC)
    assert start_of(date(2027, 11, 7), "America/Havana") == datetime(2027, 11, 7, 4, tzinfo=UTC)
    # Beirut goes from 24:00 back to 23:00 on 30 October: its 23:59 comes twice.
    assert end_of(date(2027, 10, 30), "Asia/Beirut") == datetime(2027, 10, 30, 21, 59, tzinfo=UTC)


def test_an_ended_contract_is_over_when_it_was_marked_so() -> None:
    dated = {"status": "ended", "updated_at": "2027-02-03"}
    e = engagement(1, date(2027, 2, 1), date(2027, 6, 30), **dated)
    assert one(e).last == date(2027, 2, 3)
    past = engagement(1, date(2027, 1, 1), date(2027, 1, 30), **dated)
    assert one(past).last == date(2027, 1, 30)
    assert made([engagement(1, date(2027, 2, 1), None, status="ended")]) == ()


def test_who_works_for_two_employers_of_one_production_has_what_both_give() -> None:
    long = engagement(1, date(2027, 1, 4), date(2027, 3, 1), production="tamaris")
    short = engagement(2, date(2027, 1, 20), date(2027, 2, 10), production="tamaris",
                       subsidiary="hpo")  # fmt: skip
    both = one(long, short)
    assert both.running(datetime(2027, 1, 2, tzinfo=UTC)) == (long,)
    assert both.running(datetime(2027, 1, 10, tzinfo=UTC)) == (long,)
    assert both.running(datetime(2027, 1, 25, tzinfo=UTC)) == (long, short)
    assert both.running(datetime(2027, 2, 15, tzinfo=UTC)) == (long,)  # not the last that began
    assert both.running(datetime(2027, 3, 2, tzinfo=UTC)) == (long,)  # grace: the last that ended


def test_an_open_contract_never_ends() -> None:
    e = engagement(1, date(2027, 2, 1), None)
    assert one(e).ends is None
    assert one(e).holds(datetime(2099, 1, 1, tzinfo=UTC))
