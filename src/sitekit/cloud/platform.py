"""The stack of the tenant: management groups, hub, logs, guardrails, conditional access."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import JsonValue

from ..findings import Severity
from ..load.organisation import LoadedOrganisation
from ..model.cloud import CloudStandard
from .base import AZURE, BUDGET_IGNORES, Builder, budget, entra, platform_group
from .domains import add_domains, proof_of
from .ids import management_group, policy_definition
from .naming import Namer
from .spec import Generated, Ref, StackKind, StackPlan, Value

# Microsoft Learn: entra/identity/role-based-access-control/permissions-reference.
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"  # … Administrator
ADMINISTRATORS = (  # roles whose holders may change who has access
    GLOBAL_ADMINISTRATOR,
    "e8611ab8-c189-46e8-94e1-60213ab1f814",  # Privileged Role Administrator
    PRIVILEGED_AUTHENTICATION,
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",  # Conditional Access Administrator
    "194ae4cb-b126-40b2-bd5b-6091b380977d",  # Security Administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1",  # User Administrator
    "29232cdf-9323-42fd-ade2-1d097af3e4de",  # Exchange Administrator
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",  # SharePoint Administrator
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",  # Application Administrator
    "158c047a-c907-4556-b7ef-446551a6b5f7",  # Cloud Application Administrator
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
)
# Microsoft Graph, authenticationStrengthPolicy: the built-in "Phishing-resistant MFA".
PHISHING_RESISTANT = "/policies/authenticationStrengthPolicies/00000000-0000-0000-0000-000000000004"
BREAK_GLASS = "break-glass"  # how the accounts' names begin
P1_OR_MORE = {"entra-p1", "entra-p2"}
OWN_UNIT = "sitekit:entra:RestrictedAdministrativeUnit"
OWN_METHODS = "sitekit:entra:AuthenticationMethodsPolicy"
REPORT_ONLY = "enabledForReportingButNotEnforced"
# Sign-in and audit logs that Entra sends (Microsoft Learn, entra/identity/monitoring-health).
ENTRA_LOGS = (
    "AuditLogs",
    "SignInLogs",
    "NonInteractiveUserSignInLogs",
    "ServicePrincipalSignInLogs",
    "ManagedIdentitySignInLogs",
    "RiskyUsers",
    "UserRiskEvents",
)


def platform_plan(organisation: LoadedOrganisation, today: date) -> StackPlan:
    """What the stack of the tenant holds: pure data, in milliseconds."""
    return _Platform(organisation, today).plan()


class _Platform:
    """The tenant on its way to a plan."""

    def __init__(self, loaded: LoadedOrganisation, today: date) -> None:
        self.loaded, self.today = loaded, today
        group = loaded.organisation
        self.standard: CloudStandard = loaded.catalogue.cloud
        names = Namer(
            loaded.catalogue.naming, group.azure.tenant, group.code, group.code, group.azure.region
        )
        self.names = names
        self.group = platform_group(group, names)
        self.owner = f"{group.code}-platform"
        self.b = Builder(
            organisation=group,
            names=names,
            kind=StackKind.PLATFORM,
            stack=group.code,
            subscription=group.azure.subscription,
            group=self.group,
            tags={"managed-by": "sitekit", "owner": group.code},
            place=loaded.document.place(("azure",)),
        )

    def plan(self) -> StackPlan:
        """All of it, in order."""
        b = self.b
        self._management_groups()
        b.add(
            f"{AZURE}resources:ResourceGroup",
            "group",
            {"resourceGroupName": self.group.name, "location": b.azure.region, "tags": b.tags},
            protect=True,
        )
        if b.azure.hub.kind == "virtual-wan":
            self._virtual_wan()
        else:
            self._hub_network()
        for index, zone in enumerate(self.standard.private_zones):
            b.add(
                f"{AZURE}privatedns:PrivateZone",
                f"dns-{index + 1}",
                {"privateZoneName": zone, "location": "global", "tags": b.tags},
                grouped=True,
                protect=True,
            )
        self._logs()
        self._guardrails()
        told = add_domains(b, b.organisation.domains)
        self._zones()
        self._break_glass()
        self._restricted()
        self._methods()
        self._conditional_access()
        self._money()
        return b.finish(
            {
                "workspace": Ref("workspace"),
                "breakGlassGroup": Ref("break-glass", "objectId"),
                "managementGroup": Ref("management-group"),
                **({"domainTexts": told} if told else {}),
            }
        )

    # --- what everything hangs on ---

    def _management_groups(self) -> None:
        names = self.names
        top = names.name("management_group")
        self.b.add(
            f"{AZURE}management:ManagementGroup",
            "management-group",
            {"groupId": top, "displayName": self.b.organisation.name},
            protect=True,
        )
        for name, title in (("platform", "Platform"), ("subsidiaries", "Subsidiaries")):
            self.b.add(
                f"{AZURE}management:ManagementGroup",
                f"management-group-{name}",
                {
                    "groupId": names.name("management_group", f"-{name}"),
                    "displayName": f"{self.b.organisation.name}: {title}",
                    "details": {"parent": {"id": Ref("management-group")}},
                },
                protect=True,
            )

    def _virtual_wan(self) -> None:
        names, hub = self.names, self.b.azure.hub
        self.b.add(
            f"{AZURE}network:VirtualWan",
            "wan",
            {
                "virtualWANName": names.name("virtual_wan"),
                "type": "Standard",
                "allowBranchToBranchTraffic": True,
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        self.b.add(
            f"{AZURE}network:VirtualHub",
            "hub",
            {
                "virtualHubName": names.name("virtual_hub"),
                "addressPrefix": str(hub.prefix),
                "virtualWan": {"id": Ref("wan")},
                "sku": "Standard",
            },
            grouped=True,
            tagged=True,
            protect=True,
            minutes=60,
        )
        self.b.add(
            f"{AZURE}network:VpnGateway",
            "vpn-gateway",
            {
                "gatewayName": names.name("vpn_gateway"),
                "virtualHub": {"id": Ref("hub")},
                "vpnGatewayScaleUnit": 1,
                "bgpSettings": {"asn": hub.asn, "peerWeight": 0},
            },
            grouped=True,
            tagged=True,
            protect=True,
            minutes=90,
        )

    def _hub_network(self) -> None:
        names, hub = self.names, self.b.azure.hub
        owner = f"{self.b.organisation.code}-hub"
        gateways = [g.name for g in hub.gateways]
        first = next(hub.prefix.subnets(new_prefix=max(hub.prefix.prefixlen, 27)))
        self.b.add(
            f"{AZURE}network:VirtualNetwork",
            "hub",
            {
                "virtualNetworkName": names.name("virtual_network", owner=owner),
                "addressSpace": {"addressPrefixes": [str(hub.prefix)]},
                "subnets": [
                    {"name": "GatewaySubnet", "addressPrefix": str(first)},  # Azure's own word
                ],
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        for gateway in gateways:
            self.b.add(
                f"{AZURE}network:PublicIPAddress",
                f"address-{gateway}",
                {
                    "publicIpAddressName": names.name("public_address", gateway),
                    "sku": {"name": "Standard"},
                    "publicIPAllocationMethod": "Static",
                    "zones": ["1", "2", "3"],
                },
                grouped=True,
                tagged=True,
                protect=True,
            )
        self.b.add(
            f"{AZURE}network:VirtualNetworkGateway",
            "vpn-gateway",
            {
                "virtualNetworkGatewayName": names.name("network_gateway"),
                "gatewayType": "Vpn",
                "vpnType": "RouteBased",
                "vpnGatewayGeneration": "Generation2",
                "sku": {"name": "VpnGw2AZ", "tier": "VpnGw2AZ"},
                "activeActive": len(gateways) == 2,
                "enableBgp": hub.routing == "bgp",
                "bgpSettings": {"asn": hub.asn},
                "ipConfigurations": [
                    {
                        "name": gateway,
                        "privateIPAllocationMethod": "Dynamic",
                        "subnet": {"id": Ref("hub", form="{}/subnets/GatewaySubnet")},
                        "publicIPAddress": {"id": Ref(f"address-{gateway}")},
                    }
                    for gateway in gateways
                ],
            },
            grouped=True,
            tagged=True,
            protect=True,
            minutes=90,
        )

    # --- logs and guardrails ---

    def _logs(self) -> None:
        names, b = self.names, self.b
        b.add(
            f"{AZURE}operationalinsights:Workspace",
            "workspace",
            {
                "workspaceName": names.name("workspace"),
                "sku": {"name": "PerGB2018"},
                "retentionInDays": b.azure.log_days,
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        b.add(
            f"{AZURE}monitor:ActionGroup",
            "alerts",
            {
                "actionGroupName": names.name("action_group", owner=self.owner),
                "groupShortName": b.organisation.code,
                "location": "global",
                "enabled": True,
                "emailReceivers": [
                    {
                        "name": f"mail-{index + 1}",
                        "emailAddress": mail,
                        "useCommonAlertSchema": True,
                    }
                    for index, mail in enumerate(b.azure.alerts)
                ],
                "tags": b.tags,
            },
            grouped=True,
        )
        b.add(
            f"{AZURE}aadiam:DiagnosticSetting",
            "entra-logs",
            {
                "name": names.name("diagnostic", owner="entra"),
                "workspaceId": Ref("workspace"),
                "logs": [{"category": log, "enabled": True} for log in ENTRA_LOGS],
            },
        )
        b.add(
            f"{AZURE}monitor:ScheduledQueryRule",
            "break-glass-used",
            {
                "ruleName": names.name("alert_rule", "break-glass", owner=self.owner),
                "displayName": "A break-glass account signed in",
                "description": "Nobody signs in with these accounts but in an emergency",
                "kind": "LogAlert",
                "severity": 0,
                "enabled": True,
                "evaluationFrequency": "PT5M",
                "windowSize": "PT5M",
                "scopes": [Ref("workspace")],
                "criteria": {
                    "allOf": [
                        {
                            "query": "SigninLogs | where UserPrincipalName startswith "
                            f'"{BREAK_GLASS}"',
                            "timeAggregation": "Count",
                            "operator": "GreaterThan",
                            "threshold": 0,
                        }
                    ]
                },
                "actions": {"actionGroups": [Ref("alerts")]},
            },
            grouped=True,
            tagged=True,
        )

    def _guardrails(self) -> None:
        regions = list(dict.fromkeys((self.b.azure.region, *self.b.azure.regions)))
        for name, entry in self.standard.policies.items():
            self.b.add(
                f"{AZURE}authorization:PolicyAssignment",
                f"policy-{name}",
                {
                    "policyAssignmentName": self.names.name("policy_assignment", name),
                    "scope": management_group(self.names.name("management_group")),
                    "displayName": entry.title,
                    "description": entry.reason,
                    "policyDefinitionId": policy_definition(entry.definition),
                    "parameters": _parameters(entry.parameters, regions),
                },
                depends_on=("management-group",),
            )

    # --- who gets in ---

    def _zones(self) -> None:
        """Public zones in which no proof is ever written are a slip of the pen."""
        own = [
            item
            for item in self.loaded.subsidiaries.values()
            if item.tenant in (None, self.b.azure.tenant)
        ]
        domains = [*self.b.organisation.domains, *(name for item in own for name in item.domains)]
        for zone in self.b.azure.public_zones:
            parents = [domain for domain in domains if zone.endswith(f".{domain}")]
            if zone not in domains:
                message = f"{zone} is no domain of the tenant"
            elif parents:
                message = f"{zone} is proved by {parents[0]}, which it lies below"
            else:
                continue
            self.b.find(
                "cloud-zone",
                message,
                f"take {zone} out of azure.public_zones, or correct its name",
                Severity.ERROR,
            )

    def _break_glass(self) -> None:
        """Two accounts for the day on which nobody else gets in, and the group that frees them."""
        b, domain = self.b, self.b.organisation.domains[0]
        accounts = [f"break-glass-{number}" for number in (1, 2)]
        for number, account in enumerate(accounts, 1):
            b.add(
                entra("User"),
                account,
                {
                    "userPrincipalName": f"{BREAK_GLASS}-{number}@{domain}",
                    "displayName": f"Break glass {number}",
                    "accountEnabled": True,
                    "password": Generated(64),  # nobody knows it: a security key is registered
                    "disablePasswordExpiration": True,
                    "forcePasswordChange": False,
                },
                protect=True,
                retain=True,
                ignore=("password",),
                secret_outputs=("password",),
                delete_first=True,
                depends_on=(proof_of(domain),),
            )
        b.add(
            entra("Group"),
            "break-glass",
            {
                "displayName": self.names.name("group", "break-glass"),
                "description": "For an emergency: no conditional access applies to its members",
                "securityEnabled": True,
                "assignableToRole": True,  # only the highest administrators may add members
                "preventDuplicateNames": True,
                "members": [Ref(account, "objectId") for account in accounts],
            },
            protect=True,
        )
        for account in accounts:
            b.add(
                entra("DirectoryRoleAssignment"),
                f"{account}-role",
                {
                    "roleId": GLOBAL_ADMINISTRATOR,
                    "principalObjectId": Ref(account, "objectId"),
                    "directoryScopeId": "/",
                },
                protect=True,
            )

    def _restricted(self) -> None:
        """A unit around who may do everything: its members are changed by its keepers alone.

        The group of the accounts stays outside: role-assignable groups are protected by
        themselves, and inside such a unit nobody may change their members (Microsoft Learn,
        entra/identity/role-based-access-control/admin-units-restricted-management). Administrators'
        own accounts are put in by hand.
        """
        b = self.b
        if not P1_OR_MORE & set(b.azure.licences):
            return  # said once, of conditional access
        b.add(
            OWN_UNIT,
            "restricted",
            {
                "displayName": self.names.name("restricted_unit"),
                "description": "Break-glass accounts and administrators: only keepers change them",
            },
            protect=True,
        )
        b.add(
            entra("GroupWithoutMembers"),
            "keepers",
            {
                "displayName": self.names.name("group", "keepers"),
                "description": "May change the accounts of the restricted unit, and nobody else",
                "securityEnabled": True,
                "assignableToRole": True,
                "preventDuplicateNames": True,
            },
            protect=True,
        )
        b.add(
            entra("DirectoryRoleAssignment"),
            "keepers-role",
            {
                "roleId": PRIVILEGED_AUTHENTICATION,
                "principalObjectId": Ref("keepers", "objectId"),
                "directoryScopeId": Ref("restricted", "objectId", "/administrativeUnits/{}"),
            },
        )
        for number in (1, 2):
            account = f"break-glass-{number}"
            b.add(
                entra("AdministrativeUnitMember"),
                f"restricted-{account}",
                {
                    "administrativeUnitObjectId": Ref("restricted", "objectId"),
                    "memberObjectId": Ref(account, "objectId"),
                },
                depends_on=("break-glass", f"{account}-role"),  # from then on it is closed
                protect=True,
            )

    def _methods(self) -> None:
        """Which ways of signing in are on: passkeys and the app, no codes by text or call."""
        self.b.add(
            OWN_METHODS,
            "sign-in-methods",
            {"methods": {**self.standard.sign_in_methods, **self.b.azure.sign_in_methods}},
            protect=True,
        )

    def _conditional_access(self) -> None:
        """The baseline: first it only reports, and it never applies to the break-glass group."""
        if not P1_OR_MORE & set(self.b.azure.licences):
            self.b.find(
                "cloud-licence",
                "conditional access and restricted units need Entra P1, which the tenant does not "
                "declare",
                "declare entra-p1 under azure.licences once it is bought; until then use Entra's "
                "security defaults",
                Severity.ERROR
                if self.b.azure.conditional_access == "enabled"
                else Severity.WARNING,  # nobody asked for it yet: it is left out
            )
            return
        everybody: dict[str, Value] = {"includedUsers": ["All"]}
        anything: dict[str, Value] = {"includedApplications": ["All"]}
        block: dict[str, Value] = {"operator": "OR", "builtInControls": ["block"]}
        self._policy(
            "001-mfa-everybody",
            "mfa",
            {"applications": anything, "clientAppTypes": ["all"], "users": everybody},
            {"operator": "OR", "builtInControls": ["mfa"]},
        )
        self._policy(
            "002-no-legacy-authentication",
            "no-legacy",
            {
                "applications": anything,
                "clientAppTypes": ["exchangeActiveSync", "other"],
                "users": everybody,
            },
            block,
        )
        self._policy(
            "003-no-device-code",
            "no-device-code",
            {
                "applications": anything,
                "clientAppTypes": ["all"],
                "users": everybody,
                "authenticationFlowTransferMethods": ["deviceCodeFlow"],
            },
            block,
        )
        self._policy(
            "004-administrators-phishing-resistant",
            "administrators",
            {
                "applications": anything,
                "clientAppTypes": ["all"],
                "users": {"includedRoles": list(ADMINISTRATORS)},
            },
            {"operator": "OR", "authenticationStrengthPolicyId": PHISHING_RESISTANT},
        )

    def _policy(
        self,
        title: str,
        name: str,
        conditions: dict[str, Value],
        grant: dict[str, Value],
    ) -> None:
        users = conditions["users"]
        assert isinstance(users, dict)
        enabled = self.b.azure.conditional_access == "enabled"
        self.b.add(
            entra("ConditionalAccessPolicy"),
            f"access-{name}",
            {
                "displayName": self.names.name("conditional_access", title),
                "state": "enabled" if enabled else REPORT_ONLY,
                "conditions": {
                    **conditions,
                    "users": {**users, "excludedGroups": [Ref("break-glass", "objectId")]},
                },
                "grantControls": grant,
            },
            protect=True,
        )

    def _money(self) -> None:
        b, amount = self.b, self.b.azure.budget_eur
        if amount is None:
            return
        if not b.azure.alerts:
            b.find(
                "cloud-budget-silent",
                "the budget tells nobody",
                "write alerts: [ADDRESS] under azure",
                Severity.WARNING,
            )
        b.add(
            f"{AZURE}consumption:Budget",
            "budget",
            budget(
                self.names.name("budget"),
                f"/subscriptions/{b.subscription}",
                amount,
                self.today,
                b.azure.alerts,
            ),
            ignore=BUDGET_IGNORES,
        )


def _parameters(given: Mapping[str, JsonValue], regions: list[str]) -> dict[str, Value]:
    """In the form of an assignment; `{regions}` are the organisation's."""
    return {
        name: {"value": regions if value == "{regions}" else value} for name, value in given.items()
    }
