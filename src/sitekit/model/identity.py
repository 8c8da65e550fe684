"""The rules by which contracts become accounts: names, terms, groups, licences, guests.

They are a file of the catalogue (`identity.yaml`), so an organisation changes them without Python.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .base import Model, Name, SchemaVersion, Text
from .organisation import Tier

Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
Feature = Literal["entra-p1", "entra-p2", "entra-governance", "intune"]
_PART = re.compile(r"\{([a-z]+)\}")


def _of(*known: str) -> AfterValidator:
    """A pattern whose parts in braces are these, each once, behind a beginning of its own."""

    def checked(value: str) -> str:
        parts = _PART.findall(value)
        if sorted(parts) != sorted(known):
            wanted = ", ".join(f"{{{part}}}" for part in known)
            raise ValueError(f"the pattern must hold {wanted}, each once")
        return value

    return AfterValidator(checked)


_GROUP = Field(
    strict=True,
    pattern=r"^[a-z][a-z0-9]*-([a-z0-9-]|\{[a-z]+\})*$",
    max_length=60,
    description="Begins with a word and a hyphen of its own: by them sitekit knows its groups.",
)


class NamingRules(Model):
    """How people sign in. A name once given is never given to anybody else."""

    pattern: Annotated[
        str,
        Field(strict=True, pattern=r"^([a-z0-9._-]|\{(first|last|initial)\})+$", max_length=40),
    ]
    domain: Literal["organisation", "subsidiary"]
    mail: Literal["upn", "none"]
    first_number: Annotated[int, Field(strict=True, ge=1, le=99)]
    letters: dict[
        Annotated[str, Field(min_length=1, max_length=1)],
        Annotated[str, Field(strict=True, pattern=r"^[a-z]{0,4}$")],
    ]
    reserved: tuple[Annotated[str, Field(strict=True, pattern=r"^[a-z0-9._-]+$")], ...]


class Terms(Model):
    """When access begins and ends around a contract, in days."""

    gap_merge_days: Days
    grace_days: dict[Tier, Annotated[int, Field(strict=True, ge=0, le=7)]]
    ready_before_days: Annotated[int, Field(strict=True, ge=0, le=30)]
    delete_after_days: dict[Tier, Annotated[int, Field(strict=True, ge=1, le=3660)]]
    guest_max_days: Days
    leavers_percent: Annotated[int, Field(strict=True, ge=1, le=100)]

    @model_validator(mode="after")
    def _complete(self) -> Terms:
        for name, table in (
            ("grace_days", self.grace_days),
            ("delete_after_days", self.delete_after_days),
        ):
            if missing := [tier for tier in Tier if tier not in table]:
                raise ValueError(f"{name} lacks {', '.join(missing)}")
        return self


class GroupNames(Model):
    """How groups and administrative units are called in Entra."""

    team: Annotated[str, _GROUP, _of("subsidiary", "department")]
    production: Annotated[str, _GROUP, _of("production", "department")]
    licence: Annotated[str, _GROUP, _of("subsidiary", "profile")]
    unit: Annotated[str, _GROUP, _of("subsidiary")]

    @model_validator(mode="after")
    def _differ(self) -> GroupNames:
        patterns = (self.team, self.production, self.licence, self.unit)
        begins = [pattern.partition("{")[0] for pattern in patterns]
        for one in begins:
            if sum(other.startswith(one) for other in begins) > 1:
                raise ValueError(f"two kinds of group or unit begin with '{one}'")
        return self


class LicenceProfile(Model):
    """What a value of `licence_profile` in people.csv gives."""

    title: Text
    needs: tuple[Feature, ...]


class Marker(Model):
    """How an account says that sitekit made it: two of Entra's extension attributes."""

    attribute: Annotated[str, Field(strict=True, pattern=r"^extensionAttribute([1-9]|1[0-5])$")]
    value: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]{2,31}$")]
    state_attribute: Annotated[
        str, Field(strict=True, pattern=r"^extensionAttribute([1-9]|1[0-5])$")
    ]

    @model_validator(mode="after")
    def _differ(self) -> Marker:
        if self.attribute == self.state_attribute:
            raise ValueError("attribute and state_attribute must differ")
        return self


class Guests(Model):
    """How guests are invited."""

    redirect: Annotated[str, Field(strict=True, pattern=r"^https://[A-Za-z0-9./_-]+$")]
    send_mail: bool


class IdentityRules(Model):
    """The file of rules for people."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    naming: NamingRules
    terms: Terms
    groups: GroupNames
    licences: dict[Name, LicenceProfile]
    marker: Marker
    guests: Guests
    country: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^[A-Z]{2}$",
            description="Of people whose contract names no site.",
        ),
    ]
    source: dict[Name, Text]
