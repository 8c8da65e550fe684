"""The stand-in against recordings of the real engine: the same calls, states, steps, exit codes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.replay import HERE, Replay, differences, recording

RECORDINGS = sorted((HERE / "recordings").glob("*.json"))
DEVIATIONS: list[dict[str, Any]] = yaml.safe_load((HERE / "deviations.yaml").read_text())


def excused(step: str, line: str) -> bool:
    """Whether a difference is listed, with a reason."""
    return any(
        entry["step"] == step and re.search(entry["difference"], line) for entry in DEVIATIONS
    )


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
def test_every_step_is_as_recorded(file: Path, tmp_path: Path) -> None:
    # With SITEKIT_REAL_PULUMI=FOLDER the real engine is held to its own recordings, which shows
    # that the comparison is a fair one.
    replay = Replay(tmp_path, os.environ.get("SITEKIT_REAL_PULUMI"))
    found = {}
    for step in recording(file):
        found[step["name"]] = differences(step, replay.step(step))
    unexcused = {
        name: [line for line in lines if not excused(name, line)] for name, lines in found.items()
    }
    assert not {name: lines for name, lines in unexcused.items() if lines}
    for entry in DEVIATIONS:
        if entry["step"] in found and not entry.get("sometimes"):
            assert any(re.search(entry["difference"], line) for line in found[entry["step"]]), (
                f"a deviation that does not occur: {entry}"
            )


def test_every_deviation_has_a_reason_and_a_recording() -> None:
    steps = {step["name"] for file in RECORDINGS for step in recording(file)}
    for entry in DEVIATIONS:
        assert entry["step"] in steps
        assert len(entry["reason"]) > 40


def test_the_comparison_sees_differences() -> None:
    step = recording(HERE / "recordings/first.json")[2]
    made = json.loads(json.dumps(step))
    made["stdout"] = made["stderr"] = ""
    assert differences(step, made) == []
    made["state"]["resources"][-1]["inputs"]["resourceGroupName"] = "rg-other"
    made["calls"][3]["method"] = "Delete"
    made["exit"] = 1
    assert len(differences(step, made)) == 3
