"""Every verb as somebody would use it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sitekit.load import load_organisation
from tests.organisations import HORIZON, copy_of_horizon, edit


def sitekit(*arguments: object, folder: Path = HORIZON) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sitekit", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1"},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_of_horizon(tmp_path)


# --- show --------------------------------------------------------------------------------------


def test_show_says_where_each_value_is_written() -> None:
    done = sitekit("show", "bdx01", "--json")
    rows = {row["path"]: row for row in json.loads(done.stdout)}
    assert rows["settings.dns.domain"]["value"] == "kinolune.example"
    assert rows["settings.dns.domain"]["level"] == "subsidiary"
    assert rows["settings.dns.domain"]["place"].startswith("subsidiaries/kin.yaml:")
    assert rows["settings.dns.servers"]["level"] == "organisation"
    assert rows["settings.administration.idle_minutes"]["level"] == "sitekit"
    assert rows["equipment.printers"]["level"] == "archetype"
    assert rows["people"] == {
        "path": "people",
        "value": 4,
        "level": "site",
        "place": "sites/bdx01.yaml:8:9",
        "locked": False,
    }
    assert rows["settings.snmp.user"]["locked"] is True
    assert rows["settings.vpn.psk"]["value"] == "keyvault:hrz-network/bdx01-psk"


def test_show_is_about_one_site() -> None:
    done = sitekit("show")
    assert done.returncode == 2
    assert "name one site" in done.stderr


# --- check -------------------------------------------------------------------------------------


def test_check_of_the_example_is_as_designed() -> None:
    done = sitekit("check", "--today", "2026-11-24")
    assert done.returncode == 0
    assert "6 sites and 119 people checked" in done.stderr
    assert "waived until 2027-05-14 by W-2026-01" in done.stderr


def test_an_ended_waiver_fails_check() -> None:
    done = sitekit("check", "--today", "2027-05-15")
    assert done.returncode == 1
    assert "waiver W-2026-01 ended on 2027-05-14" in done.stdout


def test_check_as_json_is_for_programs() -> None:
    found = json.loads(sitekit("check", "lyo01", "--json", "--today", "2026-11-24").stdout)
    assert found["sites"] == ["lyo01"]
    late = next(f for f in found["findings"] if f["rule"] == "uplink-late")
    assert late["severity"] == "info"
    assert late["place"]["file"] == "sites/lyo01.yaml"


def test_all_mistakes_are_told_in_one_run_and_nothing_is_written(copy: Path) -> None:
    edit(copy / "sites" / "bdx01.yaml", "people: 4", "poeple: 4")
    edit(copy / "sites" / "lyo01.yaml", "model: fg-80f", "model: fg-80g")
    edit(copy / "organisation.yaml", "language: fr", "language: no")
    done = sitekit("render", "--out", "build", folder=copy)
    assert done.returncode == 2
    assert "sites/bdx01.yaml:8:1: unknown key 'poeple'" in done.stderr
    assert "did you mean 'people'?" in done.stderr
    assert "sites/lyo01.yaml" in done.stderr
    assert "fg-80g" in done.stderr
    assert "organisation.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (copy / "build").exists()


def test_two_sites_with_one_block_are_both_named(copy: Path) -> None:
    edit(copy / "sites" / "nce01.yaml", "block: 10.96.128.0/20", "block: 10.96.16.0/20")
    done = sitekit("check", "--today", "2026-11-24", folder=copy)
    assert done.returncode == 1
    assert "of lyo01 overlaps 10.96.16.0/20 of nce01" in done.stdout
    assert "of nce01 overlaps 10.96.16.0/20 of lyo01" in done.stdout


def test_a_literal_password_is_an_error_that_does_not_repeat_it(copy: Path) -> None:
    edit(
        copy / "organisation.yaml",
        'psk: "keyvault:hrz-network/{site}-psk"',
        'psk: "Tr0ub4dor"',
    )
    done = sitekit("check", folder=copy)
    assert done.returncode == 2
    assert "a secret is never written here" in done.stderr
    assert "Tr0ub4dor" not in done.stderr + done.stdout


# --- design ------------------------------------------------------------------------------------


def test_design_as_json_has_everything() -> None:
    found = json.loads(sitekit("design", "par02", "--json").stdout)
    assert {n["name"] for n in found["networks"]} >= {"corp", "storage", "prd-aurora"}
    assert len(found["proofs"]) == 10
    assert all(rule["reason"] for rule in found["policy"])
    assert {f["name"] for f in found["sizing"]} >= {"switch-ports", "poe", "uplink"}


def test_assign_writes_what_was_chosen_and_then_nothing_moves(copy: Path) -> None:
    path = copy / "sites" / "lyo01.assigned.yaml"
    before = path.read_text(encoding="utf-8")
    path.unlink()
    assert sitekit("check", "lyo01", "--strict", folder=copy).returncode == 1
    assert sitekit("design", "lyo01", "--assign", folder=copy).returncode == 0
    assert path.read_text(encoding="utf-8") == before
    again = sitekit("design", "lyo01", "--assign", folder=copy)
    assert "unchanged" in again.stdout


# --- render ------------------------------------------------------------------------------------


def test_render_writes_only_what_changed(copy: Path) -> None:
    first = sitekit("render", "--out", "build", folder=copy)
    assert first.returncode == 0
    stamps = {p: p.stat().st_mtime_ns for p in (copy / "build").rglob("*") if p.is_file()}
    second = sitekit("render", "--out", "build", folder=copy)
    assert second.returncode == 0
    assert second.stdout == ""
    assert stamps == {p: p.stat().st_mtime_ns for p in (copy / "build").rglob("*") if p.is_file()}


def test_files_of_removed_devices_are_named_and_pruned_on_request(copy: Path) -> None:
    path = copy / "sites" / "mrs01.yaml"
    text = path.read_text(encoding="utf-8")
    line = "  - { role: access-switch, model: ccs-720xp-48y6 }\n"
    path.write_text(text.replace(line, line + line, 1), encoding="utf-8")
    assert sitekit("render", "mrs01", "--out", "build", folder=copy).returncode == 0
    path.write_text(text, encoding="utf-8")
    gone = copy / "build" / "mrs01" / "mrs01-sw-04.cfg"
    assert gone.exists()
    kept = sitekit("render", "mrs01", "--out", "build", folder=copy)
    assert kept.returncode == 0, kept.stderr
    assert "mrs01-sw-04.cfg" in kept.stderr
    assert gone.exists()
    pruned = sitekit("render", "mrs01", "--out", "build", "--prune", folder=copy)
    assert pruned.returncode == 0
    assert not gone.exists()


def test_a_site_with_errors_stops_everything(copy: Path) -> None:
    edit(copy / "sites" / "bdx01.yaml", "people: 4", "people: 60")
    done = sitekit("render", "--out", "build", folder=copy)
    assert done.returncode == 1
    assert "switch-ports" in done.stderr
    assert not (copy / "build").exists()


# --- new ---------------------------------------------------------------------------------------

WISHES = {
    "micro-office": ("--people", 3, "--area", 40),
    "small-office": ("--people", 26, "--area", 300),
    "headquarters": (),
    "post-facility": (),
    "studio": (),
    "temporary-office": ("--closes", "2027-08-31"),
}


@pytest.mark.parametrize("archetype", WISHES)
def test_a_new_site_passes_check_at_once(copy: Path, archetype: str) -> None:
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    done = sitekit(
        "new", "site", "Office of tests", "--code", "new01", "--subsidiary", "hmp",
        "--archetype", archetype, "--street", "1 rue du Test", "--postcode", "75001",
        "--city", "Paris", "--opens", "2027-04-01", "--ordered", "2026-11-24", *WISHES[archetype],
        folder=copy,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(p.read_bytes() == content for p, content in before.items())
    checked = sitekit("check", "--today", "2026-11-24", folder=copy)
    assert checked.returncode == 0, checked.stderr
    inputs = load_organisation(copy).sites["new01"]
    others = [s for c, s in load_organisation(copy).sites.items() if c != "new01"]
    assert inputs.assigned
    assert inputs.assigned.block
    for other in others:
        block = other.site.block or (other.assigned.block if other.assigned else None)
        assert block
        assert not block.overlaps(inputs.assigned.block)
    assert sitekit("render", "new01", "--out", "build", folder=copy).returncode == 0


def test_a_new_site_with_the_address_of_its_line_has_a_tunnel(copy: Path) -> None:
    wanted = (
        "new", "site", "Office of tests", "--code", "new01", "--subsidiary", "hmp",
        "--archetype", "micro-office", "--street", "1 rue du Test", "--postcode", "75001",
        "--city", "Paris", "--opens", "2027-04-01", "--ordered", "2026-11-24",
    )  # fmt: skip
    for address, gateway, said in (
        ("198.51.100.74", "198.51.100.73", "write the length too"),
        ("198.51.100.74/33", "198.51.100.73", "are not a line's addresses"),
        ("198.51.100.74/30", "198.51.100.99", "gateway 198.51.100.99 is outside"),
    ):
        done = sitekit(*wanted, "--line-address", address, "--line-gateway", gateway, folder=copy)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert not (copy / "sites" / "new01.yaml").exists()
    assert "go together" in sitekit(*wanted, "--line-gateway", "198.51.100.73", folder=copy).stderr
    done = sitekit(
        *wanted, "--line-address", "198.51.100.74/30", "--line-gateway", "198.51.100.73",
        folder=copy,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = sitekit("check", "new01", "--today", "2026-11-24", folder=copy)
    assert "no-tunnel" not in said.stdout + said.stderr
    assert load_organisation(copy).sites["new01"].site.uplinks[0].addressing != "dhcp"


def test_new_never_overwrites(copy: Path) -> None:
    before = (copy / "sites" / "bdx01.yaml").read_bytes()
    done = sitekit(
        "new", "site", "Again", "--code", "bdx01", "--subsidiary", "kin", "--archetype",
        "micro-office", "--street", "x", "--postcode", "33000", "--city", "Bordeaux",
        "--opens", "2027-04-01", folder=copy,
    )  # fmt: skip
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (copy / "sites" / "bdx01.yaml").read_bytes() == before


def test_new_in_a_script_says_which_flag_is_missing(copy: Path) -> None:
    done = sitekit("new", "site", "Lille", "--subsidiary", "hmp", folder=copy)
    assert done.returncode == 2
    assert "--street is missing" in done.stderr


def test_new_asks_in_a_terminal(tmp_path: Path) -> None:
    """Answers typed at the prompts, the defaults taken with return."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "sitekit", "new", "organisation"])
    said = answer(terminal, ["Lumière", "lum", "", "", "fr"])
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert "Name of the group" in said
    loaded = load_organisation(tmp_path / "lum")
    assert loaded.organisation.name == "Lumière"
    assert loaded.organisation.domains == ("lumiere.example",)


