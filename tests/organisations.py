"""The example organisation, loaded once, and small ones made for a test."""

from __future__ import annotations

import shutil
from datetime import date
from functools import cache
from pathlib import Path

from sitekit.load import LoadedOrganisation, load_organisation

ROOT = Path(__file__).parents[1]
HORIZON = ROOT / "examples" / "horizon"
WRITTEN = date(2026, 11, 24)  # the day the example was written: its waiver holds


@cache
def horizon() -> LoadedOrganisation:
    """The example organisation; nothing in it can be changed."""
    return load_organisation(HORIZON)


def copy_of_horizon(to: Path) -> Path:
    """A copy that a test may edit; what is generated from the files stays behind."""
    generated = shutil.ignore_patterns("rendered", "stacks")
    return Path(shutil.copytree(HORIZON, to / "horizon", ignore=generated))


def edit(path: Path, old: str, new: str) -> None:
    """Replace one piece of a file; it must be there exactly once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")
