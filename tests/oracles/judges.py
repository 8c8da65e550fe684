"""The oracles by platform and the texts they judge, made once a process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from .interface import Oracle
from .sites import Drawn, Text, drawn, examples

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
