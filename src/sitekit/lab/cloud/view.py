"""What is in the cloud, for people: everything that exists, and how to change it behind their back.

A change made here is drift: no plug-in hears of it until it reads again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import SitekitError
from . import arm, outputs, wire
from .catalogue import Catalogue
from .directory import CLOUD, Directory
from .store import Store, Thing


class DriftError(SitekitError):
    """What is to be changed cannot be found, or not in that way."""


@dataclass(slots=True)
class Node:
    """A resource, an object, or a heading over some."""

    label: str
    type: str = ""
    id: str = ""
    state: str = ""
    children: list[Node] = field(default_factory=list)


def rows(store: Store, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Everything that exists as plain data, bodies included; they hold no secrets."""
    return [
        {
            "cloud": thing.cloud,
            "type": thing.type,
            "name": thing.name,
            "id": thing.id,
            "parent": thing.parent,
            "state": state(store, thing),
            "body": thing.body,
        }
        for thing in store.find()
        if thing.type != "policy"
    ] + [
        {
            "cloud": CLOUD,
            "type": link.kind,
            "name": f"{_shown(store, link.source)} → {_shown(store, link.target)}",
            "id": f"{link.source}/{link.target}",
            "parent": link.source,
            "state": "",
            "body": link.body,
        }
        for kind in ("members", "owners", "manager", "licence", "catalogResource")
        for link in store.links(kind)
    ]


def deleted_rows(store: Store) -> list[dict[str, Any]]:
    """Everything that can still be brought back."""
    return [
        {
            "cloud": item.thing.cloud,
            "type": item.thing.type,
            "name": item.thing.name,
            "id": item.thing.id,
            "deleted": item.gone,
            "purged": item.purged,
        }
        for item in store.deleted()
    ]


def state(store: Store, thing: Thing) -> str:
    """How far a resource is: Succeeded, Updating, Failed, or of an object: not seen yet."""
    if thing.cloud == CLOUD:
        return "" if thing.visible <= store.now() else "replicating"
    return outputs.state_at(store.now(), thing)


def tree(store: Store, catalogue: Catalogue) -> list[Node]:
    """Azure by scope and group, Entra by kind with members below their groups."""
    return [_azure(store, catalogue), _entra(store)]


def _azure(store: Store, catalogue: Catalogue) -> Node:
    things = store.find(cloud="azure-native")
    nodes = {
        thing.key: Node(thing.name, _label(catalogue, thing), thing.id, state(store, thing))
        for thing in things
    }
    root = Node("Azure")
    scopes: dict[str, Node] = {}
    for thing in things:
        parent = thing.parent or ""
        if parent in nodes:
            nodes[parent].children.append(nodes[thing.key])
        else:
            if parent not in scopes:
                scopes[parent] = Node(parent or "/")
                root.children.append(scopes[parent])
            scopes[parent].children.append(nodes[thing.key])
    return root


def _label(catalogue: Catalogue, thing: Thing) -> str:
    known = catalogue.arm.get(thing.type)
    return known.label if known else thing.type


def _entra(store: Store) -> Node:
    root = Node("Entra")
    kinds: dict[str, Node] = {}
    for thing in store.find(cloud=CLOUD):
        if thing.type == "policy":
            continue
        if thing.type not in kinds:
            kinds[thing.type] = Node(thing.type)
            root.children.append(kinds[thing.type])
        node = Node(thing.name, thing.type, thing.id, _account(store, thing))
        for kind in ("members", "licence", "manager"):
            for link in store.links(kind, source=thing.key):
                node.children.append(Node(_shown(store, link.target), kind, link.target))
        kinds[thing.type].children.append(node)
    return root


def _account(store: Store, thing: Thing) -> str:
    if thing.type == "user" and thing.body.get("accountEnabled") is False:
        return "disabled"
    if thing.type == "domain" and not thing.body.get("isVerified"):
        return "unverified"
    return state(store, thing)


def _shown(store: Store, key: str) -> str:
    thing = store.get(key)
    if thing is not None:
        return thing.name
    for sku in store.setting("tenant_facts", {}).get("skus", []):
        if sku["skuId"] == key:
            return str(sku["skuPartNumber"])
    return key


