"""People and their contracts, as the personnel department writes them: one row per contract.

No birth date and no social-security number: what is not needed is not kept.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from .base import Day, Model, Name, SiteCode, Text
from .organisation import Tier


class ContractType(StrEnum):
    """What ties a person to a subsidiary, in the words of French law and of its payrolls."""

    CDI = "cdi"
    CDD = "cdd"
    CDDU_TECHNICIEN = "cddu_technicien"
    CDDU_ARTISTE = "cddu_artiste"
    AUTEUR = "auteur"
    FREELANCE = "freelance"
    PRESTATAIRE = "prestataire"
    INTERIM = "interim"
    STAGE = "stage"
    ALTERNANCE = "alternance"
    MANDATAIRE = "mandataire"

    @property
    def open_ended(self) -> bool:
        """Whether such a contract may run without an end date."""
        return self in (ContractType.CDI, ContractType.MANDATAIRE)


class AccountType(StrEnum):
    """How a person signs in: as a member of the tenant, as its guest, or not at all."""

    MEMBER = "member"
    GUEST = "guest"
    NONE = "none"


class Status(StrEnum):
    """How far the contract has come. A cancelled contract gives nothing, whatever its dates."""

    PLANNED = "planned"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"


PersonId = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$",
        description="Letters, digits, - and _; never given to anybody else.",
    ),
]
ContractId = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,39}$",
        description="Letters, digits, - _ . and /.",
    ),
]
Reference = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_./ -]{0,39}$",
        description="Letters, digits, - _ . / and spaces.",
    ),
]
HumanName = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[\p{L}\p{M}][\p{L}\p{M} .'’-]*$",
        max_length=64,
        description="Letters of any alphabet, spaces, hyphens, apostrophes and dots.",
    ),
]
Email = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$",
        max_length=254,
        description="An address such as name@example.org.",
    ),
]
Phone = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^\+?[0-9][0-9 .()-]{3,19}$",
        description="Digits, spaces, dots and brackets, such as +33 6 39 98 00 01.",
    ),
]

SignInName = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]?@([a-z0-9-]+\.)+[a-z]{2,}$",
        max_length=113,
        description="A sign-in name in lower case, such as jean.dupont@example.org.",
    ),
]


class Identity(Model):
    """Who somebody is, whatever the contract. The id stays the same for life."""

    person_id: PersonId
    last_name: HumanName
    first_name: HumanName
    usage_name: HumanName | None = None
    private_email: Email | None = Field(default=None, repr=False)
    private_mobile: Phone | None = Field(default=None, repr=False)
    upn: SignInName | None = None


class Engagement(Model):
    """One dated contract of a person. Both its dates are days of work."""

    contract_id: ContractId
    contract_type: ContractType
    previous_contract_id: ContractId | None = None
    subsidiary: Name
    production: Name | None = None
    production_alias: Text | None = None
    object_number: Reference | None = None
    department: Name
    job_title: Text | None = None
    start_date: Day
    end_date: Annotated[Day | None, Field(validate_default=True)] = None
    work_dates: tuple[Day, ...] = ()
    site: SiteCode | None = None
    manager_id: PersonId | None = None
    cost_centre: Reference | None = None
    account_type: AccountType = AccountType.MEMBER
    licence_profile: Name | None = None
    device_profile: Name | None = None
    badge_zones: tuple[Name, ...] = ()
    security_tier: Tier | None = None
    nda_date: Day | None = None
    charter_date: Day | None = None
    training_date: Day | None = None
    status: Status = Status.ACTIVE
    updated_at: Day | None = None

    @field_validator("end_date")
    @classmethod
    def _ends_when_it_may(cls, end: date | None, info: ValidationInfo) -> date | None:
        start, contract = info.data.get("start_date"), info.data.get("contract_type")
        if end is None and contract is not None and not contract.open_ended:
            raise ValueError(f"a contract of type {contract} needs an end date")
        if end is not None and start is not None and end < start:
            raise ValueError(
                f"the contract ends {end}, before it begins {start}",
                "swap or correct the two dates",
            )
        return end

    @field_validator("work_dates")
    @classmethod
    def _works_while_it_runs(cls, days: tuple[date, ...], info: ValidationInfo) -> tuple[date, ...]:
        start, end = info.data.get("start_date"), info.data.get("end_date")
        for day in days:
            if (start and day < start) or (end and day > end):
                raise ValueError(
                    f"{day} is a day of work outside the contract, {start} to {end or 'open'}",
                    "correct the day, or the dates of the contract",
                )
        return days

    def runs_on(self, day: date) -> bool:
        """Whether the contract holds on that day."""
        return runs_on(day, start=self.start_date, end=self.end_date, status=self.status)


def runs_on(day: date, *, start: date, end: date | None, status: Status) -> bool:
    """Whether a contract of these dates holds on that day: both are days of work."""
    return status is not Status.CANCELLED and start <= day and (end is None or day <= end)


class Person(Identity):
    """Somebody who works or worked for the organisation: one human, all contracts, oldest first."""

    engagements: Annotated[tuple[Engagement, ...], Field(min_length=1)]
