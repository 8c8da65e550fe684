"""Without the provider packages the lab says what is missing, and these tests say that they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitekit import cli
from sitekit.lab.cloud import schema
from tests.lab_cloud.conftest import MISSING


def test_the_lab_is_tested() -> None:
    if MISSING:
        pytest.skip(f"the lab cloud is not tested: {', '.join(MISSING)} not installed")


def test_missing_packages_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "PACKAGES", {"azure-native": "no-such-package"})
    monkeypatch.chdir(tmp_path)
    assert cli.run(["lab", "cloud", "up"]) == 2
    told = capsys.readouterr().err
    assert "no-such-package is not installed" in told
    assert "pip install 'sitekit[cloud]'" in told
