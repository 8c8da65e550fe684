"""`sitekit watch`: check and render again whenever a file is saved."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..errors import InputError, SitekitError
from . import console
from .cache import cache_option, remembering
from .exit import Exit
from .locate import organisation_option, places_argument, select

if TYPE_CHECKING:
    from ..load.memory import Memory

SECONDS_BETWEEN_LOOKS = 0.1
_OF_SITE = re.compile(r"sites/([a-z][a-z0-9]{2,7})(?:\.assigned)?\.yaml")
_WATCHED = (".yaml", ".csv", ".j2")

Stamp = tuple[int, int, bytes]  # mtime in ns, size, hash


@click.command(short_help="Check and render again whenever a file is saved.")
@places_argument
@organisation_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write.")
@cache_option
def watch(places: tuple[str, ...], organisation: Path | None, out: Path, no_cache: bool) -> Exit:
    """Check the SITEs (default: all) and render them below --out, again at every save.

    A saved file of one site has that site designed again, any other file has all of them. A site
    with open errors keeps the files of its last good state. Ctrl-C ends it.

    \b
    Examples:
      sitekit watch par02 --out build
    """
    from ..load.memory import Memory, program_digest

    folder = select(places, organisation).folder
    with suppress(KeyboardInterrupt), remembering(folder, unless=no_cache) as memory:
        _watch(places, organisation, out, memory or Memory(program_digest()))
    return Exit.AS_DESIGNED


def _watch(
    places: tuple[str, ...], organisation: Path | None, out: Path, memory: Memory
) -> NoReturn:
    """Look, check and render for ever; what one round found, the next one knows."""
    folder = select(places, organisation).folder
    seen: dict[str, Stamp] = {}
    waiting: set[str] | None = None  # sites still to do since the files were last understood
    while True:
        now = _stamps(folder, out, seen)
        saved = {
            name
            for name in now.keys() | seen.keys()
            if now.get(name, (0, 0, b""))[2] != seen.get(name, (0, 0, b""))[2]
        }
        if any(name.endswith(".j2") for name in saved) and seen:
            from ..render.engine import forget_templates

            forget_templates()
        if saved:
            chosen = select(places, organisation).sites
            touched = chosen if not seen else _touched(saved, chosen)
            todo = sorted((waiting or set()) & set(chosen) | set(touched))
            waiting = set() if _again(folder, todo, out, memory) else set(todo)
        seen = now
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _touched(saved: set[str], codes: Sequence[str]) -> list[str]:
    """The sites that the saved files are about; all of them where one is about more than a site."""
    own = [_OF_SITE.fullmatch(name) for name in saved]
    if any(match is None for match in own):
        return list(codes)
    named = {match[1] for match in own if match}
    return [code for code in codes if code in named]


def _stamps(folder: Path, out: Path, before: Mapping[str, Stamp]) -> dict[str, Stamp]:
    """A stamp of every watched file; only one whose time or size moved is read again."""
    found: dict[str, Stamp] = {}
    skipped = out.resolve()
    for top, folders, files in os.walk(folder):
        here = Path(top)
        folders[:] = [
            f
            for f in folders
            if not f.startswith(".") and f != "rendered" and (here / f).resolve() != skipped
        ]
        for file in files:
            path = here / file
            if path.suffix not in _WATCHED or file.startswith("."):
                continue
            name = path.relative_to(folder).as_posix()
            try:
                status = path.stat()
                old = before.get(name)
                if old and old[:2] == (status.st_mtime_ns, status.st_size):
                    found[name] = old
                else:
                    mark = hashlib.sha256(path.read_bytes()).digest()
                    found[name] = (status.st_mtime_ns, status.st_size, mark)
            except OSError:
                continue  # being replaced at this moment: the next look sees it
    return found


def _again(folder: Path, codes: Sequence[str], out: Path, memory: Memory) -> bool:
    """Check and render; False when the files could not be understood."""
    from ..cloud.checks import between, of_design
    from ..design.group import check_organisation
    from ..findings import Severity
    from ..load import load_organisation
    from ..people import findings as findings_of_people
    from .output import write_artifacts
    from .render import artifacts_of, write

    began = time.monotonic()
    try:
        loaded = load_organisation(folder, memory=memory)
        today = date.today()
        about_people = findings_of_people(loaded, today)
        report = check_organisation(
            loaded,
            today=today,
            sites=codes,
            also=[*about_people, *between(loaded, codes)],
            and_of=of_design,
        )
        console.findings(report.findings)
        bad = {f.subject for f in report.findings if f.severity is Severity.ERROR}
        good = [code for code in codes if code not in bad]
        all_of_them = set(codes) == set(loaded.sites)
        if all_of_them:
            written = write(loaded, good, out, 1, folder).written
        else:
            written = write_artifacts(
                artifacts_of(loaded, good, 1), out, prune=False, known_sites=loaded.sites
            ).written
    except InputError as error:
        console.problems(error.problems)
        return False
    except SitekitError as error:
        console.error(error.message, hint=error.hint)
        return False
    for name in written:
        console.say(f"{out / name}")
    console.flush()
    console.note(
        f"{', '.join(codes) if len(codes) < 7 else len(codes)}: {len(written)} files written "
        f"in {time.monotonic() - began:.2f} s; waiting for a save, Ctrl-C ends"
    )
    return True
