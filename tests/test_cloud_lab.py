"""Stacks in the lab cloud, through whatever engine is there: a real pulumi, or the lab's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.organisations import copy_of_horizon, edit, horizon

pytest.importorskip("pulumi_azure_native")
pytestmark = pytest.mark.slow


class Office:
    """A copy of the example with a lab cloud of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(os.environ)
        self.secrets = folder.parent / "secrets.yaml"
        text = "".join(
            f'keyvault:hrz-network/{s}-psk: "psk of {s}, 0123"\n' for s in horizon().sites
        )
        self.secrets.write_text(text, encoding="utf-8")
        self.secrets.chmod(0o600)
        self.run("lab", "cloud", "up", "--replication", "0")
        code = "from pathlib import Path; import json; from sitekit.lab.cloud import environment; "
        code += "print(json.dumps(environment(Path('.sitekit/lab'))))"
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True,
                              text=True, check=True)  # fmt: skip
        self.environment |= json.loads(done.stdout)

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "sitekit", *arguments],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "psk of" not in done.stdout + done.stderr
        return done

    def stacks(self, verb: str, *stacks: str, code: int = 0) -> dict[str, dict[str, int]]:
        yes = [] if verb == "preview" else ["--yes"]
        done = self.run(
            verb, *stacks, *yes, "--json", "--secrets", str(self.secrets), code=code
        )  # fmt: skip
        return {o["stack"]: o["changes"] for o in json.loads(done.stdout)["outcomes"]}

    def state(self, project: str, stack: str) -> Path:
        file = self.folder.parent / f"{stack}.json"
        done = subprocess.run(
            ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"],
            cwd=self.folder / "stacks" / project, env=self.environment, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        file.write_text(done.stdout, encoding="utf-8")
        return file


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(copy_of_horizon(tmp_path_factory.mktemp("office")))
    try:
        made.run("stack", "init")
        yield made
    finally:
        made.run("lab", "cloud", "down")


def test_an_office_comes_up_stays_changes_and_goes(office: Office) -> None:
    stacks = ("platform", "hpo", "par02", "bdx01")
    before = office.stacks("preview", *stacks, code=1)
    assert {stack: set(steps) for stack, steps in before.items()} == {
        stack: {"create"} for stack in ("hrz", "hpo", "par02", "bdx01")
    }
    made = office.stacks("up", *stacks)
    assert made == before
    again = office.stacks("up", *stacks)
    assert {stack: set(steps) for stack, steps in again.items()} == {s: {"same"} for s in made}
    assert office.stacks("preview", *stacks)["par02"].keys() == {"same"}
    office.run("cloud", "plan", "par02", "--against", str(office.state("site", "par02")))
    office.run("cloud", "plan", "hpo", "--against", str(office.state("subsidiary", "hpo")))
    text = office.state("site", "par02").read_text(encoding="utf-8")
    assert "psk of" not in text

    edit(office.folder / "sites" / "par02.yaml", "share_gb: 8192", "share_gb: 9000")
    told = office.run("cloud", "plan", "par02", "--against",
                      str(office.state("site", "par02")), code=1)  # fmt: skip
    assert "shareQuota: 8192 => 9000" in told.stdout
    assert office.stacks("up", "par02")["par02"]["update"] == 2  # the share, and its alert

    refused = office.run("destroy", "bdx01", "--yes", code=3)
    assert "protected resources hold data" in refused.stderr
    assert office.stacks("up", "bdx01")["bdx01"].keys() == {"same"}
    office.run("destroy", "bdx01", "--yes", "--with-protected")
    assert office.stacks("up", "hpo")["hpo"].keys() == {"same"}  # its groups are as they were
    shown = office.run("lab", "cloud", "show").stdout
    assert "rg-bdx01-frc" not in shown
    assert "rg-par02-frc" in shown
    assert "au-hpo" in shown


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


def test_a_domain_is_proved_by_its_record_and_restricted_accounts_stay_as_they_are(
    office: Office,
) -> None:
    office.stacks("up", "platform")
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
    told = json.loads(office.state("platform", "hrz").read_text(encoding="utf-8"))
    stack = next(r for r in told["deployment"]["resources"] if r["type"] == "pulumi:pulumi:Stack")
    assert stack["outputs"]["domainTexts"]["neuf.example"] == text
