"""A tenant in memory behind Microsoft Graph's own requests and answers: what the tests talk to.

It is strict: an unknown path, property or parameter is refused as Graph refuses it. It can
throttle, lag behind, lose its network, forbid, expire, and drop the caller in mid-run.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from sitekit.graph import FixedToken, Graph

TENANT = "6f1d2c3b-4a59-4e68-8b7c-9d0e1f2a3b4c"
USER = {
    "accountEnabled": bool,
    "companyName": str,
    "department": str,
    "displayName": str,
    "employeeId": str,
    "employeeType": str,
    "givenName": str,
    "jobTitle": str,
    "mail": str,
    "mailNickname": str,
    "officeLocation": str,
    "onPremisesExtensionAttributes": dict,
    "passwordProfile": dict,
    "surname": str,
    "usageLocation": str,
    "userPrincipalName": str,
    "userType": str,
}
LIMITS = {
    "companyName": 64,
    "department": 64,
    "employeeId": 16,
    "givenName": 64,
    "jobTitle": 128,
    "mailNickname": 64,
    "officeLocation": 128,
    "surname": 64,
    "usageLocation": 3,
    "userPrincipalName": 113,
}
READ_ONLY = {"id", "onPremisesSyncEnabled"}
GROUP = {"displayName", "description", "mailEnabled", "mailNickname", "securityEnabled"}
PARAMETERS = {"$select", "$top", "$filter", "$skiptoken"}


class CutOff(BaseException):
    """The process dies here: nothing of ours catches it."""


class RefusedError(Exception):
    """An error answer of Graph."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


