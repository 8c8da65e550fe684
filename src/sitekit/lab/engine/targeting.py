"""`--target`, `--exclude`, `--replace`: which resources a run is about."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Targets:
    """A set of URNs and patterns (`*` within a part, `**` across parts). Empty means: all."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.literals: list[str] = []
        self._patterns: list[re.Pattern[str]] = []
        for pattern in patterns:
            if "*" in pattern:
                self._patterns.append(_compiled(pattern))
            elif pattern not in self.literals:
                self.literals.append(pattern)
        self._set = set(self.literals)

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self._set or self._patterns)

    def names(self, urn: str) -> bool:
        """Whether one of them names the URN."""
        return urn in self._set or any(pattern.match(urn) for pattern in self._patterns)

    def add(self, urn: str) -> None:
        """Add a URN."""
        self._set.add(urn)


def _compiled(pattern: str) -> re.Pattern[str]:
    text = "".join(
        ".*" if part == "**" else "[^:]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*|\*)", pattern)
    )
    return re.compile(text + r"\Z")
