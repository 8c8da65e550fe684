"""A Dask cluster of two real workers, each a process of its own, on the loopback interface."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sitekit import (
    InputError,
    Place,
    Problem,
    SitekitError,
    check_organisation,
    cli,
    load_organisation,
    render_sites,
)
from sitekit.load import LoadedOrganisation, cluster
from sitekit.load.spread import know, spread
from tests.organisations import HORIZON, ROOT, WRITTEN, copy_of_horizon, horizon

if "CI" not in os.environ:  # there it has to be installed
    pytest.importorskip("distributed")

CODES = ["par02", "bdx01", "lyo01", "par01"]
SECONDS = 60


@dataclass
class Cluster:
    """A scheduler and its workers, as somebody starts them in shells."""

    folder: Path
    with_sitekit: bool = True
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def workers(self) -> list[subprocess.Popen[bytes]]:
        return self.processes[1:]

    def path(self) -> list[str]:
        """Where the processes find modules: where we do, or in a folder whose sitekit is broken."""
        if self.with_sitekit:
            return [str(ROOT), *sys.path]
        missing = self.folder / "without"
        (missing / "sitekit").mkdir(parents=True, exist_ok=True)
        text = "raise ModuleNotFoundError(\"No module named 'sitekit'\", name='sitekit')\n"
        (missing / "sitekit" / "__init__.py").write_text(text)
        return [str(missing)]

    def start(self, program: str, *arguments: str) -> None:
        log = (self.folder / f"{program}-{len(self.processes)}.log").open("wb")
        with log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments],
                    cwd=self.folder,  # places are shown as where the caller stands, not here
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(self.path())},
                    stdout=log,
                    stderr=log,
                )
            )


@contextmanager
def a_cluster(folder: Path, workers: int = 2, with_sitekit: bool = True) -> Iterator[Cluster]:
    made = Cluster(folder, with_sitekit)
    where = folder / "scheduler.json"
    try:
        made.start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", str(where),
        )  # fmt: skip
        end = time.monotonic() + SECONDS
        while not made.address:
            assert time.monotonic() < end, "the scheduler did not start"
            assert made.processes[0].poll() is None, (folder / "scheduler-0.log").read_text()
            time.sleep(0.05)
            if where.exists() and where.read_text():
                made.address = json.loads(where.read_text())["address"]
        for _ in range(workers):
            made.start(
                "worker", made.address, "--host", "127.0.0.1", "--no-nanny", "--no-dashboard",
                "--nthreads", "1", "--local-directory", str(folder),
            )  # fmt: skip
        if workers:
            seen(made, workers)
        yield made
    finally:
        for process in reversed(made.processes):
            process.kill()
            process.wait()


def seen(made: Cluster, workers: int) -> None:
    from distributed import Client

    with Client(made.address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=SECONDS)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with a_cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def where_it_ran(organisation: LoadedOrganisation, code: str) -> tuple[str, int]:
    time.sleep(0.1)  # so that one worker alone does not take them all
    return organisation.sites[code].site.name, os.getpid()


def slow(organisation: LoadedOrganisation, code: str) -> tuple[str, int]:
    time.sleep(0.4)
    return organisation.sites[code].site.name, os.getpid()


def refused(organisation: LoadedOrganisation, code: str) -> str:
    raise InputError([Problem(Place(code, 3, 1), "not this one", "another", sensitive=True)])


def test_both_workers_work_and_the_result_is_in_order(two: Cluster) -> None:
    with cluster.cluster(horizon(), two.address) as pool:
        assert pool.width == 2
        seen: set[int] = set()
        ends = time.monotonic() + 60  # on a busy machine one worker may take all of them
        while len(seen) < 2 and time.monotonic() < ends:
            found = list(spread(where_it_ran, horizon(), CODES * 3, executor=pool))
            names = [horizon().sites[c].site.name for c in CODES * 3]
            assert [name for name, _ in found] == names
            seen |= {pid for _, pid in found}
    assert seen == {worker.pid for worker in two.workers}


def test_the_bytes_are_those_of_one_process(two: Cluster) -> None:
    with cluster.cluster(horizon(), two.address) as pool:
        files = list(render_sites(horizon(), CODES, executor=pool))
        report = check_organisation(horizon(), today=WRITTEN, executor=pool)
    assert files == list(render_sites(horizon(), CODES))
    assert report == check_organisation(horizon(), today=WRITTEN)


def test_places_are_those_of_the_caller(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker stands in another folder, and would show other paths."""
    copy_of_horizon(tmp_path)
    for here, named in ((tmp_path / "horizon", "."), (tmp_path, "horizon"),
                        (tmp_path / "horizon" / "sites", "..")):  # fmt: skip
        monkeypatch.chdir(here)
        organisation = load_organisation(named)
        with cluster.cluster(organisation, two.address) as pool:
            report = check_organisation(organisation, today=WRITTEN, executor=pool)
        assert report == check_organisation(organisation, today=WRITTEN)
        assert report.findings


