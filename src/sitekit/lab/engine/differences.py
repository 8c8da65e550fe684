"""Differences, turned: seen from the other side, or made into replacements."""

from __future__ import annotations

from .plugins import Difference, PropertyChange
from .values import covers

#: What `replaceOnChanges` calls the failure to become healthy.
INIT_ERROR = "#initerror"

_OPPOSITE = {"add": "delete", "delete": "add", "update": "update"}


def inverted(difference: Difference) -> Difference:
    """The difference seen from the other side."""
    detailed = difference.detailed
    if detailed is not None:
        detailed = {
            path: PropertyChange(_OPPOSITE[change.kind.removesuffix("-replace")], change.input)
            for path, change in detailed.items()
        }
    return Difference(
        some=difference.some,
        replace_keys=difference.replace_keys,
        changed_keys=difference.changed_keys,
        delete_first=difference.delete_first,
        detailed=detailed,
    )


def with_replace_on_changes(
    difference: Difference, paths: list[str], *, unhealthy: bool = False
) -> Difference:
    """Turn changes of the given properties into replacements."""
    if not paths or not (difference.some or unhealthy):
        return difference
    keys = list(difference.replace_keys)
    for key in difference.changed_keys:
        if key not in keys and any(covers(path, key) for path in paths):
            keys.append(key)
    detailed = difference.detailed
    if detailed is not None:
        detailed = {
            path: PropertyChange(f"{change.kind}-replace", change.input)
            if not change.replaces and any(covers(pattern, path) for pattern in paths)
            else change
            for path, change in detailed.items()
        }
    some = difference.some
    if unhealthy and INIT_ERROR in paths:
        keys.append(INIT_ERROR)
        some = True
    return Difference(
        some=some,
        replace_keys=keys,
        changed_keys=difference.changed_keys,
        delete_first=difference.delete_first,
        detailed=detailed,
    )
