"""The personnel file: what is accepted, and the exact words for what is not."""

from __future__ import annotations

import csv
import io
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sitekit.errors import Problem
from sitekit.load.people import COLUMNS, MAX_PROBLEMS, load_people
from sitekit.model.organisation import Tier
from sitekit.model.people import AccountType, ContractType, Engagement, Person, Status

ROW = {
    "person_id": "P0001",
    "subsidiary": "hmp",
    "last_name": "Lefèvre",
    "first_name": "Zoé",
    "contract_type": "cdi",
    "contract_id": "C1",
    "department": "image",
    "start_date": "2026-01-05",
    "site": "par01",
}
CDD = {"contract_type": "cdd", "end_date": "2026-06-30"}


def write(
    tmp_path: Path, *rows: dict[str, str], delimiter: str = ";", encoding: str = "utf-8"
) -> Path:
    """Write rows, each laid over ROW, the way a spreadsheet does."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**ROW, **row} for row in rows)
    path = tmp_path / "people.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def load(path: Path) -> tuple[tuple[Person, ...], list[Problem]]:
    problems: list[Problem] = []
    people = load_people(
        path,
        shown="people.csv",
        subsidiaries={"hmp", "hpo"},
        sites={"par01", "par02"},
        productions={"aurora", "mistral"},
        problems=problems,
    )
    return people, problems


def accepted(path: Path) -> tuple[Person, ...]:
    people, problems = load(path)
    assert [str(problem) for problem in problems] == []
    return people


def told(tmp_path: Path, *rows: dict[str, str]) -> list[str]:
    """Give what is said about rows, with the column's name in place of its position."""
    path = write(tmp_path, *rows)
    lines = path.read_text(encoding="utf-8").splitlines()
    said = []
    for problem in load(path)[1]:
        before = lines[problem.place.line - 1][: problem.place.column - 1]
        column = list(COLUMNS)[before.count(";")]
        assert not before or before.endswith(";"), "a place is the beginning of a cell"
        said.append(f"{problem.place.line} {column}: {problem.message} | {problem.hint}")
    return said


# --- what is accepted ------------------------------------------------------------------------


def test_every_column_has_its_field(tmp_path: Path) -> None:
    full = {
        "usage_name": "Lefèvre-Roy",
        "private_email": "zoe@mail.example",
        "private_mobile": "+33 6 39 98 00 01",
        "contract_type": "cddu_technicien",
        "production": "aurora",
        "production_alias": "Aurora",
        "object_number": "26A0001",
        "job_title": "Première assistante opératrice",
        "end_date": "2026-06-30",
        "work_dates": "2026-01-05 06/01/2026",
        "manager_id": "P0002",
        "cost_centre": "4100",
        "account_type": "guest",
        "licence_profile": "frontline",
        "device_profile": "own-laptop",
        "badge_zones": "hall, image",
        "security_tier": "high",
        "nda_date": "2026-01-02",
        "charter_date": "2026-01-02",
        "training_date": "2026-01-03",
        "status": "planned",
        "updated_at": "2026-01-04T18:30:00",
    }
    manager = {"person_id": "P0002", "first_name": "Ana", "contract_id": "C2"}
    person, _ = accepted(write(tmp_path, full, manager))
    assert person == Person(
        person_id="P0001",
        last_name="Lefèvre",
        first_name="Zoé",
        usage_name="Lefèvre-Roy",
        private_email="zoe@mail.example",
        private_mobile="+33 6 39 98 00 01",
        engagements=(
            Engagement(
                contract_id="C1",
                contract_type=ContractType.CDDU_TECHNICIEN,
                subsidiary="hmp",
                production="aurora",
                production_alias="Aurora",
                object_number="26A0001",
                department="image",
                job_title="Première assistante opératrice",
                start_date=date(2026, 1, 5),
                end_date=date(2026, 6, 30),
                work_dates=(date(2026, 1, 5), date(2026, 1, 6)),
                site="par01",
                manager_id="P0002",
                cost_centre="4100",
                account_type=AccountType.GUEST,
                licence_profile="frontline",
                device_profile="own-laptop",
                badge_zones=("hall", "image"),
                security_tier=Tier.HIGH,
                nda_date=date(2026, 1, 2),
                charter_date=date(2026, 1, 2),
                training_date=date(2026, 1, 3),
                status=Status.PLANNED,
                updated_at=date(2026, 1, 4),
            ),
        ),
    )
    fields = set(Person.model_fields) | set(Engagement.model_fields)
    assert fields - {"engagements"} == set(COLUMNS)
    assert "zoe@mail" not in repr(person)
    assert "98 00" not in repr(person)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_spreadsheets_write_as_they_like(tmp_path: Path, delimiter: str, encoding: str) -> None:
    row = {"start_date": "05/01/2026", "contract_type": "CDDU Technicien", "end_date": "30.6.2026"}
    path = write(tmp_path, row, delimiter=delimiter, encoding=encoding)
    (person,) = accepted(path)
    engagement = person.engagements[0]
    assert (person.first_name, person.last_name) == ("Zoé", "Lefèvre")
    assert engagement.contract_type is ContractType.CDDU_TECHNICIEN
    assert (engagement.start_date, engagement.end_date) == (date(2026, 1, 5), date(2026, 6, 30))


