"""A finding: one thing that is not as it should be, with where, how bad, what and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import Place


class Severity(StrEnum):
    """How much a finding matters. An error makes `check` fail; the others inform."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing not as designed."""

    rule: str
    severity: Severity
    subject: str
    message: str
    remedy: str
    place: Place
