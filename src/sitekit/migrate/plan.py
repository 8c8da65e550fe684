"""Which files of an organisation are of an older version, and what they become."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, Place, Problem
from ..load.csv_source import read_csv
from ..load.files import read_limited
from ..load.people import COLUMNS
from ..load.schema import KINDS, schema_text
from ..load.validate import validate
from ..load.versions import FIRST, current_version, other_version
from ..load.yaml_source import MAX_BYTES, Document, parse_yaml
from .steps import Known, Step, steps_from
from .written import Edit, Written

_SINGLE = {
    "organisation.yaml": "organisation",
    "productions.yaml": "productions",
    "waivers.yaml": "waivers",
}
_CATALOGUE = {"fit_out": "fit-out", "archetypes": "archetype", "platforms": "platform"}
_VERSION = re.compile(rb"^schema:[ \t]*([0-9]+)[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_OURS = re.compile(
    rb'"\$comment": "sitekit [a-z-]+ files, schema [0-9]+; written by sitekit schema"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that changes: its bytes before and after, and the steps between them."""

    path: Path
    shown: str
    kind: str
    before: bytes
    after: bytes
    steps: tuple[Step, ...] = ()

    def difference(self) -> str:
        """The change as a unified diff, which `git apply` and reviewers understand."""
        old, new = (data.decode().splitlines(keepends=True) for data in (self.before, self.after))
        name = self.shown.lstrip("/")
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a migration writes: files of the organisation, and the schemas that editors read."""

    folder: Path
    changes: tuple[Change, ...]
    schemas: tuple[Change, ...]
    files: int  # looked at

    def __bool__(self) -> bool:
        return bool(self.changes or self.schemas)


@dataclass(slots=True)
class _Found:
    problems: list[Problem] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def plan(
    folder: str | Path, *, answers: Mapping[str, str] | None = None, compared_only: bool = False
) -> Plan:
    """What the files of the organisation in this folder become; nothing is written.

    `answers` gives the person_id for names that people.csv does not have, or has twice;
    `compared_only` puts anybody there, for a copy whose rendered files alone matter. The plan of
    a folder that is up to date is false. Raises InputError with every problem of every file that
    should change: one that is wrong otherwise, or that needs an answer, and of people.csv where an
    owner is looked for in it; and for files that are newer than this sitekit.
    """
    top = Path(folder)
    if not (top / "organisation.yaml").is_file():
        raise InputError(
            [
                Problem(
                    Place(_shown(top)),
                    "there is no organisation.yaml here",
                    "name the folder that holds one",
                )
            ]
        )
    found, files, known = _Found(), 0, _Lazily(top, answers or {}, compared_only)
    for path, kind in _files(top):
        files += 1
        if (change := _changed(path, kind, known, found.problems)) is not None:
            found.changes.append(change)
    if found.problems:
        raise InputError(found.problems)
    return Plan(
        folder=top,
        changes=tuple(found.changes),
        schemas=tuple(_schemas(top)),
        files=files,
    )


# --- files -------------------------------------------------------------------------------------


def _files(top: Path) -> Iterator[tuple[Path, str]]:
    """Every file that an organisation is read from, with its kind."""
    for name, kind in _SINGLE.items():
        if (top / name).exists():
            yield top / name, kind
    for path in sorted((top / "subsidiaries").glob("*.yaml")):
        yield path, "subsidiary"
    for path in sorted((top / "sites").glob("*.yaml")):
        yield path, "assigned" if path.name.endswith(".assigned.yaml") else "site"
    catalogue = top / "catalogue"
    for path in sorted([*catalogue.glob("*.yaml"), *catalogue.glob("*/*.yaml")]):
        part = path.stem if path.parent == catalogue else path.parent.name
        kind = _CATALOGUE.get(part, part)
        if kind in KINDS and part != "platforms":
            yield path, kind
    for path in sorted(catalogue.glob("platforms/*/platform.yaml")):
        yield path, "platform"


def _schemas(top: Path) -> Iterator[Change]:
    """Files of `sitekit schema` beside the organisation that an older sitekit wrote."""
    for kind in KINDS:
        path = top / ".schemas" / f"{kind}.json"
        raw = read_limited(path, shown=str(path), limit=MAX_BYTES) if path.is_file() else b""
        after = schema_text(kind).encode()
        if isinstance(raw, bytes) and _OURS.search(raw) and raw != after:
            yield Change(path=path, shown=_shown(path), kind=kind, before=raw, after=after)


def _shown(path: Path) -> str:
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown


# --- one file ----------------------------------------------------------------------------------


def _changed(path: Path, kind: str, known: _Lazily, problems: list[Problem]) -> Change | None:
    """What one file becomes; None where it stays, or where something is wrong with it."""
    shown, model = _shown(path), KINDS[kind]
    raw = read_limited(path, shown=shown, limit=MAX_BYTES)
    if isinstance(raw, Problem):
        problems.append(raw)
        return None
    if [int(version) for version in _VERSION.findall(raw)] == [current_version(model)]:
        return None
    document = parse_yaml(raw, shown=shown)
    version = document.data.get("schema")
    if () in document.refused or type(version) is not int:
        # Not to be understood, or without a version: `check` says what to write.
        problems += document.problems or _without_version(document)
        return None
    other = other_version(model, document.data, document)
    if other is None:
        return None
    if version > current_version(model):
        problems.append(other)
        return None
    if document.problems:
        problems += document.problems
        return None
    steps = steps_from(kind, version)
    text = _stepped(raw.decode(), document, steps, known, problems)
    if text is None:
        return None
    after = text.encode()
    result = parse_yaml(after, shown=shown)
    wrong = [*result.problems]
    validate(model, result, wrong)
    problems += wrong
    if wrong:
        return None
    return Change(path=path, shown=shown, kind=kind, before=raw, after=after, steps=steps)


def _without_version(document: Document) -> list[Problem]:
    written = "schema" in document.data
    return [
        Problem(
            document.place(("schema",) if written else ()),
            "'schema' should be a whole number" if written else "key 'schema' is missing",
            f"write 'schema: {FIRST}' if the file is from the first version of sitekit",
        )
    ]


def _stepped(
    text: str,
    document: Document,
    steps: tuple[Step, ...],
    known: _Lazily,
    problems: list[Problem],
) -> str | None:
    """The text after all steps, one after the other; None where one finds a problem."""
    for step in steps:
        file = Written(text, document)
        edits: list[Edit] = file.replaced(("schema",), step.to)
        wrong: list[Problem] = []
        for item in step.rewrite(file, known.get(problems)):
            (edits if isinstance(item, Edit) else wrong).append(item)  # type: ignore[arg-type]
        if wrong:
            problems += wrong
            return None
        text = file.with_edits(edits)
        document = parse_yaml(text.encode(), shown=document.file)
    return text


class _Lazily:
    """People are read only when a step may ask for them, and once."""

    def __init__(self, top: Path, answers: Mapping[str, str], compared_only: bool) -> None:
        self._path = top / "people.csv"
        self._compared_only = compared_only
        self._answers = answers
        self._known: Known | None = None

    def get(self, problems: list[Problem]) -> Known:
        """What is known beside the files; what is wrong with people.csv joins the problems."""
        if self._known is None:
            people: dict[str, tuple[str, ...]] | None = None
            if self._path.exists():
                table = read_csv(self._path, shown=_shown(self._path), columns=COLUMNS)
                problems += table.problems
                people = {row["person_id"]: _names(row) for row in table.rows}
            anybody = next(iter(people or ()), "nobody") if self._compared_only else None
            self._known = Known(people=people, answers=self._answers, stand_in=anybody)
            if people is not None:
                for name, answer in self._answers.items():
                    if answer not in people:
                        problems.append(
                            Problem(
                                Place(_shown(self._path)),
                                f"nobody has the id '{answer}', which was given for '{name}'",
                                "give the person_id of somebody in this file",
                            )
                        )
        return self._known


def _names(row: Mapping[str, str]) -> tuple[str, ...]:
    """How people write a person: first name and name, the other way round, and the usage name."""
    found = []
    for last in (row["last_name"], row.get("usage_name", "")):
        if last:
            found += [f"{row['first_name']} {last}", f"{last} {row['first_name']}"]
    return tuple(found)
