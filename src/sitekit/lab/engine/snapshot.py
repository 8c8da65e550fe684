"""The checkpoint of a stack, and how it changes while a run goes on.

Before an operation its intent is stored, after it its result: a run that is killed leaves behind
what it was about to do. Operations that change nothing are stored with the next write, or at the
end of the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from .faults import EngineError
from .resources import Resource, from_json, now, to_json

#: What the real engine writes into every manifest: the SHA-256 of its name for this format.
MAGIC = "7dff0d166258e7f1d265e8e044021ea087795d58a0c6415ab6fe8b7c790e447f"
#: The version of the engine whose behaviour and formats the stand-in follows.
ENGINE_VERSION = "3.260.0"


@dataclass(slots=True)
class Pending:
    """An operation that was begun and not finished."""

    resource: Resource
    kind: str


@dataclass(slots=True)
class Deployment:
    """The content of a checkpoint."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    #: The salt of the passphrase secrets provider.
    salt: str = ""
    time: str = ""
    #: Of the state as it was read: `{}` if it was never written by a run.
    metadata: dict[str, Any] = field(default_factory=dict)

    def text(self, encrypt: Callable[[str], str]) -> str:
        """As the checkpoint stores it: JSON, a line for each resource."""
        return self.assembled(
            [line(to_json(resource, encrypt)) for resource in self.resources],
            [pending_line(item, encrypt) for item in self.pending],
        )

    def assembled(self, resources: list[str], pending: list[str]) -> str:
        """As the checkpoint stores it, from lines that are made already."""
        manifest = {
            "time": self.time or now(),
            "magic": MAGIC,
            "version": f"v{ENGINE_VERSION}",
        }
        parts = [f'"manifest": {line(manifest)}']
        if self.salt:
            provider = {"type": "passphrase", "state": {"salt": self.salt}}
            parts.append(f'"secrets_providers": {line(provider)}')
        for name, lines in (("resources", resources), ("pending_operations", pending)):
            if lines:
                parts.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
        parts.append(f'"metadata": {line(self.metadata)}')
        return "{\n" + ",\n".join(parts) + "\n}"


def line(stored: dict[str, Any]) -> str:
    """One stored form on one line: a big state is written many times in a run."""
    return json.dumps(stored, ensure_ascii=False)


def pending_line(item: Pending, encrypt: Callable[[str], str]) -> str:
    """An operation under way, on one line."""
    return line({"resource": to_json(item.resource, encrypt), "type": item.kind})


def read(stored: dict[str, Any] | None, decrypt: Callable[[str], str]) -> Deployment:
    """The deployment that a checkpoint or an export stores.

    Raises:
        EngineError: it is not one, or its secrets provider is not the passphrase one.
    """
    if not stored:
        return Deployment()
    provider = stored.get("secrets_providers") or {}
    if provider and provider.get("type") != "passphrase":
        raise EngineError(
            f"the lab opens only states of the passphrase secrets provider, not {provider['type']}"
        )
    return Deployment(
        resources=[from_json(item, decrypt) for item in stored.get("resources") or []],
        pending=[
            Pending(from_json(item["resource"], decrypt), item["type"])
            for item in stored.get("pending_operations") or []
        ],
        salt=(provider.get("state") or {}).get("salt", ""),
        time=(stored.get("manifest") or {}).get("time", ""),
        metadata=stored.get("metadata") or {},
    )


