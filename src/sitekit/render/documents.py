"""The papers of a site: address plan, port map and zone matrix, for a spreadsheet and for a reader.

Data never becomes syntax: a cell stays one cell of its table, whatever somebody wrote in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from ..design.result import (
    AccessPointDesign,
    AddressObject,
    DeviceDesign,
    FirewallDesign,
    FixedAddress,
    Network,
    PortPurpose,
    PortUse,
    Rule,
    Service,
    SiteDesign,
    SwitchDesign,
    UplinkDesign,
)
from .artifact import Artifact
from .language import Words, one_line, words

DENIED = "—"


def documents(design: SiteDesign) -> tuple[Artifact, ...]:
    """The six documents of a site, in its language; paths are relative to the site's folder."""
    say = words(design.facts.settings.language)
    ports, matrix = _ports(design.ports, say), _matrix(design, say)
    texts = {
        "address-plan.csv": as_csv(_records(design, say)),
        "address-plan.md": _address_plan(design, say),
        "port-map.csv": as_csv(ports),
        "port-map.md": _port_map(design, ports, say),
        "zone-matrix.csv": as_csv(matrix),
        "zone-matrix.md": _zone_matrix(design, matrix, say),
    }
    return tuple(Artifact(PurePosixPath(name), text) for name, text in texts.items())


# --- tables ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A heading per column and as many cells in every row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=1 << 14)
def csv_cell(text: str) -> str:
    """A cell of RFC 4180 on one line, which no spreadsheet takes for a formula."""
    text = one_line(text)
    if text.lstrip()[:1] in _FORMULA:
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _CSV_SPECIAL.search(text) else text


