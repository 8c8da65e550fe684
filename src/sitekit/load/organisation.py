"""A folder of YAML and CSV in, one checked organisation out; every complaint at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ..errors import InputError, Place, Problem
from ..model.catalogue import Archetype
from ..model.organisation import (
    Organisation,
    Production,
    ProductionNetwork,
    Productions,
    Subsidiary,
    Waiver,
    Waivers,
)
from ..model.people import Person
from ..model.settings import Settings
from ..model.site import Assigned, Site
from .catalogue import Catalogue, load_catalogue
from .levels import EMPTY, LevelSource, Merged, Origin, SettingPath, expand, lay
from .people import load_people
from .references import check_references
from .register import REGISTER, Registered, load_register
from .validate import validate
from .yaml_source import Document, read_yaml

M = TypeVar("M", bound=BaseModel)
SITE_CODE = re.compile(r"[a-z][a-z0-9]{2,7}")
CODE = re.compile(r"[a-z][a-z0-9-]{1,15}")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInputs:
    """All that the design of one site follows from, and where each part is written."""

    code: str
    site: Site
    subsidiary_code: str
    subsidiary: Subsidiary
    organisation: Organisation
    archetype: Archetype
    catalogue: Catalogue
    settings: Settings
    origins: dict[SettingPath, Origin]
    assigned: Assigned | None
    productions: tuple[tuple[Production, ProductionNetwork], ...]
    document: Document
    organisation_document: Document
    subsidiary_document: Document
    archetype_document: Document
    assigned_document: Document | None

    def place(self, *path: str | int) -> Place:
        """Where this part of the site's file stands."""
        return self.document.place(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedOrganisation:
    """Everything that was written, understood and cross-checked."""

    folder: Path
    organisation: Organisation
    document: Document
    catalogue: Catalogue
    subsidiaries: dict[str, Subsidiary]
    subsidiary_documents: dict[str, Document]
    sites: dict[str, SiteInputs]
    productions: tuple[Production, ...]
    waivers: tuple[Waiver, ...]
    waiver_document: Document | None
    people: tuple[Person, ...]
    people_places: dict[str, Place] = field(default_factory=dict)  # by contract: its row
    register: tuple[Registered, ...] = ()

    def settings_of(
        self, subsidiary: str, archetype: str, site: str
    ) -> tuple[Settings, dict[SettingPath, Origin]]:
        """The settings that a site without any of its own would have."""
        levels = _Levels(self.catalogue, self.document, [])
        merged = levels.above_site(
            (subsidiary, self.subsidiary_documents[subsidiary]),
            (archetype, self.catalogue.archetype_documents[archetype]),
        )
        return Settings.model_validate(expand(merged.values, site)), merged.origins


def load_organisation(
    folder: str | Path, *, progress: Progress | None = None
) -> LoadedOrganisation:
    """Read the folder that holds organisation.yaml.

    Raises InputError with every problem of every file, sorted by place.
    """
    return _Loader(Path(folder), progress).load()


class _Loader:
    """Reads file after file into one list of problems; gives up only at the end."""

    def __init__(self, folder: Path, progress: Progress | None) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.people_places: dict[str, Place] = {}
        self.progress = progress or (lambda _: None)

    def load(self) -> LoadedOrganisation:
        if not (self.folder / "organisation.yaml").exists():
            raise InputError(
                [
                    Problem(
                        Place(self.show(self.folder)),
                        "there is no organisation.yaml here",
                        "name the folder that holds one, or make one: "
                        "sitekit new organisation NAME",
                    )
                ]
            )
        catalogue, complaints = load_catalogue(self.folder / "catalogue", self.show)
        self.problems += complaints
        document, organisation = self.file(Organisation, self.folder / "organisation.yaml")
        subsidiaries = self.files(Subsidiary, "subsidiaries")
        sites = self.files(Site, "sites", skip=".assigned.yaml")
        assigned = self.files(Assigned, "sites", only=".assigned.yaml")
        productions_document, productions = self.optional(Productions, "productions.yaml")
        waivers_document, waivers = self.optional(Waivers, "waivers.yaml")
        people = self.people(
            set(subsidiaries),
            set(sites),
            {p.code for p in productions.productions} if productions else set(),
        )
        register = load_register(
            self.folder / REGISTER, shown=self.show(self.folder / REGISTER), problems=self.problems
        )
        inputs = self.sites(
            catalogue,
            (document, organisation),
            subsidiaries,
            sites,
            assigned,
            productions.productions if productions else (),
        )
        check_references(
            catalogue=catalogue,
            organisation=organisation,
            subsidiaries=subsidiaries,
            sites=sites,
            assigned=assigned,
            productions=(productions_document, productions),
            waivers=(waivers_document, waivers),
            problems=self.problems,
        )
        if self.problems or organisation is None:
            raise InputError(self.problems)
        return LoadedOrganisation(
            folder=self.folder,
            organisation=organisation,
            document=document,
            catalogue=catalogue,
            subsidiaries={name: s for name, (_, s) in subsidiaries.items() if s is not None},
            subsidiary_documents={name: d for name, (d, _) in subsidiaries.items()},
            sites=inputs,
            productions=productions.productions if productions else (),
            waivers=waivers.waivers if waivers else (),
            waiver_document=waivers_document,
            people=people,
            people_places=self.people_places,
            register=register,
        )

    def file(self, model: type[M], path: Path) -> tuple[Document, M | None]:
        """One file as a model; what is wrong with it joins the problems."""
        self.progress(path.name)
        document = read_yaml(path, shown=self.show(path))
        self.problems += document.problems
        return document, validate(model, document, self.problems)

    def optional(self, model: type[M], name: str) -> tuple[Document | None, M | None]:
        """A file that an organisation may do without."""
        path = self.folder / name
        return self.file(model, path) if path.exists() else (None, None)

    def files(
        self, model: type[M], folder: str, *, skip: str = "", only: str = ""
    ) -> dict[str, tuple[Document, M | None]]:
        """Every YAML file of a folder, by the code that is its name."""
        found = {}
        if not only:
            self.unread(folder)
        for path in sorted((self.folder / folder).glob("*.yaml")):
            if (skip and path.name.endswith(skip)) or not path.name.endswith(only):
                continue
            code = path.name.removesuffix(only or ".yaml")
            wanted = SITE_CODE if folder == "sites" else CODE
            if not wanted.fullmatch(code):
                self.problems.append(
                    Problem(
                        Place(self.show(path)),
                        f"'{code}' cannot be a code",
                        "name the file with 3 to 8 lower case letters and digits, such as "
                        "par01.yaml",
                    )
                )
                continue
            found[code] = self.file(model, path)
        return found

    def unread(self, folder: str) -> None:
        """Complain about files that look like ours and would silently not be read."""
        for path in sorted((self.folder / folder).glob("*.yml")):
            self.problems.append(
                Problem(
                    Place(self.show(path)),
                    "only files that end in .yaml are read",
                    f"rename it to {path.stem}.yaml",
                )
            )

    def people(
        self, subsidiaries: set[str], sites: set[str], productions: set[str]
    ) -> tuple[Person, ...]:
        """The people of the group, where there is a file of them."""
        path = self.folder / "people.csv"
        if not path.exists():
            return ()
        self.progress(path.name)
        return load_people(
            path,
            shown=self.show(path),
            subsidiaries=subsidiaries,
            sites=sites,
            productions=productions,
            problems=self.problems,
            places=self.people_places,
        )

    def sites(
        self,
        catalogue: Catalogue,
        top: tuple[Document, Organisation | None],
        subsidiaries: dict[str, tuple[Document, Subsidiary | None]],
        sites: dict[str, tuple[Document, Site | None]],
        assigned: dict[str, tuple[Document, Assigned | None]],
        productions: Iterable[Production],
    ) -> dict[str, SiteInputs]:
        """Lay the levels over one another for each site whose files are sound."""
        levels = _Levels(catalogue, top[0], self.problems)
        networks = _by_site(productions)
        inputs = {}
        for code, (document, site) in sites.items():
            subsidiary_document, subsidiary = subsidiaries.get(
                site.subsidiary if site else "", (None, None)
            )
            archetype = catalogue.archetypes.get(site.archetype) if site else None
            if not (site and subsidiary and subsidiary_document and archetype and top[1]):
                continue
            archetype_document = catalogue.archetype_documents[archetype.name]
            merged = levels.of_site(
                (site.subsidiary, subsidiary_document),
                (archetype.name, archetype_document),
                document,
            )
            settings = self.settings(merged, code, top[0])
            if settings is None:
                continue
            assigned_document, memory = assigned.get(code, (None, None))
            inputs[code] = SiteInputs(
                code=code,
                site=site,
                subsidiary_code=site.subsidiary,
                subsidiary=subsidiary,
                organisation=top[1],
                archetype=archetype,
                catalogue=catalogue,
                settings=settings,
                origins=merged.origins,
                assigned=memory,
                productions=networks.get(code, ()),
                document=document,
                organisation_document=top[0],
                subsidiary_document=subsidiary_document,
                archetype_document=archetype_document,
                assigned_document=assigned_document,
            )
        return inputs

    def settings(self, merged: Merged, code: str, document: Document) -> Settings | None:
        """The settings of a site; what no level wrote is asked for in organisation.yaml."""
        found: list[Problem] = []
        settings = validate(Settings, document, found, at=(), data=expand(merged.values, code))
        for problem in found:
            if not self.problems:
                self.problems.append(
                    Problem(
                        document.key_place(("settings",)),
                        f"settings are incomplete: {problem.message}",
                        "write it under settings: in organisation.yaml",
                    )
                )
        return settings

    def show(self, path: Path) -> str:
        """The path as somebody in the current folder would write it."""
        shown = os.path.relpath(path)
        return str(path) if shown.startswith("..") else shown


class _Levels:
    """Merges the levels of many sites; what several sites share is merged once."""

    def __init__(
        self, catalogue: Catalogue, organisation: Document, problems: list[Problem]
    ) -> None:
        self.problems = problems
        default = lay(EMPTY, LevelSource("sitekit", catalogue.defaults), problems)
        self.top = lay(default, LevelSource("organisation", organisation), problems)
        self.shared: dict[tuple[str, str], Merged] = {}

    def of_site(
        self, subsidiary: tuple[str, Document], archetype: tuple[str, Document], site: Document
    ) -> Merged:
        """All levels of a site."""
        below = self.above_site(subsidiary, archetype)
        source = LevelSource("site", site)
        return lay(below, source, self.problems) if source.settings or source.locked else below

    def above_site(
        self, subsidiary: tuple[str, Document], archetype: tuple[str, Document]
    ) -> Merged:
        """All levels but the site's own, merged once for all sites that share them."""
        key = (subsidiary[0], archetype[0])
        below = self.shared.get(key)
        if below is None:
            below = lay(self.top, LevelSource("subsidiary", subsidiary[1]), self.problems)
            below = lay(below, LevelSource("archetype", archetype[1]), self.problems)
            self.shared[key] = below
        return below


def _by_site(
    productions: Iterable[Production],
) -> dict[str, tuple[tuple[Production, ProductionNetwork], ...]]:
    found: dict[str, tuple[tuple[Production, ProductionNetwork], ...]] = {}
    for production in productions:
        for network in production.networks:
            found[network.site] = (*found.get(network.site, ()), (production, network))
    return found
