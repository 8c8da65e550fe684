from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitekit.design.result import SiteDesign
from sitekit.render.topology import (
    BODY,
    HEADING,
    LABEL,
    NAME,
    ON_COLOUR,
    SMALL,
    TITLE,
    brief_port,
    measured,
    shortened,
    topology,
)
from tests.designs import P, design, headquarters, micro_office, renamed
from tests.drawings import SVG, Rectangle, texts_apart, written_by

CATALOGUE = Path(__file__).parents[1] / "src" / "sitekit" / "catalogue"
STYLES = {s.name: s for s in (TITLE, HEADING, NAME, BODY, SMALL, LABEL, ON_COLOUR)}


def parsed(made: SiteDesign) -> ElementTree.Element:
    return ElementTree.fromstring(topology(made).text)


def written(picture: ElementTree.Element) -> list[Rectangle]:
    return written_by(picture, STYLES)


def boxes(picture: ElementTree.Element) -> list[Rectangle]:
    """Boxes that stand on the sheet by themselves, not marks or members inside one."""
    return [
        Rectangle(x, y, x + float(node.get("width", "")), y + float(node.get("height", "")))
        for node in picture.iter(f"{SVG}rect")
        if node.get("class", "").split()[0] in ("bx", "ep", "net")
        for x, y in ((float(node.get("x", "")), float(node.get("y", ""))),)
    ]


def texts(made: SiteDesign) -> list[str]:
    return [r.text for r in written(parsed(made))]


def no_text_meets_another(made: SiteDesign) -> None:
    picture = parsed(made)
    sheet = Rectangle(0, 0, float(picture.get("width", "")), float(picture.get("height", "")))
    places = written(picture)
    texts_apart(places, sheet)
    stand = boxes(picture)
    for index, box in enumerate(stand):
        assert box.within(sheet)
        assert not any(box.meets(other) for other in stand[index + 1 :])
        for place in places:
            assert place.within(box) or not place.meets(box), (place, box)


# --- what is shown -------------------------------------------------------------------------------


def test_a_micro_office_shows_the_whole_chain() -> None:
    shown = texts(micro_office("fr"))
    assert {
        "Lyon Bellecour", "lyo3 · Micro-bureau · Paris · 10.20.0.0/19", "Internet",
        "Orange Business", "↓ 1 Gbit/s · ↑ 1 Gbit/s", "wan1", "203.0.113.10/29",
        "lyo3-fw-01", "Gi1/0/47 ↔ fw-01 port1 · 1G", "lyo3-sw-01", "1 point d'accès",
        "Poste de travail", "Concentrateur Azure", "2 tunnels IPsec", "BGP AS 65515",
    } <= {*shown, *(text.removesuffix(" · 1G") for text in shown)}  # fmt: skip


def test_networks_have_a_panel() -> None:
    shown = texts(micro_office())
    at = shown.index("Networks")
    assert shown[at + 1 : at + 6] == ["5", "net_mgmt", "Administration of devices", "10",
                                      "10.20.0.0/26"]  # fmt: skip


def test_a_headquarters_shows_pairs_stacks_and_the_interim_line() -> None:
    picture = parsed(headquarters())
    shown = [place.text for place in written(picture)]
    assert {
        "High-availability pair · heartbeat ha1, ha2", "active", "standby", "× 3",
        "cut-over 2027-03-01", "Twe2/0/1 ↔ fw-01 x2 · 10G", "6 access points", "6 IPsec tunnels",
    } <= set(shown)  # fmt: skip
    kinds = [node.get("class") for node in picture.iter()]
    assert kinds.count("mb") == 2 + 3 * 3  # a box per member of every stack
    assert kinds.count("it") == 2  # the interim line, and its legend
    assert kinds.count("bx dash") == 1


def test_an_mlag_pair_shows_its_peer_link() -> None:
    shown = texts(design(core="mlag", access=2))
    assert "MLAG pair · peer link Hu1/0/25, Hu1/0/26 · 100G" in shown
    assert "Te1/1/2 ↔ core-02 Twe1/0/5 · 10G" in shown


