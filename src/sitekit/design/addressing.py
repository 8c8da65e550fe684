"""Give each segment its prefix, gateway and DHCP range.

A segment's slot is written in the archetype, never counted: adding a segment must not renumber
the others, because somebody has already typed those numbers into a printer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ..errors import DesignError, Place
from ..load.organisation import SiteInputs
from ..model.catalogue import Zone
from ..model.site import Endpoint, Role, Segment
from . import sizing
from .needs import Needs
from .result import DhcpReservation, DhcpScope, MediaPort, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSegment:
    """A segment with its prefix, and where it is written."""

    segment: Segment
    prefix: IPv4Network
    purpose: str
    place: Place


def block_of(inputs: SiteInputs) -> IPv4Network:
    """The site's block: written in its file, or remembered."""
    block = inputs.site.block or (inputs.assigned.block if inputs.assigned else None)
    if block is None:
        raise DesignError(
            f"site {inputs.code} has no block",
            hint=f"write block: in {inputs.document.file}, or run sitekit design "
            f"{inputs.code} --assign",
        )
    return block


def place(inputs: SiteInputs, block: IPv4Network) -> tuple[PlacedSegment, ...]:
    """Put every segment at its slot: slot 16 of 10.20.0.0/20 in slots of /27 is 10.20.2.0."""
    archetype = inputs.archetype
    placed = [
        PlacedSegment(
            segment=segment,
            prefix=prefix_at(block, segment.slot, segment.prefix_length, archetype.slot_length),
            purpose=_purpose(inputs, segment),
            place=inputs.archetype_document.place(("segments", index)),
        )
        for index, segment in enumerate(archetype.segments)
    ]
    placed += [
        PlacedSegment(
            segment=segment,
            prefix=prefix_at(block, segment.slot, segment.prefix_length, archetype.slot_length),
            purpose=segment.reason or _purpose(inputs, segment),
            place=inputs.place("segments", index),
        )
        for index, segment in enumerate(inputs.site.segments)
    ]
    placed += _productions(inputs, block)
    return tuple(sorted(placed, key=lambda p: p.prefix.network_address))


def prefix_at(block: IPv4Network, slot: int, length: int, slot_length: int) -> IPv4Network:
    """The prefix of this length that begins at a slot of the block."""
    start = int(block.network_address) + (slot << (32 - slot_length))
    if start + (1 << (32 - length)) - 1 > int(block.broadcast_address):
        raise DesignError(
            f"slot {slot} of {block} is outside it", hint="give the site a larger block"
        )
    return IPv4Network((start, length))


def _productions(inputs: SiteInputs, block: IPv4Network) -> list[PlacedSegment]:
    """One network per production that has one here: a slice of the archetype's range."""
    whole = inputs.archetype.productions
    if whole is None:
        return []
    range_ = prefix_at(block, whole.slot, whole.prefix_length, inputs.archetype.slot_length)
    if not inputs.productions:
        return []
    slices = list(range_.subnets(new_prefix=whole.each))
    vlan = inputs.catalogue.zones["prod"].vlan or 100
    return [
        PlacedSegment(
            segment=Segment(
                name=f"prd-{production.code}",
                zone="prod",
                vlan=vlan + network.slot,
                slot=whole.slot,
                prefix_length=whole.each,
            ),
            prefix=slices[network.slot],
            purpose=f"Production {production.code_name}",
            place=inputs.place("archetype"),
        )
        for production, network in inputs.productions
        if network.slot < len(slices)
    ]


def networks(inputs: SiteInputs, placed: Sequence[PlacedSegment]) -> tuple[Network, ...]:
    """Segments with all their numbers; the gateway is the first usable address everywhere."""
    fixed = fixed_addresses(inputs, placed)
    domain = inputs.settings.dns.domain
    return tuple(
        Network(
            name=p.segment.name,
            zone=p.segment.zone,
            zone_title=title(inputs.catalogue.zones[p.segment.zone], inputs.settings.language),
            trust=inputs.catalogue.zones[p.segment.zone].trust,
            vlan=p.segment.vlan,
            prefix=p.prefix,
            gateway_on=p.segment.gateway,
            gateway=None if p.segment.gateway == "none" else p.prefix.network_address + 1,
            dhcp=_scope(inputs, p, fixed, domain),
            mtu=p.segment.mtu or 1500,
            purpose=p.purpose,
            media=_media(inputs, p.segment),
            place=p.place,
        )
        for p in placed
    )


