"""The register of sign-in names: who was ever called how. Written by `people apply` alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ..errors import Place, Problem
from .csv_source import Column, read_csv
from .files import shortened

REGISTER = "people.register.csv"
COLUMNS: Mapping[str, Column] = {
    "upn": Column.FILLED,
    "person_id": Column.FILLED,
    "given": Column.FILLED,
    "until": Column.PRESENT,
}
_UPN = re.compile(r"[a-z0-9][a-z0-9._-]*@([a-z0-9-]+\.)+[a-z]{2,}")
_HINT = "restore the register from git: `sitekit people apply` writes it, nobody else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A sign-in name that somebody has, or had until a day; nobody else ever gets it."""

    upn: str
    person: str
    given: date
    until: date | None = None
    place: Place | None = None


def load_register(path: Path, *, shown: str, problems: list[Problem]) -> tuple[Registered, ...]:
    """Read the register, where there is one; what is wrong with it joins the problems.

    A name that stands there for two people is read twice: `check` says what to do about it.
    """
    if not path.exists():
        return ()
    table = read_csv(path, shown=shown, columns=COLUMNS)
    problems.extend(table.problems)
    entries = []
    for index, row in enumerate(table.rows):
        given, until = _day(row["given"]), _day(row["until"])
        wrong = next(
            (
                column
                for column, fine in (
                    ("upn", _UPN.fullmatch(row["upn"])),
                    ("person_id", row["person_id"]),
                    ("given", given),
                    ("until", until or not row["until"]),
                )
                if not fine
            ),
            None,
        )
        if wrong is not None or given is None:
            column = wrong or "given"
            message = f"'{shortened(row[column])}' cannot be the {column} of an entry"
            problems.append(Problem(table.place(index, column), message, _HINT))
            continue
        entries.append(
            Registered(
                upn=row["upn"],
                person=row["person_id"],
                given=given,
                until=until,
                place=table.place(index),
            )
        )
    return tuple(entries)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
