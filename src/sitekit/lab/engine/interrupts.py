"""Ctrl-C and SIGTERM of an operation: heard from its first moment on, in the middle of no step.

Before there is a run nothing can be stopped in an orderly way, so what comes early waits for it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import Lock, Thread
from types import FrameType
from typing import Any, Self

_HEARD = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Use it in a `with`; signals are again what they were after it."""

    def __init__(self) -> None:
        self._react: Callable[[], None] | None = None
        self._waiting = 0
        self._lock = Lock()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._heard) for each in _HEARD}
        return self

    def __exit__(self, *error: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def hand_to(self, react: Callable[[], None]) -> None:
        """From now on do this for each; at once for those that came before."""
        with self._lock:
            self._react, early, self._waiting = react, self._waiting, 0
        for _ in range(early):
            react()

    def _heard(self, _: int, __: FrameType | None) -> None:
        # In a thread of its own: this one may hold a lock that is needed for it.
        Thread(target=self._one, daemon=True).start()

    def _one(self) -> None:
        with self._lock:
            react = self._react
            if react is None:
                self._waiting += 1
        if react is not None:
            react()
