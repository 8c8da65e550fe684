"""The oracles run in their own environment; without it they are skipped, in CI they fail."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

import pytest

GRAMMARS = ("fortios", "fortios_limits", "ios_lines", "ios_native", "ios_tests")


@cache
def missing() -> str:
    """What is not there, and the command that brings it; nothing when all is there."""
    lacking = [
        name for name in GRAMMARS if not (Path(sys.prefix) / "grammars" / f"{name}.json").is_file()
    ]
    if importlib.util.find_spec("pyavd") is None:
        lacking.append("pyavd")
    if not lacking:
        return ""
    return f"no {', '.join(lacking)} in this environment: `make oracles` makes .venv-oracles"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [i for i in items if Path(__file__).parent in i.path.parents]
    for item in here:
        item.add_marker(pytest.mark.slow)
        if missing() and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason=missing()))


@pytest.fixture(autouse=True)
def _vendor_data() -> None:
    if missing():
        pytest.fail(missing())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests recorded, whichever process ran them."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", ()):
                if name == "figures" and report.when == "call":
                    terminalreporter.write_line(str(text))
