"""A folder of YAML and CSV in, one checked organisation out; every complaint at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

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
from .catalogue import Catalogue
from .csv_source import MAX_BYTES as MAX_PEOPLE_BYTES
from .files import read_limited
from .levels import EMPTY, LevelSource, Merged, Origin, SettingPath, expand, lay
from .memory import Memory, Summary, digest_of
from .people import People, check_people
from .references import check_references
from .register import REGISTER, Registered, load_register
from .standard import Catalogues, Level, Pin, check_choices, known_standard, pin_of
from .validate import validate
from .yaml_source import MAX_BYTES, Document, document_of

M = TypeVar("M", bound=BaseModel)
SITE_CODE = re.compile(r"[a-z][a-z0-9]{2,7}")
CODE = re.compile(r"[a-z][a-z0-9-]{1,15}")
Progress = Callable[[str], None]
Show = Callable[[Path], str]


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
    standard: Pin = field(default_factory=pin_of)

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
    sites: Mapping[str, SiteInputs]
    productions: tuple[Production, ...]
    waivers: tuple[Waiver, ...]
    waiver_document: Document | None
    people: Sequence[Person]
    memory: Memory | None = field(default=None, repr=False, compare=False)
    catalogues: dict[str, Catalogue] = field(default_factory=dict)  # by version of the standard
    moved_to: str | None = None  # the version that all sites were put at, whatever they write
    register: tuple[Registered, ...] = ()  # of sign-in names

    def contract_place(self, contract_id: str) -> Place | None:
        """The row of people.csv that a contract is written in."""
        return self.people.place(contract_id) if isinstance(self.people, People) else None

    def summary(self, code: str) -> Summary:
        """What other sites are compared with of a site; its files are not read for it."""
        known = self.memory.summary(code) if self.memory is not None else None
        return known or summary_of(self.sites[code])

    def as_for(self, subsidiary: str) -> LoadedOrganisation:
        """The same with the catalogue that a site of this subsidiary has if it writes nothing."""
        pin = pin_of(
            [
                ("organisation", self.document, self.organisation),
                (
                    "subsidiary",
                    self.subsidiary_documents.get(subsidiary),
                    self.subsidiaries.get(subsidiary),
                ),
            ],
            self.moved_to,
        )
        return replace(self, catalogue=self.catalogues.get(pin.version, self.catalogue))

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
    folder: str | Path,
    *,
    progress: Progress | None = None,
    standard: str | None = None,
    show: Show | None = None,
    memory: Memory | None = None,
) -> LoadedOrganisation:
    """Read the folder that holds organisation.yaml.

    `standard` puts every site at that version of the group standard (or at `newest`), whatever the
    files say. `show` is how places name a file (default: as somebody in the current folder would
    write it). Sites of which `memory` knows that they are sound are understood when they are first
    looked at; it learns of the others, unless a standard was chosen. Raises InputError with every
    problem of every file, sorted by place, and SitekitError when there is no such version.
    """
    if standard is not None or show is not None:
        memory = None  # verdicts are about what the files say, named as from here
    return _Loader(Path(folder), progress, standard, show, memory).load()


class Sites(Mapping[str, SiteInputs]):
    """Sites by code; those that nobody had to look at yet are understood when somebody does."""

    def __init__(
        self,
        codes: Iterable[str],
        made: dict[str, SiteInputs],
        make: Callable[[str], SiteInputs],
    ) -> None:
        self._codes = dict.fromkeys(codes)
        self._made = made
        self._make = make

    def __getitem__(self, code: str) -> SiteInputs:
        inputs = self._made.get(code)
        if inputs is None:
            if code not in self._codes:
                raise KeyError(code)
            inputs = self._made[code] = self._make(code)
        return inputs

    def release(self, code: str) -> None:
        """Say that a site has been dealt with: its memory is free for the next ones."""
        self._made.pop(code, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def __contains__(self, code: object) -> bool:
        return code in self._codes


@dataclass(frozen=True, slots=True)
class _Raw:
    """The bytes of a site's file and of what is remembered for it, and the digest they lead to."""

    site: bytes | Problem
    assigned: bytes | Problem | None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Above:
    """What all sites stand on, understood."""

    catalogues: Catalogues
    document: Document
    organisation: Organisation | None
    subsidiaries: dict[str, tuple[Document, Subsidiary | None]]
    networks: dict[str, tuple[tuple[Production, ProductionNetwork], ...]]


