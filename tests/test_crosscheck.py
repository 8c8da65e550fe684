"""The check of rendered text: clean examples, one seeded fault after the other, and its parsers."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitekit import Finding, Severity, cross_check
from sitekit.cli.crosscheck import of_rendered
from sitekit.crosscheck import CHECKS, read, spaces
from sitekit.crosscheck.conversations import decided, rules_of
from sitekit.crosscheck.facts import mask_length, number, slashed
from sitekit.crosscheck.fortios import parse, split
from sitekit.crosscheck.indented import sections, vlans
from sitekit.crosscheck.networks import networks_of
from sitekit.crosscheck.read_switch import read as read_switch
from sitekit.design.group import findings_of
from sitekit.load import load_organisation
from sitekit.render import Artifact
from tests.faults import FAULTS, Fault
from tests.oracles.sites import drawn
from tests.organisations import HORIZON

RENDERED = HORIZON / "rendered"
SITES = sorted(path.name for path in RENDERED.iterdir() if path.is_dir())
READ = (".cfg", ".conf")
DOCUMENTS = ("address-plan.csv", "port-map.csv")


@cache
def _texts(code: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (path.name, path.read_text(encoding="utf-8"))
        for path in sorted((RENDERED / code).iterdir())
        if path.suffix in READ or path.name in DOCUMENTS
    )


def artifacts(files: dict[str, str]) -> list[Artifact]:
    return [Artifact(PurePosixPath(name), text) for name, text in files.items()]


def check(code: str, files: dict[str, str]) -> tuple[Finding, ...]:
    return cross_check(artifacts(files), code)


def broken(fault: Fault) -> dict[str, str]:
    files = dict(_texts(fault.site))
    for edit in fault.edits:
        text = files[edit.file]
        start = text.index(edit.after)
        at = text.index(edit.old, start)
        files[edit.file] = text[:at] + edit.new + text[at + len(edit.old) :]
        assert files[edit.file] != text
    return files


# --- clean, and fast ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", SITES)
def test_the_examples_agree_with_themselves(code: str) -> None:
    assert [f"{f.place} {f.message}" for f in check(code, dict(_texts(code)))] == []


def test_every_configuration_of_the_examples_is_read() -> None:
    for code in SITES:
        site = read(artifacts(dict(_texts(code))), code)
        names = [name for name, _ in _texts(code) if name.endswith(READ)]
        assert len(site.switches) + len(site.firewalls) == len(names)
        assert site.documents.networks
        assert all(switch.ports and switch.vlans for switch in site.switches)
        assert all(firewall.policies and firewall.scopes for firewall in site.firewalls)


def test_a_headquarters_takes_less_than_a_tenth_of_a_second() -> None:
    files = artifacts(dict(_texts("par01")))
    took = []
    for _ in range(5):
        start = time.process_time()
        cross_check(files, "par01")
        took.append(time.process_time() - start)
    assert min(took) < 0.1


@pytest.mark.slow
def test_drawn_sites_of_every_kind_agree_with_themselves(tmp_path: Path) -> None:
    """The only finding is a warning where switches of two vendors run two kinds of trees."""
    drawn(tmp_path)
    organisation = load_organisation(tmp_path / "drawn")
    checked = 0
    for code in sorted(organisation.sites)[:120]:
        if any(f.severity is Severity.ERROR for f in findings_of(organisation, code)):
            continue
        found = of_rendered(organisation, code)
        assert [f"{f.place} {f.message}" for f in found if f.rule != "cross-stp-mixed"] == []
        checked += 1
    assert checked > 80


def test_nothing_of_the_design_is_loaded_by_the_check() -> None:
    code = (
        "import sys, sitekit.crosscheck; "
        "print([m for m in sys.modules if m.startswith(('sitekit.design', 'sitekit.render', "
        "'sitekit.load', 'jinja2', 'yaml'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_large_packets_alone_make_no_multicast_of_content() -> None:
    """An archetype of the user's may give post-production jumbo frames and no media profile."""
    files = {
        name: "".join(
            line
            for line in text.splitlines(keepends=True)
            if not line.startswith("ip igmp snooping vlan 140 ")
        )
        for name, text in _texts("par02")
    }
    assert files != dict(_texts("par02"))
    assert [f.message for f in check("par02", files) if f.rule == "cross-querier"] == []


