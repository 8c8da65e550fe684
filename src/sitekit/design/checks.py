"""What is not as it should be in a design that can be understood: findings, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from ..errors import Place
from ..findings import Finding, Severity
from ..load.organisation import SiteInputs
from ..model.site import Role
from . import addressing, capabilities, policy, sizing
from .addressing import PlacedSegment
from .needs import Needs
from .portmap import speed
from .ports import PortPlan, shortages
from .result import Figure, PortPurpose, SiteDesign, SwitchDesign, UplinkDesign
from .units import Units


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """All that a check may look at."""

    inputs: SiteInputs
    design: SiteDesign
    units: Units
    plan: PortPlan
    placed: Sequence[PlacedSegment]
    fixed: dict[str, IPv4Address]
    needs: Needs

    def finding(
        self,
        rule: str,
        message: str,
        remedy: str,
        place: Place,
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        """A finding about this site."""
        return Finding(
            rule=rule,
            severity=severity,
            subject=self.inputs.code,
            message=message,
            remedy=remedy,
            place=place,
        )


def findings(
    inputs: SiteInputs,
    design: SiteDesign,
    units: Units,
    plan: PortPlan,
    placed: Sequence[PlacedSegment],
    fixed: dict[str, IPv4Address],
    needs: Needs,
) -> tuple[Finding, ...]:
    """Every check of one site, in the order of their places."""
    look = _Look(
        inputs=inputs,
        design=design,
        units=units,
        plan=plan,
        placed=placed,
        fixed=fixed,
        needs=needs,
    )
    found = [f for check in CHECKS for f in check(look)]
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (f.place, f.rule, f.message)))


def measure(
    units: Units,
    uplinks: Sequence[UplinkDesign],
    figures: Iterable[Figure],
) -> tuple[Figure, ...]:
    """Put what the written hardware offers beside each figure."""
    fronts = units.accesses or units.cores
    offered = {
        "access-points": len(units.access_points),
        "switch-ports": sum(
            group.count * unit.stack
            for unit in fronts
            for group in unit.hardware.ports
            if group.default == "front"
        ),
        "poe": int(sum(unit.hardware.poe_budget_w * unit.stack for unit in units.switches)),
        "uplink": max((line.down_mbps for line in uplinks), default=0),
    }
    return tuple(replace(f, available=offered.get(f.name)) for f in figures)


# --- size --------------------------------------------------------------------------------------


def _sizing(look: _Look) -> Iterator[Finding]:
    remedies = {
        "access-points": "add access points under devices (count:)",
        "switch-ports": "add a switch or a stack member",
        "poe": "choose a model or power supplies with a larger PoE budget",
        "uplink": "order a faster uplink",
    }
    keys: dict[str, tuple[str | int, ...]] = {"uplink": ("uplinks",)}
    for figure in look.design.sizing:
        if figure.enough:
            continue
        unit = f" {figure.unit}" if figure.unit else ""
        yield look.finding(
            f"{figure.name}-short",
            f"{figure.name} needs {figure.value}{unit}, {figure.available}{unit} written "
            f"({figure.rule})",
            remedies[figure.name],
            look.inputs.place(*keys.get(figure.name, ("devices",))),
        )


def _archetype_bounds(look: _Look) -> Iterator[Finding]:
    archetype, site = look.inputs.archetype, look.inputs.site
    for key, value, span in (
        ("people", site.people, archetype.people),
        ("area_m2", site.area_m2, archetype.area_m2),
    ):
        if not span.min <= value <= span.max:
            yield look.finding(
                "archetype-bounds",
                f"{key} {value} is outside what {archetype.name} is made for "
                f"({span.min} to {span.max})",
                "choose the archetype that fits, or reduce the site",
                look.inputs.place(key),
                Severity.WARNING,
            )
    if site.area_m2 < 10 * site.people:
        yield look.finding(
            "area-per-person",
            f"{site.area_m2} m² for {site.people} people is less than 10 m² each",
            "check both numbers; NF X35-102 recommends 10 m² alone, 11 shared, 15 in open space",
            look.inputs.place("area_m2"),
            Severity.WARNING,
        )


def _ports(look: _Look) -> Iterator[Finding]:
    yield from (replace(f, subject=look.inputs.code) for f in look.plan.findings)
    yield from shortages(look.plan, look.inputs.code)


def _poe(look: _Look) -> Iterator[Finding]:
    """Power per box: the budget is the switch's own, and a port gives only so much."""
    for unit in look.units.switches:
        for member in range(1, unit.stack + 1):
            uses = [u for u in look.plan.of(unit.name) if u.socket.member == member]
            drawn = sum(use.poe_w for use in uses)
            if drawn > unit.hardware.poe_budget_w:
                box = f"{unit.name} member {member}" if unit.stack > 1 else unit.name
                yield look.finding(
                    "poe-over-budget",
                    f"{box} would deliver {drawn} W and has {unit.hardware.poe_budget_w:g} W",
                    "move powered devices to another switch, or choose a larger model",
                    unit.place,
                )
        for use in look.plan.of(unit.name):
            if use.poe_w > unit.hardware.poe_port_w:
                yield look.finding(
                    "poe-over-port",
                    f"{use.to} needs {use.poe_w} W and a port of {unit.name} gives "
                    f"{unit.hardware.poe_port_w:g} W",
                    "choose a model with PoE of a higher class, or an injector",
                    unit.place,
                )


