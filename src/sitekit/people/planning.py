"""The plan: what the contracts ask for at an instant against what the tenant says. Pure.

Nothing is asked and nothing is written here. The same organisation, instant and directory give the
same plan, and after all of a plan is done the next one at that instant is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from ..errors import Place
from ..load.organisation import LoadedOrganisation
from ..model.organisation import Tier
from ..model.people import Engagement
from .access import Access, Scope, Stage, access_of, zone_of
from .attributes import attributes_of
from .directory import Account, Directory, Group, Unit, prefixes
from .naming import Register, local_part

PREPARED, OPEN, CLOSING = "prepared", "open", "closing"
LONGEST_ID = 16  # characters of employeeId
_UNTIL, _ENDED = "until ", "ended "
Target = TypeVar("Target", Group, Unit)


class Action(StrEnum):
    """What an operation does. They are done in this order: taking away comes before giving.

    Only a mark comes first, on accounts that were named to be taken over.
    """

    ADOPT = "adopt"
    DISABLE = "disable"
    REVOKE = "revoke sessions"
    REMOVE = "remove member"
    NEW_GROUP = "new group"
    RESTORE = "restore"
    CREATE = "create"
    INVITE = "invite"
    RENAME = "rename"
    MOVE = "move"
    EXTEND = "new end"
    JOIN = "join unit"
    LICENSE = "license"
    ADD = "add member"
    SPONSOR = "sponsor"
    ENABLE = "enable"
    DELETE = "delete"


ORDER = {action: number for number, action in enumerate(Action)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing to do to one account, or one group to make, with its reason."""

    action: Action
    person: str  # '' for a group
    name: str  # sign-in name, a guest's address, or a group's name
    target: str = ""  # group or unit
    changes: Mapping[str, str] = field(default_factory=dict)  # attribute: value; '' empties it
    reason: str
    place: Place | None
    account: str | None = None  # object id; None: made by this plan
    target_id: str | None = None  # object id of group or unit; None: made by this plan
    sponsor: str = ""  # person


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Something that somebody has to decide or make first; the rest of the plan goes on."""

    subject: str  # a person, a group or a unit
    message: str
    remedy: str
    place: Place | None
    is_of_a_stack: bool = False  # a group or unit that the stack of a subsidiary makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do in one tenant at an instant, in order, and what stands in the way."""

    tenant: str
    at: datetime
    operations: tuple[Operation, ...]
    obstacles: tuple[Obstacle, ...]
    register: Register
    enabled: int  # accounts of ours that are enabled now
    leavers: int  # of those, the ones that this plan disables
    leavers_percent: int  # more than that needs a second yes

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.operations

    @property
    def is_drastic(self) -> bool:
        """Whether so many people would lose access that a mistake is likelier than the truth."""
        return self.leavers * 100 > self.leavers_percent * self.enabled

    def count(self, action: Action) -> int:
        """How many operations do this."""
        return sum(operation.action is action for operation in self.operations)


def plan(
    organisation: LoadedOrganisation,
    at: datetime,
    directory: Directory,
    *,
    adopt: Collection[str] = (),
) -> Plan:
    """The operations that bring a tenant to what the contracts say at an instant.

    `at` has a time zone. `directory` is of the group's tenant or of a subsidiary's own: it decides
    whose people are meant. `adopt` names accounts (by sign-in name, or a guest's address) that
    exist without sitekit's mark and may be taken over; without it they are never touched.
    """
    if at.tzinfo is None:
        raise ValueError("the instant of a plan needs a time zone")
    return _Planner(organisation, at.astimezone(UTC), directory, adopt).plan()


