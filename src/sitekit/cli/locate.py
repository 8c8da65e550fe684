"""Which organisation and which sites a command line means; nothing is read, only listed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SitekitError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

TOP = "organisation.yaml"
_SITE_CODE = re.compile(r"[a-z][a-z0-9]{2,7}")


@dataclass(frozen=True, slots=True)
class Selection:
    """The organisation that was meant, and the sites of it: all of them when none was named."""

    folder: Path
    sites: tuple[str, ...]


def select(
    where: Sequence[str], organisation: Path | None = None, *, near: Path | None = None
) -> Selection:
    """Tell folders from site codes; without a folder, search upward for organisation.yaml.

    The search begins here, and where nothing is found, again at the file `near`. A folder counts
    as the organisation when it holds organisation.yaml or cannot be a site code: `par01` stays a
    site where somebody stands beside a rendered folder of that name.
    """
    folders = [_folder(word) for word in where if _is_folder(word)]
    if organisation is not None:
        folders.append(_folder(organisation))
    if len({folder.resolve() for folder in folders}) > 1:
        both = " and ".join(str(folder) for folder in folders)
        raise SitekitError(f"two organisations are named: {both}", hint="name one")
    folder = folders[0] if folders else _upward(near)
    named = [word for word in where if not _is_folder(word)]
    return Selection(folder, tuple(dict.fromkeys(_known(named, folder))) or sites_of(folder))


def only_one(selection: Selection) -> str:
    """The one site of a verb that is about one; a usage error where several are meant."""
    if len(selection.sites) != 1:
        raise click.UsageError(f"name one site; {_all_of(selection.sites)}")
    return selection.sites[0]


def sites_of(folder: Path) -> tuple[str, ...]:
    """The codes of the sites written in an organisation."""
    try:
        names = [path.name for path in (folder / "sites").iterdir()]
    except OSError:
        return ()
    codes = (name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    return tuple(sorted(code for code in codes if _SITE_CODE.fullmatch(code)))


def repository_of(folder: Path) -> Path | None:
    """The top of the git repository that holds a folder; None outside of one."""
    here = Path(os.path.abspath(folder))  # noqa: PTH100 (links stay as they are named)
    return next((top for top in (here, *here.parents) if (top / ".git").exists()), None)


def _is_folder(word: str) -> bool:
    path = Path(word)
    if path.name == TOP or (path / TOP).is_file():
        return True
    return not _SITE_CODE.fullmatch(word) and (os.sep in word or path.is_dir())


def _folder(word: str | Path) -> Path:
    path = Path(word)
    return path.parent if path.name == TOP else path


def _known(named: Sequence[str], folder: Path) -> Sequence[str]:
    sites = sites_of(folder)
    if (folder / TOP).is_file():  # else loading says what is missing
        for code in named:
            if code not in sites:
                close = get_close_matches(code, sites, n=1)
                raise SitekitError(
                    f"there is no site '{code}' in {folder}",
                    hint=f"did you mean '{close[0]}'?" if close else _all_of(sites),
                )
    return named


def _all_of(sites: Sequence[str]) -> str:
    more = ", …" if len(sites) > 12 else ""
    return f"its sites are {', '.join(sites[:12])}{more}" if sites else "it has no sites yet"


def _upward(near: Path | None = None) -> Path:
    try:
        here = Path.cwd()
    except OSError:
        raise SitekitError("the current folder no longer exists", hint="cd elsewhere") from None
    there = (here / near).parents if near is not None else ()
    for folder in (here, *here.parents, *there):
        if (folder / TOP).is_file():
            return Path(os.path.relpath(folder, here))
    raise SitekitError(
        f"there is no {TOP} in this folder or above it",
        hint="name the organisation's folder, or make one: sitekit new organisation NAME",
    )


class SiteOrFolder(click.ParamType[str]):
    """A site's code, or the organisation's folder; codes complete from the names of files."""

    name = "site"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the codes of the organisation; folders where none fits."""
        from click.shell_completion import CompletionItem

        named = [str(word) for word in ctx.params.get(param.name or "") or ()]
        written = ctx.params.get("organisation")
        try:
            folders = [_folder(word) for word in named if _is_folder(word)]
            folder = Path(written) if written else folders[0] if folders else _upward()
        except SitekitError:
            return [CompletionItem(incomplete, type="dir")]
        codes = [code for code in sites_of(folder) if code.startswith(incomplete)]
        if not codes:
            return [CompletionItem(incomplete, type="dir")]
        return [CompletionItem(code) for code in codes if code not in named]


SITE = SiteOrFolder()

# What verbs about sites take.
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes to use (default: one for few sites, else one per core).",
)
places_argument = click.argument("places", nargs=-1, type=SITE, metavar="[SITE|PATH]...")
organisation_option = click.option(
    "--organisation",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The folder that holds organisation.yaml (default: look upward from here).",
)
