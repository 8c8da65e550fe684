"""Everything a firewall's template needs, from the networks, the policy and the port plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from itertools import chain

from ..load.catalogue import Catalogue
from ..load.organisation import SiteInputs
from . import ntp
from .kept import once_per_catalogue
from .ports import PortPlan
from .result import (
    AddressObject,
    BgpPlan,
    DhcpServer,
    FirewallDesign,
    FirewallInterface,
    FirewallPort,
    HaPlan,
    IpsecProposal,
    Network,
    PortPurpose,
    PublishedService,
    RemoteUserPlan,
    Route,
    Rule,
    Service,
    SiteFacts,
    Tunnel,
    UplinkDesign,
    WifiPlan,
    ZoneGroup,
)
from .switches import GATEWAY_HOST, core_address, transit_hop
from .units import Unit, Units
from .wan import remote_pool

BLACKHOLE_DISTANCE = 254
HA_PRIORITIES = (200, 100)
MANAGED_ZONES = ("net_mgmt", "admin")


@dataclass(frozen=True, kw_only=True)
class FirewallContext:
    """What the firewalls of a site are built from."""

    inputs: SiteInputs
    facts: SiteFacts
    units: Units
    plan: PortPlan
    networks: tuple[Network, ...]
    policy: tuple[Rule, ...]
    uplinks: tuple[UplinkDesign, ...]
    tunnels: tuple[Tunnel, ...]
    bgp: BgpPlan | None
    published: tuple[PublishedService, ...]
    wifi: WifiPlan | None

    @cached_property
    def core_networks(self) -> tuple[Network, ...]:
        """Networks behind a routing core."""
        if not self.units.cores or not any(n.zone == "transit" for n in self.networks):
            return ()
        return tuple(n for n in self.networks if n.gateway_on == "core")

    @cached_property
    def enforced(self) -> tuple[Rule, ...]:
        """The rules that the firewall enforces."""
        return tuple(rule for rule in self.policy if rule.enforced_by == "firewall")

    @cached_property
    def addresses(self) -> tuple[AddressObject, ...]:
        """Every object that those rules use, once."""
        return _addresses(self.enforced)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Every service that those rules and what is published use, once."""
        return _services(self.enforced, self.published)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The static routes."""
        return tuple(_routes(self))

    @cached_property
    def dhcp(self) -> tuple[DhcpServer, ...]:
        """The scopes that the firewall serves."""
        return tuple(_dhcp(self))


def build(context: FirewallContext, unit: Unit) -> FirewallDesign:
    """One firewall; the two of a pair differ in name, serial and priority only."""
    factory = unit.hardware.factory
    trunk = tuple(use for use in context.plan.of(unit.name) if use.purpose is PortPurpose.SWITCH)
    bundled = any(use.lag for use in trunk)
    lan = "trunk" if bundled else (trunk[0].socket.name if trunk else "")
    interfaces = tuple(_interfaces(context, lan))
    management = next(n for n in context.networks if n.zone == "net_mgmt")
    return FirewallDesign(
        name=unit.name,
        role=unit.role,
        platform=unit.hardware.platform,
        model=unit.model,
        product=unit.hardware.product,
        serials=unit.serials,
        site=context.facts,
        description=f"{context.facts.name}, {unit.role.value}",
        ntp=ntp.associations(context.inputs, unit.hardware.platform),
        management_address=management.prefix.network_address + GATEWAY_HOST,
        management_network=management,
        factory_switch=factory.lan_switch if factory else None,
        factory_members=factory.members if factory else (),
        factory_fortilink=_fortilink(factory.fortilink if factory else None),
        ports=tuple(_ports(context, unit)),
        lan=lan,
        lan_members=tuple(use.socket.name for use in trunk),
        lag=bundled,
        interfaces=interfaces,
        zones=tuple(_zones(context, interfaces)),
        dhcp=context.dhcp,
        uplinks=context.uplinks,
        health_targets=context.inputs.catalogue.health_targets,
        tunnels=context.tunnels,
        hub_prefixes=_hub(context.inputs),
        bgp=context.bgp,
        routes=context.routes,
        addresses=context.addresses,
        services=context.services,
        policy=context.enforced,
        published=context.published,
        guest_limit_mbps=next((r.limit_mbps for r in context.enforced if r.limit_mbps), None),
        wifi=context.wifi,
        remote_users=remote_users(context.inputs, context.facts, context.uplinks),
        ha=_ha(context, unit, lan),
        private=context.inputs.catalogue.private,
    )


def interface_name(network: Network) -> str:
    """The VLAN interface of a network: prefixed, because ports are called dmz, wan or a as well."""
    return f"v-{network.name}"


def published(
    inputs: SiteInputs,
    uplinks: Sequence[UplinkDesign],
    fixed: dict[str, IPv4Address],
    services: Iterable[tuple[str, Service]],
) -> tuple[PublishedService, ...]:
    """Endpoints that serve something to the Internet, on the first fixed address of an uplink."""
    line = next((u for u in uplinks if u.address is not None and not u.interim), None)
    if line is None or line.address is None:
        return ()
    wanted: dict[str, list[Service]] = {}
    for serving, service in services:
        wanted.setdefault(serving, []).append(service)
    return tuple(
        PublishedService(
            name=endpoint.name,
            uplink=line.name,
            interface=line.port,
            external=line.address,
            mapped=fixed[endpoint.name],
            services=tuple(dict.fromkeys(wanted[serving])),
        )
        for endpoint in inputs.site.endpoints
        for serving in endpoint.serves
        if serving in wanted and endpoint.name in fixed
    )


def remote_users(
    inputs: SiteInputs,
    facts: SiteFacts,
    uplinks: Sequence[UplinkDesign],
) -> RemoteUserPlan | None:
    """Dial-up access on the first line with a fixed address, where the site offers it."""
    wanted = inputs.settings.remote_users
    line = next((u for u in uplinks if u.address is not None), None)
    if wanted.mode == "none" or line is None:
        return None
    pool = remote_pool(facts.block, wanted.pool_prefix_length)
    return RemoteUserPlan(
        pool=pool,
        first=pool.network_address + 1,
        last=pool.broadcast_address - 1,
        tenant=inputs.subsidiary.tenant or inputs.organisation.azure.tenant,
        certificate=wanted.saml_certificate,
        host=f"{inputs.code}-vpn.{inputs.settings.dns.domain}",
        psk=wanted.psk,
        uplink=line.name,
        port=line.port,
        dns_servers=inputs.settings.dns.servers,
        proposal=IpsecProposal(),
    )


def _fortilink(written: Sequence[str] | str | None) -> tuple[str, ...]:
    if written is None:
        return ()
    return (written,) if isinstance(written, str) else tuple(written)


def _hub(inputs: SiteInputs) -> tuple[IPv4Network, ...]:
    hub = inputs.organisation.azure.hub
    return tuple(sorted({hub.prefix, *hub.prefixes}))


def _ports(context: FirewallContext, unit: Unit) -> Iterator[FirewallPort]:
    """Every port of the box; what nothing has is shut."""
    for socket in context.plan.sockets[unit.name].values():
        use = context.plan.uses.get((unit.name, socket.name))
        yield FirewallPort(
            name=socket.name,
            purpose=use.purpose if use else PortPurpose.UNUSED,
            description=use.description if use else "unused",
            peer=use.to if use else "",
        )


def _interfaces(context: FirewallContext, lan: str) -> Iterator[FirewallInterface]:
    portal = {
        ssid.network.name
        for ssid in (context.wifi.ssids if context.wifi else ())
        if ssid.security == "portal"
    }
    behind_core = {n.name for n in context.core_networks}
    for network in context.networks:
        if network.gateway is None or network.name in behind_core:
            continue
        yield FirewallInterface(
            name=interface_name(network),
            network=network,
            parent=lan,
            address=network.gateway,
            own_services=context.inputs.catalogue.zones[network.zone].firewall_services,
            administration=network.zone in MANAGED_ZONES,
            captive_portal=network.name in portal,
        )


def _zones(
    context: FirewallContext, interfaces: Sequence[FirewallInterface]
) -> Iterator[ZoneGroup]:
    grouped: dict[str, list[str]] = {}
    for interface in interfaces:
        grouped.setdefault(interface.network.zone, []).append(interface.name)
    for zone, members in grouped.items():
        title = context.inputs.catalogue.zones[zone].title
        yield ZoneGroup(zone=zone, title=title, interfaces=tuple(members))


def _dhcp(context: FirewallContext) -> Iterator[DhcpServer]:
    """A scope per network; behind a pair of cores each relay has its half of the range."""
    number = 0
    behind_core = {n.name for n in context.core_networks}
    transit = next((n for n in context.networks if n.zone == "transit"), None)
    for network in context.networks:
        scope = network.dhcp
        if scope is None or network.gateway is None:
            continue
        if network.name not in behind_core:
            number += 1
            yield DhcpServer(
                number=number,
                network=network,
                interface=interface_name(network),
                relay_agent=None,
                gateway=network.gateway,
                first=scope.first,
                last=scope.last,
                scope=scope,
            )
            continue
        relays = [core_address(network, context.units, i)[0] for i in range(len(_cores(context)))]
        for index, relay in enumerate(relays):
            number += 1
            first, last = _share(scope.first, scope.last, index, len(relays))
            yield DhcpServer(
                number=number,
                network=network,
                interface=interface_name(transit or network),
                relay_agent=relay,
                gateway=network.gateway,
                first=first,
                last=last,
                scope=scope,
            )


def _cores(context: FirewallContext) -> Sequence[Unit]:
    return context.units.cores if context.units.mlag else context.units.cores[:1]


def _share(
    first: IPv4Address, last: IPv4Address, index: int, count: int
) -> tuple[IPv4Address, IPv4Address]:
    size = (int(last) - int(first) + 1) // count
    start = first + index * size
    return start, last if index == count - 1 else start + size - 1


def _routes(context: FirewallContext) -> Iterator[Route]:
    transit = next((n for n in context.networks if n.zone == "transit"), None)
    for network in context.core_networks:
        if transit is not None:
            yield Route(
                prefix=network.prefix,
                next_hop=transit_hop(transit),
                interface=interface_name(transit),
                distance=10,
                reason=f"{network.name} is behind the core",
            )
    if context.bgp is None:
        for tunnel in context.tunnels:
            for prefix in _hub(context.inputs):
                yield Route(
                    prefix=prefix,
                    next_hop=None,
                    interface=tunnel.name,
                    distance=10 + tunnel.number,
                    reason="the group through the hub",
                )
    yield Route(
        prefix=context.facts.block,
        next_hop=None,
        interface=None,
        distance=BLACKHOLE_DISTANCE,
        reason="the site's own block, announced as one",
    )
    yield from _blackholes(context.inputs.catalogue)


@once_per_catalogue
def _blackholes(catalogue: Catalogue) -> tuple[Route, ...]:
    return tuple(
        Route(
            prefix=prefix,
            next_hop=None,
            interface=None,
            distance=BLACKHOLE_DISTANCE,
            reason="private addresses never leave through an uplink",
        )
        for prefix in catalogue.private
        if _routable(prefix)
    )


def _routable(prefix: IPv4Network) -> bool:
    """Private ranges that somebody could route: not this host, loopback or multicast."""
    special = prefix.is_loopback or prefix.is_multicast or prefix.is_unspecified
    return prefix.is_private and not special and prefix.network_address != IPv4Address(0)


def _addresses(policy: Iterable[Rule]) -> tuple[AddressObject, ...]:
    found: dict[str, AddressObject] = {}
    for rule in policy:
        for address in (*rule.sources, *rule.destinations):
            found.setdefault(address.name, address)
    return tuple(found.values())


def _services(policy: Iterable[Rule], published: Iterable[PublishedService]) -> tuple[Service, ...]:
    found: dict[str, Service] = {}
    used = [*(rule.services for rule in policy), *(p.services for p in published)]
    for service in chain.from_iterable(used):
        found.setdefault(service.name, service)
    return tuple(found.values())


def _ha(context: FirewallContext, unit: Unit, lan: str) -> HaPlan | None:
    firewalls = context.units.firewalls
    if len(firewalls) != 2:
        return None
    heartbeat = tuple(
        use.socket.name
        for use in context.plan.of(unit.name)
        if use.purpose is PortPurpose.HEARTBEAT
    )
    return HaPlan(
        group_id=int(context.facts.block.network_address) >> 11 & 0xFF,
        group_name=context.facts.code,
        priority=HA_PRIORITIES[firewalls.index(unit)],
        heartbeat=heartbeat,
        monitor=(lan, *(uplink.port for uplink in context.uplinks)),
        secret=context.inputs.settings.administration.ha_secret,
    )