def test_codes_and_words_may_be_written_in_capitals(tmp_path: Path) -> None:
    capitals = {"subsidiary": "HMP", "site": "PAR01", "production": "AURORA", "status": "Active"}
    (person,) = accepted(write(tmp_path, capitals))
    engagement = person.engagements[0]
    assert (engagement.subsidiary, engagement.site) == ("hmp", "par01")
    assert (engagement.production, engagement.status) == ("aurora", Status.ACTIVE)


def test_a_person_may_have_several_contracts_oldest_first(tmp_path: Path) -> None:
    rows = (
        {"contract_id": "C3", "start_date": "2026-05-01", "end_date": "2026-05-31"},
        {"contract_id": "C1", "start_date": "2026-01-05", "end_date": "2026-02-01"},
        {"contract_id": "C2", "start_date": "2026-02-02", "end_date": "2026-04-30"},
    )
    (person,) = accepted(write(tmp_path, *({**row, "contract_type": "cdd"} for row in rows)))
    assert [e.contract_id for e in person.engagements] == ["C1", "C2", "C3"]


def test_two_subsidiaries_or_two_productions_may_overlap(tmp_path: Path) -> None:
    (person,) = accepted(
        write(
            tmp_path,
            {},
            {"contract_id": "C2", "subsidiary": "hpo"},
            {"contract_id": "C3", "production": "aurora"},
            {"contract_id": "C4", "production": "mistral"},
        )
    )
    assert len(person.engagements) == 4


def test_a_cancelled_contract_overlaps_nothing(tmp_path: Path) -> None:
    accepted(write(tmp_path, {"status": "cancelled"}, {"contract_id": "C2"}))


def test_the_row_updated_last_says_how_to_reach_somebody(tmp_path: Path) -> None:
    (person,) = accepted(
        write(
            tmp_path,
            {"private_email": "new@mail.example", "updated_at": "2026-11-20", **CDD},
            {
                "contract_id": "C2",
                "private_email": "old@mail.example",
                "updated_at": "2026-07-01",
                "start_date": "2026-07-01",
            },
        )
    )
    assert person.private_email == "new@mail.example"


def test_homonyms_are_two_people(tmp_path: Path) -> None:
    rows = {"person_id": "P0001"}, {"person_id": "P0002", "contract_id": "C2"}
    assert len(accepted(write(tmp_path, *rows))) == 2


def test_an_accent_in_two_characters_is_the_same_name(tmp_path: Path) -> None:
    (person,) = accepted(
        write(
            tmp_path,
            {"first_name": "Zoe\u0301", **CDD},
            {"contract_id": "C2", "first_name": "ZOÉ", "start_date": "2026-07-01"},
        )
    )
    assert person.first_name == "ZOÉ"


def test_managers_may_swap_over_time(tmp_path: Path) -> None:
    ana = {"person_id": "P0002", "first_name": "Ana"}
    accepted(
        write(
            tmp_path,
            {"manager_id": "P0002", **CDD},
            {"contract_id": "C2", "start_date": "2026-07-01"},
            {**ana, "contract_id": "C3", **CDD},
            {**ana, "contract_id": "C4", "start_date": "2026-07-01", "manager_id": "P0001"},
        )
    )


# --- what is not, in its exact words ---------------------------------------------------------


def test_places_are_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "person_id,subsidiary,last_name,first_name,contract_type,contract_id,production,"
        "department,start_date,end_date,site,manager_id\n"
        "P1,hmp,Roy,Ana,cdi,C1,,image,2026-01-05,,par01,\n"
        'P2,hmp,"d\'Aux",Léo,cdi,C2,,image,2026-13-05,,par01,\n',
        encoding="utf-8",
    )
    people, problems = load(path)
    assert [str(problem) for problem in problems] == [
        "people.csv:3:34: '2026-13-05' is not a day of the calendar\n"
        "  hint: write 2026-11-24 or 24/11/2026 (the day first)"
    ]
    assert [person.person_id for person in people] == ["P1"]


