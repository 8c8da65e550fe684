"""A program ends with the engine that started it, however that ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pulumi")

PROGRAM = """\
import os, pathlib, time
pathlib.Path("pid.new").write_text(str(os.getpid()))
pathlib.Path("pid.new").rename("pid")
time.sleep(600)
"""
MOST_S = 60.0


def test_a_program_does_not_outlive_its_engine(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: sleeper\nruntime: python\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "state").mkdir()
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
    }
    engine = [sys.executable, "-m", "sitekit.lab.engine"]
    subprocess.run(
        [*engine, "stack", "init", "one"],
        cwd=tmp_path, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    running = subprocess.Popen(
        [*engine, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "one"],
        cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until(lambda: (tmp_path / "pid").exists() or running.poll() is not None)
        program = int((tmp_path / "pid").read_text(encoding="utf-8"))
        assert _lives(program)
    finally:
        running.kill()
        running.wait()
    _until(lambda: not _lives(program))
    assert not _lives(program)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + MOST_S
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or ") Z " not in stat.read_text(encoding="utf-8")
