"""Whatever somebody writes in a free text, no platform, table or picture takes it for syntax.

One organisation is rendered with a harmless word in every free text, then with anything at all:
lines without the word must not change, lines with it must begin and end as before.
"""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sitekit.design import SiteDesign, design_site
from sitekit.load import SiteInputs, load_organisation
from sitekit.load.catalogue import PlacedFlow
from sitekit.render import render_site, words
from tests.test_mistakes import BASE

WORD = "Harmless"
SITES = ("off01", "pst01")  # IOS-XE and FortiOS; EOS and FortiOS
NASTY = (
    '"',
    "'",
    "\\",
    "\n",
    "\r",
    "\t",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "!",
    "#",
    "?",
    ";",
    "|",
    "^C",
    "$",
    "`",
    "%%",
    "%",
    "&",
    "<",
    ">",
    "{{ 7 * 191 }}",
    "{% raw %}",
    "{# #}",
    "EOF",
    "\nEOF\n",
    "end",
    "\nend\n",
    "next",
    "\nnext\nedit 1\n",
    "exit",
    "no shutdown",
    '" \nset status disable',
    '\\"',
    "=HYPERLINK(1)",
    "@sum",
    "+1",
    "-1",
    "](javascript:x)",
    "<script>",
    "-->",
    "]]>",
    "*",
    "_",
    "~",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\u202e",
    "é",
    "œ",
    "€",
    "’",
    "…",
    "？",
    "＂",
    "！",
    "＃",
    "\u0301",
    "日本語",
    "🎬",
    "\udcff",
)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=60),
    st.lists(st.sampled_from((*NASTY, " ", "a", "Lyon")), min_size=1, max_size=12).map("".join),
)
SIX_PIECES = 'x" \nset status disable\nnext\nend\nEOF\n^C\n{{ 7 * 191 }} ! # ? \\'


@given(TEXTS)
@settings(max_examples=60)
@example(SIX_PIECES)
@example(SIX_PIECES[::-1])
@example("\\")
@example('"')
@example("?")
@example("\x00")
@example("é" * 2000)
@example('"' * 2000)
@example("EOF")
def test_free_text_stays_in_its_place(text: str) -> None:
    for site in SITES:
        before, after = rendered(site, WORD), rendered(site, text)
        assert before.keys() == after.keys()
        for name, harmless in before.items():
            if name.endswith(".cfg"):
                _same_configuration(harmless, after[name], quoted=False, banner=_complete(name))
            elif name.endswith(".conf"):
                _same_configuration(harmless, after[name], quoted=True, banner=_complete(name))
            elif name.endswith(".csv"):
                _same_table(harmless, after[name])
            elif name.endswith(".md"):
                _same_pages(harmless, after[name])
            else:
                assert name.endswith(".svg")
                _same_picture(harmless, after[name])


def test_the_harmless_word_is_everywhere() -> None:
    """Else the property above would hold because nothing was looked at."""
    found = {
        name: text.count(WORD) for site in SITES for name, text in rendered(site, WORD).items()
    }
    complete = [n for n in found if n.endswith((".cfg", ".conf")) and _complete(n)]
    assert all(found[name] >= 3 for name in complete), found
    numbers = ("port-map.csv", "bill-of-materials.csv", "patch-table.csv")  # and names alone
    papers = [n for n in found if n.endswith((".csv", ".md", ".svg")) and n not in numbers]
    assert all(found[name] for name in papers), found


def _complete(name: str) -> bool:
    """A bootstrap has no banner and hardly any text of people."""
    return not name.startswith("day-0/")


def test_braces_are_printed_and_never_evaluated() -> None:
    for site in SITES:
        for text in rendered(site, "{{ 7 * 191 }}{% for x in y %}").values():
            assert "1337" not in text


@given(TEXTS)
def test_a_line_of_a_cli_holds_one_line_of_plain_words(text: str) -> None:
    said = words.cli_text(text)
    assert re.fullmatch(r"[ -~]{1,80}", said)
    assert not set(said) & set("?!#\"'`\\|;$%^<>{}~")
    assert said == said.strip()


@given(TEXTS)
def test_a_banner_cannot_end_itself(text: str) -> None:
    for line in words.cli_banner(text).split("\n"):
        assert re.fullmatch(r"[ -~]{0,76}", line)
        assert line.strip().upper() != "EOF"
        assert "^" not in line


@given(TEXTS, st.integers(1, 300))
def test_a_quoted_text_is_one_token(text: str, limit: int) -> None:
    said = words.fortios_text(text, limit)
    assert tokens(f"set comment {said}") == ["set", "comment", _inside(said)]
    assert len(_inside(said)) <= limit
    assert "\n" not in said


@given(TEXTS)
def test_a_quoted_banner_is_one_token(text: str) -> None:
    said = words.fortios_banner(text)
    assert tokens(f"set buffer {said}") == ["set", "buffer", _inside(said)]


def test_tokens_are_split_as_fortios_does() -> None:
    assert tokens(r'set a "b c" d\ e "f\"g"') == ["set", "a", "b c", "d e", 'f"g']
    with pytest.raises(ValueError, match="quote"):
        tokens('set a "b')


# --- rendering with a text everywhere -----------------------------------------------------------


@cache
def _base(site: str) -> SiteInputs:
    return load_organisation(BASE).sites[site]


