"""A configuration as lines that know their section, and the difference between two of them.

IOS and EOS show the section by indentation, FortiOS by config, edit, next and end. A line is the
same line only in the same section; its position is compared within the section alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Syntax = Literal["ios", "eos", "fortios"]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One line that came (`+`) or went (`-`), and the headings of the sections it is in."""

    section: Path
    sign: Literal["+", "-"]
    line: str

    def __str__(self) -> str:
        return " / ".join((*self.section, f"{self.sign} {self.line}"))


def differences(before: str, after: str, syntax: Syntax) -> tuple[Change, ...]:
    """What changed from one text to another, section by section; order within one matters.

    Comments and blank lines are no difference.
    """
    old, new = sections(before, syntax), sections(after, syntax)
    return tuple(
        change
        for section in dict.fromkeys((*old, *new))
        for change in _within(section, old.get(section, []), new.get(section, []))
    )


def sections(text: str, syntax: Syntax) -> dict[Path, list[str]]:
    """The lines of each section, in the order written; a heading is a line of the one above it."""
    found: dict[Path, list[str]] = defaultdict(list)
    placed = _by_words(text) if syntax == "fortios" else _by_indentation(text)
    for section, line in placed:
        found[section].append(line)
    return dict(found)


def _within(section: Path, old: list[str], new: list[str]) -> Iterator[Change]:
    if old == new:
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield from (Change(section, "-", line) for line in old[a:b])
            yield from (Change(section, "+", line) for line in new[c:d])


def _by_indentation(text: str) -> Iterator[tuple[Path, str]]:
    above: list[tuple[int, str]] = []
    for written in text.splitlines():
        line = written.strip()
        if not line or line.startswith("!"):
            continue
        depth = len(written) - len(written.lstrip())
        while above and above[-1][0] >= depth:
            above.pop()
        yield tuple(heading for _, heading in above), line
        above.append((depth, line))


def _by_words(text: str) -> Iterator[tuple[Path, str]]:
    above: list[str] = []
    for written in text.splitlines():
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        word = line.partition(" ")[0]
        if word in ("end", "next"):
            if above:
                above.pop()
            continue
        yield tuple(above), line
        if word in ("config", "edit"):
            above.append(line)
