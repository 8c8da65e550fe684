"""The guardrails, as one table: `sitekit check`, `sitekit cloud plan`, the stacks' programs and the
policy pack (`sitekit.cloud.policies`) all ask the same rules.

A rule names resources, a path inside their inputs, and what must hold there. Inputs may be a plan's
(with references and secrets in them) or an engine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..findings import Severity
from .spec import Ref, Spec

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One rule: what stands at `path` in resources of these types must satisfy `holds`."""

    name: str
    types: tuple[str, ...]
    path: str  # such as a.b[*].c; [*] is every item, .* every value
    holds: Test
    must: str  # completes "it must …"
    remedy: str
    source: str
    severity: Severity = Severity.ERROR  # a warning is advisory in the policy pack


def _is(wanted: object) -> Test:
    return lambda value: value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _among(*wanted: str) -> Test:
    return lambda value: isinstance(value, Ref) or value in wanted


def _matches(pattern: str) -> Test:
    return lambda value: re.fullmatch(pattern, str(value or "")) is not None


def _something(value: Any) -> bool:
    return bool(value)


def _closed(rule: Any) -> bool:
    """No inbound permission from everywhere."""
    if not isinstance(rule, Mapping):
        return True
    if str(rule.get("direction")) != "Inbound" or str(rule.get("access")) != "Allow":
        return True
    sources = [rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or ())]
    return not {"*", "Internet", "0.0.0.0/0", "Any"} & {str(source) for source in sources}


def _leaves_a_way_in(policy: Any) -> bool:
    """A policy that is not off leaves out the group of the break-glass accounts."""
    if not isinstance(policy, Mapping) or policy.get("state") == "disabled":
        return True
    users = (policy.get("conditions") or {}).get("users") or {}
    return bool(users.get("excludedGroups"))


_STORAGE = ("azure-native:storage:StorageAccount",)
_VAULT = ("azure-native:keyvault:Vault",)
_CONNECTIONS = ("azure-native:network:VirtualNetworkGatewayConnection",)
_BRANCHES = ("azure-native:network:VpnConnection",)
_STRONG = _among("GCMAES256", "GCMAES192", "AES256")
_ENCRYPTION = "encrypt with at least 256 bits, or GCM"
_ENDS = "leave design.vpn as it is: the firewall and Azure take the same proposal"
_SECURITY = "Microsoft cloud security benchmark v1"

