"""What an import loads, and that the layers hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sitekit
from tests.organisations import HORIZON

HEAVY = {"netmiko", "pulumi", "click", "rich", "jinja2", "pydantic", "yaml"}


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_sitekit_loads_no_edge_and_nothing_heavy() -> None:
    assert not HEAVY & loaded("import sitekit")


def test_loading_an_organisation_loads_no_edge() -> None:
    modules = loaded("from sitekit import load_organisation, design_site, render_site")
    assert not {"netmiko", "pulumi", "click", "rich", "sitekit.cli"} & modules


@pytest.mark.parametrize("verb", ["check bdx01", "render bdx01 --out {out}", "cloud plan bdx01"])
def test_verbs_that_ask_no_cloud_load_nothing_of_clouds(verb: str, tmp_path: Path) -> None:
    words = [word.format(out=tmp_path) for word in verb.split()]
    modules = loaded_by(*words, "--organisation", str(HORIZON))
    assert "sitekit.design" in modules
    assert not {"pulumi", "pulumi_azure_native", "grpc", "httpx", "azure", "sitekit.lab"} & modules


def test_help_loads_neither_models_nor_templates() -> None:
    modules = loaded_by("--help")
    assert "click" in modules
    assert not {"pydantic", "yaml", "jinja2", "rich"} & modules


def loaded_by(*words: str) -> set[str]:
    """The modules that are there after a verb that ended well."""
    code = (
        f"import sys; sys.argv = ['sitekit', *{words!r}]\n"
        "from sitekit.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code in (0, None), end.code\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("LOADED")[2].split())


def test_every_public_name_is_there() -> None:
    for name in sitekit.__all__:
        assert getattr(sitekit, name).__doc__
    assert set(sitekit.__all__) <= set(dir(sitekit))
