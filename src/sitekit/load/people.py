"""The personnel file in, people out: one row per contract, gathered by person.

A person's name, e-mail and telephone are those of the row that was updated last. Everything wrong
with the file is found in one run, each problem at its cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, overload

from pydantic import BaseModel, ValidationError

from ..errors import Place, Problem
from ..model.organisation import Tier
from ..model.people import (
    AccountType,
    ContractType,
    Engagement,
    Identity,
    Person,
    Status,
    runs_on,
)
from .csv_source import MAX_BYTES, Column, Table, parse_csv, parse_date
from .files import read_limited, shortened
from .memory import digest_of
from .validate import KeyPath, suggest, validate

M = TypeVar("M", bound=BaseModel)

COLUMNS: Mapping[str, Column] = {
    "person_id": Column.FILLED,
    "subsidiary": Column.FILLED,
    "last_name": Column.FILLED,
    "first_name": Column.FILLED,
    "usage_name": Column.OPTIONAL,
    "private_email": Column.OPTIONAL,
    "private_mobile": Column.OPTIONAL,
    "upn": Column.OPTIONAL,
    "contract_type": Column.FILLED,
    "contract_id": Column.FILLED,
    "previous_contract_id": Column.OPTIONAL,
    "production": Column.PRESENT,
    "production_alias": Column.OPTIONAL,
    "object_number": Column.OPTIONAL,
    "department": Column.FILLED,
    "job_title": Column.OPTIONAL,
    "start_date": Column.FILLED,
    "end_date": Column.PRESENT,
    "work_dates": Column.OPTIONAL,
    "site": Column.PRESENT,
    "manager_id": Column.PRESENT,
    "cost_centre": Column.OPTIONAL,
    "account_type": Column.OPTIONAL,
    "licence_profile": Column.OPTIONAL,
    "device_profile": Column.OPTIONAL,
    "badge_zones": Column.OPTIONAL,
    "security_tier": Column.OPTIONAL,
    "nda_date": Column.OPTIONAL,
    "charter_date": Column.OPTIONAL,
    "training_date": Column.OPTIONAL,
    "status": Column.OPTIONAL,
    "updated_at": Column.OPTIONAL,
}
MAX_PROBLEMS = 100

_IDENTITY = tuple(Identity.model_fields)
_CONTRACT = tuple(Engagement.model_fields)
_FILLED = tuple(column for column, need in COLUMNS.items() if need is Column.FILLED)
_DATES = ("start_date", "end_date", "nda_date", "charter_date", "training_date", "updated_at")
_WORDS: Mapping[str, frozenset[str]] = {
    "contract_type": frozenset(ContractType),
    "account_type": frozenset(AccountType),
    "security_tier": frozenset(Tier),
    "status": frozenset(Status),
}
_ENDING = frozenset(str(kind) for kind in ContractType if not kind.open_ended)
_SEPARATORS = re.compile(r"[\s,;|]+")


def load_people(
    path: Path,
    *,
    shown: str,
    subsidiaries: AbstractSet[str],
    sites: AbstractSet[str],
    productions: AbstractSet[str],
    problems: list[Problem],
) -> tuple[Person, ...]:
    """Read the personnel file; give the people of it whose rows are in order.

    People stand in the order of the file, their contracts in the order of time.
    """
    raw = read_limited(path, shown=shown, limit=MAX_BYTES)
    if isinstance(raw, Problem):
        problems.append(raw)
        return ()
    known = _codes(subsidiaries, sites, productions)
    models: list[_Models] = []
    _examine(raw, shown, known, problems, models)
    return _people(models)


def check_people(
    raw: bytes,
    *,
    shown: str,
    subsidiaries: AbstractSet[str],
    sites: AbstractSet[str],
    productions: AbstractSet[str],
    problems: list[Problem],
    number: int | None = None,
) -> People:
    """The same people and problems; each person is made when somebody looks at one.

    Twenty thousand people take twenty times the memory of their file. `number` is how many they
    are, where the very same file was checked before.
    """
    known = _codes(subsidiaries, sites, productions)
    if number is None:
        contracts = _examine(raw, shown, known, problems, None)
        number = len({contract.person_id for contract in contracts})
    return People(raw, shown, known, number)


class People(Sequence[Person]):
    """The people of a file that was read and checked; made when they are first looked at."""

    def __init__(
        self, raw: bytes, shown: str, known: Mapping[str, frozenset[str]], number: int
    ) -> None:
        self._raw = raw
        self._shown = shown
        self._known = known
        self._number = number
        self._made: tuple[Person, ...] | None = None
        self._places: dict[str, Place] = {}

    @overload
    def __getitem__(self, index: int) -> Person: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Person]: ...
    def __getitem__(self, index: int | slice) -> Person | Sequence[Person]:
        """One person, in the order of the file, or some of them."""
        if self._made is None:
            models: list[_Models] = []
            _examine(self._raw, self._shown, self._known, [], models)
            self._made = _people(models)
        return self._made[index]

    def place(self, contract_id: str) -> Place | None:
        """The row of a contract; the file is read again for the first one."""
        if not self._places:
            table = parse_csv(self._raw, shown=self._shown, columns=COLUMNS)
            self._places = {
                row["contract_id"]: table.place(index) for index, row in enumerate(table.rows)
            }
        return self._places.get(contract_id)

    def digest(self) -> str:
        """A digest of the file, and of what it is called in messages."""
        return digest_of(self._raw, self._shown.encode())

    def ids(self) -> set[str]:
        """The ids of all; nobody is made for it."""
        contracts = _examine(self._raw, self._shown, self._known, [], None)
        return {contract.person_id for contract in contracts}

    def __iter__(self) -> Iterator[Person]:
        return iter(self[:])

    def __len__(self) -> int:
        return self._number


def _codes(
    subsidiaries: AbstractSet[str], sites: AbstractSet[str], productions: AbstractSet[str]
) -> Mapping[str, frozenset[str]]:
    return {
        "subsidiary": frozenset(subsidiaries),
        "site": frozenset(sites),
        "production": frozenset(productions),
    }


def _examine(
    raw: bytes,
    shown: str,
    known: Mapping[str, frozenset[str]],
    problems: list[Problem],
    models: list[_Models] | None,
) -> list[_Contract]:
    """Give the contracts of the rows in order, and in `models` all that they say."""
    table = parse_csv(raw, shown=shown, columns=COLUMNS)
    problems.extend(table.problems)
    complaints = _Complaints(table)
    contracts = _contracts(table, known, complaints, models)
    _names_agree(table, complaints)
    _addresses_differ(table, complaints)
    _contract_ids_differ(table, complaints)
    _previous_contracts_exist(table, complaints)
    _managers_exist(table, complaints)
    _contracts_follow_one_another(contracts, complaints)
    _nobody_manages_upwards(contracts, complaints)
    problems.extend(complaints.told())
    return contracts


@dataclass(frozen=True, slots=True)
class _Contract:
    """What is compared of a row in order: who, when, for whom and under whom."""

    row: int
    person_id: str
    contract_id: str
    subsidiary: str
    production: str | None
    start_date: date
    end_date: date | None
    status: Status
    manager_id: str | None

    def runs_on(self, day: date) -> bool:
        """Whether the contract holds on that day."""
        return runs_on(day, start=self.start_date, end=self.end_date, status=self.status)


@dataclass(frozen=True, slots=True)
class _Models:
    """All that a row in order says."""

    row: int
    identity: Identity
    engagement: Engagement


class _Complaints:
    """What is wrong with the rows; beyond a hundred problems, the rest is only counted."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._problems: list[Problem] = []
        self._unsaid: list[tuple[int, str]] = []

    @property
    def full(self) -> bool:
        return len(self._problems) >= MAX_PROBLEMS

    def add(self, row: int, column: str, message: str, hint: str) -> None:
        if self.full:
            self._unsaid.append((row, column))
        else:
            self._problems.append(Problem(self.table.place(row, column), message, hint))

    def extend(self, row: int, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if self.full:
                self._unsaid.append((row, ""))
            else:
                self._problems.append(problem)

    def count(self, row: int, error: ValidationError, refused: AbstractSet[KeyPath]) -> None:
        """Count what the model says of a row beyond what was refused already."""
        details = error.errors(include_url=False, include_context=False, include_input=False)
        self._unsaid += [(row, "") for detail in details if detail["loc"][:1] not in refused]

    def line(self, row: int) -> int:
        return self.table.place(row).line

    def told(self) -> list[Problem]:
        if not self._unsaid:
            return self._problems
        row, column = min(self._unsaid)
        place = self.table.place(row, column)
        more = Problem(
            Place(place.file, place.line, place.column),
            f"and {len(self._unsaid):,} more problems",
            "correct the others first",
        )
        return [*self._problems, more]


# --- rows, one by one ------------------------------------------------------------------------


def _contracts(
    table: Table,
    known: Mapping[str, frozenset[str]],
    complaints: _Complaints,
    models: list[_Models] | None,
) -> list[_Contract]:
    """Give the contracts of the rows in which nothing is wrong."""
    named: dict[tuple[str, ...], Identity | None] = {}
    contracts = []
    for index, row in enumerate(table.rows):
        who = tuple([row[column] for column in _IDENTITY])
        identity = named.get(who)
        if identity is None and who not in named:
            identity = _identity(table, index, complaints)
            if identity is None or models is not None:
                named[who] = identity
        engagement = _engagement(table, index, row, known, complaints)
        if identity is None or engagement is None:
            continue
        if models is not None:
            models.append(_Models(index, identity, engagement))
        contracts.append(
            _Contract(
                index,
                identity.person_id,
                engagement.contract_id,
                engagement.subsidiary,
                engagement.production,
                engagement.start_date,
                engagement.end_date,
                engagement.status,
                engagement.manager_id,
            )
        )
    return contracts


def _identity(table: Table, index: int, complaints: _Complaints) -> Identity | None:
    row = table.rows[index]
    data: dict[str, object] = {c: _composed(row[c]) for c in _IDENTITY if row[c]}
    refused: set[KeyPath] = {
        (column,) for column in _IDENTITY if column in _FILLED and not row[column]
    }
    return _fitted(Identity, data, table, index, refused, complaints)


def _engagement(
    table: Table,
    index: int,
    row: Mapping[str, str],
    known: Mapping[str, frozenset[str]],
    complaints: _Complaints,
) -> Engagement | None:
    data: dict[str, object] = {column: row[column] for column in _CONTRACT if row[column]}
    refused: set[KeyPath] = {(column,) for column in _FILLED if not row[column]}

    def refuse(column: str, message: str, hint: str) -> None:
        complaints.add(index, column, message, hint)
        refused.add((column,))
        data.pop(column, None)

    for column, codes in known.items():
        if row[column]:
            _take_code(row[column], column, codes, data, refuse)
    for column, words in _WORDS.items():
        if row[column]:
            word = row[column].casefold().replace(" ", "_").replace("-", "_")
            data[column] = word if word in words else row[column]
    for column in _DATES:
        if row[column]:
            _take_date(row[column], column, data, refuse)
    if row["badge_zones"]:
        data["badge_zones"] = _split(row["badge_zones"])
    if row["work_dates"]:
        _take_days(row["work_dates"], data, refuse)
    if not row["end_date"] and data.get("contract_type") in _ENDING:
        message = f"a contract of type {data['contract_type']} needs an end date"
        refuse("end_date", message, "only cdi and mandataire may run without one")
    engagement = _fitted(Engagement, data, table, index, refused, complaints)
    return None if refused else engagement


def _fitted(
    model: type[M],
    data: dict[str, object],
    table: Table,
    index: int,
    refused: AbstractSet[KeyPath],
    complaints: _Complaints,
) -> M | None:
    """Make a model of a row, or complain about all of it but what was refused already."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        if complaints.full:  # what is only counted needs no words
            complaints.count(index, error, refused)
            return None
        source = replace(table.row(index), refused=frozenset(refused))
        found: list[Problem] = []
        validate(model, source, found, data=data)
        complaints.extend(index, found)
        return None


_Refuse = Callable[[str, str, str], None]


def _take_code(
    text: str, column: str, codes: frozenset[str], data: dict[str, object], refuse: _Refuse
) -> None:
    code = text if text in codes else text.casefold()
    if code in codes:
        data[column] = code
    else:
        refuse(column, f"there is no {column} called '{shortened(text)}'", _code_hint(text, codes))


@lru_cache(maxsize=1024)
def _code_hint(text: str, codes: frozenset[str]) -> str:
    listed = ", ".join(sorted(codes)[:20]) or "none yet"
    return suggest(text, codes) or f"known: {listed}"


def _take_date(text: str, column: str, data: dict[str, object], refuse: _Refuse) -> None:
    day = _day(re.split("[T ]", text, maxsplit=1)[0] if column == "updated_at" else text)
    if isinstance(day, date):
        data[column] = day
    else:
        refuse(column, *day)


def _take_days(text: str, data: dict[str, object], refuse: _Refuse) -> None:
    days = [_day(part) for part in _split(text)]
    wrong = next((day for day in days if not isinstance(day, date)), None)
    if wrong is None:
        data["work_dates"] = days
    else:
        refuse("work_dates", *wrong)


@lru_cache(maxsize=65_536)
def _day(text: str) -> date | tuple[str, str]:
    """Give the day, or the message and the hint that say why it is none."""
    try:
        return parse_date(text)
    except ValueError as error:
        message, _, hint = str(error).rpartition("; ")
        return message, hint


def _split(text: str) -> list[str]:
    return [part for part in _SEPARATORS.split(text) if part]


def _composed(text: str) -> str:
    """Write é as one character, whatever the file does: both look the same."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


# --- rows against one another ----------------------------------------------------------------


def _names_agree(table: Table, complaints: _Complaints) -> None:
    """One id belongs to one human."""
    first: dict[str, tuple[int, tuple[str, str]]] = {}
    cells = table.cells("person_id", "first_name", "last_name")
    for index, (person, *names) in enumerate(cells):
        if not (person and all(names)):
            continue
        name = (names[0], names[1])
        line, known = first.setdefault(person, (index, name))
        if name == known or _same(name) == _same(known):
            continue
        spelling = _bare(name) == _bare(known)
        complaints.add(
            index,
            "last_name" if _same(name[1:]) != _same(known[1:]) else "first_name",
            f"person '{shortened(person)}' is {shortened(' '.join(name))} here and "
            f"{shortened(' '.join(known))} on line {complaints.line(line)}",
            "write the name in the same way on every row"
            if spelling
            else "give each person an id of their own; a changed name goes to usage_name",
        )


def _same(name: Iterable[str]) -> str:
    """Give the name such that case, double spaces and ways to write é do not matter."""
    return unicodedata.normalize("NFC", " ".join(" ".join(name).split())).casefold()


def _bare(name: Iterable[str]) -> str:
    """Give the name without accents and hyphens, to tell a misspelling from another human."""
    text = unicodedata.normalize("NFD", _same(name))
    return "".join(character for character in text if character.isalpha())


def _addresses_differ(table: Table, complaints: _Complaints) -> None:
    """Two people do not share a private e-mail; its text is not repeated, it is private."""
    first: dict[str, tuple[int, str]] = {}
    told = set()
    for index, (address, person) in enumerate(table.cells("private_email", "person_id")):
        email = address.casefold()
        if not email or not person:
            continue
        line, owner = first.setdefault(email, (index, person))
        if owner == person or (email, person) in told:
            continue
        told.add((email, person))
        complaints.add(
            index,
            "private_email",
            f"'{shortened(person)}' has the private e-mail of '{shortened(owner)}' "
            f"(line {complaints.line(line)})",
            "if they are one person, use one person_id; homonyms need an id and an e-mail each",
        )


def _contract_ids_differ(table: Table, complaints: _Complaints) -> None:
    first: dict[str, int] = {}
    for index, (contract,) in enumerate(table.cells("contract_id")):
        if contract and (line := first.setdefault(contract, index)) != index:
            complaints.add(
                index,
                "contract_id",
                f"contract '{shortened(contract)}' stands on line {complaints.line(line)} too",
                "give each contract an id of its own; of a corrected one keep the last row only",
            )


def _previous_contracts_exist(table: Table, complaints: _Complaints) -> None:
    owners = {row[0]: row[1] for row in table.cells("contract_id", "person_id")}
    owners.pop("", None)
    cells = table.cells("previous_contract_id", "contract_id", "person_id")
    for index, (previous, contract, person) in enumerate(cells):
        if not previous:
            continue
        shown = shortened(previous)
        if previous not in owners:
            message = f"no contract has the id '{shown}'"
            hint = "correct it, or add the row of the earlier contract"
        elif previous == contract:
            message = f"contract '{shown}' cannot be its own predecessor"
            hint = "write the id of the contract before it, or leave the cell empty"
        elif person and owners[previous] != person:
            message = f"contract '{shown}' is one of '{shortened(owners[previous])}'"
            hint = f"write an earlier contract of '{shortened(person)}'"
        else:
            continue
        complaints.add(index, "previous_contract_id", message, hint)


def _managers_exist(table: Table, complaints: _Complaints) -> None:
    people = {person for (person,) in table.cells("person_id")}
    for index, (manager,) in enumerate(table.cells("manager_id")):
        if manager and manager not in people:
            complaints.add(
                index,
                "manager_id",
                f"nobody has the person_id '{shortened(manager)}'",
                "write the id of somebody in this file, or leave the cell empty",
            )


def _contracts_follow_one_another(contracts: Iterable[_Contract], complaints: _Complaints) -> None:
    """A person has one contract at a time with one subsidiary for one production."""
    groups: dict[tuple[str, str, str | None], list[_Contract]] = {}
    for contract in contracts:
        if contract.status is not Status.CANCELLED:
            key = (contract.person_id, contract.subsidiary, contract.production)
            groups.setdefault(key, []).append(contract)
    for group in groups.values():
        group.sort(key=lambda contract: (contract.start_date, contract.row))
        longest = group[0]
        for contract in group[1:]:
            before = longest
            if before.end_date is None or contract.start_date <= before.end_date:
                ends = f"until {before.end_date}" if before.end_date else "without end"
                where = contract.subsidiary
                where += f" and production {contract.production}" if contract.production else ""
                complaints.add(
                    contract.row,
                    "start_date",
                    f"the contract begins {contract.start_date}, while "
                    f"'{before.contract_id}' (line {complaints.line(longest.row)}) runs {ends}, "
                    f"both for {where}",
                    "correct the dates, or write cancelled as the status of one of the two",
                )
            if before.end_date is not None and (
                contract.end_date is None or contract.end_date > before.end_date
            ):
                longest = contract


def _nobody_manages_upwards(contracts: Iterable[_Contract], complaints: _Complaints) -> None:
    """On no day does somebody report, through others, to themselves."""
    reports = [c for c in contracts if c.manager_id]
    above: dict[str, list[_Contract]] = {}
    for contract in _knotted(reports):
        above.setdefault(contract.person_id, []).append(contract)
    told: set[str] = set()
    newest_first = sorted(
        (contract for group in above.values() for contract in group),
        key=lambda contract: (contract.start_date, contract.row),
        reverse=True,
    )
    for contract in newest_first:
        if contract.person_id in told or not (circle := _circle(contract, above)):
            continue
        told.update(circle)
        day = contract.start_date
        if len(circle) == 1:
            message = f"'{shortened(circle[0])}' is their own manager"
        else:
            message = f"on {day} the managers go round in a circle: {_path(circle)}"
        complaints.add(contract.row, "manager_id", message, "leave the topmost manager's empty")


def _path(circle: list[str]) -> str:
    names = circle if len(circle) <= 6 else [*circle[:3], "…", *circle[-2:]]
    return " → ".join([*names, circle[0]])


def _knotted(reports: list[_Contract]) -> list[_Contract]:
    """Give what may be part of a circle: whoever has nobody above or below falls away, in turn."""
    upper: dict[str, set[str]] = {}
    lower: dict[str, set[str]] = {}
    for contract in reports:
        person, manager = contract.person_id, contract.manager_id or ""
        upper.setdefault(person, set()).add(manager)
        lower.setdefault(manager, set()).add(person)
    for near, far in ((upper, lower), (lower, upper)):
        loose = [person for person in {*upper, *lower} if not near.get(person)]
        while loose:
            gone = loose.pop()
            for other in far.pop(gone, ()):
                near[other].discard(gone)
                if not near[other]:
                    loose.append(other)
            near.pop(gone, None)
    return [
        contract for contract in reports if contract.manager_id in upper.get(contract.person_id, ())
    ]


def _circle(contract: _Contract, above: Mapping[str, list[_Contract]]) -> list[str]:
    """Follow the managers of the day on which the contract begins; give the way back, if any."""
    day, person = contract.start_date, contract.person_id
    if not contract.runs_on(day):
        return []

    def managers(of: str) -> Iterator[str]:
        for other in above.get(of, ()):
            if other.runs_on(day):
                yield other.manager_id or ""

    first = contract.manager_id or ""
    way, seen, trail = [first], {first}, [managers(first)]
    while way:
        if way[-1] == person:
            return [person, *way[:-1]]
        following = next((m for m in trail[-1] if m not in seen), None)
        if following is None:
            way.pop()
            trail.pop()
        else:
            seen.add(following)
            way.append(following)
            trail.append(managers(following))
    return []


# --- people ----------------------------------------------------------------------------------


def _people(contracts: Iterable[_Models]) -> tuple[Person, ...]:
    by_person: dict[str, list[_Models]] = {}
    for contract in contracts:
        by_person.setdefault(contract.identity.person_id, []).append(contract)
    return tuple(_person(group) for group in by_person.values())


def _person(contracts: list[_Models]) -> Person:
    def freshness(contract: _Models) -> tuple[date, date, int]:
        engagement = contract.engagement
        return engagement.updated_at or date.min, engagement.start_date, contract.row

    latest = max(contracts, key=freshness).identity
    engagements = [contract.engagement for contract in contracts]
    engagements.sort(key=lambda e: (e.start_date, e.contract_id))
    return Person(**dict(latest), engagements=tuple(engagements))