class Snapshot:
    """The state of a stack while a run changes it; `save` writes one stored form.

    `base` is the state before the run. A resource of it counts until it is superseded; what the
    run produced comes first, in the order in which it was finished, so that each resource refers
    only to earlier ones.
    """

    def __init__(
        self,
        base: Deployment,
        encrypt: Callable[[str], str],
        save: Callable[[str], None],
    ) -> None:
        self.base = base
        self._encrypt, self._save = encrypt, save
        self._lock = RLock()
        self._new: list[Resource] = []
        self._gone: set[int] = set()
        self._replaced: dict[int, Resource | None] = {}
        self._under_way: list[Pending] = []
        self._left_over = list(base.pending)
        self._stored: dict[int, tuple[object, str]] = {}
        self._closed = False

    # -- the run tells

    def begin(self, resource: Resource, kind: str) -> Pending:
        """Store that an operation of this kind starts on the resource."""
        pending = Pending(resource, kind)
        with self._lock:
            self._under_way.append(pending)
            self._write()
        return pending

    def end(
        self,
        pending: Pending | None,
        *,
        old: Resource | None = None,
        new: Resource | None = None,
        write: bool = True,
    ) -> None:
        """Store what became of an operation: `old` is superseded, `new` is part of the state."""
        with self._lock:
            if pending is not None:
                self._under_way.remove(pending)
            if old is not None:
                self._drop(old)
            if new is not None:
                self._new.append(new)
                self._stored.pop(id(new), None)
            if write:
                self._write()

    def failed(self, pending: Pending) -> None:
        """Store that an operation ended and changed nothing."""
        with self._lock:
            self._under_way.remove(pending)
            self._write()

    def changed(self, resource: Resource, *, write: bool = True) -> None:
        """Store a resource whose fields were changed in place."""
        with self._lock:
            self._stored.pop(id(resource), None)
            if write:
                self._write()

    def refreshed(self, old: Resource, new: Resource | None) -> None:
        """Put what was read in the place of what the state had; stored at the end of the run."""
        with self._lock:
            self._replaced[id(old)] = new

    def forget_pending(self, keep: Callable[[Pending], bool]) -> None:
        """Keep only those operations of an earlier, interrupted run for which `keep` is true."""
        with self._lock:
            self._left_over = [item for item in self._left_over if keep(item)]

    def close(self) -> None:
        """Write the final state; later changes are not written any more."""
        with self._lock:
            self._write()
            self._closed = True

    def abandon(self) -> None:
        """Write nothing any more, not even the end: the operations under way stay recorded."""
        with self._lock:
            self._closed = True

    def _drop(self, resource: Resource) -> None:
        for place, other in enumerate(self._new):
            if other is resource:
                del self._new[place]
                return
        self._gone.add(id(resource))

    # -- what it amounts to

    def resources(self) -> list[Resource]:
        """The resources of the state now, each referring only to earlier ones."""
        with self._lock:
            result = list(self._new)
            for resource in self.base.resources:
                here: Resource | None = resource
                if id(resource) in self._replaced:
                    here = self._replaced[id(resource)]
                if (
                    here is not None
                    and id(resource) not in self._gone
                    and id(here) not in (self._gone)
                ):
                    result.append(here)
            return ordered(renamed(result))

    def deployment(self) -> Deployment:
        """The state now, with the operations under way and those left over."""
        with self._lock:
            return Deployment(
                resources=self.resources(),
                pending=[*self._left_over, *self._under_way],
                salt=self.base.salt,
            )

    def _write(self) -> None:
        if self._closed:
            return
        deployment = self.deployment()
        deployment.time = now()
        self._save(
            deployment.assembled(
                [self._form(resource) for resource in deployment.resources],
                [pending_line(item, self._encrypt) for item in deployment.pending],
            )
        )

    def _form(self, resource: Resource) -> str:
        key = (
            resource.urn,
            resource.id,
            resource.parent,
            resource.provider,
            resource.deleted_with,
            tuple(resource.dependencies),
            resource.delete,
            resource.pending_replacement,
            id(resource.inputs),
            id(resource.outputs),
        )
        stored = self._stored.get(id(resource))
        if stored is None or stored[0] != key:
            stored = (key, line(to_json(resource, self._encrypt)))
            self._stored[id(resource)] = stored
        return stored[1]


def renamed(resources: list[Resource]) -> list[Resource]:
    """Apply aliases: whoever refers to an old URN refers to the new one; aliases are dropped."""
    names = {alias: resource.urn for resource in resources for alias in resource.aliases}
    for resource in resources:
        if resource.aliases:
            resource.aliases = []
    if not names:
        return resources
    for resource in resources:
        resource.parent = names.get(resource.parent, resource.parent)
        resource.deleted_with = names.get(resource.deleted_with, resource.deleted_with)
        resource.dependencies = [names.get(urn, urn) for urn in resource.dependencies]
        resource.property_dependencies = {
            key: [names.get(urn, urn) for urn in urns]
            for key, urns in resource.property_dependencies.items()
        }
        if resource.provider and resource.provider_urn() in names:
            identity = resource.provider.rpartition("::")[2]
            resource.provider = f"{names[resource.provider_urn()]}::{identity}"
    return resources


def ordered(resources: Iterable[Resource]) -> list[Resource]:
    """Keep the order, except that nothing comes before what it refers to.

    References to what is not there any more are taken out.
    """
    listed = list(resources)
    by_urn: dict[str, list[Resource]] = {}
    for resource in listed:
        by_urn.setdefault(resource.urn, []).append(resource)
    done: set[int] = set()
    result: list[Resource] = []

    def place(resource: Resource) -> None:
        if id(resource) in done:
            return
        done.add(id(resource))
        for urn in (*resource.needs(), resource.provider_urn()):
            for other in by_urn.get(urn, ()):
                if other is not resource:
                    place(other)
        result.append(resource)

    for resource in listed:
        place(resource)
    for resource in result:
        _without_missing(resource, by_urn)
    return result


def _without_missing(resource: Resource, present: dict[str, list[Resource]]) -> None:
    if any(urn not in present for urn in resource.dependencies):
        resource.dependencies = [urn for urn in resource.dependencies if urn in present]
    if any(urn not in present for urns in resource.property_dependencies.values() for urn in urns):
        resource.property_dependencies = {
            key: [urn for urn in urns if urn in present]
            for key, urns in resource.property_dependencies.items()
        }
    if resource.deleted_with and resource.deleted_with not in present:
        resource.deleted_with = ""