# --- seeded faults -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS, ids=[f.name for f in FAULTS])
def test_a_seeded_fault_is_found_and_named(fault: Fault) -> None:
    found = check(fault.site, broken(fault))
    named = [
        f
        for f in found
        if f.rule == fault.check
        and fault.words in f.message
        and f.place.file == f"{fault.site}/{fault.at}"
    ]
    assert named, [f"{f.place} {f.message} [{f.rule}]" for f in found]
    assert named[0].subject == fault.site
    assert named[0].severity is CHECKS[fault.check].severity
    assert named[0].remedy


def test_at_least_thirty_faults_and_one_of_every_check() -> None:
    assert len(FAULTS) >= 100
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    untried = CHECKS.keys() - {fault.check for fault in FAULTS}
    assert untried == {"cross-not-read", "cross-no-firewall"}  # tried below


def test_a_finding_points_at_its_line() -> None:
    fault = next(f for f in FAULTS if f.name == "another cipher in phase 2")
    files = broken(fault)
    finding = next(f for f in check(fault.site, files) if f.rule == fault.check)
    assert "aes128gcm" in files[fault.at].split("\n")[finding.place.line - 1]


def test_a_platform_without_a_parser_is_said_and_the_rest_is_checked() -> None:
    files = [
        *artifacts(dict(_texts("bdx01"))),
        Artifact(PurePosixPath("bdx01-sw-02.cfg"), "set system host-name x", "some_os"),
    ]
    found = [f for f in cross_check(files, "bdx01") if f.rule == "cross-not-read"]
    assert [f.place.file for f in found] == ["bdx01/bdx01-sw-02.cfg"]


def test_a_site_without_a_firewall_is_said() -> None:
    files = {name: text for name, text in _texts("bdx01") if not name.endswith(".conf")}
    assert "cross-no-firewall" in {f.rule for f in check("bdx01", files)}


# --- parsers never fail ------------------------------------------------------------------------

LINES = st.sampled_from(
    sorted({line for code in ("par01", "par02") for _, t in _texts(code) for line in t.split("\n")})
)
WORDS = st.text(alphabet=st.sampled_from(' \t"\\!#,-/.0123456789abcinostvxz\n\r\x0c'), max_size=60)
ANYTHING = st.lists(st.one_of(LINES, WORDS, st.text(max_size=40)), max_size=60).map("\n".join)


@settings(max_examples=300)
@given(ANYTHING)
def test_no_text_makes_a_parser_fail(text: str) -> None:
    for name in ("x-fw-01.conf", "x-sw-01.cfg", "address-plan.csv", "port-map.csv"):
        for platform in ("arista_eos", "cisco_iosxe", "fortinet_fortios", None):
            wanted = None if name.endswith(".csv") else platform
            cross_check([Artifact(PurePosixPath(name), text, wanted)], "x")
    parse(text)
    split(text)
    list(sections(text))
    vlans(text)


@settings(max_examples=40)
@given(st.sampled_from(("bdx01", "mrs01")), st.integers(0, 2**32), st.integers(1, 60))
def test_a_shuffled_site_is_still_answered(code: str, seed: int, wounds: int) -> None:
    """Lines lost, doubled, cut and moved at random: findings, never a failure."""
    rng = random.Random(seed)
    files = dict(_texts(code))
    for _ in range(wounds):
        name = rng.choice(sorted(files))
        lines = files[name].split("\n")
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case _:
                lines[at], lines[other] = lines[other], lines[at]
        files[name] = "\n".join(lines)
    check(code, files)


# --- syntax ------------------------------------------------------------------------------------


