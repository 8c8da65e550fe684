"""A YAML file as its characters: values are replaced where they stand, the rest stays as it is.

A file that is read and written again loses what its owner chose: indentation, quotes, width, the
place of comments. Here only the characters of a changed value change, and a remark may be added
where its line has none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import yaml

from ..errors import Place
from ..load.spots import KeyPath
from ..load.yaml_source import Document, compose, parse_yaml

_BOM = "\ufeff"
_BREAKS = "\r\n"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """New text for the characters from `start` to before `end` of a file."""

    start: int
    end: int
    text: str


class Written:
    """The text of one file that is sound YAML, and where the values in it begin and end.

    `document` is the same file as `sitekit.load` reads it: it has been looked at already.
    """

    def __init__(self, text: str, document: Document) -> None:
        self._shift = len(_BOM) if text.startswith(_BOM) else 0
        self._text = text[self._shift :]
        # The parser that read the document: others disagree with it on what is sound YAML.
        self._top = compose(self._text)
        self._lines = [0, *(found.end() for found in _LINE_END.finditer(self._text))]
        self.document = document

    @property
    def text(self) -> str:
        """All characters of the file."""
        return _BOM * self._shift + self._text

    def place(self, path: KeyPath) -> Place:
        """Where the value at this path stands."""
        return self.document.place(path)

    def value(self, path: KeyPath) -> object:
        """The value at this path; None where nothing is."""
        found: object = self.document.data
        for step in path:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def length(self, path: KeyPath) -> int:
        """How many items the list at this path has; 0 where there is no list."""
        found = self.value(path)
        return len(found) if isinstance(found, list) else 0

    def replaced(self, path: KeyPath, value: str | int, *, remark: str = "") -> list[Edit]:
        """The edits that put another value at this path, in the quotes that the old one has.

        `remark` becomes a comment behind the value where the rest of its line is empty. Raises
        KeyError where the file has no scalar at this path.
        """
        node = self._scalar(path)
        start, end = self._index(node.start_mark), self._index(node.end_mark)
        comment = ""
        if node.style in ("|", ">"):  # such a block ends where the next thing begins
            header, _, _ = self._text[start:end].partition("\n")
            end = start + len(self._text[start:end].rstrip())
            comment = header.partition("#")[2].strip()
        edits = [Edit(start, end, _scalar(value, node.style or ""))]
        if said := comment or (remark if self._line_ends(end) else ""):
            edits.append(Edit(end, end, f" # {' '.join(said.split())}"))
        return edits

    def with_edits(self, edits: list[Edit]) -> str:
        """The text after all edits. Raises ValueError when two of them overlap."""
        pieces, reached = [], 0
        for edit in sorted(edits):
            if edit.start < reached:
                raise ValueError(f"two edits at character {edit.start} of {self.document.file}")
            pieces += [self._text[reached : edit.start], edit.text]
            reached = edit.end
        return _BOM * self._shift + "".join(pieces) + self._text[reached:]

    def _index(self, mark: yaml.Mark) -> int:
        return min(self._lines[min(mark.line, len(self._lines) - 1)] + mark.column, len(self._text))

    def _line_ends(self, index: int) -> bool:
        rest = self._text[index:]
        blank = len(rest) - len(rest.lstrip(" "))
        return not rest[blank:] or rest[blank] in _BREAKS

    def _scalar(self, path: KeyPath) -> yaml.ScalarNode:
        node: yaml.Node | None = self._top
        for step in path:
            if isinstance(node, yaml.MappingNode):
                node = next((v for k, v in node.value if k.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step] if step < len(node.value) else None
            else:
                node = None
        if not isinstance(node, yaml.ScalarNode):
            raise KeyError(path)
        return node


def _scalar(value: str | int, style: str) -> str:
    """How a value is written: as plainly as it can be, in the old quotes where there were some."""
    if isinstance(value, int):
        return str(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _is_plain(value):
        return json.dumps(value, ensure_ascii=False)
    return value


def _is_plain(value: str) -> bool:
    """Whether the value reads the same without quotes, on a line of its own and in a list."""
    read = parse_yaml(f"x: {value}\ny: [{value}, z]\n".encode(), shown="")
    return not read.problems and read.data == {"x": value, "y": [value, "z"]}
