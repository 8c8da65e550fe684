"""Plans done in a tenant in memory: what they promise for any calendar, and case by case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitekit import people
from sitekit.errors import (
    CredentialError,
    ForbiddenError,
    OutputError,
    TenantError,
    UnreachableError,
)
from sitekit.load import LoadedOrganisation
from sitekit.load.register import load_register
from sitekit.model.people import Engagement, Person
from sitekit.people import Action, MemoryJournal, Outcome, Plan, journal_in
from tests.calendars import BOSS, casts, engagement, moments, organisation, person
from tests.memory_graph import TENANT, CutOff, MemoryGraph
from tests.test_people_presences import may

DAY = timedelta(days=1)
NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)
LICENCES = [f"lic-{s}-{p}" for s in ("hmp", "hpo") for p in ("standard", "frontline")]
TEAMS = [f"team-{s}-{d}" for s in ("hmp", "hpo") for d in ("image", "son")]


class Office:
    """An organisation and its tenant, with the register on a disk that outlives every run."""

    def __init__(self, *cast: Person, lag: int = 0, stacks: bool = True) -> None:
        self.organisation = organisation(*cast)
        self.graph = MemoryGraph(lag=lag)
        self.journal = MemoryJournal()
        self.register = ""
        if stacks:
            for name in (*TEAMS, *LICENCES):
                self.graph.group(name)
            for name in ("au-hmp", "au-hpo"):
                self.graph.unit(name)

    def loaded(self) -> LoadedOrganisation:
        return replace(self.organisation, register=self._entries())

    def _entries(self) -> tuple[object, ...]:
        from sitekit.load.csv_source import parse_csv
        from sitekit.load.register import COLUMNS, Registered

        if not self.register:
            return ()
        table = parse_csv(self.register.encode(), shown="people.register.csv", columns=COLUMNS)
        return tuple(
            Registered(
                upn=row["upn"],
                person=row["person_id"],
                given=date.fromisoformat(row["given"]),
                until=date.fromisoformat(row["until"]) if row["until"] else None,
            )
            for row in table.rows
        )

    def plan(self, at: datetime = NOON, adopt: Collection[str] = ()) -> Plan:
        loaded = self.loaded()
        with self.graph.client() as client:
            rules = loaded.catalogue.identity
            directory = people.read_directory(client, rules, tenant=TENANT)
        return people.plan(loaded, at, directory, adopt=adopt)

    def apply(self, at: datetime = NOON, adopt: Collection[str] = ()) -> Outcome:
        adopt = {*adopt, *self.journal.open_invitations()}
        return self.do(self.plan(at, adopt))

    def do(self, plan: Plan) -> Outcome:
        with self.graph.client() as client:
            return people.apply(
                plan,
                self.organisation.catalogue.identity,
                client,
                journal=self.journal,
                remember=self._remember,
            )

    def _remember(self, text: str) -> None:
        self.register = text

    def now(self, *cast: Person) -> None:
        """The file of people as it is from now on."""
        self.organisation = organisation(*cast)


def worker(
    identity: str = "P1",
    *,
    start: date = date(2027, 1, 25),
    end: date | None = date(2027, 2, 26),
    **more: object,
) -> Person:
    who = {k: more.pop(k) for k in ("first_name", "last_name", "usage_name", "upn") if k in more}
    number = int(identity[1:]) * 10
    return person(identity, engagement(number, start, end, **more), **who)


def did(plan: Plan) -> list[tuple[str, str, str]]:
    return [(o.action.value, o.person, o.target) for o in plan.operations]


def given_by(e: Engagement) -> set[str]:
    """The groups and the unit that a contract gives, in the words of identity.yaml."""
    found = {f"au-{e.subsidiary}", f"team-{e.subsidiary}-{e.department}"}
    if e.production:
        found.add(f"prd-{e.production}-{e.department}")
    if e.licence_profile and e.account_type != "guest":
        found.add(f"lic-{e.subsidiary}-{e.licence_profile}")
    return found


def giving(who: Person, name: str) -> list[Engagement]:
    """The contracts that may give a group, with those that gaps join to them."""
    own = [e for e in who.engagements if name in given_by(e)]
    productions = {e.production for e in own if e.production}
    return [e for e in who.engagements if e in own or e.production in productions]


# --- for any calendar --------------------------------------------------------------------------


@settings(max_examples=60)
@given(casts(), st.lists(moments(), min_size=1, max_size=4).map(sorted), st.integers(0, 1))
def test_whoever_may_is_enabled_whoever_may_not_is_not_and_again_there_is_nothing_to_do(
    cast: list[Person], when: list[datetime], lag: int
) -> None:
    office = Office(*cast, lag=lag)
    for at in when:
        outcome = office.apply(at)
        assert outcome.is_complete, outcome
        for p in cast[1:]:
            accounts = [
                u for u in office.graph.users.values() if u.get("employeeId") == p.person_id
            ]
            allowed = may(p.engagements, at, "Europe/Paris")
            assert any(u["accountEnabled"] for u in accounts) == allowed
            groups = {
                g["displayName"]
                for g in office.graph.groups.values()
                for u in accounts
                if u["id"] in g["members"]
            }
            if not allowed:
                assert all(name.startswith("lic-") for name in groups)
            groups |= {
                unit["displayName"]
                for unit in office.graph.units.values()
                for u in accounts
                if allowed and u["id"] in unit["members"]
            }
            for name in groups - {n for n in groups if not allowed}:
                assert may(giving(p, name), at, "Europe/Paris"), f"{p.person_id} is in {name}"
            for e in p.engagements:
                here = at.astimezone(ZoneInfo("Europe/Paris")).date()
                if e.runs_on(here) and may([e], at, "Europe/Paris") and e.account_type != "none":
                    assert given_by(e) <= groups, f"{p.person_id} lacks some of {given_by(e)}"
        again = office.plan(at)
        assert (again.operations, again.obstacles) == ((), ())
        assert again.register.text() == office.register
    names = [u["userPrincipalName"].lower() for u in office.graph.users.values()]
    assert len(set(names)) == len(names)


@settings(max_examples=60)
@given(casts(), st.lists(moments(), min_size=2, max_size=2).map(sorted), st.data())
def test_cut_off_anywhere_and_run_again_ends_the_same(
    cast: list[Person], when: list[datetime], data: st.DataObject
) -> None:
    whole, cut = Office(*cast), Office(*cast)
    for at in when:
        before = whole.graph.writes
        whole.apply(at)
        needed = whole.graph.writes - before
        cut.graph.cut_off_after = cut.graph.writes + data.draw(st.integers(0, needed))
        cut.graph.cut_off_late = data.draw(st.booleans())
        try:
            cut.apply(at)
        except CutOff:
            cut.graph.cut_off_after = None
            assert cut.apply(at).is_complete
        cut.graph.cut_off_after = None
        assert cut.graph.picture() == whole.graph.picture()
        assert cut.register == whole.register
        assert cut.plan(at).is_empty


@settings(max_examples=25)
@given(casts(), moments())
def test_planning_is_pure_and_the_same_every_time(cast: list[Person], at: datetime) -> None:
    office = Office(*cast)
    before = office.graph.picture()
    assert office.plan(at) == office.plan(at)
    assert office.graph.picture() == before
    assert office.graph.writes == 0


# --- joiners, movers, leavers ------------------------------------------------------------------


def test_a_joiner_is_made_disabled_two_days_before_and_enabled_on_the_first_day() -> None:
    office = Office(worker(start=date(2027, 2, 3), production="tamaris"))
    assert office.plan(NOON - DAY).is_empty
    office.apply(NOON)
    user = office.graph.by_person("P1")
    assert not user["accountEnabled"]
    assert user["userPrincipalName"] == "camille.morel@horizon.example"
    assert user["companyName"] == "Horizon Médias Production"
    assert user["usageLocation"] == "FR"
    assert office.graph.members("lic-hmp-standard") == {"P1"}
    assert office.graph.members("team-hmp-image") == set()
    office.apply(datetime(2027, 2, 2, 23, 0, tzinfo=UTC))
    assert user["accountEnabled"]
    assert office.graph.members("prd-tamaris-image") == {"P1"}
    assert office.graph.members("au-hmp") == {"P1"}


def test_a_leaver_is_disabled_their_sessions_end_and_groups_are_left_in_that_order() -> None:
    office = Office(worker())
    office.apply()
    over = datetime(2027, 2, 28, 22, 59, tzinfo=UTC)  # 26 February and two days of grace
    assert office.plan(over - timedelta(minutes=1)).is_empty
    plan = office.plan(over)
    assert did(plan) == [
        ("disable", "P1", ""),
        ("revoke sessions", "P1", ""),
        ("remove member", "P1", "lic-hmp-standard"),
        ("remove member", "P1", "team-hmp-image"),
    ]
    assert "C-10 ended 2027-02-26" in plan.operations[0].reason
    office.do(plan)
    assert office.graph.revoked == ["P1"]
    assert office.graph.members("au-hmp") == {"P1"}  # the helpdesk still sees the account


@pytest.mark.parametrize(("tier", "days"), [("standard", 90), ("high", 30)])
def test_an_account_is_deleted_when_it_was_disabled_for_the_whole_retention(
    tier: str, days: int
) -> None:
    office = Office(worker(security_tier=tier))
    office.apply()
    late = datetime(2027, 3, 10, 6, tzinfo=UTC)
    office.apply(late)
    assert office.plan(late + days * DAY - timedelta(seconds=1)).is_empty
    assert did(office.plan(late + days * DAY)) == [("delete", "P1", "")]


def test_somebody_who_comes_back_gets_the_old_account_without_its_old_groups() -> None:
    first = engagement(1, date(2027, 1, 25), date(2027, 2, 5), production="tamaris")
    office = Office(person("P1", first))
    office.apply()
    old = office.graph.by_person("P1")["id"]
    office.apply(NOON + 10 * DAY)
    later = engagement(2, date(2027, 3, 1), date(2027, 3, 5), department="son", production="aurora")
    office.now(person("P1", first, later))
    office.apply(datetime(2027, 3, 1, 12, tzinfo=UTC))
    assert office.graph.by_person("P1")["id"] == old
    assert office.graph.members("prd-tamaris-image") == set()
    assert office.graph.members("prd-aurora-son") == {"P1"}


def test_a_deleted_account_is_restored_and_after_that_a_new_one_has_the_same_name() -> None:
    first = engagement(1, date(2027, 1, 25), date(2027, 2, 5))
    office = Office(person("P1", first))
    office.apply()
    old = office.graph.by_person("P1")
    office.apply(NOON + 10 * DAY)
    office.apply(NOON + 110 * DAY)
    assert list(office.graph.deleted) == [old["id"]]
    later = engagement(2, date(2027, 6, 1), date(2027, 7, 30))
    office.now(person("P1", first, later))
    at = datetime(2027, 6, 2, 12, tzinfo=UTC)
    assert [action for action, _, _ in did(office.plan(at))] == [
        "restore",
        "join unit",
        "license",
        "add member",
        "enable",
    ]
    copy = Office(person("P1", first, later))
    copy.register = office.register
    office.apply(at)
    assert office.graph.by_person("P1")["id"] == old["id"]
    assert office.graph.by_person("P1")["accountEnabled"]
    copy.apply(at)  # a tenant in which thirty days are over
    assert copy.graph.by_person("P1")["userPrincipalName"] == "camille.morel@horizon.example"


def test_a_mover_changes_department_groups_unit_and_keeps_the_name() -> None:
    office = Office(worker(end=date(2027, 2, 26), production="tamaris"))
    office.apply()
    office.now(
        person(
            "P1",
            engagement(
                10, date(2027, 1, 25), date(2027, 2, 26), production="tamaris", security_tier="high"
            ),
            engagement(
                11, date(2027, 2, 27), None, subsidiary="hpo", department="son", site="par02"
            ),
        )
    )
    plan = office.plan(datetime(2027, 3, 1, 12, tzinfo=UTC))
    assert did(plan) == [
        ("remove member", "P1", "au-hmp"),
        ("remove member", "P1", "lic-hmp-standard"),
        ("remove member", "P1", "prd-tamaris-image"),
        ("remove member", "P1", "team-hmp-image"),
        ("move", "P1", ""),
        ("new end", "P1", ""),
        ("join unit", "P1", "au-hpo"),
        ("license", "P1", "lic-hpo-standard"),
        ("add member", "P1", "team-hpo-son"),
    ]
    office.do(plan)
    assert office.graph.by_person("P1")["companyName"] == "Horizon Post"


def test_a_new_surname_changes_the_display_name_and_not_the_sign_in_name() -> None:
    office = Office(worker())
    office.apply()
    office.now(worker(usage_name="Sand"))
    plan = office.plan()
    assert did(plan) == [("rename", "P1", "")]
    assert "displayName 'Camille Morel' → 'Camille Sand'" in plan.operations[0].reason
    office.do(plan)
    user = office.graph.by_person("P1")
    assert (user["surname"], user["userPrincipalName"]) == ("Sand", "camille.morel@horizon.example")


def test_a_written_name_renames_and_the_old_one_is_never_given_again() -> None:
    office = Office(worker())
    office.apply()
    office.now(worker(upn="camille.sand@horizon.example"), worker("P2"))
    office.apply()
    names = {u["employeeId"]: u["userPrincipalName"] for u in office.graph.users.values()}
    assert names == {"P1": "camille.sand@horizon.example", "P2": "camille.morel2@horizon.example"}
    assert "camille.morel@horizon.example;P1;2027-02-01;2027-02-01\n" in office.register
    office.now(worker(), worker("P2"))  # back without a written name: the register decides
    assert office.plan().is_empty


def test_homonyms_are_numbered_in_the_order_of_their_first_days() -> None:
    office = Office(worker("P1", start=date(2027, 1, 26)), worker("P2"), worker("P3"))
    office.apply()
    names = {u["employeeId"]: u["userPrincipalName"] for u in office.graph.users.values()}
    assert names == {
        "P2": "camille.morel@horizon.example",
        "P3": "camille.morel2@horizon.example",
        "P1": "camille.morel3@horizon.example",
    }


def test_a_name_of_somebody_who_left_the_file_is_not_given_to_a_homonym() -> None:
    office = Office(worker())
    office.apply()
    office.now(worker("P2"))
    office.apply()
    assert office.graph.by_person("P2")["userPrincipalName"] == "camille.morel2@horizon.example"
    assert not office.graph.by_person("P1")["accountEnabled"]
    later = NOON + 90 * DAY
    office.now(worker("P2", end=date(2027, 12, 31)))
    assert ("delete", "P1", "") in did(office.plan(later))


def test_long_words_are_cut_and_a_long_id_is_said() -> None:
    office = Office(
        worker(job_title="Chef " * 40),
        person("P12345678-12345678", engagement(99, date(2027, 1, 25), None)),
    )
    plan = office.plan()
    assert [o.subject for o in plan.obstacles] == ["P12345678-12345678"]
    assert office.do(plan).is_complete
    assert len(office.graph.by_person("P1")["jobTitle"]) == 128
    assert office.plan().is_empty


# --- what is not ours --------------------------------------------------------------------------


def test_an_account_that_sitekit_did_not_make_is_never_touched_unless_adopted() -> None:
    office = Office(worker())
    theirs = office.graph.user("Camille.Morel@horizon.example", department="Compta")
    stranger = office.graph.user("chef@horizon.example", employeeId="P9")
    before = dict(office.graph.users[theirs])
    plan = office.plan()
    assert plan.is_empty
    (obstacle,) = plan.obstacles
    assert "exists that sitekit did not make" in obstacle.message
    assert "--adopt camille.morel@horizon.example" in obstacle.remedy
    assert office.apply().is_complete
    assert office.graph.users[theirs] == before
    outcome = office.apply(adopt={"camille.morel@horizon.example"})
    assert outcome.is_complete
    user = office.graph.by_person("P1")
    assert user["id"] == theirs
    assert user["department"] == "image"
    assert office.plan().is_empty
    assert office.graph.users[stranger]["accountEnabled"]


def test_an_account_disabled_by_hand_stays_disabled() -> None:
    office = Office(worker())
    office.apply()
    office.graph.by_person("P1")["accountEnabled"] = False
    plan = office.plan()
    assert plan.is_empty
    assert "was disabled by hand" in plan.obstacles[0].message


def test_members_that_are_not_ours_stay_in_our_groups() -> None:
    office = Office(worker())
    stranger = office.graph.user("chef@horizon.example")
    group = next(g for g in office.graph.groups.values() if g["displayName"] == "team-hmp-son")
    group["members"].add(stranger)
    office.apply()
    office.apply(NOON + 60 * DAY)
    assert stranger in group["members"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"isAssignableToRole": True}, "can hold an administrator's role"),
        ({"groupTypes": ["DynamicMembership"]}, "has a rule for its members"),
        ({"onPremisesSyncEnabled": True}, "is written by a local Active Directory"),
    ],
)
def test_groups_that_give_more_than_membership_are_kept_off(
    more: dict[str, object], said: str
) -> None:
    office = Office(worker())
    group = next(g for g in office.graph.groups.values() if g["displayName"] == "team-hmp-image")
    group.update(more)
    plan = office.plan()
    assert [o.message for o in plan.obstacles] == [
        f"group team-hmp-image {said}: 1 person is to be in it"
    ]
    assert office.do(plan).is_complete
    assert not group["members"]


def test_what_the_stacks_make_is_said_to_be_missing_and_the_rest_goes_on() -> None:
    office = Office(worker(production="tamaris"), stacks=False)
    plan = office.plan()
    assert {o.subject for o in plan.obstacles} == {"au-hmp", "lic-hmp-standard", "team-hmp-image"}
    assert did(plan) == [
        ("new group", "", "prd-tamaris-image"),
        ("create", "P1", ""),
        ("add member", "P1", "prd-tamaris-image"),
        ("enable", "P1", ""),
    ]
    assert office.do(plan).is_complete


# --- guests ------------------------------------------------------------------------------------


def guest(**more: object) -> Person:
    return worker(
        "P7",
        first_name="Noor",
        last_name="Aziz",
        **{"account_type": "guest", "manager_id": "B0001", **more},
    )


def test_a_guest_is_invited_marked_sponsored_and_closed_at_the_end() -> None:
    office = Office(BOSS, guest(production="tamaris"))
    plan = office.plan()
    assert [a for a, p, _ in did(plan) if p == "P7"] == [
        "invite",
        "join unit",
        "add member",
        "add member",
        "sponsor",
    ]
    assert office.do(plan).is_complete
    user = office.graph.by_person("P7")
    assert user["sponsors"] == {office.graph.by_person("B0001")["id"]}
    assert user["mail"] == "p7@boite.example"
    assert office.graph.members("lic-hmp-standard") == {"B0001"}
    assert "p7" not in office.register
    assert office.plan().is_empty
    office.apply(NOON + 60 * DAY)
    assert not user["accountEnabled"]


@pytest.mark.parametrize(
    ("manager", "said"),
    [(None, "a guest needs a sponsor"), ("P8", "their sponsor P8 does not work here now")],
)
def test_a_guest_without_a_sponsor_is_not_invited(manager: str | None, said: str) -> None:
    office = Office(BOSS, guest(manager_id=manager), worker("P8", start=date(2027, 6, 1), end=None))
    plan = office.plan()
    assert all(o.person != "P7" for o in plan.operations)
    assert [o.message for o in plan.obstacles] == [said]


def test_an_invitation_cut_off_before_its_mark_is_taken_up_again() -> None:
    office = Office(BOSS, guest())
    plan = office.plan()
    number = sum(o.person != "P7" for o in plan.operations if o.action is Action.CREATE)
    office.graph.cut_off_after = number + 1
    office.graph.cut_off_late = True
    with pytest.raises(CutOff):
        office.do(plan)
    office.graph.cut_off_after = None
    assert office.journal.open_invitations() == {"p7@boite.example"}
    assert ("adopt", "P7", "") in did(office.plan(adopt=office.journal.open_invitations()))
    assert office.apply().is_complete
    assert office.plan().is_empty
    assert office.journal.open_invitations() == frozenset()


def test_an_invitation_cut_off_and_then_called_off_is_closed() -> None:
    office = Office(BOSS, guest())
    office.apply(NOON - 60 * DAY)  # the boss alone
    office.graph.cut_off_after = office.graph.writes + 1
    office.graph.cut_off_late = True
    with pytest.raises(CutOff):
        office.apply()
    office.graph.cut_off_after = None
    office.now(BOSS, guest(end=date(2027, 1, 26)))
    assert office.apply().is_complete
    assert not office.graph.by_person("P7")["accountEnabled"]
    assert office.graph.revoked == ["P7"]
    assert office.plan().is_empty


def test_a_guest_who_is_hired_after_the_account_was_deleted_gets_an_account_of_the_house() -> None:
    office = Office(BOSS, guest())
    office.apply()
    office.apply(NOON + 60 * DAY)
    office.apply(NOON + 160 * DAY)
    assert len(office.graph.deleted) == 1
    hired = engagement(71, date(2027, 7, 1), None)
    office.now(BOSS, person("P7", *guest().engagements, hired, first_name="Noor", last_name="Aziz"))
    assert office.apply(NOON + 170 * DAY).is_complete
    assert office.graph.by_person("P7")["userPrincipalName"] == "noor.aziz@horizon.example"


# --- thresholds and failures -------------------------------------------------------------------


def test_more_than_ten_per_cent_of_leavers_is_drastic() -> None:
    staff = [worker(f"P{n}", start=date(2027, 1, 25 if n else 26), end=None) for n in range(1, 21)]
    office = Office(*staff)
    office.apply()
    office.now(*staff[:18])
    plan = office.plan()
    assert (plan.leavers, plan.enabled, plan.is_drastic) == (2, 20, False)
    office.now(*staff[:17])
    assert office.plan().is_drastic


def test_the_wrong_tenant_is_noticed_before_anything_is_asked_of_it() -> None:
    office = Office(worker())
    office.graph.tenant = "00000000-0000-4000-8000-00000000abcd"
    with pytest.raises(TenantError, match="nothing was done"):
        office.plan()
    assert office.graph.log == ["GET /organization"]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("expired", CredentialError, "expired"),
        ("offline", UnreachableError, "cannot be reached"),
    ],
)
def test_no_network_and_an_expired_sign_in_stop_a_run_and_the_next_one_goes_on(
    fault: str, error: type[Exception], said: str
) -> None:
    office = Office(worker(), worker("P2"))
    plan = office.plan()

    class Failing(MemoryJournal):
        def doing(self, operations: object) -> None:
            if any(o.action is Action.ENABLE for o in operations):
                setattr(office.graph, fault, True)

    with office.graph.client() as client:
        outcome = people.apply(
            plan,
            office.organisation.catalogue.identity,
            client,
            journal=Failing(),
            remember=office._remember,
        )
    assert isinstance(outcome.stopped, error)
    if fault == "offline":
        assert said in str(outcome.stopped)
    setattr(office.graph, fault, False)
    assert {a for a, _, _ in did(office.plan())} == {"enable"}
    assert office.apply().is_complete


def test_a_missing_permission_stops_with_its_name() -> None:
    office = Office(worker(), worker("P2"))
    office.graph.forbidden = r"POST /directory/administrativeUnits"
    outcome = office.apply()
    assert isinstance(outcome.stopped, ForbiddenError)
    assert "AdministrativeUnit.ReadWrite.All" in outcome.stopped.hint
    office.graph.forbidden = ""
    assert office.apply().is_complete
    assert office.plan().is_empty


def test_a_leaver_who_is_an_administrator_is_said_and_the_others_are_done() -> None:
    office = Office(worker(), worker("P2"))
    office.apply()
    admin = office.graph.by_person("P1")["id"]
    office.graph.roles.add(admin)
    office.graph.forbidden = f"PATCH /users/{admin}"
    outcome = office.apply(NOON + 60 * DAY)
    assert outcome.stopped is None
    assert "holds an administrator's role" in outcome.failures[0].message
    assert not office.graph.by_person("P2")["accountEnabled"]


def test_a_name_that_a_stranger_took_in_the_meantime_fails_that_person_alone() -> None:
    office = Office(worker(), worker("P2"))
    plan = office.plan()
    office.graph.user("camille.morel@horizon.example")
    outcome = office.do(plan)
    assert {f.operation.person for f in outcome.failures} == {"P1"}
    assert "is taken in the tenant" in outcome.failures[0].message
    assert office.graph.by_person("P2")["accountEnabled"]


def test_an_account_whose_mark_was_taken_off_after_the_plan_is_left_alone() -> None:
    office = Office(worker())
    office.apply()
    plan = office.plan(NOON + 60 * DAY)
    user = office.graph.by_person("P1")
    user["onPremisesExtensionAttributes"] = {}
    outcome = office.do(plan)
    assert outcome.done == 0
    assert "does not carry sitekit's mark" in outcome.failures[0].message
    assert user["accountEnabled"]


def test_what_somebody_did_in_the_meantime_is_done() -> None:
    office = Office(worker())
    joining = office.plan()
    office.do(replace(joining, operations=joining.operations[:1]))
    identity = office.graph.by_person("P1")["id"]
    team = next(g for g in office.graph.groups.values() if g["displayName"] == "team-hmp-image")
    plan = office.plan()
    team["members"].add(identity)
    outcome = office.do(plan)
    assert (outcome.done, outcome.failures) == (len(plan.operations), [])
    late = office.plan(NOON + 60 * DAY)
    team["members"].clear()
    assert office.do(late).is_complete
    last = office.plan(NOON + 160 * DAY)
    assert did(last) == [("delete", "P1", "")]
    office.graph._delete(identity)
    assert office.do(last).is_complete
    office.now(worker(end=date(2027, 12, 31)))
    again = office.plan(NOON + 170 * DAY)
    assert again.operations[0].action is Action.RESTORE
    office.graph._restore(identity)
    assert office.do(again).is_complete
    assert office.plan(NOON + 170 * DAY).is_empty


def test_a_group_that_lists_do_not_show_yet_is_not_made_twice() -> None:
    office = Office(worker(production="tamaris"))
    plan = office.plan()
    office.do(replace(plan, operations=plan.operations[:1]))
    office.graph.unlisted.add("prd-tamaris-image")
    assert ("new group", "", "prd-tamaris-image") in did(office.plan())
    assert office.apply().is_complete
    office.graph.unlisted.clear()
    assert office.graph.members("prd-tamaris-image") == {"P1"}


def test_a_made_account_whose_answer_was_lost_is_found_again() -> None:
    office = Office(worker())
    plan = office.plan()
    office.do(replace(plan, operations=plan.operations[:1]))
    assert office.do(plan).is_complete  # the plan of before: create is asked for a second time
    assert len(office.graph.users) == 1
    assert office.plan().is_empty


def test_passwords_are_nowhere_but_in_the_request() -> None:
    office = Office(worker())
    plan = office.plan()
    office.do(plan)
    password = office.graph.by_person("P1")["passwordProfile"]["password"]
    assert len(password) > 40
    assert password not in f"{plan!r} {office.journal.lines!r} {office.register}"
    assert office.graph.by_person("P1")["passwordProfile"]["forceChangePasswordNextSignIn"]


def test_throttling_is_waited_for_as_long_as_the_service_asks() -> None:
    office = Office(worker())
    plan = office.plan()
    office.graph.throttled = ["3", "17"]
    assert office.do(plan).is_complete
    assert {3.0, 17.0} <= set(office.graph.slept)


# --- the journal and the register ---------------------------------------------------------------


def test_one_run_at_a_time_and_a_torn_line_is_no_harm(tmp_path: Path) -> None:
    office = Office(worker())
    with journal_in(tmp_path) as journal:
        journal.begin(office.plan())
        with pytest.raises(OutputError, match="another run"), journal_in(tmp_path):
            pass
    path = tmp_path / ".sitekit" / "people" / "journal.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a", encoding="utf-8") as file:
        file.write('{"event": "doing", "act')
    with journal_in(tmp_path) as journal:
        cut = journal.cut_off()
        assert cut is not None
        assert cut[1:] == (0, 5)
        journal.end()
    with journal_in(tmp_path) as journal:
        assert journal.cut_off() is None
    assert (tmp_path / ".sitekit" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_the_register_reads_back_as_it_was_written(tmp_path: Path) -> None:
    office = Office(worker(), worker("P2"))
    office.apply()
    path = tmp_path / "people.register.csv"
    path.write_text(office.register, encoding="utf-8")
    problems: list[object] = []
    read = load_register(path, shown="r.csv", problems=problems)  # type: ignore[arg-type]
    assert problems == []
    assert people.Register(read).text() == office.register


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Jean@x.example;P1;2027-01-01;", "cannot be the upn"),
        ("jean@x.example;P1;gestern;", "cannot be the given"),
        ("jean@x.example;P1;2027-01-01;morgen", "cannot be the until"),
    ],
)
def test_a_register_edited_by_hand_is_refused_with_the_place(
    tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "people.register.csv"
    path.write_text(f"upn;person_id;given;until\n{line}\n", encoding="utf-8")
    problems: list[object] = []
    load_register(path, shown="r.csv", problems=problems)  # type: ignore[arg-type]
    (problem,) = problems
    assert said in str(problem)
    assert str(problem).startswith("r.csv:2:")
