"""What an earlier run found, believed only for the very same bytes.

Remembered are verdicts, never what files say: that a site's files were sound, what other sites are
compared with (its block, names and public addresses), and the findings of its design. Each verdict
is kept under a digest of all that it follows from: the site's files, those of the levels above it,
the productions it takes part in, the catalogue, the templates, and sitekit itself. A changed byte
is another digest, and the site is read and designed as if nothing were remembered. What was wrong
is never remembered.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from ..errors import Place
from ..findings import Finding, Severity

Show = Callable[[Path], str]
VERSION = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What other sites are compared with, and where it is written."""

    subsidiary: str
    block: tuple[IPv4Network, Place] | None
    devices: tuple[tuple[str, Place], ...]
    lines: tuple[tuple[IPv4Address, str, Place], ...]  # fixed address and name of an uplink
    network: tuple[IPv4Network, Place] | None  # in Azure
    cloud: tuple[int, str, Place]  # generation of names there, version of the standard


@dataclass(slots=True)
class Memory:
    """What is known of one organisation; the loader says which of it still holds.

    It serves one run, or one after the other. `program` is the digest of what computes (see
    `program_digest`), `known` is what `as_json` gave in an earlier run. Nothing in `known` is
    trusted to have the right form.
    """

    program: str
    known: Mapping[str, Any] = field(default_factory=dict)
    changed: bool = False
    _codes: frozenset[str] = frozenset()
    _sites: dict[str, dict[str, Any]] = field(default_factory=dict)
    _last: dict[str, dict[str, Any]] = field(default_factory=dict)  # the sites of the run before
    _people: dict[str, Any] = field(default_factory=dict)
    _summaries: dict[str, Summary] = field(default_factory=dict)
    _catalogue: bytes = b""
    _base: str = ""
    _group: str = ""  # the digest of every file above the sites
    _shared: dict[str, Any] = field(default_factory=dict)
    _before: dict[str, Summary] = field(default_factory=dict)
    _near: str = ""  # what the folder of the sites is called in messages
    _shown: str = ""
    _show: Show = str
    _folder: Path = field(default_factory=Path)

    # --- the loader's side

    def look(self, folder: Path) -> None:
        """Take the digest of the catalogue beside the organisation, before it is read."""
        self._folder = folder
        self._catalogue = _catalogue(folder / "catalogue")

    def is_current(self) -> bool:
        """Whether the catalogue and its templates are still what they were when we looked."""
        return self._catalogue == _catalogue(self._folder / "catalogue")

    def begin(
        self,
        folder: Path,
        show: Show,
        codes: Iterable[str],
        organisation: bytes,
        above: Iterable[bytes] = (),
    ) -> None:
        """Say which sites there are, and the bytes that every one of them follows from.

        `above` are those of every file above the sites, the organisation's among them.
        """
        self.known = self.as_json()
        self._before = self._summaries if show(folder / "sites") == self._near else {}
        self._near = show(folder / "sites")
        self._last, self._sites, self._summaries, self._people = self._sites, {}, {}, {}
        self._folder, self._show, self._codes = folder, show, frozenset(codes)
        self._shown = show(folder / "organisation.yaml")
        self._base = digest_of(self.program.encode(), self._catalogue, organisation)
        self._group = digest_of(self._base.encode(), self._shown.encode(), *above)
        if not self._shared and isinstance(shared := self.known.get("shared"), dict):
            self._shared = shared

    def key(self, code: str, *parts: bytes) -> str:
        """The digest of everything a site follows from."""
        return digest_of(self._base.encode(), code.encode(), *parts)

    def subsidiary(self, code: str) -> str:
        """The subsidiary that a site had; empty where nothing is known of it."""
        known = self._known_site(code).get("subsidiary")
        return known if isinstance(known, str) else ""

    def is_sound(self, code: str, key: str) -> bool:
        """Whether a site of this key was found sound; from now on it is known as such."""
        known = self._known_site(code)
        if known.get("key") != key:
            return False
        own = Place(self._show(self._folder / "sites" / f"{code}.yaml"))
        assigned = Place(f"{own.file.removesuffix('.yaml')}.assigned.yaml")
        summary = self._before.get(code) if known is self._last.get(code) else None
        try:
            self._summaries[code] = summary or summary_in(known, own, assigned)
        except (KeyError, TypeError, ValueError):
            return False
        self._sites[code] = known
        return True

    def keep(self, code: str, key: str, summary: Summary, own: str) -> None:
        """Remember a sound site; `own` is what its own file is called in messages."""
        self._sites[code] = {"key": key, **_written(summary, own)}
        self._summaries[code] = summary
        self.changed = True

    def number_of_people(self, key: str) -> int | None:
        """How many people a sound file of this key holds."""
        known = self.known.get("people")
        if not isinstance(known, dict) or known.get("key") != key:
            return None
        number = known.get("number")
        if not isinstance(number, int) or number < 0:
            return None
        self._people = {"key": key, "number": number, "findings": known.get("findings")}
        return number

    def keep_people(self, key: str, number: int) -> None:
        """Remember a sound file of people."""
        self._people = {"key": key, "number": number}
        self.changed = True

    # --- what the checks ask

    def findings_of_people(self, key: str) -> tuple[Finding, ...] | None:
        """What was found about people under this key: a digest of all that it follows from."""
        known = self._people.get("findings")
        if not isinstance(known, dict) or known.get("key") != key:
            return None
        try:
            return tuple(_finding(row) for row in known["found"])
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep_findings_of_people(self, key: str, findings: Sequence[Finding]) -> None:
        """Remember what was found about the people of a sound file."""
        if self._people:
            rows = [_row(finding) for finding in findings]
            self._people["findings"] = {"key": key, "found": rows}
            self.changed = True

    def findings_above(self, *parts: str) -> tuple[Finding, ...] | None:
        """What was found above the sites, where it follows from their files and `parts` alone."""
        if self._shared.get("key") != self._key_above(parts):
            return None
        try:
            return tuple(_finding(row) for row in self._shared["found"])
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep_findings_above(self, findings: Sequence[Finding], *parts: str) -> None:
        """Remember what was found above the sites."""
        key = self._key_above(parts)
        if key:
            self._shared = {"key": key, "found": [_row(finding) for finding in findings]}
            self.changed = True

    def _key_above(self, parts: Sequence[str]) -> str:
        if not self._group:
            return ""
        return digest_of(self._group.encode(), *(part.encode() for part in parts))

    def summary(self, code: str) -> Summary | None:
        """What other sites are compared with; None for a site of which nothing holds."""
        return self._summaries.get(code)

    def findings(self, code: str, *, more: str = "") -> tuple[Finding, ...] | None:
        """The findings of a site's design, and `more`; None where it has to be designed."""
        known = self._sites.get(code, {}).get(f"findings {more}".strip())
        if not isinstance(known, dict) or known.get("shown") != self._shown:
            return None
        try:
            return tuple(_finding(row) for row in known["found"])
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep_findings(self, code: str, findings: Sequence[Finding], *, more: str = "") -> None:
        """Remember the findings of a site that is known to be sound; `more` names who made some."""
        if code in self._sites:
            rows = [_row(finding) for finding in findings]
            kept = {"shown": self._shown, "found": rows}
            self._sites[code][f"findings {more}".strip()] = kept
            self.changed = True

    def site_key(self, code: str) -> str | None:
        """The digest of everything a site follows from; None where it is not known to be sound."""
        known = self._sites.get(code)
        return str(known["key"]) if known is not None else None

    def settle(self) -> None:
        """Keep the digests of sound sites and nothing else: the rest has been written down."""
        self._sites = {code: {"key": known["key"]} for code, known in self._sites.items()}
        self.known, self._summaries, self._before, self._last = {}, {}, {}, {}
        self.changed = False

    def as_json(self) -> dict[str, Any]:
        """What the next run may know, as plain data."""
        sites = self.known.get("sites")
        kept = sites if isinstance(sites, dict) else {}
        if self._codes:
            kept = {code: kept[code] for code in self._codes if code in kept}
        people = self._people or self.known.get("people")
        shared = self._shared or self.known.get("shared")
        return {"sites": {**kept, **self._sites}, "people": people, "shared": shared}

    def _known_site(self, code: str) -> dict[str, Any]:
        sites = self.known.get("sites")
        known = sites.get(code) if isinstance(sites, dict) else None
        return known if isinstance(known, dict) else {}


