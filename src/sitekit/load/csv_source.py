"""CSV in, rows of plain text out, and the line and column of every cell.

Excel's habits are accepted: `;`, `,` or tab, UTF-8 with or without BOM or Windows' CP1252, a
`sep=;` line, empty rows and empty columns at the end.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import overload

from ..errors import Place, Problem
from .files import place_after, read_limited, shortened
from .validate import KeyPath, suggest

MAX_BYTES = 32 << 20
MAX_ROWS = 200_000
MAX_LINES = 400_000  # a quoted cell may hold several; each costs far more memory than its text
MAX_LINE = 65_536
MAX_COLUMNS = 256
MAX_PROBLEMS = 100
ROWS_THAT_SHARE = 2_000  # what these say and later ones repeat is in memory once


class Column(Enum):
    """What a table asks of a column."""

    FILLED = "the column is there and every row says something in it"
    PRESENT = "the column is there"
    OPTIONAL = "the column may be left out"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as `validate` wants it: cells that say nothing are left out."""

    data: dict[str, str]
    refused: frozenset[KeyPath]
    _table: Table = field(repr=False)
    _index: int

    def place(self, path: KeyPath) -> Place:
        """Give the place of the cell whose column the path begins with, or of the row."""
        return self._table.place(self._index, str(path[0]) if path else "")

    def key_place(self, path: KeyPath) -> Place:
        """Give the place of the cell: a row does not repeat its column's name."""
        return self.place(path)

    def written(self, path: KeyPath) -> str | None:
        """Give the cell's text."""
        return self.data.get(str(path[0])) if len(path) == 1 else None


