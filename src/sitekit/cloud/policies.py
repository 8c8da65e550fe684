"""The guardrails as a Pulumi policy pack: `stacks/policy/__main__.py` calls `pack`, no more.

The rules are those of `sitekit.cloud.guardrails`, mandatory where `sitekit check` says error, and
advisory where it warns; `--policy-pack-config` changes that for one rule. They hold for resources
of other people's programs too: `pulumi preview --policy-pack stacks/policy`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from ..findings import Severity
from .guardrails import GUARDRAILS, Guardrail, violated

NAME = "sitekit-guardrails"
_LEVELS = {
    Severity.ERROR: EnforcementLevel.MANDATORY,
    Severity.WARNING: EnforcementLevel.ADVISORY,
}


def pack() -> PolicyPack:
    """Serve the guardrails to the engine that started this program."""
    return PolicyPack(NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=list(policies()))


def policies() -> list[ResourceValidationPolicy]:
    """One policy for each name in the table."""
    by_name: dict[str, list[Guardrail]] = {}
    for guardrail in GUARDRAILS:
        by_name.setdefault(guardrail.name, []).append(guardrail)
    return [
        ResourceValidationPolicy(
            name,
            f"{rules[0].must[0].upper()}{rules[0].must[1:]} ({rules[0].source})",
            _validate(rules),
            _LEVELS[rules[0].severity],
        )
        for name, rules in by_name.items()
    ]


def _validate(
    rules: Sequence[Guardrail],
) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for rule in rules:
            if args.resource_type in rule.types and violated(rule, args.props):
                report(f"{args.name} must {rule.must}: {rule.remedy}", None)

    return validate
