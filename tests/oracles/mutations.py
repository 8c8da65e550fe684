# ruff: noqa: E501
"""Ways to break a line, fixed before anything was measured; which lines are broken is drawn.

Every operator makes a text that a device would refuse or that means something else; whether an
oracle sees it is what is counted. `GRAMMAR` can be seen in a line and its place, `STRUCTURE` in one
configuration, `ACROSS` only beside the other devices of the site.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from .blocks import lines as switch_lines
from .fortios import statements

GRAMMAR = ("misspelt keyword", "wrong mode", "value out of range")
STRUCTURE = (
    "missing dependency", "wrong order", "duplicate index", "dangling reference",
    "overlapping address",
)  # fmt: skip
ACROSS = ("another VLAN", "another address of the peer")
FREE = re.compile(
    r"^\s*(description|remark|\d+ remark|name|banner|hostname|set (comments?|description|alias|buffer"
    r"|name|ssid|contact-info|location)|snmp-server (contact|location)|dns domain|ip domain|config|edit"
    r"|domain-id|router)\b"
)
FORTI_FREE = re.compile(r"^\s*set (comments?|description|alias|buffer|ssid|contact-info|location) ")
KEYWORD = re.compile(r"(?<![\w<\"/.:-])[a-z][a-z-]{3,}(?![\w\"/.:>-])")
SECRET = re.compile(r"<secret:[^>]*>|unresolved-\w+|ENC \S+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken text and what was done to it."""

    operator: str
    text: str
    what: str


Operator = Callable[[list[str], random.Random], Mutant | None]


def _made(operator: str, rows: list[str], what: str) -> Mutant:
    return Mutant(operator, "\n".join(rows) + "\n", what)


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip())


def _speaking(rows: list[str]) -> list[int]:
    """Rows that are one statement each: no comment, no banner, no quoted text over lines."""
    text = "\n".join(rows)
    if any(r.startswith("config ") for r in rows):
        starts = {number - 1 for number, line in statements(text) if "\n" not in line}
    else:
        starts = {number - 1 for number, _, line in switch_lines(text) if "\n" not in line}
    return sorted(starts)


# --- what a grammar can know -----------------------------------------------------------------


def misspelt(rows: list[str], rng: random.Random) -> Mutant | None:
    """One letter of a keyword lost or two changed over."""
    forti = any(r.startswith("config ") for r in rows)
    at = rng.choice(_speaking(rows))
    row = rows[at]
    if forti:
        first = row.split()[0]
        if first in ("set", "config") and not FORTI_FREE.match(row):
            words = [re.search(r"(?<=\s)[a-z][a-z-]{2,}", row[_indent(row) + 3 :])]
            offset = _indent(row) + 3
            spans = [(w.start() + offset, w.end() + offset) for w in words if w]
        else:
            return None
    elif FREE.match(row):
        return None
    else:
        hidden = SECRET.sub(lambda m: "X" * len(m[0]), row)
        named = re.compile(
            r"(name|class|server|group|user|username|view|read|interface|access-list"
            r"|access-group|profile|template|policy-map|timezone|vrf|trust certificate"
            r"|input|output|subscriber|flash:|list|priv|access-class|RADIUS|method) $"
        )
        spans = [
            m.span() for m in KEYWORD.finditer(hidden) if not named.search(hidden[: m.start()])
        ]
    if not spans:
        return None
    start, end = rng.choice(spans)
    word = row[start:end]
    place = rng.randrange(1, len(word) - 1)
    if rng.random() < 0.5:
        wrong = word[:place] + word[place + 1 :]
    else:
        wrong = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if wrong == word:
        return None
    broken = [*rows]
    broken[at] = row[:start] + wrong + row[end:]
    return _made("misspelt keyword", broken, f"{row.strip()} -> {broken[at].strip()}")


