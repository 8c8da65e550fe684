"""What a tenant says: accounts, groups and administrative units at one moment. Plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..model.identity import IdentityRules, Marker

# What an account may say of itself, by the name that Graph gives it.
ATTRIBUTES = (
    "displayName",
    "givenName",
    "surname",
    "companyName",
    "department",
    "jobTitle",
    "officeLocation",
    "employeeType",
    "usageLocation",
)
SELECTED = (
    "id",
    "userPrincipalName",
    "mail",
    "userType",
    "accountEnabled",
    "employeeId",
    "onPremisesSyncEnabled",
    "onPremisesExtensionAttributes",
    *ATTRIBUTES,
)
_OF_DELETED = re.compile(r"[0-9a-f]{32}(?=.+@)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of Entra. `person` is its employeeId; it is ours only if it carries the marker."""

    id: str
    upn: str
    mail: str
    enabled: bool
    guest: bool
    synced: bool
    managed: bool
    person: str
    state: str
    attributes: Mapping[str, str]
    sponsors: frozenset[str] = frozenset()  # ids, of guests alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with the ids of its members; `refuses` says why sitekit keeps off it."""

    id: str
    name: str
    members: frozenset[str]
    refuses: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An administrative unit with the ids of its members."""

    id: str
    name: str
    members: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A tenant as it was read. `domains` is empty where nobody was asked."""

    tenant: str
    domains: frozenset[str] = frozenset()
    accounts: tuple[Account, ...] = ()
    deleted: tuple[Account, ...] = ()
    groups: tuple[Group, ...] = ()
    units: tuple[Unit, ...] = ()

    @cached_property
    def managed(self) -> dict[str, list[Account]]:
        """The accounts that sitekit made or adopted, by person."""
        return _by_person(self.accounts)

    @cached_property
    def deleted_of(self) -> dict[str, list[Account]]:
        """Deleted accounts of ours that can be restored, by person."""
        return _by_person(self.deleted)

    @cached_property
    def named(self) -> dict[str, Account]:
        """Accounts by sign-in name and by address, in lower case."""
        found: dict[str, Account] = {}
        for account in self.accounts:
            if account.mail:
                found.setdefault(account.mail.lower(), account)
        for account in self.accounts:
            found[account.upn.lower()] = account
        return found

    @cached_property
    def once_named(self) -> dict[str, Account]:
        """Deleted accounts by sign-in name, in lower case."""
        return {account.upn.lower(): account for account in self.deleted}


def account_of(
    user: Mapping[str, Any], marker: Marker, sponsors: frozenset[str] = frozenset()
) -> Account:
    """An account from Graph's JSON of a user."""
    extension = user.get("onPremisesExtensionAttributes") or {}
    upn = str(user.get("userPrincipalName") or "")
    return Account(
        id=str(user["id"]),
        upn=_OF_DELETED.sub("", upn, count=1) if _OF_DELETED.match(upn) else upn,
        mail=str(user.get("mail") or ""),
        enabled=bool(user.get("accountEnabled")),
        guest=user.get("userType") == "Guest",
        synced=bool(user.get("onPremisesSyncEnabled")),
        managed=extension.get(marker.attribute) == marker.value,
        person=str(user.get("employeeId") or ""),
        state=str(extension.get(marker.state_attribute) or ""),
        attributes={name: str(user.get(name) or "") for name in ATTRIBUTES},
        sponsors=sponsors,
    )


def prefixes(rules: IdentityRules) -> tuple[str, ...]:
    """What the names of the groups that sitekit fills begin with."""
    patterns = (rules.groups.team, rules.groups.production, rules.groups.licence)
    return tuple(pattern.partition("{")[0] for pattern in patterns)


def _by_person(accounts: tuple[Account, ...]) -> dict[str, list[Account]]:
    found: dict[str, list[Account]] = {}
    for account in accounts:
        if account.managed and account.person:
            found.setdefault(account.person, []).append(account)
    return found
