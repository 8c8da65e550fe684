"""Sites that stay behind the group standard: which entries of it would change if they moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ..errors import Place
from ..findings import Finding, Severity
from ..load.catalogue import Catalogue
from ..load.levels import SettingPath
from ..load.organisation import LoadedOrganisation, SiteInputs
from ..load.standard import newest_standard

SHOWN = 6
_CONSTANTS = (
    "blackhole_vlan",
    "native_vlan",
    "mlag_vlan",
    "mlag_prefix",
    "virtual_mac",
    "management_hosts",
    "health_targets",
    "private",
    "sizing",
    "fit_out",
    "media_conflicts",
)


def site_behind(organisation: LoadedOrganisation, inputs: SiteInputs) -> Iterator[Finding]:
    """A warning where the site itself is held at an older version, with what a move changes."""
    if inputs.standard.level == "site" and inputs.standard.behind:
        yield _finding(organisation, [inputs], inputs.code, f" {inputs.code}")


def sites_behind(organisation: LoadedOrganisation, wanted: Collection[str]) -> Iterator[Finding]:
    """The same for what sites inherit: one finding of the organisation per `standard:` above them.

    Sites are looked at only where a level above them writes one.
    """
    above = {organisation.organisation.standard}
    above.update(subsidiary.standard for subsidiary in organisation.subsidiaries.values())
    if above == {None}:
        return
    held: dict[Place, list[SiteInputs]] = {}
    for code in sorted(wanted):
        pin = organisation.sites[code].standard
        if pin.behind and pin.place is not None and pin.level != "site":
            held.setdefault(pin.place, []).append(organisation.sites[code])
    for sites in held.values():
        yield _finding(organisation, sites, "organisation", "")


def _finding(
    organisation: LoadedOrganisation, sites: list[SiteInputs], subject: str, named: str
) -> Finding:
    """A warning; no more than a remark where a move would change nothing for any of the sites."""
    pin, newest = sites[0].standard, newest_standard()
    assert pin.place is not None
    later = organisation.catalogues[newest]
    found = dict.fromkeys(change for inputs in sites for change in changes(inputs, later))
    return Finding(
        rule="standard-behind",
        severity=Severity.WARNING if found else Severity.INFO,
        subject=subject,
        message=f"{_who(sites, subject)} held at standard {pin.version}; {newest} would change "
        f"{_listed(found) or 'nothing there'}",
        remedy=f"see the effect with: sitekit render --to-standard {newest}{named}; then move the "
        "pin, or delete it to follow",
        place=pin.place,
    )


def _who(sites: list[SiteInputs], subject: str) -> str:
    codes = [site.code for site in sites]
    if subject == codes[0]:
        return "the site is"
    return f"{codes[0]} is" if len(codes) == 1 else f"{len(codes)} sites ({_listed(codes)}) are"


def changes(inputs: SiteInputs, later: Catalogue) -> Iterator[str]:
    """Name every entry of the standard that another version has otherwise, and that this site uses.

    Flows count where both their zones exist at the site, services and destinations where such a
    flow names them, settings where no level of the organisation overrides them.
    """
    now = inputs.catalogue
    archetype = later.archetypes.get(inputs.archetype.name)
    if archetype != inputs.archetype:
        yield f"archetype {inputs.archetype.name}"
    segments = [*inputs.archetype.segments, *(archetype.segments if archetype else ())]
    zones = {s.zone for s in (*segments, *inputs.site.segments)}
    if inputs.productions:
        zones.add("prod")
    zones |= {name for name, zone in (*now.zones.items(), *later.zones.items()) if zone.external}
    yield from (f"zone {name}" for name in _other(now.zones, later.zones) if name in zones)
    ours, theirs = ({f.number: f.flow for f in c.flows} for c in (now, later))
    named: set[str] = set()
    for number in sorted({*ours, *theirs}):
        one, other = ours.get(number), theirs.get(number)
        known = [flow for flow in (one, other) if flow is not None]
        if not any({str(f.source), str(f.destination)} <= zones for f in known):
            continue
        named.update(name for flow in known for name in (*flow.services, *flow.to))
        if one != other:
            ends = f"{known[-1].source} -> {known[-1].destination}"
            how = "new " if one is None else "gone " if other is None else ""
            yield f"{how}flow {number} ({ends})"
    for what, old, new in (
        ("service", now.services, later.services),
        ("destination", now.destinations, later.destinations),
    ):
        yield from (f"{what} {name}" for name in _other(old, new) if name in named)
    used = {s.media for s in segments if s.media}
    yield from (f"media profile {name}" for name in _other(now.media, later.media) if name in used)
    yield from (
        f"never-rule {name}"
        for name in _other({n.id: n for n in now.never}, {n.id: n for n in later.never})
    )
    yield from (name for name in _CONSTANTS if getattr(now, name) != getattr(later, name))
    for path in _other(_leaves(now.defaults.data), _leaves(later.defaults.data)):
        origin = inputs.origins.get(path)
        if origin is None or origin.level == "sitekit":
            yield f"setting {'.'.join(path)}"


def _other(old: dict[Any, Any], new: dict[Any, Any]) -> list[Any]:
    """Keys whose values differ, or that only one of them has."""
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _leaves(data: dict[str, Any]) -> dict[SettingPath, Any]:
    found: dict[SettingPath, Any] = {}

    def walk(tree: dict[str, Any], path: SettingPath) -> None:
        for key, value in tree.items():
            if isinstance(value, dict):
                walk(value, (*path, key))
            else:
                found[(*path, key)] = value

    walk(data.get("settings", {}), ())
    return found


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = len(shown) - SHOWN
    return ", ".join(shown[:SHOWN]) + (f" and {more} more" if more > 0 else "")
