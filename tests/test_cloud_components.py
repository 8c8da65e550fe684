"""Components under Pulumi's mocks: the specs one to one, and nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from sitekit.cloud import Generated, Ref, Secret, StackPlan, Value, all_plans
from sitekit.cloud.compare import SDK_DEFAULTS, SECRET
from tests.organisations import ROOT, WRITTEN, horizon

pytest.importorskip("pulumi_azure_native")
SHOWN = "shown-only-to-the-provider"
PLANS = tuple(all_plans(horizon(), today=WRITTEN))


@cache
def registered(*words: str) -> dict[str, Any]:
    """What `tests.cloud_mocks` registers: by name, as it goes to the engine."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cloud_mocks", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stack)
def test_components_register_the_specs_one_to_one(plan: StackPlan) -> None:
    requests = registered()["requests"]
    extra: dict[str, dict[str, object]] = {}
    names = {n for n in requests if n.startswith(f"{plan.stack}-")}
    assert names == {f"{plan.stack}-{spec.name}" for spec in plan.specs}
    for spec in plan.specs:
        request = requests[f"{plan.stack}-{spec.name}"]
        assert request["type"] == spec.type
        found = dict(_differences(plan, spec.inputs, request["object"]))
        if found:
            extra.setdefault(spec.type, {}).update(found)
        assert request["parent"].endswith(f"::{plan.stack}")
        assert request.get("protect", False) == spec.protect
        assert request.get("retainOnDelete", False) == spec.retain
        assert request.get("ignoreChanges", []) == list(spec.ignore)
        assert request.get("importId", "") == (spec.adopt or "")
        assert request.get("deleteBeforeReplace", False) == spec.delete_first
        end = f"::{plan.stack}-{spec.deleted_with}" if spec.deleted_with else ""
        assert request.get("deletedWith", "").endswith(end)
        assert ("deletedWith" in request) == bool(spec.deleted_with)
        minutes = f"{spec.minutes}m" if spec.minutes else ""
        assert request.get("customTimeouts", {}).get("create", "") == minutes
        assert set(request.get("additionalSecretOutputs", [])) >= set(spec.secret_outputs)
        for other in spec.depends_on:
            assert any(d.endswith(f"::{plan.stack}-{other}") for d in request["dependencies"])
    assert extra == {t: SDK_DEFAULTS[t] for t in extra}, "SDK_DEFAULTS is the table of these"


def test_the_table_of_what_sdks_add_has_no_more_than_they_add() -> None:
    requests = registered()["requests"]
    for type_, defaults in SDK_DEFAULTS.items():
        sent = [r["object"] for r in requests.values() if r["type"] == type_]
        assert sent
        assert all(inputs.items() >= defaults.items() for inputs in sent)


def _differences(
    plan: StackPlan, now: Value, sent: Any, path: str = ""
) -> Iterator[tuple[str, Any]]:
    """What the SDK sends that no spec says; what it leaves out or changes fails here."""
    if isinstance(now, Ref):
        other = f"{plan.stack}-{now.name}"
        wanted = {"id": f"id-of-{other}", "name": f"name-of-{other}",
                  "objectId": f"object-of-{other}"}[now.output]  # fmt: skip
        assert sent == now.form.format(wanted), path
    elif isinstance(now, Secret | Generated):
        assert SECRET in sent, f"{path} is sent in clear"
        assert (sent["value"] == SHOWN) == isinstance(now, Secret)
        if isinstance(now, Generated):
            assert len(sent["value"]) == now.length
    elif isinstance(now, Mapping):
        assert set(now) <= set(sent), path
        for key, value in now.items():
            yield from _differences(plan, value, sent[key], f"{path}.{key}" if path else key)
        for key in set(sent) - set(now):
            yield f"{path}.{key}" if path else key, sent[key]
    elif isinstance(now, list | tuple):
        assert len(sent) == len(now), path
        for index, (a, b) in enumerate(zip(now, sent, strict=True)):
            yield from _differences(plan, a, b, f"{path}[{index}]")
    else:
        assert sent == now, path


def test_aliases_of_old_versions_are_left_out_unless_they_are_wanted() -> None:
    without, with_them = registered()["requests"], registered("aliases")["requests"]
    for name, request in without.items():
        own = [alias["spec"].get("name", "") for alias in request.get("aliases", [])]
        types = [alias["spec"].get("type", "") for alias in request.get("aliases", [])]
        assert not any(types), name
        if request["type"].startswith("sitekit:cloud:") and name != "refused":
            assert own == [f"was-{name}"]  # ours are kept
    assert len(with_them["par02-network"]["aliases"]) > 20


def test_what_cannot_work_is_refused_with_a_reason() -> None:
    said = registered()["refused"]
    assert said == [
        "Site takes the plan of a site, not of a subsidiary",
        "unit needs a provider of azuread",
    ]


def test_plans_need_no_pulumi() -> None:
    code = (
        "import sys\nfrom datetime import date\nfrom sitekit import load_organisation\n"
        "from sitekit.cloud import all_plans\n"
        f"o = load_organisation({str(horizon().folder)!r})\n"
        "list(all_plans(o, today=date(2026, 11, 24)))\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pulumi", "pulumi_azure_native", "grpc", "httpx"} & set(done.stdout.split())
