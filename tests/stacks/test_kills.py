"""kill -9 of `sitekit up` at any moment: the next run finishes, nothing is orphaned or twice.

SITEKIT_KILLS says how many moments are tried, SITEKIT_KILLS_FROM with which seed they begin.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stacks.office import Office, offspring, only

pytest.importorskip("pulumi_azure_native")
pytestmark = pytest.mark.slow

FIRST = int(os.environ.get("SITEKIT_KILLS_FROM", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("SITEKIT_KILLS", "2")))
TARGETS = (("hpo",), ("bdx01",), ("platform",), ("hmp", "par02"))
STACKS = {"platform": "hrz"}


@dataclass
class Undisturbed:
    """An office with the tenant up, and how each target ends when nobody kills it."""

    office: Office
    empty: Path
    tenant: Path
    before: set[str]  # what a lab holds that no stack made
    ends: dict[tuple[str, ...], tuple[float, Counter[str]]]

    def begin(self, target: tuple[str, ...]) -> None:
        """Go back to where the target is not there yet."""
        self.office.go_back(self.empty if target == ("platform",) else self.tenant)

    def end_of(self, target: tuple[str, ...]) -> tuple[float, Counter[str]]:
        """Seconds and census of an undisturbed run."""
        if target not in self.ends:
            self.begin(target)
            began = time.monotonic()
            self.office.stacks("up", *target)
            self.ends[target] = (time.monotonic() - began, self.office.census())
        return self.ends[target]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = tmp_path_factory.mktemp("kills")
    office = Office.open(folder)
    try:
        made = Undisturbed(office, folder / "empty", folder / "tenant", office.keys(), {})
        office.keep(made.empty)
        made.end_of(("platform",))
        office.keep(made.tenant)
        yield made
    finally:
        office.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_next_up_finishes(seed: int, undisturbed: Undisturbed) -> None:
    chance = random.Random(seed)
    target = TARGETS[seed % len(TARGETS)]
    office = undisturbed.office
    seconds, census = undisturbed.end_of(target)
    undisturbed.begin(target)
    process = office.begin("up", *office.arguments("up"), *target)
    time.sleep(chance.uniform(0.15, 1.0) * seconds)
    whole = chance.random() < 0.6
    _kill(process, plugins=whole)

    done = office.answer("up", *target)
    assert all(outcome["done"] for outcome in done)
    stacks = [STACKS.get(each, each) for each in dict.fromkeys(("platform", *target))]
    assert office.orphans(*stacks, since=undisturbed.before) == []
    assert office.census() == census
    for stack in stacks:
        assert not office.state(stack)["deployment"].get("pending_operations")
    assert only(office.stacks("up", *target), "same")


def test_ctrl_c_ends_the_engines_and_says_how_to_go_on(undisturbed: Undisturbed) -> None:
    office, target = undisturbed.office, ("hpo", "bdx01")
    undisturbed.begin(target)
    process = office.begin("up", *office.arguments("up"), *target)
    _until(lambda: bool(list(office.states.glob(".pulumi/locks/**/*.json"))))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "sitekit up --resume goes on" in err
    (outcome,) = json.loads(out)["outcomes"]
    assert outcome["stack"] == "hpo"
    assert outcome["message"].startswith("interrupted")
    assert [each["stack"] for each in json.loads(out)["not_begun"]] == ["bdx01"]
    assert _left_by(office) == []
    assert not list(office.states.glob(".pulumi/locks/**/*.json"))
    done = office.answer("up", "--resume", *target)
    assert all(outcome["done"] for outcome in done)
    assert office.orphans("hrz", *target, since=undisturbed.before) == []


def test_workers_end_their_engines_when_the_program_is_killed(undisturbed: Undisturbed) -> None:
    office = undisturbed.office
    undisturbed.begin(("hpo",))
    process = office.begin("up", *office.arguments("up"), "hpo")
    _until(lambda: bool(list(office.states.glob(".pulumi/locks/**/*.json"))))
    process.kill()
    process.communicate()  # ends with the last process that can still write
    _until(lambda: not _left_by(office))
    assert _left_by(office) == []
    assert not list(office.states.glob(".pulumi/locks/**/*.json"))
    assert not office.state("hpo")["deployment"].get("pending_operations")


def _left_by(office: Office) -> list[str]:
    """Processes that bear the mark of a run in this office."""
    sought = f"SITEKIT_RUN={office.folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if sought in (process / "environ").read_bytes():
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"{process.name}: {words.decode(errors='replace')}")
    return found


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


def _kill(process: subprocess.Popen[str], *, plugins: bool) -> None:
    """kill -9 of the whole tree at once; without the plug-ins these finish their calls."""
    found = offspring(process.pid)
    for pid in found:
        if plugins or b"pulumi-resource-" not in _command(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.communicate()


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
