# ruff: noqa: E501
"""How EOS lines are read as facts of pyavd's structured configuration.

A form is a pattern of a whole line and where its values belong. Reading decides nothing: what was
read is spelt again by pyavd, and only a line that comes back the same counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Facts = dict[str, Any]
Form = tuple[str, Callable[..., Any]]

ADDR = r"\d+\.\d+\.\d+\.\d+"
NET = ADDR + r"/\d+"
SIDE = rf"(any|host {ADDR}|{NET})"
PORT = r"(?: (eq \d+|range \d+ \d+))?"
LISTS = {
    "Ethernet": "ethernet_interfaces",
    "Port-Channel": "port_channel_interfaces",
    "Vlan": "vlan_interfaces",
    "Management": "management_interfaces",
}


def put(facts: Facts, path: list[str], value: Any) -> None:
    """Write a value at a path; lists and mappings grow."""
    for key in path[:-1]:
        facts = facts.setdefault(key, {})
    if isinstance(value, list):
        facts.setdefault(path[-1], []).extend(value)
    elif isinstance(value, dict):
        facts.setdefault(path[-1], {}).update(value)
    else:
        facts[path[-1]] = value


def item(facts: Facts, key: str, name: Facts, /, **more: Any) -> Facts:
    """The entry of a list with this name, made when it is new."""
    entries = facts.setdefault(key, [])
    ((field, value),) = name.items()
    for entry in entries:
        if entry.get(field) == value:
            entry.update(more)
            found: Facts = entry
            return found
    entry = {**name, **more}
    entries.append(entry)
    return entry


def acl_entry(
    access_list: Facts, seq: str, action: str, protocol: str, source: str, source_port: str | None,
    destination: str, destination_port: str | None, established: str | None, log: str | None,
) -> None:  # fmt: skip
    """One entry of an extended access list."""
    entry: Facts = {
        "sequence": int(seq),
        "action": action,
        "protocol": protocol,
        "source": source.removeprefix("host "),
        "destination": destination.removeprefix("host "),
    }
    for side, port in (("source", source_port), ("destination", destination_port)):
        if port:
            entry[side + "_ports_match"], *entry[side + "_ports"] = port.split()
    if established:
        entry["tcp_flags"] = ["established"]
    if log:
        entry["log"] = True
    access_list.setdefault("entries", []).append(entry)


def top(sc: Facts) -> list[Form]:
    """Lines that stand alone."""
    return [
        (r"no aaa root", lambda: put(sc, ["aaa_root", "disabled"], True)),
        (r"no username admin", lambda: item(sc, "local_users", {"name": "admin"}, disabled=True)),
        (
            r"errdisable recovery cause (bpduguard|link-flap)",
            lambda c: put(
                sc, ["errdisable", "recovery_cause", c.replace("-", "_")], {"enabled": True}
            ),
        ),
        (
            r"errdisable recovery interval (\d+)",
            lambda n: put(sc, ["errdisable", "recovery_interval"], int(n)),
        ),
        (
            r"ip igmp snooping vlan (\d+) querier",
            lambda v: (
                item(sc.setdefault("ip_igmp_snooping", {}), "vlans", {"id": int(v)})
                .setdefault("querier", {})
                .update(enabled=True)
            ),
        ),
        (
            rf"ip igmp snooping vlan (\d+) querier address ({ADDR})",
            lambda v, a: (
                item(sc.setdefault("ip_igmp_snooping", {}), "vlans", {"id": int(v)})
                .setdefault("querier", {})
                .update(address=a)
            ),
        ),
        (
            r"ip igmp snooping vlan (\d+) querier version ([123])",
            lambda v, n: (
                item(sc.setdefault("ip_igmp_snooping", {}), "vlans", {"id": int(v)})
                .setdefault("querier", {})
                .update(version=int(n))
            ),
        ),
        (
            r"transceiver qsfp default-mode 4x10G",
            lambda: put(sc, ["transceiver_qsfp_default_mode_4x10"], True),
        ),
        (
            r"service routing protocols model (multi-agent)",
            lambda m: put(sc, ["service_routing_protocols_model"], m),
        ),
        (
            r"logging event storm-control discards global",
            lambda: put(sc, ["logging", "event", "storm_control", "discards", "global"], True),
        ),
        (
            r"logging buffered (\d+) (\w+)",
            lambda n, level: put(sc, ["logging", "buffered"], {"size": int(n), "level": level}),
        ),
        (r"logging trap (\w+)", lambda level: put(sc, ["logging", "trap"], level)),
        (
            rf"logging host ({ADDR}) (\d+) protocol tls ssl-profile (\S+)",
            lambda h, p, s: item(
                item(sc.setdefault("logging", {}), "vrfs", {"name": "default"}),
                "hosts",
                {"name": h},
                protocol="tls",
                ports=[int(p)],
                ssl_profile=s,
            ),
        ),
        (
            r"logging format timestamp (high-resolution)",
            lambda t: put(sc, ["logging", "format", "timestamp"], t),
        ),
        (r"logging format rfc5424", lambda: put(sc, ["logging", "format", "rfc5424"], True)),
        (
            r"logging format hostname (fqdn|ipv4)",
            lambda h: put(sc, ["logging", "format", "hostname"], h),
        ),
        (
            r"logging local-interface (Vlan\d+)",
            lambda i: put(sc, ["logging", "local_interface"], i),
        ),
        (r"hostname ([a-zA-Z0-9.-]{1,64})", lambda h: put(sc, ["hostname"], h)),
        (
            rf"ip name-server vrf (\S+) ({ADDR})",
            lambda v, a: item(
                item(sc.setdefault("ip_name_server", {}), "vrfs", {"name": v}),
                "servers",
                {"ip_address": a},
            ),
        ),
        (r"dns domain (\S+)", lambda d: put(sc, ["dns_domain"], d)),
        (r"ptp domain (\d+)", lambda n: put(sc, ["ptp", "domain"], int(n))),
        (r"ptp mode (\w+)", lambda m: put(sc, ["ptp", "mode"], m)),
        (r"ptp forward-v1", lambda: put(sc, ["ptp", "forward_v1"], True)),
        (
            r"snmp-server ipv4 access-list (\S+)",
            lambda a: item(sc.setdefault("snmp_server", {}), "ipv4_acls", {"name": a}),
        ),
        (r"snmp-server (contact|location) (.+)", lambda k, t: put(sc, ["snmp_server", k], t)),
        (
            r"snmp-server local-interface (\S+)",
            lambda i: item(sc.setdefault("snmp_server", {}), "local_interfaces", {"name": i}),
        ),
        (
            r"snmp-server view (\S+) (\S+) included",
            lambda v, m: item(
                sc.setdefault("snmp_server", {}),
                "views",
                {"name": v},
                mib_family_name=m,
                included=True,
            ),
        ),
        (
            r"snmp-server group (\S+) v3 priv read (\S+)",
            lambda g, v: item(
                sc.setdefault("snmp_server", {}),
                "groups",
                {"name": g},
                version="v3",
                authentication="priv",
                read=v,
            ),
        ),
        (
            r"snmp-server user (\S+) (\S+) v3 auth (sha256|sha|sha512) (\S+) priv (aes|aes192|aes256) (\S+)",
            lambda u, g, a, x, p, y: item(
                sc.setdefault("snmp_server", {}),
                "users",
                {"name": u},
                group=g,
                version="v3",
                auth=a,
                auth_passphrase=x,
                priv=p,
                priv_passphrase=y,
            ),
        ),
        (
            rf"snmp-server host ({ADDR}) version 3 priv (\S+)",
            lambda h, u: item(
                sc.setdefault("snmp_server", {}),
                "hosts",
                {"host": h},
                version="3",
                users=[{"username": u, "authentication_level": "priv"}],
            ),
        ),
        (r"snmp-server enable traps", lambda: put(sc, ["snmp_server", "traps", "enable"], True)),
        (r"spanning-tree mode (\S+)", lambda m: put(sc, ["spanning_tree", "mode"], m)),
        (
            r"no spanning-tree vlan-id (\d+)",
            lambda v: put(sc, ["spanning_tree", "no_spanning_tree_vlan"], v),
        ),
        (
            r"spanning-tree edge-port bpduguard default",
            lambda: put(sc, ["spanning_tree", "edge_port", "bpduguard_default"], True),
        ),
        (
            r"spanning-tree mst (\d+) priority (\d+)",
            lambda i, p: item(
                sc.setdefault("spanning_tree", {}), "mst_instances", {"id": i}, priority=int(p)
            ),
        ),
        (r"clock timezone (\S+)", lambda z: put(sc, ["clock", "timezone"], z)),
        (
            r"radius-server attribute 32 include-in-access-req hostname",
            lambda: put(
                sc, ["radius_server", "attribute_32_include_in_access_req", "hostname"], True
            ),
        ),
        (
            rf"radius-server host ({ADDR}) timeout (\d+) retransmit (\d+) key (0|7|8a) (\S+)",
            lambda h, t, r, k, v: item(
                sc.setdefault("radius_server", {}),
                "servers",
                {"host": h},
                timeout=int(t),
                retransmit=int(r),
                key_type=k,
                key=v,
            ),
        ),
        (
            r"aaa authentication login (default|console) (group \S+ local|local)",
            lambda w, m: put(sc, ["aaa_authentication", "login", w], m),
        ),
        (
            r"aaa authentication dot1x default (group \S+)",
            lambda m: put(sc, ["aaa_authentication", "dot1x", "default"], m),
        ),
        (
            r"aaa authentication policy on-(success|failure) log",
            lambda w: put(sc, ["aaa_authentication", "policies", f"on_{w}_log"], True),
        ),
        (
            r"aaa authentication policy lockout failure (\d+) window (\d+) duration (\d+)",
            lambda f, w, d: put(
                sc,
                ["aaa_authentication", "policies", "lockout"],
                {"failure": int(f), "window": int(w), "duration": int(d)},
            ),
        ),
        (
            r"aaa authorization exec default (group \S+ local)",
            lambda m: put(sc, ["aaa_authorization", "exec", "default"], m),
        ),
        (
            r"aaa accounting (exec|system|dot1x) default start-stop group (\S+)",
            lambda w, g: put(
                sc,
                ["aaa_accounting", w, "default"],
                {"type": "start-stop", "methods": [{"method": "group", "group": g}]},
            ),
        ),
        (
            r"aaa accounting commands all default start-stop logging",
            lambda: put(
                sc,
                ["aaa_accounting", "commands", "default"],
                [{"commands": "all", "type": "start-stop", "methods": [{"method": "logging"}]}],
            ),
        ),
        (r"(no )?ip routing", lambda n: put(sc, ["ip_routing"], not n)),
        (
            rf"ip route ({NET}) ({ADDR}|Null0)(?: (\d+))?",
            lambda p, n, d: sc.setdefault("static_routes", []).append(
                {
                    k: v
                    for k, v in {
                        "prefix": p,
                        "next_hop": None if n == "Null0" else n,
                        "interface": "Null0" if n == "Null0" else None,
                        "distance": d and int(d),
                    }.items()
                    if v
                }
            ),
        ),
        (
            r"ntp authentication-key (\d+) (sha1|md5) (0|7|8a) (\S+)",
            lambda i, h, t, k: item(
                sc.setdefault("ntp", {}),
                "authentication_keys",
                {"id": int(i)},
                hash_algorithm=h,
                key_type=t,
                key=k,
            ),
        ),
        (r"ntp trusted-key (\S+)", lambda k: put(sc, ["ntp", "trusted_keys"], k)),
        (r"ntp authenticate", lambda: put(sc, ["ntp", "authenticate"], True)),
        (r"ntp local-interface (\S+)", lambda i: put(sc, ["ntp", "local_interface", "name"], i)),
        (
            rf"ntp server ({ADDR})( prefer)? iburst key (\d+)",
            lambda s, p, k: item(
                sc.setdefault("ntp", {}),
                "servers",
                {"name": s},
                preferred=bool(p),
                iburst=True,
                key=int(k),
            ),
        ),
        (
            r"qos map dscp ([\d ]+ to traffic-class [0-7])",
            lambda m: put(sc, ["qos", "map", "dscp"], [m]),
        ),
        (
            r"ip radius source-interface (\S+)",
            lambda i: item(sc, "ip_radius_source_interfaces", {"name": i}),
        ),
        (
            r"ip virtual-router mac-address (([0-9a-f]{2}:){5}[0-9a-f]{2})",
            lambda m, _: put(sc, ["ip_virtual_router_mac_address"], m),
        ),
        (r"dot1x system-auth-control", lambda: put(sc, ["dot1x", "system_auth_control"], True)),
        (r"dot1x protocol lldp bypass", lambda: put(sc, ["dot1x", "protocol_lldp_bypass"], True)),
        (r"dot1x dynamic-authorization", lambda: put(sc, ["dot1x", "dynamic_authorization"], True)),
        (r"address locking", lambda: put(sc, ["address_locking"], {})),
        (r"management (console|security|ssh)", lambda m: put(sc, ["management_" + m], {})),
        (r"mlag configuration", lambda: put(sc, ["mlag_configuration"], {})),
        (r"dot1x", lambda: put(sc, ["dot1x"], {})),
        (
            r"aaa group server radius (\S+)",
            lambda g: item(sc, "aaa_server_groups", {"name": g}, type="radius"),
        ),
        (r"vlan (\d+)", lambda v: item(sc, "vlans", {"id": int(v)})),
        (
            r"ip access-list standard (\S+)",
            lambda a: item(sc, "standard_access_lists", {"name": a}),
        ),
        (r"ip access-list (\S+)", lambda a: item(sc, "ip_access_lists", {"name": a})),
        (
            r"interface (Ethernet\d+(?:/\d+)?)",
            lambda i: item(sc, "ethernet_interfaces", {"name": i}),
        ),
        (
            r"interface (Port-Channel\d+)",
            lambda i: item(sc, "port_channel_interfaces", {"name": i}),
        ),
        (r"interface (Vlan\d+)", lambda i: item(sc, "vlan_interfaces", {"name": i})),
        (
            r"interface (Management\d+)",
            lambda i: item(sc, "management_interfaces", {"name": i}, type="oob"),
        ),
    ]


def interface(x: Facts) -> list[Form]:
    """Lines of an interface."""

    def u(*p: str) -> Callable[[Any], None]:
        return lambda v: put(x, list(p), v)

    def t(*p: str) -> Callable[[], None]:
        return lambda: put(x, list(p), True)

    def sp(*p: str) -> list[str]:
        return ["switchport", *p]

    return [
        (r"description (.{1,240})", u("description")),
        (r"shutdown", lambda: put(x, ["shutdown"], True)),
        (r"speed (.+)", u("speed")),
        (r"flowcontrol receive (on)", u("flowcontrol", "received")),
        (
            r"channel-group (\d+) mode (active)",
            lambda n, m: put(x, ["channel_group"], {"id": int(n), "mode": m}),
        ),
        (
            r"switchport trunk native vlan (\d+)",
            lambda v: put(x, sp("trunk", "native_vlan"), int(v)),
        ),
        (r"switchport trunk allowed vlan ([\d,-]+)", u(*sp("trunk", "allowed_vlan"))),
        (r"switchport mode (trunk phone|trunk|access)", u(*sp("mode"))),
        (r"switchport trunk group (\S+)", lambda g: put(x, sp("trunk", "groups"), [g])),
        (r"switchport phone vlan (\d+)", lambda v: put(x, sp("phone", "vlan"), int(v))),
        (r"switchport phone trunk (untagged|tagged)", u(*sp("phone", "trunk"))),
        (r"switchport access vlan (\d+)", lambda v: put(x, sp("access_vlan"), int(v))),
        (r"address locking", lambda: None),
        (r"poe disabled", t("poe", "disabled")),
        (r"ptp enable", t("ptp", "enable")),
        (
            r"ptp announce interval (-?\d)",
            lambda v: put(x, ["ptp", "announce", "interval"], int(v)),
        ),
        (r"ptp announce timeout (\d)", lambda v: put(x, ["ptp", "announce", "timeout"], int(v))),
        (r"ptp delay-req interval (-?\d)", lambda v: put(x, ["ptp", "delay_req"], int(v))),
        (
            r"ptp sync-message interval (-?\d)",
            lambda v: put(x, ["ptp", "sync_message", "interval"], int(v)),
        ),
        (r"ptp transport (ipv4)", u("ptp", "transport")),
        (r"qos trust (dscp)", u("qos", "trust")),
        (
            r"storm-control (broadcast|multicast) level (\d+)",
            lambda k, v: put(x, ["storm_control", k], {"level": v}),
        ),
        (r"spanning-tree portfast", lambda: put(x, ["spanning_tree_portfast"], "edge")),
        (r"spanning-tree bpduguard enable", lambda: put(x, ["spanning_tree_bpduguard"], "enabled")),
        (r"spanning-tree guard (root)", u("spanning_tree_guard")),
        (r"mlag (\d+)", lambda n: put(x, ["mlag"], int(n))),
        (r"dot1x pae (authenticator)", u("dot1x", "pae", "mode")),
        (
            r"dot1x authentication failure action traffic allow vlan (\d+)",
            lambda v: put(
                x, ["dot1x", "authentication_failure"], {"action": "allow", "allow_vlan": int(v)}
            ),
        ),
        (r"dot1x reauthentication", t("dot1x", "reauthentication")),
        (r"dot1x port-control (auto)", u("dot1x", "port_control")),
        (
            r"dot1x host-mode multi-host authenticated",
            lambda: put(
                x, ["dot1x", "host_mode"], {"mode": "multi-host", "multi_host_authenticated": True}
            ),
        ),
        (r"dot1x mac based authentication", t("dot1x", "mac_based_authentication", "enabled")),
        (
            r"dot1x timeout tx-period (\d+)",
            lambda v: put(x, ["dot1x", "timeout", "tx_period"], int(v)),
        ),
        (r"dot1x timeout reauth-period (server)", u("dot1x", "timeout", "reauth_period")),
        (
            r"dot1x reauthorization request limit (\d+)",
            lambda v: put(x, ["dot1x", "reauthorization_request_limit"], int(v)),
        ),
        (
            r"dot1x aaa unresponsive phone action traffic allow",
            t("dot1x", "aaa", "unresponsive", "phone_action", "traffic_allow"),
        ),
        (
            r"dot1x aaa unresponsive action traffic allow vlan (\d+)",
            lambda v: put(
                x, ["dot1x", "aaa", "unresponsive", "action", "traffic_allow_vlan"], int(v)
            ),
        ),
        (r"dot1x eapol disabled", t("dot1x", "eapol", "disabled")),
        (r"mtu (\d+)", lambda v: put(x, ["mtu"], int(v))),
        (rf"ip address ({NET})", u("ip_address")),
        (r"no autostate", t("no_autostate")),
        (rf"ip helper-address ({ADDR})", lambda a: item(x, "ip_helpers", {"ip_helper": a})),
        (r"ip access-group (\S+) in", u("access_group_in")),
        (
            rf"ip virtual-router address ({ADDR})",
            lambda a: put(x, ["ip_virtual_router_addresses"], [a]),
        ),
    ]


def below(sc: Facts, ctx: tuple[str, ...]) -> list[Form]:
    """Lines that stand under others."""
    h = ctx[0]
    if m := re.fullmatch(r"interface ((Ethernet|Port-Channel|Vlan|Management)\S+)", h):
        key = LISTS[m[2]]
        x = item(sc, key, {"name": m[1]})
        if ctx[1:] == ("address locking",):
            return [
                (
                    r"locked-address ipv4 enforcement disabled",
                    lambda: put(x, ["address_locking", "ipv4_enforcement_disabled"], True),
                ),
                (
                    r"address-family (ipv4|ipv6)",
                    lambda f: put(x, ["address_locking", "address_family", f], True),
                ),
            ]
        if len(ctx) == 1:
            return interface(x)
    if h == "address locking":
        return [
            (
                r"dhcp server interface (\S+)",
                lambda i: put(sc, ["address_locking", "dhcp_server_interfaces"], [i]),
            ),
            (
                r"local-interface (\S+)",
                lambda i: put(sc, [h.replace(" ", "_"), "local_interface"], i),
            ),
            (
                rf"dhcp server ipv4 ({ADDR})",
                lambda a: put(sc, ["address_locking", "dhcp_servers_ipv4"], [a]),
            ),
            (
                r"locked-address (ipv4|ipv6) enforcement disabled",
                lambda f: put(
                    sc, ["address_locking", "locked_address", f + "_enforcement_disabled"], True
                ),
            ),
        ]
    if m := re.fullmatch(r"vlan (\d+)", h):
        x = item(sc, "vlans", {"id": int(m[1])})
        return [
            (r"name (\S{1,32})", lambda n: x.update(name=n)),
            (r"trunk group (\S+)", lambda g: put(x, ["trunk_groups"], [g])),
        ]
    if h == "management console":
        return [
            (
                r"idle-timeout (\d+)",
                lambda n: put(sc, ["management_console", "idle_timeout"], int(n)),
            )
        ]
    if h == "management security":
        if len(ctx) == 2:
            x = item(sc["management_security"], "ssl_profiles", {"name": ctx[1].split()[-1]})
            return [
                (r"tls versions (.+)", lambda v: x.update(tls_versions=v)),
                (
                    r"trust certificate (\S+)",
                    lambda c: put(x, ["trust_certificate", "certificates"], [c]),
                ),
            ]
        return [
            (
                r"password minimum length (\d+)",
                lambda n: put(sc, ["management_security", "password", "minimum_length"], int(n)),
            ),
            (
                r"ssl profile (\S+)",
                lambda n: item(sc["management_security"], "ssl_profiles", {"name": n}),
            ),
        ]
    if h.startswith("aaa group server"):
        x = item(sc, "aaa_server_groups", {"name": h.split()[-1]})
        return [(rf"server ({ADDR})", lambda a: put(x, ["servers"], [{"server": a}]))]
    if h == "dot1x":
        return [
            (
                r"aaa unresponsive recovery action reauthenticate",
                lambda: put(
                    sc, ["dot1x", "aaa", "unresponsive", "recovery_action_reauthenticate"], True
                ),
            )
        ]
    if h.startswith("ip access-list standard"):
        x = item(sc, "standard_access_lists", {"name": h.split()[-1]})
        return [
            (
                rf"(\d+) (permit|deny) (?:host )?({ADDR}|{NET})",
                lambda s, a, v: x.setdefault("entries", []).append(
                    {"sequence": int(s), "action": a, "source": v}
                ),
            )
        ]
    if h.startswith("ip access-list"):
        x = item(sc, "ip_access_lists", {"name": h.split()[-1]})
        return [
            (
                r"(\d+) remark (.+)",
                lambda s, t: x.setdefault("entries", []).append({"sequence": int(s), "remark": t}),
            ),
            (
                rf"(\d+) (permit|deny) (ip|tcp|udp|icmp|esp|gre) {SIDE}{PORT} {SIDE}{PORT}( established)?( log)?",
                lambda *a: acl_entry(x, *a),
            ),
        ]
    if h == "mlag configuration":
        return [
            (r"domain-id (\S+)", lambda v: put(sc, ["mlag_configuration", "domain_id"], v)),
            (
                r"local-interface (\S+)",
                lambda v: put(sc, ["mlag_configuration", "local_interface"], v),
            ),
            (
                rf"peer-address ({ADDR})",
                lambda v: put(sc, ["mlag_configuration", "peer_address"], v),
            ),
            (r"peer-link (\S+)", lambda v: put(sc, ["mlag_configuration", "peer_link"], v)),
            (
                r"reload-delay (mlag|non-mlag) (\d+)",
                lambda k, v: put(
                    sc, ["mlag_configuration", "reload_delay_" + k.replace("-", "_")], v
                ),
            ),
        ]
    if h == "management ssh":
        return [
            (
                r"ip access-group (\S+) in",
                lambda a: put(sc, ["management_ssh", "ip_access_group_in"], a),
            ),
            (r"idle-timeout (\d+)", lambda n: put(sc, ["management_ssh", "idle_timeout"], int(n))),
            (
                r"(cipher|key-exchange|mac) (.+)",
                lambda k, v: put(sc, ["management_ssh", k.replace("-", "_")], v.split()),
            ),
            (
                r"connection limit (\d+)",
                lambda n: put(sc, ["management_ssh", "connection", "limit"], int(n)),
            ),
            (
                r"authentication empty-passwords (deny)",
                lambda w: put(sc, ["management_ssh", "authentication", "empty_passwords"], w),
            ),
            (
                r"client-alive (interval|count-max) (\d+)",
                lambda k, v: put(
                    sc, ["management_ssh", "client_alive", k.replace("-", "_")], int(v)
                ),
            ),
        ]
    return []
