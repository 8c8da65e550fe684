"""Hand-made designs for tests of what is rendered: no file is read and nothing is derived.

`design()` builds a whole SiteDesign of any size; `micro_office()` and `headquarters()` are the
two ends of the range. Numbers are plausible, not sized: these are shapes to draw and to print.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from sitekit.design.addressing import title
from sitekit.design.result import (
    AccessPointDesign,
    AddressObject,
    BgpPlan,
    Cable,
    Choices,
    DeviceDesign,
    DhcpReservation,
    DhcpScope,
    FirewallDesign,
    FirewallPort,
    FixedAddress,
    HaPlan,
    IpsecProposal,
    Lag,
    MlagPlan,
    Network,
    Port,
    PortProfile,
    PortPurpose,
    PortUse,
    Rule,
    Service,
    ServiceTerm,
    SiteDesign,
    SiteFacts,
    SsidPlan,
    StackMember,
    Svi,
    SwitchDesign,
    Tunnel,
    UplinkDesign,
    Vlan,
    WifiPlan,
)
from sitekit.errors import Place
from sitekit.load.catalogue import load_catalogue
from sitekit.model.settings import Settings
from sitekit.model.site import Role

P = PortPurpose
PLACE = Place("sites/test.yaml", 1, 1)
MEDIA = {"storage", "render", "post", "audio_net", "video_net"}
SEGMENTS: tuple[tuple[str, int, int], ...] = (  # name, VLAN, /27 slot
    ("net_mgmt", 10, 0), ("admin", 11, 4), ("transit", 12, 6), ("server", 30, 8), ("dmz", 35, 12),
    ("corp", 20, 16), ("freelance", 24, 32), ("voice", 40, 48), ("print", 45, 64), ("av", 50, 68),
    ("iot", 55, 72), ("cctv", 60, 80), ("eac", 62, 84), ("alarm", 64, 88), ("post", 140, 112),
    ("storage", 145, 120), ("render", 147, 124), ("data_io", 150, 128), ("audio_net", 160, 136),
    ("video_net", 165, 144), ("guest", 200, 160),
)  # fmt: skip
MICRO_SEGMENTS = ("net_mgmt", "corp", "freelance", "print", "guest")


@cache
def settings(language: str = "en") -> Settings:
    return Settings.model_validate(
        {
            "language": language,
            "time_zone": "Europe/Paris",
            "dns": {"domain": "example.org", "servers": ("10.255.0.10",)},
            "ntp": {
                "servers": (
                    {
                        "address": "10.255.0.20",
                        "keys": ({"id": 1, "algorithm": "sha1", "key": "env:NTP"},),
                    },
                )
            },
            "radius": {
                "servers": ({"name": "nps-a", "address": "10.255.0.30", "key": "env:RADIUS"},)
            },
            "syslog": {"servers": ({"address": "10.255.0.40"},)},
            "snmp": {
                "managers": ("10.255.0.50",), "user": "poller", "auth": "env:A", "priv": "env:P",
            },
            "administration": {
                "prefixes": ("10.255.1.0/24",), "account": "rescue", "secret": "env:RESCUE",
                "ha_secret": "env:HA",
                "idle_minutes": 10, "lockout_attempts": 5, "lockout_minutes": 15,
                "banner": "Authorised staff only.", "contact": "noc@example.org",
            },
            "vpn": {"psk": "env:PSK"},
            "wifi": {
                "country": "FR", "guest": "portal", "iot_key": "env:IOT",
                "ssids": {
                    "corp": "Bureau", "freelance": "Bureau-Ext", "iot": "Equipements",
                    "guest": "Visiteurs",
                },
            },
            "remote_users": {
                "mode": "none",
                "psk": "env:REMOTE_PSK",
                "pool_prefix_length": 26,
                "saml_certificate": "remote-users",
            },
            "guest": {"rate_mbps": 50},
        }
    )  # fmt: skip


CATALOGUE, _ = load_catalogue(None, str)


def titles(language: str) -> dict[str, str]:
    """Zone titles of the catalogue in a language."""
    return {name: title(zone, language) for name, zone in CATALOGUE.zones.items()}


def facts(
    *,
    code: str = "par1",
    name: str = "Paris République",
    archetype: str = "headquarters",
    language: str = "en",
    block: str = "10.20.0.0/19",
) -> SiteFacts:
    return SiteFacts(
        code=code,
        name=name,
        organisation="Exemple Groupe",
        subsidiary="horizon",
        archetype=archetype,
        archetype_title=CATALOGUE.archetypes[archetype].title_fr
        if language == "fr"
        else CATALOGUE.archetypes[archetype].title_en,
        city="Paris",
        country="FR",
        settings=settings(language),
        block=IPv4Network(block),
        administration=(IPv4Network("10.255.1.0/24"),),
        blackhole_vlan=998,
        native_vlan=999,
    )


def network(name: str, *, vlan: int, slot: int, site: SiteFacts, core: bool = False) -> Network:
    base = IPv4Network((int(site.block.network_address) + 32 * slot, 27))
    prefix = base.supernet(new_prefix=26) if slot % 2 == 0 else base
    gateway_on: Literal["firewall", "core", "none"] = "firewall"
    if name in ("audio_net", "video_net"):
        gateway_on = "none"
    elif core and name in MEDIA:
        gateway_on = "core"
    scope = DhcpScope(
        first=prefix[10],
        last=prefix[-2],
        lease_seconds=28800,
        domain="example.org",
        dns_servers=(IPv4Address("10.255.0.10"),),
        ntp_servers=(IPv4Address("10.255.0.20"),),
        reservations=(
            (DhcpReservation(name="printer-1", mac="02:00:00:00:00:01", address=prefix[12]),)
            if name == "print"
            else ()
        ),
        reserved_only=name in ("print", "net_mgmt"),
    )
    served = gateway_on != "none" and name not in ("transit", "server", "dmz", "storage")
    return Network(
        name=name,
        zone=name,
        zone_title=titles(site.settings.language).get(name, name),
        trust=CATALOGUE.zones[name].trust if name in CATALOGUE.zones else 3,
        vlan=vlan,
        prefix=prefix,
        gateway_on=gateway_on,
        gateway=None if gateway_on == "none" else prefix[1],
        dhcp=scope if served else None,
        mtu=9000 if name in MEDIA else 1500,
        purpose=f"What {name} is for",
        media=None,
        place=PLACE,
    )


def service(name: str, protocol: Literal["tcp", "udp"] = "tcp", port: int = 443) -> Service:
    terms = (ServiceTerm(protocol=protocol, ports=((port, port),)),)
    return Service(name=name, title=name.upper(), terms=terms)


def rule(
    number: int,
    source: str,
    destination: str,
    *services: Service,
    reason: str = "Because the standard says so",
    action: Literal["permit", "deny"] = "permit",
    sources: tuple[AddressObject, ...] = (),
    destinations: tuple[AddressObject, ...] = (),
) -> Rule:
    return Rule(
        number=number,
        name=f"{number}-{source}-{destination}"[:35],
        action=action,
        source_zone=source,
        destination_zone=destination,
        ingress=source,
        egress=destination,
        sources=sources,
        destinations=destinations,
        services=services,
        nat=destination == "wan",
        log="all",
        inspect="none",
        limit_mbps=None,
        enforced_by="firewall",
        published=None,
        reason=reason,
        place=PLACE,
    )


def uplinks(count: int, *, interim: bool) -> tuple[UplinkDesign, ...]:
    lines = (
        ("fibre-a", "Fibre dédiée (FTTO)", "Orange Business", 1000, 1000),
        ("fibre-b", "Fibre mutualisée (FTTH)", "Bouygues Telecom Entreprises", 2500, 800),
        ("mobile", "4G/5G", "SFR Business", 300, 50),
    )
    return tuple(
        UplinkDesign(
            number=number,
            name=name if number <= 3 else f"{name}-{number}",
            kind=name,
            title=title,
            carrier=carrier,
            port=f"wan{number}",
            down_mbps=down,
            up_mbps=up,
            address=IPv4Address("203.0.113.10") if number == 1 else None,
            prefix_length=29 if number == 1 else None,
            gateway=IPv4Address("203.0.113.9") if number == 1 else None,
            interim=interim and number == count,
            ready=date(2027, 1, 15),
            cut_over=date(2027, 3, 1) if interim and number == count else None,
            place=PLACE,
        )
        for number in range(1, count + 1)
        for name, title, carrier, down, up in (lines[(number - 1) % 3],)
    )


def profile(purpose: PortPurpose) -> PortProfile:
    unused = purpose is P.UNUSED
    return PortProfile(
        purpose=purpose,
        mode="unused" if unused else "access",
        vlan=998 if unused else 20,
        voice_vlan=None,
        native_vlan=None,
        allowed_vlans=(),
        authentication="none",
        guest_vlan=None,
        edge=True,
        root_guard=False,
        trusted=False,
        source_guard=False,
        storm_control="broadcast",
        poe=True,
        speed_mbps=None,
        mtu=1500,
        eee=True,
        flow_control=False,
        qos=False,
        ptp=False,
        lag=None,
    )


def switch(
    name: str,
    role: Role,
    *,
    site: SiteFacts,
    management: Network,
    host: int,
    uses: Sequence[PortUse],
    stack: int = 1,
    mlag: MlagPlan | None = None,
) -> SwitchDesign:
    product = "Catalyst 9500-24Y4C" if role is Role.CORE else "Catalyst 9300-48P"
    return SwitchDesign(
        name=name,
        role=role,
        platform="cisco_iosxe",
        model=product.lower().replace(" ", "-"),
        product=product,
        serials=tuple(f"FOC{host:04}{n}" for n in range(1, stack + 1)),
        site=site,
        description=f"{role.value} of {site.name}",
        ntp=(),
        management=Svi(
            vlan=10,
            description="Management",
            address=management.prefix[host],
            prefix_length=management.prefix.prefixlen,
            virtual_address=None,
            mtu=1500,
            acl_in=None,
            relays=(),
            management=True,
        ),
        gateway=management.prefix[1],
        vlans=(Vlan(number=10, name="net_mgmt"), Vlan(number=20, name="corp")),
        svis=(),
        routes=(),
        routing=False,
        acls=(),
        ports=tuple(
            Port(
                name=use.port,
                member=1,
                description=use.description,
                peer=use.peer,
                network=use.network or None,
                profile=profile(use.purpose),
            )
            for use in uses
        ),
        lags=(
            (
                Lag(
                    number=1,
                    description="Peer link",
                    peer=name,
                    members=("Et49", "Et50"),
                    profile=profile(P.PEER_LINK),
                    mlag=None,
                ),
            )
            if mlag
            else ()
        ),
        members=tuple(
            StackMember(number=n, product=product, priority=16 - n) for n in range(1, stack + 1)
        ),
        mlag=mlag,
        stp_priority=32768,
        snooping_vlans=(),
        inspection_vlans=(),
        igmp=(),
        qos=None,
        ptp=None,
        max_mtu=9198,
        authentication=True,
        source_guard=False,
    )


def firewall(
    name: str,
    *,
    site: SiteFacts,
    management: Network,
    uses: Sequence[PortUse],
    lines: tuple[UplinkDesign, ...],
    tunnels: tuple[Tunnel, ...],
    policy: tuple[Rule, ...],
    wifi: WifiPlan | None,
    priority: int | None,
) -> FirewallDesign:
    return FirewallDesign(
        name=name,
        role=Role.FIREWALL,
        platform="fortinet_fortios",
        model="fortigate-120g",
        product="FortiGate 120G",
        serials=(),
        site=site,
        description=f"Firewall of {site.name}",
        ntp=(),
        management_address=management.prefix[1],
        management_network=management,
        factory_switch=None,
        factory_members=(),
        factory_fortilink=(),
        ports=tuple(
            FirewallPort(
                name=use.port, purpose=use.purpose, description=use.description, peer=use.peer
            )
            for use in uses
        ),
        lan="lag1",
        lan_members=tuple(use.port for use in uses if use.purpose is P.SWITCH),
        lag=True,
        interfaces=(),
        zones=(),
        dhcp=(),
        uplinks=lines,
        health_targets=(IPv4Address("9.9.9.9"),),
        tunnels=tunnels,
        hub_prefixes=(IPv4Network("10.255.0.0/16"),) if tunnels else (),
        bgp=(
            BgpPlan(
                asn=65101,
                router_id=management.prefix[2],
                remote_asn=65515,
                advertise=(site.block,),
            )
            if tunnels
            else None
        ),
        routes=(),
        addresses=(),
        services=(),
        policy=policy,
        published=(),
        guest_limit_mbps=50,
        wifi=wifi,
        remote_users=None,
        ha=(
            HaPlan(
                group_id=7,
                group_name=f"{site.code}-ha",
                priority=priority,
                heartbeat=("ha1", "ha2"),
                monitor=("x1", "x2"),
                secret="env:HA",
            )
            if priority
            else None
        ),
        private=(IPv4Network("10.0.0.0/8"),),
    )


class _Ports:
    """Ports as they are given out: each device's list, and the cables between devices."""

    def __init__(self) -> None:
        self.uses: dict[str, list[PortUse]] = {}
        self.cables: list[Cable] = []

    def use(
        self,
        device: str,
        port: str,
        purpose: PortPurpose,
        *,
        peer: str = "",
        peer_port: str = "",
        lag: int | None = None,
        network: Network | None = None,
        speed: str = "1G",
        poe_w: int = 0,
        description: str = "",
    ) -> None:
        self.uses.setdefault(device, []).append(
            PortUse(
                device=device,
                port=port,
                purpose=purpose,
                to=peer,
                peer=" ".join(filter(None, (peer, peer_port))),
                network=network.name if network else "",
                vlan=str(network.vlan) if network else "",
                speed=speed,
                poe_w=poe_w,
                lag=lag,
                description=description or peer,
            )
        )

    def cable(
        self,
        left: tuple[str, str, PortPurpose],
        right: tuple[str, str, PortPurpose],
        *,
        kind: Literal["inter-switch", "firewall", "peer-link", "heartbeat", "access-point"],
        speed: str,
    ) -> None:
        self.use(left[0], left[1], left[2], peer=right[0], peer_port=right[1], speed=speed)
        self.use(right[0], right[1], right[2], peer=left[0], peer_port=left[1], speed=speed)
        self.cables.append(
            Cable(left=left[0], left_port=left[1], right=right[0], right_port=right[1], kind=kind)
        )

    def all(self) -> tuple[PortUse, ...]:
        return tuple(use for uses in self.uses.values() for use in uses)


