"""Which version of the group standard a site is built to, and the catalogue of that version.

The site, its subsidiary and the organisation may write `standard:`, a version or `newest`; the
nearest one counts, and where nobody writes it a site follows the newest. An organisation's own
`catalogue/` lies over whichever version a site has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Place, Problem, SitekitError
from ..model.organisation import Organisation, Subsidiary
from ..model.site import Site
from ..model.standard import NEWEST
from .catalogue import Catalogue, load_catalogue, standards
from .yaml_source import Document


def newest_standard() -> str:
    """The version that this sitekit's catalogue is."""
    return standards()[-1].version


def known_standard(choice: str | None) -> str | None:
    """The version that a choice means; SitekitError where this sitekit has no such version."""
    if choice is None or choice == NEWEST:
        return choice and newest_standard()
    names = [each.version for each in standards()]
    if choice not in names:
        raise SitekitError(
            f"there is no version '{choice}' of the standard",
            hint=f"known versions: {', '.join(names)}, newest",
        )
    return choice


@dataclass(frozen=True, slots=True)
class Pin:
    """The version of the standard that a site has, and who wrote so where; nobody: it follows."""

    version: str
    level: str = "sitekit"
    place: Place | None = None
    pinned: bool = False

    @property
    def behind(self) -> bool:
        """Whether somebody holds the site at a version that is not the newest."""
        return self.version != newest_standard()


Level = tuple[str, Document | None, Organisation | Subsidiary | Site | None]


def pin_of(levels: Iterable[Level] = (), moved_to: str | None = None) -> Pin:
    """The version that the nearest of these levels (the nearest comes last) writes.

    `moved_to` puts every site at that version, whatever it writes.
    """
    chosen = Pin(newest_standard())
    for level, document, model in levels:
        if model is None or document is None or model.standard is None:
            continue
        follows = model.standard == NEWEST
        version = newest_standard() if follows else model.standard
        chosen = Pin(version, level, document.place(("standard",)), not follows)
    return chosen if moved_to is None else replace(chosen, version=moved_to)


class Catalogues:
    """The catalogue of each version that a site has, the organisation's own files laid over it."""

    def __init__(self, extra: Path, show: Callable[[Path], str], problems: list[Problem]) -> None:
        self._extra = extra
        self._show = show
        self._problems = problems
        self._said: set[Problem] = set()
        self.by_version: dict[str, Catalogue] = {}
        self.of(newest_standard())

    def of(self, version: str) -> Catalogue:
        """The catalogue of a version; of the newest where there is no such version."""
        if version not in {each.version for each in standards()}:
            version = newest_standard()
        known = self.by_version.get(version)
        if known is None:
            known, found = load_catalogue(self._extra, self._show, standard=version)
            # The same files are laid over every version: what is wrong with them is said once.
            self._problems += [problem for problem in found if problem not in self._said]
            self._said.update(found)
            self.by_version[version] = known
        return known


def check_choices(levels: Iterable[Level], problems: list[Problem]) -> None:
    """Add a problem for every `standard:` that names a version which this sitekit has not."""
    names = [each.version for each in standards()]
    for _, document, model in levels:
        if model is None or document is None or model.standard in (None, NEWEST, *names):
            continue
        later = _number(str(model.standard)) > _number(names[-1])
        hint = f"known versions: {', '.join(names)}; or write newest"
        if later:
            hint = f"sitekit is too old for it: update sitekit, or choose among {', '.join(names)}"
        message = f"there is no version '{model.standard}' of the standard"
        problems.append(Problem(document.place(("standard",)), message, hint))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
