"""Access on a date: what an account of each person should be at an instant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..load.organisation import LoadedOrganisation
from ..model.identity import IdentityRules
from ..model.organisation import Tier
from ..model.people import AccountType, Engagement, Person
from .presences import Presence, presences_of, run_ends


class Stage(StrEnum):
    """Where somebody stands at an instant."""

    FUTURE = "future"  # nothing yet: no account is made
    READY = "ready"  # begins within days: an account that is disabled, with its licence
    PRESENT = "present"
    AWAY = "away"  # was here; disabled and without groups, and back one day
    LEFT = "left"  # was here; disabled and without groups, deleted after a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one person's account should be at an instant."""

    person: Person
    stage: Stage
    guest: bool
    engagement: Engagement  # that says department, site, licence: the present one, or the nearest
    groups: frozenset[str]
    units: frozenset[str]
    ends: datetime | None  # of the present or coming access; None: open
    ended: datetime | None  # of the last access, for who is away or has left
    tier: Tier  # of the last presence, which decides how long a closed account is kept
    sponsor: str | None
    reasons: dict[str, Engagement]  # the engagement behind each group and unit

    @property
    def signs_in(self) -> bool:
        """Whether the account is enabled."""
        return self.stage is Stage.PRESENT


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of an organisation whose people have accounts in one tenant."""

    organisation: LoadedOrganisation
    tenant: str

    def has(self, engagement: Engagement) -> bool:
        """Whether the contract's subsidiary is in this tenant: its own, or the group's."""
        own = self.organisation.subsidiaries[engagement.subsidiary].tenant
        return (own or self.organisation.organisation.azure.tenant) == self.tenant

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of sign-in names in this tenant, the first of the organisation in front."""
        found: list[str] = []
        if self.organisation.organisation.azure.tenant == self.tenant:
            found += self.organisation.organisation.domains
        for subsidiary in self.organisation.subsidiaries.values():
            own = subsidiary.tenant or self.organisation.organisation.azure.tenant
            if own == self.tenant:
                found += subsidiary.domains
        return tuple(dict.fromkeys(found))

    def presences(self, person: Person) -> tuple[Presence, ...]:
        """The presences of a person in this tenant."""
        return presences_of(
            (engagement for engagement in person.engagements if self.has(engagement)),
            self.organisation.catalogue.identity.terms,
            zone=self.zone,
            tier=self.tier,
        )

    def zone(self, engagement: Engagement) -> str:
        """The time zone of the contract's site; else of its subsidiary; else of the group."""
        inputs = self.organisation.sites.get(engagement.site or "")
        if inputs is not None:
            return inputs.settings.time_zone
        return zone_of(self.organisation, engagement.subsidiary)

    def tier(self, engagement: Engagement) -> Tier:
        """The stricter of what the contract and its production say."""
        tiers = {engagement.security_tier} | {
            production.tier
            for production in self.organisation.productions
            if production.code == engagement.production
        }
        return Tier.HIGH if Tier.HIGH in tiers else Tier.STANDARD


def zone_of(organisation: LoadedOrganisation, subsidiary: str = "") -> str:
    """The time zone of the group, or of a subsidiary that writes one of its own."""
    levels = []
    if subsidiary:
        levels.append(organisation.subsidiary_documents[subsidiary].data)
    levels += [organisation.document.data, organisation.catalogue.defaults.data]
    for data in levels:
        settings = data.get("settings")
        if isinstance(settings, dict) and settings.get("time_zone"):
            return str(settings["time_zone"])
    return "UTC"


def access_of(scope: Scope, person: Person, moment: datetime) -> Access | None:
    """What a person's account should be at an instant; None for who never has one here."""
    all_of = scope.presences(person)
    if not all_of:
        return None
    rules = scope.organisation.catalogue.identity
    present = [p for p in all_of if p.holds(moment)]
    ahead = [p for p in all_of if p.begins > moment]
    past = [p for p in all_of if p.ends is not None and p.ends <= moment]
    nearest = ahead[0] if ahead else None
    soon = (
        nearest is not None
        and nearest.begins - moment <= timedelta(days=rules.terms.ready_before_days)
        and not _guest(nearest.engagements)
    )
    last = max(past, key=lambda p: (p.ends or moment, p.begins)) if past else None
    if present:
        stage, counted = Stage.PRESENT, present
    elif soon and nearest is not None:
        stage, counted = Stage.READY, [nearest]
    elif last is not None:
        stage, counted = (Stage.AWAY if ahead else Stage.LEFT), [last]
    else:
        assert nearest is not None
        stage, counted = Stage.FUTURE, [nearest]
    current = [e for p in counted for e in p.running(moment)]
    main = max(current, key=lambda e: (e.start_date, e.contract_id))
    guest = _guest(current)
    reasons = _reasons(current, stage, guest, rules)
    began = {Stage.PRESENT: moment, Stage.READY: counted[0].begins}.get(stage)
    return Access(
        person=person,
        stage=stage,
        guest=guest,
        engagement=main,
        groups=frozenset(reasons["groups"]),
        units=frozenset(reasons["units"]),
        ends=run_ends(all_of, began) if began is not None else None,
        ended=last.ends if last is not None and stage in (Stage.AWAY, Stage.LEFT) else None,
        tier=(last or counted[0]).tier,
        sponsor=main.manager_id if guest else None,
        reasons={**reasons["groups"], **reasons["units"]},
    )


def fill(pattern: str, **parts: str) -> str:
    """The name of a group or unit."""
    return pattern.format(**parts)


def _guest(engagements: Sequence[Engagement]) -> bool:
    """A guest is one by all contracts that count; who is a member by one is a member."""
    return all(e.account_type is AccountType.GUEST for e in engagements)


def _reasons(
    current: list[Engagement], stage: Stage, guest: bool, rules: IdentityRules
) -> dict[str, dict[str, Engagement]]:
    """The groups and units of the engagements that count, each with the first that gives it."""
    groups: dict[str, Engagement] = {}
    units: dict[str, Engagement] = {}
    if stage in (Stage.READY, Stage.PRESENT):
        for e in current:
            units.setdefault(fill(rules.groups.unit, subsidiary=e.subsidiary), e)
            if e.licence_profile is not None and not guest:
                licence = fill(
                    rules.groups.licence, subsidiary=e.subsidiary, profile=e.licence_profile
                )
                groups.setdefault(licence, e)
    if stage is Stage.PRESENT:
        for e in current:
            team = fill(rules.groups.team, subsidiary=e.subsidiary, department=e.department)
            groups.setdefault(team, e)
            if e.production is not None:
                name = fill(
                    rules.groups.production, production=e.production, department=e.department
                )
                groups.setdefault(name, e)
    return {"groups": groups, "units": units}
