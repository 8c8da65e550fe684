"""The stack of people: accounts and memberships, for organisations that want Pulumi to own them.

The same engagements, presences, names and groups as `sitekit people`, which refuses to act where
this stack does. An account never leaves with the stack: a leaver's stays in it, disabled and out
of its groups, and one that is taken out of the stack is left where it is. Names come from the
register, which `sitekit people names` writes: a program of Pulumi's writes no file of yours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ..findings import Severity
from ..load.organisation import LoadedOrganisation
from ..model.people import Engagement, Person
from ..people.access import Access, Scope, Stage, access_of, fill, zone_of
from ..people.attributes import attributes_of
from ..people.naming import Register
from .base import Builder, entra, platform_group
from .naming import Namer
from .spec import Generated, Lookup, Ref, StackKind, StackPlan, Value

_HERE = (Stage.READY, Stage.PRESENT)
SHOWN = 8  # people that a finding names; the rest is counted


def stack_of_people(organisation: LoadedOrganisation) -> str | None:
    """The name of the stack that owns the accounts of the group's tenant; None: no stack does."""
    if organisation.organisation.people.owned_by != "pulumi":
        return None
    return f"{organisation.organisation.code}-people"


def people_plan(
    organisation: LoadedOrganisation, today: date, at: datetime | None = None
) -> StackPlan:
    """What the stack of people holds at an instant (default: noon of `today`): pure data."""
    if at is None:
        at = datetime.combine(today, time(12), ZoneInfo(zone_of(organisation)))
    return _People(organisation, at).plan()


