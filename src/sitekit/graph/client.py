"""A small client for Microsoft Graph v1.0: requests in, plain JSON out.

Throttling (429) and passing faults (5xx, a lost connection) are waited for as the server asks. What
this client has just created is asked for again where another replica does not know it yet (404).
No token, password or body of a request is in any message.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx

from ..errors import (
    CloudError,
    CredentialError,
    ForbiddenError,
    RefusedError,
    TenantError,
    UnreachableError,
)
from .credentials import GRAPH, TokenSource

VERSION = "v1.0"
BATCH = 20  # requests in one $batch: the service's limit
PAGE = 999
ATTEMPTS = 6
LONGEST_WAIT_S = 120.0
FRESH_S = 300.0  # how long an object of ours may be unknown to a replica
_PASSING = frozenset({429, 500, 502, 503, 504})
_TOO_MUCH = 300  # characters of a server's message that are repeated


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` below the version, such as /users; `needs` is the permission for it.

    `once` marks what would be done twice if it were asked again after an answer was lost.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    needs: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status and the JSON, an error's as well."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    wait_s: float | None = None

    @property
    def is_fine(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant that the credentials belong to."""

    id: str
    name: str
    domains: tuple[str, ...]


class Graph:
    """Microsoft Graph under one identity. Use it in a `with`; it holds connections open."""

    def __init__(
        self,
        tokens: TokenSource,
        *,
        url: str = GRAPH,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base = f"{url}/{VERSION}"
        self._host = urlsplit(url).netloc
        self._tokens = tokens
        self._sleep = sleep
        self._clock = clock
        self._fresh: dict[str, float] = {}
        self._http = httpx.Client(
            transport=transport, timeout=httpx.Timeout(60, connect=15), follow_redirects=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def is_lab(self) -> bool:
        """Whether somebody else than Microsoft answers: a lab on this machine."""
        return self._host != urlsplit(GRAPH).netloc

    # --- asking ---------------------------------------------------------------------------------

    def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, needs: str = ""
    ) -> Mapping[str, Any]:
        """One object. Raises CloudError."""
        return self.send(Request("GET", _with(path, parameters), needs=needs)).body

    def items(
        self, path: str, parameters: Mapping[str, str] | None = None, *, needs: str = ""
    ) -> Iterator[Mapping[str, Any]]:
        """Every object of a collection, page after page. Raises CloudError."""
        page = self.get(path, parameters, needs=needs)
        yield from page.get("value", ())
        if link := page.get("@odata.nextLink"):
            yield from self.following(str(link), needs=needs)

    def following(self, link: str, *, needs: str = "") -> Iterator[Mapping[str, Any]]:
        """Every object from a next page on, as `@odata.nextLink` names it. Raises CloudError."""
        while link:
            page = self.send(Request("GET", self._below(link), needs=needs)).body
            yield from page.get("value", ())
            link = str(page.get("@odata.nextLink") or "")

    def tenant(self) -> Tenant:
        """The tenant behind the credentials. Raises CloudError."""
        found = next(
            self.items(
                "/organization",
                {"$select": "id,displayName,verifiedDomains"},
                needs="Organization.Read.All",
            ),
            None,
        )
        if found is None:
            raise RefusedError("Microsoft Graph names no tenant for these credentials")
        return Tenant(
            str(found["id"]),
            str(found.get("displayName") or ""),
            tuple(str(domain["name"]).lower() for domain in found.get("verifiedDomains") or ()),
        )

    def require(self, tenant: str) -> Tenant:
        """The tenant, which must be this one: asked before anything else is. Raises TenantError."""
        found = self.tenant()
        if found.id.lower() != tenant.lower():
            raise TenantError(
                f"the credentials belong to tenant {found.id} ({_printable(found.name)}), "
                f"the organisation to {tenant}",
                hint=f"nothing was done; sign in with: az login --tenant {tenant}",
            )
        return found

    def send(self, request: Request) -> Reply:
        """Do one request; a refusal is raised as a CloudError."""
        reply = self._patiently(request)
        if not reply.is_fine:
            raise error_of(request, reply)
        self._remember(request, reply)
        return reply

    def batch(self, requests: Sequence[Request]) -> list[Reply]:
        """Do many requests, twenty at a time; give a reply to each, in their order.

        Replies may be refusals: see `error_of`. What was throttled or failed in passing is asked
        again. The order of doing is not promised. Raises CloudError where nothing can go on.
        """
        replies: list[Reply] = []
        for begin in range(0, len(requests), BATCH):
            replies += self._twenty(requests[begin : begin + BATCH])
        return replies

    # --- patience -------------------------------------------------------------------------------

    def _twenty(self, requests: Sequence[Request]) -> list[Reply]:
        done: dict[int, Reply] = {}
        waiting = list(range(len(requests)))
        for attempt in range(ATTEMPTS):
            body = {
                "requests": [self._part(number, requests[number]) for number in waiting],
            }
            once = any(requests[number].once for number in waiting)
            outer = self.send(Request("POST", "/$batch", body, once=once))
            answered = {int(part["id"]): part for part in outer.body.get("responses", ())}
            waits = []
            again = []
            for number in waiting:
                part = answered.get(number)
                reply = Reply(503) if part is None else _reply_of(part)
                done[number] = reply
                if self._comes_back(requests[number], reply):
                    again.append(number)
                    waits.append(reply.wait_s or 0)
                elif reply.is_fine:
                    self._remember(requests[number], reply)
            waiting = again
            if not waiting or attempt == ATTEMPTS - 1:
                break
            self._wait(attempt, max(waits) or None)
        for number in waiting:
            if done[number].status in _PASSING:
                raise error_of(requests[number], done[number])
        return [done[number] for number in range(len(requests))]

    @staticmethod
    def _part(number: int, request: Request) -> dict[str, Any]:
        part: dict[str, Any] = {"id": str(number), "method": request.method, "url": request.path}
        if request.body is not None:
            part["body"] = request.body
            part["headers"] = {"Content-Type": "application/json"}
        return part

    def _patiently(self, request: Request) -> Reply:
        renewed = False
        attempt = 0
        while True:
            last = attempt == ATTEMPTS - 1
            try:
                reply = self._once(request, renew=renewed)
            except httpx.TransportError as error:
                sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or (sent and request.once):
                    raise self._silent(error) from None
                self._wait(attempt, None)
                attempt += 1
                continue
            if reply.status == 401:
                if renewed:
                    raise error_of(request, reply)
                renewed = True
                continue
            if last or not self._comes_back(request, reply):
                return reply
            self._wait(attempt, reply.wait_s)
            attempt += 1

    def _once(self, request: Request, *, renew: bool) -> Reply:
        headers = {"Authorization": f"Bearer {self._tokens.token(renew=renew)}"}
        response = self._http.request(
            request.method,
            f"{self.base}{request.path}",
            json=request.body,
            headers=headers,
        )
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = {}
        return Reply(
            response.status_code,
            body if isinstance(body, dict) else {},
            _wait_of(response.headers),
        )

    def _comes_back(self, request: Request, reply: Reply) -> bool:
        """Whether asking again may help."""
        if reply.status in _PASSING:
            return reply.status in (429, 503) or not request.once
        if reply.status == 409 and "concurren" in f"{_code(reply)} {_said(reply)}".lower():
            return True  # two additions to one group at one time
        if reply.status == 404 or (reply.status == 400 and "does not exist" in _said(reply)):
            named = f"{request.path} {request.body or ''}"
            now = self._clock()
            return any(made in named and now - at < FRESH_S for made, at in self._fresh.items())
        return False

    def _remember(self, request: Request, reply: Reply) -> None:
        """Ids of what we made; a replica may not know them for a while."""
        if request.method == "POST":
            user = reply.body.get("invitedUser")
            made = user.get("id") if isinstance(user, dict) else reply.body.get("id")
            if made and request.path != "/$batch":
                self._fresh[str(made)] = self._clock()

    def _wait(self, attempt: int, asked_s: float | None) -> None:
        if asked_s is None:
            asked_s = min(2.0**attempt, 30) * random.uniform(0.75, 1.25)
        self._sleep(min(asked_s, LONGEST_WAIT_S))

    def _below(self, link: str) -> str:
        """A link to the next page, as a path; one that leads elsewhere gets no token."""
        if not link.startswith(f"{self.base}/"):
            raise CloudError(
                "the next page is on another server than the first",
                hint="nothing was sent there; a proxy that rewrites answers is in the way",
            )
        return link[len(self.base) :]

    def _silent(self, error: httpx.TransportError) -> UnreachableError:
        if self.is_lab:
            return UnreachableError(
                f"no lab answers at {self._host} ({type(error).__name__})",
                hint="start it, and take its environment anew: sitekit lab cloud up",
            )
        return UnreachableError(
            f"{self._host} cannot be reached ({type(error).__name__})",
            hint="check the network, DNS and HTTPS_PROXY; what was done stays done: run it again",
        )


# --- what a refusal means ----------------------------------------------------------------------


def error_of(request: Request, reply: Reply) -> CloudError:
    """A refusal in plain words, with the next step."""
    said, code = _said(reply), _code(reply)
    what = f"{request.method} {_shown(request.path)}"
    if reply.status == 401:
        return CredentialError(
            "Microsoft Graph does not accept the sign-in: it has expired or was revoked",
            hint="sign in again: az login --tenant TENANT, or renew the application's secret",
        )
    if reply.status == 403:
        return ForbiddenError(
            f"{what}: the identity lacks a permission ({code or 'forbidden'})",
            hint=(
                f"an administrator grants the application permission {request.needs} with consent"
                if request.needs
                else "an administrator grants the permission with consent"
            ),
        )
    if reply.status in _PASSING:
        busy = "is throttling us" if reply.status == 429 else f"answers {reply.status}"
        return UnreachableError(
            f"{what}: Microsoft Graph {busy}, after {ATTEMPTS} attempts",
            hint="wait some minutes and run it again: what was done stays done",
        )
    conflict = any(words in said for words in ("already exist", "conflicting object"))
    return RefusedError(
        f"{what}: {_shortened(said) or 'refused'} ({code or reply.status})",
        hint="",
        status=reply.status,
        code=code,
        conflict=conflict,
    )


def _with(path: str, parameters: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(parameters, quote_via=quote, safe='$,()/')}" if parameters else path


def _reply_of(part: Mapping[str, Any]) -> Reply:
    body = part.get("body")
    return Reply(
        int(part["status"]),
        body if isinstance(body, dict) else {},
        _wait_of({str(k).lower(): str(v) for k, v in (part.get("headers") or {}).items()}),
    )


def _wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After, which is a number or a date."""
    written = headers.get("retry-after")
    if not written:
        return None
    try:
        return max(0.0, float(written))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(written).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _error(reply: Reply) -> Mapping[str, Any]:
    error = reply.body.get("error")
    return error if isinstance(error, dict) else {}


def _said(reply: Reply) -> str:
    return str(_error(reply).get("message") or "")


def _code(reply: Reply) -> str:
    return _printable(str(_error(reply).get("code") or ""))[:80]


def _shown(path: str) -> str:
    return _printable(path.partition("?")[0])


def _shortened(text: str) -> str:
    text = _printable(" ".join(text.split())).rstrip(".")
    return text if len(text) <= _TOO_MUCH else f"{text[: _TOO_MUCH - 1]}…"


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
