"""What the azuread plug-in made, and Graph here only lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .directory import not_there
from .graph import Answer, Graph, Request, route
from .store import Thing, guid_of

_GOVERNANCE = "identityGovernance/entitlementManagement"
_READ_ONLY: dict[str, tuple[str, dict[str, str]]] = {
    "identity/conditionalAccess/policies": ("conditionalAccessPolicy", {}),
    "identity/conditionalAccess/namedLocations": ("namedLocation", {}),
    f"{_GOVERNANCE}/catalogs": ("accessPackageCatalog", {}),
    f"{_GOVERNANCE}/accessPackages": ("accessPackage", {"catalog": "catalogId"}),
    f"{_GOVERNANCE}/assignmentPolicies": (
        "accessPackageAssignmentPolicy",
        {"accessPackage": "accessPackageId"},
    ),
    "roleManagement/directory/roleAssignments": (
        "roleAssignment",
        {"principalId": "principalObjectId", "roleDefinitionId": "roleId"},
    ),
    "identityGovernance/privilegedAccess/group/eligibilitySchedules": (
        "groupEligibilitySchedule",
        {"accessId": "assignmentType"},
    ),
}
_PLAIN = ("displayName", "description", "state", "groupId", "principalId", "directoryScopeId")


def _listed_only(path: str, kind: str, renamed: Mapping[str, str]) -> None:
    @route("GET", f"/{path}", kind, "list")
    def listed(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
        expanded = request.query.get("$expand", "")
        things = graph.store.find(type=kind, cloud="azuread")
        now = graph.store.now()
        return graph.page(
            request,
            [_as_graph(thing, renamed, expanded) for thing in things if thing.visible <= now],
            path,
        )


def _as_graph(thing: Thing, renamed: Mapping[str, str], expanded: str) -> dict[str, Any]:
    """An object in Graph's words; what it lies in comes only when it is asked for."""
    item: dict[str, Any] = {"id": thing.key}
    if thing.type == "groupEligibilitySchedule":
        item["id"] = f"{thing.body['groupId']}_{thing.body['assignmentType']}_{thing.key}"
    item |= {name: thing.body[name] for name in _PLAIN if name in thing.body}
    for name, argument in renamed.items():
        if not argument.endswith("Id") or name.endswith("Id"):
            item[name] = thing.body.get(argument)
        elif name in expanded:
            item[name] = {"id": thing.body.get(argument)}
    return item


for _path, (_kind, _renamed) in _READ_ONLY.items():
    _listed_only(_path, _kind, _renamed)


@route("GET", "/policies/roleManagementPolicyAssignments", "groupRoleManagementPolicy", "list")
def _policy_assignments(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    items = [
        {
            "id": f"Group_{thing.body['groupId']}_{thing.key}_{thing.body['roleId']}",
            "policyId": f"Group_{thing.body['groupId']}_{thing.key}",
            "scopeId": thing.body["groupId"],
            "scopeType": "Group",
            "roleDefinitionId": thing.body["roleId"],
        }
        for thing in graph.store.find(type="groupRoleManagementPolicy", cloud="azuread")
    ]
    return graph.page(request, items, "policies/roleManagementPolicyAssignments")


@route("GET", f"/{_GOVERNANCE}/accessPackages/{{id}}", "accessPackage", "read")
def _access_package(graph: Graph, request: Request, match: re.Match[str]) -> Answer:
    thing = graph.store.get(match["id"])
    if thing is None or thing.type != "accessPackage":
        raise not_there(match["id"])
    item = _as_graph(thing, {}, "")
    if "resourceRoleScopes" in request.query.get("$expand", ""):
        item["resourceRoleScopes"] = [
            {
                "id": f"{each.key}_{guid_of(each.key, 'scope')}",
                "scope": {"originId": each.body["catalogResourceAssociationId"].rpartition("/")[2]},
            }
            for each in graph.store.find(type="accessPackageResourceRoleScope")
            if each.body.get("accessPackageId") == thing.key
        ]
    return Answer(200, item)
