"""Settings from level to level: what is inherited, overridden and locked, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sitekit.errors import InputError, Place, Problem
from sitekit.load import load_organisation
from sitekit.load.catalogue import SHIPPED
from sitekit.load.levels import EMPTY, LevelSource, Merged, expand, lay
from sitekit.load.yaml_source import parse_yaml
from tests.organisations import edit
from tests.test_mistakes import BASE, copy_of_base

Tree = dict[str, Any]
LEVELS = ("sitekit", "organisation", "subsidiary", "archetype", "site")


def laid(*texts: str) -> tuple[Merged, list[Problem]]:
    """Lay levels over one another, one text each, in the order of LEVELS."""
    problems: list[Problem] = []
    merged = EMPTY
    for level, text in zip(LEVELS, texts, strict=False):
        document = parse_yaml(text.encode(), shown=f"{level}.yaml")
        assert not document.problems
        merged = lay(merged, LevelSource(level, document), problems)
    return merged, problems


def test_a_later_level_overrides_path_by_path() -> None:
    merged, problems = laid(
        "settings: { snmp: { user: a, managers: [1, 2] }, language: en }",
        "settings: { snmp: { user: b } }",
        "settings: { snmp: { managers: [3] } }",
    )
    assert not problems
    assert merged.values == {"snmp": {"user": "b", "managers": [3]}, "language": "en"}


def test_every_value_says_which_level_wrote_it_and_where() -> None:
    merged, _ = laid(
        "settings:\n  language: en\n  dns:\n    domain: a\n", "settings: { dns: { domain: b } }"
    )
    assert merged.origins[("language",)].place == Place("sitekit.yaml", 2, 13)
    origin = merged.origins[("dns", "domain")]
    assert (origin.level, origin.place, origin.locked) == (
        "organisation",
        Place("organisation.yaml", 1, 28),
        False,
    )
    assert str(origin.place) == "organisation.yaml:1:28"


def test_a_group_replaces_a_value_and_a_value_a_group() -> None:
    merged, _ = laid("settings: { a: { b: 1, c: 2 } }", "settings: { a: 3 }")
    assert merged.values == {"a": 3}
    assert set(merged.origins) == {("a",)}
    merged, _ = laid("settings: { a: 3 }", "settings: { a: { b: 1 } }")
    assert merged.values == {"a": {"b": 1}}
    assert set(merged.origins) == {("a", "b")}


def test_what_is_locked_keeps_its_value_and_the_culprit_is_named() -> None:
    merged, problems = laid(
        "settings: { language: en }",
        "settings: { language: fr }\nlocked: [language]",
        "settings: { language: en }",
    )
    assert merged.values == {"language": "fr"}
    assert merged.origins[("language",)].locked
    assert problems == [
        Problem(
            Place("subsidiary.yaml", 1, 23),
            "'language' is locked by the organisation at organisation.yaml:2:10",
            "remove it here, or ask whoever owns that file to unlock it",
        )
    ]


def test_a_lock_covers_everything_below_it_and_everything_above() -> None:
    top = "settings: { snmp: { user: a }, dns: { domain: a } }\nlocked: [snmp, dns.domain]"
    for below in ("{ snmp: { user: b } }", "{ snmp: { auth: b } }", "{ snmp: 1 }", "{ dns: 1 }"):
        merged, problems = laid("settings: {}", top, f"settings: {below}")
        assert len(problems) == 1, below
        assert merged.values == {"snmp": {"user": "a"}, "dns": {"domain": "a"}}
    _, problems = laid("settings: {}", top, "settings: { dns: { servers: [1] } }")
    assert not problems


def test_a_level_may_lock_what_an_earlier_one_wrote() -> None:
    merged, problems = laid(
        "settings: { language: en }", "locked: [language]", "settings: { language: fr }"
    )
    assert merged.values == {"language": "en"}
    assert len(problems) == 1


def test_a_level_does_not_lock_itself_out() -> None:
    merged, problems = laid("settings: { a: 1 }", "settings: { a: 2 }\nlocked: [a]")
    assert not problems
    assert merged.values == {"a": 2}


def test_a_lock_of_nothing_is_a_mistake() -> None:
    _, problems = laid("settings: { a: 1 }", "locked: [b]", "settings: { b: 1 }")
    assert [p.place for p in problems] == [Place("organisation.yaml", 1, 10)]
    assert "no level up to this one writes it" in problems[0].message


def test_laying_a_level_changes_nothing_below_it() -> None:
    below, _ = laid("settings: { a: { b: 1 } }")
    source = LevelSource("site", parse_yaml(b"settings: { a: { b: 2 } }", shown="x"))
    lay(below, source, [])
    assert below.values == {"a": {"b": 1}}
    assert below.origins[("a", "b")].level == "sitekit"


def test_the_code_of_the_site_stands_for_site_at_every_depth() -> None:
    values = {"vpn": {"psk": "keyvault:a/{site}-psk"}, "list": [{"key": "env:{site}"}], "n": 1}
    assert expand(values, "par01") == {
        "vpn": {"psk": "keyvault:a/par01-psk"},
        "list": [{"key": "env:par01"}],
        "n": 1,
    }
    assert values["vpn"] == {"psk": "keyvault:a/{site}-psk"}


def test_no_other_braces_are_expanded() -> None:
    assert expand({"a": "{code} {0} {} {site.x} {{site}}"}, "par01") == {
        "a": "{code} {0} {} {site.x} {par01}"
    }


# --- the levels of an organisation --------------------------------------------------------------


def test_a_site_inherits_and_says_from_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_base(tmp_path)
    edit(folder / "subsidiaries/images.yaml", "  time_zone: Europe/Paris", "  language: fr")
    with (folder / "sites/pst01.yaml").open("a", encoding="utf-8") as file:
        file.write("\nsettings:\n  guest: { rate_mbps: 20 }\n")
    monkeypatch.chdir(folder)
    organisation = load_organisation(".")
    site = organisation.sites["pst01"]
    assert site.settings.language == "fr"
    assert site.settings.guest.rate_mbps == 20
    assert site.settings.vpn.psk == "keyvault:lan/pst01-psk"
    assert organisation.sites["off01"].settings.vpn.psk == "keyvault:lan/off01-psk"
    assert organisation.sites["off01"].settings.language == "en"
    where = {
        ("language",): ("subsidiary", "subsidiaries/images.yaml"),
        ("guest", "rate_mbps"): ("site", "sites/pst01.yaml"),
        ("time_zone",): ("organisation", "organisation.yaml"),
        ("administration", "idle_minutes"): ("sitekit", "sitekit:defaults.yaml"),
    }
    for path, (level, file) in where.items():
        origin = site.origins[path]
        assert (origin.level, origin.place.file) == (level, file)
        if level != "sitekit":
            line = (folder / file).read_text(encoding="utf-8").splitlines()[origin.place.line - 1]
            assert line[origin.place.column - 1 :].strip()
            assert path[-1] in line
    assert site.origins[("snmp", "user")].locked
    assert site.origins[("administration", "lockout_attempts")].locked
    assert not site.origins[("language",)].locked


def test_an_archetype_of_the_user_may_lock_for_its_sites_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_base(tmp_path)
    mine = folder / "catalogue/archetypes/small-office.yaml"
    mine.parent.mkdir(parents=True)
    shipped = (SHIPPED / "archetypes/small-office.yaml").read_text(encoding="utf-8")
    mine.write_text(
        f"{shipped}settings: {{ guest: {{ rate_mbps: 30 }} }}\nlocked: [guest]\n", encoding="utf-8"
    )
    for site in ("off01", "mic01"):
        with (folder / f"sites/{site}.yaml").open("a", encoding="utf-8") as file:
            file.write("\nsettings:\n  guest: { rate_mbps: 40 }\n")
    monkeypatch.chdir(folder)
    with pytest.raises(InputError) as refused:
        load_organisation(".")
    assert [p.place.file for p in refused.value.problems] == ["sites/off01.yaml"]
    assert "locked by the archetype at catalogue/archetypes/small-office.yaml:" in str(
        refused.value
    )


def test_settings_that_a_new_site_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BASE)
    settings, origins = load_organisation(".").settings_of("films", "micro-office", "new01")
    assert settings.vpn.psk == "keyvault:lan/new01-psk"
    assert origins[("vpn", "psk")].place.file == "organisation.yaml"


TREES = st.recursive(
    st.integers(0, 9),
    lambda below: st.dictionaries(st.sampled_from("abc"), below, min_size=1, max_size=3),
    max_leaves=6,
)
LEVEL = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(LEVEL, LEVEL)
def test_the_last_word_is_kept_and_nothing_is_invented(first: Tree, second: Tree) -> None:
    merged, problems = laid(*(yaml.safe_dump({"settings": level}) for level in (first, second)))
    assert not problems
    leaves = dict(_leaves(merged.values))
    assert set(leaves) == set(merged.origins)
    for path, value in _leaves(second):
        assert leaves[path] == value
        assert merged.origins[path].level == "organisation"
    for path, origin in merged.origins.items():
        if origin.level == "sitekit":
            assert dict(_leaves(first))[path] == leaves[path]


def _leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value
