"""Things that shall go wrong, told across processes through the store.

A fault has a kind, patterns for type and name, a verb and a count. Whoever serves a request asks
`strike` before it and `strike` after it; what the fault does to the request is the kind's business.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .base import Refused, Vanished
from .store import Fault, Store

VERBS = ("create", "read", "update", "delete", "list", "invoke", "configure")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of fault does: refuse with a status, or something else."""

    explains: str
    status: int = 0
    azure: tuple[str, str] = ("", "")  # code and message
    graph: tuple[str, str] = ("", "")
    after: bool = False  # when the cloud has done its part


KINDS: dict[str, Kind] = {
    "refuse": Kind(
        "refuses with --code and --message",
        400,
        ("BadRequest", "The request was refused."),
        ("Request_BadRequest", "The request was refused."),
    ),
    "missing": Kind(
        "answers 404 for what exists, as after a fresh creation",
        404,
        ("ResourceNotFound", "The Resource was not found."),
        (
            "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not "
            "present.",
        ),
    ),
    "throttle": Kind(
        "answers 429 with Retry-After; the plug-ins ride three of them out, as the providers do",
        429,
        ("TooManyRequests", "The request is being throttled as the limit has been reached."),
        ("TooManyRequests", "Too many requests."),
    ),
    "unavailable": Kind(
        "answers 503; the plug-ins ride three of them out",
        503,
        ("ServiceUnavailable", "The service is temporarily unavailable."),
        ("serviceNotAvailable", "The service is temporarily unavailable."),
    ),
    "conflict": Kind(
        "answers 409: something else is being done to it; azure-native rides three of them out",
        409,
        (
            "AnotherOperationInProgress",
            "Another operation on this or dependent resource is in progress.",
        ),
        (
            "Directory_ConcurrencyViolation",
            "There was an error due to a concurrency violation. Please try again later.",
        ),
    ),
    "quota": Kind(
        "says that no more are allowed",
        403,
        (
            "QuotaExceeded",
            "Operation could not be completed as it results in exceeding approved quota.",
        ),
        (
            "Directory_QuotaExceeded",
            "The directory object quota limit for the Tenant has been exceeded.",
        ),
    ),
    "expired": Kind(
        "says that the token has expired",
        401,
        (
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
        ),
        ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    ),
    "forbidden": Kind(
        "says that a permission is missing",
        403,
        (
            "AuthorizationFailed",
            "The client 'lab' does not have authorization to perform action '{action}' over scope "
            "'{scope}' or the scope is invalid. If access was recently granted, please refresh "
            "your credentials.",
        ),
        ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    ),
    "tenant": Kind(
        "says that whoever is signed in belongs to another tenant",
        401,
        (
            "InvalidAuthenticationTokenTenant",
            "The access token is from the wrong issuer. It must match the tenant associated with "
            "this subscription.",
        ),
        (
            "AADSTS50020",
            "The user account does not exist in the tenant and cannot access the application in "
            "that tenant.",
        ),
    ),
    "taken": Kind(
        "says that somebody else has the name",
        409,
        (
            "NameAlreadyTaken",
            "The name is already in use. Names are globally unique, so it may be taken, or belong "
            "to something that was recently deleted and not purged.",
        ),
        (
            "Request_BadRequest",
            "Another object with the same value for property displayName already exists.",
        ),
    ),
    "offline": Kind(
        "behaves as if there were no network",
        0,
        ("", "dial tcp: lookup management.azure.com: no such host"),
        ("", "dial tcp: lookup graph.microsoft.com: no such host"),
    ),
    "unknown": Kind(
        "fails in a way that leaves open what happened",
        0,
        ("", "an unexpected error occurred"),
        ("", "an unexpected error occurred"),
    ),
    "half": Kind("makes it, but not healthy: the engine is told that it exists", after=True),
    "crash": Kind("ends the plug-in before the cloud hears of it"),
    "crash-after": Kind("ends the plug-in when the cloud has done it", after=True),
    "slow": Kind("takes --seconds longer before anything happens"),
    "late": Kind("answers --seconds late, when the cloud has done it", after=True),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: any of its types, any of its names, and a verb."""

    types: tuple[str, ...]
    names: tuple[str, ...]
    verb: str
    action: str = ""  # as Azure's roles name it, and what it is done to
    scope: str = ""


def matching(store: Store, target: Target, *, after: bool) -> Iterable[Fault]:
    """The faults that a request meets, oldest first."""
    for fault in store.faults():
        if (
            KINDS[fault.kind].after == after
            and fault.verb in ("*", target.verb)
            and _fits(fault.type, target.types)
            and _fits(fault.name, target.names)
        ):
            yield fault


def _fits(pattern: str, words: tuple[str, ...]) -> bool:
    return pattern == "*" or any(fnmatchcase(word.lower(), pattern.lower()) for word in words)


def strike(store: Store, target: Target, *, graph: bool) -> None:
    """Everything that shall go wrong before a request. Raises Refused or Vanished."""
    while True:
        fault = next(
            (item for item in matching(store, target, after=False) if store.use_fault(item)), None
        )
        if fault is None:
            return
        if fault.kind == "crash":
            raise Vanished
        if fault.kind == "slow":
            time.sleep(float(fault.options.get("seconds", 1)))
            continue
        raise _refused(fault, target, graph=graph)


def strike_after(store: Store, target: Target) -> str | None:
    """Everything that shall go wrong after a request; the reason why it is not healthy, or None."""
    for fault in matching(store, target, after=True):
        if not store.use_fault(fault):
            continue
        if fault.kind == "crash-after":
            raise Vanished
        if fault.kind == "late":
            time.sleep(float(fault.options.get("seconds", 1)))
        if fault.kind == "half":
            return str(
                fault.options.get("message")
                or "the operation did not complete: ProvisioningState is Failed"
            )
    return None


def _refused(fault: Fault, target: Target, *, graph: bool) -> Refused:
    kind = KINDS[fault.kind]
    code, message = kind.graph if graph else kind.azure
    options: dict[str, Any] = fault.options
    grpc = {"offline": "UNAVAILABLE", "unknown": "UNKNOWN"}.get(fault.kind, "")
    return Refused(
        int(options.get("status") or kind.status),
        str(options.get("code") or code),
        str(options.get("message") or message.format(action=target.action, scope=target.scope)),
        grpc=grpc,
        retry_after=float(options.get("seconds", 5.0 if fault.kind == "throttle" else 0.0)),
    )
