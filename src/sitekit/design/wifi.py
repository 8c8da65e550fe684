"""The radio side: which networks are in the air, and which access point uses which channel.

Channels are given round in the order of the access points: neighbours on the wall list differ.
2.4 GHz has three channels that do not overlap (1, 6, 11); 5 GHz uses the channels that need no
radar detection first. 40 MHz where there are few access points, 20 MHz from nine on.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..load.organisation import SiteInputs
from ..model.site import Role
from .ports import PortPlan
from .result import (
    AccessPointDesign,
    Network,
    PortPurpose,
    SiteFacts,
    SsidPlan,
    WifiPlan,
)
from .units import Unit, Units

CHANNELS_24 = (1, 6, 11)
# ETSI EN 301 893: 36-48 without radar detection; 52-64 and 100-140 with it.
CHANNELS_5_20 = (36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112)
CHANNELS_5_40 = (36, 44, 52, 60, 100, 108)
CALM = 8  # access points up to which 40 MHz is used


def plan(
    inputs: SiteInputs,
    facts: SiteFacts,
    units: Units,
    networks: Sequence[Network],
    ports: PortPlan,
) -> WifiPlan | None:
    """The SSIDs of the archetype on the access points of the site; None without any."""
    if not units.access_points or not inputs.archetype.ssids:
        return None
    hangs: dict[str, tuple[str, str]] = {}  # on which port of which switch
    for place, use in ports.uses.items():
        if use.purpose is PortPurpose.ACCESS_POINT:
            hangs.setdefault(use.to, place)
    points = tuple(
        _point(facts, unit, index, len(units.access_points), hangs.get(unit.name, ("", "")))
        for index, unit in enumerate(units.access_points)
    )
    return WifiPlan(
        country=inputs.settings.wifi.country,
        ssids=tuple(_ssids(inputs, networks)),
        access_points=points,
        products=tuple(dict.fromkeys(point.product for point in points)),
    )


def _ssids(inputs: SiteInputs, networks: Sequence[Network]) -> list[SsidPlan]:
    by_name = {network.name: network for network in networks}
    wifi = inputs.settings.wifi
    found = []
    for ssid in inputs.archetype.ssids:
        network = by_name[ssid.segment]
        zone = inputs.catalogue.zones[network.zone]
        names: dict[str, str] = wifi.ssids.model_dump()
        found.append(
            SsidPlan(
                name=f"w-{network.name}",
                ssid=names.get(network.zone, network.name),
                network=network,
                security=wifi.guest if ssid.security == "guest" else ssid.security,
                bands=ssid.bands,
                key=wifi.iot_key if ssid.security == "wpa2-psk-per-device" else None,
                isolated=zone.isolated,
            )
        )
    return found


def _point(
    facts: SiteFacts, unit: Unit, index: int, count: int, place: tuple[str, str]
) -> AccessPointDesign:
    wide = count <= CALM
    channels = CHANNELS_5_40 if wide else CHANNELS_5_20
    return AccessPointDesign(
        name=unit.name,
        role=Role.ACCESS_POINT,
        platform=unit.hardware.platform,
        model=unit.model,
        product=unit.hardware.product,
        serials=unit.serials,
        site=facts,
        address=unit.management,
        switch=place[0],
        port=place[1],
        channel_24=CHANNELS_24[index % len(CHANNELS_24)],
        channel_5=channels[index % len(channels)],
        width_5=40 if wide else 20,
    )
