"""`sitekit migrate`: older files rewritten for this sitekit, with the diff first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import console
from .exit import Exit
from .locate import select

if TYPE_CHECKING:
    from ..migrate import Change, Plan


@click.command(short_help="Rewrite older files for this sitekit, with the diff.")
@click.argument("place", required=False, type=click.Path(path_type=Path), metavar="[ORGANISATION]")
@click.option("--dry-run", is_flag=True, help="Show the diff and write nothing.")
@click.option(
    "--person",
    "persons",
    multiple=True,
    metavar="NAME=ID",
    help="The person_id for a name that people.csv does not have, or has twice.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before writing, in a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the files, steps and diffs as JSON.")
def migrate(
    place: Path | None, dry_run: bool, persons: tuple[str, ...], yes: bool, as_json: bool
) -> Exit:
    """Bring the files of ORGANISATION (default: upward from here) to the versions of this sitekit.

    Shows the diff, then writes: all files or none, and in each only what changes; comments, order
    and quotes stay. In a terminal it asks first. Files that are up to date are not touched.

    Exits with 0 when everything is (now) up to date, with 1 when --dry-run has something to
    rewrite, or the question was answered with no, with 2 when a file is wrong: then nothing is
    written.

    \b
    Examples:
      sitekit migrate --dry-run
      sitekit migrate
      sitekit migrate --person 'Marie Martin=P0031'
    """
    from ..migrate import plan

    folder = select((), place.parent if place and place.name == "organisation.yaml" else place)
    planned = plan(folder.folder, answers=_answers(persons))
    if not as_json:
        _show(planned)
    written = _written(planned, folder.folder, dry_run=dry_run, asks=not (yes or as_json))
    if as_json:
        console.say(console.as_json(_data(planned, written=written)))
    return Exit.AS_DESIGNED if written or not planned else Exit.FINDINGS


def _written(planned: Plan, folder: Path, *, dry_run: bool, asks: bool) -> bool:
    """Write what is planned, unless there is nothing to write or somebody does not want it."""
    from .files import replace_whole

    if not planned:
        files = "1 file" if planned.files == 1 else f"{planned.files} files"
        console.note(f"{folder}: {files}, all up to date")
        return False
    if dry_run:
        console.note(f"{_summary(planned)} would change; nothing was written")
        return False
    asks = asks and sys.stdin.isatty()
    if asks and not click.confirm(f"Write {_summary(planned)}?", default=True, err=True):
        console.note("nothing was written")
        return False
    replace_whole({c.path: (c.before, c.after) for c in (*planned.changes, *planned.schemas)})
    console.note(f"{_summary(planned)} written; next: sitekit check")
    return True


def _answers(persons: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for person in persons:
        name, equals, number = (part.strip() for part in person.rpartition("="))
        if not (name and equals and number):
            raise click.UsageError(f"--person '{person}' should be NAME=ID")
        if found.setdefault(name, number) != number:
            raise click.UsageError(f"--person gives two ids for '{name}'")
    return found


def _show(planned: Plan) -> None:
    for change in planned.changes:
        console.say(_coloured(change.difference()).rstrip("\n"))
        for step in change.steps:
            console.note(f"{change.shown}: {change.kind} {step.to}: {step.title}")
    for change in planned.schemas:
        console.say(f"{change.shown}: schema for editors, renewed")


def _coloured(difference: str) -> str:
    """The diff for people. Files with characters that drive a terminal never come this far."""
    if not console.in_colour():
        return difference
    colours = {"+": "green", "-": "red", "@": "cyan"}
    return "".join(
        click.style(line, fg=colours[line[0]]) if line[0] in colours else line
        for line in difference.splitlines(keepends=True)
    )


def _data(planned: Plan, *, written: bool) -> dict[str, object]:
    return {
        "organisation": str(planned.folder),
        "written": written,
        "files": [_of(change) for change in planned.changes],
        "schemas": [change.shown for change in planned.schemas],
    }


def _of(change: Change) -> dict[str, object]:
    return {
        "file": change.shown,
        "kind": change.kind,
        "from": change.steps[0].to - 1,
        "to": change.steps[-1].to,
        "steps": [{"to": step.to, "title": step.title} for step in change.steps],
        "diff": change.difference(),
    }


def _summary(planned: Plan) -> str:
    number, schemas = len(planned.changes), len(planned.schemas)
    said = [f"{number} file{'' if number == 1 else 's'}"] if number else []
    if schemas:
        said.append(f"{schemas} schema{'' if schemas == 1 else 's'} for editors")
    return " and ".join(said)
