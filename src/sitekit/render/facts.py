"""What the design says about its own parts: their names, why they are so, and who wrote that.

For each kind of object of the design: what people call it, the place in the files that it follows
from, and the rules of the catalogue behind it, with their reasons and the guides they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network
from typing import Any

from pydantic import BaseModel

from ..design import result as r
from ..design.units import unpack
from ..errors import Place
from ..load.catalogue_places import CataloguePlaces
from ..load.organisation import SiteInputs
from .trace import Read, is_fact

PRACTICE = "U"  # in the catalogue: engineering practice without a public source
LONGEST = 72
FEW = 3

# Why a port's body says what it says; the rules are in design/switches.py and docs/design.md.
PROFILE = {
    "purpose": "every port of every device has exactly one purpose",
    "mode": "access for one machine, trunk between devices and to access points, shut where unused",
    "voice_vlan": "desks get the telephones' network beside their own where the site has one",
    "native_vlan": "untagged on a trunk: a VLAN that nothing uses, or what manages an access point",
    "allowed_vlans": "a trunk carries the VLANs that both of its ends have, and no other",
    "guest_vlan": "an unknown machine, or a dead RADIUS, leaves an office port with the visitors",
    "edge": "a host's port forwards at once, and is shut when a switch speaks behind it",
    "root_guard": "towards a switch that must never become root of the spanning tree",
    "trusted": "DHCP and ARP are believed from devices of the site only",
    "source_guard": "an access port passes the addresses that DHCP gave to it, no other",
    "storm_control": "broadcast is limited everywhere, multicast everywhere but on media ports",
    "poe": "power where the machine asks for it and at desks, none elsewhere",
    "mtu": "what the port's networks ask for",
    "eee": "energy saving delays media: it is switched off beside media networks",
    "flow_control": "what the media profile of the port's network asks for",
    "qos": "one DSCP plan for the whole site, trusted at every port",
    "ptp": "the media profile of the network asks for a boundary clock",
    "lag": "links between devices and machines with several links are bundled",
    "speed_mbps": "forced where somebody wrote a speed, else negotiated",
}
PURPOSES = {
    "inter-switch": "access switches hang on the root by two links, one on each core of a pair",
    "peer-link": "two links join the cores of an MLAG pair",
    "firewall": "the firewalls hang on the root, by two links where it is resilient",
    "switch": "the firewalls hang on the root, by two links where it is resilient",
    "heartbeat": "two links join the firewalls of a pair",
    "uplink": "lines take the ports made for them, in their written order",
    "management": "out-of-band ports are not used: devices are managed in the network itself",
    "access-point": "each access point has a port, neighbours on different switches",
}
DEVICE = {
    "stp_priority": (
        "spanning tree",
        "the root has 4096, its stand-in 8192, everybody else 32768 (steps of 802.1D)",
    ),
    "snooping_vlans": ("ports", "DHCP is watched in every VLAN that the switch has"),
    "inspection_vlans": ("ports", "ARP is watched in every VLAN that has DHCP"),
    "source_guard": ("ports", PROFILE["source_guard"]),
    "routing": ("gateways", "a core routes the networks that say `gateway: core`"),
    "lags": ("ports", PROFILE["lag"]),
    "lag": ("ports", PROFILE["lag"]),
    "lan": ("ports", PURPOSES["switch"]),
    "lan_members": ("ports", PURPOSES["switch"]),
    "policy": ("policy", "flows between zones become ordered rules; what none allows is denied"),
    "members": ("stack", "a switch stack is one device of several boxes"),
    "max_mtu": ("ports", "the largest frame that a network of the switch asks for"),
    "routes": ("routing", "static where nothing else says the way"),
}
SERVING = {
    "dns": ("dns", "servers"),
    "ntp": ("ntp", "servers"),
    "radius": ("radius", "servers"),
    "syslog": ("syslog", "servers"),
    "snmp": ("snmp", "managers"),
    "administration": ("administration", "prefixes"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of the design that a line comes from, with the values it took from it."""

    what: str
    values: tuple[tuple[str, str], ...]
    place: Place | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule: of the catalogue, of the group, or of the design itself; with who asks for it."""

    what: str
    text: str
    controls: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One object of the design in words."""

    what: str
    place: Place | None = None
    reasons: tuple[Reason, ...] = ()