GUARDRAILS: tuple[Guardrail, ...] = (
    Guardrail(
        "storage-private",
        _STORAGE,
        "allowBlobPublicAccess",
        _is(False),
        "allow no public access",
        "write allowBlobPublicAccess: false",
        f"{_SECURITY}, NS-2; built-in policy 4fa4b6c0-31ca-4c0d-b10d-24b96f62a751",
    ),
    Guardrail(
        "storage-encrypted-travel",
        _STORAGE,
        "enableHttpsTrafficOnly",
        _is(True),
        "take HTTPS alone",
        "write enableHttpsTrafficOnly: true",
        f"{_SECURITY}, DP-3; built-in policy 404c3081-a854-4457-ae30-26a93ef643f9",
    ),
    Guardrail(
        "storage-tls",
        _STORAGE,
        "minimumTlsVersion",
        _among("TLS1_2", "TLS1_3"),
        "refuse TLS before 1.2",
        "write minimumTlsVersion: TLS1_2",
        f"{_SECURITY}, DP-3",
    ),
    Guardrail(
        "storage-closed",
        _STORAGE,
        "networkRuleSet.defaultAction",
        _is("Deny"),
        "be closed to networks that no rule names",
        "write networkRuleSet: {defaultAction: Deny} and the addresses of the site",
        f"{_SECURITY}, NS-2",
    ),
    Guardrail(
        "vault-recoverable",
        _VAULT,
        "properties.enablePurgeProtection",
        _is(True),
        "be protected against purging",
        "write properties: {enablePurgeProtection: true}",
        "built-in policy 0b60c0b2-2dc2-4e1c-b5c9-abbed971de53",
    ),
    Guardrail(
        "vault-roles",
        _VAULT,
        "properties.enableRbacAuthorization",
        _is(True),
        "be opened by roles, not by access policies",
        "write properties: {enableRbacAuthorization: true}",
        f"{_SECURITY}, PA-7",
    ),
    Guardrail(
        "vault-closed",
        _VAULT,
        "properties.networkAcls.defaultAction",
        _is("Deny"),
        "be closed to networks that no rule names",
        "write properties: {networkAcls: {defaultAction: Deny}}",
        f"{_SECURITY}, NS-2",
    ),
    Guardrail(
        "gateway-zones",
        ("azure-native:network:VirtualNetworkGateway",),
        "sku.name",
        _matches(r"(VpnGw\d|ErGw\d)AZ"),
        "be of an AZ size",
        "choose VpnGw1AZ or larger: sizes without AZ are no longer made",
        "Microsoft Learn, vpn-gateway/gateway-sku-consolidation",
    ),
    Guardrail(
        "tunnel-strong",
        _CONNECTIONS,
        "ipsecPolicies[*].ipsecEncryption",
        _STRONG,
        _ENCRYPTION,
        _ENDS,
        "ANSSI, recommandations de sécurité relatives à IPsec",
    ),
    Guardrail(
        "tunnel-strong",
        _BRANCHES,
        "vpnLinkConnections[*].ipsecPolicies[*].ipsecEncryption",
        _STRONG,
        _ENCRYPTION,
        _ENDS,
        "ANSSI, recommandations de sécurité relatives à IPsec",
    ),
    Guardrail(
        "network-closed",
        ("azure-native:network:NetworkSecurityGroup",),
        "securityRules[*]",
        _closed,
        "permit nothing inbound from everywhere",
        "name the sources of the flow in catalogue/cloud.yaml",
        f"{_SECURITY}, NS-1",
    ),
    Guardrail(
        "owner-tag",
        ("azure-native:resources:ResourceGroup",),
        "tags.owner",
        _something,
        "carry the tag owner",
        "give the group the tag owner",
        "built-in policy 96670d01-0a4d-4649-9c89-2d3abc0a5025",
    ),
    Guardrail(
        "budget-speaks",
        ("azure-native:consumption:Budget",),
        "notifications.*.contactEmails",
        _something,
        "tell somebody",
        "write alerts: [ADDRESS] under azure in organisation.yaml",
        "Microsoft Learn, cost-management-billing/costs/tutorial-acm-create-budgets",
        Severity.WARNING,
    ),
    Guardrail(
        "principal-type",
        ("azure-native:authorization:RoleAssignment",),
        "principalType",
        _something,
        "say what kind of principal it is for",
        "write principalType: a new principal is not found without it",
        "Microsoft Learn, role-based-access-control/troubleshooting (PrincipalNotFound)",
    ),
    Guardrail(
        "break-glass-excluded",
        ("azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy",),
        "",
        _leaves_a_way_in,
        "leave out the group of the break-glass accounts",
        "write conditions: {users: {excludedGroups: [the group]}}",
        "Microsoft Learn, entra/identity/role-based-access-control/security-emergency-access",
    ),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A guardrail that a resource does not keep."""

    guardrail: Guardrail
    resource: str

    def __str__(self) -> str:
        at = f" ({self.guardrail.path})" if self.guardrail.path else ""
        return f"{self.resource} must {self.guardrail.must}{at}"


def violations(spec: Spec) -> Iterator[Violation]:
    """Every guardrail that a planned resource does not keep."""
    yield from of_inputs(spec.type, spec.name, spec.inputs)


def of_inputs(type_: str, name: str, inputs: Mapping[str, Any]) -> Iterator[Violation]:
    """The same for a type token and inputs that an engine knows."""
    for guardrail in _BY_TYPE.get(type_, ()):
        if violated(guardrail, inputs):
            yield Violation(guardrail, name)


def violated(guardrail: Guardrail, inputs: Mapping[str, Any]) -> bool:
    """Whether inputs of one of its types break a guardrail."""
    return not all(guardrail.holds(value) for value in _at(inputs, _steps(guardrail.path)))


def _steps(path: str) -> list[str]:
    return [step for step in re.split(r"\.|(?=\[)", path) if step]


def _at(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """What stands at a path; None where nothing does."""
    if not steps:
        yield value
        return
    first, rest = steps[0], steps[1:]
    if first == "[*]":
        if isinstance(value, Sequence) and not isinstance(value, str):
            for item in value:
                yield from _at(item, rest)
    elif first == "*":
        if isinstance(value, Mapping):
            for item in value.values():
                yield from _at(item, rest)
    else:
        yield from _at(value.get(first) if isinstance(value, Mapping) else None, rest)


_BY_TYPE: dict[str, list[Guardrail]] = {}
for _rule in GUARDRAILS:
    for _type in _rule.types:
        _BY_TYPE.setdefault(_type, []).append(_rule)
