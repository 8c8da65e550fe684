"""Who is connected to whom: cables out of descriptions and the port map, then whole links.

The templates write the device and the port at the other end into each description; the port map
is the second source. A link is what acts as one connection: a cable, or all cables of a LAG.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .checks import Findings
from .facts import ALL_VLANS, Device, Firewall, Leg, Port, Site, Switch


class End(NamedTuple):
    """A port of a device."""

    device: str
    port: str


class Cable(NamedTuple):
    """Two ports with a cable between them."""

    left: End
    right: End


class Bundle(NamedTuple):
    """What a device treats as one interface: a port, or an aggregate with its members."""

    device: str
    name: str


@dataclass(slots=True)
class Link:
    """Two bundles and the cables between them."""

    left: Bundle
    right: Bundle
    cables: list[Cable] = field(default_factory=list)


@dataclass(slots=True)
class Wiring:
    """The site's devices by name, its cables and its links."""

    devices: dict[str, Device]
    cables: list[Cable] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    pairs: dict[str, str] = field(default_factory=dict)  # MLAG: each switch and its peer

    def switch(self, name: str) -> Switch | None:
        """The switch of that name."""
        device = self.devices.get(name)
        return device if isinstance(device, Switch) else None

    def port(self, bundle: Bundle) -> Port | None:
        """The interface of a switch that a bundle is."""
        switch = self.switch(bundle.device)
        return switch.ports.get(bundle.name) if switch else None


def wire(site: Site, findings: Findings) -> Wiring:
    """All cables and links of a site; ends that do not name each other are found on the way."""
    devices: dict[str, Device] = {switch.name: switch for switch in site.switches}
    devices.update((firewall.name, firewall) for firewall in site.firewalls)
    wiring = Wiring(devices)
    claims = dict(_claims(wiring))
    for one, (other, line) in claims.items():
        back = claims.get(other)
        file = devices[one.device].file
        there = devices[other.device]
        if not _has(there, other.port):
            findings.add(
                "cross-cable",
                file,
                line,
                f"{one.device} {one.port} leads to {other.device} {other.port}, a port that "
                f"{there.file} does not have",
            )
        elif back is None:
            findings.add(
                "cross-cable",
                file,
                line,
                f"{one.device} {one.port} leads to {other.device} {other.port}, whose "
                f"description names nobody",
            )
        elif back[0] != one:
            findings.add(
                "cross-cable",
                file,
                line,
                f"{one.device} {one.port} leads to {other.device} {other.port}, which leads to "
                f"{back[0].device} {back[0].port} ({there.file}:{back[1]})",
            )
        elif one < other:
            wiring.cables.append(Cable(one, other))
    _against_port_map(site, wiring, claims, findings)
    _pairs(wiring)
    _links(wiring)
    return wiring


def _claims(wiring: Wiring) -> Iterator[tuple[End, tuple[End, int]]]:
    """What each port's description says of its other end, with the line."""
    for name, device in wiring.devices.items():
        interfaces: dict[str, Port] | dict[str, Leg]
        interfaces = device.ports if isinstance(device, Switch) else device.legs
        for key, interface in interfaces.items():
            words = interface.description.split()
            if len(words) >= 2 and words[-2] in wiring.devices and words[-2] != name:
                yield End(name, key), (End(words[-2], words[-1]), interface.where("description"))


def _has(device: Device, port: str) -> bool:
    return port in (device.ports if isinstance(device, Switch) else device.legs)


def _against_port_map(
    site: Site, wiring: Wiring, claims: dict[End, tuple[End, int]], findings: Findings
) -> None:
    """The cabler reads the port map: it has to say what the descriptions say."""
    documents = site.documents
    seen: set[End] = set()
    for row in documents.ports:
        device = wiring.devices.get(row.device)
        if device is None:
            continue
        words = row.to.split()
        end = End(row.device, row.port)
        seen.add(end)
        claim = claims.get(end)
        named = len(words) == 2 and words[0] in wiring.devices
        other = End(words[0], words[1]) if named else None
        if claim is not None and claim[0] != other:
            findings.add(
                "cross-cable",
                device.file,
                claim[1],
                f"{row.device} {row.port} leads to {claim[0].device} {claim[0].port}, the port "
                f"map says {row.to or 'nothing'} ({documents.map_file}:{row.line})",
            )
        elif claim is None and other is not None and _switched(wiring, end, other):
            interface = device.ports.get(row.port) if isinstance(device, Switch) else None
            leg = device.legs.get(row.port) if isinstance(device, Firewall) else None
            found = interface or leg
            findings.add(
                "cross-cable",
                device.file,
                found.where("description") if found else 0,
                f"the port map leads {row.device} {row.port} to {row.to} "
                f"({documents.map_file}:{row.line}), its description does not",
            )
    if documents.ports:
        for end, (_, line) in claims.items():
            if end not in seen:
                findings.add(
                    "cross-cable",
                    wiring.devices[end.device].file,
                    line,
                    f"{end.device} {end.port} is not in the port map",
                )


def _switched(wiring: Wiring, one: End, other: End) -> bool:
    """Heartbeats between firewalls have no description in the text of either."""
    return wiring.switch(one.device) is not None or wiring.switch(other.device) is not None


def _pairs(wiring: Wiring) -> None:
    """Two switches whose MLAG peer link leads to each other."""
    for cable in wiring.cables:
        left, right = wiring.switch(cable.left.device), wiring.switch(cable.right.device)
        if left is None or right is None or left.mlag is None or right.mlag is None:
            continue
        ports = (left.ports[cable.left.port], right.ports[cable.right.port])
        links = (left.mlag.link, right.mlag.link)
        if all(
            port.lag is not None and f"port-channel{port.lag}" == link
            for port, link in zip(ports, links, strict=True)
        ):
            wiring.pairs[left.name] = right.name
            wiring.pairs[right.name] = left.name


def bundle_of(device: Device, port: str) -> Bundle:
    """The aggregate that a port is a member of; else the port alone."""
    if isinstance(device, Switch):
        found = device.ports.get(port)
        if found is not None and found.lag is not None:
            return Bundle(device.name, f"port-channel{found.lag}")
        return Bundle(device.name, port)
    for leg in device.legs.values():
        if port in leg.members:
            return Bundle(device.name, leg.name)
    return Bundle(device.name, port)


def _links(wiring: Wiring) -> None:
    links: dict[tuple[Bundle, Bundle], Link] = {}
    for cable in wiring.cables:
        left = bundle_of(wiring.devices[cable.left.device], cable.left.port)
        right = bundle_of(wiring.devices[cable.right.device], cable.right.port)
        link = links.get((left, right))
        if link is None:
            link = links[left, right] = Link(left, right)
        link.cables.append(cable)
    wiring.links = list(links.values())


def carried(wiring: Wiring, bundle: Bundle) -> frozenset[int]:
    """The VLANs that a bundle carries, native ones included."""
    device = wiring.devices[bundle.device]
    if isinstance(device, Firewall):
        return frozenset(
            leg.vlan
            for leg in device.legs.values()
            if leg.parent == bundle.name and leg.vlan is not None
        )
    port = device.ports.get(bundle.name)
    if port is None or port.shut:
        return frozenset()
    if port.mode == "trunk":
        allowed = ALL_VLANS if port.allowed is None else port.allowed
        return frozenset(
            number
            for number, vlan in device.vlans.items()
            if number in allowed and vlan.trunk_group in (None, port.trunk_group)
        )
    if port.mode == "routed":
        return frozenset()
    return frozenset({port.access if port.access is not None else 1})
