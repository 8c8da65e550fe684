"""Never-rules, proved: no site, whatever it adds, can permit these conversations.

Six are proved by set algebra over addresses, protocols and ports on the derived policy; they hold
or there is a conversation that breaks them, and it is named. Four are about ports, VLANs, SSIDs
and DSCP plans and are proved on those. The firewall's own services (DNS, NTP, DHCP, ping) are not
conversations through it and are excepted by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from ..errors import Place
from ..load.catalogue import Catalogue
from ..load.organisation import SiteInputs
from ..model.catalogue import Never
from . import space
from .kept import once_per_catalogue
from .policy import Surroundings, public, service
from .result import (
    AddressObject,
    Network,
    PortPurpose,
    PortUse,
    Proof,
    Rule,
    Service,
    WifiPlan,
)

ALGEBRA = "set algebra over addresses, protocols and ports"


def proofs(
    inputs: SiteInputs,
    networks: Sequence[Network],
    around: Surroundings,
    policy: Sequence[Rule],
    ports: Sequence[PortUse],
    wifi: WifiPlan | None,
) -> tuple[Proof, ...]:
    """All ten, in the order of the catalogue, then those about ports, SSIDs and DSCP."""
    permits = _permits(policy, inputs.catalogue)
    return (
        *(
            _by_algebra(never, inputs.catalogue, networks, around, permits)
            for never in inputs.catalogue.never
        ),
        _no_dual_homing(inputs, networks),
        _cameras_apart_from_doors(inputs, ports),
        _no_ssid_in_content(inputs, wifi),
        _one_dscp_plan(inputs.catalogue, networks),
    )


def _by_algebra(
    never: Never,
    catalogue: Catalogue,
    networks: Sequence[Network],
    around: Surroundings,
    permits: Iterable[_Permit],
) -> Proof:
    sources = _zones(never.source, networks, catalogue)
    destinations = _destinations(never, catalogue, networks)
    excepted = list(_exceptions(never, catalogue, around))
    met: dict[int, list[space.Interval]] = {}  # rules share their sets of destinations
    for permit in permits:
        to = met.get(id(permit.destinations))
        if to is None:
            to = met[id(permit.destinations)] = space.common(permit.destinations, destinations)
        if not to:
            continue
        common = space.boxes(space.common(permit.sources, sources), to, permit.services)
        for box in common:
            left = space.subtract_all(box, excepted)
            if left:
                return Proof(
                    rule=never.id,
                    title=never.title,
                    method=ALGEBRA,
                    holds=False,
                    counterexample=f"{space.example(left[0])} is permitted by rule "
                    f"{permit.rule.number} ({permit.rule.reason})",
                    remedy="remove the flow, or narrow its source, destination or services",
                    place=permit.rule.place,
                )
    return Proof(
        rule=never.id,
        title=never.title,
        method=ALGEBRA,
        holds=True,
        counterexample="",
        remedy="",
        place=None,
    )


class _Permit(NamedTuple):
    """A rule as unions of intervals: who, to whom, on what."""

    rule: Rule
    sources: list[space.Interval]
    destinations: list[space.Interval]
    services: list[space.Interval]


def _permits(policy: Sequence[Rule], catalogue: Catalogue) -> list[_Permit]:
    """The conversations of each rule. An FQDN may be any public address: one stands for all."""
    internet = list(public(catalogue))
    known: dict[int, list[space.Interval]] = {}  # rules share their sets and their services

    def intervals(addresses: tuple[AddressObject, ...]) -> list[space.Interval]:
        if len(addresses) != 1:
            return space.addresses(p for a in addresses for p in a.prefixes)
        (one,) = addresses
        if one.kind == "internet":
            return internet
        found = known.get(id(one))
        if found is None:
            found = known[id(one)] = space.addresses(one.prefixes)
        return found

    def services(named: tuple[Service, ...]) -> list[space.Interval]:
        found = known.get(id(named))
        if found is None:
            found = [i for service in named for i in _served(catalogue, service.name)]
            found = known[id(named)] = found or [space.ANY_SERVICE]
        return found

    permits = []
    for rule in policy:
        if rule.action != "permit":
            continue
        to = intervals(rule.destinations)
        if any(address.kind == "fqdn" for address in rule.destinations):
            to = [*to, PUBLIC]
        permits.append(_Permit(rule, intervals(rule.sources), to, services(rule.services)))
    return permits


@once_per_catalogue
def _served(catalogue: Catalogue, name: str) -> list[space.Interval]:
    return space.services((service(catalogue, name),))


# One public address stands for all that an FQDN may resolve to: the Internet region holds it.
PUBLIC = space.Interval(0x08080808, 0x08080808)


def _zones(
    zones: Iterable[str], networks: Sequence[Network], catalogue: Catalogue
) -> list[space.Interval]:
    wanted = set(zones)
    found = [space.interval(network.prefix) for network in networks if network.zone in wanted]
    if "wan" in wanted:
        found += public(catalogue)
    return space.union(found)


def _destinations(
    never: Never, catalogue: Catalogue, networks: Sequence[Network]
) -> list[space.Interval]:
    if never.destination_private:
        return space.addresses(catalogue.private)
    if never.destination_except:
        return space.addresses(
            network.prefix for network in networks if network.zone not in never.destination_except
        )
    return _zones(never.destination, networks, catalogue)


def _exceptions(never: Never, catalogue: Catalogue, around: Surroundings) -> Iterable[space.Box]:
    if not never.except_services:
        return []
    machines = around.serving.get(never.except_serving or "", ())
    sources = (
        space.addresses(IPv4Network(at) for _, at in machines)
        if never.except_serving
        else [space.ANY_ADDRESS]
    )
    allowed = space.services(service(catalogue, name) for name in never.except_services)
    return space.boxes(sources, [space.ANY_ADDRESS], allowed)


def _no_dual_homing(inputs: SiteInputs, networks: Sequence[Network]) -> Proof:
    content = {n.name: inputs.catalogue.zones[n.zone].content for n in networks}
    broken, place = "", None
    for index, endpoint in enumerate(inputs.site.endpoints):
        sides = {content.get(name, False) for name in (endpoint.segment, *endpoint.also)}
        if len(sides) > 1:
            where = " and ".join((endpoint.segment, *endpoint.also))
            broken = f"{endpoint.name} has interfaces in {where}"
            place = inputs.place("endpoints", index, "also")
    return _proof(
        "never-dual-homed",
        "No machine is in a content zone and in another at once",
        "endpoints and the zones of their segments",
        broken,
        "give it one segment; content moves through a transfer station",
        place,
    )


def _cameras_apart_from_doors(inputs: SiteInputs, ports: Sequence[PortUse]) -> Proof:
    def vlans(purpose: PortPurpose) -> set[str]:
        return {port.vlan for port in ports if port.purpose is purpose}

    shared = vlans(PortPurpose.CAMERA) & vlans(PortPurpose.DOOR)
    names = {p.to for p in ports if p.vlan in shared}
    written = [
        inputs.place("endpoints", index, "segment")
        for index, endpoint in enumerate(inputs.site.endpoints)
        if endpoint.name in names
    ]
    return _proof(
        "never-cameras-with-doors",
        "Cameras and doors never share a VLAN",
        "VLANs of every camera and door port",
        f"VLAN {', '.join(sorted(shared))} has both" if shared else "",
        "put cameras and recorders in cctv, door controllers in eac",
        written[0] if written else None,
    )


def _no_ssid_in_content(inputs: SiteInputs, wifi: WifiPlan | None) -> Proof:
    zones = inputs.catalogue.zones
    kept = {name for name, zone in zones.items() if zone.content} | {"data_io"}
    bridged = [
        f"SSID '{ssid.ssid}' is bridged to {ssid.network.name}"
        for ssid in (wifi.ssids if wifi else ())
        if ssid.network.zone in kept
    ]
    return _proof(
        "never-wifi-in-content",
        "No wireless network leads into a content zone",
        "zones of the networks behind every SSID",
        "; ".join(bridged),
        "bridge the SSID to a segment outside content, under ssids: of the archetype",
        inputs.archetype_document.place(("ssids",)) if bridged else None,
    )


def _one_dscp_plan(catalogue: Catalogue, networks: Sequence[Network]) -> Proof:
    present = {n.media.profile: n for n in networks if n.media}
    clashes = [
        conflict
        for conflict in catalogue.media_conflicts
        if conflict.scope == "dscp-plan" and set(conflict.profiles) <= set(present)
    ]
    return _proof(
        "never-two-dscp-plans",
        "Media profiles that give one DSCP two meanings never share a plan",
        "DSCP plans of the site's media profiles",
        "; ".join(f"{' and '.join(c.profiles)}: {c.reason}" for c in clashes),
        "give one of the two segments another media profile",
        present[clashes[0].profiles[1]].place if clashes else None,
    )


def _proof(
    rule: str, title: str, method: str, counterexample: str, remedy: str, place: Place | None
) -> Proof:
    return Proof(
        rule=rule,
        title=title,
        method=method,
        holds=not counterexample,
        counterexample=counterexample,
        remedy=remedy if counterexample else "",
        place=place,
    )
