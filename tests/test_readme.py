"""What the README shows is what happens: files shown are files shipped, commands print that."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.organisations import ROOT, copy_of_horizon
from tests.walkthrough import SECTION

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN_FILES = re.findall(r"```yaml\n# (examples/\S+)\n(.*?)```", README, re.DOTALL)
EXCERPTS = re.findall(r"```text\n# (examples/\S+)\n(.*?)```", README, re.DOTALL)
# The walk-through has a test of its own, in a copy: tests/test_walkthrough.py.
OTHERWISE = SECTION.sub("", README)
COMMANDS = re.findall(r"```console\n\$ (sitekit .*?)\n(.*?)```", OTHERWISE, re.DOTALL)


def sitekit(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sitekit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )


def test_the_first_screen_shows_input_and_output() -> None:
    assert SHOWN_FILES
    assert len(COMMANDS) >= 2
    assert len(EXCERPTS) >= 2


@pytest.mark.parametrize(("name", "shown"), SHOWN_FILES, ids=[n for n, _ in SHOWN_FILES])
def test_files_shown_are_files_shipped(name: str, shown: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert shown == text


@pytest.mark.parametrize(("name", "shown"), EXCERPTS, ids=[n for n, _ in EXCERPTS])
def test_excerpts_shown_are_in_the_files(name: str, shown: str) -> None:
    assert shown in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_commands_shown_print_what_is_shown(command: str, printed: str) -> None:
    done = sitekit(shlex.split(command)[1:], ROOT)
    said = done.stdout + done.stderr
    assert done.returncode == 0
    assert said.rstrip("\n") == printed.rstrip("\n")


def test_a_new_organisation_as_the_readme_begins_it(tmp_path: Path) -> None:
    script = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert script
    text = script[1].replace("\\\n", " ")
    folder = tmp_path
    ran = 0
    for line in text.splitlines():
        command = line.partition("#")[0].strip()
        if command.startswith("cd "):
            folder = folder / command[3:]
        elif command.startswith("sitekit "):
            done = sitekit(shlex.split(command)[1:], folder)
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            ran += 1
    assert ran >= 7
    assert (folder / "build" / "lil01" / "topology.svg").is_file()


def test_the_library_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code
    monkeypatch.chdir(ROOT)
    found: dict[str, object] = {}
    exec(code[1], found)
    files = found["files"]
    assert isinstance(files, dict)
    assert {"bdx01-fw-01.conf", "bdx01-sw-01.cfg", "topology.svg"} <= set(files)


def test_every_verb_is_in_the_readme() -> None:
    from sitekit.cli import VERBS

    for verbs in VERBS.values():
        for verb in verbs:
            assert f"sitekit {verb}" in README


def test_links_lead_somewhere() -> None:
    for path in [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        ROOT / "device_templates" / "README.md",
    ]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_example_organisation_can_be_copied_and_used_elsewhere(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    assert sitekit(["check", ".", "--today", "2026-11-24"], folder).returncode == 0
