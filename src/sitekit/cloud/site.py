"""The stack of a site: the Azure end of its tunnels, its network, vault and share."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Network

from ..design.result import SiteDesign, Tunnel, UplinkDesign
from ..findings import Severity
from ..load.organisation import LoadedOrganisation, SiteInputs
from ..model.cloud import CloudSubnet
from .base import AZURE, BUDGET_IGNORES, Builder, budget, entra, platform_group
from .ids import Group
from .ipsec import policy
from .naming import Namer
from .spec import Ref, Secret, StackKind, StackPlan, Value

SHARE = "documents"
HOLD_DATA = ("vault", "storage", "backup")
ENTRA_KERBEROS = "AADKERB"  # identity of the share: Entra Kerberos, no domain controller


def site_plan(organisation: LoadedOrganisation, design: SiteDesign, today: date) -> StackPlan:
    """What the stack of this site holds: pure data, in milliseconds."""
    inputs = organisation.sites[design.facts.code]
    return _Site(organisation, inputs, design, today).plan()


class _Site:
    """One site on its way to a plan."""

    def __init__(
        self,
        organisation: LoadedOrganisation,
        inputs: SiteInputs,
        design: SiteDesign,
        today: date,
    ) -> None:
        self.inputs, self.design, self.today = inputs, design, today
        group = organisation.organisation
        azure = group.azure
        cloud = inputs.site.cloud
        subscription = inputs.subsidiary.cloud.subscription or azure.subscription
        names = Namer(
            inputs.catalogue.naming,
            azure.tenant,
            group.code,
            inputs.code,
            azure.region,
            cloud.generation,
        )
        self.names = names
        self.offer = inputs.catalogue.cloud.offers[inputs.archetype.name]
        self.group = Group(subscription, names.name("resource_group"))
        self.platform = platform_group(group, names)
        self.b = Builder(
            organisation=group,
            names=names,
            kind=StackKind.SITE,
            stack=inputs.code,
            subscription=subscription,
            group=self.group,
            tags={
                "managed-by": "sitekit",
                "owner": inputs.subsidiary_code,
                "site": inputs.code,
                "archetype": inputs.archetype.name,
            },
            place=inputs.place("cloud"),
            adopt=cloud.adopt,
        )
        self.lines = [line for line in design.uplinks if line.address is not None]

    def plan(self) -> StackPlan:
        """All of it, in order."""
        b = self.b
        b.add(
            f"{AZURE}resources:ResourceGroup",
            "group",
            {
                "resourceGroupName": self.group.name,
                "location": b.azure.region,
                "tags": b.tags,
            },
        )
        self._tunnels()
        self._network()
        self._location()
        self._vault()
        self._share()
        self._watch()
        self._money()
        self._locks()
        return b.finish(
            {
                "group": Ref("group"),
                "vault": Ref("vault"),
                "share": Ref("share", "name"),
            }
        )

    def _locks(self) -> None:
        """A lock on each thing that holds data, made last and taken away first.

        On the group it would refuse every other deletion as well, and with it most changes: Azure
        hands a lock down to all that lies below.
        """
        others = tuple(spec.name for spec in self.b.specs)
        for name in (each for each in HOLD_DATA if each in others):
            self.b.add(
                f"{AZURE}authorization:ManagementLockByScope",
                f"{name}-lock",
                {
                    "lockName": self.names.name("lock"),
                    "scope": Ref(name),
                    "level": "CanNotDelete",
                    "notes": "Holds data of people: change the site's file, not the lock.",
                },
                depends_on=others,
            )

    # --- the tunnels ---

    def _tunnels(self) -> None:
        if not self.lines:
            self.b.find(
                "cloud-no-tunnel",
                f"{self.inputs.code} has no line with a fixed address: nothing of it ends in Azure",
                "order a line with a fixed address, or leave the site without the hub",
                Severity.INFO,
            )
        elif self.b.azure.hub.kind == "virtual-wan":
            self._branch()
        else:
            self._connections()

    def _proposal(self, line: UplinkDesign) -> Tunnel:
        return next(t for t in self.design.tunnels if t.uplink == line.name)

    def _bgp(self) -> dict[str, Value] | None:
        plan = next((d.bgp for d in self.design.devices if hasattr(d, "bgp") and d.bgp), None)
        if plan is None:
            return None
        return {"asn": plan.asn, "bgpPeeringAddress": str(plan.router_id)}

    def _branch(self) -> None:
        """A VPN site with a link per line, and its connection at the hub's gateway."""
        names, bgp = self.names, self._bgp()
        site = names.name("vpn_site")
        links: list[Value] = []
        for line in self.lines:
            link: dict[str, Value] = {
                "name": line.name,
                "ipAddress": str(line.address),
                "linkProperties": {
                    "linkProviderName": line.carrier,
                    "linkSpeedInMbps": line.up_mbps,
                },
            }
            if bgp is not None:
                link["bgpProperties"] = bgp
            links.append(link)
        self.b.add(
            f"{AZURE}network:VpnSite",
            "vpn-site",
            {
                "vpnSiteName": site,
                "virtualWan": {
                    "id": self.platform.resource(
                        "Microsoft.Network/virtualWans", names.name("virtual_wan")
                    )
                },
                "addressSpace": {"addressPrefixes": [str(self.design.facts.block)]},
                "deviceProperties": {
                    "deviceVendor": "Fortinet",
                    "linkSpeedInMbps": max(line.up_mbps for line in self.lines),
                },
                "vpnSiteLinks": links,
            },
            grouped=True,
            tagged=True,
        )
        self.b.add(
            f"{AZURE}network:VpnConnection",
            "vpn-connection",
            {
                "resourceGroupName": self.platform.name,
                "gatewayName": names.name("vpn_gateway"),
                "connectionName": names.name("vpn_connection"),
                "remoteVpnSite": {"id": Ref("vpn-site")},
                "vpnLinkConnections": [
                    {
                        "name": line.name,
                        "vpnSiteLink": {
                            "id": Ref("vpn-site", form=f"{{}}/vpnSiteLinks/{line.name}")
                        },
                        "vpnConnectionProtocolType": "IKEv2",
                        "enableBgp": bgp is not None,
                        "usePolicyBasedTrafficSelectors": False,
                        "ipsecPolicies": [policy(self._proposal(line).proposal)],
                        "sharedKey": Secret(self._proposal(line).psk),
                    }
                    for line in self.lines
                ],
            },
            minutes=60,
        )

    def _connections(self) -> None:
        """A local network gateway and a connection per line, at the hub network's gateway."""
        names, bgp = self.names, self._bgp()
        gateway = self.platform.resource(
            "Microsoft.Network/virtualNetworkGateways", names.name("network_gateway")
        )
        for line in self.lines:
            inputs: dict[str, Value] = {
                "localNetworkGatewayName": names.name("local_gateway", line.name),
                "gatewayIpAddress": str(line.address),
                "localNetworkAddressSpace": {"addressPrefixes": [str(self.design.facts.block)]},
            }
            if bgp is not None:
                inputs["bgpSettings"] = bgp
            self.b.add(
                f"{AZURE}network:LocalNetworkGateway",
                f"branch-{line.name}",
                inputs,
                grouped=True,
                tagged=True,
            )
            self.b.add(
                f"{AZURE}network:VirtualNetworkGatewayConnection",
                f"connection-{line.name}",
                {
                    "virtualNetworkGatewayConnectionName": names.name("vpn_connection")
                    + f"-{line.name}",
                    "virtualNetworkGateway1": {"id": gateway},
                    "localNetworkGateway2": {"id": Ref(f"branch-{line.name}")},
                    "connectionType": "IPsec",
                    "connectionProtocol": "IKEv2",
                    "enableBgp": bgp is not None,
                    "usePolicyBasedTrafficSelectors": False,
                    "dpdTimeoutSeconds": 45,
                    "ipsecPolicies": [policy(self._proposal(line).proposal)],
                    "sharedKey": Secret(self._proposal(line).psk),
                },
                grouped=True,
                tagged=True,
                minutes=60,
            )

    # --- the network ---

    def _network(self) -> None:
        prefix = self.inputs.site.cloud.network
        if prefix is None:
            if self.offer.network:
                self.b.find(
                    "cloud-no-network",
                    f"sites like {self.inputs.code} have a network in Azure, and its prefix is "
                    "not written",
                    "write cloud: {network: PREFIX}, out of azure.networks of organisation.yaml",
                    Severity.INFO,
                )
            return
        names = self.names
        subnets: list[Value] = []
        for subnet in self.inputs.catalogue.cloud.subnets:
            self.b.add(
                f"{AZURE}network:NetworkSecurityGroup",
                f"nsg-{subnet.name}",
                {
                    "networkSecurityGroupName": names.name("security_group", subnet.name),
                    "securityRules": self._filter(subnet),
                },
                grouped=True,
                tagged=True,
            )
            subnets.append(
                {
                    "name": names.name("subnet", subnet.name),
                    "addressPrefix": str(slice_of(prefix, subnet)),
                    "networkSecurityGroup": {"id": Ref(f"nsg-{subnet.name}")},
                    "defaultOutboundAccess": False,
                    "privateEndpointNetworkPolicies": "Enabled",
                }
            )
        self.b.add(
            f"{AZURE}network:VirtualNetwork",
            "network",
            {
                "virtualNetworkName": names.name("virtual_network"),
                "addressSpace": {"addressPrefixes": [str(prefix)]},
                "dhcpOptions": {
                    "dnsServers": [str(a) for a in self.inputs.settings.dns.servers],
                },
                "subnets": subnets,
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        self._join()
        for index, zone in enumerate(self.inputs.catalogue.cloud.private_zones):
            self.b.add(
                f"{AZURE}privatedns:VirtualNetworkLink",
                f"dns-link-{index + 1}",
                {
                    "resourceGroupName": self.platform.name,
                    "privateZoneName": zone,
                    "virtualNetworkLinkName": names.name("network_link"),
                    "location": "global",
                    "registrationEnabled": False,
                    "virtualNetwork": {"id": Ref("network")},
                    "tags": self.b.tags,
                },
            )

    def _filter(self, subnet: CloudSubnet) -> list[Value]:
        """Inbound rules: what the subnet is for, then nothing more from networks of ours."""
        sources = {
            "site": [str(self.design.facts.block)],
            "administration": [str(p) for p in self.inputs.settings.administration.prefixes],
        }
        rules: list[Value] = []
        for flow in subnet.inbound:
            for source in flow.sources:
                rules.append(
                    {
                        "name": f"in-{flow.name}-from-{source}",
                        "priority": 100 + 10 * len(rules),
                        "direction": "Inbound",
                        "access": "Allow",
                        "protocol": flow.protocol,
                        "sourceAddressPrefixes": sources[source],
                        "sourcePortRange": "*",
                        "destinationAddressPrefix": "*",
                        "destinationPortRanges": list(flow.ports),
                        "description": flow.reason,
                    }
                )
        rules.append(
            {
                "name": "in-nothing-else",
                "priority": 4096,
                "direction": "Inbound",
                "access": "Deny",
                "protocol": "*",
                "sourceAddressPrefix": "*",
                "sourcePortRange": "*",
                "destinationAddressPrefix": "*",
                "destinationPortRange": "*",
                "description": "What no rule permits is refused",
            }
        )
        return rules

    def _join(self) -> None:
        """The way from the network to the hub."""
        names, hub = self.names, self.b.azure.hub
        if hub.kind == "virtual-wan":
            self.b.add(
                f"{AZURE}network:HubVirtualNetworkConnection",
                "hub-connection",
                {
                    "resourceGroupName": self.platform.name,
                    "virtualHubName": names.name("virtual_hub"),
                    "connectionName": names.name("hub_connection"),
                    "remoteVirtualNetwork": {"id": Ref("network")},
                    "enableInternetSecurity": True,
                },
                minutes=60,
            )
            return
        hub_owner = f"{self.b.organisation.code}-hub"
        hub_name = names.name("virtual_network", owner=hub_owner)
        hub_id = self.platform.resource("Microsoft.Network/virtualNetworks", hub_name)
        for name, group, here, there, transit in (
            ("peering", Ref("group", "name"), Ref("network", "name"), hub_id, False),
            ("peering-back", self.platform.name, hub_name, Ref("network"), True),
        ):
            self.b.add(
                f"{AZURE}network:VirtualNetworkPeering",
                name,
                {
                    "resourceGroupName": group,
                    "virtualNetworkName": here,
                    "virtualNetworkPeeringName": names.name("peering", "hub"),
                    "remoteVirtualNetwork": {"id": there},
                    "allowVirtualNetworkAccess": True,
                    "allowForwardedTraffic": True,
                    "allowGatewayTransit": transit,
                    "useRemoteGateways": not transit,
                },
            )

    # --- who comes from here ---

    def _location(self) -> None:
        """The public addresses of the site, for conditional access."""
        if not self.lines:
            return
        self.b.add(
            entra("NamedLocation"),
            "location",
            {
                "displayName": self.names.name("named_location"),
                "ip": {"ipRanges": [f"{line.address}/32" for line in self.lines], "trusted": True},
            },
        )

    # --- vault and share ---

    def _open_to(self) -> list[Value]:
        return [{"value": str(line.address)} for line in self.lines]

    def _vault(self) -> None:
        self.b.add(
            f"{AZURE}keyvault:Vault",
            "vault",
            {
                "vaultName": self.names.name("key_vault"),
                "properties": {
                    "tenantId": self.b.azure.tenant,
                    "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                    "enableSoftDelete": True,
                    "softDeleteRetentionInDays": 90,
                    "enablePurgeProtection": True,
                    "networkAcls": {
                        "bypass": "AzureServices",
                        "defaultAction": "Deny",
                        "ipRules": self._open_to(),
                    },
                },
            },
            grouped=True,
            tagged=True,
            protect=True,
        )

    def _share(self) -> None:
        names = self.names
        account = names.name("storage_account")
        self.b.add(
            f"{AZURE}storage:StorageAccount",
            "storage",
            {
                "accountName": account,
                "kind": "StorageV2",
                "sku": {"name": "Standard_ZRS"},
                "minimumTlsVersion": "TLS1_2",
                "enableHttpsTrafficOnly": True,
                "allowBlobPublicAccess": False,
                "allowCrossTenantReplication": False,
                "azureFilesIdentityBasedAuthentication": {
                    "directoryServiceOptions": ENTRA_KERBEROS
                },
                "networkRuleSet": {
                    "bypass": "AzureServices",
                    "defaultAction": "Deny",
                    "ipRules": [
                        {"iPAddressOrRange": str(line.address), "action": "Allow"}
                        for line in self.lines
                    ],
                },
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        self.b.add(
            f"{AZURE}storage:FileServiceProperties",
            "files",
            {
                "accountName": Ref("storage", "name"),
                "fileServicesName": "default",
                "shareDeleteRetentionPolicy": {"enabled": True, "days": 30},
                "protocolSettings": {
                    "smb": {
                        "versions": "SMB3.1.1",
                        "authenticationMethods": "Kerberos",
                        "channelEncryption": "AES-256-GCM",
                        "kerberosTicketEncryption": "AES-256",
                    }
                },
            },
            grouped=True,
        )
        self.b.add(
            f"{AZURE}storage:FileShare",
            "share",
            {
                "accountName": Ref("storage", "name"),
                "shareName": names.name("file_share", SHARE),
                "shareQuota": self.inputs.site.cloud.share_gb or self.offer.share_gb,
                "enabledProtocols": "SMB",
                "accessTier": "TransactionOptimized",
            },
            grouped=True,
            depends_on=("files",),
            protect=True,
            retain=True,
        )
        self._backup(account)

    def _backup(self, account: str) -> None:
        names, vault = self.names, self.names.name("recovery_vault")
        self.b.add(
            f"{AZURE}recoveryservices:Vault",
            "backup",
            {
                "vaultName": vault,
                "sku": {"name": "RS0", "tier": "Standard"},
                "properties": {"publicNetworkAccess": "Enabled"},
            },
            grouped=True,
            tagged=True,
            protect=True,
        )
        at = ["2000-01-01T02:00:00Z"]  # the hour counts, in the policy's time zone
        self.b.add(
            f"{AZURE}recoveryservices:ProtectionPolicy",
            "backup-policy",
            {
                "vaultName": Ref("backup", "name"),
                "policyName": names.name("backup_policy", "daily"),
                "properties": {
                    "backupManagementType": "AzureStorage",
                    "workLoadType": "AzureFileShare",
                    "timeZone": "Romance Standard Time",
                    "schedulePolicy": {
                        "schedulePolicyType": "SimpleSchedulePolicy",
                        "scheduleRunFrequency": "Daily",
                        "scheduleRunTimes": at,
                    },
                    "retentionPolicy": {
                        "retentionPolicyType": "LongTermRetentionPolicy",
                        "dailySchedule": {
                            "retentionTimes": at,
                            "retentionDuration": {
                                "count": self.offer.backup_days,
                                "durationType": "Days",
                            },
                        },
                    },
                },
            },
            grouped=True,
        )
        container = f"StorageContainer;Storage;{self.group.name};{account}"
        self.b.add(
            f"{AZURE}recoveryservices:ProtectionContainer",
            "backup-container",
            {
                "vaultName": Ref("backup", "name"),
                "fabricName": "Azure",
                "containerName": container,
                "properties": {
                    "backupManagementType": "AzureStorage",
                    "containerType": "StorageContainer",
                    "sourceResourceId": Ref("storage"),
                },
            },
            grouped=True,
        )
        self.b.add(
            f"{AZURE}recoveryservices:ProtectedItem",
            "backup-share",
            {
                "vaultName": Ref("backup", "name"),
                "fabricName": "Azure",
                "containerName": container,
                "protectedItemName": Ref("share", "name", "AzureFileShare;{}"),
                "properties": {
                    "protectedItemType": "AzureFileShareProtectedItem",
                    "policyId": Ref("backup-policy"),
                    "sourceResourceId": Ref("storage"),
                },
            },
            grouped=True,
            depends_on=("backup-container",),
        )

    # --- watching and paying ---

    def _watch(self) -> None:
        names = self.names
        owner = f"{self.b.organisation.code}-platform"
        workspace = self.platform.resource(
            "Microsoft.OperationalInsights/workspaces", names.name("workspace")
        )
        alerts = self.platform.resource(
            "Microsoft.Insights/actionGroups", names.name("action_group", owner=owner)
        )
        self.b.add(
            f"{AZURE}monitor:DiagnosticSetting",
            "vault-logs",
            {
                "name": names.name("diagnostic"),
                "resourceUri": Ref("vault"),
                "workspaceId": workspace,
                "logs": [{"categoryGroup": "audit", "enabled": True}],
            },
        )
        quota = self.inputs.site.cloud.share_gb or self.offer.share_gb
        self.b.add(
            f"{AZURE}monitor:MetricAlert",
            "share-full",
            {
                "ruleName": names.name("alert_rule", "share"),
                "location": "global",
                "description": f"The share of {self.inputs.code} is nearly full",
                "severity": 2,
                "enabled": True,
                "scopes": [Ref("storage", form="{}/fileServices/default")],
                "evaluationFrequency": "PT1H",
                "windowSize": "PT1H",
                "criteria": {
                    "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                    "allOf": [
                        {
                            "criterionType": "StaticThresholdCriterion",
                            "name": "capacity",
                            "metricNamespace": "Microsoft.Storage/storageAccounts/fileServices",
                            "metricName": "FileCapacity",
                            "operator": "GreaterThan",
                            "threshold": quota * 2**30 * 85 // 100,
                            "timeAggregation": "Average",
                        }
                    ],
                },
                "actions": [{"actionGroupId": alerts}],
                "tags": self.b.tags,
            },
            grouped=True,
        )

    def _money(self) -> None:
        b = self.b
        contact = b.azure.alerts or (self.inputs.settings.administration.contact,)
        b.add(
            f"{AZURE}consumption:Budget",
            "budget",
            budget(
                self.names.name("budget"),
                Ref("group"),
                self.inputs.site.cloud.budget_eur or self.offer.budget_eur,
                self.today,
                contact,
            ),
            ignore=BUDGET_IGNORES,
        )


def slice_of(prefix: IPv4Network, subnet: CloudSubnet) -> IPv4Network:
    """The part of a site's Azure prefix that a subnet has: slots are sixteenths of it."""
    size = prefix.num_addresses // 16
    length = prefix.prefixlen + 4 - (subnet.slots.bit_length() - 1)
    return IPv4Network((int(prefix.network_address) + size * subnet.slot, length))