def _pools(look: _Look) -> Iterator[Finding]:
    for placed, network in zip(look.placed, look.design.networks, strict=True):
        scope = network.dhcp
        if scope is None:
            continue
        wanted = addressing.required_pool(look.inputs, placed.segment, look.needs)
        has = int(scope.last) - int(scope.first) + 1
        if has < wanted:
            leases = sizing.leases(placed.segment.leases, look.needs)
            yield look.finding(
                "dhcp-pool-short",
                f"{network.name} {network.prefix} has {has} addresses to give, "
                f"{wanted} are needed for {leases} leases with a fifth free and 20 in reserve",
                "choose a larger archetype, or for a local segment a shorter prefix_length",
                network.place,
            )


# --- uplinks -----------------------------------------------------------------------------------


def _uplinks(look: _Look) -> Iterator[Finding]:
    site, design = look.inputs.site, look.design
    ready = [u for u in design.uplinks if u.ready <= site.opens]
    late = [u for u in design.uplinks if u.ready > site.opens]
    for line in late:
        covered = bool(ready)
        yield look.finding(
            "uplink-late",
            f"uplink {line.name} ({line.title}) can be ready on {line.ready}, "
            f"the site opens on {site.opens}"
            + (f"; {ready[0].name} covers until then" if covered else ""),
            "nothing to do: another line carries the site until then"
            if covered
            else "add an interim uplink (lte is usual in 3 days), order earlier, or open later",
            line.place,
            Severity.INFO if covered else Severity.ERROR,
        )
    for line in design.uplinks:
        if line.interim and (line.cut_over is None or line.ready >= line.cut_over):
            why = (
                f"can be ready on {line.ready}, when {line.cut_over} has a final one already"
                if line.cut_over
                else "hands over to nothing: no final uplink is written"
            )
            yield look.finding(
                "interim-pointless",
                f"interim uplink {line.name} {why}",
                "write stage: final if it stays as a further line, or remove it",
                line.place,
                Severity.WARNING,
            )
    for one, other in combinations(design.uplinks, 2):
        if (ours := _network(one)) and (theirs := _network(other)) and ours.overlaps(theirs):
            yield look.finding(
                "uplink-overlap",
                f"uplinks {one.name} ({ours}) and {other.name} ({theirs}) stand in one network; "
                "a firewall refuses two interfaces in one",
                "ask the carriers for the addresses and the prefix_length of each line",
                other.place,
            )
    if len(design.uplinks) < len(site.uplinks):
        yield look.finding(
            "firewall-ports-short",
            f"{look.units.firewalls[0].name} has ports for {len(design.uplinks)} of "
            f"{len(site.uplinks)} uplinks",
            "choose a firewall with more ports, or write fewer uplinks",
            look.inputs.place("uplinks"),
        )
    if look.inputs.archetype.redundancy != "none" and len(design.uplinks) < 2:
        yield look.finding(
            "WAN-002",
            f"{look.inputs.archetype.name} asks for two uplinks, one is written",
            "add a second uplink by another carrier",
            look.inputs.place("uplinks"),
        )
    carriers = {line.carrier for line in design.uplinks}
    paths = [u.path for u in site.uplinks if u.path]
    if len(design.uplinks) > 1 and (len(carriers) == 1 or len(set(paths)) < len(paths)):
        what = "carrier" if len(carriers) == 1 else "path into the building"
        yield look.finding(
            "WAN-002",
            f"the uplinks share one {what}: they fail together",
            "choose another carrier or path for one of them, or write a waiver",
            look.inputs.place("uplinks"),
            Severity.WARNING,
        )
    if not design.tunnels:
        yield look.finding(
            "no-tunnel",
            "no uplink has a fixed public address, so there is no tunnel to the hub and the "
            "site cannot be administered",
            "write the address that the carrier gives (addressing: {address, prefix_length, "
            "gateway})",
            look.inputs.place("uplinks"),
            Severity.WARNING,
        )


