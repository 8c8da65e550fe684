"""The only place that knows there is a terminal.

Results go to standard output, everything else to standard error. Colour, the offending line, the
caret and the bars are for people: a pipe gets one plain line per thing. NO_COLOR is respected.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..errors import OutputError, Place, Problem

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..findings import Finding

SHOWN_ON_A_TERMINAL = 10
SECONDS_BEFORE_A_BAR = 0.5
MAX_SOURCE_BYTES = 1 << 20
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_SECRET_KEY = re.compile(
    r"""(?ix) ( (?! keyvault: ) [\w-]*
        (?: pass | secret | psk | key | token | communit | credential | priv | auth )
        [\w-]* ["']? \s* [:=] \s* ) (?! \s | ["']? (?: env | file | keyvault ) : ) .+""",
)

# --- streams -----------------------------------------------------------------------------------


def prepare() -> None:
    """Let no name of a file break a message: what the encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Hand over what is still in buffers, so that a full disk or a closed pipe is noticed."""
    with _explained():
        sys.stdout.flush()


def somebody_reads() -> bool:
    """Whether neither of our streams is a pipe whose reader went away."""
    watched = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            watched.register(stream.fileno(), 0)  # errors are reported unasked
    return not any(event & select.POLLERR for _, event in watched.poll(0))


def give_up_writing() -> None:
    """Let the interpreter's last flush of standard output fail into nothing."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def say(text: str = "") -> None:
    """Print a result on standard output."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Tell something that is not the result, on standard error."""
    _print(text, sys.stderr)


def error(message: str, *, hint: str = "") -> None:
    """Say what went wrong and, when known, what to do."""
    _print(f"{_styled('error', sys.stderr, fg='red', bold=True)}: {printable(message)}", sys.stderr)
    if hint:
        _print(_hint(hint, sys.stderr), sys.stderr)


def in_colour() -> bool:
    """Whether standard output is a terminal that wants colour."""
    return _coloured(sys.stdout)


def printable(text: str) -> str:
    """The text without characters that could drive a terminal; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _print(text: str, to: TextIO) -> None:
    with _explained():
        click.echo(text, file=to)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as reason:
        give_up_writing()
        raise OutputError(f"the output cannot be written: {reason.strerror}") from None


def _coloured(stream: TextIO) -> bool:
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def _styled(text: str, stream: TextIO, **style: Any) -> str:
    return click.style(text, **style) if _coloured(stream) else text


# --- problems and findings ---------------------------------------------------------------------


def problems(found: Iterable[Problem], *, to: TextIO | None = None) -> None:
    """Print what is wrong with the input, by place; on a terminal with the line and a caret."""
    stream = to or sys.stderr
    ordered = sorted(found)
    sources = _Sources()
    for problem in _first(ordered, stream):
        _print(
            f"{_where(problem.place, stream)}: {printable(problem.message)}",
            stream,
        )
        if stream.isatty() and not getattr(problem, "sensitive", False):
            _print_source(problem.place, sources, stream)
        if problem.hint:
            _print(_hint(problem.hint, stream), stream)
    files = len({problem.place.file for problem in ordered})
    _print(f"{_counted(len(ordered), 'problem')} in {_counted(files, 'file')}", stream)
    _say_how_many(len(ordered), stream)


def findings(found: Iterable[Finding], *, to: TextIO | None = None) -> None:
    """Print what is not as it should be, the worst first."""
    stream = to or sys.stdout
    order = list(_COLOURS)
    ordered = sorted(
        found, key=lambda f: (order.index(f.severity), f.place, f.rule, f.subject, f.message)
    )
    for finding in _first(ordered, stream):
        severity = _styled(
            finding.severity.value, stream, fg=_COLOURS[finding.severity.value], bold=True
        )
        rule = _styled(f"[{finding.rule}]", stream, dim=True)
        _print(
            f"{_where(finding.place, stream)}: {severity}: "
            f"{printable(finding.subject)}: {printable(finding.message)} {rule}",
            stream,
        )
        if finding.remedy:
            _print(_hint(finding.remedy, stream), stream)
    _say_how_many(len(ordered), stream)


def _first(ordered: Sequence[Any], stream: TextIO) -> Sequence[Any]:
    return ordered[:SHOWN_ON_A_TERMINAL] if stream.isatty() else ordered


def _say_how_many(total: int, stream: TextIO) -> None:
    if stream.isatty() and total > SHOWN_ON_A_TERMINAL:
        pipe = "2>&1 | less" if stream is sys.stderr else "| less"
        _print(f"the first {SHOWN_ON_A_TERMINAL} of {total}; {pipe} shows all", stream)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _where(place: Place, stream: TextIO) -> str:
    return _styled(printable(str(place)), stream, bold=True)


def _hint(hint: str, stream: TextIO) -> str:
    return "\n".join(
        _styled("  hint: " if number == 0 else "        ", stream, fg="green") + words
        for number, words in enumerate(printable(hint).split("\n"))
    )


class _Sources:
    """The lines of the files that problems are about; each file is read once."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def line(self, place: Place) -> str | None:
        """The line at this place, or nothing where the file is not there (any more)."""
        lines = self._files.get(place.file)
        if lines is None:
            lines = self._files[place.file] = self._read(place.file)
        return lines[place.line - 1] if 0 < place.line <= len(lines) else None

    def _read(self, name: str) -> list[str]:
        try:
            if not (path := Path(name)).is_file():
                return []
            with path.open("rb") as file:
                raw = file.read(MAX_SOURCE_BYTES)
        except (OSError, ValueError):
            return []
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
        return re.split(r"\r\n|\r|\n", text)


def _print_source(place: Place, sources: _Sources, stream: TextIO) -> None:
    written = sources.line(place)
    if written is None or not written.strip():
        return
    written = _SECRET_KEY.sub(r"\1…", written)
    before = _shown(written[: max(place.column - 1, 0)])
    shown = before + _shown(written[max(place.column - 1, 0) :])
    room = max(shutil.get_terminal_size().columns - 4, 20)
    start = max(0, len(before) - room * 2 // 3) if _width(shown) > room else 0
    visible = ("…" if start else "") + shown[start : start + room - 2]
    caret = ("…" if start else "") + before[start:]
    _print(f"    {visible}", stream)
    if place.column:
        _print(
            f"    {' ' * _width(caret)}{_styled('^', stream, fg='red', bold=True)}",
            stream,
        )


def _shown(text: str) -> str:
    return "".join(
        " " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


# --- tables ------------------------------------------------------------------------------------


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn on a terminal, aligned plain text in a pipe."""
    kept = [list(row) for row in rows]
    numeric = [
        bool(kept) and all(_is_number(row[column]) for row in kept)
        for column in range(len(columns))
    ]
    cells = [[_cell(value) for value in row] for row in kept]
    if sys.stdout.isatty():
        _draw(title, columns, cells, numeric)
    else:
        _align(title, columns, cells, numeric)


def _align(
    title: str, columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> None:
    if title:
        say(printable(title))
    everything = [list(columns), *cells]
    widths = [max(_width(row[column]) for row in everything) for column in range(len(columns))]
    for row in everything:
        padded = (
            " " * (width - _width(text)) + text if right else text + " " * (width - _width(text))
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        say("  ".join(padded).rstrip())
    say()


def _draw(
    title: str, columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=Text(printable(title)) if title else None, title_justify="left", box=box.SIMPLE_HEAD
    )
    for name, right in zip(columns, numeric, strict=True):
        drawn.add_column(Text(name), justify="right" if right else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))  # Text: data is never markup
    with _explained():
        Console(highlight=False).print(drawn)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case tuple() | list():
            return ", ".join(_cell(item) for item in value)
        case _:
            return printable(str(value)).replace("\n", " ")


# --- JSON --------------------------------------------------------------------------------------


def as_json(value: object) -> str:
    """The value as JSON, keys sorted: the same value always gives the same text."""
    import json

    return json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> Any:
    """The value as JSON knows it; what has no obvious form is a TypeError, never a repr."""
    from dataclasses import fields, is_dataclass
    from datetime import date
    from enum import Enum
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
    from pathlib import PurePath

    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
        case IPv4Address() | IPv4Network() | IPv6Address() | IPv6Network():
            return str(value)
        case PurePath():
            return value.as_posix()
        case Mapping():
            return {_key(key): _plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=str)
        case _ if is_dataclass(value) and not isinstance(value, type):
            shown = [field.name for field in fields(value) if not field.name.startswith("_")]
            return {name: _plain(getattr(value, name)) for name in shown}
        case _ if hasattr(value, "model_dump"):
            return value.model_dump(mode="json", by_alias=True)
        case Iterable() if not isinstance(value, bytes | bytearray):
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


def _key(key: object) -> str:
    """A key of a JSON object; paths of keys are joined as people write them."""
    if isinstance(key, tuple):
        return ".".join(_key(part) for part in key)
    plain = _plain(key)
    if plain is None or isinstance(plain, bool | dict | list):
        raise TypeError(f"{type(key).__name__} cannot be a key in JSON")
    return str(plain)


# --- progress ----------------------------------------------------------------------------------

Advance = Callable[[], None]


@contextmanager
def progress(total: int, label: str) -> Iterator[Advance]:
    """Give a function to call after each piece of work; a bar appears when the work takes long."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "") == "dumb":
        yield lambda: None
        return
    bar = _Bar(total, label)
    try:
        yield bar.advance
    finally:
        bar.stop()


class _Bar:
    """Loads rich only when there is something to wait for."""

    def __init__(self, total: int, label: str) -> None:
        self._total = total
        self._label = label
        self._done = 0
        self._began = time.monotonic()
        self._drawn: Progress | None = None

    def advance(self) -> None:
        self._done += 1
        if self._drawn is None:
            if time.monotonic() - self._began < SECONDS_BEFORE_A_BAR or self._done >= self._total:
                return
            self._drawn = self._draw()
        self._drawn.update(self._drawn.task_ids[0], completed=self._done)

    def stop(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()

    def _draw(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        drawn = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        drawn.add_task(self._label, total=self._total)
        drawn.start()
        return drawn
