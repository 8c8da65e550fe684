"""`sitekit design`: the derived facts of a site as tables, and the memory of what was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..findings import Severity
from . import console
from .cache import remembering
from .exit import Exit
from .locate import Selection, only_one, organisation_option, places_argument, select

if TYPE_CHECKING:
    from ..design.result import SiteDesign

PARTS = ("sizing", "networks", "uplinks", "tunnels", "policy", "never", "ports")
Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


@click.command(short_help="Networks, ports, policy, uplinks and sizing of a site.")
@places_argument
@organisation_option
@click.option(
    "--assign",
    is_flag=True,
    help="Write down what was chosen, in sites/<code>.assigned.yaml, so that it never moves.",
)
@click.option(
    "--part",
    "parts",
    type=click.Choice(PARTS),
    multiple=True,
    help="Only this table; may be given several times (ports lists every port).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole design as JSON.")
def design(
    places: tuple[str, ...],
    organisation: Path | None,
    assign: bool,
    parts: tuple[str, ...],
    as_json: bool,
) -> Exit:
    """Show the design of SITE; with --assign, write what was chosen for the SITEs (default: all).

    \b
    Examples:
      sitekit design par01
      sitekit design par01 --json
      sitekit design --assign
    """
    from ..design import design_site
    from ..load import load_organisation

    chosen = select(places, organisation)
    if assign:
        return _assign(chosen)
    with remembering(chosen.folder) as memory:
        loaded = load_organisation(chosen.folder, memory=memory)
        found = design_site(loaded.sites[only_one(chosen)])
    if as_json:
        console.say(console.as_json(found))
    else:
        _print(found, parts)
        console.findings(f for f in found.findings if f.severity is not Severity.INFO)
    failed = any(f.severity is Severity.ERROR for f in found.findings)
    return Exit.FINDINGS if failed else Exit.AS_DESIGNED


def _assign(chosen: Selection) -> Exit:
    """Write the memory of each site, whole or not at all; a site with errors keeps its old one."""
    from ..design import design_site
    from ..design.assign import assigned_text
    from ..load import load_organisation
    from ..scaffold import assign_blocks
    from .files import write_whole

    loaded = load_organisation(chosen.folder)
    failed = False
    for code, inputs in assign_blocks(loaded, chosen.sites).items():
        found = design_site(inputs)
        errors = [f for f in found.findings if f.severity is Severity.ERROR]
        if errors:
            console.findings(errors)
            failed = True
            continue
        path = chosen.folder / "sites" / f"{code}.assigned.yaml"
        changed = write_whole(path, assigned_text(inputs, found))
        console.say(f"{path}: {'written' if changed else 'unchanged'}")
    return Exit.FINDINGS if failed else Exit.AS_DESIGNED


def _print(found: SiteDesign, parts: tuple[str, ...]) -> None:
    """Every table, or those asked for; ports are counted unless they are asked for."""
    facts = found.facts
    console.say(f"{facts.code}: {facts.name}, {facts.archetype}, block {facts.block}")
    tables = {
        "sizing": _sizing,
        "networks": _networks,
        "uplinks": _uplinks,
        "tunnels": _tunnels,
        "policy": _policy,
        "never": _never,
        "ports": _ports if parts else _port_counts,
    }
    for part, (title, columns, rows) in ((p, tables[p](found)) for p in parts or PARTS):
        if rows or part in parts:
            console.table(title, columns, rows)


def _sizing(found: SiteDesign) -> Table:
    return (
        "Sizing",
        ("figure", "needed", "written", "unit", "rule"),
        [
            (f.name, f.value, "" if f.available is None else f.available, f.unit, f.rule)
            for f in found.sizing
        ],
    )


def _networks(found: SiteDesign) -> Table:
    return (
        "Networks",
        ("network", "zone", "VLAN", "prefix", "gateway", "on", "DHCP", "MTU"),
        [
            (
                n.name,
                n.zone,
                n.vlan,
                n.prefix,
                n.gateway or "",
                n.gateway_on,
                f"{n.dhcp.first} - {n.dhcp.last}" if n.dhcp else "",
                n.mtu,
            )
            for n in found.networks
        ],
    )


def _uplinks(found: SiteDesign) -> Table:
    return (
        "Uplinks",
        ("uplink", "kind", "carrier", "port", "Mbit/s", "address", "ready", "stage"),
        [
            (
                u.name,
                u.kind,
                u.carrier,
                u.port,
                f"{u.down_mbps}/{u.up_mbps}",
                u.address or "DHCP",
                u.ready,
                f"interim until {u.cut_over}"
                if u.cut_over
                else "interim"
                if u.interim
                else "final",
            )
            for u in found.uplinks
        ],
    )


def _tunnels(found: SiteDesign) -> Table:
    return (
        "Tunnels",
        ("tunnel", "from", "to", "BGP peer"),
        [(t.name, t.local_address, t.remote_address, t.remote_bgp_address) for t in found.tunnels],
    )


def _policy(found: SiteDesign) -> Table:
    return (
        "Policy",
        ("number", "from", "to", "services", "on", "reason"),
        [
            (
                r.number,
                ", ".join(a.name for a in r.sources),
                ", ".join(a.name for a in r.destinations),
                ", ".join(s.name for s in r.services),
                r.enforced_by,
                r.reason,
            )
            for r in found.policy
        ],
    )


def _never(found: SiteDesign) -> Table:
    return (
        "Never",
        ("rule", "holds", "proved by"),
        [
            (p.title, "yes" if p.holds else f"NO: {p.counterexample}", p.method)
            for p in found.proofs
        ],
    )


def _ports(found: SiteDesign) -> Table:
    return (
        "Ports",
        ("device", "port", "purpose", "to", "network", "VLAN", "speed", "PoE W"),
        [
            (
                p.device,
                p.port,
                p.purpose.value,
                p.peer,
                p.network,
                p.vlan,
                p.speed,
                p.poe_w or "",
            )
            for p in found.ports
        ],
    )


def _port_counts(found: SiteDesign) -> Table:
    counts: dict[tuple[str, str], int] = {}
    for port in found.ports:
        key = (port.device, port.purpose.value)
        counts[key] = counts.get(key, 0) + 1
    return (
        "Ports (--part ports lists each)",
        ("device", "purpose", "ports"),
        [(device, purpose, number) for (device, purpose), number in counts.items()],
    )
