"""What comes before there is a run waits for it, and nothing is raised in the middle of a step."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

pytest.importorskip("pulumi")

from sitekit.lab.engine.interrupts import Interrupts


def _until(heard: list[str], count: int) -> None:
    end = time.monotonic() + 10
    while len(heard) < count and time.monotonic() < end:
        time.sleep(0.01)


def test_an_early_interrupt_waits_for_the_run() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        while [t for t in threading.enumerate() if "_one" in t.name]:
            time.sleep(0.01)
        interrupts.hand_to(lambda: heard.append("run"))
        assert heard == ["run", "run"]
        os.kill(os.getpid(), signal.SIGINT)
        _until(heard, 3)
        interrupts.hand_to(lambda: heard.append("over"))
        os.kill(os.getpid(), signal.SIGINT)
        _until(heard, 4)
    assert heard == ["run", "run", "run", "over"]
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
