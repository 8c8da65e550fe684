"""The networks of a site as the text has them: interfaces, prefixes, gateways and zones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .facts import DEFAULT_MTU, Firewall, Leg, PlanNetwork, Site, Subnet, Switch, dotted
from .standard import CONTENT, ISOLATED_MEDIA

ZONE = "z-"  # what the names of zones begin with on the firewall


class Interface(NamedTuple):
    """An address on a device, with the VLAN it stands in."""

    device: str
    file: str
    name: str
    line: int
    vlan: int | None
    subnet: Subnet
    virtual: int | None
    mtu: int
    core: bool  # a switch


@dataclass(slots=True)
class Network:
    """A VLAN with a prefix."""

    vlan: int | None
    name: str
    zone: str
    prefix: Subnet
    interfaces: list[Interface] = field(default_factory=list)
    plan: PlanNetwork | None = None
    core: bool = False  # its gateway is on a switch

    @property
    def prefix_words(self) -> str:
        """The prefix in words."""
        return f"{dotted(self.prefix.first)}/{self.prefix.length}"


@dataclass(slots=True)
class Networks:
    """All networks of a site; of a pair of firewalls, which is one, the first stands for both."""

    firewalls: list[Firewall]
    interfaces: list[Interface]
    by_vlan: dict[int, Network]
    zones: dict[int, str]  # zone of a VLAN, as the address plan and the firewall have it

    @property
    def firewall(self) -> Firewall | None:
        """The firewall of the site."""
        return self.firewalls[0] if self.firewalls else None

    def zone_of_vlan(self, vlan: int, name: str) -> str:
        """The zone of a VLAN; by its name where nothing else says it."""
        found = self.zones.get(vlan)
        if found is None and name in CONTENT | ISOLATED_MEDIA:
            return name
        return found or ""

    def at(self, address: int) -> Network | None:
        """The network that holds an address."""
        return next((n for n in self.by_vlan.values() if n.prefix.holds(address)), None)

    def core_networks(self) -> list[Network]:
        """Networks whose gateway is on a switch, and that are routed."""
        return [n for n in self.by_vlan.values() if n.core]

    def entrance(self, network: Network) -> str:
        """The zone in which the firewall meets a network: its own, or the way to the core."""
        firewall = self.firewall
        if firewall is None:
            return ""
        for leg in firewall.legs.values():
            if leg.vlan is not None and leg.vlan == network.vlan and leg.address is not None:
                return firewall.zone_of(leg.name)
        best = max(
            (
                route
                for route in firewall.routes
                if not route.blackhole
                and route.prefix.length > 0
                and route.prefix.holds(network.prefix.first)
            ),
            key=lambda route: route.prefix.length,
            default=None,
        )
        return firewall.zone_of(best.interface) if best else ""

    def home_of(self, vlan: int, devices: set[str]) -> str:
        """The device that a VLAN belongs to: where its gateway is."""
        network = self.by_vlan.get(vlan)
        for core in (False, True):
            for interface in network.interfaces if network else ():
                if interface.core is core and interface.device in devices:
                    return interface.device
        return min(devices)


def networks_of(site: Site) -> Networks:
    """Put together what firewalls, switches and the address plan say of each VLAN."""
    firewalls = _distinct(site.firewalls)
    interfaces = [*_of_firewalls(firewalls), *_of_switches(site.switches)]
    zones: dict[int, str] = {}
    for firewall in firewalls:
        for leg in firewall.legs.values():
            zone = firewall.zone_of(leg.name) if leg.vlan is not None else ""
            if leg.vlan is not None and zone.startswith(ZONE):
                zones[leg.vlan] = zone[len(ZONE) :]
    names = {n: vlan.name for switch in site.switches for n, vlan in switch.vlans.items()}
    zones.update({plan.vlan: plan.zone for plan in site.documents.networks})
    found: dict[int, Network] = {}
    plans = {plan.vlan: plan for plan in site.documents.networks}
    for interface in interfaces:
        if interface.vlan is None:
            continue
        network = found.get(interface.vlan)
        if network is None:
            plan = plans.get(interface.vlan)
            network = found[interface.vlan] = Network(
                vlan=interface.vlan,
                name=plan.name if plan else names.get(interface.vlan, f"VLAN {interface.vlan}"),
                zone=zones.get(interface.vlan, names.get(interface.vlan, "")),
                prefix=interface.subnet,
                plan=plan,
            )
        network.interfaces.append(interface)
    for plan in plans.values():
        if plan.vlan not in found:
            found[plan.vlan] = Network(
                vlan=plan.vlan, name=plan.name, zone=plan.zone, prefix=plan.prefix, plan=plan
            )
    routing = {switch.name for switch in site.switches if switch.routing}
    for network in found.values():
        network.core = bool(network.interfaces) and all(
            interface.core and interface.device in routing for interface in network.interfaces
        )
    # what is between the two switches of a pair is no network of the site
    peers = {s.mlag.interface for s in site.switches if s.mlag}
    for name in peers:
        if name.startswith("Vlan") and name[4:].isdigit():
            found.pop(int(name[4:]), None)
    return Networks(firewalls, interfaces, found, zones)


def _distinct(firewalls: list[Firewall]) -> list[Firewall]:
    """Of the members of a high-availability pair the first; the other is compared with it."""
    paired = [
        f for f in firewalls if f.root.table("system ha").word("mode") not in ("", "standalone")
    ]
    alone = [f for f in firewalls if f not in paired]
    groups: dict[str, Firewall] = {}
    for firewall in sorted(paired, key=lambda f: f.name):
        groups.setdefault(firewall.root.table("system ha").word("group-name"), firewall)
    return [*groups.values(), *alone]


def _of_firewalls(firewalls: list[Firewall]) -> list[Interface]:
    return [
        Interface(
            firewall.name,
            firewall.file,
            leg.name,
            leg.where("ip"),
            leg.vlan,
            leg.address,
            None,
            leg.mtu,
            core=False,
        )
        for firewall in firewalls
        for leg in firewall.legs.values()
        if leg.address is not None and not leg.down
    ]


def _of_switches(switches: list[Switch]) -> list[Interface]:
    found = []
    for switch in switches:
        own = switch.system_mtu if switch.syntax == "ios" else DEFAULT_MTU
        for port in switch.ports.values():
            if port.address is None or port.shut:
                continue
            number = port.name[4:] if port.name.startswith("Vlan") else ""
            found.append(
                Interface(
                    switch.name,
                    switch.file,
                    port.name,
                    port.where("address"),
                    int(number) if number.isdigit() and len(number) < 5 else None,
                    port.address,
                    port.virtual,
                    port.ip_mtu or port.mtu or own,
                    core=True,
                )
            )
    return found


def unzoned(firewall: Firewall) -> list[Leg]:
    """Interfaces with traffic of others that no zone holds: VLANs, tunnels and uplinks."""
    inside = {name for legs in firewall.zones.values() for name in legs}
    return [
        leg
        for leg in firewall.legs.values()
        if leg.name not in inside
        and not leg.down
        and (leg.vlan is not None or leg.kind == "tunnel" or (leg.at.get("role") and leg.address))
    ]