class _People:
    """The people of a tenant on their way to a plan."""

    def __init__(self, loaded: LoadedOrganisation, at: datetime) -> None:
        self.loaded, self.at = loaded, at
        group = loaded.organisation
        self.rules = loaded.catalogue.identity
        self.scope = Scope(loaded, group.azure.tenant)
        self.register = Register(loaded.register)
        names = Namer(
            loaded.catalogue.naming, group.azure.tenant, group.code, group.code, group.azure.region
        )
        self.b = Builder(
            organisation=group,
            names=names,
            kind=StackKind.PEOPLE,
            stack=f"{group.code}-people",
            subscription=group.azure.subscription,
            group=platform_group(group, names),
            tags={},
            place=loaded.document.place(("people",)),
        )
        self.made = {  # the groups of productions that the stacks of subsidiaries make
            fill(self.rules.groups.production, production=p.code, department=d)
            for p in loaded.productions
            for d in p.departments
        }
        self.nameless: list[str] = []
        self.guests: list[str] = []
        self.over: list[str] = []
        self.enabled = 0
        self.accounts: list[tuple[Person, Access | None]] = []

    def plan(self) -> StackPlan:
        """Accounts first, then what they belong to."""
        known = set()
        for person in self.loaded.people:
            known.add(person.person_id)
            access = access_of(self.scope, person, self.at)
            if self._counts(person, access):
                self._account(person, access)
        for person, access in self.accounts:
            self._memberships(person, access)
        gone = sorted(
            {e.person for e in self.register.entries if e.until is None and self._ours(e.upn)}
            - known
        )
        self._tell(gone)
        return self.b.finish({"accounts": len(self.accounts), "enabled": self.enabled})

    def _ours(self, upn: str) -> bool:
        return upn.partition("@")[2] in self.scope.domains

    def _counts(self, person: Person, access: Access | None) -> bool:
        """Whether there is an account: who is here, or was given a name once."""
        here = access is not None and access.stage in _HERE
        if access is not None and access.guest:
            if here:
                self.guests.append(person.person_id)
            return False
        named = self.register.current(person.person_id, self.scope.domains)
        if named is None and here:
            self.nameless.append(person.person_id)
        elif here and person.upn not in (None, named):
            self.nameless.append(person.person_id)  # a new name is written down before it is given
        return named is not None

    def _account(self, person: Person, access: Access | None) -> None:
        upn = self.register.current(person.person_id, self.scope.domains)
        assert upn is not None
        engagement = access.engagement if access is not None else person.engagements[-1]
        signs_in = access is not None and access.signs_in
        self.enabled += signs_in
        self.accounts.append((person, access))
        if access is not None and access.stage is Stage.LEFT and access.ended is not None:
            kept = timedelta(days=self.rules.terms.delete_after_days[access.tier])
            if access.ended + kept <= self.at:
                self.over.append(person.person_id)
        attributes = attributes_of(self.loaded, person, engagement, guest=False)
        self.b.add(
            entra("User"),
            f"person-{person.person_id}",
            {
                "userPrincipalName": upn,
                "mailNickname": upn.partition("@")[0],
                **({"mail": upn} if self.rules.naming.mail == "upn" else {}),
                **{key: value for key, value in attributes.items() if value},
                "employeeId": person.person_id,
                "accountEnabled": signs_in,
                "password": Generated(64),  # nobody knows it: a Temporary Access Pass lets them in
                "forcePasswordChange": True,
            },
            protect=True,
            retain=True,
            ignore=("password",),
            secret_outputs=("password",),
        )

    def _memberships(self, person: Person, access: Access | None) -> None:
        groups = sorted(access.groups) if access is not None else []
        units = sorted(access.units) if access is not None else []
        if not units:  # the helpdesk of the last subsidiary keeps a closed account in its sight
            units = [fill(self.rules.groups.unit, subsidiary=self._last(person, access).subsidiary)]
        for name in groups:
            self.b.add(
                entra("GroupMember"),
                f"person-{person.person_id}-in-{name}",
                {
                    "groupObjectId": self._group(name),
                    "memberObjectId": Ref(f"person-{person.person_id}", "objectId"),
                },
            )
        for name in units:
            self.b.add(
                entra("AdministrativeUnitMember"),
                f"person-{person.person_id}-in-{name}",
                {
                    "administrativeUnitObjectId": Lookup("unit", name),
                    "memberObjectId": Ref(f"person-{person.person_id}", "objectId"),
                },
            )

    @staticmethod
    def _last(person: Person, access: Access | None) -> Engagement:
        return access.engagement if access is not None else person.engagements[-1]

    def _group(self, name: str) -> Value:
        """A group by its name; that of a department which no production names is made here."""
        if not name.startswith(self.rules.groups.production.partition("{")[0]):
            return Lookup("group", name)
        if name in self.made:
            return Lookup("group", name)
        if not any(spec.name == f"group-{name}" for spec in self.b.specs):
            self.b.add(
                entra("GroupWithoutMembers"),
                f"group-{name}",
                {
                    "displayName": name,
                    "description": "A department that people work for and the production lacks",
                    "securityEnabled": True,
                    "preventDuplicateNames": True,
                },
                protect=True,
            )
        return Ref(f"group-{name}", "objectId")

    def _tell(self, gone: Sequence[str]) -> None:
        for rule, people, message, remedy, severity in (
            (
                "people-names",
                self.nameless,
                "{} without a sign-in name in people.register.csv",
                "sitekit people names writes it; commit the register, then run again",
                Severity.ERROR,
            ),
            (
                "people-gone",
                gone,
                "{} of the register and not in people.csv any more: a file cut in half looks like "
                "that",
                "put their rows back; or, for good: sitekit people names --forget PERSON, then "
                "pulumi state unprotect; their account stays as it is",
                Severity.ERROR,
            ),
            (
                "people-guests",
                self.guests,
                "{} invited as guests: not in this stack, since azuread can delete a guest and "
                "not disable one",
                "they ask for the access package of their subsidiary, or are members by contract",
                Severity.WARNING,
            ),
            (
                "people-over",
                self.over,
                "{} gone for longer than accounts are kept: this stack deletes none",
                "pulumi state unprotect, take the rows out of people.csv, delete them in Entra",
                Severity.INFO,
            ),
        ):
            if people:
                names = ", ".join(people[:SHOWN]) + (", …" if len(people) > SHOWN else "")
                count = "1 person is" if len(people) == 1 else f"{len(people)} people are"
                self.b.find(rule, f"{message.format(count)}: {names}", remedy, severity)
