"""YAML in, plain Python out, and the line and column of everything in it.

Only the part of YAML that reads the same to everybody: mappings, lists, text, whole and decimal
numbers, true, false and nothing. What one program reads as text and another as a number (`no`,
`012`, `12:30`) is a problem with a hint, never a guess; so are anchors, merge keys and tags.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from ..errors import Place, Problem
from .files import names_secret, place_after, read_limited, shortened
from .spots import KeyPath, Spot, Spots

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 20_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Spot:
    """Where a value and its key stand, and the spots inside it; a scalar's text as written."""

    __slots__ = ("column", "inside", "key_column", "key_line", "line")

    def __init__(
        self,
        line: int,
        column: int,
        inside: dict[str, _Spot] | list[_Spot] | str,
        key_line: int = 0,
        key_column: int = 0,
    ) -> None:
        self.line = line
        self.column = column
        self.inside = inside
        self.key_line = key_line
        self.key_column = key_column


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, what is wrong with how it says it, and where each part of it stands.

    `refused` holds the paths of the values that `problems` are about, so that nobody complains
    about them a second time; the empty path is in it when nothing of the file can be used.
    """

    file: str
    data: dict[str, Any]
    problems: tuple[Problem, ...]
    refused: frozenset[KeyPath]
    _spots: Spots = field(repr=False, compare=False)

    def place(self, path: KeyPath) -> Place:
        """Give the place of the value at this path, or of what is nearest above it."""
        spot = self._spots[self._spots.find(path)[0]]
        return Place(self.file, spot.line, spot.column)

    def key_place(self, path: KeyPath) -> Place:
        """Give the place of the key at this path; of the value where there is no such key."""
        node, found = self._spots.find(path)
        spot = self._spots[node]
        if found and spot.key_line:
            return Place(self.file, spot.key_line, spot.key_column)
        return Place(self.file, spot.line, spot.column)

    def written(self, path: KeyPath) -> str | None:
        """Give the scalar at this path as it was written, without quotes: 19.10, not 19.1."""
        node, found = self._spots.find(path)
        if not found:
            return None
        text = self._spots.written(node)
        if text is not None:
            return text
        value: Any = self.data
        for step in path:
            value = value[step]
        return _plainly(value)


def read_yaml(path: Path, *, shown: str) -> Document:
    """Read one file; whatever is wrong with it is in `problems`, nothing is raised."""
    return document_of(read_limited(path, shown=shown, limit=MAX_BYTES), shown=shown)


def document_of(raw: bytes | Problem, *, shown: str) -> Document:
    """Give what was read, or why it could not be, as a document."""
    return _unusable(raw) if isinstance(raw, Problem) else parse_yaml(raw, shown=shown)


def parse_yaml(raw: bytes, *, shown: str) -> Document:
    """Read the bytes of one file; whatever is wrong with them is in `problems`."""
    text = _text(raw, shown)
    if isinstance(text, Problem):
        return _unusable(text)
    reader = _Reader(shown)
    try:
        reader.read(text)
    except _StopReadingError:
        pass
    except yaml.YAMLError as error:
        reader.problems.append(_syntax_problem(error, text, shown))
    except (ValueError, OverflowError):  # the pure Python parser, on an impossible \U escape
        reader.problems.append(Problem(Place(shown), *_WRONG_ESCAPE))
    else:
        return reader.document()
    return _unusable(*reader.problems)


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text in which `parse_yaml` finds nothing wrong, read by the same parser."""
    return yaml.compose(text, Loader=_LOADER)


def _unusable(*problems: Problem) -> Document:
    nowhere = Spots()
    nowhere.begin(Spot(0, 0, 0, 0), None)
    return Document(problems[0].place.file, {}, problems, frozenset({()}), nowhere)


# --- bytes to text ---------------------------------------------------------------------------

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)