def test_what_a_worker_refuses_is_refused_here(two: Cluster) -> None:
    with cluster.cluster(horizon(), two.address) as pool:
        results = spread(refused, horizon(), CODES, executor=pool)
        with pytest.raises(InputError, match="not this one") as caught:
            next(results)
    (problem,) = caught.value.problems
    assert (problem.place, problem.hint, problem.sensitive) == (Place("par02", 3, 1), "another", 1)


def test_an_input_error_survives_a_process() -> None:
    error = InputError([Problem(Place("a", 1), "one"), Problem(Place("a", 2), "two", "hint")])
    again = pickle.loads(pickle.dumps(error))
    assert (again.problems, str(again)) == (error.problems, str(error))


def test_verbs_take_a_scheduler(
    two: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out, more in (("here", []), ("there", ["--scheduler", two.address])):
        code = cli.run(["render", str(HORIZON), "--out", str(tmp_path / out), *more])
        assert code == 0, capsys.readouterr().err
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    capsys.readouterr()
    said = []
    for more in ([], ["--scheduler", two.address]):
        asked = ["check", str(HORIZON), "--today", str(WRITTEN), "--rendered", "--json", *more]
        assert cli.run(asked) == 0
        said.append(capsys.readouterr())
    assert said[0] == said[1]
    assert said[0].err == ""
    assert json.loads(said[0].out)["findings"]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_lost_worker_loses_nothing(tmp_path: Path) -> None:
    lost: list[bool] = []
    with a_cluster(tmp_path) as made, cluster.cluster(horizon(), made.address) as pool:
        results = spread(
            slow, horizon(), CODES * 2, executor=pool, on_lost_workers=lambda: lost.append(True)
        )
        found = [next(results)]
        made.workers[0].send_signal(signal.SIGKILL)
        found += results
    assert [name for name, _ in found] == [horizon().sites[c].site.name for c in CODES * 2]
    assert {pid for _, pid in found} <= {worker.pid for worker in made.workers}
    assert lost == []


def test_without_any_worker_left_the_rest_is_done_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SECONDS_WITHOUT_WORKERS", 0.5)
    lost: list[bool] = []
    with a_cluster(tmp_path) as made, cluster.cluster(horizon(), made.address) as pool:
        results = spread(
            slow, horizon(), CODES, executor=pool, on_lost_workers=lambda: lost.append(True)
        )
        found = [next(results)]
        for worker in made.workers:
            worker.send_signal(signal.SIGKILL)
        found += results
        again = list(spread(where_it_ran, horizon(), CODES, executor=pool))
    assert [name for name, _ in found] == [horizon().sites[c].site.name for c in CODES]
    assert found[-1][1] == os.getpid()
    assert lost == [True]
    assert {pid for _, pid in again} == {os.getpid()}


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_scheduler_loses_nothing(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "SECONDS_WITHOUT_WORKERS", 0.5)
    with a_cluster(tmp_path) as made, cluster.cluster(horizon(), made.address) as pool:
        results = spread(slow, horizon(), CODES, executor=pool)
        found = [next(results)]
        made.processes[0].send_signal(how)
        found += results
    assert [name for name, _ in found] == [horizon().sites[c].site.name for c in CODES]


@pytest.mark.slow
def test_render_ends_whole_when_every_worker_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workers die while the verb works; the files are all there and the note says so."""
    monkeypatch.setattr(cluster, "SECONDS_WITHOUT_WORKERS", 0.5)
    assert cli.run(["render", str(HORIZON), "--out", str(tmp_path / "here")]) == 0
    with a_cluster(tmp_path) as made:
        looked = cluster._look_at_workers

        def look_and_kill(*arguments: object) -> None:
            looked(*arguments)  # type: ignore[arg-type]
            for worker in made.workers:
                worker.send_signal(signal.SIGKILL)

        monkeypatch.setattr(cluster, "_look_at_workers", look_and_kill)
        asked = ["render", str(HORIZON), "--out", str(tmp_path / "there")]
        assert cli.run([*asked, "--scheduler", made.address]) == 0
    assert "workers were lost; the rest is done here\n" in capsys.readouterr().err
    assert tree(tmp_path / "there") == tree(tmp_path / "here")


# --- what cannot work says so, with exit code 2 and nothing written ----------------------------


def fails(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str) -> str:
    code = cli.run(["render", *arguments, "--out", str(out)])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "Traceback" not in said.err
    assert not out.exists()
    return said.err


def test_a_scheduler_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 0.5)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", address)
    assert said.startswith(f"error: the scheduler {address} does not answer: ")
    assert "hint: start one: dask scheduler" in said


def test_somebody_else_who_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"

        def talk() -> None:
            with server.accept()[0] as guest:
                guest.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", address)
    assert said.startswith(f"error: the scheduler {address} does not answer: ")


def test_a_scheduler_without_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 1)
    with a_cluster(tmp_path, workers=0) as made:
        said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", made.address)
    assert said == (
        f"error: the scheduler {made.address} has no worker\n"
        f"  hint: start some: dask worker {made.address}\n"
    )


@pytest.mark.parametrize(
    ("changed", "message", "hint"),
    [
        ({"folder": "/nowhere/horizon"}, " cannot see /nowhere/horizon\n", "under the same path"),
        ({"digest": "0" * 64}, f" read other files in {HORIZON} than the caller\n", "same state"),
    ],
)
def test_workers_that_see_other_files(
    changed: dict[str, str], message: str, hint: str,
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The workers answer truly; it is the caller that sees something that they do not."""
    monkeypatch.setattr(cluster, "know", lambda loaded: know(loaded)._replace(**changed))
    said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", two.address)
    assert re.match(r"error: worker tcp://127\.0\.0\.1:\d+ \(and 1 more\): a worker on ", said)
    assert message in said
    assert hint in said


def test_workers_with_another_sitekit(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with cluster.cluster(horizon(), two.address) as pool:
        monkeypatch.setattr(cluster, "_own_code", lambda: "another")
        with pytest.raises(SitekitError, match="is another one than the caller's"):
            next(spread(where_it_ran, horizon(), CODES, executor=pool))
    said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", two.address)
    assert "is another one than the caller's\n" in said
    assert "hint: install the same version on every worker" in said


@pytest.mark.slow
def test_workers_without_sitekit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_cluster(tmp_path, with_sitekit=False) as made:
        said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", made.address)
        assert ": a worker has no sitekit, or one without this task\n" in said
        monkeypatch.setattr(cluster, "_look_at_workers", lambda *_: None)  # they came later
        said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", made.address)
        assert said.startswith("error: a worker has no sitekit, or one without this task\n")


def test_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", "tcp://127.0.0.1:1")
    assert said == (
        'error: a scheduler needs the package distributed\n  hint: pip install "sitekit[scale]"\n'
    )


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://h:1", "tcp://", "tcp://h", "inproc"])
def test_what_is_no_address(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", address)
    assert said.startswith(f"error: '{address}' is not the address of a scheduler\n")


def test_tls_without_certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fails(capsys, tmp_path / "out", str(HORIZON), "--scheduler", "tls://127.0.0.1:1")
    assert said.startswith("error: the scheduler tls://127.0.0.1:1 does not answer: ")


def test_workers_here_or_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"]
    said = fails(capsys, tmp_path / "out", str(HORIZON), *asked)
    assert "--workers are of this machine: without --scheduler" in said
