"""What every oracle answers: one verdict per line of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Answer(StrEnum):
    """What an authority says about a line."""

    ATTESTED = "attested"  # the authority knows the line, in this place, with this value
    CONTRADICTED = "contradicted"  # the authority knows better
    UNKNOWN = "unknown"  # the authority does not know the line


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer about one line."""

    number: int  # counted from 1; 0 for the whole text
    context: tuple[str, ...]  # the lines it stands under
    line: str
    answer: Answer
    authority: str  # who says so
    why: str = ""

    @property
    def path(self) -> str:
        """The line under its context, as waivers match it."""
        return " / ".join((*self.context, self.line))


class Oracle(Protocol):
    """One authority, or several that answer for one platform."""

    platform: str

    def judge(self, text: str) -> list[Verdict]:
        """One verdict per line that says anything; more for a line that breaks several rules."""
        ...
