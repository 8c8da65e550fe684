"""Both ends of a site's tunnels: the plan of its stack against the text of its firewalls.

The text is read by `sitekit.crosscheck`, which shares nothing with what renders it; the plan is
what Azure would be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..findings import Finding, Severity

if TYPE_CHECKING:
    from ..cloud import StackPlan
    from ..load.organisation import SiteInputs
    from ..render import Artifact


def differences(
    inputs: SiteInputs, plan: StackPlan, files: Sequence[Artifact]
) -> Iterator[Finding]:
    """A finding for each thing that the two ends of a tunnel do not have in common."""
    from ..crosscheck.standard import AZURE
    from ..render.secrets import references

    texts = [a.text for a in files if a.path.suffix == ".conf"]
    written = {reference for text in texts for reference in references(text)}
    wanted = {
        "ikeEncryption": AZURE.ike_encryption,
        "ikeIntegrity": AZURE.ike_integrity,
        "dhGroup": AZURE.dh_group,
        "ipsecEncryption": AZURE.ipsec_encryption,
        "ipsecIntegrity": AZURE.ipsec_integrity,
        "pfsGroup": AZURE.pfs_group,
        "saLifeTimeSeconds": AZURE.sa_lifetime_seconds,
    }
    for name, policy, key in connections(plan):
        for word, value in wanted.items():
            if policy.get(word) != value:
                yield _finding(
                    inputs,
                    f"{name}: Azure would have {word} {policy.get(word)}, the firewall's text has "
                    f"{value}",
                    "design and templates disagree about the proposal of the tunnel",
                )
        if key not in written:
            yield _finding(
                inputs,
                f"{name}: Azure would take the key {key}, and no firewall of the site has it",
                "render the site again; settings.vpn.psk names the key of both ends",
            )
    for name, address in addresses(plan):
        if not any(f" {address} " in text or f" {address}\n" in text for text in texts):
            yield _finding(
                inputs,
                f"{name}: Azure would expect the site at {address}, and no firewall has it",
                "render the site again after a change of an uplink's address",
            )


def connections(plan: StackPlan) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Every tunnel of a plan: its name, its policy, and the reference of its key."""
    for spec in plan.specs:
        inputs: Mapping[str, Any] = spec.inputs
        if spec.type.endswith(":VpnConnection"):
            for link in inputs["vpnLinkConnections"]:
                yield link["name"], link["ipsecPolicies"][0], link["sharedKey"].reference
        elif spec.type.endswith(":VirtualNetworkGatewayConnection"):
            yield spec.name, inputs["ipsecPolicies"][0], inputs["sharedKey"].reference


def addresses(plan: StackPlan) -> Iterator[tuple[str, str]]:
    """Every line of a plan with its public address."""
    for spec in plan.specs:
        inputs: Mapping[str, Any] = spec.inputs
        if spec.type.endswith(":VpnSite"):
            for link in inputs["vpnSiteLinks"]:
                yield link["name"], link["ipAddress"]
        elif spec.type.endswith(":LocalNetworkGateway"):
            yield spec.name, inputs["gatewayIpAddress"]


def _finding(inputs: SiteInputs, message: str, remedy: str) -> Finding:
    return Finding(
        rule="cloud-tunnel-ends",
        severity=Severity.ERROR,
        subject=inputs.code,
        message=message,
        remedy=remedy,
        place=inputs.place("uplinks"),
    )
