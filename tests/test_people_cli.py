"""`sitekit people` at the command line, against a tenant on loopback and against none."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sitekit import cli, people
from sitekit.load import load_organisation
from sitekit.load.memory import Memory
from tests.memory_graph import TENANT, MemoryGraph
from tests.organisations import HORIZON, ROOT, copy_of_horizon, edit, horizon

GOLDEN = ROOT / "tests" / "people"
EXAMPLE_DAY = "2026-11-24T09:00"
ROLL_OUT = "2027-02-15"


def tenant_of_the_stacks() -> MemoryGraph:
    """A tenant in which the stacks have made units, teams and licence groups, and nothing more."""
    graph = MemoryGraph()
    rules = horizon().catalogue.identity.groups
    engagements = [e for p in horizon().people for e in p.engagements]
    names = {
        rules.team.format(subsidiary=e.subsidiary, department=e.department) for e in engagements
    }
    names |= {
        rules.licence.format(subsidiary=e.subsidiary, profile=e.licence_profile)
        for e in engagements
        if e.licence_profile
    }
    for name in sorted(names):
        graph.group(name)
    for code in sorted(horizon().subsidiaries):
        graph.unit(rules.unit.format(subsidiary=code))
    return graph


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryGraph]:
    made = tenant_of_the_stacks()
    with made.served() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = copy_of_horizon(tmp_path)
    (copied / "people.register.csv").unlink(missing_ok=True)
    return copied


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("SITEKIT_RENEW"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs: make golden, and read it"


# --- the example -------------------------------------------------------------------------------


def test_the_plan_of_the_example_against_an_empty_tenant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SITEKIT_GRAPH_URL", raising=False)
    arguments = ["people", "plan", "examples/horizon", "--empty-tenant", "--at", EXAMPLE_DAY]
    assert cli.run(arguments) == 1
    told = capsys.readouterr()
    golden("empty-tenant.txt", told.out + told.err)


def test_the_plan_of_the_day_on_which_shooting_begins(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    graph: MemoryGraph,
    tmp_path: Path,
) -> None:
    copied = copy_of_horizon(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli.run(["people", "apply", str(copied), "--yes", "--at", EXAMPLE_DAY]) == 0
    capsys.readouterr()
    assert cli.run(["people", "plan", "horizon", "--at", ROLL_OUT]) == 1
    told = capsys.readouterr()
    golden("after-the-winter.txt", told.out + told.err)


def test_the_register_of_the_example_is_what_apply_wrote(
    folder: Path, graph: MemoryGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["people", "apply", str(folder), "--yes", "--at", EXAMPLE_DAY]) == 0
    text = (folder / "people.register.csv").read_text(encoding="utf-8")
    committed = HORIZON / "people.register.csv"
    if os.environ.get("SITEKIT_RENEW"):
        committed.write_text(text, encoding="utf-8")
    assert text == committed.read_text(encoding="utf-8")
    assert "commit it" in capsys.readouterr().err


PAGE = (ROOT / "docs" / "people.md").read_text(encoding="utf-8")


def test_the_page_shows_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"```text\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    for name, text in shown:
        assert text in (ROOT / name).read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(ROOT)
    found: dict[str, object] = {}
    exec(code, found)
    plan = found["plan"]
    assert isinstance(plan, people.Plan)
    assert plan.count(people.Action.CREATE) == 71


def test_the_benchmark_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.people import main

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["people", "--times", "1"])
    main()
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["119", "167"]


# --- plan and apply ----------------------------------------------------------------------------


def test_apply_then_plan_is_as_designed(
    folder: Path, graph: MemoryGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [str(folder), "--at", EXAMPLE_DAY]
    assert cli.run(["people", "apply", *where, "--yes"]) == 0
    told = capsys.readouterr()
    assert "Temporary Access Pass" in told.err
    assert len(graph.users) == 73
    assert cli.run(["people", "plan", *where]) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert cli.run(["people", "plan", *where, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["operations"] == []
    assert shown["enabled"] == 73
    journal = (folder / ".sitekit" / "people" / "journal.jsonl").read_text(encoding="utf-8")
    assert all("password" not in line.casefold() for line in journal.splitlines())


def test_json_of_apply_says_what_was_done_and_holds_no_secret(
    folder: Path, graph: MemoryGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [str(folder), "--at", EXAMPLE_DAY]
    assert cli.run(["people", "apply", *where, "--json"]) == 2
    assert "say --yes as well" in capsys.readouterr().err
    assert cli.run(["people", "apply", *where, "--json", "--yes"]) == 0
    text = capsys.readouterr().out
    shown = json.loads(text)
    assert shown["done"] == len(shown["operations"]) > 300
    assert (shown["failures"], shown["stopped"]) == ([], None)
    passwords = {
        u["passwordProfile"]["password"] for u in graph.users.values() if "passwordProfile" in u
    }
    assert len(passwords) == 71
    assert not any(password in text for password in passwords)


def test_without_a_yes_nothing_is_done(
    folder: Path, graph: MemoryGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["people", "apply", str(folder), "--at", EXAMPLE_DAY]) == 2
    assert "nobody is here to ask" in capsys.readouterr().err
    assert graph.writes == 0
    assert not (folder / "people.register.csv").exists()


def test_a_file_cut_in_half_disables_nobody(
    folder: Path, graph: MemoryGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [str(folder), "--at", EXAMPLE_DAY]
    assert cli.run(["people", "apply", *where, "--yes"]) == 0
    path = folder / "people.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:50]), encoding="utf-8")
    writes = graph.writes
    capsys.readouterr()
    assert cli.run(["people", "apply", *where, "--yes"]) == 1
    told = capsys.readouterr().err
    assert re.search(r"error: \d\d of 73 enabled accounts would be disabled: more than 10 %", told)
    assert "--yes-really" in told
    assert graph.writes == writes
    assert cli.run(["people", "apply", *where, "--yes", "--yes-really"]) == 0
    assert sum(u["accountEnabled"] for u in graph.users.values()) < 60


@pytest.mark.parametrize(
    ("fault", "said", "hint"),
    [
        (
            {"tenant": "00000000-0000-4000-8000-00000000abcd"},
            "credentials belong to tenant",
            "az l",
        ),
        ({"expired": True}, "the lab does not accept its token", "lab"),
        ({"forbidden": "GET /users"}, "the identity lacks a permission", "User.ReadWrite.All"),
        ({"forbidden": "POST /users$"}, "the identity lacks a permission", "User.ReadWrite.All"),
    ],
)
def test_each_failure_is_one_message_with_the_next_step(
    fault: dict[str, object],
    said: str,
    hint: str,
    folder: Path,
    graph: MemoryGraph,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in fault.items():
        setattr(graph, name, value)
    assert cli.run(["people", "apply", str(folder), "--yes", "--at", EXAMPLE_DAY]) == 3
    told = capsys.readouterr().err
    assert told.count("error: ") == 1
    assert said in told
    assert hint in told.partition("hint: ")[2] or hint in told
    assert "Traceback" not in told
    assert not graph.users


def test_no_lab_at_the_address(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda s: None)
    monkeypatch.setattr("sitekit.graph.client.Graph._wait", lambda *_: None)
    monkeypatch.setenv("SITEKIT_GRAPH_URL", "http://127.0.0.1:9")
    assert cli.run(["people", "plan", str(folder)]) == 3
    told = capsys.readouterr().err
    assert "no lab answers at 127.0.0.1:9" in told
    assert "sitekit lab cloud up" in told


def test_a_moment_of_its_own_is_for_labs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SITEKIT_GRAPH_URL", raising=False)
    assert cli.run(["people", "apply", str(folder), "--at", "2027-01-04"]) == 2
    assert "in a real tenant apply acts for now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "tomorrow"], "'tomorrow' is no moment"),
        (["--subsidiary", "xyz"], "there is no subsidiary 'xyz'; known: hmp, hpo, hst, kin"),
        (["--subsidiary", "hmp"], "has no tenant of its own"),
    ],
)
def test_usage(
    arguments: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["people", "plan", str(folder), "--empty-tenant", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_subsidiary_with_a_tenant_of_its_own_is_planned_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = [str(HORIZON), "--empty-tenant", "--at", EXAMPLE_DAY, "--json"]
    assert cli.run(["people", "plan", *where, "--subsidiary", "kin"]) == 1
    shown = json.loads(capsys.readouterr().out)
    made = [o for o in shown["operations"] if o["action"] == "create"]
    assert shown["tenant"] == "7a8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d"
    assert made
    assert all(o["account"].endswith("@kinolune.example") for o in made)
    assert cli.run(["people", "plan", *where]) == 1
    others = json.loads(capsys.readouterr().out)["operations"]
    assert not {o["person"] for o in made} & {o["person"] for o in others}


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_and_run_again_it_ends_the_same(
    seed: int, folder: Path, graph: MemoryGraph
) -> None:
    killed_and_run_again(seed, folder, graph)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_more_kills(seed: int, folder: Path, graph: MemoryGraph) -> None:
    killed_and_run_again(seed, folder, graph)


def killed_and_run_again(seed: int, folder: Path, graph: MemoryGraph) -> None:
    command = [sys.executable, "-m", "sitekit", "people", "apply", str(folder), "--yes"]
    command += ["--at", EXAMPLE_DAY]
    at = random.Random(seed).randrange(5, 360)
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while graph.writes < at and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    run.kill()
    run.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ends_as_one_whole_run(folder, graph)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"expired": True}, "the lab does not accept its token"),
        ({"forbidden": "(POST|PATCH|DELETE) /(users|groups)"}, "the identity lacks a permission"),
        ({"throttled": ["0"] * 500}, "is throttling us"),
    ],
)
def test_what_goes_wrong_half_way_is_one_message_and_the_next_run_ends_the_same(
    fault: dict[str, object],
    said: str,
    folder: Path,
    graph: MemoryGraph,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def strike() -> None:
        while graph.writes < 100 and not over.is_set():
            time.sleep(0.0005)
        for name, value in fault.items():
            setattr(graph, name, value)

    over = threading.Event()
    striker = threading.Thread(target=strike)
    striker.start()
    arguments = ["people", "apply", str(folder), "--yes", "--at", EXAMPLE_DAY]
    code = cli.run(arguments)
    over.set()
    striker.join()
    told = capsys.readouterr().err
    assert code == 3, told
    assert told.count("error: ") == 1
    assert said in told
    assert "hint: " in told
    assert "Traceback" not in told
    assert graph.writes >= 100
    graph.expired, graph.forbidden, graph.throttled = False, "", []
    assert cli.run(arguments) == 0
    ends_as_one_whole_run(folder, graph)


def ends_as_one_whole_run(folder: Path, graph: MemoryGraph) -> None:
    whole = tenant_of_the_stacks()
    loaded = replace(load_organisation(folder), register=())
    with whole.client() as client:
        rules = loaded.catalogue.identity
        directory = people.read_directory(client, rules, tenant=TENANT)
        plan = people.plan(loaded, datetime(2026, 11, 24, 8, tzinfo=UTC), directory)
        people.apply(
            plan, rules, client, journal=people.MemoryJournal(), remember=lambda text: None
        )
    assert graph.picture() == whole.picture()
    assert (folder / "people.register.csv").read_text(encoding="utf-8") == plan.register.text()


# --- check -------------------------------------------------------------------------------------


COLUMNS = [
    "person_id",
    "subsidiary",
    "last_name",
    "first_name",
    "upn",
    "contract_type",
    "contract_id",
    "production",
    "department",
    "start_date",
    "end_date",
    "site",
    "manager_id",
    "account_type",
    "licence_profile",
    "status",
]


def add_people(folder: Path, text: str) -> None:
    """Rows behind those of the example, whose own people stay."""
    path = folder / "people.csv"
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter=";")
        rows = [*table, *csv.DictReader(text.splitlines(), COLUMNS, delimiter=";")]
        names = [*(table.fieldnames or ()), "upn"]
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, names, restval="", delimiter=";", lineterminator="\n")
        written.writeheader()
        written.writerows(rows)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "P1;hmp;Sand;Léa;lea@horizon.example;cdi;C1;;image;2026-01-05;;par01;;member;;active\n"
            "P2;hpo;Aziz;Noor;lea@horizon.example;cdi;C2;;son;2026-01-05;;par02;;member;;active",
            "people.csv:170:1: error: par02: P2 of hpo is to be called lea@horizon.example, and so "
            "is P1 of hmp",
        ),
        (
            "P1;hmp;Sand;Léa;lea@other.example;cdi;C1;;image;2026-01-05;;par01;;member;;active",
            "[upn-domain]",
        ),
        (
            "P12345678-12345678;hmp;Sand;Léa;;cdi;C1;;image;2026-01-05;;par01;;member;;active",
            "at most 16 characters, not P12345678-12345678 [id-long]",
        ),
        (
            "P1;hmp;王;小明;;cdi;C1;;image;2026-01-05;;par01;;member;;active",
            "no letters for the name of P1 [no-upn]",
        ),
        (
            "P1;hmp;Sand;Léa;;cdi;C1;;image;2026-01-05;;par01;;member;gold;active",
            "there is no licence profile 'gold' [no-such-licence]",
        ),
        (
            "P1;hmp;Sand;Léa;;freelance;C1;;image;2026-01-05;2026-12-31;par01;;guest;;active",
            "nobody answers for guest P1 [guest-sponsor]",
        ),
        (
            "P1;hmp;Sand;Léa;;cdi;C1;;image;2026-01-05;;par01;;member;;ended",
            "nothing says since when [ended-when]",
        ),
        (
            "P1;hmp;Vidal;Solène;nathan.carvalho@horizon.example;cdi;C1;;image;2026-01-05;;par01;;"
            "member;;active",
            "is or was the name of P0001",
        ),
    ],
)
def test_check_refuses_what_no_cloud_is_needed_to_see(
    row: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_of_horizon(tmp_path)
    add_people(folder, row)
    assert cli.run(["check", str(folder), "--today", "2026-11-24"]) == 1
    assert said in capsys.readouterr().out


def test_check_refuses_a_licence_that_the_tenant_has_not_declared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_of_horizon(tmp_path)
    edit(folder / "organisation.yaml", "[entra-p1, entra-p2, intune]", "[entra-p1]")
    assert cli.run(["check", str(folder), "--today", "2026-11-24"]) == 1
    told = capsys.readouterr().out
    assert "needs intune, which the tenant does not declare [licence-not-declared]" in told
    refused = [line for line in told.splitlines() if "[licence-not-declared]" in line]
    assert not [line for line in refused if "kin" in line]  # it has a tenant of its own


def test_check_names_both_lines_of_a_name_that_two_branches_gave(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_of_horizon(tmp_path)
    path = folder / "people.register.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "adele.petit@horizon.example;P0001;2026-11-25;\n" * 1, encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write("adele.petit@horizon.example;P0002;2026-11-25;\n")
    assert cli.run(["check", str(folder), "--today", "2026-11-24"]) == 1
    told = capsys.readouterr().out
    assert "stands for P0001" in told
    assert "and for P0002 [register-twice]" in told


def test_what_was_found_is_remembered_until_something_of_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_horizon(tmp_path)
    add_people(folder, "P1;hmp;王;小明;;cdi;C1;;image;2026-01-05;;par01;;member;;active")
    day = date(2026, 11, 24)
    memory = Memory("program")
    found = people.findings(load_organisation(folder, memory=memory), day)
    assert [f.rule for f in found] == ["no-upn"]

    def looked(*_: object) -> None:
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr("sitekit.people.checks._Checks", looked)
        known = Memory("program", json.loads(json.dumps(memory.as_json())))
        assert people.findings(load_organisation(folder, memory=known), day) == found
        for changed in (
            (folder, date(2026, 11, 25)),
            (folder / "people.register.csv", day),
            (folder / "organisation.yaml", day),
        ):
            path, today = changed
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                text = text.replace("adele", "adeline").replace("[entra-p1, ", "[")
                path.write_text(text.replace("axel.", "axelle."), encoding="utf-8")
            known = Memory("program", json.loads(json.dumps(memory.as_json())))
            loaded = load_organisation(folder, memory=known)
            with pytest.raises(LookupError):
                people.findings(loaded, today)
