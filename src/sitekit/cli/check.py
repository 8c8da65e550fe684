"""`sitekit check`: everything wrong with the input and with the design, in one run."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError
from . import console, sarif
from .cache import cache_option, remembering
from .crew import crew, shared_crew, tell_lost
from .exit import Exit
from .locate import (
    Selection,
    only_one,
    organisation_option,
    places_argument,
    scheduler_option,
    select,
    workers_option,
)

if TYPE_CHECKING:
    from ..design.group import Report


@click.command(short_help="Say everything that is wrong, in the files and in the design.")
@places_argument
@organisation_option
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that decides which waivers hold (default: today).",
)
@click.option(
    "--rendered", is_flag=True, help="Check the text that would be rendered as well (in memory)."
)
@click.option(
    "--rendered-in",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Check the text of the files in DIR, as `render --out DIR` wrote them, instead.",
)
@click.option(
    "--reach",
    "question",
    metavar="QUESTION",
    help="Answer which rule decides a conversation: 'guest -> storage tcp/445'. One SITE.",
)
@workers_option
@cache_option
@scheduler_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--sarif", "as_sarif", is_flag=True, help="Print them as SARIF 2.1.0, for code review."
)
def check(
    places: tuple[str, ...],
    organisation: Path | None,
    today: datetime | None,
    rendered: bool,
    folder: Path | None,
    question: str | None,
    workers: int | None,
    no_cache: bool,
    scheduler: str | None,
    strict: bool,
    as_json: bool,
    as_sarif: bool,
) -> Exit:
    """Check the organisation here, the one at a PATH, or only the named SITEs.

    Exits with 0 when all is as designed, with 1 when something is not, with 2 when the files
    cannot be understood. A question that --reach answers ends with 0, whatever the answer is.

    \b
    Examples:
      sitekit check
      sitekit check examples/horizon
      sitekit check par01 lyo01 --json
      sitekit check --sarif > sitekit.sarif
      sitekit check --rendered
      sitekit check --scheduler tcp://127.0.0.1:8786
      sitekit check par02 --reach 'guest -> storage tcp/445'
    """
    from ..cloud.checks import between, of_design
    from ..design.group import check_organisation, undesigned
    from ..findings import Severity
    from ..load import load_organisation
    from ..load.spread import sensible_workers

    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    if as_sarif and (rendered or question is not None) and folder is None:
        raise click.UsageError("--sarif is about lines of files: name them with --rendered-in DIR")
    chosen = select(places, organisation)
    if question is not None:
        from .crosscheck import answer

        if as_sarif:
            raise click.UsageError("--reach gives an answer, not findings: without --sarif")
        return answer(chosen.folder, only_one(chosen), question, folder, as_json=as_json)
    codes = chosen.sites
    day = today.date() if today else date.today()
    from ..people import findings as findings_of_people

    named = any(place in codes for place in places)
    with remembering(chosen.folder, unless=no_cache) as memory:
        try:
            loaded = load_organisation(chosen.folder, memory=memory)
        except InputError as error:
            if not as_sarif:
                raise
            console.say(console.as_json(sarif.of_problems(error.problems, chosen.folder)))
            return Exit.WRONG_INPUT
        texts = findings_of_people(loaded, day, sites=codes if named else None)
        about_people = len(texts)
        shared = shared_crew(loaded, scheduler, workers)
        if rendered or folder is not None:
            from .crosscheck import findings_of_texts

            texts += findings_of_texts(loaded, codes, folder, workers, shared)
        number = workers or sensible_workers(len(undesigned(loaded, codes, and_of=of_design)))
        with (
            console.progress(len(codes), "checking") as advance,
            crew(loaded, number, shared) as pool,
        ):
            report = check_organisation(
                loaded,
                today=day,
                sites=codes,
                progress=lambda _: advance(),
                executor=pool,
                workers=number,
                on_lost_workers=tell_lost,
                also=[*texts, *between(loaded, codes)],
                and_of=of_design,
            )
    if as_json:
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
    elif as_sarif:
        accepted = [(w.finding, w.waiver.reason) for w in report.waived]
        console.say(console.as_json(sarif.of_findings(report.findings, accepted, chosen.folder)))
    else:
        console.findings(report.findings)
        for waived in report.waived:
            console.note(
                f"waived until {waived.waiver.expires} by {waived.waiver.id}: "
                f"{waived.finding.place}: {waived.finding.message}"
            )
        console.note(_summary(chosen, report, len(loaded.people)))
        if rendered or folder is not None:
            where = f" in {folder}" if folder is not None else ""
            found = len(texts) - about_people
            console.note(
                f"the text of {_counted(len(codes), 'site')}{where} read again: "
                f"{_counted(found, 'finding') if found else 'all agrees'}"
            )
    warned = any(finding.severity is Severity.WARNING for finding in report.findings)
    failed = not report.is_as_designed or (strict and warned)
    return Exit.FINDINGS if failed else Exit.AS_DESIGNED


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
