"""Files onto the disk: whole or not at all, only where they belong, whatever happens meanwhile."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from sitekit.cli.output import JOURNAL, MANIFEST, NEXT, WriteReport, unfinished, write_artifacts
from sitekit.errors import OutputError
from sitekit.render.artifact import Artifact

ODD = ["", ".", "..", "../x", "a/../x", "/etc/x", "a\\b", "a\nb", "a\x00b", "a\x1b", ".hidden"]
ODD += ["a/.hidden", "\udc80", "\u202etxt", MANIFEST]


def site(code: str, **texts: str) -> list[tuple[str, Artifact]]:
    return [
        (code, Artifact(PurePosixPath(name.replace("__", "/").replace("_", ".")), text))
        for name, text in texts.items()
    ]


def write(out: Path, *artifacts: tuple[str, Artifact], **options: object) -> WriteReport:
    return write_artifacts(artifacts, out, **{"prune": False, **options})  # type: ignore[arg-type]


def tree(out: Path) -> dict[str, str]:
    """Every file but the manifests."""
    return {
        str(path.relative_to(out)): path.read_text()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def listed(out: Path, code: str) -> list[str]:
    return list(json.loads((out / code / MANIFEST).read_text())["files"])


# --- writing -----------------------------------------------------------------------------------


def test_sites_are_written_below_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    report = write(
        out, *site("par01", sw_cfg="é\n", plans__ports_csv="x\r\n"), *site("lyo01", a="1")
    )
    assert report == WriteReport(written=["par01/sw.cfg", "par01/plans/ports.csv", "lyo01/a"])
    assert (out / "par01/sw.cfg").read_bytes() == b"\xc3\xa9\n"
    assert (out / "par01/plans/ports.csv").read_bytes() == b"x\r\n"
    assert listed(out, "par01") == ["plans/ports.csv", "sw.cfg"]


def test_only_changed_files_are_touched(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="2"))
    before = {name: (tmp_path / "par01" / name).stat() for name in ("a", "b", MANIFEST)}

    def changed(name: str) -> bool:
        now, then = (tmp_path / "par01" / name).stat(), before[name]
        return (now.st_ino, now.st_mtime_ns) != (then.st_ino, then.st_mtime_ns)

    report = write(tmp_path, *site("par01", a="1", b="2"))
    assert report == WriteReport(unchanged=["par01/a", "par01/b"])
    assert not any(changed(name) for name in before)
    report = write(tmp_path, *site("par01", a="1", b="3"))
    assert (report.written, report.unchanged) == (["par01/b"], ["par01/a"])
    assert (tmp_path / "par01/a").stat().st_ino == before["a"].st_ino
    assert (tmp_path / "par01/b").stat().st_ino != before["b"].st_ino


def test_the_same_artifacts_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    write(tmp_path / "x", *site("par01", a="1", b="2"))
    write(tmp_path / "y", *reversed(site("par01", a="1", b="2")))
    x, y = (tmp_path / name / "par01" / MANIFEST for name in "xy")
    assert x.read_bytes() == y.read_bytes()


def test_a_mode_is_kept_and_a_new_file_has_the_usual_one(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1"))
    umask = os.umask(0)
    os.umask(umask)
    assert mode(tmp_path / "par01/a") == 0o666 & ~umask
    (tmp_path / "par01/a").chmod(0o640)
    write(tmp_path, *site("par01", a="2", b="2"))
    assert mode(tmp_path / "par01/a") == 0o640


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_private_files_are_their_owners_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, *site("par01", a="1"))
    report = write(out, *site("par01", a="1", plans__b="2"), private=True)
    assert report.written == ["par01/a", "par01/plans/b"]
    assert report.overwritten == []
    for name in ("a", "plans/b", MANIFEST):  # digests count as secrets
        assert mode(out / "par01" / name) == 0o600
    assert mode(out / "par01/plans") == 0o700


def test_nothing_is_put_in_place_before_all_of_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="old", b="old"), *site("par02", a="old"))
    before = tree(tmp_path)

    def artifacts() -> Iterator[tuple[str, Artifact]]:
        yield from site("par01", a="new", b="new")
        yield from site("par02", a="new")
        assert (tmp_path / "par01/a").read_text() == "old"
        raise RuntimeError("a template broke")

    with pytest.raises(RuntimeError, match="a template broke"):
        write_artifacts(artifacts(), tmp_path, prune=True)
    assert tree(tmp_path) == before
    assert not (tmp_path / NEXT).exists()


def test_one_site_comes_in_one_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two places"):
        write(tmp_path, *site("par01", a="1"), *site("par02", a="1"), *site("par01", b="1"))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"two files are to be called .*par01/a"):
        write(tmp_path, *site("par01", a="1"), *site("par01", a="2"))


def test_text_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not Unicode"):
        write(tmp_path, *site("par01", a="\udc80"))


# --- edited, stale, pruned ---------------------------------------------------------------------


def test_a_file_edited_by_hand_is_overwritten_and_named(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1"))
    (tmp_path / "par01/a").write_text("mine")
    report = write(tmp_path, *site("par01", a="1", b="2"))
    assert report.written == ["par01/a", "par01/b"]
    assert report.overwritten == ["par01/a"]
    assert (tmp_path / "par01/a").read_text() == "1"


def test_a_file_that_was_there_before_us_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "par01").mkdir()
    (tmp_path / "par01/a").write_text("mine")
    assert write(tmp_path, *site("par01", a="1")).overwritten == ["par01/a"]


def test_an_edit_that_became_the_design_is_no_loss(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1"))
    (tmp_path / "par01/a").write_text("2")
    report = write(tmp_path, *site("par01", a="2"))
    assert report == WriteReport(unchanged=["par01/a"])


def test_files_of_removed_devices_are_named_and_go_only_with_prune(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1", plans__c="1"))
    for _ in range(2):
        report = write(tmp_path, *site("par01", a="1"))
        assert report.stale == ["par01/b", "par01/plans/c"]
    assert set(tree(tmp_path)) == {"par01/a", "par01/b", "par01/plans/c"}
    report = write(tmp_path, *site("par01", a="1"), prune=True)
    assert (report.stale, report.pruned) == ([], ["par01/b", "par01/plans/c"])
    assert set(tree(tmp_path)) == {"par01/a"}
    assert not (tmp_path / "par01/plans").exists()
    assert listed(tmp_path, "par01") == ["a"]


def test_prune_removes_nothing_that_the_manifest_does_not_list(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", plans__c="1"))
    (tmp_path / "par01/notes.txt").write_text("mine")
    (tmp_path / "par01/plans/notes.txt").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    report = write(tmp_path, *site("par01", b="1"), prune=True, known_sites=["par01"])
    assert report.pruned == ["par01/a", "par01/plans/c"]
    assert set(tree(tmp_path)) == {
        "par01/b",
        "par01/notes.txt",
        "par01/plans/notes.txt",
        "other/notes.txt",
    }


def test_prune_keeps_what_was_edited_by_hand(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1"))
    (tmp_path / "par01/b").write_text("mine")
    for _ in range(2):
        report = write(tmp_path, *site("par01", a="1"), prune=True)
        assert (report.pruned, report.kept) == ([], ["par01/b"])
    assert (tmp_path / "par01/b").read_text() == "mine"


def test_a_stale_file_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1", plans__c="1"))
    (tmp_path / "par01/b").unlink()
    (tmp_path / "par01/plans/c").unlink()
    (tmp_path / "par01/plans").rmdir()
    report = write(tmp_path, *site("par01", a="1"), prune=True)
    assert report == WriteReport(unchanged=["par01/a"])
    assert listed(tmp_path, "par01") == ["a"]


def test_the_folder_of_a_removed_site_is_stale(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1"), *site("par02", b="1"))
    report = write(tmp_path, *site("par01", a="1"), known_sites=["par01", "par03"])
    assert report.stale == ["par02/b"]
    assert write(tmp_path, *site("par01", a="1"), known_sites=["par01", "par02"]).stale == []
    report = write(tmp_path, *site("par01", a="1"), known_sites=["par01"], prune=True)
    assert report.pruned == ["par02/b"]
    assert not (tmp_path / "par02").exists()


def test_a_merge_conflict_in_a_manifest_forgets_nothing(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1", b="1"))
    ours = (tmp_path / "par01" / MANIFEST).read_text()
    write(tmp_path, *site("par01", a="2", c="1"), prune=True)
    theirs = (tmp_path / "par01" / MANIFEST).read_text()
    (tmp_path / "par01/b").write_text("1")
    (tmp_path / "par01" / MANIFEST).write_text(f"<<<<<<< a\n{ours}=======\n{theirs}>>>>>>> b\n")
    report = write(tmp_path, *site("par01", a="3"), prune=True)
    assert report == WriteReport(written=["par01/a"], pruned=["par01/b", "par01/c"])


@pytest.mark.parametrize("text", ["", "{}", "nonsense", "[1]", "\xff"])
def test_a_manifest_that_we_did_not_write_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "par01").mkdir()
    (tmp_path / "par01" / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(OutputError):
        write(tmp_path, *site("par01", a="1"))
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", ["../../victim", "/victim", "plans/../../victim", "..", MANIFEST])
def test_a_manifest_leads_nowhere(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    victim = tmp_path / "victim"
    victim.write_text("1")
    write(out, *site("par01", a="1"))
    manifest = out / "par01" / MANIFEST
    digest = json.loads(manifest.read_text())["files"]["a"]
    manifest.write_text(json.dumps({"files": {name: digest}}, indent=1))
    with pytest.raises(OutputError):
        write(out, *site("par01", b="1"), prune=True)
    assert victim.read_text() == "1"


# --- attacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    for code, path in (("par01", name), (name, "a")):
        with pytest.raises(OutputError, match="cannot be the name of a file here"):
            write(out, (code, Artifact(PurePosixPath(path), "1")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_site_is_one_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be the name"):
        write(tmp_path, *site("a/b", a="1"))


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("out", "outside"),
        ("out", "gone"),
        ("out/par01", "outside"),
        ("out/par01", "gone"),
        ("out/par01/plans", "outside"),
        ("out/par01/a", "outside/a"),
        ("out/par01/a", "gone"),
        (f"out/par01/{MANIFEST}", "outside/a"),
        (f"out/par01/{MANIFEST}", "gone"),
    ],
)
def test_links_are_not_followed(tmp_path: Path, place: str, target: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a").write_text("precious")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).symlink_to(tmp_path / target)
    for prune in (False, True):
        with pytest.raises(OutputError, match="link"):
            write(tmp_path / "out", *site("par01", a="1", plans__a="1"), prune=prune)
    assert tree(tmp_path / "outside") == {"a": "precious"}
    assert not (tmp_path / "gone").exists()


def test_prune_does_not_follow_links(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    write(out, *site("par01", a="1", b="1", plans__c="1"))
    outside.mkdir()
    (outside / "c").write_text("1")
    (out / "par01/b").unlink()
    (out / "par01/b").symlink_to(outside / "c")
    (out / "par01/plans/c").unlink()
    (out / "par01/plans").rmdir()
    (out / "par01/plans").symlink_to(outside)
    report = write(out, *site("par01", a="1"), prune=True)
    assert report.kept == ["par01/b", "par01/plans/c"]
    assert tree(outside) == {"c": "1"}


def test_links_swapped_in_while_we_write_lead_nowhere(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    write(out, *site("par01", a="old"))

    def artifacts() -> Iterator[tuple[str, Artifact]]:
        yield from site("par01", a="1")
        (out / "par01").rename(out / "moved")
        (out / "par01").symlink_to(outside)
        yield from site("par01", b="1")

    with pytest.raises(OutputError, match="par01 is a link"):
        write_artifacts(artifacts(), out, prune=True)
    assert tree(outside) == {}
    assert (out / "moved/a").read_text() == "old"
    (out / "par01").unlink()
    assert write(out, *site("par01", a="1", b="1")).completed == ["par01/a", "par01/b"]


@pytest.mark.parametrize(
    "journal",
    [
        '{"private": false, "moves": [["par01", "../../victim"]], "removals": []}',
        '{"private": false, "moves": [["..", "victim"]], "removals": []}',
        '{"private": false, "moves": [], "removals": [["..", "victim", "DIGEST"]]}',
        '{"private": false, "moves": [], "removals": [["par01", "/victim", "DIGEST"]]}',
        '{"moves": []}',
        "[" * 100_000,
        "",
    ],
)
def test_a_journal_that_we_did_not_write_leads_nowhere(tmp_path: Path, journal: str) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_text("1")
    digest = hashlib.sha256(b"1").hexdigest()
    (out / NEXT).mkdir(parents=True)
    (out / NEXT / "0").write_text("bad")
    (out / NEXT / JOURNAL).write_text(journal.replace("DIGEST", digest))
    with pytest.raises(OutputError):
        write(out, *site("par01", b="1"))
    assert victim.read_text() == "1"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "par01/a"
    place.parent.mkdir()
    place.mkdir() if kind == "folder" else os.mkfifo(place)
    with pytest.raises(OutputError, match="not a file"):
        write(tmp_path, *site("par01", a="1"))


def test_a_hard_link_elsewhere_keeps_its_content(tmp_path: Path) -> None:
    write(tmp_path / "out", *site("par01", a="1"))
    os.link(tmp_path / "out/par01/a", tmp_path / "elsewhere")
    write(tmp_path / "out", *site("par01", a="2"))
    assert (tmp_path / "elsewhere").read_text() == "1"


def test_an_out_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file/x", tmp_path / "nul\0"):
        with pytest.raises(OutputError, match="cannot be opened"):
            write(out, *site("par01", a="1"))


@pytest.fixture(params=["", "par01"])
def nobody(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder in which we may not write; root gives its rights away for the time of a test."""
    folder = Path(tempfile.mkdtemp())
    write(folder, *site("par01", a="old"), *site("par02", a="old"))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777)
    (folder / request.param).chmod(0o555)
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(mine)
        shutil.rmtree(folder)


