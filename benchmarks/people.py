"""Plan the people of organisations of several sizes, in CPU seconds, without a cloud.

The people are those of the example organisation, many times over. Two plans a size: against an
empty tenant, and against one in which everything is done (nothing to do: the daily case). The
yardstick beside them only walks the contracts and asks which run on the day.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from sitekit import load_organisation
from sitekit.load import LoadedOrganisation
from sitekit.people import Account, Action, Directory, Group, Plan, Unit, plan

P = ParamSpec("P")
T = TypeVar("T")
AT = datetime(2027, 2, 15, 12, tzinfo=UTC)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    arguments = parser.parse_args()
    example = load_organisation(Path("examples/horizon"))
    print("people  contracts  operations  walk_s  empty_s  daily_s  daily_operations")
    for times in arguments.times:
        organisation = multiplied(example, times)
        empty = Directory(tenant=organisation.organisation.azure.tenant)
        _, walking = measured(walk, organisation)
        first, planning = measured(plan, organisation, AT, empty)
        organisation = replace(organisation, register=first.register.entries)
        done = after(first, organisation)
        again, daily = measured(plan, organisation, AT, done)
        contracts = sum(len(p.engagements) for p in organisation.people)
        print(
            f"{len(organisation.people):6}  {contracts:9}  {len(first.operations):10}  "
            f"{walking:6.3f}  {planning:7.3f}  {daily:7.3f}  {len(again.operations):16}"
        )
    sys.stdout.flush()


def measured(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What work gives, and the CPU seconds it took."""
    start = time.process_time()
    result = work(*args, **kwargs)
    return result, time.process_time() - start


def multiplied(example: LoadedOrganisation, times: int) -> LoadedOrganisation:
    """The example with its people many times, each with an id and an e-mail of their own."""
    people = tuple(
        person.model_copy(
            update={
                "person_id": f"{person.person_id}-{n}",
                "private_email": f"{n}.{person.private_email}",
                "engagements": tuple(
                    e.model_copy(
                        update={"manager_id": f"{e.manager_id}-{n}" if e.manager_id else None}
                    )
                    for e in person.engagements
                ),
            }
        )
        for n in range(times)
        for person in example.people
    )
    return replace(example, people=people, register=())


def walk(organisation: LoadedOrganisation) -> int:
    """How many contracts run on the day."""
    return sum(e.runs_on(AT.date()) for p in organisation.people for e in p.engagements)


def after(done: Plan, organisation: LoadedOrganisation) -> Directory:
    """A tenant in which a plan that only gives was done; groups of the stacks stay missing."""
    members: dict[str, set[str]] = {}
    sponsors: dict[str, str] = {}
    made: dict[str, dict[str, str]] = {}
    state: dict[str, str] = {}
    marker = organisation.catalogue.identity.marker
    assert marker.value
    for o in done.operations:
        match o.action:
            case Action.CREATE | Action.INVITE:
                made[o.person] = dict(o.changes)
                state[o.person] = o.changes.get("state", "prepared")
            case Action.ADD | Action.LICENSE | Action.JOIN:
                members.setdefault(o.target, set()).add(o.person)
            case Action.ENABLE:
                state[o.person] = o.changes["state"]
            case Action.SPONSOR:
                sponsors[o.person] = o.target
            case _:
                members.setdefault(o.target, set())
    accounts = tuple(
        Account(
            id=person,
            upn=changes.get("userPrincipalName", f"{person}#EXT#@example.org"),
            mail=changes["mail"],
            enabled=state[person] != "prepared",
            guest="userPrincipalName" not in changes,
            synced=False,
            managed=True,
            person=person,
            state=state[person],
            attributes=changes,
            sponsors=frozenset({sponsors[person]} if person in sponsors else ()),
        )
        for person, changes in made.items()
    )
    unit = organisation.catalogue.identity.groups.unit.partition("{")[0]
    return Directory(
        tenant=done.tenant,
        accounts=accounts,
        groups=tuple(
            Group(id=n, name=n, members=frozenset(m))
            for n, m in members.items()
            if not n.startswith(unit)
        ),
        units=tuple(
            Unit(id=n, name=n, members=frozenset(m))
            for n, m in members.items()
            if n.startswith(unit)
        ),
    )


if __name__ == "__main__":
    main()
