"""IOS-XE: Cisco's native YANG model, the cisco.ios parsers and Cisco's own test library.

YANG names data, not words: a line is attested by YANG when its words lead through the tree, leaf by
leaf, with values of the leaf's type. Names that exist for the model alone (`-config`, `-list`) may
be skipped. A line that only fits when ranges are not looked at is contradicted.
"""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from . import structure
from .blocks import lines
from .interface import Answer, Verdict

YANG = "Cisco-IOS-XE-native 16.9.3 (ydk-models-cisco-ios-xe)"
PARSERS = "cisco.ios parsers (ansible 12.3.0)"
TESTS = "Cisco test library (genie.libs.sdk 26.9)"
VALUES = "value rules of IOS-XE"

Node = dict[str, Any]
SUFFIX = re.compile(
    r"-(config|conf|cfg|container|list|lists|wrapper|new|v2|ordering|param|params|group|value|choice"
    r"|case|xe|info|grouping|enum|default|rest|leaf|ref|ios|num|range|options|option|id|name|number"
    r"|type|seq|set|in|out|0|1|2|3)$"
)
# Leaves whose name is never typed, only their value.
VALUE_ONLY = {
    "number",
    "name",
    "id",
    "value",
    "word",
    "address",
    "mask",
    "ip",
    "ip-address",
    "key",
    "level",
    "size",
    "string",
    "text",
    "line",
    "primary",
    "interface",
    "vlan",
    "vlans",
    "vlan-id",
    "port",
    "host",
    "list",
    "list-name",
    "group",
    "ios-user",
    "user",
    "username",
    "policy-name",
    "policymap-name",
    "class-map-name",
    "profile",
    "type",
    "action-number",
    "action",
    "timeout",
    "minutes",
    "seconds",
    "first",
    "begin",
    "last",
    "prefix",
    "dest",
    "source",
    "wildcard",
    "percent",
    "encryption",
    "pass",
    "secret",
    "password",
    "passwd",
    "md5",
    "keyword",
    "template",
    "acl-name",
    "access-list",
    "acl",
    "mode",
    "event-type",
    "mac",
    "dscp",
    "values",
    "val",
    "direction",
    "policy",
    "domain",
    "hours",
    "offset",
    "zone",
    "zone-name",
    "priority",
    "threshold",
    "limit",
    "rate",
    "max",
    "min",
    "banner",
    "url",
    "path",
    "server",
    "severity",
    "protocol",
    "start",
    "end",
    "week",
    "start-day",
    "day",
    "month",
    "time",
    "no-of-days",
    "index",
    "seq",
    "sequence",
    "sequence-no",
    "mdp-id",
    "config",
    "server-name",
    "tls-profile",
    "attribute",
    "method",
    "group-name",
    "cipher",
    "algorithm",
    "description",
    "switch",
    "model",
    "provision",
    "fwd",
    "fwding-type",
    "level-value",
    "numbers",
    "ranges",
    "range",
    "data",
    "bytes",
    "rising",
    "cause",
    "feature",
    "keys",
    "hash",
    "ace-rule",
    "vlan-num",
    "dst-ip",
    "ipv4",
    "key-number",
    "md5-key",
    "version",
    "view-name",
    "access-name",
    "recipient",
}
# Containers and lists that exist for the model alone.
SEE_THROUGH = {
    "threshold",
    "a1",
    "a2",
    "a3",
    "a4",
    "no-vrf-ordered",
    "acccess-list",
    "method1",
    "exec-timeout-list",
    "std",
    "sample",
    "rate-in-percent",
    "sec",
    "ip-only",
    "ordered",
    "access-lists",
    "vlan-list",
    "list",
    "policy",
    "event",
    "action-list",
    "class-number",
    "standard",
    "extended",
    "num",
    "level-value",
    "values",
    "access-list-seq-rule",
    "no-vlan",
    "sequence",
    "numbers",
    "range",
    "ace-rule",
    "case",
    "ethernet",
    "tagged",
    "number",
    "auth",
    "user-name",
    "names",
    "v3",
    "security-level",
    "security-level-list",
    "priv",
    "service-templates",
    "profile",
    "attributes",
}
REST_OF_LINE = {
    "description",
    "remark",
    "name",
    "banner",
    "location",
    "contact",
    "line",
    "path",
    "subject-name",
    "message",
}
PORT = re.compile(
    r"(GigabitEthernet|TenGigabitEthernet|TwentyFiveGigE|FortyGigabitEthernet|FiveGigabitEthernet"
    r"|TwoGigabitEthernet|HundredGigE|Port-channel|Vlan|Loopback)(\d[\d/]*)"
)
FREE_TEXT = re.compile(r"^(description|(?:\d+ )?remark) .+")
MARK = re.compile(r"<secret:[^>\s]*>")


