"""Who gets into a tenant and how: its domains, its restricted unit, its ways of signing in."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitekit.cloud import Ref, StackKind, StackPlan, plan_of
from sitekit.errors import InputError
from sitekit.load import load_organisation
from tests.organisations import WRITTEN, copy_of_horizon, edit, horizon

AZURE = "  budget_eur: 6000 # a month, all of it\n"


def platform(folder: Path | None = None) -> StackPlan:
    loaded = load_organisation(folder) if folder else horizon()
    return plan_of(loaded, StackKind.PLATFORM, "hrz", today=WRITTEN)


def subsidiary(code: str, folder: Path | None = None) -> StackPlan:
    loaded = load_organisation(folder) if folder else horizon()
    return plan_of(loaded, StackKind.SUBSIDIARY, code, today=WRITTEN)


def of_type(plan: StackPlan, kind: str) -> list[str]:
    return [spec.called for spec in plan.specs if spec.type.endswith(f":{kind}")]


# --- domains -------------------------------------------------------------------------------------


def test_every_domain_of_the_tenant_is_added_once_and_proved() -> None:
    assert of_type(platform(), "Domain") == ["horizon.example", "horizon-medias.example"]
    assert of_type(platform(), "DomainVerification") == of_type(platform(), "Domain")
    assert of_type(subsidiary("hmp"), "Domain") == ["production.horizon.example"]
    assert of_type(subsidiary("kin"), "Domain") == []  # it has a tenant of its own
    for plan in (platform(), subsidiary("hmp")):
        for spec in plan.specs:
            if spec.type.endswith((":Domain", ":DomainVerification")):
                assert (spec.protect, spec.retain) == (True, True)


def test_who_has_to_write_a_record_is_told_and_asked_for_once() -> None:
    plan = platform()
    assert plan.outputs["domainTexts"] == {
        domain: Ref(f"domain-{domain}", "verificationText")
        for domain in ("horizon.example", "horizon-medias.example")
    }
    assert plan["proof-horizon.example"].inputs["wait"] is False
    below = subsidiary("hmp")  # below horizon.example, which the platform has proved
    assert "domainTexts" not in below.outputs
    assert not of_type(below, "RecordSet")


def test_accounts_wait_for_the_proof_of_their_domain() -> None:
    for number in (1, 2):
        assert "proof-horizon.example" in platform()[f"break-glass-{number}"].depends_on


def test_a_zone_of_ours_gets_the_record_and_keeps_the_others(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    spf = "v=spf1 include:mail.example -all"
    long = "k=rsa; p=" + "A" * 300
    zone = f'{{ resource_group: rg-dns, texts: ["{spf}", "{long}"] }}'
    edit(folder / "organisation.yaml", AZURE,
         f"{AZURE}  public_zones:\n    horizon.example: {zone}\n")  # fmt: skip
    plan = platform(folder)
    record = plan["text-horizon.example"]
    assert record.inputs["txtRecords"] == [
        {"value": [spf]},
        {"value": [long[:255], long[255:]]},
        {"value": [Ref("domain-horizon.example", "verificationText")]},
    ]
    assert record.protect
    proof = plan["proof-horizon.example"]
    assert proof.inputs["wait"] is True
    assert record.name in proof.depends_on
    assert list(plan.outputs["domainTexts"]) == ["horizon-medias.example"]  # type: ignore[arg-type]
    pytest.importorskip("pulumi_azure_native")
    from tests.cloud_types import problems

    assert not list(problems(record))


def test_what_else_stands_in_a_zone_must_be_written(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    zones = "  public_zones: { horizon.example: { resource_group: rg-dns } }\n"
    edit(folder / "organisation.yaml", AZURE, AZURE + zones)
    with pytest.raises(InputError, match="texts"):
        load_organisation(folder)


def test_a_zone_of_no_domain_is_an_error(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    zone = "{ resource_group: rg-dns, texts: [] }"
    edit(folder / "organisation.yaml", AZURE,
         f"{AZURE}  public_zones:\n    horizn.example: {zone}\n"
         f"    production.horizon.example: {zone}\n")  # fmt: skip
    found = [(f.rule, f.message) for f in platform(folder).findings]
    assert [rule for rule, _ in found] == ["cloud-zone", "cloud-zone"]
    assert "horizn.example is no domain of the tenant" in found[0][1]
    assert "production.horizon.example is proved by horizon.example" in found[1][1]


def test_a_domain_below_another_of_the_same_owner_waits_for_it(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", "domains: [horizon.example, horizon-medias.example]",
         "domains: [post.example, films.post.example]")  # fmt: skip
    plan = platform(folder)
    assert plan["domain-films.post.example"].depends_on == ("proof-post.example",)
    assert list(plan.outputs["domainTexts"]) == ["post.example"]  # type: ignore[arg-type]


# --- the restricted unit -------------------------------------------------------------------------


def test_both_break_glass_accounts_are_closed_in_and_their_group_is_not() -> None:
    plan = platform()
    inside = {
        spec.inputs["memberObjectId"]
        for spec in plan.specs
        if spec.inputs.get("administrativeUnitObjectId") == Ref("restricted", "objectId")
    }
    assert inside == {Ref(f"break-glass-{number}", "objectId") for number in (1, 2)}
    for number in (1, 2):  # everything about an account is done before it is closed in
        member = plan[f"restricted-break-glass-{number}"]
        assert set(member.depends_on) == {"break-glass", f"break-glass-{number}-role"}
    keepers = plan["keepers-role"].inputs
    assert keepers["directoryScopeId"] == Ref("restricted", "objectId", "/administrativeUnits/{}")


def test_the_group_that_policies_leave_out_is_that_of_both_accounts_and_nobody_fills_it() -> None:
    group = platform()["break-glass"]
    assert group.inputs["members"] == [Ref(f"break-glass-{n}", "objectId") for n in (1, 2)]
    assert group.inputs["assignableToRole"] is True
    assert group.protect


def test_sitekit_people_keeps_off_the_restricted_unit() -> None:
    unit = platform()["restricted"].called
    rules = horizon().catalogue.identity.groups
    assert not unit.startswith(rules.unit.partition("{")[0])


def test_without_entra_p1_there_is_none(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", "licences: [entra-p1, entra-p2, intune]", "licences: []")
    names = {spec.name for spec in platform(folder).specs}
    assert not names & {"restricted", "keepers", "access-mfa"}
    assert {"break-glass-1", "sign-in-methods"} <= names


def test_groups_that_lead_to_a_role_are_changed_by_role_administrators_alone() -> None:
    plan = subsidiary("hmp")
    for name in ("helpdesk", "helpdesk-eligible"):
        assert plan[name].inputs["assignableToRole"] is True
    assert plan["helpdesk-eligibility"].inputs["duration"] == "P180D"


# --- ways of signing in --------------------------------------------------------------------------


def test_passkeys_and_the_app_are_on_and_codes_by_text_or_call_are_off() -> None:
    methods = platform()["sign-in-methods"].inputs["methods"]
    assert methods == {
        "Fido2": "enabled",
        "MicrosoftAuthenticator": "enabled",
        "TemporaryAccessPass": "enabled",
        "Sms": "disabled",
        "Voice": "disabled",
    }


def test_an_organisation_may_keep_a_method_for_a_while(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", AZURE, f"{AZURE}  sign_in_methods: {{ Sms: enabled }}\n")
    methods = platform(folder)["sign-in-methods"].inputs["methods"]
    assert (methods["Sms"], methods["Voice"]) == ("enabled", "disabled")  # type: ignore[index,call-overload]


@pytest.mark.parametrize("written", ["{ sms: enabled }", '{ Sms: "on" }'])
def test_a_method_that_is_misspelt_is_an_error(tmp_path: Path, written: str) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", AZURE, f"{AZURE}  sign_in_methods: {written}\n")
    with pytest.raises(InputError):
        load_organisation(folder)


def test_our_plug_in_takes_what_the_plans_hold() -> None:
    from sitekit.provider.kinds import KINDS, check

    seen = set()
    for plan in (platform(), subsidiary("hmp"), subsidiary("kin")):
        for spec in plan.specs:
            if spec.package == "sitekit":
                seen.add(spec.type)
                _, wrong = check(KINDS[spec.type], dict(spec.inputs), lambda v: isinstance(v, Ref))
                assert not wrong, wrong
    assert seen == set(KINDS)  # what azuread lacks is all in some plan
