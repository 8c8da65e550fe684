"""Rules of Azure that need more than a pattern: what a service refuses because of everything else.

Each is named by the types that obey it. A rule of `ARM` sees a resource that is about to be
written, one of `DELETE` a resource that is about to go; both raise Refused with the service's code.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import wire
from .base import Refused, with_defaults
from .store import Thing

if TYPE_CHECKING:
    from .arm import Arm
    from .catalogue import ArmType

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Inputs = Mapping[str, Any]
WriteRule = Callable[["Arm", "ArmType", str, Inputs, Thing | None], None]
DeleteRule = Callable[["Arm", "ArmType", Thing], None]

ARM: dict[str, WriteRule] = {}
DELETE: dict[str, DeleteRule] = {}

VNET = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
HUB = "azure-native:network:VirtualHub"


def _write(rule: WriteRule) -> WriteRule:
    ARM[rule.__name__.removeprefix("_")] = rule
    return rule


def _delete(rule: DeleteRule) -> DeleteRule:
    DELETE[rule.__name__.removeprefix("_")] = rule
    return rule


def deletable(arm: Arm, type: ArmType, thing: Thing) -> None:
    """Raise Refused where a service keeps what it has."""
    for check in type.checks:
        if rule := DELETE.get(check):
            rule(arm, type, thing)


def hard_delete(arm: Arm, thing: Thing, *, cascade: bool) -> bool:
    """Whether a resource that is normally kept for a while goes at once."""
    if thing.type == "azure-native:recoveryservices:ProtectedItem":
        vault = arm.store.get(thing.key.partition("/backupfabrics/")[0])
        return cascade or vault is None or not _keeps_deleted(arm, vault)
    return False


def _refuse(code: str, message: str, status: int = 400) -> Refused:
    return Refused(status, code, message)


# --- addresses ---------------------------------------------------------------------------------


def _prefixes(values: Iterable[Any]) -> list[Network]:
    found = []
    for value in values:
        try:
            found.append(ipaddress.ip_network(value, strict=True))
        except (ValueError, TypeError):
            raise _refuse(
                "InvalidCIDRNotation",
                f"The address prefix {value} is formatted incorrectly. It should follow CIDR "
                "notation, "
                "for example 10.0.0.0/24.",
            ) from None
    return found


def _overlap(some: Iterable[Network], others: Iterable[Network]) -> tuple[Network, Network] | None:
    for a in some:
        for b in others:
            if a.version == b.version and a.overlaps(b):
                return a, b
    return None


def _space(inputs: Inputs) -> list[Network]:
    return _prefixes(wire.at(inputs, "addressSpace.addressPrefixes") or [])


def _subnet_prefixes(inputs: Inputs) -> list[Network]:
    single = [inputs["addressPrefix"]] if inputs.get("addressPrefix") else []
    return _prefixes(single + list(inputs.get("addressPrefixes") or []))


def _within(nets: Iterable[Network], space: Iterable[Network]) -> Network | None:
    """The first of the networks that lies in none of the space."""
    space = list(space)
    for net in nets:
        if not any(net.version == big.version and net.subnet_of(big) for big in space):  # type: ignore[arg-type]
            return net
    return None


@_write
def _address_space(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    space = _space(inputs)
    if not space and not wire.at(inputs, "addressSpace.ipamPoolPrefixAllocations"):
        raise _refuse("InvalidRequestFormat", "A virtual network needs an address space.")
    for index, net in enumerate(space):
        if pair := _overlap([net], space[index + 1 :]):
            raise _refuse("NetcfgInvalidVirtualNetworkSite", f"{pair[0]} and {pair[1]} overlap.")
    if before is None or "subnets" in inputs:
        return
    for child in arm.store.find(type=SUBNET, parent=id.lower()):
        if outside := _within(_subnet_prefixes(child.body), space):
            raise _refuse(
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix of subnet {child.name} ({outside}) on Vnet {before.name} is in use and "
                "cannot be removed.",
            )


@_write
def _inline_subnets(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    seen: list[tuple[str, Network]] = []
    for item in inputs.get("subnets") or []:
        if not item.get("name"):
            raise _refuse("InvalidRequestFormat", "A subnet needs a name.")
        _subnet_fits(str(item["name"]), _subnet_prefixes(item), _space(inputs), seen)
        seen += [(str(item["name"]), net) for net in _subnet_prefixes(item)]


@_write
def _subnet(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    holder = arm.store.get(id.lower().rpartition("/subnets/")[0])
    if holder is None:
        return
    others = [
        (child.name, net)
        for child in arm.store.find(type=SUBNET, parent=holder.key)
        if child.key != id.lower()
        for net in _subnet_prefixes(child.body)
    ]
    _subnet_fits(
        str(inputs.get("subnetName")), _subnet_prefixes(inputs), _space(holder.body), others
    )


def _subnet_fits(
    name: str, nets: list[Network], space: list[Network], others: Iterable[tuple[str, Network]]
) -> None:
    if not nets:
        raise _refuse("InvalidRequestFormat", f"Subnet {name} needs an address prefix.")
    if outside := _within(nets, space):
        raise _refuse(
            "NetcfgSubnetRangeOutsideVnet",
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address "
            f"range of virtual network: {outside} is not in {', '.join(map(str, space))}.",
        )
    for net in nets:
        if net.version == 4 and net.prefixlen > 29:
            raise _refuse(
                "NetcfgSubnetRangeTooSmall", f"Subnet '{name}' is smaller than /29: {net}."
            )
    for other, net in others:
        if pair := _overlap(nets, [net]):
            raise _refuse(
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of "
                "an "
                f"existing subnet in virtual network: {pair[0]} and {other} {pair[1]}.",
            )
    if name == "GatewaySubnet" and any(net.version == 4 and net.prefixlen > 29 for net in nets):
        raise _refuse("GatewaySubnetTooSmall", "GatewaySubnet must be /29 or larger.")


@_write
def _security_rules(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    taken: dict[tuple[str, Any], str] = {}
    names: set[str] = set()
    for rule in inputs.get("securityRules") or []:
        name, priority = str(rule.get("name")), rule.get("priority")
        if not rule.get("name") or name.lower() in names:
            raise _refuse(
                "SecurityRuleInvalidName", f"Rule names must be there and differ: {name}."
            )
        names.add(name.lower())
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            raise _refuse(
                "SecurityRuleInvalidPriority",
                f"Security rule has invalid Priority. Value provided: {priority} Allowed range "
                "100-4096.",
            )
        place = (str(rule.get("direction")).lower(), priority)
        if place in taken:
            raise _refuse(
                "SecurityRuleConflict",
                f"Security rule {name} conflicts with rule {taken[place]}. Rules cannot have the "
                "same "
                "Priority and Direction.",
            )
        taken[place] = name
        for end in ("source", "destination"):
            _rule_end(name, rule, end)


def _rule_end(name: str, rule: Inputs, end: str) -> None:
    one, many = rule.get(f"{end}AddressPrefix"), rule.get(f"{end}AddressPrefixes")
    groups = rule.get(f"{end}ApplicationSecurityGroups")
    if sum(map(bool, (one, many, groups))) != 1:
        raise _refuse(
            "SecurityRuleInvalidAddressPrefix",
            f"Security rule {name} needs exactly one of {end}AddressPrefix, {end}AddressPrefixes "
            "and "
            f"{end}ApplicationSecurityGroups.",
        )
    for value in [*([one] if one else []), *(many or [])]:
        if re.match(r"[A-Za-z*]", str(value)):
            continue  # a service tag, or everything
        text = str(value)
        _prefixes([text if "/" in text else f"{text}/{128 if ':' in text else 32}"])
    ports = [rule.get(f"{end}PortRange")] if rule.get(f"{end}PortRange") else []
    ports += rule.get(f"{end}PortRanges") or []
    if not ports:
        raise _refuse(
            "SecurityRuleInvalidPortRange", f"Security rule {name} has no {end} port range."
        )
    for value in ports:
        first, _, last = str(value).partition("-")
        if value != "*" and not (
            first.isdigit()
            and (last or first).isdigit()
            and 0 <= int(first) <= int(last or first) <= 65535
        ):
            raise _refuse(
                "SecurityRuleInvalidPortRange",
                f"Security rule has invalid Port range. Value provided: {value}.",
            )


@_write
def _routes(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    for route in inputs.get("routes") or []:
        if not re.match(r"[A-Za-z]", str(route.get("addressPrefix"))):
            _prefixes([route.get("addressPrefix")])
        appliance = str(route.get("nextHopType")).lower() == "virtualappliance"
        if appliance != bool(route.get("nextHopIpAddress")):
            raise _refuse(
                "RouteTableRouteInvalidNextHop",
                f"Route {route.get('name')}: a next hop address belongs to VirtualAppliance and to "
                "nothing else.",
            )


@_write
def _public_address(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    filled = with_defaults(inputs, type.defaults)
    if (
        str(wire.at(filled, "sku.name")).lower().startswith("standard")
        and filled.get("publicIPAllocationMethod") != "Static"
    ):
        raise _refuse(
            "PublicIPAddressSkuStaticRequired",
            f"Standard sku publicIp {id} must have AllocationMethod set to Static.",
        )
    if before is None and str(wire.at(filled, "sku.name")).lower() == "basic":
        raise _refuse(
            "IPv4BasicSkuPublicIpCountLimitReached",
            "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in "
            "this region.",
        )


# --- gateways and hubs -------------------------------------------------------------------------


def _id_at(inputs: Inputs, path: str) -> str:
    value = wire.at(inputs, path)
    return str(value).lower() if isinstance(value, str) else ""


def _others(arm: Arm, type: ArmType, id: str, path: str, value: str) -> list[Thing]:
    return [
        item
        for item in arm.store.find(type=type.token)
        if item.key != id.lower() and _id_at(item.body, path) == value
    ]


@_write
def _hub(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    if not inputs.get("addressPrefix"):
        raise _refuse("InvalidRequestFormat", "A virtual hub needs an address prefix.")
    net = _prefixes([inputs["addressPrefix"]])[0]
    if net.prefixlen > 24:
        raise _refuse(
            "VirtualHubAddressPrefixTooSmall", f"The hub prefix {net} is smaller than /24."
        )
    wan = _id_at(inputs, "virtualWan.id")
    for other in _others(arm, type, id, "virtualWan.id", wan):
        if wan and _overlap([net], _prefixes([other.body["addressPrefix"]])):
            raise _refuse(
                "VirtualHubAddressPrefixOverlap",
                f"{net} overlaps with hub {other.id} of the same WAN.",
            )


@_write
def _one_gateway_per_hub(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    place = _id_at(inputs, "virtualHub.id")
    if not place:
        raise _refuse("InvalidRequestFormat", "A VPN gateway needs a virtual hub.")
    if others := _others(arm, type, id, "virtualHub.id", place):
        raise _refuse(
            "VirtualHubAlreadyHasVpnGateway", f"The hub already has VPN gateway {others[0].id}."
        )
    routing = arm.store.get(place)
    if routing is not None and routing.ready > arm.store.now():
        raise Refused(
            409,
            "AnotherOperationInProgress",
            "Another operation on this or dependent resource is in progress. Resource: "
            f"{routing.id}.",
        )


@_write
def _vpn_site(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    _space(inputs)
    if not _id_at(inputs, "virtualWan.id"):
        raise _refuse("InvalidRequestFormat", "A VPN site needs a virtual WAN.")
    links = inputs.get("vpnSiteLinks") or []
    if not links and not inputs.get("ipAddress"):
        raise _refuse("VpnSiteHasNoAddress", "A VPN site needs an address or a link with one.")
    names = [str(link.get("name", "")).lower() for link in links]
    if len(names) > 4 or len(set(names)) < len(names) or "" in names:
        raise _refuse(
            "VpnSiteLinksInvalid", "A VPN site has at most four links, with names that differ."
        )
    addresses = [link.get("ipAddress") for link in links if link.get("ipAddress")]
    for link in links:
        if bool(link.get("ipAddress")) == bool(link.get("fqdn")):
            raise _refuse(
                "VpnSiteLinkHasNoAddress", f"Link {link.get('name')} needs an address or a name."
            )
    for value in addresses:
        _address(value)
    if len(set(addresses)) < len(addresses):
        raise _refuse("VpnSiteLinksInvalid", "Two links have the same address.")
    bgp = [link["bgpProperties"] for link in links if link.get("bgpProperties")]
    if (
        not wire.at(inputs, "addressSpace.addressPrefixes")
        and not bgp
        and not inputs.get("bgpProperties")
    ):
        raise _refuse("VpnSiteHasNoRoutes", "A VPN site needs address prefixes or BGP.")
    for item in bgp:
        _asn(item.get("asn"))


def _address(value: Any) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise _refuse("InvalidIPAddress", f"{value} is not an IP address.") from None


def _asn(value: Any) -> None:
    reserved = {8074, 8075, 12076, 23456, 65515, 65517, 65518, 65519, 65520}
    if not isinstance(value, int) or not 1 <= value <= 4294967295 or value in reserved:
        raise _refuse(
            "InvalidAsn", f"{value} cannot be the ASN of a site: it is reserved by Azure."
        )


_AES = {"AES128", "AES192", "AES256"}
_GCM = {"GCMAES128", "GCMAES192", "GCMAES256"}
IPSEC = {
    # what Azure VPN gateways can do (learn.microsoft.com/azure/vpn-gateway/ipsec-ike-policy-howto)
    "ipsecEncryption": {"None", "DES", "DES3", *_AES, *_GCM},
    "ipsecIntegrity": {"MD5", "SHA1", "SHA256", *_GCM},
    "ikeEncryption": {"DES", "DES3", *_AES, "GCMAES128", "GCMAES256"},
    "ikeIntegrity": {"MD5", "SHA1", "SHA256", "SHA384", "GCMAES128", "GCMAES256"},
    "dhGroup": {
        "None", "DHGroup1", "DHGroup2", "DHGroup14", "DHGroup2048", "ECP256", "ECP384", "DHGroup24",
    },
    "pfsGroup": {
        "None", "PFS1", "PFS2", "PFS2048", "ECP256", "ECP384", "PFS24", "PFS14", "PFSMM",
    },
}  # fmt: skip


def _ipsec(policies: Any) -> None:
    for policy in policies or []:
        for key, known in IPSEC.items():
            if policy.get(key) not in known:
                raise _refuse("InvalidIpsecPolicy", f"{key} cannot be {policy.get(key)}.")
        encryption, integrity = str(policy["ipsecEncryption"]), str(policy["ipsecIntegrity"])
        if encryption.startswith("GCM") != integrity.startswith("GCM") or (
            encryption.startswith("GCM") and encryption != integrity
        ):
            raise _refuse(
                "InvalidIpsecPolicy",
                f"With GCM the IPsec integrity is the encryption itself: {encryption}, "
                f"{integrity}.",
            )
        if not 300 <= policy.get("saLifeTimeSeconds", 0) <= 172799:
            raise _refuse("InvalidIpsecPolicy", "saLifeTimeSeconds must be 300 to 172799.")
        kilobytes = policy.get("saDataSizeKilobytes", 0)
        if kilobytes != 0 and not 1024 <= kilobytes <= 2147483647:
            raise _refuse(
                "InvalidIpsecPolicy", "saDataSizeKilobytes must be 0 or 1024 to 2147483647."
            )


def _shared_key(key: Any) -> None:
    if key is not None and not (1 <= len(key) <= 128 and key.isascii() and key.isprintable()):
        raise _refuse("InvalidSharedKey", "A shared key has 1 to 128 printable ASCII characters.")


@_write
def _vpn_connection(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    site = _id_at(inputs, "remoteVpnSite.id")
    if not site:
        raise _refuse("InvalidRequestFormat", "A VPN connection needs a remote VPN site.")
    gateway = id.lower().rpartition("/vpnconnections/")[0]
    for other in arm.store.find(type=type.token, parent=gateway):
        if other.key != id.lower() and _id_at(other.body, "remoteVpnSite.id") == site:
            raise _refuse("VpnSiteAlreadyConnected", f"{site} is connected by {other.id} already.")
    links = inputs.get("vpnLinkConnections") or []
    for link in links:
        target = _id_at(link, "vpnSiteLink.id")
        if not target.startswith(f"{site}/vpnsitelinks/"):
            raise _refuse(
                "VpnSiteLinkNotOfSite",
                f"Link connection {link.get('name')} names a link of another site.",
            )
        _ipsec(link.get("ipsecPolicies"))
        _shared_key(link.get("sharedKey"))
    _ipsec(inputs.get("ipsecPolicies"))
    _shared_key(inputs.get("sharedKey"))
    wan = arm.store.get(site)
    at_gateway = arm.store.get(gateway)
    hub_of = arm.store.get(_id_at(at_gateway.body, "virtualHub.id")) if at_gateway else None
    if wan and hub_of and _id_at(wan.body, "virtualWan.id") != _id_at(hub_of.body, "virtualWan.id"):
        raise _refuse(
            "VpnSiteNotInSameVirtualWan", "Site and gateway belong to different virtual WANs."
        )


@_write
def _hub_connection(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    remote = _id_at(inputs, "remoteVirtualNetwork.id")
    holder = arm.store.get(id.lower().rpartition("/hubvirtualnetworkconnections/")[0])
    vnet = arm.store.get(remote)
    if vnet is None or holder is None:
        raise _refuse("InvalidRequestFormat", "A hub connection needs a virtual network.")
    for other in arm.store.find(type=type.token):
        if other.key != id.lower() and _id_at(other.body, "remoteVirtualNetwork.id") == remote:
            raise _refuse(
                "HubVirtualNetworkConnectionExists", f"{remote} is connected by {other.id}."
            )
    taken: list[tuple[str, Network]] = [
        (holder.id, net) for net in _prefixes([holder.body["addressPrefix"]])
    ]
    for other in arm.store.find(type=type.token, parent=holder.key):
        peer = arm.store.get(_id_at(other.body, "remoteVirtualNetwork.id"))
        if other.key != id.lower() and peer is not None:
            taken += [(peer.id, net) for net in _space(peer.body)]
    for name, net in taken:
        if pair := _overlap(_space(vnet.body), [net]):
            raise _refuse(
                "HubVirtualNetworkConnectionAddressOverlap",
                f"{pair[0]} of {vnet.id} overlaps with {pair[1]} of {name}.",
            )


@_write
def _classic_gateway(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    configurations = inputs.get("ipConfigurations") or []
    wanted = 2 if inputs.get("activeActive") else 1
    if len(configurations) < wanted:
        raise _refuse(
            "VirtualNetworkGatewayIpConfigurations", f"The gateway needs {wanted} of them."
        )
    for item in configurations:
        place = _id_at(item, "subnet.id")
        if not place.endswith("/subnets/gatewaysubnet"):
            raise _refuse(
                "VirtualNetworkGatewaySubnetNameInvalid", f"{place} must be named GatewaySubnet."
            )
        for other in arm.store.find(type=type.token):
            if other.key != id.lower() and place in arm_ids(other.body):
                raise _refuse("VirtualNetworkAlreadyHasGateway", f"{place} belongs to {other.id}.")
    sku = str(wire.at(inputs, "sku.name"))
    new_vpn = str(inputs.get("gatewayType")).lower() == "vpn" and before is None
    if new_vpn and not sku.endswith("AZ"):
        raise _refuse(
            "NonAzSkusNotAllowedForVPNGateway",
            f"VpnGw1-5 non-AZ SKUs are no longer supported for new gateways: {sku}.",
        )


def arm_ids(body: Inputs) -> set[str]:
    """The ids a body mentions, in lower case."""
    from .arm import ids_in

    return {target.lower() for target in ids_in(body)}


@_write
def _local_gateway(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    _prefixes(wire.at(inputs, "localNetworkAddressSpace.addressPrefixes") or [])
    if bool(inputs.get("gatewayIpAddress")) == bool(inputs.get("fqdn")):
        raise _refuse("LocalNetworkGatewayNoAddress", "Give gatewayIpAddress or fqdn, one of them.")
    if inputs.get("gatewayIpAddress"):
        _address(inputs["gatewayIpAddress"])
    if inputs.get("bgpSettings"):
        _asn(wire.at(inputs, "bgpSettings.asn"))


@_write
def _classic_connection(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    kind = str(inputs.get("connectionType")).lower()
    if kind == "ipsec" and not _id_at(inputs, "localNetworkGateway2.id"):
        raise _refuse("ConnectionNeedsLocalNetworkGateway", "IPsec needs localNetworkGateway2.")
    if kind == "vnet2vnet" and not _id_at(inputs, "virtualNetworkGateway2.id"):
        raise _refuse("ConnectionNeedsSecondGateway", "Vnet2Vnet needs virtualNetworkGateway2.")
    _ipsec(inputs.get("ipsecPolicies"))
    _shared_key(inputs.get("sharedKey"))


@_write
def _peering(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    own = arm.store.get(id.lower().rpartition("/virtualnetworkpeerings/")[0])
    remote = arm.store.get(_id_at(inputs, "remoteVirtualNetwork.id"))
    if own is None or remote is None:
        raise _refuse("InvalidRequestFormat", "A peering needs two virtual networks.")
    if pair := _overlap(_space(own.body), _space(remote.body)):
        raise _refuse(
            "VnetAddressSpacesOverlap",
            f"Cannot create or update peering {id}. Virtual networks {own.id} and {remote.id} "
            "cannot "
            f"be peered because their address spaces overlap: {pair[0]}, {pair[1]}.",
        )


# --- names -------------------------------------------------------------------------------------


@_delete
def _no_links_left(arm: Arm, type: ArmType, thing: Thing) -> None:
    for child in arm.store.find(
        type="azure-native:privatedns:VirtualNetworkLink", parent=thing.key
    ):
        raise _refuse(
            "CannotDeleteResource",
            "Can not delete resource before nested resources are deleted. Nested resource: "
            f"{child.id}.",
            409,
        )


@_write
def _one_registration(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    vnet = _id_at(inputs, "virtualNetwork.id")
    if not vnet:
        raise _refuse("BadRequest", "A link needs a virtual network.")
    for other in arm.store.find(type=type.token):
        if other.key == id.lower() or _id_at(other.body, "virtualNetwork.id") != vnet:
            continue
        if other.parent == id.lower().rpartition("/virtualnetworklinks/")[0]:
            raise _refuse("Conflict", f"{vnet} is linked to this zone by {other.id}.", 409)
        if inputs.get("registrationEnabled") and other.body.get("registrationEnabled"):
            raise _refuse(
                "BadRequest",
                f"{vnet} registers itself in another private zone already: {other.id}.",
            )


_RECORDS = {
    "A": "aRecords", "AAAA": "aaaaRecords", "CNAME": "cnameRecord", "MX": "mxRecords",
    "PTR": "ptrRecords", "SOA": "soaRecord", "SRV": "srvRecords", "TXT": "txtRecords",
    "NS": "nsRecords", "CAA": "caaRecords", "DS": "dsRecords", "NAPTR": "naptrRecords",
    "TLSA": "tlsaRecords",
}  # fmt: skip


@_write
def _records(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    kind = str(inputs.get("recordType")).upper()
    wanted = _RECORDS.get(kind)
    if wanted is None:
        raise _refuse("BadRequest", f"There is no record type {inputs.get('recordType')}.")
    given = [name for name in _RECORDS.values() if inputs.get(name)]
    alias = wire.at(inputs, "targetResource.id")
    if given != [wanted] and not (alias and not given):
        raise _refuse("BadRequest", f"A record set of type {kind} has {wanted} and nothing else.")
    zone, _, name = id.lower().rpartition("/")
    zone = zone.rpartition("/")[0]
    for other in arm.store.find(type=type.token, parent=zone):
        if other.key == id.lower() or other.name.lower() != name:
            continue
        if "CNAME" in (kind, str(other.body.get("recordType")).upper()):
            raise _refuse("Conflict", f"A CNAME record stands alone, and there is {other.id}.", 409)
    for item in inputs.get("aRecords") or []:
        _address(item.get("ipv4Address"))
    for item in inputs.get("txtRecords") or []:
        if any(len(text) > 1024 for text in item.get("value") or []):
            raise _refuse("BadRequest", "A text record is longer than 1024 characters.")


# --- watching ----------------------------------------------------------------------------------


@_write
def _receivers(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    names: set[str] = set()
    for key, items in inputs.items():
        for item in items if key.endswith("Receivers") and isinstance(items, list) else []:
            name = str(item.get("name", "")).lower()
            if not name or name in names:
                raise _refuse(
                    "DuplicateReceiverName", f"Receiver names must be there and differ: {name}."
                )
            names.add(name)
    for item in inputs.get("emailReceivers") or []:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(item.get("emailAddress"))):
            raise _refuse(
                "InvalidEmailAddress", f"Receiver {item.get('name')} has no mail address."
            )


@_write
def _alert_window(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    window, frequency = inputs.get("windowSize"), inputs.get("evaluationFrequency")
    for value in (window, frequency):
        if value is not None and _minutes(str(value)) is None:
            raise _refuse("BadRequest", f"{value} is not a duration.")
    if window and frequency:
        wide, often = _minutes(str(window)), _minutes(str(frequency))
        if wide is not None and often is not None and wide < often:
            raise _refuse("BadRequest", f"windowSize {window} is shorter than {frequency}.")


def _minutes(text: str) -> float | None:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", text)
    if not match or not any(match.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return days * 1440 + hours * 60 + minutes


@_write
def _destination(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    places = (
        "workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId",
        "serviceBusRuleId",
    )  # fmt: skip
    if not any(inputs.get(place) for place in places):
        raise _refuse("BadRequest", "Data sinks information is missing: at least one is needed.")
    if not inputs.get("logs") and not inputs.get("metrics"):
        raise _refuse("BadRequest", "At least one log or metric category is needed.")
    for item in inputs.get("logs") or []:
        if bool(item.get("category")) == bool(item.get("categoryGroup")):
            raise _refuse("BadRequest", "A log setting names a category or a category group.")


@_write
def _five_settings(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    holder = id.lower().rpartition("/")[0]
    others = [
        item
        for item in arm.store.find(type=type.token)
        if item.key != id.lower() and item.key.rpartition("/")[0] == holder
    ]
    if len(others) >= 5:
        raise _refuse("Conflict", "The limit of 5 diagnostic settings was reached.", 409)
    for other in others:
        same = inputs.get("workspaceId")
        if same and _id_at(other.body, "workspaceId") == str(same).lower():
            mine = {
                str(item.get("category") or item.get("categoryGroup"))
                for item in inputs.get("logs") or []
            }
            theirs = {
                str(item.get("category") or item.get("categoryGroup"))
                for item in other.body.get("logs") or []
            }
            if mine & theirs:
                raise _refuse(
                    "Conflict",
                    f"Data sink '{same}' is already used in diagnostic setting '{other.name}' for "
                    f"category '{min(mine & theirs)}'.",
                    409,
                )


# --- storage and backup ------------------------------------------------------------------------


@_write
def _vault(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    properties = inputs.get("properties") or {}
    if str(properties.get("tenantId", "")).lower() != arm.account.tenant.lower():
        raise _refuse(
            "VaultTenantMismatch",
            f"The vault's tenant must be that of the subscription: {arm.account.tenant}.",
        )
    if before is not None and wire.at(before.body, "properties.enablePurgeProtection"):
        if properties.get("enablePurgeProtection") is False:
            raise _refuse(
                "BadRequest",
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
                "protection for a vault is an irreversible action.",
            )
    elif properties.get("enablePurgeProtection") is False:
        raise _refuse(
            "BadRequest",
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
            "protection for a vault is an irreversible action.",
        )
    if properties.get("enableSoftDelete") is False:
        raise _refuse("BadRequest", 'The property "enableSoftDelete" cannot be set to false.')
    if before is not None and properties.get("softDeleteRetentionInDays"):
        old = with_defaults(before.body, type.defaults)
        if properties["softDeleteRetentionInDays"] != wire.at(
            old, "properties.softDeleteRetentionInDays"
        ):
            raise _refuse(
                "BadRequest",
                'The property "softDeleteRetentionInDays" has been set already and it '
                "can't be modified.",
            )


@_write
def _storage_account(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    kind, sku = str(inputs.get("kind")), str(wire.at(inputs, "sku.name"))
    if (kind in ("FileStorage", "BlockBlobStorage")) != sku.startswith(
        "Premium"
    ) and kind != "StorageV2":
        raise _refuse("InvalidSkuForKind", f"An account of kind {kind} cannot have SKU {sku}.")
    if before is not None:
        old = str(wire.at(before.body, "sku.name"))
        if old.partition("_")[0] != sku.partition("_")[0]:
            raise _refuse("StorageAccountTypeCannotBeChanged", f"{old} cannot become {sku}.", 409)


@_write
def _public_blobs(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    account = arm.store.get(id.lower().partition("/blobservices/")[0])
    wanted = str(inputs.get("publicAccess") or "None")
    if wanted != "None" and account is not None and not account.body.get("allowBlobPublicAccess"):
        raise _refuse(
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
            409,
        )


def _keeps_deleted(arm: Arm, vault: Thing) -> bool:
    filled = with_defaults(vault.body, arm.catalogue.arm[vault.type].defaults)
    state = wire.at(filled, "properties.securitySettings.softDeleteSettings.softDeleteState")
    return str(state).lower() != "disabled"


@_delete
def _empty_backup_vault(arm: Arm, type: ArmType, thing: Thing) -> None:
    item = "azure-native:recoveryservices:ProtectedItem"
    container = "azure-native:recoveryservices:ProtectionContainer"
    inside = [child for child in arm.store.below(thing.key) if child.type in (item, container)]
    kept = [
        deleted.thing
        for deleted in arm.store.deleted(type=item)
        if deleted.thing.key.startswith(f"{thing.key}/")
    ]
    if inside or kept:
        what = "existing resources" if inside else "backup items in soft deleted state"
        raise _refuse(
            "ServiceResourceNotEmptyWithBackendMessage",
            f"Vault cannot be deleted as there are {what} within the vault: "
            f"{(inside or kept)[0].name}.",
            409,
        )


@_write
def _backup_policy(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    properties = inputs.get("properties") or {}
    if not properties.get("backupManagementType"):
        raise _refuse("BMSUserErrorInvalidPolicyInput", "A policy needs a backup management type.")
    if properties.get("backupManagementType") == "AzureStorage" and not (
        properties.get("retentionPolicy") or properties.get("vaultRetentionPolicy")
    ):
        raise _refuse(
            "BMSUserErrorInvalidPolicyInput",
            "Input for create or update policy is not in proper format: retentionPolicy.",
        )


@_write
def _backup_container(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    name = str(inputs.get("containerName"))
    source = str(wire.at(inputs, "properties.sourceResourceId") or "")
    if name.lower().startswith("storagecontainer;"):
        group, account = (source.split("/") + [""] * 9)[4], source.rpartition("/")[2]
        wanted = f"StorageContainer;Storage;{group};{account}"
        if name.lower() != wanted.lower():
            raise _refuse(
                "BMSUserErrorContainerNameInvalid", f"The container of {source} is named {wanted}."
            )
    for other in arm.store.find(type=type.token):
        if (
            other.key != id.lower()
            and source
            and _id_at(other.body, "properties.sourceResourceId") == source.lower()
        ):
            raise _refuse(
                "BMSUserErrorContainerAlreadyRegistered",
                f"{source} is registered with another vault: {other.id}.",
                409,
            )


@_write
def _backup_item(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    policy = _id_at(inputs, "properties.policyId")
    vault_id = id.lower().partition("/backupfabrics/")[0]
    if policy and not policy.startswith(f"{vault_id}/"):
        raise _refuse("BMSUserErrorPolicyNotInVault", f"{policy} belongs to another vault.")
    source = _id_at(inputs, "properties.sourceResourceId")
    holder = arm.store.get(id.lower().rpartition("/protecteditems/")[0])
    if (
        holder is not None
        and source
        and _id_at(holder.body, "properties.sourceResourceId") != source
    ):
        raise _refuse(
            "BMSUserErrorContainerObjectNotFound", f"{source} is not in {holder.id}.", 404
        )
    name = str(inputs.get("protectedItemName"))
    kind, _, share = name.partition(";")
    if kind.lower() == "azurefileshare" and not arm.exists(
        f"{source}/fileServices/default/shares/{share}"
    ):
        raise _refuse(
            "BMSUserErrorObjectNotFound", f"There is no file share {share} in {source}.", 404
        )


# --- rights, policies, money -------------------------------------------------------------------


def _principal(arm: Arm, inputs: Inputs) -> str | None:
    """The kind of whatever a principal id names, or None."""
    id = str(inputs.get("principalId", "")).lower()
    if id == arm.operator():
        return "user"
    thing = arm.store.get(id)
    if thing is not None and thing.cloud == "azuread":
        return thing.type
    holder = arm.store.holder(f"principal/{id}")
    return "servicePrincipal" if holder is not None else None


_KIND_OF = {"User": "user", "Group": "group", "ServicePrincipal": "servicePrincipal"}


@_write
def _eligible_principal(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    if _principal(arm, inputs) is None:
        raise _refuse(
            "PrincipalNotFound",
            f"Principal {inputs.get('principalId')} does not exist in the directory "
            f"{arm.account.tenant}.",
        )


@_write
def _role_assignment(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    principal = str(inputs.get("principalId", "")).lower()
    kind = _principal(arm, inputs)
    thing = arm.store.get(principal)
    fresh = (
        thing is not None and thing.visible > arm.store.now() and not inputs.get("principalType")
    )
    if kind is None or fresh:
        raise _refuse(
            "PrincipalNotFound",
            f"Principal {principal} does not exist in the directory {arm.account.tenant}. Check "
            "that "
            "you have the correct principal ID. If you are creating this principal and then "
            "immediately assigning a role, this error might be related to a replication delay. In "
            "this case, set the role assignment principalType property to a value, such as "
            "ServicePrincipal, User, or Group.",
        )
    wanted = inputs.get("principalType")
    if wanted and _KIND_OF.get(str(wanted)) not in (None, kind):
        raise _refuse(
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal}' has type '{kind}', which is different from the "
            "specified "
            f"PrincipalType '{wanted}'.",
        )
    scope = id.lower().partition("/providers/microsoft.authorization/roleassignments/")[0]
    role = str(inputs.get("roleDefinitionId", "")).lower().rpartition("/")[2]
    for other in arm.store.find(type=type.token):
        if (
            other.key != id.lower()
            and other.key.startswith(f"{scope}/providers/microsoft.authorization/roleassignments/")
            and str(other.body.get("principalId", "")).lower() == principal
            and str(other.body.get("roleDefinitionId", "")).lower().rpartition("/")[2] == role
        ):
            raise _refuse("RoleAssignmentExists", "The role assignment already exists.", 409)


@_write
def _role_definition(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    name = str(inputs.get("roleName", "")).lower()
    for other in arm.store.find(type=type.token):
        another = other.key.rpartition("/")[2] != id.lower().rpartition("/")[2]
        if name and another and str(other.body.get("roleName", "")).lower() == name:
            raise _refuse(
                "RoleDefinitionWithSameNameExists",
                f"A custom role with the same name already exists in this directory: {other.id}.",
                409,
            )


@_write
def _policy_rule(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    rule = inputs.get("policyRule")
    if rule is None and not inputs.get("versions"):
        raise _refuse("InvalidPolicyRule", "The policy rule is missing.")
    if isinstance(rule, dict) and not (
        {"if", "then"} <= set(rule) and wire.at(rule, "then.effect")
    ):
        raise _refuse("InvalidPolicyRule", "A policy rule has 'if' and 'then' with an effect.")
    named = set(re.findall(r"parameters\('([^']+)'\)", json.dumps(rule or {})))
    unknown = named - set(inputs.get("parameters") or {})
    if unknown:
        raise _refuse(
            "InvalidPolicyParameters",
            f"The policy rule uses undefined parameters: {', '.join(sorted(unknown))}.",
        )


@_write
def _policy_assignment(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    if not inputs.get("policyDefinitionId"):
        raise _refuse("InvalidCreatePolicyAssignmentRequest", "policyDefinitionId is missing.")
    scope = id.partition("/providers/Microsoft.Authorization/policyAssignments/")[0]
    name = str(inputs.get("policyAssignmentName"))
    if "managementgroups" in scope.lower() and len(name) > 24:
        raise _refuse(
            "InvalidPolicyAssignmentName",
            f"'{name}' is longer than 24 characters, which a management group allows.",
        )
    definition = arm.store.get(str(inputs["policyDefinitionId"]).lower())
    if definition is not None:
        declared = definition.body.get("parameters") or {}
        given = set(inputs.get("parameters") or {})
        needed = {key for key, item in declared.items() if "defaultValue" not in item}
        if given - set(declared) or needed - given:
            odd = sorted((given - set(declared)) | (needed - given))
            raise _refuse(
                "InvalidPolicyParameters", f"Undefined or missing parameters: {', '.join(odd)}."
            )
    if inputs.get("identity") and not inputs.get("location"):
        raise _refuse("LocationRequired", "An assignment with an identity needs a location.")


@_write
def _budget(arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None) -> None:
    period = inputs.get("timePeriod") or {}
    start, end = _date(period.get("startDate")), _date(period.get("endDate"))
    today = dt.datetime.fromtimestamp(arm.store.now(), dt.UTC).date()
    if start is None or start.day != 1:
        raise _refuse(
            "400", f"Start date must be the first of a month, not {period.get('startDate')}."
        )
    if before is None and start < today.replace(day=1) and inputs.get("category") == "Cost":
        year = today.replace(year=today.year - 1, day=1)
        if start < year:
            raise _refuse("400", f"Start date {start} is more than a year ago.")
    if period.get("endDate") and (end is None or end <= start):
        raise _refuse("400", "End date must be after the start date.")
    if not inputs.get("amount", 0) > 0:
        raise _refuse("400", "The amount of a budget must be more than nothing.")
    notifications = inputs.get("notifications") or {}
    if len(notifications) > 5:
        raise _refuse("400", "A budget has at most five notifications.")
    for name, item in notifications.items():
        if not 0 < item.get("threshold", 0) <= 1000:
            raise _refuse(
                "400", f"Notification {name}: the threshold must be above 0 and at most 1000."
            )
        if not (item.get("contactEmails") or item.get("contactGroups") or item.get("contactRoles")):
            raise _refuse("400", f"Notification {name} has nobody to notify.")


def _date(text: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


@_write
def _management_group(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    depth, parent = 1, _id_at(inputs, "details.parent.id")
    root = f"/providers/microsoft.management/managementgroups/{arm.account.tenant}".lower()
    while parent and parent != root:
        if parent == id.lower():
            raise _refuse("BadRequest", "A management group cannot lie in itself.")
        thing = arm.store.get(parent)
        parent = _id_at(thing.body, "details.parent.id") if thing else ""
        depth += 1
    if depth > 6:
        raise _refuse("BadRequest", "The hierarchy of management groups is at most six deep.")


@_delete
def _management_group_is_empty(arm: Arm, type: ArmType, thing: Thing) -> None:
    for child in arm.store.find(type="azure-native:management:ManagementGroupSubscription"):
        if child.parent == thing.key:
            raise _refuse(
                "BadRequest", f"The management group still has a subscription: {child.id}."
            )


DELETE["management_group"] = _management_group_is_empty


@_write
def _one_management_group(
    arm: Arm, type: ArmType, id: str, inputs: Inputs, before: Thing | None
) -> None:
    # A subscription lies in one management group: placing it moves it.
    for other in arm.store.find(type=type.token):
        if other.key != id.lower() and other.name.lower() == arm.account.subscription.lower():
            arm.store.remove(other)
