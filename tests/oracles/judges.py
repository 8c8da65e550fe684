"""The oracles by platform and the texts they judge, made once a process."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from sitekit.cli.crosscheck import rendered
from sitekit.crosscheck import cross_check
from sitekit.load import LoadedOrganisation, load_organisation
from sitekit.render import Artifact

from .interface import Oracle
from .sites import HORIZON, Drawn, Text, drawn, examples

PLATFORMS = ("arista_eos", "cisco_iosxe", "fortinet_fortios")


@cache
def oracle(platform: str) -> Oracle:
    """The oracle of a platform; what it needs is loaded here and not before."""
    if platform == "arista_eos":
        from .eos import Eos

        return Eos()
    if platform == "cisco_iosxe":
        from .iosxe import IosXe

        return IosXe()
    from .fortios import FortiOS

    return FortiOS()


@cache
def generated() -> Drawn:
    """The sites of the seed."""
    with tempfile.TemporaryDirectory() as folder:
        return drawn(Path(folder))


@cache
def texts(platform: str, *, bootstrap: bool = False) -> tuple[Text, ...]:
    """Every complete configuration of a platform, or every bootstrap: examples, generated sites."""
    made = (*examples(), *generated().texts)
    return tuple(t for t in made if (t.platform, t.bootstrap) == (platform, bootstrap))


@cache
def _horizon() -> LoadedOrganisation:
    return load_organisation(HORIZON)


@cache
def _site(code: str) -> tuple[Artifact, ...]:
    """What the cross-device verifier reads of a site."""
    organisation = _horizon() if code in _horizon().sites else generated().organisation
    return tuple(rendered(organisation, code))


@cache
def _said_anyway(code: str) -> frozenset[tuple[str, str]]:
    return frozenset((f.rule, f.message) for f in cross_check(_site(code), code))


def across(text: Text, broken: str) -> set[tuple[str, str]]:
    """What the verifier says of a site in which one configuration is broken, and else would not."""
    code = text.name.partition("-")[0]
    files = [replace(a, text=broken) if a.path.stem == text.name else a for a in _site(code)]
    assert files != list(_site(code))
    return {(f.rule, f.message) for f in cross_check(files, code)} - _said_anyway(code)
