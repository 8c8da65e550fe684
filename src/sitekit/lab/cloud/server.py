"""Microsoft Graph on 127.0.0.1 out of the lab's file: `python -m sitekit.lab.cloud.server`.

Paths may begin with /v1.0, /beta or nothing. Shapes: types/notes.md.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import faults, odata
from .base import Refused, Vanished
from .directory import Directory, bad, not_there
from .store import Store, StoreError, Thing, guid_of

STORE = "cloud.sqlite"
WHERE = "graph.json"
_JSON = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
    "charset=utf-8"
)
_PAGE, _PAGE_MOST, _BATCH_MOST = 100, 999, 20
_ODATA = {
    "user": "#microsoft.graph.user",
    "group": "#microsoft.graph.group",
    "servicePrincipal": "#microsoft.graph.servicePrincipal",
    "application": "#microsoft.graph.application",
    "administrativeUnit": "#microsoft.graph.administrativeUnit",
    "device": "#microsoft.graph.device",
    "directoryRole": "#microsoft.graph.directoryRole",
}


@dataclass(slots=True)
class Request:
    """One request, alone or out of a batch."""

    method: str
    path: str  # without version
    query: dict[str, str]
    body: dict[str, Any]
    base: str  # of this server, with version
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[["Graph", Request, re.Match[str]], Answer]
ROUTES: list[tuple[str, re.Pattern[str], str, str, Handler]] = []


def route(method: str, path: str, kind: str, verb: str) -> Callable[[Handler], Handler]:
    """Register a handler: `{id}` is one part of the path; kind and verb are what faults match."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace("$", r"\$"))

    def kept(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(f"{pattern}/?", re.I), kind, verb, handler))
        return handler

    return kept


