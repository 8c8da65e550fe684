# ruff: noqa: E501
"""Hostile organisations, each the same for the same seed and number: a sound one with files broken.

The sound ones are the base of tests/mistakes and every mistake beside it, so that what follows a
known mistake is tried too. A file is broken in its bytes, in its structure, or replaced by one of
the `SHAPES`, each of which is written to make a reader slow, large or confused.
"""

from __future__ import annotations

import base64
import csv
import io
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sitekit.load.catalogue import SHIPPED, templates_folder

MISTAKES = Path(__file__).parents[1] / "mistakes"
BASE = MISTAKES / "base"
LARGE = 1_000_000  # every file stays below
SHAPES_EACH = 12  # every this many inputs one of the shapes, until all were had

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile organisation: its files below the folder, and what was done to it."""

    files: Files
    what: str


def case(seed: int, number: int) -> Case:
    """Give the case of this number; the first ones hold every shape in every kind of file."""
    rng = random.Random(f"{seed} {number}")
    shapes = _every_shape()
    turn, rest = divmod(number, SHAPES_EACH)
    if rest == 0 and turn < len(shapes):
        path, name = shapes[turn]
        text = SHAPES[name](rng, path)
        return Case({**dict(_base()), **_target(path), path: text[:LARGE]}, f"{name} in {path}")
    files = dict(rng.choice(_sound()))
    said = []
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        path = rng.choice(_places(files, rng))
        files.update({p: t for p, t in _target(path).items() if p not in files})
        other = files[rng.choice(sorted(files))]
        files[path], how = _broken(files[path], other, path, rng)
        said.append(f"{how} in {path}")
    return Case({p: t[:LARGE] for p, t in files.items()}, "; ".join(said))


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _parsed(raw: bytes | str) -> Any:
    return yaml.load(raw, Loader=_LOADER)


# --- what is broken ----------------------------------------------------------------------------


@cache
def _base() -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (str(path.relative_to(BASE)), path.read_bytes())
        for path in sorted(BASE.rglob("*"))
        if path.is_file() and not path.name.startswith("pst01.assigned")
    )


@cache
def _sound() -> tuple[Files, ...]:
    """The base, often, in two sizes, and every mistake once."""
    whole = dict(_base())
    small = {p: t for p, t in whole.items() if not p.startswith(("sites/off", "sites/pst"))}
    small.pop("productions.yaml")
    found = [small] * 300 + [whole] * 60
    for path in sorted(MISTAKES.glob("*.yaml")):
        mistake = _parsed(path.read_text(encoding="utf-8"))
        files = dict(whole)
        for change in mistake.get("changes", [mistake]):
            _make(change, files)
        found.append(files)
    return tuple(found)


def _make(change: dict[str, Any], files: Files) -> None:
    path = change["file"]
    if change.get("shipped"):
        files[path] = (SHIPPED / Path(path).relative_to("catalogue")).read_bytes()
    if change.get("remove"):
        files.pop(path, None)
    elif "bytes" in change:
        files[path] = base64.b64decode(change["bytes"])
    elif "content" in change:
        files[path] = change["content"].encode()
    elif "append" in change:
        files[path] = files.get(path, b"") + change["append"].encode()
    elif path in files:
        files[path] = files[path].replace(change["old"].encode(), change["new"].encode())


@cache
def _catalogue() -> Files:
    found = {
        f"catalogue/{path.relative_to(SHIPPED)}": path.read_bytes()
        for path in sorted(SHIPPED.rglob("*.yaml"))
    }
    for path in sorted(templates_folder().glob("*/platform.yaml")):
        found[f"catalogue/platforms/{path.parent.name}/platform.yaml"] = path.read_bytes()
    return found


@cache
def _every_shape() -> tuple[tuple[str, str], ...]:
    kinds = [path for path, _ in _base()] + sorted(_catalogue())
    few = ("catalogue/zones.yaml", "catalogue/flows.yaml", "catalogue/hardware/cisco.yaml")
    kinds = [k for k in kinds if not k.startswith("catalogue") or k in few]
    return tuple(
        (path, name)
        for path in kinds
        for name in SHAPES
        if name.startswith("CSV") == path.endswith(".csv") or name.startswith("any")
    )


def _target(path: str) -> Files:
    """A shipped file of the catalogue that is to be broken stands in the organisation first."""
    return {path: _catalogue()[path]} if path in _catalogue() else {}


def _places(files: Files, rng: random.Random) -> list[str]:
    if rng.random() < 0.06:
        return sorted(_catalogue())
    return sorted(files)


# --- how ---------------------------------------------------------------------------------------

TOKENS = [
    b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9", b"\xc3", b"\r", b"\r\n", b"\t", b"\x85",
    "\u2028".encode(), "\u00a0".encode(), "\u202e".encode(), "\U0001f600".encode(), b"\x1b[31m",
    b"---\n", b"...\n", b"%YAML 9.9\n", b"&a ", b"*a ", b"<<: ", b"!!python/object ", b"!x ", b"? ",
    b"- ", b": ", b"[", b"]", b"{", b"}", b"|\n", b">-\n", b'"', b"'", b"\\", b'"\\U00110000"',
    b'"\\ud800"', b'""', b",", b";", b"#", b"@", b"`", b"0x1F", b"012", b"1e999", b"-0", b".nan",
    b"12:30", b"yes", b"null", b"~", b"9" * 30, b"-1", b"0", b"4096", b"2026-02-30", b"0000-00-00",
    b"9999-12-31", b"0.0.0.0/0", b"255.255.255.255", b"10.0.0.0/33", b"::/0", b"10.0.0.1/8", b"env:",
    b"keyvault:a/b", b"file:/etc/shadow", b"{site}", b"{site", b"../", b"schema: 2\n", b"settings:\n",
]  # fmt: skip


def _broken(raw: bytes, other: bytes, path: str, rng: random.Random) -> tuple[bytes, str]:
    turn = rng.random()
    if turn < 0.4:
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            how = rng.choice(BYTES)
            raw = how(raw, other, rng)
        return raw, f"bytes ({how.__name__.strip('_')})"
    if path.endswith(".csv"):
        return _cells(raw, rng), "cells"
    try:
        data = _parsed(raw)
    except Exception:  # a mistake that is no YAML: its bytes then
        return _lines(raw, other, rng), "lines"
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = _node(data, rng) if _size(data) < 60_000 else data
    if _size(data) > 60_000:
        return raw, "nothing"
    try:
        text = yaml.dump(
            data,
            Dumper=_DUMPER if rng.random() < 0.2 else _Plain,
            allow_unicode=rng.random() < 0.9,
            sort_keys=False,
            default_flow_style=rng.random() < 0.1,
            width=rng.choice((80, 10, 1_000_000)),
        )
    except (ValueError, yaml.YAMLError):
        return raw, "nothing"
    return text.encode("utf-8", "replace"), "structure"


class _Plain(_DUMPER):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _flip(raw: bytes, _: bytes, rng: random.Random) -> bytes:
    if not raw:
        return b"\x80"
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _token(raw: bytes, _: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 3)) + raw[at:]


def _cut(raw: bytes, _: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + raw[at + rng.choice((1, 2, 8, 64, 10_000)) :]


def _splice(raw: bytes, other: bytes, rng: random.Random) -> bytes:
    at, start = rng.randrange(len(raw) + 1), rng.randrange(len(other) + 1)
    return raw[:at] + other[start : start + rng.choice((8, 64, 512))] + raw[at:]


def _lines(raw: bytes, other: bytes, rng: random.Random) -> bytes:
    """A line lost, twice, elsewhere, deeper or of another file."""
    rows = raw.split(b"\n")
    at, to = rng.randrange(len(rows)), rng.randrange(len(rows))
    match rng.randrange(6):
        case 0:
            del rows[at]
        case 1:
            rows.insert(at, rows[at])
        case 2:
            rows.insert(to, rows.pop(at))
        case 3:
            rows[at] = b" " * rng.choice((1, 2, 3)) + rows[at]
        case 4:
            rows[at] = rows[at][rng.choice((1, 2, 4)) :]
        case _:
            rows.insert(at, rng.choice(other.split(b"\n")))
    return b"\n".join(rows)


def _number(raw: bytes, _: bytes, rng: random.Random) -> bytes:
    digits = [i for i, byte in enumerate(raw) if 48 <= byte <= 57]
    if not digits:
        return raw
    at = rng.choice(digits)
    return raw[:at] + rng.choice((b"0", b"9", b"99999", b"-", b"1.5", b"")) + raw[at + 1 :]


def _encoded(raw: bytes, _: bytes, rng: random.Random) -> bytes:
    text = raw.decode("utf-8", "replace")
    half = rng.randrange(len(text) + 1)
    match rng.randrange(5):
        case 0:
            return text.encode("utf-16")
        case 1:
            return text[:half].encode() + ("é" + text[half:]).encode("latin-1", "replace")
        case 2:
            return text[:half].encode() + text[half:].encode("utf-16-le")
        case 3:
            return text.replace("\n", "\r").encode()
        case _:
            return b"\xef\xbb\xbf" * 2 + raw


BYTES: list[Callable[[bytes, bytes, random.Random], bytes]] = [
    _flip, _token, _token, _cut, _splice, _lines, _lines, _lines, _number, _encoded,
]  # fmt: skip

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 4094, 4095, 65536, 2**31, 2**63, 10**17, 10**40, 0.5, -0.0, 1e300,
    float("inf"), float("nan"), "", " ", "x", "é", "\u00e9\u0301", "\U0001f600", "a" * 300, "\n", "a\nb", "-", "{site}",
    "{", "%s", "$x", "\\", "../x", "/etc/passwd", "env:X", "env:", "keyvault:x/y", "0.0.0.0", "0.0.0.0/0",
    "10.0.0.0/8", "10.0.0.0/31", "10.0.0.0/32", "10.64.0.1/24", "255.255.255.255/32", "127.0.0.1", "::1",
    "fe80::%eth0/64", "224.0.0.1", "1.2.3", "1.2.3.4.5", "٣.٣.٣.٣", "02:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff",
    "2026-11-24", "0001-01-01", "9999-12-31", "2026-02-30", "a@b", "http://x", "par01", "mic01", "films",
    "images", "corp", "guest", "wan", "any", "all", "mic01-fw-01", "mic01-sw-01", "none", "yes", "12:30", [], {}, [[]],
    [None], [{}], {"": ""}, {"a": {"b": {}}}, [1, "a", None], ["10.0.0.0/8"] * 3, {"schema": 1},
    [{"name": "x"}] * 5, list(range(300)), {f"k{n}": n for n in range(300)},
]  # fmt: skip
ODD_KEYS: list[Any] = [
    "x", "", " ", "schema", "settings", "locked", "<<", "name", "é", "a" * 200, "a.b", "{site}", "*",
    "password", "key", "address", "devices", "model_config", "__class__", "self", 1, None, True,
]  # fmt: skip


def _node(data: Any, rng: random.Random) -> Any:
    """One node of a tree replaced, lost, renamed, doubled, moved or multiplied."""
    nodes: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting and len(nodes) < 60_000:
        one = waiting.pop()
        steps = (
            one.keys() if isinstance(one, dict) else range(len(one) if isinstance(one, list) else 0)
        )
        for step in steps:
            nodes.append((one, step))
            waiting.append(one[step])
    if not nodes or rng.random() < 0.01:
        return deepcopy(rng.choice(ODD))
    holder, step = rng.choice(nodes)
    other, there = rng.choice(nodes)
    match rng.randrange(9):
        case 0 | 1 | 2:
            holder[step] = deepcopy(rng.choice(ODD))
        case 3:
            del holder[step]
        case 4:
            holder[step] = deepcopy(other[there])
        case 5:
            if isinstance(holder[step], list):
                holder[step] = holder[step] * rng.choice((2, 30, 400))
            elif isinstance(holder[step], int) and not isinstance(holder[step], bool):
                holder[step] += rng.choice((1, -1, 10, -holder[step], 1000))
            else:
                holder[step] = [holder[step]] * rng.choice((1, 2, 50))
        case 6 if isinstance(holder, dict):
            holder[rng.choice(ODD_KEYS)] = deepcopy(rng.choice(ODD))
        case 7 if isinstance(holder, dict):
            holder[rng.choice((*ODD_KEYS, f"{step}s", str(step)[:-1]))] = holder.pop(step)
        case _:
            text = holder[step]
            if isinstance(text, str) and text:
                at = rng.randrange(len(text))
                holder[step] = text[:at] + rng.choice((*"0.9/:-_ Aé\n", "")) + text[at + 1 :]
            else:
                holder[step] = str(text)
    return data


CELLS = [
    "", " ", "x", "é", '"', '""', ",", ";", "\n", "\r\n", "=cmd()", "2026-11-24", "24/11/2026", "31/02/2026",
    "0000-00-00", "9999-12-31", "cdi", "CDD", "cddu", "films", "nowhere", "mic01", "P0001", "a@b.example",
    "+33 6 12 34 56 78", "0" * 400, "2026-11-24;2026-11-25", "tier-1", "active", "left", "\u00a0", "\u202e",
]  # fmt: skip


def _cells(raw: bytes, rng: random.Random) -> bytes:
    text = raw.decode("utf-8", "replace")
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    try:
        table = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        table = []
    if not table or not any(table):
        return raw
    for _ in range(rng.choice((1, 1, 2, 5))):
        row = rng.choice(table)
        if not row:
            continue
        at = rng.randrange(len(row))
        match rng.randrange(7):
            case 0 | 1 | 2:
                row[at] = rng.choice(CELLS)
            case 3:
                del row[at]
            case 4:
                row.insert(at, rng.choice(CELLS))
            case 5:
                table.insert(rng.randrange(len(table) + 1), list(row))
            case _:
                column = rng.choice(CELLS)
                table.extend(
                    [[*row[:at], column, *row[at + 1 :]] for _ in range(rng.choice((1, 3, 500)))]
                )
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=rng.choice(f"{delimiter}{delimiter};,\t|"),
        lineterminator=rng.choice(("\n", "\r\n")),
    )
    writer.writerows(table)
    return out.getvalue().encode("utf-8" if rng.random() < 0.9 else "cp1252", "replace")


# --- shapes ------------------------------------------------------------------------------------


def _head(path: str) -> bytes:
    raw = dict(_base()).get(path) or _catalogue()[path]
    return raw.rstrip(b"\n") + b"\n"


def _column(path: str, change: Callable[[list[str], int], list[str]], rows: int) -> bytes:
    """The people of the base, `rows` times, each row changed."""
    table = list(csv.reader(io.StringIO(_head(path).decode())))
    delimiter = ","
    if len(table[0]) == 1:
        table, delimiter = list(csv.reader(io.StringIO(_head(path).decode()), delimiter=";")), ";"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table[0])
    for number in range(rows):
        writer.writerow(change(list(table[1 + number % (len(table) - 1)]), number))
        if out.tell() > LARGE:
            break
    return out.getvalue().encode()


def _bomb(_: random.Random, __: str) -> bytes:
    rows = [b"a: &a [x, x, x, x, x, x, x, x, x]"]
    for one, two in zip("abcdefgh", "bcdefghi", strict=True):
        rows.append(f"{two}: &{two} [{','.join([f'*{one}'] * 9)}]".encode())
    return b"\n".join(rows)


Shape = Callable[[random.Random, str], bytes]
SHAPES: dict[str, Shape] = {
    "any empty": lambda rng, path: b"",
    "any NUL": lambda rng, path: b"\0" * 900_000,
    "any of one byte": lambda rng, path: bytes([rng.randrange(256)]) * 999_999,
    "any noise": lambda rng, path: rng.randbytes(900_000),
    "any one line": lambda rng, path: _head(path).rstrip() + b"x" * 990_000,
    "any line ends": lambda rng, path: b"\n" * 999_999,
    "any carriage returns": lambda rng, path: b"\r" * 999_999,
    "any spaces": lambda rng, path: _head(path) + b" " * 990_000,
    "any quotes": lambda rng, path: b'"' * 999_999,
    "any open quote": lambda rng, path: _head(path) + b'"' + b"x\n" * 400_000,
    "any UTF-16": lambda rng, path: _head(path).decode().encode("utf-16") * 20,
    "any last byte": lambda rng, path: _head(path) + b"# " + "é".encode() * 400_000 + b"\xe9",
    "any astral": lambda rng, path: _head(path) + b"x: " + "\U0001f600".encode() * 240_000,
    "any forbidden last": lambda rng, path: _head(path) + b"# " + b"x\n# " * 200_000 + b"\x1b",
    "bomb of aliases": _bomb,
    "merge keys": lambda rng, path: _head(path) + b"<<: {a: 1}\n" * 50_000,
    "deep lists": lambda rng, path: _head(path) + b"x: " + b"[" * 400_000,
    "deep mappings": lambda rng, path: _head(path) + b"x: " + b"{a: " * 200_000,
    "deep indentation": lambda rng, path: b"".join(b" " * n + b"a:\n" for n in range(1_390)),
    "deep dashes": lambda rng, path: _head(path) + b"x:\n" + b"- " * 450_000,
    "deep questions": lambda rng, path: b"? " * 450_000,
    "one key twice": lambda rng, path: _head(path) + b"schema: 1\n" * 9_000,
    "unknown keys": lambda rng, path: _head(path) + b"".join(b"k%d: 1\n" % n for n in range(9_000)),
    "near keys": lambda rng, path: _head(path) + b"".join(b"settingz%d: 1\n" % n for n in range(9_000)),
    "long keys": lambda rng, path: _head(path) + b"".join(
        b"a" * 900 + b"%d: 1\n" % n for n in range(1_000)
    ),
    "long key": lambda rng, path: _head(path) + b"? " + b"a" * 900_000 + b"\n: 1\n",
    "long value": lambda rng, path: _head(path) + b"x: " + b"9" * 900_000,
    "long text": lambda rng, path: _head(path) + b"x: |\n" + b"  y\n" * 200_000,
    "long escapes": lambda rng, path: _head(path) + b'x: "' + b"\\x41" * 220_000 + b'"',
    "long comment": lambda rng, path: _head(path) + b"#" * 980_000,
    "traps": lambda rng, path: _head(path) + b"x:\n" + b"- 012\n" * 9_000,
    "tags": lambda rng, path: _head(path) + b"x:\n" + b"- !!int 1\n" * 9_000,
    "anchors": lambda rng, path: _head(path) + b"x:\n" + b"".join(b"- &a%d b\n" % n for n in range(9_000)),
    "huge numbers": lambda rng, path: _head(path) + b"x:\n" + b"- " + b"9" * 80_000 + b"\n- 0x" + b"f" * 80_000,
    "wide list": lambda rng, path: _head(path) + b"x: [" + b"1," * 19_000 + b"]",
    "too wide list": lambda rng, path: _head(path) + b"x: [" + b"1," * 400_000 + b"]",
    "documents": lambda rng, path: b"---\na: 1\n" * 90_000,
    "directives": lambda rng, path: b"%TAG !a! b\n" * 80_000 + b"---\na: 1\n",
    "a long list": lambda rng, path: _multiplied(path, rng, lists=True),
    "a long mapping": lambda rng, path: _multiplied(path, rng, lists=False),
    "everything odd": lambda rng, path: _all_odd(path, rng),
    "CSV a cell of half a megabyte": lambda rng, path: _column(
        path, lambda row, n: [*row[:-1], "x" * 500_000], 1
    ),
    "CSV an open quote": lambda rng, path: _head(path) + b'"' + b"a,b\n" * 200_000,
    "CSV quotes in quotes": lambda rng, path: _head(path) + b'"' + b'""' * 400_000 + b'"\n',
    "CSV many columns": lambda rng, path: b"," * 900_000,
    "CSV many named columns": lambda rng, path: ",".join(f"c{n}" for n in range(90_000)).encode(),
    "CSV one column twice": lambda rng, path: b"person_id," * 90_000,
    "CSV the same row": lambda rng, path: _column(path, lambda row, n: row, 9_000),
    "CSV all wrong": lambda rng, path: _column(path, lambda row, n: ["?" for _ in row], 30_000),
    "CSV people who are new": lambda rng, path: _column(
        path, lambda row, n: [f"Q{n:06}", *row[1:]], 9_000
    ),
    "CSV unknown codes": lambda rng, path: _column(
        path, lambda row, n: [f"Q{n:06}", f"x{n}", *row[2:]], 9_000
    ),
    "CSV each manages the next": lambda rng, path: _column(path, _managed, 9_000),
    "CSV line ends in quotes": lambda rng, path: _head(path) + b'"a\n\n\n\n",' * 100_000,
    "CSV ragged": lambda rng, path: _head(path) + b"".join(b"," * (n % 40) + b"\n" for n in range(40_000)),
    "CSV sep=": lambda rng, path: b"sep=|\n" + _head(path).replace(b",", b"|"),
    "CSV many days": lambda rng, path: _column(
        path, lambda row, n: [f"{c};" * 50 if "-" in c else c for c in row], 3_000
    ),
}  # fmt: skip


def _managed(row: list[str], number: int) -> list[str]:
    header = next(csv.reader(io.StringIO(_head("people.csv").decode()), delimiter=";"))
    if len(header) == 1:
        header = header[0].split(",")
    row[0] = f"Q{number:06}"
    at = header.index("manager_id")
    if at < len(row):
        row[at] = f"Q{number + 1:06}"
    return row


def _dumped(data: Any) -> bytes:
    return yaml.dump(data, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=10**6).encode()


def _multiplied(path: str, rng: random.Random, *, lists: bool) -> bytes:
    """A list, or a mapping with names, as long as the file may be."""
    data = _parsed(_head(path))
    waiting = [data]
    found: list[Any] = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, list if lists else dict) and one:
            found.append(one)
        waiting.extend(
            one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        )
    if not found:
        return _dumped(data)
    one = rng.choice(found)
    if lists:
        first = one[0]
        one *= max(1, 14_000 // (_size(first) * len(one)))
    else:
        key = rng.choice(sorted(one))
        kept = one[key]
        one.update({f"{key}x{n}": kept for n in range(14_000 // (_size(kept) + 1))})
    return _dumped(data)


def _size(tree: Any, most: int = 60_000) -> int:
    """How many nodes are written for a tree; what occurs twice counts twice."""
    waiting, count = [tree], 0
    while waiting and count <= most:
        one = waiting.pop()
        count += 1
        waiting.extend(
            one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        )
    return count


def _all_odd(path: str, rng: random.Random) -> bytes:
    data = _parsed(_head(path))
    for _ in range(40):
        data = _node(data, rng)
        if not isinstance(data, dict) or _size(data) > 60_000:
            data = _parsed(_head(path))
    return _dumped(data)
