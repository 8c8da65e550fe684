"""The group standard has versions: an older one never changes, and a pinned site is built to it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from sitekit import check_organisation, design_site, load_organisation, render_sites
from sitekit.design.standards import changes, sites_behind
from sitekit.errors import InputError, SitekitError
from sitekit.load import spread
from sitekit.load.catalogue import SHIPPED, STANDARDS, Catalogue, load_catalogue, standards
from sitekit.load.catalogue_places import CataloguePlaces
from sitekit.load.standard import newest_standard
from sitekit.render import files_of
from sitekit.render.explain import explain_line
from tests.organisations import HORIZON, WRITTEN, copy_of_horizon, edit, horizon
from tests.test_verbs import sitekit

FROZEN = Path(__file__).parent / "frozen" / "standards"
NAMES = [each.version for each in standards()]
OLDER = NAMES[:-1]
FACTS = {  # these have no versions: see docs/versions.md
    "standard",
    "hardware",
    "hardware_places",
    "uplink_kinds",
    "identity",
    "naming",
    "prices",
    "platforms",
    "platform_folders",
    "archetype_documents",
    "media_places",
    "files",
}


# --- versions ----------------------------------------------------------------------------------


def test_versions_are_in_order_and_each_older_one_has_its_folder() -> None:
    numbers = [tuple(map(int, name.split("."))) for name in NAMES]
    assert len(NAMES) >= 2
    assert numbers == sorted(set(numbers))
    assert [each.released for each in standards()] == sorted(e.released for e in standards())
    assert sorted(path.name for path in STANDARDS.iterdir() if path.is_dir()) == sorted(OLDER)


@pytest.mark.parametrize("version", OLDER)
def test_an_older_version_says_what_it_said(version: str) -> None:
    """Entry by entry. A new version that is prepared as docs/versions.md says keeps this green."""
    catalogue, _ = load_catalogue(None, str, standard=version)
    said = dict(entries(catalogue))
    path = FROZEN / f"{version}.json"
    if os.environ.get("SITEKIT_RENEW") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    frozen = json.loads(path.read_text(encoding="utf-8"))
    other = sorted(e for e in {*said, *frozen} if said.get(e) != frozen.get(e))
    assert other == [], f"a change of the catalogue reaches standard {version}"


def entries(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Every entry of the standard with a digest of what it says."""
    for part in Catalogue.__dataclass_fields__:
        if part in FACTS:
            continue
        value = getattr(catalogue, part)
        if part == "flows":
            value = {str(placed.number): placed.flow for placed in value}
        elif part == "never":
            value = {never.id: never for never in value}
        elif part == "defaults":
            value = value.data
        if not isinstance(value, dict):
            value = {"": value}
        for name, entry in value.items():
            text = json.dumps(plain(entry), sort_keys=True, ensure_ascii=False)
            yield f"{part}/{name}", hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(entry: Any) -> Any:
    if isinstance(entry, BaseModel):
        return entry.model_dump(mode="json", exclude_unset=True)
    if isinstance(entry, dict):
        return {str(key): plain(value) for key, value in entry.items()}
    if isinstance(entry, list | tuple):
        return [plain(value) for value in entry]
    return str(entry)


def test_the_newest_version_is_the_shipped_catalogue() -> None:
    plainly, _ = load_catalogue(None, str)
    assert plainly.standard == newest_standard() == NAMES[-1]
    written = yaml.safe_load((SHIPPED / "flows.yaml").read_text(encoding="utf-8"))
    assert [f.number for f in plainly.flows] == sorted(f["number"] for f in written["flows"])


def test_going_back_takes_what_was_added_and_puts_back_what_was_changed() -> None:
    now, _ = load_catalogue(None, str, standard="2026.2")
    then, _ = load_catalogue(None, str, standard="2026.1")
    ours, theirs = ({f.number: f.flow for f in c.flows} for c in (now, then))
    assert ours.keys() - theirs.keys() == {186, 197}
    assert theirs.keys() <= ours.keys()
    assert [n for n in theirs if theirs[n] != ours[n]] == [205]
    assert (ours[205].services, theirs[205].services) == (("ipps",), ("ipps", "https"))
    assert now.hardware == then.hardware


def test_every_entry_that_a_version_added_is_one_that_the_one_before_lacks() -> None:
    for before, version in zip(standards(), standards()[1:], strict=False):
        old, _ = load_catalogue(None, str, standard=before.version)
        new, _ = load_catalogue(None, str, standard=version.version)
        for part, names in version.added:
            have, had = (
                {f.number for f in c.flows}
                if part == "flows"
                else {n.id for n in c.never}
                if part == "never"
                else set(getattr(c, part))
                for c in (new, old)
            )
            assert set(names) <= have
            assert not set(names) & had


