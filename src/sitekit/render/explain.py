"""Why is this line here? The template, the design, the rule and the YAML behind a rendered line.

A device is rendered once more by templates that say where each character comes from
(`render/trace.py`); what they read of the design is put into words by `render/facts.py`. Nothing
of this runs when configurations are rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from ..design.result import AccessPointDesign, DeviceDesign, Lag, Port, SiteDesign
from ..errors import Place, RenderError
from ..load.organisation import SiteInputs
from .facts import Fact, Facts, Reason, Subject, is_device
from .trace import Read, TracedLine, trace

__all__ = ["Explainer", "Explanation", "Fact", "Reason", "explain_line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where one line of a configuration comes from.

    `template` is a file below the platforms' folders, `template_text` its line; `calls` are the
    template lines that led there. `conditions` are facts without which the line would not be
    written. `places` are all files and lines behind it, the most telling first.
    """

    device: str
    line: int
    text: str
    template: str
    template_line: int
    template_text: str
    calls: tuple[str, ...]
    facts: tuple[Fact, ...]
    conditions: tuple[Fact, ...]
    reasons: tuple[Reason, ...]
    places: tuple[Place, ...]


class Explainer:
    """Explains the lines of one device, which is rendered once more for that.

    Raises RenderError for a device that the site does not have, or that has no configuration.
    """

    def __init__(
        self, design: SiteDesign, inputs: SiteInputs, device: str, *, day0: bool = False
    ) -> None:
        self.device = _device(design, device)
        self.lines: tuple[TracedLine, ...] = trace(self.device, inputs.catalogue, day0=day0)
        self._folder = inputs.catalogue.platform_folders[self.device.platform]
        self._platform = inputs.catalogue.platforms[self.device.platform].title
        self._facts = Facts(design, inputs, self.device)

    def find(self, text: str) -> tuple[int, ...]:
        """Numbers of the lines that read like this, whatever their spaces; else that contain it.

        Raises RenderError with the nearest line where there is none.
        """
        wanted = _words(text)
        plain = [_words(line.text) for line in self.lines]
        found = [n for n, line in enumerate(plain, 1) if line == wanted and wanted]
        if not found and wanted:
            found = [n for n, line in enumerate(plain, 1) if wanted in line]
        if found:
            return tuple(found)
        close = get_close_matches(wanted, dict.fromkeys(plain), n=1, cutoff=0.5)
        raise RenderError(  # the text is not repeated: somebody may have pasted a secret
            f"no line of {self.device.name} reads like this",
            hint=f"did you mean '{close[0]}'?" if close else "sitekit render writes all of them",
        )

    def explain(self, number: int) -> Explanation:
        """Explain the line of this number, counted from 1. Raises RenderError beyond the end."""
        if not 1 <= number <= len(self.lines):
            raise RenderError(
                f"{self.device.name} has no line {number}", hint=f"it has {len(self.lines)} lines"
            )
        line = self.lines[number - 1]
        told, conditions = _Told(self._facts), _Told(self._facts)
        for mark in line.marks:
            for value in mark.scope:
                told.about(value)
                conditions.stands_for(value)
            for read in mark.reads:
                told.read(read)
            for read in mark.conditions:
                conditions.read(read)
        reasons = self._reasons(told, conditions)
        told.about(self.device)
        facts = tuple(told.facts.values())
        if (source := construct(self._folder, line.text)) is not None:
            reasons.append(source)
        behind: list[Fact | Reason] = [*facts, *conditions.facts.values(), *reasons]
        return Explanation(
            device=self.device.name,
            line=number,
            text=line.text,
            template=self._named(line.template),
            template_line=line.template_line,
            template_text=_lines(self._folder / line.template)[line.template_line - 1],
            calls=tuple(f"{self._named(name)}:{at}" for name, at in line.calls),
            facts=facts,
            conditions=tuple(conditions.beyond(told)),
            reasons=tuple(reasons),
            places=tuple(dict.fromkeys(one.place for one in behind if one.place is not None)),
        )

    def _reasons(self, told: _Told, conditions: _Told) -> list[Reason]:
        """The rules behind what is told; the platform's own where the template says it alone."""
        found = [*{**told.reasons, **conditions.reasons}.values()]
        if not told.facts and not conditions.facts:
            text = f"every {self.device.role.value} with {self._platform} has this line"
            return [Reason("platform", text)]
        return found or [Reason("platform", f"how {self._platform} spells it")]

    def _named(self, template: str) -> str:
        return f"{self._folder.name}/{template}"


def explain_line(
    design: SiteDesign,
    inputs: SiteInputs,
    device: str,
    line: int | str,
    *,
    day0: bool = False,
) -> tuple[Explanation, ...]:
    """Explain a line of a device by its number, or every line that reads like a text.

    Raises RenderError for a device or a line that is not there. `Explainer` asks about many lines
    of one device for the price of one.
    """
    explainer = Explainer(design, inputs, device, day0=day0)
    numbers = (line,) if isinstance(line, int) else explainer.find(line)
    return tuple(explainer.explain(number) for number in numbers)