def design(
    *,
    language: str = "en",
    code: str = "par1",
    name: str = "Paris République",
    archetype: str = "headquarters",
    ha: bool = False,
    lines: int = 1,
    interim: bool = False,
    hub: bool = True,
    core: Literal["none", "single", "stack", "mlag"] = "none",
    access: int = 1,
    stack: int = 1,
    access_points: int = 1,
    endpoints: dict[PortPurpose, int] | None = None,
    segments: Sequence[str] | None = None,
    chained: bool = False,
) -> SiteDesign:
    """A whole site. `chained`: without a core, further switches hang on the first one."""
    site = facts(code=code, name=name, archetype=archetype, language=language)
    chosen = [s for s in SEGMENTS if segments is None or s[0] in segments]
    networks = tuple(
        network(n, vlan=vlan, slot=slot, site=site, core=core != "none") for n, vlan, slot in chosen
    )
    by_name = {n.name: n for n in networks}
    management = by_name["net_mgmt"]
    ports = _Ports()
    firewalls = [f"{code}-fw-{n:02}" for n in range(1, 3 if ha else 2)]
    cores = [f"{code}-core-{n:02}" for n in range(1, {"none": 0, "mlag": 2}.get(core, 1) + 1)]
    switches = [f"{code}-sw-{n:02}" for n in range(1, access + 1)]
    sides = uplinks(lines, interim=interim)
    _wire_top(ports, firewalls, cores or switches[: 1 if chained else None], sides, core=core)
    _wire_access(ports, cores, switches, core=core, stack=stack, chained=chained)
    points = _access_points(
        ports, site, management, switches=switches, count=access_points, stack=stack
    )
    _fill(ports, switches, by_name, endpoints or {P.ACCESS: 6, P.PRINTER: 1}, stack=stack)
    wifi = _wifi(by_name, points) if points else None
    tunnels = _tunnels(sides) if hub else ()
    policy = rules(by_name)
    boxes: list[DeviceDesign] = [
        firewall(
            box,
            site=site,
            management=management,
            uses=ports.uses[box],
            lines=sides,
            tunnels=tunnels,
            policy=policy,
            wifi=wifi,
            priority=200 - 50 * index if ha else None,
        )
        for index, box in enumerate(firewalls)
    ]
    for index, box in enumerate((*cores, *switches)):
        is_core = box in cores
        boxes.append(
            switch(
                box,
                Role.CORE if is_core else Role.ACCESS,
                site=site,
                management=management,
                host=3 + index,
                uses=ports.uses[box],
                stack=(2 if core == "stack" else 1) if is_core else stack,
                mlag=_mlag(site, first=index == 0) if is_core and core == "mlag" else None,
            )
        )
    return SiteDesign(
        facts=site,
        zone_titles=titles(language),
        networks=networks,
        policy=policy,
        proofs=(),
        sizing=(),
        uplinks=sides,
        tunnels=tunnels,
        wifi=wifi,
        qos=None,
        ports=ports.all(),
        cables=tuple(ports.cables),
        devices=(*boxes, *points),
        fixed=tuple(
            FixedAddress(name=kept.name, network=n.name, address=kept.address, mac=kept.mac)
            for n in networks
            for kept in (n.dhcp.reservations if n.dhcp else ())
        ),
        choices=Choices(names=(), management=(), addresses=()),
        findings=(),
    )