def digest_of(*parts: bytes) -> str:
    """One digest of several byte strings, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@cache
def program_digest() -> str:
    """The digest of what computes: every file of sitekit, its catalogue and templates, and the
    versions of Python and of the libraries that read and spell."""
    import yaml

    from .catalogue import templates_folder

    libraries = [
        _version(name) for name in ("pydantic", "pydantic-core", "pyyaml", "jinja2", "tzdata")
    ]
    parts = [repr((VERSION, sys.version, libraries, yaml.__with_libyaml__)).encode()]
    for folder in dict.fromkeys((Path(__file__).parents[1], templates_folder())):
        parts += _files(folder, ("**/*.py", "**/*.yaml", "**/*.j2"))
    return digest_of(*parts)


def _version(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _catalogue(folder: Path) -> bytes:
    return digest_of(*_files(folder, ("**/*",))).encode() if folder.is_dir() else b""


def _files(folder: Path, patterns: Iterable[str]) -> list[bytes]:
    parts = []
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.is_file():
            parts += [str(path.relative_to(folder)).encode(), path.read_bytes()]
    return parts


# --- verdicts as plain data ----------------------------------------------------------------------


def _written(summary: Summary, own: str) -> dict[str, Any]:
    def where(place: Place) -> list[int]:
        return [int(place.file != own), place.line, place.column]

    block, network = summary.block, summary.network
    generation, version, place = summary.cloud
    return {
        "subsidiary": summary.subsidiary,
        "block": [str(block[0]), *where(block[1])] if block else None,
        "devices": [[name, *where(place)] for name, place in summary.devices],
        "lines": [[str(address), name, *where(place)] for address, name, place in summary.lines],
        "network": [str(network[0]), *where(network[1])] if network else None,
        "cloud": [generation, version, *where(place)],
    }


def summary_in(known: Mapping[str, Any], own: Place, assigned: Place) -> Summary:
    """The summary in what was remembered; KeyError, TypeError or ValueError where it is none."""

    def place(second: int, line: int, column: int) -> Place:
        if not all(isinstance(number, int) for number in (second, line, column)):
            raise TypeError
        return Place((assigned if second else own).file, line, column)

    def text(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError
        return value

    def number(value: object) -> int:
        if not isinstance(value, int):
            raise TypeError
        return value

    block, network = known["block"], known["network"]
    generation, version, *cloud = known["cloud"]
    return Summary(
        subsidiary=text(known["subsidiary"]),
        block=(IPv4Network(text(block[0])), place(*block[1:])) if block else None,
        devices=tuple((text(name), place(*where)) for name, *where in known["devices"]),
        lines=tuple(
            (IPv4Address(text(address)), text(name), place(*where))
            for address, name, *where in known["lines"]
        ),
        network=(IPv4Network(text(network[0])), place(*network[1:])) if network else None,
        cloud=(number(generation), text(version), place(*cloud)),
    )


def _row(finding: Finding) -> list[Any]:
    place = finding.place
    return [
        finding.rule,
        finding.severity.value,
        finding.subject,
        finding.message,
        finding.remedy,
        place.file,
        place.line,
        place.column,
    ]


def _finding(row: Sequence[Any]) -> Finding:
    rule, severity, subject, message, remedy, file, line, column = row
    for value in (rule, subject, message, remedy, file):
        if not isinstance(value, str):
            raise TypeError
    for value in (line, column):
        if not isinstance(value, int):
            raise TypeError
    return Finding(
        rule=rule,
        severity=Severity(severity),
        subject=subject,
        message=message,
        remedy=remedy,
        place=Place(file, line, column),
    )
