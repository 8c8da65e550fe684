"""kill -9 at any moment of an up: the next run finishes, nothing is orphaned, nothing is twice."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.engine.replay import Replay, order_problems

CONFIG = {"password!": "Not-a-real-1", "toggles": "lean no-network", "users": "2"}
UP = ("up", "--yes", "--skip-preview", "--non-interactive")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("SITEKIT_KILLS", "4"))))
def test_the_next_run_finishes(seed: int, tmp_path: Path) -> None:
    replay = Replay(tmp_path)
    replay.prepare([{"config": CONFIG}, {"delay": ["*", "create", 0.1]}])
    chance = random.Random(seed)
    process = subprocess.Popen(
        ["pulumi", *UP],
        cwd=replay.work,
        env=replay._env(None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    method, name = chance.choice(
        [("Check", "paris-rg"), ("Create", "paris-rg"), ("Create", "paris-u1"),
         ("Create", "paris-pip"), ("Create", "paris-gm1")]
    )  # fmt: skip
    while not replay._inside(method, name) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.3))
    process.kill()
    process.wait()
    time.sleep(1.0)  # the plug-ins finish the call that they are in
    killed = replay._state("sitekit-lab", "paris")
    assert order_problems(killed) == []
    replay._done("cancel", "--yes")
    replay.prepare([{"undelay": 1}])
    _adopt(replay, killed["pending"])
    done = replay.pulumi(*UP)
    assert done.returncode == 0, done.stdout
    state = replay._state("sitekit-lab", "paris")
    ids = Counter(item["id"] for item in state["resources"] if item.get("provider"))
    there = [row[0] for row in replay.cloud.execute("SELECT id FROM thing WHERE deleted IS NULL")]
    assert len(there) == sum(ids.values()) == 8
    again = replay.pulumi(*UP, "--expect-no-changes")
    assert again.returncode == 0, again.stdout


def _adopt(replay: Replay, pending: list[list[str]]) -> None:
    """Settle creations that were interrupted, as the documentation says: look into the cloud.

    What the cloud made and the state does not know is deleted there; the next run makes it again.
    """
    if not pending:
        return
    import json

    file = replay.folder / "state/.pulumi/stacks/sitekit-lab/paris.json"
    latest = json.loads(file.read_text())["checkpoint"]["latest"]
    known = {item.get("id") for item in latest.get("resources", [])}
    for (identity,) in replay.cloud.execute(
        "SELECT id FROM thing WHERE deleted IS NULL"
    ).fetchall():
        if identity not in known:
            replay.cloud.execute("UPDATE thing SET deleted=1 WHERE id=?", (identity,))
    replay._done("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
