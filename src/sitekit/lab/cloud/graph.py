"""Microsoft Graph's manners: routes, tokens, batches, pages, and how a refusal looks.

Knows nothing of sockets. What is behind the paths: graph_objects.py, graph_tenant.py,
graph_policies.py. Shapes: types/notes.md.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from . import faults, odata
from .base import Refused
from .directory import Directory, bad
from .store import Store, Thing

_PAGE, _PAGE_MOST, _BATCH_MOST = 100, 999, 20
#: The kinds of directory objects, and what Graph calls them.
KINDS = {
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
            self.token(authorization)
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

    def token(self, authorization: str) -> None:
        """Raise Refused unless the header holds the lab's token."""
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
            "@odata.type": KINDS.get(thing.type, "#microsoft.graph.directoryObject"),
            **self.directory.shown(thing, wanted),
        }


def _names(body: Mapping[str, Any]) -> tuple[str, ...]:
    keys = ("userPrincipalName", "displayName", "invitedUserEmailAddress", "id", "tenantId")
    return tuple(str(body[key]) for key in keys if isinstance(body.get(key), str))


def _query(parts: Mapping[str, str]) -> str:
    return urlencode(parts, quote_via=quote, safe="$")


def reference(body: Mapping[str, Any]) -> str:
    """The object id in an @odata.id."""
    target = str(body.get("@odata.id") or "")
    found = re.search(
        r"/(?:directoryObjects|users|groups|devices|servicePrincipals)/([^/?]+)$", target
    )
    if not found:
        raise bad("Invalid URL format specified in @odata.id.")
    return found.group(1)
