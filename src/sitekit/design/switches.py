"""Everything a switch's template needs, from the port plan and the networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network

from ..load.organisation import SiteInputs
from . import acl, demand, media, ntp
from .ports import Bundle, PortPlan, Socket, Use
from .result import (
    Acl,
    Lag,
    MlagPlan,
    Network,
    Port,
    PortProfile,
    PortPurpose,
    PtpPlan,
    QosPlan,
    Route,
    Rule,
    SiteFacts,
    StackMember,
    Svi,
    SwitchDesign,
    Vlan,
)
from .units import Unit, Units

TRUNKS = {PortPurpose.INTER_SWITCH, PortPurpose.PEER_LINK, PortPurpose.FIREWALL}
MEDIA_PURPOSES = {PortPurpose.AUDIO, PortPurpose.VIDEO, PortPurpose.ST2110}
# Host numbers in routed networks of a core: the gateway, and each switch's own address.
GATEWAY_HOST = 1
FIRST_CORE_HOST = 2
TRANSIT_CORE_HOST = 4


@dataclass(frozen=True, kw_only=True)
class SwitchContext:
    """What all switches of a site are built from."""

    inputs: SiteInputs
    facts: SiteFacts
    units: Units
    plan: PortPlan
    networks: tuple[Network, ...]
    policy: tuple[Rule, ...]
    management: dict[str, IPv4Address]
    qos: QosPlan | None
    ptp: PtpPlan | None
    ssid_vlans: tuple[int, ...]
    profiles: dict[tuple[object, ...], PortProfile] = field(
        default_factory=dict, repr=False, compare=False
    )  # those made so far: ports that are used alike share one, so that it is spelt once

    @cached_property
    def management_network(self) -> Network:
        """The network that devices are managed in."""
        return next(n for n in self.networks if n.zone == "net_mgmt")

    @cached_property
    def transit(self) -> Network | None:
        """The network between the firewall and a routing core."""
        return next((n for n in self.networks if n.zone == "transit"), None)

    @cached_property
    def core_networks(self) -> tuple[Network, ...]:
        """Networks whose gateway is a core, where there is one."""
        if not self.units.cores or self.transit is None:
            return ()
        return tuple(n for n in self.networks if n.gateway_on == "core")

    @cached_property
    def acls(self) -> tuple[Acl, ...]:
        """The access lists of a routing core, which are those of its peer as well."""
        return acl.lists(self.core_networks, self.policy)

    @cached_property
    def apart(self) -> dict[str, int]:
        """Networks of two separate paths, and the core that carries each."""
        return demand.paths(self.networks, self.inputs.catalogue)

    @cached_property
    def by_name(self) -> dict[str, Network]:
        """Networks by name."""
        return {network.name: network for network in self.networks}

    @cached_property
    def core_names(self) -> frozenset[str]:
        """The names of the cores."""
        return frozenset(unit.name for unit in self.units.cores)

    def first_vlan(self, zone: str) -> int | None:
        """The VLAN of the first network of a zone."""
        return next((n.vlan for n in self.networks if n.zone == zone), None)


def build(context: SwitchContext, unit: Unit) -> SwitchDesign:
    """One switch, core or access."""
    position = context.units.cores.index(unit) if unit in context.units.cores else None
    routing = position is not None and bool(context.core_networks)
    vlans = _vlans(context, position)
    ports = tuple(_ports(context, unit, vlans, position))
    lags = tuple(_lags(context, unit, vlans, position))
    management = _management(context, unit, routing, position)
    svis = tuple(_svis(context, position)) if routing else ()
    acls = context.acls if routing else ()
    here = [n for n in context.networks if n.vlan in vlans]
    profiles = {id(port.profile): port.profile for port in ports}.values()
    return SwitchDesign(
        name=unit.name,
        role=unit.role,
        platform=unit.hardware.platform,
        model=unit.model,
        product=unit.hardware.product,
        serials=unit.serials,
        site=context.facts,
        description=f"{context.facts.name}, {unit.role.value}",
        ntp=ntp.associations(context.inputs, unit.hardware.platform),
        management=management,
        gateway=_gateway(context, routing),
        vlans=tuple(Vlan(number=number, name=name) for number, name in sorted(vlans.items())),
        svis=svis,
        routes=tuple(_routes(context, routing)),
        routing=routing,
        acls=acls,
        ports=ports,
        lags=lags,
        members=tuple(
            StackMember(number=n, product=unit.hardware.product, priority=max(16 - n, 1))
            for n in range(1, unit.stack + 1)
        ),
        mlag=_mlag(context, unit, position),
        stp_priority=_stp_priority(context, unit),
        snooping_vlans=tuple(n.vlan for n in here),
        inspection_vlans=tuple(n.vlan for n in here if n.dhcp),
        igmp=media.multicast(here, _queried(context, unit, position, vlans)),
        qos=context.qos,
        ptp=context.ptp if any(p.ptp for p in profiles) else None,
        max_mtu=max((p.mtu for p in profiles), default=1500),
        authentication=any(p.authentication != "none" for p in profiles),
        source_guard=any(p.source_guard for p in profiles),
    )


# --- VLANs and addresses -----------------------------------------------------------------------


def _vlans(context: SwitchContext, position: int | None) -> dict[int, str]:
    """VLANs of a switch: all, but each of two separate media paths only on its own core."""
    apart = context.apart
    separate = context.units.mlag
    found = {
        n.vlan: n.name
        for n in context.networks
        if n.name not in apart or not separate or apart[n.name] == position
    }
    found[context.facts.blackhole_vlan] = "blackhole"
    found[context.facts.native_vlan] = "native"
    return found


def _management(context: SwitchContext, unit: Unit, routing: bool, position: int | None) -> Svi:
    """Where the switch is managed: on a routing core that is the transit network."""
    network = context.management_network
    address = context.management[unit.name]
    virtual = None
    if routing and context.transit is not None and position is not None:
        network = context.transit
        address, virtual = core_address(network, context.units, position)
    return Svi(
        vlan=network.vlan,
        description=f"management {network.name}",
        address=address,
        prefix_length=network.prefix.prefixlen,
        virtual_address=virtual,
        mtu=1500,
        acl_in=None,
        relays=(),
        management=True,
    )


def core_address(
    network: Network, units: Units, position: int
) -> tuple[IPv4Address, IPv4Address | None]:
    """A core's own address in a routed network, and the one the pair shares."""
    base = network.prefix.network_address
    transit = network.zone == "transit"
    if not units.mlag:
        return base + (TRANSIT_CORE_HOST if transit else GATEWAY_HOST), None
    if transit:
        return base + TRANSIT_CORE_HOST + 1 + position, base + TRANSIT_CORE_HOST
    return base + FIRST_CORE_HOST + position, base + GATEWAY_HOST