def _text(raw: bytes, shown: str) -> str | Problem:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(Place(shown), "the file is saved as UTF-16", "save it as UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        guess = bytes([byte]).decode("cp1252", "replace")
        meant = f" ('{guess}' as Windows saves it)" if guess.isalpha() else ""
        return Problem(
            place_after(raw[: error.start].decode("utf-8"), shown=shown),
            f"the byte 0x{byte:02x}{meant} is not UTF-8",
            "save the file as UTF-8",
        )
    if found := _FORBIDDEN.search(text):
        return Problem(
            place_after(text[: found.start()], shown=shown),
            f"{_character_name(found.group())} cannot stand here",
            "delete it; it does not show in most editors",
        )
    return text


def _character_name(character: str) -> str:
    if character == "\0":
        return "a NUL byte"
    return f"the invisible character U+{ord(character):04X}"


# --- events to data --------------------------------------------------------------------------


class _StopReadingError(Exception):
    """What follows makes no sense any more; the reason is among the problems."""


class _Open:
    """A mapping or list whose end has not been read yet."""

    __slots__ = ("data", "inside", "kept", "key", "key_column", "key_line")

    def __init__(self, data: Any, inside: Any) -> None:
        self.data = data
        self.inside = inside
        self.key: str | None = None  # a mapping's key that waits for its value
        self.key_line = 0
        self.key_column = 0
        self.kept = True  # False: the value of a second key of one name is thrown away


_ANCHOR = (
    "anchors (&name) and aliases (*name) are not used here",
    "write the value out wherever it is needed, or put it in quotes if it is text",
)
_TAG = (
    "tags (!name) are not used here",
    "delete the tag, or put the value in quotes if it is text",
)
_SECRET = (
    "this value is not read as text by every program, and its key names a secret",
    "a secret is never written here: refer to one, such as env:NAME",
)
_EMPTY = ("the file is empty", "write its first line, such as 'schema: 1'")


class _Reader:
    """Builds the data and its spots from the parser's events, without recursion."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        self.refused: set[KeyPath] = set()
        self.data: Any = None
        self.top: _Spot | None = None
        self.open: list[_Open] = []
        self.nodes = 0

    def read(self, text: str) -> None:
        next_event = _LOADER(text).get_event
        documents = 0
        while True:
            event = next_event()
            if isinstance(event, ScalarEvent):
                self._scalar(event)
            elif isinstance(event, CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self.open.pop()
                if self.open:
                    self.open[-1].key = None
            elif isinstance(event, AliasEvent):
                self._alias(event)
            elif isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(
                        event, "a second document begins here", "one file holds one; delete '---'"
                    )
            elif event is None or isinstance(event, StreamEndEvent):
                break
        if self.top is None:
            self.problems.append(Problem(Place(self.shown), *_EMPTY))
            raise _StopReadingError

    def document(self) -> Document:
        assert self.top is not None
        spots = Spots()
        _lay_out(self.top, self.data, None, spots)
        return Document(self.shown, self.data, tuple(self.problems), frozenset(self.refused), spots)

    def _begin(self, event: CollectionStartEvent) -> None:
        is_mapping = isinstance(event, MappingStartEvent)
        self._enter(event)
        if not self.open and not is_mapping:
            self._stop(event, *_NO_MAPPING)
        if self._wants_key():
            self._stop(
                event,
                "a key should be text, not a list or a mapping",
                "put it in quotes if it is text",
            )
        if len(self.open) >= MAX_DEPTH:
            self._stop(event, f"more than {MAX_DEPTH} levels deep", "make the file flatter")
        self._check_decorations(event, event.tag)
        opened = _Open({}, {}) if is_mapping else _Open([], [])
        self._put(event, opened.data, opened.inside)
        self.open.append(opened)

    def _scalar(self, event: ScalarEvent) -> None:
        self._enter(event)
        if self._wants_key():
            self._key(event)
            return
        text = event.value
        value: Any = text
        if not event.style:
            value = self._plain(event, text)
        elif event.style == '"' and not text.isprintable():
            self._check_escapes(event, text)
        if not self.open:
            if value is None:
                self._stop_whole(*_EMPTY)
            if space := _SPECIAL_SPACE.search(text):
                self._stop(event, *_invisible_space(space.group(1)))
            self._stop(event, *_NO_MAPPING)
        self._check_decorations(event, event.tag)
        self._put(event, value, text)
        self.open[-1].key = None

    def _alias(self, event: AliasEvent) -> None:
        self._enter(event)
        if not self.open or self._wants_key():
            self._stop(event, *_ANCHOR)
        self._refuse(event, *_ANCHOR)
        self._put(event, None, "")
        self.open[-1].key = None

    def _key(self, event: ScalarEvent) -> None:
        text = event.value
        holder = self.open[-1]
        self._check_decorations(event, event.tag)
        if event.style == '"' and not text.isprintable():
            self._check_escapes(event, text)
        if not event.style:
            self._check_plain_key(event, text)
        holder.kept = text not in holder.inside and (text != "<<" or bool(event.style))
        if text in holder.inside:
            first = holder.inside[text].key_line
            place = self._place(event)
            lines = f"lines {first} and {place.line}"
            if first == place.line:
                lines = f"line {first}"
            message = f"the key '{shortened(text)}' is written twice: {lines}"
            self.problems.append(
                Problem(place, message, "keep one of the two", sensitive=names_secret(text))
            )
        mark: Any = event.start_mark
        holder.key = sys.intern(text)
        holder.key_line = mark.line + 1
        holder.key_column = mark.column + 1

    def _check_plain_key(self, event: ScalarEvent, text: str) -> None:
        problem: tuple[str, str] | None = None
        if not text:
            problem = ("a key is missing before ':'", "write the key, or delete the line")
        elif text == "<<":
            problem = ("merge keys (<<) are not used here", "write the keys out")
            self.refused.add((*self._path_here(), text))
        elif text != text.strip():
            problem = _invisible_space(text)
        elif text not in ("y", "n", "Y", "N"):
            value = _resolve(text)
            if not isinstance(value, str):
                problem = (
                    f"the key {shortened(text)} is not read as text by every program",
                    f'put it in quotes: "{shortened(text)}":',
                )
        if problem:
            self.problems.append(Problem(self._place(event), *problem))
            self.refused.add((*self._path_here(), text))

    def _plain(self, event: ScalarEvent, text: str) -> Any:
        """Give what an unquoted scalar means; when in doubt its text, and a problem."""
        if text != text.strip():
            self._refuse(event, *_invisible_space(text))
            return text
        value = _resolve(text)
        if isinstance(value, _Trap):
            self._refuse(event, *(_SECRET if self._at_secret() else (value.message, value.hint)))
            return text
        return value

    def _check_escapes(self, event: ScalarEvent, text: str) -> None:
        if found := _FORBIDDEN.search(text):
            self._refuse(
                event,
                f"the text holds {_character_name(found.group())}",
                "write the text without this escape",
            )

    def _check_decorations(self, event: NodeEvent, tag: str | None) -> None:
        if event.anchor is not None:
            self._refuse(event, *_ANCHOR)
        if tag is not None:
            self._refuse(event, *_TAG)

    def _enter(self, event: NodeEvent) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(
                event, f"more than {MAX_NODES:,} keys and values in one file", "split the file"
            )

    def _wants_key(self) -> bool:
        return bool(self.open) and self.open[-1].key is None and type(self.open[-1].data) is dict

    def _put(self, event: NodeEvent, value: Any, inside: Any) -> None:
        mark: Any = event.start_mark
        spot = _Spot(mark.line + 1, mark.column + 1, inside)
        if not self.open:
            self.data, self.top = value, spot
            return
        holder = self.open[-1]
        if holder.key is None:
            holder.data.append(value)
            holder.inside.append(spot)
            return
        if holder.kept:
            spot.key_line, spot.key_column = holder.key_line, holder.key_column
            holder.data[holder.key] = value
            holder.inside[holder.key] = spot

    def _at_secret(self) -> bool:
        """Tell whether the value that is being read stands under a key that names a secret."""
        return bool(self.open) and self.open[-1].key is not None and names_secret(self.open[-1].key)

    def _path_here(self) -> KeyPath:
        """Give the path of the innermost open mapping or list."""
        return tuple(
            len(holder.data) - 1 if holder.key is None else holder.key for holder in self.open[:-1]
        )

    def _refuse(self, event: NodeEvent, message: str, hint: str) -> None:
        """Report the value that is just being read, which has not been put anywhere yet."""
        sensitive = self._at_secret()
        self.problems.append(Problem(self._place(event), message, hint, sensitive))
        if not self.open:
            return
        holder = self.open[-1]
        step = holder.key if holder.key is not None else len(holder.data)
        if holder.kept:
            self.refused.add((*self._path_here(), step))

    def _stop(self, event: Any, message: str, hint: str) -> NoReturn:
        self.problems.append(Problem(self._place(event), message, hint))
        raise _StopReadingError

    def _stop_whole(self, message: str, hint: str) -> NoReturn:
        self.problems.append(Problem(Place(self.shown), message, hint))
        raise _StopReadingError

    def _place(self, event: Any) -> Place:
        return Place(self.shown, event.start_mark.line + 1, event.start_mark.column + 1)


def _plainly(value: Any) -> str | None:
    """The text of a scalar that is written as its value says: text, and whole numbers."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def _lay_out(spot: _Spot, value: Any, key: str | None, spots: Spots) -> None:
    """Add a spot and all inside it; not deeper than MAX_DEPTH."""
    here = Spot(spot.line, spot.column, spot.key_line, spot.key_column)
    inside = spot.inside
    if isinstance(inside, str):
        spots.begin(here, key, written=None if _plainly(value) == inside else inside)
        return
    node = spots.begin(here, key)
    if isinstance(inside, dict):
        for name, below in inside.items():
            _lay_out(below, value[name], name, spots)
    else:
        for item, below in zip(value, inside, strict=True):
            _lay_out(below, item, None, spots)
    spots.end(node)


_NO_MAPPING = (
    "the file should begin with a key and a colon",
    "write its first line, such as 'schema: 1'",
)


# --- plain scalars ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Trap:
    """A plain scalar that programs read differently."""

    message: str
    hint: str


_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_MAX_DIGITS = 18
_TRAPS = re.compile(
    r"""
      (?P<zero>   [-+]?0[0-9]+(?:\.[0-9]*)?)
    | (?P<base>   [-+]?0[xob][0-9a-f_]+)
    | (?P<sixty>  [-+]?[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9]*)?)
    | (?P<power>  [-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)e[-+]?[0-9]+)
    | (?P<plus>   \+[0-9]+(?:\.[0-9]*)?)
    | (?P<under>  [-+]?[0-9][0-9_]*(?:\.[0-9_]*)?)
    | (?P<strange>[-+]?\.(?:inf|nan))
    | (?P<point>  [-+]?(?:\.[0-9]+|[0-9]+\.))
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NUMBER_STARTS = frozenset("0123456789+-.")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_MEANT = {
    **dict.fromkeys(("y", "yes", "on", "true"), "true"),
    **dict.fromkeys(("n", "no", "off", "false"), "false"),
    "null": "null",
}


def _resolve(text: str) -> str | int | float | bool | _Trap | None:
    """Give what a plain scalar means, or the trap that it is."""
    if text[:1] in _NUMBER_STARTS:
        return _number(text)
    if len(text) > 5:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if meant := _MEANT.get(text.lower()):
        if meant == text.lower():
            message = f"{text} is not how {meant} is written here"
        else:
            message = f"{text} means {meant} to some programs and text to others"
        return _Trap(message, f'write {meant}, or "{text}" in quotes if it is text')
    return text


def _number(text: str) -> str | int | float | _Trap:
    if len(text.removeprefix("-")) > _MAX_DIGITS:
        if _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
            return _Trap(
                f"{shortened(text)} has too many digits for a number",
                "put it in quotes if it is text",
            )
    elif _INTEGER.fullmatch(text):
        return int(text)
    elif _DECIMAL.fullmatch(text):
        return float(text)
    trap = _TRAPS.fullmatch(text)
    return _trap(str(trap.lastgroup), text) if trap else text


def _trap(kind: str, text: str) -> _Trap:
    shown = shortened(text)
    quoted = f'"{shown}" in quotes if it is text'
    if kind == "sixty":
        message = f"{shown} is a number in base 60 to some programs and text to others"
        return _Trap(message, f'put it in quotes: "{shown}"')
    if kind == "strange":
        return _Trap(f"{shown} is not a number that can be used here", f"write {quoted}")
    message = {
        "zero": f"{shown} starts with a zero: some programs count it in eights",
        "base": f"{shown} is a number to some programs and text to others",
        "power": f"{shown} is a number to some programs and text to others",
        "under": f"{shown} is a number to some programs and text to others",
        "plus": f"{shown} starts with a plus: some programs drop it",
        "point": f"{shown} is a number to some programs and text to others",
    }[kind]
    return _Trap(message, f"write {_simpler(kind, text)}, or {quoted}")


def _simpler(kind: str, text: str) -> str:
    """Give the number that was probably meant, written so that nobody can misread it."""
    if len(text) > _MAX_DIGITS or kind == "power":
        return "the number out in full"
    if kind == "base":
        try:
            return str(int(text.replace("_", ""), 0))
        except ValueError:
            return "the number in decimal"
    number = text.replace("_", "").removeprefix("+")
    sign, number = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, _, fraction = number.partition(".")
    return sign + (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def _invisible_space(text: str) -> tuple[str, str]:
    character = text[0] if text[0].isspace() else text[-1]
    return (
        f"a special space (U+{ord(character):04X}) stands next to the text",
        "delete it and type an ordinary space",
    )


# --- syntax errors in plain words ------------------------------------------------------------

_WRONG_ESCAPE = (
    "a backslash in double quotes is followed by something that YAML does not know",
    "use single quotes, or write \\\\ for one backslash",
)
_QUOTE = ("the quote that opens here is never closed", "add the closing quote")
_COLON = (
    "a ':' cannot stand here",
    "put a text that holds ': ' in quotes, or check the indentation and the line above",
)
_DASH = ("a list cannot begin here", "begin it on the next line, with '- '")
_NO_COLON = ("a key without ':'", "write it as 'key: value'")
_NOT_IN_LIST = (
    "this line does not belong to the list above it",
    "begin it with '- ', or check its indentation",
)
_NOT_IN_MAPPING = (
    "this does not fit the keys above it",
    "indent it exactly like them; nothing may follow a closing quote or bracket",
)
_BLOCK = (
    "nothing may follow '|' or '>' on its line",
    "begin the text on the next line, indented with spaces",
)
_DIRECTIVE = ("lines that begin with '%' are not used here", "delete the line")
_AFTER_END = ("more text follows the end of the document", "delete the line '...' above it")
_NO_VALUE = ("a value is missing here", "write it, in quotes if it begins with a special character")
_QUESTION = ("a '?' cannot stand here", "put it in quotes if it is text")
_UNKNOWN = (
    "this is not valid YAML",
    "check the indentation, quotes and colons of this line and the one above",
)
# What libyaml and PyYAML say (a part of context + problem), what we say.
_SYNTAX = (
    ("quoted scalar found unexpected", _QUOTE),
    ("escape", _WRONG_ESCAPE),
    ("hexdecimal", _WRONG_ESCAPE),
    ("hexadecimal", _WRONG_ESCAPE),
    ("mapping values are not allowed", _COLON),
    ("sequence entries are not allowed", _DASH),
    ("mapping keys are not allowed", _QUESTION),
    ("could not find expected ':'", _NO_COLON),
    ("scanning an anchor", _ANCHOR),
    ("scanning an alias", _ANCHOR),
    ("tag", _TAG),
    ("directive", _DIRECTIVE),
    ("incompatible", _DIRECTIVE),
    ("block scalar", _BLOCK),
    ("block collection", _NOT_IN_LIST),
    ("block mapping", _NOT_IN_MAPPING),
    ("document start", _AFTER_END),
    ("node content", _NO_VALUE),
)
_AT_CONTEXT = (_QUOTE, _NO_COLON)
_TAB = ("a tab is used as indentation", "use spaces, two for each level")
_TAB_INDENT = re.compile(r"[ ]*\t")
_SPECIAL_SPACE = re.compile(r"(?:^[ ]*|[:-])([^\S \t\r\n])")


def _syntax_problem(error: yaml.YAMLError, text: str, shown: str) -> Problem:
    """Turn an error of the parser into a place and plain words."""
    mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    if mark is None:
        return Problem(Place(shown), *_UNKNOWN)
    said = f"{getattr(error, 'context', None) or ''} {getattr(error, 'problem', None) or ''}"
    lines = re.split(r"\r\n|\r|\n", text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if tab := _TAB_INDENT.match(line):
        return Problem(Place(shown, mark.line + 1, tab.end()), *_TAB)
    begun = mark.line if context_mark is None else context_mark.line
    for number in (begun, mark.line - 1, mark.line):
        if 0 <= number < len(lines) and (space := _SPECIAL_SPACE.search(lines[number])):
            place = Place(shown, number + 1, space.start(1) + 1)
            return Problem(place, *_invisible_space(space.group(1)))
    words, at_context = _words(said, line[mark.column : mark.column + 1], context_mark, lines, mark)
    chosen = context_mark if at_context and context_mark is not None else mark
    place = Place(shown, chosen.line + 1, chosen.column + 1)
    shows = lines[chosen.line] if chosen.line < len(lines) else ""
    return Problem(place, *words, sensitive=names_secret(shows))


def _words(
    said: str, character: str, context_mark: Any, lines: list[str], mark: Any
) -> tuple[tuple[str, str], bool]:
    """Give our words for the parser's, and whether they speak of where its context begins."""
    at_end = not any(rest.strip() for rest in (character, *lines[mark.line + 1 :]))
    if "flow sequence" in said or "flow mapping" in said:
        opening, closing = ("[", "]") if "flow sequence" in said else ("{", "}")
        if at_end or context_mark is None:
            return (f"the '{opening}' that opens here is never closed", f"add '{closing}'"), True
        where = f"the '{opening}' of line {context_mark.line + 1}"
        hint = f"separate with ',', close with '{closing}', put special characters in quotes"
        return (f"',' or '{closing}' is missing after {where}", hint), False
    if "flow node" in said and at_end:
        return ("an opening bracket is never closed", "close it"), True
    if "cannot start any token" in said:
        shown = shortened(character) or "this"
        return (f"a value cannot begin with {shown}", "put it in quotes"), False
    for part, words in _SYNTAX:
        if part in said.replace("<", "").replace(">", ""):
            return words, words in _AT_CONTEXT
    return _UNKNOWN, False
