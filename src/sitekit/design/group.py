"""The checks that need more than one site, and the waivers that accept findings for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from ..errors import DesignError, Place
from ..findings import Finding, Severity
from ..load.organisation import LoadedOrganisation, SiteInputs
from ..load.spread import spread
from ..model.organisation import Waiver
from . import design_site
from .addressing import block_of
from .result import SiteDesign

OfDesign = Callable[[LoadedOrganisation, SiteDesign], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """A finding that a waiver accepts until a day."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `check` found: open findings first by place, accepted ones apart."""

    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...]
    sites: int

    @property
    def is_as_designed(self) -> bool:
        """True when no error is open."""
        return not any(f.severity is Severity.ERROR for f in self.findings)


def check_organisation(
    organisation: LoadedOrganisation,
    *,
    today: date,
    sites: Iterable[str] | None = None,
    progress: Callable[[str], None] | None = None,
    executor: Executor | None = None,
    workers: int = 1,
    on_lost_workers: Callable[[], None] | None = None,
    also: Iterable[Finding] = (),
    and_of: OfDesign | None = None,
) -> Report:
    """Design the sites and look at each and at all of them together.

    `today` decides which waivers still hold. `sites` limits what is reported to these codes;
    addresses are compared with every site of the organisation all the same. `executor` spreads the
    sites over `workers` of it (see `sitekit.load.spread`); the report is the same. `also` are
    findings of somebody else (of the rendered text, say), which the same waivers may accept;
    `and_of`, a function of a module, finds more in each design.
    """
    wanted = set(organisation.sites if sites is None else sites)
    found: list[Finding] = [*_between_sites(organisation, wanted), *also]
    codes = sorted(wanted)
    each = spread(
        findings_of if and_of is None else partial(findings_of, and_of=and_of),
        organisation,
        codes,
        executor=executor,
        workers=workers,
        on_lost_workers=on_lost_workers,
    )
    for code, findings in zip(codes, each, strict=True):
        found += findings
        if progress is not None:
            progress(code)
    found += _expired(organisation, wanted, today)
    return _weigh(organisation, found, today, len(wanted))


def findings_of(
    organisation: LoadedOrganisation, code: str, *, and_of: OfDesign | None = None
) -> tuple[Finding, ...]:
    """The findings of one site; one that cannot be designed at all is a finding too."""
    inputs = organisation.sites[code]
    try:
        design = design_site(inputs)
        more = and_of(organisation, design) if and_of is not None else ()
        return (*design.findings, *more)
    except DesignError as error:
        return (
            Finding(
                rule="no-design",
                severity=Severity.ERROR,
                subject=inputs.code,
                message=error.message,
                remedy=error.hint,
                place=inputs.place("block"),
            ),
        )


def _weigh(
    organisation: LoadedOrganisation, found: Iterable[Finding], today: date, sites: int
) -> Report:
    valid = {
        (waiver.scope, waiver.rule): waiver
        for waiver in organisation.waivers
        if waiver.opened <= today <= waiver.expires
    }
    findings: list[Finding] = []
    waived: list[Waived] = []
    for finding in sorted(set(found), key=lambda f: (f.place, f.rule, f.message)):
        waiver = valid.get((finding.subject, finding.rule))
        if waiver is None:
            findings.append(finding)
        else:
            waived.append(Waived(finding=finding, waiver=waiver))
    return Report(findings=tuple(findings), waived=tuple(waived), sites=sites)


# --- addresses across the organisation ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Taken:
    """An address range with who has it."""

    prefix: IPv4Network
    what: str
    site: str
    place: Place


