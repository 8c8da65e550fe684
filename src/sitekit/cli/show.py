"""`sitekit show`: the values of a site once all levels are merged, and where each was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import console
from .cache import remembering
from .locate import only_one, organisation_option, places_argument, select

if TYPE_CHECKING:
    from ..load import SiteInputs

# Written values that come from the site alone, or from the archetype where the site is silent.
INHERITED = ("rooms", "equipment")


@click.command(short_help="Resolved values of a site, and the file and line of each.")
@places_argument
@organisation_option
@click.option("--json", "as_json", is_flag=True, help="Print the values as JSON.")
def show(places: tuple[str, ...], organisation: Path | None, as_json: bool) -> None:
    """Show what SITE resolves to: sitekit's defaults, organisation, subsidiary, archetype, site.

    Secrets are shown as what they are in the files: references.

    \b
    Examples:
      sitekit show par01
      sitekit show par01 --organisation examples/horizon --json
    """
    from ..load import load_organisation

    chosen = select(places, organisation)
    with remembering(chosen.folder) as memory:
        inputs = load_organisation(chosen.folder, memory=memory).sites[only_one(chosen)]
    rows = sorted(resolved(inputs), key=lambda row: row[0])
    if as_json:
        console.say(
            console.as_json(
                [
                    {"path": path, "value": value, "level": level, "place": place, "locked": locked}
                    for path, value, level, place, locked in rows
                ]
            )
        )
        return
    console.table(
        f"{inputs.code}: {inputs.site.name}",
        ("value", "is", "from", "written at", ""),
        [
            (path, _brief(value), level, place, "locked" if locked else "")
            for path, value, level, place, locked in rows
        ],
    )


def resolved(inputs: SiteInputs) -> Iterator[tuple[str, Any, str, str, bool]]:
    """Path, value, level, place and lock of every value that a level may write."""
    dumped = inputs.settings.model_dump(mode="json")
    for path, origin in inputs.origins.items():
        value: Any = dumped
        for key in path:
            value = value[key]
        yield (
            "settings." + ".".join(path),
            value,
            origin.level,
            str(origin.place),
            origin.locked,
        )
    for section in INHERITED:
        own = getattr(inputs.site, section).model_dump(exclude_none=True)
        default = getattr(inputs.archetype, section).model_dump(exclude_none=True)
        for key, value in {**default, **own}.items():
            document = inputs.document if key in own else inputs.archetype_document
            level = "site" if key in own else "archetype"
            place = str(document.place((section, key)))
            yield f"{section}.{key}", value, level, place, False
    pin = inputs.standard
    yield "standard", pin.version, pin.level, str(pin.place or "follows the newest"), False
    for key in ("people", "area_m2", "opens", "closes", "block"):
        value = getattr(inputs.site, key)
        if value is not None:
            place = str(inputs.place(key))
            yield key, value if isinstance(value, int) else str(value), "site", place, False
    if inputs.site.block is None and inputs.assigned and inputs.assigned_document:
        place = str(inputs.assigned_document.place(("block",)))
        yield "block", str(inputs.assigned.block), "assigned", place, False


def _brief(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    return json.dumps(value, ensure_ascii=False)
