"""What `sitekit check` says about the cloud: everything that a run would be refused for.

`between` looks at the organisation without designing a site; `of_design` looks at one site that is
designed already. Names, licences and guardrails come out of the plans, which are pure data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Network

from ..design.result import SiteDesign
from ..errors import DesignError, Place
from ..findings import Finding, Severity
from ..load.organisation import LoadedOrganisation, SiteInputs
from ..load.people import People
from .naming import Namer
from .platform import platform_plan
from .site import site_plan
from .spec import StackPlan
from .subsidiary import subsidiary_plan

_NO_DAY = date(2000, 1, 1)  # a plan's day is only in its budgets: nothing here depends on it
SMALLEST = 24  # its sixteenths are /28: Azure keeps five addresses of each subnet


def between(organisation: LoadedOrganisation, sites: Collection[str]) -> Iterator[Finding]:
    """Findings about the tenant, the subsidiaries, and what several sites share.

    The tenant and the subsidiaries are looked at where all sites are; else only the sites named.
    """
    if set(sites) == set(organisation.sites):
        yield from _above(organisation)
    yield from _networks(organisation, set(sites))
    yield from _same_names(organisation, set(sites))


def _above(organisation: LoadedOrganisation) -> tuple[Finding, ...]:
    """Findings about the tenant and the subsidiaries; their plans look at all people."""
    memory, people = organisation.memory, organisation.people
    key = people.digest() if isinstance(people, People) else None
    if memory is not None and key is not None:
        known = memory.findings_above(key)
        if known is not None:
            return known
    found = list(platform_plan(organisation, _NO_DAY).findings)
    for code in sorted(organisation.subsidiaries):
        found += subsidiary_plan(organisation, code, _NO_DAY).findings
    if memory is not None and key is not None:
        memory.keep_findings_above(found, key)
    return tuple(found)


def of_design(organisation: LoadedOrganisation, design: SiteDesign) -> tuple[Finding, ...]:
    """Findings about one site's stack."""
    inputs = organisation.sites[design.facts.code]
    try:
        plan = site_plan(organisation, design, _NO_DAY)
    except DesignError as error:
        return (
            _finding(
                "cloud-no-plan", inputs.code, inputs.place("cloud"), error.message, error.hint
            ),
        )
    return (*plan.findings, *_adopted(inputs, plan))


def _adopted(inputs: SiteInputs, plan: StackPlan) -> Iterator[Finding]:
    """Names under cloud.adopt that no resource of the stack has."""
    known = [spec.name for spec in plan.specs]
    for name in inputs.site.cloud.adopt:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            yield _finding(
                "cloud-adopt",
                inputs.code,
                inputs.document.key_place(("cloud", "adopt", name)),
                f"the stack of {inputs.code} has nothing called '{name}' to adopt",
                f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known)}",
            )


# --- networks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Range:
    """Addresses, who has them, and where that is written."""

    prefix: IPv4Network
    what: str
    place: Place
    site: str = ""  # of a network in Azure


def _networks(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    azure = organisation.organisation.azure
    mine = [
        _Range(network[0], f"the network of {code} in Azure", network[1], code)
        for code in organisation.sites
        if (network := organisation.summary(code).network) is not None
    ]
    for one in mine:
        if one.site not in wanted:
            continue
        if azure.networks is None:
            yield _finding(
                "cloud-network-outside",
                one.site,
                one.place,
                f"{one.prefix} comes out of no range: organisation.yaml has no azure.networks",
                "write networks: PREFIX under azure in organisation.yaml",
            )
        elif not one.prefix.subnet_of(azure.networks):
            yield _finding(
                "cloud-network-outside",
                one.site,
                one.place,
                f"{one.prefix} is outside azure.networks, {azure.networks} "
                f"({organisation.document.place(('azure', 'networks'))})",
                f"choose a free part of it; {_free(one.prefix, azure.networks, mine)}",
            )
        if one.prefix.prefixlen > SMALLEST:
            yield _finding(
                "cloud-network-small",
                one.site,
                one.place,
                f"{one.prefix} is too small: its subnets are sixteenths of it, and Azure keeps "
                "five addresses of each",
                f"take a /{SMALLEST} or larger",
            )
    if mine:
        yield from _overlaps(mine, list(_others(organisation)), wanted)


def _overlaps(mine: list[_Range], others: list[_Range], wanted: set[str]) -> Iterator[Finding]:
    """Networks that share addresses with anything, in one pass over ranges sorted by address."""
    reaching: list[_Range] = []
    for range_ in sorted([*mine, *others], key=lambda r: r.prefix):
        reaching = [r for r in reaching if r.prefix.overlaps(range_.prefix)]
        for earlier in reaching:
            for one, other in ((earlier, range_), (range_, earlier)):
                if one.site in wanted:
                    yield _overlap(one, other)
        reaching.append(range_)


def _overlap(one: _Range, other: _Range) -> Finding:
    remedy = "choose a free part of azure.networks"
    if other.site:
        remedy = (
            "keep the one that is in service, and give the other site a free part of azure.networks"
        )
    message = f"{one.prefix} overlaps {other.prefix}, {other.what} ({other.place})"
    return _finding("cloud-network-overlap", one.site, one.place, message, remedy)


def _free(wanted: IPv4Network, pool: IPv4Network, taken: list[_Range]) -> str:
    """The first part of the pool of the same size that no site has."""
    if wanted.prefixlen < pool.prefixlen:
        return "it must be smaller than that"
    for part in pool.subnets(new_prefix=wanted.prefixlen):
        if not any(part.overlaps(one.prefix) for one in taken):
            return f"{part} is free"
    return "none of this size is free"


def _others(organisation: LoadedOrganisation) -> Iterator[_Range]:
    """Ranges that no network in Azure may touch."""
    hub, document = organisation.organisation.azure.hub, organisation.document
    yield _Range(hub.prefix, "the hub", document.place(("azure", "hub", "prefix")))
    for index, prefix in enumerate(organisation.organisation.addresses.avoid):
        yield _Range(prefix, "a range to avoid", document.place(("addresses", "avoid", index)))
    for code, subsidiary in organisation.subsidiaries.items():
        for index, prefix in enumerate(subsidiary.avoid):
            place = organisation.subsidiary_documents[code].place(("avoid", index))
            yield _Range(prefix, f"in use at {subsidiary.name}", place)
    for code in organisation.sites:
        block = organisation.summary(code).block
        if block is not None:  # else said by the site's own check
            yield _Range(block[0], f"the block of {code}", block[1])


# --- names that the whole world shares -----------------------------------------------------------


def _same_names(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    """Two sites whose vaults or storage accounts would have one name."""
    group, seen = organisation.organisation, dict[str, tuple[str, Place]]()
    for code in organisation.sites:
        generation, version, place = organisation.summary(code).cloud
        catalogue = organisation.catalogues.get(version)
        rules = (catalogue or organisation.sites[code].catalogue).naming
        names = Namer(rules, group.azure.tenant, group.code, code, group.azure.region, generation)
        for kind in sorted(kind for kind, rule in rules.names.items() if rule.unique == "world"):
            name = names.name(kind)
            other, there = seen.setdefault(name, (code, place))
            if other != code and code in wanted:
                yield _finding(
                    "cloud-name-twice",
                    code,
                    place,
                    f"{kind.replace('_', ' ')} '{name}' is that of {other} too ({there})",
                    f"keep {{hash}} in the form of {kind} in catalogue/naming.yaml",
                )


def _finding(rule: str, site: str, place: Place, message: str, remedy: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        subject=site,
        message=message,
        remedy=remedy,
        place=place,
    )
