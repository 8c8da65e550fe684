"""The catalogue of the checks on rendered text: what each is called, how bad, what to do.

A finding here is mostly a defect of a template, of a hand-edited file or of a catalogue entry: the
design itself has been checked before. The remedy says which text to correct.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import Place
from ..findings import Finding, Severity

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO


class Check(NamedTuple):
    """A kind of finding."""

    title: str
    severity: Severity
    remedy: str


CHECKS: dict[str, Check] = {
    # --- cables, trunks, aggregates ---
    "cross-cable": Check(
        "The two ends of a cable name each other",
        _E,
        "correct the description of the end that is wrong, or the port map",
    ),
    "cross-trunk-mode": Check(
        "Both ends of a link between devices are trunks",
        _E,
        "make both ends trunks with the same VLANs",
    ),
    "cross-trunk-vlan": Check(
        "A VLAN is carried by both ends of a trunk",
        _E,
        "allow the VLAN at both ends, or at neither",
    ),
    "cross-native-vlan": Check(
        "Both ends of a trunk have the same native VLAN, and no traffic in it",
        _E,
        "give both ends the same native VLAN, one that no network uses",
    ),
    "cross-vlan-undefined": Check(
        "A VLAN that a port or a querier names is defined on its switch",
        _E,
        "define the VLAN on the switch, or take it off the port",
    ),
    "cross-vlan-name": Check(
        "A VLAN has one name at the whole site",
        _W,
        "give the VLAN the same name on every switch",
    ),
    "cross-vlan-cut": Check(
        "A VLAN reaches its gateway and all of its ports",
        _E,
        "carry the VLAN on every link between its ports and its gateway",
    ),
    "cross-lag": Check(
        "The members of an aggregate agree, and its two ends are the same aggregate",
        _E,
        "put the same ports into one LACP aggregate at both ends, with equal VLANs",
    ),
    "cross-mlag": Check(
        "The two switches of an MLAG pair say the same of what they share",
        _E,
        "write the same MLAG numbers, trunks and addresses on both switches",
    ),
    "cross-loop": Check(
        "Wherever links form a loop, every switch of it runs spanning tree",
        _E,
        "switch spanning tree on, without exceptions for VLANs that the links carry",
    ),
    "cross-stp": Check(
        "Spanning tree runs everywhere, with one root, and no edge towards a switch",
        _E,
        "leave it on, the lowest priority on the core alone, edge ports to hosts only",
    ),
    "cross-stp-mixed": Check(
        "All switches of a site run one kind of spanning tree",
        _W,
        "run MSTP on all of them, or switches of one vendor: per-VLAN trees of Cisco and MSTP "
        "understand each other in the native VLAN only",
    ),
    "cross-querier": Check(
        "Every media VLAN has exactly one IGMP querier, inside its prefix",
        _E,
        "let one switch ask, with an address of the VLAN, and leave snooping on",
    ),
    # --- addresses and routes ---
    "cross-address-twice": Check(
        "An address belongs to one thing",
        _E,
        "give one of the two another address",
    ),
    "cross-prefix": Check(
        "Prefixes of different VLANs do not overlap, and a VLAN has one prefix",
        _E,
        "write the prefix of the address plan on every interface of the VLAN",
    ),
    "cross-plan": Check(
        "The address plan and the configurations say the same",
        _E,
        "render documents and configurations together",
    ),
    "cross-gateway-absent": Check(
        "The gateway of every network is on an interface",
        _E,
        "put the gateway's address on the interface of its VLAN",
    ),
    "cross-gateway-outside": Check(
        "A gateway is inside the prefix of those who use it",
        _E,
        "write a gateway inside the prefix",
    ),
    "cross-next-hop": Check(
        "The next hop of every route is inside a connected prefix and is somebody",
        _E,
        "route to an address that another device of the site has",
    ),
    "cross-route-missing": Check(
        "The firewall has a route to every network behind a core",
        _E,
        "add the static route towards the core",
    ),
    "cross-mtu": Check(
        "The MTU is the same at both ends of a network and fits through every switch between",
        _E,
        "write the same MTU at both ends, and switches that carry at least that",
    ),
    "cross-dhcp-missing": Check(
        "Every network with DHCP in the address plan has a server, and a relay where it is far",
        _E,
        "add the scope on the firewall, and the relay on the gateway",
    ),
    "cross-dhcp-relay": Check(
        "Every relay has a server that answers it, and every far scope a relay",
        _E,
        "relay to the firewall, whose scope names the relay's address",
    ),
    "cross-dhcp-range": Check(
        "Ranges and reservations are inside the prefix and collide with nothing",
        _E,
        "write a range inside the prefix, apart from gateways and fixed addresses",
    ),
    "cross-dhcp-option": Check(
        "The servers that DHCP hands out are machines of the site, or the firewall's own servers",
        _E,
        "hand out the address of an interface, or a server of `config system dns` or `ntp`",
    ),
    "cross-dhcp-trust": Check(
        "DHCP answers are let in from the side of the server",
        _E,
        "trust the port that leads to the firewall",
    ),
    # --- access lists of a core ---
    "cross-acl-missing": Check(
        "A core that routes filters every network whose gateway it is",
        _E,
        "put the access list inbound on the interface",
    ),
    "cross-acl-unread": Check(
        "Every line of an access list is understood by this check",
        _W,
        "write the line in the form of the templates, or check it by hand",
    ),
    "cross-acl-shadowed": Check(
        "Every line of an access list can match something",
        _W,
        "remove the line, or move it before the one that covers it",
    ),
    "cross-acl-blocks": Check(
        "The core lets through what the firewall or the policy permits, and its replies",
        _E,
        "permit it in the access list as well, or take it out of the policy",
    ),
    "cross-acl-wider": Check(
        "The core permits nothing that the firewall refuses",
        _W,
        "narrow the access list to the policy of the firewall",
    ),
    # --- firewall ---
    "cross-reference": Check(
        "Everything that is named is defined",
        _E,
        "define the object, or correct its name",
    ),
    "cross-unused": Check(
        "Every object is used",
        _W,
        "remove the object, or use it",
    ),
    "cross-zone": Check(
        "Every interface with an address is in exactly one zone, which lets nothing through inside",
        _E,
        "put the interface into one zone, with intrazone traffic denied",
    ),
    "cross-rule-any": Check(
        "No rule permits anybody everything",
        _E,
        "name the zones, the addresses and the services of the rule",
    ),
    "cross-rule-shadowed": Check(
        "Every rule decides something",
        _E,
        "remove the rule, or move it before the one that covers it",
    ),
    "cross-rule-empty": Check(
        "Every rule can match: its objects hold addresses and services",
        _E,
        "give the rule objects that hold something",
    ),
    "cross-rule-last": Check(
        "The last rule refuses and logs everything",
        _E,
        "end the policy with a rule that denies all, from any to any",
    ),
    "cross-vip": Check(
        "A published address is an uplink's and leads to a machine of the site",
        _E,
        "publish the address of an uplink, to an address of the DMZ",
    ),
    "cross-ha": Check(
        "The two firewalls of a pair have one configuration, and different priorities",
        _E,
        "render both firewalls from the same site",
    ),
    # --- tunnels ---
    "cross-vpn-proposal": Check(
        "The proposal of a tunnel is the policy of the Azure connection",
        _E,
        "write what the connection at Azure has, in both phases",
    ),
    "cross-vpn-gateway": Check(
        "Tunnels to one gateway of Azure have one address at the other end",
        _E,
        "write the address of that gateway in each of its tunnels",
    ),
    "cross-vpn-half": Check(
        "A tunnel has both phases, a zone and an uplink",
        _E,
        "write the missing half",
    ),
    "cross-bgp": Check(
        "Every BGP neighbour is reached through a tunnel and kept to its prefix lists",
        _E,
        "route the neighbour's address into its tunnel, and filter both directions",
    ),
    # --- never-rules, proved on the parsed policy ---
    "cross-never-wan-inside": Check(
        "The Internet reaches nothing but the DMZ",
        _E,
        "remove the rule, or narrow it to the DMZ",
    ),
    "cross-never-guest-private": Check(
        "Visitors reach no private address", _E, "remove the rule, or narrow its destination"
    ),
    "cross-never-content-internet": Check(
        "Content zones never reach the Internet",
        _E,
        "remove the rule: content leaves through a transfer station",
    ),
    "cross-never-dmz-content": Check(
        "The DMZ reaches content by the pixels of its broker only",
        _E,
        "narrow the rule to the broker and its service",
    ),
    "cross-never-data-io-content": Check(
        "Transfer stations never begin a conversation with content",
        _E,
        "remove the rule: content fetches and delivers, never the other way",
    ),
    "cross-never-wan-management": Check(
        "The management network is not reachable from the Internet",
        _E,
        "remove the rule",
    ),
    # --- the check itself ---
    "cross-not-read": Check(
        "Every configuration is of a syntax that this check reads",
        _I,
        "nothing to do: the other devices are checked without it",
    ),
    "cross-no-firewall": Check(
        "A site has a firewall whose text is there",
        _E,
        "render the site again",
    ),
}


@dataclass(slots=True)
class Findings:
    """What was found at one site, each thing once."""

    code: str
    found: dict[tuple[str, str, int, str], Finding] = field(default_factory=dict)

    def add(self, check: str, file: str, line: int, message: str, *, remedy: str = "") -> None:
        """Note one thing that is not as it should be."""
        kind = CHECKS[check]
        self.found.setdefault(
            (check, file, line, message),
            Finding(
                rule=check,
                severity=kind.severity,
                subject=self.code,
                message=message,
                remedy=remedy or kind.remedy,
                place=Place(file, line, 1 if line else 0),
            ),
        )

    def sorted(self) -> tuple[Finding, ...]:
        """By place."""
        return tuple(sorted(self.found.values(), key=lambda f: (f.place, f.rule, f.message)))
