"""What a plan costs a month, from the table of list prices: an estimate, never an offer.

Traffic, transactions and licences are not counted; how much of a share or of logs is used is
assumed, and said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ..model.cloud import Prices
from .base import AZURE
from .spec import Spec, StackPlan

HOURS = 730  # a month, as Azure's price list counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of an estimate; `amount` is a month's, in the currency of the estimate."""

    resource: str
    what: str
    quantity: float
    unit: str
    amount: float
    from_memory: bool = False  # the price list was not at hand: its source says `unread:`


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a stack costs a month, with the day of the prices."""

    currency: str
    day: date
    items: tuple[Item, ...]

    @property
    def total(self) -> float:
        """All items together, a month."""
        return sum(item.amount for item in self.items)


def estimate(plan: StackPlan, prices: Prices) -> Estimate:
    """The monthly cost of everything in a plan that has a price."""
    items = [item for spec in plan.specs for item in _items(spec, prices)]
    return Estimate(currency=prices.currency, day=prices.day, items=tuple(items))


def _items(spec: Spec, prices: Prices) -> Iterator[Item]:
    for price, quantity, unit in _used(spec, prices):
        entry = prices.prices[price]
        monthly = entry.amount * (HOURS if entry.per == "hour" else 1)
        yield Item(
            resource=spec.name,
            what=entry.what,
            quantity=quantity,
            unit=unit,
            amount=round(monthly * quantity, 2),
            from_memory=entry.source.startswith("unread:"),
        )


_COUNTED = {  # resources that cost the same whatever they hold
    "network:VirtualHub": "hub",
    "network:HubVirtualNetworkConnection": "network-connection",
    "network:VirtualNetworkGateway": "network-gateway",
    "network:PublicIPAddress": "public-address",
    "privatedns:PrivateZone": "private-zone",
    "monitor:ScheduledQueryRule": "log-alert",
    "monitor:MetricAlert": "metric-alert",
    "recoveryservices:ProtectedItem": "backup-share",
}


def _used(spec: Spec, prices: Prices) -> Iterator[tuple[str, float, str]]:
    kind, assumed = spec.type.removeprefix(AZURE), prices.assumed
    if kind in _COUNTED:
        yield _COUNTED[kind], 1, "each"
    elif kind == "network:VpnGateway":
        yield "vpn-scale-unit", _number(spec, "vpnGatewayScaleUnit"), "scale units"
    elif kind == "network:VpnConnection":
        yield "branch", 1, "each"
    elif kind == "operationalinsights:Workspace":
        yield "log-gb", assumed.log_gb_per_month, "GB assumed"
    elif kind == "storage:FileShare":
        used = _number(spec, "shareQuota") * assumed.share_used_percent / 100
        yield "share-gb", used, f"GB, {assumed.share_used_percent} % of the quota assumed"
        yield "snapshot-gb", used * assumed.snapshot_percent / 100, "GB assumed"


def _number(spec: Spec, key: str) -> float:
    value = spec.inputs[key]
    assert isinstance(value, int | float)
    return value
