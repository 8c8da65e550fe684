"""`sitekit check`: everything wrong with the input and with the design, in one run."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError
from . import console
from .exit import Exit
from .locate import SITE, Selection, repository_of, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..design.group import Report, Waived
    from ..errors import Problem
    from ..findings import Finding


@click.command(short_help="Say everything that is wrong, in the files and in the design.")
@click.argument("places", nargs=-1, type=SITE, metavar="[SITE|PATH]...")
@click.option(
    "--organisation",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The folder that holds organisation.yaml (default: look upward from here).",
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that decides which waivers hold (default: today).",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--sarif", is_flag=True, help="Print the findings as SARIF 2.1.0, for code review.")
@click.option("--code-quality", is_flag=True, help="Print open findings as GitLab's report.")
def check(
    places: tuple[str, ...],
    organisation: Path | None,
    today: datetime | None,
    strict: bool,
    as_json: bool,
    sarif: bool,
    code_quality: bool,
) -> Exit:
    """Check the organisation here, the one at a PATH, or only the named SITEs.

    Exits with 0 when all is as designed, with 1 when something is not, with 2 when the files
    cannot be understood.

    \b
    Examples:
      sitekit check
      sitekit check examples/horizon
      sitekit check par01 lyo01 --json
      sitekit check --sarif > sitekit.sarif
    """
    from ..design.group import check_organisation
    from ..findings import Severity
    from ..load import load_organisation

    if as_json + sarif + code_quality > 1:
        raise click.UsageError("--json, --sarif and --code-quality are one answer: choose one form")
    for_review = sarif or code_quality
    chosen = select(places, organisation)
    try:
        loaded = load_organisation(chosen.folder)
    except InputError as error:
        if not for_review:
            raise
        _say_for_review(chosen, gitlab=code_quality, problems=error.problems)
        return Exit.WRONG_INPUT
    codes = chosen.sites
    day = today.date() if today else date.today()
    with console.progress(len(codes), "checking") as advance:
        report = check_organisation(loaded, today=day, sites=codes, progress=lambda _: advance())
    if for_review:
        _say_for_review(chosen, gitlab=code_quality, findings=report.findings, waived=report.waived)
    elif as_json:
        console.say(
            console.as_json(
                {
                    "organisation": loaded.organisation.name,
                    "sites": codes,
                    "findings": report.findings,
                    "waived": [
                        {"finding": w.finding, "waiver": w.waiver.id, "expires": w.waiver.expires}
                        for w in report.waived
                    ],
                }
            )
        )
    else:
        console.findings(report.findings)
        for waived in report.waived:
            console.note(
                f"waived until {waived.waiver.expires} by {waived.waiver.id}: "
                f"{waived.finding.place}: {waived.finding.message}"
            )
        console.note(_summary(chosen, report, len(loaded.people)))
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    failed = any(finding.severity in bad for finding in report.findings)
    return Exit.FINDINGS if failed else Exit.AS_DESIGNED


def _say_for_review(
    chosen: Selection,
    *,
    gitlab: bool,
    findings: Sequence[Finding] = (),
    waived: Sequence[Waived] = (),
    problems: Sequence[Problem] = (),
) -> None:
    from importlib.metadata import version

    from ..render import sarif

    log = sarif.sarif(
        version=version("sitekit"),
        root=repository_of(chosen.folder) or chosen.folder,
        findings=findings,
        waived=waived,
        problems=problems,
    )
    console.say(console.as_json(sarif.code_quality(log) if gitlab else log))


def _summary(chosen: Selection, report: Report, people: int) -> str:
    counts = {
        s: sum(f.severity == s for f in report.findings) for s in ("error", "warning", "info")
    }
    said = ", ".join(_counted(number, word) for word, number in counts.items() if number)
    return (
        f"{chosen.folder}: {_counted(report.sites, 'site')} and {people} people checked: "
        f"{said or 'all as designed'}"
    )


def _counted(number: int, word: str) -> str:
    plural = word if word == "info" else f"{word}s"
    return f"{number} {word if number == 1 else plural}"
