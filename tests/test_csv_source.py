"""CSV files as Excel and people write them, and the place of every cell."""

from __future__ import annotations

import contextlib
import csv
import io
import time
import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sitekit.errors import Place, Problem
from sitekit.load.csv_source import Column, Table, parse_csv, parse_date, read_csv
from sitekit.load.validate import validate

COLUMNS = {
    "given": Column.FILLED,
    "family": Column.FILLED,
    "email": Column.PRESENT,
    "note": Column.OPTIONAL,
}


def parsed(text: str | bytes) -> Table:
    raw = text.encode() if isinstance(text, str) else text
    return parse_csv(raw, shown="p.csv", columns=COLUMNS)


def told(table: Table) -> list[str]:
    return [str(problem).removeprefix("p.csv:") for problem in table.problems]


ROW = {"given": "Élo", "family": "Roux", "email": "e@x", "note": ""}


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_habits_of_excel(delimiter: str, encoding: str, line_end: str) -> None:
    lines = ["Given,family,EMAIL,,", "Élo, Roux ,e@x,,", ",,,,", ""]
    text = line_end.join(lines).replace(",", delimiter)
    table = parsed(text.encode(encoding))
    assert table.problems == ()
    assert table.rows == (ROW,)
    assert table.place(0, "email") == Place("p.csv", 2, 12)


def test_the_delimiter_may_be_named() -> None:
    table = parsed("sep=|\r\ngiven|family|email\r\nÉlo|Roux|e@x\r\n")
    assert (table.problems, table.rows) == ((), (ROW,))
    assert table.place(0, "family") == Place("p.csv", 3, 5)


def test_places() -> None:
    table = parsed('given;family;email\n"A;\n""x";B;\'c\nD;"E";f\n')
    assert table.problems == ()
    assert table.rows[0]["given"] == 'A;\n"x'
    assert table.place(0) == Place("p.csv", 2, 1)
    assert table.place(0, "given") == Place("p.csv", 2, 1)
    assert table.place(0, "family") == Place("p.csv", 3, 6)
    assert table.place(0, "email") == Place("p.csv", 3, 8)
    assert table.place(1, "email") == Place("p.csv", 4, 7)
    assert table.place(1, "note") == Place("p.csv", 4, 1)


KNOWN = "the columns are given, family, email, note"
QUOTE = (
    "a quote in this row is not closed, or text follows it\n"
    '  hint: write a quote inside a quoted cell twice: "5"" screen"'
)
HEAD = b"given;family;email\n"


@pytest.mark.parametrize(
    ("raw", "messages"),
    [
        (
            b"",
            [
                " the file is empty\n"
                "  hint: write its first line: the columns given, family, email, note"
            ],
        ),
        (
            b"gven,family,email,nope,,family\nA,B,c,d,e,f\n",
            [
                "1:1: unknown column 'gven'\n  hint: did you mean 'given'?",
                "1:19: unknown column 'nope'\n  hint: did you mean 'note'?",
                "1:24: column 5 has no name\n  hint: name it, or delete it",
                "1:25: the column 'family' stands here twice\n  hint: delete one of them",
            ],
        ),
        (
            b"given;email;badge number\n",
            [
                "1:13: unknown column 'badge number'\n"
                "  hint: known columns: given, family, email, note",
                f"1:1: column 'family' is missing\n  hint: add it to the first line; {KNOWN}",
            ],
        ),
        (
            HEAD + b"A;B\nA;B;c;d\n;B;c\nA;B;c;;\n",
            [
                "2:1: the row has 2 cells, the first line has 3\n  hint: add the missing cells",
                "3:1: the row has 4 cells, the first line has 3\n"
                "  hint: put a cell that holds ';' in quotes",
                "4:1: 'given' is empty\n  hint: fill it in",
            ],
        ),
        (HEAD + b'A;"B;c\nA;B;"c"\n', [f"2:1: {QUOTE}"]),
        (HEAD + b'A;B;c\n\nA;"B', [f"4:1: {QUOTE}"]),
        (HEAD + b'A;"' + b"x\n" * 100_000, [f"2:1: {QUOTE}"]),
        (
            HEAD + b"A;B;\0",
            ["2:5: a NUL byte cannot stand here\n  hint: delete it, or export the file again"],
        ),
        (
            HEAD + b"A;\x0b;c",
            [
                "2:3: the control character U+000B cannot stand here\n"
                "  hint: delete it, or export the file again"
            ],
        ),
        (
            b"\xff\xfeg\0",
            [" the file is saved as UTF-16\n  hint: save it as 'CSV UTF-8'"],
        ),
        (
            HEAD + "Élo;B;".encode() + b"\xe9",
            [
                "2:7: the byte 0xe9 is not UTF-8, as other letters of the file are\n"
                "  hint: save the file as 'CSV UTF-8'"
            ],
        ),
        (
            HEAD + b"A;\x81",
            [
                "2:3: the byte 0x81 is neither UTF-8 nor Windows (CP1252)\n"
                "  hint: save the file as 'CSV UTF-8'"
            ],
        ),
        (
            HEAD + b"x" * 70_000,
            [
                "2:1: the line is longer than 65,536 characters\n"
                "  hint: check that this is the right file"
            ],
        ),
        (
            b"given;family;email;" + b"c;" * 300 + b"c\n",
            [
                "1:1: the header has more than 256 columns\n"
                "  hint: check that this is the right file"
            ],
        ),
    ],
)
def test_problems(raw: bytes, messages: list[str]) -> None:
    assert told(parsed(raw)) == messages


def test_only_the_first_hundred_problems_of_rows_are_told() -> None:
    table = parsed(HEAD + b"A;;\n" * 250)
    assert len(table.problems) == 101
    assert told(table)[-1] == "102:1: and 150 more problems\n  hint: correct the others first"


