"""The stack of people, for organisations that let Pulumi own accounts: planned, and in the lab."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings

from sitekit import cli
from sitekit.cloud import Lookup, Ref, StackKind, StackPlan, people_plan, plan_of
from sitekit.errors import SitekitError
from sitekit.load import LoadedOrganisation
from sitekit.load.register import Registered
from sitekit.model.organisation import PeopleChoice
from sitekit.model.people import Person
from sitekit.people import Directory, Register, access_of, plan
from sitekit.people.access import Scope
from tests.calendars import casts, engagement, moments, organisation, person
from tests.organisations import copy_of_horizon, horizon
from tests.stacks.office import Office
from tests.test_people_presences import may

NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OWNED = "\npeople: { owned_by: pulumi }\n"


def owned(*people: Person) -> LoadedOrganisation:
    """An organisation of these people whose accounts Pulumi owns."""
    loaded = organisation(*people)
    group = loaded.organisation.model_copy(update={"people": PeopleChoice(owned_by="pulumi")})
    return replace(loaded, organisation=group)


def named(loaded: LoadedOrganisation, at: datetime) -> LoadedOrganisation:
    """The same after `sitekit people names`."""
    made = plan(loaded, at, Directory(tenant=loaded.organisation.azure.tenant))
    return replace(loaded, register=made.register.entries)


def users(made: StackPlan) -> dict[str, bool]:
    """Whether each account of a plan is enabled, by person."""
    return {
        str(spec.inputs["employeeId"]): bool(spec.inputs["accountEnabled"])
        for spec in made.specs
        if spec.type.endswith(":User")
    }


def joined(made: StackPlan, who: str) -> set[str]:
    """The groups and units that a person belongs to in a plan."""
    found = set()
    for spec in made.specs:
        if spec.inputs.get("memberObjectId") == Ref(f"person-{who}", "objectId"):
            place = spec.inputs.get("groupObjectId") or spec.inputs["administrativeUnitObjectId"]
            found.add(place.name.removeprefix("group-"))  # type: ignore[union-attr]
    return found


@settings(max_examples=60)
@given(casts(), moments(), moments())
def test_whoever_may_is_enabled_and_nobody_is_ever_dropped(
    cast: list[Person], first: datetime, second: datetime
) -> None:
    before, after = sorted((first, second))
    loaded = named(owned(*cast), before)
    there = users(people_plan(loaded, before.date(), before))
    loaded = named(loaded, after)
    made = people_plan(loaded, after.date(), after)
    assert set(there) <= set(users(made))
    scope = Scope(loaded, loaded.organisation.azure.tenant)
    for each in cast:
        access = access_of(scope, each, after)
        if access is not None and access.guest:
            assert each.person_id not in users(made)
            continue
        if each.person_id != "B0001":
            allowed = may(each.engagements, after, "Europe/Paris")
            assert users(made).get(each.person_id, False) == allowed
        groups = {name for name in joined(made, each.person_id) if not name.startswith("au-")}
        assert groups == (set(access.groups) if access is not None else set())


def test_a_leaver_keeps_the_account_disabled_and_without_groups_and_comes_back_to_it() -> None:
    first = engagement(1, date(2027, 1, 4), date(2027, 1, 20))
    again = engagement(2, date(2027, 6, 1), date(2027, 6, 30))
    loaded = named(owned(person("P1", first, again)), datetime(2027, 1, 5, 12, tzinfo=UTC))
    here = people_plan(loaded, date(2027, 1, 5))
    assert users(here) == {"P1": True}
    assert joined(here, "P1") == {"team-hmp-image", "lic-hmp-standard", "au-hmp"}
    gone = people_plan(loaded, date(2027, 2, 5))
    assert users(gone) == {"P1": False}
    assert joined(gone, "P1") == {"au-hmp"}
    account = gone["person-P1"]
    assert (account.protect, account.retain) == (True, True)
    assert account.inputs["userPrincipalName"] == "camille.morel@horizon.example"
    assert users(people_plan(loaded, date(2027, 6, 2))) == {"P1": True}
    over = people_plan(loaded, date(2027, 12, 2))
    assert users(over) == {"P1": False}  # kept for longer than accounts are: said, not deleted
    assert [f.rule for f in over.findings] == ["people-over"]


def test_a_contract_that_is_called_off_disables_and_does_not_drop() -> None:
    loaded = named(owned(person("P1", engagement(1, date(2027, 1, 4), None))), NOON)
    off = engagement(1, date(2027, 1, 4), None, status="cancelled")
    without = replace(loaded, people=(person("P1", off),))
    assert users(people_plan(without, NOON.date())) == {"P1": False}
    gone = people_plan(replace(loaded, people=()), NOON.date())
    assert users(gone) == {}
    (finding,) = gone.findings
    assert (finding.rule, finding.severity.value) == ("people-gone", "error")
    assert "P1" in finding.message
    ended = Register(loaded.register)
    assert ended.end("P1", NOON.date())
    assert not ended.end("P1", NOON.date())  # once: there is no name left to end
    forgotten = replace(loaded, people=(), register=ended.entries)
    assert people_plan(forgotten, NOON.date()).findings == ()
    assert ended.owner("camille.morel@horizon.example") == "P1"  # and nobody else gets it


def test_nobody_gets_an_account_before_their_name_is_written_down() -> None:
    loaded = owned(person("P1", engagement(1, date(2027, 1, 4), None)))
    made = people_plan(loaded, NOON.date())
    assert users(made) == {}
    (finding,) = made.findings
    assert (finding.rule, finding.severity.value) == ("people-names", "error")
    assert "sitekit people names" in finding.remedy
    renamed = replace(
        loaded,
        people=(person("P1", engagement(1, date(2027, 1, 4), None), upn="c.m@horizon.example"),),
        register=(Registered(upn="camille.morel@horizon.example", person="P1", given=NOON.date()),),
    )
    assert [f.rule for f in people_plan(renamed, NOON.date()).findings] == ["people-names"]
    after = people_plan(named(renamed, NOON), NOON.date())
    assert after["person-P1"].inputs["userPrincipalName"] == "c.m@horizon.example"
    assert not after.findings


def test_a_guest_is_said_and_not_made() -> None:
    boss = person("B1", engagement(1, date(2020, 1, 1), None))
    guest = engagement(2, date(2027, 1, 4), date(2027, 3, 1), account_type="guest",
                       manager_id="B1")  # fmt: skip
    made = people_plan(named(owned(boss, person("G1", guest)), NOON), NOON.date())
    assert users(made) == {"B1": True}
    assert [f.rule for f in made.findings] == ["people-guests"]


def test_groups_are_looked_up_and_a_department_that_no_production_names_gets_one() -> None:
    of_show = engagement(1, date(2027, 1, 4), date(2027, 3, 1), production="tamaris",
                         department="cascades")  # fmt: skip
    made = people_plan(named(owned(person("P1", of_show)), NOON), NOON.date())
    group = made["group-prd-tamaris-cascades"]
    assert group.protect
    member = made["person-P1-in-prd-tamaris-cascades"]
    assert member.inputs["groupObjectId"] == Ref(group.name, "objectId")
    team = made["person-P1-in-team-hmp-cascades"]
    assert team.inputs["groupObjectId"] == Lookup("group", "team-hmp-cascades")


def test_the_sdks_know_every_input() -> None:
    pytest.importorskip("pulumi_azuread")
    from tests.cloud_types import problems

    loaded = owned(*horizon().people)
    made = people_plan(named(replace(loaded, register=horizon().register), NOON), NOON.date())
    assert len(made.specs) > 200
    assert not [text for spec in made.specs for text in problems(spec)]


def test_a_stack_of_people_is_there_only_where_it_is_asked_for() -> None:
    with pytest.raises(SitekitError, match="there is no stack of people"):
        plan_of(horizon(), StackKind.PEOPLE, "hrz-people", today=NOON.date())
    loaded = owned()
    assert plan_of(loaded, StackKind.PEOPLE, "hrz-people", today=NOON.date()).specs == ()
    with pytest.raises(SitekitError, match="there is no people 'x'"):
        plan_of(loaded, StackKind.PEOPLE, "x", today=NOON.date())


# --- the commands --------------------------------------------------------------------------------


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran


@pytest.mark.parametrize("verb", [("plan", "--empty-tenant"), ("apply", "--yes")])
def test_the_one_refuses_where_the_other_owns_people(
    tmp_path: Path, verb: tuple[str, ...], run: Run
) -> None:
    folder = copy_of_horizon(tmp_path)
    code, _, said = run("people", "names", str(folder))
    assert (code, "people apply gives names by itself" in said) == (2, True)
    code, _, said = run("cloud", "plan", "people", "--organisation", str(folder))
    assert (code, "there is no stack of people" in said) == (2, True)
    file = folder / "organisation.yaml"
    file.write_text(file.read_text(encoding="utf-8") + OWNED, encoding="utf-8")
    code, _, said = run("people", *verb, str(folder))
    assert (code, "the stack of people owns the accounts" in said) == (2, True)
    code, shown, _ = run("people", "plan", "--empty-tenant", "--subsidiary", "kin", str(folder))
    assert code == 1  # a subsidiary with a tenant of its own goes on as before
    assert "kinolune.example" in shown


def test_names_are_written_once_and_the_old_ones_stay(tmp_path: Path, run: Run) -> None:
    folder = copy_of_horizon(tmp_path)
    file = folder / "organisation.yaml"
    file.write_text(file.read_text(encoding="utf-8") + OWNED, encoding="utf-8")
    register = folder / "people.register.csv"
    kept = register.read_text(encoding="utf-8").splitlines()
    register.write_text("\n".join(kept[:-3]) + "\n", encoding="utf-8")
    at = ("--at", "2026-11-24")
    code, shown, _ = run("people", "names", str(folder), *at, "--json")
    assert code == 0
    given = json.loads(shown)["given"]
    assert {entry["name"] for entry in given} == {line.split(";")[0] for line in kept[-3:]}
    assert register.read_text(encoding="utf-8").splitlines()[:-3] == kept[:-3]
    code, shown, said = run("people", "names", str(folder), *at)
    assert (code, shown) == (0, "")
    assert "has a name" in said
    code, _, said = run("people", "names", str(folder), *at, "--forget", "P0001")
    assert (code, "P0001 is in people.csv" in said) == (2, True)
    code, _, said = run("people", "names", str(folder), *at, "--forget", "P9999")
    assert (code, "P9999 has no name" in said) == (2, True)
    with register.open("a", encoding="utf-8") as file_:
        file_.write("zz.gone@horizon.example;P9999;2020-01-01;\n")
    assert run("people", "names", str(folder), *at, "--forget", "P9999")[0] == 0
    assert "zz.gone@horizon.example;P9999;2020-01-01;2026-11-2" in register.read_text("utf-8")


# --- in the lab ----------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    pytest.importorskip("pulumi_azure_native")
    folder = copy_of_horizon(tmp_path)
    file = folder / "organisation.yaml"
    file.write_text(file.read_text(encoding="utf-8") + OWNED, encoding="utf-8")
    _keep_few(folder / "people.csv", folder)
    made = Office.of(folder)
    try:
        made.run("stack", "init", "hmp", "people")
        yield made
    finally:
        made.run("lab", "cloud", "down")


def _rows(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    read = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")), delimiter=";")
    return list(read.fieldnames or ()), list(read)


def _write(file: Path, names: list[str], rows: list[dict[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    file.write_text(out.getvalue(), encoding="utf-8")


def _keep_few(file: Path, folder: Path) -> None:
    """Two people of the house and whoever else is named by other files, all of one subsidiary."""
    written = "".join(
        (folder / name).read_text(encoding="utf-8") for name in ("productions.yaml", "waivers.yaml")
    )
    names, rows = _rows(file)
    managers = {row["person_id"]: row["manager_id"] for row in rows}
    kept = {p for p in managers if p in written} | {"P0001", "P0003"}
    while more := {managers[p] for p in kept if managers[p]} - kept:
        kept |= more
    few = [{**row, "subsidiary": "hmp"} for row in rows if row["person_id"] in kept]
    _write(file, names, few)
    register = folder / "people.register.csv"
    header, *lines = register.read_text(encoding="utf-8").splitlines()
    known = [line for line in lines if line.split(";")[1] in kept]
    register.write_text("\n".join([header, *known]) + "\n", encoding="utf-8")


def _shown(office: Office, upn: str) -> str:
    lines = office.run("lab", "cloud", "show").stdout.splitlines()
    return next((line for line in lines if upn in line and "(members)" not in line), "")


@pytest.mark.slow
def test_a_joiner_and_a_leaver_through_the_engine(office: Office) -> None:
    office.run("people", "names")
    before = office.stacks("preview", "people", code=1)["hrz-people"]
    assert set(before) == {"create"}  # though no group is there yet
    refused = office.run("up", "people", "--yes", code=3)
    assert "there is no group" in refused.stderr
    office.stacks("up", "hmp")
    made = office.stacks("up", "people")["hrz-people"]
    assert made["create"] + made["same"] == before["create"]  # the same are its providers
    assert set(office.stacks("up", "people")["hrz-people"]) == {"same"}
    file = office.folder / "people.csv"
    names, rows = _rows(file)

    today = date.today()
    joiner = {
        **next(row for row in rows if row["person_id"] == "P0003"),
        "person_id": "P9001", "first_name": "Zoé", "last_name": "Nouvelle", "usage_name": "",
        "contract_type": "cdd", "contract_id": "CDD-9001", "private_email": "z@boite.example",
        "start_date": str(today - DAY), "end_date": str(today + 30 * DAY), "updated_at": "",
    }  # fmt: skip
    _write(file, names, [*rows, joiner])
    refused = office.run("up", "people", "--yes", code=1)
    assert "sitekit people names" in refused.stdout
    office.run("people", "names")
    steps = office.stacks("up", "people")["hrz-people"]
    assert steps["create"] == 4  # the account, its team, its licence, its unit
    assert set(steps) == {"create", "same"}
    assert "disabled" not in _shown(office, "zoe.nouvelle@horizon.example")

    joiner |= {"start_date": str(today - 40 * DAY), "end_date": str(today - 10 * DAY)}
    _write(file, names, [*rows, joiner])
    steps = office.stacks("up", "people")["hrz-people"]
    assert {k: v for k, v in steps.items() if k != "same"} == {"update": 1, "delete": 2}
    assert "disabled" in _shown(office, "zoe.nouvelle@horizon.example")
    assert set(office.stacks("up", "people")["hrz-people"]) == {"same"}

    _write(file, names, rows)  # a row is lost: nothing is done
    refused = office.run("up", "people", "--yes", code=1)
    assert "a file cut in half looks like that" in refused.stdout
    office.run("destroy", "people", "--yes", code=3)
    office.run("destroy", "people", "--yes", "--with-protected")
    assert "zoe.nouvelle" in _shown(office, "zoe.nouvelle@horizon.example")  # accounts stay
