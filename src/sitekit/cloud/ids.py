"""Ids that follow from names: Azure's are paths, so stacks need not ask one another for them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562: names that are URLs


@dataclass(frozen=True, slots=True)
class Group:
    """A resource group, and the ids of what is inside it."""

    subscription: str
    name: str

    @property
    def id(self) -> str:
        """Of the group itself."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.name}"

    def resource(self, type_: str, *names: str) -> str:
        """Of a resource: `Microsoft.Network/virtualHubs` and the names, outermost first."""
        provider, *kinds = type_.split("/")
        parts = [part for pair in zip(kinds, names, strict=True) for part in pair]
        return "/".join((self.id, "providers", provider, *parts))


def management_group(name: str) -> str:
    """Of a management group."""
    return f"/providers/Microsoft.Management/managementGroups/{name}"


def policy_definition(definition: str) -> str:
    """Of a built-in policy."""
    return f"/providers/Microsoft.Authorization/policyDefinitions/{definition}"


def assignment_name(scope: str, principal: str, role: str) -> str:
    """The name of a role assignment: the same three always give the same name."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope}|{principal}|{role}"))