def test_there_is_no_other_version() -> None:
    with pytest.raises(SitekitError, match=r"there is no standard '2026.9'"):
        load_catalogue(None, str, standard="2026.9")
    with pytest.raises(
        SitekitError, match=r"there is no version '2026.9' of the standard"
    ) as error:
        load_organisation(HORIZON, standard="2026.9")
    assert error.value.hint == f"known versions: {', '.join(NAMES)}, newest"


# --- pins --------------------------------------------------------------------------------------


def policy(organisation: Any, code: str) -> dict[int, tuple[str, ...]]:
    """The services of each rule between an office or administration and the printers."""
    rules = design_site(organisation.sites[code]).policy
    return {
        rule.number // 100: tuple(s.name for s in rule.services)
        for rule in rules
        if rule.number // 100 in (186, 197, 205)
    }


def test_a_pinned_site_has_the_rules_of_its_version_and_another_those_of_the_newest() -> None:
    assert policy(horizon(), "nce01") == {205: ("ipps", "https")}
    assert policy(horizon(), "bdx01") == {197: ("https", "ping"), 205: ("ipps",)}
    assert set(policy(horizon(), "par01")) == {186, 197, 205}


def test_the_nearest_level_counts(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    edit(copy / "organisation.yaml", "code: hrz", 'code: hrz\nstandard: "2026.1"')
    edit(copy / "subsidiaries/kin.yaml", "schema: 1", "schema: 1\nstandard: newest")
    edit(copy / "sites/par01.yaml", "schema: 1", 'schema: 1\nstandard: "2026.2"')
    loaded = load_organisation(copy)
    pins = {code: inputs.standard for code, inputs in loaded.sites.items()}
    assert {code: (pin.version, pin.level) for code, pin in pins.items()} == {
        "bdx01": ("2026.2", "subsidiary"),  # the subsidiary follows although the group is pinned
        "lyo01": ("2026.1", "organisation"),
        "mrs01": ("2026.1", "organisation"),
        "nce01": ("2026.1", "site"),
        "par01": ("2026.2", "site"),
        "par02": ("2026.1", "organisation"),
    }
    assert not pins["bdx01"].pinned
    assert pins["par01"].pinned
    assert loaded.catalogue.standard == "2026.1"
    assert {c: i.catalogue.standard for c, i in loaded.sites.items()} == {
        c: p.version for c, p in pins.items()
    }
    assert str(pins["lyo01"].place).endswith("organisation.yaml:6:11")


def test_without_a_pin_a_site_follows_the_newest() -> None:
    pin = horizon().sites["bdx01"].standard
    assert (pin.version, pin.level, pin.place, pin.pinned) == (NAMES[-1], "sitekit", None, False)


def test_a_new_site_gets_the_standard_of_its_subsidiary(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    edit(copy / "subsidiaries/kin.yaml", "schema: 1", 'schema: 1\nstandard: "2026.1"')
    loaded = load_organisation(copy)
    assert loaded.catalogue.standard == "2026.2"
    assert loaded.as_for("kin").catalogue.standard == "2026.1"
    assert loaded.as_for("hmp").catalogue.standard == "2026.2"


@pytest.mark.parametrize("version", NAMES)
def test_moving_everything_gives_what_pinning_everything_gives(
    version: str, tmp_path: Path
) -> None:
    copy = copy_of_horizon(tmp_path)
    edit(copy / "organisation.yaml", "code: hrz", f'code: hrz\nstandard: "{version}"')
    pin = (copy / "sites/nce01.yaml").read_text(encoding="utf-8")
    (copy / "sites/nce01.yaml").write_text(re.sub("standard: .*\n", "", pin), encoding="utf-8")
    codes = ["bdx01", "nce01"]
    moved = load_organisation(HORIZON, standard=version)
    assert moved.moved_to == version
    assert list(render_sites(moved, codes)) == list(render_sites(load_organisation(copy), codes))


def test_a_worker_moves_the_sites_as_its_caller_did() -> None:
    moved = load_organisation(HORIZON, standard="newest")
    source = spread.know(moved)
    assert source.moved_to == "2026.2"
    assert spread.know(horizon()).moved_to is None
    known = dict(spread._known)
    spread._known.clear()
    try:
        files = spread.run(files_of, source, "nce01")
    finally:
        spread._known.clear()
        spread._known.update(known)
    assert files == files_of(moved, "nce01")
    assert files != files_of(horizon(), "nce01")


# --- an organisation's own catalogue -----------------------------------------------------------

OWN_FLOW = """schema: 1
flows:
  - number: 205
    source: corp
    destination: print
    services: [ipps, https, ping]
    reason: As our copiers want it
"""


def test_an_entry_of_ones_own_wins_over_every_version(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    (copy / "catalogue").mkdir()
    (copy / "catalogue/flows.yaml").write_text(OWN_FLOW, encoding="utf-8")
    loaded = load_organisation(copy)
    for code in ("nce01", "bdx01"):
        assert policy(loaded, code)[205] == ("ipps", "https", "ping")
    assert 197 not in policy(loaded, "nce01")
    nce01 = loaded.sites["nce01"]
    assert list(changes(nce01, loaded.catalogues[newest_standard()])) == [
        "new flow 197 (vpn_site -> print)"
    ]


def test_an_own_entry_that_only_some_versions_can_have_is_said_with_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of_horizon(tmp_path)
    before = standards()[-2]
    # A version that took a service away: what of ours names it is wrong in that version only.
    newest = standards()[-1]
    added = newest.added.model_copy(update={"services": ("ipps",)})
    versions = (*standards()[:-2], before, newest.model_copy(update={"added": added}))
    from sitekit.load import catalogue as module

    module._shipped.cache_clear()
    monkeypatch.setattr(module, "standards", lambda: versions)
    try:
        with pytest.raises(InputError) as error:
            load_organisation(copy)
    finally:
        module._shipped.cache_clear()
    messages = {p.message for p in error.value.problems}
    assert "flow 205: there is no service called 'ipps' (standard 2026.1)" in messages


# --- check, explain and the verbs --------------------------------------------------------------


def behind(organisation: Any, codes: list[str] | None = None) -> list[Any]:
    report = check_organisation(organisation, today=WRITTEN, sites=codes)
    waived = [w.finding for w in report.waived]
    return [f for f in (*report.findings, *waived) if f.rule == "standard-behind"]


def test_check_warns_of_a_site_that_is_behind_and_a_waiver_accepts_it() -> None:
    (finding,) = behind(horizon())
    assert (finding.subject, finding.severity) == ("nce01", "warning")
    assert finding.message == (
        "the site is held at standard 2026.1; 2026.2 would change "
        "new flow 197 (vpn_site -> print), flow 205 (corp -> print)"
    )
    assert "sitekit render --to-standard 2026.2 nce01" in finding.remedy
    report = check_organisation(horizon(), today=WRITTEN)
    assert finding in [w.finding for w in report.waived]
    assert behind(horizon(), ["bdx01"]) == []


def test_a_pin_that_sites_inherit_is_one_finding_of_the_organisation(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    edit(copy / "organisation.yaml", "code: hrz", 'code: hrz\nstandard: "2026.1"')
    found = behind(load_organisation(copy))
    assert [f.subject for f in found] == ["organisation", "nce01"]
    assert "5 sites (bdx01, lyo01, mrs01, par01, par02) are held" in found[0].message
    assert "new flow 186 (admin -> print)" in found[0].message
    assert found[0].place.line == 6
    (one, _) = behind(load_organisation(copy), ["bdx01", "nce01"])
    assert one.message.startswith("bdx01 is held")


def test_no_site_is_looked_at_where_no_level_above_writes_a_standard() -> None:
    looked: list[str] = []

    class Watched(dict[str, Any]):
        def __getitem__(self, code: str) -> Any:
            looked.append(code)
            return super().__getitem__(code)

    watched = replace(horizon(), sites=Watched(horizon().sites))
    assert list(sites_behind(watched, list(horizon().sites))) == []
    assert looked == []


def test_a_pin_that_changes_nothing_is_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sitekit.design.standards.changes", lambda inputs, later: iter(()))
    (finding,) = behind(load_organisation(copy_of_horizon(tmp_path)))
    assert finding.severity == "info"
    assert finding.message.endswith("2026.2 would change nothing there")


def test_every_part_of_the_standard_that_a_site_uses_counts_as_a_change() -> None:
    nce01 = horizon().sites["nce01"]
    now = nce01.catalogue

    def named(**changed: Any) -> list[str]:
        return list(changes(nce01, replace(now, **changed)))

    assert named() == []
    other = nce01.archetype.model_copy(update={"uplink_floor_mbps": 1})
    assert named(archetypes={**now.archetypes, other.name: other}) == ["archetype temporary-office"]
    assert named(archetypes={}) == ["archetype temporary-office"]
    headquarters = now.archetypes["headquarters"].model_copy(update={"uplink_floor_mbps": 1})
    assert named(archetypes={**now.archetypes, "headquarters": headquarters}) == []
    for zone, expected in (("guest", ["zone guest"]), ("render", [])):
        changed = now.zones[zone].model_copy(update={"lease_hours": 1})
        assert named(zones={**now.zones, zone: changed}) == expected
    for service, expected in (("ipps", ["service ipps"]), ("onvif", [])):
        entry = now.services[service].model_copy(update={"title": "Another"})
        assert named(services={**now.services, service: entry}) == expected
    assert named(flows=now.flows[1:]) == []  # admin -> net_mgmt: the site has no admin zone
    gone = [f for f in now.flows if f.number != 285]
    assert named(flows=tuple(gone)) == ["gone flow 285 (guest -> wan)"]
    assert named(never=now.never[1:]) == [f"never-rule {now.never[0].id}"]
    assert named(sizing=now.sizing.model_copy(update={"growth": 2})) == ["sizing"]
    data = {"settings": {"guest": {"rate_mbps": 10}, "language": "de"}}
    default = replace(now.defaults, data={**now.defaults.data, **data})
    said = named(defaults=default)
    assert "setting guest.rate_mbps" in said
    assert "setting language" not in said  # the organisation writes it


def test_explain_leads_to_the_version_of_the_site() -> None:
    for code, file in (("nce01", "sitekit:2026.1/flows.yaml"), ("bdx01", "sitekit:flows.yaml")):
        inputs = horizon().sites[code]
        device = f"{code}-fw-01"
        text = (HORIZON / "rendered" / code / f"{device}.conf").read_text(encoding="utf-8")
        number = next(n for n, line in enumerate(text.splitlines(), 1) if "edit 20500" in line)
        explained = explain_line(design_site(inputs), inputs, device, number)
        assert f"{file}'" in str(explained)


def test_the_places_of_an_older_version_are_in_its_own_files() -> None:
    then, _ = load_catalogue(None, str, standard="2026.1")
    place = CataloguePlaces(then).place("flows", "flows", 0)
    assert place is not None
    assert place.file == "sitekit:2026.1/flows.yaml"
    (flow,) = [f for f in then.flows if f.number == 205]
    assert flow.place.file == "sitekit:2026.1/flows.yaml"
    assert [f.place.file for f in then.flows if f.number != 205] == ["sitekit:flows.yaml"] * (
        len(then.flows) - 1
    )


def test_show_and_standard_say_who_has_which() -> None:
    shown = json.loads(sitekit("show", "nce01", "--json").stdout)
    (row,) = [row for row in shown if row["path"] == "standard"]
    assert (row["value"], row["level"], row["place"]) == ("2026.1", "site", "sites/nce01.yaml:6:11")
    (row,) = [
        row
        for row in json.loads(sitekit("show", "bdx01", "--json").stdout)
        if row["path"] == "standard"
    ]
    assert (row["value"], row["place"]) == ("2026.2", "follows the newest")
    listed = json.loads(sitekit("standard", "--json").stdout)
    assert [each["version"] for each in listed] == NAMES
    assert [s["site"] for s in listed[0]["sites"] if s["pinned"]] == ["nce01"]
    table = sitekit("standard").stdout
    assert "nce01 (pinned)" in table
    assert "bdx01, lyo01" in table


def test_to_standard_shows_what_a_move_does_and_writes_nothing(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    done = sitekit("render", "nce01", "--to-standard", "newest", folder=copy)
    assert done.returncode == 1
    assert '- set service "ipps" "https"' in done.stdout
    assert '+ set service "ipps"' in done.stdout
    assert "+ edit 19700" in done.stdout
    assert "standard 2026.2: 2 different effects on 3 files; 18 files are the same" in done.stderr
    same = sitekit("render", "bdx01", "--to-standard", "2026.2", folder=copy)
    assert (same.returncode, same.stdout) == (0, "")
    back = json.loads(
        sitekit("render", "bdx01", "--to-standard", "2026.1", "--json", folder=copy).stdout
    )
    assert back["against"] == "standard 2026.1"
    lines = [f"{c['sign']} {c['line']}" for e in back["effects"] for c in e["changes"]]
    assert '+ set service "ipps" "https"' in lines
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()} == before


def test_to_standard_is_refused_where_it_means_nothing() -> None:
    unknown = sitekit("render", "--to-standard", "2026.9")
    assert unknown.returncode == 2
    assert "there is no version '2026.9' of the standard" in unknown.stderr
    for more in (("--out", "x"), ("--compare", "HEAD"), ("--prune",)):
        assert sitekit("render", "--to-standard", "newest", *more).returncode == 2