DATES = "write 2026-11-24 or 24/11/2026 (the day first)"
WRONG_CELLS = {
    "not a date": (
        {"start_date": "demain"},
        f"2 start_date: 'demain' is not a date | {DATES}",
    ),
    "a day that does not exist": (
        {"contract_type": "cdd", "end_date": "31/02/2026"},
        f"2 end_date: '31/02/2026' is not a day of the calendar | {DATES}",
    ),
    "a bad day of work": (
        {"work_dates": "2026-01-05 hier"},
        f"2 work_dates: 'hier' is not a date | {DATES}",
    ),
    "a day of work outside": (
        {**CDD, "work_dates": "2026-01-05, 2026-07-01"},
        "2 work_dates: 2026-07-01 is a day of work outside the contract, 2026-01-05 to 2026-06-30"
        " | correct the day, or the dates of the contract",
    ),
    "unknown contract type": (
        {"contract_type": "cdii"},
        "2 contract_type: 'cdii' is not one of cdi, cdd, cddu_technicien, cddu_artiste, auteur, "
        "freelance, prestataire, interim, stage, alternance, mandataire | did you mean 'cdi'?",
    ),
    "unknown site": (
        {"site": "par1"},
        "2 site: there is no site called 'par1' | did you mean 'par01'?",
    ),
    "a site like no other": (
        {"site": "tokyo"},
        "2 site: there is no site called 'tokyo' | known: par01, par02",
    ),
    "unknown subsidiary": (
        {"subsidiary": "hpp"},
        "2 subsidiary: there is no subsidiary called 'hpp' | did you mean 'hpo'?",
    ),
    "unknown production": (
        {"production": "auroa"},
        "2 production: there is no production called 'auroa' | did you mean 'aurora'?",
    ),
    "end before start": (
        {"end_date": "2025-12-31"},
        "2 end_date: the contract ends 2025-12-31, before it begins 2026-01-05"
        " | swap or correct the two dates",
    ),
    "missing end": (
        {"contract_type": "freelance"},
        "2 end_date: a contract of type freelance needs an end date"
        " | only cdi and mandataire may run without one",
    ),
    "unknown tier": (
        {"security_tier": "hihg"},
        "2 security_tier: 'hihg' is not one of standard, high | did you mean 'high'?",
    ),
    "a department in prose": (
        {"department": "Mise en scène"},
        "2 department: 'Mise en scène' does not have the form of 'department'"
        " | Lower case letters, digits, - and _; starts with a letter",
    ),
    "a formula for a name": (
        {"first_name": "=HYPERLINK(1)"},
        "2 first_name: '=HYPERLINK(1)' does not have the form of 'first_name'"
        " | Letters of any alphabet, spaces, hyphens, apostrophes and dots",
    ),
    "an empty cell": (
        {"department": ""},
        "2 department: 'department' is empty | fill it in",
    ),
    "unknown manager": (
        {"manager_id": "P9999"},
        "2 manager_id: nobody has the person_id 'P9999'"
        " | write the id of somebody in this file, or leave the cell empty",
    ),
    "oneself as manager": (
        {"manager_id": "P0001"},
        "2 manager_id: 'P0001' is their own manager | leave the topmost manager's empty",
    ),
    "unknown previous contract": (
        {"previous_contract_id": "C0"},
        "2 previous_contract_id: no contract has the id 'C0'"
        " | correct it, or add the row of the earlier contract",
    ),
    "oneself as predecessor": (
        {"previous_contract_id": "C1"},
        "2 previous_contract_id: contract 'C1' cannot be its own predecessor"
        " | write the id of the contract before it, or leave the cell empty",
    ),
}


@pytest.mark.parametrize("name", WRONG_CELLS)
def test_a_wrong_cell(tmp_path: Path, name: str) -> None:
    row, message = WRONG_CELLS[name]
    assert told(tmp_path, row) == [message]


