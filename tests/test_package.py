"""The wheel stands alone: installed into an empty environment it renders a site."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.organisations import HORIZON, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_holds_templates_catalogue_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "sitekit/py.typed" in names
    for project in ("platform", "subsidiary", "site"):
        assert {f"sitekit/stacks/{project}/{n}" for n in ("Pulumi.yaml", "__main__.py")} <= names
    assert "sitekit/stacks/policy/PulumiPolicy.yaml" in names
    for source in (ROOT / "device_templates").rglob("*"):
        if source.is_file():
            assert (
                f"sitekit/device_templates/{source.relative_to(ROOT / 'device_templates')}" in names
            )
    data = [ROOT / "src" / "sitekit" / part for part in ("catalogue", "standards")]
    for source in (path for part in data for path in part.rglob("*.yaml")):
        assert f"sitekit/{source.relative_to(ROOT / 'src' / 'sitekit')}" in names


@pytest.mark.slow
def test_the_wheel_renders_a_site_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    subprocess.run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--constraint",
            _constraints(tmp_path, lines),
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [
            place / "bin" / "sitekit",
            "render",
            "bdx01",
            "--organisation",
            HORIZON,
            "--out",
            tmp_path / "out",
        ],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    committed = HORIZON / "rendered" / "bdx01"
    files = [p for p in committed.rglob("*") if p.is_file() and not p.name.startswith(".")]
    assert files
    for path in files:
        made = tmp_path / "out" / "bdx01" / path.relative_to(committed)
        assert made.read_bytes() == path.read_bytes()
    assert "bdx01-fw-01.conf" in done.stdout


def _constraints(folder: Path, lock: str) -> Path:
    """The locked versions without their hashes, as pip wants constraints."""
    path = folder / "constraints.txt"
    pins = [line.split()[0] for line in lock.splitlines() if line[:1].isalpha() and "==" in line]
    path.write_text("\n".join(pins) + "\n", encoding="utf-8")
    return path