@cache
def _kept(name: str) -> Any:
    path = Path(sys.prefix) / "grammars" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _names(name: str) -> frozenset[str]:
    """A node's name, and what is left without the endings that only the model needs."""
    found = {name}
    for _ in range(3):
        shorter = SUFFIX.sub("", name)
        if shorter == name:
            break
        found.add(shorter)
        name = shorter
    return frozenset(found)


class _Tree:
    """Matches words against the tree; `ranges` off accepts any number."""

    def __init__(self, *, ranges: bool) -> None:
        self.root: Node = _kept("ios_native")
        self.ranges = ranges
        self._contexts: dict[tuple[str, ...], list[Node]] = {}
        self._fitting: dict[tuple[int, str], bool] = {}

    def knows(self, line: str, context: tuple[str, ...]) -> bool:
        return bool(self._ends(self.contexts(context), line))

    def contexts(self, context: tuple[str, ...]) -> list[Node]:
        if not context:
            return [self.root]
        if context not in self._contexts:
            self._contexts[context] = self._ends(self.contexts(context[:-1]), context[-1])
        return self._contexts[context]

    def _ends(self, nodes: list[Node], line: str) -> list[Node]:
        words = _words(line)
        if words[0] in ("no", "default"):
            words = words[1:]
        ends: list[Node] = []
        for node in nodes:
            numbered = node is not self.root and bool(words) and words[0].isdigit()
            for tried, (end, at) in enumerate(self._match(node, words, 0, typed=int(numbered))):
                if at == len(words) and not any(end is e for e in ends):
                    ends.append(end)
                if tried > 400 or len(ends) > 12:
                    break
        return ends

    def fits(self, kind: Node | None, value: str) -> bool:
        """Whether a value is of a YANG type."""
        if kind is None:
            return True
        memo = (id(kind), value)  # the tree lives as long as this memory
        if memo not in self._fitting:
            self._fitting[memo] = self._fits(kind, value)
        return self._fitting[memo]

    def _fits(self, kind: Node, value: str) -> bool:
        if "union" in kind:
            return any(self.fits(member, value) for member in kind["union"])
        if "enum" in kind:
            return value in kind["enum"]
        name = kind["t"]
        if name.startswith("ipv4-address"):
            return _is_address(value)
        if name in ("ip-address", "host"):
            return re.fullmatch(r"[\w.:<>/-]+", value) is not None
        if name == "empty":
            return False
        base, limit = kind, kind.get("range")
        while base.get("base") and not _is_basic(base["t"]):
            base = base["base"]
            limit = limit or base.get("range")
            if "enum" in base:
                return value in base["enum"]
            if "union" in base:
                return any(self.fits(member, value) for member in base["union"])
        if base["t"].startswith(("int", "uint")):
            if not re.fullmatch(r"-?\d+", value):
                return False
            return not limit or not self.ranges or _in_range(limit, int(value))
        if base["t"] == "decimal64":
            return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        if base["t"] == "boolean":
            return value in ("true", "false")
        return all(_pattern(p, value) for p in kind.get("pattern") or base.get("pattern") or ())

    def _match(
        self, node: Node, words: list[str], at: int,
        depth: int = 0, hidden: int = 0, typed: int = 0, free: int = 0,
    ) -> Iterator[tuple[Node, int]]:  # fmt: skip
        """(node, words read). typed: keywords read; free: bare values in a row."""
        if at == len(words):
            yield node, at
            return
        if depth > 14:
            return
        word = words[at]
        for name, child in _children(node):
            names = _names(name)
            hit = word in names or word.lower() == name.lower()
            if child["k"] in ("leaf", "leaf-list"):
                yield from self._leaf(node, name, child, words, at, depth, hidden, typed, free, hit)
            elif child["k"] == "container":
                if hit:
                    yield from self._match(child, words, at + 1, depth + 1, 0, typed + 1)
                elif hidden < 2 and (len(names) > 1 or name in SEE_THROUGH):
                    yield from self._match(child, words, at, depth + 1, hidden + 1, typed, free)
            elif child["k"] == "list":
                yield from self._list(name, child, words, at, depth, hidden, typed, free, hit)

    def _leaf(
        self, node: Node, name: str, leaf: Node, words: list[str], at: int,
        depth: int, hidden: int, typed: int, free: int, hit: bool,
    ) -> Iterator[tuple[Node, int]]:  # fmt: skip
        kind = leaf["t"]
        flag = bool(kind) and kind["t"] in ("empty", "boolean")
        many = leaf["k"] == "leaf-list"
        if hit and flag:
            yield from self._match(node, words, at + 1, depth + 1, hidden, typed + 1)
        if hit and not flag and at + 1 < len(words):
            if self.fits(kind, words[at + 1]):
                yield from self._match(node, words, at + 2, depth + 1, hidden, typed + 1)
            if _names(name) & REST_OF_LINE:
                yield node, len(words)
            if many and _strict(kind):
                end = at + 1
                while end < len(words) and self.fits(kind, words[end]):
                    end += 1
                if end > at + 2:
                    yield from self._match(node, words, end, depth + 1, hidden, typed + 1)
        if flag or not typed or not self.fits(kind, words[at]):
            return
        if _strict(kind):
            yield from self._match(node, words, at + 1, depth + 1, hidden, typed)
            if many:
                end = at
                while end < len(words) and self.fits(kind, words[end]):
                    end += 1
                yield from self._match(node, words, end, depth + 1, hidden, typed)
        elif name in VALUE_ONLY and free < 1 and not re.match(r"^[a-z-]{4,}$", words[at]):
            yield from self._match(node, words, at + 1, depth + 1, hidden, typed, free + 1)

    def _list(
        self, name: str, rows: Node, words: list[str], at: int,
        depth: int, hidden: int, typed: int, free: int, hit: bool,
    ) -> Iterator[tuple[Node, int]]:  # fmt: skip
        keys = rows.get("keys", [])
        if name == "action-list" and hidden < 3 and not hit:
            yield from self._match(rows, words, at, depth + 1, hidden + 1, typed, free)
        if name == "acccess-list" and words[at + 1 : at + 2] in (["in"], ["out"]):
            yield from self._match(rows, words, at + 2, depth + 1, hidden + 1, typed, free)

        def after(at: int, keys: list[str], hidden: int, typed: int) -> Iterator[tuple[Node, int]]:
            if not keys:
                yield from self._match(rows, words, at, depth + 1, hidden, typed)
                return
            if at >= len(words):
                return
            kind = rows["c"].get(keys[0], {}).get("t")
            named = words[at] == keys[0] and kind and at + 1 < len(words)
            if named and self.fits(kind, words[at + 1]):
                yield from after(at + 2, keys[1:], hidden, typed)
            if self.fits(kind, words[at]):
                yield from after(at + 1, keys[1:], hidden, typed)

        if hit:
            yield from after(at + 1, keys, 0, typed + 1)
        elif (len(_names(name)) > 1 or name in SEE_THROUGH) and hidden < 2 and keys:
            kind = rows["c"].get(keys[0], {}).get("t")
            if _strict(kind) or (typed and not re.match(r"^[a-z-]{4,}$", words[at])):
                yield from after(at, keys, hidden + 1, typed)


