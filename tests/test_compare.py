"""The effect of a change: lines in their sections, identical effects together, impact named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sitekit.diff.effect import Text, effects
from sitekit.diff.sections import Change, differences
from sitekit.model.platform import Impact
from tests.organisations import HORIZON, copy_of_horizon, edit, horizon
from tests.test_verbs import sitekit


def run(script: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The commands in one shell, as a CI runs them, `sitekit` being this one."""
    function = f'sitekit() {{ "{sys.executable}" -m sitekit "$@"; }}'
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join([function, *script])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


GIT = "git -c user.name=a -c user.email=a@example.org -c commit.gpgsign=false"

OLD = """! comment
interface Ethernet5
   switchport access vlan 20
!
interface Ethernet6
   switchport access vlan 20
"""


def test_a_line_belongs_to_its_section() -> None:
    new = OLD.replace("Ethernet6\n   switchport access vlan 20", "Ethernet6\n   description x")
    assert differences(OLD, new, "eos") == (
        Change(("interface Ethernet6",), "-", "switchport access vlan 20"),
        Change(("interface Ethernet6",), "+", "description x"),
    )
    assert str(differences(OLD, new, "eos")[1]) == "interface Ethernet6 / + description x"
    assert differences(OLD, OLD.replace("! comment", "! other"), "eos") == ()


def test_sections_of_fortios_are_words() -> None:
    old = (
        "config system dns\n    set primary 10.0.0.1\nend\nconfig x\n edit 1\n  set a b\n next\nend"
    )
    new = old.replace("set a b", "set a c")
    assert differences(old, new, "fortios") == (
        Change(("config x", "edit 1"), "-", "set a b"),
        Change(("config x", "edit 1"), "+", "set a c"),
    )


def test_order_within_a_section_is_a_difference() -> None:
    assert differences("a 1\nb 2\n", "b 2\na 1\n", "ios")


def test_every_example_differs_from_nothing_in_all_of_its_lines() -> None:
    for path in (HORIZON / "rendered").glob("*/*.cfg"):
        text = path.read_text(encoding="utf-8")
        lines = [x.strip() for x in text.splitlines() if x.strip() and x.strip()[0] != "!"]
        assert sorted(c.line for c in differences("", text, "eos")) == sorted(lines)


@pytest.mark.parametrize(
    ("platform", "line", "impact"),
    [
        ("arista_eos", "ntp server 10.0.0.9", Impact.NONE),
        ("arista_eos", "router bgp 65000", Impact.UNKNOWN),
        ("arista_eos", "interface Ethernet5\n   description x", Impact.NONE),
        ("arista_eos", "interface Ethernet5\n   switchport access vlan 9", Impact.FLAPS_PORT),
        (
            "arista_eos",
            "interface Ethernet5\n   switchport trunk native vlan 9",
            Impact.DROPS_USERS,
        ),
        ("arista_eos", "interface Vlan10\n   ip address 10.0.0.2/24", Impact.MAY_LOCK_OUT),
        ("cisco_iosxe", "line vty 0 4\n transport input ssh", Impact.MAY_LOCK_OUT),
        ("cisco_iosxe", "interface TenGigabitEthernet1/0/1\n description x", Impact.NONE),
        ("cisco_iosxe", "interface TenGigabitEthernet1/0/1\n speed 1000", Impact.FLAPS_PORT),
        ("fortinet_fortios", "config firewall policy\nedit 1\nset action deny", Impact.DROPS_USERS),
        ("fortinet_fortios", "config firewall policy\nedit 1\nset comments x", Impact.NONE),
        (
            "fortinet_fortios",
            'config system interface\nedit "a"\nset allowaccess ping',
            Impact.MAY_LOCK_OUT,
        ),
    ],
)
def test_the_impact_is_the_platforms(platform: str, line: str, impact: Impact) -> None:
    head, _, last = line.rpartition("\n")
    before = Text(text=f"{head}\n", platform=platform)
    after = Text(text=f"{head}\n{last}\n" if head else line, platform=platform)
    (effect,) = effects({"a/b": before}, {"a/b": after}, horizon().catalogue.platforms)
    assert effect.impact is impact


