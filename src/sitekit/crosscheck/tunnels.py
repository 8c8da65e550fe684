"""Checks of the tunnels to Azure and of the routes that are learned through them."""

from __future__ import annotations

from .checks import Findings
from .facts import Firewall, number
from .fortios import Node
from .networks import Networks
from .standard import AZURE, GROUPS, IKE_PROPOSALS, IPSEC_PROPOSALS


def check(networks: Networks, findings: Findings) -> None:
    """Everything about IPsec and BGP."""
    for firewall in networks.firewalls:
        first = firewall.root.table("vpn ipsec phase1-interface").entries
        second = firewall.root.table("vpn ipsec phase2-interface").entries
        halves = {node.word("phase1name") for node in second.values()}
        for name, node in first.items():
            if name not in halves:
                _half(firewall, node, name, "no second phase", findings)
            if node.word("type", "static") == "dynamic":
                continue  # for people on the road: not a connection of Azure
            _phase1(firewall, name, node, findings)
            if firewall.zone_of(name) == name:
                _half(firewall, node, name, "no zone", findings)
            uplink = firewall.legs.get(node.word("interface"))
            if uplink is not None and (uplink.down or uplink.vlan is not None):
                _half(firewall, node, name, f"no uplink ({uplink.name} is none)", findings)
        for name, node in second.items():
            phase1 = first.get(node.word("phase1name"))
            if phase1 is not None and phase1.word("type", "static") != "dynamic":
                _phase2(firewall, name, node, findings)
        _gateways(firewall, first, findings)
        _bgp(firewall, findings)


def _gateways(firewall: Firewall, first: dict[str, Node], findings: Findings) -> None:
    """`az0-fibre` and `az0-mobile` lead to one gateway over two uplinks."""
    known: dict[str, tuple[str, str]] = {}
    for name, node in first.items():
        gateway, dash, _ = name.partition("-")
        address = node.word("remote-gw")
        if not dash or not address:
            continue
        before, other = known.setdefault(gateway, (address, name))
        if before != address:
            findings.add(
                "cross-vpn-gateway",
                firewall.file,
                node.where("remote-gw"),
                f"tunnel {name} leads to {address}, tunnel {other} to the same gateway at {before}",
            )
    ends = [(address, name) for address, name in known.values()]
    for address, name in ends:
        if sum(1 for other, _ in ends if other == address) > 1:
            findings.add(
                "cross-vpn-gateway",
                firewall.file,
                first[name].where("remote-gw"),
                f"tunnel {name} leads to {address}, as a tunnel to another gateway does",
            )


def _half(firewall: Firewall, node: Node, name: str, what: str, findings: Findings) -> None:
    findings.add("cross-vpn-half", firewall.file, node.line, f"tunnel {name} has {what}")


def _compare(
    firewall: Firewall, node: Node, who: str, wanted: dict[str, tuple[str, str]], findings: Findings
) -> None:
    for key, (value, azure) in wanted.items():
        said = " ".join(node.words(key))
        if said != value:
            findings.add(
                "cross-vpn-proposal",
                firewall.file,
                node.where(key),
                f"{who} has {key} {said or 'not set'}; Azure has {azure}, which is {value}",
            )


def _phase1(firewall: Firewall, name: str, node: Node, findings: Findings) -> None:
    ike = (AZURE.ike_encryption, AZURE.ike_integrity)
    _compare(
        firewall,
        node,
        f"tunnel {name} (phase 1)",
        {
            "ike-version": ("2", "IKEv2"),
            "proposal": (
                IKE_PROPOSALS[ike],
                f"IkeEncryption {ike[0]}, IkeIntegrity {ike[1]}",
            ),
            "dhgrp": (GROUPS[AZURE.dh_group], f"DhGroup {AZURE.dh_group}"),
            "keylife": (str(AZURE.ike_lifetime_seconds), "a fixed IKE lifetime"),
        },
        findings,
    )
    interval, count = node.word("dpd-retryinterval", "20"), node.word("dpd-retrycount", "3")
    if interval.isdigit() and count.isdigit():
        silence = int(interval) * int(count)
        if node.word("dpd", "on-demand") == "disable" or silence > AZURE.dpd_timeout_seconds:
            findings.add(
                "cross-vpn-proposal",
                firewall.file,
                node.where("dpd-retryinterval", "dpd"),
                f"tunnel {name} notices a dead peer after {silence} s or not at all, Azure after "
                f"{AZURE.dpd_timeout_seconds} s",
            )
    leg = firewall.root.table("system interface").entries.get(name)
    mss = leg.word("tcp-mss") if leg else ""
    if mss != str(AZURE.tcp_mss):
        findings.add(
            "cross-vpn-proposal",
            firewall.file,
            leg.where("tcp-mss") if leg else node.line,
            f"tunnel {name} clamps the MSS at {mss or 'nothing'}, Azure wants {AZURE.tcp_mss}",
        )


def _phase2(firewall: Firewall, name: str, node: Node, findings: Findings) -> None:
    esp = (AZURE.ipsec_encryption, AZURE.ipsec_integrity)
    _compare(
        firewall,
        node,
        f"tunnel {name} (phase 2)",
        {
            "proposal": (
                IPSEC_PROPOSALS[esp],
                f"IpsecEncryption {esp[0]}, IpsecIntegrity {esp[1]}",
            ),
            "pfs": ("enable", f"PfsGroup {AZURE.pfs_group}"),
            "dhgrp": (GROUPS[AZURE.pfs_group], f"PfsGroup {AZURE.pfs_group}"),
            "keylifeseconds": (
                str(AZURE.sa_lifetime_seconds),
                f"SALifeTimeSeconds {AZURE.sa_lifetime_seconds}",
            ),
        },
        findings,
    )


def _bgp(firewall: Firewall, findings: Findings) -> None:
    bgp = firewall.root.table("router bgp")
    first = firewall.root.table("vpn ipsec phase1-interface").entries
    for neighbour, node in bgp.table("neighbor").entries.items():
        address = number(neighbour)
        paths = [
            r
            for r in firewall.routes
            if address is not None
            and r.interface in first
            and r.prefix.length > 0
            and r.prefix.holds(address)
        ]
        if not paths:
            findings.add(
                "cross-bgp",
                firewall.file,
                node.line,
                f"BGP neighbour {neighbour} is reached through no tunnel",
            )
        for key in ("prefix-list-in", "prefix-list-out"):
            if not node.word(key):
                findings.add(
                    "cross-bgp",
                    firewall.file,
                    node.line,
                    f"BGP neighbour {neighbour} has no {key}: anything is learned or told",
                )
    if bgp.table("neighbor").entries and not bgp.table("network").entries:
        findings.add(
            "cross-bgp", firewall.file, bgp.line, "BGP announces nothing: Azure has no way back"
        )