class IosXe:
    """See the module."""

    platform = "cisco_iosxe"

    def __init__(self) -> None:
        self._tree = _Tree(ranges=True)
        self._loose = _Tree(ranges=False)
        self._parsers = [
            (where, re.compile(pattern, flags)) for where, pattern, flags in _kept("ios_lines")
        ]
        self._tests = [
            (where, re.compile(re.escape(line).replace("\0", r"(\S+)")))
            for where, line in _kept("ios_tests")
        ]
        self._ports = frozenset(_port_names(self._tree.root))
        self._models = frozenset(
            self._tree.root["c"]["switch"]["c"]["provision"]["t"].get("enum", ())
        )
        self._memo: dict[tuple[tuple[str, ...], str], tuple[Answer, str, str]] = {}

    def judge(self, text: str) -> list[Verdict]:
        """One verdict a line, and one more for each rule between lines that it breaks."""
        verdicts = []
        found = list(lines(MARK.sub("0A1B2C3D4E5F", text)))
        for number, context, line in found:
            key = (tuple(_usual(above) for above in context), FREE_TEXT.sub(r"\1 text", line))
            if key not in self._memo:
                self._memo[key] = self._line(key[1], key[0])
            verdicts.append(Verdict(number, context, line, *self._memo[key]))
        verdicts.extend(structure.judge(found, structure.IOSXE))
        return verdicts

    def _line(self, line: str, context: tuple[str, ...]) -> tuple[Answer, str, str]:
        if line in ("end", "exit") or line.startswith("banner "):
            return Answer.ATTESTED, PARSERS, ""
        if why := self._value(line, context):
            return Answer.CONTRADICTED, VALUES, why
        if self._tree.knows(line, context):
            return Answer.ATTESTED, YANG, ""
        if not context and (block := self._block_of(line)):
            return Answer.CONTRADICTED, YANG, f"stands under {block!r}"
        if not context and " " not in line and not self._tree.knows(line, context):
            return Answer.UNKNOWN, YANG, ""  # one word of a test says nothing about its place
        tested = next((where for where, pattern in self._tests if _holds(pattern, line)), None)
        if re.search(r"\d", line) and self._loose.knows(line, context):
            if tested:  # the library is of this year, the model of 16.9
                return Answer.UNKNOWN, TESTS, "the authorities disagree about a range"
            return Answer.CONTRADICTED, YANG, "a number is out of its range"
        if tested:
            return Answer.ATTESTED, TESTS, tested
        for where, pattern in self._parsers:
            for form in {line, " " * len(context) + line}:
                found = pattern.match(form)
                whole = found is not None and found[0].strip() == line
                if whole and found and any((found.groupdict() or {"": "1"}).values()):
                    return Answer.ATTESTED, PARSERS, where
        return Answer.UNKNOWN, YANG, ""

    def _block_of(self, line: str) -> str:
        """The block that a line belongs to, for one that nothing knows outside a block.

        The parsers and the test library do not say where a line stands; the model does.
        """
        if line[0].isdigit():
            return "ip access-list"
        return next((b for b in BLOCKS if self._tree.knows(line, (b,))), "")

    def _value(self, line: str, context: tuple[str, ...]) -> str:
        """Values that no authority limits, but the command reference does; see docs/oracles.md."""
        for part in re.findall(r"(?<![\d.])\d+\.\d+\.\d+(?:\.\d+)?(?![\d.])", line):
            if not _is_address(part):
                return f"{part} is no address"
        for pattern, low, high in LIMITS:
            if (found := re.search(pattern, line)) and not low <= int(found[1]) <= high:
                return f"{found[1]} is outside {low} to {high}"
        found = re.match(r"spanning-tree vlan \S+ priority (\d+)", line)
        if found and int(found[1]) % 4096:
            return "a priority is a multiple of 4096"
        if found := re.match(r"ip (?:address|route) (\S+) (\d\S+)", line):
            rest = ~int(ipaddress.IPv4Address(found[2])) & 0xFFFFFFFF
            if rest & (rest + 1):
                return f"{found[2]} is no mask"
        found = re.match(r"switch \d+ provision (\S+)", line)
        newer = ("c9300x-", "c9200")  # of 17.x, or spelt otherwise in 16.9
        if found and found[1] not in self._models and not found[1].startswith(newer):
            return f"{found[1]} is no switch"
        dscp = r"default|ef|cs[1-7]|af[1-4][1-3]|\d|[1-5]\d|6[0-3]"
        found = re.match(r"match dscp (\S+)$", line)
        if found and not re.fullmatch(dscp, found[1]):
            return f"{found[1]} is no DSCP"
        if line.startswith("ntp authentication-key") and not re.fullmatch(
            r"ntp authentication-key \d+ (md5|hmac-sha1|hmac-sha2-256|cmac-aes-128|sha1|sha2) "
            r"\S+( \d)?", line,
        ):  # fmt: skip
            return "no such key type"
        if context and context[-1].startswith("ip access-list extended") and "remark" not in line:
            return self._entry(line)
        return ""

    def _entry(self, line: str) -> str:
        found = ENTRY.fullmatch(line)
        if not found:
            return "no entry of an extended access list"
        for port in (found[g] for g in (3, 4, 5, 7, 8, 9)):
            if port and not (port.isdigit() and int(port) < 65536) and port not in self._ports:
                return f"{port} is no port"
            if port and found[1] not in ("tcp", "udp"):
                return f"{found[1]} has no ports"
        return ""