SECOND = {"contract_id": "C2"}
OTHER = {"person_id": "P0002", "first_name": "Ana", "contract_id": "C2"}
AT_ODDS = {
    "one contract id twice": (
        ({}, {**OTHER, "contract_id": "C1"}),
        "3 contract_id: contract 'C1' stands on line 2 too"
        " | give each contract an id of its own; of a corrected one keep the last row only",
    ),
    "overlap": (
        (CDD, {**SECOND, "start_date": "2026-06-30"}),
        "3 start_date: the contract begins 2026-06-30, while 'C1' (line 2) runs until 2026-06-30, "
        "both for hmp | correct the dates, or write cancelled as the status of one of the two",
    ),
    "overlap with an open contract, for a production": (
        ({"production": "aurora"}, {**SECOND, "production": "aurora", **CDD}),
        "3 start_date: the contract begins 2026-01-05, while 'C1' (line 2) runs without end, both "
        "for hmp and production aurora"
        " | correct the dates, or write cancelled as the status of one of the two",
    ),
    "one id for two people": (
        (CDD, {**SECOND, "start_date": "2026-07-01", "first_name": "Ana", "last_name": "Roy"}),
        "3 last_name: person 'P0001' is Ana Roy here and Zoé Lefèvre on line 2"
        " | give each person an id of their own; a changed name goes to usage_name",
    ),
    "one name spelt in two ways": (
        (CDD, {**SECOND, "start_date": "2026-07-01", "first_name": "Zoe"}),
        "3 first_name: person 'P0001' is Zoe Lefèvre here and Zoé Lefèvre on line 2"
        " | write the name in the same way on every row",
    ),
    "homonyms with one e-mail": (
        (
            {"private_email": "zoe@mail.example"},
            {**SECOND, "person_id": "P0002", "private_email": "Zoe@Mail.example"},
        ),
        "3 private_email: 'P0002' has the private e-mail of 'P0001' (line 2)"
        " | if they are one person, use one person_id; homonyms need an id and an e-mail each",
    ),
    "somebody else's previous contract": (
        ({}, {**OTHER, "previous_contract_id": "C1"}),
        "3 previous_contract_id: contract 'C1' is one of 'P0001'"
        " | write an earlier contract of 'P0002'",
    ),
    "manager cycle": (
        (
            {"manager_id": "P0002"},
            {**OTHER, "manager_id": "P0003", "start_date": "2026-02-01"},
            {"person_id": "P0003", "contract_id": "C3", "manager_id": "P0001"},
            {"person_id": "P0004", "contract_id": "C4", "manager_id": "P0001"},
        ),
        "3 manager_id: on 2026-02-01 the managers go round in a circle: "
        "P0002 → P0003 → P0001 → P0002 | leave the topmost manager's empty",
    ),
}


@pytest.mark.parametrize("name", AT_ODDS)
def test_rows_at_odds(tmp_path: Path, name: str) -> None:
    rows, message = AT_ODDS[name]
    assert told(tmp_path, *rows) == [message]


def test_everything_wrong_with_a_row_is_said_at_once(tmp_path: Path) -> None:
    row = {
        "subsidiary": "hmpp",
        "contract_type": "cdd",
        "start_date": "x",
        "site": "par03",
        "security_tier": "top",
        "manager_id": "P9",
        "contract_id": "",
    }
    columns = {line.split(":")[0].split()[1] for line in told(tmp_path, row)}
    assert columns == {*row, "end_date"} - {"contract_type"}


def test_a_missing_column_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    text = write(tmp_path, {}, OTHER).read_text(encoding="utf-8")
    path.write_text(text.replace("department", "departement", 1), encoding="utf-8")
    _, problems = load(path)
    assert [(str(p.place)[:12], p.message, p.hint) for p in problems] == [
        ("people.csv:1", "unknown column 'departement'", "did you mean 'department'?")
    ]


def test_a_private_email_is_never_repeated(tmp_path: Path) -> None:
    rows = {"private_email": "zoe@mail.example"}, {**OTHER, "private_email": "zoe@mail.example"}
    assert not [line for line in told(tmp_path, *rows) if "zoe@" in line]


def test_beyond_a_hundred_problems_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [{"person_id": f"P{n}", "contract_id": f"C{n}", "site": "nowhere"} for n in range(250)]
    lines = told(tmp_path, *rows)
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == "102 site: and 150 more problems | correct the others first"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    people, problems = load(tmp_path / "nobody.csv")
    assert people == ()
    assert [str(problem) for problem in problems] == [
        "people.csv: the file does not exist\n  hint: check the spelling of its path"
    ]


# --- models ----------------------------------------------------------------------------------

WRITTEN = {
    "contract_id": "C1",
    "contract_type": "cdd",
    "subsidiary": "hmp",
    "department": "image",
    "start_date": date(2026, 1, 5),
    "end_date": date(2026, 6, 30),
}