def _mlag(site: SiteFacts, *, first: bool) -> MlagPlan:
    mine, peer = (1, 2) if first else (2, 1)
    return MlagPlan(
        domain=f"{site.code}-core",
        vlan=4094,
        address=IPv4Address(f"169.254.0.{mine}"),
        prefix_length=30,
        peer_address=IPv4Address(f"169.254.0.{peer}"),
        peer_link=1,
        virtual_mac="00:1c:73:00:00:99",
    )


def _wire_top(
    ports: _Ports,
    firewalls: list[str],
    below: list[str],
    sides: tuple[UplinkDesign, ...],
    *,
    core: str,
) -> None:
    """Carriers to firewalls, firewalls to each other, firewalls to what stands below them."""
    for box in firewalls:
        for side in sides:
            ports.use(box, side.port, P.UPLINK, peer=side.name, description=side.carrier)
            ports.cables.append(
                Cable(left=box, left_port=side.port, right=side.name, right_port="", kind="uplink")
            )
    if len(firewalls) == 2:
        for port in ("ha1", "ha2"):
            ends = ((box, port, P.HEARTBEAT) for box in firewalls)
            ports.cable(next(ends), next(ends), kind="heartbeat", speed="1G")
    for index, box in enumerate(firewalls):
        for number, lower in enumerate(below, start=1):
            if core == "none":
                left, right, speed = f"port{number}", f"Gi1/0/{47 + index}", "1G"
            else:
                left, right = f"x{number}", f"TwentyFiveGigE{number}/0/{index + 1}"
                speed = "10G"
            ports.cable(
                (box, left, P.SWITCH), (lower, right, P.FIREWALL), kind="firewall", speed=speed
            )
            if core == "stack":
                ports.cable(
                    (box, "x2", P.SWITCH),
                    (lower, f"TwentyFiveGigE2/0/{index + 1}", P.FIREWALL),
                    kind="firewall",
                    speed="10G",
                )