def wrong_mode(rows: list[str], rng: random.Random) -> Mutant | None:
    """A line of one block in another, where no line begins so."""
    speaking = _speaking(rows)
    if any(r.startswith("config ") for r in rows):
        sets = [i for i in speaking if rows[i].lstrip().startswith("set ")]
        at, to = rng.choice(sets), rng.choice(sets)
        table = _table(rows, to)
        attribute = rows[at].split()[1]
        used = {rows[i].split()[1] for i in sets if _table(rows, i) == table}
        if attribute in used | {"status", "name", "comment", "comments", "type", "description"}:
            return None
    else:
        inner = [i for i in speaking if _indent(rows[i]) and not FREE.match(rows[i])]
        tops = [i for i in speaking if not _indent(rows[i])]
        if not inner:
            return None
        at, to = rng.choice(inner), rng.choice(tops)
        first = rows[at].split()[0]
        known = {rows[i].split()[0] for i in tops}
        if first in known or first in ("address", "no"):
            return None
    broken = [r for i, r in enumerate(rows) if i != at]
    place = to if to < at else to - 1
    broken.insert(place, " " * _indent(rows[to]) + rows[at].strip())
    return _made("wrong mode", broken, f"{rows[at].strip()} before {rows[to].strip()}")


def _table(rows: list[str], at: int) -> str:
    """The innermost FortiOS table around a row."""
    depth = _indent(rows[at])
    for row in reversed(rows[:at]):
        if row.lstrip().startswith("config ") and _indent(row) < depth:
            return row.strip()
        if row.lstrip().startswith("edit ") and _indent(row) < depth:
            depth = _indent(row)
    return ""


def out_of_range(rows: list[str], rng: random.Random) -> Mutant | None:
    """A number that no field of any device holds, or an octet beyond 255."""
    at = rng.choice(_speaking(rows))
    row = rows[at]
    if FREE.match(row) or FORTI_FREE.match(row) or '"' in row:
        return None
    hidden = SECRET.sub(lambda m: "X" * len(m[0]), row)
    whole = [(m.span(), "99999999999") for m in re.finditer(r"(?<=[\s/])\d+(?=\s|$)", hidden)]
    octets = [(m.span(1), "300") for m in re.finditer(r"\d+\.\d+\.\d+\.(\d+)", hidden)]
    if not whole + octets:
        return None
    (start, end), number = rng.choice(whole + octets)
    broken = [*rows]
    broken[at] = row[:start] + number + row[end:]
    return _made("value out of range", broken, f"{row.strip()} -> {broken[at].strip()}")


# --- what one configuration can know ---------------------------------------------------------

SWITCH_DEFINES = re.compile(
    r"^(vlan \d+$|ip access-list |class-map |policy-map |template |service-template |radius server"
    r"|aaa group server |snmp-server (view|group) |ntp authentication-key )"
)
FORTI_DEFINES = (
    "config firewall address", "config firewall addrgrp", "config firewall service custom",
    "config firewall service group", "config user radius", "config user group", "config system zone",
    "config vpn ipsec phase1-interface", "config firewall profile-group", "config router prefix-list",
    "config ips sensor", "config wireless-controller wtp-profile",
)  # fmt: skip


def _block(rows: list[str], at: int) -> int:
    """Where a block of a switch ends."""
    end = at + 1
    while end < len(rows) and (_indent(rows[end]) > _indent(rows[at])):
        end += 1
    return end


def _entries(rows: list[str], *tables: str) -> list[tuple[int, int, str]]:
    """(first, after the last, key) of the entries of outermost FortiOS tables."""
    found, table, start = [], "", 0
    for i, row in enumerate(rows):
        if not _indent(row) and row.startswith("config "):
            table = row.strip()
        elif re.match(r"^    edit ", row):
            start = i
        elif re.match(r"^    next$", row) and table in tables:
            found.append((start, i + 1, rows[start].split(None, 1)[1].strip()))
    return found


