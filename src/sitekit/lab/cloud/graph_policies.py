"""What Graph says of the tenant's policies: access across tenants, ways of signing in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .base import Refused
from .directory import bad, not_there
from .graph import Answer, Graph, Request, route
from .store import Thing

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