def transit_hop(transit: Network) -> IPv4Address:
    """Where the firewall sends what is behind the core."""
    return transit.prefix.network_address + TRANSIT_CORE_HOST


def _svis(context: SwitchContext, position: int | None) -> Iterable[Svi]:
    if position is None or context.transit is None:
        return
    relay = context.transit.prefix.network_address + GATEWAY_HOST
    for network in context.core_networks:
        address, virtual = core_address(network, context.units, position)
        yield Svi(
            vlan=network.vlan,
            description=network.name,
            address=address,
            prefix_length=network.prefix.prefixlen,
            virtual_address=virtual,
            mtu=network.mtu,
            acl_in=acl.name(network),
            relays=(relay,) if network.dhcp else (),
            management=False,
        )


def _gateway(context: SwitchContext, routing: bool) -> IPv4Address:
    network = context.transit if routing and context.transit else context.management_network
    return network.prefix.network_address + GATEWAY_HOST


def _routes(context: SwitchContext, routing: bool) -> Iterable[Route]:
    yield Route(
        prefix=IPv4Network("0.0.0.0/0"),
        next_hop=_gateway(context, routing),
        interface=None,
        distance=1,
        reason="the firewall",
    )


# --- pairs, trees, queriers --------------------------------------------------------------------


def _mlag(context: SwitchContext, unit: Unit, position: int | None) -> MlagPlan | None:
    if not context.units.mlag or position is None:
        return None
    constants = context.inputs.catalogue
    addresses = list(constants.mlag_prefix.hosts())
    link = next(
        b.number
        for b in context.plan.bundles
        if b.device == unit.name and b.purpose is PortPurpose.PEER_LINK
    )
    return MlagPlan(
        domain=f"{context.facts.code}-core",
        vlan=constants.mlag_vlan,
        address=addresses[position],
        prefix_length=constants.mlag_prefix.prefixlen,
        peer_address=addresses[1 - position],
        peer_link=link,
        virtual_mac=constants.virtual_mac,
    )


def _stp_priority(context: SwitchContext, unit: Unit) -> int:
    """The root first, then its stand-in, then everybody else (802.1D steps of 4096)."""
    if unit is context.units.root or (context.units.mlag and unit in context.units.cores):
        return 4096
    if unit in context.units.cores:
        return 8192
    return 32768