def answer(terminal: int, answers: list[str]) -> str:
    """Type one answer at each prompt; give back all that was said."""
    said = b""
    left = list(answers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        if not ready:
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
        if said.rstrip(b" ").endswith(b":") and left:
            os.write(terminal, left.pop(0).encode() + b"\n")
            said += b"\n"
    return said.decode("utf-8", "replace")


# --- schema ------------------------------------------------------------------------------------


def test_schema_prints_one_or_writes_all(tmp_path: Path) -> None:
    assert json.loads(sitekit("schema", "site").stdout)["title"] == "Site"
    assert sitekit("schema", "--out", tmp_path).returncode == 0
    assert (tmp_path / "organisation.json").is_file()
    assert sitekit("schema", "sight").returncode == 2


def test_a_catalogue_folder_adds_hardware_and_an_archetype(copy: Path) -> None:
    """No Python: a model and an office of one's own."""
    catalogue = copy / "catalogue"
    (catalogue / "hardware").mkdir(parents=True)
    (catalogue / "archetypes").mkdir()
    (catalogue / "hardware" / "ours.yaml").write_text(
        """\
schema: 1
models:
  our-switch:
    vendor: Arista
    product: OUR-24
    platform: arista_eos
    roles: [access-switch]
    rack_units: 1
    watts_max: 50
    poe_budget_w: 300
    poe_port_w: 30
    ports:
      - { name: "Ethernet{n}", count: 24, speeds_mbps: [1000], media: copper, poe: true }
    source: a test
""",
        encoding="utf-8",
    )
    micro = (
        HORIZON.parents[1] / "src" / "sitekit" / "catalogue" / "archetypes" / "micro-office.yaml"
    )
    (catalogue / "archetypes" / "kiosk.yaml").write_text(
        micro.read_text(encoding="utf-8").replace("name: micro-office", "name: kiosk"),
        encoding="utf-8",
    )
    edit(copy / "sites" / "bdx01.yaml", "archetype: micro-office", "archetype: kiosk")
    edit(copy / "sites" / "bdx01.yaml", "model: ccs-710p-16p", "model: our-switch")
    (copy / "sites" / "bdx01.assigned.yaml").write_text(
        "schema: 1\nsite: bdx01\nblock: 10.96.144.0/21\n", encoding="utf-8"
    )
    done = sitekit("render", "bdx01", "--out", "build", folder=copy)
    assert done.returncode == 0, done.stderr
    assert "interface Ethernet24" in (copy / "build/bdx01/bdx01-sw-01.cfg").read_text("utf-8")