def test_fortios_later_lines_change_earlier_ones() -> None:
    tree = parse(
        'config a b\n edit "x y"\n set k 1 "two words"\n next\n edit z\n next\n end\n'
        'config a b\n edit "x y"\n unset k\n set t "over\ntwo lines"\n next\n'
        " move z before x\\ y\n delete gone\n end\n"
    )
    table = tree.table("a b")
    assert list(table.entries) == ["z", "x y"]
    assert table.entries["x y"].words("k") == ()
    assert table.entries["x y"].values["t"] == (11, ("over\ntwo lines",))
    assert parse("config a\nedit 1\nnext\npurge\nend").table("a").entries == {}


def test_a_banner_is_no_configuration() -> None:
    eos = "banner login\nvlan 7\ninterface Vlan7\nEOF\nvlan 8\n"
    ios = "banner login ^C\nvlan 7\n^C\nvlan 8\n"
    assert list(read_switch("x", "x", eos, "eos").vlans) == [8]
    assert list(read_switch("x", "x", ios, "ios").vlans) == [8]


def test_masks_and_addresses() -> None:
    assert number("10.0.0.256") is None
    assert number("10.0.0.1") == 0x0A000001
    assert mask_length("255.255.254.0") == 23
    assert mask_length("255.0.255.0") is None
    assert slashed("10.0.0.1/33") is None
    assert vlans("10-12,20,5000,x") == {10, 11, 12, 20}


# --- spaces, against counting ------------------------------------------------------------------

SPAN = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda ends: tuple(sorted(ends)))
BOX = st.tuples(SPAN, SPAN, SPAN)


def points(boxes: list[spaces.Box]) -> set[tuple[int, ...]]:
    return {
        (a, b, c)
        for x, y, z in boxes
        for a in range(x[0], x[1] + 1)
        for b in range(y[0], y[1] + 1)
        for c in range(z[0], z[1] + 1)
    }


@given(st.lists(BOX, max_size=4), st.lists(BOX, max_size=4))
def test_spaces_count_right(one: list[spaces.Box], other: list[spaces.Box]) -> None:
    left = spaces.leave(one, other)
    assert points(left) == points(one) - points(other)
    assert points(spaces.meeting(one, other)) == points(one) & points(other)


@given(BOX, BOX)
def test_pieces_that_are_left_do_not_overlap(one: spaces.Box, other: spaces.Box) -> None:
    pieces = spaces.carve(one, other)
    assert sum(len(points([piece])) for piece in pieces) == len(points(pieces))


@pytest.mark.parametrize("code", SITES)
def test_random_packets_are_decided_by_the_first_rule_that_holds_them(code: str) -> None:
    """The exact answer against rules asked one after the other, packet by packet."""
    networks = networks_of(read(artifacts(dict(_texts(code))), code))
    assert networks.firewall is not None
    rules = rules_of(networks.firewall).rules
    zones = sorted({zone for rule in rules for zone in rule.sources | rule.destinations} - {"any"})
    rng = random.Random(code)
    ends = [edge for rule in rules for box in rule.boxes for edge in box]
    permitted = 0
    for _ in range(2000):
        rule = rng.choice(rules)
        box = rng.choice(rule.boxes)
        packet = [rng.choice((low, high, rng.randint(low, high))) for low, high in box]
        if rng.random() < 0.3:
            packet[2] = min(rng.choice(ends)[0], (256 << 16) - 1)
        source, destination = rng.choice(zones), rng.choice(zones)
        if rng.random() < 0.7 and "any" not in rule.sources | rule.destinations:
            source, destination = min(rule.sources), min(rule.destinations)
        point = tuple((value, value) for value in packet)
        first = next(
            (
                r
                for r in rules
                if {source, "any"} & r.sources
                and {destination, "any"} & r.destinations
                and any(
                    all(low <= v <= high for v, (low, high) in zip(packet, b, strict=True))
                    for b in r.boxes
                )
            ),
            None,
        )
        answer = decided(rules, source, destination, [point])
        assert [found for found, _ in answer] == [first]
        permitted += first is not None and first.policy.accept
    assert permitted > 100
