"""Findings for code review: SARIF 2.1.0, and the ready workflows that use it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.organisations import ROOT, copy_of_horizon, edit
from tests.test_verbs import sitekit

CI = ROOT / "examples" / "ci"


def log(*arguments: str, folder: Path, code: int) -> dict[str, Any]:
    done = sitekit("check", "--sarif", "--today", "2026-11-24", *arguments, folder=folder)
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert found["version"] == "2.1.0"
    run = found["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        location = result["locations"][0]["physicalLocation"]
        assert not Path(location["artifactLocation"]["uri"]).is_absolute()
        assert location["region"]["startLine"] >= 1
    return found


def test_findings_have_a_place_below_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = copy_of_horizon(tmp_path)
    results = log(folder=folder, code=0)["runs"][0]["results"]
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    assert "horizon/sites/lyo01.yaml" in uris
    waived = [r for r in results if "suppressions" in r]
    assert [r["ruleId"] for r in waived] == ["standard-behind", "WAN-002"]
    assert waived[0]["suppressions"][0]["status"] == "accepted"


def test_a_fingerprint_stays_when_lines_move(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)

    def identities() -> set[str]:
        results = log("lyo01", folder=folder, code=0)["runs"][0]["results"]
        return {r["partialFingerprints"]["sitekit/v1"] for r in results}

    before = identities()
    edit(folder / "sites" / "lyo01.yaml", "schema: 1\n", "schema: 1\n# a line more\n")
    assert identities() == before


def test_files_that_cannot_be_understood_are_told_too(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "sites" / "bdx01.yaml", "people: 4", "poeple: 4")
    edit(
        folder / "organisation.yaml",
        'psk: "keyvault:hrz-network/{site}-psk"',
        'psk: "Tr0ub4dor"',
    )
    found = log(folder=folder, code=2)
    assert {r["ruleId"] for r in found["runs"][0]["results"]} == {"input"}
    assert "Tr0ub4dor" not in json.dumps(found)


def test_json_and_sarif_exclude_each_other(tmp_path: Path) -> None:
    assert sitekit("check", "--json", "--sarif", folder=copy_of_horizon(tmp_path)).returncode == 2


def commands(path: Path) -> list[str]:
    """Every sitekit command of a workflow."""
    return re.findall(r"sitekit (?:check|render)[^\n>|]*", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml", "pre-commit-config.yaml"])
def test_workflows_are_yaml_and_their_commands_run(name: str, tmp_path: Path) -> None:
    assert yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    folder = copy_of_horizon(tmp_path)
    found = commands(CI / name)
    assert found
    for command in found:
        words = [*shlex.split(command)[1:]]
        if words[0] == "check":
            words += ["--today", "2026-11-24"]
        done = sitekit(*words, folder=folder)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_the_hook_runs_when_a_file_of_an_organisation_changes() -> None:
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))[0]
    local = yaml.safe_load((CI / "pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert local["repos"][0]["hooks"][0]["files"] == hook["files"]
    listed = subprocess.run(
        ["git", "ls-files", "examples/horizon"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    inputs = [name for name in listed if not re.search("/(rendered|.schemas|stacks)/", name)]
    assert len(inputs) > 15
    for name in inputs:
        assert re.search(hook["files"], name), name
    assert not re.search(hook["files"], "README.md")
