"""Every line of a configuration can be explained, and the explanation is true."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from types import FrameType

import jinja2
import pytest

from sitekit import RenderError, SiteDesign, design_site, explain_line
from sitekit.design.result import AccessPointDesign
from sitekit.load.catalogue import load_catalogue
from sitekit.load.catalogue_places import CataloguePlaces
from sitekit.render.engine import engine_of
from sitekit.render.explain import Explainer, Explanation, Fact, construct
from sitekit.render.trace import TracingEngine, TracingEnvironment, traced_lines
from tests.organisations import HORIZON, ROOT, copy_of_horizon, horizon
from tests.test_verbs import sitekit

SITES = sorted(horizon().sites)


@cache
def designed(code: str) -> SiteDesign:
    return design_site(horizon().sites[code])


@cache
def explainer(device: str, day0: bool = False) -> Explainer:
    code = device.partition("-")[0]
    return Explainer(designed(code), horizon().sites[code], device, day0=day0)


def one(device: str, text: str) -> Explanation:
    explaining = explainer(device)
    return explaining.explain(explaining.find(text)[0])


def configured(code: str) -> list[str]:
    return [d.name for d in designed(code).devices if not isinstance(d, AccessPointDesign)]


@cache
def read(file: str) -> list[str]:
    """The lines of a place's file, wherever it is."""
    path = ROOT / "device_templates" / file
    if file.startswith("sitekit:"):
        (path,) = (ROOT / "src/sitekit/catalogue").rglob(file.removeprefix("sitekit:"))
    return (path if path.exists() else Path(file)).read_text(encoding="utf-8").splitlines()


# --- every line --------------------------------------------------------------------------------

# What templates spell without the design, though it stands between braces.
SPELT = re.compile(
    r"\{\{ (loop\.index|protocol|category|lines|zone\('\w+'\)|id|source|destination|services"
    r"|action|comment) \}\}"
)
DEFAULTED = {f"setting syslog.servers[{n}].port" for n in range(4)}  # written nowhere
PLAIN = re.compile(r"[\w.@/-]+")


def _names_a_part_of_the_design(found: Explanation) -> bool:
    """More than the device, or a value of the device itself."""
    *facts, device = found.facts
    return bool(facts or device.values or found.conditions)


def _is_written_there(fact: Fact, code: str) -> bool:
    """The value of a setting stands on the line that its place names."""
    name, value = fact.values[0]
    if name not in ("", "address") or not PLAIN.fullmatch(value) or fact.what in DEFAULTED:
        return True
    assert fact.place is not None
    return value in read(fact.place.file)[fact.place.line - 1].replace("{site}", code)


@pytest.mark.parametrize("code", SITES)
def test_the_traced_text_is_the_rendered_text(code: str) -> None:
    catalogue = horizon().catalogue
    for device in designed(code).devices:
        if isinstance(device, AccessPointDesign):
            continue
        normal = engine_of(device.platform, catalogue)
        tracing = TracingEngine(normal.platform, catalogue.platform_folders[device.platform])
        for rendered, traced in (
            (normal.render(device), tracing.render(device)),
            (normal.render_day0(device), tracing.render_day0(device)),
        ):
            assert str.encode(traced) == str.encode(rendered)
            lines = traced_lines(traced)
            assert "".join(f"{line.text}\n" for line in lines) == rendered


