"""The facts of a firewall, out of the tree of its text: FortiOS 7.6.

Defaults that matter and are not written: a policy is enabled, its action is deny, a VIP takes any
interface, a route has distance 10, an interface carries 1500 bytes (FortiOS 7.6 CLI reference).
"""

from __future__ import annotations

from .facts import Firewall, Leg, Policy, Route, Scope, Subnet, Vip, mask_length, number, subnet
from .fortios import Node, parse
from .indented import whole

EVERYTHING = ((0, 0xFFFFFFFF),)
TCP, UDP, ICMP = 6 << 16, 17 << 16, 1 << 16
EVERY_SERVICE = ((0, (256 << 16) - 1),)
# Services that FortiOS has from the factory, as far as configurations of ours name them
# (FortiOS 7.6 Administration Guide, predefined services).
PREDEFINED: dict[str, tuple[tuple[int, int], ...]] = {
    "ALL": EVERY_SERVICE,
    "ALL_TCP": ((TCP, TCP + 65535),),
    "ALL_UDP": ((UDP, UDP + 65535),),
    "ALL_ICMP": ((ICMP, ICMP + 65535),),
    "PING": ((ICMP, ICMP + 65535),),
    "SSH": ((TCP + 22, TCP + 22),),
    "TELNET": ((TCP + 23, TCP + 23),),
    "HTTP": ((TCP + 80, TCP + 80),),
    "HTTPS": ((TCP + 443, TCP + 443),),
    "SNMP": ((TCP + 161, TCP + 162), (UDP + 161, UDP + 162)),
    "DNS": ((TCP + 53, TCP + 53), (UDP + 53, UDP + 53)),
    "NTP": ((TCP + 123, TCP + 123), (UDP + 123, UDP + 123)),
    "DHCP": ((UDP + 67, UDP + 68),),
    "IKE": ((UDP + 500, UDP + 500), (UDP + 4500, UDP + 4500)),
    "ESP": ((50 << 16, (50 << 16) + 65535),),
    "BGP": ((TCP + 179, TCP + 179),),
    "SMB": ((TCP + 445, TCP + 445),),
    "RDP": ((TCP + 3389, TCP + 3389),),
}
_IP_NUMBERS = {"ICMP": 1, "TCP/UDP/SCTP": -1, "IP": 0}


def read(name: str, file: str, text: str) -> Firewall:
    """Everything that the text says; nothing in it can make this fail."""
    root = parse(text)
    firewall = Firewall(name=name, file=file, root=root)
    for key, node in root.table("system interface").entries.items():
        firewall.legs[key] = _leg(key, node)
    for key, node in root.table("vpn ipsec phase1-interface").entries.items():
        leg = firewall.legs.setdefault(key, Leg(name=key, line=node.line))
        leg.kind = "tunnel"
    for key, node in root.table("system zone").entries.items():
        firewall.zones[key] = node.words("interface")
    _sdwan(firewall)
    _addresses(firewall)
    _services(firewall)
    for key, node in root.table("firewall vip").entries.items():
        firewall.vips[key] = _vip(node)
    for key, node in root.table("firewall policy").entries.items():
        firewall.policies.append(_policy(key, node))
    for key, node in root.table("system dhcp server").entries.items():
        firewall.scopes.append(_scope(key, node))
    for node in root.table("router static").entries.values():
        firewall.routes.append(_route(node))
    return firewall


def _leg(name: str, node: Node) -> Leg:
    address = node.words("ip")
    return Leg(
        name=name,
        line=node.line,
        description=node.word("description"),
        parent=node.word("interface"),
        vlan=whole(node.word("vlanid")),
        address=subnet(address[0], address[1]) if len(address) == 2 else None,
        members=node.words("member"),
        lacp=node.word("lacp-mode", "active"),
        kind=node.word("type"),
        mtu=(whole(node.word("mtu")) or 1500) if node.word("mtu-override") == "enable" else 1500,
        down=node.word("status") == "down",
        at={key: line for key, (line, _) in node.values.items()},
    )


def _sdwan(firewall: Firewall) -> None:
    sdwan = firewall.root.table("system sdwan")
    members: dict[str, list[str]] = {zone: [] for zone in sdwan.table("zone").entries}
    for node in sdwan.table("members").entries.values():
        zone = node.word("zone", "virtual-wan-link")
        members.setdefault(zone, []).append(node.word("interface"))
    for zone, legs in members.items():
        firewall.zones[zone] = tuple(legs)


