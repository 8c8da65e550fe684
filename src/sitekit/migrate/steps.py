"""The steps from one version of a kind of file to the next.

A step is data and a pure function: what a file says and what is known beside it go in, edits and
problems come out. To add one: write the function, append a Step to STEPS, and raise the version in
the model (`SchemaVersion2` of sitekit.model.base and so on); never change a step that was released.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import Problem
from ..load.validate import suggest
from .written import Edit, Written


@dataclass(frozen=True, slots=True)
class Known:
    """What steps may know beside the file: people by id, and what the user answered.

    `people` is the names of everybody in people.csv by person_id, None where there is no such file.
    `answers` gives the person_id that a written name means, `stand_in` that of names which nothing
    else explains: for a comparison, where owners decide nothing.
    """

    people: Mapping[str, tuple[str, ...]] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    stand_in: str | None = None


Found = Iterator[Edit | Problem]


@dataclass(frozen=True, slots=True)
class Step:
    """How a kind of file becomes version `to`, from the version before."""

    kind: str
    to: int
    title: str
    rewrite: Callable[[Written, Known], Found]


def _owners_of_productions(file: Written, known: Known) -> Found:
    return _owners(file, "productions", known)


def _owners_of_waivers(file: Written, known: Known) -> Found:
    return _owners(file, "waivers", known)


STEPS = (
    Step("productions", 2, "owner: a person_id of people.csv", _owners_of_productions),
    Step("waivers", 2, "owner: a person_id of people.csv", _owners_of_waivers),
)


def steps_from(kind: str, version: int) -> tuple[Step, ...]:
    """The steps that a file of this kind and version has still to take, in their order."""
    return tuple(
        sorted((s for s in STEPS if s.kind == kind and s.to > version), key=lambda s: s.to)
    )


# --- productions and waivers, version 2: an owner is a person_id ------------------------------


def _owners(file: Written, part: str, known: Known) -> Found:
    """Owners were free text, so nobody noticed an owner who had left, or never existed."""
    for index in range(file.length((part,))):
        path = (part, index, "owner")
        owner = file.value(path)
        if not isinstance(owner, str):
            continue  # missing, or no text: the file's model says so
        meant = _person(owner, known)
        if isinstance(meant, str):
            names = (known.people or {}).get(meant, ())
            if meant != owner:
                yield from file.replaced(path, meant, remark=names[0] if names else owner)
        else:
            yield Problem(file.place(path), *_whose(owner, meant, known))


def _person(owner: str, known: Known) -> str | list[str]:
    """The id that an owner means; else the ids of those whom the name may mean."""
    if answer := known.answers.get(owner):
        return answer
    if known.people is None:
        return known.stand_in or []
    if owner in known.people:
        return owner
    wanted = _bare(owner)
    found = [id_ for id_, names in known.people.items() if wanted in map(_bare, names)]
    return found[0] if len(found) == 1 else known.stand_in or found


def _whose(owner: str, meant: list[str], known: Known) -> tuple[str, str]:
    answer = f"say whose id it becomes: --person '{owner}=ID'"
    if meant:
        return f"'{owner}' is the name of {len(meant)} people: {', '.join(sorted(meant))}", answer
    if known.people is None:
        return f"'{owner}' becomes a person_id, and there is no people.csv to find it in", answer
    close = suggest(owner, [names[0] for names in known.people.values()])
    return f"nobody in people.csv is called '{owner}'", f"{close} {answer}".strip()


def _bare(name: str) -> str:
    """A name without accents, capitals and doubled spaces."""
    split = unicodedata.normalize("NFKD", name.casefold())
    kept = (c if c.isalnum() else " " for c in split if not unicodedata.combining(c))
    return " ".join("".join(kept).split())
