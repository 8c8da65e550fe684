"""What Graph says of the tenant: licences, roles, invitations, domains."""

from __future__ import annotations

import re

from .directory import bad, not_there
from .graph import Answer, Graph, Request, route
from .store import Thing


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