def test_without_a_hub_there_is_none() -> None:
    shown = texts(design(hub=False))
    assert "Azure hub" not in shown
    assert "encrypted tunnel" not in shown


def test_switches_behind_a_switch_stand_below_it() -> None:
    places = {place.text: place for place in written(parsed(design(access=3, chained=True)))}
    assert places["par1-sw-01"].bottom < places["par1-sw-02"].top
    assert places["par1-sw-02"].top == places["par1-sw-03"].top


def test_a_site_without_cables_still_has_a_picture() -> None:
    bare = replace(headquarters(), cables=(), ports=())
    assert "par1-sw-03" in texts(bare)
    no_text_meets_another(bare)


def test_a_site_without_devices_still_has_a_picture() -> None:
    bare = replace(micro_office(), cables=(), ports=(), devices=(), uplinks=(), wifi=None)
    assert "Networks" in texts(bare)


def test_the_picture_stands_alone_and_tells_what_it_is() -> None:
    text = topology(headquarters("fr")).text
    picture = ElementTree.fromstring(text)
    assert picture[0].tag == f"{SVG}title"
    assert picture[0].text == "Schéma du réseau : Paris République (par1)"
    assert picture[1].tag == f"{SVG}desc"
    assert "prefers-color-scheme:dark" in text
    named = (picture.get("aria-labelledby") or "").split()
    assert named == [picture[0].get("id"), picture[1].get("id")]
    assert re.findall(r'https?://[^"]*', text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text
    assert "<script" not in text


@pytest.mark.parametrize("made", [micro_office, headquarters])
def test_the_same_site_gives_the_same_bytes(made: object) -> None:
    assert topology(made("fr")) == topology(made("fr"))  # type: ignore[operator]


def test_every_class_is_in_the_style_sheet() -> None:
    text = topology(headquarters()).text
    used = {kind for found in re.findall(r'class="([^"]*)"', text) for kind in found.split()}
    assert used - {"sitekit"} <= set(re.findall(r"\.([a-z][a-z0-9-]*)", text))


# --- never on top of each other ------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("core", ["none", "single", "stack", "mlag"])
@pytest.mark.parametrize("access", [1, 2, 3, 6, 7, 12])
def test_no_text_meets_another(
    language: str, core: Literal["none", "single", "stack", "mlag"], access: int
) -> None:
    no_text_meets_another(
        design(
            language=language,
            ha=core in ("stack", "mlag"),
            lines=1 + access % 3,
            interim=True,
            core=core,
            access=access,
            stack=1 + access % 4,
            access_points=min(40, access * 4),
            chained=core == "none" and access % 2 == 0,
            endpoints={P.ACCESS: 30, P.CAMERA: 4, P.DOOR: 2, P.ST2110: 9},
        )
    )


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(max_size=80) | st.sampled_from(["W" * 200, "漢" * 80, "é" * 90, "i" * 300]),
    core=st.sampled_from(["none", "mlag"]),
    access=st.integers(1, 12),
    lines=st.integers(1, 5),
)
def test_no_text_meets_another_whatever_it_says(
    text: str, core: Literal["none", "mlag"], access: int, lines: int
) -> None:
    made = design(core=core, access=access, lines=lines, interim=True, ha=core == "mlag")
    no_text_meets_another(renamed(made, text))


@given(st.text())
def test_any_text_is_xml(text: str) -> None:
    picture = parsed(renamed(micro_office(), text))
    plain = parsed(micro_office())
    assert [node.tag for node in picture.iter()] == [node.tag for node in plain.iter()]


@given(st.text(), st.integers(20, 300))
def test_shortened_text_keeps_within_its_width(text: str, width: int) -> None:
    assert measured(shortened(text, NAME, width), NAME) <= width


@pytest.mark.parametrize(
    ("long", "brief"),
    [
        ("TenGigabitEthernet1/1/1", "Te1/1/1"),
        ("TwentyFiveGigE1/0/3", "Twe1/0/3"),
        ("GigabitEthernet1/0/48", "Gi1/0/48"),
        ("Ethernet49/1", "Et49/1"),
        ("port1", "port1"),
    ],
)
def test_ports_are_written_as_on_drawings(long: str, brief: str) -> None:
    assert brief_port(long) == brief
