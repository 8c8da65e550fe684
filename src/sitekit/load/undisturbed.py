"""Work on many sites without the garbage collector reading the whole organisation again."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable
from typing import TypeVar

R = TypeVar("R")


def undisturbed(results: Iterable[R]) -> Generator[R, None, None]:
    """The results, while the collector leaves alone what was there before the first of them.

    An organisation of a thousand sites is a million objects without garbage among them: a full
    collection reads them all and finds nothing (benchmarks/run.py). What is made on the way is
    collected as always. Somebody who has frozen objects already is left in charge of them.
    """
    if gc.get_freeze_count():
        yield from results
        return
    gc.freeze()
    try:
        yield from results
    finally:
        gc.unfreeze()
