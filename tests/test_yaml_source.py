"""YAML that reads the same to everybody is read; everything else is a problem with a place."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sitekit.errors import Place
from sitekit.load import yaml_source
from sitekit.load.yaml_source import Document, parse_yaml, read_yaml


def parsed(text: str | bytes) -> Document:
    raw = text.encode() if isinstance(text, str) else text
    return parse_yaml(raw, shown="f.yaml")


def told(document: Document) -> list[str]:
    return [str(problem).removeprefix("f.yaml:") for problem in document.problems]


@pytest.fixture(params=["libyaml", "pure"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pure":
        monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML is built without libyaml")
    return str(request.param)


# --- what is read ----------------------------------------------------------------------------


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-4", -4),
        ("123456789012345678", 123456789012345678),
        ("19.10", 19.1),
        ("-0.5", -0.5),
        ("2026-11-24", "2026-11-24"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("00:1e:aa:00:00:01", "00:1e:aa:00:00:01"),
        ("2001:db8::1", "2001:db8::1"),
        ("1-2", "1-2"),
        ("-", None),
        ("yesterday", "yesterday"),
        ("'yes'", "yes"),
        ('"012"', "012"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  12\n", "12"),
        ("[1, a, {b: c}]", [1, "a", {"b": "c"}]),
    ],
)
def test_value(written: str, value: Any) -> None:
    if written == "-":
        written, value = "\n  -\n", [None]
    document = parsed(f"key: {written}")
    assert document.problems == ()
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


def test_places() -> None:
    text = "site:\n  name: Lisbon\n  uplinks:\n    - {speed: 19.10}\n    - speed:\n"
    document = parsed(text)
    assert document.problems == ()
    assert document.place(()) == Place("f.yaml", 1, 1)
    assert document.place(("site",)) == Place("f.yaml", 2, 3)
    assert document.key_place(("site",)) == Place("f.yaml", 1, 1)
    assert document.place(("site", "name")) == Place("f.yaml", 2, 9)
    assert document.key_place(("site", "name")) == Place("f.yaml", 2, 3)
    assert document.place(("site", "uplinks", 0, "speed")) == Place("f.yaml", 4, 15)
    assert document.place(("site", "uplinks", 1, "speed")) == Place("f.yaml", 5, 13)
    assert document.key_place(("site", "uplinks", 1)) == Place("f.yaml", 5, 7)
    assert document.written(("site", "uplinks", 0, "speed")) == "19.10"
    assert document.written(("site",)) is None


def test_the_place_of_what_is_absent_is_its_nearest_parents() -> None:
    document = parsed("site:\n  list: [a]\n")
    assert document.place(("site", "absent", 3)) == Place("f.yaml", 2, 3)
    assert document.key_place(("site", "absent")) == Place("f.yaml", 2, 3)
    assert document.place(("site", "list", 7)) == Place("f.yaml", 2, 9)
    assert document.place(("site", "list", "word")) == Place("f.yaml", 2, 9)


def test_columns_count_characters_and_windows_line_ends_are_one() -> None:
    document = parsed("né: 😀\r\nb: {é: yes}\r\n")
    assert document.problems[0].place == Place("f.yaml", 2, 8)


def test_a_byte_order_mark_is_accepted() -> None:
    assert parsed(b"\xef\xbb\xbfa: 1").data == {"a": 1}
    assert parsed(b"\xef\xbb\xbfa: 1").place(("a",)) == Place("f.yaml", 1, 4)


# --- traps -----------------------------------------------------------------------------------

BASE = "is a number to some programs and text to others"
TRAPS = {
    "yes": "yes means true to some programs and text to others\n"
    '  hint: write true, or "yes" in quotes if it is text',
    "NO": "NO means false to some programs and text to others\n"
    '  hint: write false, or "NO" in quotes if it is text',
    "y": "y means true to some programs and text to others\n"
    '  hint: write true, or "y" in quotes if it is text',
    "oN": "oN means true to some programs and text to others\n"
    '  hint: write true, or "oN" in quotes if it is text',
    "off": "off means false to some programs and text to others\n"
    '  hint: write false, or "off" in quotes if it is text',
    "True": "True is not how true is written here\n"
    '  hint: write true, or "True" in quotes if it is text',
    "NULL": "NULL is not how null is written here\n"
    '  hint: write null, or "NULL" in quotes if it is text',
    "012": "012 starts with a zero: some programs count it in eights\n"
    '  hint: write 12, or "012" in quotes if it is text',
    "-007.50": "-007.50 starts with a zero: some programs count it in eights\n"
    '  hint: write -7.50, or "-007.50" in quotes if it is text',
    "0x1F": f'0x1F {BASE}\n  hint: write 31, or "0x1F" in quotes if it is text',
    "0o17": f'0o17 {BASE}\n  hint: write 15, or "0o17" in quotes if it is text',
    "0b2a": f'0b2a {BASE}\n  hint: write the number in decimal, or "0b2a" in quotes if it is text',
    "12:30": "12:30 is a number in base 60 to some programs and text to others\n"
    '  hint: put it in quotes: "12:30"',
    "10:20:30:40:50:59": "10:20:30:40:50:59 is a number in base 60 to some programs and text "
    'to others\n  hint: put it in quotes: "10:20:30:40:50:59"',
    "1e3": f'1e3 {BASE}\n  hint: write the number out in full, or "1e3" in quotes if it is text',
    "1_000": f'1_000 {BASE}\n  hint: write 1000, or "1_000" in quotes if it is text',
    ".5": f'.5 {BASE}\n  hint: write 0.5, or ".5" in quotes if it is text',
    "5.": f'5. {BASE}\n  hint: write 5, or "5." in quotes if it is text',
    ".inf": ".inf is not a number that can be used here\n"
    '  hint: write ".inf" in quotes if it is text',
    "-.NaN": "-.NaN is not a number that can be used here\n"
    '  hint: write "-.NaN" in quotes if it is text',
    "+33123456789": "+33123456789 starts with a plus: some programs drop it\n"
    '  hint: write 33123456789, or "+33123456789" in quotes if it is text',
    "1234567890123456789": "1234567890123456789 has too many digits for a number\n"
    "  hint: put it in quotes if it is text",
    "&x a": "anchors (&name) and aliases (*name) are not used here\n"
    "  hint: write the value out wherever it is needed, or put it in quotes if it is text",
    "*x": "anchors (&name) and aliases (*name) are not used here\n"
    "  hint: write the value out wherever it is needed, or put it in quotes if it is text",
    "!!python/object:os.system x": "tags (!name) are not used here\n"
    "  hint: delete the tag, or put the value in quotes if it is text",
    "!!str 12": "tags (!name) are not used here\n"
    "  hint: delete the tag, or put the value in quotes if it is text",
    '"\\0"': "the text holds a NUL byte\n  hint: write the text without this escape",
    '"\\e"': "the text holds the invisible character U+001B\n"
    "  hint: write the text without this escape",
    "\u00a0Lisbon": "a special space (U+00A0) stands next to the text\n"
    "  hint: delete it and type an ordinary space",
}


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("written", TRAPS)
def test_trap(written: str) -> None:
    document = parsed(f"key:\n  - {written}\n")
    assert told(document) == [f"2:5: {TRAPS[written]}"]
    assert document.refused == {("key", 0)}


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            "3:1: the key 'a' is written twice: lines 1 and 3\n  hint: keep one of the two",
        ),
        (
            "x: {a: 1, a: {b: c}}",
            "1:11: the key 'a' is written twice: line 1\n  hint: keep one of the two",
        ),
        ("<<: {a: 1}", "1:1: merge keys (<<) are not used here\n  hint: write the keys out"),
        (
            "12: a",
            '1:1: the key 12 is not read as text by every program\n  hint: put it in quotes: "12":',
        ),
        (
            "NO: a",
            '1:1: the key NO is not read as text by every program\n  hint: put it in quotes: "NO":',
        ),
        (
            "a:\n  \u00a0b: 1\n",
            "2:3: a special space (U+00A0) stands next to the text\n"
            "  hint: delete it and type an ordinary space",
        ),
    ],
)
def test_key(text: str, message: str) -> None:
    assert told(parsed(text)) == [message]


def test_coordinates_are_good_keys() -> None:
    document = parsed("x: 1\ny: 2\nn: 3\n")
    assert (document.problems, document.data) == ((), {"x": 1, "y": 2, "n": 3})


def test_the_first_of_two_equal_keys_is_kept() -> None:
    assert parsed("a: {b: 1}\na:\n  - c: 2\nd: 3\n").data == {"a": {"b": 1}, "d": 3}


def test_every_trap_is_found_in_one_run() -> None:
    text = "".join(f"k{n}:\n  - {written}\n" for n, written in enumerate(TRAPS))
    document = parsed(text)
    assert len(document.problems) == len(TRAPS)
    assert document.refused == {(f"k{n}", 0) for n in range(len(TRAPS))}


# --- what cannot be read at all --------------------------------------------------------------

NO_KEY = (
    "the file should begin with a key and a colon\n  hint: write its first line, such as "
    "'schema: 1'"
)
COLON = (
    "a ':' cannot stand here\n"
    "  hint: put a text that holds ': ' in quotes, or check the indentation and the line above"
)
MISFIT = (
    "this does not fit the keys above it\n"
    "  hint: indent it exactly like them; nothing may follow a closing quote or bracket"
)
TAB = "a tab is used as indentation\n  hint: use spaces, two for each level"
ESCAPE = (
    "a backslash in double quotes is followed by something that YAML does not know\n"
    "  hint: use single quotes, or write \\\\ for one backslash"
)
EMPTY = " the file is empty\n  hint: write its first line, such as 'schema: 1'"
SEPARATE = "hint: separate with ',', close with '{}', put special characters in quotes"
UNREADABLE = {
    "": EMPTY,
    "# only a comment": EMPTY,
    "---\n": EMPTY,
    "- a": f"1:1: {NO_KEY}",
    "word": f"1:1: {NO_KEY}",
    "name\nb: 1": f"1:1: {NO_KEY}",
    "a: 1\n---\nb: 2": "2:1: a second document begins here\n"
    "  hint: one file holds one; delete '---'",
    "? [x]\n: y": "1:3: a key should be text, not a list or a mapping\n"
    "  hint: put it in quotes if it is text",
    "a: {{ x }}": "1:5: a key should be text, not a list or a mapping\n"
    "  hint: put it in quotes if it is text",
    "a: [1, 2": "1:4: the '[' that opens here is never closed\n  hint: add ']'",
    "a: {b: 1": "1:4: the '{' that opens here is never closed\n  hint: add '}'",
    "a: [b\nc: d\n": "2:2: ',' or ']' is missing after the '[' of line 1\n  "
    + SEPARATE.format("]"),
    "a: {b: 1]": "1:9: ',' or '}' is missing after the '{' of line 1\n  " + SEPARATE.format("}"),
    'a: "x': "1:4: the quote that opens here is never closed\n  hint: add the closing quote",
    "a: 'x'y": f"1:7: {MISFIT}",
    "a:\n    b: 1\n  c: 2": f"3:3: {MISFIT}",
    "a: x\n- b": f"2:1: {MISFIT}",
    "a: b: c": f"1:5: {COLON}",
    "a: 1\n b: 2": f"2:3: {COLON}",
    "a: - b": "1:4: a list cannot begin here\n  hint: begin it on the next line, with '- '",
    "a:\n\tb: 1": f"2:1: {TAB}",
    "a: 1\n \tb: 2": f"2:2: {TAB}",
    "a: @x": "1:4: a value cannot begin with @\n  hint: put it in quotes",
    "a: %x": "1:4: a value cannot begin with %\n  hint: put it in quotes",
    "a: }": "1:4: a value is missing here\n"
    "  hint: write it, in quotes if it begins with a special character",
    "a: >x\n b": "1:5: nothing may follow '|' or '>' on its line\n"
    "  hint: begin the text on the next line, indented with spaces",
    "a: !foo!bar x": "1:4: tags (!name) are not used here\n"
    "  hint: delete the tag, or put the value in quotes if it is text",
    "a: ? b": "1:4: a '?' cannot stand here\n  hint: put it in quotes if it is text",
    "a: x\nname:\u00a0y\nb: 1": "2:6: a special space (U+00A0) stands next to the text\n"
    "  hint: delete it and type an ordinary space",
    "name:\u00a0y\nb: 1": "1:1: a special space (U+00A0) stands next to the text\n"
    "  hint: delete it and type an ordinary space",
    "a:\n  - \0": "2:5: a NUL byte cannot stand here\n"
    "  hint: delete it; it does not show in most editors",
    "a: \u202eb": "1:4: the invisible character U+202E cannot stand here\n"
    "  hint: delete it; it does not show in most editors",
    "a: " + "[" * 5000: "1:35: more than 32 levels deep\n  hint: make the file flatter",
    "a: [" + "1," * 30_000: "1:39999: more than 20,000 keys and values in one file\n"
    "  hint: split the file",
}


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: ascii(text[:20]))
def test_unreadable(text: str) -> None:
    document = parsed(text)
    assert told(document) == [UNREADABLE[text]]
    assert document.refused == {()}
    assert document.data == {}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            b"a: 1\nb: caf\xe9\n",
            "2:7: the byte 0xe9 ('é' as Windows saves it) is not UTF-8\n"
            "  hint: save the file as UTF-8",
        ),
        (b"a: \x81", "1:4: the byte 0x81 is not UTF-8\n  hint: save the file as UTF-8"),
        (b"\xff\xfea\0", " the file is saved as UTF-16\n  hint: save it as UTF-8"),
        (b'a: "\\q"', f"1:5: {ESCAPE}"),
        (
            b"%FOO",
            "1:5: lines that begin with '%' are not used here\n  hint: delete the line",
        ),
        (
            b"a: 1\n...\nb: 2",
            "3:1: more text follows the end of the document\n"
            "  hint: delete the line '...' above it",
        ),
    ],
)
def test_bytes(raw: bytes, message: str) -> None:
    assert told(parsed(raw)) == [message]


def test_thirty_two_levels_are_allowed() -> None:
    assert parsed("a: " + "[" * 31 + "]" * 31).problems == ()


# --- files -----------------------------------------------------------------------------------


def only_problem(path: Path) -> str:
    document = read_yaml(path, shown="f.yaml")
    assert document.refused == {()}
    return "".join(told(document))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("name: Lisbon\n", encoding="utf-8")
    assert read_yaml(path, shown="sites/site.yaml").key_place(("name",)) == Place(
        "sites/site.yaml", 1, 1
    )


def test_files_that_are_none(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    assert only_problem(tmp_path) == (
        " this is a folder, not a file\n  hint: name a file inside it"
    )
    assert only_problem(tmp_path / "absent.yaml") == (
        " the file does not exist\n  hint: check the spelling of its path"
    )
    assert only_problem(loop) == (
        " the link points back to itself\n  hint: replace the link by the file"
    )
    assert only_problem(Path("nul\0.yaml")) == (
        " the file does not exist\n  hint: check the spelling of its path"
    )
    assert only_problem(Path("/dev/zero")) == (
        " this is not an ordinary file\n  hint: name a file on the disk"
    )


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("a: 1")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert only_problem(path) == (
        " the file may not be read\n  hint: ask for permission to read it"
    )


def peak_of(path: Path) -> int:
    tracemalloc.start()
    try:
        document = read_yaml(path, shown="f.yaml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert document.problems
    return peak


def test_a_file_of_fifty_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    assert only_problem(path) == (
        " the file is larger than 1 MiB\n  hint: split it, or check that it is the right file"
    )
    assert peak_of(path) < 100_000


def test_a_file_that_hides_its_size_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.yaml"
    path.write_bytes(b"#" * 3_000_000)
    real = Path.stat(path)

    class Small:
        st_mode = real.st_mode
        st_size = 0

    monkeypatch.setattr(Path, "stat", lambda *_, **__: Small)
    assert peak_of(path) < 2_500_000


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{f'*{chr(97 + n)},' * 9}]\n" for n in range(20)),
        "a: " + "[" * 1_000_000,
        "a: " + "[a," * 300_000,
        "a:\n" + "- b\n" * 250_000,
        "".join(f"k{n}: yes\n" for n in range(90_000)),
        "a: 0\n" * 200_000,
    ],
    ids=["laughs", "deep", "deep list", "long", "traps", "twice"],
)
def test_a_bomb_is_harmless(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(text[: 1 << 20])
    begun = time.process_time()
    assert peak_of(path) < 30_000_000
    assert time.process_time() - begun < 5


def test_a_thousand_files_take_about_a_second(tmp_path: Path) -> None:
    lines = ["schema: 1", "name: Lisbon", "segments:"]
    lines += [f"  - {{name: s{n}, slot: {n}}}\n    vlan: {n + 10}" for n in range(10)]
    lines += [f"key{n}: value of key {n}" for n in range(22)]
    raw = "\n".join(lines).encode()
    begun = time.process_time()
    for _ in range(1000):
        parse_yaml(raw, shown="f.yaml")
    assert time.process_time() - begun < 5  # measured: 0.6


# --- properties ------------------------------------------------------------------------------

fragments = st.sampled_from(
    [
        "a: ",
        "- ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "? ",
        '"',
        "'",
        "|\n",
        ">",
        "&a ",
        "*a",
        "!!x ",
        "<<: ",
        "yes",
        "012",
        "1e9",
        "#",
        "---",
        "...",
        "%",
        "@",
        "\t",
        "\r",
        "\0",
        "é",
        "\u2028",
        "\ufeff",
        "\\x",
        "\\U00110000",
        "1:2",
        "b",
        "\u00a0",
        "~",
        "-",
        "9" * 20,
    ]
)


@given(st.one_of(st.binary(max_size=60), st.lists(fragments, max_size=25).map("".join)))
@example("a: \\U00110000")
def test_anything_gives_data_or_problems(text: str | bytes) -> None:
    document = parsed(text)
    assert isinstance(document.data, dict)
    assert bool(document.refused) <= bool(document.problems)
    assert document.data or document.problems or () not in document.refused
    for problem in document.problems:
        assert problem.message
        assert problem.hint
        assert "\n" not in problem.message + problem.hint
        assert problem.place.file == "f.yaml"
        str(problem).encode()


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cn"])),
)
trees = st.dictionaries(
    st.text("abcxyz", min_size=2, max_size=6).filter(lambda key: key not in ("null", "yes")),
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abc", min_size=2, max_size=4), inner, max_size=4)
        ),
    ),
    min_size=1,
)


@given(trees)
def test_what_is_written_carefully_comes_back(tree: dict[str, Any]) -> None:
    document = parsed(_carefully(tree))
    assert document.problems == ()
    assert document.data == tree


@given(trees)
def test_every_value_has_its_place(tree: dict[str, Any]) -> None:
    text = _carefully(tree)
    document = parsed(text)
    lines = text.split("\n")
    for path, value in _leaves((), tree):
        place = document.place(path)
        found = lines[place.line - 1][place.column - 1 :]
        assert found.startswith(_flow(value))


def _leaves(path: tuple[str | int, ...], value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves((*path, key), inner)]
    if isinstance(value, list):
        return [leaf for n, inner in enumerate(value) for leaf in _leaves((*path, n), inner)]
    return [(path, value)]


def _carefully(tree: dict[str, Any]) -> str:
    return "".join(f"{key}: {_flow(value)}\n" for key, value in tree.items())


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
