"""Whatever somebody writes in a free text stays where it was put, on every platform.

A site is rendered twice, once with harmless words and once with drawn ones in every free text. The
two configurations have the same lines but for the words themselves: the same number, the same
indentation, the same commands.
"""

from __future__ import annotations

import csv
import io
import shlex
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sitekit.design import design_site
from sitekit.design.result import AccessPointDesign
from sitekit.load import SiteInputs
from sitekit.render import render_site
from sitekit.render.engine import engine_of
from sitekit.render.words import BANNER, TEXT
from tests.organisations import horizon

SITES = ("lyo01", "par02")
HARMLESS = "plain words"
NASTY = [
    'x" disabled=yes',
    "end\nno aaa new-model",
    "next\n    end\nconfig system admin",
    "EOF\nusername evil secret x",
    "{{ 7 * 7 }} {% for x in y %}",
    "! comment # hash ? help",
    "\\\" \\ ' `",
    "^C\nenable secret x",
    "été à Noël, œuvre « citée » – 100 €",
    "caf\x92 \x80 cp1252",
    "\x00\x07\x1b[2Jred",
    "a\r\nb\u2028c\u0085d",
    "  leading and trailing  ",
    "-" * 500,
    "😀 عربى 中文",
    "<script>alert(1)</script> & |cell| =SUM(A1)",
    "$VAR ${HOME} %s %(x)s ;rm",
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=60).filter(
        str.strip
    ),
)


def written(inputs: SiteInputs, text: str) -> SiteInputs:
    """The site with this text in every place that takes free text."""
    site = inputs.site
    banner = inputs.settings.administration.model_copy(update={"banner": text, "contact": text})
    return replace(
        inputs,
        site=site.model_copy(
            update={
                "name": text,
                "address": site.address.model_copy(update={"street": text, "city": text}),
                "uplinks": tuple(u.model_copy(update={"path": text}) for u in site.uplinks),
                "flows": tuple(f.model_copy(update={"reason": text}) for f in site.flows),
                "segments": tuple(s.model_copy(update={"reason": text}) for s in site.segments),
            }
        ),
        settings=inputs.settings.model_copy(update={"administration": banner}),
        subsidiary=inputs.subsidiary.model_copy(update={"name": text}),
        organisation=inputs.organisation.model_copy(
            update={
                "name": text,
                "suppliers": {
                    key: supplier.model_copy(update={"name": text, "contact": text})
                    for key, supplier in inputs.organisation.suppliers.items()
                },
            }
        ),
        productions=tuple(
            (production.model_copy(update={"code_name": text}), network)
            for production, network in inputs.productions
        ),
    )


def configurations(code: str, text: str) -> dict[str, str]:
    inputs = written(horizon().sites[code], text)
    design = design_site(inputs)
    return {
        device.name: engine_of(device.platform, inputs.catalogue).render(device)
        for device in design.devices
        if not isinstance(device, AccessPointDesign)
    }


@cache
def harmless(code: str) -> dict[str, str]:
    return configurations(code, HARMLESS)


def skeleton(text: str) -> list[tuple[str, str]]:
    """Indentation and first two words of every line: what a device would act on."""
    found = []
    inside_banner = False
    for line in text.splitlines():
        words = line.split()
        if inside_banner:
            inside_banner = words[:1] != ["EOF"] and "^C" not in line
            continue
        if words[:1] == ["banner"]:
            inside_banner = True
        indent = line[: len(line) - len(line.lstrip())]
        found.append((indent, " ".join(words[:2])))
    return found


def fortios_skeleton(text: str) -> list[list[str]]:
    """Commands with quoted values as one word each; raises ValueError on an open quote."""
    commands: list[list[str]] = []
    open_text = ""
    for line in text.splitlines():
        open_text = f"{open_text}\n{line}" if open_text else line
        if open_text.lstrip().startswith("#"):
            open_text = ""
            continue
        try:
            words = shlex.split(open_text, posix=True)
        except ValueError:
            continue  # the value goes on in the next line
        commands.append([words[0] if words else "", words[1] if len(words) > 1 else ""])
        commands[-1].append(str(len(words)))
        open_text = ""
    if open_text:
        raise ValueError(f"a quote stays open: {open_text[:80]!r}")
    return commands


@pytest.mark.parametrize("code", SITES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=texts)
@example(text=NASTY[0])
@example(text=NASTY[1])
@example(text=NASTY[2])
@example(text=NASTY[3])
@example(text=NASTY[4])
@example(text=NASTY[5])
@example(text=NASTY[6])
@example(text=NASTY[7])
@example(text=NASTY[9])
@example(text=NASTY[10])
@example(text=NASTY[11])
def test_free_text_never_becomes_syntax(code: str, text: str) -> None:
    for name, configuration in configurations(code, text).items():
        plain = harmless(code)[name]
        if "-fw-" in name:
            assert fortios_skeleton(configuration) == fortios_skeleton(plain)
        else:
            assert skeleton(configuration) == skeleton(plain)
        if "7 * 7" in text:
            assert "7 * 7" in configuration  # said, never computed
        printable = configuration.replace("\n", "")
        assert printable.isascii()
        assert printable.isprintable()


@settings(max_examples=40, deadline=None)
@given(text=texts)
@example(text=NASTY[15])
def test_documents_hold_any_text(text: str) -> None:
    inputs = written(horizon().sites["lyo01"], text)
    artifacts = {str(a.path): a.text for a in render_site(design_site(inputs), inputs.catalogue)}
    ET.fromstring(artifacts["topology.svg"])
    for name, content in artifacts.items():
        if name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(content)))
            assert len({len(row) for row in rows}) == 1
            assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
        if name.endswith(".md"):
            assert "<script" not in content


@pytest.mark.parametrize("syntax", sorted(TEXT))
@given(text=texts, limit=st.integers(5, 80))
def test_words_are_one_line_of_printable_ascii(syntax: str, text: str, limit: int) -> None:
    words = TEXT[syntax](text, limit)
    assert words
    assert words.isascii()
    assert words.isprintable()
    if syntax == "fortios":
        assert words[0] == words[-1] == '"'
        assert len(shlex.split(words)) == 1
    else:
        assert len(words) <= limit
        assert not set(words) & set("?!#\"'`\\|;$%^<>{}~\n")
        assert words == words.strip()


@pytest.mark.parametrize("syntax", ["ios", "eos"])
@given(text=texts)
def test_a_banner_cannot_end_itself(syntax: str, text: str) -> None:
    for line in BANNER[syntax](text).splitlines():
        assert line.strip().upper() != "EOF"
        assert "^" not in line