class Rows(Sequence[Mapping[str, str]]):
    """Rows that are made into mappings when they are looked at: twenty thousand cost little."""

    __slots__ = ("_columns", "_rows")

    def __init__(self, columns: Iterable[str], rows: Sequence[tuple[str, ...]]) -> None:
        self._columns = {column: number for number, column in enumerate(columns)}
        self._rows = rows

    @overload
    def __getitem__(self, index: int) -> dict[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> dict[str, str] | Rows:
        """One row by column, or some of them."""
        if isinstance(index, slice):
            return Rows(self._columns, self._rows[index])
        return dict(zip(self._columns, self._rows[index], strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def columns(self, *names: str) -> Iterator[tuple[str, ...]]:
        """The cells of some columns, row by row."""
        if not self._rows:
            return iter(())
        numbers = [self._columns[name] for name in names]
        return (tuple([row[number] for number in numbers]) for row in self._rows)


NO_ROWS = Rows((), ())


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says, row by row; every row has every known column, empty where nothing stands.

    Rows that cannot be read are left out, and are among the problems.
    """

    file: str
    rows: Rows
    problems: tuple[Problem, ...] = ()
    _lines: Sequence[str] = field(default=(), repr=False, compare=False)
    _starts: Sequence[int] = field(
        default=(), repr=False, compare=False
    )  # line of each row, from 0
    _columns: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    _delimiter: str = field(default=",", repr=False, compare=False)

    def place(self, row: int, column: str = "") -> Place:
        """Give the place of a cell: the line, and the column counted in characters."""
        start = self._starts[row]
        position = self._columns.get(column, 0)
        return _cell_place(self.file, self._lines, start, position, self._delimiter)

    def cells(self, *columns: str) -> Iterator[tuple[str, ...]]:
        """Give the cells of some columns, row by row."""
        return self.rows.columns(*columns)

    def row(self, row: int) -> Row:
        """Give one row in the shape that `validate` takes."""
        data = {column: cell for column, cell in self.rows[row].items() if cell}
        return Row(data, frozenset(), self, row)


def read_csv(path: Path, *, shown: str, columns: Mapping[str, Column]) -> Table:
    """Read one file; whatever is wrong with it is in `problems`, nothing is raised."""
    raw = read_limited(path, shown=shown, limit=MAX_BYTES)
    if isinstance(raw, Problem):
        return Table(shown, NO_ROWS, problems=(raw,))
    return parse_csv(raw, shown=shown, columns=columns)


def parse_csv(raw: bytes, *, shown: str, columns: Mapping[str, Column]) -> Table:
    """Read the bytes of one file; whatever is wrong with them is in `problems`."""
    if max(raw.count(b"\n"), raw.count(b"\r")) > MAX_LINES:
        message = f"the file has more than {MAX_LINES:,} lines"
        return Table(shown, NO_ROWS, problems=(Problem(Place(shown), message, "split it"),))
    text = _text(raw, shown)
    if isinstance(text, Problem):
        return Table(shown, NO_ROWS, problems=(text,))
    lines = list(io.StringIO(text, newline=""))
    reader = _Reader(shown, columns, lines)
    try:
        reader.read()
    except csv.Error as error:
        reader.problems.append(reader.broken(str(error)))
    return Table(
        shown,
        Rows(columns, reader.rows),
        tuple(reader.problems),
        lines,
        reader.starts,
        reader.positions,
        reader.delimiter,
    )


# --- bytes to text ---------------------------------------------------------------------------

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UTF8_LETTER = re.compile(rb"\xc3[\x80-\xbf]")  # in CP1252, an à with tilde and then a sign


def _text(raw: bytes, shown: str) -> str | Problem:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(Place(shown), "the file is saved as UTF-16", "save it as 'CSV UTF-8'")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = error.start
        place = place_after(raw[:wrong].decode("utf-8"), shown=shown)
        if _UTF8_LETTER.search(raw):
            message = f"the byte 0x{raw[wrong]:02x} is not UTF-8, as other letters of the file are"
            return Problem(place, message, "save the file as 'CSV UTF-8'")
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            message = f"the byte 0x{raw[wrong]:02x} is neither UTF-8 nor Windows (CP1252)"
            return Problem(place, message, "save the file as 'CSV UTF-8'")
    if found := _CONTROL.search(text):
        character = found.group()
        name = (
            "a NUL byte" if character == "\0" else f"the control character U+{ord(character):04X}"
        )
        place = place_after(text[: found.start()], shown=shown)
        return Problem(place, f"{name} cannot stand here", "delete it, or export the file again")
    return text


# --- text to rows ----------------------------------------------------------------------------


class _Reader:
    """Reads the header, then the rows that fit it."""

    def __init__(self, shown: str, columns: Mapping[str, Column], lines: Sequence[str]) -> None:
        self.shown = shown
        self.columns = columns
        self.lines = lines
        self.problems: list[Problem] = []
        self.rows: list[tuple[str, ...]] = []
        self.starts: array[int] = array("L")
        self.positions: dict[str, int] = {}
        self.delimiter = ","
        self.begun = 0  # the line, from 0, on which the row begins that is being read
        self.unsaid = 0  # problems too many to be told, and the line of the first
        self.unsaid_from = 0

    def read(self) -> None:
        if not self._can_be_split():
            return
        records = self._records()
        header = next(records, None)
        if header is None:
            names = ", ".join(self.columns)
            self._whole("the file is empty", f"write its first line: the columns {names}")
            return
        width = self._read_header(header)
        if not self.positions:
            return
        self._read_rows(records, width)
        if self.unsaid:
            message = f"and {self.unsaid:,} more problems"
            place = Place(self.shown, self.unsaid_from + 1, 1)
            self.problems.append(Problem(place, message, "correct the others first"))

    def broken(self, said: str) -> Problem:
        """Turn csv's error about the row that is being read into plain words."""
        if "field limit" in said or "end of data" in said or "expected after" in said:
            message = "a quote in this row is not closed, or text follows it"
        else:
            message = "this row cannot be read"
        return Problem(
            Place(self.shown, self.begun + 1, 1),
            message,
            'write a quote inside a quoted cell twice: "5"" screen"',
        )

    def _can_be_split(self) -> bool:
        for number, line in enumerate(self.lines, 1):
            if len(line) > MAX_LINE:
                message = f"the line is longer than {MAX_LINE:,} characters"
                hint = "check that this is the right file"
                self.problems.append(Problem(Place(self.shown, number, 1), message, hint))
                return False
        return True

    def _records(self) -> Iterator[list[str]]:
        """Give each row that says something; `begun` is the line on which it begins."""
        skipped = 0
        if self.lines and (
            named := re.fullmatch(r"sep=([;,\t|])\s*", self.lines[0], re.IGNORECASE)
        ):
            self.delimiter, skipped = named.group(1), 1
        else:
            self.delimiter = self._detected()
        rows = iter(self.lines)
        for _ in range(skipped):
            next(rows)
        reader = csv.reader(rows, delimiter=self.delimiter, strict=True)
        self.begun = skipped
        for record in reader:
            if any(record):
                yield record
            self.begun = reader.line_num + skipped

    def _detected(self) -> str:
        """Give the delimiter under which the first line holds the most of the known columns."""
        first = next((line for line in self.lines if line.strip()), "")

        def known(delimiter: str) -> tuple[int, int]:
            names = {_name(cell.strip('"')) for cell in first.strip().split(delimiter)}
            return len(names & {_name(column) for column in self.columns}), first.count(delimiter)

        return max((";", ",", "\t"), key=known)

    def _read_header(self, header: list[str]) -> int:
        while header and not header[-1].strip():
            header.pop()
        if len(header) > MAX_COLUMNS:
            message = f"the header has more than {MAX_COLUMNS} columns"
            self._at(0, message, "check that this is the right file")
            return 0
        known = {_name(column): column for column in self.columns}
        missing = [c for c, need in self.columns.items() if need is not Column.OPTIONAL]
        found = {known[_name(cell)] for cell in header if _name(cell) in known}
        free = [column for column in self.columns if column not in found]
        for position, cell in enumerate(header):
            column = known.get(_name(cell))
            if column is None:
                meant = self._strange_column(position, cell, free)
                missing = [c for c in missing if c != meant]
            elif column in self.positions:
                self._at(position, f"the column '{column}' stands here twice", "delete one of them")
            else:
                self.positions[column] = position
        for column in missing:
            if column not in self.positions:
                hint = f"add it to the first line; the columns are {', '.join(self.columns)}"
                self._at(0, f"column '{column}' is missing", hint)
        return len(header)

    def _strange_column(self, position: int, cell: str, free: Sequence[str]) -> str:
        """Report a column that nobody asked for; give the one that was probably meant."""
        if not cell.strip():
            self._at(position, f"column {position + 1} has no name", "name it, or delete it")
            return ""
        hint = suggest(cell, free)
        known = f"known columns: {', '.join(self.columns)}"
        self._at(position, f"unknown column '{shortened(cell.strip())}'", hint or known)
        return next((c for c in free if hint == f"did you mean '{c}'?"), "")

    def _read_rows(self, records: Iterator[list[str]], width: int) -> None:
        positions = [self.positions.get(column, -1) for column in self.columns]
        known: dict[str, str] = {}  # what many rows repeat is kept once
        filled = [c for c, need in self.columns.items() if need is Column.FILLED]
        filled = [column for column in filled if column in self.positions]
        numbers = [list(self.columns).index(column) for column in filled]
        for record in records:
            if len(record) != width and not self._fits(record, width):
                continue
            if len(self.rows) >= MAX_ROWS:
                self._at(0, f"the file has more than {MAX_ROWS:,} rows", "split it")
                return
            cells = [cell.strip() for cell in record]
            shared = known.setdefault if len(self.rows) < ROWS_THAT_SHARE else known.get
            row = tuple([shared(cells[p], cells[p]) if p >= 0 else "" for p in positions])
            for column, number in zip(filled, numbers, strict=True):
                if not row[number]:
                    self._in_row(self.positions[column], f"'{column}' is empty", "fill it in")
            self.rows.append(row)
            self.starts.append(self.begun)

    def _fits(self, record: list[str], width: int) -> bool:
        if len(record) > width and not any(cell.strip() for cell in record[width:]):
            return True
        cells = f"{len(record)} cell" + ("" if len(record) == 1 else "s")
        hint = "add the missing cells" if len(record) < width else "put quotes round the cell"
        if len(record) > width:
            mark = "a tab" if self.delimiter == "\t" else f"'{self.delimiter}'"
            hint = f"put a cell that holds {mark} in quotes"
        self._in_row(0, f"the row has {cells}, the first line has {width}", hint)
        return False

    def _in_row(self, position: int, message: str, hint: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self._at(position, message, hint)
        else:
            self.unsaid_from = self.unsaid_from or self.begun
            self.unsaid += 1

    def _at(self, position: int, message: str, hint: str) -> None:
        place = _cell_place(self.shown, self.lines, self.begun, position, self.delimiter)
        self.problems.append(Problem(place, message, hint))

    def _whole(self, message: str, hint: str) -> None:
        self.problems.append(Problem(Place(self.shown), message, hint))


def _name(cell: str) -> str:
    return cell.strip().casefold()


def _cell_place(file: str, lines: Sequence[str], line: int, position: int, delimiter: str) -> Place:
    """Find a cell again: count delimiters outside quotes from the line on which its row begins."""
    column, quoted, at_start = 0, False, True
    while position and line < len(lines):
        if column >= len(lines[line]):
            if not quoted:
                break
            line, column = line + 1, 0
            continue
        character = lines[line][column]
        column += 1
        if character == '"' and (quoted or at_start):
            quoted = not quoted  # a doubled quote closes and opens again
            at_start = True
        elif character == delimiter and not quoted:
            position -= 1
            at_start = True
        elif not quoted:
            at_start = False
    return Place(file, line + 1, column + 1)


# --- dates -----------------------------------------------------------------------------------

_ISO = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_FRENCH = re.compile(
    r"(?P<day>[0-9]{1,2})(?P<mark>[/.-])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})"
)


def parse_date(text: str) -> date:
    """Read 2026-11-24 or, day first as the French write it, 24/11/2026, 24.11.2026, 24-11-2026."""
    text = text.strip()
    found = _ISO.fullmatch(text) or _FRENCH.fullmatch(text)
    if found:
        try:
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            reason = "is not a day of the calendar"
    else:
        reason = "is not a date"
    accepted = "write 2026-11-24 or 24/11/2026 (the day first)"
    raise ValueError(f"'{shortened(text)}' {reason}; {accepted}")
