"""Questions of reach, from the text: who decides, on which line, and how the command line says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import astuple
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from sitekit import Answer, SitekitError, reach
from sitekit.render import Artifact
from tests.organisations import ROOT, copy_of_horizon
from tests.test_crosscheck import READ, RENDERED, artifacts, broken
from tests.test_crosscheck import _texts as texts
from tests.test_verbs import sitekit


def ask(question: str, code: str = "par02") -> Answer:
    return reach(artifacts(dict(texts(code))), code, question)


ANSWERS = (
    ("guest -> storage tcp/445", "denied", "rule 900002 (final-deny)"),
    ("z-guest -> storage tcp/445", "denied", "rule 900002 (final-deny)"),
    ("corp -> internet tcp/443", "permitted", "rule 22500 (corp-internet-22500)"),
    ("corp -> internet tcp/25", "denied", "rule 900002 (final-deny)"),
    ("corp -> internet any", "partly", "rule 22500 (corp-internet-22500)"),
    ("prd-aurora -> storage smb", "permitted", "rule 30000 (prd-aurora-storage-30000)"),
    ("prod -> storage smb", "permitted", "rule 30001 (prd-cobalt-storage-30001)"),
    ("prd-aurora -> prd-cobalt tcp/445", "denied", "rule 900002 (final-deny)"),
    ("post -> storage tcp/445", "permitted", "line 30 of access list post-in"),
    ("post -> storage tcp/446", "denied", "line 240 of access list post-in"),
    ("post -> server ntp", "permitted", "rule 34000 (post-server-34000)"),
    ("storage -> corp tcp/445", "denied", "line 130 of access list storage-in"),
    ("par02-render-1 -> storage nfs4", "permitted", "line 40 of access list render-in"),
    ("internet -> par02-broker https", "permitted", "rule 38000 (internet-par02-broker-38000)"),
    ("internet -> 198.51.100.50 tcp/4172", "permitted", "rule 38000 (internet-par02-broker-38000)"),
    ("internet -> par02-broker ssh", "denied", "rule 900002 (final-deny)"),
    ("dmz -> post pcoip", "partly", "rule 36500 (par02-broker-post-36500)"),
    ("server -> internet https", "partly", "rule 27000 (server-internet-27000)"),
    ("10.96.66.40 -> 10.96.69.30 tcp/631", "permitted", "rule 20500 (corp-print-20500)"),
    ("corp -> 10.127.241.0/28 https", "permitted", "rule 22000 (corp-group-22000)"),
    ("desk-001 -> printer-01 ipps", "permitted", "rule 20500 (corp-print-20500)"),
    ("admin -> net_mgmt ping", "permitted", "rule"),
    ("corp -> corp any", "permitted", "no rule: both are in one network"),
    ("edit-01 -> 9.9.9.9", "denied", "line 240 of access list post-in"),
)


@pytest.mark.parametrize(("question", "verdict", "by"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_the_rule_that_decides(question: str, verdict: str, by: str) -> None:
    said = ask(question)
    assert said.verdict == verdict
    assert any(step.by.startswith(by) for step in said.steps), said.steps


def test_every_step_stands_where_it_says() -> None:
    files = dict(texts("par02"))
    for question, _, _ in ANSWERS:
        for step in ask(question).steps:
            line = files[step.file.partition("/")[2]].split("\n")[step.line - 1]
            if step.by.startswith("rule"):
                assert line.strip() == f"edit {step.by.split()[1]}"
            elif step.by.startswith("line"):
                assert line.strip().startswith(f"{step.by.split()[1]} ")


def test_the_reason_is_that_of_the_configuration() -> None:
    (step,) = ask("corp -> internet tcp/443").steps
    assert step.reason == "Les postes bureautiques utilisent Internet"
    assert step.device == "par02-fw-01"


def test_the_way_there_and_back_is_asked() -> None:
    """A core that drops the answers is a refusal, whatever the firewall permits."""
    files = dict(texts("par01"))
    open_ = reach(artifacts(files), "par01", "admin -> storage ssh")
    assert open_.verdict == "permitted"
    name = "par01-core-01.cfg"
    line = " 30 permit tcp 10.96.47.0 0.0.0.127 eq 22 10.96.32.128 0.0.0.63 established\n"
    files[name] = files[name].replace(line, "")
    said = reach(artifacts(files), "par01", "admin -> storage ssh")
    assert said.verdict == "denied"
    assert said.steps[-1].by == "line 90 of access list storage-in (the replies)"


def test_the_answer_follows_the_text_and_not_the_design() -> None:
    from tests.faults import FAULTS

    fault = next(f for f in FAULTS if f.name == "visitors reach a printer")
    said = reach(artifacts(broken(fault)), "bdx01", "guest -> print ipps")
    assert (said.verdict, said.steps[0].by) == ("permitted", "rule 77 (seeded-77)")


@pytest.mark.parametrize(
    ("question", "says", "hint"),
    [
        ("guest", "not a question", "SOURCE -> DESTINATION SERVICE"),
        ("guest -> ", "not a question", "SOURCE -> DESTINATION SERVICE"),
        ("guest -> storage tcp/445 more", "not a question", "SOURCE -> DESTINATION SERVICE"),
        ("guest -> post-storage tcp/445", "no zone, network or machine 'post-storage'", "storage"),
        ("gest -> corp any", "'gest'", "'guest'"),
        ("guest -> corp tcp/99999", "no port", "tcp/445"),
        ("guest -> corp htps", "no service 'htps'", "https"),
    ],
)
def test_a_question_that_is_not_understood_says_how(question: str, says: str, hint: str) -> None:
    with pytest.raises(SitekitError) as raised:
        ask(question)
    assert says in raised.value.message
    assert hint in raised.value.hint


def test_a_site_without_a_readable_firewall_has_no_answer() -> None:
    with pytest.raises(SitekitError, match="no firewall"):
        reach([Artifact(PurePosixPath("x.cfg"), "interface Ethernet1\n")], "x", "a -> b any")


# --- the command line --------------------------------------------------------------------------


def test_check_reach_answers_with_zero_whatever_the_answer() -> None:
    done = sitekit("check", "par02", "--reach", "guest -> storage tcp/445")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "par02: guest -> storage tcp/445: denied\n  denied by par02-fw-01 rule"
    )
    assert "par02/par02-fw-01.conf:" in done.stdout


def test_check_reach_as_json_is_the_answer() -> None:
    done = sitekit("check", "par02", "--reach", "corp -> internet tcp/443", "--json")
    said = json.loads(done.stdout)
    assert (said["verdict"], said["site"]) == ("permitted", "par02")
    expected = ask("corp -> internet tcp/443").steps[0]
    assert tuple(said["steps"][0][key] for key in expected.__slots__) == astuple(expected)


def test_check_reach_needs_one_site_and_a_question() -> None:
    assert sitekit("check", "--reach", "guest -> corp any").returncode == 2
    done = sitekit("check", "par02", "--reach", "gest -> corp any")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'guest'" in done.stderr


def test_check_rendered_is_clean_for_the_example() -> None:
    done = sitekit("check", "bdx01", "--rendered", "--today", "2026-11-24", "--json")
    assert done.returncode == 0
    assert [f for f in json.loads(done.stdout)["findings"] if f["rule"].startswith("cross-")] == []


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """Rendered files of bdx01 with a fault in one."""
    shutil.copytree(RENDERED / "bdx01", tmp_path / "out" / "bdx01")
    path = tmp_path / "out" / "bdx01" / "bdx01-fw-01.conf"
    path.write_text(path.read_text().replace("aes256gcm", "aes128gcm", 1))
    return tmp_path / "out"


def test_check_rendered_in_reads_the_files_that_are_there(edited: Path) -> None:
    done = sitekit("check", "bdx01", "--rendered-in", edited, "--today", "2026-11-24")
    assert done.returncode == 1
    path = edited / "bdx01" / "bdx01-fw-01.conf"
    line = path.read_text().split("\n").index("        set proposal aes128gcm") + 1
    assert f"{path}:{line}:1: error: bdx01: tunnel az0-fibre (phase 2)" in done.stdout
    assert "[cross-vpn-proposal]" in done.stdout
    sarif = json.loads(sitekit("check", "bdx01", "--rendered-in", edited, "--sarif").stdout)
    found = [r for r in sarif["runs"][0]["results"] if r["ruleId"] == "cross-vpn-proposal"]
    assert found[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == line


def test_a_waiver_accepts_a_finding_in_the_text(tmp_path: Path, edited: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    path = folder / "waivers.yaml"
    path.write_text(
        path.read_text()
        + """  - id: W-2026-77
    scope: bdx01
    rule: cross-vpn-proposal
    reason: the connection at Azure is changed next week
    risk: low
    compensating: the tunnel is not in service yet
    owner: P0001
    approver: Somebody else
    opened: 2026-11-20
    expires: 2026-12-20
