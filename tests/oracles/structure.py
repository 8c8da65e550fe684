"""What must be defined in the same configuration: the rules between lines of a switch."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .blocks import Line
from .interface import Answer, Verdict

AUTHORITY = "rules between lines"


@dataclass(frozen=True, slots=True)
class Rules:
    """Patterns of one platform. `defines`/`uses`: (kind, pattern of the whole path)."""

    defines: tuple[tuple[str, str], ...]
    uses: tuple[tuple[str, str], ...]
    before: frozenset[str]  # kinds that must be defined before they are used
    once: tuple[str, ...]  # lines that may stand once in their context, up to the group
    delivered: dict[str, frozenset[str]]


A = r"\d+\.\d+\.\d+\.\d+"
COMMON_DEFINES = (
    ("vlan", r"vlan ([\d,-]+)"),
    ("acl", r"ip access-list (?:(?:standard|extended) )?(\S+)"),
    ("radius group", r"aaa group server radius (\S+)"),
    ("ntp key", r"ntp authentication-key (\d+) .*"),
    ("interface", r"interface (\S+)"),
    ("view", r"snmp-server view (\S+) .*"),
    ("snmp group", r"snmp-server group (\S+) .*"),
)
COMMON_USES = (
    ("vlan", r"interface \S+ / switchport (?:access|voice|phone) vlan (\d+)"),
    ("vlan", r"interface \S+ / switchport trunk native vlan (\d+)"),
    ("vlan", r"interface Vlan(\d+)"),
    ("vlan", r"(?:no )?ip igmp snooping vlan (\d+).*"),
    ("acl", r".*ip access-group (\S+) (?:in|out)"),
    ("radius group", r"aaa .* group (?!tacacs|radius)(\S+).*"),
    ("ntp key", r"ntp server \S+(?: prefer)?(?: iburst)? key (\S+)(?: .*)?"),
    ("ntp key", r"ntp trusted-key (\S+)"),
    ("view", r"snmp-server group \S+ v3 \w+ read (\S+).*"),
)
IOSXE = Rules(
    defines=(
        *COMMON_DEFINES,
        ("class-map", r"class-map (?:type \S+ \S+ )?(?:match-\w+ )?(\S+)"),
        ("policy-map", r"policy-map (?:type \S+ \S+ )?(\S+)"),
        ("template", r"template (\S+)"),
        ("service template", r"service-template (\S+)"),
        ("radius server", r"radius server (\S+)"),
    ),
    uses=(
        *COMMON_USES,
        ("class-map", r"policy-map (?!type)\S+ / class (\S+)"),
        ("class-map", r"policy-map type .* / \d+ class (\S+) .*"),
        ("policy-map", r".* / service-policy (?:input|output|type control subscriber) (\S+)"),
        ("template", r".* / source template (\S+)"),
        ("service template", r".* / \d+ activate service-template (\S+).*"),
        ("radius server", r"aaa group server radius \S+ / server name (\S+)"),
        ("acl", r"line .* / access-class (\S+) in.*"),
        ("acl", r"ntp access-group (?:peer|serve|serve-only|query-only) (\S+)"),
        ("acl", r"snmp-server group .* access (\S+)"),
        ("snmp group", r"snmp-server user \S+ (\S+) .*"),
        ("interface", r"(?:ip|ntp|logging|snmp-server) .*source(?:-interface)? (Vlan\d+)"),
    ),
    before=frozenset({"class-map", "policy-map", "radius group"}),
    once=(
        r"ip access-list .* / (\d+) .*",
        r"interface \S+ / (ip address) .*",
        r"interface \S+ / (switchport access vlan) .*",
        r"(hostname) .*",
        r"radius server \S+ / (address ipv4) .*",
        r"(vlan \d+)",
        r"(interface \S+)",
        r"(ntp authentication-key \d+) .*",
    ),
    delivered={
        "vlan": frozenset({"1"}),
        "class-map": frozenset({"class-default", "always"}),
        "view": frozenset({"v1default"}),
    },
)
EOS = Rules(
    defines=(
        *COMMON_DEFINES,
        ("acl", r"ip access-list standard (\S+)"),
        ("ssl profile", r"management security / ssl profile (\S+)"),
        ("radius host", r"radius-server host (\S+) .*"),
    ),
    uses=(
        *COMMON_USES,
        ("ssl profile", r"logging host .* ssl-profile (\S+)"),
        ("acl", r"snmp-server ipv4 access-list (\S+)"),
        ("snmp group", r"snmp-server user \S+ (\S+) .*"),
        ("radius host", rf"aaa group server radius \S+ / server ({A}).*"),
        ("vlan", r".*traffic allow vlan (\d+)"),
        ("interface", r"(?:logging|snmp-server|ntp) local-interface (\S+)"),
        ("interface", r"ip radius source-interface (\S+)"),
        ("interface", r"mlag configuration / (?:peer-link|local-interface) (\S+)"),
    ),
    before=frozenset(),
    once=(
        r"ip access-list .* / (\d+) .*",
        r"interface \S+ / (ip address) .*",
        r"interface \S+ / (switchport access vlan) .*",
        r"(hostname) .*",
        r"(vlan \d+)",
        r"(interface \S+)",
        r"(ntp authentication-key \d+) .*",
    ),
    delivered={"vlan": frozenset({"1"})},
)


def judge(found: Iterable[Line], rules: Rules) -> Iterator[Verdict]:
    """A contradiction for each line that needs what is not there, or is there twice."""
    placed = [(n, c, line, " / ".join((*c, line))) for n, c, line in found]
    known: dict[str, dict[str, int]] = {
        kind: dict.fromkeys(names, 0) for kind, names in rules.delivered.items()
    }
    for number, context, _, path in placed:
        for kind, pattern in rules.defines:
            if (not context or " / " in pattern) and (m := re.fullmatch(pattern, path)):
                for name in _each(m[1]) if kind == "vlan" else (m[1],):
                    known.setdefault(kind, {}).setdefault(name, number)
    seen: set[tuple[tuple[str, ...], str]] = set()
    networks: dict[str, ipaddress.IPv4Network] = {}
    for number, context, line, path in placed:
        for why in _wrong(number, context, path, rules, known, seen, networks):
            yield Verdict(number, context, line, Answer.CONTRADICTED, AUTHORITY, why)


def _wrong(
    number: int,
    context: tuple[str, ...],
    path: str,
    rules: Rules,
    known: dict[str, dict[str, int]],
    seen: set[tuple[tuple[str, ...], str]],
    networks: dict[str, ipaddress.IPv4Network],
) -> Iterator[str]:
    for kind, pattern in rules.uses:
        used = re.fullmatch(pattern, path)
        if not used:
            continue
        named = list(_each(used[1])) if re.fullmatch(r"[\d,-]*[,-][\d,-]+", used[1]) else [used[1]]
        for name in named:
            at = known.get(kind, {}).get(name)
            if at is None:
                yield f"{kind} {name} is not defined"
            elif kind in rules.before and at > number:
                yield f"{kind} {name} is defined after it is used"
    for pattern in rules.once:
        if once := re.fullmatch(pattern, path):
            if (context, once[1]) in seen:
                yield f"{once[1]} stands here twice"
            seen.add((context, once[1]))
    address = re.fullmatch(rf"interface (\S+) / ip address ({A})(?:/| )(\S+)", path)
    if address:
        try:
            mine = ipaddress.IPv4Network(f"{address[2]}/{address[3]}", strict=False)
        except ValueError:
            yield f"{address[2]} {address[3]} is no address"
            return
        for other, network in networks.items():
            if other != address[1] and network.overlaps(mine):
                yield f"{mine} overlaps {network} of {other}"
        networks[address[1]] = mine


def _each(ranges: str) -> Iterator[str]:
    for part in ranges.split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (high or low).isdigit():
            yield from map(str, range(int(low), min(int(high or low), 5000) + 1))
