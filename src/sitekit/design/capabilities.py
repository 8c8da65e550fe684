"""Which features a design needs of each device, set against what its platform can do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ..load.catalogue import Catalogue
from ..model.platform import Capability
from .result import FirewallDesign, SiteDesign, SwitchDesign

EVERY_DEVICE = (
    "aaa-radius",
    "local-fallback",
    "ssh-only",
    "management-acl",
    "snmpv3",
    "ntp-authentication",
    "login-banner",
    "idle-timeout",
)
EVERY_SWITCH = ("bpdu-guard", "dhcp-snooping", "arp-inspection", "storm-control")


def missing(
    design: SiteDesign, catalogue: Catalogue
) -> Iterator[tuple[str, str, Capability | None]]:
    """Device, feature, and what the platform says of it, for everything that it cannot do."""
    for device in design.devices:
        platform = catalogue.platforms.get(device.platform)
        if platform is None:
            continue
        needed: Iterator[str]
        if isinstance(device, SwitchDesign):
            needed = of_switch(device)
        elif isinstance(device, FirewallDesign):
            needed = of_firewall(device)
        else:
            continue
        for feature in needed:
            capability = platform.capabilities.get(feature)
            if capability is None or not capability.supported:
                yield device.name, feature, capability


def of_switch(device: SwitchDesign) -> Iterator[str]:
    """Features that this switch's configuration uses."""
    used = chain((port.profile for port in device.ports), (lag.profile for lag in device.lags))
    profiles = {id(profile): profile for profile in used}.values()
    yield from EVERY_DEVICE
    yield from EVERY_SWITCH
    needs = {
        "stack": len(device.members) > 1,
        "mlag": device.mlag is not None,
        "layer3-core": device.routing,
        "core-acl": bool(device.acls),
        "dhcp-relay": any(svi.relays for svi in device.svis),
        "virtual-gateway": any(svi.virtual_address for svi in device.svis),
        "voice-vlan": any(p.voice_vlan for p in profiles),
        "dot1x": any(p.authentication == "eap" for p in profiles),
        "mac-authentication": any(p.authentication != "none" for p in profiles),
        "guest-vlan": any(p.guest_vlan for p in profiles),
        "source-guard": device.source_guard,
        "root-guard": any(p.root_guard for p in profiles),
        "lacp": bool(device.lags),
        "jumbo-frames": device.max_mtu > 1500,
        "igmp-snooping": bool(device.igmp),
        "igmp-querier": any(entry.querier for entry in device.igmp),
        "qos-media": device.qos is not None,
        "eee-off": any(not p.eee for p in profiles),
        "flow-control": any(p.flow_control for p in profiles),
        "ptp-boundary": device.ptp is not None,
        "poe": any(p.poe for p in profiles),
    }
    yield from (feature for feature, needed in needs.items() if needed)


def of_firewall(device: FirewallDesign) -> Iterator[str]:
    """Features that this firewall's configuration uses."""
    yield from EVERY_DEVICE
    securities = {s.security for s in device.wifi.ssids} if device.wifi else set()
    needs = {
        "zone-policy": True,
        "blackhole-routes": True,
        "dhcp-server": bool(device.dhcp),
        "dhcp-reservation": any(server.scope.reservations for server in device.dhcp),
        "dhcp-remote-scope": any(server.relay_agent for server in device.dhcp),
        "ha": device.ha is not None,
        "sd-wan": bool(device.uplinks),
        "health-check": len(device.uplinks) > 1,
        "ipsec-azure": bool(device.tunnels),
        "mss-clamp": bool(device.tunnels),
        "bgp": device.bgp is not None,
        "static-routing": bool(device.routes),
        "inspection": any(rule.inspect != "none" for rule in device.policy),
        "dns-filter": any(rule.inspect != "none" for rule in device.policy),
        "guest-limit": device.guest_limit_mbps is not None,
        "publish": bool(device.published),
        "wireless-controller": device.wifi is not None,
        "wpa3-enterprise": "wpa3-enterprise" in securities,
        "psk-per-device": "wpa2-psk-per-device" in securities,
        "guest-portal": "portal" in securities,
        "guest-owe": "owe" in securities,
        "rogue-ap-detection": device.wifi is not None,
        "remote-users-ikev2": device.remote_users is not None,
    }
    yield from (feature for feature, needed in needs.items() if needed)