@pytest.mark.parametrize("code", SITES)
def test_every_line_of_every_device_is_explained(code: str) -> None:
    settings = 0
    for name in configured(code):
        for day0 in (False, True):
            explaining = explainer(name, day0)
            platform = explaining.device.platform
            for line in explaining.lines:
                found = explaining.explain(line.number)
                where = f"{name}:{line.number}: {line.text}"
                assert found.text == line.text
                assert found.reasons, where
                assert any(name in fact.what for fact in found.facts), where
                # The line of the template exists, and it spells the line.
                template = read(found.template)[found.template_line - 1]
                assert found.template_text == template, where
                for text, file, number in line.literals:
                    assert text in read(f"{platform}/{file}")[number - 1], where
                assert "{{" in template or "{%" in template or template == line.text, where
                for call in found.calls:
                    file, _, at = call.rpartition(":")
                    assert "{{" in read(file)[int(at) - 1], where
                # Every place exists; a setting's value is written where its place says.
                assert found.places, where
                for place in found.places:
                    assert place.line <= len(read(place.file)), where
                for fact in found.facts:
                    if fact.what.startswith("setting ") and fact.values:
                        assert _is_written_there(fact, code), (where, fact)
                        settings += 1
                # A line with a value of the design names the part that the value is of.
                if line.text and "{{" in SPELT.sub("", template) and "local_in(" not in template:
                    assert _names_a_part_of_the_design(found), where
                # A port's line is about that port, not about a profile that others have, too.
                assert not any(f.what.startswith("port profile") for f in found.facts), where
                told = str(found)
                assert " object at 0x" not in told, where
                assert "Design(" not in told, where
    assert settings > 40


# --- what it says ------------------------------------------------------------------------------

# device, line, template, facts with the files they are from, a reason
KNOWN: list[tuple[str, str, str, dict[str, str], str]] = [
    (
        "bdx01-sw-01",
        "switchport access vlan 20",
        "arista_eos/port.j2",
        {
            "port Ethernet5 (access, desk-001)": "sites/bdx01.assigned.yaml",
            "network corp": "sitekit:micro-office.yaml",
        },
        "zone corp",
    ),
    (
        "bdx01-fw-01",
        "edit 22500",
        "fortinet_fortios/_policy.j2",
        {"rule 22500 (corp-internet-22500)": "sitekit:flows.yaml"},
        "flow 225: Les postes bureautiques utilisent Internet",
    ),
    (
        "bdx01-fw-01",
        "set gateway 198.51.100.9",
        "fortinet_fortios/_sdwan.j2",
        {"uplink fibre (ftth-pro)": "sites/bdx01.yaml"},
        "kind of line ftth-pro",
    ),
    (
        "bdx01-sw-01",
        "ntp server 10.127.241.6 prefer iburst key 10",
        "arista_eos/_switch.j2",
        {"setting ntp.servers[0]": "organisation.yaml"},
        "setting ntp.servers: written by the organisation",
    ),
    (
        "bdx01-sw-01",
        "idle-timeout 10",
        "arista_eos/_switch.j2",
        {"setting administration.idle_minutes": "sitekit:defaults.yaml"},
        "its default CIS IOS XE 17.x 1.2.7, CIS FortiGate 7.4.x 2.4.4",
    ),
    (
        "bdx01-sw-01",
        "dns domain kinolune.example",
        "arista_eos/_switch.j2",
        {"setting dns.domain": "subsidiaries/kin.yaml"},
        "written by the subsidiary",
    ),
    (
        "bdx01-sw-01",
        "snmp-server user hrz-monitor",
        "arista_eos/_switch.j2",
        {"setting snmp.user": "organisation.yaml"},
        "locked for the levels below",
    ),
    (
        "bdx01-fw-01",
        'set service "http" "https" "quic" "teams-media"',
        "fortinet_fortios/_policy.j2",
        {
            "service https": "sitekit:services.yaml",
            "rule 22500 (corp-internet-22500)": "sitekit:flows.yaml",
        },
        "IANA https; RFC 9110",
    ),
    (
        "mrs01-core-01",
        "20 permit tcp 10.96.107.0/25 eq 443 10.96.96.128/26 established",
        "arista_eos/_acl.j2",
        {"access list storage-in entry 20, rule 16000": "sitekit:flows.yaml"},
        "flow 160: Les administrateurs gèrent le stockage",
    ),
    (
        "mrs01-core-01",
        "ptp domain 127",
        "arista_eos/_switch.j2",
        {"PTP smpte2059-2": "sitekit:media.yaml"},
        "media profile st2110",
    ),
    (
        "par02-fw-01",
        "set mac 02:00:5e:30:00:01",
        "fortinet_fortios/_network_services.j2",
        {"endpoint par02-render-1": "sites/par02.yaml"},
        "always gets the same address",
    ),
    (
        "bdx01-fw-01",
        'set ssid "Bureau"',
        "fortinet_fortios/_wifi.j2",
        {"SSID w-corp": "sitekit:micro-office.yaml"},
        "setting wifi.ssids.corp",
    ),
    (
        "bdx01-fw-01",
        "set psksecret ENC",
        "fortinet_fortios/_vpn.j2",
        {"tunnel az0-fibre": "organisation.yaml"},
        "setting vpn.psk",
    ),
    (
        "bdx01-fw-01",
        "set start-ip 10.96.144.149",
        "fortinet_fortios/_network_services.j2",
        {"DHCP in network corp": "sitekit:micro-office.yaml"},
        "sizing DHCP pool: ⌈leases / 0.8⌉ + 20",
    ),
    (
        "lyo01-sw-01",
        "switchport voice vlan 40",
        "cisco_iosxe/_ports.j2",
        {"network voice": "sitekit:small-office.yaml"},
        "desks get the telephones' network",
    ),
    (
        "lyo01-sw-01",
        "clock summer-time CEST",
        "cisco_iosxe/_switch.j2",
        {"setting time_zone": "organisation.yaml"},
        "written by the organisation",
    ),
    (
        "bdx01-sw-01",
        "no aaa root",
        "arista_eos/_switch.j2",
        {"device bdx01-sw-01 (access-switch, Arista EOS)": "sites/bdx01.yaml"},
        "every access-switch with Arista EOS has this line",
    ),
]


