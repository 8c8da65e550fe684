"""Offices drawn by Hypothesis, as `new site` makes them: every line of them is attested too."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitekit.cli.crosscheck import rendered
from sitekit.load import LoadedOrganisation, load_organisation
from tests.test_mistakes import BASE
from tests.test_whole_sites import wishes, write_site

from .interface import Answer
from .judges import PLATFORMS, oracle
from .waivers import waiver_of


@pytest.fixture(scope="module")
def organisation() -> Iterator[tuple[Path, LoadedOrganisation]]:
    folder = Path(tempfile.mkdtemp()) / "organisation"
    shutil.copytree(BASE, folder)
    yield folder, load_organisation(folder)
    shutil.rmtree(folder.parent)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_line_of_a_drawn_office_is_attested(
    organisation: tuple[Path, LoadedOrganisation], data: st.DataObject
) -> None:
    folder, loaded = organisation
    try:
        if not write_site(folder, loaded, data.draw(wishes(loaded))):
            return
        artifacts = list(rendered(load_organisation(folder), "new01"))
    finally:
        for path in folder.glob("sites/new*"):
            path.unlink()
    judged = 0
    for artifact in artifacts:
        if artifact.platform in PLATFORMS:
            for verdict in oracle(artifact.platform).judge(artifact.text):
                known = verdict.answer is Answer.ATTESTED or waiver_of(verdict, artifact.platform)
                assert known, f"{artifact.path}:{verdict.number}: {verdict.line}: {verdict.why}"
                judged += 1
    assert judged > 300
