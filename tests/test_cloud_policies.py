"""The policy pack asks the same rules as `check`."""

from __future__ import annotations

from typing import Any

import pytest

pulumi_policy = pytest.importorskip("pulumi_policy")

from sitekit.cloud.guardrails import GUARDRAILS  # noqa: E402
from sitekit.cloud.policies import policies  # noqa: E402
from tests.test_cloud_plan import BROKEN, PLANS_OF_ALL  # noqa: E402


def said(name: str, type_: str, inputs: dict[str, Any]) -> list[str]:
    from pulumi_policy.proxy import unknown_checking_proxy

    found: list[str] = []
    policy = next(p for p in policies() if p.name == name)
    args = pulumi_policy.ResourceValidationArgs(
        type_, unknown_checking_proxy(inputs), "urn", "thing", None, None
    )
    validate = policy._ResourceValidationPolicy__validate
    for each in validate if isinstance(validate, list) else [validate]:
        each(args, lambda message, urn=None: found.append(message))
    return found


@pytest.mark.parametrize(("name", "type_", "inputs"), BROKEN, ids=[b[0] for b in BROKEN])
def test_what_breaks_a_guardrail_is_refused(name: str, type_: str, inputs: dict[str, Any]) -> None:
    (message,) = said(name, type_, inputs)
    assert message.startswith("thing must ")


def test_names_are_those_of_the_table() -> None:
    assert [p.name for p in policies()] == list(dict.fromkeys(rule.name for rule in GUARDRAILS))


def test_what_is_not_known_yet_is_no_obstacle() -> None:
    """In a preview the group of the break-glass accounts has no id yet."""
    from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

    policy = next(s for s in PLANS_OF_ALL if s.name == "access-mfa")
    users = {"includedUsers": ["All"], "excludedGroups": [UNKNOWN_STRING_VALUE]}
    inputs = {**policy.inputs, "conditions": {**policy.inputs["conditions"], "users": users}}  # type: ignore[dict-item]
    assert said("break-glass-excluded", policy.type, inputs) == []