class Graph:
    """Answers requests; knows nothing of sockets."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def directory(self) -> Directory:
        """The tenant's objects."""
        tenants = self.store.setting("tenants", [])
        return Directory(self.store, tenants[0] if tenants else "")

    def answer(self, request: Request, authorization: str) -> Answer:
        """One request from the outside."""
        marks = {
            "request-id": secrets.token_hex(16),
            "client-request-id": request.headers.get("client-request-id", ""),
        }
        try:
            self._token(authorization)
            if request.path.strip("/").lower() == "$batch" and request.method == "POST":
                answer = self._batch(request, marks)
            else:
                answer = self.one(request)
        except Refused as refused:
            answer = self.refuse(refused, marks)
        answer.headers |= {"request-id": marks["request-id"]}
        if marks["client-request-id"]:
            answer.headers["client-request-id"] = marks["client-request-id"]
        return answer

    def _token(self, authorization: str) -> None:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
        if not secrets.compare_digest(token, str(self.store.setting("token", ""))):
            raise Refused(
                401,
                "InvalidAuthenticationToken",
                "CompactToken parsing failed with error code: 80049217",
            )

    def one(self, request: Request) -> Answer:
        """One request that is allowed in. Raises Refused."""
        path = "/" + request.path.strip("/")
        allowed = []
        for method, pattern, kind, verb, handler in ROUTES:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if method != request.method:
                allowed.append(method)
                continue
            names = tuple(
                name for name in (*match.groupdict().values(), *_names(request.body)) if name
            )
            known = self._known_names(match.groupdict().get("id"))
            target = faults.Target((kind, f"graph:{kind}"), (*names, *known, "-"), verb)
            faults.strike(self.store, target, graph=True)
            with self.store.change():
                answer = handler(self, request, match)
            faults.strike_after(self.store, target)
            if verb not in ("read", "list"):
                self.store.log("graph", verb, kind, names[0] if names else path)
            return answer
        if allowed:
            raise Refused(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            )
        raise Refused(
            400,
            "BadRequest",
            f"Resource not found for the segment '{path.strip('/').split('/')[0]}'.",
        )

    def _known_names(self, id: str | None) -> tuple[str, ...]:
        thing = self.store.get(id.lower()) if id else None
        return (thing.name,) if thing else ()

    def refuse(self, refused: Refused, marks: Mapping[str, str]) -> Answer:
        """A refusal in Graph's shape."""
        now = dt.datetime.fromtimestamp(self.store.now(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        error: dict[str, Any] = {
            "code": refused.code,
            "message": refused.message,
            "innerError": {"date": now, **marks},
        }
        conflict = re.search(r"same value for property (\w+)", refused.message)
        if conflict:
            error["details"] = [
                {"code": "ObjectConflict", "message": refused.message, "target": conflict.group(1)}
            ]
        headers = {}
        if refused.status in (429, 503):
            headers["Retry-After"] = str(max(1, round(refused.retry_after or 1)))
        if refused.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm=""'
        return Answer(refused.status or 400, {"error": error}, headers)

    def _batch(self, request: Request, marks: Mapping[str, str]) -> Answer:
        requests = request.body.get("requests")
        if not isinstance(requests, list) or not requests:
            raise bad("Invalid batch payload format.", code="BadRequest")
        if len(requests) > _BATCH_MOST:
            raise bad(
                f"Number of batch request steps exceeds the maximum value of {_BATCH_MOST}.",
                code="BadRequest",
            )
        ids = [str(item.get("id")) for item in requests]
        if len(set(ids)) < len(ids):
            raise bad("Request ids must be unique within a batch.", code="BadRequest")
        answers: dict[str, dict[str, Any]] = {}
        for item in requests:
            failed = [
                id
                for id in item.get("dependsOn") or []
                if answers.get(id, {}).get("status", 424) >= 400
            ]
            if failed:
                refused = Refused(424, "FailedDependency", "A request it depends on failed.")
                answer = self.refuse(refused, marks)
            else:
                answer = self._step(item, request, marks)
            entry: dict[str, Any] = {"id": str(item.get("id")), "status": answer.status}
            entry["headers"] = {**answer.headers, "Content-Type": "application/json"}
            if answer.body is not None:
                entry["body"] = answer.body
            answers[str(item.get("id"))] = entry
        return Answer(200, {"responses": list(answers.values())})

    def _step(self, item: Mapping[str, Any], outer: Request, marks: Mapping[str, str]) -> Answer:
        url = urlsplit(str(item.get("url", "")))
        step = Request(
            str(item.get("method", "")).upper(),
            unquote(url.path),
            dict(parse_qsl(url.query, keep_blank_values=True)),
            item.get("body") if isinstance(item.get("body"), dict) else {},  # type: ignore[arg-type]
            outer.base,
            {str(key).lower(): str(value) for key, value in (item.get("headers") or {}).items()},
        )
        try:
            return self.one(step)
        except Refused as refused:
            return self.refuse(refused, marks)

    # --- collections ---------------------------------------------------------------------------

    def page(
        self,
        request: Request,
        items: Sequence[Mapping[str, Any]],
        context: str,
        default: Sequence[str] = (),
    ) -> Answer:
        """A collection as the query asks for it, page by page."""
        query = request.query
        try:
            chosen: list[Mapping[str, Any]] = list(items)
            if text := query.get("$filter"):
                test = odata.where(text)
                chosen = [item for item in chosen if test(item)]
            if text := query.get("$search"):
                if request.headers.get("consistencylevel", "").lower() != "eventual":
                    raise bad(
                        "Request with $search query parameter only works through MSGraph with a "
                        "special request header: 'ConsistencyLevel: eventual'"
                    )
                test = odata.searched(text)
                chosen = [item for item in chosen if test(item)]
            if text := query.get("$orderby"):
                chosen = odata.ordered(chosen, text)
            start = odata.place_of(query["$skiptoken"]) if "$skiptoken" in query else 0
        except odata.QueryError as error:
            raise bad(str(error)) from None
        top = query.get("$top", str(_PAGE))
        if not top.isdigit() or not 1 <= int(top) <= _PAGE_MOST:
            raise bad(
                f"Invalid page size specified: '{top}'. Must be between 1 and {_PAGE_MOST} "
                "inclusive."
            )
        shown = chosen[start : start + int(top)]
        body: dict[str, Any] = {"@odata.context": f"{request.base}/$metadata#{context}"}
        if query.get("$count") == "true":
            body["@odata.count"] = len(chosen)
        if start + int(top) < len(chosen):
            rest = {key: value for key, value in query.items() if key != "$skiptoken"}
            rest["$skiptoken"] = odata.token_of(start + int(top))
            body["@odata.nextLink"] = f"{request.base}{request.path}?{_query(rest)}"
        body["value"] = [self.selected(request, item, default) for item in shown]
        return Answer(200, body)

    @staticmethod
    def selected(
        request: Request, item: Mapping[str, Any], default: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The properties that were asked for, or those that come by themselves."""
        wanted = [name for name in request.query.get("$select", "").split(",") if name] or list(
            default
        )
        if not wanted:
            return dict(item)
        kept = {name.strip(): item.get(name.strip()) for name in wanted}
        kept |= {key: item[key] for key in item if key.startswith("@") or key == "id"}
        return kept

    @staticmethod
    def wanted(request: Request) -> Container[str]:
        """The properties that a query speaks of; those of licences cost time."""
        words = " ".join(request.query.values())
        return [name for name in ("assignedLicenses", "licenseAssignmentStates") if name in words]

    def known(self, request: Request, kind: str) -> None:
        """Raise Refused when the query selects a property that the kind does not have."""
        facts = self.directory.facts.get(kind)
        if facts is None:
            return
        properties = {*facts["written"], *facts["read"]}
        for name in filter(None, request.query.get("$select", "").split(",")):
            if name.strip() not in properties:
                label = f"microsoft.graph.{kind}"
                raise bad(f"Could not find a property named '{name.strip()}' on type '{label}'.")

    def single(self, request: Request, thing: Thing, context: str, *, status: int = 200) -> Answer:
        """One object."""
        facts = self.directory.facts.get(thing.type, {})
        item = self.selected(
            request, self.directory.shown(thing, self.wanted(request)), facts.get("default", ())
        )
        self._expanded(request, thing, item)
        return Answer(
            status, {"@odata.context": f"{request.base}/$metadata#{context}/$entity", **item}
        )

    def _expanded(self, request: Request, thing: Thing, item: dict[str, Any]) -> None:
        for name in filter(None, request.query.get("$expand", "").split(",")):
            relation = name.partition("(")[0]
            if relation == "manager":
                found = self.directory.targets("manager", thing)
                if found:
                    item["manager"] = self.typed(found[0])
            elif relation in ("members", "owners"):
                item[relation] = [
                    self.typed(other) for other in self.directory.targets(relation, thing)[:20]
                ]
            elif relation == "memberOf":
                item["memberOf"] = [self.typed(other) for other in self.directory.member_of(thing)]
            else:
                raise bad(f"Could not find a property named '{relation}' to expand.")

    def typed(self, thing: Thing, wanted: Container[str] = ()) -> dict[str, Any]:
        """An object with its kind in front, as in lists of directory objects."""
        return {
            "@odata.type": _ODATA.get(thing.type, "#microsoft.graph.directoryObject"),
            **self.directory.shown(thing, wanted),
        }


def _names(body: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ("userPrincipalName", "displayName", "invitedUserEmailAddress", "id", "tenantId")
    return tuple(str(body[key]) for key in keys if isinstance(body.get(key), str))


def _query(parts: Mapping[str, str]) -> str:
    from urllib.parse import quote, urlencode

    return urlencode(parts, quote_via=quote, safe="$")


def _reference(body: Mapping[str, Any]) -> str:
    """The object id in an @odata.id."""
    target = str(body.get("@odata.id") or "")
    found = re.search(
        r"/(?:directoryObjects|users|groups|devices|servicePrincipals)/([^/?]+)$", target
    )
    if not found:
        raise bad("Invalid URL format specified in @odata.id.")
    return found.group(1)


# --- users -------------------------------------------------------------------------------------

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
                    relation, thing, graph.directory.find(_reference({"@odata.id": target}))
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
                    graph.directory.find(_reference({"@odata.id": target})),
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
        graph.directory.add(relation, holder, graph.directory.find(_reference(request.body)))
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
    graph.directory.add("manager", user, graph.directory.find(_reference(request.body), "user"))
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
    kinds = {kind.lower(): kind for kind in _ODATA}
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


# --- directory ---------------------------------------------------------------------------------


@route("GET", "/directoryObjects/{id}", "directoryObject", "read")
def _object(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = graph.directory.find(match["id"], *_ODATA)
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
    kinds = set(request.body.get("types") or _ODATA)
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
    return Answer(200, {"@odata.type": _ODATA[item.thing.type], **graph.selected(request, shown)})


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


@route("GET", "/subscribedSkus", "subscribedSku", "list")
def _skus(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return graph.page(request, graph.directory.skus(), "subscribedSkus")


@route("GET", "/subscribedSkus/{id}", "subscribedSku", "read")
def _sku(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    for sku in graph.directory.skus():
        if match["id"].lower() in (sku["id"].lower(), sku["skuId"]):
            return Answer(200, sku)
    raise not_there(match["id"])


@route("GET", "/organization", "organization", "list")
def _organization(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    directory = graph.directory
    domains = [
        {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": thing.body["isDefault"],
            "isInitial": thing.body["isInitial"],
            "name": thing.name,
            "type": "Managed",
        }
        for thing in directory.domains()
        if thing.body["isVerified"]
    ]
    item = {
        "id": directory.tenant,
        "displayName": "Lab organisation",
        "countryLetterCode": "FR",
        "tenantType": "AAD",
        "verifiedDomains": domains,
        "assignedPlans": [],
    }
    return graph.page(request, [item], "organization")


@route("GET", "/directoryRoles", "directoryRole", "list")
def _roles(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    items = [
        {
            "id": thing.key,
            "displayName": thing.name,
            "description": f"{thing.name} (lab)",
            "roleTemplateId": thing.body["templateId"],
            "deletedDateTime": None,
        }
        for thing in graph.directory.listed("directoryRole")
    ]
    return graph.page(request, items, "directoryRoles")


@route("GET", "/directoryRoleTemplates", "directoryRoleTemplate", "list")
def _role_templates(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    items = [
        {
            "id": template,
            "displayName": name,
            "description": f"{name} (lab)",
            "deletedDateTime": None,
        }
        for name, template in graph.directory.facts["roles"].items()
    ]
    return graph.page(request, items, "directoryRoleTemplates")


@route("POST", "/invitations", "invitation", "create")
def _invite(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    answer, _ = graph.directory.invite(request.body)
    return Answer(
        201, {"@odata.context": f"{request.base}/$metadata#invitations/$entity", **answer}
    )


# --- scoped roles ------------------------------------------------------------------------------

for _path in ("directory/administrativeUnits", "administrativeUnits"):

    @route("GET", f"/{_path}/{{id}}/scopedRoleMembers", "administrativeUnit", "list")
    def _scoped(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        unit = graph.directory.find(match["id"], "administrativeUnit")
        items = [
            {
                "id": thing.key,
                "roleId": str(thing.body["roleObjectId"]),
                "administrativeUnitId": unit.key,
                "roleMemberInfo": {"id": str(thing.body["memberObjectId"])},
            }
            for thing in graph.store.find(type="scopedRoleMembership")
            if unit.key in str(thing.body["administrativeUnitObjectId"])
        ]
        return graph.page(request, items, "scopedRoleMemberships")


# --- domains -----------------------------------------------------------------------------------


@route("GET", "/domains", "domain", "list")
def _domain_list(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return graph.page(request, [thing.body for thing in graph.directory.domains()], "domains")


@route("POST", "/domains", "domain", "create")
def _domain_add(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = graph.directory.add_domain(str(request.body.get("id") or ""))
    return Answer(
        201, {"@odata.context": f"{request.base}/$metadata#domains/$entity", **thing.body}
    )


def _domain(graph: Graph, name: str) -> Thing:
    thing = graph.store.get(f"domain/{name.lower()}")
    if thing is None:
        raise not_there(name)
    return thing


@route("GET", "/domains/{id}", "domain", "read")
def _domain_get(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return Answer(
        200,
        {
            "@odata.context": f"{request.base}/$metadata#domains/$entity",
            **_domain(graph, match["id"]).body,
        },
    )


@route("PATCH", "/domains/{id}", "domain", "update")
def _domain_change(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _domain(graph, match["id"])
    known = {
        "isDefault",
        "supportedServices",
        "passwordValidityPeriodInDays",
        "passwordNotificationWindowInDays",
    }
    if odd := [key for key in request.body if key not in known]:
        raise bad(f"Property '{odd[0]}' is read-only and cannot be set.")
    if request.body.get("isDefault"):
        if not thing.body["isVerified"]:
            raise bad("An unverified domain cannot be the default.")
        for other in graph.directory.domains():
            other.body = {**other.body, "isDefault": False}
            graph.store.save(other)
    thing.body = {**thing.body, **request.body}
    graph.store.save(thing)
    return Answer(204)


@route("DELETE", "/domains/{id}", "domain", "delete")
def _domain_delete(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _domain(graph, match["id"])
    if thing.body["isInitial"] or thing.body["isDefault"]:
        raise bad("The initial and the default domain cannot be deleted.")
    used = [
        user.name
        for user in graph.store.find(type="user")
        if str(user.body.get("userPrincipalName", "")).lower().endswith(f"@{thing.name}")
    ]
    if used:
        raise bad(
            f"Domain {thing.name} is still used by {len(used)} objects.", code="Request_BadRequest"
        )
    graph.store.remove(thing)
    return Answer(204)


@route("GET", "/domains/{id}/verificationDnsRecords", "domain", "read")
def _domain_records(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return graph.page(
        request, graph.directory.verification(_domain(graph, match["id"])), "domainDnsRecords"
    )


@route("POST", "/domains/{id}/verify", "domain", "update")
def _domain_verify(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = graph.directory.verify(_domain(graph, match["id"]))
    return Answer(
        200, {"@odata.context": f"{request.base}/$metadata#domains/$entity", **thing.body}
    )


# --- secrets of key vaults ------------------------------------------------------------------------


@route("GET", "/vaults/{vault}/secrets/{id}", "secret", "read")
def _secret(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    """What any secret of any vault is in this lab: always the same, and stored nowhere."""
    token = str(graph.store.setting("token", ""))
    name = f"{match['vault']}/{match['id']}".lower()
    value = hmac.new(token.encode(), name.encode(), "sha256").digest()
    return Answer(200, {"value": f"lab-{base64.urlsafe_b64encode(value[:24]).decode()}"})


# --- policies ----------------------------------------------------------------------------------

XTAP = "policies/crossTenantAccessPolicy"
for _path in (
    "policies/authorizationPolicy",
    "policies/authenticationMethodsPolicy",
    XTAP,
    f"{XTAP}/default",
):

    @route("GET", f"/{_path}", "policy", "read")
    def _policy(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        body = graph.directory.policy(_canonical(request.path))
        return Answer(
            200,
            {
                "@odata.context": f"{request.base}/$metadata#{_canonical(request.path)}/$entity",
                **graph.selected(request, body),
            },
        )

    @route("PATCH", f"/{_path}", "policy", "update")
    def _policy_change(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        graph.directory.change_policy(_canonical(request.path), request.body)
        return Answer(204)


def _canonical(path: str) -> str:
    known = (
        "policies/authorizationPolicy",
        "policies/authenticationMethodsPolicy",
        XTAP,
        f"{XTAP}/default",
    )
    return next(name for name in known if name.lower() == path.strip("/").lower())


@route("POST", f"/{XTAP}/default/resetToSystemDefault", "policy", "update")
def _policy_reset(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    if thing := graph.store.get(f"{XTAP}/default".lower()):
        graph.store.remove(thing)
    return Answer(204)


_METHODS = "policies/authenticationMethodsPolicy"


@route("GET", f"/{_METHODS}/authenticationMethodConfigurations/{{id}}", "policy", "read")
def _method(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    for item in graph.directory.policy(_METHODS)["authenticationMethodConfigurations"]:
        if item["id"].lower() == match["id"].lower():
            return Answer(200, dict(item))
    raise not_there(match["id"])


@route("PATCH", f"/{_METHODS}/authenticationMethodConfigurations/{{id}}", "policy", "update")
def _method_change(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    items = [
        dict(item)
        for item in graph.directory.policy(_METHODS)["authenticationMethodConfigurations"]
    ]
    found = [item for item in items if item["id"].lower() == match["id"].lower()]
    if not found:
        raise not_there(match["id"])
    if request.body.get("state") not in (None, "enabled", "disabled"):
        raise bad("Invalid value specified for property 'state'.")
    found[0] |= {
        key: value for key, value in request.body.items() if key not in ("id", "@odata.type")
    }
    graph.directory.change_policy(_METHODS, {"authenticationMethodConfigurations": items})
    return Answer(204)


_PARTNER = {
    "isServiceProvider": None, "isInMultiTenantOrganization": False, "inboundTrust": None,
    "b2bCollaborationOutbound": None, "b2bCollaborationInbound": None,
    "b2bDirectConnectOutbound": None, "b2bDirectConnectInbound": None,
    "tenantRestrictions": None, "blockServiceProviderOutboundAccess": None,
    "automaticUserConsentSettings": {"inboundAllowed": None, "outboundAllowed": None},
}  # fmt: skip


def _partner(graph: Graph, tenant: str) -> Thing:
    thing = graph.store.get(f"partner/{tenant.lower()}")
    if thing is None:
        raise not_there(tenant)
    return thing


def _partner_body(body: Mapping[str, Any]) -> dict[str, Any]:
    if odd := [
        key for key in body if key not in _PARTNER and key != "tenantId" and not key.startswith("@")
    ]:
        raise bad(f"Invalid property '{odd[0]}'.")
    for key in (
        "b2bCollaborationInbound",
        "b2bCollaborationOutbound",
        "b2bDirectConnectInbound",
        "b2bDirectConnectOutbound",
    ):
        for part in (body.get(key) or {}).values():
            if (
                not isinstance(part, Mapping)
                or part.get("accessType") not in ("allowed", "blocked")
                or not part.get("targets")
            ):
                raise bad(f"Invalid value specified for property '{key}'.")
    return {key: value for key, value in body.items() if not key.startswith("@")}


@route("GET", f"/{XTAP}/partners", "partner", "list")
def _partners(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return graph.page(
        request, [thing.body for thing in graph.store.find(type="partner")], f"{XTAP}/partners"
    )


@route("POST", f"/{XTAP}/partners", "partner", "create")
def _partner_add(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    tenant = str(request.body.get("tenantId") or "").lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", tenant):
        raise bad("A value is required for property 'tenantId'.")
    if tenant == graph.directory.tenant.lower():
        raise bad("A tenant cannot be its own partner.")
    if graph.store.get(f"partner/{tenant}") is not None:
        raise Refused(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "A conflicting object with one or more of the specified property values is present in "
            "the directory.",
        )
    body = {"tenantId": tenant, **_PARTNER, **_partner_body(request.body)}
    graph.store.add(Thing(f"partner/{tenant}", "azuread", "partner", tenant, tenant, None, body))
    return Answer(
        201, {"@odata.context": f"{request.base}/$metadata#{XTAP}/partners/$entity", **body}
    )


@route("GET", f"/{XTAP}/partners/{{id}}", "partner", "read")
def _partner_get(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return Answer(
        200,
        {
            "@odata.context": f"{request.base}/$metadata#{XTAP}/partners/$entity",
            **_partner(graph, match["id"]).body,
        },
    )


@route("PATCH", f"/{XTAP}/partners/{{id}}", "partner", "update")
def _partner_change(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _partner(graph, match["id"])
    thing.body = {**thing.body, **_partner_body(request.body), "tenantId": thing.id}
    graph.store.save(thing)
    return Answer(204)


@route("DELETE", f"/{XTAP}/partners/{{id}}", "partner", "delete")
def _partner_delete(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _partner(graph, match["id"])
    if thing.extra.get("identitySynchronization"):
        raise bad("The partner has a user synchronization policy: delete that first.")
    graph.store.remove(thing)
    return Answer(204)


_SYNC = f"/{XTAP}/partners/{{id}}/identitySynchronization"


@route("GET", _SYNC, "partner", "read")
def _sync_get(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _partner(graph, match["id"])
    if not thing.extra.get("identitySynchronization"):
        raise not_there(match["id"])
    return Answer(200, {"tenantId": thing.id, **thing.extra["identitySynchronization"]})


@route("PUT", _SYNC, "partner", "update")
def _sync_put(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _partner(graph, match["id"])
    kept = {
        key: request.body[key] for key in ("displayName", "userSyncInbound") if key in request.body
    }
    thing.extra = {**thing.extra, "identitySynchronization": kept}
    graph.store.save(thing)
    return Answer(204)


@route("PATCH", _SYNC, "partner", "update")
def _sync_patch(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    return _sync_put(graph, request, match)


@route("DELETE", _SYNC, "partner", "update")
def _sync_delete(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = _partner(graph, match["id"])
    thing.extra = {
        key: value for key, value in thing.extra.items() if key != "identitySynchronization"
    }
    graph.store.save(thing)
    return Answer(204)


@route("GET", "/me", "user", "read")
def _me(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    raise bad("/me request is only valid with delegated authentication flow.", code="BadRequest")


# --- HTTP --------------------------------------------------------------------------------------


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.startswith("/lab/"):
            self._lab(path)
            return
        version = re.match(r"/(v1\.0|beta)(?=/|$)", path)
        port = self.server.server_port
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = None
        request = Request(
            self.command,
            path[version.end() :] if version else path,
            dict(parse_qsl(url.query, keep_blank_values=True)),
            body if isinstance(body, dict) else {},
            f"http://127.0.0.1:{port}{version.group(0) if version else '/v1.0'}",
            {key.lower(): value for key, value in self.headers.items()},
        )
        graph = Graph(self.server.store)
        try:
            if body is None:
                answer = graph.refuse(
                    bad("Unable to read JSON request payload.", code="BadRequest"), {}
                )
            else:
                answer = graph.answer(request, self.headers.get("Authorization", ""))
        except Vanished:
            self.close_connection = True
            return
        except Exception as error:
            import traceback

            traceback.print_exc()
            refused = Refused(
                500, "InternalServerError", f"the lab cloud has a bug: {type(error).__name__}"
            )
            answer = graph.refuse(refused, {})
        finally:
            self.server.store.close()
        error_body = (answer.body or {}).get("error")
        if isinstance(error_body, dict) and not error_body.get("code"):
            self.close_connection = True  # no network: the connection just breaks
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

    def _send(self, answer: Answer) -> None:
        text = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status, _phrase(answer.status))
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.body is not None:
            self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _lab(self, path: str) -> None:
        """Questions of the lab itself; they need its token."""
        try:
            Graph(self.server.store)._token(self.headers.get("Authorization", ""))
        except Refused:
            self._send(Answer(401))
            return
        if path == "/lab/ping":
            self._send(
                Answer(200, {"pid": os.getpid(), "folder": str(self.server.store.path.parent)})
            )
        elif path == "/lab/stop" and self.command == "POST":
            self._send(Answer(202))
            threading.Thread(target=self.server.shutdown, daemon=True).start()
        else:
            self._send(Answer(404))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are in the store's log; standard error is for bugs."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Store, port: int) -> None:
        self.store = store
        super().__init__(("127.0.0.1", port), _Http)


def start(folder: Path, port: int = 0) -> _Server:
    """A server on the port, or on any if that is taken; not yet serving."""
    store = Store(folder / STORE)
    try:
        return _Server(store, port)
    except OSError:
        return _Server(store, 0)


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop, or until the lab's folder is gone."""
    folder = Path(arguments[0])
    try:
        server = start(folder, int(arguments[1]) if len(arguments) > 1 else 0)
    except StoreError as error:
        print(error, file=sys.stderr)  # noqa: T201 - into the log of the lab
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
        )
    where = folder / WHERE
    aside = folder / f".{WHERE}.{os.getpid()}"
    aside.write_text(json.dumps({"pid": os.getpid(), "port": server.server_port}))
    aside.replace(where)

    def watch() -> None:
        while (folder / STORE).exists():
            time.sleep(2)
        server.shutdown()

    threading.Thread(target=watch, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    try:
        if json.loads(where.read_text()).get("pid") == os.getpid():
            where.unlink()
    except (OSError, ValueError):
        pass
    return 0


__all__ = ["Answer", "Graph", "Request", "guid_of", "main", "start"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