def _queried(
    context: SwitchContext, unit: Unit, position: int | None, vlans: dict[int, str]
) -> dict[int, IPv4Address]:
    """VLANs whose one querier is this switch, with the address it asks from.

    The first core that has the VLAN, else the root; from its own address where it routes the
    network, else from host 2, which nothing else has.
    """
    apart = context.apart
    routed = {n.name for n in context.core_networks}
    found: dict[int, IPv4Address] = {}
    for network in context.networks:
        if network.media is None or not network.media.igmp_snooping or network.vlan not in vlans:
            continue
        turn = apart.get(network.name, 0) if context.units.mlag else 0
        if position == turn and network.name in routed:
            found[network.vlan] = core_address(network, context.units, position)[0]
        elif position == turn or (position is None and unit is context.units.root):
            found[network.vlan] = network.prefix.network_address + FIRST_CORE_HOST
    return found


# --- ports -------------------------------------------------------------------------------------


def _ports(
    context: SwitchContext, unit: Unit, vlans: dict[int, str], position: int | None
) -> Iterable[Port]:
    """Every port of the box; what nothing has is shut in the black-hole VLAN."""
    uses = context.plan.uses
    for socket in context.plan.sockets[unit.name].values():
        use = uses.get((unit.name, socket.name))
        if use is None:
            yield Port(
                name=socket.name,
                member=socket.member,
                description="unused",
                peer="",
                network=None,
                profile=_unused(context, socket),
            )
            continue
        make = _profile if use.lag is None else _member
        yield Port(
            name=socket.name,
            member=socket.member,
            description=f"{use.purpose} {use.description}",
            peer=use.to,
            network=use.network,
            profile=make(context, use, vlans, position),
        )


def _lags(
    context: SwitchContext, unit: Unit, vlans: dict[int, str], position: int | None
) -> Iterable[Lag]:
    members: dict[int | None, list[Use]] = {}
    for use in context.plan.of(unit.name):
        members.setdefault(use.lag, []).append(use)
    for bundle in context.plan.bundles:
        if bundle.device == unit.name and bundle.number in members:
            yield _lag(context, bundle, members[bundle.number], vlans, position)


def _lag(
    context: SwitchContext,
    bundle: Bundle,
    members: Sequence[Use],
    vlans: dict[int, str],
    position: int | None,
) -> Lag:
    return Lag(
        number=bundle.number,
        description=f"{bundle.purpose} {bundle.to}",
        peer=bundle.to,
        members=tuple(use.socket.name for use in members),
        profile=_profile(context, members[0], vlans, position),
        mlag=bundle.mlag,
    )


# A port of which nothing is known: each kind of port says how it differs.
PLAIN = PortProfile(
    purpose=PortPurpose.UNUSED,
    mode="unused",
    vlan=None,
    voice_vlan=None,
    native_vlan=None,
    allowed_vlans=(),
    authentication="none",
    guest_vlan=None,
    edge=True,
    root_guard=False,
    trusted=False,
    source_guard=False,
    storm_control="none",
    poe=None,
    speed_mbps=None,
    mtu=1500,
    eee=True,
    flow_control=False,
    qos=False,
    ptp=False,
    lag=None,
)


_PLAIN = {field.name: getattr(PLAIN, field.name) for field in fields(PLAIN)}


def _like_plain(**differences: object) -> PortProfile:
    """`replace(PLAIN, …)`, in half the time."""
    return PortProfile(**{**_PLAIN, **differences})


def _unused(context: SwitchContext, socket: Socket) -> PortProfile:
    spare = socket.out_of_band
    alike = (spare, socket.poe)
    profile = context.profiles.get(alike)
    if profile is None:
        profile = context.profiles[alike] = _one(
            _like_plain(
                purpose=PortPurpose.MANAGEMENT if spare else PortPurpose.UNUSED,
                mode="management" if spare else "unused",
                vlan=context.facts.blackhole_vlan,
                poe=False if socket.poe else None,
            )
        )
    return profile


def _member(
    context: SwitchContext, use: Use, vlans: dict[int, str], position: int | None
) -> PortProfile:
    """A LACP member: the LAG has the VLANs, the port its physical side."""
    alike = (*_alike(context, use, position), use.lag)
    profile = context.profiles.get(alike)
    if profile is None:
        profile = context.profiles[alike] = _one(
            replace(
                _profile(context, use, vlans, position),
                mode="member",
                voice_vlan=None,
                authentication="none",
                guest_vlan=None,
                source_guard=False,
                lag=use.lag,
            )
        )
    return profile