_Sites = dict[str, tuple[Document, Site | None]]
_Memories = dict[str, tuple[Document, Assigned | None]]


class _Loader:
    """Reads file after file into one list of problems; gives up only at the end."""

    def __init__(
        self,
        folder: Path,
        progress: Progress | None = None,
        standard: str | None = None,
        show: Show | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.folder = folder
        self.moved_to = known_standard(standard)
        self.problems: list[Problem] = []
        self.progress = progress or (lambda _: None)
        self.shared = _SharedSettings()
        self.memory = memory
        self.levels: dict[str, _Levels] = {}  # by version of the standard
        self.second: _Loader | None = None  # understands the sites that this one did not have to
        self.raw: dict[str, bytes] = {}  # of the files that many sites follow from
        self.own = "" if str(folder) == "." else f"{folder}{os.sep}"
        self.near = _near(os.path.relpath(folder), self.own)
        self._show = show

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
        if self.memory is not None:
            self.memory.look(self.folder)
        catalogues = Catalogues(self.folder / "catalogue", self.show, self.problems)
        document, organisation = self.file(Organisation, self.folder / "organisation.yaml")
        subsidiaries = self.files(Subsidiary, "subsidiaries")
        productions_document, productions = self.optional(Productions, "productions.yaml")
        waivers_document, waivers = self.optional(Waivers, "waivers.yaml")
        above = _Above(
            catalogues=catalogues,
            document=document,
            organisation=organisation,
            subsidiaries=subsidiaries,
            networks=_by_site(productions.productions if productions else ()),
        )
        raw, orphans = self.site_files()
        known = self.known(raw, above)
        if self.memory is not None and not self.memory.is_current():
            # A catalogue was saved just now: nobody knows which one we read.
            return _Loader(self.folder, self.progress).load()
        before = len(self.problems)
        people = self.people(set(subsidiaries), set(raw), _codes(productions_document))
        understood = self.people_file.exists() and len(self.problems) == before
        sites, assigned = self.understood(raw, known, orphans)
        check_choices(
            [("", document, organisation), *(("", *s) for s in subsidiaries.values())],
            self.problems,
        )
        pins = self.pins(above, sites)
        chosen = {code: catalogues.of(pin.version) for code, pin in pins.items()}
        catalogue = catalogues.of(
            pin_of([("organisation", document, organisation)], self.moved_to).version
        )
        register = load_register(
            self.folder / REGISTER, shown=self.show(self.folder / REGISTER), problems=self.problems
        )
        inputs = self.sites(above, pins, sites, assigned)
        check_references(
            catalogues=(catalogue, *chosen.values()),
            catalogue_of=chosen,
            organisation=organisation,
            subsidiaries=subsidiaries,
            sites=sites,
            assigned=assigned,
            productions=(productions_document, productions),
            waivers=(waivers_document, waivers),
            people=people.ids if understood and isinstance(people, People) else None,
            problems=self.problems,
            known_sites=known,
        )
        self.remember(inputs, raw, above)
        if self.problems or organisation is None:
            raise InputError(self.problems)
        return LoadedOrganisation(
            folder=self.folder,
            organisation=organisation,
            document=document,
            catalogue=catalogue,
            subsidiaries={name: s for name, (_, s) in subsidiaries.items() if s is not None},
            subsidiary_documents={name: d for name, (d, _) in subsidiaries.items()},
            sites=Sites(raw, inputs, lambda code: self.later(code, raw[code], above)),
            productions=productions.productions if productions else (),
            waivers=waivers.waivers if waivers else (),
            waiver_document=waivers_document,
            people=people,
            memory=self.memory,
            catalogues=catalogues.by_version,
            moved_to=self.moved_to,
            register=register,
        )

    def pins(self, above: _Above, sites: _Sites) -> dict[str, Pin]:
        """The version of the standard that each site has."""
        check_choices([("", *site) for site in sites.values()], self.problems)
        found = {}
        for code, (document, site) in sites.items():
            subsidiary = above.subsidiaries.get(site.subsidiary if site else "", (None, None))
            levels: list[Level] = [
                ("organisation", above.document, above.organisation),
                ("subsidiary", *subsidiary),
                ("site", document, site),
            ]
            found[code] = pin_of(levels, self.moved_to)
        return found

    def site_files(self) -> tuple[dict[str, _Raw], list[Path]]:
        """The bytes of every site by its code, and files of chosen values that have no site."""
        written = self.paths("sites", skip=".assigned.yaml")
        chosen = self.paths("sites", only=".assigned.yaml")
        raw = {}
        for code, path in written.items():
            memory = chosen.pop(code, None)
            raw[code] = _Raw(self.bytes_of(path), self.bytes_of(memory) if memory else None)
        return raw, list(chosen.values())

    def known(self, raw: dict[str, _Raw], above: _Above) -> dict[str, _Raw]:
        """The sites that are known to be sound, and for all the digest of what they follow from."""
        memory = self.memory
        if memory is None or "organisation" not in self.raw:
            return {}
        written = [part for name in sorted(self.raw) for part in (name.encode(), self.raw[name])]
        memory.begin(self.folder, self.show, raw, self.raw["organisation"], written)
        known = {}
        for code, files in raw.items():
            subsidiary = memory.subsidiary(code)
            key = self.key(code, files, subsidiary, above)
            if key and memory.is_sound(code, key):
                known[code] = replace(files, key=key)
        return known

    def key(self, code: str, files: _Raw, subsidiary: str, above: _Above) -> str:
        """The digest of everything a site follows from; empty where part of it cannot be read."""
        if self.memory is None or not isinstance(files.site, bytes):
            return ""
        if isinstance(files.assigned, Problem) or subsidiary not in above.subsidiaries:
            return ""
        return self.memory.key(
            code,
            files.site,
            b"-" if files.assigned is None else b"+" + files.assigned,
            self.raw.get(f"subsidiaries/{subsidiary}", b""),
            *(
                part.model_dump_json().encode()
                for production in above.networks.get(code, ())
                for part in production
            ),
        )

    def remember(
        self, inputs: Mapping[str, SiteInputs], raw: Mapping[str, _Raw], above: _Above
    ) -> None:
        """Remember the sites that nothing was wrong with, nor with what they stand on."""
        memory = self.memory
        if memory is None or not memory.is_current():
            return
        sites, people = f"{self.show(self.folder / 'sites')}{os.sep}", self.show(self.people_file)
        wrong = {problem.place.file for problem in self.problems}
        if any(file != people and not file.startswith(sites) for file in wrong):
            return
        for code, site in inputs.items():
            documents = (site.document, site.assigned_document)
            if wrong.isdisjoint(document.file for document in documents if document):
                key = self.key(code, raw[code], site.subsidiary_code, above)
                memory.keep(code, key, summary_of(site), site.document.file)

    def later(self, code: str, files: _Raw, above: _Above) -> SiteInputs:
        """A site that is known to be sound, understood now."""
        later = self.second = self.second or _Loader(self.folder)
        sites, assigned = later.understood({code: files}, {}, ())
        inputs = later.sites(above, later.pins(above, sites), sites, assigned)
        if later.problems or code not in inputs:
            raise InputError(later.problems)
        return inputs[code]

    def understood(
        self, raw: Mapping[str, _Raw], known: Mapping[str, _Raw], orphans: Iterable[Path]
    ) -> tuple[_Sites, _Memories]:
        """The files of the sites that have to be read, as models."""
        sites: _Sites = {}
        assigned: _Memories = {}
        for code, files in raw.items():
            if code in known:
                continue
            path = self.folder / "sites" / f"{code}.yaml"
            sites[code] = self.model(Site, path, files.site)
            if files.assigned is not None:
                path = path.with_name(f"{code}.assigned.yaml")
                assigned[code] = self.model(Assigned, path, files.assigned)
        for path in orphans:
            assigned[path.name.removesuffix(".assigned.yaml")] = self.file(Assigned, path)
        return sites, assigned

    def bytes_of(self, path: Path) -> bytes | Problem:
        return read_limited(path, shown=self.show(path), limit=MAX_BYTES)

    def model(self, model: type[M], path: Path, raw: bytes | Problem) -> tuple[Document, M | None]:
        """What the bytes of one file say; what is wrong with it joins the problems."""
        self.progress(path.name)
        document = document_of(raw, shown=self.show(path))
        self.problems += document.problems
        return document, validate(model, document, self.problems)

    def file(self, model: type[M], path: Path) -> tuple[Document, M | None]:
        """One file as a model; what is wrong with it joins the problems."""
        raw = self.bytes_of(path)
        if isinstance(raw, bytes) and self.memory is not None:
            self.raw[path.relative_to(self.folder).with_suffix("").as_posix()] = raw
        return self.model(model, path, raw)

    def optional(self, model: type[M], name: str) -> tuple[Document | None, M | None]:
        """A file that an organisation may do without."""
        path = self.folder / name
        return self.file(model, path) if path.exists() else (None, None)

    def files(self, model: type[M], folder: str) -> dict[str, tuple[Document, M | None]]:
        """Every YAML file of a folder, by the code that is its name."""
        return {code: self.file(model, path) for code, path in self.paths(folder).items()}

    def paths(self, folder: str, *, skip: str = "", only: str = "") -> dict[str, Path]:
        """The YAML files of a folder, by the code that is their name."""
        found = {}
        if not only:
            self.unread(folder)
        wanted = SITE_CODE if folder == "sites" else CODE
        for name in self.names(folder, only or ".yaml"):
            if skip and name.endswith(skip):
                continue
            code = name.removesuffix(only or ".yaml")
            path = self.folder / folder / name
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
            found[code] = path
        return found

    def unread(self, folder: str) -> None:
        """Complain about files that look like ours and would silently not be read."""
        for name in self.names(folder, ".yml"):
            self.problems.append(
                Problem(
                    Place(self.show(self.folder / folder / name)),
                    "only files that end in .yaml are read",
                    f"rename it to {name.removesuffix('.yml')}.yaml",
                )
            )

    def names(self, folder: str, ending: str) -> list[str]:
        """The files of a folder whose names end so, in order; none where it cannot be listed."""
        try:
            with os.scandir(self.folder / folder) as inside:
                return sorted(entry.name for entry in inside if entry.name.endswith(ending))
        except OSError:
            return []

    @property
    def people_file(self) -> Path:
        return self.folder / "people.csv"

    def people(
        self, subsidiaries: set[str], sites: set[str], productions: set[str]
    ) -> Sequence[Person]:
        """The people of the group, where there is a file of them."""
        path = self.people_file
        if not path.exists():
            return ()
        self.progress(path.name)
        raw = read_limited(path, shown=self.show(path), limit=MAX_PEOPLE_BYTES)
        if isinstance(raw, Problem):
            self.problems.append(raw)
            return ()
        codes = str([sorted(part) for part in (subsidiaries, sites, productions)]).encode()
        memory, key = self.memory, ""
        if memory is not None:
            key = digest_of(memory.program.encode(), codes, raw)
        found: list[Problem] = []
        number = memory.number_of_people(key) if memory is not None else None
        people = check_people(
            raw,
            shown=self.show(path),
            subsidiaries=subsidiaries,
            sites=sites,
            productions=productions,
            problems=found,
            number=number,
        )
        if memory is not None and number is None and not found:
            memory.keep_people(key, len(people))
        self.problems += found
        return people

    def sites(
        self, above: _Above, pins: Mapping[str, Pin], sites: _Sites, assigned: _Memories
    ) -> dict[str, SiteInputs]:
        """Lay the levels over one another for each site whose files are sound."""
        inputs = {}
        for code, (document, site) in sites.items():
            subsidiary_document, subsidiary = above.subsidiaries.get(
                site.subsidiary if site else "", (None, None)
            )
            catalogue = above.catalogues.of(pins[code].version)
            archetype = catalogue.archetypes.get(site.archetype) if site else None
            if not (site and subsidiary and subsidiary_document and archetype):
                continue
            if above.organisation is None:
                continue
            archetype_document = catalogue.archetype_documents[archetype.name]
            if catalogue.standard not in self.levels:
                self.levels[catalogue.standard] = _Levels(catalogue, above.document, self.problems)
            merged = self.levels[catalogue.standard].of_site(
                (site.subsidiary, subsidiary_document),
                (archetype.name, archetype_document),
                document,
            )
            shared = not _writes_settings(document)
            settings = self.settings(merged, code, above.document, shared=shared)
            if settings is None:
                continue
            assigned_document, memory = assigned.get(code, (None, None))
            inputs[code] = SiteInputs(
                code=code,
                site=site,
                subsidiary_code=site.subsidiary,
                subsidiary=subsidiary,
                organisation=above.organisation,
                archetype=archetype,
                catalogue=catalogue,
                settings=settings,
                origins=merged.origins,
                assigned=memory,
                productions=above.networks.get(code, ()),
                document=document,
                organisation_document=above.document,
                subsidiary_document=subsidiary_document,
                archetype_document=archetype_document,
                assigned_document=assigned_document,
                standard=pins[code],
            )
        return inputs

    def settings(
        self, merged: Merged, code: str, document: Document, *, shared: bool
    ) -> Settings | None:
        """The settings of a site; what no level wrote is asked for in organisation.yaml."""
        found: list[Problem] = []
        settings = self.shared.of(merged, code) if shared else None
        if settings is None:
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
        if self._show is not None:
            return self._show(path)
        text, own = str(path), self.own
        if self.near is None or not text.startswith(own):
            shown = os.path.relpath(path)
            return text if shown.startswith("..") else shown
        return f"{self.near}{text[len(own) :]}"


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
        return lay(below, source, self.problems) if _writes_settings(site) else below

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


def _writes_settings(site: Document) -> bool:
    source = LevelSource("site", site)
    return bool(source.settings or source.locked)


class _SharedSettings:
    """Sites whose levels merged to the same share their settings, but for those that name a site.

    A thousand sites with settings of their own each would take more memory than their files.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Merged, Settings, dict[str, Any]]] = {}

    def of(self, merged: Merged, code: str) -> Settings | None:
        """The settings of a site; None where they cannot be valid, for somebody else to say why."""
        known = self._known.get(id(merged))
        try:
            if known is None:
                settings = Settings.model_validate(expand(merged.values, code))
                own: dict[str, Any] = {
                    name: values
                    for name, values in merged.values.items()
                    if expand({name: values}, "") != {name: values}
                }
                if all(isinstance(values, dict) for values in own.values()):
                    self._known[id(merged)] = (merged, settings, own)
                return settings
            _, settings, own = known
            sections = {
                name: _section(name).validate_python(expand({name: values}, code)[name])
                for name, values in own.items()
            }
        except ValidationError:
            return None
        return settings.model_copy(update=sections)


@cache
def _section(name: str) -> TypeAdapter[Any]:
    """What validates one section of the settings."""
    section: Any = Settings.model_fields[name].annotation
    return TypeAdapter(section)


def _near(here: str, own: str) -> str | None:
    """What files of the folder `here` begin with in messages; None where each has to be asked."""
    if here == ".":
        return ""
    if not here.startswith(".."):
        return f"{here}{os.sep}"
    return None if set(Path(here).parts) == {".."} else own  # we may stand inside of it


def summary_of(inputs: SiteInputs) -> Summary:
    """What other sites are compared with of a site."""
    memory, remembered = inputs.assigned, inputs.assigned_document
    block = None
    if inputs.site.block is not None:
        block = (inputs.site.block, inputs.place("block"))
    elif memory is not None and memory.block is not None and remembered is not None:
        block = (memory.block, remembered.place(("block",)))
    devices = [
        (device.name, inputs.place("devices", index, "name"))
        for index, device in enumerate(inputs.site.devices)
        if device.name is not None
    ]
    if memory is not None and remembered is not None:
        devices += [
            (name, remembered.place(("devices", role, index)))
            for role, names in memory.devices.items()
            for index, name in enumerate(names)
        ]
    lines = [
        (
            uplink.addressing.address,
            uplink.name,
            inputs.place("uplinks", index, "addressing", "address"),
        )
        for index, uplink in enumerate(inputs.site.uplinks)
        if uplink.addressing != "dhcp"
    ]
    cloud = inputs.site.cloud
    return Summary(
        inputs.subsidiary_code,
        block,
        tuple(devices),
        tuple(lines),
        (cloud.network, inputs.place("cloud", "network")) if cloud.network is not None else None,
        (cloud.generation, inputs.standard.version, inputs.place("cloud")),
    )


def _codes(document: Document | None) -> set[str]:
    """The codes of the productions; also where something else of their file is not understood."""
    written = document.data.get("productions") if document is not None else None
    each = written if isinstance(written, list) else ()
    codes = (item.get("code") for item in each if isinstance(item, dict))
    return {code for code in codes if isinstance(code, str)}


def _by_site(
    productions: Iterable[Production],
) -> dict[str, tuple[tuple[Production, ProductionNetwork], ...]]:
    found: dict[str, tuple[tuple[Production, ProductionNetwork], ...]] = {}
    for production in productions:
        for network in production.networks:
            found[network.site] = (*found.get(network.site, ()), (production, network))
    return found
