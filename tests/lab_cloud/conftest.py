from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sitekit.lab.cloud.folder import STORE
from sitekit.lab.cloud.store import Store

if TYPE_CHECKING:
    from tests.lab_cloud import world

NEEDED = ("pulumi", "pulumi_azure_native", "pulumi_azuread", "grpc")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if MISSING:  # test_installed.py says so
    collect_ignore = [
        path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if "installed" not in path.name
    ]


@pytest.fixture(scope="session")
def joined() -> dict[str, Any]:
    from tests.lab_cloud import world

    return json.loads(json.dumps(world.table()))  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path, joined: dict[str, Any]) -> Path:
    from tests.lab_cloud import world

    return world.make_folder(tmp_path / "lab", joined)


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(folder / STORE)


@pytest.fixture
def engine(folder: Path) -> Iterator[world.Engine]:
    from tests.lab_cloud import world

    with world.in_process(folder) as made:
        yield made


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """Where the Graph of the lab answers, for as long as a test lasts."""
    from sitekit.lab.cloud import server

    running = server.start(folder)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
