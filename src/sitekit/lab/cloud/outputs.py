"""What Azure computes: values that a type's `outputs` name.

`ONCE` are decided when a resource is made and stay; the others follow from what exists now. Public
addresses are documentation addresses (RFC 5737), names end in `.example`.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import wire
from .store import Thing, guid_of, new_guid

if TYPE_CHECKING:
    from .arm import Arm
    from .catalogue import ArmType

ONCE = frozenset(
    {
        "guid",
        "principal",
        "public_address",
        "gateway_addresses",
        "gateway_bgp",
        "secret_version",
        "rule_id",
    }
)
_DOCUMENTATION = tuple(
    ipaddress.ip_network(text) for text in ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")
)
_WORDS = {
    "connected": "Connected",
    "peered": "Connected",
    "routed": "Provisioned",
    "completed": "Completed",
    "provisioned": "Provisioned",
    "available": "available",
    "unlocked": "Unlocked",
    "leased": "Available",
    "healthy": "Healthy",
    "protected": "Protected",
    "active": "Active",
    "zero": 0,
}


def once(arm: Arm, kind: str, thing: Thing) -> Any:
    """Decide a value for good. Part of the transaction that makes the resource."""
    if kind == "guid":
        return new_guid()
    if kind == "principal":
        made = new_guid()
        arm.store.take(f"principal/{made}", thing.key)
        return made
    if kind == "public_address":
        return _address(arm, thing)
    if kind == "gateway_addresses":
        hub = arm.store.get(str(wire.at(thing.body, "virtualHub.id")).lower())
        inside = _inside(hub)
        return [
            {
                "id": f"Instance{n}",
                "publicIpAddress": _address(arm, thing),
                "privateIpAddress": str(inside[4 + n]),
            }
            for n in (0, 1)
        ]
    if kind == "gateway_bgp":
        return _bgp(arm, thing)
    if kind == "rule_id":
        return f"dcr-{new_guid().replace('-', '')}"
    return _vault_host(thing) + f"/secrets/{thing.name}/{new_guid().replace('-', '')}"


def _bgp(arm: Arm, thing: Thing) -> dict[str, Any]:
    hub = arm.store.get(str(wire.at(thing.body, "virtualHub.id")).lower())
    inside = _inside(hub)
    outside = thing.extra.get("ipConfigurations") or [
        {"publicIpAddress": _address(arm, thing)} for _ in (0, 1)
    ]
    return {
        "asn": 65515,
        "peerWeight": 0,
        "bgpPeeringAddresses": [
            {
                "ipconfigurationId": f"Instance{n}",
                "defaultBgpIpAddresses": [str(inside[12 + n])],
                "customBgpIpAddresses": [],
                "tunnelIpAddresses": [outside[n]["publicIpAddress"], str(inside[4 + n])],
            }
            for n in (0, 1)
        ],
    }


def _inside(hub: Thing | None) -> Any:
    prefix = hub.body.get("addressPrefix") if hub else None
    return ipaddress.ip_network(str(prefix or "192.168.0.0/24"))


def _address(arm: Arm, thing: Thing) -> str:
    """The next documentation address that nobody has; they go round when all are taken."""
    for network in _DOCUMENTATION:
        for host in network.hosts():
            if arm.store.holder(f"address/{host}") is None:
                arm.store.take(f"address/{host}", thing.key)
                return str(host)
    return str(next(iter(_DOCUMENTATION[0].hosts())))


def now(arm: Arm, type: ArmType, kind: Any, thing: Thing) -> Any:
    """A value that follows from what exists; constants are themselves."""
    if not isinstance(kind, str):
        return kind
    if kind in _WORDS:
        return _WORDS[kind]
    known: dict[str, Callable[[], Any]] = {
        "state": lambda: state_at(arm.store.now(), thing),
        "created": lambda: _moment(thing.created),
        "changed": lambda: _moment(thing.changed),
        "tenant": lambda: arm.account.tenant,
        "api_version": lambda: arm.catalogue.schema["resources"][type.token]["apiVersion"],
        "own_location": lambda: thing.body.get("location"),
        "vault_uri": lambda: f"{_vault_host(thing)}/",
        "secret_uri": lambda: f"{_vault_host(thing)}/secrets/{thing.name}",
        "endpoints": lambda: {
            part: f"https://{thing.name}.{part}.core.example/"
            for part in ("blob", "file", "queue", "table")
        },
        "fqdn": lambda: _fqdn(thing),
        "name_servers": lambda: [f"ns{n}-lab.azure-dns.example." for n in (1, 2)],
        "children_and_one": lambda: 1 + _children(arm, thing),
        "children_and_two": lambda: 2 + _children(arm, thing),
        "referring": lambda: len(arm.store.referring(thing.key)),
        "principal_type": lambda: _principal_type(arm, thing),
        "classic_bgp": lambda: _classic_bgp(arm, thing),
        "no_spend": lambda: {"amount": 0, "unit": "EUR"},
        "subscription_name": lambda: f"Lab subscription {arm.account.subscription[-4:]}",
    }
    return known[kind]() if kind in known else kind


def state_at(now: float, thing: Thing) -> str:
    """How far a resource is at a moment of the lab's clock."""
    if thing.extra.get("failed"):
        return "Failed"
    return "Updating" if thing.ready > now else "Succeeded"


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _vault_host(thing: Thing) -> str:
    parts = thing.id.split("/")
    name = parts[parts.index("vaults") + 1]
    return f"https://{name.lower()}.vault.azure.example"


def _fqdn(thing: Thing) -> str:
    zone = str(thing.body.get("privateZoneName") or thing.body.get("zoneName"))
    return f"{zone}." if thing.name == "@" else f"{thing.name}.{zone}."


def _children(arm: Arm, thing: Thing) -> int:
    return sum(
        "RecordSet" in child.type
        for child in arm.store.find(cloud="azure-native", parent=thing.key)
    )


def _principal_type(arm: Arm, thing: Thing) -> str:
    found = arm.store.get(str(thing.body.get("principalId", "")).lower())
    return {"user": "User", "group": "Group"}.get(found.type if found else "", "ServicePrincipal")


def _classic_bgp(arm: Arm, thing: Thing) -> dict[str, Any]:
    asked = thing.body.get("bgpSettings") or {}
    return {
        "asn": 65515,
        "peerWeight": 0,
        **asked,
        "bgpPeeringAddress": asked.get("bgpPeeringAddress") or "192.0.2.254",
    }


__all__ = ["ONCE", "guid_of", "now", "once", "state_at"]
