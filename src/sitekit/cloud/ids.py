"""Ids that follow from names: Azure's are paths, so stacks need not ask one another for them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
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


# Where the resources of the stacks lie in Azure: the type in its id, and the inputs that are its
# names, outermost first. Ids as azure-native documents them under `import` (3.29).
_IN_GROUP = {
    "keyvault:Vault": ("Microsoft.KeyVault/vaults", "vaultName"),
    "monitor:ActionGroup": ("Microsoft.Insights/actionGroups", "actionGroupName"),
    "monitor:MetricAlert": ("Microsoft.Insights/metricAlerts", "ruleName"),
    "monitor:ScheduledQueryRule": ("Microsoft.Insights/scheduledQueryRules", "ruleName"),
    "network:HubVirtualNetworkConnection": (
        "Microsoft.Network/virtualHubs/hubVirtualNetworkConnections",
        "virtualHubName connectionName",
    ),
    "network:LocalNetworkGateway": (
        "Microsoft.Network/localNetworkGateways",
        "localNetworkGatewayName",
    ),
    "network:NetworkSecurityGroup": (
        "Microsoft.Network/networkSecurityGroups",
        "networkSecurityGroupName",
    ),
    "network:PublicIPAddress": ("Microsoft.Network/publicIPAddresses", "publicIpAddressName"),
    "network:VirtualHub": ("Microsoft.Network/virtualHubs", "virtualHubName"),
    "network:VirtualNetwork": ("Microsoft.Network/virtualNetworks", "virtualNetworkName"),
    "network:VirtualNetworkGateway": (
        "Microsoft.Network/virtualNetworkGateways",
        "virtualNetworkGatewayName",
    ),
    "network:VirtualNetworkGatewayConnection": (
        "Microsoft.Network/connections",
        "virtualNetworkGatewayConnectionName",
    ),
    "network:VirtualNetworkPeering": (
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "virtualNetworkName virtualNetworkPeeringName",
    ),
    "network:VirtualWan": ("Microsoft.Network/virtualWans", "virtualWANName"),
    "network:VpnConnection": (
        "Microsoft.Network/vpnGateways/vpnConnections",
        "gatewayName connectionName",
    ),
    "network:VpnGateway": ("Microsoft.Network/vpnGateways", "gatewayName"),
    "network:VpnSite": ("Microsoft.Network/vpnSites", "vpnSiteName"),
    "operationalinsights:Workspace": ("Microsoft.OperationalInsights/workspaces", "workspaceName"),
    "privatedns:PrivateZone": ("Microsoft.Network/privateDnsZones", "privateZoneName"),
    "privatedns:VirtualNetworkLink": (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "privateZoneName virtualNetworkLinkName",
    ),
    "recoveryservices:ProtectedItem": (
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
        "vaultName fabricName containerName protectedItemName",
    ),
    "recoveryservices:ProtectionContainer": (
        "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers",
        "vaultName fabricName containerName",
    ),
    "recoveryservices:ProtectionPolicy": (
        "Microsoft.RecoveryServices/vaults/backupPolicies",
        "vaultName policyName",
    ),
    "recoveryservices:Vault": ("Microsoft.RecoveryServices/vaults", "vaultName"),
    "storage:FileServiceProperties": (
        "Microsoft.Storage/storageAccounts/fileServices",
        "accountName fileServicesName",
    ),
    "storage:FileShare": (
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        "accountName =default shareName",
    ),
    "storage:StorageAccount": ("Microsoft.Storage/storageAccounts", "accountName"),
}
_AUTHORIZATION = "{scope}/providers/Microsoft.Authorization"
_MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/{groupId}"
_AT_SCOPE = {
    "authorization:ManagementLockByScope": f"{_AUTHORIZATION}/locks/{{lockName}}",
    "authorization:PolicyAssignment": (
        f"{_AUTHORIZATION}/policyAssignments/{{policyAssignmentName}}"
    ),
    "authorization:RoleAssignment": f"{_AUTHORIZATION}/roleAssignments/{{roleAssignmentName}}",
    "aadiam:DiagnosticSetting": "/providers/Microsoft.Aadiam/diagnosticSettings/{name}",
    "consumption:Budget": "{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
    "management:ManagementGroup": _MANAGEMENT_GROUP,
    "management:ManagementGroupSubscription": (
        f"{_MANAGEMENT_GROUP}/subscriptions/{{subscriptionId}}"
    ),
    "monitor:DiagnosticSetting": (
        "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ),
    "resources:ResourceGroup": "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}",
}


def azure_id(type_: str, inputs: Mapping[str, object], subscription: str) -> str | None:
    """The id of an azure-native resource, which follows from its inputs; None for another type."""
    package, _, kind = type_.partition(":")
    if package != "azure-native":
        return None
    try:
        if form := _AT_SCOPE.get(kind):
            known = {key: str(value).rstrip("/") for key, value in inputs.items()}
            return form.format_map({**known, "subscription": subscription})
        if kind in _IN_GROUP:
            provider, names = _IN_GROUP[kind]
            return Group(subscription, str(inputs["resourceGroupName"])).resource(
                provider,
                *(
                    name[1:] if name.startswith("=") else str(inputs[name])
                    for name in names.split()
                ),
            )
    except KeyError:
        return None
    return None