class _Planner:
    """Goes through everybody once and notes what is to be done."""

    def __init__(
        self,
        organisation: LoadedOrganisation,
        at: datetime,
        directory: Directory,
        adopt: Collection[str],
    ) -> None:
        self.organisation = organisation
        self.rules = organisation.catalogue.identity
        self.scope = Scope(organisation, directory.tenant)
        self.at = at
        self.day = at.astimezone(ZoneInfo(zone_of(organisation))).date()
        self.directory = directory
        self.adopt = {name.lower() for name in adopt}
        self.register = Register(organisation.register)
        self.explicit = {p.upn: p.person_id for p in reversed(organisation.people) if p.upn}
        self.operations: list[Operation] = []
        self.numbers: dict[str, int] = {}  # of homonyms: where the search for a free name goes on
        self.arriving: set[str] = set()  # people whose account this plan makes
        self.obstacles: list[Obstacle] = []
        self.groups, self.units = _by_name(directory.groups), _by_name(directory.units)
        self.wanted_groups: dict[str, list[Access]] = {}
        self.missing: dict[tuple[str, str], list[Access]] = {}
        self.of_account: dict[str, list[Group]] = {}
        for group in directory.groups:
            if group.name.startswith(prefixes(self.rules)) and not group.refuses:
                for member in group.members:
                    self.of_account.setdefault(member, []).append(group)
        self.units_of: dict[str, list[Unit]] = {}
        for unit in directory.units:
            if unit.name.startswith(self.rules.groups.unit.partition("{")[0]):
                for member in unit.members:
                    self.units_of.setdefault(member, []).append(unit)

    def plan(self) -> Plan:
        self._remember_what_is_there()
        known = set()
        accesses = []
        for person in self.organisation.people:
            known.add(person.person_id)
            found = access_of(self.scope, person, self.at)
            if found is not None:
                accesses.append(found)
            else:
                for account in self.directory.managed.get(person.person_id, ()):
                    place = self._place(person.engagements[-1])
                    self._close(account, None, "no contract of theirs counts any more", place)
        accesses.sort(key=lambda a: (a.guest, a.engagement.start_date, a.person.person_id))
        self.accesses = {a.person.person_id: a for a in accesses}
        for found in accesses:
            self._one(found)
        for person_id, accounts in self.directory.managed.items():
            if person_id not in known:
                for account in accounts:
                    reason = f"nobody in people.csv has the id {person_id}"
                    self._close(account, None, reason, Place("people.csv"))
        self._tell_missing()
        enabled = sum(a.enabled for accounts in self.directory.managed.values() for a in accounts)
        self.operations.sort(key=lambda o: (ORDER[o.action], o.person, o.target, o.name))
        return Plan(
            tenant=self.directory.tenant,
            at=self.at,
            operations=tuple(self.operations),
            obstacles=tuple(sorted(self.obstacles, key=lambda o: (o.subject, o.message))),
            register=self.register,
            enabled=enabled,
            leavers=sum(o.action is Action.DISABLE for o in self.operations),
            leavers_percent=self.rules.terms.leavers_percent,
        )

    # --- one person -----------------------------------------------------------------------------

    def _one(self, access: Access) -> None:
        """Everything for one person; stops at the first thing that somebody has to decide."""
        person = access.person.person_id
        accounts = self.directory.managed.get(person, [])
        if access.stage not in (Stage.PRESENT, Stage.READY):
            for account in accounts or self._left_unmarked(access):
                self._close(account, access, _why_closed(access), self._place(access.engagement))
            return
        if len(accounts) > 1:
            names = ", ".join(sorted(account.upn for account in accounts))
            self._obstacle(
                access,
                f"two accounts carry their id: {names}",
                "delete one of them, or take sitekit's mark off it",
            )
            return
        if accounts:
            self._existing(access, accounts[0])
            return
        if len(person) > LONGEST_ID:
            self._obstacle(
                access,
                f"Entra keeps ids of at most {LONGEST_ID} characters",
                "write a shorter person_id",
            )
        elif access.guest:
            self._guest(access)
        else:
            self._member(access)

    def _left_unmarked(self, access: Access) -> list[Account]:
        """A guest whose invitation was cut off before its mark, and whose contract is off since."""
        mail = (access.person.private_email or "").lower()
        account = self.directory.named.get(mail) if mail in self.adopt else None
        if account is None or account.managed or not account.guest:
            return []
        why = f"named with --adopt, or invited by a run that was cut off; {self._because(access)}"
        self._note(Action.ADOPT, access, account.upn, account.id, why)
        return [replace(account, managed=True, person=access.person.person_id)]

    def _member(self, access: Access) -> None:
        """Somebody without an account of ours: adopted, restored or made."""
        upn = self._name(access, None)
        if upn is None:
            return
        foreign = self.directory.named.get(upn)
        if foreign is not None:
            if self._adoptable(access, foreign, upn):
                self._existing(access, foreign, adopted=True)
            return
        why = self._because(access)
        deleted = self._deleted(access)
        if deleted:
            account = deleted[0]
            self._note(Action.RESTORE, access, account.upn, account.id, why)
            self._existing(access, account, restored=True)
            return
        changes = {
            "userPrincipalName": upn,
            "mailNickname": upn.partition("@")[0],
            **({"mail": upn} if self.rules.naming.mail == "upn" else {}),
            **self._attributes(access, guest=False),
        }
        self._note(Action.CREATE, access, upn, None, why, changes=_filled(changes))
        self._memberships(access, None, upn)
        if access.signs_in:
            self._enable(access, None, upn)

    def _guest(self, access: Access) -> None:
        """A guest without an account of ours: adopted, restored or invited."""
        mail = access.person.private_email
        if mail is None:
            self._obstacle(
                access, "a guest is invited by e-mail, and there is none", "write private_email"
            )
            return
        foreign = self.directory.named.get(mail.lower())
        if foreign is not None:
            if self._adoptable(access, foreign, mail):
                self._existing(access, foreign, adopted=True)
            return
        deleted = self._deleted(access)
        if deleted:
            account = deleted[0]
            self._note(Action.RESTORE, access, account.upn, account.id, self._because(access))
            self._existing(access, account, restored=True)
            return
        if not self._has_sponsor(access):
            return
        changes = {"mail": mail, **self._attributes(access, guest=True)}
        changes["state"] = self._state(access)
        self._note(
            Action.INVITE, access, mail, None, self._because(access), changes=_filled(changes)
        )
        self._memberships(access, None, mail)
        self._sponsor(access, None, mail)

    def _deleted(self, access: Access) -> list[Account]:
        """Deleted accounts of theirs, of the kind that the contract asks for."""
        found = self.directory.deleted_of.get(access.person.person_id, ())
        return sorted((a for a in found if a.guest == access.guest), key=lambda a: a.id)

    def _existing(
        self, access: Access, account: Account, *, adopted: bool = False, restored: bool = False
    ) -> None:
        """Somebody with an account: names, place, groups, sign-in."""
        if account.synced:
            self._obstacle(
                access,
                f"{account.upn} is written by a local Active Directory",
                "manage this person there, or move the account to the cloud",
            )
            return
        if account.guest and not access.guest:
            self._obstacle(
                access,
                f"{account.upn} is a guest, and the contract asks for a member",
                "convert the account in Entra (userType), or write guest as the account type",
            )
            return
        name = account.upn
        upn = None
        if not account.guest:
            upn = self._name(access, account)
            if upn is None:
                return
            name = upn
        if adopted:
            why = f"named with --adopt; {self._because(access)}"
            self._note(Action.ADOPT, access, account.upn, account.id, why)
        self._renamed(access, account, upn)
        self._memberships(access, account, name)
        if account.guest:
            self._sponsor(access, account, account.mail or name)
        state = self._state(access)
        if access.signs_in:
            by_hand = account.state in (OPEN, "") or account.state.startswith(_UNTIL)
            if account.enabled:
                if account.state != state:
                    change = {"state": state}
                    why = f"access now ends {_shown(access.ends)}; {self._because(access)}"
                    self._note(Action.EXTEND, access, name, account.id, why, changes=change)
            elif by_hand and not restored:
                self._obstacle(
                    access,
                    f"{name} was disabled by hand",
                    "sitekit leaves that alone: enable it in Entra when the reason is gone",
                )
            else:
                self._enable(access, account, name)
        else:
            self._shut(account, access, name, "the contract has not begun", None)

    def _renamed(self, access: Access, account: Account, upn: str | None) -> None:
        wanted = self._attributes(access, guest=account.guest)
        differ = {k: v for k, v in wanted.items() if account.attributes.get(k, "") != v}
        who = {k: v for k, v in differ.items() if k in ("displayName", "givenName", "surname")}
        if upn is not None and account.upn.lower() != upn:
            who["userPrincipalName"] = upn
            who["mailNickname"] = upn.partition("@")[0]
            if self.rules.naming.mail == "upn":
                who["mail"] = upn
        name = account.upn
        if who:
            self._note(Action.RENAME, access, name, account.id, _was(account, who), changes=who)
        where = {k: v for k, v in differ.items() if k not in who}
        if where:
            why = f"{self._because(access)}; {_was(account, where)}"
            self._note(Action.MOVE, access, name, account.id, why, changes=where)

    def _close(
        self, account: Account, access: Access | None, reason: str, place: Place | None
    ) -> None:
        """An account whose person is not here: disabled, out of its groups, deleted in the end."""
        person = account.person
        if account.synced:
            self.obstacles.append(
                Obstacle(
                    subject=person,
                    message=f"{account.upn} is written by a local Active Directory: {reason}",
                    remedy="disable the account there",
                    place=place,
                )
            )
            return
        for group in self.of_account.get(account.id, ()):
            self._remove(account, group, reason, place)
        ended = self._shut(account, access, account.upn, reason, place)
        if ended is None or (access is not None and access.stage is not Stage.LEFT):
            return
        tier = access.tier if access is not None else Tier.STANDARD
        days = self.rules.terms.delete_after_days[tier]
        if ended + timedelta(days=days) <= self.at:
            why = f"disabled since {_shown(ended)}, {days} days are over; {reason}"
            self.operations.append(
                Operation(
                    action=Action.DELETE,
                    person=person,
                    name=account.upn,
                    reason=why,
                    place=place,
                    account=account.id,
                )
            )

    def _shut(
        self,
        account: Account,
        access: Access | None,
        name: str,
        reason: str,
        place: Place | None,
    ) -> datetime | None:
        """Disable, end sessions; give when that was done, where it was done before."""
        if place is None and access is not None:
            place = self._place(access.engagement)
        state = account.state
        ready = access is not None and access.stage is Stage.READY
        if account.enabled:
            self.operations.append(
                Operation(
                    action=Action.DISABLE,
                    person=account.person or (access.person.person_id if access else ""),
                    name=name,
                    changes={"state": CLOSING},
                    reason=reason,
                    place=place,
                    account=account.id,
                )
            )
        elif state.startswith(_ENDED) or (ready and state == PREPARED):
            return _moment(state)
        self.operations.append(
            Operation(
                action=Action.REVOKE,
                person=account.person or (access.person.person_id if access else ""),
                name=name,
                changes={"state": PREPARED if ready else f"{_ENDED}{_text(self.at)}"},
                reason=reason,
                place=place,
                account=account.id,
            )
        )
        return None

    # --- names ----------------------------------------------------------------------------------

    def _remember_what_is_there(self) -> None:
        """Names of our accounts that the register lacks: one that was lost, or an adoption."""
        everyone = (*self.directory.managed.values(), *self.directory.deleted_of.values())
        for account in (account for accounts in everyone for account in accounts):
            upn = account.upn.lower()
            if account.guest or not upn.isascii() or self.register.owner(upn) is not None:
                continue
            current = self.register.current(account.person, self.scope.domains)
            self.register.give(upn, account.person, self.day)
            if current is not None:  # renamed by hand: the plan names it as the register does
                self.register.give(current, account.person, self.day, instead=upn)

    def _name(self, access: Access, account: Account | None) -> str | None:
        """The sign-in name somebody has or gets; None where somebody has to decide."""
        person = access.person
        current = self.register.current(person.person_id, self.scope.domains)
        upn = person.upn or current
        if upn is None and account is not None:
            upn = account.upn.lower()
        if upn is None:
            upn = self._new_name(access)
        if upn is None:
            return None
        others = {self.register.owner(upn), self.explicit.get(upn)} - {None, person.person_id}
        if others:
            self._obstacle(
                access,
                f"the name {upn} is or was that of {', '.join(sorted(map(str, others)))}",
                "write another upn: a name is never given twice",
            )
            return None
        holder = self.directory.named.get(upn)
        if account is not None and holder is not None and holder.id != account.id:
            self._obstacle(
                access,
                f"another account is called {upn} already",
                "write another upn, or rename that account",
            )
            return None
        domain = upn.partition("@")[2]
        if self.directory.domains and domain not in self.directory.domains:
            self._obstacle(
                access,
                f"the domain {domain} is not verified in the tenant",
                "verify it in Entra first, or begin `domains` with one that is",
            )
            return None
        self.register.give(upn, person.person_id, self.day, instead=current)
        return upn

    def _new_name(self, access: Access) -> str | None:
        """The first free name of the rule."""
        naming = self.rules.naming
        subsidiary = self.organisation.subsidiaries[access.engagement.subsidiary]
        domain = self.scope.domains[0]
        if naming.domain == "subsidiary":
            domain = subsidiary.domains[0]
        first = local_part(access.person, naming)
        number = self.numbers.get(f"{first}@{domain}", 1)
        if number == 1 and first in naming.reserved:
            number = naming.first_number
        while True:
            local = local_part(access.person, naming, number)
            if not local:
                self._obstacle(
                    access,
                    "their name has letters for which the naming rule has none",
                    "write upn for them, or add the letters to identity.yaml in the catalogue",
                )
                return None
            upn = f"{local}@{domain}"
            owner = self.register.owner(upn) or self.explicit.get(upn)
            mine = access.person.person_id
            if owner in (None, mine) and not self._used_by_another(upn, mine):
                self.numbers[f"{first}@{domain}"] = number
                return upn
            number = max(number + 1, naming.first_number)

    def _used_by_another(self, upn: str, person: str) -> bool:
        """Whether an account of ours, or a deleted one, has it; a stranger's is asked about."""
        holder = self.directory.named.get(upn)
        if holder is not None:
            return holder.managed and holder.person != person
        gone = self.directory.once_named.get(upn)
        return gone is not None and not (gone.managed and gone.person == person)

    def _adoptable(self, access: Access, account: Account, name: str) -> bool:
        if account.managed and account.person != access.person.person_id:
            owner = account.person or "nobody known"
            self._obstacle(
                access, f"{account.upn} is the account of {owner}", "write another upn or e-mail"
            )
            return False
        if {account.upn.lower(), name.lower()} & self.adopt:
            return True
        self._obstacle(
            access,
            f"an account {account.upn} exists that sitekit did not make",
            f"if it is theirs: --adopt {name}; if it is not: write another upn for them",
        )
        return False

    # --- groups, units, sponsors ----------------------------------------------------------------

    def _memberships(self, access: Access, account: Account | None, name: str) -> None:
        have = {g.name: g for g in self.of_account.get(account.id, ())} if account else {}
        for group in have.values():
            if group.name not in access.groups and account is not None:
                why = f"no contract of theirs that holds now gives {group.name}"
                self._remove(account, group, why, self._place(access.engagement), access)
        licence = self.rules.groups.licence.partition("{")[0]
        for wanted in sorted(access.groups - set(have)):
            action = Action.LICENSE if wanted.startswith(licence) else Action.ADD
            self._join(action, access, account, name, wanted)
        joined = {unit.name: unit for unit in self.units_of.get(account.id, ())} if account else {}
        for unit in joined.values():
            if unit.name not in access.units and account is not None:
                why = f"no contract of theirs is with the subsidiary of {unit.name}"
                self._remove(account, unit, why, self._place(access.engagement), access)
        for wanted in sorted(access.units - set(joined)):
            self._join(Action.JOIN, access, account, name, wanted)

    def _join(
        self, action: Action, access: Access, account: Account | None, name: str, target: str
    ) -> None:
        table: Mapping[str, list[Group] | list[Unit]]
        table = self.units if action is Action.JOIN else self.groups
        found = table.get(target, [])
        production = self.rules.groups.production.partition("{")[0]
        engagement = access.reasons[target]
        why = self._why(engagement)
        if not found and action is Action.ADD and target.startswith(production):
            if target not in self.wanted_groups:
                self.operations.append(
                    Operation(
                        action=Action.NEW_GROUP,
                        person="",
                        name=target,
                        target=target,
                        reason=f"first needed by {access.person.person_id}: {why}",
                        place=self._place(engagement),
                    )
                )
            self.wanted_groups.setdefault(target, []).append(access)
        elif len(found) != 1 or (isinstance(found[0], Group) and found[0].refuses):
            word = "unit" if action is Action.JOIN else "group"
            self.missing.setdefault((word, target), []).append(access)
            return
        self.operations.append(
            Operation(
                action=action,
                person=access.person.person_id,
                name=name,
                target=target,
                reason=why,
                place=self._place(engagement),
                account=account.id if account else None,
                target_id=found[0].id if found else None,
            )
        )

    def _remove(
        self,
        account: Account,
        target: Group | Unit,
        reason: str,
        place: Place | None,
        access: Access | None = None,
    ) -> None:
        self.operations.append(
            Operation(
                action=Action.REMOVE,
                person=account.person or (access.person.person_id if access else ""),
                name=account.upn,
                target=target.name,
                reason=reason,
                place=place,
                account=account.id,
                target_id=target.id,
            )
        )

    def _tell_missing(self) -> None:
        for (word, target), accesses in self.missing.items():
            found = (self.units if word == "unit" else self.groups).get(target, [])
            first = accesses[0]
            many = "1 person is" if len(accesses) == 1 else f"{len(accesses)} people are"
            many = f"{many} to be in it"
            what = "administrative unit" if word == "unit" else "group"
            if not found:
                message = f"there is no {what} {target}: {many}"
                remedy = "the stack of the subsidiary makes it; or make it in Entra by this name"
            elif len(found) > 1:
                message = f"{len(found)} {what}s are called {target}: {many}"
                remedy = "rename all but one: a name has to say which is meant"
            else:
                refuses = found[0].refuses if isinstance(found[0], Group) else ""
                message = f"group {target} {refuses}: {many}"
                remedy = "use an assigned security group without a role"
            self.obstacles.append(
                Obstacle(
                    subject=target,
                    message=message,
                    remedy=remedy,
                    place=self._place(first.reasons[target]),
                    is_of_a_stack=not found,
                )
            )

    def _sponsor(self, access: Access, account: Account | None, name: str) -> None:
        if access.sponsor is None or not self._has_sponsor(access):
            return
        accounts = self.directory.managed.get(access.sponsor, [])
        sponsor = accounts[0].id if accounts else None
        if account is not None and sponsor is not None and sponsor in account.sponsors:
            return
        self.operations.append(
            Operation(
                action=Action.SPONSOR,
                person=access.person.person_id,
                name=name,
                target=access.sponsor,
                reason=f"their manager answers for them; {self._because(access)}",
                place=self._place(access.engagement),
                account=account.id if account else None,
                target_id=sponsor,
                sponsor=access.sponsor,
            )
        )

    def _has_sponsor(self, access: Access) -> bool:
        """Whether the guest's manager has, or gets, an account that may answer for them."""
        manager = access.sponsor
        if manager is None:
            self._obstacle(
                access,
                "a guest needs a sponsor",
                "write manager_id: their manager answers for them",
            )
            return False
        theirs = self.accesses.get(manager)
        if theirs is None or not theirs.signs_in or theirs.guest:
            self._obstacle(
                access,
                f"their sponsor {manager} does not work here now",
                "write the manager_id of somebody who does",
            )
            return False
        # Where the manager's account cannot be made, that is said of the manager already.
        return manager in self.directory.managed or manager in self.arriving

    # --- small things ---------------------------------------------------------------------------

    def _note(
        self,
        action: Action,
        access: Access,
        name: str,
        account: str | None,
        reason: str,
        *,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        if action in (Action.CREATE, Action.ADOPT, Action.RESTORE):
            self.arriving.add(access.person.person_id)
        self.operations.append(
            Operation(
                action=action,
                person=access.person.person_id,
                name=name,
                changes=changes or {},
                reason=reason,
                place=self._place(access.engagement),
                account=account,
            )
        )

    def _enable(self, access: Access, account: Account | None, name: str) -> None:
        changes = {"state": self._state(access)}
        why = f"{self._because(access)}; access ends {_shown(access.ends)}"
        identity = account.id if account else None
        self._note(Action.ENABLE, access, name, identity, why, changes=changes)

    def _obstacle(self, access: Access, message: str, remedy: str) -> None:
        self.obstacles.append(
            Obstacle(
                subject=access.person.person_id,
                message=message,
                remedy=remedy,
                place=self._place(access.engagement),
            )
        )

    def _state(self, access: Access) -> str:
        """What the account says of its own access."""
        if not access.signs_in:
            return PREPARED
        return OPEN if access.ends is None else f"{_UNTIL}{_text(access.ends)}"

    def _attributes(self, access: Access, *, guest: bool) -> dict[str, str]:
        return attributes_of(self.organisation, access.person, access.engagement, guest=guest)

    def _place(self, engagement: Engagement) -> Place | None:
        return self.organisation.contract_place(engagement.contract_id)

    def _because(self, access: Access) -> str:
        return self._why(access.engagement)

    @staticmethod
    def _why(engagement: Engagement) -> str:
        production = f" for {engagement.production}" if engagement.production else ""
        end = f"to {engagement.end_date}" if engagement.end_date else "without end"
        return f"contract {engagement.contract_id}{production}, {engagement.start_date} {end}"


def _why_closed(access: Access) -> str:
    engagement = access.engagement
    if access.stage is Stage.FUTURE:
        return f"contract {engagement.contract_id} begins {engagement.start_date}"
    if access.ended is None:
        return f"contract {engagement.contract_id} is over"
    return (
        f"contract {engagement.contract_id} ended {engagement.end_date or access.ended.date()}, "
        f"access {_shown(access.ended)}"
    )


def _was(account: Account, changes: Mapping[str, str]) -> str:
    told = []
    for key, value in changes.items():
        old = account.upn if key == "userPrincipalName" else account.attributes.get(key, "")
        if key not in ("mailNickname", "mail"):
            told.append(f"{key} '{old}' → '{value}'")
    return ", ".join(told)


def _filled(changes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in changes.items() if value}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _moment(state: str) -> datetime | None:
    try:
        return datetime.fromisoformat(state.removeprefix(_ENDED))
    except ValueError:
        return None


def _by_name(found: tuple[Target, ...]) -> dict[str, list[Target]]:
    table: dict[str, list[Target]] = {}
    for one in found:
        table.setdefault(one.name, []).append(one)
    return table
