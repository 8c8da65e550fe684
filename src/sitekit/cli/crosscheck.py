"""`sitekit check` on rendered text: findings between devices, and questions of reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import DesignError, SitekitError
from . import console
from .crew import crew, tell_lost
from .exit import Exit

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..crosscheck import Answer
    from ..findings import Finding
    from ..load import LoadedOrganisation
    from ..render import Artifact

DOCUMENTS = ("address-plan.csv", "port-map.csv")
_SUFFIXES = (".cfg", ".conf")


def findings_of_texts(
    organisation: LoadedOrganisation,
    codes: Sequence[str],
    folder: Path | None,
    workers: int | None,
    shared: Executor | None = None,
) -> list[Finding]:
    """What is wrong in the texts of the sites: rendered now, or as they stand in a folder."""
    from ..load.spread import sensible_workers, spread

    found: list[Finding] = []
    with console.progress(len(codes), "reading what is rendered") as advance:
        if folder is not None:
            for code in codes:
                found += in_folder(folder, code)
                found += ends(organisation, code, written(folder, code))
                advance()
            return found
        number = workers or sensible_workers(len(codes))
        with crew(organisation, number, shared) as pool:
            for findings in spread(
                of_rendered,
                organisation,
                codes,
                executor=pool,
                workers=number,
                on_lost_workers=tell_lost,
            ):
                found += findings
                advance()
    return found


def of_rendered(organisation: LoadedOrganisation, code: str) -> tuple[Finding, ...]:
    """The findings in the text of one site as it would be rendered."""
    from ..crosscheck import cross_check

    try:
        files = list(rendered(organisation, code))
        return (*cross_check(files, code), *ends(organisation, code, files))
    except DesignError:
        return ()  # there is nothing to render: the check of the design says why


def ends(
    organisation: LoadedOrganisation, code: str, files: Sequence[Artifact]
) -> Iterator[Finding]:
    """The findings about the two ends of a site's tunnels."""
    from datetime import date

    from ..cloud import StackKind, plan_of
    from .ends import differences

    try:
        plan = plan_of(organisation, StackKind.SITE, code, today=date.today())
    except DesignError:
        return  # the check of the design says why
    yield from differences(organisation.sites[code], plan, files)


def in_folder(folder: Path, code: str) -> list[Finding]:
    """The findings in the files of one site, each with its place on the disk."""
    from ..crosscheck import cross_check

    return [
        replace(finding, place=replace(finding.place, file=str(folder / finding.place.file)))
        for finding in cross_check(written(folder, code), code)
    ]


def rendered(organisation: LoadedOrganisation, code: str) -> Iterator[Artifact]:
    """The configurations of a site and the documents that are checked with them."""
    from ..design import design_site
    from ..render import render_site

    missing = set(DOCUMENTS)
    inputs = organisation.sites[code]
    for artifact in render_site(design_site(inputs), inputs.catalogue):
        if artifact.platform is not None or artifact.path.name in DOCUMENTS:
            yield artifact
        missing.discard(str(artifact.path))
        if not missing:
            return  # the papers after them are not checked


def written(folder: Path, code: str) -> list[Artifact]:
    """The same as it stands in a folder. Raises SitekitError where it is not there or no text."""
    from ..render import Artifact
    from .output import refuse_unfinished

    refuse_unfinished(folder)
    found = []
    try:
        for path in sorted((folder / code).iterdir()):
            if path.is_file() and (path.suffix in _SUFFIXES or path.name in DOCUMENTS):
                text = path.read_text(encoding="utf-8")
                found.append(Artifact(PurePosixPath(path.name), text))
    except UnicodeError:
        raise SitekitError(f"{path} is not text", hint="render the site again") from None
    except OSError as error:
        raise SitekitError(
            f"{error.filename} cannot be read: {error.strerror}",
            hint=f"sitekit render {code} --out {folder}",
        ) from None
    if not any(artifact.path.suffix in _SUFFIXES for artifact in found):
        raise SitekitError(
            f"{folder / code} holds no configuration", hint=f"sitekit render {code} --out {folder}"
        )
    return found


def answer(folder: Path, code: str, question: str, where: Path | None, *, as_json: bool) -> Exit:
    """Answer a question about one site and print what decides."""
    from ..crosscheck import reach

    if where is not None:
        files = written(where, code)
    else:
        from ..load import load_organisation

        files = list(rendered(load_organisation(folder), code))
    said = reach(files, code, question)
    if where is not None:
        steps = tuple(replace(step, file=str(where / step.file)) for step in said.steps)
        said = replace(said, steps=steps)
    if as_json:
        console.say(console.as_json(said))
    else:
        _print(said)
    return Exit.AS_DESIGNED


def _print(said: Answer) -> None:
    console.say(f"{said.site}: {said.source} -> {said.destination} {said.service}: {said.verdict}")
    for step in said.steps:
        place = f"{step.file}:{step.line}" if step.line else step.file
        reason = f": {step.reason}" if step.reason else ""
        console.say(
            console.printable(
                f"  {step.verdict} by {step.device} {step.by}{reason}\n"
                f"    such as {step.example}, {place}"
            )
        )
    for remark in said.notes:
        console.say(console.printable(f"  note: {remark}"))
