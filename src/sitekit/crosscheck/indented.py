"""Reads EOS and IOS: a line at the margin opens a section, lines further in belong to it.

Nothing is ever refused: what is not understood is left out. Banners are free text and are stepped
over, so that no line of one is taken for a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple


class Section(NamedTuple):
    """A line at the margin with the lines below it: number, depth, text without its margin."""

    line: int
    head: str
    body: list[tuple[int, int, str]]


def sections(text: str) -> Iterator[Section]:
    """Every section in its order; comments and banners are not among them."""
    lines = text.split("\n")
    count = len(lines)
    index = 0
    current: Section | None = None
    while index < count:
        line = lines[index]
        index += 1
        first = line[:1]
        if first in ("!", "", "\r"):
            continue
        if first == " ":
            inner = line.lstrip(" ")
            if current is not None and inner and inner[0] != "!":
                current.body.append((index, len(line) - len(inner), inner.rstrip()))
            continue
        if current is not None:
            yield current
        head = line.rstrip()
        current = Section(index, head, [])
        if head.startswith("banner "):
            index = _after_banner(lines, index, head)
    if current is not None:
        yield current


def _after_banner(lines: list[str], index: int, head: str) -> int:
    """The index of the line after a banner: EOS ends it with EOF, IOS with its own delimiter."""
    words = head.split(None, 2)
    rest = words[2] if len(words) == 3 else ""
    if not rest:
        end, inside = "EOF", False
    else:
        end, inside = ("^C" if rest.startswith("^C") else rest[0]), True
        if end in rest[len(end) :]:
            return index
    for number in range(index, len(lines)):
        if end in lines[number] if inside else lines[number].rstrip() == end:
            return number + 1
    return len(lines)


@lru_cache(maxsize=4096)
def vlans(text: str) -> frozenset[int]:
    """A list of VLANs as switches write it: 10-12,20. What is no VLAN is left out."""
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        first = whole(low)
        last = whole(high) if dash else first
        if first is not None and last is not None:
            found.update(range(max(first, 1), min(last, 4094) + 1))
    return frozenset(found)


def whole(text: str) -> int | None:
    """A whole number of at most ten digits, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
