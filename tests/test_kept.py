"""What is kept from site to site: never another catalogue's, never more than is said."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sitekit import design_site, load_organisation, render_site
from sitekit.design.kept import LATEST, once_per_catalogue
from sitekit.design.result import SiteDesign
from sitekit.load.catalogue import Catalogue
from sitekit.load.undisturbed import undisturbed
from sitekit.render import engine as engines
from sitekit.render.engine import Engine, engine_of
from tests.organisations import copy_of_horizon, horizon


def test_what_a_catalogue_gives_is_made_once_for_each_of_its_names() -> None:
    made: list[tuple[str, str]] = []

    @once_per_catalogue
    def title(catalogue: Catalogue, zone: str, language: str = "en") -> str:
        made.append((zone, language))
        return catalogue.zones[zone].title

    catalogue = horizon().catalogue
    first = [title(catalogue, "guest"), title(catalogue, "guest", language="fr")]
    assert [title(catalogue, "guest"), title(catalogue, "guest", language="fr")] == first
    assert made == [("guest", "en"), ("guest", "fr")]


def test_an_equal_catalogue_is_another_one_and_only_the_latest_are_kept() -> None:
    made: list[int] = []

    @once_per_catalogue
    def number(catalogue: Catalogue) -> int:
        made.append(id(catalogue))
        return len(made)

    catalogues = [replace(horizon().catalogue) for _ in range(LATEST + 1)]
    assert [number(c) for c in catalogues] == list(range(1, LATEST + 2))
    assert number(catalogues[-1]) == LATEST + 1
    assert number(catalogues[0]) == LATEST + 2, "the oldest was let go"


def test_a_changed_catalogue_changes_the_design_in_the_same_process(tmp_path: Path) -> None:
    """`watch` loads again and again: nothing that was kept may outlive its catalogue."""
    folder = copy_of_horizon(tmp_path)
    before = design_site(load_organisation(folder).sites["bdx01"])
    extra = folder / "catalogue"
    extra.mkdir(exist_ok=True)
    (extra / "services.yaml").write_text(
        "schema: 1\nservices:\n"
        "  https: { title: Web, terms: [{ protocol: tcp, ports: ['8443'] }], source: test }\n",
        encoding="utf-8",
    )
    after = design_site(load_organisation(folder).sites["bdx01"])

    def ports(design: SiteDesign) -> set[tuple[tuple[int, int], ...]]:
        return {
            term.ports
            for rule in design.policy
            for service in rule.services
            if service.name == "https"
            for term in service.terms
        }

    assert ports(before) == {((443, 443),)}
    assert ports(after) == {((8443, 8443),)}


def test_parts_are_rendered_once_and_never_more_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = horizon()
    catalogue = organisation.catalogue
    design = design_site(organisation.sites["par01"])
    wanted = [(a.path, a.text) for a in render_site(design, catalogue)]
    monkeypatch.setattr(engines, "PARTS", 1)
    monkeypatch.setattr(engines, "_engines", {})
    assert [(a.path, a.text) for a in render_site(design, catalogue)] == wanted
    kept = {d.platform: len(engine_of(d.platform, catalogue)._bodies) for d in design.devices}
    assert set(kept.values()) == {1}, kept
    assert len(kept) > 1


def test_a_part_sees_its_facts_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "_part.j2").write_text("{{ one }} {{ device is defined }}\n", encoding="utf-8")
    platform = horizon().catalogue.platforms["arista_eos"]
    engine = Engine(platform, tmp_path)
    assert engine._part("_part.j2", one=1) == "1 False\n"
    assert engine._part("_part.j2", one=2) == "2 False\n"
    assert engine._part("_part.j2", one=1) is engine._part("_part.j2", one=1)


def test_the_collector_is_left_as_it_was_found() -> None:
    def frozen() -> Iterator[int]:
        for _ in range(2):
            yield gc.get_freeze_count()

    assert gc.get_freeze_count() == 0
    assert all(undisturbed(frozen()))
    assert gc.get_freeze_count() == 0
    results = undisturbed(frozen())
    next(results)
    results.close()  # somebody stops early
    assert gc.get_freeze_count() == 0


def test_who_froze_objects_before_is_left_in_charge() -> None:
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        assert list(undisturbed("ab")) == ["a", "b"]
        # Neither thawed nor added to; a frozen object that nobody holds any more goes all the same.
        assert before - 1000 < gc.get_freeze_count() <= before
    finally:
        gc.unfreeze()
