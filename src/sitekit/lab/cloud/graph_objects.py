"""What Graph says of users, groups, units and other objects of the directory."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from .base import Refused
from .directory import bad, not_there
from .graph import KINDS, Answer, Graph, Request, reference, route
from .store import Thing

_NAMES = {"users": "user", "groups": "group", "directory/administrativeUnits": "administrativeUnit"}


def _collection(path: str, kind: str) -> None:
    """List, create, read, change and delete objects of a kind."""

    @route("GET", f"/{path}", kind, "list")
    def listed(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        wanted = graph.wanted(request)
        items = [graph.directory.shown(thing, wanted) for thing in graph.directory.listed(kind)]
        if "manager" in request.query.get("$expand", ""):
            for item in items:
                found = graph.directory.targets("manager", graph.directory.find(item["id"]))
                if found:
                    item["@manager"] = graph.typed(found[0])
        facts = graph.directory.facts.get(kind, {})
        graph.known(request, kind)
        answer = graph.page(request, items, path, facts.get("default", ()))
        if answer.body:
            for item in answer.body["value"]:
                if "@manager" in item:
                    item["manager"] = item.pop("@manager")
        return answer

    @route("POST", f"/{path}", kind, "create")
    def created(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        binds = {key: request.body[key] for key in request.body if key.endswith("@odata.bind")}
        body = {key: value for key, value in request.body.items() if "@odata." not in key}
        thing = graph.directory.create(kind, body)
        for key, targets in binds.items():
            relation = key.removesuffix("@odata.bind")
            for target in targets if isinstance(targets, list) else [targets]:
                graph.directory.add(
                    relation, thing, graph.directory.find(reference({"@odata.id": target}))
                )
        return graph.single(request, thing, path, status=201)

    @route("GET", f"/{path}/{{id}}", kind, "read")
    def read(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        graph.known(request, kind)
        return graph.single(
            request, graph.directory.find(match["id"], kind, by_name=kind == "user"), path
        )

    @route("PATCH", f"/{path}/{{id}}", kind, "update")
    def changed(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        thing = graph.directory.find(match["id"], kind, by_name=kind == "user")
        binds = {key: request.body[key] for key in request.body if key.endswith("@odata.bind")}
        for key, targets in binds.items():
            if len(targets) > 20:
                raise bad("The number of references to add in one request is at most 20.")
            for target in targets:
                graph.directory.add(
                    key.removesuffix("@odata.bind"),
                    thing,
                    graph.directory.find(reference({"@odata.id": target})),
                )
        body = {key: value for key, value in request.body.items() if "@odata." not in key}
        if body:
            graph.directory.change(thing, body)
        return Answer(204)

    @route("DELETE", f"/{path}/{{id}}", kind, "delete")
    def deleted(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        graph.directory.delete(graph.directory.find(match["id"], kind, by_name=kind == "user"))
        return Answer(204)


def _relation(path: str, kind: str, relation: str) -> None:
    """List the ends of a relation, and add and remove them by reference."""

    @route("GET", f"/{path}/{{id}}/{relation}", kind, "list")
    def listed(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        holder = graph.directory.find(match["id"], kind)
        items = [graph.typed(thing) for thing in graph.directory.targets(relation, holder)]
        return graph.page(request, items, "directoryObjects")

    @route("GET", f"/{path}/{{id}}/{relation}/microsoft.graph.user", kind, "list")
    def users(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        holder = graph.directory.find(match["id"], kind)
        items = [
            graph.directory.shown(thing)
            for thing in graph.directory.targets(relation, holder)
            if thing.type == "user"
        ]
        return graph.page(request, items, "users")

    @route("POST", f"/{path}/{{id}}/{relation}/$ref", kind, "update")
    def added(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        holder = graph.directory.find(match["id"], kind)
        graph.directory.add(relation, holder, graph.directory.find(reference(request.body)))
        return Answer(204)

    @route("DELETE", f"/{path}/{{id}}/{relation}/{{member}}/$ref", kind, "update")
    def removed(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        graph.directory.drop(relation, graph.directory.find(match["id"], kind), match["member"])
        return Answer(204)


for _path, _kind in (*_NAMES.items(), ("administrativeUnits", "administrativeUnit")):
    _collection(_path, _kind)
    if _kind != "user":
        _relation(_path, _kind, "members")
_relation("groups", "group", "owners")
_relation("users", "user", "sponsors")


@route("POST", "/users/{id}/revokeSignInSessions", "user", "update")
def _revoke(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    moment = dt.datetime.fromtimestamp(graph.store.now(), dt.UTC)
    user.extra = {**user.extra, "sessions": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    graph.store.save(user)
    return Answer(200, {"@odata.context": f"{request.base}/$metadata#Edm.Boolean", "value": True})


@route("GET", "/users/{id}/manager", "user", "read")
def _manager(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    found = graph.directory.targets(
        "manager", graph.directory.find(match["id"], "user", by_name=True)
    )
    if not found:
        raise Refused(
            404, "Request_ResourceNotFound",
            "Resource 'manager' does not exist or one of its queried reference-property objects "
            "are not present.",
        )  # fmt: skip
    return Answer(
        200,
        {
            "@odata.context": f"{request.base}/$metadata#directoryObjects/$entity",
            **graph.typed(found[0]),
        },
    )


@route("PUT", "/users/{id}/manager/$ref", "user", "update")
def _set_manager(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    graph.directory.add("manager", user, graph.directory.find(reference(request.body), "user"))
    return Answer(204)


@route("DELETE", "/users/{id}/manager/$ref", "user", "update")
def _no_manager(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    found = graph.directory.targets("manager", user)
    if not found:
        raise not_there("manager")
    graph.directory.drop("manager", user, found[0].key)
    return Answer(204)


@route("GET", "/users/{id}/memberOf", "user", "list")
def _member_of(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    items = [graph.typed(thing) for thing in graph.directory.member_of(user)]
    return graph.page(request, items, "directoryObjects")


@route("GET", "/users/{id}/memberOf/microsoft.graph.{cast}", "user", "list")
def _member_of_kind(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    kinds = {kind.lower(): kind for kind in KINDS}
    if match["cast"].lower() not in kinds:
        raise bad(f"Invalid type cast to 'microsoft.graph.{match['cast']}'.")
    kind = kinds[match["cast"].lower()]
    found = [thing for thing in graph.directory.member_of(user) if thing.type == kind]
    if kind == "directoryRole":
        found = graph.directory.roles_of(user)
    return graph.page(request, [graph.directory.shown(thing) for thing in found], f"{kind}s")


@route("GET", "/users/{id}/transitiveMemberOf", "user", "list")
def _transitive_member_of(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    waiting = graph.directory.member_of(graph.directory.find(match["id"], "user", by_name=True))
    seen: dict[str, Thing] = {}
    while waiting:
        thing = waiting.pop()
        if thing.key not in seen:
            seen[thing.key] = thing
            waiting += graph.directory.member_of(thing)
    return graph.page(request, [graph.typed(thing) for thing in seen.values()], "directoryObjects")


@route("GET", "/groups/{id}/transitiveMembers", "group", "list")
def _transitive_members(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    group = graph.directory.find(match["id"], "group")
    return graph.page(
        request,
        [graph.typed(thing) for thing in graph.directory.transitive_members(group)],
        "directoryObjects",
    )


@route("GET", "/users/{id}/licenseDetails", "user", "list")
def _licence_details(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    user = graph.directory.find(match["id"], "user", by_name=True)
    given = {item["skuId"] for item in graph.directory.assigned(user)}
    items = [
        {
            "id": sku["id"],
            "skuId": sku["skuId"],
            "skuPartNumber": sku["skuPartNumber"],
            "servicePlans": sku["servicePlans"],
        }
        for sku in graph.directory.skus()
        if sku["skuId"] in given
    ]
    return graph.page(request, items, "licenseDetails")


def _assign(kind: str, path: str, status: int) -> None:
    @route("POST", f"/{path}/{{id}}/assignLicense", kind, "update")
    def assigned(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        for key in ("addLicenses", "removeLicenses"):
            if not isinstance(request.body.get(key), list):
                raise bad(f"A value is required for parameter '{key}'.")
        thing = graph.directory.find(match["id"], kind, by_name=kind == "user")
        graph.directory.license(thing, request.body["addLicenses"], request.body["removeLicenses"])
        return graph.single(request, thing, path, status=status)


_assign("user", "users", 200)
_assign("group", "groups", 202)


@route("GET", "/directoryObjects/{id}", "directoryObject", "read")
def _object(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = graph.directory.find(match["id"], *KINDS)
    return Answer(
        200,
        {
            "@odata.context": f"{request.base}/$metadata#directoryObjects/$entity",
            **graph.typed(thing),
        },
    )


@route("POST", "/directoryObjects/getByIds", "directoryObject", "list")
def _by_ids(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    ids = request.body.get("ids") or []
    if len(ids) > 1000:
        raise bad("At most 1000 ids can be asked for.")
    kinds = set(request.body.get("types") or KINDS)
    found = []
    for id in ids:
        thing = graph.store.get(str(id).lower())
        if thing is not None and thing.type in kinds and thing.visible <= graph.store.now():
            found.append(graph.typed(thing))
    return Answer(
        200, {"@odata.context": f"{request.base}/$metadata#directoryObjects", "value": found}
    )


_DELETED = {
    "user": "microsoft.graph.user",
    "group": "microsoft.graph.group",
    "application": "microsoft.graph.application",
    "servicePrincipal": "microsoft.graph.servicePrincipal",
    "administrativeUnit": "microsoft.graph.administrativeUnit",
}
for _kind, _cast in _DELETED.items():

    @route("GET", f"/directory/deletedItems/{re.escape(_cast)}", f"deleted-{_kind}", "list")
    def _deleted_list(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        cast = request.path.strip("/").rpartition("/")[2].lower()
        kind = next(known for known, name in _DELETED.items() if name.lower() == cast)
        items = [graph.directory.deleted_shown(item) for item in graph.store.deleted(type=kind)]
        facts = graph.directory.facts.get(kind, {})
        default = [*facts["default"], "deletedDateTime"] if "default" in facts else ()
        return graph.page(request, items, f"{kind}s", default)


@route("GET", "/directory/deletedItems/{id}", "deleted", "read")
def _deleted_one(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    item = _deleted(graph, match["id"])
    shown = graph.directory.deleted_shown(item)
    return Answer(200, {"@odata.type": KINDS[item.thing.type], **graph.selected(request, shown)})


@route("DELETE", "/directory/deletedItems/{id}", "deleted", "delete")
def _purge(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    graph.store.purge(_deleted(graph, match["id"]))
    return Answer(204)


@route("POST", "/directory/deletedItems/{id}/restore", "deleted", "create")
def _restore(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    upn = request.body.get("newUserPrincipalName")
    thing = graph.directory.restore(_deleted(graph, match["id"]), upn=str(upn) if upn else None)
    return Answer(
        200,
        {
            "@odata.context": f"{request.base}/$metadata#directoryObjects/$entity",
            **graph.typed(thing),
        },
    )


def _deleted(graph: Graph, id: str) -> Any:
    found = [item for item in graph.store.deleted(key=id.lower()) if item.thing.cloud == "azuread"]
    if not found:
        raise not_there(id)
    return found[0]


@route("GET", "/me", "user", "read")
def _me(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    raise bad("/me request is only valid with delegated authentication flow.", code="BadRequest")