def title(zone: Zone, language: str) -> str:
    """What a zone is called in a language; the English title where there is no other."""
    return zone.title_fr if language == "fr" and zone.title_fr else zone.title


def _purpose(inputs: SiteInputs, segment: Segment) -> str:
    zone = inputs.catalogue.zones[segment.zone]
    french = inputs.settings.language == "fr"
    return zone.purpose_fr if french and zone.purpose_fr else zone.purpose


def required_pool(inputs: SiteInputs, segment: Segment, needs: Needs) -> int:
    """Addresses the DHCP range of a segment must have at this site."""
    count = sizing.leases(segment.leases, needs)
    for production, network in inputs.productions:
        if segment.name == f"prd-{production.code}":
            count = network.people
    return sizing.pool(count, inputs.catalogue.sizing)


def fixed_addresses(inputs: SiteInputs, placed: Iterable[PlacedSegment]) -> dict[str, IPv4Address]:
    """The address of each endpoint that needs a fixed one, by name.

    Written, remembered, or the first free host after the gateway's neighbours (host 11 onward).
    """
    by_name = {p.segment.name: p for p in placed}
    remembered = inputs.assigned.addresses if inputs.assigned else {}
    given: dict[str, IPv4Address] = {}
    wanting = [e for e in inputs.site.endpoints if e.segment in by_name]
    for endpoint in wanting:
        kept = remembered.get(endpoint.name)
        if kept is not None and kept not in by_name[endpoint.segment].prefix:
            kept = None  # the endpoint has moved to another segment since
        address = endpoint.address or kept
        if address is not None:
            given[endpoint.name] = address
    used = set(given.values())
    for endpoint in wanting:
        if endpoint.name in given or not needs_address(endpoint):
            continue
        prefix = by_name[endpoint.segment].prefix
        address = prefix.network_address + FIRST_FIXED_HOST
        while address in used and address < prefix.broadcast_address - 1:
            address += 1
        given[endpoint.name] = address
        used.add(address)
    return given


FIRST_FIXED_HOST = 11


def needs_address(endpoint: Endpoint) -> bool:
    """True for machines that others look for: everything but people's own machines."""
    return endpoint.kind.value not in ("workstation", "phone") or bool(endpoint.serves)


def _scope(
    inputs: SiteInputs,
    placed: PlacedSegment,
    fixed: dict[str, IPv4Address],
    domain: str,
) -> DhcpScope | None:
    segment, prefix = placed.segment, placed.prefix
    if segment.dhcp == "none" or segment.gateway == "none":
        return None
    zone = inputs.catalogue.zones[segment.zone]
    first = prefix.network_address + inputs.catalogue.sizing.static_hosts + 1
    if segment.zone == "net_mgmt":
        first = prefix.network_address + inputs.catalogue.management_hosts[Role.ACCESS_POINT]
    gateway = prefix.network_address + 1
    from_firewall = segment.gateway == "firewall" and "dns" in zone.firewall_services
    return DhcpScope(
        first=first,
        last=prefix.broadcast_address - 1,
        lease_seconds=zone.lease_hours * 3600,
        domain=domain,
        dns_servers=(gateway,) if from_firewall else inputs.settings.dns.servers,
        ntp_servers=(gateway,)
        if segment.gateway == "firewall" and "ntp" in zone.firewall_services
        else (),
        reservations=tuple(
            DhcpReservation(name=e.name, mac=e.mac, address=fixed[e.name])
            for e in inputs.site.endpoints
            if e.segment == segment.name and e.mac is not None and e.name in fixed
        ),
        reserved_only=segment.dhcp == "reserved",
    )


def _media(inputs: SiteInputs, segment: Segment) -> MediaPort | None:
    if segment.media is None:
        return None
    profile = inputs.catalogue.media[segment.media]
    return MediaPort(
        profile=segment.media,
        igmp_snooping=profile.igmp.snooping,
        igmp_version=profile.igmp.version,
        flow_control=profile.flow_control,
    )