@dataclass
class MemoryGraph:
    """State, and the faults that are to come."""

    base: str = "https://graph.microsoft.com"
    tenant: str = TENANT
    domains: tuple[str, ...] = (
        "horizon.example",
        "production.horizon.example",
        "post.horizon.example",
        "studios.horizon.example",
    )
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 7
    throttled: list[str] = field(default_factory=list)  # Retry-After of the next answers
    lag: int = 0  # how often a new object is unknown
    forbidden: str = ""  # a pattern of METHOD path
    expired: bool = False
    offline: bool = False
    cut_off_after: int | None = None  # writes
    cut_off_late: bool = False  # after the last write was done, instead of before
    log: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    writes: int = 0
    revoked: list[str] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)  # names that lists do not show yet
    roles: set[str] = field(default_factory=set)  # administrators' ids
    slept: list[float] = field(default_factory=list)
    _unknown: dict[str, int] = field(default_factory=dict)

    # --- for tests ------------------------------------------------------------------------------

    def client(self, token: str = "t0ken-of-the-test") -> Graph:
        return Graph(
            FixedToken(token), transport=httpx.MockTransport(self.answer), sleep=self.slept.append
        )

    def group(self, name: str, **more: Any) -> str:
        identity = self._id("group", name)
        self.groups[identity] = {
            "id": identity,
            "displayName": name,
            "securityEnabled": True,
            "groupTypes": [],
            "members": set(),
            **more,
        }
        return identity

    def unit(self, name: str) -> str:
        identity = self._id("unit", name)
        self.units[identity] = {"id": identity, "displayName": name, "members": set()}
        return identity

    def user(self, upn: str, **more: Any) -> str:
        """An account that somebody else made."""
        identity = self._id("user", upn)
        self.users[identity] = {
            "id": identity,
            "userPrincipalName": upn,
            "accountEnabled": True,
            "userType": "Member",
            "displayName": upn,
            "onPremisesExtensionAttributes": {},
            "sponsors": set(),
            **more,
        }
        return identity

    def by_person(self, person: str) -> dict[str, Any]:
        (found,) = (u for u in self.users.values() if u.get("employeeId") == person)
        return found

    def members(self, name: str) -> set[str]:
        """The persons in a group or unit."""
        for table in (self.groups, self.units):
            for one in table.values():
                if one["displayName"] == name:
                    return {str(self.users[i].get("employeeId")) for i in one["members"]}
        raise KeyError(name)

    def picture(self) -> str:
        """Everything that is, without ids: two tenants alike have equal pictures."""
        users = []
        for table in (self.users, self.deleted):
            for user in table.values():
                shown = {
                    k: v for k, v in user.items() if k not in ("id", "sponsors", "passwordProfile")
                }
                inside = sorted(
                    one["displayName"]
                    for table in (self.groups, self.units)
                    for one in table.values()
                    if user["id"] in one["members"]
                )
                shown["in"] = inside
                shown["userPrincipalName"] = re.sub("^[0-9a-f]{32}", "", user["userPrincipalName"])
                shown["gone"] = user["id"] in self.deleted
                users.append(json.dumps(shown, sort_keys=True))
        groups = sorted(group["displayName"] for group in self.groups.values())
        return "\n".join([*sorted(users), *groups])

    @contextmanager
    def served(self) -> Iterator[dict[str, str]]:
        """The same over HTTP on loopback, as a lab is; gives the environment that leads there."""
        memory = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = httpx.Request(
                    self.command,
                    f"{memory.base}{self.path}",
                    headers=dict(self.headers),
                    content=self.rfile.read(length),
                )
                with lock:
                    response = memory.answer(request)
                self.send_response(response.status_code)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                if "content-length" not in response.headers:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                with suppress(OSError):  # whoever asked may be dead by now
                    self.wfile.write(response.content)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.base = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield {"SITEKIT_GRAPH_URL": self.base, "SITEKIT_GRAPH_TOKEN": "lab"}
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    # --- answering ------------------------------------------------------------------------------

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.offline:
            raise httpx.ConnectError("no route", request=request)
        parts = urlsplit(str(request.url))
        assert f"{parts.scheme}://{parts.netloc}" == self.base
        assert parts.path.startswith("/v1.0/")
        assert request.headers["Authorization"].startswith("Bearer ")
        body = json.loads(request.content) if request.content else None
        path = parts.path.removeprefix("/v1.0") + (f"?{parts.query}" if parts.query else "")
        status, answer, headers = self._outer(request.method, path, body)
        if answer is None:
            return httpx.Response(status, headers=headers)
        return httpx.Response(status, json=answer, headers=headers)

    def _outer(
        self, method: str, path: str, body: Any
    ) -> tuple[int, dict[str, Any] | None, dict[str, str]]:
        try:
            if self.expired:
                raise RefusedError(401, "InvalidAuthenticationToken", "Lifetime validation failed.")
            if path == "/$batch":
                return 200, {"responses": self._batch(body["requests"])}, {}
            return *self._one(method, path, body), {}
        except RefusedError as refused:
            return refused.status, _error(refused), _headers(refused)

    def _batch(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert 0 < len(requests) <= 20
        assert len({r["id"] for r in requests}) == len(requests)
        answers = []
        for request in reversed(requests):  # the order is not promised
            assert set(request) <= {"id", "method", "url", "body", "headers"}
            assert ("body" in request) == ("headers" in request)
            try:
                status, body = self._one(request["method"], request["url"], request.get("body"))
                answers.append({"id": request["id"], "status": status, "body": body or {}})
            except RefusedError as refused:
                answers.append(
                    {
                        "id": request["id"],
                        "status": refused.status,
                        "body": _error(refused),
                        "headers": _headers(refused),
                    }
                )
        return answers

    def _one(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any] | None]:
        if self.throttled:
            raise RefusedError(
                429, "TooManyRequests", "Slow down.", **{"Retry-After": self.throttled.pop()}
            )
        bare, _, query = path.partition("?")
        self.log.append(f"{method} {bare}")
        self.bodies.append(json.dumps(body))
        if self.forbidden and re.search(self.forbidden, f"{method} {bare}"):
            raise RefusedError(403, "Authorization_RequestDenied", "Insufficient privileges.")
        parameters = {key: values[0] for key, values in parse_qs(query).items()}
        assert set(parameters) <= PARAMETERS, parameters
        writes = method != "GET"
        if writes:
            if self.cut_off_after == self.writes and not self.cut_off_late:
                raise CutOff
            self.writes += 1
        for pattern, handler in self._routes():
            if match := re.fullmatch(pattern, f"{method} {bare}"):
                names = [unquote(name) for name in match.groups()]
                self._replica(names, body)
                answer = handler(*names, body=body, parameters=parameters)
                if writes and self.cut_off_late and self.cut_off_after == self.writes:
                    raise CutOff
                return answer
        raise RefusedError(
            400, "BadRequest", f"Resource not found for the segment: {method} {bare}"
        )

    def _replica(self, names: list[str], body: Any) -> None:
        """An object that was made a moment ago is not known everywhere yet."""
        named = [*names, json.dumps(body)]
        for made, left in self._unknown.items():
            if left > 0 and any(made in name for name in named):
                self._unknown[made] = left - 1
                raise RefusedError(
                    404, "Request_ResourceNotFound", f"Resource '{made}' does not exist."
                )

    def _routes(self) -> Iterator[tuple[str, Callable[..., tuple[int, dict[str, Any] | None]]]]:
        yield r"GET /organization", self._organization
        yield r"GET /users", lambda **k: self._list(self.users, **k)
        yield r"GET /directory/deletedItems/microsoft\.graph\.user", self._list_deleted
        yield r"GET /groups", lambda **k: self._list(self.groups, **k)
        yield r"GET /directory/administrativeUnits", lambda **k: self._list(self.units, **k)
        yield r"POST /users", self._create
        yield r"POST /invitations", self._invite
        yield r"POST /groups", self._create_group
        yield r"GET /users/([^/]+)", self._get
        yield r"GET /groups/([^/]+)", self._get_group
        yield r"PATCH /users/([^/]+)", self._patch
        yield r"DELETE /users/([^/]+)", self._delete
        yield r"POST /users/([^/]+)/revokeSignInSessions", self._revoke
        yield r"POST /directory/deletedItems/([^/]+)/restore", self._restore
        yield r"GET /users/([^/]+)/memberOf/microsoft\.graph\.directoryRole", self._roles
        yield r"GET /users/([^/]+)/sponsors", self._sponsors
        yield r"POST /users/([^/]+)/sponsors/\$ref", self._add_sponsor
        yield r"GET /groups/([^/]+)/members", lambda i, **k: self._members(self.groups, i, **k)
        yield r"POST /groups/([^/]+)/members/\$ref", self._add
        yield r"DELETE /groups/([^/]+)/members/([^/]+)/\$ref", self._remove
        units = r"/directory/administrativeUnits/([^/]+)/members"
        yield rf"GET {units}", lambda i, **k: self._members(self.units, i, **k)
        yield rf"POST {units}/\$ref", self._join
        yield rf"DELETE {units}/([^/]+)/\$ref", self._leave

    # --- collections ----------------------------------------------------------------------------

    def _organization(self, **_: Any) -> tuple[int, dict[str, Any]]:
        domains = [{"name": name, "isDefault": False} for name in self.domains]
        value = [{"id": self.tenant, "displayName": "Horizon", "verifiedDomains": domains}]
        return 200, {"value": value}

    def _list(
        self, table: dict[str, dict[str, Any]], *, body: Any, parameters: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        rows = [table[key] for key in sorted(table)]
        rows = [row for row in rows if row["displayName"] not in self.unlisted]
        if text := parameters.get("$filter"):
            match = re.fullmatch(r"startswith\(displayName,'([^']+)'\)", text)
            if match is None:
                raise RefusedError(400, "Request_UnsupportedQuery", f"Unsupported filter {text}")
            rows = [row for row in rows if row["displayName"].startswith(match[1])]
        select = parameters["$select"].split(",")
        assert set(select) <= set(USER) | GROUP | READ_ONLY | {"groupTypes", "isAssignableToRole"}
        begin = int(parameters.get("$skiptoken", "0"))
        page = min(self.page, int(parameters.get("$top", "100")))
        shown = [{k: row.get(k) for k in select} for row in rows[begin : begin + page]]
        answer: dict[str, Any] = {"value": shown}
        if begin + page < len(rows):
            kind = {
                id(self.users): "users",
                id(self.deleted): "directory/deletedItems/microsoft.graph.user",
                id(self.groups): "groups",
                id(self.units): "directory/administrativeUnits",
            }[id(table)]
            query = f"$select={','.join(select)}&$skiptoken={begin + page}"
            if text:
                query += f"&$filter={text}"
            answer["@odata.nextLink"] = f"{self.base}/v1.0/{kind}?{query}"
        return 200, answer

    def _list_deleted(self, **more: Any) -> tuple[int, dict[str, Any]]:
        return self._list(self.deleted, **more)

    def _members(
        self,
        table: dict[str, dict[str, Any]],
        identity: str,
        *,
        body: Any,
        parameters: dict[str, str],
    ) -> tuple[int, dict[str, Any]]:
        if identity not in table:
            raise _missing(identity)
        ids = sorted(table[identity]["members"])
        begin = int(parameters.get("$skiptoken", "0"))
        answer: dict[str, Any] = {"value": [{"id": i} for i in ids[begin : begin + self.page]]}
        if begin + self.page < len(ids):
            kind = "groups" if table is self.groups else "directory/administrativeUnits"
            answer["@odata.nextLink"] = (
                f"{self.base}/v1.0/{kind}/{identity}/members"
                f"?$select=id&$skiptoken={begin + self.page}"
            )
        return 200, answer

    # --- users ----------------------------------------------------------------------------------

    def _find(self, name: str) -> dict[str, Any]:
        if name in self.users:
            return self.users[name]
        for user in self.users.values():
            if user["userPrincipalName"].lower() == name.lower():
                return user
        raise _missing(name)

    def _get(self, name: str, **_: Any) -> tuple[int, dict[str, Any]]:
        return 200, {k: v for k, v in self._find(name).items() if k != "sponsors"}

    def _unique(self, upn: str, but: str = "") -> None:
        if any(
            u["userPrincipalName"].lower() == upn.lower() and i != but
            for i, u in self.users.items()
        ):
            raise RefusedError(
                400,
                "Request_BadRequest",
                "Another object with the same value for property userPrincipalName already exists.",
            )
        if upn.partition("@")[2] not in self.domains:
            raise RefusedError(400, "Request_BadRequest", "The domain portion is invalid.")

    def _create(self, *, body: dict[str, Any], **_: Any) -> tuple[int, dict[str, Any]]:
        _known(body)
        for need in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName"):
            if need not in body:
                raise RefusedError(400, "Request_BadRequest", f"A value is required for {need}.")
        if len(body["passwordProfile"]["password"]) < 16:
            raise RefusedError(400, "Request_BadRequest", "The password does not comply.")
        self._unique(body["userPrincipalName"])
        identity = self.user(body["userPrincipalName"])
        self.users[identity] |= body
        self._unknown[identity] = self.lag
        return 201, {"id": identity, **body}

    def _invite(self, *, body: dict[str, Any], **_: Any) -> tuple[int, dict[str, Any]]:
        assert set(body) == {
            "invitedUserEmailAddress",
            "invitedUserDisplayName",
            "inviteRedirectUrl",
            "sendInvitationMessage",
        }
        mail = body["invitedUserEmailAddress"]
        known = [u for u in self.users.values() if u.get("mail") == mail]
        if known:
            return 201, {"id": "i", "invitedUser": {"id": known[0]["id"]}}
        upn = f"{mail.replace('@', '_')}#EXT#@horizon.onmicrosoft.example"
        identity = self.user(
            upn, mail=mail, userType="Guest", displayName=body["invitedUserDisplayName"]
        )
        self._unknown[identity] = self.lag
        return 201, {"id": "i", "invitedUser": {"id": identity}}

    def _patch(self, name: str, *, body: dict[str, Any], **_: Any) -> tuple[int, None]:
        user = self._find(name)
        _known(body)
        if "userPrincipalName" in body:
            self._unique(body["userPrincipalName"], but=user["id"])
        body = dict(body)
        extension = body.pop("onPremisesExtensionAttributes", {})
        user |= body
        user["onPremisesExtensionAttributes"] = {
            **user["onPremisesExtensionAttributes"],
            **extension,
        }
        return 204, None

    def _delete(self, name: str, **_: Any) -> tuple[int, None]:
        user = self._find(name)
        del self.users[user["id"]]
        user["userPrincipalName"] = user["id"].replace("-", "") + user["userPrincipalName"]
        self.deleted[user["id"]] = user
        for table in (self.groups, self.units):
            for one in table.values():
                one["members"].discard(user["id"])
        return 204, None

    def _restore(self, identity: str, **_: Any) -> tuple[int, dict[str, Any]]:
        user = self.deleted.get(identity)
        if user is None:
            raise _missing(identity)
        upn = user["userPrincipalName"][32:]
        self._unique(upn)
        del self.deleted[identity]
        self.users[identity] = {**user, "userPrincipalName": upn}
        self._unknown[identity] = self.lag
        return 200, {"id": identity}

    def _revoke(self, name: str, **_: Any) -> tuple[int, dict[str, Any]]:
        self.revoked.append(str(self._find(name).get("employeeId")))
        return 200, {"value": True}

    def _roles(self, name: str, **_: Any) -> tuple[int, dict[str, Any]]:
        user = self._find(name)
        return 200, {"value": [{"id": "role"}] if user["id"] in self.roles else []}

    def _sponsors(self, name: str, **_: Any) -> tuple[int, dict[str, Any]]:
        return 200, {"value": [{"id": i} for i in sorted(self._find(name)["sponsors"])]}

    def _add_sponsor(self, name: str, *, body: dict[str, Any], **_: Any) -> tuple[int, None]:
        self._find(name)["sponsors"].add(self._referred(body, "users"))
        return 204, None

    # --- groups ---------------------------------------------------------------------------------

    def _create_group(self, *, body: dict[str, Any], **_: Any) -> tuple[int, dict[str, Any]]:
        assert set(body) <= GROUP
        identity = self.group(body["displayName"])
        self._unknown[identity] = self.lag
        return 201, {"id": identity, **body}

    def _get_group(self, identity: str, **_: Any) -> tuple[int, dict[str, Any]]:
        if identity not in self.groups:
            raise _missing(identity)
        return 200, {"id": identity, "displayName": self.groups[identity]["displayName"]}

    def _add(self, identity: str, *, body: dict[str, Any], **_: Any) -> tuple[int, None]:
        return self._into(self.groups, identity, self._referred(body, "directoryObjects"))

    def _join(self, identity: str, *, body: dict[str, Any], **_: Any) -> tuple[int, None]:
        return self._into(self.units, identity, self._referred(body, "users"))

    def _remove(self, identity: str, member: str, **_: Any) -> tuple[int, None]:
        return self._out_of(self.groups, identity, member)

    def _leave(self, identity: str, member: str, **_: Any) -> tuple[int, None]:
        return self._out_of(self.units, identity, member)

    def _referred(self, body: dict[str, Any], kind: str) -> str:
        assert set(body) == {"@odata.id"}
        base = f"{self.base}/v1.0/{kind}/"
        assert body["@odata.id"].startswith(base)
        return str(self._find(body["@odata.id"].removeprefix(base))["id"])

    @staticmethod
    def _into(table: dict[str, dict[str, Any]], identity: str, member: str) -> tuple[int, None]:
        if identity not in table:
            raise _missing(identity)
        if member in table[identity]["members"]:
            raise RefusedError(
                400,
                "Request_BadRequest",
                "One or more added object references already exist for the following modified "
                "properties: 'members'.",
            )
        table[identity]["members"].add(member)
        return 204, None

    @staticmethod
    def _out_of(table: dict[str, dict[str, Any]], identity: str, member: str) -> tuple[int, None]:
        if identity not in table or member not in table[identity]["members"]:
            raise _missing(member)
        table[identity]["members"].discard(member)
        return 204, None

    def _id(self, kind: str, name: str) -> str:
        number = len(self.users) + len(self.deleted) + len(self.groups) + len(self.units)
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{name}/{number}"))


def _known(body: dict[str, Any]) -> None:
    for key, value in body.items():
        if isinstance(value, str) and len(value) > LIMITS.get(key, 256):
            raise RefusedError(400, "Request_BadRequest", f"'{key}' is too long.")
        if key not in USER or not (value is None or isinstance(value, USER[key])) or value == "":
            raise RefusedError(400, "Request_BadRequest", f"Invalid value for property '{key}'.")


def _missing(name: str) -> RefusedError:
    return RefusedError(404, "Request_ResourceNotFound", f"Resource '{name}' does not exist.")


def _error(refused: RefusedError) -> dict[str, Any]:
    return {"error": {"code": refused.code, "message": str(refused)}}


def _headers(refused: RefusedError) -> dict[str, str]:
    return refused.headers
