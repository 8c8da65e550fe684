"""Work spread over many sites gives the same bytes in the same order, whoever does it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from sitekit import SitekitError, check_organisation, cli, load_organisation, render_sites
from sitekit.load import LoadedOrganisation
from sitekit.load.spread import fingerprint, know, processes, run, sensible_workers, spread
from tests.organisations import HORIZON, WRITTEN, copy_of_horizon, edit, horizon

CODES = ["par02", "bdx01", "lyo01"]


def code_of(organisation: LoadedOrganisation, code: str) -> tuple[str, int]:
    """A task that says where it ran."""
    return organisation.sites[code].site.name, os.getpid()


def dies_away_from_home(organisation: LoadedOrganisation, code: str) -> str:
    """A task that kills its worker, and works where it was asked for."""
    if multiprocessing.parent_process() is not None:
        os._exit(9)
    return organisation.sites[code].site.name


def refuses_bordeaux(organisation: LoadedOrganisation, code: str) -> str:
    if code == "bdx01":
        raise SitekitError("not this one")
    return code


@pytest.fixture(params=["threads", "forked", "spawned"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "threads":
        return ThreadPoolExecutor(2)
    method = {"forked": "fork", "spawned": "spawn"}[request.param]
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_files_are_the_same_whoever_makes_them(executor: Executor) -> None:
    alone = list(render_sites(horizon(), CODES))
    with executor:
        spread_out = list(render_sites(horizon(), CODES, executor=executor, workers=2))
    assert [code for code, _ in spread_out] == CODES
    assert spread_out == alone


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_report_is_the_same_whoever_makes_it(executor: Executor) -> None:
    alone = check_organisation(horizon(), today=WRITTEN)
    with executor:
        report = check_organisation(horizon(), today=WRITTEN, executor=executor, workers=2)
    assert report == alone


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes_really_work_elsewhere() -> None:
    with processes(horizon(), 2) as pool:
        assert pool is not None
        found = list(spread(code_of, horizon(), CODES, executor=pool, workers=2))
    assert [name for name, _ in found] == [horizon().sites[c].site.name for c in CODES]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_lost_worker_loses_nothing() -> None:
    lost: list[bool] = []
    with processes(horizon(), 2) as pool:
        found = list(
            spread(
                dies_away_from_home,
                horizon(),
                CODES,
                executor=pool,
                workers=2,
                on_lost_workers=lambda: lost.append(True),
            )
        )
    assert found == [horizon().sites[c].site.name for c in CODES]
    assert lost == [True]


class _Gone(ThreadPoolExecutor):
    """A pool whose workers were lost before anything was asked of it."""

    def submit(self, *_: object, **__: object) -> NoReturn:
        raise BrokenExecutor


def test_a_pool_that_takes_nothing_is_told_once_and_loses_nothing() -> None:
    lost: list[bool] = []
    with _Gone(1) as pool:
        found = list(
            spread(
                code_of,
                horizon(),
                CODES,
                executor=pool,
                workers=2,
                on_lost_workers=lambda: lost.append(True),
            )
        )
    assert found == [(horizon().sites[c].site.name, os.getpid()) for c in CODES]
    assert lost == [True]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_check_has_the_workers_that_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pools: list[tuple[int, bool]] = []

    @contextmanager
    def seen(organisation: LoadedOrganisation, workers: int) -> Iterator[Executor | None]:
        with processes(organisation, workers) as pool:
            pools.append((workers, isinstance(pool, ProcessPoolExecutor)))
            yield pool

    monkeypatch.setattr("sitekit.load.spread.processes", seen)
    asked = ["check", str(HORIZON), "--today", str(WRITTEN)]
    codes = [cli.run([*asked, "--workers", number]) for number in ("1", "2")]
    assert codes == [0, 0]
    assert pools == [(1, False), (2, True)]
    said = capsys.readouterr().out
    assert said[: len(said) // 2] == said[len(said) // 2 :] != ""


def test_an_error_comes_in_its_turn() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = spread(refuses_bordeaux, horizon(), CODES, executor=pool, workers=2)
        assert next(results) == "par02"
        with pytest.raises(SitekitError, match="not this one"):
            next(results)


def test_a_worker_that_reads_other_files_says_so(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    before = fingerprint(folder)
    assert before == fingerprint(folder)
    edit(folder / "sites" / "bdx01.yaml", "people: 4", "people: 5")
    assert fingerprint(folder) != before
    source = know(load_organisation(folder))._replace(digest=before)
    with pytest.raises(SitekitError, match="read other files"):
        run(code_of, source, "bdx01")


def test_few_sites_are_not_worth_a_process() -> None:
    assert sensible_workers(6) == 1
    assert sensible_workers(1000) >= 1
    with processes(load_organisation(HORIZON), 1) as pool:
        assert pool is None