def _profile(
    context: SwitchContext, use: Use, vlans: dict[int, str], position: int | None
) -> PortProfile:
    alike = _alike(context, use, position)
    profile = context.profiles.get(alike)
    if profile is None:
        profile = context.profiles[alike] = _one(_made(context, use, vlans))
    return profile


@lru_cache(maxsize=1 << 12)
def _one(profile: PortProfile) -> PortProfile:
    """The one object for all equal profiles of all sites: what knows them need not compare."""
    return profile


def _alike(context: SwitchContext, use: Use, position: int | None) -> tuple[object, ...]:
    """All that the profile of a use depends on, at one site: the VLANs follow from the position."""
    poe = use.socket.poe
    if use.purpose in TRUNKS:
        return (use.purpose, poe, use.to in context.core_names, use.to == _root(context), position)
    return (use.purpose, poe, use.poe_w > 0, use.network, use.lag is None)


def _made(context: SwitchContext, use: Use, vlans: dict[int, str]) -> PortProfile:
    if use.purpose in TRUNKS:
        return _trunk(context, use, vlans)
    if use.purpose is PortPurpose.ACCESS_POINT:
        return _access_point(context, use)
    return _access(context, use)


def _trunk(context: SwitchContext, use: Use, vlans: dict[int, str]) -> PortProfile:
    """Between devices of ours: trusted, unused native VLAN, every VLAN both ends have."""
    separate = context.units.mlag
    carried = [
        n
        for n in context.networks
        if n.vlan in vlans
        and not (separate and n.name in context.apart)
        and (use.purpose is not PortPurpose.FIREWALL or _firewall_has(context, n))
    ]
    below = use.to not in context.core_names
    return _like_plain(
        purpose=use.purpose,
        mode="trunk",
        native_vlan=context.facts.native_vlan,
        allowed_vlans=tuple(sorted({n.vlan for n in carried} | {context.facts.native_vlan})),
        edge=use.purpose is PortPurpose.FIREWALL,
        root_guard=use.purpose is PortPurpose.INTER_SWITCH and below and use.to != _root(context),
        trusted=True,
        poe=False if use.socket.poe else None,
        mtu=max((n.mtu for n in carried), default=1500),
        eee=not _has_media(context),
        flow_control=any(n.media and n.media.flow_control for n in carried),
        qos=context.qos is not None,
    )


def _root(context: SwitchContext) -> str:
    return context.units.root.name if context.units.root else ""


def _firewall_has(context: SwitchContext, network: Network) -> bool:
    """VLANs that the firewall is in: those it is gateway of, and transit."""
    return network.gateway_on == "firewall" or (
        network.gateway_on == "core" and not context.core_networks
    )


def _access_point(context: SwitchContext, use: Use) -> PortProfile:
    """An access point is managed untagged and bridges its networks tagged.

    Machines roam between access points, so their bindings move from port to port: the port is
    trusted, and the access point itself lets no client answer DHCP.
    """
    native = context.management_network.vlan
    return _like_plain(
        purpose=use.purpose,
        mode="trunk",
        native_vlan=native,
        allowed_vlans=tuple(sorted({native, *context.ssid_vlans})),
        trusted=True,
        storm_control="broadcast",
        poe=True if use.socket.poe else None,
        qos=context.qos is not None,
    )


def _access(context: SwitchContext, use: Use) -> PortProfile:
    network = context.by_name[use.network or ""]
    zone = context.inputs.catalogue.zones[network.zone]
    desk = use.purpose is PortPurpose.ACCESS
    voice = context.first_vlan("voice") if desk else None
    guest = context.first_vlan("guest")
    isolated = network.media is not None
    single = use.lag is None
    return _like_plain(
        purpose=use.purpose,
        mode="access",
        vlan=network.vlan,
        voice_vlan=voice,
        authentication=zone.authentication if single else "none",
        guest_vlan=guest if zone.authentication == "eap" and not zone.content else None,
        source_guard=network.dhcp is not None and single,
        storm_control="broadcast" if isolated else "all",
        poe=(use.poe_w > 0 or desk) if use.socket.poe else None,
        mtu=network.mtu,
        eee=not isolated,
        flow_control=bool(network.media and network.media.flow_control),
        qos=context.qos is not None,
        ptp=context.ptp is not None and _takes_part_in_ptp(context, network),
    )


def _takes_part_in_ptp(context: SwitchContext, network: Network) -> bool:
    if network.media is None:
        return False
    return context.inputs.catalogue.media[network.media.profile].ptp.role == "boundary"


def _has_media(context: SwitchContext) -> bool:
    return any(n.media for n in context.networks)
