"""What is wrong with people and can be said without a cloud: for `sitekit check`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta

from ..errors import Place
from ..findings import Finding, Severity
from ..load.memory import digest_of
from ..load.organisation import LoadedOrganisation
from ..load.people import People
from ..model.people import AccountType, Engagement, Person, Status
from .access import Scope
from .naming import local_part
from .planning import LONGEST_ID
from .presences import last_day

ORGANISATION = "organisation"  # the subject of what belongs to no site


def findings(
    organisation: LoadedOrganisation, today: date, *, sites: Collection[str] | None = None
) -> list[Finding]:
    """Everything about people that is not as it should be, of contracts that are not over.

    `sites` limits what is told to people of these sites; the default tells everything.
    """
    memory, key = organisation.memory, _key(organisation, today)
    everything = memory.findings_of_people(key) if memory is not None and key else None
    if everything is None:
        everything = tuple(_Checks(organisation, today).all())
        if memory is not None and key:
            memory.keep_findings_of_people(key, everything)
    return [f for f in everything if sites is None or f.subject in sites]


def _key(organisation: LoadedOrganisation, today: date) -> str:
    """A digest of all that the findings follow from; '' where the people come from no file."""
    memory, people = organisation.memory, organisation.people
    if memory is None or not isinstance(people, People):
        return ""
    top = organisation.organisation
    written = [
        memory.program,
        people.digest(),
        today.isoformat(),
        str(top.domains),
        str((top.azure.tenant, top.azure.licences)),
        str(sorted((c, s.tenant, s.domains) for c, s in organisation.subsidiaries.items())),
        str([(e.upn, e.person, e.place) for e in organisation.register]),
        organisation.catalogue.identity.model_dump_json(),
    ]
    return digest_of(*(part.encode() for part in written))


class _Checks:
    def __init__(self, organisation: LoadedOrganisation, today: date) -> None:
        self.organisation = organisation
        self.rules = organisation.catalogue.identity
        self.today = today
        self.group_tenant = organisation.organisation.azure.tenant
        self.people = {person.person_id: person for person in organisation.people}

    def all(self) -> Iterator[Finding]:
        yield from self._register()
        yield from self._names()
        for person in self.organisation.people:
            if len(person.person_id) > LONGEST_ID and self._counts(self._latest(person)):
                yield self._finding(
                    "id-long",
                    self._latest(person),
                    self._place(self._latest(person)),
                    f"Entra keeps ids of at most {LONGEST_ID} characters, not {person.person_id}",
                    "write a shorter person_id",
                )
            for engagement in person.engagements:
                if self._counts(engagement):
                    yield from self._engagement(person, engagement)

    # --- names ----------------------------------------------------------------------------------

    def _register(self) -> Iterator[Finding]:
        """Two branches that gave one name: the register holds both lines."""
        seen: dict[str, tuple[str, Place | None]] = {}
        for entry in self.organisation.register:
            owner, place = seen.setdefault(entry.upn, (entry.person, entry.place))
            if owner != entry.person:
                yield self._finding(
                    "register-twice",
                    None,
                    entry.place,
                    f"the name {entry.upn} stands for {owner} ({place}) and for {entry.person}",
                    "keep the line of who has the account, remove the other, and run people apply",
                )

    def _names(self) -> Iterator[Finding]:
        written: dict[str, Person] = {}
        registered = {entry.upn: entry for entry in reversed(self.organisation.register)}
        for person in self.organisation.people:
            engagement = self._latest(person)
            place = self._place(engagement)
            if person.upn is None:
                if self._counts(engagement) and not local_part(person, self.rules.naming):
                    yield self._finding(
                        "no-upn",
                        engagement,
                        place,
                        f"the naming rule has no letters for the name of {person.person_id}",
                        "write upn for them, or add the letters to catalogue/identity.yaml",
                    )
                continue
            other = written.setdefault(person.upn, person)
            entry = registered.get(person.upn)
            if other is not person:
                yield self._finding(
                    "upn-twice",
                    engagement,
                    place,
                    f"{person.person_id} of {engagement.subsidiary} is to be called {person.upn}, "
                    f"and so is {other.person_id} of {self._latest(other).subsidiary} "
                    f"({self._place(self._latest(other))})",
                    "write another upn for one of them, or none: then sitekit numbers it",
                )
            elif entry is not None and entry.person != person.person_id:
                yield self._finding(
                    "upn-taken",
                    engagement,
                    place,
                    f"{person.upn} is or was the name of {entry.person} ({entry.place})",
                    "write another upn: a name is never given to somebody else",
                )
            tenant = self.organisation.subsidiaries[engagement.subsidiary].tenant
            domains = Scope(self.organisation, tenant or self.group_tenant).domains
            if person.upn.partition("@")[2] not in domains:
                yield self._finding(
                    "upn-domain",
                    engagement,
                    place,
                    f"{person.upn} is in none of the domains of its tenant: {', '.join(domains)}",
                    "write one of these, or add the domain to organisation.yaml",
                )

    # --- contracts ------------------------------------------------------------------------------

    def _engagement(self, person: Person, engagement: Engagement) -> Iterator[Finding]:
        if engagement.status is Status.ENDED and not (engagement.end_date or engagement.updated_at):
            yield self._finding(
                "ended-when",
                engagement,
                self._place(engagement),
                f"contract {engagement.contract_id} is ended, and nothing says since when",
                "write its end_date; until then it gives no access",
            )
        if engagement.account_type is AccountType.GUEST:
            yield from self._guest(person, engagement)
        if engagement.licence_profile and engagement.account_type is AccountType.MEMBER:
            yield from self._licence(engagement, engagement.licence_profile)

    def _licence(self, engagement: Engagement, name: str) -> Iterator[Finding]:
        profile = self.rules.licences.get(name)
        if profile is None:
            yield self._finding(
                "no-such-licence",
                engagement,
                self._place(engagement),
                f"there is no licence profile '{name}'",
                f"known: {', '.join(sorted(self.rules.licences))}; identity.yaml of the catalogue "
                "takes more",
            )
            return
        if self.organisation.subsidiaries[engagement.subsidiary].tenant is not None:
            return  # the licences of a subsidiary's own tenant are not declared here
        lacking = [
            f for f in profile.needs if f not in self.organisation.organisation.azure.licences
        ]
        if lacking:
            others = sorted(
                other
                for other, candidate in self.rules.licences.items()
                if set(candidate.needs) <= set(self.organisation.organisation.azure.licences)
            )
            choose = f"choose {' or '.join(others)}" if others else "leave the cell empty"
            yield self._finding(
                "licence-not-declared",
                engagement,
                self._place(engagement),
                f"profile '{name}' ({profile.title}) needs {', '.join(lacking)}, which the tenant "
                "does not declare",
                f"add it to azure.licences once it is bought, or {choose} and give the licence "
                "by hand",
            )

    def _guest(self, person: Person, engagement: Engagement) -> Iterator[Finding]:
        place = self._place(engagement)
        if person.private_email is None:
            yield self._finding(
                "guest-mail",
                engagement,
                place,
                f"guest {person.person_id} has no e-mail to be invited at",
                "write private_email",
            )
        end = last_day(engagement)
        if end is None:
            yield self._finding(
                "guest-open",
                engagement,
                place,
                f"the access of guest {person.person_id} never ends",
                "write an end_date, or member as the account type",
            )
        else:
            longest = self.rules.terms.guest_max_days
            days = (end - engagement.start_date).days + 1
            if days > longest:
                yield self._finding(
                    "guest-long",
                    engagement,
                    place,
                    f"guest {person.person_id} is here for {days} days; {longest} are the limit",
                    "divide it into contracts that are reviewed, or waive this",
                    Severity.WARNING,
                )
        yield from self._sponsor(person, engagement, end, place)

    def _sponsor(
        self, person: Person, engagement: Engagement, end: date | None, place: Place
    ) -> Iterator[Finding]:
        if engagement.manager_id is None:
            yield self._finding(
                "guest-sponsor",
                engagement,
                place,
                f"nobody answers for guest {person.person_id}",
                "write manager_id: a guest's manager is the sponsor",
            )
            return
        contracts = [
            e
            for e in self.people[engagement.manager_id].engagements
            if e.account_type is AccountType.MEMBER and e.status is not Status.CANCELLED
        ]
        begin = max(engagement.start_date, self.today)
        if end is not None and not _cover(contracts, begin, end):
            yield self._finding(
                "guest-sponsor",
                engagement,
                place,
                f"{engagement.manager_id}, who answers for guest {person.person_id}, does not "
                f"work here on every day from {begin} to {end}",
                "write the manager_id of somebody who does",
                Severity.WARNING,
            )

    # --- small things ---------------------------------------------------------------------------

    def _counts(self, engagement: Engagement) -> bool:
        """Whether a contract can still give access, grace included."""
        if engagement.status is Status.CANCELLED or engagement.account_type is AccountType.NONE:
            return False
        if engagement.status is Status.ENDED and not (engagement.end_date or engagement.updated_at):
            return True
        end = last_day(engagement)
        grace = max(self.rules.terms.grace_days.values())
        return end is None or end + timedelta(days=grace) >= self.today

    @staticmethod
    def _latest(person: Person) -> Engagement:
        return max(person.engagements, key=lambda e: (e.updated_at or date.min, e.start_date))

    def _place(self, engagement: Engagement) -> Place:
        known = self.organisation.contract_place(engagement.contract_id)
        return known or Place("people.csv")

    @staticmethod
    def _finding(
        rule: str,
        engagement: Engagement | None,
        place: Place | None,
        message: str,
        remedy: str,
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        return Finding(
            rule=rule,
            severity=severity,
            subject=(engagement.site if engagement else None) or ORGANISATION,
            message=message,
            remedy=remedy,
            place=place or Place("people.csv"),
        )


def _cover(contracts: Iterable[Engagement], begin: date, end: date) -> bool:
    """Whether contracts leave no day from one to another out."""
    day = begin
    for contract in sorted(contracts, key=lambda c: c.start_date):
        last = last_day(contract)
        if contract.start_date <= day and (last is None or last >= day):
            if last is None or last >= end:
                return True
            day = last + timedelta(days=1)
    return day > end
