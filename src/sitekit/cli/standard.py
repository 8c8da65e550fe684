"""`sitekit standard`: the versions of the group standard, and which sites have which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import console
from .locate import organisation_option, places_argument, select

if TYPE_CHECKING:
    from ..load import LoadedOrganisation
    from ..load.standard import Pin


@click.command(short_help="Versions of the group standard, and which site has which.")
@places_argument
@organisation_option
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def standard(places: tuple[str, ...], organisation: Path | None, as_json: bool) -> None:
    """List the versions of the standard with what each brought, and the SITEs that have it.

    \b
    Examples:
      sitekit standard
      sitekit standard examples/horizon --json
    """
    from ..load import load_organisation
    from ..load.catalogue import standards

    chosen = select(places, organisation)
    loaded = load_organisation(chosen.folder)
    had = {each.version: _sites(loaded, chosen.sites, each.version) for each in standards()}
    if as_json:
        console.say(
            console.as_json(
                [
                    {
                        "version": each.version,
                        "released": each.released,
                        "summary": each.summary,
                        "sites": [
                            {"site": s, "pinned": p.pinned, "level": p.level, "place": p.place}
                            for s, p in had[each.version].items()
                        ],
                    }
                    for each in standards()
                ]
            )
        )
        return
    console.table(
        loaded.organisation.name,
        ("version", "released", "brought", "sites"),
        [
            (
                each.version,
                str(each.released),
                each.summary,
                ", ".join(f"{s}{' (pinned)' * p.pinned}" for s, p in had[each.version].items()),
            )
            for each in standards()
        ],
    )
    console.note("a site follows the newest unless standard: is written for it or above it")


def _sites(
    organisation: LoadedOrganisation, codes: tuple[str, ...], version: str
) -> dict[str, Pin]:
    pins = {code: organisation.sites[code].standard for code in codes}
    return {code: pin for code, pin in pins.items() if pin.version == version}
