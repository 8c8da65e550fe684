from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pulumi_azure_native")
pytest.importorskip("pulumi_azuread")

from sitekit.lab.cloud.folder import STORE  # noqa: E402
from sitekit.lab.cloud.store import Store  # noqa: E402
from tests.lab_cloud import world  # noqa: E402


@pytest.fixture(scope="session")
def joined() -> dict[str, Any]:
    return json.loads(json.dumps(world.table()))  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path, joined: dict[str, Any]) -> Path:
    return world.make_folder(tmp_path / "lab", joined)


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(folder / STORE)


@pytest.fixture
def engine(folder: Path) -> Iterator[world.Engine]:
    with world.in_process(folder) as made:
        yield made
