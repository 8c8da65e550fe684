"""FortiOS: Fortinet's versioned schema and the API schema of a device, and what must exist before.

The collection says which tables, attributes and choices a version has, and to which tables a value
refers; the API schema adds lengths and ranges. Objects that every FortiGate is delivered with, and
the names of physical ports, are written here: neither source lists them.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .interface import Answer, Verdict
from .prepare import plain

VERSION = "7.6.4"
COLLECTION = "fortinet.fortios 2.4 (ansible 12.3.0)"
API = "FortiOS API schema (hfortix-fortios 0.5.164)"
ORDER = "references of fortinet.fortios"

# Delivered with every FortiGate (FortiOS CLI reference, "default" of the tables), by table.
DELIVERED = {
    "firewall_address": {"all", "none"},
    "firewall_service_custom": {
        "ALL", "SSH", "HTTPS", "HTTP", "TELNET", "SNMP", "PING", "IKE", "ESP", "BGP", "DNS", "NTP",
    },
    "firewall_schedule_recurring": {"always", "none"},
    "firewall_schedule_onetime": {"always"},
    "system_accprofile": {"super_admin", "prof_admin"},
    "firewall_ssl_ssh_profile": {"certificate-inspection", "deep-inspection", "no-inspection"},
    "firewall_profile_protocol_options": {"default"},
    "system_interface": {"any", "root"},
    "system_vdom": {"root"},
    "system_sdwan_zone": {"virtual-wan-link"},
    "vpn_certificate_local": {"Fortinet_Factory", "Fortinet_SSL"},
}  # fmt: skip
PHYSICAL = re.compile(r"(wan|lan|internal|port|x|ha|dmz|mgmt|a|b|modem|fortilink)\d{0,2}")
# A tunnel and an SSID are interfaces as soon as they exist.
ALSO = {
    "vpn_ipsec_phase1_interface": "system_interface",
    "wireless_controller_vap": "system_interface",
    "system_virtual_switch": "system_interface",
}
REENTERED = {"system_interface", "system_physical_switch", "system_virtual_switch", "system_admin"}
ONE_SPACE = {"firewall_address", "firewall_addrgrp", "firewall_vip", "firewall_vipgrp"}
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


@cache
def _kept(name: str) -> dict[str, Any]:
    path = Path(sys.prefix) / "grammars" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.lstrip("v").split("."))


def _in_version(node: dict[str, Any], version: str) -> bool:
    spans = node.get("v_range")
    return not spans or any(
        _numbers(first) <= _numbers(version) <= (_numbers(last) if last else (99,))
        for first, last in spans
    )


@dataclass(slots=True)
class _Level:
    """A `config` or an `edit` that is open."""

    kind: str
    table: str  # the outermost table
    path: tuple[str, ...]  # nested tables below it
    line: str
    schema: dict[str, Any] | None
    limits: dict[str, Any] | None
    key: str = ""
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _State:
    names: dict[str, set[str]]
    zoned: dict[str, str] = field(default_factory=dict)
    networks: dict[str, ipaddress.IPv4Interface] = field(default_factory=dict)


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a quoted value that spans lines is one."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        held, start = (held + "\n" + line, start) if held else (line, number)
        if len(re.findall(r'(?<!\\)"', held.replace("\\\\", ""))) % 2 == 0:
            yield start, held.strip()
            held = ""
    if held:
        yield start, held.strip()


class FortiOS:
    """See the module."""

    platform = "fortinet_fortios"

    def __init__(self, version: str = VERSION) -> None:
        self.version = version
        self._tables = _kept("fortios")
        self._limits = _kept("fortios_limits")
        self._words: dict[tuple[Any, ...], tuple[Answer, str, str]] = {}

    def judge(self, text: str) -> list[Verdict]:
        """One verdict a line, and one more for each rule between lines that it breaks."""
        verdicts: list[Verdict] = []
        levels: list[_Level] = []
        state = _State({table: set(names) for table, names in DELIVERED.items()})
        number = 0
        for number, line in statements(text):
            context = tuple(level.line for level in levels)

            def say(
                answer: Answer, who: str, why: str = "",
                number: int = number, context: tuple[str, ...] = context, line: str = line,
            ) -> None:  # fmt: skip
                verdicts.append(Verdict(number, context, line, answer, who, why))

            try:
                words = shlex.split(line)
            except ValueError as error:
                say(Answer.CONTRADICTED, COLLECTION, str(error))
                continue
            match words[0]:
                case "config":
                    say(*self._open(levels, words, line))
                case "edit":
                    say(*self._edit(levels, words, line, state))
                case "next":
                    open_edit = bool(levels) and levels[-1].kind == "edit"
                    if open_edit:
                        levels.pop()
                    say(*_structure(open_edit, "next without edit"))
                case "end":
                    fits = bool(levels) and levels[-1].kind == "config"
                    while levels and levels.pop().kind != "config":
                        pass
                    say(*_structure(fits, "end without config, or an edit is open"))
                case "set" | "unset" | "append":
                    say(*self._set(levels, words))
                    if levels and words[0] != "unset" and len(words) > 2:
                        for why in self._between(levels, words, state):
                            say(Answer.CONTRADICTED, ORDER, why)
                case _:
                    say(Answer.UNKNOWN, COLLECTION, "no such command inside a configuration")
        if levels:
            why = f"{levels[-1].line!r} is never closed"
            verdicts.append(Verdict(number, (), "", Answer.CONTRADICTED, COLLECTION, why))
        return verdicts

    # --- what a line says by itself ------------------------------------------------------------

    def _open(self, levels: list[_Level], words: list[str], line: str) -> tuple[Answer, str, str]:
        name = plain(" ".join(words[1:]))
        if levels:
            above = levels[-1]
            schema = _child(above.schema, name)
            inner = (above.limits or {}).get(name, {}).get("nested")
            levels.append(_Level("config", above.table, (*above.path, name), line, schema, inner))
            known_above = above.schema is not None
        else:
            entry = self._tables.get(name)
            schema = entry["schema"] if entry else None
            inner = self._limits.get(name)
            levels.append(_Level("config", name, (), line, schema, inner))
            known_above = False
        if schema is not None and not _in_version(schema, self.version):
            if inner is not None:
                return Answer.UNKNOWN, API, "the authorities disagree about the version"
            return Answer.CONTRADICTED, COLLECTION, f"not in {self.version}"
        if schema is not None:
            return Answer.ATTESTED, COLLECTION, ""
        if inner is not None:
            return Answer.ATTESTED, API, ""
        if known_above:
            return Answer.CONTRADICTED, COLLECTION, "no such table here"
        return Answer.UNKNOWN, COLLECTION, "no such table"

    def _edit(
        self, levels: list[_Level], words: list[str], line: str, state: _State
    ) -> tuple[Answer, str, str]:
        if not levels or levels[-1].kind != "config":
            return Answer.CONTRADICTED, COLLECTION, "edit outside a table"
        level = levels[-1]
        key = words[1] if len(words) > 1 else ""
        levels.append(
            _Level("edit", level.table, level.path, line, level.schema, level.limits, key)
        )
        if not key:
            return Answer.CONTRADICTED, COLLECTION, "no key"
        if level.schema is None and level.limits is None:
            return Answer.UNKNOWN, COLLECTION, "in a table nobody knows"
        if level.schema is not None and level.schema.get("type") == "dict":
            return Answer.CONTRADICTED, COLLECTION, "this table has no entries"
        why = self._key(level, key)
        if why:
            return Answer.CONTRADICTED, API, why
        space = "_".join((level.table, *level.path))
        taken = key in level.keys or (
            not level.path
            and level.table in ONE_SPACE
            and any(key in state.names.get(s, ()) for s in ONE_SPACE - {level.table})
        )
        level.keys.add(key)
        if not level.path and key in state.names.get(space, ()) and space not in DELIVERED:
            taken = True
        for where in (space, ALSO.get(space)):
            if where:
                state.names.setdefault(where, set()).add(key)
        if taken and space not in REENTERED:
            return Answer.CONTRADICTED, COLLECTION, f"{key} is there already"
        return Answer.ATTESTED, COLLECTION if level.schema is not None else API, ""

    def _key(self, level: _Level, key: str) -> str:
        """What is wrong with the key of an entry, or nothing."""
        children = (level.schema or {}).get("children", {})
        names = {plain(name): node for name, node in children.items()}
        for name in ("name", "id", "policyid", "seq_num"):
            node = names.get(name)
            if node is None or not node.get("required"):
                continue
            if node.get("type") == "integer" and not key.isdigit():
                return f"the key {name} is a number"
            limit = (level.limits or {}).get(name, {})
            return _limit(limit, [key]) if limit else ""
        return ""

    def _set(self, levels: list[_Level], words: list[str]) -> tuple[Answer, str, str]:
        if not levels:
            return Answer.CONTRADICTED, COLLECTION, "set outside a table"
        level = levels[-1]
        schema = level.schema
        rows = schema is not None and schema.get("type") == "list"
        if level.kind == "config" and rows and schema and schema.get("elements") != "str":
            return Answer.CONTRADICTED, COLLECTION, "set outside an entry"
        if len(words) < 2 or (words[0] != "unset" and len(words) < 3):
            return Answer.CONTRADICTED, COLLECTION, "no value"
        memo = (level.table, level.path, *words)
        if memo not in self._words:
            self._words[memo] = self._attribute(level, words)
        return self._words[memo]

    def _attribute(self, level: _Level, words: list[str]) -> tuple[Answer, str, str]:
        name, values = plain(words[1]), words[2:]
        if level.schema is None and level.limits is None:
            return Answer.UNKNOWN, COLLECTION, "in a table nobody knows"
        node = _child(level.schema, name)
        limit = (level.limits or {}).get(name)
        if node is None and limit is None:
            return Answer.CONTRADICTED, COLLECTION, f"no attribute {words[1]}"
        if words[1] != words[1].lower() or "_" in words[1]:
            return Answer.CONTRADICTED, COLLECTION, f"no attribute {words[1]}"
        if node is not None and not _in_version(node, self.version):
            if limit is not None and not self._typed(node, values):
                return Answer.UNKNOWN, API, "the authorities disagree about the version"
            return Answer.CONTRADICTED, COLLECTION, f"{words[1]} is not in {self.version}"
        if words[0] != "unset":
            why = _addresses(words[1], values)
            if node is not None and not why:
                why = self._typed(node, values)
            if why:
                return Answer.CONTRADICTED, COLLECTION, why
            if limit is not None and (why := _limit(limit, values)):
                return Answer.CONTRADICTED, API, why
        return Answer.ATTESTED, COLLECTION if node is not None else API, ""

    def _typed(self, node: dict[str, Any], values: list[str]) -> str:
        if node.get("type") == "integer" and not re.fullmatch(r"-?\d+", values[0]):
            return "a number is wanted"
        if node.get("type") == "integer" and int(values[0]) > 4_294_967_295:
            return f"{values[0]} is more than a number holds"
        if options := node.get("options"):
            known = [o["value"] for o in options if _in_version(o, self.version)]
            wrong = [v for v in values if v not in known]
            if wrong:
                return f"{' '.join(wrong)} is none of {', '.join(known[:8])}"
        return ""

    # --- what a line needs from the lines before it --------------------------------------------

    def _between(self, levels: list[_Level], words: list[str], state: _State) -> Iterator[str]:
        level = levels[-1]
        name, values = words[1], words[2:]
        yield from self._missing(level, name, values, state)
        if level.table == "system_zone" and name == "interface":
            for value in values:
                if state.zoned.setdefault(value, level.key) != level.key:
                    yield f"{value} is in zone {state.zoned[value]} already"
        if level.table == "firewall_policy" and name in ("srcintf", "dstintf"):
            yield from (f"{v} is in a zone: name the zone" for v in values if v in state.zoned)
        if level.table == "system_interface" and name == "ip" and not level.path:
            yield from _overlap(level.key, values, state)

    def _missing(self, level: _Level, name: str, values: list[str], state: _State) -> Iterator[str]:
        refers = self._tables.get(level.table, {}).get("refers", {})
        path = (*level.path, plain(name))
        targets = next(
            (
                refers[key]
                for suffix in ((), ("name",), ("interface_name",), ("address_name",))
                if (key := ".".join((*path, *suffix))) in refers
            ),
            (),
        )
        if not targets:
            return
        known = [t for t in targets if t in state.names or t in self._tables]
        for value in values:
            if any(value in state.names.get(t, ()) for t in known) or value in ("", "any"):
                continue
            if "system_interface" in known and PHYSICAL.fullmatch(value):
                continue
            if all(t.startswith(("vpn_certificate", "certificate")) for t in known):
                continue  # imported by hand before the configuration is loaded: see notes.md
            yield f"{name} {value} is not defined before this line"


def _structure(fits: bool, why: str) -> tuple[Answer, str, str]:
    return (Answer.ATTESTED, COLLECTION, "") if fits else (Answer.CONTRADICTED, COLLECTION, why)


def _child(schema: dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    for key, node in ((schema or {}).get("children") or {}).items():
        if plain(key) == name:
            found: dict[str, Any] = node
            return found
    return None


def _limit(limit: dict[str, Any], values: list[str]) -> str:
    """What the API schema has against these values, or nothing."""
    choices = limit.get("choices")
    if choices:
        names = [c if isinstance(c, str) else c.get("name", c.get("value")) for c in choices]
        wrong = [v for v in values if v not in names]
        if wrong:
            return f"{' '.join(wrong)} is none of {', '.join(map(str, names[:8]))}"
    longest = limit.get("max_length")
    if longest and any(len(v) > longest for v in values if "<secret:" not in v):
        return f"longer than {longest}"
    low, high = limit.get("min"), limit.get("max")
    if low is not None and high is not None and len(values) == 1:
        number = re.fullmatch(r"-?\d+", values[0])
        if number and not int(low) <= int(values[0]) <= int(high):
            return f"{values[0]} is outside {low} to {high}"
    nested = limit.get("nested") or {}
    member = nested.get("name") or nested.get("interface_name")
    longest = (member or {}).get("max_length")
    if longest and any(len(v) > longest for v in values):
        return f"longer than {longest}"
    return ""


def _addresses(name: str, values: list[str]) -> str:
    for value in values:
        if ADDRESS.fullmatch(value):
            try:
                ipaddress.IPv4Address(value)
            except ValueError:
                return f"{value} is no address"
        if name.endswith("portrange"):
            found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?::\d{1,5}(?:-\d{1,5})?)?", value)
            if not found or any(int(p) > 65535 for p in found.groups() if p):
                return f"{value} is no range of ports"
    return ""


def _overlap(key: str, values: list[str], state: _State) -> Iterator[str]:
    """Interfaces of one VDOM may not overlap (allow-subnet-overlap is off)."""
    if len(values) != 2 or values[0] == "0.0.0.0":
        return
    try:
        mine = ipaddress.IPv4Interface("/".join(values))
    except ValueError:
        yield f"{' '.join(values)} is no address and mask"
        return
    for other, network in state.networks.items():
        if other != key and network.network.overlaps(mine.network):
            yield f"{mine.network} overlaps {network.network} of {other}"
    state.networks[key] = mine
