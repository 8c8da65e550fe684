"""The version that a file says it is of, beside the version that this sitekit reads.

Each kind of file counts for itself: `schema: 2` in productions.yaml says nothing about a site.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, get_args

from pydantic import BaseModel

from ..errors import Place, Problem

FIRST = 1


class Placed(Protocol):
    """What knows where its keys stand."""

    def place(self, path: tuple[str | int, ...], /) -> Place: ...  # noqa: D102


def current_version(model: type[BaseModel]) -> int:
    """The version of its kind of file that a model reads; 0 where the kind has no versions."""
    field = model.model_fields.get("schema_")
    return int(get_args(field.annotation)[0]) if field is not None else 0


def other_version(model: type[BaseModel], data: Any, document: Placed) -> Problem | None:
    """Say that a file is of an older or of a newer version; nothing where it is neither."""
    wanted = current_version(model)
    written = data.get("schema") if isinstance(data, Mapping) else None
    if not wanted or type(written) is not int or written == wanted or written < FIRST:
        return None
    place = document.place(("schema",))
    if written > wanted:
        return Problem(
            place,
            f"schema {written} is newer than what this sitekit reads ({wanted})",
            "this sitekit is too old for the file: update sitekit",
        )
    return Problem(
        place,
        f"schema {written} is older than what this sitekit reads ({wanted})",
        "rewrite it: sitekit migrate --dry-run shows how, sitekit migrate does it",
    )
