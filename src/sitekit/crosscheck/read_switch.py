"""The facts of a switch, out of its text: Arista EOS and Cisco IOS-XE.

Both write nearly the same commands; where they differ (masks, wildcards, names of ports in access
lists) either form is understood in either file. Sources: Arista EOS User Manual 4.36 (interfaces,
VLANs, MLAG, VARP, IGMP snooping, ACLs) and Cisco IOS-XE 17.12 command references of the Catalyst
9000 (interface, LAN switching, IP addressing, IP access lists); see notes.md of both platforms.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .facts import (
    Acl,
    Entry,
    Mlag,
    Port,
    Querier,
    Route,
    Subnet,
    Switch,
    Vlan,
    number,
    slashed,
    subnet,
)
from .indented import Section, sections, vlans, whole

ANY = (0, 0xFFFFFFFF)
ANY_PORT = (0, 65535)
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ahp": 51, "ospf": 89}
# Keywords that stand for port numbers (Cisco IOS Security Command Reference, access-list extended;
# EOS knows a like list). A keyword that is not here is a line that was not understood.
PORT_NAMES = {
    "bgp": 179, "biff": 512, "bootpc": 68, "bootps": 67, "chargen": 19, "daytime": 13,
    "discard": 9, "dnsix": 195, "domain": 53, "echo": 7, "exec": 512, "finger": 79, "ftp": 21,
    "ftp-data": 20, "gopher": 70, "hostname": 101, "https": 443, "ident": 113, "irc": 194,
    "isakmp": 500, "klogin": 543, "kshell": 544, "ldap": 389, "ldaps": 636, "login": 513,
    "lpd": 515, "mobile-ip": 434, "msrpc": 135, "nameserver": 42, "netbios-dgm": 138,
    "netbios-ns": 137, "netbios-ss": 139, "nntp": 119, "non500-isakmp": 4500, "ntp": 123,
    "onep-plain": 15001, "onep-tls": 15002, "pim-auto-rp": 496, "pop2": 109, "pop3": 110,
    "radius": 1812, "radius-acct": 1813, "rip": 520, "ripv6": 521, "smtp": 25, "snmp": 161,
    "snmptrap": 162, "ssh": 22, "sunrpc": 111, "syslog": 514, "tacacs": 49, "talk": 517,
    "telnet": 23, "tftp": 69, "time": 37, "uucp": 540, "who": 513, "whois": 43, "www": 80,
    "xdmcp": 177,
}  # fmt: skip
_NUMBERED = re.compile(r"(\d{1,10}) +(.*)")


def read(name: str, file: str, text: str, syntax: str) -> Switch:
    """Everything that the text says; nothing in it can make this fail."""
    switch = Switch(name=name, file=file, syntax=syntax)
    if syntax == "ios":
        switch.stp_mode = "rapid-pvst"  # the default of IOS-XE 17
    else:
        switch.stp_mode = "mstp"  # the default of EOS
    for section in sections(text):
        head = section.head
        word, _, rest = head.partition(" ")
        if word == "interface":
            _interface(switch, section, rest.strip())
            continue
        handler = _HANDLERS.get(word)
        if handler is not None:
            handler(switch, section, head.split())
    return switch


# --- interfaces --------------------------------------------------------------------------------


def _interface(switch: Switch, section: Section, name: str) -> None:
    key = name.lower() if name[:4].lower() == "port" else name
    port = switch.ports.get(key)
    if port is None:
        port = switch.ports[key] = Port(name=name, line=section.line)
        if key.startswith(("Vlan", "Loopback")):
            port.mode = "routed"
    at = port.at
    for line, _, text in section.body:
        for field, value in _port_line(text):
            setattr(port, field, port.helpers + value if field == "helpers" else value)
            at[field] = line
            if field == "acl_in" and value:
                switch.acl_uses.append((value, line))
        if text == "address locking":
            switch.locks = True


@lru_cache(maxsize=8192)
def _port_line(text: str) -> tuple[tuple[str, Any], ...]:
    """What a line below an interface changes: most ports repeat the lines of their neighbours."""
    words = text.split()
    no = words[:1] == ["no"]
    if no:
        words = words[1:]
    try:
        return _port_words(words, no, text)
    except IndexError:  # a command without its last words
        return ()


def _port_words(words: list[str], no: bool, text: str) -> tuple[tuple[str, Any], ...]:
    match words:
        case ["description", *_]:
            return (("description", "" if no else text[len("description ") :].strip()),)
        case ["shutdown"]:
            return (("shut", not no),)
        case ["switchport"]:
            return (("mode", "routed" if no else "access"),)
        case ["switchport", "access", "vlan", number_]:
            return (("access", None if no else whole(number_)),)
        case ["switchport", "mode", "trunk", *_]:
            return (("mode", "trunk"),)
        case ["switchport", "mode", _, *_]:
            return (("mode", "access"),)
        case ["switchport", "trunk", "native", "vlan", number_]:
            return (("native", None if no else whole(number_)),)
        case ["switchport", "trunk", "allowed", "vlan", *rest]:
            if no or rest == ["all"]:
                return (("allowed", None),)
            return (("allowed", frozenset() if rest == ["none"] else vlans("".join(rest))),)
        case ["switchport", "trunk", "group", group]:
            return (("trunk_group", None if no else group),)
        case ["switchport", "voice" | "phone", "vlan", number_]:
            return (("voice", None if no else whole(number_)),)
        case ["channel-group", group, "mode", mode, *_]:
            return (("lag", None if no else whole(group)), ("lag_mode", mode))
        case ["mlag", group]:
            return (("mlag", None if no else whole(group)),)
        case ["mtu", size]:
            return (("mtu", None if no else whole(size)),)
        case ["ip", "mtu", size]:
            return (("ip_mtu", None if no else whole(size)),)
        case ["ip", "address"]:
            return (("address", None),)
        case ["ip", "address", address]:
            return (("address", None if no else slashed(address)),)
        case ["ip", "address", address, mask]:
            return (("address", None if no else subnet(address, mask)),)
        case ["ip", "virtual-router", "address", address]:
            return (("virtual", None if no else number(address.partition("/")[0])),)
        case ["ip", "helper-address", address, *_] if not no:
            value = number(address)
            return () if value is None else (("helpers", (value,)),)
        case ["ip", "access-group", name, "in"]:
            return (("acl_in", None if no else name),)
        case ["ip", "dhcp", "snooping", "trust"]:
            return (("dhcp_trust", not no),)
        case ["spanning-tree", "portfast", *rest]:
            return (("edge", not no and rest != ["disable"]),)
        case ["spanning-tree", "guard", guard]:
            return (("root_guard", guard == "root" and not no),)
        case ["spanning-tree", "bpdufilter", state, *_]:
            return (("bpdu_filter", state == "enable" and not no),)
    return ()


# --- what stands at the margin -----------------------------------------------------------------


def _vlan(switch: Switch, section: Section, words: list[str]) -> None:
    if len(words) != 2:
        return
    name, group = "", None
    for _, _, text in section.body:
        if text.startswith("name "):
            name = text[5:].strip()
        elif text.startswith("trunk group "):
            group = text[12:].strip()
    for vlan in vlans(words[1]):
        switch.vlans[vlan] = Vlan(section.line, name, group)


def _spanning_tree(switch: Switch, section: Section, words: list[str]) -> None:
    match words:
        case ["spanning-tree", "mode", mode]:
            switch.stp_mode, switch.stp_line = mode, section.line
        case ["spanning-tree", "mst" | "vlan" | "vlan-id", _, "priority", value]:
            switch.stp_priority = whole(value) or 0
            switch.stp_priority_line = section.line
        case ["spanning-tree", "priority", value]:
            switch.stp_priority = whole(value) or 0
            switch.stp_priority_line = section.line


def _no(switch: Switch, section: Section, words: list[str]) -> None:
    match words:
        case ["no", "spanning-tree", "vlan-id" | "vlan", listed]:
            switch.stp_off.update(dict.fromkeys(vlans(listed), section.line))
        case ["no", "spanning-tree"] | ["no", "spanning-tree", "mode"]:
            switch.stp_mode, switch.stp_line = "none", section.line
        case ["no", "ip", "igmp", "snooping"]:
            switch.snooping_off[0] = section.line
        case ["no", "ip", "igmp", "snooping", "vlan", listed]:
            switch.snooping_off.update(dict.fromkeys(vlans(listed), section.line))
        case ["no", "ip", "routing"]:
            switch.routing = False
        case ["no", "vlan", listed]:
            for vlan in vlans(listed):
                switch.vlans.pop(vlan, None)


def _ip(switch: Switch, section: Section, words: list[str]) -> None:
    match words[1:]:
        case ["igmp", "snooping", "vlan", listed, "querier", *rest]:
            for vlan in vlans(listed):
                _querier(switch, section.line, vlan, rest)
        case ["routing"]:
            switch.routing = True
        case ["default-gateway", address]:
            switch.gateway, switch.gateway_line = number(address), section.line
        case ["route", *rest]:
            _route(switch, section.line, rest)
        case ["access-list", "standard", name]:
            _acl(switch, section, name, standard=True)
        case ["access-list", "extended", name] | ["access-list", name]:
            _acl(switch, section, name, standard=False)
        case ["virtual-router", "mac-address", mac]:
            switch.virtual_mac, switch.virtual_mac_line = mac, section.line
        case ["dhcp", "snooping"]:
            switch.snooping = True
        case ["dhcp", "snooping", "vlan", listed]:
            switch.snooped |= vlans(listed)


def _querier(switch: Switch, line: int, vlan: int, rest: list[str]) -> None:
    querier = switch.queriers.get(vlan)
    if querier is None:
        querier = switch.queriers[vlan] = Querier(vlan=vlan, line=line)
    match rest:
        case []:
            querier.asks, querier.line = True, line
        case ["address", address]:
            querier.address, querier.address_line = number(address), line
        case ["version", version]:
            querier.version = whole(version)


def _route(switch: Switch, line: int, words: list[str]) -> None:
    prefix: Subnet | None = None
    if words and "/" in words[0]:
        prefix, words = slashed(words[0]), words[1:]
    elif len(words) >= 2:
        prefix, words = subnet(words[0], words[1]), words[2:]
    if prefix is None or not words:
        return
    hops = [value for value in map(number, words) if value is not None]
    blackhole = words[0].lower() == "null0"
    interface = "" if number(words[0]) is not None or blackhole else words[0]
    switch.routes.append(
        Route(line, prefix, hops[0] if hops else None, interface, blackhole=blackhole)
    )


def _mlag(switch: Switch, section: Section, words: list[str]) -> None:
    if words[1:2] != ["configuration"]:
        return
    found = switch.mlag = Mlag(line=section.line)
    for line, _, text in section.body:
        match text.split():
            case ["domain-id", domain]:
                found.domain, found.at["domain"] = domain, line
            case ["local-interface", interface]:
                found.interface, found.at["interface"] = interface, line
            case ["peer-address", address]:
                found.peer, found.at["peer"] = number(address), line
            case ["peer-link", link]:
                found.link, found.at["link"] = link.lower(), line


def _address(switch: Switch, section: Section, words: list[str]) -> None:
    """EOS: `address locking` names the ports that DHCP servers may stand behind."""
    if words != ["address", "locking"]:
        return
    for line, _, text in section.body:
        match text.split():
            case ["dhcp", "server", "interface", name]:
                key = name.lower() if name[:4].lower() == "port" else name
                switch.dhcp_ports[key] = line


def _system(switch: Switch, section: Section, words: list[str]) -> None:
    match words:
        case ["system", "mtu", size]:
            switch.system_mtu = whole(size) or switch.system_mtu
            switch.system_mtu_line = section.line


def _uses(switch: Switch, section: Section, _: list[str]) -> None:
    """Sections that name access lists for logins: `line vty`, `management ssh`."""
    for line, _depth, text in section.body:
        match text.split():
            case ["ip", "access-group", name, "in"] | ["access-class", name, "in", *_]:
                switch.acl_uses.append((name, line))


def _snmp(switch: Switch, section: Section, words: list[str]) -> None:
    match words:
        case ["snmp-server", "ipv4", "access-list", name]:
            switch.acl_uses.append((name, section.line))
        case ["snmp-server", "group", *_, "access", name]:
            switch.acl_uses.append((name, section.line))


def _ntp(switch: Switch, section: Section, words: list[str]) -> None:
    match words:
        case ["ntp", "access-group", _, name]:
            switch.acl_uses.append((name, section.line))


# --- access lists ------------------------------------------------------------------------------


def _acl(switch: Switch, section: Section, name: str, *, standard: bool) -> None:
    acl = switch.acls[name] = Acl(name=name, line=section.line, standard=standard)
    reason = ""
    for line, _, text in section.body:
        numbered = _NUMBERED.fullmatch(text)
        sequence = int(numbered[1]) if numbered else 0
        rest = numbered[2] if numbered else text
        if rest.startswith("remark "):
            reason = rest[7:].strip()
            continue
        found = _entry(rest, standard=standard)
        if found is None:
            acl.unread.append(line)
            continue
        permit, protocol, ends, established = found
        acl.entries.append(
            Entry(line, sequence, permit, protocol, *ends, established, rest, reason)
        )


_Ends = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]


@lru_cache(maxsize=4096)
def _entry(text: str, *, standard: bool) -> tuple[bool, int | None, _Ends, bool] | None:
    """Action, protocol, the two ends with their ports, `established`; None: not understood."""
    words = text.split()
    if not words or words[0] not in ("permit", "deny"):
        return None
    permit = words[0] == "permit"
    if standard:
        source, rest = _end(words[1:])
        if source is None or any(word != "log" for word in rest):
            return None
        return permit, None, (source, ANY_PORT, ANY, ANY_PORT), False
    if len(words) < 4:
        return None
    protocol = None if words[1] == "ip" else PROTOCOLS.get(words[1], whole(words[1]))
    if protocol is None and words[1] != "ip":
        return None
    source, rest = _end(words[2:])
    source_ports, rest = _ports(rest)
    destination, rest = _end(rest)
    destination_ports, rest = _ports(rest)
    if source is None or source_ports is None or destination is None or destination_ports is None:
        return None
    if any(word not in ("established", "log") for word in rest):
        return None
    ends = (source, source_ports, destination, destination_ports)
    return permit, protocol, ends, "established" in rest


def _end(words: list[str]) -> tuple[tuple[int, int] | None, list[str]]:
    """An address, a prefix, or any: as a span, with the words after it."""
    if not words:
        return None, words
    if words[0] == "any":
        return ANY, words[1:]
    if words[0] == "host" and len(words) > 1:
        value = number(words[1])
        return (None if value is None else (value, value)), words[2:]
    if "/" in words[0]:
        prefix = slashed(words[0])
        return (None if prefix is None else (prefix.first, prefix.last)), words[1:]
    value = number(words[0])
    if value is None:
        return None, words
    wild = number(words[1]) if len(words) > 1 else None
    if wild is None:
        return (value, value), words[1:]
    if wild & (wild + 1):  # a wildcard with holes: no span says that
        return None, words
    return (value & ~wild, value | wild), words[2:]


def _ports(words: list[str]) -> tuple[tuple[int, int] | None, list[str]]:
    """Ports after an end: as a span, with the words after them; none written: every port."""
    match words:
        case ["eq", one, *rest]:
            value = _port(one)
            return (None if value is None else (value, value)), rest
        case ["range", low, high, *rest]:
            first, last = _port(low), _port(high)
            if first is None or last is None or first > last:
                return None, rest
            return (first, last), rest
        case ["gt", one, *rest]:
            value = _port(one)
            return (None if value is None or value == 65535 else (value + 1, 65535)), rest
        case ["lt", one, *rest]:
            value = _port(one)
            return (None if not value else (0, value - 1)), rest
    return ANY_PORT, words


def _port(text: str) -> int | None:
    value = whole(text)
    if value is None:
        return PORT_NAMES.get(text)
    return value if value <= 65535 else None


_HANDLERS = {
    "vlan": _vlan,
    "spanning-tree": _spanning_tree,
    "no": _no,
    "ip": _ip,
    "mlag": _mlag,
    "address": _address,
    "system": _system,
    "line": _uses,
    "management": _uses,
    "snmp-server": _snmp,
    "ntp": _ntp,
}
