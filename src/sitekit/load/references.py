"""Names that must exist: each reference in the YAML points at something, or is complained about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from ..errors import Problem
from ..model.catalogue import Archetype
from ..model.organisation import Organisation, Productions, Subsidiary, SupplierKind, Waivers
from ..model.site import Assigned, Flow, Role, Segment, Site
from .catalogue import Catalogue, PlacedFlow
from .validate import suggest
from .yaml_source import Document

KeyPath = tuple[str | int, ...]
RESERVED_TOP = 128


def check_references(
    *,
    catalogues: Iterable[Catalogue],
    catalogue_of: Mapping[str, Catalogue],
    organisation: Organisation | None,
    subsidiaries: Mapping[str, tuple[Document, Subsidiary | None]],
    sites: Mapping[str, tuple[Document, Site | None]],
    assigned: Mapping[str, tuple[Document, Assigned | None]],
    productions: tuple[Document | None, Productions | None],
    waivers: tuple[Document | None, Waivers | None],
    people: Callable[[], Collection[str]] | None,
    problems: list[Problem],
    known_sites: Iterable[str] = (),
) -> None:
    """Add a problem for every name that nothing has.

    `catalogues` are those that anything here is built to, the organisation's first, and
    `catalogue_of` has that of each site. `people` gives the ids of the persons, None
    where no file of them is understood. `known_sites` exist and have been checked before: their
    files are not among `sites`.

    Where organisation.yaml itself cannot be understood, nothing is said about what it would name.
    """
    codes = {*sites, *known_sites}
    said: set[Problem] = set()
    for number, catalogue in enumerate({each.standard: each for each in catalogues}.values()):
        found: list[Problem] = []
        _check_catalogue(catalogue, organisation, found)
        # The same files lie over every version of the standard: said once where it is the same.
        extra = f" (standard {catalogue.standard})" if number else ""
        problems += [replace(p, message=p.message + extra) for p in found if p not in said]
        said.update(found)
    for document, subsidiary in subsidiaries.values():
        if subsidiary is not None:
            _check_subsidiary(document, subsidiary, organisation, problems)
    for code, (document, site) in sites.items():
        if site is not None:
            _SiteCheck(document, site, catalogue_of[code], organisation, problems).run(
                set(subsidiaries), productions[1], code
            )
    for code, (document, memory) in assigned.items():
        if code not in codes:
            _complain(
                problems,
                document,
                (),
                f"there is no site '{code}'",
                "remove this file, or rename it",
            )
        elif memory is not None and memory.site != code:
            _complain(
                problems,
                document,
                ("site",),
                f"this file belongs to '{code}' but says '{memory.site}'",
                "files of chosen values are never copied to another site: remove it",
            )
    _check_productions(productions, set(subsidiaries), codes, problems)
    _check_waivers(waivers, codes, problems)
    _check_owners(productions, waivers, people, problems)


def _check_subsidiary(
    document: Document,
    subsidiary: Subsidiary,
    organisation: Organisation | None,
    problems: list[Problem],
) -> None:
    for service, actors in subsidiary.actors.items():
        if actors.contract and actors.contract.notice_by > actors.contract.ends:
            _complain(
                problems,
                document,
                ("actors", service, "contract", "notice_by"),
                f"notice by {actors.contract.notice_by} is after the contract's end "
                f"{actors.contract.ends}",
                "notice_by is the last day on which notice can be given",
            )
        if organisation is None or actors.supplier is None:
            continue
        if actors.supplier not in organisation.suppliers:
            at: KeyPath = ("actors", service, "supplier")
            _unknown(problems, document, at, "supplier", actors.supplier, organisation.suppliers)


def _check_productions(
    productions: tuple[Document | None, Productions | None],
    subsidiaries: set[str],
    sites: set[str],
    problems: list[Problem],
) -> None:
    document, written = productions
    if document is None or written is None:
        return
    seen: dict[str, int] = {}
    slots: dict[tuple[str, int], str] = {}
    for index, production in enumerate(written.productions):
        at: KeyPath = ("productions", index)
        if production.code in seen:
            _complain(
                problems,
                document,
                (*at, "code"),
                f"there are two productions '{production.code}'",
                "give each production its own code",
            )
        seen[production.code] = index
        if production.subsidiary not in subsidiaries:
            _unknown(
                problems,
                document,
                (*at, "subsidiary"),
                "subsidiary",
                production.subsidiary,
                subsidiaries,
            )
        if production.ends < production.starts:
            _complain(
                problems,
                document,
                (*at, "ends"),
                f"ends {production.ends} is before starts {production.starts}",
                "exchange the two dates, or correct one",
            )
        for position, network in enumerate(production.networks):
            here = (*at, "networks", position)
            if network.site not in sites:
                _unknown(problems, document, (*here, "site"), "site", network.site, sites)
            other = slots.setdefault((network.site, network.slot), production.code)
            if other != production.code:
                _complain(
                    problems,
                    document,
                    (*here, "slot"),
                    f"productions '{other}' and '{production.code}' both take slot "
                    f"{network.slot} of {network.site}",
                    "choose a slot that no production has",
                )


def _check_waivers(
    waivers: tuple[Document | None, Waivers | None], sites: set[str], problems: list[Problem]
) -> None:
    document, written = waivers
    if document is None or written is None:
        return
    seen: set[str] = set()
    longest = {"low": 365, "medium": 180, "high": 90, "critical": 30}
    for index, waiver in enumerate(written.waivers):
        at: KeyPath = ("waivers", index)
        if waiver.scope not in sites and waiver.scope != "organisation":
            _unknown(
                problems, document, (*at, "scope"), "site", waiver.scope, {*sites, "organisation"}
            )
        if waiver.id in seen:
            _complain(
                problems,
                document,
                (*at, "id"),
                f"there are two waivers {waiver.id}",
                "give each waiver its own id",
            )
        seen.add(waiver.id)
        days = (waiver.expires - waiver.opened).days
        if not 0 < days <= longest[waiver.risk]:
            _complain(
                problems,
                document,
                (*at, "expires"),
                f"a waiver of {waiver.risk} risk lasts 1 to {longest[waiver.risk]} days; "
                f"this one lasts {days}",
                "choose an earlier date and review it then",
            )


def _check_owners(
    productions: tuple[Document | None, Productions | None],
    waivers: tuple[Document | None, Waivers | None],
    people: Callable[[], Collection[str]] | None,
    problems: list[Problem],
) -> None:
    """Who answers for a production or a waiver is somebody whom people.csv knows."""
    owned = [
        *(
            (productions[0], ("productions", index, "owner"), production.owner)
            for index, production in enumerate(productions[1].productions if productions[1] else ())
        ),
        *(
            (waivers[0], ("waivers", index, "owner"), waiver.owner)
            for index, waiver in enumerate(waivers[1].waivers if waivers[1] else ())
        ),
    ]
    if people is None or not owned:
        return
    known = people()
    for document, at, owner in owned:
        if document is not None and owner not in known:
            hint = suggest(owner, known) or "write the person_id of somebody in people.csv"
            message = f"nobody in people.csv has the id '{owner}'"
            problems.append(Problem(document.place(at), message, hint))


def _check_catalogue(
    catalogue: Catalogue, organisation: Organisation | None, problems: list[Problem]
) -> None:
    """Archetypes and flows name zones, media, services and destinations that exist."""
    for name, archetype in catalogue.archetypes.items():
        document = catalogue.archetype_documents[name]
        _check_segments(document, ("segments",), archetype.segments, catalogue, problems)
        _check_slots(document, archetype, problems)
        _check_standard(document, archetype, catalogue, problems)
        for index, flow in enumerate(archetype.flows):
            names = {segment.name for segment in archetype.segments}
            _check_flow(document, ("flows", index), flow, names, catalogue, (), problems)
        for index, ssid in enumerate(archetype.ssids):
            if ssid.segment not in {segment.name for segment in archetype.segments}:
                _unknown(
                    problems,
                    document,
                    ("ssids", index, "segment"),
                    "segment",
                    ssid.segment,
                    {segment.name for segment in archetype.segments},
                )
    destinations = organisation.destinations if organisation else {}
    for placed in catalogue.flows:
        _check_placed_flow(placed, catalogue, destinations, problems)
    for name, profile in catalogue.media.items():
        for service in (*profile.services, *(group.service for group in profile.groups)):
            if service not in catalogue.services:
                hint = suggest(service, catalogue.services) or "add it to the services"
                message = f"media profile '{name}': there is no service called '{service}'"
                problems.append(Problem(catalogue.media_places[name], message, hint))
    for name, model in catalogue.hardware.items():
        if model.platform not in catalogue.platforms and not model.platform.endswith("-ap"):
            problems.append(
                Problem(
                    catalogue.hardware_places[name],
                    f"hardware model '{name}' runs '{model.platform}', which no folder provides",
                    suggest(model.platform, catalogue.platforms)
                    or f"known platforms: {', '.join(sorted(catalogue.platforms))}",
                )
            )


def _check_standard(
    document: Document, archetype: Archetype, catalogue: Catalogue, problems: list[Problem]
) -> None:
    """What every design stands on: a management network, a transit network, existing hardware."""
    zones = {segment.zone for segment in archetype.segments}
    cores = [s.name for s in archetype.segments if s.gateway == "core"]
    for zone, why in (("net_mgmt", "devices are managed"), ("transit", "a core routes")):
        if zone not in zones and (zone == "net_mgmt" or cores):
            _complain(
                problems,
                document,
                ("segments",),
                f"archetype '{archetype.name}' has no segment in zone {zone}, where {why}",
                f"add one with zone: {zone}",
            )
    hardware = archetype.hardware
    for key, what, names, known in (
        ("firewall", "hardware model", hardware.firewall, set(catalogue.hardware)),
        ("core", "hardware model", hardware.core, set(catalogue.hardware)),
        ("access", "hardware model", hardware.access, set(catalogue.hardware)),
        ("access_point", "hardware model", (hardware.access_point,), set(catalogue.hardware)),
        ("uplinks", "kind of uplink", hardware.uplinks, set(catalogue.uplink_kinds)),
        ("interim", "kind of uplink", (hardware.interim,), set(catalogue.uplink_kinds)),
    ):
        for index, name in enumerate(names):
            if name not in known:
                _unknown(problems, document, ("hardware", key, index), what, name, known)


def _check_segments(
    document: Document,
    at: KeyPath,
    segments: Iterable[Segment],
    catalogue: Catalogue,
    problems: list[Problem],
) -> None:
    names: set[str] = set()
    vlans: dict[int, str] = {}
    for index, segment in enumerate(segments):
        here = (*at, index)
        zone = catalogue.zones.get(segment.zone)
        if zone is None or zone.external:
            known = [name for name, z in catalogue.zones.items() if not z.external]
            _unknown(problems, document, (*here, "zone"), "zone", segment.zone, known)
        if segment.media is not None and segment.media not in catalogue.media:
            _unknown(
                problems,
                document,
                (*here, "media"),
                "media profile",
                segment.media,
                catalogue.media,
            )
        profile = catalogue.media.get(segment.media or "")
        if profile is not None and (segment.mtu or 1500) != profile.mtu:
            _complain(
                problems,
                document,
                (*here, "mtu"),
                f"segment '{segment.name}' has frames of {segment.mtu or 1500} bytes, and "
                f"{profile.title} asks for {profile.mtu}",
                f"write mtu: {profile.mtu}, or another media profile",
            )
        if segment.name in names:
            _complain(
                problems,
                document,
                (*here, "name"),
                f"there are two segments '{segment.name}'",
                "give each segment its own name",
            )
        names.add(segment.name)
        other = vlans.setdefault(segment.vlan, segment.name)
        if other != segment.name:
            _complain(
                problems,
                document,
                (*here, "vlan"),
                f"segments '{other}' and '{segment.name}' both want VLAN {segment.vlan}",
                "choose a VLAN that no segment of the site has",
            )
        if segment.vlan in (catalogue.blackhole_vlan, catalogue.native_vlan, catalogue.mlag_vlan):
            _complain(
                problems,
                document,
                (*here, "vlan"),
                f"VLAN {segment.vlan} is reserved for unused ports, trunks and pairs of cores",
                "choose another VLAN",
            )


def _check_placed_flow(
    placed: PlacedFlow, catalogue: Catalogue, destinations: Iterable[str], problems: list[Problem]
) -> None:
    """A flow of the catalogue names zones, services and destinations that exist."""
    everywhere = {*catalogue.destinations, *destinations}
    for what, wanted, known in (
        ("zone", (placed.flow.source, placed.flow.destination), catalogue.zones),
        ("service", placed.flow.services, catalogue.services),
        ("destination", placed.flow.to, everywhere),
    ):
        for name in wanted:
            if isinstance(name, str) and name not in known:
                problems.append(
                    Problem(
                        placed.place,
                        f"flow {placed.number}: there is no {what} called '{name}'",
                        suggest(name, known) or f"add it to the {what}s of the catalogue",
                    )
                )


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    first: int
    last: int


def segment_range(name: str, slot: int, prefix_length: int, slot_length: int) -> _Range:
    """The addresses of a segment, counted in single addresses from the start of the block."""
    first = slot << (32 - slot_length)
    return _Range(name, first, first + (1 << (32 - prefix_length)) - 1)


def check_slots(
    document: Document,
    archetype: Archetype,
    extra: Iterable[tuple[KeyPath, str, int, int]],
    block_length: int,
    problems: list[Problem],
) -> None:
    """Segments stand on multiples of their size, inside the block, and nowhere overlap."""
    taken: list[_Range] = []
    written: list[tuple[KeyPath | None, str, int, int]] = [
        (None, s.name, s.slot, s.prefix_length) for s in archetype.segments
    ]
    if archetype.productions:
        range_ = archetype.productions
        written.append((None, "productions", range_.slot, range_.prefix_length))
    written += list(extra)
    for at, name, slot, length in written:
        here = segment_range(name, slot, length, archetype.slot_length)
        place: KeyPath = at if at is not None else ("segments",)
        size = here.last - here.first + 1
        if here.first % size:
            _complain(
                problems,
                document,
                place,
                f"segment '{name}' has {size} addresses and cannot begin at slot {slot}",
                f"choose a slot that is a multiple of {size >> (32 - archetype.slot_length)}",
            )
        if here.last >= (1 << (32 - block_length)) - RESERVED_TOP:
            _complain(
                problems,
                document,
                place,
                f"segment '{name}' at slot {slot} is outside a /{block_length} block, whose "
                f"last {RESERVED_TOP} addresses are kept for the router id and remote users",
                "choose a lower slot, or give the site a larger block",
            )
        for other in taken:
            if here.first <= other.last and other.first <= here.last:
                _complain(
                    problems,
                    document,
                    place,
                    f"segments '{other.name}' and '{name}' overlap (slot {slot})",
                    "choose a slot that no segment covers",
                )
        taken.append(here)


def _check_slots(document: Document, archetype: Archetype, problems: list[Problem]) -> None:
    check_slots(document, archetype, (), archetype.block_length, problems)


def _check_flow(
    document: Document,
    at: KeyPath,
    flow: Flow,
    segments: set[str],
    catalogue: Catalogue,
    destinations: Iterable[str],
    problems: list[Problem],
) -> None:
    known = {*catalogue.zones, *segments}
    for key, end in (("source", flow.source), ("destination", flow.destination)):
        if not isinstance(end, IPv4Network) and end not in known:
            _unknown(problems, document, (*at, key), "zone or segment", end, known)
    for index, service in enumerate(flow.services):
        if service not in catalogue.services:
            _unknown(
                problems,
                document,
                (*at, "services", index),
                "service",
                service,
                catalogue.services,
            )
    everywhere = {*catalogue.destinations, *destinations}
    for index, name in enumerate(flow.to):
        if name not in everywhere:
            _unknown(problems, document, (*at, "to", index), "destination", name, everywhere)


class _SiteCheck:
    """All references of one site file."""

    def __init__(
        self,
        document: Document,
        site: Site,
        catalogue: Catalogue,
        organisation: Organisation | None,
        problems: list[Problem],
    ) -> None:
        self.document = document
        self.site = site
        self.catalogue = catalogue
        self.organisation = organisation
        self.problems = problems

    def run(self, subsidiaries: set[str], productions: Productions | None, code: str) -> None:
        site, catalogue = self.site, self.catalogue
        if site.subsidiary not in subsidiaries:
            self.unknown(("subsidiary",), "subsidiary", site.subsidiary, subsidiaries)
        archetype = catalogue.archetypes.get(site.archetype)
        if archetype is None:
            self.unknown(("archetype",), "archetype", site.archetype, catalogue.archetypes)
            return
        names = {segment.name for segment in (*archetype.segments, *site.segments)}
        for production in productions.productions if productions else ():
            for network in production.networks:
                if network.site == code:
                    names.add(f"prd-{production.code}")
        if site.closes and site.closes <= site.opens:
            self.complain(
                ("closes",),
                f"closes {site.closes} is not after opens {site.opens}",
                "exchange the two dates, or correct one",
            )
        self.uplinks()
        self.devices()
        self.segments(archetype)
        self.endpoints(names)
        for index, flow in enumerate(site.flows):
            _check_flow(
                self.document,
                ("flows", index),
                flow,
                names,
                catalogue,
                self.organisation.destinations if self.organisation else (),
                self.problems,
            )

    def uplinks(self) -> None:
        carriers = {
            name
            for name, supplier in (self.organisation.suppliers.items() if self.organisation else ())
            if supplier.kind is SupplierKind.CARRIER
        }
        seen: set[str] = set()
        for index, uplink in enumerate(self.site.uplinks):
            at: KeyPath = ("uplinks", index)
            if uplink.kind not in self.catalogue.uplink_kinds:
                self.unknown(
                    (*at, "kind"), "kind of uplink", uplink.kind, self.catalogue.uplink_kinds
                )
            if self.organisation and uplink.carrier not in carriers:
                self.unknown((*at, "carrier"), "carrier", uplink.carrier, carriers)
            if uplink.name in seen:
                self.complain(
                    (*at, "name"),
                    f"there are two uplinks '{uplink.name}'",
                    "give each uplink its own name",
                )
            seen.add(uplink.name)
            if uplink.addressing != "dhcp":
                own = IPv4Network(
                    (uplink.addressing.address, uplink.addressing.prefix_length), strict=False
                )
                if uplink.addressing.gateway not in own:
                    self.complain(
                        (*at, "addressing", "gateway"),
                        f"gateway {uplink.addressing.gateway} is outside {own}",
                        "copy address, prefix length and gateway from the carrier's letter",
                    )
                elif uplink.addressing.gateway == uplink.addressing.address:
                    self.complain(
                        (*at, "addressing", "gateway"),
                        f"gateway {uplink.addressing.gateway} is the site's own address",
                        "copy address, prefix length and gateway from the carrier's letter",
                    )

    def devices(self) -> None:
        seen: set[str] = set()
        serials: set[str] = set()
        for index, device in enumerate(self.site.devices):
            at: KeyPath = ("devices", index)
            model = self.catalogue.hardware.get(device.model)
            if model is None:
                same = [n for n, m in self.catalogue.hardware.items() if device.role in m.roles]
                self.unknown((*at, "model"), "hardware model", device.model, same)
            else:
                if device.role not in model.roles:
                    roles = " or ".join(role.value for role in model.roles)
                    self.complain(
                        (*at, "role"),
                        f"a {model.product} is not used as {device.role.value}",
                        f"its role is {roles}; choose another model for this role",
                    )
                if device.platform is not None and device.platform != model.platform:
                    self.complain(
                        (*at, "platform"),
                        f"a {model.product} runs {model.platform}, not {device.platform}",
                        "leave platform out: the model says it",
                    )
                if device.stack > model.stack_members_max:
                    self.complain(
                        (*at, "stack"),
                        f"a {model.product} stacks {model.stack_members_max} members at most, "
                        f"not {device.stack}",
                        "write several devices, or choose a model that stacks",
                    )
            written = (device.serial,) if isinstance(device.serial, str) else device.serial
            for serial in written or ():
                if serial in serials:
                    self.complain(
                        (*at, "serial"),
                        f"two boxes have the serial number {serial}",
                        "read it from the label of each",
                    )
                serials.add(serial)
            if device.name is not None:
                if device.name in seen:
                    self.complain(
                        (*at, "name"),
                        f"there are two devices '{device.name}'",
                        "give each device its own name",
                    )
                seen.add(device.name)
        if not any(device.role is Role.FIREWALL for device in self.site.devices):
            self.complain(
                ("devices",), "the site has no firewall", "add a device with role: firewall"
            )

    def segments(self, archetype: Archetype) -> None:
        site = self.site
        _check_segments(self.document, ("segments",), site.segments, self.catalogue, self.problems)
        standard = {segment.name: segment for segment in archetype.segments}
        vlans = {segment.vlan: segment.name for segment in archetype.segments}
        productions = self.production_vlans(archetype)
        routed = any(segment.zone == "transit" for segment in archetype.segments)
        for index, segment in enumerate(site.segments):
            at: KeyPath = ("segments", index)
            if segment.name in standard:
                self.complain(
                    (*at, "name"),
                    f"segment '{segment.name}' is part of {archetype.name} already",
                    "give the local segment another name",
                )
            if segment.vlan in vlans:
                self.complain(
                    (*at, "vlan"),
                    f"VLAN {segment.vlan} is '{vlans[segment.vlan]}' of {archetype.name}",
                    "choose a VLAN that the archetype does not use",
                )
            if segment.gateway == "core" and not routed:
                self.complain(
                    (*at, "gateway"),
                    f"{archetype.name} has no transit network, so its core does not route",
                    "write gateway: firewall, or choose an archetype whose core routes",
                )
            if segment.vlan in productions:
                self.complain(
                    (*at, "vlan"),
                    f"VLAN {segment.vlan} is one of those that productions get here "
                    f"({productions.start} to {productions.stop - 1})",
                    "choose a VLAN outside them",
                )
            if segment.reason is None:
                self.complain(
                    at,
                    f"segment '{segment.name}' goes beyond the archetype and needs a reason",
                    "add reason: and say why",
                )
        length = site.block.prefixlen if site.block else archetype.block_length
        if length > archetype.block_length:
            self.complain(
                ("block",),
                f"{archetype.name} needs a /{archetype.block_length} block, not {site.block}",
                "give it a larger block; sitekit new site picks a free one",
            )
            return
        extra: list[tuple[KeyPath, str, int, int]] = [
            (("segments", index, "slot"), s.name, s.slot, s.prefix_length)
            for index, s in enumerate(site.segments)
        ]
        if extra:
            check_slots(self.document, archetype, extra, length, self.problems)

    def production_vlans(self, archetype: Archetype) -> range:
        """The VLANs that slots of the archetype's production range stand for."""
        zone = self.catalogue.zones.get("prod")
        if archetype.productions is None or zone is None or zone.vlan is None:
            return range(0)
        slots = 1 << (archetype.productions.each - archetype.productions.prefix_length)
        return range(zone.vlan, zone.vlan + slots)

    def endpoints(self, segments: set[str]) -> None:
        seen: set[str] = set()
        macs: dict[str, str] = {}
        for index, endpoint in enumerate(self.site.endpoints):
            at: KeyPath = ("endpoints", index)
            for key, name in (("segment", endpoint.segment), *(("also", n) for n in endpoint.also)):
                if name not in segments:
                    self.unknown((*at, key), "segment", name, segments)
            if endpoint.name in seen:
                self.complain(
                    (*at, "name"),
                    f"there are two endpoints '{endpoint.name}'",
                    "give each endpoint its own name",
                )
            seen.add(endpoint.name)
            if endpoint.port is not None and (endpoint.links > 1 or endpoint.also):
                self.complain(
                    (*at, "port"),
                    f"'{endpoint.name}' asks for several ports and names one",
                    "leave port out: sitekit picks them, and keeps them with design --assign",
                )
            if endpoint.mac is not None:
                other = macs.setdefault(endpoint.mac, endpoint.name)
                if other != endpoint.name:
                    self.complain(
                        (*at, "mac"),
                        f"endpoints '{other}' and '{endpoint.name}' have one MAC address",
                        "read the address from the machine's label",
                    )

    def complain(self, at: KeyPath, message: str, hint: str) -> None:
        _complain(self.problems, self.document, at, message, hint)

    def unknown(self, at: KeyPath, what: str, name: str, known: Iterable[str]) -> None:
        _unknown(self.problems, self.document, at, what, name, known)


def _complain(
    problems: list[Problem], document: Document, at: KeyPath, message: str, hint: str
) -> None:
    problems.append(Problem(document.place(at), message, hint))


def _unknown(
    problems: list[Problem],
    document: Document,
    at: KeyPath,
    what: str,
    name: str,
    known: Iterable[str],
) -> None:
    names = sorted(known)
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    hint = suggest(name, names) or (f"known: {listed}" if names else f"no {what} is defined yet")
    _complain(problems, document, at, f"there is no {what} called '{name}'", hint)
