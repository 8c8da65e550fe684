"""`sitekit render` on disks that fail it: full, read-only, shared; and killed while it writes."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sitekit.cli.output import JOURNAL, MANIFEST, NEXT, unfinished
from tests.test_mistakes import BASE

FILES = "mic01", "off01"


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    """The base without its largest site."""
    folder = Path(shutil.copytree(BASE, tmp_path / "organisation"))
    for path in (*folder.glob("sites/pst01*"), folder / "people.csv", folder / "productions.yaml"):
        path.unlink()
    return folder


def command(organisation: Path, out: Path) -> list[str]:
    words = ("render", str(organisation), "--out", str(out), "--prune", "--workers", "1")
    return [sys.executable, "-m", "sitekit", *words]


def render(
    organisation: Path, out: Path, *, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(organisation, out), capture_output=True, text=True, preexec_fn=before
    )


def change(organisation: Path, banner: str) -> None:
    """A change that every device shows."""
    path = organisation / "organisation.yaml"
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith("contact:"))
    lines[at] = f"{lines[at].partition('contact:')[0]}contact: {banner}@horizon.example"
    path.write_text("\n".join(lines) + "\n")


def content(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and NEXT not in path.parts
    }


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount a small disk in memory, which only root may."""
    made: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / "disk"
        place.mkdir()
        options = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
        if os.geteuid() != 0 or not shutil.which("mount"):
            pytest.skip("a disk of a few blocks is mounted by root only")
        done = subprocess.run(options, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        made.append(place)
        return place

    yield mount
    for place in made:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_full_keeps_the_earlier_output(
    organisation: Path, mounted: Callable[..., Path]
) -> None:
    disk = mounted("8m")
    out = disk / "out"
    assert render(organisation, out).returncode == 0
    earlier = content(out)
    free = shutil.disk_usage(disk).free
    (disk / "other").write_bytes(b"x" * (free - 40_000))
    change(organisation, "somebody")
    done = render(organisation, out)
    assert done.returncode == 2
    assert "cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(out) == earlier
    assert not (out / NEXT).exists()
    (disk / "other").unlink()
    assert render(organisation, out).returncode == 0
    assert content(out) != earlier


def test_a_file_too_large_for_the_quota_keeps_the_earlier_output(
    organisation: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert render(organisation, out).returncode == 0
    earlier = content(out)
    change(organisation, "somebody")

    def quota() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))

    done = render(organisation, out, before=quota)
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert content(out) == earlier
    assert not (out / NEXT).exists()


@pytest.mark.parametrize("place", ["out", "out/mic01", "out/off01"])
def test_a_disk_that_is_read_only_keeps_the_earlier_output(
    organisation: Path, mounted: Callable[..., Path], place: str
) -> None:
    disk = mounted("8m")
    assert render(organisation, disk / "out").returncode == 0
    earlier = content(disk / "out")
    change(organisation, "somebody")
    target = str(disk / place)
    subprocess.run(["mount", "--bind", target, target], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
        done = render(organisation, disk / "out")
    finally:
        subprocess.run(["umount", target], check=True)
    assert done.returncode == 2
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    assert content(disk / "out") == earlier
    assert not (disk / "out" / NEXT).exists()


def test_of_two_renders_at_once_one_writes_and_the_other_is_told(
    organisation: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert render(organisation, out).returncode == 0
    earlier = content(out)
    other = Path(shutil.copytree(organisation, tmp_path / "other"))
    change(organisation, "one")
    change(other, "two")
    assert render(organisation, tmp_path / "one").returncode == 0
    assert render(other, tmp_path / "two").returncode == 0
    whole = [content(tmp_path / name) for name in ("one", "two")]
    assert whole[0] != whole[1] != earlier
    refused = 0
    for _ in range(4):
        pair = [
            subprocess.Popen(command(o, out), stderr=subprocess.PIPE, text=True, stdout=-3)
            for o in (organisation, other)
        ]
        for process in pair:
            _, said = process.communicate()
            assert process.returncode in (0, 2), said
            refused += "another sitekit is writing to" in said
        assert content(out) in whole
    assert refused <= 4  # never both


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment_a_render_leaves_old_or_new(
    organisation: Path, tmp_path: Path, kills: int
) -> None:
    out = tmp_path / "out"
    chance = random.Random(kills)
    assert render(organisation, out).returncode == 0
    known = {0: content(out)}
    began = time.monotonic()
    change(organisation, "person1")
    assert render(organisation, tmp_path / "whole").returncode == 0
    length = time.monotonic() - began
    ended = {"old": 0, "new": 0, "cut short": 0}
    stands = 0
    for turn in range(1, kills + 1):
        change(organisation, f"person{turn % 2}")
        if turn % 2 not in known or turn == 1:
            fresh = tmp_path / f"fresh{turn % 2}"
            assert render(organisation, fresh).returncode == 0
            known[turn % 2] = content(fresh)
        if turn == 2:
            fresh = tmp_path / "fresh0"
            assert render(organisation, fresh).returncode == 0
            known[0] = content(fresh)
        before = content(out)
        process = subprocess.Popen(command(organisation, out), stdout=-3, stderr=-3)
        # most of the time goes into rendering: look more often at the writing
        time.sleep(length * (0.3 + 0.8 * chance.random()))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if unfinished(out):
            ended["cut short"] += 1
            done = render(organisation, out)
            assert done.returncode == 0, done.stderr
            assert "cut short, now in place" in done.stderr
            assert content(out) == known[turn % 2]
        elif content(out) == known[turn % 2] != before:
            ended["new"] += 1
        else:
            assert content(out) == before
            ended["old"] += 1
        stands += 1
    assert stands == kills
    assert ended["old"]


def test_a_half_finished_output_is_not_read_as_if_it_were_whole(
    organisation: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert render(organisation, out).returncode == 0
    (out / NEXT).mkdir()
    earlier = (out / "mic01" / MANIFEST).read_text()
    (out / NEXT / "0").write_text(earlier)
    journal = {"private": False, "moves": [["mic01", MANIFEST]], "removals": []}
    (out / NEXT / JOURNAL).write_text(json.dumps(journal))
    for words in (
        ("render", str(organisation), "--compare", str(out)),
        ("check", str(organisation), "--rendered-in", str(out)),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "sitekit", *words], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "half old, half new" in done.stderr
    assert render(organisation, out).returncode == 0
    assert not unfinished(out)
