"""The example organisation from an empty tenant on: up, again, by hand, changed, drifted, gone.

The tests of this file build upon one another, in their order. SITEKIT_ALL_PREVIEWS asks the
engine for the preview of all stacks, where otherwise one of each kind does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sitekit
from sitekit.cloud import ids, lookup
from sitekit.graph import connect
from tests.organisations import edit, horizon
from tests.stacks.office import Office, everything, only

pytest.importorskip("pulumi_azure_native")
pytestmark = pytest.mark.slow

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


def test_a_change_is_told_without_an_engine_as_up_does_it(office: Office) -> None:
    edit(office.folder / "sites" / "par02.yaml", "share_gb: 8192", "share_gb: 9000")
    told = office.run("cloud", "plan", "par02", "--against", str(office.exported("par02")), code=1)
    assert "shareQuota: 8192 => 9000" in told.stdout
    assert office.stacks("up", "par02")["par02"]["update"] == 2  # the share, and its alert


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
    edit(names, 'form: "budget-{owner}"', 'form: "money-{owner}"')
    assert office.stacks("up", "kin")["kin"]["replace"] == 1
    there = office.keys()
    assert not any(key.endswith("/budget-kin") for key in there)
    assert any(key.endswith("/money-kin") for key in there)
    names.unlink()
    assert office.stacks("up", "kin")["kin"]["replace"] == 1


def test_where_data_lives_another_name_is_refused_and_nothing_is_done(office: Office) -> None:
    file = office.folder / "sites" / "bdx01.yaml"
    text = file.read_text(encoding="utf-8")
    before, states = office.rows("SELECT * FROM thing"), _held(office, "bdx01")
    file.write_text(f"{text.rstrip()}\ncloud: {{ generation: 2 }}\n", encoding="utf-8")
    try:
        done = office.run("up", "bdx01", *office.arguments("up"), code=3)
    finally:  # the tests after this one use the same office
        file.write_text(text, encoding="utf-8")
    (outcome,) = json.loads(done.stdout)["outcomes"]
    assert outcome["message"].startswith("a protected resource would be deleted or replaced")
    assert "pulumi state unprotect" in outcome["hint"]
    assert office.rows("SELECT * FROM thing") == before
    assert _held(office, "bdx01") == states
    assert only(office.stacks("up", "bdx01"), "same")


def test_drift_is_found_and_repaired(office: Office) -> None:
    """Something changed and something gone, for each of the three providers."""
    partner = str(horizon().subsidiaries["kin"].tenant)
    share = str(office.named("bdx01", "share")["id"])  # every site has one of that name
    drifts = [
        ("set", "VpnSite", "vst-bdx01", "deviceProperties.linkSpeedInMbps", "10"),
        ("delete", "FileShare", share),
        ("set", "Group", "team-hpo-montage", "description", "somebody"),
        ("delete", "Group", "sg-hpo-helpdesk"),
        ("set", "partner", partner, "inboundTrust.isMfaAccepted", "false"),
    ]
    stacks = ("bdx01", "hpo", "kin")
    for drift in drifts:
        office.run("lab", "cloud", *drift)
    found = office.stacks("refresh", *stacks)
    assert all(found[stack].get("update") for stack in stacks), found
    assert found["bdx01"]["delete"] == 1
    assert found["hpo"]["delete"] >= 1
    repaired = office.stacks("up", *stacks)
    assert all(repaired[stack].get("update") for stack in stacks), repaired
    assert repaired["bdx01"]["create"] == 1
    assert repaired["hpo"]["create"] >= 1
    assert only(office.stacks("up", *stacks), "same")

    office.run("lab", "cloud", "delete", "partner", partner)
    assert office.stacks("refresh", "kin")["kin"]["delete"] == 1
    assert office.stacks("up", "kin")["kin"]["create"] == 1


def test_a_site_goes_and_nobody_of_its_people(office: Office) -> None:
    before_them = office.keys()
    office.run("people", "apply", "--yes")
    of_people = office.keys() - before_them
    people = _people(office)
    assert len(people) > 100
    refused = office.run("destroy", "bdx01", "--yes", code=3)
    assert "protected resources hold data" in refused.stderr
    assert only(office.stacks("up", "bdx01"), "same")
    others = [stack for stack in EVERY if stack not in ("bdx01", "mrs01")]
    before = {stack: _held(office, stack) for stack in others}
    office.run("destroy", "bdx01", "mrs01", "--yes", "--with-protected")  # two of one hub
    assert _people(office) == people
    assert {stack: _held(office, stack) for stack in others} == before
    shown = office.run("lab", "cloud", "show").stdout
    assert not any(gone in shown for gone in ("rg-bdx01-frc", "rg-mrs01-frc"))
    assert all(there in shown for there in ("rg-par02-frc", "au-hpo"))
    assert office.orphans(*EVERY, since=_found_in_a_lab(office) | of_people) == []
    assert only(office.stacks("up", "platform", "hpo", "par02"), "same")


def _held(office: Office, stack: str) -> list[tuple[Any, ...]]:
    """What a state holds, whatever order the engine heard of it in, without when it was written."""
    held = ((e["urn"], e["id"], bool(e.get("protect"))) for e in office.resources(stack))
    return sorted(held)


def _people(office: Office) -> list[tuple[Any, ...]]:
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


def test_a_domain_is_proved_by_its_record(office: Office) -> None:
    edit(office.folder / "organisation.yaml", "domains: [horizon.example, horizon-medias.example]",
         "domains: [horizon.example, horizon-medias.example, neuf.example]")  # fmt: skip
    done = office.run("up", "platform", "--yes", code=3)
    assert "neuf.example is not proved to be ours" in done.stderr
    (text,) = re.findall(r'put TXT "(MS=\w+)" into the public DNS', done.stderr)
    assert "unverified" in office.run("lab", "cloud", "show").stdout
    _write_record(office, "neuf.example", text)
    steps = office.stacks("up", "platform")["hrz"]
    assert {step: n for step, n in steps.items() if step != "same"} == {"create": 1}
    assert office.stacks("up", "platform")["hrz"].keys() == {"same"}
    assert "unverified" not in office.run("lab", "cloud", "show").stdout
    told = office.state("hrz")
    stack = next(r for r in told["deployment"]["resources"] if r["type"] == "pulumi:pulumi:Stack")
    assert stack["outputs"]["domainTexts"]["neuf.example"] == text


def _write_record(office: Office, domain: str, text: str) -> None:
    """What somebody does at the registrar: the lab looks for texts in its public zones."""
    code = f"""
from pathlib import Path
from sitekit.lab import cloud
from sitekit.lab.cloud.store import Thing
store = cloud.find(Path(".sitekit/lab")).store()
token = "azure-native:dns:RecordSet"
body = {{"zoneName": "{domain}", "recordType": "TXT", "txtRecords": [{{"value": ["{text}"]}}]}}
with store.change():
    store.add(Thing("text/{domain}", "azure-native", token, "text/{domain}", "@", None, body))
"""
    subprocess.run([sys.executable, "-c", code], cwd=office.folder, check=True)
