"""Which run of ours holds a stack on this machine, and what a killed one left behind.

A run keeps a file locked for as long as it lives: the operating system takes that lock away when
its process ends, however it ends. What it wrote into the file and did not empty is the mark of a
run that was killed. Its engine and plug-ins bear the file's name in their environment, so that
those still at work can be waited for.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from ..errors import SitekitError

MARK = "SITEKIT_RUN"  # in the environment of everything that a run starts
PATIENCE_S = 120.0  # a plug-in whose engine died finishes the call that it is in
_LOOK_S = 0.2
_UNSURE = timedelta(seconds=2)  # the engine writes whole seconds, systems guess when they booted
# Of the engine's message about a lock (3.260).
_HOLDER = re.compile(r"created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)")


class BusyError(SitekitError):
    """A stack is held by a run that lives."""


@dataclass(frozen=True, slots=True)
class Killed:
    """A run that ended without saying so."""

    host: str
    began: datetime


@contextmanager
def holding(file: Path) -> Iterator[Killed | None]:
    """Hold a stack; what is given is the run before, where it was killed.

    Raises BusyError where another run on this machine holds it, or where processes of a killed
    one do not end.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(
                "another sitekit on this machine runs this stack",
                hint="wait for it to end, then run again",
            ) from None
        killed = _killed(mark)
        _wait_for_the_dead(file)
        _write(mark, {"host": socket.gethostname(), "began": datetime.now(UTC).isoformat()})
        try:
            yield killed
        except Exception:
            _write(mark, None)
            raise
        _write(mark, None)


def environment(file: Path) -> dict[str, str]:
    """What the processes of a run bear."""
    return {MARK: os.fspath(file.absolute())}


def is_ours_and_dead(message: str, killed: Killed | None) -> bool:
    """Whether every lock that the engine names was left by the killed run.

    It was on this machine, no earlier than that run began, and no process can hold it.
    """
    holders = _HOLDER.findall(message)
    if killed is None or not holders:
        return False
    here = socket.gethostname()
    return all(
        host == here == killed.host
        and _moment(at) >= killed.began.replace(microsecond=0)  # the engine says whole seconds
        and not _may_hold(int(pid), _moment(at))
        for _, host, pid, at in holders
    )


def _killed(mark: TextIO) -> Killed | None:
    mark.seek(0)
    try:
        found = json.loads(mark.read())
        return Killed(str(found["host"]), datetime.fromisoformat(found["began"]))
    except (ValueError, KeyError, TypeError):
        return None


def _write(mark: TextIO, what: dict[str, str] | None) -> None:
    mark.seek(0)
    mark.truncate()
    if what is not None:
        json.dump(what, mark)
    mark.flush()


def _wait_for_the_dead(file: Path) -> None:
    """Let what a killed run started finish; the engine's own lock covers runs of others."""
    until = time.monotonic() + PATIENCE_S
    while found := _bearers(file):
        if time.monotonic() > until:
            raise BusyError(
                "processes of a killed run are still at work: "
                + ", ".join(str(pid) for pid in found),
                hint="wait for them to end, or end them; then run again",
            )
        time.sleep(_LOOK_S)


def _bearers(file: Path) -> list[int]:
    """Processes that bear the mark of this stack."""
    import psutil

    sought = os.fspath(file.absolute())
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == sought:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or somebody else's
    return found


def _may_hold(pid: int, locked: datetime) -> bool:
    """Whether the process of this number can be the one that took a lock at a moment.

    It cannot where it has ended, or began well after that moment: numbers are given again.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        began = datetime.fromtimestamp(process.create_time(), UTC)
        return process.status() != psutil.STATUS_ZOMBIE and began <= locked + _UNSURE
    except psutil.NoSuchProcess:
        return False


def _moment(text: str) -> datetime:
    """A time as the engine writes it, with up to nine digits of a second."""
    short = re.sub(r"(\.\d{6})\d+", r"\1", text.rstrip(".,;)")).replace("Z", "+00:00")
    try:
        found = datetime.fromisoformat(short)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
