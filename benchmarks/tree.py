"""CPU seconds of a command and of everything that it starts, also of what outlives its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36  # prctl: orphans below this process become its children, so their time is counted
_PATIENCE = 10.0  # seconds for orphans to end by themselves


@dataclass(frozen=True)
class Spent:
    """What a command took, and what it said."""

    cpu_s: float
    wall_s: float
    out: str


def spent(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Spent:
    """Run a command to its end. Raises RuntimeError with what it said where it fails."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    before, began = _of_children(), time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wall = time.perf_counter() - began
    _reap()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {folder}:\n{done.stdout}\n{done.stderr}")
    return Spent(_of_children() - before, wall, done.stdout)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Wait for orphans: only then is their time that of this process's children."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return