class _Told:
    """Facts and reasons as they are found, each once."""

    def __init__(self, facts: Facts) -> None:
        self._known = facts
        self.facts: dict[str, Fact] = {}
        self.reasons: dict[str, Reason] = {}
        self._ports: dict[int, Subject] = {}  # of a port's profile: the port itself

    def about(self, value: object) -> None:
        """An object that a loop or a macro is about."""
        self.stands_for(value)
        subject = self._ports.get(id(value)) or self._known.subject(value)
        self._add(Fact(subject.what, (), subject.place), subject.reasons)

    def stands_for(self, value: object) -> None:
        """A port speaks for its profile, which several ports share."""
        if isinstance(value, Port | Lag):
            self._ports[id(value.profile)] = self._known.subject(value)

    def read(self, read: Read) -> None:
        """An attribute that was read, and what its value stands for."""
        fact, reasons = self._known.told(read)
        port = self._ports.get(id(read.owner))
        if port is not None:
            fact, reasons = Fact(port.what, fact.values, port.place), (*port.reasons, *reasons)
        if fact.values:
            self._add(fact, reasons)
        else:
            self._because(reasons)
        for value in self._known.behind(read):
            if not is_device(value) and id(value) not in self._ports:
                self.about(value)

    def beyond(self, other: _Told) -> Iterator[Fact]:
        """Facts that the other does not tell already; names are no condition worth telling."""
        for what, fact in self.facts.items():
            said = other.facts[what].values if what in other.facts else ()
            values = tuple(v for v in fact.values if v not in said and v[0] != "name")
            if values or what not in other.facts:
                yield Fact(what, values, fact.place)

    def _add(self, fact: Fact, reasons: Iterable[Reason]) -> None:
        before = self.facts.get(fact.what)
        if before is None:
            self.facts[fact.what] = fact
        else:
            values = dict.fromkeys((*before.values, *fact.values))
            self.facts[fact.what] = replace(before, values=tuple(values))
        self._because(reasons)

    def _because(self, reasons: Iterable[Reason]) -> None:
        for reason in reasons:
            self.reasons.setdefault(f"{reason.what}: {reason.text}", reason)


def _device(design: SiteDesign, name: str) -> DeviceDesign:
    for device in design.devices:
        if device.name == name:
            if isinstance(device, AccessPointDesign):
                raise RenderError(
                    f"{name} is an access point and has no configuration of its own",
                    hint="the wireless controller of the firewall holds it",
                )
            return device
    names = [device.name for device in design.devices]
    close = get_close_matches(name, names, n=1)
    raise RenderError(
        f"site {design.facts.code} has no device '{name}'",
        hint=f"did you mean '{close[0]}'?" if close else f"its devices are {', '.join(names)}",
    )


def _words(text: str) -> str:
    return " ".join(text.split())


@cache
def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").split("\n"))


# --- what a construct rests on -----------------------------------------------------------------

_SPAN = re.compile(r"`([^`]+)`")
_STANDS_FOR = re.compile(r"[A-Z][A-Z0-9]*|.*(\.\.\.|…|[a-z]N\b).*|\[.*")
_VERBS = ("set", "unset")
_Entry = tuple[tuple[str, ...], str, int]  # fixed words, source, line


def construct(folder: Path, text: str) -> Reason | None:
    """The source that a platform's notes.md gives for the words that a line begins with."""
    words = text.split()
    if words[:1] and words[0] in _VERBS:
        words = words[1:]
    best = _best(folder, words)
    if best is None and words[:1] == ["no"]:
        best = _best(folder, words[1:])
    if best is None:
        return None
    _, source, number = best
    return Reason("construct", source, (), Place(f"{folder.name}/notes.md", number, 1))


def _best(folder: Path, words: list[str]) -> _Entry | None:
    fitting = [
        entry
        for entry in _constructs(folder).get(words[0] if words else "", ())
        if entry[0] == tuple(words[: len(entry[0])])
        and (len(entry[0]) > 1 or len(words) == 1 or "-" in entry[0][0])
    ]
    return max(fitting, key=lambda entry: len(entry[0]), default=None)


@cache
def _constructs(folder: Path) -> dict[str, list[_Entry]]:
    """What notes.md says about constructs, by their first word."""
    path = folder / "notes.md"
    found: dict[str, list[_Entry]] = {}
    for entry in _rows(_lines(path)) if path.is_file() else ():
        found.setdefault(entry[0][0], []).append(entry)
    return found


def _rows(lines: Iterable[str]) -> Iterator[_Entry]:
    """Rows of tables whose first cell shows constructs: their fixed words, source and line."""
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|") or len(cells) < 2 or not cells[1]:
            continue
        for span in _SPAN.findall(cells[0]):
            for shown in span.split(" / "):
                words = shown.split()
                if words[:1] and words[0] in _VERBS:
                    words = words[1:]
                fixed: list[str] = []
                for word in words:
                    if _STANDS_FOR.fullmatch(word):
                        break
                    fixed.append(word)
                if fixed:
                    yield tuple(fixed), cells[1], number
