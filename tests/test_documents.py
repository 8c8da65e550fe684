from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitekit.design.result import PortPurpose
from sitekit.model.site import Role
from sitekit.render.documents import DENIED, csv_cell, documents, markdown_cell
from sitekit.render.language import EN, FR, words
from tests.designs import design, headquarters, micro_office, renamed, rule, service

CATALOGUE = Path(__file__).parents[1] / "src" / "sitekit" / "catalogue"
MICRO = micro_office()
NASTY = st.text(max_size=60) | st.sampled_from(
    [
        "=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "a|b", "a\\|b",
        "\\", "`x`", "``", "a\r\nb", "\u2028", "\x85", "\x00", "\ud800", "<script>", "--- | ---",
        "[x](javascript:1)", "**b** _i_", '"', '",', "'", "", "{name}", "&lt;",
    ]
)  # fmt: skip


def texts(made: object) -> dict[str, str]:
    return {str(a.path): a.text for a in documents(made)}  # type: ignore[arg-type]


def cells(line: str) -> list[str]:
    """Cells of a Markdown table row as GitHub reads them: a backslash escapes what follows."""
    assert line.startswith("| ")
    assert line.endswith(" |")
    return re.findall(r"((?:\\.|[^|\\])*)\|", line[1:])


def test_six_documents_beside_each_other() -> None:
    assert list(texts(MICRO)) == [
        "address-plan.csv", "address-plan.md", "port-map.csv", "port-map.md",
        "zone-matrix.csv", "zone-matrix.md",
    ]  # fmt: skip


def test_a_network_in_the_address_plan() -> None:
    plan = texts(MICRO)["address-plan.csv"].splitlines()
    assert plan[0].startswith("Record,Name,Address or prefix,Netmask,VLAN,Zone,Zone title,Gateway")
    assert plan[2] == (
        "network,corp,10.20.2.0/26,255.255.255.192,20,corp,Office,10.20.2.1,firewall,"
        "10.20.2.10–10.20.2.62,1500,,What corp is for"
    )


def test_the_address_plan_reads_in_french() -> None:
    page = texts(micro_office("fr"))["address-plan.md"]
    assert page.startswith("# Plan d'adressage : Lyon Bellecour\n\n- Site : Lyon Bellecour (lyo3)")
    assert "| print | print | Impression | 45 | 10.20.8.0/26 | 10.20.8.1 | pare-feu |" in page
    assert "| printer-1 | 02:00:00:00:00:01 | 10.20.8.12 | print | 45 |" in page


def test_the_port_map_has_a_table_per_device_and_counts() -> None:
    page = texts(MICRO)["port-map.md"]
    assert re.findall(r"^## (.*)", page, re.M) == ["Overview", "lyo3-fw-01", "lyo3-sw-01"]
    assert (
        "By purpose: Office port: 6, Wi-Fi access point: 1, Printer: 1, "
        "To the firewall: 1, Unused, shut: 1." in page
    )
    assert "| lyo3-sw-01 | Access switch | Catalyst 9300-48P | 10 | 9 | 1 |" in page


def test_every_port_is_one_row() -> None:
    made = headquarters()
    rows = list(csv.reader(io.StringIO(texts(made)["port-map.csv"])))
    assert [row[:2] for row in rows[1:]] == [[use.device, use.port] for use in made.ports]


def test_the_zone_matrix_shows_services_and_denials() -> None:
    matrix = list(csv.reader(io.StringIO(texts(MICRO)["zone-matrix.csv"])))
    assert matrix[0] == [
        "from → to", "net_mgmt", "corp", "freelance", "print", "guest", "vpn_site", "wan",
    ]  # fmt: skip
    assert matrix[2] == ["corp (Office)", "—", "—", "—", "ipp", "—", "—", "https, dns"]
    assert matrix[5][-1] == "every service"
    assert matrix[5][2] == "—"  # the deny rule permits nothing


def test_rules_carry_their_reason_and_what_they_are_narrowed_to() -> None:
    page = texts(MICRO)["zone-matrix.md"]
    assert (
        "| 115 | permit | net_mgmt | vpn_site: g-radius | radius | firewall "
        "| Devices ask the group RADIUS servers |" in page
    )
    assert r"| People browse \| work |" in page
    assert "| Never &lt;at all&gt; |" in page


def test_the_same_service_twice_is_written_once() -> None:
    twice = replace(
        MICRO,
        policy=(
            rule(1, "corp", "wan", service("https")),
            rule(2, "corp", "wan", service("https"), service("dns")),
        ),
    )
    assert "https, dns" in texts(twice)["zone-matrix.csv"]


def test_nothing_to_show_is_said() -> None:
    assert (
        "## Fixed addresses\n\nNone.\n" in texts(design(segments=["net_mgmt"]))["address-plan.md"]
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", " =1", "\t=1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert csv_cell(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("a\nb", "a b"),
        ("<b>", "&lt;b&gt;"),
        ("&lt;", "&amp;lt;"),
        ("net_mgmt", "net_mgmt"),
        ("_i_", r"\_i\_"),
        ("*b*", r"\*b\*"),
        (r"\|", r"\\\|"),
        ("[x](y)", r"\[x\](y)"),
    ],
)
def test_markdown_shows_words_as_written(text: str, cell: str) -> None:
    assert markdown_cell(text) == cell


@given(NASTY)
def test_any_text_is_one_csv_cell(text: str) -> None:
    written = f"a,{csv_cell(text)},b\n"
    (row,) = csv.reader(io.StringIO(written))
    assert len(row) == 3
    assert row[1].lstrip()[:1] not in ("=", "+", "-", "@")
    assert written.isascii() or written.encode()  # no lone surrogates


@settings(max_examples=60, deadline=None)
@given(NASTY)
def test_any_text_leaves_every_table_whole(text: str) -> None:
    for name, written in texts(renamed(MICRO, text)).items():
        plain = texts(MICRO)[name]
        if name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(written)))
            assert {len(row) for row in rows} == {len(rows[0])}
            assert len(rows) == len(plain.splitlines())
        else:
            shapes = [
                [len(cells(line)) if line.startswith("|") else 0 for line in page.split("\n")]
                for page in (written, plain)
            ]
            assert shapes[0] == shapes[1]
            assert "<" not in written


@pytest.mark.parametrize("made", [micro_office, headquarters])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_same_site_gives_the_same_bytes(made: object, language: str) -> None:
    assert documents(made(language)) == documents(made(language))  # type: ignore[operator]


def test_files_end_with_one_newline_and_have_no_returns() -> None:
    for text in texts(headquarters()).values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert "\r" not in text


# --- words ---------------------------------------------------------------------------------------


def test_both_languages_say_the_same_things() -> None:
    assert list(FR) == list(EN)
    for key, phrase in FR.items():
        assert set(re.findall(r"{\w+}", phrase)) == set(re.findall(r"{\w+}", EN[key])), key


def test_every_purpose_and_role_has_a_name() -> None:
    assert {f"purpose.{p.value}" for p in PortPurpose} <= set(EN)
    assert {f"role.{r.value}" for r in Role} <= set(EN)


def test_rates_are_said_as_people_say_them() -> None:
    assert words("fr").rate(2500) == "2,5 Gbit/s"
    assert words("en").rate(300) == "300 Mb/s"


def test_denied_is_no_formula() -> None:
    assert csv_cell(DENIED) == "—"