@lru_cache(maxsize=1 << 14)
def markdown_cell(text: str) -> str:
    """A cell of a table, or words of a paragraph: shown as written, never markup or HTML."""
    text = one_line(text)
    if _MARKDOWN_PLAIN.fullmatch(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN_SPECIAL.sub(r"\\\g<0>", text)


_FORMULA = frozenset("=+-@＝＋－＠")
_CSV_SPECIAL = re.compile(r'[",\r\n]')
_MARKDOWN_PLAIN = re.compile(r"(?:[^\W_]|[.,:;/()'%+…— -])*")
_MARKDOWN_SPECIAL = re.compile(r"[\\`*\[\]|~#$]|(?<!\w)_|_(?!\w)")


def as_csv(table: Table) -> str:
    """The table for a spreadsheet."""
    lines = [",".join(map(csv_cell, row)) for row in (table.columns, *table.rows)]
    return "\n".join(lines) + "\n"


def as_markdown(table: Table, say: Words) -> str:
    """The table, or that there is nothing to show."""
    if not table.rows:
        return say("none") + "\n"
    lines = [
        _row(map(markdown_cell, table.columns)),
        _row("---" for _ in table.columns),
        *[f"| {' | '.join(map(markdown_cell, row))} |" for row in table.rows],
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def page(design: SiteDesign, say: Words, *, title: str, parts: Iterable[str]) -> str:
    """A Markdown page: what it is, which site it is about, then its parts."""
    facts = design.facts
    archetype = facts.archetype_title
    intro = (
        ("site", f"{facts.name} ({facts.code})"),
        ("archetype", archetype),
        ("place", f"{facts.city}, {facts.country}"),
        ("organisation", f"{facts.organisation}, {facts.subsidiary}"),
        ("block", str(facts.block)),
    )
    head = [
        f"# {say(title)}{say('colon')}{markdown_cell(facts.name)}\n",
        "\n".join(f"- {say(key)}{say('colon')}{markdown_cell(value)}" for key, value in intro)
        + "\n",
        say("generated") + "\n",
    ]
    return "\n".join((*head, *parts))


def part(title: str, *paragraphs: str, level: int = 2) -> str:
    """A part of a page: its heading, then its paragraphs."""
    return "\n".join((f"{'#' * level} {markdown_cell(title)}\n", *paragraphs))


# --- address plan ------------------------------------------------------------------------------


def _address_plan(design: SiteDesign, say: Words) -> str:
    return page(
        design,
        say,
        title="address-plan",
        parts=(
            part(
                say("networks"),
                say("networks-intro") + "\n",
                as_markdown(_networks(design, say), say),
            ),
            part(say("devices"), as_markdown(_devices(design, say), say)),
            part(say("reservations"), as_markdown(_reservations(design, say), say)),
            part(say("uplinks"), as_markdown(_uplinks(design, say), say)),
        ),
    )


def _networks(design: SiteDesign, say: Words) -> Table:
    keys = ("network", "zone", "zone-title", "vlan", "address", "gateway", "gateway-on", "dhcp")
    return Table(
        tuple(say(key) for key in (*keys, "mtu", "purpose")),
        tuple(
            (
                network.name,
                network.zone,
                network.zone_title,
                str(network.vlan),
                str(network.prefix),
                _optional(network.gateway),
                say(f"gateway-on.{network.gateway_on}"),
                _dhcp(network, say),
                str(network.mtu),
                network.purpose,
            )
            for network in design.networks
        ),
    )


def _devices(design: SiteDesign, say: Words) -> Table:
    return Table(
        tuple(say(key) for key in ("device", "role", "model", "address", "network", "vlan")),
        tuple(
            (
                device.name,
                say.named("role", device.role),
                device.product,
                _management(device),
                network.name if network else "",
                str(network.vlan) if network else "",
            )
            for device in design.devices
            for network in (_management_network(design, device),)
        ),
    )


def _reservations(design: SiteDesign, say: Words) -> Table:
    return Table(
        tuple(say(key) for key in ("name", "mac", "address", "network", "vlan")),
        tuple(
            (kept.name, kept.mac, str(kept.address), network.name, str(network.vlan))
            for kept, network in _fixed(design)
        ),
    )


def _uplinks(design: SiteDesign, say: Words) -> Table:
    keys = ("name", "carrier", "kind", "port", "address", "gateway", "down", "up", "stage")
    return Table(
        tuple(map(say, keys)),
        tuple(
            (
                uplink.name,
                uplink.carrier,
                uplink.title,
                uplink.port,
                uplink_address(uplink, say),
                _optional(uplink.gateway),
                say.rate(uplink.down_mbps),
                say.rate(uplink.up_mbps),
                _stage(uplink, say),
            )
            for uplink in design.uplinks
        ),
    )


def _records(design: SiteDesign, say: Words) -> Table:
    """Everything of the address plan in one table, to be filtered by its first column."""
    keys = ("record", "name", "address", "netmask", "vlan", "zone", "zone-title", "gateway")
    rest = ("gateway-on", "dhcp", "mtu", "mac", "purpose")
    return Table(
        tuple(map(say, (*keys, *rest))),
        (
            *_network_records(design, say),
            *_device_records(design, say),
            *_reservation_records(design, say),
            *_uplink_records(design, say),
        ),
    )


def _network_records(design: SiteDesign, say: Words) -> Iterable[tuple[str, ...]]:
    for network in design.networks:
        yield (
            say("record.network"),
            network.name,
            str(network.prefix),
            str(network.prefix.netmask),
            str(network.vlan),
            network.zone,
            network.zone_title,
            _optional(network.gateway),
            say(f"gateway-on.{network.gateway_on}"),
            _dhcp(network, say),
            str(network.mtu),
            "",
            network.purpose,
        )


def _device_records(design: SiteDesign, say: Words) -> Iterable[tuple[str, ...]]:
    for device in design.devices:
        role = say.named("role", device.role)
        network = _management_network(design, device)
        yield (
            say("record.device"),
            device.name,
            _management(device),
            *_inside(network, say),
            "",
            "",
            "",
            "",
            f"{role}, {device.product}",
        )


def _reservation_records(design: SiteDesign, say: Words) -> Iterable[tuple[str, ...]]:
    for kept, network in _fixed(design):
        yield (
            say("record.reservation"),
            kept.name,
            str(kept.address),
            *_inside(network, say),
            "",
            "",
            "",
            kept.mac,
            "",
        )


def _fixed(design: SiteDesign) -> Iterable[tuple[FixedAddress, Network]]:
    """Machines with an address of their own, each with its network, in the order of the plan."""
    for network in design.networks:
        yield from ((kept, network) for kept in design.fixed if kept.network == network.name)


def _uplink_records(design: SiteDesign, say: Words) -> Iterable[tuple[str, ...]]:
    for uplink in design.uplinks:
        address = uplink_address(uplink, say)
        gateway = _optional(uplink.gateway)
        about = f"{uplink.carrier}, {uplink.title}, {_stage(uplink, say)}"
        empty = ("", "", "", "")
        yield (say("record.uplink"), uplink.name, address, *empty, gateway, *empty, about)


def _inside(network: Network | None, say: Words) -> tuple[str, ...]:
    """Netmask, VLAN, zone, its title and gateway of the network an address stands in."""
    if network is None:
        return ("", "", "", "", "")
    return (
        str(network.prefix.netmask),
        str(network.vlan),
        network.zone,
        network.zone_title,
        _optional(network.gateway),
    )


def _management(device: DeviceDesign) -> str:
    if isinstance(device, SwitchDesign):
        return str(device.management.address)
    if isinstance(device, FirewallDesign):
        return str(device.management_address)
    return _optional(device.address)


def _management_network(design: SiteDesign, device: DeviceDesign) -> Network | None:
    """The network that a device's own address stands in."""
    if isinstance(device, FirewallDesign):
        return device.management_network
    if isinstance(device, AccessPointDesign):
        return next((n for n in design.networks if n.zone == "net_mgmt"), None)
    return next((n for n in design.networks if n.vlan == device.management.vlan), None)


def _dhcp(network: Network, say: Words) -> str:
    if network.dhcp is None:
        return say("dhcp.none")
    span = f"{network.dhcp.first}–{network.dhcp.last}"
    return f"{span} ({say('dhcp.reserved')})" if network.dhcp.reserved_only else span


def uplink_address(uplink: UplinkDesign, say: Words) -> str:
    """Our address on a line, with its prefix length, or that the carrier gives it."""
    if uplink.address is None:
        return say("by-dhcp")
    if uplink.prefix_length is None:
        return str(uplink.address)
    return f"{uplink.address}/{uplink.prefix_length}"


def _stage(uplink: UplinkDesign, say: Words) -> str:
    stage = say("interim" if uplink.interim else "final")
    dates = [say("ready", date=uplink.ready)]
    if uplink.cut_over:
        dates.append(say("cut-over", date=uplink.cut_over))
    return ", ".join((stage, *dates))


def _optional(value: object | None) -> str:
    return "" if value is None else str(value)


# --- port map ----------------------------------------------------------------------------------


def _port_map(design: SiteDesign, ports: Table, say: Words) -> str:
    devices: dict[str, list[PortUse]] = {}
    rows: dict[str, list[tuple[str, ...]]] = {}
    for use, row in zip(design.ports, ports.rows, strict=True):
        devices.setdefault(use.device, []).append(use)
        rows.setdefault(use.device, []).append(row[1:])
    overview = Table(
        tuple(map(say, ("device", "role", "model", "ports", "used", "free"))),
        tuple(_overview(design, say, name, uses) for name, uses in devices.items()),
    )
    columns = ports.columns[1:]
    return page(
        design,
        say,
        title="port-map",
        parts=(
            part(say("overview"), say("ports-intro") + "\n", as_markdown(overview, say)),
            *(
                part(
                    name,
                    _counts(uses, say) + "\n",
                    as_markdown(Table(columns, tuple(rows[name])), say),
                )
                for name, uses in devices.items()
            ),
        ),
    )


def _ports(uses: Iterable[PortUse], say: Words) -> Table:
    keys = ("device", "port", "purpose", "peer", "lag", "network", "vlan", "speed", "poe")
    purposes = {purpose: say(f"purpose.{purpose}") for purpose in _PURPOSES}
    return Table(
        (*map(say, keys), say("description")),
        tuple(
            (
                use.device,
                use.port,
                purposes[use.purpose],
                use.peer,
                str(use.lag) if use.lag else "",
                use.network,
                use.vlan,
                use.speed,
                str(use.poe_w) if use.poe_w else "",
                use.description,
            )
            for use in uses
        ),
    )


def _overview(design: SiteDesign, say: Words, name: str, uses: list[PortUse]) -> tuple[str, ...]:
    device = next((device for device in design.devices if device.name == name), None)
    unused = sum(use.purpose is PortPurpose.UNUSED for use in uses)
    return (
        name,
        say.named("role", device.role) if device else "",
        device.product if device else "",
        str(len(uses)),
        str(len(uses) - unused),
        str(unused),
    )


_PURPOSES = tuple(PortPurpose)


def _counts(uses: list[PortUse], say: Words) -> str:
    counted = Counter(use.purpose for use in uses)
    colon = say("colon")
    parts = [
        f"{say(f'purpose.{purpose}')}{colon}{counted[purpose]}"
        for purpose in sorted(counted, key=_PURPOSES.index)
    ]
    return f"{say('counts')}{colon}{', '.join(parts)}."


# --- zone matrix -------------------------------------------------------------------------------


def _zone_matrix(design: SiteDesign, matrix: Table, say: Words) -> str:
    return page(
        design,
        say,
        title="zone-matrix",
        parts=(
            part(say("matrix"), say("matrix-intro") + "\n", as_markdown(matrix, say)),
            part(say("rules"), say("rules-intro") + "\n", as_markdown(_rules(design, say), say)),
        ),
    )


def _matrix(design: SiteDesign, say: Words) -> Table:
    """Zone by zone: the services that some rule permits, or that all is denied."""
    zones = _zones(design)
    cells: dict[tuple[str, str], dict[str, None]] = {}
    for rule in design.policy:
        if rule.action == "permit":
            permitted = cells.setdefault((rule.source_zone, rule.destination_zone), {})
            permitted.update(dict.fromkeys(_services(rule.services, say)))
    written = {pair: ", ".join(services) for pair, services in cells.items()}
    return Table(
        (say("matrix-corner"), *zones),
        tuple(
            (
                _zone_heading(source, design),
                *(written.get((source, destination), DENIED) for destination in zones),
            )
            for source in zones
        ),
    )


def _zones(design: SiteDesign) -> tuple[str, ...]:
    """Zones of the networks in their order, then those that only rules name."""
    zones = dict.fromkeys(network.zone for network in design.networks)
    for rule in design.policy:
        zones.setdefault(rule.source_zone)
        zones.setdefault(rule.destination_zone)
    return tuple(zones)


def _zone_heading(zone: str, design: SiteDesign) -> str:
    title = design.zone_titles.get(zone, zone)
    return zone if title == zone else f"{zone} ({title})"


def _rules(design: SiteDesign, say: Words) -> Table:
    keys = ("number", "action", "from", "to", "services", "enforced-by", "reason")
    return Table(tuple(map(say, keys)), tuple(_rule(rule, say) for rule in design.policy))


def _rule(rule: Rule, say: Words) -> tuple[str, ...]:
    return (
        str(rule.number),
        say(f"action.{rule.action}"),
        _side(rule.source_zone, rule.sources),
        _side(rule.destination_zone, rule.destinations),
        ", ".join(_services(rule.services, say)),
        say(f"gateway-on.{rule.enforced_by}"),
        rule.reason,
    )


def _side(zone: str, objects: tuple[AddressObject, ...]) -> str:
    """One side of a rule: its zone, and which part of it where a rule says so."""
    names = ", ".join(o.name for o in objects if o.kind not in ("any", "internet"))
    return zone if not names or names == zone else f"{zone}: {names}"


def _services(services: tuple[Service, ...], say: Words) -> tuple[str, ...]:
    return tuple(service.name for service in services) or (say("every-service"),)
