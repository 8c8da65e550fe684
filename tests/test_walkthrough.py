"""The README's walk-through does what the README says, through whatever engine is there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sitekit.lab.cloud.folder import running
from tests.organisations import HORIZON, ROOT
from tests.walkthrough import LAB, Step, copy_of_the_example, run, steps

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_goes_from_a_new_site_to_a_stack_by_hand_and_by_verb() -> None:
    commands = [" ".join(shlex.split(step.command)[:2]) for step in steps(README)]
    wanted = ["sitekit new", "sitekit check", "sitekit render", "pulumi up", "sitekit up"]
    places = [commands.index(command) for command in wanted]
    assert places == sorted(places)
    assert all(step.shown for step in steps(README) if step.command[:2] not in ("cd", "ev"))


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a (3 s)", "…", "c"], ["a (12 s)", "b", "b", "c"], True),
        (["a created (0.02s)"], ["a created (11s)"], True),
        (["a", "…", "c"], ["a", "c"], True),  # one engine says more than another
        (["a", "…", "c"], ["a", "c", "d"], False),
        (["a", "c"], ["a", "b", "c"], False),
        (["a"], ["a", "b"], False),
        (["33 same"], ["32 same"], False),
        ([], ["a"], False),
    ],
)
def test_what_is_shown_is_compared(shown: list[str], printed: list[str], same: bool) -> None:
    assert Step("x", shown, printed).is_as_shown() is same


def test_a_command_that_fails_ends_it(tmp_path: Path) -> None:
    said: list[str] = []
    found = [Step("echo one \\\n    two"), Step("cd / && (exit 7)"), Step("echo three")]
    assert run(found, tmp_path, said.append) == 7
    assert [step.printed for step in found] == [["one two"], [], []]
    assert "$ echo three" not in "".join(said)


@pytest.mark.slow
def test_the_readme_opens_a_seventh_site(tmp_path: Path) -> None:
    pytest.importorskip("pulumi_azure_native")
    before = {path: path.read_bytes() for path in HORIZON.rglob("*") if path.is_file()}
    folder, found = copy_of_the_example(tmp_path), steps(README)
    code = run(found, folder)
    assert code == 0, "\n".join(line for step in found for line in step.printed)
    for step in found:
        assert step.is_as_shown(), "\n".join([f"$ {step.command}", *step.printed])
    assert running(folder / LAB) is None
    assert before == {path: path.read_bytes() for path in HORIZON.rglob("*") if path.is_file()}