@pytest.mark.parametrize("contract", ContractType)
def test_only_two_contracts_run_without_end(contract: ContractType) -> None:
    written = {**WRITTEN, "contract_type": contract, "end_date": None}
    if contract in (ContractType.CDI, ContractType.MANDATAIRE):
        assert Engagement.model_validate(written).end_date is None
        return
    with pytest.raises(ValidationError, match="needs an end date"):
        Engagement.model_validate(written)


def test_a_contract_runs_on_both_its_dates() -> None:
    engagement = Engagement.model_validate(WRITTEN)
    days = [date(2026, 1, 4), date(2026, 1, 5), date(2026, 6, 30), date(2026, 7, 1)]
    assert [engagement.runs_on(day) for day in days] == [False, True, True, False]
    cancelled = engagement.model_copy(update={"status": Status.CANCELLED})
    assert not cancelled.runs_on(date(2026, 2, 1))


# --- promises --------------------------------------------------------------------------------

DAYS = st.integers(0, 60).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
PERIODS = st.lists(st.tuples(DAYS, DAYS).map(lambda pair: tuple(sorted(pair))), max_size=8)


@settings(deadline=None, max_examples=60)
@given(PERIODS)
def test_exactly_the_overlapping_contracts_are_refused(
    tmp_path_factory: pytest.TempPathFactory, periods: list[tuple[date, date]]
) -> None:
    rows = [
        {"contract_id": f"C{n}", "contract_type": "cdd", "start_date": str(s), "end_date": str(e)}
        for n, (s, e) in enumerate(periods)
    ]
    _, problems = load(write(tmp_path_factory.mktemp("overlap"), *rows))
    overlap = any(a[0] <= b[1] and b[0] <= a[1] for n, a in enumerate(periods) for b in periods[:n])
    assert bool(problems) == overlap


EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), DAYS, DAYS), max_size=9)


@settings(deadline=None, max_examples=100)
@given(EDGES)
def test_a_circle_is_told_exactly_when_some_day_has_one(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[int, int, date, date]]
) -> None:
    edges = [(a, b, min(s, e), max(s, e)) for a, b, s, e in edges]
    rows = [{"person_id": f"P{n}", "contract_id": f"R{n}"} for n in range(6)]
    rows += [
        {
            "person_id": f"P{a}",
            "manager_id": f"P{b}",
            "contract_id": f"C{n}",
            "production": "aurora" if n % 2 else "mistral",
            "contract_type": "cdd",
            "start_date": str(s),
            "end_date": str(e),
        }
        for n, (a, b, s, e) in enumerate(edges)
    ]
    _, problems = load(write(tmp_path_factory.mktemp("circle"), *rows))
    said = [p for p in problems if "manager" in p.message]

    def circle_on(day: date) -> bool:
        reached = {(a, b) for a, b, s, e in edges if s <= day <= e}
        for middle in range(6):
            reached |= {(a, d) for a, b in reached for c, d in reached if b == c == middle}
        return any(a == b for a, b in reached)

    assert bool(said) == any(circle_on(s) for _, _, s, _ in edges)


ANYTHING = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(list(COLUMNS)), ANYTHING, max_size=6))
def test_whatever_stands_in_the_cells_is_a_person_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[str, str]
) -> None:
    people, problems = load(write(tmp_path_factory.mktemp("any"), cells))
    assert people or problems  # a row never disappears without a word
    for problem in problems:
        assert problem.place.line >= 1
        assert problem.message.isprintable()
        assert problem.hint


def test_twenty_thousand_contracts_take_less_than_a_second_and_a_half(tmp_path: Path) -> None:
    rows = []
    for n in range(20_000):
        person, turn = divmod(n, 3)
        start = date(2026, 1, 1) + timedelta(days=70 * turn + person % 28)
        rows.append(
            {
                "person_id": f"P{person}",
                "contract_id": f"C{n}",
                "previous_contract_id": f"C{n - 1}" if turn else "",
                "private_email": f"p{person}@mail.example",
                "contract_type": "cddu_technicien",
                "production": "aurora",
                "start_date": str(start),
                "end_date": f"{start + timedelta(days=60):%d/%m/%Y}",
                "manager_id": f"P{person // 8}" if person else "",
                "nda_date": str(start),
                "badge_zones": "hall image",
                "updated_at": str(start),
            }
        )
    path = write(tmp_path, *rows)

    def seconds() -> float:
        before = time.process_time()
        assert len(accepted(path)) == 6667
        return time.process_time() - before

    assert min(seconds(), seconds()) < 1.5
