"""The example organisation from an empty tenant on: up, again, by hand, changed, drifted, gone.

The tests of this file build upon one another, in their order. SITEKIT_ALL_PREVIEWS asks the
engine for the preview of all stacks, where otherwise one of each kind does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import sitekit
from sitekit.cloud import ids, lookup
from sitekit.graph import connect
from tests.organisations import edit, horizon
from tests.stacks.office import Office, everything, only

pytest.importorskip("pulumi_azure_native")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("office")]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # as the engine writes what is not known yet
EVERY = ["hrz", *sorted(horizon().subsidiaries), *sorted(horizon().sites)]


def test_a_preview_of_an_empty_tenant_keeps_what_is_not_known(office: Office) -> None:
    asked = everything() if "SITEKIT_ALL_PREVIEWS" in os.environ else ["platform", "kin", "mrs01"]
    before = office.keys()
    steps = office.stacks("preview", *asked, code=1)
    assert len(steps) == len(asked)
    assert only(steps, "create")
    assert office.keys() == before
    shown = json.loads(office.pulumi("mrs01", "preview", "--json").stdout)
    (diagnostics,) = (
        s["newState"]["inputs"] for s in shown["steps"] if ":DiagnosticSetting::" in s["urn"]
    )
    assert diagnostics["resourceUri"] == UNKNOWN


def test_one_command_brings_everything_up_and_a_second_one_changes_nothing(office: Office) -> None:
    made = office.stacks("up")
    assert sorted(made) == sorted(EVERY)
    assert only(made, "create")
    assert office.orphans(*EVERY, since=_found_in_a_lab(office)) == []
    again = office.stacks("up")
    assert again == {stack: {"same": steps["create"]} for stack, steps in made.items()}


def _found_in_a_lab(office: Office) -> set[str]:
    """Domains that the lab begins with."""
    return {key for key, kind in office.rows("SELECT key, type FROM thing") if kind == "domain"}


def test_every_id_can_be_known_without_the_state(office: Office) -> None:
    subscription = horizon().organisation.azure.subscription
    with connect(office.environment) as graph:
        for entry in (entry for stack in EVERY for entry in office.resources(stack)):
            type_, inputs = entry["type"], entry["inputs"]
            id = ids.azure_id(type_, inputs, subscription) or lookup.joined_id(type_, inputs)
            found = [id] if id else lookup.candidates(graph, type_, inputs)
            assert [each.lower() for each in found] == [entry["id"].lower()], type_


def test_by_hand_in_the_folder_it_is_the_same(office: Office) -> None:
    for stack in ("hrz", "kin", "mrs01"):
        office.pulumi(stack, "up", "--yes", "--skip-preview", "--expect-no-changes")
    office.run("cloud", "plan", "par02", "--against", str(office.exported("par02")))
    office.run("cloud", "plan", "hpo", "--against", str(office.exported("hpo")))
    assert "psk of" not in office.exported("par02").read_text(encoding="utf-8")


def test_another_display_name_updates_and_another_name_replaces(office: Office) -> None:
    file = office.folder / "subsidiaries" / "kin.yaml"
    edit(file, "name: Kinolune", "name: Kinolune Films")
    unit = office.named("kin", "unit")["id"]
    steps = office.stacks("up", "kin")["kin"]
    assert steps["update"]
    assert not steps.keys() & {"replace", "create", "delete"}
    assert office.named("kin", "unit")["id"] == unit

    steps = office.stacks("up", "kin")["kin"]
    assert steps.keys() == {"same"}
    names = office.folder / "catalogue" / "naming.yaml"
    names.parent.mkdir(exist_ok=True)
    text = (Path(sitekit.__file__).parent / "catalogue" / "naming.yaml").read_text(encoding="utf-8")
    names.write_text(text, encoding="utf-8")
    edit(names, 'form: "alert-{owner}-{extra}"', 'form: "alarm-{owner}-{extra}"')
    assert office.stacks("up", "bdx01")["bdx01"]["replace"] == 1
    there = office.keys()
    assert not any(key.endswith("/alert-bdx01-share") for key in there)
    assert any(key.endswith("/alarm-bdx01-share") for key in there)
    names.unlink()
    assert office.stacks("up", "bdx01")["bdx01"]["replace"] == 1


def test_where_data_lives_another_name_is_refused_before_anything_is_done(office: Office) -> None:
    file = office.folder / "sites" / "bdx01.yaml"
    text = file.read_text(encoding="utf-8")
    before, states = office.rows("SELECT * FROM thing"), office.resources("bdx01")
    file.write_text(f"{text.rstrip()}\ncloud: {{ generation: 2 }}\n", encoding="utf-8")
    done = office.run("up", "bdx01", *office.arguments("up"), code=3)
    (outcome,) = json.loads(done.stdout)["outcomes"]
    assert outcome["message"].startswith("a protected resource would be deleted or replaced")
    assert "pulumi state unprotect" in outcome["hint"]
    assert office.rows("SELECT * FROM thing") == before
    assert office.resources("bdx01") == states
    file.write_text(text, encoding="utf-8")
    assert only(office.stacks("up", "bdx01"), "same")


DRIFTS: list[tuple[str, tuple[str, ...], str]] = [
    ("bdx01", ("set", "VpnSite", "vst-bdx01", "deviceProperties.linkSpeedInMbps", "10"), "update"),
    ("bdx01", ("delete", "FileShare", "documents"), "create"),
    ("hpo", ("set", "Group", "team-hpo-production", "description", "somebody"), "update"),
    ("hst", ("delete", "Group", "sg-hst-helpdesk"), "create"),
    ("kin", ("set", "partner", "Kinolune", "inboundTrust.isMfaAccepted", "false"), "update"),
    ("kin", ("delete", "partner", "Kinolune"), "create"),
]


@pytest.mark.parametrize(("stack", "drift", "repair"), DRIFTS)
def test_drift_is_found_and_repaired(
    office: Office, stack: str, drift: tuple[str, ...], repair: str
) -> None:
    office.run("lab", "cloud", *drift)
    found = office.stacks("refresh", stack)[stack]
    assert found.keys() & {"update", "delete"}
    assert office.stacks("up", stack)[stack].get(repair)
    assert office.stacks("up", stack)[stack].keys() == {"same"}
    assert office.stacks("refresh", stack)[stack].keys() == {"same"}


def test_a_site_goes_and_nobody_of_its_people(office: Office) -> None:
    office.run("people", "apply", "--yes")
    people = _people(office)
    assert len(people) > 100
    refused = office.run("destroy", "bdx01", "--yes", code=3)
    assert "protected resources hold data" in refused.stderr
    assert only(office.stacks("up", "bdx01"), "same")
    others = [stack for stack in EVERY if stack not in ("bdx01", "mrs01")]
    before = {stack: office.resources(stack) for stack in others}
    office.run("destroy", "bdx01", "mrs01", "--yes", "--with-protected")  # two of one hub
    assert _people(office) == people
    assert {stack: office.resources(stack) for stack in others} == before
    shown = office.run("lab", "cloud", "show").stdout
    assert not any(gone in shown for gone in ("rg-bdx01-frc", "rg-mrs01-frc"))
    assert all(there in shown for there in ("rg-par02-frc", "au-hpo"))
    assert office.orphans(*EVERY, since=_found_in_a_lab(office)) == []
    assert only(office.stacks("up", "platform", "hpo", "par02"), "same")


def _people(office: Office) -> list[object]:
    """Accounts, groups and who is in them."""
    accounts = office.rows("SELECT * FROM thing WHERE type IN ('user', 'group') ORDER BY key")
    return accounts + office.rows("SELECT kind, source, target FROM link ORDER BY 1, 2, 3")


def test_a_file_that_changed_its_tenant_is_refused(office: Office) -> None:
    tenant = horizon().organisation.azure.tenant
    other = "11111111-2222-4333-8444-555555555555"
    edit(office.folder / "organisation.yaml", f"  tenant: {tenant}", f"  tenant: {other}")
    try:
        done = office.run("up", "par02", "--yes", code=3)
    finally:
        edit(office.folder / "organisation.yaml", f"  tenant: {other}", f"  tenant: {tenant}")
    assert f"this stack was begun with tenant {tenant}" in done.stderr
    assert "hint: correct the files" in done.stderr
