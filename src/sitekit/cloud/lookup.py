"""Which object of Entra an interrupted creation made: asked of Microsoft Graph, never guessed.

Objects have ids that only Entra knows. They are found by what the program asked for: the name and
what it lies in. Ids are worded as the azuread provider documents them under `import` (6.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..graph import Graph
from .base import entra

Inputs = Mapping[str, Any]
_CONDITIONAL = "/identity/conditionalAccess"
_GOVERNANCE = "/identityGovernance/entitlementManagement"


@dataclass(frozen=True, slots=True)
class Where:
    """How objects of a type are listed, and which of them it is."""

    path: str
    fields: Mapping[str, str]  # property in Graph, as a path: the input that it must equal
    id: str  # the id in a state, of {id} and the inputs
    expand: str = ""
    key: str = "id"  # the property that becomes {id}
    also: str = ""  # a further condition of the question


_NAMED = {"displayName": "displayName"}
WHERE: Mapping[str, Where] = {
    entra("User"): Where("/users", {"userPrincipalName": "userPrincipalName"}, "/users/{id}"),
    entra("Group"): Where("/groups", _NAMED, "/groups/{id}"),
    entra("GroupWithoutMembers"): Where("/groups", _NAMED, "/groups/{id}"),
    entra("AdministrativeUnit"): Where(
        "/directory/administrativeUnits", _NAMED, "/directory/administrativeUnits/{id}"
    ),
    "sitekit:entra:RestrictedAdministrativeUnit": Where(
        "/directory/administrativeUnits", _NAMED, "{id}"
    ),
    entra("ConditionalAccessPolicy"): Where(
        f"{_CONDITIONAL}/policies", _NAMED, f"{_CONDITIONAL}/policies/{{id}}"
    ),
    entra("NamedLocation"): Where(
        f"{_CONDITIONAL}/namedLocations", _NAMED, f"{_CONDITIONAL}/namedLocations/{{id}}"
    ),
    entra("AccessPackageCatalog"): Where(f"{_GOVERNANCE}/catalogs", _NAMED, "{id}"),
    entra("AccessPackage"): Where(
        f"{_GOVERNANCE}/accessPackages",
        {**_NAMED, "catalog.id": "catalogId"},
        "{id}",
        expand="catalog",
    ),
    entra("AccessPackageAssignmentPolicy"): Where(
        f"{_GOVERNANCE}/assignmentPolicies",
        {**_NAMED, "accessPackage.id": "accessPackageId"},
        "{id}",
        expand="accessPackage",
    ),
    entra("DirectoryRoleAssignment"): Where(
        "/roleManagement/directory/roleAssignments",
        {
            "principalId": "principalObjectId",
            "roleDefinitionId": "roleId",
            "directoryScopeId": "directoryScopeId",
        },
        "{id}",
    ),
    entra("PrivilegedAccessGroupEligibilitySchedule"): Where(
        "/identityGovernance/privilegedAccess/group/eligibilitySchedules",
        {"groupId": "groupId", "principalId": "principalId", "accessId": "assignmentType"},
        "{id}",
    ),
    entra("GroupRoleManagementPolicy"): Where(  # exists from the group on; creating it sets it
        "/policies/roleManagementPolicyAssignments",
        {"scopeId": "groupId", "roleDefinitionId": "roleId"},
        "{id}",
        key="policyId",
        also="scopeType eq 'Group'",
    ),
}
# What joins two objects has an id of theirs.
JOINED = {
    entra("AdministrativeUnitMember"): (
        "/directory/administrativeUnits/{administrativeUnitObjectId}/members/{memberObjectId}"
    ),
    entra("AccessPackageResourceCatalogAssociation"): "{catalogId}/{resourceOriginId}",
    entra("GroupLicense"): "{groupObjectId}/license/{skuId}",
    entra("GroupMember"): "{groupObjectId}/member/{memberObjectId}",
    "sitekit:entra:CrossTenantAccess": "{tenantId}",
    "sitekit:entra:Domain": "{name}",
    "sitekit:entra:DomainVerification": "{domain}",
    "sitekit:entra:AuthenticationMethodsPolicy": "authenticationMethodsPolicy",
}


def known(type_: str) -> bool:
    """Whether objects of this type can be found again."""
    return type_ in WHERE or type_ in JOINED or type_ in _SPECIAL


def joined_id(type_: str, inputs: Inputs) -> str | None:
    """The id of what only joins others; None for what has an id of its own."""
    form = JOINED.get(type_)
    try:
        return form.format_map(inputs) if form else None
    except KeyError:
        return None


def candidates(graph: Graph, type_: str, inputs: Inputs) -> list[str]:
    """Ids, as a state has them, of every object that it can be. Raises CloudError."""
    if special := _SPECIAL.get(type_):
        return list(special(graph, inputs))
    where = WHERE[type_]
    wanted = {field: inputs.get(key) for field, key in where.fields.items()}
    plain = {field: value for field, value in wanted.items() if "." not in field and value}
    conditions = [
        f"{field} eq '{_quoted(str(value))}'"
        for field, value in plain.items()
        if field not in ("accessId", "directoryScopeId")  # not every service filters by them
    ]
    query = {"$filter": " and ".join([*conditions, *([where.also] if where.also else [])])}
    if where.expand:
        query["$expand"] = where.expand
    return [
        where.id.format_map({**inputs, "id": found[where.key]})
        for found in graph.items(where.path, query)
        if all(_equal(_at(found, field), value) for field, value in wanted.items() if value)
    ]


def _of_a_package(graph: Graph, inputs: Inputs) -> Iterable[str]:
    """The resources of an access package: the one of the same group, with the same role."""
    package = str(inputs["accessPackageId"])
    resource = str(inputs["catalogResourceAssociationId"]).rpartition("/")[2]
    found = graph.get(
        f"{_GOVERNANCE}/accessPackages/{package}",
        {"$expand": "resourceRoleScopes($expand=role,scope)"},
    )
    for each in found.get("resourceRoleScopes") or ():
        if _equal(_at(each, "scope.originId"), resource):
            yield f"{package}/{each['id']}/{resource}/{inputs.get('accessType', 'Member')}"


_SPECIAL = {entra("AccessPackageResourcePackageAssociation"): _of_a_package}


def _at(found: Mapping[str, Any], path: str) -> object:
    value: Any = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _quoted(text: str) -> str:
    """As OData writes text: a quote is written twice."""
    return text.replace("'", "''")


def _equal(one: object, other: object) -> bool:
    return str(one).lower() == str(other).lower()
