"""`sitekit doctor`: what is missing on this machine, and the command that provides it."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import SitekitError
from . import console
from .exit import Exit
from .locate import organisation_option, select


@click.command(short_help="What is missing on this machine, and how to get it.")
@organisation_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(organisation: Path | None, as_json: bool) -> Exit:
    """Look for everything that running stacks needs: engine, libraries, plug-ins, credentials,
    backend, passphrase, and the organisation's stacks where there is one.

    Changes nothing. Exits with 1 where something is missing.
    """
    from ..cloud.doctor import State, examine

    try:
        folder = select((), organisation).folder
    except SitekitError:
        if organisation is not None:
            raise
        folder = None
    remarks = list(examine(folder))
    if as_json:
        console.say(console.as_json({"remarks": remarks}))
    else:
        console.table(
            "What running stacks needs",
            ("what", "state", "detail"),
            [(r.what, r.state, r.detail) for r in remarks],
        )
        for remark in remarks:
            if remark.command:
                console.say(f"{remark.what}: {remark.command}")
    well = all(remark.state is State.THERE for remark in remarks)
    return Exit.AS_DESIGNED if well else Exit.FINDINGS