@pytest.mark.parametrize(
    ("device", "text", "template", "facts", "reason"), KNOWN, ids=[f"{k[0]} {k[1]}" for k in KNOWN]
)
def test_what_is_said_of_a_line(
    device: str, text: str, template: str, facts: dict[str, str], reason: str
) -> None:
    found = one(device, text)
    assert found.template == template
    told = {fact.what: fact for fact in found.facts}
    for what, file in facts.items():
        assert what in told, list(told)
        place = told[what].place
        assert place is not None
        assert place.file.endswith(file)
        assert place.line > 0
        assert place in found.places
    said = [f"{r.what}: {r.text} {' '.join(r.controls)}" for r in found.reasons]
    assert any(reason in text for text in said), said


def test_an_unused_port_is_shut_for_the_guides_that_ask_for_it() -> None:
    explaining = explainer("bdx01-sw-01")
    heading = explaining.find("interface Ethernet11")[0]
    number = next(n for n in explaining.find("shutdown") if n > heading)
    found = explaining.explain(number)
    assert found.facts[0].what == "port Ethernet11 (unused)"
    rule = next(r for r in found.reasons if "black-hole" in r.text)
    assert any("MPA TS-2.3, VIDEOPROT R18" in control for control in rule.controls)
    assert rule.place is not None
    assert "blackhole_vlan" in read(rule.place.file)[rule.place.line - 1]


def test_a_macro_is_named_with_its_calls() -> None:
    first, second = one("lyo01-sw-01", "switchport voice vlan 40").calls
    assert first.startswith("cisco_iosxe/_switch.j2:")
    assert second.startswith("cisco_iosxe/port.j2:")


def test_conditions_are_told_apart() -> None:
    found = one("bdx01-sw-01", "dot1x pae authenticator")
    (condition,) = found.conditions
    assert condition.what == "port Ethernet5 (access, desk-001)"
    assert ("authentication", "eap") in condition.values
    assert all(not fact.values for fact in found.facts if fact.what == condition.what)


def test_two_ports_of_one_profile_are_told_apart() -> None:
    explaining = explainer("bdx01-sw-01")
    first, second, *_ = explaining.find("switchport access vlan 20")
    names = [explaining.explain(n).facts[0].what for n in (first, second)]
    assert names == ["port Ethernet5 (access, desk-001)", "port Ethernet6 (access, desk-002)"]