def _between_sites(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    blocks = sorted(_blocks(organisation), key=lambda b: b.prefix)
    pool = organisation.organisation.addresses.pool
    for block in blocks:
        if block.site in wanted and not block.prefix.subnet_of(pool):
            yield _finding(
                "block-outside-pool",
                block,
                f"block {block.prefix} is outside the organisation's pool {pool}",
                "choose a block of the pool; sitekit new site picks a free one",
            )
    for a, b in _overlaps(blocks):
        for one, other in ((a, b), (b, a)):
            if one.site in wanted:
                yield _finding(
                    "block-overlap",
                    one,
                    f"block {one.prefix} of {one.site} overlaps {other.prefix} of {other.site} "
                    f"({other.place})",
                    "keep the one that is in service, and give the other site a free block",
                )
    reserved = list(_reserved(organisation))
    for block in blocks:
        if block.site in wanted:
            for range_ in reserved:
                if range_.prefix.overlaps(block.prefix):
                    yield _finding(
                        "block-reserved",
                        block,
                        f"block {block.prefix} overlaps {range_.prefix}, {range_.what} "
                        f"({range_.place})",
                        "choose another block; sitekit new site picks a free one",
                    )
    yield from _names_twice(organisation, wanted)
    yield from _lines_twice(organisation, wanted)


def _blocks(organisation: LoadedOrganisation) -> Iterator[_Taken]:
    for code, inputs in organisation.sites.items():
        try:
            prefix = block_of(inputs)
        except DesignError:
            continue  # said by the site's own check
        document = inputs.document
        if inputs.site.block is None and inputs.assigned_document is not None:
            document = inputs.assigned_document
        yield _Taken(prefix, "block", code, document.place(("block",)))


def _overlaps(blocks: list[_Taken]) -> Iterator[tuple[_Taken, _Taken]]:
    """Pairs that overlap, in one pass over blocks sorted by address."""
    reaching: list[_Taken] = []
    for block in blocks:
        reaching = [b for b in reaching if b.prefix.overlaps(block.prefix)]
        yield from ((earlier, block) for earlier in reaching)
        reaching.append(block)


def _reserved(organisation: LoadedOrganisation) -> Iterator[_Taken]:
    document = organisation.document
    for index, prefix in enumerate(organisation.organisation.addresses.avoid):
        place = document.place(("addresses", "avoid", index))
        yield _Taken(prefix, "a range to avoid", "", place)
    hub = organisation.organisation.azure.hub
    yield _Taken(hub.prefix, "the Azure hub", "", document.place(("azure", "hub", "prefix")))
    for code, subsidiary in organisation.subsidiaries.items():
        for index, prefix in enumerate(subsidiary.avoid):
            place = organisation.subsidiary_documents[code].place(("avoid", index))
            yield _Taken(prefix, f"in use at {subsidiary.name}", "", place)


def _names_twice(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    """Device names are unique in the whole group: logs and tickets know no site."""
    seen: dict[str, tuple[str, Place]] = {}
    for code, inputs in organisation.sites.items():
        for name, place in _device_names(inputs):
            other = seen.setdefault(name, (code, place))
            if other[0] != code and code in wanted:
                yield Finding(
                    rule="name-twice",
                    severity=Severity.ERROR,
                    subject=code,
                    message=f"device '{name}' exists at {other[0]} too ({other[1]})",
                    remedy="device names are unique in the group: begin them with the site's code",
                    place=place,
                )


def _device_names(inputs: SiteInputs) -> Iterator[tuple[str, Place]]:
    """Names that somebody wrote, then those that are remembered."""
    for index, device in enumerate(inputs.site.devices):
        if device.name is not None:
            yield device.name, inputs.place("devices", index, "name")
    if inputs.assigned is not None and inputs.assigned_document is not None:
        for role, names in inputs.assigned.devices.items():
            for index, name in enumerate(names):
                yield name, inputs.assigned_document.place(("devices", role, index))


def _lines_twice(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    """A fixed public address belongs to one line of one site."""
    seen: dict[IPv4Address, tuple[str, str, Place]] = {}
    for code, inputs in organisation.sites.items():
        for index, uplink in enumerate(inputs.site.uplinks):
            if uplink.addressing == "dhcp":
                continue
            place = inputs.place("uplinks", index, "addressing", "address")
            address = uplink.addressing.address
            other, name, there = seen.setdefault(address, (code, uplink.name, place))
            if there != place and code in wanted:
                yield Finding(
                    rule="address-taken",
                    severity=Severity.ERROR,
                    subject=code,
                    message=f"uplink {uplink.name} has {address}, which {name} of {other} has too "
                    f"({there})",
                    remedy="copy the address from the carrier's letter",
                    place=place,
                )


def _expired(organisation: LoadedOrganisation, wanted: set[str], today: date) -> Iterator[Finding]:
    document = organisation.waiver_document
    if document is None:
        return
    for index, waiver in enumerate(organisation.waivers):
        if waiver.expires < today and waiver.scope in {*wanted, "organisation"}:
            yield Finding(
                rule="GOV-002",
                severity=Severity.ERROR,
                subject=waiver.scope,
                message=f"waiver {waiver.id} ended on {waiver.expires}",
                remedy="mend what it accepted, or have it approved anew",
                place=document.place(("waivers", index, "expires")),
            )


def _finding(rule: str, block: _Taken, message: str, remedy: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        subject=block.site,
        message=message,
        remedy=remedy,
        place=block.place,
    )
