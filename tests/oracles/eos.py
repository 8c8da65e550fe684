"""EOS: the text read as facts, spelt again by pyavd, and compared.

A line is attested when Arista's own generator writes the same line in the same place from the
values found in it, and its schema accepts the values. A line that is read and comes back otherwise
is contradicted; one whose form is not known is unknown.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pyavd

from . import structure
from .blocks import lines
from .eos_forms import Form, below, top
from .interface import Answer, Verdict

AUTHORITY = f"pyavd {pyavd.__version__}"
VALUES = "value rules of EOS"
# A placeholder is no value that EOS takes; it stands for the form it becomes.
MARKS = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"unresolved-secret <secret:[^>]+>", "secret 0 SECRET"),
        (r"unresolved-key <secret:[^>]+>", "key 0 SECRET"),
        (r"unresolved-sha1 <secret:[^>]+>", "sha1 0 SECRET"),
        (r"unresolved-auth <secret:[^>]+>", "auth sha256 SECRET"),
        (r"unresolved-priv <secret:[^>]+>", "priv aes SECRET"),
    )
)
# What the schema leaves open, and no device can take: limits of the protocols themselves
# (IEEE 802.1Q, TCP and UDP ports, shares of a whole) and the largest switched frame of EOS.
LIMITS = (
    (r"(?:switchport access|switchport phone|trunk native|igmp snooping) vlan (\d+)", 1, 4094),
    (r"^vlan (\d+)$", 1, 4094),
    (r"^interface Vlan(\d+)$", 1, 4094),
    (r"traffic allow vlan (\d+)$", 1, 4094),
    (r"storm-control \w+ level (\d+)", 0, 100),
    (r"^mtu (\d+)$", 68, 9214),
    (r"^spanning-tree mst \d+ priority (\d+)", 0, 61440),
    (r"logging host \S+ (\d+) protocol", 1, 65535),
    (r"ptp domain (\d+)", 0, 255),
    (r"(?:eq|range) (\d+)", 0, 65535),
    (r"range \d+ (\d+)", 0, 65535),
    (r"^ip route \S+ \S+ (\d+)", 1, 255),
    (r"(?<![\w.-])(\d{10,})(?![\w.])", 0, 4294967295),
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Eos:
    """See the module."""

    platform = "arista_eos"

    def judge(self, text: str) -> list[Verdict]:
        """One verdict a line, and one more for each rule between lines that it breaks."""
        for pattern, plain in MARKS:
            text = pattern.sub(plain, text)
        found = list(lines(text))
        facts, unread = _read(found)
        complaint = _schema(facts)
        again = _spelt(facts) if not complaint.startswith("pyavd") else set()
        verdicts = []
        for number, context, line in found:
            if why := _value(line):
                answer = Verdict(number, context, line, Answer.CONTRADICTED, VALUES, why)
            elif number in unread:
                answer = Verdict(number, context, line, Answer.UNKNOWN, AUTHORITY)
            elif (context, line) in again:
                answer = Verdict(number, context, line, Answer.ATTESTED, AUTHORITY)
            else:
                why = "pyavd spells it otherwise, or not here"
                answer = Verdict(number, context, line, Answer.CONTRADICTED, AUTHORITY, why)
            verdicts.append(answer)
        if complaint:
            verdicts.append(Verdict(0, (), "", Answer.CONTRADICTED, AUTHORITY, complaint))
        verdicts.extend(structure.judge(found, structure.EOS))
        return verdicts


def _read(found: list[tuple[int, tuple[str, ...], str]]) -> tuple[dict[str, Any], set[int]]:
    """The facts, and the numbers of the lines that were not understood."""
    facts: dict[str, Any] = {}
    forms: dict[tuple[str, ...], list[Form]] = {(): top(facts)}
    unread = set()
    for number, context, line in found:
        if line.startswith("banner login\n"):
            facts.setdefault("banners", {})["login"] = line.partition("\n")[2] + "\nEOF"
            continue
        if context not in forms:
            try:
                forms[context] = below(facts, context)
            except (KeyError, ValueError):  # the line above it was not understood
                forms[context] = []
        for pattern, read in forms[context]:
            if values := _compiled(pattern).fullmatch(line):
                read(*values.groups())
                break
        else:
            unread.add(number)
    for kind in ("ethernet_interfaces", "port_channel_interfaces"):
        for interface in facts.get(kind, []):
            if "switchport" in interface:
                interface["switchport"].setdefault("enabled", True)
    return facts, unread


def _schema(facts: dict[str, Any]) -> str:
    """What pyavd's schema has against the facts, or nothing."""
    try:
        result = pyavd.validate_structured_config(facts).validation_result
    except Exception as error:  # whatever pyavd raises is an answer
        return f"pyavd: {error!r}"
    return "; ".join(str(v) for v in result.violations)


def _spelt(facts: dict[str, Any]) -> set[tuple[tuple[str, ...], str]]:
    try:
        return {(context, line) for _, context, line in lines(pyavd.get_device_config(facts))}
    except Exception:  # nothing comes back, so nothing is attested
        return set()


def _value(line: str) -> str:
    for part in re.findall(r"(?<![\d.])\d+\.\d+\.\d+\.\d+(?![\d.])", line):
        if any(int(n) > 255 for n in part.split(".")):
            return f"{part} is no address"
    if line.startswith(("description ", "banner ", "snmp-server contact")):
        return ""
    for pattern, low, high in LIMITS:
        if (found := _compiled(pattern).search(line)) and not low <= int(found[1]) <= high:
            return f"{found[1]} is outside {low} to {high}"
    found = re.search(r"\d+\.\d+\.\d+\.\d+/(\d+)\b", line)
    if found and int(found[1]) > 32:
        return f"/{found[1]} is no prefix length"
    found = re.search(r"spanning-tree mst \d+ priority (\d+)", line)
    if found and int(found[1]) % 4096:
        return "a priority is a multiple of 4096"
    return ""
