"""The types that the lab knows: written as YAML, joined with what the SDKs say, kept as JSON.

`sitekit lab cloud up` joins once (reading the SDKs takes seconds); everything else loads the joined
table from the lab's folder in milliseconds, and needs neither YAML nor the SDKs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SitekitError
from . import schema

LAYOUT = 1
FILE = "types.json"
FILES = {"azure-native": "azure_native.yaml", "azuread": "azuread.yaml"}
PYTHON = {package: name.replace("-", "_") for package, name in schema.PACKAGES.items()}
FUNCTIONS = (
    "azure-native:authorization:getClientConfig",
    "azure-native:resources:getResourceGroup",
    "azure-native:network:getVpnGateway",
    "azure-native:network:getVirtualNetwork",
    "azure-native:network:getSubnet",
    "azure-native:network:getVirtualHub",
    "azure-native:operationalinsights:getWorkspace",
    "azure-native:keyvault:getVault",
    "azure-native:privatedns:getPrivateZone",
    "azuread:index/getClientConfig:getClientConfig",
    "azuread:index/getDomains:getDomains",
    "azuread:index/getUser:getUser",
    "azuread:index/getUsers:getUsers",
    "azuread:index/getGroup:getGroup",
    "azuread:index/getGroups:getGroups",
    "azuread:index/getAdministrativeUnit:getAdministrativeUnit",
    "azuread:index/getDirectoryRoles:getDirectoryRoles",
    "azuread:index/getDirectoryRoleTemplates:getDirectoryRoleTemplates",
    "azuread:index/getNamedLocation:getNamedLocation",
    "azuread:index/getServicePrincipal:getServicePrincipal",
)


class CatalogueError(SitekitError):
    """The table of types is missing or belongs to other versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmType:
    """What Azure Resource Manager knows about a type; the fields are explained in its YAML file."""

    token: str
    id: str
    name: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    unique: str | None = None
    location: str | None = None
    force: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, str] = field(default_factory=dict)
    secret: tuple[str, ...] = ()
    in_use: str | None = None
    minutes: float = 0.0
    busy: str | None = None
    soft_delete: float | str = 0
    recover: str = "never"
    exists: bool = False
    delete: str = "resource"
    made: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def path_arguments(self) -> tuple[str, ...]:
        """The inputs that make the id, in its order."""
        full = self.id.replace("{group}", "{resourceGroupName}")
        return tuple(
            name for name in re.findall(r"\{(\w+)\}", full) if name not in ("subscription", "made")
        )

    @property
    def name_argument(self) -> str | None:
        """The input that names it; None where the service or something else does."""
        last = re.search(r"\{(\w+)\}$", self.id)
        return last.group(1) if last and last.group(1) not in ("subscription", "made") else None

    @property
    def arm(self) -> str:
        """Azure's name of the type, such as Microsoft.Network/virtualNetworks/subnets."""
        if self.token.endswith(":ResourceGroup"):
            return "Microsoft.Resources/resourceGroups"
        text = self.id.replace("{group}", "/providers")
        namespace, *rest = text.rpartition("/providers/")[2].split("/")
        return "/".join([namespace, *rest[::2]])

    @property
    def label(self) -> str:
        """The type without its package and module."""
        return self.token.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraType:
    """What Entra knows about a type; the fields are explained in its YAML file."""

    token: str
    id: str
    kind: str | None = None
    link: tuple[str, ...] = ()
    graph: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    force: tuple[str, ...] | str = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    refers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret: tuple[str, ...] = ()
    unique: str | tuple[str, ...] | None = None
    no_twins: str | None = None
    checks: tuple[str, ...] = ()
    soft_delete: float = 0
    in_use: str | None = None
    activates: bool = False

    @property
    def label(self) -> str:
        """The type without its package and module."""
        return self.token.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All types, and what the SDKs say about their arguments."""

    arm: Mapping[str, ArmType]
    entra: Mapping[str, EntraType]
    schema: Mapping[str, Any]

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each provider SDK the table was read from."""
        versions: Mapping[str, str] = self.schema["versions"]
        return versions

    def entra_of_kind(self, kind: str) -> EntraType | None:
        """The type whose rows are objects of a kind."""
        return next((known for known in self.entra.values() if known.kind == kind), None)


def written() -> dict[str, dict[str, Any]]:
    """The types as they are written, by package and token."""
    from importlib import resources

    import yaml

    folder = resources.files(__package__) / "types"
    return {
        package: yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for package, name in FILES.items()
    }


def tenant() -> dict[str, Any]:
    """What a tenant has before anybody asks, as it is written."""
    from importlib import resources

    import yaml

    text = (resources.files(__package__) / "types" / "tenant.yaml").read_text(encoding="utf-8")
    facts: dict[str, Any] = yaml.safe_load(text)
    return facts


def join() -> dict[str, Any]:
    """The written types joined with what the installed SDKs say: what `FILE` holds.

    Raises SchemaError when an SDK is missing or does not have a type.
    """
    types = written()
    tokens = [token for known in types.values() for token in known]
    return {"layout": LAYOUT, "types": types, "schema": schema.read_table(tokens, FUNCTIONS)}


def load(path: Path) -> Catalogue:
    """The joined table. Raises CatalogueError when it is missing or was made by another sitekit."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CatalogueError(f"{path} is missing", hint="sitekit lab cloud up") from None
    if table.get("layout") != LAYOUT:
        raise CatalogueError(f"{path} was made by another sitekit", hint="sitekit lab cloud up")
    return from_table(table)


def from_table(table: Mapping[str, Any]) -> Catalogue:
    """The types of a joined table."""
    types = table["types"]
    return Catalogue(
        arm={
            token: ArmType(token=token, **dict(_frozen(known)))
            for token, known in types["azure-native"].items()
        },
        entra={
            token: EntraType(token=token, **dict(_frozen(known)))
            for token, known in types["azuread"].items()
        },
        schema=table["schema"],
    )


def _frozen(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in known.items():
        if isinstance(value, list):
            yield key, tuple(value)
        elif key in ("links", "refers"):
            yield key, {name: tuple(items) for name, items in value.items()}
        elif key == "in_use":
            yield key, str(value)
        else:
            yield key, value