def _wire_access(
    ports: _Ports,
    cores: list[str],
    switches: list[str],
    *,
    core: str,
    stack: int,
    chained: bool,
) -> None:
    if core == "mlag":
        for port in ("HundredGigE1/0/25", "HundredGigE1/0/26"):
            ends = ((box, port, P.PEER_LINK) for box in cores)
            ports.cable(next(ends), next(ends), kind="peer-link", speed="100G")
    for index, box in enumerate(switches):
        if cores:
            for link in range(2):
                upper = cores[link % len(cores)]
                member = link + 1 if core == "stack" else 1
                ports.cable(
                    (upper, f"TwentyFiveGigE{member}/0/{index + 5}", P.INTER_SWITCH),
                    (box, f"TenGigabitEthernet{min(link + 1, stack)}/1/{link + 1}", P.INTER_SWITCH),
                    kind="inter-switch",
                    speed="10G",
                )
        elif chained and index:
            ports.cable(
                (switches[0], f"Te1/1/{index}", P.INTER_SWITCH),
                (box, "Te1/1/1", P.INTER_SWITCH),
                kind="inter-switch",
                speed="10G",
            )


def _access_points(
    ports: _Ports,
    site: SiteFacts,
    management: Network,
    *,
    switches: list[str],
    count: int,
    stack: int,
) -> tuple[AccessPointDesign, ...]:
    points = []
    for number in range(1, count + 1):
        box = switches[(number - 1) % len(switches)]
        turn = (number - 1) // len(switches)
        port = f"Gi{turn % stack + 1}/0/{turn // stack + 1}"
        point = f"{site.code}-ap-{number:02}"
        ports.use(box, port, P.ACCESS_POINT, peer=point, network=management, poe_w=30)
        ports.cables.append(
            Cable(left=point, left_port="eth0", right=box, right_port=port, kind="access-point")
        )
        points.append(
            AccessPointDesign(
                name=point,
                role=Role.ACCESS_POINT,
                platform="fortinet_fortiap",
                model="fortiap-431k",
                product="FortiAP 431K",
                serials=(),
                site=site,
                address=management.prefix[20 + number % 40],
                switch=box,
                port=port,
                channel_24=(1, 6, 11)[number % 3],
                channel_5=36,
                width_5=40,
            )
        )
    return tuple(points)


