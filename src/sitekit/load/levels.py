"""Settings inherited from level to level, each value with where it was written.

Order: sitekit's defaults, organisation, subsidiary, archetype, site. A later level overrides an
earlier one, path by path; lists are one value. A level may lock paths: what an earlier level
locked, a later one may not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Place, Problem
from .yaml_source import Document

SettingPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a resolved value was written, and by which level."""

    level: str
    place: Place
    locked: bool = False


@dataclass(frozen=True, slots=True)
class LevelSource:
    """One level's document: its `settings` and what it locks."""

    level: str
    document: Document

    @property
    def settings(self) -> dict[str, Any]:
        """What the level writes; anything but a mapping was already complained about."""
        written = self.document.data.get("settings")
        return written if isinstance(written, dict) else {}

    @property
    def locked(self) -> list[str]:
        """Dotted paths that the level locks."""
        written = self.document.data.get("locked")
        return [p for p in written if isinstance(p, str)] if isinstance(written, list) else []


@dataclass(frozen=True, slots=True)
class Merged:
    """The values of several levels laid over one another."""

    values: dict[str, Any]
    origins: dict[SettingPath, Origin]
    locks: dict[SettingPath, Origin]


EMPTY = Merged(values={}, origins={}, locks={})


def lay(below: Merged, level: LevelSource, problems: list[Problem]) -> Merged:
    """Lay one more level over what earlier levels gave; complain where it touches a lock."""
    origins = dict(below.origins)
    values = _copy(below.values)
    for path, value in _leaves(level.settings):
        place = level.document.place(("settings", *path))
        lock = _lock_over(path, below.locks)
        if lock is not None:
            problems.append(
                Problem(
                    place,
                    f"'{'.'.join(path)}' is locked by the {lock.level} at {lock.place}",
                    "remove it here, or ask whoever owns that file to unlock it",
                )
            )
            continue
        _set(values, path, value)
        for known in [k for k in origins if k[: len(path)] == path or path[: len(k)] == k]:
            del origins[known]
        origins[path] = Origin(level.level, place)
    locks = dict(below.locks)
    for index, dotted in enumerate(level.locked):
        path = tuple(dotted.split("."))
        place = level.document.place(("locked", index))
        if not any(known[: len(path)] == path for known in origins):
            problems.append(
                Problem(
                    place,
                    f"'{dotted}' is locked here but no level up to this one writes it",
                    "lock a path of settings such as administration.banner",
                )
            )
            continue
        locks.setdefault(path, Origin(level.level, place))
        for known, origin in origins.items():
            if known[: len(path)] == path:
                origins[known] = Origin(origin.level, origin.place, locked=True)
    return Merged(values, origins, locks)


def expand(values: dict[str, Any], site: str) -> dict[str, Any]:
    """Put the site's code where a secret reference says {site}."""
    return {key: _expanded(value, site) for key, value in values.items()}


def _expanded(value: Any, site: str) -> Any:
    if isinstance(value, str):
        return value.replace("{site}", site) if "{site}" in value else value
    if isinstance(value, dict):
        return expand(value, site)
    if isinstance(value, list):
        return [_expanded(item, site) for item in value]
    return value


def _lock_over(path: SettingPath, locks: dict[SettingPath, Origin]) -> Origin | None:
    for locked, origin in locks.items():
        shorter = min(len(locked), len(path))
        if locked[:shorter] == path[:shorter]:
            return origin
    return None


def _leaves(tree: dict[str, Any], path: SettingPath = ()) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _copy(tree: dict[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, dict) else v for k, v in tree.items()}


def _set(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[path[-1]] = value