def test_a_folder_without_permission_is_said(nobody: Path) -> None:
    with pytest.raises(OutputError, match=r"par01/a cannot be written: Permission denied"):
        write(nobody, *site("par01", a="1"), *site("par02", a="1"))
    assert tree(nobody) == {"par01/a": "old", "par02/a": "old"}


def test_a_full_disk_is_said_and_the_old_file_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *site("par01", a="1", b="1"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="par01/a cannot be written: No space left on device"):
        write(tmp_path, *site("par01", a="2", b="2"))
    monkeypatch.undo()
    assert tree(tmp_path) == {"par01/a": "1", "par01/b": "1"}


# --- at once, and killed -----------------------------------------------------------------------


def test_one_run_at_a_time(tmp_path: Path) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(OutputError, match="another sitekit is writing to"):
        write(tmp_path, *site("par01", a="1"))
    os.close(held)
    assert write(tmp_path, *site("par01", a="1")).written == ["par01/a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["par01"]


def test_what_a_killed_run_left_before_its_journal_is_cleared(tmp_path: Path) -> None:
    write(tmp_path, *site("par01", a="1"))
    (tmp_path / NEXT).mkdir()
    (tmp_path / NEXT / "0").write_text("half")
    (tmp_path / NEXT / f"{JOURNAL}~").write_text("half")
    assert write(tmp_path, *site("par01", a="1")).unchanged == ["par01/a"]
    assert not (tmp_path / NEXT).exists()


STEPS = ("open", "mkdir", "rename", "unlink", "rmdir", "fsync", "fchmod")


def test_ended_at_any_system_call_the_output_is_old_or_new(tmp_path: Path) -> None:
    """A child ends itself before its first, second, third... call that changes the disk."""
    old = [*site("par01", a="old", b="old", plans__c="old"), *site("par02", a="old")]
    new = [*site("par01", a="new", b="new", day__d="new"), *site("par03", a="new")]
    sites = ["par01", "par03"]
    olds, news = tmp_path / "old", tmp_path / "new"
    write(olds, *old)
    write(news, *old)
    write(news, *new, prune=True, known_sites=sites)
    ends, cut_short = 0, 0
    while True:
        out = tmp_path / f"out{ends}"
        write(out, *old)
        child = os.fork()
        if not child:
            _end_before(ends)
            write(out, *new, prune=True, known_sites=sites)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9)
        stands = {name: text for name, text in tree(out).items() if not name.startswith(NEXT)}
        if unfinished(out):
            cut_short += 1
        else:
            assert stands in (tree(olds), tree(news)), f"at step {ends}"
        report = write(out, *(new if unfinished(out) else old), known_sites=None)
        if report.completed:
            assert tree(out) == tree(news)
            assert listed(out, "par01") == listed(news, "par01")
            assert report.unchanged == ["par01/a", "par01/b", "par01/day/d", "par03/a"]
        assert not (out / NEXT).exists()
        if code == 0:
            break
        ends += 1
    assert cut_short >= 8  # a file in place and the next one not: it does happen, and is told
    assert ends > 30