def _fill(
    ports: _Ports,
    switches: list[str],
    networks: dict[str, Network],
    endpoints: dict[PortPurpose, int],
    *,
    stack: int,
) -> None:
    """Endpoints over the switches, then the ports that nobody uses."""
    segment = {P.ACCESS: "corp", P.PRINTER: "print", P.CAMERA: "cctv", P.DOOR: "eac"}
    wanted = [purpose for purpose, count in endpoints.items() for _ in range(count)]
    for number, purpose in enumerate(wanted):
        box = switches[number % len(switches)]
        where = number // len(switches)
        ports.use(
            box,
            f"Gi{where % stack + 1}/0/{20 + where // stack}",
            purpose,
            network=networks.get(segment.get(purpose, "")),
            description=f"{purpose.value} {number + 1}",
        )
    for box in switches:
        ports.use(box, "Gi1/0/46", P.UNUSED)


def _wifi(networks: dict[str, Network], points: tuple[AccessPointDesign, ...]) -> WifiPlan:
    names = {"corp": "Bureau", "freelance": "Bureau-Ext", "guest": "Visiteurs"}
    return WifiPlan(
        country="FR",
        ssids=tuple(
            SsidPlan(
                name=name,
                ssid=ssid,
                network=networks[name],
                security="portal" if name == "guest" else "wpa3-enterprise",
                bands=("5",),
                key=None,
                isolated=name != "corp",
            )
            for name, ssid in names.items()
            if name in networks
        ),
        access_points=points,
        products=("FAP-431K-E",),
    )


