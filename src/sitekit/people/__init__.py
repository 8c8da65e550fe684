"""Joiners, movers, leavers: engagements → presences → access on a date → plan → apply.

    from datetime import UTC, datetime
    from sitekit import load_organisation, people
    from sitekit.graph import connect

    organisation = load_organisation("examples/horizon")
    rules = organisation.catalogue.identity
    tenant = organisation.organisation.azure.tenant
    with connect() as graph:
        directory = people.read_directory(graph, rules, tenant=tenant)
        plan = people.plan(organisation, datetime.now(UTC), directory)

Planning is pure; only `read_directory` and `apply` ask Microsoft Graph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access import Access, Scope, Stage, access_of
    from .applying import Failure, Outcome, apply
    from .checks import findings
    from .directory import Account, Directory, Group, Unit
    from .entra import read_directory
    from .journal import FileJournal, Journal, MemoryJournal, journal_in
    from .naming import Register
    from .planning import Action, Obstacle, Operation, Plan, plan
    from .presences import Presence, presences_of

_WHERE = {
    "Access": "access",
    "Scope": "access",
    "Stage": "access",
    "access_of": "access",
    "Failure": "applying",
    "Outcome": "applying",
    "apply": "applying",
    "findings": "checks",
    "Account": "directory",
    "Directory": "directory",
    "Group": "directory",
    "Unit": "directory",
    "read_directory": "entra",
    "FileJournal": "journal",
    "Journal": "journal",
    "MemoryJournal": "journal",
    "journal_in": "journal",
    "Register": "naming",
    "Action": "planning",
    "Obstacle": "planning",
    "Operation": "planning",
    "Plan": "planning",
    "plan": "planning",
    "Presence": "presences",
    "presences_of": "presences",
}

__all__ = [
    "Access",
    "Account",
    "Action",
    "Directory",
    "Failure",
    "FileJournal",
    "Group",
    "Journal",
    "MemoryJournal",
    "Obstacle",
    "Operation",
    "Outcome",
    "Plan",
    "Presence",
    "Register",
    "Scope",
    "Stage",
    "Unit",
    "access_of",
    "apply",
    "findings",
    "journal_in",
    "plan",
    "presences_of",
    "read_directory",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562): planning loads no HTTP client."""
    try:
        value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value
