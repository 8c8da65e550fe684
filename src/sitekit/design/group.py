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
from ..load.organisation import LoadedOrganisation
from ..load.spread import spread
from ..load.undisturbed import undisturbed
from ..model.organisation import Waiver
from . import design_site
from .result import SiteDesign
from .standards import site_behind, sites_behind

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

    Where the organisation was loaded with a memory, sites whose findings it knows are not designed.

    `today` decides which waivers still hold. `sites` limits what is reported to these codes;
    addresses are compared with every site of the organisation all the same. `executor` spreads the
    sites over `workers` of it (see `sitekit.load.spread`); the report is the same. `also` are
    findings of somebody else (of the rendered text, say), which the same waivers may accept;
    `and_of`, a function of a module, finds more in each design.
    """
    wanted = set(organisation.sites if sites is None else sites)
    found: list[Finding] = [
        *_between_sites(organisation, wanted),
        *sites_behind(organisation, wanted),
        *also,
    ]
    codes = sorted(wanted)
    memory = organisation.memory
    more = _named(and_of)
    known = {c: f for c in codes if memory and (f := memory.findings(c, more=more)) is not None}
    each = undisturbed(
        spread(
            findings_of if and_of is None else partial(findings_of, and_of=and_of),
            organisation,
            [code for code in codes if code not in known],
            executor=executor,
            workers=workers,
            on_lost_workers=on_lost_workers,
        )
    )
    for code in codes:
        findings = known.get(code)
        if findings is None:
            findings = next(each)
            if memory is not None:
                memory.keep_findings(code, findings, more=more)
        found += findings
        if progress is not None:
            progress(code)
    found += _expired(organisation, wanted, today)
    return _weigh(organisation, found, today, len(wanted))


def undesigned(
    organisation: LoadedOrganisation, codes: Iterable[str], *, and_of: OfDesign | None = None
) -> tuple[str, ...]:
    """The sites of these whose findings no memory knows: they have to be designed."""
    memory, more = organisation.memory, _named(and_of)
    return tuple(c for c in codes if memory is None or memory.findings(c, more=more) is None)


def _named(and_of: OfDesign | None) -> str:
    """Which findings besides those of the design a memory has to have."""
    return "" if and_of is None else f"{and_of.__module__}.{and_of.__qualname__}"


def findings_of(
    organisation: LoadedOrganisation, code: str, *, and_of: OfDesign | None = None
) -> tuple[Finding, ...]:
    """The findings of one site; one that cannot be designed at all is a finding too."""
    inputs = organisation.sites[code]
    behind = tuple(site_behind(organisation, inputs))
    try:
        design = design_site(inputs)
        more = and_of(organisation, design) if and_of is not None else ()
        return (*design.findings, *behind, *more)
    except DesignError as error:
        return (
            *behind,
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
    for code in organisation.sites:
        block = organisation.summary(code).block
        if block is not None:  # else said by the site's own check
            yield _Taken(block[0], "block", code, block[1])


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
    for code in organisation.sites:
        for name, place in organisation.summary(code).devices:
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


def _lines_twice(organisation: LoadedOrganisation, wanted: set[str]) -> Iterator[Finding]:
    """A fixed public address belongs to one line of one site."""
    seen: dict[IPv4Address, tuple[str, str, Place]] = {}
    for code in organisation.sites:
        for address, uplink, place in organisation.summary(code).lines:
            other, name, there = seen.setdefault(address, (code, uplink, place))
            if there != place and code in wanted:
                yield Finding(
                    rule="address-taken",
                    severity=Severity.ERROR,
                    subject=code,
                    message=f"uplink {uplink} has {address}, which {name} of {other} has too "
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
