"""One resource's state, and the graph that a state's resources form.

The field names of the stored form are those of the real checkpoint (version 3); fields that are
not set are left out, so that a state can move between the stand-in and the real engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .faults import EngineError
from .values import Properties, from_state, to_state

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


def now() -> str:
    """The time as a checkpoint writes it (RFC 3339, UTC)."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


# -- names ----------------------------------------------------------------------------------------


def make_urn(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """The URN of a resource; a parent that is not the stack adds its types in front."""
    qualified = kind
    if parent:
        above = qualified_type(parent)
        if above != STACK_TYPE:
            qualified = f"{above}${kind}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def qualified_type(urn: str) -> str:
    """`a:b:C$d:e:F` of a URN."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    """The resource's own type token."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """The logical name."""
    return urn.split("::", 3)[3]


def urn_stack(urn: str) -> str:
    """The stack's name."""
    return urn.split("::", 1)[0].removeprefix("urn:pulumi:")


def with_stack(urn: str, stack: str) -> str:
    """The same URN in another stack; the root stack resource is renamed with it."""
    _, project, kind, name = urn.split("::", 3)
    if kind == STACK_TYPE:
        name = f"{project}-{stack}"
    return f"urn:pulumi:{stack}::{project}::{kind}::{name}"


def is_provider(kind: str) -> bool:
    """Whether a type token is that of a provider."""
    return kind.startswith(PROVIDER_PREFIX)


def reference(urn: str, identity: str) -> str:
    """How others refer to a provider."""
    return f"{urn}::{identity}"


def parse_reference(text: str) -> tuple[str, str]:
    """The provider's URN and id in a reference."""
    urn, _, identity = text.rpartition("::")
    return urn, identity


# -- one resource ---------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Resource:
    """What the state knows of one resource. Compared by identity: two may have one URN."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties | None = None
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False
    taint: bool = False
    init_errors: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    create_timeout: float = 0.0
    update_timeout: float = 0.0
    delete_timeout: float = 0.0
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    #: Fields of a newer engine that the stand-in does not know but keeps.
    unknown_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The logical name."""
        return urn_name(self.urn)

    def copy(self, **changes: Any) -> Resource:
        """Another state object with the same content, except for `changes`."""
        return replace(self, **changes)

    def needs(self) -> Iterator[str]:
        """URNs of everything this one refers to, its provider not included."""
        if self.parent:
            yield self.parent
        yield from self.dependencies
        for urns in self.property_dependencies.values():
            yield from urns
        if self.deleted_with:
            yield self.deleted_with
        yield from self.replace_with

    def provider_urn(self) -> str:
        """The URN of its provider, or nothing."""
        return parse_reference(self.provider)[0] if self.provider else ""


_ORDER: tuple[tuple[str, str], ...] = (
    ("delete", "delete"),
    ("id", "id"),
    ("type", "type"),
    ("inputs", "inputs"),
    ("outputs", "outputs"),
    ("parent", "parent"),
    ("protect", "protect"),
    ("taint", "taint"),
    ("external", "external"),
    ("dependencies", "dependencies"),
    ("initErrors", "init_errors"),
    ("provider", "provider"),
    ("propertyDependencies", "property_dependencies"),
    ("pendingReplacement", "pending_replacement"),
    ("additionalSecretOutputs", "additional_secret_outputs"),
    ("aliases", "aliases"),
    ("customTimeouts", ""),
    ("importID", "import_id"),
    ("retainOnDelete", "retain_on_delete"),
    ("deletedWith", "deleted_with"),
    ("replaceWith", "replace_with"),
    ("created", "created"),
    ("modified", "modified"),
    ("sourcePosition", "source_position"),
    ("stackTrace", "stack_trace"),
    ("ignoreChanges", "ignore_changes"),
    ("hideDiff", "hide_diff"),
    ("replaceOnChanges", "replace_on_changes"),
)
_KNOWN = {"urn", "custom", *(stored for stored, _ in _ORDER)}


def to_json(resource: Resource, encrypt: Callable[[str], str]) -> dict[str, Any]:
    """The resource as the checkpoint stores it."""
    result: dict[str, Any] = {"urn": resource.urn, "custom": resource.custom}
    for stored, attribute in _ORDER:
        if stored == "customTimeouts":
            if timeouts := _timeouts(resource):
                result[stored] = timeouts
            continue
        value = getattr(resource, attribute)
        if not value:
            continue
        if stored in ("inputs", "outputs"):
            value = to_state(value, encrypt)
        elif stored == "propertyDependencies":
            value = {key: list(value[key]) for key in sorted(value)}
        result[stored] = value
    result.update(resource.unknown_fields)
    return result


def _timeouts(resource: Resource) -> dict[str, float]:
    pairs = (
        ("create", resource.create_timeout),
        ("update", resource.update_timeout),
        ("delete", resource.delete_timeout),
    )
    return {
        name: int(seconds) if seconds == int(seconds) else seconds
        for name, seconds in pairs
        if seconds
    }


def from_json(stored: dict[str, Any], decrypt: Callable[[str], str]) -> Resource:
    """The resource that a checkpoint stores.

    Raises:
        EngineError: it has no URN or no type.
    """
    urn, kind = stored.get("urn"), stored.get("type")
    if not isinstance(urn, str) or not isinstance(kind, str) or urn.count("::") < 3:
        raise EngineError("the state is not valid: a resource has no URN or no type")
    resource = Resource(urn=urn, type=kind, custom=bool(stored.get("custom")))
    for name, attribute in _ORDER:
        value = stored.get(name)
        if value is None or not attribute:
            continue
        if name in ("inputs", "outputs"):
            value = from_state(value, decrypt)
        elif name == "propertyDependencies":
            value = {key: list(urns or ()) for key, urns in value.items()}
        setattr(resource, attribute, value)
    timeouts = stored.get("customTimeouts") or {}
    resource.create_timeout = timeouts.get("create", 0)
    resource.update_timeout = timeouts.get("update", 0)
    resource.delete_timeout = timeouts.get("delete", 0)
    resource.unknown_fields = {key: value for key, value in stored.items() if key not in _KNOWN}
    return resource


# -- many of them ---------------------------------------------------------------------------------


def current(resources: Iterable[Resource]) -> dict[str, Resource]:
    """The resource of each URN, without those that only wait for their deletion."""
    return {resource.urn: resource for resource in resources if not resource.delete}


class Graph:
    """Who depends on whom, in a list in which each refers only to earlier ones."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = resources
        self._places = {id(resource): place for place, resource in enumerate(resources)}
        self._by_urn: dict[str, list[Resource]] = {}
        for resource in resources:
            self._by_urn.setdefault(resource.urn, []).append(resource)

    def __contains__(self, resource: Resource) -> bool:
        return id(resource) in self._places

    def dependents(
        self, root: Resource, *, ignore: frozenset[str] = frozenset(), children: bool = False
    ) -> list[Resource]:
        """All that depend on `root`, directly or not, in dependency order."""
        found, urns = [], {root.urn}
        for resource in self.resources[self._places[id(root)] + 1 :]:
            if resource.urn in ignore:
                continue
            needed = set(resource.dependencies)
            for listed in resource.property_dependencies.values():
                needed.update(listed)
            if resource.deleted_with:
                needed.add(resource.deleted_with)
            if resource.provider:
                needed.add(resource.provider_urn())
            if children and resource.parent:
                needed.add(resource.parent)
            if needed & urns:
                found.append(resource)
                urns.add(resource.urn)
        return found

    def needs(self, resource: Resource) -> list[Resource]:
        """Those earlier ones to which the resource refers directly: parent and provider too."""
        wanted = dict.fromkeys(resource.needs())
        if resource.provider:
            wanted[resource.provider_urn()] = None
        place = self._places.get(id(resource), len(self.resources))
        return [
            other
            for urn in wanted
            for other in self._by_urn.get(urn, ())
            if self._places[id(other)] < place
        ]


def problems(resources: list[Resource]) -> str | None:
    """What is wrong with the order or the references of a state, or nothing."""
    seen: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        if resource.provider and resource.provider not in providers:
            return f"resource {resource.urn} refers to unknown provider {resource.provider}"
        if resource.parent and resource.parent not in seen:
            return _missing(resource, "parent", resource.parent, resources)
        for urn in resource.dependencies:
            if urn not in seen:
                return _missing(resource, "dependency", urn, resources)
        if not resource.delete and resource.urn in seen:
            duplicates = [r for r in resources if r.urn == resource.urn and not r.delete]
            if len(duplicates) > 1:
                return f"duplicate resource {resource.urn}"
        seen.add(resource.urn)
        if is_provider(resource.type):
            providers.add(reference(resource.urn, resource.id))
    return None


def _missing(resource: Resource, what: str, urn: str, resources: list[Resource]) -> str:
    if any(other.urn == urn for other in resources):
        return f"resource {resource.urn}'s {what} {urn} comes after it"
    return f"resource {resource.urn} refers to missing {what} {urn}"