def _network(line: UplinkDesign) -> IPv4Network | None:
    """The carrier's network on a line; None where the address comes by DHCP.

    FortiOS refuses interfaces whose networks overlap (Administration Guide, Rules for VLAN IP
    addresses), unless allow-subnet-overlap is set, which sitekit never does.
    """
    if line.address is None or line.prefix_length is None:
        return None
    return IPv4Network((int(line.address), line.prefix_length), strict=False)


def _firewall_speed(look: _Look) -> Iterator[Finding]:
    total = sum(line.down_mbps for line in look.design.uplinks if not line.interim)
    factor = look.inputs.catalogue.sizing.firewall_over_uplinks
    for unit in look.units.firewalls:
        inspected = unit.hardware.inspected_mbps
        if inspected is not None and inspected < factor * total:
            enough = inspected >= total
            yield look.finding(
                "firewall-slow",
                f"{unit.name} ({unit.hardware.product}) inspects {inspected} Mbit/s; "
                f"{factor:g} × {total} Mbit/s of uplinks ask for {factor * total:g}",
                "choose a larger firewall, or order slower uplinks",
                unit.place,
                Severity.WARNING if enough else Severity.ERROR,
            )


def _redundancy(look: _Look) -> Iterator[Finding]:
    if look.inputs.archetype.redundancy == "full" and len(look.units.firewalls) != 2:
        yield look.finding(
            "firewall-pair",
            f"{look.inputs.archetype.name} asks for a pair of firewalls, "
            f"{len(look.units.firewalls)} written",
            "write two firewalls of one model, or a waiver",
            look.inputs.place("devices"),
        )
    firewalls = look.units.firewalls
    if len(firewalls) > 2 or len({unit.model for unit in firewalls}) > 1:
        yield look.finding(
            "firewall-pair",
            "a site has one firewall, or a pair of one model",
            "write one firewall, or two of the same model",
            look.inputs.place("devices"),
        )
    if len(look.units.cores) > 2 or (len(look.units.cores) == 2 and not look.units.mlag):
        yield look.finding(
            "core-pair",
            "two core switches need a model that can do MLAG; others form one stack",
            "write one core with stack: 2, or choose a model with MLAG",
            look.inputs.place("devices"),
        )


# --- media -------------------------------------------------------------------------------------


def _media(look: _Look) -> Iterator[Finding]:
    hardware = {unit.name: unit for unit in look.units.switches}
    core_names = [n.name for n in look.design.networks if n.gateway_on == "core"]
    if core_names and not look.units.cores:
        yield look.finding(
            "no-core",
            f"{', '.join(core_names)} need a core switch as gateway, the site has none",
            "add a core switch, or two of a model with MLAG",
            look.inputs.place("devices"),
        )
    for device in look.design.devices:
        if not isinstance(device, SwitchDesign):
            continue
        unit = hardware[device.name]
        if device.max_mtu > unit.hardware.mtu_max:
            yield look.finding(
                "mtu-over-hardware",
                f"{device.name} carries frames of {device.max_mtu} bytes and can do "
                f"{unit.hardware.mtu_max}",
                "choose a model with jumbo frames",
                unit.place,
            )
        if device.ptp is not None and "ptp-boundary" not in unit.hardware.features:
            yield look.finding(
                "capability-ptp-boundary",
                f"{device.product} ({device.name}) cannot be a boundary clock, which "
                f"{device.ptp.profile} needs",
                "choose a model with ptp-boundary for the core",
                unit.place,
            )
    yield from _fast_seats(look)
    yield from _separate_paths(look)