def _addresses(firewall: Firewall) -> None:
    table = firewall.root.table("firewall address")
    firewall.addresses["all"] = EVERYTHING
    firewall.addresses["none"] = ()
    for key, node in table.entries.items():
        kind = node.word("type", "ipmask")
        if kind == "fqdn":
            firewall.names[key] = node.word("fqdn")
            firewall.addresses[key] = ()
        elif kind == "iprange":
            first, last = number(node.word("start-ip")), number(node.word("end-ip"))
            spans = () if first is None or last is None or first > last else ((first, last),)
            firewall.addresses[key] = spans
        else:
            words = node.words("subnet")
            prefix = subnet(words[0], words[1]) if len(words) == 2 else None
            if not words:  # the default of an address without a subnet is everything
                prefix = Subnet(0, 0)
            firewall.addresses[key] = () if prefix is None else ((prefix.first, prefix.last),)


def _services(firewall: Firewall) -> None:
    firewall.services.update(PREDEFINED)
    for key, node in firewall.root.table("firewall service custom").entries.items():
        firewall.services[key] = _service(node)


def _service(node: Node) -> tuple[tuple[int, int], ...]:
    protocol = node.word("protocol", "TCP/UDP/SCTP")
    if protocol == "ICMP":
        return ((ICMP, ICMP + 65535),)
    if protocol == "IP":
        value = whole(node.word("protocol-number", "0")) or 0
        return EVERY_SERVICE if value == 0 else ((value << 16, (value << 16) + 65535),)
    found: list[tuple[int, int]] = []
    for key, base in (("tcp-portrange", TCP), ("udp-portrange", UDP)):
        for word in node.words(key):
            span = port_span(word.partition(":")[0])  # after the colon: source ports
            if span is not None:
                found.append((base + span[0], base + span[1]))
    return tuple(found)


def port_span(text: str) -> tuple[int, int] | None:
    """A port or a range of ports, or None where it is neither."""
    low, dash, high = text.partition("-")
    first = whole(low)
    last = whole(high) if dash else first
    if first is None or last is None or first > last or last > 65535:
        return None
    return first, last


def _vip(node: Node) -> Vip:
    protocol: int | None = None
    ports = (0, 65535)
    if node.word("portforward") == "enable":
        protocol = {"tcp": 6, "udp": 17, "icmp": 1}.get(node.word("protocol", "tcp"), 6)
        ports = port_span(node.word("mappedport") or node.word("extport")) or ports
    return Vip(
        line=node.line,
        external=number(node.word("extip").partition("-")[0]),
        mapped=number(node.word("mappedip").partition("-")[0]),
        protocol=protocol,
        ports=ports,
    )


def _policy(number_: str, node: Node) -> Policy:
    return Policy(
        number=number_,
        line=node.line,
        name=node.word("name"),
        sources=node.words("srcintf"),
        destinations=node.words("dstintf"),
        from_addresses=node.words("srcaddr"),
        to_addresses=node.words("dstaddr"),
        services=node.words("service"),
        accept=node.word("action", "deny") == "accept",
        enabled=node.word("status", "enable") == "enable",
        match_vip=node.word("match-vip") == "enable",
        comment=node.word("comments"),
        at={key: line for key, (line, _) in node.values.items()},
    )


def _scope(name: str, node: Node) -> Scope:
    ranges = []
    for entry in node.table("ip-range").entries.values():
        first, last = number(entry.word("start-ip")), number(entry.word("end-ip"))
        if first is not None and last is not None:
            ranges.append((first, last, entry.where("start-ip")))
    reserved = []
    for entry in node.table("reserved-address").entries.values():
        address = number(entry.word("ip"))
        if address is not None:
            reserved.append((address, entry.word("mac").lower(), entry.where("ip")))
    length = mask_length(node.word("netmask", "255.255.255.255"))
    return Scope(
        name=name,
        line=node.line,
        interface=node.word("interface"),
        length=32 if length is None else length,
        gateway=number(node.word("default-gateway")),
        relay=number(node.word("relay-agent")),
        ranges=tuple(ranges),
        reserved=tuple(reserved),
        at={key: line for key, (line, _) in node.values.items()},
    )


def _route(node: Node) -> Route:
    words = node.words("dst")
    prefix = subnet(words[0], words[1]) if len(words) == 2 else None
    return Route(
        line=node.where("dst"),
        prefix=prefix or Subnet(0, 0),
        next_hop=number(node.word("gateway")),
        interface=node.word("device") or node.word("sdwan-zone"),
        blackhole=node.word("blackhole") == "enable",
        distance=whole(node.word("distance", "10")) or 10,
    )