BLOCKS = (
    "interface GigabitEthernet1/0/1",
    "interface Vlan1",
    "policy-map X",
    "radius server X",
    "aaa group server radius X",
    "line vty 0 4",
    "archive",
    "vlan 2",
    "class-map match-any X",
)


def _holds(pattern: re.Pattern[str], line: str) -> bool:
    """Whether a command of the test library is this line, with values in its holes."""
    found = pattern.fullmatch(line)
    return found is not None and all(re.search(r"[A-Z0-9./:]", g) for g in found.groups())


SIDE = r"(any|host \d+\.\d+\.\d+\.\d+|\d+\.\d+\.\d+\.\d+ \d+\.\d+\.\d+\.\d+)"
ENDS = r"(?: (?:eq (\S+)|range (\S+) (\S+)))?"
ENTRY = re.compile(
    rf"\d+ (?:permit|deny) (ip|tcp|udp|icmp|esp|gre) {SIDE}{ENDS} {SIDE}{ENDS}"
    r"( established)?( log)?"
)
LIMITS = (
    (r"^(?:vlan|switchport access vlan|switchport voice vlan|switchport trunk native vlan"
     r"|interface Vlan|ip igmp snooping vlan) ?(\d+)", 1, 4094),
    (r"(?:auth-port|acct-port|transport tls port) (\d+)", 1, 65535),
    (r"acct-port (\d+)", 1, 65535),
    (r"^system mtu (\d+)", 1500, 9198),
    (r"^ip mtu (\d+)", 832, 9198),
    (r"priority level (\d+)", 1, 2),
    (r"bandwidth remaining percent (\d+)", 0, 100),
    (r"storm-control \w+ level (\d+)", 0, 100),
    (r"dot1x timeout tx-period (\d+)", 1, 65535),
    (r"errdisable recovery interval (\d+)", 30, 86400),
    (r"^switch (\d+) provision", 1, 16),
    (r"clock timezone \w+ (-?\d+)", -23, 23),
    (r"^(?!.*(?:description|remark|name) ).*(?<![\w.-])(\d{10,})(?![\w.])", 0, 4294967295),
)  # fmt: skip


