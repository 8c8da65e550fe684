"""The memory of choices: what `sites/<code>.assigned.yaml` says, so that nothing moves later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from ..load.organisation import SiteInputs
from .result import Choices, FirewallDesign, PortPurpose, SiteDesign
from .units import Units

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/_.-]*")
TRAPS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

HEADER = """\
# yaml-language-server: $schema=../.schemas/assigned.json
# What sitekit chose for {code}, and people have typed since: keep it, and commit it.
# Written by `sitekit new` and `sitekit design {code} --assign`, by nothing else.
"""


def choices(
    inputs: SiteInputs,
    units: Units,
    management: Mapping[str, IPv4Address],
    fixed: Mapping[str, IPv4Address],
) -> Choices:
    """Everything that was not written by hand, with what was chosen for it."""
    named = {device.name for device in inputs.site.devices if device.name}
    names: dict[str, list[str]] = {}
    for unit in units.all:
        if unit.name not in named:
            names.setdefault(unit.role.value, []).append(unit.name)
    by_hand = {unit.name for unit in units.all if unit.management is not None}
    written = {e.name for e in inputs.site.endpoints if e.address is not None}
    return Choices(
        names=tuple((role, tuple(found)) for role, found in names.items()),
        management=tuple((n, a) for n, a in management.items() if n not in by_hand),
        addresses=tuple((n, a) for n, a in fixed.items() if n not in written),
    )


def assigned_text(inputs: SiteInputs, design: SiteDesign) -> str:
    """The file's whole text; writing it is somebody else's work."""
    return HEADER.format(code=inputs.code) + "\n".join(_lines(inputs, design)) + "\n"


def block_text(code: str, block: str) -> str:
    """The file of a new site: nothing is chosen yet but its block."""
    return HEADER.format(code=code) + f"schema: 1\nsite: {code}\nblock: {block}\n"


def _lines(inputs: SiteInputs, design: SiteDesign) -> Iterator[str]:
    yield "schema: 1"
    yield f"site: {inputs.code}"
    if inputs.site.block is None:
        yield f"block: {design.facts.block}"
    firewall = next(d for d in design.devices if isinstance(d, FirewallDesign))
    if firewall.bgp is not None:
        yield f"asn: {firewall.bgp.asn}"
    yield from _mapping(
        "devices", {role: f"[{', '.join(names)}]" for role, names in design.choices.names}
    )
    yield from _mapping("management", {n: str(a) for n, a in design.choices.management})
    yield from _mapping("addresses", {n: str(a) for n, a in design.choices.addresses})
    yield from _mapping("tunnels", {t.name: str(t.number) for t in design.tunnels})
    yield "ports:"
    device = ""
    for port in design.ports:
        if not port.to or port.purpose is PortPurpose.UPLINK:
            continue
        if port.device != device:
            device = port.device
            yield f"  {device}:"
        parts = [f"purpose: {port.purpose.value}", f"to: {_scalar(port.to)}"]
        if port.network:
            parts.append(f"segment: {port.network}")
        if port.lag is not None:
            parts.append(f"lag: {port.lag}")
        yield f"    {_scalar(port.port)}: {{ {', '.join(parts)} }}"


def _mapping(key: str, entries: Mapping[str, str]) -> Iterator[str]:
    if entries:
        yield f"{key}:"
        yield from (f"  {_scalar(name)}: {value}" for name, value in entries.items())


def _scalar(text: str) -> str:
    plain = PLAIN.fullmatch(text) and text.lower() not in TRAPS
    return text if plain else json.dumps(text)
