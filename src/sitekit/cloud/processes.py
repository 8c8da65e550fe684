"""Processes that run stacks, and how Ctrl-C reaches the engines in them: once, and no process more.

A terminal sends its interrupt to every process of a group at once. Workers leave that group, so
that an engine hears of it once, from here: the first time it finishes what is under way, the
second time it gives up. Where the program itself was killed, its workers notice and do the same.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from types import FrameType

_LOOK_S = 0.5
_stopping = threading.Event()


@contextmanager
def pool(most: int) -> Iterator[ProcessPoolExecutor]:
    """Up to so many workers, each in a process group of its own."""
    with ProcessPoolExecutor(
        most, mp_context=get_context("spawn"), initializer=_begin_worker
    ) as found:
        yield found


@contextmanager
def passing_on_interrupts(told: threading.Event) -> Iterator[None]:
    """From here on Ctrl-C and SIGTERM set `told` and go to the engines, and end nothing here."""

    def interrupted(_: int, __: FrameType | None) -> None:
        told.set()
        for worker in active_children():
            if worker.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGINT)

    before = {each: signal.signal(each, interrupted) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def interrupted() -> bool:
    """In a worker: whether it was told to end what it does."""
    return _stopping.is_set()


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, lambda _, __: _interrupt_engines())
    with suppress(OSError):
        os.setpgid(0, 0)
    threading.Thread(target=_end_with_the_program, daemon=True).start()


def _interrupt_engines() -> None:
    _stopping.set()
    for engine in _children():
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGINT)


def _children() -> list[int]:
    """The processes that this one started and that are still at work."""
    import psutil  # comes with sitekit[cloud]; without that no engine was ever started

    return [child.pid for child in psutil.Process().children()]


def _end_with_the_program() -> None:
    """When the program is gone nobody reads outcomes: end the engines well, then this worker."""
    parent = parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    _interrupt_engines()
    while _children():
        time.sleep(_LOOK_S)
    os._exit(1)