def _fast_seats(look: _Look) -> Iterator[Finding]:
    """A 10G seat behind a slower inter-switch link is a 1G seat with a 10G price."""
    cores = {unit.name for unit in look.units.cores}
    links: dict[str, int] = {}
    for bundle in look.plan.bundles:
        if bundle.purpose is PortPurpose.INTER_SWITCH and bundle.device not in cores:
            links[bundle.device] = bundle.speed_mbps
    for unit in look.units.accesses:
        fast = [u for u in look.plan.of(unit.name) if u.network and u.speed_mbps >= 10_000]
        link = links.get(unit.name)
        if fast and link is not None and link < max(u.speed_mbps for u in fast):
            yield look.finding(
                "seat-behind-slow-link",
                f"{len(fast)} seats of {speed(fast[0].speed_mbps)} on {unit.name} are behind "
                f"links of {speed(link)}",
                "put fast seats on the core, or choose models with faster uplink ports",
                unit.place,
            )


def _separate_paths(look: _Look) -> Iterator[Finding]:
    apart = [
        n
        for n in look.design.networks
        if n.media and look.inputs.catalogue.media[n.media.profile].networks > 1
    ]
    if apart and not look.units.mlag:
        yield look.finding(
            "paths-together",
            f"{' and '.join(n.name for n in apart)} are two separate paths and the site has "
            f"no pair of core switches to keep them apart",
            "write two core switches of a model with MLAG",
            look.inputs.place("devices"),
            Severity.WARNING if look.units.cores else Severity.ERROR,
        )


def _never(look: _Look) -> Iterator[Finding]:
    for proof in look.design.proofs:
        if not proof.holds:
            yield look.finding(
                proof.rule,
                f"{proof.title}: {proof.counterexample}",
                proof.remedy,
                proof.place or look.inputs.place("archetype"),
            )


# --- names, addresses, memory ------------------------------------------------------------------


def _names(look: _Look) -> Iterator[Finding]:
    platforms = look.inputs.catalogue.platforms
    for unit in look.units.all:
        platform = platforms.get(unit.hardware.platform)
        if platform is not None and len(unit.name) > platform.names.hostname:
            yield look.finding(
                "name-too-long",
                f"'{unit.name}' has {len(unit.name)} characters, {platform.title} takes "
                f"{platform.names.hostname}",
                "shorten the name",
                unit.place,
            )
    used = [
        platforms[name]
        for name in sorted({u.hardware.platform for u in look.units.all})
        if name in platforms
    ]
    for network in look.design.networks:
        for platform in used:
            limit = platform.names.vlan
            if platform.names.interface is not None:  # two characters are ours: v- and w-
                limit = platform.names.interface - 2
            if len(network.name) > limit:
                yield look.finding(
                    "name-too-long",
                    f"segment '{network.name}' has {len(network.name)} characters, "
                    f"{platform.title} takes {limit}",
                    "shorten the name",
                    network.place,
                )


