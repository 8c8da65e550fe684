"""`sitekit render`: every device's configuration and every document of the sites."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import console
from .cache import cache_option, outputs_of, remembering
from .crew import crew, shared_crew, tell_lost
from .exit import Exit
from .locate import (
    organisation_option,
    places_argument,
    scheduler_option,
    select,
    workers_option,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..findings import Finding
    from ..load import LoadedOrganisation
    from ..render import Artifact
    from .output import WriteReport


@click.command(short_help="Configurations, address plan, port map, matrix and picture.")
@places_argument
@organisation_option
@click.option("--out", type=click.Path(path_type=Path), help="Where to write.")
@click.option(
    "--compare",
    "against",
    metavar="REF|DIR",
    help="Write nothing: say what differs from a git ref, or from a folder of rendered files.",
)
@click.option(
    "--to-standard",
    "to_standard",
    metavar="VERSION|newest",
    help="Write nothing: say what moving to that version of the group standard does.",
)
@click.option("--prune", is_flag=True, help="Remove files of devices that are no longer there.")
@click.option(
    "--with-secrets",
    "secrets",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Put real secrets in: a YAML file of reference: value, mode 0600, outside the repository.",
)
@workers_option
@cache_option
@scheduler_option
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def render(
    places: tuple[str, ...],
    organisation: Path | None,
    out: Path | None,
    against: str | None,
    to_standard: str | None,
    prune: bool,
    secrets: Path | None,
    workers: int | None,
    no_cache: bool,
    scheduler: str | None,
    as_json: bool,
) -> Exit:
    """Write the configurations and documents of the SITEs (default: all) below --out.

    Only changed files are written, each whole or not at all. A site with open errors stops
    everything before anything is written.

    \b
    Examples:
      sitekit render --out build
      sitekit render par01 lyo01 --out build --prune
      sitekit render --compare main
      sitekit render --to-standard newest nce01
      sitekit render --out build --scheduler tcp://127.0.0.1:8786
    """
    from ..load import load_organisation
    from ..load.spread import sensible_workers

    if sum(choice is not None for choice in (out, against, to_standard)) != 1:
        raise click.UsageError(
            "say where to write with --out, or what to compare: --compare or --to-standard"
        )
    if out is None and (prune or secrets is not None):
        option = "--compare" if against is not None else "--to-standard"
        raise click.UsageError(f"{option} writes nothing: without --prune and --with-secrets")
    chosen = select(places, organisation)
    codes = chosen.sites
    number = workers or sensible_workers(len(codes))
    with remembering(chosen.folder, unless=no_cache) as memory:
        loaded = load_organisation(chosen.folder, memory=memory)
        moved = load_organisation(chosen.folder, standard=to_standard) if to_standard else None
        shared = shared_crew(loaded, scheduler, workers)
        errors = _errors(loaded, codes, workers, shared)
        if moved is not None and not errors:
            errors = _errors(moved, codes, workers, None)
    if errors:
        if as_json:
            console.say(console.as_json({"refused": errors}))
        else:
            console.findings(errors, to=sys.stderr)
            console.note("nothing was written")
        return Exit.FINDINGS
    if moved is not None:
        from .compare import compare_standards

        return compare_standards(loaded, moved, codes, number, as_json=as_json)
    if against is not None:
        from .compare import compare

        whole = set(codes) == set(loaded.sites)
        artifacts = artifacts_of(loaded, codes, number, shared)
        return compare(loaded, codes, artifacts, against, everything=whole, as_json=as_json)
    assert out is not None
    report = write(
        loaded, codes, out, workers, chosen.folder, prune=prune, secrets=secrets, shared=shared
    )
    if as_json:
        console.say(console.as_json(report))
        return Exit.AS_DESIGNED
    for name in report.completed:
        console.note(f"{out / name}: of an earlier run that was cut short, now in place")
    for name in report.written:
        console.say(f"{out / name}")
    for name in report.overwritten:
        console.note(f"{out / name}: edited by hand since the last render, overwritten")
    for name in report.stale:
        console.note(f"{out / name}: belongs to nothing any more; --prune removes it")
    for name in report.pruned:
        console.note(f"{out / name}: removed")
    for name in report.kept:
        console.note(f"{out / name}: belongs to nothing any more, but was edited by hand: kept")
    sites = f"{len(codes)} site{'' if len(codes) == 1 else 's'}"
    console.note(f"{sites}: {len(report.written)} files written, {len(report.unchanged)} unchanged")
    return Exit.AS_DESIGNED


def write(
    loaded: LoadedOrganisation,
    codes: Sequence[str],
    out: Path,
    workers: int | None,
    folder: Path,
    *,
    prune: bool = False,
    secrets: Path | None = None,
    shared: Executor | None = None,
) -> WriteReport:
    """Render the sites below `out`; those that an earlier run left there are only looked at."""
    from ..load.spread import sensible_workers
    from .output import write_artifacts

    if secrets is not None:
        from .secrets import with_secrets

        number = workers or sensible_workers(len(codes))
        artifacts = with_secrets(
            lambda: artifacts_of(loaded, codes, number, shared), loaded, secrets, out
        )
        return write_artifacts(artifacts, out, prune=prune, private=True, known_sites=loaded.sites)
    with outputs_of(folder, out, loaded.memory) as outputs:
        there = outputs.in_place(codes) if outputs is not None else {}
        todo = [code for code in codes if code not in there]
        artifacts = artifacts_of(loaded, todo, workers or sensible_workers(len(todo)), shared)
        if outputs is None:
            return write_artifacts(artifacts, out, prune=prune, known_sites=loaded.sites)
        report = write_artifacts(
            outputs.seen(artifacts),
            out,
            prune=prune,
            known_sites=loaded.sites,
            on_site=outputs.keep,
        )
    report.unchanged += [f"{code}/{name}" for code, names in there.items() for name in names]
    order = {code: number for number, code in enumerate(codes)}
    report.unchanged.sort(key=lambda name: order[name.partition("/")[0]])
    return report


def _errors(
    organisation: LoadedOrganisation,
    codes: Sequence[str],
    workers: int | None,
    shared: Executor | None,
) -> list[Finding]:
    """Open errors of the sites: they stop the run; warnings do not."""
    from ..design.group import check_organisation, undesigned
    from ..findings import Severity
    from ..load.spread import sensible_workers

    number = workers or sensible_workers(len(undesigned(organisation, codes)))
    with (
        console.progress(len(codes), "checking") as advance,
        crew(organisation, number, shared) as pool,
    ):
        report = check_organisation(
            organisation,
            today=date.today(),
            sites=codes,
            progress=lambda _: advance(),
            executor=pool,
            workers=number,
            on_lost_workers=tell_lost,
        )
    ended = "GOV-002"  # an ended waiver is for check to say; what it accepted speaks for itself
    return [f for f in report.findings if f.severity is Severity.ERROR and f.rule != ended]


def artifacts_of(
    organisation: LoadedOrganisation,
    codes: Sequence[str],
    workers: int,
    shared: Executor | None = None,
) -> Iterator[tuple[str, Artifact]]:
    """Site after site, so that few are in memory at a time."""
    from ..load.organisation import Sites
    from ..render import render_sites

    with (
        console.progress(len(codes), "rendering") as advance,
        crew(organisation, workers, shared) as pool,
    ):
        sites = render_sites(
            organisation,
            codes,
            executor=pool,
            workers=workers,
            on_lost_workers=tell_lost,
        )
        for code, artifacts in sites:
            yield from ((code, artifact) for artifact in artifacts)
            if isinstance(organisation.sites, Sites):
                organisation.sites.release(code)
            advance()