# --- asking ------------------------------------------------------------------------------------


def test_a_line_is_found_whatever_its_spaces_and_by_a_part() -> None:
    explaining = explainer("bdx01-sw-01")
    whole = explaining.find("   switchport  access vlan 20 ")
    assert len(whole) == 6
    assert explaining.find("hostname bdx01") == explaining.find("hostname bdx01-sw-01")
    assert explaining.find("vlan 20") == tuple(
        line.number for line in explaining.lines if line.text == "vlan 20"
    )  # whole lines before lines that contain it


def test_the_library_explains_by_number_and_by_text() -> None:
    inputs = horizon().sites["bdx01"]
    (by_number,) = explain_line(designed("bdx01"), inputs, "bdx01-sw-01", 3)
    (by_text,) = explain_line(designed("bdx01"), inputs, "bdx01-sw-01", "no aaa root")
    assert by_number == by_text


@pytest.mark.parametrize(
    ("device", "line", "message", "hint"),
    [
        ("bdx01-sw-1", 1, "site bdx01 has no device 'bdx01-sw-1'", "bdx01-sw-01"),
        ("x", 1, "site bdx01 has no device 'x'", "its devices are bdx01-fw-01"),
        ("bdx01-ap-01", 1, "no configuration of its own", "wireless controller"),
        ("bdx01-sw-01", 0, "has no line 0", "it has 391 lines"),
        ("bdx01-sw-01", 392, "has no line 392", "it has 391 lines"),
        ("bdx01-sw-01", "swichport acess vlan 20", "reads like this", "switchport access vlan 20"),
        ("bdx01-sw-01", "   ", "reads like this", ""),
    ],
)
def test_what_is_not_there_is_said_with_what_was_meant(
    device: str, line: int | str, message: str, hint: str
) -> None:
    with pytest.raises(RenderError) as caught:
        explain_line(designed("bdx01"), horizon().sites["bdx01"], device, line)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_rendering_loads_nothing_of_this() -> None:
    code = (
        "from sitekit import render_sites, load_organisation\n"
        f"list(render_sites(load_organisation({str(HORIZON)!r}), ['bdx01']))\n"
        "import sys; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "sitekit.render.engine" in loaded
    assert not {f"sitekit.render.{name}" for name in ("trace", "facts", "explain")} & loaded


def test_explaining_adds_no_call_to_rendering() -> None:
    """Exact where a stopwatch is not: the same calls, function by function, before and after."""
    catalogue = horizon().catalogue
    device = designed("bdx01").devices[0]
    engine = engine_of(device.platform, catalogue)

    def calls() -> Counter[object]:
        counted: Counter[object] = Counter()

        def count(frame: FrameType, event: str, argument: object) -> None:
            code = frame.f_code if event == "call" else argument
            if event in ("call", "c_call"):
                counted[getattr(code, "co_qualname", None) or repr(code)[:40]] += 1

        sys.setprofile(count)
        try:
            engine.render(device)
        finally:
            sys.setprofile(None)
        return counted

    engine.render(device)  # templates are compiled
    before = calls()
    explaining = Explainer(designed("bdx01"), horizon().sites["bdx01"], device.name)
    explaining.explain(100)
    assert sum(before.values()) > 1000
    assert calls() == before


# --- the verb ----------------------------------------------------------------------------------


def test_the_verb_says_it_in_words() -> None:
    done = sitekit("explain", "bdx01-sw-01", "switchport access vlan 20")
    assert done.returncode == 0
    assert done.stdout.count("  template   arista_eos/port.j2:") == 6
    assert "network corp  sitekit:micro-office.yaml:" in done.stdout
    assert "sites/bdx01.assigned.yaml:26:5" in done.stdout
    assert "6 lines of bdx01-sw-01 match" in done.stderr


def test_ten_matches_are_shown_and_the_rest_counted() -> None:
    done = sitekit("explain", "par01-sw-01", "spanning-tree portfast", "--json")
    answer = json.loads(done.stdout)
    assert len(answer["explanations"]) == 10
    assert answer["matches"] > 10
    words = sitekit("explain", "par01-sw-01", "spanning-tree portfast")
    assert f"{answer['matches']} lines of par01-sw-01 match; the first 10 are shown" in words.stderr


def test_by_number_by_file_and_by_text_are_one_answer() -> None:
    path = HORIZON / "rendered/bdx01/bdx01-fw-01.conf"
    number = path.read_text(encoding="utf-8").splitlines().index("    edit 22500") + 1
    answers = [
        json.loads(sitekit("explain", *asked, "--json").stdout)
        for asked in (
            [f"bdx01-fw-01:{number}"],
            [f"{path}:{number}"],
            ["bdx01-fw-01", "edit 22500"],
        )
    ]
    assert answers[0] == answers[1] == answers[2]
    (found,) = answers[0]["explanations"]
    assert found["line"] == number
    assert found["template"] == "fortinet_fortios/_policy.j2"
    assert {"what", "values", "place"} == set(found["facts"][0])


def test_a_bootstrap_is_explained_too() -> None:
    path = HORIZON / "rendered/bdx01/day-0/bdx01-sw-01.cfg"
    by_file = sitekit("explain", f"{path}:14", "--json")
    by_option = sitekit("explain", "bdx01-sw-01:14", "--day-0", "--json")
    assert by_file.stdout == by_option.stdout
    (found,) = json.loads(by_file.stdout)["explanations"]
    assert found["template"] == "arista_eos/day0.j2"
    assert found["text"] == path.read_text(encoding="utf-8").splitlines()[13]


def test_a_file_names_its_organisation(tmp_path: Path) -> None:
    path = HORIZON / "rendered/bdx01/bdx01-sw-01.cfg"
    elsewhere = sitekit("explain", f"{path}:14", "--json", folder=tmp_path)
    assert elsewhere.returncode == 0
    assert json.loads(elsewhere.stdout)["device"] == "bdx01-sw-01"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bdx01-sw-1", "no aaa root"], "did you mean 'bdx01-sw-01'?"),
        (["bdx01-sw-01", "no aaa rot"], "did you mean 'no aaa root'?"),
        (["bdx01-sw-01:9999"], "it has 391 lines"),
        (["bdx01-sw-01"], "which line?"),
        (["bdx01-sw-01:3", "no aaa root"], "not by both"),
        (["bdx01-ap-01:3"], "is an access point"),
        (["rendered/bdx01/bdx01-sw-01.conf:3"], "the file does not exist"),
        (["rendered/bdx01/bdx01-sw-01.cfg:9999"], "has no line 9999"),
        (["rendered/bdx01/topology.svg:3"], "no site has a device 'topology'"),
    ],
)
def test_a_wrong_question_is_2(arguments: list[str], message: str) -> None:
    done = sitekit("explain", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_a_file_older_than_the_design_is_followed_or_refused(tmp_path: Path) -> None:
    rendered = (HORIZON / "rendered/bdx01/bdx01-sw-01.cfg").read_text(encoding="utf-8")
    old = tmp_path / "bdx01-sw-01.cfg"
    old.write_text(f"! one more\n{rendered}", encoding="utf-8")
    number = rendered.splitlines().index("hostname bdx01-sw-01") + 1
    done = sitekit("explain", f"{old}:{number + 1}", "--json")
    assert json.loads(done.stdout)["explanations"][0]["line"] == number
    assert f"this is line {number} now" in done.stderr
    gone = sitekit("explain", f"{old}:1")
    assert gone.returncode == 2
    assert "is not what sitekit renders now" in gone.stderr


def test_a_file_with_real_secrets_is_explained_and_not_repeated(tmp_path: Path) -> None:
    rendered = (HORIZON / "rendered/bdx01/bdx01-fw-01.conf").read_text(encoding="utf-8")
    number = next(n for n, line in enumerate(rendered.splitlines(), 1) if "psksecret" in line)
    secret = tmp_path / "bdx01-fw-01.conf"
    resolved = re.sub(r"ENC <secret:[^>]*>", "Correct-Horse-9", rendered)
    secret.write_text(resolved, encoding="utf-8")
    done = sitekit("explain", f"{secret}:{number}")
    assert done.returncode == 0, done.stderr
    assert "keyvault:hrz-network/bdx01-psk" in done.stdout
    moved = tmp_path / "moved" / "bdx01-fw-01.conf"
    moved.parent.mkdir()
    moved.write_text("\n" + resolved, encoding="utf-8")
    refused = sitekit("explain", f"{moved}:{number + 1}")
    pasted = sitekit("explain", "bdx01-fw-01", "set psksecret Correct-Horse-9")
    assert (refused.returncode, pasted.returncode) == (2, 2)
    for answer in (done, refused, pasted):
        assert "Correct-Horse" not in answer.stdout + answer.stderr


# --- templates that nobody has written yet -----------------------------------------------------

TEMPLATES = {
    "main": """\
{% set name = thing.name %}
{% set block %}in a {{ name }}{% endset %}
{% import 'lib' as lib %}
{% from 'lib' import shout with context %}
{% for item in thing.parts if item.kept %}
{{ loop.index }}/{{ loop.length }} {{ item.name }}{% if not loop.last %},{% endif %}

{%- for word in item.words %}
 {{ word }}{{ ' last' if loop.last }}
{%- else %}
 none
{%- endfor %}
{% include 'part' %}
{% endfor %}
{{ block }} and {{ lib.twice(name) | upper }}
{{ shout(thing.name, mark='?') }}
{% call lib.wrapped('a', 'b') %}{{ thing.name }} inside{% endcall %}

{% filter upper %}filtered {{ name }}{% endfilter %}

{% with x = thing.parts[0].name %}{{ x }}{% endwith %}

{% if lib.empty(thing) %}never{% elif thing.none is none %}nothing{% else %}more{% endif %}

{% for key, value in thing.pairs %}{{ key }}={{ value }} {% endfor %}

{% for node in thing.tree recursive %}[{{ node.name }}{{ loop(node.below) }}]{% endfor %}

{% for letter in 'aab' %}{% if loop.changed(letter) %}{{ letter }}{% endif %}{% endfor %}

{% raw %}{{ not this }}{% endraw %} {# nor this #}
{{ thing.name ~ '-' ~ name }} {{ thing['name'] }} {{ thing.parts | map(attribute='name') | join }}
""",
    "part": "  part of {{ item.name }}\n  second line\n",
    "lib": """\
{% macro twice(text) %}{{ text }}{{ text }}{% endmacro %}
{% macro shout(text, mark='!') %}
{{ text }}{{ mark }}{{ varargs | length }}
{% endmacro %}
{% macro wrapped(left, right) %}{{ left }}{{ caller() }}{{ right }}{% endmacro %}
{% macro empty(thing) %}
{%- for item in thing.parts if item.name == 'nobody' %}x{% endfor %}
{%- endmacro %}
""",
}


class Thing:
    """Anything that templates may be given."""

    def __init__(self, **parts: object) -> None:
        self.__dict__.update(parts)


def thing() -> Thing:
    leaf = Thing(name="leaf", below=())
    return Thing(
        name="box",
        none=None,
        parts=(
            Thing(name="one", kept=True, words=("a", "b")),
            Thing(name="two", kept=False, words=()),
            Thing(name="three", kept=True, words=()),
        ),
        pairs=(("k", 1), ("l", None)),
        tree=(Thing(name="root", below=(leaf, leaf)),),
    )


def environment(kind: type[jinja2.Environment], templates: dict[str, str]) -> jinja2.Environment:
    return kind(
        loader=jinja2.DictLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def test_whatever_jinja_can_do_gives_the_same_text() -> None:
    plain, tracing = (
        environment(kind, TEMPLATES).get_template("main").render(thing=thing())
        for kind in (jinja2.Environment, TracingEnvironment)
    )
    assert str.encode(tracing) == str.encode(plain)
    assert "in a box and BOXBOX" in plain  # the templates say something
    assert "abox insideb" in plain
    lines = traced_lines(tracing)
    assert [line.text for line in lines] == plain.splitlines()
    part = next(line for line in lines if line.text == "  second line")
    assert (part.template, part.template_line) == ("part", 2)
    assert all(1 <= n.template_line <= TEMPLATES[n.template].count("\n") for n in lines)


@pytest.mark.parametrize(
    "template",
    [
        "{{ nothing }}",
        "{{ thing.nothing }}",
        "{% if thing.nothing %}x{% endif %}",
        "{% for x in thing.nothing %}x{% endfor %}",
        "{% set x = thing.nothing.more %}",
        "{{ thing.name | nothing }}",
    ],
)
def test_a_broken_template_complains_alike(template: str) -> None:
    messages = []
    for kind in (jinja2.Environment, TracingEnvironment):
        with pytest.raises(jinja2.TemplateError) as caught:
            environment(kind, {"main": template}).get_template("main").render(thing=thing())
        messages.append((type(caught.value), str(caught.value)))
    assert messages[0] == messages[1]


# --- what a construct rests on, and the catalogue's places -------------------------------------


def test_the_notes_of_a_platform_say_what_a_construct_rests_on() -> None:
    folder = ROOT / "device_templates" / "arista_eos"
    found = construct(folder, "   switchport access vlan 20")
    assert found is not None
    assert found.place is not None
    row = read(found.place.file)[found.place.line - 1]
    assert "`switchport access vlan`" in row
    assert found.text in row
    assert construct(folder, "!") is None
    assert construct(folder, "frobnicate the switch") is None


def test_a_users_catalogue_is_named_where_it_counts(tmp_path: Path) -> None:
    catalogue, _ = load_catalogue(None, str)
    shipped = CataloguePlaces(catalogue).place("zones", "zones", "corp")
    assert shipped is not None
    assert read(shipped.file)[shipped.line - 1].strip() == "corp:"
    own = tmp_path / "catalogue"
    own.mkdir()
    (own / "services.yaml").write_text(
        "schema: 1\nservices:\n  https:\n    title: Ours\n    terms: [{protocol: tcp, ports: "
        '["8443"]}]\n    source: us\n',
        encoding="utf-8",
    )
    catalogue, problems = load_catalogue(own, str)
    assert not problems
    places = CataloguePlaces(catalogue)
    https, dns = (places.place("services", "services", name) for name in ("https", "dns"))
    assert https is not None
    assert (https.file, https.line) == (str(own / "services.yaml"), 3)
    assert dns is not None
    assert dns.file == "sitekit:services.yaml"
    assert places.place("services", "services", "nothing") is None


def test_a_users_flow_is_explained_by_the_users_file(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    path = folder / "sites" / "bdx01.yaml"
    path.write_text(
        path.read_text(encoding="utf-8")
        + "flows:\n  - { source: corp, destination: print, services: [ssh], reason: Ours alone }\n",
        encoding="utf-8",
    )
    done = sitekit("explain", "bdx01-fw-01", 'set comments "Ours alone"', folder=folder)
    assert done.returncode == 0, done.stderr
    number = path.read_text(encoding="utf-8").splitlines().index("flows:") + 2
    assert f"sites/bdx01.yaml:{number}:" in done.stdout


# --- the page about it -------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ (sitekit .*?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_shows_something() -> None:
    assert len(SHOWN) >= 2


@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=[c for c, _ in SHOWN])
def test_the_page_shows_what_is_printed(command: str, printed: str) -> None:
    done = sitekit(*shlex.split(command)[1:], folder=ROOT)
    assert done.returncode == 0
    assert (done.stdout + done.stderr).rstrip("\n") == printed.rstrip("\n")
