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
#: Scenarios of a few seconds, which `make test` runs too.
QUICK = ("parallel", "policy", "defaults", "secrets-accepted")
LISTED: dict[str, list[dict[str, Any]]] = yaml.safe_load((HERE / "deviations.yaml").read_text())
DEVIATIONS = LISTED["differences"]


def excused(step: str, line: str) -> bool:
    """Whether a difference is listed, with a reason."""
    return any(
        entry["step"] == step and re.search(entry["difference"], line) for entry in DEVIATIONS
    )


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=file.stem, marks=() if file.stem in QUICK else pytest.mark.slow)
        for file in RECORDINGS
    ],
)
def test_every_step_is_as_recorded(file: Path, tmp_path: Path) -> None:
    # With SITEKIT_REAL_PULUMI=FOLDER the real engine is held to its own recordings, which shows
    # that the comparison is a fair one.
    replay = Replay(tmp_path, os.environ.get("SITEKIT_REAL_PULUMI"))
    found, chance = {}, set[str]()
    for step in recording(file):
        found[step["name"]] = differences(step, replay.step(step), chance)
    unexcused = [
        f"{name}: {line}"
        for name, lines in found.items()
        for line in lines
        if not excused(name, line)
    ]
    if unexcused:
        pytest.fail("\n".join(unexcused), pytrace=False)
    for entry in DEVIATIONS:
        if entry["step"] in found and not entry.get("sometimes"):
            assert any(re.search(entry["difference"], line) for line in found[entry["step"]]), (
                f"a deviation that does not occur: {entry}"
            )


def test_every_deviation_has_a_reason_and_a_recording() -> None:
    steps = {step["name"] for file in RECORDINGS for step in recording(file)}
    assert LISTED.keys() == {"differences", "not_compared"}
    for entry in DEVIATIONS:
        assert entry["step"] in steps
        assert len(entry["reason"]) > 40
    for entry in LISTED["not_compared"]:
        assert entry.keys() == {"what", "reason"}


def test_the_comparison_sees_differences() -> None:
    step = recording(HERE / "recordings/first.json")[2]
    made = json.loads(json.dumps(step))
    made["stdout"] = made["stderr"] = ""
    for place, call in enumerate(made["calls"]):
        call["start"], call["end"] = place, place + 0.5
    assert differences(step, made) == []
    made["state"]["resources"][-1]["inputs"]["resourceGroupName"] = "rg-other"
    made["calls"][3]["method"] = "Delete"
    made["exit"] = 1
    assert len(differences(step, made)) == 3
