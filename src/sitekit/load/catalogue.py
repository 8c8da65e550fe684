"""The catalogue: shipped with sitekit, extended by a `catalogue/` folder beside organisation.yaml.

A user's entry of a known name replaces the shipped one; a new name adds. Platforms are folders of
`device_templates/`; a user's stand in `catalogue/platforms/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from ..errors import InputError, Place, Problem, SitekitError
from ..model.base import Model, Name, SchemaVersion
from ..model.catalogue import (
    Archetype,
    DestinationEntry,
    FitOut,
    Flows,
    HardwareModel,
    MediaConflict,
    MediaProfile,
    NetworkConstants,
    Never,
    ServiceEntry,
    Sizing,
    StandardFlow,
    UplinkKind,
    Zone,
    Zones,
)
from ..model.cloud import CloudStandard, Naming, Prices
from ..model.identity import IdentityRules
from ..model.platform import Platform
from ..model.site import Role
from ..model.standard import Entries, StandardVersion, StandardVersions
from .validate import validate
from .yaml_source import Document, read_yaml

M = TypeVar("M", bound=BaseModel)

SHIPPED = Path(__file__).parents[1] / "catalogue"
STANDARDS = Path(__file__).parents[1] / "standards"  # what older versions had otherwise


class HardwareFile(Model):
    """A file of hardware models."""

    schema_: SchemaVersion = Field(alias="schema")
    models: dict[Name, HardwareModel]


class ServicesFile(Model):
    """The file of services."""

    schema_: SchemaVersion = Field(alias="schema")
    services: dict[Name, ServiceEntry]


class DestinationsFile(Model):
    """The file of external destinations."""

    schema_: SchemaVersion = Field(alias="schema")
    destinations: dict[Name, DestinationEntry]


class UplinkKindsFile(Model):
    """The file of uplink kinds."""

    schema_: SchemaVersion = Field(alias="schema")
    kinds: dict[Name, UplinkKind]


class MediaFile(Model):
    """The file of media profiles."""

    schema_: SchemaVersion = Field(alias="schema")
    profiles: dict[Name, MediaProfile]
    conflicts: tuple[MediaConflict, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedFlow:
    """A flow with where it is written."""

    number: int
    flow: StandardFlow
    place: Place


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A file of the catalogue: which part it is, and what it is called in messages."""

    kind: str
    path: Path
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All data that the design computes with."""

    standard: str  # the version of the group standard that the shipped part is
    zones: dict[str, Zone]
    blackhole_vlan: int
    native_vlan: int
    mlag_vlan: int
    mlag_prefix: IPv4Network
    virtual_mac: str
    management_hosts: dict[Role, int]
    health_targets: tuple[IPv4Address, ...]
    private: tuple[IPv4Network, ...]
    flows: tuple[PlacedFlow, ...]
    never: tuple[Never, ...]
    archetypes: dict[str, Archetype]
    archetype_documents: dict[str, Document]
    hardware: dict[str, HardwareModel]
    hardware_places: dict[str, Place]
    services: dict[str, ServiceEntry]
    destinations: dict[str, DestinationEntry]
    uplink_kinds: dict[str, UplinkKind]
    media: dict[str, MediaProfile]
    media_places: dict[str, Place]
    media_conflicts: tuple[MediaConflict, ...]
    platforms: dict[str, Platform]
    platform_folders: dict[str, Path]
    sizing: Sizing
    fit_out: FitOut
    cloud: CloudStandard
    naming: Naming
    prices: Prices
    identity: IdentityRules
    defaults: Document
    files: tuple[CatalogueFile, ...]  # in the order of reading: later ones lay over earlier ones


@dataclass(slots=True)
class _Gathered:
    """What the files gave so far; later files lay over earlier ones."""

    zones: dict[str, Zone] = field(default_factory=dict)
    network: NetworkConstants | None = None
    flows: dict[int, PlacedFlow] = field(default_factory=dict)
    never: dict[str, Never] = field(default_factory=dict)
    archetypes: dict[str, Archetype] = field(default_factory=dict)
    archetype_documents: dict[str, Document] = field(default_factory=dict)
    hardware: dict[str, HardwareModel] = field(default_factory=dict)
    hardware_places: dict[str, Place] = field(default_factory=dict)
    services: dict[str, ServiceEntry] = field(default_factory=dict)
    destinations: dict[str, DestinationEntry] = field(default_factory=dict)
    uplink_kinds: dict[str, UplinkKind] = field(default_factory=dict)
    media: dict[str, MediaProfile] = field(default_factory=dict)
    media_places: dict[str, Place] = field(default_factory=dict)
    conflicts: tuple[MediaConflict, ...] = ()
    platforms: dict[str, Platform] = field(default_factory=dict)
    platform_folders: dict[str, Path] = field(default_factory=dict)
    sizing: Sizing | None = None
    fit_out: FitOut | None = None
    cloud: CloudStandard | None = None
    naming: Naming | None = None
    prices: Prices | None = None
    identity: IdentityRules | None = None
    defaults: Document | None = None
    files: tuple[CatalogueFile, ...] = ()


def load_catalogue(
    extra: Path | None, show: Callable[[Path], str], *, standard: str | None = None
) -> tuple[Catalogue, list[Problem]]:
    """The shipped catalogue with the files of `extra` laid over it.

    `standard` is a version of the group standard, the newest one by default; SitekitError where
    there is no such version. Problems in the shipped files are a bug of sitekit and raise
    InputError; those in `extra` come back for the user.
    """
    version = standard or standards()[-1].version
    gathered = _copy(_shipped(version))
    problems: list[Problem] = []
    if extra is not None and extra.is_dir():
        _gather(extra, extra / "platforms", gathered, problems, show)
    return _catalogue(gathered, version), problems


@cache
def standards() -> tuple[StandardVersion, ...]:
    """The versions of the group standard, oldest first."""
    path, problems = STANDARDS / "versions.yaml", list[Problem]()
    document = _read(path, problems, lambda path: f"sitekit:{path.name}")
    found = validate(StandardVersions, document, problems)
    if problems or found is None:
        raise InputError(problems)
    return found.versions


@cache
def _shipped(version: str) -> _Gathered:
    """The shipped catalogue as of a version: what the next one has, without what it added, and
    with what it changed put back.
    """
    names = [each.version for each in standards()]
    if version not in names:
        raise SitekitError(
            f"there is no standard '{version}'", hint=f"known versions: {', '.join(names)}"
        )
    gathered = _Gathered()
    problems: list[Problem] = []
    if version == names[-1]:
        shown = "sitekit:"
        _gather(SHIPPED, templates_folder(), gathered, problems, lambda p: f"{shown}{p.name}")
    else:
        later = standards()[names.index(version) + 1]
        gathered = _copy(_shipped(later.version))
        _take_away(later.added, gathered)
        folder, shown = STANDARDS / version, f"sitekit:{version}/"
        _gather(folder, folder / "platforms", gathered, problems, lambda p: f"{shown}{p.name}")
    if problems:
        raise InputError(problems)
    return gathered


def _take_away(added: Entries, gathered: _Gathered) -> None:
    """Forget entries, and where they stand."""
    for part, entries in added:
        for name in (part, _PLACES_OF.get(part, "")):
            for entry in entries if name else ():
                del getattr(gathered, name)[entry]


_PLACES_OF = {"archetypes": "archetype_documents", "media": "media_places"}


def templates_folder() -> Path:
    """Where the platform folders are: inside the wheel, or at the top of a checkout."""
    inside = Path(__file__).parents[1] / "device_templates"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "device_templates"


def _gather(
    folder: Path,
    platforms: Path,
    into: _Gathered,
    problems: list[Problem],
    show: Callable[[Path], str],
) -> None:
    for path, document in _documents(folder, problems, show):
        kind = path.parent.name if path.parent != folder else path.stem
        into.files = (*into.files, CatalogueFile(kind, path, document.file))
        _take(kind, path, document, into, problems)
    if platforms.is_dir():
        for path in sorted(platforms.glob("*/platform.yaml")):
            document = _read(path, problems, show)
            platform = validate(Platform, document, problems)
            if platform is None:
                continue
            if platform.name != path.parent.name:
                problems.append(
                    Problem(
                        document.place(("name",)),
                        f"the platform is called '{platform.name}' in a folder "
                        f"called '{path.parent.name}'",
                        "give both the same name",
                    )
                )
            into.platforms[platform.name] = platform
            into.platform_folders[platform.name] = path.parent


def _documents(
    folder: Path, problems: list[Problem], show: Callable[[Path], str]
) -> Iterator[tuple[Path, Document]]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]):
        if path.parent.name != "platforms":
            yield path, _read(path, problems, show)


def _read(path: Path, problems: list[Problem], show: Callable[[Path], str]) -> Document:
    document = read_yaml(path, shown=show(path))
    problems.extend(document.problems)
    return document


def _take(
    kind: str, path: Path, document: Document, into: _Gathered, problems: list[Problem]
) -> None:
    match kind:
        case "zones":
            if zones := validate(Zones, document, problems):
                into.zones.update(zones.zones)
        case "network":
            if network := validate(NetworkConstants, document, problems):
                into.network = network
        case "flows":
            if flows := validate(Flows, document, problems):
                for index, flow in enumerate(flows.flows):
                    place = document.place(("flows", index))
                    into.flows[flow.number] = PlacedFlow(flow.number, flow, place)
                into.never.update({never.id: never for never in flows.never})
        case "archetypes":
            if archetype := validate(Archetype, document, problems):
                if archetype.name != path.stem:
                    problems.append(
                        Problem(
                            document.place(("name",)),
                            f"the archetype is called '{archetype.name}' in a file "
                            f"called '{path.name}'",
                            "give both the same name",
                        )
                    )
                into.archetypes[archetype.name] = archetype
                into.archetype_documents[archetype.name] = document
        case "hardware":
            if hardware := validate(HardwareFile, document, problems):
                into.hardware.update(hardware.models)
                for name in hardware.models:
                    into.hardware_places[name] = document.place(("models", name, "platform"))
        case "services":
            if services := validate(ServicesFile, document, problems):
                into.services.update(services.services)
        case "destinations":
            if destinations := validate(DestinationsFile, document, problems):
                into.destinations.update(destinations.destinations)
        case "wan":
            if kinds := validate(UplinkKindsFile, document, problems):
                into.uplink_kinds.update(kinds.kinds)
        case "media":
            if media := validate(MediaFile, document, problems):
                into.media.update(media.profiles)
                for name in media.profiles:
                    into.media_places[name] = document.place(("profiles", name, "services"))
                into.conflicts = (*into.conflicts, *media.conflicts)
        case "sizing":
            if sizing := validate(Sizing, document, problems):
                into.sizing = sizing
        case "fit_out":
            if fit_out := validate(FitOut, document, problems):
                into.fit_out = fit_out
        case "cloud":
            if cloud := validate(CloudStandard, document, problems):
                into.cloud = cloud
        case "naming":
            if naming := validate(Naming, document, problems):
                into.naming = naming
        case "prices":
            if prices := validate(Prices, document, problems):
                into.prices = prices
        case "identity":
            if identity := validate(IdentityRules, document, problems):
                into.identity = identity
        case "defaults":
            into.defaults = document
        case _:
            problems.append(
                Problem(
                    document.place(()),
                    f"the catalogue has no part called '{kind}'",
                    "parts are zones, network, flows, services, destinations, wan, media, sizing, "
                    "fit_out, identity, cloud, naming, prices (files), archetypes, hardware, "
                    "platforms (folders)",
                )
            )


def _copy(gathered: _Gathered) -> _Gathered:
    copied = _Gathered()
    for name in _Gathered.__slots__:
        value = getattr(gathered, name)
        setattr(copied, name, dict(value) if isinstance(value, dict) else value)
    return copied


def _catalogue(gathered: _Gathered, standard: str) -> Catalogue:
    network, sizing, defaults = gathered.network, gathered.sizing, gathered.defaults
    fit_out, identity = gathered.fit_out, gathered.identity
    cloud, naming, prices = gathered.cloud, gathered.naming, gathered.prices
    if not (network and sizing and defaults and fit_out and identity):
        raise SitekitError("the shipped catalogue is incomplete", hint="reinstall sitekit")
    if cloud is None or naming is None or prices is None:
        raise SitekitError("the shipped catalogue is incomplete", hint="reinstall sitekit")
    return Catalogue(
        standard=standard,
        zones=gathered.zones,
        blackhole_vlan=network.blackhole_vlan,
        native_vlan=network.native_vlan,
        mlag_vlan=network.mlag_vlan,
        mlag_prefix=network.mlag_prefix,
        virtual_mac=network.virtual_mac,
        management_hosts=network.management_hosts,
        health_targets=network.health_targets,
        private=network.private,
        flows=tuple(gathered.flows[number] for number in sorted(gathered.flows)),
        never=tuple(gathered.never.values()),
        archetypes=gathered.archetypes,
        archetype_documents=gathered.archetype_documents,
        hardware=gathered.hardware,
        hardware_places=gathered.hardware_places,
        services=gathered.services,
        destinations=gathered.destinations,
        uplink_kinds=gathered.uplink_kinds,
        media=gathered.media,
        media_places=gathered.media_places,
        media_conflicts=gathered.conflicts,
        platforms=gathered.platforms,
        platform_folders=gathered.platform_folders,
        sizing=sizing,
        fit_out=fit_out,
        cloud=cloud,
        naming=naming,
        prices=prices,
        identity=identity,
        defaults=defaults,
        files=gathered.files,
    )