def _fixed(look: _Look) -> Iterator[Finding]:
    by_name = look.design.network
    holders: dict[IPv4Address, str] = {}
    devices = {unit.name for unit in look.units.all}
    gateways = {n.gateway for n in look.design.networks if n.gateway}
    for index, endpoint in enumerate(look.inputs.site.endpoints):
        if endpoint.name in devices:
            yield look.finding(
                "name-twice",
                f"a device of the site is called '{endpoint.name}' too",
                "give the endpoint another name",
                look.inputs.place("endpoints", index, "name"),
            )
        network = by_name.get(endpoint.segment)
        address = look.fixed.get(endpoint.name)
        if network is None or address is None:
            continue
        at = look.inputs.place("endpoints", index, "address")
        if address not in network.prefix:
            yield look.finding(
                "address-outside",
                f"{endpoint.name} has {address}, which is outside {network.name} {network.prefix}",
                "write an address of the segment, or leave it out: sitekit picks one",
                at,
            )
        if address in gateways:
            yield look.finding(
                "address-taken",
                f"{endpoint.name} has {address}, which is the gateway of {network.name}",
                "write another address",
                at,
            )
        other = holders.setdefault(address, endpoint.name)
        if other != endpoint.name:
            yield look.finding(
                "address-taken",
                f"{endpoint.name} and {other} both have {address}",
                "write another address for one of them",
                at,
            )
        if network.dhcp is not None and endpoint.mac is None:
            yield look.finding(
                "reservation-without-mac",
                f"{endpoint.name} has a fixed address in {network.name} but no mac, so no "
                f"reservation is made and ARP inspection will not know it",
                "add mac: from the machine's label",
                look.inputs.place("endpoints", index),
                Severity.WARNING,
            )


def _reserved(look: _Look) -> Iterator[Finding]:
    """Networks that serve only machines with a reservation, and machines that have none yet."""
    missing: dict[str, int] = {}
    for network in look.design.networks:
        if network.dhcp is None or not network.dhcp.reserved_only:
            continue
        wanted = {p.to for p in look.design.ports if p.network == network.name and p.to}
        left = len(wanted - {kept.name for kept in network.dhcp.reservations})
        if left:
            missing[network.name] = left
    if missing:
        where = ", ".join(f"{name} ({number})" for name, number in missing.items())
        yield look.finding(
            "no-reservation",
            f"machines get no address yet in {where}: only those are served there whose mac "
            f"is written",
            "write them under endpoints: with their mac when they arrive",
            look.inputs.place("endpoints"),
            Severity.INFO,
        )


def _management(look: _Look) -> Iterator[Finding]:
    """Management addresses of switches: in their network, each once, never the gateway's."""
    by_vlan = {network.vlan: network for network in look.design.networks}
    holders: dict[IPv4Address, str] = {}
    for device in look.design.devices:
        if not isinstance(device, SwitchDesign):
            continue
        address = device.management.address
        network = by_vlan[device.management.vlan]  # a core that routes is managed in transit
        at, remedy = _management_origin(look, device.name)
        if address not in network.prefix:
            yield look.finding(
                "address-outside",
                f"{device.name} has the management address {address}, which is outside "
                f"{network.name} {network.prefix}",
                remedy,
                at,
            )
        other = holders.setdefault(address, device.name)
        if other != device.name or address == network.gateway:
            who = other if other != device.name else "the gateway"
            yield look.finding(
                "address-taken",
                f"{device.name} has the management address {address}, which {who} has",
                remedy,
                at,
            )


def _management_origin(look: _Look, name: str) -> tuple[Place, str]:
    """Where a management address is remembered or else written, and how to get another."""
    unit = next(u for u in look.units.all if u.name == name)
    memory, document = look.inputs.assigned, look.inputs.assigned_document
    if unit.management is None and memory and document and name in memory.management:
        again = f"sitekit design {look.inputs.code} --assign writes another"
        return document.place(("management", name)), f"delete this line: {again}"
    return unit.place, "write another address, or leave it out: sitekit picks one"


def _flows(look: _Look) -> Iterator[Finding]:
    """A flow that somebody wrote for this site and that gives no rule does not do what it says."""
    given = {rule.place for rule in look.design.policy}
    unanswered = [flow for flow, _ in policy.unanswered(look.inputs, look.design.networks)]
    for index, flow in enumerate(look.inputs.site.flows):
        place = look.inputs.place("flows", index)
        if place in given or flow in unanswered:
            continue
        remedy = "write two ends between which a gateway stands, or remove the flow"
        if serving := flow.to_serving or flow.from_serving:
            remedy = f"write serves: [{serving}] at the endpoint that is meant"
        if flow.source == "wan":
            remedy = (
                "say with to_serving: and serves: which machine of the DMZ is meant; an uplink "
                "needs a fixed address"
            )
        yield look.finding(
            "flow-without-effect",
            f"the flow from {flow.source} to {flow.destination} gives no rule",
            remedy,
            place,
            Severity.WARNING,
        )