class Facts:
    """Knows every object that the templates of one device can read."""

    def __init__(self, design: r.SiteDesign, inputs: SiteInputs, device: r.DeviceDesign) -> None:
        self.design = design
        self.inputs = inputs
        self.device = device
        self.catalogue = CataloguePlaces(inputs.catalogue)
        self._settings = dict(_models(inputs.settings, ()))
        self._owners = dict(_owned(device))
        self._vlans = {network.vlan: network for network in design.networks}
        self._devices = {unit.name: unit.place for unit in unpack(inputs).all}
        self._endpoints = {e.name: n for n, e in enumerate(inputs.site.endpoints)}
        self._known: dict[int, Subject] = {}

    # --- what the explanation asks ------------------------------------------------------------

    def subject(self, value: object) -> Subject:
        """An object in words."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._subject(value)
        return known

    def told(self, read: Read) -> tuple[Fact, tuple[Reason, ...]]:
        """A fact and the rules behind it, of one attribute that was read."""
        if isinstance(read.owner, BaseModel):
            return self._setting(read)
        subject = self.subject(read.owner)
        values = () if is_fact(read.value) else ((read.attribute, self._shown(read)),)
        fact = Fact(subject.what, values, subject.place)
        return fact, (*subject.reasons, *self._details(read))

    def behind(self, read: Read) -> Iterator[object]:
        """Objects that the value of an attribute stands for: a VLAN's network, a port's profile."""
        value, attribute = read.value, read.attribute
        if is_fact(value):
            yield value
        elif isinstance(value, tuple) and value and all(is_fact(item) for item in value):
            if len(value) <= FEW:
                yield from value
        elif attribute in ("vlan", "voice_vlan", "native_vlan", "guest_vlan", "number"):
            if isinstance(read.owner, r.PortProfile | r.Svi | r.Vlan | r.IgmpVlan):
                network = self._vlans.get(value) if isinstance(value, int) else None
                if network is not None:
                    yield network
        elif attribute in ("ingress", "egress", "source_zone", "destination_zone"):
            found = [n for n in self.design.networks if n.zone == value]
            yield from found[:1] if len(found) == 1 else ()
        elif attribute in ("management_address", "gateway") and is_device(read.owner):
            network = self._vlans.get(self._management_vlan())
            if network is not None:
                yield network
        elif attribute in ("uplink", "port") and isinstance(
            read.owner, r.Tunnel | r.RemoteUserPlan
        ):
            yield from (u for u in self.design.uplinks if value in (u.name, u.port))

    # --- settings -----------------------------------------------------------------------------

    def _setting(self, read: Read) -> tuple[Fact, tuple[Reason, ...]]:
        above = self._settings.get(id(read.owner), ())
        path = (*above, read.attribute, *(() if read.index is None else (read.index,)))
        place, reasons = self._origin(path)
        return Fact(f"setting {_dotted(path)}", (("", self._shown(read)),), place), reasons

    def _origin(self, path: Sequence[str | int]) -> tuple[Place | None, tuple[Reason, ...]]:
        """Where a setting is written, and who may write it."""
        for end in range(len(path), 0, -1):
            origin = self.inputs.origins.get(tuple(str(step) for step in path[:end]))
            if origin is None:
                continue
            document = {
                "sitekit": self.inputs.catalogue.defaults,
                "organisation": self.inputs.organisation_document,
                "subsidiary": self.inputs.subsidiary_document,
                "archetype": self.inputs.archetype_document,
                "site": self.inputs.document,
            }[origin.level]
            place = document.key_place(("settings", *path))
            comment = self.catalogue.comment(place)
            text = f"written by the {origin.level}" if origin.level != "sitekit" else "its default"
            if origin.locked:
                text += ", locked for the levels below"
            controls = (comment,) if comment else ()
            return place, (Reason(f"setting {_dotted(path[:end])}", text, controls, place),)
        return None, ()

    def setting(self, *path: str | int) -> Subject:
        """A setting by its path."""
        place, reasons = self._origin(path)
        return Subject(f"setting {_dotted(path)}", place, reasons)

    # --- objects ------------------------------------------------------------------------------

    def _subject(self, value: object) -> Subject:
        if isinstance(value, BaseModel):
            path = self._settings.get(id(value), ())
            return self.setting(*path) if path else Subject("settings")
        tell: Callable[[Facts, Any], Subject] | None = _TELLERS.get(type(value))
        return tell(self, value) if tell is not None else Subject(type(value).__name__)

    def _device(self, device: r.DeviceDesign) -> Subject:
        title = self.inputs.catalogue.platforms[device.platform].title
        what = f"device {device.name} ({device.role.value}, {title})"
        return Subject(what, self._devices.get(device.name))

    def _site(self, site: r.SiteFacts) -> Subject:
        return Subject(f"site {site.code}", self.inputs.document.key_place(("name",)))

    def _network(self, network: r.Network) -> Subject:
        return Subject(f"network {network.name}", network.place, (self._zone_rule(network.zone),))

    def _zone_rule(self, name: str, *path: str) -> Reason:
        """A zone with its purpose and the guides that ask for it."""
        zone = self.inputs.catalogue.zones[name]
        french = self.inputs.settings.language == "fr"
        purpose = zone.purpose_fr if french and zone.purpose_fr else zone.purpose
        place = self.catalogue.place("zones", "zones", name, *path)
        place = place or self.catalogue.place("zones", "zones", name)
        return Reason(f"zone {name}", purpose, _controls(zone.source), place)

    def _zone_group(self, group: r.ZoneGroup) -> Subject:
        rule = self._zone_rule(group.zone)
        return Subject(f"zone {group.zone}", rule.place, (rule,))

    def _rule(self, rule: r.Rule) -> Subject:
        flow = Reason(f"flow {rule.number // 100}", rule.reason, (), rule.place)
        return Subject(f"rule {rule.number} ({rule.name})", rule.place, (flow,))

    def _service(self, service: r.Service) -> Subject:
        place = self.catalogue.place("services", "services", service.name)
        entry = self.inputs.catalogue.services.get(service.name)
        controls = _controls(entry.source if entry else ())
        reason = Reason(f"service {service.name}", service.title, controls, place)
        return Subject(f"service {service.name}", place, (reason,))

    def _term(self, term: r.ServiceTerm) -> Subject:
        service = self._owners.get(id(term))
        return self.subject(service) if service is not None else Subject("service")

    def _address(self, address: r.AddressObject) -> Subject:
        """A named set of addresses: whatever it stands for."""
        what, inputs, name = f"addresses {address.name}", self.inputs, address.name
        organisation = inputs.organisation_document
        network = self.design.network.get(name)
        if network is not None:
            return Subject(what, network.place, self._network(network).reasons)
        if name in self._endpoints:
            return Subject(what, self._endpoint(name))
        if name in inputs.organisation.destinations:
            place = organisation.key_place(("destinations", name))
            return Subject(what, place, self._destination(name))
        if name in inputs.catalogue.destinations:
            rules = self._destination(name)
            return Subject(what, rules[0].place, rules)
        serving = name.removeprefix("group-")
        path = SERVING.get(serving)
        if name == "remote-users":
            path = ("remote_users", "pool_prefix_length")
        if path is not None:
            found = self.setting(*path)
            return Subject(what, found.place, found.reasons)
        if serving in inputs.organisation.serving:
            return Subject(what, organisation.key_place(("serving", serving)))
        if name == "group":
            return Subject(what, organisation.key_place(("azure", "hub")))
        users = [rule for rule in self.design.policy if address in _addresses(rule)]
        return Subject(what, users[0].place if users else None)

    def _destination(self, name: str) -> tuple[Reason, ...]:
        entry = self.inputs.catalogue.destinations.get(name)
        place = self.catalogue.place("destinations", "destinations", name)
        if entry is None:
            return ()
        return (Reason(f"destination {name}", entry.title, _controls(entry.source), place),)

    def _uplink(self, uplink: r.UplinkDesign) -> Subject:
        kind = self.inputs.catalogue.uplink_kinds[uplink.kind]
        place = self.catalogue.place("wan", "kinds", uplink.kind)
        controls = _controls(kind.source)
        reason = Reason(f"kind of line {uplink.kind}", uplink.title, controls, place)
        return Subject(f"uplink {uplink.name} ({uplink.kind})", uplink.place, (reason,))

    def _tunnel(self, tunnel: r.Tunnel) -> Subject:
        gateways = [g.address for g in self.inputs.organisation.azure.hub.gateways]
        index = gateways.index(tunnel.remote_address)
        document = self.inputs.organisation_document
        place = document.place(("azure", "hub", "gateways", index))
        text = "one tunnel from each line with a fixed address to each gateway of the hub"
        return Subject(f"tunnel {tunnel.name}", place, (Reason("tunnels", text, (), place),))

    def _proposal(self, proposal: r.IpsecProposal) -> Subject:
        owner = self._owners.get(id(proposal))
        above = self.subject(owner) if owner is not None else Subject("IPsec")
        text = "every parameter is written: Azure takes a custom policy only when it is complete"
        reason = Reason("IPsec", text, ("learn.microsoft.com ipsec-ike-policy-howto",))
        return Subject(f"{above.what}, IPsec proposal", above.place, (reason,))

    def _bgp(self, plan: r.BgpPlan) -> Subject:
        place = self.inputs.organisation_document.key_place(("azure", "hub", "routing"))
        text = "the hub routes by BGP; the site's AS number follows from its block"
        return Subject("BGP with the hub", place, (Reason("routing", text, ("RFC 6996",), place),))

    def _route(self, route: r.Route) -> Subject:
        private = self.inputs.catalogue.private
        network = next((n for n in self.design.networks if n.prefix == route.prefix), None)
        if route.prefix.prefixlen == 0:
            network = self._vlans.get(self._management_vlan())
        place: Place | None
        if network is not None:
            place = network.place
        elif route.prefix == self.design.facts.block:
            place = self._block()
        elif route.prefix in private:
            place = self.catalogue.place("network", "private", private.index(route.prefix))
        else:
            place = self.inputs.organisation_document.key_place(("azure", "hub"))
        reason = Reason("routing", route.reason, (), place)
        return Subject(f"route {route.prefix}", place, (reason,))

    def _block(self) -> Place:
        if self.inputs.site.block is None and self.inputs.assigned_document is not None:
            return self.inputs.assigned_document.key_place(("block",))
        return self.inputs.document.key_place(("block",))

    # --- ports --------------------------------------------------------------------------------

    def _port(self, port: r.Port) -> Subject:
        return self._socket(port.name, port.profile.purpose, port.peer)

    def _firewall_port(self, port: r.FirewallPort) -> Subject:
        return self._socket(port.name, port.purpose, port.peer)

    def _socket(self, name: str, purpose: r.PortPurpose, peer: str) -> Subject:
        what = f"port {name} ({purpose.value}{f', {peer}' if peer else ''})"
        return Subject(what, self._peer(name, purpose, peer), (self._purpose(purpose, peer),))

    def _peer(self, port: str, purpose: r.PortPurpose, peer: str) -> Place | None:
        """Who asks for a port: a written machine, line or device, the memory, or the sizing."""
        if peer in self._endpoints:
            return self._endpoint(peer)
        if purpose is r.PortPurpose.UPLINK:
            line = next((u for u in self.design.uplinks if u.port == port), None)
            return line.place if line else None
        for name in peer.split("+"):
            if name in self._devices:
                return self._devices[name]
        memory = self.inputs.assigned_document
        remembered = self.inputs.assigned.ports if self.inputs.assigned else {}
        if memory is not None and port in remembered.get(self.device.name, {}):
            return memory.key_place(("ports", self.device.name, port))
        return self._devices.get(self.device.name)

    def _purpose(self, purpose: r.PortPurpose, peer: str) -> Reason:
        if purpose is r.PortPurpose.UNUSED:
            place = self.catalogue.place("network", "blackhole_vlan")
            comment = self.catalogue.comment(place)
            text = "what nothing has is shut in the black-hole VLAN"
            return Reason("ports", text, (comment,) if comment else (), place)
        if purpose.value in PURPOSES:
            return Reason("ports", PURPOSES[purpose.value])
        if peer in self._endpoints:
            return Reason("ports", "a machine that the site names", (), self._endpoint(peer))
        figure = next((f for f in self.design.sizing if f.name == "switch-ports"), None)
        place = self.catalogue.place("sizing", "growth")
        text = f"{figure.value} = {figure.rule}" if figure else "counted by the sizing"
        source = self.catalogue.value("sizing", "source", "growth")
        return Reason("sizing switch-ports", text, _controls(source or ()), place)

    def _endpoint(self, name: str) -> Place:
        return self.inputs.document.place(("endpoints", self._endpoints[name]))

    def _profile(self, profile: r.PortProfile) -> Subject:
        network = self._vlans.get(profile.vlan or -1)
        what = f"port profile {profile.purpose.value} ({profile.mode})"
        return Subject(what, network.place if network else None)

    def _lag(self, lag: r.Lag) -> Subject:
        first = lag.peer.split("+")[0]
        place = self._endpoint(first) if first in self._endpoints else self._devices.get(first)
        return Subject(f"LAG {lag.number} ({lag.peer})", place, (Reason("ports", PROFILE["lag"]),))

    def _vlan(self, vlan: r.Vlan) -> Subject:
        return self._numbered(vlan.number, f"VLAN {vlan.number}")

    def _svi(self, svi: r.Svi) -> Subject:
        return self._numbered(svi.vlan, f"interface of VLAN {svi.vlan}")

    def _numbered(self, number: int, what: str) -> Subject:
        network = self._vlans.get(number)
        if network is not None:
            reasons = self._network(network).reasons
            return Subject(f"{what} of network {network.name}", network.place, reasons)
        for name in ("blackhole_vlan", "native_vlan", "mlag_vlan"):
            if getattr(self.inputs.catalogue, name) == number:
                found = self._constant(name)
                return Subject(what, found.place, found.reasons)
        return Subject(what)

    def _constant(self, name: str) -> Subject:
        """A number that is the same at every site."""
        place = self.catalogue.place("network", name)
        comment = self.catalogue.comment(place)
        controls = (comment,) if comment else ()
        reason = Reason(f"constant {name}", "the same at every site", controls, place)
        return Subject(f"constant {name}", place, (reason,))

    def _igmp(self, vlan: r.IgmpVlan) -> Subject:
        network = self._vlans.get(vlan.vlan)
        if network is None or network.media is None:
            return Subject(f"IGMP in VLAN {vlan.vlan}")
        rule = self._media_rule(network.media.profile, "igmp")
        return Subject(f"IGMP in network {network.name}", network.place, (rule,))

    # --- media --------------------------------------------------------------------------------

    def _media_rule(self, profile: str, *path: str) -> Reason:
        entry = self.inputs.catalogue.media[profile]
        place = self.catalogue.place("media", "profiles", profile, *path)
        return Reason(f"media profile {profile}", entry.title, _controls(entry.source), place)

    def _media_names(self) -> Iterator[str]:
        yield from dict.fromkeys(n.media.profile for n in self.design.networks if n.media)

    def _media(self, queue: str | None = None) -> tuple[Reason, ...]:
        """Media profiles of the site; only those that have traffic for a queue."""
        known = self.inputs.catalogue.media
        return tuple(
            self._media_rule(name, "dscp")
            for name in self._media_names()
            if queue is None or any(use.queue == queue for use in known[name].dscp)
        )

    def _clocks(self) -> Iterator[Reason]:
        """Media profiles of the site that ask switches for a clock."""
        for name in self._media_names():
            if self.inputs.catalogue.media[name].ptp.role != "none":
                yield self._media_rule(name, "ptp")

    def _media_port(self, media: r.MediaPort) -> Subject:
        rule = self._media_rule(media.profile)
        return Subject(f"media profile {media.profile}", rule.place, (rule,))

    def _qos(self, plan: r.QosPlan | r.QosClass) -> Subject:
        rules = self._media(plan.name if isinstance(plan, r.QosClass) else None)
        if not rules:  # telephony, or the rest
            zones = self.inputs.catalogue.zones
            marked = [n.zone for n in self.design.networks if zones[n.zone].dscp is not None]
            rules = (self._zone_rule(marked[0], "dscp"),) if marked else self._media()
        what = f"QoS class {plan.name}" if isinstance(plan, r.QosClass) else "DSCP plan"
        return Subject(what, rules[0].place if rules else None, rules)

    def _ptp(self, plan: r.PtpPlan) -> Subject:
        rules = tuple(self._clocks())
        return Subject(f"PTP {plan.profile}", rules[0].place if rules else None, rules)

    def _mlag(self, plan: r.MlagPlan) -> Subject:
        place = self._devices.get(self.device.name)
        text = "two cores that can are one pair: either may fail"
        return Subject(f"MLAG pair {plan.domain}", place, (Reason("pairs", text, (), place),))

    def _member(self, member: r.StackMember) -> Subject:
        place = self._devices.get(self.device.name)
        return Subject(f"stack member {member.number}", place, (Reason(*DEVICE["members"]),))

    def _association(self, association: r.NtpAssociation) -> Subject:
        servers = [server.address for server in self.inputs.settings.ntp.servers]
        return self.setting("ntp", "servers", servers.index(association.address))

    # --- access lists -------------------------------------------------------------------------

    def _acl(self, acl: r.Acl) -> Subject:
        network = self.design.network.get(acl.name.removesuffix("-in"))
        text = "a core filters what comes from the networks it routes by the same rules"
        place = network.place if network else None
        return Subject(f"access list {acl.name}", place, (Reason("policy", text, (), place),))

    def _entry(self, entry: r.AclEntry) -> Subject:
        acl = self._owners.get(id(entry))
        above = self.subject(acl) if acl is not None else Subject("access list")
        what = f"{above.what} entry {entry.sequence}"
        rules = list(self._permitting(entry))[:FEW]
        if not rules:
            return Subject(what, above.place, (Reason("policy", entry.remark, (), above.place),))
        numbers = ", ".join(str(rule.number) for rule in rules)
        reasons = tuple(self._rule(rule).reasons[0] for rule in rules)
        return Subject(f"{what}, rule {numbers}", rules[0].place, reasons)

    def _permitting(self, entry: r.AclEntry) -> Iterator[r.Rule]:
        """The rules that an entry spells, or whose replies it lets through."""
        back = entry.remark.startswith("replies: ")
        reason = entry.remark.removeprefix("replies: ")
        ends = (entry.destination, entry.source) if back else (entry.source, entry.destination)
        ports = entry.source_ports if back else entry.destination_ports
        for rule in self.design.policy:
            if (
                rule.reason == reason
                and _among(ends[0], rule.sources)
                and _among(ends[1], rule.destinations)
                and any(
                    term.protocol == entry.protocol and (ports is None or ports in term.ports)
                    for service in rule.services
                    for term in service.terms
                )
            ):
                yield rule

    # --- firewalls ----------------------------------------------------------------------------

    def _interface(self, interface: r.FirewallInterface) -> Subject:
        network = interface.network
        what = f"interface of network {network.name}"
        return Subject(what, network.place, self._network(network).reasons)

    def _dhcp_server(self, server: r.DhcpServer) -> Subject:
        network = server.network
        return Subject(f"DHCP in network {network.name}", network.place, (self._pool(),))

    def _scope(self, scope: r.DhcpScope) -> Subject:
        network = next((n for n in self.design.networks if n.dhcp is scope), None)
        if network is None:
            return Subject("DHCP")
        return Subject(f"DHCP in network {network.name}", network.place, (self._pool(),))

    def _pool(self) -> Reason:
        c = self.inputs.catalogue.sizing
        place = self.catalogue.place("sizing", "dhcp_utilisation")
        text = (
            f"⌈leases / {c.dhcp_utilisation:g}⌉ + {c.dhcp_margin} addresses at least; "
            f"the first {c.static_hosts} hosts are never handed out"
        )
        source = self.catalogue.value("sizing", "source", "dhcp_utilisation")
        return Reason("sizing DHCP pool", text, _controls(source or ()), place)

    def _reservation(self, reservation: r.DhcpReservation) -> Subject:
        place = self._endpoint(reservation.name) if reservation.name in self._endpoints else None
        text = "a machine whose MAC is written always gets the same address"
        reason = Reason("addressing", text, (), place)
        return Subject(f"endpoint {reservation.name}", place, (reason,))

    def _ha(self, plan: r.HaPlan) -> Subject:
        place = self._devices.get(self.device.name)
        return Subject(f"firewall pair {plan.group_name}", place, (self._redundancy(),))

    def _redundancy(self) -> Reason:
        archetype = self.inputs.archetype
        place = self.inputs.archetype_document.key_place(("redundancy",))
        text = f"redundancy: {archetype.redundancy}; two firewalls are one active-passive pair"
        return Reason(f"archetype {archetype.name}", text, (), place)

    def _remote(self, plan: r.RemoteUserPlan) -> Subject:
        found = self.setting("remote_users", "mode")
        return Subject("remote users", found.place, found.reasons)

    def _wifi(self, plan: r.WifiPlan) -> Subject:
        rule = self._controller()
        return Subject("the site's Wi-Fi", rule.place, (rule,))

    def _controller(self) -> Reason:
        place = self.inputs.archetype_document.key_place(("ssids",))
        text = "the firewall is the controller of the access points"
        return Reason("Wi-Fi", text, (), place)

    def _ssid(self, ssid: r.SsidPlan) -> Subject:
        archetype, network = self.inputs.archetype, ssid.network
        index = [s.segment for s in archetype.ssids].index(network.name)
        place = self.inputs.archetype_document.place(("ssids", index))
        text = f"{ssid.security} in network {network.name}"
        reason = Reason(f"archetype {archetype.name}", text, (), place)
        return Subject(f"SSID {ssid.name}", place, (reason, self._zone_rule(network.zone)))

    def _published(self, service: r.PublishedService) -> Subject:
        place = self._endpoint(service.name) if service.name in self._endpoints else None
        text = "a machine in the DMZ that a flow from the Internet names"
        rules = [rule for rule in self.design.policy if rule.published == service.name][:FEW]
        reasons = (self._rule(rule).reasons[0] for rule in rules)
        first = Reason("policy", text, (), place)
        return Subject(f"published service {service.name}", place, (first, *reasons))

    # --- single attributes --------------------------------------------------------------------

    def _details(self, read: Read) -> Iterator[Reason]:
        owner, attribute, value = read.owner, read.attribute, read.value
        if isinstance(owner, r.PortProfile):
            yield from self._profile_details(owner, attribute)
        elif is_device(owner):
            yield from self._device_details(attribute)
        elif isinstance(owner, r.SiteFacts):
            yield from self._site_details(attribute)
        elif isinstance(owner, r.Network | r.DhcpScope):
            yield from self._network_details(owner, attribute)
        elif isinstance(owner, r.FirewallInterface):
            if attribute == "own_services":
                yield self._zone_rule(owner.network.zone, "firewall_services")
            elif attribute == "captive_portal":
                yield from self.setting("wifi", "guest").reasons
            elif attribute == "administration":
                yield Reason("gateways", "devices are managed from the management networks only")
        elif isinstance(owner, r.Rule) and attribute == "limit_mbps" and value:
            yield from self.setting("guest", "rate_mbps").reasons
        elif isinstance(owner, r.MlagPlan) and attribute in ("vlan", "virtual_mac"):
            constant = "mlag_vlan" if attribute == "vlan" else attribute
            yield from self._constant(constant).reasons
        elif isinstance(owner, r.SsidPlan):
            yield from self._ssid_details(owner, attribute)
        elif isinstance(owner, r.Tunnel) and attribute == "psk":
            yield from self.setting("vpn", "psk").reasons
        elif isinstance(owner, r.HaPlan) and attribute == "secret":
            yield from self.setting("administration", "ha_secret").reasons
        elif isinstance(owner, r.WifiPlan) and attribute == "country":
            yield from self.setting("wifi", "country").reasons
        elif isinstance(owner, r.AccessPointDesign) and attribute.startswith(("channel", "width")):
            text = "channels go round in the order of the access points; 40 MHz up to eight of them"
            yield Reason("Wi-Fi", text, ("ETSI EN 301 893",))
        elif isinstance(owner, r.UplinkDesign) and attribute == "number":
            yield Reason("uplinks", "the order in which they are written is their preference")
        elif isinstance(owner, r.BgpPlan) and attribute == "remote_asn":
            place = self.inputs.organisation_document.key_place(("azure", "hub", "asn"))
            yield Reason("routing", "the hub's AS number", (), place)
        elif isinstance(owner, r.BgpPlan) and attribute == "advertise":
            yield Reason("addressing", "a site announces its block as one", (), self._block())
        elif isinstance(owner, r.RemoteUserPlan) and attribute == "tenant":
            place = self.inputs.organisation_document.key_place(("azure", "tenant"))
            if self.inputs.subsidiary.tenant:
                place = self.inputs.subsidiary_document.key_place(("tenant",))
            yield Reason("remote users", "people sign in at this Entra tenant", (), place)

    def _profile_details(self, profile: r.PortProfile, attribute: str) -> Iterator[Reason]:
        catalogue = self.inputs.catalogue
        network = self._vlans.get(profile.vlan or -1)
        if attribute == "authentication" and network is not None:
            yield self._zone_rule(network.zone, "authentication")
        elif attribute == "vlan" and profile.vlan == catalogue.blackhole_vlan:
            yield from self._constant("blackhole_vlan").reasons
        elif attribute == "native_vlan" and profile.native_vlan == catalogue.native_vlan:
            yield from self._constant("native_vlan").reasons
        elif attribute == "ptp":
            yield from self._clocks()
        elif attribute in ("flow_control", "eee") and network is not None and network.media:
            yield self._media_rule(network.media.profile, attribute)
        if attribute in PROFILE:
            yield Reason("ports", PROFILE[attribute])

    def _device_details(self, attribute: str) -> Iterator[Reason]:
        inputs, model = self.inputs, self.device.model
        organisation = inputs.organisation_document
        if attribute in DEVICE:
            yield Reason(*DEVICE[attribute])
        elif attribute == "name":
            written = "naming" in organisation.data
            text = f"names are {inputs.organisation.naming.device}, kept once given"
            place = organisation.key_place(("naming", "device")) if written else None
            yield Reason("naming", text, (), place)
        elif attribute in ("model", "product", "serials"):
            entry = self.catalogue.place("hardware", "models", model)
            yield Reason(f"hardware {model}", self.device.product, (), entry)
        elif attribute.startswith("factory_"):
            entry = self.catalogue.place("hardware", "models", model, "factory")
            text = "what the ports belong to when the box comes from the factory"
            yield Reason(f"hardware {model}", text, (), entry)
        elif attribute in ("health_targets", "private"):
            yield from self._constant(attribute).reasons
        elif attribute == "authentication":
            yield from self._asking()
        elif attribute in ("bgp", "tunnels", "hub_prefixes"):
            hub = organisation.key_place(("azure", "hub"))
            yield Reason("tunnels", "every site reaches the group through the hub", (), hub)
        elif attribute == "remote_users":
            yield from self.setting("remote_users", "mode").reasons
        elif attribute == "ntp":
            yield from self.setting("ntp", "servers").reasons
        elif attribute == "qos":
            yield from self._media()
        elif attribute == "ptp":
            yield from self._clocks()
        elif attribute == "ha":
            yield self._redundancy()
        elif attribute == "wifi":
            yield self._controller()
        elif attribute == "published":
            yield Reason("policy", "machines in the DMZ that flows from the Internet name")

    def _asking(self) -> Iterator[Reason]:
        """The zones whose ports on this switch ask who is there."""
        ports = self.device.ports if isinstance(self.device, r.SwitchDesign) else ()
        vlans = {p.profile.vlan for p in ports if p.profile.authentication != "none"}
        zones = dict.fromkeys(n.zone for n in self.design.networks if n.vlan in vlans)
        if zones:
            text = f"ports of {', '.join(zones)} ask who is there before anything passes"
            place = self.catalogue.place("zones", "zones", next(iter(zones)), "authentication")
            yield Reason("authentication", text, (), place)

    def _site_details(self, attribute: str) -> Iterator[Reason]:
        document = self.inputs.document
        if attribute in ("blackhole_vlan", "native_vlan"):
            yield from self._constant(attribute).reasons
        elif attribute == "administration":
            yield from self.setting("administration", "prefixes").reasons
            if any(network.zone == "admin" for network in self.design.networks):
                yield self._zone_rule("admin")
        elif attribute in ("city", "country"):
            place = document.key_place(("address", attribute))
            yield Reason("site", "the postal address of the site", (), place)
        elif attribute == "block":
            yield Reason("addressing", "a site has one block", (), self._block())
        elif attribute in ("name", "archetype"):
            yield Reason("site", "what its file says", (), document.key_place((attribute,)))
        elif attribute == "code":
            yield Reason("site", "the name of its file", (), Place(document.file))

    def _network_details(self, owner: r.Network | r.DhcpScope, attribute: str) -> Iterator[Reason]:
        network = next((n for n in self.design.networks if owner in (n, n.dhcp)), None)
        if network is None:
            return
        if attribute in ("prefix", "gateway", "vlan"):
            text = "its slot is written in the archetype, never counted; the gateway comes first"
            yield Reason("addressing", text, (), network.place)
        elif attribute == "lease_seconds":
            yield self._zone_rule(network.zone, "lease_hours")
        elif attribute == "domain":
            yield from self.setting("dns", "domain").reasons
        elif attribute in ("dns_servers", "ntp_servers"):
            yield self._zone_rule(network.zone, "firewall_services")
        elif attribute == "media" and network.media:
            yield self._media_rule(network.media.profile)

    def _ssid_details(self, ssid: r.SsidPlan, attribute: str) -> Iterator[Reason]:
        named = type(self.inputs.settings.wifi.ssids).model_fields
        if attribute == "ssid" and ssid.network.zone in named:
            yield from self.setting("wifi", "ssids", ssid.network.zone).reasons
        elif attribute == "key":
            yield from self.setting("wifi", "iot_key").reasons
        elif attribute == "isolated":
            yield self._zone_rule(ssid.network.zone, "isolated")
        elif attribute == "security" and ssid.security in ("portal", "owe"):
            yield from self.setting("wifi", "guest").reasons

    def _management_vlan(self) -> int:
        if isinstance(self.device, r.SwitchDesign):
            return self.device.management.vlan
        return next((n.vlan for n in self.design.networks if n.zone == "net_mgmt"), -1)

    # --- values in words ----------------------------------------------------------------------

    def _shown(self, read: Read) -> str:
        if read.index is not None and isinstance(read.value, tuple):
            return self._text(read.value[read.index])
        return self._text(read.value)

    def _text(self, value: object) -> str:
        match value:
            case None:
                return "none"
            case bool():
                return "yes" if value else "no"
            case Enum():
                return str(value.value)
            case tuple() if value and is_fact(value[0]):
                return str(len(value))
            case tuple():
                shown = ", ".join(self._text(item) for item in value[:6])
                return f"{shown}, …" if len(value) > 6 else shown or "none"
            case _ if is_fact(value):
                return self.subject(value).what
            case _:
                text = " ".join(str(value).split())
                return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


_TELLERS: dict[type, Callable[[Facts, Any], Subject]] = {
    r.SwitchDesign: Facts._device,
    r.FirewallDesign: Facts._device,
    r.AccessPointDesign: Facts._device,
    r.SiteFacts: Facts._site,
    r.Network: Facts._network,
    r.ZoneGroup: Facts._zone_group,
    r.Rule: Facts._rule,
    r.Service: Facts._service,
    r.ServiceTerm: Facts._term,
    r.AddressObject: Facts._address,
    r.UplinkDesign: Facts._uplink,
    r.Tunnel: Facts._tunnel,
    r.IpsecProposal: Facts._proposal,
    r.BgpPlan: Facts._bgp,
    r.Route: Facts._route,
    r.Port: Facts._port,
    r.FirewallPort: Facts._firewall_port,
    r.PortProfile: Facts._profile,
    r.Lag: Facts._lag,
    r.Vlan: Facts._vlan,
    r.Svi: Facts._svi,
    r.IgmpVlan: Facts._igmp,
    r.MediaPort: Facts._media_port,
    r.QosPlan: Facts._qos,
    r.QosClass: Facts._qos,
    r.PtpPlan: Facts._ptp,
    r.MlagPlan: Facts._mlag,
    r.StackMember: Facts._member,
    r.NtpAssociation: Facts._association,
    r.Acl: Facts._acl,
    r.AclEntry: Facts._entry,
    r.FirewallInterface: Facts._interface,
    r.DhcpServer: Facts._dhcp_server,
    r.DhcpScope: Facts._scope,
    r.DhcpReservation: Facts._reservation,
    r.HaPlan: Facts._ha,
    r.RemoteUserPlan: Facts._remote,
    r.WifiPlan: Facts._wifi,
    r.SsidPlan: Facts._ssid,
    r.PublishedService: Facts._published,
}


def is_device(value: object) -> bool:
    """True for a switch, a firewall or an access point."""
    return isinstance(value, r.SwitchDesign | r.FirewallDesign | r.AccessPointDesign)


def _controls(source: str | Iterable[str]) -> tuple[str, ...]:
    """Who asks for it; nobody where it is practice."""
    entries = (source,) if isinstance(source, str) else tuple(source)
    practice = (f"{PRACTICE}:", f"{PRACTICE} ")
    return tuple(e for e in entries if e != PRACTICE and not e.startswith(practice))


def _addresses(rule: r.Rule) -> tuple[r.AddressObject, ...]:
    return (*rule.sources, *rule.destinations)


def _among(prefix: IPv4Network | None, addresses: Iterable[r.AddressObject]) -> bool:
    return any(prefix in address.prefixes for address in addresses)


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _models(
    model: BaseModel, path: tuple[str | int, ...]
) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    """The parts of the settings by identity, each with its path."""
    yield id(model), path
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _models(value, (*path, name))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from _models(item, (*path, name, index))


def _owned(device: r.DeviceDesign) -> Iterator[tuple[int, object]]:
    """Parts that do not say whose they are, by identity, each with its owner."""
    if isinstance(device, r.SwitchDesign):
        for acl in device.acls:
            yield from ((id(entry), acl) for entry in acl.entries)
    elif isinstance(device, r.FirewallDesign):
        published = (service for p in device.published for service in p.services)
        for service in (*device.services, *published):
            yield from ((id(term), service) for term in service.terms)
        yield from ((id(tunnel.proposal), tunnel) for tunnel in device.tunnels)
        if device.remote_users is not None:
            yield id(device.remote_users.proposal), device.remote_users
