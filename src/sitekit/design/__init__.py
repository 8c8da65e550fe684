"""What follows from a site: addresses, ports, policy, uplinks, media. Pure, deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network

from ..load.organisation import SiteInputs
from ..model.organisation import SupplierKind
from . import (
    addressing,
    assign,
    checks,
    firewalls,
    media,
    never,
    policy,
    portmap,
    ports,
    sizing,
    switches,
    units,
    wan,
    wifi,
)
from .demand import demands
from .needs import needs as needs_of
from .result import Contact, DeviceDesign, FixedAddress, Network, SiteDesign, SiteFacts

__all__ = ["SiteDesign", "design_site"]


def design_site(inputs: SiteInputs) -> SiteDesign:
    """Derive everything a site needs from what its owner wrote.

    What cannot be as written is in `findings`, each with its place; DesignError is raised only
    when there is nothing to design: a site without a block, or with one that is too small.
    """
    needs = needs_of(inputs)
    block = addressing.block_of(inputs)
    placed = addressing.place(inputs, block)
    networks = addressing.networks(inputs, placed)
    facts = _facts(inputs, block, networks)
    by_name = {network.name: network for network in networks}
    fixed = addressing.fixed_addresses(inputs, placed)
    boxes = units.unpack(inputs)
    plan = ports.plan_ports(inputs, boxes, demands(inputs, by_name, boxes, needs))
    radio = wifi.plan(inputs, facts, boxes, networks, plan)
    lines = wan.uplinks(inputs, boxes.firewalls[0].hardware)
    tunnels = wan.tunnels(inputs, lines)
    remote = (
        wan.remote_pool(block, inputs.settings.remote_users.pool_prefix_length)
        if inputs.settings.remote_users.mode == "ikev2"
        else None
    )
    around = policy.surroundings(inputs, block, fixed, remote)
    published = firewalls.published(inputs, lines, fixed, policy.published_services(inputs))
    rules = policy.rules(inputs, networks, around, published)
    media.plan(networks, inputs.catalogue)
    management = next(n for n in networks if n.zone == "net_mgmt")
    switching = switches.SwitchContext(
        inputs=inputs,
        facts=facts,
        units=boxes,
        plan=plan,
        networks=networks,
        policy=rules,
        management=units.management_addresses(inputs, boxes.all, management.prefix.network_address),
        qos=media.plan(networks, inputs.catalogue),
        ptp=media.clock(networks, inputs.catalogue),
        ssid_vlans=tuple(s.network.vlan for s in radio.ssids) if radio else (),
    )
    firewalling = firewalls.FirewallContext(
        inputs=inputs,
        facts=facts,
        units=boxes,
        plan=plan,
        networks=networks,
        policy=rules,
        uplinks=lines,
        tunnels=tunnels,
        bgp=wan.bgp(inputs, block) if tunnels else None,
        published=published,
        wifi=radio,
    )
    devices: tuple[DeviceDesign, ...] = (
        *(firewalls.build(firewalling, unit) for unit in boxes.firewalls),
        *(switches.build(switching, unit) for unit in boxes.switches),
        *(radio.access_points if radio else ()),
    )
    port_map = portmap.port_map(boxes, plan, by_name, devices)
    proofs = never.proofs(inputs, networks, around, rules, port_map, radio)
    sized = sizing.size(needs, inputs.archetype, inputs.catalogue.sizing)
    figures = checks.measure(
        boxes,
        lines,
        sizing.figures(sized, needs, inputs.archetype, inputs.catalogue.sizing),
    )
    design = SiteDesign(
        facts=facts,
        zone_titles={
            name: addressing.title(zone, inputs.settings.language)
            for name, zone in inputs.catalogue.zones.items()
        },
        networks=networks,
        policy=rules,
        proofs=proofs,
        sizing=figures,
        uplinks=lines,
        tunnels=tunnels,
        wifi=radio,
        qos=switching.qos,
        ports=port_map,
        cables=portmap.cables(boxes, plan),
        devices=devices,
        fixed=tuple(
            FixedAddress(name=e.name, network=e.segment, address=fixed[e.name], mac=e.mac or "")
            for e in inputs.site.endpoints
            if e.name in fixed
        ),
        choices=assign.choices(inputs, boxes, switching.management, fixed),
        findings=(),
    )
    return replace(
        design, findings=checks.findings(inputs, design, boxes, plan, placed, fixed, needs)
    )


def _facts(inputs: SiteInputs, block: IPv4Network, networks: tuple[Network, ...]) -> SiteFacts:
    """What every device of the site shares."""
    local = [n.prefix for n in networks if n.zone == "admin"]
    return SiteFacts(
        code=inputs.code,
        name=inputs.site.name,
        organisation=inputs.organisation.name,
        subsidiary=inputs.subsidiary.name,
        archetype=inputs.archetype.name,
        archetype_title=inputs.archetype.title_fr
        if inputs.settings.language == "fr"
        else inputs.archetype.title_en,
        city=inputs.site.address.city,
        country=inputs.site.address.country,
        settings=inputs.settings,
        block=block,
        administration=tuple(dict.fromkeys([*inputs.settings.administration.prefixes, *local])),
        blackhole_vlan=inputs.catalogue.blackhole_vlan,
        native_vlan=inputs.catalogue.native_vlan,
        contacts=tuple(_contacts(inputs)),
    )


def _contacts(inputs: SiteInputs) -> Iterator[Contact]:
    """Whom to ring on site: the managed-service providers, then the carriers of its uplinks."""
    lines: dict[str, list[str]] = {}
    for uplink in inputs.site.uplinks:
        lines.setdefault(uplink.carrier, []).append(uplink.name)
    suppliers = inputs.organisation.suppliers
    wanted = [k for k, s in suppliers.items() if s.kind is SupplierKind.MANAGED_SERVICES]
    for key in dict.fromkeys([*wanted, *lines]):
        supplier = suppliers[key]
        yield Contact(
            kind="managed-services" if key in wanted else "carrier",
            name=supplier.name,
            contact=supplier.contact,
            phone=supplier.phone or "",
            contract=supplier.contract or "",
            uplinks=tuple(lines.get(key, ())),
        )