def missing(rows: list[str], rng: random.Random) -> Mutant | None:
    """A definition is gone; what needs it stays."""
    if any(r.startswith("config ") for r in rows):
        start, end, key = rng.choice(_entries(rows, *FORTI_DEFINES))
        rest = rows[:start] + rows[end:]
        if not any(key in r.split() for r in rest[start:] if r.lstrip().startswith("set ")):
            return None
        return _made("missing dependency", rest, f"without {key}")
    tops = [i for i in _speaking(rows) if SWITCH_DEFINES.match(rows[i])]
    at = rng.choice(tops)
    rest = rows[:at] + rows[_block(rows, at) :]
    head = rows[at].split()
    name = (
        head[2]
        if head[:2] == ["ntp", "authentication-key"]
        else (head[2] if head[0] == "snmp-server" else head[-1])
    )
    users = [
        r
        for r in rest
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", r)
        and not FREE.match(r)
        and r.strip() != rows[at].strip()
    ]
    if head[0] == "vlan":
        users = [r for r in users if re.search(rf"(vlan|Vlan) ?{name}$", r)]
    if head[0] == "vlan" and any(r.strip() == rows[at].strip() for r in rest):
        return None
    if not users:
        return None
    return _made("missing dependency", rest, f"without {rows[at].strip()}")


def wrong_order(rows: list[str], rng: random.Random) -> Mutant | None:
    """FortiOS: a definition behind its use. Switches: the first line of a block before its head."""
    if any(r.startswith("config ") for r in rows):
        entries = _entries(rows, *FORTI_DEFINES)
        start, end, key = rng.choice(entries)
        if not any(key in r.split() for r in rows[end:] if r.lstrip().startswith("set ")):
            return None
        table = next(r for r in reversed(rows[:start]) if r.startswith("config "))
        moved = [*rows[:start], *rows[end:], table, *rows[start:end], "end"]
        return _made("wrong order", moved, f"{key} of {table} last")
    heads = [i for i in _speaking(rows)[:-1] if not _indent(rows[i]) and _indent(rows[i + 1])]
    at = rng.choice(heads)
    if FREE.match(rows[at + 1]) and not rows[at].startswith(("vlan", "interface")):
        return None
    if rows[at + 1].lstrip().startswith("!"):
        return None
    broken = [*rows]
    broken[at], broken[at + 1] = rows[at + 1].lstrip(), rows[at]
    return _made("wrong order", broken, f"{rows[at + 1].strip()} before {rows[at].strip()}")


def duplicate(rows: list[str], rng: random.Random) -> Mutant | None:
    """An index given twice."""
    if any(r.startswith("config ") for r in rows):
        tables = (
            *FORTI_DEFINES,
            "config firewall policy",
            "config router static",
            "config system dhcp server",
            "config firewall local-in-policy",
        )
        start, end, key = rng.choice(_entries(rows, *tables))
        return _made("duplicate index", rows[:end] + rows[start:end] + rows[end:], f"{key} twice")
    speaking = _speaking(rows)
    entries = [
        i
        for i in speaking[1:]
        if re.match(r"^ +\d+ (permit|deny) ", rows[i]) and re.match(r"^ +\d+ ", rows[i - 1])
    ]
    blocks = [i for i in speaking if re.match(r"^(vlan \d+$|interface )", rows[i])]
    at = rng.choice(entries + blocks)
    if at in entries:
        broken = [*rows]
        seq = rows[at - 1].split()[0]
        broken[at] = re.sub(r"\d+", seq, rows[at], count=1)
    else:
        end = _block(rows, at)
        broken = rows[:end] + rows[at:end] + rows[end:]
    return _made("duplicate index", broken, f"{rows[at].strip()} twice")


FORTI_REFERS = re.compile(
    r"^\s*set (srcintf|dstintf|srcaddr|dstaddr|service|member|interface|device|phase1name|remote-group"
    r"|profile-group|prefix-list-(?:in|out)|vaps|wtp-profile|radius-server|security-groups"
    r'|traffic-shaper|update-source|accprofile) "([^"]+)"'
)
SWITCH_REFERS = re.compile(
    r"^\s*(switchport (?:access|voice|phone) vlan |switchport trunk native vlan |ip access-group "
    r"|service-policy (?:input|output) |source template |server name |aaa .* group (?!radius|tacacs)"
    r"|logging host .* ssl-profile |snmp-server group \S+ v3 priv read |ntp trusted-key "
    r"|ntp server .* key |access-class |\d+ activate service-template )(\S+)"
)


