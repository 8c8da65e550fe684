"""Checks the rendered text of a whole site, and answers what can reach what.

Parsers that share no code with the templates or the design read every file; what they find is held
against each other and against facts that are written here again (`standard`). A mistake that the
design and the templates share is found here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import filtering, layer2, layer3, never, tunnels
from .checks import CHECKS, Check, Findings
from .conversations import Rules, rules_of
from .facts import Site
from .networks import Networks, networks_of
from .reach import Answer, Step, answer
from .read import read_site
from .wiring import wire

if TYPE_CHECKING:
    from pathlib import PurePosixPath
    from typing import Protocol

    from ..findings import Finding

    class RenderedFile(Protocol):
        """What is read of an Artifact: where it would be, its text, its platform."""

        @property
        def path(self) -> PurePosixPath:
            """Its place below the site's folder."""

        @property
        def text(self) -> str:
            """All of it."""

        @property
        def platform(self) -> str | None:
            """The platform of a configuration; None for documents, and where it is not known."""


__all__ = ["CHECKS", "Answer", "Check", "Step", "cross_check", "reach", "read"]


def read(files: Iterable[RenderedFile], code: str) -> Site:
    """The facts of one site out of its rendered files; nothing in them makes this fail."""
    return read_site(code, ((file.path, file.text, file.platform) for file in files))


def cross_check(files: Iterable[RenderedFile], code: str) -> tuple[Finding, ...]:
    """Everything that the rendered files of one site say wrongly or against each other.

    `files` are all artifacts of the site (`render_site`), or the same read from disk with the
    platform None: the text then tells its syntax. Places are `code/path` with the line. Findings
    are sorted by place; none means that the site's texts agree.
    """
    site = read(files, code)
    findings = Findings(code)
    for file, platform in site.unread:
        findings.add("cross-not-read", file, 0, f"no parser here reads {platform}")
    wiring = wire(site, findings)
    networks = networks_of(site)
    if not site.firewalls and not site.unread:
        findings.add("cross-no-firewall", code, 0, "no configuration of a firewall is there")
    rules = _rules(networks)
    layer2.check(site, wiring, networks, findings)
    layer3.check(site, wiring, networks, findings)
    filtering.check(site, networks, rules, findings)
    never.check(networks, rules, findings)
    tunnels.check(networks, findings)
    return findings.sorted()


def reach(files: Iterable[RenderedFile], code: str, question: str) -> Answer:
    """Which rule of the rendered files decides a conversation: `guest -> storage tcp/445`.

    An end is a zone, a network, a machine of the address plan, an address object of the firewall,
    an address or a prefix, or `internet`; the service is a name of the firewall, `protocol/port`,
    `protocol/first-last`, `icmp` or `any`. Raises SitekitError where the question cannot be
    understood.
    """
    site = read(files, code)
    networks = networks_of(site)
    return answer(site, networks, _rules(networks), question)


def _rules(networks: Networks) -> dict[str, Rules]:
    return {firewall.name: rules_of(firewall) for firewall in networks.firewalls}
