"""The Graph client: patience, pages, batches, whom it talks to, and what its messages never say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from sitekit.errors import (
    CloudError,
    CredentialError,
    ForbiddenError,
    RefusedError,
    SitekitError,
    UnreachableError,
)
from sitekit.graph import AzureToken, FixedToken, Graph, Request, connect

SECRET = "eyJ-a-token-that-nobody-may-see"
Answer = Callable[[httpx.Request], httpx.Response]


class Talk:
    """Answers in turn, and what was asked and waited for."""

    def __init__(self, *answers: httpx.Response | Exception | Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def graph(self, tokens: Any = None) -> Graph:
        return Graph(
            tokens or FixedToken(SECRET),
            transport=httpx.MockTransport(self),
            sleep=self.slept.append,
        )


def said(status: int, code: str = "Code", message: str = "No.", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"error": {"code": code, "message": message}}, headers=headers
    )


def fine(**body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def test_pages_are_followed_to_the_last() -> None:
    link = "https://graph.microsoft.com/v1.0/users?$skiptoken=2"
    talk = Talk(fine(value=[{"id": 1}], **{"@odata.nextLink": link}), fine(value=[{"id": 2}]))
    found = talk.graph().items("/users", {"$select": "id", "$top": "999"})
    assert [user["id"] for user in found] == [1, 2]
    assert talk.asked[0].url.query == b"$select=id&$top=999"
    assert str(talk.asked[1].url) == link


def test_a_next_page_elsewhere_gets_no_token() -> None:
    talk = Talk(fine(value=[], **{"@odata.nextLink": "https://evil.example/v1.0/users"}))
    with pytest.raises(CloudError, match="another server"):
        list(talk.graph().items("/users"))
    assert len(talk.asked) == 1


def test_redirects_are_not_followed() -> None:
    talk = Talk(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    with pytest.raises(RefusedError):
        talk.graph().get("/users")
    assert len(talk.asked) == 1


@pytest.mark.parametrize(
    ("status", "header", "waited"),
    [(429, "11", 11), (503, "2", 2), (429, "a date", 50)],
)
def test_retry_after_is_obeyed(status: int, header: str, waited: float) -> None:
    if header == "a date":
        header = formatdate(time.time() + waited, usegmt=True)
    talk = Talk(said(status, **{"Retry-After": header}), fine(id="a"))
    assert talk.graph().get("/users/a") == {"id": "a"}
    assert talk.slept == [pytest.approx(waited, abs=3)]


def test_patience_ends_with_a_message() -> None:
    talk = Talk(*[said(429)] * 6)
    with pytest.raises(UnreachableError, match="throttling us, after 6 attempts"):
        talk.graph().get("/users")
    assert len(talk.slept) == 5


def test_what_was_just_made_is_asked_for_again_and_what_was_not_is_not() -> None:
    missing = said(404, "Request_ResourceNotFound", "Resource 'u1' does not exist.")
    talk = Talk(httpx.Response(201, json={"id": "u1"}), missing, missing, httpx.Response(204))
    graph = talk.graph()
    graph.send(Request("POST", "/users", {}))
    graph.send(Request("PATCH", "/users/u1", {"department": "x"}))
    assert len(talk.slept) == 2
    talk = Talk(missing)
    with pytest.raises(RefusedError) as refused:
        talk.graph().get("/users/u1")
    assert refused.value.status == 404


def test_a_lost_answer_is_asked_for_again_unless_it_would_be_done_twice() -> None:
    talk = Talk(httpx.ReadTimeout("slow"), fine(id="a"))
    assert talk.graph().get("/users/a") == {"id": "a"}
    talk = Talk(httpx.ReadTimeout("slow"))
    with pytest.raises(UnreachableError):
        talk.graph().send(Request("POST", "/groups", {}, once=True))
    assert len(talk.asked) == 1
    talk = Talk(httpx.ConnectError("nobody"), fine(id="g"))  # never sent: once is once
    assert talk.graph().send(Request("POST", "/groups", {}, once=True)).body == {"id": "g"}


def test_batches_of_twenty_in_order_and_the_throttled_ones_again() -> None:
    throttled = {"7"}

    def answer(request: httpx.Request) -> httpx.Response:
        parts = json.loads(request.content)["requests"]
        replies = []
        for part in reversed(parts):
            if part["id"] in throttled and part["url"].endswith("/7"):
                throttled.discard(part["id"])
                headers = {"Retry-After": "9"}
                replies.append({"id": part["id"], "status": 429, "headers": headers, "body": {}})
            else:
                replies.append({"id": part["id"], "status": 200, "body": {"id": part["url"]}})
        return fine(responses=replies)

    talk = Talk(answer, answer, answer, answer)
    replies = talk.graph().batch([Request("GET", f"/users/{n}") for n in range(45)])
    assert [reply.body["id"] for reply in replies] == [f"/users/{n}" for n in range(45)]
    sizes = [len(json.loads(r.content)["requests"]) for r in talk.asked]
    assert sizes == [20, 1, 20, 5]
    assert talk.slept == [9.0]


def test_two_additions_at_one_time_are_asked_for_again() -> None:
    busy = said(409, "Directory_ConcurrencyViolation", "Try again.")
    talk = Talk(busy, httpx.Response(204))
    talk.graph().send(Request("POST", "/groups/g/members/$ref", {}))
    assert len(talk.asked) == 2


def test_a_missing_permission_is_named() -> None:
    talk = Talk(said(403, "Authorization_RequestDenied", "Insufficient privileges."))
    with pytest.raises(ForbiddenError) as refused:
        talk.graph().send(Request("PATCH", "/users/u1", {}, "User.ReadWrite.All"))
    assert "User.ReadWrite.All" in refused.value.hint


def test_no_message_repeats_a_token_or_a_body() -> None:
    body = {"passwordProfile": {"password": "correct-horse-battery"}}
    request = Request("POST", "/users", body)
    assert "horse" not in repr(request)
    for answer in (said(400), said(401), said(403), said(500)):
        talk = Talk(*[answer] * 6)
        with pytest.raises(SitekitError) as refused:
            talk.graph().send(request)
        assert SECRET not in str(refused.value)
        assert "horse" not in str(refused.value)
    assert SECRET not in repr(talk.graph().__dict__)


# --- who asks whom -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.example.com",
        "http://10.0.0.1:80",
        "http://127.0.0.1.evil.example",
        "http://user@127.0.0.1:1",
        "file:///etc/passwd",
        "127.0.0.1:8080",
    ],
)
def test_a_lab_that_is_not_on_this_machine_is_refused(url: str) -> None:
    with pytest.raises(SitekitError, match="names no lab on this machine"):
        connect({"SITEKIT_GRAPH_URL": url})


def test_a_lab_gets_its_own_token_and_microsoft_the_azure_identity() -> None:
    class Forbidden:
        def get_token(self, *_: str) -> None:
            raise AssertionError("a lab must not see a real token")

    lab = connect(
        {"SITEKIT_GRAPH_URL": "http://127.0.0.1:8443/", "SITEKIT_GRAPH_TOKEN": "x"},
        credential=Forbidden(),
    )
    assert (lab.is_lab, lab.base) == (True, "http://127.0.0.1:8443/v1.0")
    assert lab._tokens.token() == "x"
    assert not connect({}, credential=Forbidden()).is_lab


def test_a_refused_token_is_renewed_once() -> None:
    tokens = iter(["old", "new"])
    credential = SimpleNamespace(get_token=lambda scope: SimpleNamespace(token=next(tokens)))
    talk = Talk(said(401), fine(id="a"))
    assert talk.graph(AzureToken(credential)).get("/users/a") == {"id": "a"}
    assert [r.headers["Authorization"] for r in talk.asked] == ["Bearer old", "Bearer new"]
    same = SimpleNamespace(get_token=lambda scope: SimpleNamespace(token=SECRET))
    with pytest.raises(CredentialError, match="does not accept the sign-in"):
        Talk(said(401)).graph(AzureToken(same)).get("/users/a")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 1", "expired"),
        (
            "AADSTS7000222: The provided client secret keys for app 'x' are expired",
            "secret has exp",
        ),
        ("AADSTS90099: something new", r"refuses the sign-in \(AADSTS90099\)"),
        (
            "DefaultAzureCredential failed to retrieve a token: EnvironmentCredential: no",
            "nobody is",
        ),
    ],
)
def test_what_entra_says_in_codes_is_said_in_words(text: str, meant: str) -> None:
    def get_token(scope: str) -> None:
        raise RuntimeError(text)

    with pytest.raises(CredentialError, match=meant) as refused:
        AzureToken(SimpleNamespace(get_token=get_token)).token()
    assert "az login" in refused.value.hint
    assert "Trace ID" not in str(refused.value)