def _memory(look: _Look) -> Iterator[Finding]:
    """The file of chosen values: missing, or about things that are no longer there."""
    inputs = look.inputs
    if inputs.assigned is None:
        yield look.finding(
            "not-assigned",
            "what sitekit chose (names, ports, addresses) is not written down: it may move when "
            "something is added",
            f"sitekit design {inputs.code} --assign, and commit sites/{inputs.code}.assigned.yaml",
            inputs.place(),
            Severity.WARNING,
        )
        return
    document = inputs.assigned_document
    if document is None:
        return
    block = inputs.assigned.block
    if block is not None and inputs.site.block is not None and block != inputs.site.block:
        yield look.finding(
            "assigned-differs",
            f"{document.file} remembers block {block}, the site writes {inputs.site.block}",
            "keep the one that devices have, and correct the other file",
            document.place(("block",)),
        )
    for endpoint in inputs.site.endpoints:
        kept, network = inputs.assigned.addresses.get(endpoint.name), endpoint.segment
        placed = look.design.network.get(network)
        if endpoint.address is None and kept and placed and kept not in placed.prefix:
            yield look.finding(
                "assigned-unknown",
                f"{document.file} remembers {kept} for {endpoint.name}, which is outside "
                f"{network} {placed.prefix}: it gets another address",
                f"sitekit design {inputs.code} --assign brings it up to date",
                document.place(("addresses", endpoint.name)),
                Severity.WARNING,
            )
    known = {unit.name for unit in look.units.all}
    for device, ports in inputs.assigned.ports.items():
        if device not in known:
            yield look.finding(
                "assigned-unknown",
                f"{document.file} remembers ports of {device}, which the site no longer has",
                f"sitekit design {inputs.code} --assign brings it up to date",
                document.place(("ports", device)),
                Severity.WARNING,
            )
            continue
        gone = [port for port in ports if port not in look.plan.sockets[device]]
        if gone:
            model = next(u.hardware.product for u in look.units.all if u.name == device)
            yield look.finding(
                "assigned-unknown",
                f"{document.file} remembers {', '.join(gone[:3])}"
                f"{f' and {len(gone) - 3} more ports' if len(gone) > 3 else ''} of {device}, "
                f"which a {model} does not have",
                f"sitekit design {inputs.code} --assign brings it up to date",
                document.place(("ports", device, gone[0])),
                Severity.WARNING,
            )
    missing = sum(
        1
        for (device, port), use in look.plan.uses.items()
        if use.purpose is not PortPurpose.UPLINK
        and port not in inputs.assigned.ports.get(device, {})
    )
    if missing:
        yield look.finding(
            "not-assigned",
            f"{missing} port{'s were' if missing > 1 else ' was'} chosen since "
            f"{document.file} was written",
            f"sitekit design {inputs.code} --assign, and commit the file",
            document.place(()),
            Severity.WARNING,
        )


def _dates(look: _Look) -> Iterator[Finding]:
    site = look.inputs.site
    if look.inputs.archetype.name == "temporary-office" and site.closes is None:
        yield look.finding(
            "no-closing-date",
            "a temporary office has a closing date",
            "add closes:",
            look.inputs.place("opens"),
        )
    for production, network in look.inputs.productions:
        if look.inputs.archetype.productions is None:
            yield look.finding(
                "no-production-range",
                f"production {production.code} wants a network here, and "
                f"{look.inputs.archetype.name} has none to give",
                "choose another site for the production's network",
                look.inputs.place("archetype"),
            )
        elif network.slot >= 1 << (
            look.inputs.archetype.productions.each - look.inputs.archetype.productions.prefix_length
        ):
            yield look.finding(
                "no-production-range",
                f"production {production.code} wants slot {network.slot}, which is beyond the "
                f"range of {look.inputs.archetype.name}",
                "choose a lower slot",
                look.inputs.place("archetype"),
            )


