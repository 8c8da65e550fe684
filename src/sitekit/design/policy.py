"""Flows between zones turned into ordered rules between networks. What no flow allows is denied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from typing import Literal, NamedTuple

from ..errors import Place
from ..load.catalogue import Catalogue
from ..load.organisation import SiteInputs
from ..model.catalogue import StandardFlow
from ..model.site import Flow
from . import space
from .kept import once_per_catalogue
from .result import AddressObject, Network, PublishedService, Rule, Service, ServiceTerm

RULES_PER_FLOW = 100
LOCAL_FLOWS = 1000  # flows of an archetype count from here, those of a site from 2000


class _Written(NamedTuple):
    number: int
    flow: Flow
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One side of a conversation: its zone, its addresses, and where the firewall meets it."""

    zone: str
    interface: str  # zone of the firewall interface
    gateway_on: Literal["firewall", "core", "none", "outside"]
    address: AddressObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What lies around the networks of a site: the Internet, the hub, remote users, servers."""

    internet: AddressObject
    group: AddressObject
    remote: AddressObject | None
    serving: dict[str, tuple[tuple[str, IPv4Address | IPv4Network], ...]]
    own: IPv4Network


@once_per_catalogue
def service(catalogue: Catalogue, name: str) -> Service:
    """A catalogue entry as rules use it."""
    entry = catalogue.services[name]
    return Service(
        name=name,
        title=entry.title,
        terms=tuple(
            ServiceTerm(protocol=term.protocol, ports=tuple(_range(p) for p in term.ports))
            for term in entry.terms
        ),
    )


def surroundings(
    inputs: SiteInputs,
    block: IPv4Network,
    fixed: dict[str, IPv4Address],
    remote: IPv4Network | None,
) -> Surroundings:
    """Name the address sets that are not networks of the site."""
    settings, hub = inputs.settings, inputs.organisation.azure.hub
    serving: dict[str, list[tuple[str, IPv4Address | IPv4Network]]] = {
        "dns": [(f"dns-{a}", a) for a in settings.dns.servers],
        "ntp": [(f"ntp-{s.address}", s.address) for s in settings.ntp.servers],
        "radius": [(f"radius-{s.address}", s.address) for s in settings.radius.servers],
        "syslog": [(f"syslog-{s.address}", s.address) for s in settings.syslog.servers],
        "snmp": [(f"snmp-{a}", a) for a in settings.snmp.managers],
        "administration": [
            (f"admin-{str(p).replace('/', '-')}", p) for p in settings.administration.prefixes
        ],
    }
    for name, prefixes in inputs.organisation.serving.items():
        serving[name] = [*serving.get(name, []), *((f"{name}-{p[0]}", p) for p in prefixes)]
    for endpoint in inputs.site.endpoints:
        for name in endpoint.serves:
            if endpoint.name in fixed:
                serving.setdefault(name, []).append((endpoint.name, fixed[endpoint.name]))
    return Surroundings(
        internet=_internet(inputs.catalogue),
        group=AddressObject(
            name="group",
            kind="prefixes",
            prefixes=tuple(sorted({hub.prefix, *hub.prefixes})),
        ),
        remote=None
        if remote is None
        else AddressObject(name="remote-users", kind="prefixes", prefixes=(remote,)),
        serving={name: tuple(entries) for name, entries in serving.items()},
        own=block,
    )


@once_per_catalogue
def public(catalogue: Catalogue) -> tuple[space.Interval, ...]:
    """The addresses of the Internet: all that are not private."""
    return tuple(space.complement(space.addresses(catalogue.private)))


@once_per_catalogue
def _internet(catalogue: Catalogue) -> AddressObject:
    prefixes = tuple(_prefixes(public(catalogue)))
    return AddressObject(name="internet", kind="internet", prefixes=prefixes)


def rules(
    inputs: SiteInputs,
    networks: Sequence[Network],
    around: Surroundings,
    published: Sequence[PublishedService],
) -> tuple[Rule, ...]:
    """One rule per flow and pair of networks, in the order of the flows."""
    catalogue = inputs.catalogue
    found: list[Rule] = []
    by_address = {p.mapped: p.name for p in published}
    named_ends = _named_ends(networks, around)
    known: dict[tuple[str | IPv4Network, str | None], Sequence[End]] = {}

    def ends(written: str | IPv4Network, serving: str | None) -> Sequence[End]:
        if serving is None and isinstance(written, str):
            return named_ends.get(written, ())
        found = known.get((written, serving))
        if found is None:
            found = tuple(_ends(written, serving, networks, around, named_ends))
            known[written, serving] = found
        return found

    for written in _flows(inputs, _standard_flows(catalogue)):
        flow = written.flow
        destinations = ends(flow.destination, flow.to_serving)
        if not destinations:
            continue
        pairs = [
            (source, destination)
            for source in ends(flow.source, flow.from_serving)
            for destination in destinations
            if _routed(source, destination)
        ]
        if not pairs:
            continue
        named = tuple(_named_targets(flow, inputs)) if flow.to else None
        services = tuple(service(catalogue, name) for name in flow.services)
        reason = _reason(flow, inputs.settings.language)
        for index, (source, destination) in enumerate(pairs):
            targets = (destination.address,) if named is None else named
            if not targets:
                continue
            is_published = source.zone == "wan"
            host = _host(destination.address)
            behind = by_address.get(host) if is_published and host else None
            if is_published and behind is None:
                continue
            both_core = source.gateway_on == destination.gateway_on == "core"
            number = written.number * RULES_PER_FLOW + index
            found.append(
                Rule(
                    number=number,
                    name=_name(source.address.name, destination.address.name, number),
                    action="permit",
                    source_zone=source.zone,
                    destination_zone=destination.zone,
                    ingress=source.interface,
                    egress=destination.interface,
                    sources=(source.address,),
                    destinations=targets,
                    services=services,
                    nat=destination.zone == "wan",
                    log=flow.log,
                    inspect=flow.inspect,
                    limit_mbps=inputs.settings.guest.rate_mbps if flow.limit == "guest" else None,
                    enforced_by="core" if both_core else "firewall",
                    published=behind,
                    reason=reason,
                    place=written.place,
                )
            )
    return tuple(found)


def published_services(inputs: SiteInputs) -> Iterator[tuple[str, Service]]:
    """What flows from the Internet publish: who serves it, and the service."""
    for written in _flows(inputs, _standard_published(inputs.catalogue)):
        if written.flow.source == "wan" and written.flow.to_serving:
            for name in written.flow.services:
                yield written.flow.to_serving, service(inputs.catalogue, name)


def unanswered(inputs: SiteInputs, networks: Sequence[Network]) -> Iterator[tuple[Flow, str]]:
    """Flows without any target, because the organisation has to write it and has not."""
    zones = {network.zone for network in networks}
    for written in _flows(inputs, _standard_named(inputs.catalogue)):
        flow = written.flow
        if flow.to and flow.source in zones and not list(_named_targets(flow, inputs)):
            yield flow, " or ".join(flow.to)


@once_per_catalogue
def _standard_flows(catalogue: Catalogue) -> tuple[_Written, ...]:
    return tuple(_Written(p.number, p.flow, p.place) for p in catalogue.flows)


@once_per_catalogue
def _standard_published(catalogue: Catalogue) -> tuple[_Written, ...]:
    """Those that publish what machines of the site serve."""
    found = _standard_flows(catalogue)
    return tuple(w for w in found if w.flow.source == "wan" and w.flow.to_serving)


@once_per_catalogue
def _standard_named(catalogue: Catalogue) -> tuple[_Written, ...]:
    """Those towards external destinations by name."""
    return tuple(w for w in _standard_flows(catalogue) if w.flow.to)


def _flows(inputs: SiteInputs, standard: Iterable[_Written]) -> Iterator[_Written]:
    """Standard flows, then those of the archetype, then those of the site."""
    yield from standard
    for index, flow in enumerate(inputs.archetype.flows):
        yield _Written(
            number=LOCAL_FLOWS + index,
            flow=flow,
            place=inputs.archetype_document.place(("flows", index)),
        )
    for index, flow in enumerate(inputs.site.flows):
        yield _Written(
            number=2 * LOCAL_FLOWS + index, flow=flow, place=inputs.place("flows", index)
        )


def _ends(
    written: str | IPv4Network,
    serving: str | None,
    networks: Sequence[Network],
    around: Surroundings,
    named_ends: Mapping[str, Sequence[End]],
) -> Iterator[End]:
    """Every end that a zone, a segment or a prefix stands for at this site."""
    if isinstance(written, IPv4Network):
        yield _prefix_end(written, networks)
        return
    for end in named_ends.get(written, ()):
        if serving is None:
            yield end
            continue
        machines = [
            (name, at)
            for name, at in around.serving.get(serving, ())
            if _within(at, end, around.own)
        ]
        if end.zone == "vpn_site" and machines:
            yield _narrowed(end, f"group-{serving}", [at for _, at in machines])
        elif end.zone != "vpn_site":
            for name, at in machines:
                yield _narrowed(end, name, [at])


def _named_ends(networks: Sequence[Network], around: Surroundings) -> dict[str, list[End]]:
    """The ends that each zone and each segment stands for, networks in their order."""
    outside = {
        "wan": around.internet,
        "vpn_site": around.group,
        "vpn_user": around.remote,
    }
    found: dict[str, list[End]] = {}
    for network in networks:
        if network.gateway_on != "none":
            end = _network_end(
                network,
                AddressObject(name=network.name, kind="network", prefixes=(network.prefix,)),
            )
            for name in {network.zone, network.name}:
                found.setdefault(name, []).append(end)
    for name, address in outside.items():
        found[name] = []
        if address is not None:
            found[name] = [End(zone=name, interface=name, gateway_on="outside", address=address)]
    return found


def _network_end(network: Network, address: AddressObject) -> End:
    return End(
        zone=network.zone,
        interface="transit" if network.gateway_on == "core" else network.zone,
        gateway_on=network.gateway_on,
        address=address,
    )


def _prefix_end(prefix: IPv4Network, networks: Sequence[Network]) -> End:
    """A written prefix belongs to the network that holds it, else to the group behind the hub."""
    address = AddressObject(
        name=f"net-{str(prefix).replace('/', '-')}", kind="prefixes", prefixes=(prefix,)
    )
    for network in networks:
        if space.within(prefix, network.prefix):
            return _network_end(network, address)
    zone = "vpn_site" if prefix.is_private else "wan"
    return End(zone=zone, interface=zone, gateway_on="outside", address=address)


def _narrowed(end: End, name: str, at: Iterable[IPv4Address | IPv4Network]) -> End:
    prefixes = tuple(sorted(set(map(_as_prefix, at))))
    return End(
        zone=end.zone,
        interface=end.interface,
        gateway_on=end.gateway_on,
        address=AddressObject(
            name=name,
            kind="host" if all(p.prefixlen == 32 for p in prefixes) else "prefixes",
            prefixes=prefixes,
        ),
    )


def _as_prefix(at: IPv4Address | IPv4Network) -> IPv4Network:
    return at if isinstance(at, IPv4Network) else IPv4Network((int(at), 32))


def _within(at: IPv4Address | IPv4Network, end: End, own: IPv4Network) -> bool:
    if end.zone == "wan":
        return False
    network = _as_prefix(at)
    if end.zone == "vpn_site":
        return not space.within(network, own)
    return any(space.within(network, prefix) for prefix in end.address.prefixes)


def _routed(source: End, destination: End) -> bool:
    """Conversations inside one network never meet a gateway; wan to wan is not ours."""
    if source.address.name == destination.address.name and source.address == destination.address:
        return False
    return source.zone != "wan" or destination.zone != "wan"


def _named_targets(flow: Flow, inputs: SiteInputs) -> Iterator[AddressObject]:
    """External destinations by name: what the organisation writes, else what vendors document."""
    for name in flow.to:
        written = inputs.organisation.destinations.get(name)
        entry = inputs.catalogue.destinations.get(name)
        if written:
            yield AddressObject(name=name, kind="prefixes", prefixes=written)
        elif entry and entry.fqdns:
            yield AddressObject(name=name, kind="fqdn", prefixes=entry.prefixes, fqdns=entry.fqdns)
        elif entry and entry.prefixes:
            yield AddressObject(name=name, kind="prefixes", prefixes=entry.prefixes)


def _host(address: AddressObject) -> IPv4Address | None:
    return address.prefixes[0].network_address if address.kind == "host" else None


def _name(source: str, destination: str, number: int) -> str:
    """Unique, readable, and short enough for FortiOS (35 characters)."""
    tail = f"-{number}"
    return f"{source}-{destination}"[: 35 - len(tail)].rstrip("-.") + tail


def _reason(flow: Flow, language: str) -> str:
    """Why the flow is there, in the language of the site's documents where that is written."""
    if language == "fr" and isinstance(flow, StandardFlow) and flow.reason_fr:
        return flow.reason_fr
    return flow.reason


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _prefixes(intervals: Iterable[space.Interval]) -> Iterator[IPv4Network]:
    """Intervals as the fewest prefixes that make them up."""
    for interval in intervals:
        yield from summarize_address_range(IPv4Address(interval.first), IPv4Address(interval.last))