def _tunnels(sides: tuple[UplinkDesign, ...]) -> tuple[Tunnel, ...]:
    pairs = [(side, gateway) for side in sides for gateway in ("20.1.2.3", "20.1.2.4")]
    return tuple(
        Tunnel(
            number=number,
            name=f"hub-{number}",
            uplink=side.name,
            port=side.port,
            local_address=IPv4Address(f"169.254.21.{number}"),
            remote_address=IPv4Address(gateway),
            remote_bgp_address=IPv4Address("10.255.255.4"),
            psk="env:PSK",
            proposal=IpsecProposal(),
        )
        for number, (side, gateway) in enumerate(pairs, start=1)
    )


def rules(networks: dict[str, Network]) -> tuple[Rule, ...]:
    def all_rules() -> Iterator[Rule]:
        https, dns = service("https"), service("dns", "udp", 53)
        radius = AddressObject(
            name="g-radius", kind="prefixes", prefixes=(IPv4Network("10.255.0.30/32"),)
        )
        yield rule(
            115,
            "net_mgmt",
            "vpn_site",
            service("radius", "udp", 1812),
            destinations=(radius,),
            reason="Devices ask the group RADIUS servers",
        )
        yield rule(200, "corp", "wan", https, dns, reason="People browse | work")
        yield rule(210, "corp", "print", service("ipp", port=631), reason="Office prints")
        yield rule(300, "guest", "wan", reason="Visitors: Internet only")
        yield rule(900, "guest", "corp", action="deny", reason="Never <at all>")

    inside = set(networks) | {"wan", "vpn_site"}
    return tuple(r for r in all_rules() if r.source_zone in inside and r.destination_zone in inside)


