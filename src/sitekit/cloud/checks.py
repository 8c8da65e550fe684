"""What `sitekit check` says about the cloud: everything that a run would be refused for.

`between` looks at the organisation without designing a site; `of_design` looks at one site that is
designed already. Names, licences and guardrails come out of the plans, which are pure data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Network

from ..design.addressing import block_of
from ..design.result import SiteDesign
from ..errors import DesignError, Place
from ..findings import Finding, Severity
from ..load.organisation import LoadedOrganisation, SiteInputs
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
        yield from platform_plan(organisation, _NO_DAY).findings
        for code in sorted(organisation.subsidiaries):
            yield from subsidiary_plan(organisation, code, _NO_DAY).findings
    yield from _networks(organisation, set(sites))
    yield from _same_names(organisation, set(sites))


def of_design(organisation: LoadedOrganisation, design: SiteDesign) -> tuple[Finding, ...]:
    """Findings about one site's stack."""
    inputs = organisation.sites[design.facts.code]
    try:
        plan = site_plan(organisation, design, _NO_DAY)
    except DesignError as error:
        return (
            _finding("cloud-no-plan", inputs, inputs.place("cloud"), error.message, error.hint),
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
                inputs,
                inputs.document.key_place(("cloud", "adopt", name)),
                f"the stack of {inputs.code} has nothing called '{name}' to adopt",
                f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known)}",
            )


# --- networks ------------------------------------------------------------------------------------


def _networks(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    azure = organisation.organisation.azure
    others = list(_others(organisation))
    mine = [
        (code, inputs, inputs.site.cloud.network)
        for code, inputs in organisation.sites.items()
        if inputs.site.cloud.network is not None
    ]
    for code, inputs, network in mine:
        if code not in wanted:
            continue
        place = inputs.place("cloud", "network")
        if azure.networks is None:
            yield _finding(
                "cloud-network-outside",
                inputs,
                place,
                f"{network} comes out of no range: organisation.yaml has no azure.networks",
                "write networks: PREFIX under azure in organisation.yaml",
            )
        elif not network.subnet_of(azure.networks):
            yield _finding(
                "cloud-network-outside",
                inputs,
                place,
                f"{network} is outside azure.networks, {azure.networks} "
                f"({organisation.document.place(('azure', 'networks'))})",
                f"choose a free part of it; {_free(network, azure.networks, mine)}",
            )
        if network.prefixlen > SMALLEST:
            yield _finding(
                "cloud-network-small",
                inputs,
                place,
                f"{network} is too small: its subnets are sixteenths of it, and Azure keeps five "
                "addresses of each",
                f"take a /{SMALLEST} or larger",
            )
        for what, prefix, where in others:
            if prefix.overlaps(network):
                yield _finding(
                    "cloud-network-overlap",
                    inputs,
                    place,
                    f"{network} overlaps {prefix}, {what} ({where})",
                    "choose a free part of azure.networks",
                )
        for code_b, inputs_b, network_b in mine:
            if code_b != code and network_b.overlaps(network):
                yield _finding(
                    "cloud-network-overlap",
                    inputs,
                    place,
                    f"{network} overlaps {network_b}, the network of {code_b} in Azure "
                    f"({inputs_b.place('cloud', 'network')})",
                    "keep the one that is in service, and give the other site a free part of "
                    "azure.networks",
                )


def _free(
    wanted: IPv4Network,
    pool: IPv4Network,
    taken: list[tuple[str, SiteInputs, IPv4Network]],
) -> str:
    """The first part of the pool of the same size that no site has."""
    if wanted.prefixlen < pool.prefixlen:
        return "it must be smaller than that"
    used = [network for _, _, network in taken]
    for part in pool.subnets(new_prefix=wanted.prefixlen):
        if not any(part.overlaps(network) for network in used):
            return f"{part} is free"
    return "none of this size is free"


def _others(organisation: LoadedOrganisation) -> Iterator[tuple[str, IPv4Network, Place]]:
    """Ranges that no network in Azure may touch, with who has them."""
    hub, document = organisation.organisation.azure.hub, organisation.document
    yield "the hub", hub.prefix, document.place(("azure", "hub", "prefix"))
    for index, prefix in enumerate(organisation.organisation.addresses.avoid):
        yield "a range to avoid", prefix, document.place(("addresses", "avoid", index))
    for code, subsidiary in organisation.subsidiaries.items():
        for index, prefix in enumerate(subsidiary.avoid):
            place = organisation.subsidiary_documents[code].place(("avoid", index))
            yield f"in use at {subsidiary.name}", prefix, place
    for code, inputs in organisation.sites.items():
        try:
            yield f"the block of {code}", block_of(inputs), inputs.place("block")
        except DesignError:
            continue  # said by the site's own check


# --- names that the whole world shares -----------------------------------------------------------


def _same_names(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    """Two sites whose vaults or storage accounts would have one name."""
    group, seen = organisation.organisation, dict[str, tuple[str, Place]]()
    for code, inputs in organisation.sites.items():
        rules = inputs.catalogue.naming
        names = Namer(
            rules,
            group.azure.tenant,
            group.code,
            code,
            group.azure.region,
            inputs.site.cloud.generation,
        )
        for kind in sorted(kind for kind, rule in rules.names.items() if rule.unique == "world"):
            name, place = names.name(kind), inputs.place("cloud")
            other, there = seen.setdefault(name, (code, place))
            if other != code and code in wanted:
                yield _finding(
                    "cloud-name-twice",
                    inputs,
                    place,
                    f"{kind.replace('_', ' ')} '{name}' is that of {other} too ({there})",
                    f"keep {{hash}} in the form of {kind} in catalogue/naming.yaml",
                )


def _finding(rule: str, inputs: SiteInputs, place: Place, message: str, remedy: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        subject=inputs.code,
        message=message,
        remedy=remedy,
        place=place,
    )