def test_compare_with_a_folder_groups_devices(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    rendered = HORIZON / "rendered"
    same = sitekit("render", "--compare", rendered, folder=copy)
    assert (same.returncode, same.stdout) == (0, "")
    edit(copy / "organisation.yaml", "address: 10.127.241.6", "address: 10.127.241.16")
    done = sitekit("render", "--compare", rendered, "--json", folder=copy)
    assert done.returncode == 1
    found = json.loads(done.stdout)["effects"]
    switches = max(found, key=lambda e: len(e["files"]) if e["platform"] == "arista_eos" else 0)
    assert len(switches["files"]) > 3
    assert {c["sign"] for c in switches["changes"]} == {"+", "-"}
    assert all("10.127.241" in c["line"] for c in switches["changes"])
    text = sitekit("render", "--compare", rendered, folder=copy)
    assert f"{len(switches['files'])} arista_eos devices changed: impact: none" in text.stdout
    assert "+ ntp server 10.127.241.16" in text.stdout


def test_compare_with_a_ref(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    assert run(["git init -q", "git add .", f"{GIT} commit -qm a"], copy).returncode == 0
    assert sitekit("render", "--compare", "HEAD", folder=copy).returncode == 0
    edit(copy / "sites/bdx01.yaml", "name: Bordeaux Chartrons", "name: Bordeaux Lac")
    done = sitekit("render", "bdx01", "--compare", "HEAD", folder=copy)
    assert done.returncode == 1
    assert "bdx01/" in done.stdout
    assert not (copy / "rendered").exists()
    assert run(["git status --porcelain"], copy).stdout == " M sites/bdx01.yaml\n"
    wrong = sitekit("render", "--compare", "--all", folder=copy)
    assert wrong.returncode == 2
    assert "there is no commit '--all'" in wrong.stderr


def test_compare_needs_something_to_compare_with(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    done = sitekit("render", "--compare", "HEAD", folder=copy)
    assert done.returncode == 2
    assert "in no git repository" in done.stderr
    assert sitekit("render", "--compare", "HEAD", "--out", "x", folder=copy).returncode == 2
    assert sitekit("render", folder=copy).returncode == 2


def test_compare_refuses_files_with_real_secrets(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    old = tmp_path / "old" / "bdx01"
    old.mkdir(parents=True)
    (old / "bdx01-sw-01.cfg").write_text("username a secret 0 s3cr3t\n", encoding="utf-8")
    done = sitekit("render", "bdx01", "--compare", tmp_path / "old", folder=copy)
    assert done.returncode == 2
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "rendered with real secrets" in done.stderr


def test_compare_reads_bootstraps_as_documents_and_refuses_their_secrets(tmp_path: Path) -> None:
    copy = copy_of_horizon(tmp_path)
    rendered = Path(shutil.copytree(HORIZON / "rendered", tmp_path / "rendered"))
    bootstrap = rendered / "bdx01" / "day-0" / "bdx01-sw-01.cfg"
    text = bootstrap.read_text(encoding="utf-8")
    bootstrap.write_text(text.replace("hostname bdx01-sw-01", "hostname old"), encoding="utf-8")
    done = sitekit("render", "--compare", rendered, "--json", folder=copy)
    assert done.returncode == 1
    (effect,) = json.loads(done.stdout)["effects"]
    assert effect["files"] == ["bdx01/day-0/bdx01-sw-01.cfg"]
    assert (effect["platform"], effect["impact"]) == (None, "none")
    bootstrap.write_text("username x secret 0 hunter2hunter2\n", encoding="utf-8")
    refused = sitekit("render", "--compare", rendered, folder=copy)
    assert refused.returncode == 2
    assert "hunter2" not in refused.stdout + refused.stderr
