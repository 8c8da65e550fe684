"""What all tests share: the slow ones, the renewal of golden files, and calm Hypothesis runs."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# What tests remember is theirs: nothing of the user's is read, and nothing stays.
os.environ.pop("SITEKIT_NO_CACHE", None)
os.environ["SITEKIT_CACHE_DIR"] = tempfile.mkdtemp(prefix="sitekit-tests-")
atexit.register(shutil.rmtree, os.environ["SITEKIT_CACHE_DIR"], ignore_errors=True)

# A shell's background job ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow proofs as well")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: a proof of more than a few seconds (make test-all)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: make test-all runs it")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Modules whose tests build upon one another stay whole."""
    from tests.sharing import scheduler

    return scheduler(config, log)
