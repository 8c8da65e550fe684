"""Where every key and value of a file stands, in a few bytes each.

A thousand sites are in memory at once, and nearly none of their places is ever asked for: they are
numbers in one array, node after node as in the file, and what is inside a node follows it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
_WIDTH = 5  # line, column, line and column of the key (0: none), first node after this one's inside
_MANY = 8  # of so many children the positions are remembered once one was looked for


class Spot(NamedTuple):
    """Line and column of a value and of its key, from 1; the key's are 0 where it has none."""

    line: int
    column: int
    key_line: int
    key_column: int


class Spots:
    """The spots of one file, found by path."""

    __slots__ = ("_keys", "_numbers", "_seen", "_written")

    def __init__(self) -> None:
        self._numbers: array[int] = array("I")
        self._keys: list[str | None] = []  # None: an item of a list, or the top
        self._written: dict[int, str] = {}
        self._seen: dict[int, Mapping[str, int] | Sequence[int]] = {}

    def begin(self, spot: Spot, key: str | None, *, written: str | None = None) -> int:
        """Add a node; `written` is the text of a scalar where its value does not say it."""
        node = len(self._keys)
        self._keys.append(key)
        self._numbers.extend((*spot, node + 1))
        if written is not None:
            self._written[node] = written
        return node

    def end(self, node: int) -> None:
        """Say that everything inside a node has been added."""
        self._numbers[node * _WIDTH + 4] = len(self._keys)

    def find(self, path: KeyPath) -> tuple[int, bool]:
        """The node at a path, else the one nearest above it and False."""
        node = 0
        for step in path:
            below = self._child(node, step)
            if below is None:
                return node, False
            node = below
        return node, True

    def __getitem__(self, node: int) -> Spot:
        start = node * _WIDTH
        return Spot(*self._numbers[start : start + 4])

    def written(self, node: int) -> str | None:
        """The text of a scalar, where it had to be kept."""
        return self._written.get(node)

    def _child(self, node: int, step: str | int) -> int | None:
        seen = self._seen.get(node)
        if seen is None:
            numbers, keys = self._numbers, self._keys
            end = numbers[node * _WIDTH + 4]
            below = node + 1
            children = []
            while below < end:
                children.append(below)
                below = numbers[below * _WIDTH + 4]
            if children and keys[children[0]] is not None:
                seen = {keys[child] or "": child for child in children}
            else:
                seen = children
            if len(children) > _MANY:
                self._seen[node] = seen
        if isinstance(seen, Mapping):
            return seen.get(step) if isinstance(step, str) else None
        return seen[step] if isinstance(step, int) and 0 <= step < len(seen) else None
