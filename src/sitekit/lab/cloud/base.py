"""What the two clouds have in common: refusals, and the questions a plug-in asks.

A cloud decides and stores; it knows nothing of gRPC or HTTP. Whatever it cannot do is a `Refused`
in the words of the real service.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import wire
from .store import Store

_GRPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "FAILED_PRECONDITION",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
}


class Refused(Exception):  # noqa: N818 - it is no error of ours
    """The cloud says no: an HTTP status, a code and a message, as the real service words them."""

    def __init__(
        self, status: int, code: str, message: str, *, grpc: str = "", retry_after: float = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after  # seconds of ours
        # The engine takes INTERNAL, UNKNOWN and DATA_LOSS for "who knows what happened".
        self.grpc = grpc or _GRPC.get(status, "UNAVAILABLE")


class Vanished(Exception):  # noqa: N818
    """The plug-in is to die now, in the middle of a call."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the cloud answers to a create, a read or an update."""

    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    reasons: tuple[str, ...] = ()  # why it exists but is not healthy
    wait: float = 0.0  # until when its operation runs, on the lab's clock


@dataclass(frozen=True, slots=True)
class Checked:
    """Inputs as they are kept, and what is wrong with them: property path and reason."""

    inputs: dict[str, Any]
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Difference:
    """How new inputs differ from old ones: path → add, delete or update; paths that replace."""

    detail: dict[str, str]
    replaces: set[str]
    delete_first: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the provider signs in as, and where."""

    tenant: str
    subscription: str
    location: str | None = None


class Cloud(Protocol):
    """The questions of a plug-in. Inputs come without envelopes; unknowns only in previews."""

    @property
    def store(self) -> Store:
        """Where everything is kept."""

    @property
    def account(self) -> Account:
        """Whom the provider signed in as."""

    def check(
        self,
        token: str,
        *,
        urn: str,
        name: str,
        old: dict[str, Any],
        new: dict[str, Any],
        seed: bytes,
    ) -> Checked:
        """Fill in what the provider fills in, and say what it would refuse."""

    def diff(
        self, token: str, *, old: dict[str, Any], new: dict[str, Any], ignore: list[str]
    ) -> Difference:
        """Compare old and new inputs."""

    def preview(
        self, token: str, inputs: dict[str, Any], state: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Outputs as far as they are known before anything happens."""

    def create(self, token: str, inputs: dict[str, Any]) -> Outcome:
        """Make it, or raise Refused."""

    def read(self, token: str, id: str, inputs: dict[str, Any] | None) -> Outcome | None:
        """What is there now; None when it is gone. Without inputs it is imported."""

    def update(self, token: str, id: str, inputs: dict[str, Any], old: dict[str, Any]) -> Outcome:
        """Change it, or raise Refused."""

    def delete(self, token: str, id: str, inputs: dict[str, Any]) -> float:
        """Delete it; what does not exist is fine. Until when it takes, on the lab's clock."""

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer a question that has no resource."""


def compare(old: Mapping[str, Any], new: Mapping[str, Any], ignore: list[str]) -> dict[str, str]:
    """Path → kind of all differences, those below an ignored path left out."""
    return {
        path: kind
        for path, kind in wire.differences(dict(old), dict(new))
        if not any(_covers(known, path) for known in ignore)
    }


def _covers(ignored: str, path: str) -> bool:
    return path == ignored or path.startswith((f"{ignored}.", f"{ignored}["))


def replacing(detail: Mapping[str, str], force: tuple[str, ...]) -> set[str]:
    """The differing paths that only a new resource can have."""
    return {
        path
        for path in detail
        if any(_covers(known, path) or _covers(path, known) for known in force)
    }


def with_defaults(body: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A body with what the service fills in, deeply."""
    filled = dict(body)
    for key, value in defaults.items():
        if filled.get(key) is None:
            filled[key] = value
        elif isinstance(value, Mapping) and isinstance(filled[key], Mapping):
            filled[key] = with_defaults(filled[key], value)
    return filled


def with_secrets(now: Any, before: Any, paths: list[str]) -> Any:
    """A copy of `now` with the values at `paths` taken from `before`: they never come back."""
    if not paths or not isinstance(before, (dict, list)):
        return now
    if isinstance(now, list) and isinstance(before, list):
        inner = [path.partition(".")[2] for path in paths if path.startswith("*")]
        return [
            with_secrets(item, before[index] if index < len(before) else None, inner)
            for index, item in enumerate(now)
        ]
    if not isinstance(now, dict) or not isinstance(before, dict):
        return now
    kept = dict(now)
    for path in paths:
        head, _, rest = path.partition(".")
        if head not in before:
            continue
        if not rest:
            kept[head] = before[head]
        elif head in kept:
            kept[head] = with_secrets(kept[head], before[head], [rest])
    return kept


def within_limits(
    limits: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Path and reason of everything that is outside what the service accepts."""
    for path, rules in limits.items():
        value = wire.at(inputs, path)
        if value is None or wire.has_unknown(value):
            continue
        for rule, bound in rules.items():
            if reason := _breaks(rule, bound, value):
                yield path, reason


def _breaks(rule: str, bound: Any, value: Any) -> str:
    rules: dict[str, Callable[[], Any]] = {
        "min": lambda: value < bound and f"must be at least {bound}",
        "max": lambda: value > bound and f"must be at most {bound}",
        "max_length": lambda: len(value) > bound and f"must not be longer than {bound} characters",
        "min_items": lambda: len(value) < bound and f"needs at least {bound}",
        "max_items": lambda: len(value) > bound and f"takes at most {bound}",
        "one_of": lambda: value not in bound and f"must be one of {', '.join(bound)}",
        "each": lambda: (
            (odd := [item for item in value if item not in bound])
            and f"'{odd[0]}' is not one of {', '.join(bound)}"
        ),
    }
    return rules[rule]() or ""


def name_mistake(rule: Mapping[str, Any], name: str) -> str:
    """Why a name is not allowed, or nothing."""
    low, high = rule["length"]
    if not low <= len(name) <= high:
        return f"'{name}' must be {low} to {high} characters long, not {len(name)}"
    if not re.fullmatch(rule["pattern"], name):
        return f"'{name}' has a character that is not allowed in its place ({rule['pattern']})"
    return ""


def wait_until(store: Store, moment: float) -> None:
    """Sleep until the lab's clock says so."""
    while (left := moment - store.now()) > 0:
        time.sleep(min(left, 0.2))
