"""A plan against an exported state: the same words as the engine, without one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sitekit.cloud import Generated, Ref, Secret, StackKind, StackPlan, Value, plan_of
from sitekit.cloud.compare import SDK_DEFAULTS, SECRET, Step, compare
from sitekit.errors import SitekitError
from tests.organisations import WRITTEN, horizon

HIDDEN = {SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:c2VjcmV0:Y2lwaGVy"}


def plan(kind: StackKind = StackKind.SITE, stack: str = "par02") -> StackPlan:
    return plan_of(horizon(), kind, stack, today=WRITTEN)


def state_of(made: StackPlan) -> dict[str, Any]:
    """The state that an engine exports once the plan is there."""
    resources: list[dict[str, Any]] = []
    known: dict[str, dict[str, Any]] = {}
    prefix = f"urn:pulumi:{made.stack}::sitekit-{made.kind}::"
    top = f"sitekit:cloud:{str(made.kind).title()}"
    resources.append({"urn": f"{prefix}pulumi:pulumi:Stack::sitekit-{made.kind}-{made.stack}",
                      "type": "pulumi:pulumi:Stack"})  # fmt: skip
    resources.append({"urn": f"{prefix}{top}::{made.stack}", "type": top})
    for spec in made.specs:
        outputs = {"objectId": f"00000000-0000-4000-8000-{len(known):012d}"}
        if name := spec.called:
            outputs["name"] = name
        entry = {
            "urn": f"{prefix}{top}${spec.type}::{made.stack}-{spec.name}",
            "type": spec.type,
            "id": f"/made/{spec.name}",
            "inputs": _inputs(spec.inputs, known) | SDK_DEFAULTS.get(spec.type, {}),
            "outputs": outputs,
            "protect": spec.protect,
        }
        known[spec.name] = entry
        resources.append(entry)
    return {"version": 3, "deployment": {"resources": resources}}


def _inputs(value: Value, known: dict[str, dict[str, Any]]) -> Any:
    if isinstance(value, Ref):
        other = known[value.name]
        found = other["id"] if value.output == "id" else other["outputs"].get(value.output)
        return value.form.format(found)
    if isinstance(value, Secret | Generated):
        return HIDDEN
    if isinstance(value, dict):
        return {key: _inputs(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_inputs(inner, known) for inner in value]
    return value


def entry(state: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        r for r in state["deployment"]["resources"] if r["urn"].endswith(f"-{name}")
    )
    return found


@pytest.mark.parametrize(
    ("kind", "stack"),
    [
        (StackKind.PLATFORM, "hrz"),
        (StackKind.SUBSIDIARY, "kin"),
        (StackKind.SITE, "par01"),
        (StackKind.SITE, "par02"),
    ],
)
def test_what_is_there_already_differs_in_nothing(kind: StackKind, stack: str) -> None:
    made = plan(kind, stack)
    found = compare(made, json.dumps(state_of(made)))
    assert {d.step for d in found} == {Step.SAME}, [d for d in found if d.changes]
    assert len(found) == len(made.specs)


def test_an_empty_state_creates_everything_in_order() -> None:
    made = plan()
    found = compare(made, json.dumps({"version": 3, "deployment": {"resources": []}}))
    assert [d.name for d in found] == [spec.name for spec in made.specs]
    assert {d.step for d in found} == {Step.CREATE}


def test_changes_are_named_with_both_values_and_their_path() -> None:
    made = plan()
    state = state_of(made)
    entry(state, "share")["inputs"]["shareQuota"] = 512
    entry(state, "network")["inputs"]["addressSpace"]["addressPrefixes"] = ["10.9.0.0/22", "x"]
    entry(state, "vault")["inputs"]["properties"]["enabledForDeployment"] = True
    changed = {d.name: d.changes for d in compare(made, json.dumps(state)) if d.changes}
    assert {(c.path, c.before, c.after) for c in changed["share"]} == {
        ("shareQuota", "512", "8192")
    }
    assert [(c.path, c.after) for c in changed["network"]] == [
        ("addressSpace.addressPrefixes[0]", "10.127.132.0/22"),
        ("addressSpace.addressPrefixes[1]", "(none)"),
    ]
    assert [(c.path, c.before, c.after) for c in changed["vault"]] == [
        ("properties.enabledForDeployment", "true", "(none)")
    ]


def test_what_the_plan_ignores_is_the_same() -> None:
    made = plan()
    state = state_of(made)
    entry(state, "budget")["inputs"]["timePeriod"] = {"startDate": "2020-01-01T00:00:00Z"}
    budget = next(d for d in compare(made, json.dumps(state)) if d.name == "budget")
    assert (budget.step, budget.changes) == (Step.SAME, ())


def test_what_the_plan_no_longer_has_is_deleted_last_and_says_if_it_is_protected() -> None:
    made = plan()
    state = state_of(made)
    gone = copy.deepcopy(entry(state, "vault"))
    gone["urn"] = gone["urn"].replace("par02-vault", "par02-old-vault")
    state["deployment"]["resources"].append(gone)
    last = compare(made, json.dumps(state))[-1]
    assert (last.step, last.name, last.protected) == (Step.DELETE, "old-vault", True)


def test_a_resource_that_was_made_again_changes_what_refers_to_it() -> None:
    made = plan()
    state = state_of(made)
    entry(state, "nsg-servers")["id"] = "/made/again"
    network = next(d for d in compare(made, json.dumps(state)) if d.name == "network")
    assert [(c.before, c.after) for c in network.changes] == [("/made/nsg-servers", "/made/again")]


def test_secrets_are_neither_compared_nor_shown() -> None:
    made = plan(StackKind.PLATFORM, "hrz")
    state = state_of(made)
    user = entry(state, "break-glass-1")["inputs"]
    user["displayName"], user["extra"] = "Somebody", {"inside": HIDDEN}
    text = repr(compare(made, json.dumps(state)))
    assert "Somebody" in text
    assert "[secret]" in text
    assert "Y2lwaGVy" not in text
    site = plan()
    state = state_of(site)
    link = entry(state, "vpn-connection")["inputs"]["vpnLinkConnections"][0]
    link["sharedKey"] = None  # it was never set
    text = repr([d for d in compare(site, json.dumps(state)) if d.changes])
    assert "[secret keyvault:hrz-network/par02-psk]" in text


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"deployment": 3}', '{"deployment": {"resources": [1]}}', "[" * 9999]
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(SitekitError, match="not an exported state"):
        compare(plan(), text)


def test_the_state_of_another_stack_is_refused() -> None:
    with pytest.raises(SitekitError, match="the state of par01, not of par02"):
        compare(plan(), json.dumps(state_of(plan(stack="par01"))))