"""
    )
    done = sitekit("check", folder, "bdx01", "--rendered-in", edited, "--today", "2026-11-24")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "W-2026-77" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rendered", "--sarif"),
        ("--reach", "a -> b any", "--sarif", "--rendered-in", "."),
        ("--rendered-in", "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_a_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = sitekit("check", "bdx01", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_secrets_of_a_folder_are_not_repeated(edited: Path) -> None:
    for path in (edited / "bdx01").iterdir():
        if path.suffix in READ:
            text = path.read_text().replace("<secret:", "hunter2-<secret:")
            path.write_text(text.replace("switchport mode trunk", "switchport mode access"))
    done = sitekit("check", "bdx01", "--rendered-in", edited)
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr


def test_the_page_about_it_prints_what_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "crosscheck.md").read_text(encoding="utf-8")
    shown = re.search(r"```console\n\$ sitekit (.*?)\n(.*?)```", page, re.DOTALL)
    assert shown
    done = sitekit(*shlex.split(shown[1]), folder=ROOT)
    assert (done.returncode, done.stdout) == (0, shown[2])
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code
    monkeypatch.chdir(ROOT)
    found: dict[str, Any] = {}
    exec(code[1], found)
    assert found["findings"] == ()
    assert found["answer"].verdict == "denied"
