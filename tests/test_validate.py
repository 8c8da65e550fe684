"""Every complaint about a model in plain words, at its place, once."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sitekit.errors import Problem
from sitekit.load.validate import suggest, validate
from sitekit.load.yaml_source import parse_yaml


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    FIREWALL = "firewall"
    SWITCH = "switch"


class Address(Strict):
    street: Annotated[str, Field(description="Number and street.")]
    city: str = "Paris"


class Fibre(Strict):
    kind: Literal["fibre"]
    speed: Annotated[int, Field(strict=True, ge=1)]


class Radio(Strict):
    kind: Literal["4g", "5g"]
    sim: str


Uplink = Annotated[Fibre | Radio, Field(discriminator="kind")]


def _shout(value: object) -> object:
    if value == "quiet":
        raise ValueError("should be loud")
    if value == "secret":
        raise PydanticCustomError("secret_literal", "a secret is never written here")
    return value


class Tags(RootModel[dict[str, Address]]):
    pass


class Site(Strict):
    name: str
    people: Annotated[int, Field(ge=1, le=500)] = 1
    role: Role = Role.SWITCH
    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    address: Address | None = None
    uplinks: list[Uplink] = []
    main: Uplink | None = None
    spare: Address | str = ""
    pair: Address | list[Address] | None = None
    speed: int | Literal["auto"] = "auto"
    prefix: IPv4Network | None = None
    gateway: IPv4Address | IPv6Address | None = None
    opens: date | None = None
    guest: bool = False
    share: float = 0.5
    notes: Annotated[list[str], Field(max_length=2)] = []
    code: Annotated[str, Field(pattern="^[a-z]+$", description="Lower case letters.")] = "a"
    short: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    shelf: Annotated[str, Field(pattern="^[0-9]$")] = "1"
    racks: dict[Annotated[str, Field(pattern="^r[0-9]$", description="r1 to r9")], int] = {}
    slogan: Annotated[str, BeforeValidator(_shout)] = ""
    places: Tags | None = None
    seats: tuple[Address, ...] = ()
    anything: Any = None

    @field_validator("name")
    @classmethod
    def _not_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("bad is a bad name", "choose another")
        return value

    @model_validator(mode="after")
    def _no_crowd(self) -> Site:
        if self.people > 400 and self.guest:
            raise ValueError("too many people for guests")
        return self


def complaints(text: str, model: type[BaseModel] = Site) -> list[str]:
    document = parse_yaml(text.encode(), shown="s.yaml")
    problems = list(document.problems)
    assert (validate(model, document, problems) is None) or not (problems and ":" not in text)
    return [str(problem).removeprefix("s.yaml:") for problem in sorted(problems)]


def complaint(text: str) -> list[str]:
    """Give the complaints about one line in a site that is otherwise right."""
    return complaints(f"name: Lisbon\n{text}")


def test_a_model_is_made() -> None:
    document = parse_yaml(b"name: Lisbon\nschema: 1\nuplinks: [{kind: 5g, sim: abc}]\n", shown="f")
    problems: list[Problem] = []
    site = validate(Site, document, problems)
    assert problems == []
    assert site == Site(name="Lisbon", uplinks=[Radio(kind="5g", sim="abc")])


ALL = (
    "name, people, role, schema, address, uplinks, main, spare, pair, speed, prefix, gateway, "
    "opens, guest, share, notes, code, short, shelf, racks, slogan, places, seats, anything"
)
WHOLE = "hint: write digits only, such as 12"
KEYS = "hint: write its keys on the lines below, indented: street, city"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # keys
        ("nmae: x", ["1:1: unknown key 'nmae'\n  hint: did you mean 'name'?"]),
        ("{}", ["1:1: key 'name' is missing\n  hint: add 'name:'"]),
        ("name: x\nzzz: 1", [f"2:1: unknown key 'zzz'\n  hint: known keys: {ALL}"]),
        ("name: x\nshema: 1", ["2:1: unknown key 'shema'\n  hint: did you mean 'schema'?"]),
        (
            "name: x\naddress:\n  city: z\n",
            ["3:3: key 'street' is missing\n  hint: add 'street:' (Number and street)"],
        ),
        (
            "name: x\naddress: {street: a, town: b}",
            ["2:22: unknown key 'town'\n  hint: known keys: street, city"],
        ),
    ],
)
def test_keys(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # choices
        (
            "role: swich",
            "2:7: 'swich' is not one of firewall, switch\n  hint: did you mean 'switch'?",
        ),
        (
            "role: 3",
            "2:7: the number 3 is not one of firewall, switch\n"
            "  hint: choose another value for 'role'",
        ),
        (
            "role: [a]",
            "2:7: 'role' should be one of firewall, switch, not a list\n"
            "  hint: choose another value for 'role'",
        ),
        (
            "role:",
            "2:6: 'role' is empty\n  hint: write one of firewall, switch, or delete the line",
        ),
        (
            "schema: 2",
            "2:9: schema 2 is newer than what this sitekit reads (1)\n"
            "  hint: this sitekit is too old for the file: update sitekit",
        ),
        ('schema: "1"', "2:9: 'schema' should be 1, not '1'\n  hint: write it without quotes: 1"),
        # types
        ("people: ten", f"2:9: 'people' should be a whole number, not 'ten'\n  {WHOLE}"),
        ("people: 1.5", f"2:9: 'people' should be a whole number, not the number 1.5\n  {WHOLE}"),
        ("people:", "2:8: 'people' is empty\n  hint: write a whole number, or delete the line"),
        (
            "people: 0",
            "2:9: 'people' should be at least 1, not the number 0\n"
            "  hint: write a number that is at least 1",
        ),
        (
            "people: 501",
            "2:9: 'people' should be at most 500, not the number 501\n"
            "  hint: write a number that is at most 500",
        ),
        (
            "main: {kind: fibre, speed: '1'}",
            "2:28: 'speed' should be a whole number, not '1'\n  hint: write it without quotes: 1",
        ),
        (
            "code: 19.10",
            "2:7: 'code' should be text, not the number 19.10\n"
            '  hint: write it in quotes: "19.10"',
        ),
        (
            "code: true",
            "2:7: 'code' should be text, not true\n  hint: write it in quotes: \"true\"",
        ),
        ("code: [a]", "2:7: 'code' should be text, not a list\n  hint: Lower case letters"),
        (
            "guest: maybe",
            "2:8: 'guest' should be true or false, not 'maybe'\n  hint: write true or false",
        ),
        ("share: half", f"2:8: 'share' should be a number, not 'half'\n  {WHOLE}"),
        (
            "notes: a",
            "2:8: 'notes' should be a list, not 'a'\n"
            "  hint: begin each item on its own line with '- '",
        ),
        (
            "notes: [a, 2]",
            "2:12: item 2 of 'notes' should be text, not the number 2\n"
            '  hint: write it in quotes: "2"',
        ),
        (
            "notes: [a, b, c]",
            "2:8: 'notes' should have at most 2 entries\n  hint: remove what is too much",
        ),
        ("address: here", f"2:10: 'address' should be a group of keys, not 'here'\n  {KEYS}"),
        (
            "seats: [{street: a}, b]",
            f"2:22: item 2 of 'seats' should be a group of keys, not 'b'\n  {KEYS}",
        ),
        ("opens: soon", "2:8: 'opens' should be a date such as 2026-11-24, not 'soon'"),
        (
            "prefix: 10.0.0.1/24",
            "2:9: 'prefix' should be a prefix such as 10.0.0.0/24, not '10.0.0.1/24'",
        ),
        # text
        ("code: A1", "2:7: 'A1' does not have the form of 'code'\n  hint: Lower case letters"),
        (
            "shelf: a",
            "2:8: 'a' does not have the form of 'shelf'\n"
            "  hint: it should match the pattern ^[0-9]$",
        ),
        ('short: ""', "2:8: 'short' should not be empty\n  hint: write it out"),
        ("short: abcd", "2:8: 'short' should have at most 3 characters\n  hint: shorten it"),
        # mappings
        ("racks: {x1: 1}", "2:9: 'x1' cannot be a key here\n  hint: r1 to r9"),
        ("racks: {r1: one}", f"2:13: 'r1' should be a whole number, not 'one'\n  {WHOLE}"),
        (
            "places: {hall: {strete: a}}",
            "2:17: unknown key 'strete'\n  hint: did you mean 'street'?",
        ),
        # discriminated unions
        (
            "uplinks: [{kind: fiber}]",
            "2:18: 'fiber' is not one of fibre, 4g, 5g\n  hint: did you mean 'fibre'?",
        ),
        (
            "uplinks: [{speed: 1}]",
            "2:11: key 'kind' is missing\n  hint: add 'kind:' with one of fibre, 4g, 5g",
        ),
        (
            "uplinks:\n  - kind: fibre\n    spede: 1\n",
            "4:5: unknown key 'spede'\n  hint: did you mean 'speed'?",
        ),
        (
            "main: {kind: 4g, sim: a, simm: b}",
            "2:26: unknown key 'simm'\n  hint: did you mean 'sim'?",
        ),
        (
            "main: {kind: fibre, speed: 0}",
            "2:28: 'speed' should be at least 1, not the number 0\n"
            "  hint: write a number that is at least 1",
        ),
        # other unions
        ("speed: fast", f"2:8: 'speed' should be a whole number or auto, not 'fast'\n  {WHOLE}"),
        (
            "gateway: x",
            "2:10: 'gateway' should be an IPv4 address such as 10.0.0.1 or an IPv6 "
            "address such as 2001:db8::1, not 'x'",
        ),
        ("spare: {strete: a}", "2:9: unknown key 'strete'\n  hint: did you mean 'street'?"),
        ("spare: 3", f"2:8: 'spare' should be a group of keys or text, not the number 3\n  {KEYS}"),
        (
            "pair: [{street: 3}]",
            "2:17: 'street' should be text, not the number 3\n  hint: write it in quotes: \"3\"",
        ),
        # our own validators
        ("slogan: quiet", "2:9: 'slogan' should be loud"),
        (
            "slogan: secret",
            "2:9: a secret is never written here\n"
            "  hint: refer to one: env:NAME, file:PATH or keyvault:VAULT/NAME",
        ),
        ("people: 450\nguest: true", "1:1: too many people for guests"),
        # what the reader has said is not said again
        (
            "people: 012",
            "2:9: 012 starts with a zero: some programs count it in eights\n"
            '  hint: write 12, or "012" in quotes if it is text',
        ),
        (
            "address:\n  <<: {street: a}\n",
            "3:3: merge keys (<<) are not used here\n  hint: write the keys out",
        ),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert complaint(text) == [expected]


def test_a_validator_may_give_a_hint() -> None:
    assert complaints("name: bad") == ["1:7: bad is a bad name\n  hint: choose another"]


def test_all_at_once() -> None:
    text = "nmae: x\npeople: no\nrole: x\naddress: {}\n"
    assert [line.partition(":")[0] for line in complaints(text)] == ["1", "2", "3", "4"]


def test_an_unreadable_file_is_not_complained_about_twice() -> None:
    document = parse_yaml(b"", shown="s.yaml")
    problems: list[Problem] = []
    assert validate(Site, document, problems) is None
    assert problems == []


def test_a_part_of_a_document() -> None:
    document = parse_yaml(b"sites:\n  - name: a\n  - nmae: b\n", shown="s.yaml")
    problems: list[Problem] = []
    assert validate(Site, document, problems, at=("sites", 0)) == Site(name="a")
    assert validate(Site, document, problems, at=("sites", 1)) is None
    assert validate(Site, document, problems, at=("sites", 2)) is None
    assert [str(problem) for problem in problems] == [
        "s.yaml:3:5: unknown key 'nmae'\n  hint: did you mean 'name'?",
        "s.yaml:2:3: item 3 of 'sites' is empty\n  hint: write a group of keys",
    ]


def test_data_of_the_callers_own_has_the_places_of_the_document() -> None:
    document = parse_yaml(b"site: {people: ten}\n", shown="s.yaml")
    problems: list[Problem] = []
    data = {"name": "added", "people": "ten"}
    assert validate(Site, document, problems, at=("site",), data=data) is None
    assert str(problems[0].place) == "s.yaml:1:16"


def test_only_the_first_hundred_problems_are_told() -> None:
    text = "name: x\nseats:\n" + "  - {street: 3}\n" * 150
    told = complaints(text)
    assert len(told) == 101
    assert told[-1] == "103:14: and 50 more problems\n  hint: correct the others first"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("small-ofice", "did you mean 'small-office'?"),
        ("Small_Office", "did you mean 'small-office'?"),
        ("elephant", ""),
        ("", ""),
        ("small-office" * 1000, ""),
    ],
)
def test_suggest(word: str, hint: str) -> None:
    assert suggest(word, ["micro-office", "small-office", "studio"]) == hint


# --- properties ------------------------------------------------------------------------------

JARGON = ("Input", "input", "Field", "valid ", "pydantic", "http", "dict", "instance", "None")
leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 600),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["fibre", "4g", "x", "12", "10.0.0.0/8", "firewall", "2026-01-01", ""]),
)
inner_keys = st.sampled_from(["kind", "speed", "sim", "street", "city", "strete", "x1"])
anything = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=4),
    max_leaves=8,
)
top_keys = st.sampled_from([*ALL.split(", "), "schema_", "nmae", "zzz"])


# The standard library warns of itself on IPv4Network(False); the real models turn that away.
@pytest.mark.filterwarnings("ignore:__int__ returned non-int:DeprecationWarning")
@given(st.dictionaries(top_keys, anything, max_size=8))
def test_anything_gives_a_model_or_plain_words(data: dict[str, Any]) -> None:
    document = parse_yaml(b"name: x", shown="s.yaml")
    problems: list[Problem] = []
    site = validate(Site, document, problems, data=data)
    assert (site is None) == bool(problems)
    for problem in problems:
        assert problem.message
        said = problem.message + problem.hint
        assert not any(word in said for word in JARGON), said
        assert "\n" not in said
