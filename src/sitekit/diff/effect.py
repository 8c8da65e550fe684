"""What a change does to many devices: identical effects together, each with its impact."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..model.platform import Impact, Platform
from .sections import Change, differences

_ORDER = tuple(Impact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The configuration of one device; `platform` is None for a document."""

    text: str
    platform: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The same difference on one or more files, named `site/file`."""

    files: tuple[str, ...]
    platform: str | None
    kind: str  # changed, new or gone
    changes: tuple[Change, ...]
    impact: Impact


def effects(
    before: Mapping[str, Text], after: Mapping[str, Text], platforms: Mapping[str, Platform]
) -> tuple[Effect, ...]:
    """Group the files by what happens to them; the worst impact first, then the most files.

    A device that is new or gone is an effect of its own: all of its lines are not shown. Documents
    that change are named, their lines are not compared.
    """
    grouped: dict[tuple[str | None, str, tuple[Change, ...]], list[str]] = defaultdict(list)
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            found = new or old
            assert found is not None
            grouped[found.platform, "new" if old is None else "gone", ()].append(name)
        elif old.text != new.text:
            platform = platforms.get(new.platform or "")
            changes = differences(old.text, new.text, platform.syntax) if platform else ()
            grouped[new.platform, "changed", changes].append(name)
    made = [
        Effect(
            files=tuple(files),
            platform=platform,
            kind=kind,
            changes=changes,
            impact=_impact(kind, changes, platforms.get(platform or "")),
        )
        for (platform, kind, changes), files in grouped.items()
    ]
    return tuple(sorted(made, key=lambda e: (-_ORDER.index(e.impact), -len(e.files), e.files)))


def _impact(kind: str, changes: Iterable[Change], platform: Platform | None) -> Impact:
    if platform is None:
        return Impact.NONE
    if kind != "changed":
        return Impact.DROPS_USERS if kind == "gone" else Impact.NONE
    weigh = impact_of(platform)
    return max((weigh(change) for change in changes), key=_ORDER.index, default=Impact.NONE)


def impact_of(platform: Platform) -> Callable[[Change], Impact]:
    """A function that gives the impact of one change: the first rule that matches decides.

    A rule is matched against the section's headings and the line, joined by ` / `.
    A line that no rule matches is not classified.
    """
    rules = [(re.compile(rule.match), rule.impact) for rule in platform.impact]

    def weigh(change: Change) -> Impact:
        text = " / ".join((*change.section, change.line))
        return next((impact for rule, impact in rules if rule.search(text)), Impact.UNKNOWN)

    return weigh
