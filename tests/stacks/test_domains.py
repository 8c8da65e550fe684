"""A domain that is not proved yet stops the tenant's stack; its record in public DNS proves it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.organisations import edit
from tests.stacks.office import Office

pytest.importorskip("pulumi_azure_native")
pytestmark = pytest.mark.slow


def test_a_domain_is_proved_by_its_record(office: Office) -> None:
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
