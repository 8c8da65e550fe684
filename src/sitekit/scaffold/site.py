"""A new site, sized: enough hardware, a free block, free names, uplinks that can be ready.

The standard hardware of the archetype is tried from small to large, and the design itself says
when it is enough; so what `new` writes, `check` accepts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from ..design import design_site
from ..design.addressing import block_of
from ..design.needs import of
from ..design.sizing import Sized, next_offer, size
from ..errors import DesignError, SitekitError
from ..findings import Severity
from ..load.organisation import LoadedOrganisation, SiteInputs
from ..load.validate import suggest
from ..model.catalogue import Archetype
from ..model.organisation import SupplierKind
from ..model.site import Assigned, Device, Equipment, Role, Rooms, Site

MOST_SWITCHES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWishes:
    """What somebody says about the office to be."""

    code: str
    name: str
    subsidiary: str
    archetype: str
    people: int | None
    area_m2: int | None
    street: str
    postcode: str
    city: str
    country: str
    opens: date
    closes: date | None
    ordered: date  # the day the lines are ordered
    line: IPv4Interface | None = None  # the fixed address of the first line, as the carrier writes
    gateway: IPv4Address | None = None  # the carrier's end of it


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """The two files of a new site."""

    site: str
    assigned_block: IPv4Network
    sized: Sized


def next_block(
    organisation: LoadedOrganisation, length: int, given: Iterable[IPv4Network] = ()
) -> IPv4Network:
    """The first free block of this length, beside those just given; nothing is moved.

    Raises DesignError when the pool is used up.
    """
    addresses = organisation.organisation.addresses
    taken = [
        *addresses.avoid,
        organisation.organisation.azure.hub.prefix,
        *(prefix for s in organisation.subsidiaries.values() for prefix in s.avoid),
        *_blocks(organisation),
        *given,
    ]
    last = int(addresses.pool.broadcast_address)
    start = int(addresses.pool.network_address)
    step = 1 << (32 - length)
    while start + step - 1 <= last:
        candidate = IPv4Network((start, length))
        blocking = [t for t in taken if t.overlaps(candidate)]
        if not blocking:
            return candidate
        beyond = max(int(t.broadcast_address) for t in blocking) + 1
        start = -(-beyond // step) * step
    raise DesignError(
        f"no free /{length} is left in {addresses.pool}",
        hint="widen addresses: pool: in organisation.yaml",
    )


def assign_blocks(organisation: LoadedOrganisation, codes: Iterable[str]) -> dict[str, SiteInputs]:
    """The inputs of these sites; one that has no block yet gets the next free one.

    Raises DesignError when the pool is used up.
    """
    found: dict[str, SiteInputs] = {}
    given: list[IPv4Network] = []
    for code in codes:
        inputs = organisation.sites[code]
        memory = inputs.assigned
        if inputs.site.block is None and (memory is None or memory.block is None):
            block = next_block(organisation, inputs.archetype.block_length, given)
            given.append(block)
            kept = memory.model_dump(by_alias=True) if memory else {"schema": 1, "site": code}
            inputs = replace(inputs, assigned=Assigned.model_validate({**kept, "block": block}))
        found[code] = inputs
    return found


def new_site(organisation: LoadedOrganisation, wishes: SiteWishes) -> NewSite:
    """Size the office and write it down.

    Raises SitekitError when the subsidiary or the archetype is unknown, when no carrier is
    written, or when the standard hardware is not enough for the wishes.
    """
    organisation = organisation.as_for(wishes.subsidiary)
    archetype = organisation.catalogue.archetypes.get(wishes.archetype)
    if archetype is None or wishes.subsidiary not in organisation.subsidiaries:
        what = "archetype" if archetype is None else "subsidiary"
        known = (
            organisation.catalogue.archetypes if archetype is None else (organisation.subsidiaries)
        )
        name = wishes.archetype if archetype is None else wishes.subsidiary
        raise SitekitError(
            f"there is no {what} called '{name}'",
            hint=suggest(name, known) or f"known: {', '.join(sorted(known))}",
        )
    wishes = replace(
        wishes,
        people=wishes.people or archetype.people.default,
        area_m2=wishes.area_m2 or archetype.area_m2.default,
    )
    needs = of(
        people=wishes.people or 0,
        area_m2=wishes.area_m2 or 0,
        rooms=(Rooms(), archetype.rooms),
        equipment=(Equipment(), archetype.equipment),
    )
    sized = size(needs, archetype, organisation.catalogue.sizing)
    uplinks = list(_uplinks(organisation, archetype, wishes, sized))
    block = next_block(organisation, archetype.block_length)
    complaint = ""
    for devices in _proposals(organisation, archetype, sized, uplinks):
        text = _text(wishes, archetype, uplinks, devices, sized, block)
        complaint = _complaint(organisation, wishes, archetype, uplinks, devices, block)
        if not complaint:
            return NewSite(site=text, assigned_block=block, sized=sized)
    raise SitekitError(
        f"the standard hardware of {archetype.name} is not enough: {complaint}",
        hint="choose a larger archetype, or write the file by hand",
    )


def _blocks(organisation: LoadedOrganisation) -> Iterator[IPv4Network]:
    for inputs in organisation.sites.values():
        try:
            yield block_of(inputs)
        except DesignError:
            continue


def _uplinks(
    organisation: LoadedOrganisation, archetype: Archetype, wishes: SiteWishes, sized: Sized
) -> Iterator[dict[str, object]]:
    """The archetype's lines at the rate the site needs, and an interim one if they come late."""
    carriers = [
        name
        for name, supplier in organisation.organisation.suppliers.items()
        if supplier.kind is SupplierKind.CARRIER
    ]
    if not carriers:
        raise SitekitError(
            "no carrier is written",
            hint="add one under suppliers: in organisation.yaml (kind: carrier)",
        )
    kinds = organisation.catalogue.uplink_kinds
    ready = []
    for index, kind in enumerate(archetype.hardware.uplinks):
        entry = kinds[kind]
        ready.append(wishes.ordered + timedelta(days=entry.lead_days.usual))
        rate = next_offer(entry, sized.uplink_mbps) or entry.offers.mbps[-1]
        fixed = {"addressing": _addressing(wishes)} if index == 0 and wishes.line else {}
        yield {
            "name": f"wan{index + 1}",
            "kind": kind,
            "carrier": carriers[index % len(carriers)],
            "down_mbps": rate,
            "up_mbps": rate if entry.symmetric else max(rate // 4, 1),
            "ordered": wishes.ordered,
            **fixed,
        }
    if min(ready) > wishes.opens:
        entry = kinds[archetype.hardware.interim]
        yield {
            "name": "interim",
            "kind": archetype.hardware.interim,
            "carrier": carriers[-1],
            "down_mbps": entry.offers.mbps[-1],
            "up_mbps": max(entry.offers.mbps[-1] // 4, 1),
            "ordered": wishes.ordered,
            "stage": "interim",
        }


def _addressing(wishes: SiteWishes) -> dict[str, object]:
    """The fixed address of the first line, as a site's file writes it."""
    assert wishes.line is not None
    return {
        "address": str(wishes.line.ip),
        "prefix_length": wishes.line.network.prefixlen,
        "gateway": str(wishes.gateway),
    }


def _proposals(
    organisation: LoadedOrganisation,
    archetype: Archetype,
    sized: Sized,
    uplinks: list[dict[str, object]],
) -> Iterator[list[Device]]:
    """Ever more hardware: firewalls by throughput, then switches by number."""
    models = organisation.catalogue.hardware
    standard = archetype.hardware
    rate = sum(int(str(u["down_mbps"])) for u in uplinks if "stage" not in u)
    factor = organisation.catalogue.sizing.firewall_over_uplinks
    firewall = next(
        (m for m in standard.firewall if (models[m].inspected_mbps or 0) >= factor * rate),
        standard.firewall[-1],
    )
    pair = 2 if archetype.redundancy == "full" else 1
    points = Device(role=Role.ACCESS_POINT, model=standard.access_point, count=sized.access_points)
    for number in range(1, MOST_SWITCHES + 1):
        for model in standard.access:
            fronts = sum(g.count for g in models[model].ports if g.default == "front")
            if fronts * number < sized.ports:
                continue
            stacks = models[model].stack_members_max > 1
            access = (
                [Device(role=Role.ACCESS, model=model, stack=number)]
                if stacks and number <= models[model].stack_members_max
                else [Device(role=Role.ACCESS, model=model)] * number
            )
            core = [Device(role=Role.CORE, model=standard.core[0])] * 2 if standard.core else []
            fw = [Device(role=Role.FIREWALL, model=firewall)] * pair
            yield [*fw, *core, *access, points]


def _complaint(
    organisation: LoadedOrganisation,
    wishes: SiteWishes,
    archetype: Archetype,
    uplinks: list[dict[str, object]],
    devices: list[Device],
    block: IPv4Network,
) -> str:
    """The first error that the design itself finds in a proposal, or nothing."""
    site = Site.model_validate(
        {
            "schema": 1,
            "name": wishes.name,
            "subsidiary": wishes.subsidiary,
            "archetype": wishes.archetype,
            "address": {
                "street": wishes.street,
                "postcode": wishes.postcode,
                "city": wishes.city,
                "country": wishes.country,
            },
            "area_m2": wishes.area_m2,
            "people": wishes.people,
            "opens": wishes.opens,
            "closes": wishes.closes,
            "uplinks": uplinks,
            "devices": devices,
        }
    )
    assigned = Assigned.model_validate({"schema": 1, "site": wishes.code, "block": block})
    inputs = _inputs(organisation, wishes.code, site, archetype, assigned)
    errors = [f for f in design_site(inputs).findings if f.severity is Severity.ERROR]
    return errors[0].message if errors else ""


def _inputs(
    organisation: LoadedOrganisation,
    code: str,
    site: Site,
    archetype: Archetype,
    assigned: Assigned,
) -> SiteInputs:
    """The inputs of a site that is not on disk yet."""
    settings, origins = organisation.settings_of(site.subsidiary, archetype.name, code)
    return SiteInputs(
        code=code,
        site=site,
        subsidiary_code=site.subsidiary,
        subsidiary=organisation.subsidiaries[site.subsidiary],
        organisation=organisation.organisation,
        archetype=archetype,
        catalogue=organisation.catalogue,
        settings=settings,
        origins=origins,
        assigned=assigned,
        productions=(),
        document=organisation.document,
        organisation_document=organisation.document,
        subsidiary_document=organisation.subsidiary_documents[site.subsidiary],
        archetype_document=organisation.catalogue.archetype_documents[archetype.name],
        assigned_document=None,
    )


def _text(
    wishes: SiteWishes,
    archetype: Archetype,
    uplinks: list[dict[str, object]],
    devices: list[Device],
    sized: Sized,
    block: IPv4Network,
) -> str:
    return "\n".join(_lines(wishes, archetype, uplinks, devices, sized, block)) + "\n"


def _lines(
    wishes: SiteWishes,
    archetype: Archetype,
    uplinks: list[dict[str, object]],
    devices: list[Device],
    sized: Sized,
    block: IPv4Network,
) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../.schemas/site.json"
    yield "schema: 1"
    yield f"name: {_quoted(wishes.name)}"
    yield f"subsidiary: {wishes.subsidiary}"
    yield f"archetype: {wishes.archetype} # {archetype.title_en}"
    yield (
        f"address: {{ street: {_quoted(wishes.street)}, postcode: {_quoted(wishes.postcode)}, "
        f"city: {_quoted(wishes.city)}, country: {wishes.country} }}"
    )
    yield f"area_m2: {wishes.area_m2}"
    yield f"people: {wishes.people}"
    yield f"opens: {wishes.opens}"
    if wishes.closes is not None:
        yield f"closes: {wishes.closes}"
    yield f"# The block, {block}, is in {wishes.code}.assigned.yaml: keep both files together."
    yield ""
    yield (
        f"uplinks: # {sized.demand_mbps} Mbit/s are needed; "
        f"at least {sized.uplink_mbps} are ordered"
    )
    for uplink in uplinks:
        pairs = ", ".join(
            f"{key}: {value}" for key, value in uplink.items() if not isinstance(value, dict)
        )
        fixed = uplink.get("addressing")
        if isinstance(fixed, dict):
            inner = ", ".join(f"{key}: {value}" for key, value in fixed.items())
            yield f"  - {{ {pairs},"
            yield f"      addressing: {{ {inner} }} }}"
        else:
            yield f"  - {{ {pairs} }}"
    if wishes.line is None:
        yield "    # When the carrier's letter is there, add its fixed address, for the tunnel:"
        yield "    # addressing: { address: 192.0.2.2, prefix_length: 30, gateway: 192.0.2.1 }"
    yield ""
    yield (
        f"devices: # {sized.ports} switch ports, {sized.poe_w} W PoE, "
        f"{sized.access_points} access points are needed; add serial: when they arrive"
    )
    for device in devices:
        extra = f", count: {device.count}" if device.count > 1 else ""
        extra += f", stack: {device.stack}" if device.stack > 1 else ""
        yield f"  - {{ role: {device.role.value}, model: {device.model}{extra} }}"
    yield ""
    yield "# endpoints: machines that need a fixed port or address"
    yield "#   - { name: printer-1, kind: printer, segment: print, mac: '02:00:5e:00:00:01' }"


def _quoted(text: str) -> str:
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
