"""From contracts to presences: the days on which somebody has access, with the instants they mean.

A presence is one engagement, or several of one production joined across short gaps. It begins with
the first minute of its first day and ends at 23:59 of its last one, days of grace included, on the
clock of the site it is for. Pure: the same contracts and rules give the same presences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..model.identity import Terms
from ..model.organisation import Tier
from ..model.people import AccountType, Engagement, Status

LAST_MINUTE = time(23, 59)
ZoneOf = Callable[[Engagement], str]
TierOf = Callable[[Engagement], Tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Access from `begins` until, but not at, `ends` (UTC); without end while a contract is open.

    `last` is the last day of contract; the grace comes after it and is in `ends` already.
    """

    engagements: tuple[Engagement, ...]  # in the order of their beginnings
    starts: tuple[datetime, ...]  # the instant at which each begins
    finishes: tuple[datetime | None, ...]  # 23:59 of the last day of each, grace left out
    tier: Tier
    first: date
    last: date | None
    begins: datetime
    ends: datetime | None

    @property
    def production(self) -> str | None:
        """The production that all of its engagements are for."""
        return self.engagements[0].production

    def holds(self, moment: datetime) -> bool:
        """Whether there is access at that instant."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)

    def running(self, moment: datetime) -> tuple[Engagement, ...]:
        """The engagements that count then: those that run, for two employers at once as well.

        In a gap or in the days of grace it is the one that ended last; before all, the first.
        """
        spans = list(zip(self.engagements, self.starts, self.finishes, strict=True))
        begun = [(e, finish) for e, start, finish in spans if start <= moment]
        now = tuple(e for e, finish in begun if finish is None or moment < finish)
        if now or not begun:
            return now or self.engagements[:1]
        return (max(begun, key=lambda pair: pair[1] or moment)[0],)


def presences_of(
    engagements: Iterable[Engagement], terms: Terms, *, zone: ZoneOf, tier: TierOf
) -> tuple[Presence, ...]:
    """The presences of one person, in the order of their beginnings.

    Engagements that are cancelled, or give no account, give none. Two are joined across a gap of up
    to `terms.gap_merge_days` days if both are of the same production and of tier standard; the
    later one is in the file, so it is recorded. Days of contract that touch leave no minute out.
    """
    kept = sorted(
        (
            (e, end)
            for e in engagements
            if e.status is not Status.CANCELLED and e.account_type is not AccountType.NONE
            for end in (last_day(e),)
            if end is None or e.start_date <= end
        ),
        key=lambda pair: (pair[0].start_date, pair[0].contract_id),
    )
    chains: list[list[tuple[Engagement, date | None]]] = []
    open_chain: dict[str, list[tuple[Engagement, date | None]]] = {}
    for pair in kept:
        engagement = pair[0]
        joins = engagement.production is not None and tier(engagement) is Tier.STANDARD
        chain = open_chain.get(engagement.production or "") if joins else None
        if chain is not None and _gap(chain, engagement.start_date) <= terms.gap_merge_days:
            chain.append(pair)
            continue
        chains.append([pair])
        if joins:
            open_chain[engagement.production or ""] = chains[-1]
    made = [_presence(chain, terms, zone, tier(chain[0][0])) for chain in chains]
    made.sort(key=lambda p: (p.begins, p.engagements[0].contract_id))
    return _touching(made)


def last_day(engagement: Engagement) -> date | None:
    """The last day that counts; of a contract marked as ended at latest the day of the mark.

    Where nothing says when, it never gave access: `check` refuses such a row.
    """
    if engagement.status is not Status.ENDED:
        return engagement.end_date
    known = [day for day in (engagement.end_date, engagement.updated_at) if day is not None]
    return min(known) if known else engagement.start_date - timedelta(days=1)


def start_of(day: date, zone: str) -> datetime:
    """The first instant of a day on a zone's clock, in UTC.

    Where the clock jumps over midnight it is the jump; where midnight comes twice, the first.
    """
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def end_of(day: date, zone: str) -> datetime:
    """23:59 of a day on a zone's clock, in UTC; where it comes twice, the second."""
    return datetime.combine(day, LAST_MINUTE, ZoneInfo(zone)).replace(fold=1).astimezone(UTC)


def run_ends(all_of: Sequence[Presence], moment: datetime) -> datetime | None:
    """When access that holds at an instant ends, if nothing is changed; None: it does not."""
    end: datetime | None = moment
    for presence in all_of:
        if end is None or presence.begins > end:
            break
        if presence.ends is None:
            end = None
        elif presence.ends > end:
            end = presence.ends
    return end


def _gap(chain: Sequence[tuple[Engagement, date | None]], start: date) -> int:
    """Whole days between what a chain covers and a day; nothing is after an open contract."""
    covered = date.min
    for _, end in chain:
        if end is None:
            return -1
        covered = max(covered, end)
    return (start - covered).days - 1


def _presence(
    chain: Sequence[tuple[Engagement, date | None]], terms: Terms, zone: ZoneOf, tier: Tier
) -> Presence:
    engagements = tuple(engagement for engagement, _ in chain)
    starts = tuple(start_of(e.start_date, zone(e)) for e in engagements)
    finishes = tuple(end_of(end, zone(e)) if end is not None else None for e, end in chain)
    last: date | None = None
    ends: datetime | None = None
    if all(end is not None for _, end in chain):
        grace = timedelta(days=terms.grace_days[tier])
        for engagement, end in chain:
            assert end is not None
            until = end_of(end + grace, zone(engagement))
            if ends is None or until > ends:
                ends, last = until, end
    return Presence(
        engagements=engagements,
        starts=starts,
        finishes=finishes,
        tier=tier,
        first=engagements[0].start_date,
        last=last,
        begins=min(starts),
        ends=ends,
    )


def _touching(made: Sequence[Presence]) -> tuple[Presence, ...]:
    """Let a presence run into one that begins at the midnight after it: no minute lies between."""
    beginnings = sorted(presence.begins for presence in made)
    minute = timedelta(minutes=1)
    found = []
    for presence in made:
        ends = presence.ends
        if ends is not None:
            following = next((b for b in beginnings if ends < b <= ends + minute), None)
            if following is not None:
                presence = replace(presence, ends=following)
        found.append(presence)
    return tuple(found)