def test_a_table_of_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sitekit.load.csv_source.MAX_ROWS", 2)
    table = parsed(HEAD + b"A;B;c\n" * 3)
    assert told(table) == ["4:1: the file has more than 2 rows\n  hint: split it"]


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(HEAD + "Élo;Roux;e@x".encode())
    assert read_csv(path, shown="p.csv", columns=COLUMNS).rows == (ROW,)
    assert told(read_csv(tmp_path, shown="p.csv", columns=COLUMNS)) == [
        " this is a folder, not a file\n  hint: name a file inside it"
    ]


def test_a_file_of_fifty_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        table = read_csv(path, shown="p.csv", columns=COLUMNS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told(table) == [
        " the file is larger than 32 MiB\n  hint: split it, or check that it is the right file"
    ]
    assert peak < 100_000


@pytest.mark.parametrize("line", [b"1\n", b"\r", b'";"\n', b"1;2\r\n"])
def test_a_file_of_countless_lines_costs_no_memory(line: bytes) -> None:
    raw = HEAD + line * (8_000_000 // len(line))
    tracemalloc.start()
    try:
        table = parsed(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told(table) == [" the file has more than 400,000 lines\n  hint: split it"]
    assert peak < 100_000


def test_twenty_thousand_rows_take_much_less_than_a_second() -> None:
    raw = HEAD + b"".join(
        b"Jos\xc3\xa9;Garcia %d;jose.%d@example.com\n" % (n, n) for n in range(20_000)
    )
    begun = time.process_time()
    table = parsed(raw)
    assert time.process_time() - begun < 1  # measured: 0.05
    assert (len(table.rows), table.problems) == (20_000, ())


class Person(BaseModel):
    given: str
    desk: int


def test_a_row_can_be_validated() -> None:
    table = parse_csv(
        b"given,desk\nA,\nB,two\nC,3\n",
        shown="p.csv",
        columns={"given": Column.FILLED, "desk": Column.PRESENT},
    )
    problems: list[Problem] = []
    people = [validate(Person, table.row(n), problems) for n in range(3)]
    assert people == [None, None, Person(given="C", desk=3)]
    assert [str(problem) for problem in problems] == [
        "p.csv:2:1: key 'desk' is missing\n  hint: add 'desk:'",
        "p.csv:3:3: 'desk' should be a whole number, not 'two'\n"
        "  hint: write digits only, such as 12",
    ]


# --- properties ------------------------------------------------------------------------------

cells = st.text(st.sampled_from("ab é,;\"'\n\t1")).map(str.strip)


@given(st.lists(st.tuples(cells, cells, cells)), st.sampled_from(",;\t"))
def test_what_csv_writes_comes_back(rows: list[tuple[str, str, str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(("given", "email", "note"))
    writer.writerows(rows)
    columns = dict.fromkeys(("given", "email", "note"), Column.PRESENT)
    text = out.getvalue()
    table = parse_csv(text.encode(), shown="p.csv", columns=columns)
    assert table.problems == ()
    assert [tuple(row.values()) for row in table.rows] == [row for row in rows if any(row)]
    lines = io.StringIO(text, newline="").readlines()
    for index, row in enumerate(table.rows):
        for column, cell in row.items():
            place = table.place(index, column)
            rest = "".join(lines[place.line - 1 :])[place.column - 1 :]
            assert rest.startswith('"' + cell.replace('"', '""') + '"')


pieces = st.sampled_from(
    [
        b"given",
        b"family",
        b"email",
        b";",
        b",",
        b"\t",
        b'"',
        b"\n",
        b"\r",
        b"\0",
        b"\xe9",
        b"A",
        b"\xc3\xa9",
        b"sep=;\n",
        b" ",
        b"\x81",
        b"\xef\xbb\xbf",
        b"given;family;email\n",
    ]
)


@given(st.one_of(st.binary(max_size=60), st.lists(pieces, max_size=30).map(b"".join)))
def test_anything_gives_rows_or_problems(raw: bytes) -> None:
    table = parsed(raw)
    assert table.rows or table.problems or raw
    for index, row in enumerate(table.rows):
        assert list(row) == list(COLUMNS)
        for column in row:
            assert table.place(index, column).line
    for problem in table.problems:
        assert problem.message
        assert problem.hint
        assert "\n" not in problem.message + problem.hint


# --- dates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["2026-11-24", "24/11/2026", "24.11.2026", "24-11-2026", " 24/11/2026 "]
)
def test_dates(text: str) -> None:
    assert parse_date(text) == date(2026, 11, 24)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_the_day_comes_first(day: date) -> None:
    assert parse_date(f"{day:%d/%m/%Y}") == day
    assert parse_date(f"{day.day}.{day.month}.{day.year}") == day
    assert parse_date(day.isoformat()) == day


ACCEPTED = "write 2026-11-24 or 24/11/2026 (the day first)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"'' is not a date; {ACCEPTED}"),
        ("24/11/26", f"'24/11/26' is not a date; {ACCEPTED}"),
        ("24/11-2026", f"'24/11-2026' is not a date; {ACCEPTED}"),
        ("11/24/2026", f"'11/24/2026' is not a day of the calendar; {ACCEPTED}"),
        ("2026-02-30", f"'2026-02-30' is not a day of the calendar; {ACCEPTED}"),
        ("١٢/11/2026", f"'١٢/11/2026' is not a date; {ACCEPTED}"),
    ],
)
def test_what_is_no_date(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="is not a") as caught:
        parse_date(text)
    assert str(caught.value) == message


@given(st.text())
def test_any_text_is_a_date_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_date(text), date)
