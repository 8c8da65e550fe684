"""What can reach what, from the text alone: the rule that decides, with its line.

A conversation passes the access list of the core its source is behind, the policy of the firewall,
and back through the access list of the core its destination is behind. Each of them is asked in
the order of its lines; the answer is exact for every address, port and DNS name of the question.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from ..errors import SitekitError
from . import conversations as talk
from .conversations import Rule, Rules
from .facts import Acl, Entry, Firewall, Site, Switch, dotted, number, slashed
from .filtering import conversation
from .networks import Network, Networks
from .read_firewall import port_span
from .spaces import (
    ALL_SERVICES,
    FIRST_NAME,
    Box,
    Span,
    boxes,
    joined,
    shared,
    without,
)
from .standard import NOT_INTERNET, PUBLIC

PERMITTED, DENIED, PARTLY = "permitted", "denied", "partly"
_FORM = "write it as: SOURCE -> DESTINATION SERVICE, such as 'guest -> storage tcp/445'"
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "ping": 1, "esp": 50, "gre": 47}
_WHOLE = (ALL_SERVICES,)


@dataclass(frozen=True, slots=True)
class Step:
    """One rule or line that decides a part of the question."""

    verdict: str  # permitted or denied
    device: str
    by: str  # rule 22500 (corp-internet-22500), line 30 of access list post-in, no rule
    reason: str  # as it stands in the configuration
    example: str  # one conversation that it decides
    file: str
    line: int  # 0: no line says it


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question: permitted, denied or partly, and what decides."""

    site: str
    source: str
    destination: str
    service: str
    verdict: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


class _End(NamedTuple):
    """Addresses in one place: a network of the site, the Internet or the far end of a tunnel."""

    spans: tuple[Span, ...]
    network: Network | None
    zone: str  # on the firewall


class _Part(NamedTuple):
    """A step with what it decides, before equal ones are put together."""

    permit: bool
    device: str
    by: str
    reason: str
    file: str
    line: int
    final: bool  # it settles its part: a refusal, or the last thing asked
    pieces: list[Box]


_Steps = Generator[_Part, None, list[Box]]


def answer(site: Site, networks: Networks, rules: dict[str, Rules], question: str) -> Answer:
    """Answer a question about the site. Raises SitekitError where it cannot be understood."""
    source, destination, service = _parts(question)
    firewall = networks.firewall
    if firewall is None:
        raise SitekitError(
            f"site {site.code} has no firewall whose text can be read", hint="render it again"
        )
    asker = _Asker(site, networks, firewall, rules[firewall.name])
    services = asker.services(service)
    parts: list[_Part] = []
    for one in asker.ends(source, destination=False):
        for other in asker.ends(destination, destination=True):
            parts += asker.between(one, other, services)
    verdicts = {part.permit for part in parts if part.final}
    verdict = PERMITTED if verdicts == {True} else PARTLY if len(verdicts) > 1 else DENIED
    return Answer(
        site=site.code,
        source=source,
        destination=destination,
        service=service,
        verdict=verdict,
        steps=tuple(_steps(parts, asker.rules)),
        notes=tuple(dict.fromkeys(asker.notes)),
    )


def _parts(question: str) -> tuple[str, str, str]:
    source, arrow, rest = question.partition("->")
    words = rest.split()
    if not arrow or not source.strip() or len(words) not in (1, 2):
        raise SitekitError(f"'{question}' is not a question that can be answered", hint=_FORM)
    return source.strip(), words[0], words[1] if len(words) == 2 else "any"


def _steps(parts: Iterable[_Part], rules: Rules) -> Iterator[Step]:
    seen: set[tuple[bool, str, str, str]] = set()
    for part in parts:
        key = (part.permit, part.device, part.by, part.file)
        if key in seen:
            continue
        seen.add(key)
        yield Step(
            verdict=PERMITTED if part.permit else DENIED,
            device=part.device,
            by=part.by,
            reason=part.reason,
            example=conversation(part.pieces[0], rules),
            file=part.file,
            line=part.line,
        )


