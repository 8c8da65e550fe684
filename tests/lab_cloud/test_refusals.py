"""What the real services refuse, the lab refuses, in their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from sitekit.lab.cloud import wire
from sitekit.lab.cloud.base import Refused
from sitekit.lab.cloud.directory import Directory
from sitekit.lab.cloud.folder import SUBSCRIPTION, TENANT
from sitekit.lab.cloud.store import Store
from tests.lab_cloud.world import EXAMPLES, Engine, configured

CODES = grpc.StatusCode


@contextmanager
def refused(words: str, code: grpc.StatusCode | None = None) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as error:
        yield
    assert words in (error.value.details() or "")
    assert error.value.code() not in (CODES.UNKNOWN, CODES.INTERNAL, CODES.DATA_LOSS)
    if code is not None:
        assert error.value.code() == code


def variant(engine: Engine, key: str, **changes: Any) -> Any:
    inputs = {**engine.filled(EXAMPLES[key]["inputs"]), **engine.filled(changes)}
    return engine.create(
        EXAMPLES[key]["type"], {k: v for k, v in inputs.items() if v is not None}, f"{key}-2"
    )


# --- the SDK's own types -----------------------------------------------------------------------

RULE = EXAMPLES["nsg"]["inputs"]["securityRules"][0]


@pytest.mark.parametrize(
    ("key", "changes", "where", "words"),
    [
        ("vault", {"properties": None}, "properties", "missing required property"),
        ("vault", {"properties": {"tenantId": "t"}}, "properties.sku", "missing required property"),
        ("subnet", {"adressPrefix": "10.0.0.0/24"}, "adressPrefix", "did you mean 'addressPrefix'"),
        (
            "nsg",
            {"securityRules": [{**RULE, "priority": "100"}]},
            "securityRules[0].priority",
            "expected an integer, got a string",
        ),
        ("nsg", {"securityRules": RULE}, "securityRules", "expected a list, got an object"),
        ("group", {"tags": ["a"]}, "tags", "expected a map, got a list"),
        (
            "vnet",
            {"addressSpace": "10.0.0.0/8"},
            "addressSpace",
            "expected an object, got a string",
        ),
        ("action_group", {"enabled": "yes"}, "enabled", "expected a boolean, got a string"),
        (
            "vault",
            {"properties": {"tenantId": "t", "sku": {"family": "A", "name": "gold"}}},
            "properties.sku.name",
            "expected one of",
        ),
        ("ana", {"displayName": None}, "displayName", "missing required property"),
        ("ana", {"shoeSize": 4}, "shoeSize", "unknown property"),
        ("ana", {"accountEnabled": "true"}, "accountEnabled", "expected a boolean"),
        ("access", {"state": "on"}, "state", "must be one of"),
        (
            "access",
            {"grantControls": {"operator": "XOR"}},
            "grantControls.operator",
            "must be one of",
        ),
        ("staff", {"securityEnabled": None}, "", "must be specified as true"),
        ("location", {"ip": None}, "", "exactly one of"),
        ("strength", {"displayName": "x" * 31}, "displayName", "longer than 30"),
    ],
)
def test_mistaken_arguments(
    engine: Engine, key: str, changes: dict[str, Any], where: str, words: str
) -> None:
    inputs = {**engine.filled(EXAMPLES[key]["inputs"]), **changes}
    _, failures = engine.check(
        EXAMPLES[key]["type"], {k: v for k, v in inputs.items() if v is not None}
    )
    assert [path for path, _ in failures] == [where]
    assert words in failures[0][1]


def test_messages_about_arguments_hold_no_values(engine: Engine) -> None:
    inputs = {**EXAMPLES["ana"]["inputs"], "password": ["hunter2"], "accountEnabled": "hunter2"}
    _, failures = engine.check(EXAMPLES["ana"]["type"], inputs)
    assert len(failures) == 2
    assert "hunter2" not in str(failures)


@pytest.mark.parametrize(
    ("key", "argument", "name"),
    [
        ("group", "resourceGroupName", "rg-lab."),
        ("group", "resourceGroupName", "r" * 91),
        ("vnet", "virtualNetworkName", "-vnet"),
        ("vnet", "virtualNetworkName", "v"),
        ("vault", "vaultName", "kv--lab"),
        ("vault", "vaultName", "1kv"),
        ("vault", "vaultName", "k" * 25),
        ("account", "accountName", "st-lab"),
        ("account", "accountName", "STLAB"),
        ("share", "shareName", "Media"),
        ("assignment", "roleAssignmentName", "reader"),
        ("workspace", "workspaceName", "log"),
        ("backup_vault", "vaultName", "1rsv"),
        ("budget", "budgetName", "monthly budget"),
        ("zone", "privateZoneName", "internal"),
        ("policy_assignment", "policyAssignmentName", "a/b"),
        ("metric_alert", "ruleName", "ends."),
        ("lock", "lockName", "keep."),
        ("file_service", "fileServicesName", "other"),
    ],
)
def test_names(engine: Engine, key: str, argument: str, name: str) -> None:
    inputs = {**engine.filled(EXAMPLES[key]["inputs"]), argument: name}
    _, failures = engine.check(EXAMPLES[key]["type"], inputs)
    assert [path for path, _ in failures] == [argument]


def test_names_made_by_the_provider_stay(engine: Engine) -> None:
    token = EXAMPLES["vnet"]["type"]
    inputs = engine.filled(EXAMPLES["vnet"]["inputs"])
    del inputs["virtualNetworkName"]
    first, _ = engine.check(token, inputs, name="paris", seed=b"a")
    assert first["virtualNetworkName"].startswith("paris")
    assert len(first["virtualNetworkName"]) == len("paris") + 8
    assert first["__createBeforeDelete"] is True
    assert engine.check(token, inputs, old=first, name="paris", seed=b"b")[0] == first
    assert engine.check(token, inputs, name="paris", seed=b"b")[0] != first
    made = engine.create(token, inputs, "paris")
    assert not engine.diff(made, {**inputs, "location": "westeurope"}).deleteBeforeReplace


def test_places_come_from_the_group_or_the_provider(engine: Engine) -> None:
    group, _ = engine.check(EXAMPLES["group"]["type"], {"resourceGroupName": "rg-x"})
    assert group["location"] == "francecentral"
    inputs = {**EXAMPLES["group"]["inputs"], "location": "westeurope"}
    engine.create(EXAMPLES["group"]["type"], inputs)
    vnet = {**EXAMPLES["vnet"]["inputs"], "resourceGroupName": "rg-lab"}
    del vnet["location"]
    assert engine.check(EXAMPLES["vnet"]["type"], vnet)[0]["location"] == "westeurope"


# --- Azure -------------------------------------------------------------------------------------

ROLES = "/subscriptions/$subscription/providers/Microsoft.Authorization/roleDefinitions"
IPSEC = EXAMPLES["tunnel"]["inputs"]["vpnLinkConnections"][0]["ipsecPolicies"][0]


def link(**changes: Any) -> list[dict[str, Any]]:
    return [{**EXAMPLES["tunnel"]["inputs"]["vpnLinkConnections"][0], **changes}]


REFUSALS = [
    ("vnet", [], {"addressSpace": {"addressPrefixes": ["10.20.0.1/16"]}}, "InvalidCIDRNotation"),
    (
        "vnet",
        [],
        {"addressSpace": {"addressPrefixes": ["10.20.0.0/16", "10.20.1.0/24"]}},
        "overlap",
    ),
    ("vnet", [], {"location": "atlantis"}, "LocationNotAvailableForResourceType"),
    (
        "subnet",
        ["subnet"],
        {"subnetName": "b", "addressPrefix": "10.20.1.128/25"},
        "NetcfgSubnetRangesOverlap",
    ),
    ("subnet", [], {"addressPrefix": "192.168.0.0/24"}, "NetcfgSubnetRangeOutsideVnet"),
    ("subnet", [], {"addressPrefix": "10.20.1.0/30"}, "NetcfgSubnetRangeTooSmall"),
    ("subnet", [], {"virtualNetworkName": "vnet-none"}, "ParentResourceNotFound"),
    ("subnet", [], {"resourceGroupName": "rg-none"}, "ResourceGroupNotFound"),
    ("subnet", [], {"routeTable": {"id": "$nsg/none"}}, "InvalidResourceReference"),
    (
        "vnet2",
        [],
        {
            "subnets": [
                {"name": "a", "addressPrefix": "10.30.0.0/24"},
                {"name": "b", "addressPrefix": "10.30.0.128/25"},
            ]
        },
        "NetcfgSubnetRangesOverlap",
    ),
    ("nsg", [], {"securityRules": [RULE, {**RULE, "name": "two"}]}, "SecurityRuleConflict"),
    ("nsg", [], {"securityRules": [{**RULE, "priority": 99}]}, "SecurityRuleInvalidPriority"),
    (
        "nsg",
        [],
        {"securityRules": [{**RULE, "destinationPortRange": "70000"}]},
        "SecurityRuleInvalidPortRange",
    ),
    (
        "nsg",
        [],
        {"securityRules": [{**RULE, "sourceAddressPrefix": "10.0.0.1/8"}]},
        "InvalidCIDRNotation",
    ),
    ("nsg", [], {"securityRules": [{**RULE, "access": "Alow"}]}, "InvalidRequestContent"),
    (
        "routes",
        [],
        {
            "routes": [
                {
                    "name": "a",
                    "addressPrefix": "0.0.0.0/0",
                    "nextHopType": "Internet",
                    "nextHopIpAddress": "10.0.0.1",
                }
            ]
        },
        "RouteTableRouteInvalidNextHop",
    ),
    ("address", [], {"publicIPAllocationMethod": "Dynamic"}, "PublicIPAddressSkuStaticRequired"),
    ("address", [], {"sku": {"name": "Basic"}}, "BasicSku"),
    ("hub", [], {"addressPrefix": "10.255.0.0/25"}, "AddressPrefixTooSmall"),
    (
        "hub",
        ["hub"],
        {"virtualHubName": "b", "addressPrefix": "10.255.1.0/24"},
        "AddressPrefixOverlap",
    ),
    ("gateway", ["gateway"], {"gatewayName": "b"}, "AlreadyHasVpnGateway"),
    ("site", [], {"vpnSiteLinks": None}, "VpnSiteHasNoAddress"),
    ("site", [], {"addressSpace": {"addressPrefixes": ["10.64.0.1/22"]}}, "InvalidCIDRNotation"),
    ("site", [], {"vpnSiteLinks": [{"name": "a", "ipAddress": "x"}]}, "InvalidIPAddress"),
    (
        "site",
        [],
        {
            "vpnSiteLinks": [
                {"name": "a", "ipAddress": "198.51.100.1", "bgpProperties": {"asn": 65515}}
            ]
        },
        "InvalidAsn",
    ),
    ("tunnel", ["tunnel"], {"connectionName": "b"}, "VpnSiteAlreadyConnected"),
    (
        "tunnel",
        [],
        {"vpnLinkConnections": link(ipsecPolicies=[{**IPSEC, "ipsecIntegrity": "SHA256"}])},
        "InvalidIpsecPolicy",
    ),
    (
        "tunnel",
        [],
        {"vpnLinkConnections": link(ipsecPolicies=[{**IPSEC, "dhGroup": "DHGroup3"}])},
        "DHGroup3",
    ),
    ("tunnel", [], {"vpnLinkConnections": link(sharedKey="é")}, "InvalidSharedKey"),
    (
        "hub_connection",
        ["vnet"],
        {"remoteVirtualNetwork": {"id": "$vnet/none"}},
        "InvalidResourceReference",
    ),
    ("classic", [], {"sku": {"name": "VpnGw1", "tier": "VpnGw1"}}, "NonAzSkus"),
    (
        "classic",
        [],
        {
            "ipConfigurations": [
                {"name": "a", "publicIPAddress": {"id": "$address"}, "subnet": {"id": "$subnet"}}
            ]
        },
        "GatewaySubnet",
    ),
    (
        "classic_connection",
        [],
        {"localNetworkGateway2": None},
        "ConnectionNeedsLocalNetworkGateway",
    ),
    ("branch", [], {"fqdn": "par01.example"}, "LocalNetworkGatewayNoAddress"),
    ("zone_link", ["zone_link"], {"virtualNetworkLinkName": "b"}, "Conflict"),
    ("private_record", [], {"recordType": "CNAME"}, "cnameRecord and nothing else"),
    (
        "private_record",
        ["private_record"],
        {"recordType": "CNAME", "aRecords": None, "cnameRecord": {"cname": "a.example"}},
        "CNAME record stands alone",
    ),
    ("workspace", [], {"retentionInDays": 7}, "must be at least 30"),
    ("action_group", [], {"groupShortName": "longer-than-12"}, "longer than 12"),
    (
        "action_group",
        [],
        {"emailReceivers": [{"name": "a", "emailAddress": "nobody"}]},
        "InvalidEmailAddress",
    ),
    ("metric_alert", [], {"windowSize": "PT1M"}, "shorter than"),
    ("metric_alert", [], {"severity": 5}, "at most 4"),
    ("metric_alert", [], {"scopes": []}, "at least 1"),
    ("diagnostics", [], {"workspaceId": None}, "Data sinks"),
    ("diagnostics", ["diagnostics"], {"name": "b"}, "already used"),
    (
        "vault",
        [],
        {"properties": {"tenantId": SUBSCRIPTION, "sku": {"family": "A", "name": "standard"}}},
        "VaultTenantMismatch",
    ),
    (
        "vault",
        [],
        {
            "properties": {
                "tenantId": TENANT,
                "sku": {"family": "A", "name": "standard"},
                "enablePurgeProtection": False,
            }
        },
        "cannot be set to false",
    ),
    (
        "vault",
        [],
        {
            "properties": {
                "tenantId": TENANT,
                "sku": {"family": "A", "name": "standard"},
                "softDeleteRetentionInDays": 91,
            }
        },
        "at most 90",
    ),
    ("account", [], {"kind": "FileStorage"}, "InvalidSkuForKind"),
    ("share", [], {"shareQuota": 0}, "at least 1"),
    ("container", [], {"publicAccess": "Blob"}, "PublicAccessNotPermitted"),
    (
        "backup_container",
        [],
        {"containerName": "StorageContainer;Storage;other;stlab1a2b"},
        "BMSUserErrorContainerNameInvalid",
    ),
    ("backup_item", [], {"protectedItemName": "AzureFileShare;none"}, "no file share none"),
    (
        "assignment",
        [],
        {"principalId": "00000000-0000-0000-0000-00000000dead"},
        "PrincipalNotFound",
    ),
    ("assignment", [], {"principalType": "User"}, "UnmatchedPrincipalType"),
    (
        "assignment",
        ["assignment"],
        {"roleAssignmentName": "7d3f8a52-1111-4222-8333-0000000000dd"},
        "RoleAssignmentExists",
    ),
    (
        "assignment",
        [],
        {
            "roleDefinitionId": f"{ROLES}/reader",
        },
        "was not found",
    ),
    ("policy", [], {"policyRule": {"if": {}}}, "InvalidPolicyRule"),
    ("policy", [], {"parameters": {}}, "undefined parameters: places"),
    ("policy_assignment", [], {"parameters": {}}, "InvalidPolicyParameters"),
    ("budget", [], {"timePeriod": {"startDate": "2026-11-02T00:00:00Z"}}, "first of a month"),
    ("budget", [], {"amount": 0}, "more than nothing"),
    (
        "budget",
        [],
        {
            "notifications": {
                "a": {
                    "enabled": True,
                    "operator": "GreaterThan",
                    "threshold": 80,
                    "contactEmails": [],
                }
            }
        },
        "nobody to notify",
    ),
]


@pytest.mark.parametrize(
    ("key", "before", "changes", "words"), REFUSALS, ids=[f"{r[0]}-{r[3]}" for r in REFUSALS]
)
def test_azure_refuses(
    engine: Engine, key: str, before: list[str], changes: dict[str, Any], words: str
) -> None:
    for need in before:
        engine.example(need)
    with refused(words):
        variant(engine, key, **changes)


def test_spaces_that_overlap_are_not_peered(engine: Engine) -> None:
    other = variant(
        engine,
        "vnet2",
        virtualNetworkName="vnet-same",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
        subnets=None,
    )
    with refused("VnetAddressSpacesOverlap"):
        variant(engine, "peering", remoteVirtualNetwork={"id": other.id})


def test_global_names_are_taken_by_anybody(engine: Engine) -> None:
    for key, code in (("account", "StorageAccountAlreadyTaken"), ("vault", "VaultAlreadyExists")):
        engine.example(key)
        other = variant(engine, "group", resourceGroupName=f"rg-{key}")
        with refused(code, CODES.FAILED_PRECONDITION):
            variant(engine, key, resourceGroupName=wire.plain(other.outputs["name"]))


def test_what_exists_is_not_made_again(engine: Engine) -> None:
    engine.example("vnet")
    with refused("cannot create already existing resource", CODES.ALREADY_EXISTS):
        variant(engine, "vnet")
    # Azure does not care how an id is capitalised.
    with refused("cannot create already existing resource", CODES.ALREADY_EXISTS):
        variant(engine, "vnet", virtualNetworkName="VNET-LAB", resourceGroupName="RG-LAB")


@pytest.mark.parametrize(
    ("needed", "by", "words"),
    [
        ("nsg", "subnet", "InUseNetworkSecurityGroupCannotBeDeleted"),
        ("routes", "subnet", "InUseRouteTableCannotBeDeleted"),
        ("address", "classic", "PublicIPAddressCannotBeDeleted"),
        ("gateway_subnet", "classic", "InUseSubnetCannotBeDeleted"),
        ("vnet", "peering", ""),
        ("vnet2", "peering", "InUseVirtualNetworkCannotBeDeleted"),
        ("hub", "gateway", "VirtualHubInUse"),
        ("wan", "hub", "VirtualWanInUse"),
        ("site", "tunnel", "VpnSiteInUse"),
        ("branch", "classic_connection", "LocalNetworkGatewayInUse"),
        ("zone", "zone_link", "nested resources"),
        ("backup_vault", "backup_container", "existing resources"),
        ("backup_policy", "backup_item", "BMSUserErrorPolicyInUse"),
        ("policy", "policy_assignment", "PolicyDefinitionInUse"),
        ("management_group", "placement", "still has a subscription"),
        ("location", "access", "in use by MFA for everybody"),
        ("strength", "access", "in use by"),
        ("catalog", "package", "in use by prd-orion"),
    ],
)
def test_what_is_used_is_not_deleted(engine: Engine, needed: str, by: str, words: str) -> None:
    engine.example(by)
    made = engine.example(needed)
    if not words:
        engine.delete(made)
        return
    with refused(words):
        engine.delete(made)
    engine.delete(engine.example(by))
    engine.delete(made)
    assert engine.read(made) is None


def test_a_group_takes_everything_with_it(engine: Engine) -> None:
    for key in ("subnet", "share", "secret", "assignment"):
        engine.example(key)
    engine.delete(engine.example("group"))
    for key in ("vnet", "subnet", "account", "share", "vault", "assignment"):
        assert engine.read(engine.made[key]) is None
    assert engine.read(engine.example("staff")) is not None


def test_inline_subnets_are_subnets(engine: Engine) -> None:
    vnet = engine.example("vnet2")
    found = engine.imported("azure-native:network:Subnet", f"{vnet.id}/subnets/snet-a")
    assert found is not None
    assert found.inputs["addressPrefix"] == "10.30.1.0/24"
    inputs = {
        **engine.filled(EXAMPLES["subnet"]["inputs"]),
        "virtualNetworkName": "vnet-lab2",
        "addressPrefix": "10.30.1.0/25",
    }
    with refused("NetcfgSubnetRangesOverlap"):
        engine.create("azure-native:network:Subnet", inputs)
    # The trap of standalone subnets beside inline ones: the next update removes them.
    alone = engine.create(
        "azure-native:network:Subnet", {**inputs, "addressPrefix": "10.30.9.0/24"}
    )
    engine.update(vnet, {**vnet.inputs, "tags": {"a": "b"}})
    assert engine.read(alone) is None


def test_subnets_that_nobody_named_stay(engine: Engine) -> None:
    subnet = engine.example("subnet")
    vnet = engine.example("vnet")
    engine.update(vnet, {**vnet.inputs, "tags": {"a": "b"}})
    assert engine.read(subnet) is not None


# --- locks, soft delete ------------------------------------------------------------------------


def test_locks(engine: Engine) -> None:
    lock = engine.example("lock")
    vault = engine.example("vault")
    secret = engine.example("secret")
    for made in (vault, engine.example("group")):
        with refused("ScopeLocked", CODES.FAILED_PRECONDITION):
            engine.delete(made)
    engine.update(vault, {**vault.inputs, "tags": {"a": "b"}})
    read_only = engine.update(lock, {**lock.inputs, "level": "ReadOnly"})
    with refused("ScopeLocked"):
        engine.update(vault, {**vault.inputs, "tags": {}})
    with refused("ScopeLocked"):
        variant(engine, "secret", secretName="other")
    engine.delete(read_only)
    engine.delete(secret)
    engine.delete(vault)


def test_a_deleted_vault_keeps_its_name(engine: Engine, store: Store) -> None:
    vault = engine.example("vault")
    engine.delete(vault)
    with refused("already exists in deleted state"):
        variant(engine, "vault")
    properties = {**vault.inputs["properties"], "createMode": "recover"}
    back = variant(engine, "vault", properties=properties)
    assert back.id == vault.id
    assert "createMode" not in store.find(type=vault.token)[0].body["properties"]
    engine.delete(back)
    store.pass_time(8 * 86400)  # it keeps 7 days
    variant(engine, "vault")


def test_a_deleted_workspace_comes_back(engine: Engine) -> None:
    first = engine.example("workspace")
    engine.delete(first)
    again = variant(engine, "workspace")
    assert again.outputs["customerId"] == first.outputs["customerId"]


def test_a_backup_vault_keeps_deleted_items(engine: Engine) -> None:
    made = engine.example("backup_item")
    vault = engine.example("backup_vault")
    properties = {
        **vault.inputs["properties"],
        "securitySettings": {"softDeleteSettings": {"softDeleteState": "Enabled"}},
    }
    vault = engine.update(vault, {**vault.inputs, "properties": properties})
    engine.delete(made)
    engine.delete(engine.example("backup_container"))
    with refused("soft deleted state"):
        engine.delete(vault)


# --- Entra -------------------------------------------------------------------------------------

ENTRA = [
    (
        "ana",
        ["ana"],
        {"userPrincipalName": "ANA.LIMA@lab.example"},
        "same value for property userPrincipalName",
    ),
    ("ana", [], {"userPrincipalName": "ana@elsewhere.example"}, "verified domain names"),
    ("ana", [], {"userPrincipalName": "ana lima@lab.example"}, "userPrincipalName is invalid"),
    ("ana", [], {"password": "short"}, "password complexity"),
    ("ana", [], {"password": None}, "`password` is required"),
    ("ana", [], {"usageLocation": "France"}, "usageLocation"),
    ("ana", [], {"department": "x" * 65}, "department"),
    ("bob", [], {"managerId": "00000000-0000-0000-0000-00000000dead"}, "Request_ResourceNotFound"),
    ("staff", [], {"types": ["DynamicMembership"]}, "belong together"),
    (
        "dynamic",
        [],
        {"dynamicMembership": {"enabled": True, "rule": "user.department is Edit"}},
        "Invalid membership rule",
    ),
    ("staff", [], {"mailEnabled": True, "mailNickname": "staff"}, "Unified"),
    ("staff", ["staff"], {"preventDuplicateNames": True}, "already exists - to be managed"),
    (
        "membership",
        [],
        {"memberObjectId": "00000000-0000-0000-0000-00000000dead"},
        "Request_ResourceNotFound",
    ),
    ("membership", [], {"memberObjectId": "$bare.objectId"}, "cannot have groups"),
    ("membership", [], {"groupObjectId": "$dynamic.objectId"}, "dynamic membership"),
    (
        "group_licence",
        [],
        {"skuId": "00000000-0000-0000-0000-00000000dead"},
        "valid company License",
    ),
    (
        "user_licence",
        [],
        {"disabledPlans": ["00000000-0000-0000-0000-00000000dead"]},
        "is not a part of license",
    ),
    ("guest", [], {"userEmailAddress": "zed"}, "email address is invalid"),
    ("guest", [], {"userEmailAddress": "zed@lab.example"}, "belongs to this organisation"),
    ("access", [], {"grantControls": None}, "1015"),
    (
        "access",
        [],
        {
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includedApplications": ["All"]},
                "users": {},
            }
        },
        "1025",
    ),
    (
        "access",
        [],
        {
            "conditions": {
                "clientAppTypes": ["all"],
                "applications": {"includedApplications": ["All"]},
                "users": {"includedGroups": ["00000000-0000-0000-0000-00000000dead"]},
            }
        },
        "Request_ResourceNotFound",
    ),
    (
        "access",
        [],
        {"grantControls": {"operator": "OR", "builtInControls": ["block", "mfa"]}},
        "1007",
    ),
    ("location", [], {"ip": {"ipRanges": ["10.0.0.0/24"]}}, "is private"),
    ("location", [], {"ip": {"ipRanges": ["198.51.100.1/24"]}}, "Invalid IP range"),
    (
        "package",
        [],
        {"catalogId": "00000000-0000-0000-0000-00000000dead"},
        "Request_ResourceNotFound",
    ),
    (
        "package_resource",
        [],
        {"catalogResourceAssociationId": "$catalog/00000000-0000-0000-0000-00000000dead"},
        "Request_ResourceNotFound",
    ),
    ("package_policy", [], {"expirationDate": "2099-01-01T00:00:00Z"}, "exclude each other"),
    ("helpdesk", [], {"displayName": "Coffee Administrator"}, "Request_ResourceNotFound"),
    ("role_assignment", [], {"principalObjectId": "$bare.objectId"}, "not role-assignable"),
    ("pim_eligible", [], {"expirationDate": None}, "exactly one of"),
    ("pim_eligible", [], {"expirationDate": "2020-01-01T00:00:00Z"}, "in the past"),
    ("pim_eligible", ["pim_eligible"], {}, "already exists"),
    (
        "principal",
        [],
        {"clientId": "00000000-0000-0000-0000-00000000dead"},
        "valid application object",
    ),
]


@pytest.mark.parametrize(
    ("key", "before", "changes", "words"), ENTRA, ids=[f"{r[0]}-{r[3]}" for r in ENTRA]
)
def test_entra_refuses(
    engine: Engine, key: str, before: list[str], changes: dict[str, Any], words: str
) -> None:
    for need in before:
        engine.example(need)
    with refused(words):
        variant(engine, key, **changes)


def test_licences_run_out(engine: Engine, store: Store) -> None:
    facts = store.setting("tenant_facts")
    facts["skus"] = [{**sku, "units": 1} for sku in facts["skus"]]
    store.set("tenant_facts", facts)
    engine.example("user_licence")
    with refused("does not have any available licenses"):
        variant(engine, "user_licence", userObjectId="$bob.objectId")


def test_a_user_comes_back_from_deleted_items(engine: Engine, store: Store) -> None:
    ana = engine.example("ana")
    membership = engine.example("membership")
    engine.delete(ana)
    assert engine.read(membership) is None
    variant(engine, "ana")  # the name of a deleted user is free
    directory = Directory(store, TENANT)
    kept = store.deleted(type="user")
    with pytest.raises(Refused, match="same value for property userPrincipalName"):
        directory.restore(kept[0])
    directory.restore(kept[0], upn="ana.lima2@lab.example")
    assert engine.read(membership) is not None
    assert store.deleted(type="user") == []


def test_after_thirty_days_nothing_comes_back(engine: Engine, store: Store) -> None:
    engine.delete(engine.example("ana"))
    assert len(store.deleted(type="user")) == 1
    store.pass_time(31 * 86400)
    assert store.deleted(type="user") == []


# --- who is signed in --------------------------------------------------------------------------


def _signed_in(engine: Engine, package: str, **settings: str) -> None:
    from pulumi.runtime.proto import provider_pb2

    engine.stubs[package].Configure(provider_pb2.ConfigureRequest(args=wire.to_struct(settings)))


def test_wrong_tenant_and_subscription(engine: Engine) -> None:
    stranger = "00000000-0000-0000-0000-00000000dead"
    _signed_in(engine, "azuread", tenantId=stranger)
    with refused("AADSTS90002", CODES.UNAUTHENTICATED):
        engine.example("ana")
    _signed_in(engine, "azure-native", tenantId=TENANT, subscriptionId=stranger)
    with refused("SubscriptionNotFound", CODES.NOT_FOUND):
        engine.example("group")


def test_a_changed_configuration_is_told(engine: Engine) -> None:
    from pulumi.runtime.proto import provider_pb2

    for old, new, replaces in (
        ({"location": "francecentral"}, {"location": "westeurope"}, []),
        ({"tenantId": TENANT}, {"tenantId": SUBSCRIPTION}, ["tenantId"]),
        ({"tenantId": TENANT}, {"tenantId": TENANT}, []),
    ):
        answer = engine.stubs["azure-native"].DiffConfig(
            provider_pb2.DiffRequest(old_inputs=wire.to_struct(old), news=wire.to_struct(new))
        )
        assert (answer.changes == 2) == (old != new)
        assert list(answer.replaces) == replaces


# --- functions ---------------------------------------------------------------------------------


def test_functions(engine: Engine) -> None:
    assert engine.invoke("azure-native:authorization:getClientConfig")["tenantId"] == TENANT
    assert engine.invoke("azuread:index/getClientConfig:getClientConfig")["tenantId"] == TENANT
    domains = engine.invoke("azuread:index/getDomains:getDomains", onlyDefault=True)["domains"]
    assert [item["domainName"] for item in domains] == ["lab.example"]
    ana, staff = engine.example("ana"), engine.example("staff")
    user = "azuread:index/getUser:getUser"
    assert (
        engine.invoke(user, userPrincipalName="ana.lima@lab.example")["objectId"]
        == ana.outputs["objectId"]
    )
    with refused("No user found"):
        engine.invoke(user, userPrincipalName="nobody@lab.example")
    assert engine.invoke("azuread:index/getGroup:getGroup", displayName="Staff")["id"] == staff.id
    found = engine.invoke("azuread:index/getUsers:getUsers", returnAll=True)
    assert found["objectIds"] == [ana.outputs["objectId"]]
    engine.example("gateway")
    gateway = engine.invoke(
        "azure-native:network:getVpnGateway", resourceGroupName="rg-lab", gatewayName="vpngw-lab"
    )
    assert len(gateway["ipConfigurations"]) == 2
    roles = engine.invoke("azuread:index/getDirectoryRoleTemplates:getDirectoryRoleTemplates")
    assert len(roles["roleTemplates"]) == len(set(roles["objectIds"]))
    with refused("does not answer"):
        engine.invoke("azure-native:network:getLoadBalancer", loadBalancerName="x")


def test_secrets_are_nowhere(engine: Engine, store: Store) -> None:
    for key in ("ana", "secret", "tunnel", "classic_connection"):
        engine.example(key)
    for thing in store.find():
        assert "ot-a-real" not in f"{thing.body}{thing.extra}"
    assert "ot-a-real" not in str(store.operations())
    kept = engine.read(engine.example("tunnel"))
    assert kept is not None
    assert kept.inputs["vpnLinkConnections"][0]["sharedKey"] == "not-a-real-key-1"
    imported = engine.imported("azuread:index/user:User", engine.example("ana").id)
    assert imported is not None
    assert "password" not in imported.inputs


def test_the_stub_is_configured_by_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_SUBSCRIPTION_ID", "00000000-0000-0000-0000-00000000dead")
    _signed_in(engine, "azure-native")
    with refused("SubscriptionNotFound"):
        engine.example("group")
    assert configured is not None