@cache
def rendered(site: str, text: str) -> dict[str, str]:
    """Every file of a site in which every free text is this one."""
    inputs = _filled(_base(site), text)
    design: SiteDesign = design_site(inputs)
    return {str(a.path): a.text for a in render_site(design, inputs.catalogue)}


def _filled(inputs: SiteInputs, text: str) -> SiteInputs:
    site, organisation, catalogue = inputs.site, inputs.organisation, inputs.catalogue
    administration = inputs.settings.administration
    return replace(
        inputs,
        site=site.model_copy(
            update={
                "name": text,
                "address": site.address.model_copy(update={"street": text, "city": text}),
                "uplinks": tuple(u.model_copy(update={"path": text}) for u in site.uplinks),
                "segments": tuple(s.model_copy(update={"reason": text}) for s in site.segments),
                "flows": tuple(f.model_copy(update={"reason": text}) for f in site.flows),
            }
        ),
        settings=inputs.settings.model_copy(
            update={
                "administration": administration.model_copy(
                    update={"banner": text, "contact": text}
                )
            }
        ),
        subsidiary=inputs.subsidiary.model_copy(update={"name": text}),
        organisation=organisation.model_copy(
            update={
                "name": text,
                "suppliers": {
                    name: supplier.model_copy(update={"name": text})
                    for name, supplier in organisation.suppliers.items()
                },
            }
        ),
        archetype=inputs.archetype.model_copy(update={"title_en": text}),
        productions=tuple(
            (production.model_copy(update={"code_name": text, "owner": text}), network)
            for production, network in inputs.productions
        ),
        catalogue=replace(
            catalogue,
            zones={
                name: zone.model_copy(update={"purpose": text, "title": text})
                for name, zone in catalogue.zones.items()
            },
            services={
                name: entry.model_copy(update={"title": text})
                for name, entry in catalogue.services.items()
            },
            uplink_kinds={
                name: kind.model_copy(update={"title_en": text})
                for name, kind in catalogue.uplink_kinds.items()
            },
            flows=tuple(
                PlacedFlow(f.number, f.flow.model_copy(update={"reason": text}), f.place)
                for f in catalogue.flows
            ),
        ),
    )


# --- what must not change ------------------------------------------------------------------------


def _same_configuration(harmless: str, nasty: str, *, quoted: bool, banner: bool) -> None:
    if banner:
        cut = _without_quoted_banner if quoted else _without_cli_banner
        harmless, nasty = cut(harmless), cut(nasty)
    before, after = harmless.split("\n"), nasty.split("\n")
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if WORD not in old:
            assert new == old
            continue
        assert re.fullmatch(r"[ -~]*", new)
        start = old[: old.index(WORD)].rstrip()
        assert new.startswith(start)
        if quoted:
            assert len(tokens(new)) == len(tokens(old))
        else:
            assert start.endswith(":") or new[len(start) :].strip(), "the line ends too early"


def _without_cli_banner(text: str) -> str:
    """The configuration without what stands between the banner's delimiters."""
    opened, delimiter = ("banner login ^C\n", "^C") if "banner login ^C\n" in text else (
        "banner login\n", "EOF"
    )  # fmt: skip
    start = text.index(opened) + len(opened)
    end = text.index(f"\n{delimiter}\n", start - 1)
    for line in text[start:end].split("\n"):
        assert re.fullmatch(r"[ -~]*", line)
    return text[:start] + text[end:]


def _without_quoted_banner(text: str) -> str:
    start = text.index("set buffer ") + len("set buffer ")
    return text[:start] + text[start + _quoted_length(text[start:]) :]


def _same_table(harmless: str, nasty: str) -> None:
    before, after = _rows(harmless), _rows(nasty)
    assert [len(row) for row in before] == [len(row) for row in after]
    for old, new in zip(before, after, strict=True):
        for was, cell in zip(old, new, strict=True):
            assert WORD in was or cell == was
            assert cell.lstrip()[:1] not in ("=", "+", "@")
            assert "\n" not in cell
    assert nasty.count("\n") == harmless.count("\n")


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), strict=True))


def _same_pages(harmless: str, nasty: str) -> None:
    before, after = harmless.split("\n"), nasty.split("\n")
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if WORD not in old:
            assert new == old
        assert _bars(new) == _bars(old)
        assert "<script" not in new


def _bars(line: str) -> int:
    """Bars that divide cells: one that a backslash stands before does not."""
    return re.sub(r"\\.", "", line).count("|")


def _same_picture(harmless: str, nasty: str) -> None:
    assert set(_elements(nasty)) <= set(_elements(harmless))


def _elements(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    for element in ET.fromstring(text).iter():
        yield element.tag, frozenset(element.attrib)


def tokens(line: str) -> list[str]:
    """Words of a FortiOS line: double quotes hold blanks together, a backslash takes the next."""
    found: list[str] = []
    word: str | None = None
    inside = escaped = False
    for character in line:
        if escaped:
            word, escaped = (word or "") + character, False
        elif character == "\\":
            word, escaped = word or "", True
        elif character == '"':
            word, inside = word or "", not inside
        elif character in " \n" and not inside:
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + character
    if inside or escaped:
        raise ValueError(f"a quote is not closed: {line!r}")
    return found if word is None else [*found, word]


def _inside(said: str) -> str:
    return said[1:-1].replace('\\"', '"')


def _quoted_length(text: str) -> int:
    matched = re.match(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL)
    assert matched
    return matched.end()