class _Asker:
    """One site, ready to be asked."""

    def __init__(self, site: Site, networks: Networks, firewall: Firewall, rules: Rules) -> None:
        self.site = site
        self.networks = networks
        self.firewall = firewall
        self.rules = rules
        self.notes: list[str] = []
        self.routed = [n for n in networks.by_vlan.values() if n.interfaces]

    # --- words ---

    def services(self, word: str) -> tuple[Span, ...]:
        """The services that a word stands for."""
        lower = word.lower()
        if lower == "any":
            return _WHOLE
        protocol, slash, ports = lower.partition("/")
        value = _PROTOCOLS.get(protocol)
        if value is not None and not slash:
            return (((value << 16), (value << 16) + 65535),)
        if value in (6, 17):
            span = port_span(ports)
            if span is None:
                raise SitekitError(f"'{word}' is no service: {ports!r} is no port", hint=_FORM)
            return (((value << 16) + span[0], (value << 16) + span[1]),)
        groups = self.firewall.root.table("firewall service group").entries
        for name in (word, word.upper()):
            if name in groups:
                members = groups[name].words("member")
                return joined(s for m in members for s in self.firewall.services.get(m, ()))
            if name in self.firewall.services:
                return self.firewall.services[name]
        known = [*groups, *self.firewall.services]
        raise SitekitError(
            f"{self.site.code} has no service '{word}'", hint=_near(word, known) or _FORM
        )

    def ends(self, word: str, *, destination: bool) -> list[_End]:
        """The places that a word stands for."""
        spans = self._spans(word)
        found: list[_End] = []
        left = spans
        for network in self.routed:
            span = (network.prefix.first, network.prefix.last)
            inside = shared(left, (span,))
            if inside:
                found.append(_End(inside, network, self.networks.entrance(network)))
                left = without(left, (span,))
        addresses = shared(left, ((0, FIRST_NAME - 1),))
        private = shared(addresses, NOT_INTERNET)
        public = without(addresses, NOT_INTERNET)
        users = self._users()
        at_home = shared(private, users)
        if at_home:
            found.append(_End(at_home, None, self.firewall.zone_of("users")))
        far = without(private, users)
        if far:
            found.append(_End(far, None, self._far_zone()))
        names = shared(left, ((FIRST_NAME, FIRST_NAME + (1 << 20)),)) if destination else ()
        if public or names:
            found.append(_End((*public, *names), None, self._uplinks()))
        if not found:
            raise SitekitError(f"'{word}' stands for no address of {self.site.code}", hint=_FORM)
        return found

    def _spans(self, word: str) -> tuple[Span, ...]:
        prefix = slashed(word)
        if prefix is not None:
            return ((prefix.first, prefix.last),)
        address = number(word)
        if address is not None:
            return self._translated(address)
        name = word.removeprefix("z-")
        if name in ("internet", "wan"):
            last = FIRST_NAME + len(self.rules.names) - 1
            return (*PUBLIC, *(((FIRST_NAME, last),) if self.rules.names else ()))
        if name == "any":
            return ((0, FIRST_NAME - 1),)
        zone = [n for n in self.routed if n.zone == name]
        named = [n for n in self.networks.by_vlan.values() if n.name == name]
        if zone or named:
            return joined((n.prefix.first, n.prefix.last) for n in (zone or named))
        if name == "vpn_user" and self._users():
            return self._users()
        if name == "vpn_site":
            return without(
                NOT_INTERNET,
                [(n.prefix.first, n.prefix.last) for n in self.networks.by_vlan.values()],
            )
        return self._machine(word)

    def _machine(self, word: str) -> tuple[Span, ...]:
        for host in self.site.documents.hosts:
            if host.name == word and host.address is not None:
                return ((host.address, host.address),)
        resolver = self.rules.groups
        if word in self.firewall.root.table("firewall address").entries or word in resolver:
            found = _object(self.firewall, self.rules, word)
            if found:
                return found
        for i in self.networks.interfaces:
            if i.device == word:
                return ((i.subnet.address, i.subnet.address),)
        for port in self.site.documents.ports:
            if port.to.split()[:1] == [word]:
                vlan = port.vlan.partition(" ")[0].rstrip("ut")
                network = self.networks.by_vlan.get(int(vlan)) if vlan.isdigit() else None
                if network is not None:
                    self.notes.append(
                        f"{word} has no fixed address: the answer is for all of {network.name}"
                    )
                    return ((network.prefix.first, network.prefix.last),)
        raise SitekitError(
            f"{self.site.code} has no zone, network or machine '{word}'",
            hint=_near(word, self._known()) or f"it has {', '.join(sorted(self._zones())[:12])}",
        )

    def _zones(self) -> set[str]:
        return {n.zone for n in self.routed if n.zone} | {"internet"}

    def _known(self) -> list[str]:
        return [
            *self._zones(),
            *(n.name for n in self.routed),
            *(host.name for host in self.site.documents.hosts),
            *(port.to.split()[0] for port in self.site.documents.ports if port.to),
            *self.rules.groups,
            *self.firewall.root.table("firewall address").entries,
        ]

    def _translated(self, address: int) -> tuple[Span, ...]:
        """A published address stands for the machines behind it."""
        behind = {
            vip.mapped
            for vip in self.firewall.vips.values()
            if vip.external == address and vip.mapped is not None
        }
        if behind:
            machines = ", ".join(dotted(value) for value in sorted(behind))
            self.notes.append(f"{dotted(address)} is published: it leads to {machines}")
            return joined((value, value) for value in behind)
        return ((address, address),)

    # --- places ---

    def _uplinks(self) -> str:
        zones = self.firewall.root.table("system sdwan").table("zone").entries
        return next(iter(zones), "z-wan")

    def _far_zone(self) -> str:
        """Private addresses that are not here are behind the tunnels, where there are any."""
        tunnels = [
            name
            for name, node in self.firewall.root.table("vpn ipsec phase1-interface").entries.items()
            if node.word("type") != "dynamic"
        ]
        return self.firewall.zone_of(tunnels[0]) if tunnels else self._uplinks()

    def _users(self) -> tuple[Span, ...]:
        """The addresses of people on the road."""
        found = []
        for node in self.firewall.root.table("vpn ipsec phase1-interface").entries.values():
            first, last = number(node.word("ipv4-start-ip")), number(node.word("ipv4-end-ip"))
            if first is not None and last is not None and first <= last:
                found.append((first, last))
        return tuple(found)

    # --- the way ---

    def between(self, one: _End, other: _End, services: Sequence[Span]) -> Iterator[_Part]:
        """Every step of the conversations between two places."""
        asked = boxes(one.spans, other.spans, services)
        if one.network is not None and one.network is other.network:
            where = one.network.interfaces[0]
            yield _Part(
                True,
                where.device,
                "no rule: both are in one network",
                "what is in one network is switched, no rule is asked",
                where.file,
                where.line,
                True,
                asked,
            )
            return
        here, there = self._core(one.network), self._core(other.network)
        near = here is not None and there is not None
        if here is not None:
            asked = yield from self._list(*here, asked, back=False, final=False)
        if not near and asked:
            asked = yield from self._firewall(one, other, asked, final=there is None)
        if there is not None and asked:
            yield from self._list(*there, asked, back=True, final=True)

    def _core(self, network: Network | None) -> tuple[Switch, Acl | None] | None:
        """The core that a network is behind, with the access list of its interface."""
        if network is None or not network.core:
            return None
        name = network.interfaces[0].device
        switch = next(s for s in self.site.switches if s.name == name)
        port = switch.ports[network.interfaces[0].name]
        return switch, switch.acls.get(port.acl_in) if port.acl_in else None

    def _list(
        self,
        switch: Switch,
        acl: Acl | None,
        asked: list[Box],
        *,
        back: bool,
        final: bool,
    ) -> _Steps:
        if acl is None:
            if final:
                yield _Part(True, switch.name, "no access list", "", switch.file, 0, True, asked)
            return asked
        flowing = talk.flowing(asked) if back else asked
        decided = talk.replies(acl, flowing) if back else talk.first_packets(acl, asked)
        passed: list[Box] = []
        for entry, pieces in decided:
            permit = entry is not None and entry.permit
            by = _line_words(entry, acl)
            yield _Part(
                permit,
                switch.name,
                f"{by} (the replies)" if back else by,
                entry.reason if entry else "",
                switch.file,
                entry.line if entry else acl.line,
                final or not permit,
                pieces,
            )
            if permit:
                passed += pieces
        return passed

    def _firewall(self, one: _End, other: _End, asked: list[Box], *, final: bool) -> _Steps:
        passed: list[Box] = []
        for rule, pieces in talk.decided(self.rules.rules, one.zone, other.zone, asked):
            permit = rule is not None and rule.policy.accept
            yield _Part(
                permit,
                self.firewall.name,
                _rule_words(rule, one.zone, other.zone),
                rule.policy.comment if rule else "",
                self.firewall.file,
                rule.policy.line if rule else 0,
                final or not permit,
                pieces,
            )
            if permit:
                passed += pieces
        return passed


def _line_words(entry: Entry | None, acl: Acl) -> str:
    return f"line {entry.number} of access list {acl.name}" if entry else f"the end of {acl.name}"


def _rule_words(rule: Rule | None, source: str, destination: str) -> str:
    if rule is None:
        return f"no rule from {source} to {destination}"
    return f"rule {rule.policy.number} ({rule.policy.name})"


def _object(firewall: Firewall, rules: Rules, name: str, depth: int = 0) -> tuple[Span, ...]:
    if name in rules.groups and depth < 8:
        return joined(
            span
            for member in rules.groups[name]
            for span in _object(firewall, rules, member, depth + 1)
        )
    if name in firewall.names:
        index = FIRST_NAME + list(firewall.names).index(name)
        return ((index, index),)
    return firewall.addresses.get(name, ())


def _near(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, sorted(set(known)), n=3)
    return f"did you mean {' or '.join(repr(name) for name in close)}?" if close else ""