def _destinations(look: _Look) -> Iterator[Finding]:
    for flow, name in policy.unanswered(look.inputs, look.design.networks):
        yield look.finding(
            "destination-unwritten",
            f"'{flow.reason}' needs the addresses of {name}, which organisation.yaml does not "
            f"write: there is no such rule",
            f"write destinations: {{{name}: [...]}} in organisation.yaml if the site needs it",
            look.inputs.place("archetype"),
            Severity.INFO,
        )


def _wifi(look: _Look) -> Iterator[Finding]:
    """Names in the air tell neither the company nor a production (MPA TS-2.11)."""
    if look.design.wifi is None:
        return
    telling = {look.inputs.organisation.name, look.inputs.organisation.code}
    telling |= {look.inputs.subsidiary.name, look.inputs.subsidiary_code}
    for production, _ in look.inputs.productions:
        telling |= {production.code, production.code_name}
    words = {word.lower() for name in telling for word in name.split() if len(word) > 2}
    for ssid in look.design.wifi.ssids:
        for word in ssid.ssid.lower().replace("-", " ").split():
            if word in words:
                origin = look.inputs.origins.get(("wifi", "ssids", ssid.network.zone))
                yield look.finding(
                    "WIFI-002",
                    f"SSID '{ssid.ssid}' names the company or a production ('{word}')",
                    "choose a neutral name under settings: wifi: ssids:",
                    origin.place if origin else look.inputs.place("settings"),
                )


def _capabilities(look: _Look) -> Iterator[Finding]:
    for device, feature, capability in capabilities.missing(look.design, look.inputs.catalogue):
        unit = next(u for u in look.units.all if u.name == device)
        alternative = capability.alternative if capability else None
        yield look.finding(
            f"capability-{feature}",
            f"{device} ({unit.hardware.platform}) cannot do {feature}, which the design needs",
            alternative or "choose another platform for this device",
            unit.place,
        )


def _clocks(look: _Look) -> Iterator[Finding]:
    """Every device needs a key of its platform's algorithm on every time server."""
    servers = look.inputs.settings.ntp.servers
    for name in sorted({unit.hardware.platform for unit in look.units.all}):
        platform = look.inputs.catalogue.platforms.get(name)
        if platform is None:
            continue
        for server in servers:
            if any(key.algorithm == platform.ntp_algorithm for key in server.keys):
                continue
            origin = look.inputs.origins.get(("ntp", "servers"))
            yield look.finding(
                "ntp-key-missing",
                f"time server {server.address} has no {platform.ntp_algorithm} key, which "
                f"{platform.title} asks with",
                f"add a key with algorithm: {platform.ntp_algorithm} under an id of its own",
                origin.place if origin else look.inputs.place("settings"),
            )


def _licences(look: _Look) -> Iterator[Finding]:
    """Sign-in of remote users is controlled by conditional access, which needs Entra ID P1."""
    if look.inputs.settings.remote_users.mode == "none":
        return
    licences = look.inputs.organisation.azure.licences
    if not {"entra-p1", "entra-p2"} & set(licences):
        origin = look.inputs.origins.get(("remote_users", "mode"))
        yield look.finding(
            "licence-entra-p1",
            "remote users sign in under conditional access, which needs Entra ID P1, and the "
            "tenant declares none",
            "add entra-p1 under azure: licences:, or set remote_users: mode: none",
            origin.place if origin else look.inputs.place("settings"),
        )


def _access_switch(look: _Look) -> Iterator[Finding]:
    if not look.units.of(Role.ACCESS) and not look.units.cores:
        yield look.finding(
            "no-switch",
            "the site has no switch",
            "add a device with role: access-switch",
            look.inputs.place("devices"),
        )


CHECKS = (
    _access_switch,
    _sizing,
    _archetype_bounds,
    _ports,
    _poe,
    _pools,
    _uplinks,
    _firewall_speed,
    _redundancy,
    _media,
    _never,
    _names,
    _fixed,
    _reserved,
    _management,
    _flows,
    _memory,
    _dates,
    _destinations,
    _wifi,
    _capabilities,
    _clocks,
    _licences,
)
