"""The frame of the command line: help that costs nothing, exit codes, messages, tables, JSON."""

from __future__ import annotations

import importlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path, PurePosixPath

import click
import pytest
from pydantic import BaseModel, Field

from sitekit import cli
from sitekit.cli import console
from sitekit.cli.exit import Exit
from sitekit.cli.locate import Selection, select, sites_of
from sitekit.errors import InputError, Place, Problem, SitekitError
from sitekit.findings import Finding, Severity

SITEKIT = [sys.executable, "-c", "from sitekit.cli import main; main()"]
HEAVY = {"pydantic", "yaml", "jinja2", "rich", "netmiko", "pulumi"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def organisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enough of an organisation to be found: nothing of it is read here."""
    folder = tmp_path / "group"
    (folder / "sites").mkdir(parents=True)
    (folder / "organisation.yaml").touch()
    for name in ("par01.yaml", "par01.assigned.yaml", "par02.yaml", "lyo01.yaml", "Odd.yaml"):
        (folder / "sites" / name).touch()
    monkeypatch.chdir(folder)
    return folder


def verb_that(monkeypatch: pytest.MonkeyPatch, does: object) -> None:
    """Let `sitekit show` run this function."""

    @click.command()
    def show() -> object:
        assert callable(does)
        return does()

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: show)


def raises(error: BaseException) -> object:
    def does() -> None:
        raise error

    return does


# --- help --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["render", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom sitekit.cli import run\nassert run(sys.argv[1:]) == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stderr.split())


def test_help_takes_less_than_150_ms_of_cpu() -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*SITEKIT, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.15


def test_help_groups_the_verbs_and_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(word) for word in ("Describe:", "Check:", "Build:", "Examples:")]
    assert places == sorted(places)
    assert all(f"\n  {verb} " in text for verbs in cli.VERBS.values() for verb in verbs)
    assert max(map(len, text.splitlines())) <= 100


VERBS = [(name, verb) for verbs in cli.VERBS.values() for name, verb in verbs.items()]


@pytest.mark.parametrize(("name", "verb"), VERBS, ids=[name for name, _ in VERBS])
def test_every_verb_loads_and_says_the_same_in_both_helps(name: str, verb: cli.Verb) -> None:
    module, _, function = verb.target.partition(":")
    command = getattr(importlib.import_module(f"sitekit.cli.{module}"), function)
    assert command.name == name
    assert command.short_help == verb.help


# --- exit codes --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", list(Exit)[:4])
def test_a_verb_returns_its_exit_code(code: Exit, monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(monkeypatch, lambda: code)
    assert cli.run(["show"]) == code
    with pytest.raises(SystemExit) as left:
        cli.main(["show"])
    assert left.value.code == code


def test_a_verb_that_returns_nothing_is_as_designed(monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(monkeypatch, lambda: None)
    assert cli.run(["show"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "there is no verb 'chekc'; did you mean 'check'?"),
        (["frobnicate"], "there is no verb 'frobnicate'"),
        (["--frobnicate"], "--frobnicate"),
        (["render"], "--out"),
        (["completion", "tcsh"], "tcsh"),
        ([], "Usage: sitekit"),
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == Exit.WRONG_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_an_explained_error_is_2_and_never_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that(monkeypatch, raises(SitekitError("it is full", hint="make room")))
    assert cli.run(["show"]) == Exit.WRONG_INPUT
    assert capsys.readouterr() == ("", "error: it is full\n  hint: make room\n")


def test_wrong_input_lists_every_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Problem(Place("a.yaml", 2, 3), "odd", "even"), Problem(Place("a.yaml", 1, 1), "old")]
    verb_that(monkeypatch, raises(InputError(found)))
    assert cli.run(["show"]) == Exit.WRONG_INPUT
    assert capsys.readouterr().err == (
        "a.yaml:1:1: old\na.yaml:2:3: odd\n  hint: even\n2 problems in 1 file\n"
    )


def test_ctrl_c_is_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that(monkeypatch, raises(KeyboardInterrupt()))
    assert cli.run(["show"]) == Exit.INTERRUPTED
    assert capsys.readouterr() == ("", "error: interrupted\n")


def test_a_bug_keeps_its_traceback_and_is_not_taken_for_findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that(monkeypatch, raises(ZeroDivisionError("x")))
    assert cli.run(["show"]) == Exit.BUG
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "bug in sitekit" in err


def test_a_broken_pipe_elsewhere_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that(monkeypatch, raises(BrokenPipeError()))
    assert cli.run(["show"]) == Exit.BUG


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_goes_away_is_no_error(lines: int) -> None:
    code = (
        "import sitekit.cli as c, click\n"
        "@click.command()\n"
        f"def show():\n  for i in range({lines}): c.console.say('x')\n"
        "from sitekit.cli import console; c.console = console\n"
        "c.LazyGroup.get_command = lambda *_: show\n"
        "import time; time.sleep(0.5); c.main(['show'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == Exit.NOBODY_READS
    process.stderr.close()


def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*SITEKIT, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == Exit.WRONG_INPUT
    assert done.stderr == "error: the output cannot be written: there is no space left\n"


def test_a_narrow_encoding_breaks_no_message() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*SITEKIT, "check", "/nowhere/Ecole-é"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == Exit.WRONG_INPUT
    assert "Traceback" not in done.stderr


def test_sigint_ends_a_real_process_with_130() -> None:
    code = (
        "import click, sitekit.cli as c, time\n"
        "@click.command()\n"
        "def show():\n  print('ready', flush=True); time.sleep(30)\n"
        "c.LazyGroup.get_command = lambda *_: show\n"
        "c.main(['show'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "error: interrupted\n")


# --- completion --------------------------------------------------------------------------------


def complete(*words: str, cwd: Path) -> list[str]:
    environment = {
        **os.environ,
        "_SITEKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["sitekit", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        SITEKIT, capture_output=True, text=True, check=True, env=environment, cwd=cwd
    )
    return done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_calls_us_back(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["completion", shell]) == 0
    assert f"_SITEKIT_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_verbs_and_site_codes_complete(organisation: Path) -> None:
    assert complete("rend", cwd=organisation) == ["plain,render"]
    assert complete("render", "", cwd=organisation) == ["plain,lyo01", "plain,par01", "plain,par02"]
    assert complete("render", "par01", "par", cwd=organisation) == ["plain,par02"]
    assert complete("render", "--pr", cwd=organisation) == ["plain,--prune"]
    below = organisation / "sites"
    assert complete("show", "ly", cwd=below) == ["plain,lyo01"]


def test_folders_complete_where_there_is_no_organisation(tmp_path: Path) -> None:
    assert complete("render", "ex", cwd=tmp_path) == ["dir,ex"]


# --- which sites -------------------------------------------------------------------------------


def test_all_sites_of_the_organisation_above(
    organisation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert select([]) == Selection(Path(), ("lyo01", "par01", "par02"))
    monkeypatch.chdir("sites")
    assert select(["par01"]) == Selection(Path(".."), ("par01",))


def test_a_folder_is_the_organisation_and_a_code_a_site(
    organisation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(organisation.parent)
    chosen = Selection(Path("group"), ("par02", "par01"))
    assert select(["par02", "group", "par01", "par02"]) == chosen
    assert select(["par02", "par01"], Path("group")) == chosen
    assert select(["group/organisation.yaml"]).folder == Path("group")
    assert select(["./group"], Path("group")).folder == Path("group")


def test_a_rendered_folder_does_not_hide_the_site_of_its_name(organisation: Path) -> None:
    (organisation / "par01").mkdir()
    assert select(["par01"]) == Selection(Path(), ("par01",))


@pytest.mark.parametrize(
    ("where", "said", "hint"),
    [
        (["par03"], "there is no site 'par03' in .", "did you mean 'par02'?"),
        (["zzz99"], "there is no site 'zzz99' in .", "its sites are lyo01, par01, par02"),
        (["./a", "./b"], "two organisations are named: a and b", "name one"),
    ],
)
def test_what_is_not_there_is_said(
    where: list[str], said: str, hint: str, organisation: Path
) -> None:
    with pytest.raises(SitekitError) as refused:
        select(where)
    assert (refused.value.message, refused.value.hint) == (said, hint)


def test_no_organisation_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SitekitError, match=r"there is no organisation\.yaml in this folder"):
        select(["par01"])
    assert sites_of(tmp_path) == ()


# --- problems and findings ---------------------------------------------------------------------


def shown(problem: Problem) -> list[str]:
    stream = Terminal()
    console.problems([problem], to=stream)
    return stream.getvalue().splitlines()


def test_a_terminal_sees_the_line_and_a_caret(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("\ufeffx: 1\r\n\tété: 東京 ici\r\n".encode())
    place = Place(str(file), 2, 10)
    assert shown(Problem(place, "odd", "turn left\nthen right")) == [
        f"{place}: odd",
        "     été: 東京 ici",
        "               ^",
        "  hint: turn left",
        "        then right",
        "1 problem in 1 file",
    ]


def test_a_pipe_sees_one_line_per_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: 1\n")
    stream = io.StringIO()
    found = [Problem(Place(str(tmp_path / "a.yaml"), 1, n), f"odd {n}") for n in range(1, 31)]
    console.problems(found, to=stream)
    lines = stream.getvalue().splitlines()
    assert lines[:-1] == [str(problem) for problem in found]
    assert lines[-1] == "30 problems in 1 file"


def test_a_terminal_sees_the_first_ten(tmp_path: Path) -> None:
    stream = Terminal()
    console.problems([Problem(Place("gone.yaml", n), "odd") for n in range(1, 31)], to=stream)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 12
    assert lines[-1].startswith("the first 10 of 30")


def test_a_line_with_a_secret_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("lunch: hunter2\npsk: hunter2\na: {x: 1, api-key: 'hunter2', y: hunter2}\n")
    sensitive = Problem(Place(str(file), 1, 8), "odd", sensitive=True)
    for problem in (
        sensitive,
        Problem(Place(str(file), 2, 1), "no such key"),
        Problem(Place(str(file), 3, 5), "no such key"),
    ):
        assert "hunter2" not in "\n".join(shown(problem))
    assert shown(Problem(Place(str(file), 2, 1), "no such key"))[1:3] == ["    psk: …", "    ^"]


def test_a_reference_to_a_secret_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("psk: keyvault:kv\n")
    assert shown(Problem(Place(str(file), 1, 6), "odd"))[1] == "    psk: keyvault:kv"


def test_a_long_line_is_cut_around_the_caret(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a" * 500 + "HERE" + "b" * 500)
    _, line, caret, _ = shown(Problem(Place(str(file), 1, 501), "odd"))
    assert max(len(line), len(caret)) <= 100
    assert line[caret.index("^") :].startswith("HERE")


@pytest.mark.parametrize("place", ["gone.yaml:1:1", "/dev/zero:1:1", ".:1:1", "sitekit:z.yaml:1:1"])
def test_a_source_that_is_not_there_is_left_out(place: str) -> None:
    file, line, column = place.rsplit(":", 2)
    assert len(shown(Problem(Place(file, int(line), int(column)), "odd"))) == 2


def test_nothing_written_drives_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("x: \x1b]0;pwned\x07 \u202e\n")
    text = "\n".join(shown(Problem(Place(str(file), 1, 4), "odd \x1b[2J", "\x1b[1A")))
    assert text.replace("\n", "").isprintable()


def finding(rule: str, severity: Severity, line: int, remedy: str = "") -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject="par01",
        message="too few",
        remedy=remedy,
        place=Place("a.yaml", line, 1),
    )


def test_findings_come_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    console.findings(
        [
            finding("late", Severity.WARNING, 1),
            finding("note", Severity.INFO, 2),
            finding("ports", Severity.ERROR, 3, "add a switch"),
        ]
    )
    assert capsys.readouterr() == (
        "a.yaml:3:1: error: par01: too few [ports]\n  hint: add a switch\n"
        "a.yaml:1:1: warning: par01: too few [late]\n"
        "a.yaml:2:1: info: par01: too few [note]\n",
        "",
    )


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    def coloured(stream: io.StringIO) -> bool:
        console.findings([finding("ports", Severity.ERROR, 3)], to=stream)
        return "\x1b[" in stream.getvalue()

    assert not coloured(Terminal())
    monkeypatch.delenv("NO_COLOR")
    assert coloured(Terminal())
    assert not coloured(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not coloured(Terminal())


# --- tables ------------------------------------------------------------------------------------

ROWS: list[tuple[object, ...]] = [
    ("corp", 10, None, True, ("a", "b")),
    ("été [bold]東京", 4094, "x\ny", False, ()),
]


def test_a_pipe_gets_an_aligned_table(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("Networks", ("name", "VLAN", "", "dhcp", "list"), ROWS)
    assert capsys.readouterr().out == (
        "Networks\n"
        "name             VLAN       dhcp  list\n"
        "corp               10       yes   a, b\n"
        "été [bold]東京   4094  x y  no\n\n"
    ).replace("東京   4094", "東京  4094").replace("name             ", "name            ").replace(
        "corp               10", "corp              10"
    )


def test_a_terminal_gets_a_drawn_table(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    console.table("Networks", ("name", "VLAN", "", "dhcp", "list"), ROWS)
    assert "[bold]東京" in stream.getvalue()
    assert "─" in stream.getvalue()


def test_an_empty_table_still_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    console.table("", ("name", "VLAN"), [])
    assert capsys.readouterr().out == "name  VLAN\n\n"


# --- JSON --------------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Written(BaseModel):
    schema_: int = Field(default=1, alias="schema")
    day: date = date(2027, 1, 31)


@dataclass
class Derived:
    z: object
    a: object
    _hidden: str = field(default="no", repr=False)


def test_json_knows_what_designs_are_made_of() -> None:
    value = {
        Colour.RED: Derived(IPv4Address("10.0.0.1"), IPv4Network("10.0.0.0/8")),
        "written": Written(),
        ("a", "b"): {PurePosixPath("a/b"), PurePosixPath("a")},
        3: (datetime(2027, 1, 31, 12), None, 1.5, Severity.ERROR),
        "many": (number for number in (2, 1)),
    }
    assert json.loads(console.as_json(value)) == {
        "red": {"a": "10.0.0.0/8", "z": "10.0.0.1"},
        "written": {"schema": 1, "day": "2027-01-31"},
        "a.b": ["a", "a/b"],
        "3": ["2027-01-31T12:00:00", None, 1.5, "error"],
        "many": [2, 1],
    }


def test_json_is_the_same_whatever_the_order() -> None:
    assert console.as_json({"b": 1, "a": {3, 1, 2}}) == console.as_json({"a": {2, 3, 1}, "b": 1})


@pytest.mark.parametrize("value", [object(), b"x", {None: 1}, {("a", object()): 1}, 1j])
def test_json_never_guesses(value: object) -> None:
    with pytest.raises(TypeError):
        console.as_json(value)


# --- progress ----------------------------------------------------------------------------------


def test_no_bar_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress(3, "rendering") as advance:
        advance()
    assert capsys.readouterr() == ("", "")


def test_no_bar_for_what_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.progress(3, "rendering") as advance:
        for _ in range(3):
            advance()
    assert terminal.getvalue() == ""


def test_a_bar_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(console, "SECONDS_BEFORE_A_BAR", 0.0)
    with console.progress(3, "rendering [x]") as advance:
        advance()
        advance()
        time.sleep(0.2)
    assert "rendering [x]" in terminal.getvalue()
    assert "2/3" in terminal.getvalue()
