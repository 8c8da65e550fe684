"""Resources as data: what a stack will ask of Azure and Entra, before any engine exists.

A `Spec` has the names and the shape that Pulumi's state has (type token, logical name, inputs in
camelCase), so that a plan can be held against an exported state without translating either. The
components of `sitekit.cloud.components` turn specs into resources one to one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from ..findings import Finding


class StackKind(StrEnum):
    """The projects below `stacks/`."""

    PLATFORM = "platform"  # one stack: the tenant
    SUBSIDIARY = "subsidiary"  # one stack per subsidiary
    SITE = "site"  # one stack per site
    PEOPLE = "people"  # one stack: the accounts of the tenant, where Pulumi owns them


@dataclass(frozen=True, slots=True)
class Ref:
    """An output of another resource of the same stack, known once that resource exists."""

    name: str  # logical name of the other resource
    output: str = "id"
    form: str = "{}"  # what the value is put into, such as /administrativeUnits/{}

    def __str__(self) -> str:
        return self.form.format(f"<{self.name}.{self.output}>")


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret: resolved when the stack runs, never part of a plan or a document."""

    reference: str  # env:, file: or keyvault:

    def __str__(self) -> str:
        return f"[secret {self.reference}]"


@dataclass(frozen=True, slots=True)
class Generated:
    """A random secret that nobody knows: made when the resource is created, then left alone."""

    length: int

    def __str__(self) -> str:
        return "[secret, made at creation]"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The object id of a group or unit that another stack makes, found by its name in a run."""

    kind: Literal["group", "unit"]
    name: str

    def __str__(self) -> str:
        return f"<{self.kind} {self.name}>"


Value: TypeAlias = (
    "str | int | float | bool | Ref | Secret | Generated | Lookup "
    "| Sequence[Value] | Mapping[str, Value] | None"
)


# The input that names a resource, by its class; what only joins others has no name of its own.
NAMED_BY = {
    "AccessPackage": "displayName",
    "AccessPackageAssignmentPolicy": "displayName",
    "AccessPackageCatalog": "displayName",
    "AccessPackageResourceCatalogAssociation": None,
    "AccessPackageResourcePackageAssociation": None,
    "ActionGroup": "actionGroupName",
    "AdministrativeUnit": "displayName",
    "AdministrativeUnitMember": None,
    "AuthenticationMethodsPolicy": None,
    "Budget": "budgetName",
    "ConditionalAccessPolicy": "displayName",
    "CrossTenantAccess": "displayName",
    "DiagnosticSetting": "name",
    "DirectoryRoleAssignment": None,
    "Domain": "name",
    "DomainVerification": "domain",
    "FileServiceProperties": "fileServicesName",
    "FileShare": "shareName",
    "Group": "displayName",
    "GroupLicense": None,
    "GroupMember": None,
    "GroupRoleManagementPolicy": None,
    "GroupWithoutMembers": "displayName",
    "HubVirtualNetworkConnection": "connectionName",
    "LocalNetworkGateway": "localNetworkGatewayName",
    "ManagementGroup": "groupId",
    "ManagementGroupSubscription": "subscriptionId",
    "ManagementLockByScope": "lockName",
    "MetricAlert": "ruleName",
    "NamedLocation": "displayName",
    "NetworkSecurityGroup": "networkSecurityGroupName",
    "PolicyAssignment": "policyAssignmentName",
    "PrivateZone": "privateZoneName",
    "PrivilegedAccessGroupEligibilitySchedule": None,
    "ProtectedItem": "protectedItemName",
    "ProtectionContainer": "containerName",
    "ProtectionPolicy": "policyName",
    "PublicIPAddress": "publicIpAddressName",
    "RecordSet": "zoneName",
    "ResourceGroup": "resourceGroupName",
    "RestrictedAdministrativeUnit": "displayName",
    "ScheduledQueryRule": "ruleName",
    "StorageAccount": "accountName",
    "User": "userPrincipalName",
    "Vault": "vaultName",
    "VirtualHub": "virtualHubName",
    "VirtualNetwork": "virtualNetworkName",
    "VirtualNetworkGateway": "virtualNetworkGatewayName",
    "VirtualNetworkGatewayConnection": "virtualNetworkGatewayConnectionName",
    "VirtualNetworkLink": "virtualNetworkLinkName",
    "VirtualNetworkPeering": "virtualNetworkPeeringName",
    "VirtualWan": "virtualWANName",
    "VpnConnection": "connectionName",
    "VpnGateway": "gatewayName",
    "VpnSite": "vpnSiteName",
    "Workspace": "workspaceName",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One resource. `inputs` are those of the provider's schema, in its own camelCase names."""

    type: str  # type token, such as azure-native:network:VirtualNetwork
    name: str  # logical name: the role in the stack, never a physical name
    inputs: Mapping[str, Value]
    parent: str | None = None  # logical name; None: the stack's component
    depends_on: tuple[str, ...] = ()  # beyond what the references in `inputs` say
    protect: bool = False  # holds data, or everybody hangs on it
    retain: bool = False  # stays in the cloud when it leaves the stack
    deleted_with: str | None = None  # goes when that one goes: no call of its own
    ignore: tuple[str, ...] = ()  # inputs that somebody else may change
    secret_outputs: tuple[str, ...] = ()
    delete_first: bool = False  # a replacement may not stand beside the old one
    minutes: int | None = None  # time-out of its operations
    adopt: str | None = None  # id of an existing resource to take over

    @property
    def package(self) -> str:
        """The provider's package: azure-native, azuread or sitekit."""
        return self.type.partition(":")[0]

    @property
    def called(self) -> str:
        """The name that Azure or Entra shows; empty for what has none of its own."""
        key = NAMED_BY.get(self.type.rpartition(":")[2])
        value = self.inputs.get(key) if key else None
        return str(value) if value is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """Everything that one stack will hold, in an order in which references point backwards."""

    kind: StackKind
    stack: str  # its name: the organisation's, the subsidiary's or the site's code
    tenant: str
    subscription: str
    region: str
    specs: tuple[Spec, ...]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # names that do not fit, licences that are missing

    def __getitem__(self, name: str) -> Spec:
        """The resource of that logical name. Raises KeyError."""
        for spec in self.specs:
            if spec.name == name:
                return spec
        raise KeyError(name)


def references(value: Value) -> Iterator[Ref]:
    """Every reference inside a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from references(inner)


def lookups(value: Value) -> Iterator[Lookup]:
    """Everything inside a value that has to be looked up."""
    if isinstance(value, Lookup):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from lookups(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from lookups(inner)


def dependencies(spec: Spec) -> tuple[str, ...]:
    """Logical names of everything that must exist before this resource."""
    named = dict.fromkeys(ref.name for ref in references(spec.inputs))
    for other in (spec.parent, *spec.depends_on):
        if other is not None:
            named[other] = None
    return tuple(named)


def tree(plan: StackPlan) -> Iterator[tuple[int, Spec]]:
    """Every resource below the one it hangs on most closely, with its depth.

    That is the last of those that its inputs name, in the order of the plan.
    """
    places = {spec.name: place for place, spec in enumerate(plan.specs)}
    below: dict[str | None, list[Spec]] = {}
    for spec in plan.specs:
        named = {ref.name for ref in references(spec.inputs)}
        nearest = max(named, key=places.__getitem__, default=None)
        below.setdefault(nearest, []).append(spec)

    def walk(name: str | None, depth: int) -> Iterator[tuple[int, Spec]]:
        for spec in below.get(name, ()):
            yield depth, spec
            yield from walk(spec.name, depth + 1)

    return walk(None, 0)
