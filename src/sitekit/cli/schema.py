"""`sitekit schema`: JSON Schema of every file, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from . import console


@click.command(short_help="JSON Schema of the files, for editors that complete and check.")
@click.argument("kind", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Write every schema to this folder.")
def schema(kind: str | None, out: Path | None) -> None:
    """Print the schema of one KIND of file, or write all of them with --out.

    New files name their schema in the first line, relative to the organisation's folder:
    `.schemas/`. Editors with a YAML language server complete and check from there.

    \b
    Examples:
      sitekit schema site
      sitekit schema --out .schemas
    """
    from ..load.schema import KINDS, schema_text
    from .files import write_whole

    if kind is not None:
        if kind not in KINDS:
            raise click.UsageError(f"there is no kind '{kind}'; known: {', '.join(KINDS)}")
        console.say(schema_text(kind).rstrip("\n"))
        return
    if out is None:
        raise click.UsageError(f"name a KIND ({', '.join(KINDS)}), or a folder with --out")
    for name in KINDS:
        path = out / f"{name}.json"
        changed = write_whole(path, schema_text(name))
        console.say(f"{path}: {'written' if changed else 'unchanged'}")