# --- drift -------------------------------------------------------------------------------------


def chosen(store: Store, catalogue: Catalogue, type: str, name: str) -> Thing:
    """The one thing of a type with a name or id. Raises DriftError for none or several."""
    kinds = set(_kinds(catalogue, type))
    found = [
        thing
        for thing in store.find()
        if thing.type.lower() in kinds
        and name.lower()
        in (
            thing.name.lower(),
            thing.id.lower(),
            thing.key,
            str(thing.body.get("displayName", "")).lower(),
        )
    ]
    if len(found) == 1:
        return found[0]
    known = sorted({thing.name for thing in store.find() if thing.type.lower() in kinds})
    what = "several are" if found else "nothing is"
    hint = (
        f"say its id: {', '.join(thing.id for thing in found)}"
        if found
        else f"there are: {', '.join(known) or 'none'}"
    )
    raise DriftError(f"{what} a {type} called {name}", hint=hint)


def _kinds(catalogue: Catalogue, type: str) -> Iterable[str]:
    wanted = type.lower()
    yield wanted
    for token, known in catalogue.arm.items():
        if wanted in (token.lower(), known.label.lower(), known.arm.lower()):
            yield token.lower()
    for token, entry in catalogue.entra.items():
        if entry.kind and wanted in (token.lower(), entry.label.lower()):
            yield entry.kind.lower()


def set_value(
    store: Store, catalogue: Catalogue, type: str, name: str, path: str, value: Any
) -> Thing:
    """Change one property behind everybody's back; null takes it away. Raises DriftError."""
    with store.change():
        thing = chosen(store, catalogue, type, name)
        try:
            wire.put(thing.body, path, value)
        except (KeyError, IndexError):
            raise DriftError(f"{thing.name} has nothing at {path}", hint="write a.b.0.c") from None
        store.save(thing)
        if thing.cloud != CLOUD:
            store.refer(thing.key, {id.lower() for id in arm.ids_in(thing.body)} - {thing.key})
        store.log("drift", "update", thing.type, thing.id)
        return thing


def delete(store: Store, catalogue: Catalogue, type: str, name: str) -> str:
    """Delete something behind everybody's back, whatever refers to it; its name.

    A membership is a `GroupMember` called GROUP/MEMBER. Raises DriftError.
    """
    with store.change():
        if type.lower() in ("groupmember", "administrativeunitmember", "members"):
            return _unlink(store, catalogue, name)
        thing = chosen(store, catalogue, type, name)
        if thing.cloud == CLOUD:
            Directory(store, "").delete(thing)
        else:
            for item in [*store.below(thing.key), thing]:
                store.remove(item)
        store.log("drift", "delete", thing.type, thing.id)
        return thing.name


def _unlink(store: Store, catalogue: Catalogue, name: str) -> str:
    holder, _, member = name.partition("/")
    ids = [_any(store, part) for part in (holder, member)]
    if not all(ids) or not store.unlink("members", str(ids[0]), str(ids[1])):
        raise DriftError(f"{member} is no member of {holder}", hint="write GROUP/MEMBER")
    store.log("drift", "delete", "members", name)
    return name


def _any(store: Store, name: str) -> str | None:
    for thing in store.find(cloud=CLOUD):
        if name.lower() in (thing.key, thing.name.lower()):
            return thing.key
    return None


def purge(store: Store, name: str) -> int:
    """Forget deleted things of a name (or id) for good; how many."""
    found = [
        item
        for item in store.deleted()
        if name.lower() in (item.thing.name.lower(), item.thing.id.lower(), "*")
    ]
    with store.change():
        for item in found:
            store.purge(item)
    return len(found)


def faults_rows(store: Store) -> list[Mapping[str, Any]]:
    """The faults that are still to come."""
    return [
        {
            "number": fault.seq,
            "kind": fault.kind,
            "type": fault.type,
            "name": fault.name,
            "verb": fault.verb,
            "count": fault.remaining,
            "options": fault.options,
        }
        for fault in store.faults()
    ]