def micro_office(language: str = "en") -> SiteDesign:
    return design(
        language=language,
        code="lyo3",
        name="Lyon Bellecour",
        archetype="micro-office",
        segments=MICRO_SEGMENTS,
    )


def headquarters(language: str = "en") -> SiteDesign:
    return design(
        language=language,
        ha=True,
        lines=3,
        interim=True,
        core="stack",
        access=3,
        stack=3,
        access_points=16,
        endpoints={
            P.ACCESS: 90, P.PRINTER: 6, P.CAMERA: 12, P.DOOR: 10, P.ROOM: 10, P.EDIT_SEAT: 6,
            P.ALARM: 2, P.SENSOR: 4,
        },
    )  # fmt: skip


def renamed(made: SiteDesign, text: str) -> SiteDesign:
    """The same site with a stranger's words wherever words are free."""
    site = replace(made.facts, name=text, city=text, organisation=text, subsidiary=text)
    return replace(
        made,
        facts=site,
        networks=tuple(replace(n, purpose=text) for n in made.networks),
        policy=tuple(replace(r, reason=text) for r in made.policy),
        uplinks=tuple(replace(u, carrier=text, title=text, name=text) for u in made.uplinks),
        ports=tuple(
            replace(p, description=text, to=text, peer=text, speed=text) for p in made.ports
        ),
        devices=tuple(replace(d, product=text) for d in made.devices),
    )
