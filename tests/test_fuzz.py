"""The loader under hostile files: a few always, every shape in every file in test-all.

A hundred thousand: `make fuzz`. What it finds is kept in tests/fuzz/found/ and tried here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import inputs
from tests.fuzz.inputs import SHAPES_EACH, Case, case
from tests.fuzz.run import FOUND, Verdict, alone, fuzz, said, store, stored, try_files


@pytest.mark.parametrize(
    ("first", "number"),
    [(50_000, 240), pytest.param(0, 8_000, marks=pytest.mark.slow)],
    ids=["few", "every-shape"],
)
def test_nothing_breaks_the_loader(first: int, number: int) -> None:
    report = fuzz(number, first=first)
    assert report.inputs == number
    assert not report.findings, said(report, seconds=0)


def test_every_shape_in_every_file_is_among_the_first() -> None:
    shapes = inputs._every_shape()
    assert {name for _, name in shapes} == set(inputs.SHAPES)
    assert len(shapes) * SHAPES_EACH < 8_000


@pytest.mark.parametrize("path", sorted(FOUND.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_found_once_is_mended(path: Path) -> None:
    verdict = alone(stored(path))
    assert verdict.kind == "", verdict.detail


def test_a_case_is_the_same_for_the_same_number_and_can_be_kept(tmp_path: Path) -> None:
    for number in (0, 1, 12, 71, 600):
        assert case(1, number) == case(1, number)
        assert stored(store(case(1, number), ("crash", str(number)), tmp_path)) == case(1, number)


def test_the_watch_sees_what_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object) -> None:
        raise RecursionError("too deep")

    def slow(folder: object) -> None:
        until = time.process_time() + 2.1
        while time.process_time() < until:
            pass
        raise InputError([])

    import time

    from sitekit.errors import InputError

    base = Case(dict(inputs._base()), "nothing")
    kinds = []
    for how in (failing, slow):
        monkeypatch.setattr("sitekit.load.load_organisation", how)
        kinds.append(try_files(base, tmp_path / how.__name__).kind)
    monkeypatch.undo()
    assert kinds == ["crash", "slow"]
    verdict = alone(base)  # this process may have had more memory before
    assert verdict == Verdict("", "", True, verdict.seconds, verdict.megabytes)
