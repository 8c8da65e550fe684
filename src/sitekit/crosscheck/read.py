"""All files of a site, read by the parser of each one's syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from . import read_documents, read_firewall, read_switch
from .facts import Site

_SYNTAX = {"arista_eos": "eos", "cisco_iosxe": "ios", "fortinet_fortios": "fortios"}
_SUFFIXES = (".cfg", ".conf")
_INDENTED = re.compile(r"^( +)\S", re.MULTILINE)


def read_site(code: str, files: Iterable[tuple[PurePosixPath, str, str | None]]) -> Site:
    """The facts of a site out of its files: path below the site's folder, text, platform.

    Where no platform is known, the text itself says which syntax it has. Places in findings are
    `code/path`. Folders inside (day 0) hold no complete configuration and are left out.
    """
    site = Site(code=code)
    for path, text, platform in files:
        if len(path.parts) != 1:
            continue
        file = f"{code}/{path}"
        if path.name == "address-plan.csv":
            read_documents.read_plan(site.documents, file, text)
        elif path.name == "port-map.csv":
            read_documents.read_map(site.documents, file, text)
        elif platform is not None or path.suffix in _SUFFIXES:
            _device(site, path.stem, file, text, platform)
    return site


def _device(site: Site, name: str, file: str, text: str, platform: str | None) -> None:
    syntax = _SYNTAX.get(platform, "") if platform is not None else syntax_of(text)
    if syntax == "fortios":
        site.firewalls.append(read_firewall.read(name, file, text))
    elif syntax in ("eos", "ios"):
        site.switches.append(read_switch.read(name, file, text, syntax))
    else:
        site.unread.append((file, platform or "unknown"))


def syntax_of(text: str) -> str:
    """The syntax of a configuration: fortios, ios (one space deeper) or eos (three); or none."""
    if re.search(r"^config system ", text, re.MULTILINE):
        return "fortios"
    first = _INDENTED.search(text)
    if first is None or not re.search(r"^(interface|hostname) \S", text, re.MULTILINE):
        return ""
    return "ios" if len(first[1]) == 1 else "eos"
