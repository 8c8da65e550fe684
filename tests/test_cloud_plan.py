"""Plans of tenant, subsidiaries and sites: held to the SDKs' own types and to golden files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from sitekit.cloud import (
    Generated,
    Ref,
    Secret,
    Spec,
    StackKind,
    StackPlan,
    Value,
    all_plans,
    plan_of,
)
from sitekit.cloud.cost import HOURS, estimate
from sitekit.cloud.guardrails import GUARDRAILS, of_inputs, violations
from sitekit.cloud.spec import NAMED_BY, dependencies, tree
from sitekit.errors import SitekitError
from sitekit.findings import Severity
from sitekit.load import LoadedOrganisation, load_organisation
from tests.organisations import WRITTEN, copy_of_horizon, edit, horizon

GOLDEN = Path(__file__).parent / "golden" / "cloud"
HUBS = ("virtual-wan", "network", "network-one-gateway", "static")


@cache
def plans() -> tuple[StackPlan, ...]:
    return tuple(all_plans(horizon(), today=WRITTEN))


def of(stack: str) -> StackPlan:
    return next(plan for plan in plans() if plan.stack == stack)


def with_hub(tmp_path: Path, hub: str) -> LoadedOrganisation:
    folder = copy_of_horizon(tmp_path)
    file = folder / "organisation.yaml"
    if hub in ("network", "network-one-gateway"):
        edit(file, "  hub: # every site's tunnels end here\n", "  hub:\n    kind: network\n")
    if hub == "network-one-gateway":
        edit(
            file,
            "      - { name: az1, address: 203.0.113.11, bgp_address: 10.127.240.13 }\n",
            "",
        )
    if hub == "static":
        edit(file, "    routing: bgp\n", "    routing: static\n    prefixes: [10.127.240.0/20]\n")
    return load_organisation(folder)


# --- held to the SDKs ----------------------------------------------------------------------------


@pytest.mark.parametrize("hub", HUBS)
def test_the_sdks_know_every_input_of_every_plan(tmp_path: Path, hub: str) -> None:
    pytest.importorskip("pulumi_azure_native")
    from tests.cloud_types import problems

    organisation = horizon() if hub == "virtual-wan" else with_hub(tmp_path, hub)
    found, seen = [], set()
    for plan in all_plans(organisation, today=WRITTEN):
        for spec in plan.specs:
            seen.add(spec.type.rpartition(":")[2])
            if spec.package != "sitekit":
                found += list(problems(spec))
    assert not found, "\n".join(sorted(set(found)))
    gateway = {"VpnGateway"} if hub in ("virtual-wan", "static") else {"VirtualNetworkGateway"}
    branch = {"VpnSite"} if hub in ("virtual-wan", "static") else {"LocalNetworkGateway"}
    assert gateway | branch | {"VirtualNetwork", "FileShare", "GroupLicense", "User"} <= seen


def test_every_archetype_and_both_offers_are_planned() -> None:
    organisation = horizon()
    archetypes = {inputs.archetype.name for inputs in organisation.sites.values()}
    assert archetypes == set(organisation.catalogue.cloud.offers)
    with_network = {p.stack for p in plans() if any(s.name == "network" for s in p.specs)}
    assert with_network == {"par01", "par02", "mrs01"}


@pytest.mark.parametrize(
    ("stack", "name", "path", "value", "said"),
    [
        ("par02", "vault", ("properties", "enableRbac"), True, "has no such input"),
        ("par02", "vault", ("properties", "sku", "name"), 3, "is none of"),
        ("par02", "network", ("subnets",), {"name": "x"}, "a list is wanted"),
        ("par02", "share", ("shareQuota",), "many", "int is wanted"),
        ("par02", "share", ("shareQuota",), True, "int is wanted"),
        ("par02", "storage", ("sku",), "Standard_ZRS", "is wanted"),
        ("par02", "budget", ("amount",), None, ""),
        ("hmp", "unit", ("display_name",), "x", "has no such input"),
        ("hrz", "access-mfa", ("conditions", "users", "excludedGroups"), "x", "a list is wanted"),
        ("par02", "vpn-connection", ("vpnLinkConnections", 0, "ipsecPolicies", 0, "dhGroup"), 20,
         "is wanted"),
    ],
)  # fmt: skip
def test_the_comparison_with_the_sdks_catches_mistakes(
    stack: str, name: str, path: tuple[str | int, ...], value: object, said: str
) -> None:
    pytest.importorskip("pulumi_azure_native")
    from tests.cloud_types import problems

    spec = of(stack)[name]
    assert not list(problems(spec))
    found = list(problems(replace(spec, inputs=_with(spec.inputs, path, value))))
    assert (not found) if not said else any(said in text for text in found), found


def test_a_required_input_that_is_missing_is_caught() -> None:
    pytest.importorskip("pulumi_azure_native")
    from tests.cloud_types import problems

    spec = of("par02")["budget"]
    inputs = {key: value for key, value in spec.inputs.items() if key != "timeGrain"}
    assert "needs timeGrain" in "".join(problems(replace(spec, inputs=inputs)))


def _with(inputs: object, path: tuple[str | int, ...], value: object) -> object:
    first, *rest = path
    new = _with(_get(inputs, first), tuple(rest), value) if rest else value
    if isinstance(inputs, list | tuple):
        return [new if index == first else item for index, item in enumerate(inputs)]
    assert isinstance(inputs, dict)
    return {**inputs, first: new}


def _get(inputs: object, key: str | int) -> object:
    return inputs[key]  # type: ignore[index]


# --- their shape ---------------------------------------------------------------------------------


def shown(plan: StackPlan) -> str:
    """A plan as a golden file has it: one resource after the other, sorted by logical name."""
    return json.dumps(
        {
            "stack": f"{plan.kind} {plan.stack}",
            "outputs": {key: _plain(value) for key, value in plan.outputs.items()},
            "resources": {
                spec.name: {
                    "type": spec.type,
                    "inputs": _plain(spec.inputs),
                    **{
                        option: value
                        for option in (
                            "depends_on", "protect", "retain", "deleted_with", "ignore",
                            "secret_outputs", "delete_first", "minutes", "adopt",
                        )
                        if (value := getattr(spec, option))
                    },
                }
                for spec in sorted(plan.specs, key=lambda s: s.name)
            },
        },
        indent=1,
        ensure_ascii=False,
    ) + "\n"  # fmt: skip


def _plain(value: Value) -> object:
    if isinstance(value, Ref | Secret | Generated):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.stack)
def test_plans_of_the_example_are_the_golden_ones(plan: StackPlan) -> None:
    file = GOLDEN / f"{plan.kind}-{plan.stack}.json"
    if os.environ.get("SITEKIT_RENEW"):
        file.write_text(shown(plan), encoding="utf-8")
    assert shown(plan) == file.read_text(encoding="utf-8")


def test_logical_names_do_not_move() -> None:
    """A changed logical name deletes and creates again: this list changes only on purpose."""
    urns = "".join(
        f"{plan.kind} {plan.stack} {spec.type} {spec.name}\n"
        for plan in plans()
        for spec in plan.specs
    )
    file = GOLDEN / "urns.txt"
    if os.environ.get("SITEKIT_RENEW"):
        file.write_text(urns, encoding="utf-8")
    assert urns == file.read_text(encoding="utf-8")


def test_plans_are_the_same_every_time() -> None:
    again = tuple(all_plans(load_organisation(horizon().folder), today=WRITTEN))
    assert [shown(plan) for plan in again] == [shown(plan) for plan in plans()]


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.stack)
def test_names_are_unique_and_nothing_refers_forward(plan: StackPlan) -> None:
    before: set[str] = set()
    for spec in plan.specs:
        assert spec.name not in before
        assert set(dependencies(spec)) <= before, spec.name
        assert spec.deleted_with is None or spec.deleted_with in before
        before.add(spec.name)


def test_each_thing_with_data_has_a_lock_that_comes_after_everything_else() -> None:
    for plan in plans():
        if plan.kind is not StackKind.SITE:
            continue
        locks = [spec for spec in plan.specs if spec.type.endswith(":ManagementLockByScope")]
        assert [spec.inputs["scope"] for spec in locks] == [
            Ref(name) for name in ("vault", "storage", "backup")
        ]
        others = {spec.name for spec in plan.specs} - {spec.name for spec in locks}
        assert all(set(spec.depends_on) == others for spec in locks)
        assert {"vault", "storage", "backup"} <= {s.name for s in plan.specs if s.protect}


def test_every_class_has_its_word_in_the_table_of_names() -> None:
    used = {spec.type.rpartition(":")[2] for plan in plans() for spec in plan.specs}
    assert used <= set(NAMED_BY)
    for plan in plans():
        for spec in plan.specs:
            if NAMED_BY[spec.type.rpartition(":")[2]]:
                assert spec.called, spec.name


def test_no_person_is_in_a_stack() -> None:
    """Stacks come and go with sites; people do not."""
    for plan in plans():
        users = [s.name for s in plan.specs if s.type.endswith((":User", ":GroupMember"))]
        assert users == (
            ["break-glass-1", "break-glass-2"] if plan.kind is StackKind.PLATFORM else []
        )


def test_secrets_are_references_in_a_plan() -> None:
    keys = [
        spec.inputs["vpnLinkConnections"][0]["sharedKey"]  # type: ignore[index]
        for plan in plans()
        for spec in plan.specs
        if spec.type.endswith(":VpnConnection")
    ]
    assert keys
    assert all(isinstance(key, Secret) for key in keys)
    for number in (1, 2):
        assert isinstance(of("hrz")[f"break-glass-{number}"].inputs["password"], Generated)


def test_group_names_are_those_of_sitekit_people() -> None:
    """Both sides take them from identity.yaml: what people join is what the stack makes."""
    from datetime import UTC, datetime

    from sitekit.people.access import Scope, access_of

    organisation = horizon()
    made = {
        str(spec.inputs["displayName"])
        for plan in plans()
        for spec in plan.specs
        if spec.type.endswith((":GroupWithoutMembers", ":AdministrativeUnit"))
    }
    scope, wanted = Scope(organisation, organisation.organisation.azure.tenant), set[str]()
    for person in organisation.people:
        for moment in (
            datetime(2026, 11, 24, 12, tzinfo=UTC),
            datetime(2027, 2, 10, 12, tzinfo=UTC),
        ):
            if access := access_of(scope, person, moment):
                wanted |= set(access.groups) | set(access.units)
    assert wanted
    assert wanted <= made, sorted(wanted - made)


def test_a_stack_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(SitekitError, match="there is no site 'par99'") as caught:
        plan_of(horizon(), StackKind.SITE, "par99", today=WRITTEN)
    assert "par01" in caught.value.hint


# --- what they cost ------------------------------------------------------------------------------


def test_the_estimate_counts_what_is_there() -> None:
    prices = horizon().catalogue.prices
    items = {item.resource: item for item in estimate(of("hrz"), prices).items}
    assert items["hub"].amount == round(prices.prices["hub"].amount * HOURS, 2)
    assert items["vpn-gateway"].quantity == 1
    assert not items["hub"].from_memory
    par02 = estimate(of("par02"), prices)
    assert [i.from_memory for i in par02.items if i.resource == "share"] == [True, True]
    share = [item for item in par02.items if item.resource == "share"]
    assert [item.quantity for item in share] == [4096, 819.2]
    assert par02.total == pytest.approx(sum(item.amount for item in par02.items))
    assert par02.day == prices.day


def test_every_price_is_used() -> None:
    """A price that no plan can use would be a promise that nobody keeps."""
    from sitekit.cloud import cost

    source = Path(cost.__file__).read_text(encoding="utf-8")
    for name in horizon().catalogue.prices.prices:
        assert f'"{name}"' in source, name


# --- guardrails ----------------------------------------------------------------------------------


def test_no_plan_breaks_a_guardrail_and_every_guardrail_sees_something() -> None:
    everything = [spec for plan in plans() for spec in plan.specs]
    assert not [str(broken) for spec in everything for broken in violations(spec)]


BROKEN: list[tuple[str, str, dict[str, object]]] = [
    ("storage-private", "azure-native:storage:StorageAccount", {"allowBlobPublicAccess": True}),
    ("storage-encrypted-travel", "azure-native:storage:StorageAccount",
     {"enableHttpsTrafficOnly": False}),
    ("storage-tls", "azure-native:storage:StorageAccount", {"minimumTlsVersion": "TLS1_0"}),
    ("storage-closed", "azure-native:storage:StorageAccount",
     {"networkRuleSet": {"defaultAction": "Allow"}}),
    ("vault-recoverable", "azure-native:keyvault:Vault", {"properties": {}}),
    ("vault-roles", "azure-native:keyvault:Vault", {"properties": {}}),
    ("vault-closed", "azure-native:keyvault:Vault", {"properties": {}}),
    ("gateway-zones", "azure-native:network:VirtualNetworkGateway", {"sku": {"name": "VpnGw1"}}),
    ("tunnel-strong", "azure-native:network:VirtualNetworkGatewayConnection",
     {"ipsecPolicies": [{"ipsecEncryption": "DES3"}]}),
    ("tunnel-strong", "azure-native:network:VpnConnection",
     {"vpnLinkConnections": [{"ipsecPolicies": [{"ipsecEncryption": "DES"}]}]}),
    ("network-closed", "azure-native:network:NetworkSecurityGroup",
     {"securityRules": [{"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "*"}]}),
    ("owner-tag", "azure-native:resources:ResourceGroup", {"tags": {"site": "par02"}}),
    ("budget-speaks", "azure-native:consumption:Budget",
     {"notifications": {"spent": {"contactEmails": []}}}),
    ("principal-type", "azure-native:authorization:RoleAssignment", {"scope": "/"}),
    ("break-glass-excluded", "azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy",
     {"state": "enabled", "conditions": {"users": {"includedUsers": ["All"]}}}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "type_", "inputs"), BROKEN, ids=[b[0] for b in BROKEN])
def test_each_guardrail_refuses_what_breaks_it(
    name: str, type_: str, inputs: dict[str, object]
) -> None:
    assert name in {broken.guardrail.name for broken in of_inputs(type_, "x", inputs)}


def test_every_guardrail_has_a_case_that_breaks_it() -> None:
    assert {name for name, _, _ in BROKEN} == {rule.name for rule in GUARDRAILS}


@pytest.mark.parametrize("state", ["enabled", "enabledForReportingButNotEnforced"])
def test_conditional_access_always_leaves_the_way_in(tmp_path: Path, state: str) -> None:
    folder = copy_of_horizon(tmp_path)
    if state == "enabled":
        edit(
            folder / "organisation.yaml",
            "  licences: [",
            "  conditional_access: enabled\n  licences: [",
        )
    plan = plan_of(load_organisation(folder), StackKind.PLATFORM, "hrz", today=WRITTEN)
    policies = [s for s in plan.specs if s.type.endswith(":ConditionalAccessPolicy")]
    assert len(policies) == 4
    for policy in policies:
        assert policy.inputs["state"] == state
        users = policy.inputs["conditions"]["users"]  # type: ignore[index,call-overload]
        assert users["excludedGroups"] == [Ref("break-glass", "objectId")]


def errors(plan: StackPlan) -> Iterator[str]:
    return (f.rule for f in plan.findings if f.severity is Severity.ERROR)


def test_licences_that_are_missing_are_told_with_what_to_do(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", "licences: [entra-p1, entra-p2, intune]", "licences: []")
    bare = load_organisation(folder)
    platform = plan_of(bare, StackKind.PLATFORM, "hrz", today=WRITTEN)
    assert [(f.severity.value, f.rule) for f in platform.findings] == [
        ("warning", "cloud-licence")  # it is left out; whoever asks for it is refused
    ]
    assert not [s for s in platform.specs if "ConditionalAccess" in s.type]
    subsidiary = plan_of(bare, StackKind.SUBSIDIARY, "hmp", today=WRITTEN)
    assert [(f.severity.value, f.rule) for f in subsidiary.findings] == [
        ("error", "cloud-licence"),
        ("warning", "cloud-licence"),
        ("info", "cloud-licence"),
    ]
    assert all("azure.licences" in f.remedy for f in subsidiary.findings)
    edit(folder / "organisation.yaml", "  licences: []", "  conditional_access: enabled")
    asked = plan_of(load_organisation(folder), StackKind.PLATFORM, "hrz", today=WRITTEN)
    assert list(errors(asked)) == ["cloud-licence"]
    assert str(platform.findings[0].place).split(":")[0].endswith("organisation.yaml")


def test_what_a_day_changes_is_the_budget_alone() -> None:
    later = plan_of(horizon(), StackKind.SITE, "par02", today=date(2027, 5, 3))
    changed = [a.name for a, b in zip(of("par02").specs, later.specs, strict=True) if a != b]
    assert changed == ["budget"]
    spec: Spec = later["budget"]
    assert spec.inputs["timePeriod"] == {"startDate": "2027-05-01T00:00:00Z"}
    assert "timePeriod" in spec.ignore


PLANS_OF_ALL = tuple(spec for plan in plans() for spec in plan.specs)


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.stack)
def test_the_tree_has_every_resource_once_below_what_it_names(plan: StackPlan) -> None:
    shown = list(tree(plan))
    assert sorted(spec.name for _, spec in shown) == sorted(spec.name for spec in plan.specs)
    above: list[str] = []
    for depth, spec in shown:
        assert depth <= len(above)
        del above[depth:]
        assert not above or above[-1] in dependencies(spec)
        above.append(spec.name)


def test_the_tree_of_a_site() -> None:
    depths = {spec.name: depth for depth, spec in tree(of("par02"))}
    assert [depths[n] for n in ("group", "network", "hub-connection", "location")] == [0, 2, 3, 0]