def _end_before(steps: int) -> None:
    left = steps

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                os._exit(9)
            left -= 1
            return call(*arguments, **options)

        return counting

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


WRITER = """
import sys
import tempfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from sitekit.cli.output import write_artifacts

def artifacts(generation):
    for code in ("par01", "par02"):
        names = [f"f{n}" for n in range(5)] + [f"plans/g{generation % 3}"]
        for name in names:
            text = f"{generation}\\n" * 20_000 + "end\\n"
            yield code, SimpleNamespace(path=PurePosixPath(name), text=text)

out = Path(sys.argv[1])
for generation in range(int(sys.argv[2]), int(sys.argv[3])):
    write_artifacts(artifacts(generation), out, prune=True)
    print(generation, flush=True)
"""


@pytest.mark.parametrize(
    "kills", [12, pytest.param(60, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_killed_at_any_moment_the_output_is_old_or_new(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    generation = 0
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(generation), "100000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        first = process.stdout.readline()  # proves that the run after a kill works
        assert first == f"{generation}\n"
        time.sleep(chance.random() * 0.06)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        last = int(rest[-1]) if rest else generation
        cut_short = unfinished(tmp_path)
        seen = set()
        for path in tmp_path.glob("par*/**/[fg]*"):
            lines = path.read_text().splitlines()
            assert len(lines) == 20_001
            assert lines[-1] == "end"
            assert len(set(lines[:-1])) == 1
            seen.add(int(lines[0]))
        assert seen <= {last, last + 1}
        assert len(seen) == 1 or cut_short
        generation = last + 2
    # Nothing is left over: no half file, no file of a device that is gone, no false alarm.
    report = write(tmp_path, *site("par01", f0="x"), *site("par02", f0="x"), prune=True)
    assert set(tree(tmp_path)) == {"par01/f0", "par02/f0"}
    assert (report.overwritten, report.kept, report.stale) == ([], [], [])
