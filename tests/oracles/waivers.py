"""Lines that no oracle knows, each with a reason and a vendor document that shows the form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from .interface import Answer, Verdict

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Waiver:
    """A form of a line, matched against the whole line under its context."""

    pattern: re.Pattern[str]
    reason: str
    source: str


@cache
def waivers(platform: str) -> tuple[Waiver, ...]:
    """The committed waivers of a platform; an entry without a source is an error."""
    entries = yaml.safe_load((HERE / "waivers" / f"{platform}.yaml").read_text(encoding="utf-8"))
    return tuple(
        Waiver(re.compile(e["pattern"], re.S), str(e["reason"]), str(e["source"]))
        for e in entries
        if e["reason"] and e["source"]
    )


def waiver_of(verdict: Verdict, platform: str) -> Waiver | None:
    """The waiver of an unknown line; nothing excuses a contradicted one."""
    if verdict.answer is not Answer.UNKNOWN:
        return None
    return next((w for w in waivers(platform) if w.pattern.fullmatch(verdict.path)), None)


def stands(verdict: Verdict, platform: str) -> bool:
    """Whether a line is attested or waived."""
    return verdict.answer is Answer.ATTESTED or waiver_of(verdict, platform) is not None
