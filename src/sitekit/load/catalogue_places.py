"""Where an entry of the catalogue is written, and what its file says about it.

The design keeps values, not places: files are read again, one at a time, when somebody asks.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import Place
from .catalogue import Catalogue
from .spots import KeyPath
from .yaml_source import Document, read_yaml

_COMMENT = re.compile(r"\s#\s*(?P<text>.*\S)\s*$")


class CataloguePlaces:
    """Places in the files that a catalogue was read from."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._files = catalogue.files
        self._documents: dict[str, Document] = {}

    def place(self, kind: str, *path: str | int) -> Place | None:
        """Where the entry at this path of a part stands: the last file that has it counts."""
        found = self._find(kind, path)
        return found.key_place(path) if found else None

    def value(self, kind: str, *path: str | int) -> Any:
        """What is written there; None where nothing is."""
        found = self._find(kind, path)
        return _at(found.data, path) if found else None

    def comment(self, place: Place | None) -> str:
        """What stands behind a # at the end of the line, in files of the catalogue only."""
        for file in self._files:
            if place is not None and file.shown == place.file and place.line:
                lines = file.path.read_text(encoding="utf-8").splitlines()
                match = _COMMENT.search(lines[place.line - 1]) if place.line <= len(lines) else None
                return match["text"] if match else ""
        return ""

    def _find(self, kind: str, path: KeyPath) -> Document | None:
        for file in reversed(self._files):
            if file.kind != kind:
                continue
            document = self._documents.get(file.shown)
            if document is None:
                document = read_yaml(file.path, shown=file.shown)
                self._documents[file.shown] = document
            if _at(document.data, path) is not None:
                return document
        return None


def _at(data: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data