def dangling(rows: list[str], rng: random.Random) -> Mutant | None:
    """A line names what is nowhere."""
    pattern = FORTI_REFERS if any(r.startswith("config ") for r in rows) else SWITCH_REFERS
    found = [(i, m) for i in _speaking(rows) if (m := pattern.match(rows[i]))]
    at, match = rng.choice(found)
    if match[2] in ("any", "all"):
        return None
    new = "4001" if match[2].isdigit() else "nowhere"
    broken = [*rows]
    broken[at] = rows[at][: match.start(2)] + new + rows[at][match.end(2) :]
    return _made("dangling reference", broken, f"{rows[at].strip()} -> {broken[at].strip()}")


def overlapping(rows: list[str], rng: random.Random) -> Mutant | None:
    """Two interfaces in one network."""
    forti = any(r.startswith("config ") for r in rows)
    if forti:
        found = [
            i
            for i, r in enumerate(rows)
            if re.match(r"^        set ip \d+\.\d+\.\d+\.\d+ 255\.255\.", r)
        ]
    else:
        found = [i for i in _speaking(rows) if re.match(r"^ +ip address \d", rows[i])]
    if len(found) < 2:
        return None
    at, other = rng.sample(found, 2)
    broken = [*rows]
    broken[at] = rows[other]
    return _made("overlapping address", broken, f"{rows[at].strip()} -> {rows[other].strip()}")


# --- what only the other devices know --------------------------------------------------------


def another_vlan(rows: list[str], rng: random.Random) -> Mutant | None:
    """A port in a VLAN that exists, but is another one."""
    if any(r.startswith("config ") for r in rows):
        found = [i for i, r in enumerate(rows) if re.match(r"^        set vlanid \d+", r)]
        values = ["3999"]
    else:
        rule = re.compile(r"^ +switchport (access|trunk native) vlan (\d+)")
        found = [i for i, r in enumerate(rows) if rule.match(r)]
        values = sorted({r.split()[1] for r in rows if re.fullmatch(r"vlan \d+", r)})
    if not found or not values:
        return None
    at, value = rng.choice(found), rng.choice(values)
    broken = [*rows]
    broken[at] = re.sub(r"\d+$", value, rows[at])
    if broken[at] == rows[at]:
        return None
    return _made("another VLAN", broken, f"{rows[at].strip()} -> {value}")


def another_peer(rows: list[str], rng: random.Random) -> Mutant | None:
    """An address that should be another device's, and is nobody's."""
    rule = re.compile(
        r"^\s*(set (gateway|remote-gw|remote-ip|server|dns-server1)|ip route \S+(?: \S+)?"
        r"|ip default-gateway|ip helper-address|peer-address) \"?(\d+\.\d+\.\d+\.)(\d+)"
    )
    found = [i for i, r in enumerate(rows) if rule.match(r)]
    if not found:
        return None
    at = rng.choice(found)
    match = rule.match(rows[at])
    assert match is not None
    octet = str((int(match[4]) + 77) % 250 + 1)
    broken = [*rows]
    broken[at] = rows[at][: match.start(4)] + octet + rows[at][match.end(4) :]
    return _made("another address of the peer", broken, rows[at].strip())


OPERATORS: dict[str, Operator] = {
    "misspelt keyword": misspelt,
    "wrong mode": wrong_mode,
    "value out of range": out_of_range,
    "missing dependency": missing,
    "wrong order": wrong_order,
    "duplicate index": duplicate,
    "dangling reference": dangling,
    "overlapping address": overlapping,
    "another VLAN": another_vlan,
    "another address of the peer": another_peer,
}
