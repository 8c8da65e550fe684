"""Uplinks, the tunnels over them, and the routing with the hub."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network

from ..load.organisation import SiteInputs
from ..model.catalogue import HardwareModel, PortGroupEntry
from .result import BgpPlan, IpsecProposal, Tunnel, UplinkDesign

FIRST_ASN = 4_200_000_000  # RFC 6996: private 32-bit AS numbers begin here


def wan_ports(hardware: HardwareModel, wanted: int) -> list[str]:
    """Firewall ports for uplinks: those made for it, then spare ports from the end."""
    made = [name for group in hardware.ports if group.default == "wan" for name in names(group)]
    spare = [
        name
        for group in reversed(hardware.ports)
        if group.default in ("front", "lan") and group.media == "copper"
        for name in reversed(names(group))
    ]
    return [*made, *spare][:wanted]


def names(group: PortGroupEntry) -> list[str]:
    """Interface names of a port group of a box that does not stack."""
    return [
        group.name.format(n=number, member=1)
        for number in range(group.first, group.first + group.count)
    ]


def uplinks(inputs: SiteInputs, firewall: HardwareModel) -> tuple[UplinkDesign, ...]:
    """Lines in their written order of preference, each on its firewall port.

    An interim line hands over on the day the first final one can be ready.
    """
    written = inputs.site.uplinks
    ports = wan_ports(firewall, len(written))
    kinds = inputs.catalogue.uplink_kinds
    language = inputs.settings.language
    ready = [
        u.ordered
        + timedelta(days=u.lead_days if u.lead_days is not None else kinds[u.kind].lead_days.usual)
        for u in written
    ]
    finals = [day for day, u in zip(ready, written, strict=True) if u.stage == "final"]
    found = []
    for index, (uplink, day) in enumerate(zip(written, ready, strict=True)):
        if index >= len(ports):
            break  # the check on firewall ports says so
        static = uplink.addressing if uplink.addressing != "dhcp" else None
        kind = kinds[uplink.kind]
        interim = uplink.stage == "interim"
        found.append(
            UplinkDesign(
                number=index + 1,
                name=uplink.name,
                kind=uplink.kind,
                title=kind.title_fr if language == "fr" else kind.title_en,
                carrier=inputs.organisation.suppliers[uplink.carrier].name,
                port=ports[index],
                down_mbps=uplink.down_mbps,
                up_mbps=uplink.up_mbps,
                address=static.address if static else None,
                prefix_length=static.prefix_length if static else None,
                gateway=static.gateway if static else None,
                interim=interim,
                ready=day,
                cut_over=min(finals) if interim and finals else None,
                place=inputs.place("uplinks", index),
            )
        )
    return tuple(found)


def tunnels(inputs: SiteInputs, lines: tuple[UplinkDesign, ...]) -> tuple[Tunnel, ...]:
    """One tunnel per line with a fixed public address and per gateway of the hub."""
    remembered = inputs.assigned.tunnels if inputs.assigned else {}
    wanted = [
        (f"{gateway.name}-{line.name}", gateway, line)
        for line in lines
        if line.address is not None
        for gateway in inputs.organisation.azure.hub.gateways
    ]
    numbers = {name: remembered[name] for name, _, _ in wanted if name in remembered}
    free = (n for n in range(1, 256) if n not in remembered.values())
    found = []
    for name, gateway, line in wanted:
        if line.address is None:
            continue
        if name not in numbers:
            numbers[name] = next(free)
        found.append(
            Tunnel(
                number=numbers[name],
                name=name,
                uplink=line.name,
                port=line.port,
                local_address=line.address,
                remote_address=gateway.address,
                remote_bgp_address=gateway.bgp_address,
                psk=inputs.settings.vpn.psk,
                proposal=IpsecProposal(),
            )
        )
    return tuple(found)


def bgp(inputs: SiteInputs, block: IPv4Network) -> BgpPlan | None:
    """Routing with the hub by BGP; the AS number follows from the block, so no two are equal."""
    hub = inputs.organisation.azure.hub
    if hub.routing != "bgp":
        return None
    remembered = inputs.assigned.asn if inputs.assigned else None
    distance = int(block.network_address) - int(inputs.organisation.addresses.pool.network_address)
    return BgpPlan(
        asn=remembered or FIRST_ASN + max(distance, 0) // 256,
        router_id=block.broadcast_address - 1,
        remote_asn=hub.asn,
        advertise=(block,),
    )


def remote_pool(block: IPv4Network, length: int) -> IPv4Network:
    """Addresses for remote users: the second-last slice of the block, where no segment stands."""
    return IPv4Network((int(block.broadcast_address) + 1 - 2 * (1 << (32 - length)), length))