def _children(node: Node) -> Iterator[tuple[str, Node]]:
    for name, child in node["c"].items():
        yield name, child
        for other in child.get("alt", ()):
            yield name, other


def _is_basic(name: str) -> bool:
    return name.startswith(
        ("int", "uint", "string", "enum", "decimal", "boolean", "union", "leafref")
    )


def _strict(kind: Node | None) -> bool:
    """Whether a type says enough for a value to stand without its leaf's name."""
    if kind is None:
        return False
    if "union" in kind:
        return all(_strict(member) for member in kind["union"])
    if "enum" in kind or kind.get("pattern"):
        return True
    base = kind
    while base.get("base"):
        base = base["base"]
        if "enum" in base:
            return True
    return base["t"].startswith(("int", "uint", "decimal")) or kind["t"] in (
        "ipv4-address", "ip-address",
    )  # fmt: skip


def _in_range(limit: str, value: int) -> bool:
    for part in limit.split("|"):
        low, _, high = (p.strip() for p in part.partition(".."))
        high = high or low
        first = -(10**12) if low == "min" else int(low)
        last = 10**12 if high == "max" else int(high)
        if first <= value <= last:
            return True
    return False


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern.replace("\\p{N}", "0-9").replace("\\p{L}", "a-zA-Z"))
    except re.error:
        return None


def _pattern(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _is_address(value: str) -> bool:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def _words(line: str) -> list[str]:
    words: list[str] = []
    for word in line.split():
        port = PORT.fullmatch(word)
        words.extend(port.groups() if port else [word])
    if words[:2] == ["line", "con"]:
        words[1] = "console"
    return words


def _usual(above: str) -> str:
    """A context as it is judged once for all ports of a kind."""
    if not above.startswith("interface "):
        return above
    number = "1/0/1" if "Ethernet" in above or "GigE" in above else "1"
    return re.sub(r"[\d/]+$", number, above)


def _port_names(root: Node) -> set[str]:
    found: set[str] = set()

    def words(kind: Node | None) -> None:
        if kind:
            found.update(kind.get("enum", ()))
            for member in kind.get("union", ()):
                words(member)
            words(kind.get("base"))

    def walk(node: Node, depth: int = 0) -> None:
        for name, child in _children(node):
            if "port" in name or name.startswith(("src-", "dst-")):
                words(child.get("t"))
            if depth < 7:
                walk(child, depth + 1)

    walk(root["c"]["ip"]["c"]["access-list"])
    return found
