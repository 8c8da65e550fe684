"""What a site, a subsidiary and the tenant have in Azure and Entra: plans first, resources then.

Plans are pure data (`plan_of`, `all_plans`): no engine, no credentials, no cloud. The components
`Site`, `Subsidiary` and `Platform` turn a plan into Pulumi resources one to one; they are loaded
when they are asked for, because they import pulumi.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from ..design import design_site
from ..design.result import SiteDesign
from ..errors import SitekitError
from ..load.organisation import LoadedOrganisation
from .people import people_plan, stack_of_people
from .platform import platform_plan
from .site import site_plan
from .spec import Generated, Lookup, Ref, Secret, Spec, StackKind, StackPlan, Value
from .subsidiary import subsidiary_plan

__all__ = [
    "Generated",
    "Lookup",
    "Ref",
    "Secret",
    "Spec",
    "StackKind",
    "StackPlan",
    "Value",
    "all_plans",
    "people_plan",
    "plan_of",
    "platform_plan",
    "site_plan",
    "subsidiary_plan",
]


def plan_of(
    organisation: LoadedOrganisation,
    kind: StackKind,
    stack: str,
    *,
    today: date,
    at: datetime | None = None,
) -> StackPlan:
    """The plan of one stack. Raises SitekitError for one that the organisation does not have.

    `at` is the instant for which accounts are planned; the default is noon of `today`.
    """
    if kind is StackKind.PLATFORM and stack == organisation.organisation.code:
        return platform_plan(organisation, today)
    if kind is StackKind.SUBSIDIARY and stack in organisation.subsidiaries:
        return subsidiary_plan(organisation, stack, today)
    if kind is StackKind.SITE and stack in organisation.sites:
        return site_plan(organisation, design_site(organisation.sites[stack]), today)
    owned = stack_of_people(organisation)
    if kind is StackKind.PEOPLE and stack == owned:
        return people_plan(organisation, today, at)
    if kind is StackKind.PEOPLE and owned is None:
        raise SitekitError(
            "there is no stack of people: sitekit people apply makes the accounts",
            hint="write people: {owned_by: pulumi} in organisation.yaml to change that",
        )
    known = {
        StackKind.PEOPLE: [owned or ""],
        StackKind.PLATFORM: [organisation.organisation.code],
        StackKind.SUBSIDIARY: sorted(organisation.subsidiaries),
        StackKind.SITE: sorted(organisation.sites),
    }[kind]
    raise SitekitError(
        f"there is no {kind} '{stack}'", hint=f"there is {', '.join(known[:12]) or 'none yet'}"
    )


def all_plans(
    organisation: LoadedOrganisation,
    *,
    today: date,
    designs: Iterator[SiteDesign] | None = None,
    at: datetime | None = None,
) -> Iterator[StackPlan]:
    """Every stack in the order in which they are brought up: platform, subsidiaries, sites.

    Last, where Pulumi owns people, their accounts at an instant (default: noon of `today`).
    """
    yield platform_plan(organisation, today)
    for code in sorted(organisation.subsidiaries):
        yield subsidiary_plan(organisation, code, today)
    if designs is None:
        designs = (design_site(organisation.sites[code]) for code in sorted(organisation.sites))
    for design in designs:
        yield site_plan(organisation, design, today)
    if stack_of_people(organisation) is not None:
        yield people_plan(organisation, today, at)
