"""`sitekit explain`: why a line of a configuration is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Place, Problem, RenderError, SitekitError
from . import console
from .locate import organisation_option, select

if TYPE_CHECKING:
    from ..load import LoadedOrganisation, SiteInputs
    from ..render.explain import Explainer, Explanation, Fact, Reason

SHOWN = 10  # explanations of one call; how many more there are is said
MAX_BYTES = 16 << 20
_NUMBERED = re.compile(r"(?P<target>.+):(?P<number>[0-9]{1,9})")


@click.command(short_help="Why a line is there: template, design, rule, and file and line.")
@click.argument("target", metavar="DEVICE|DEVICE:LINENO|FILE:LINENO")
@click.argument("line", required=False, metavar="[LINE]")
@organisation_option
@click.option("--day-0", "day0", is_flag=True, help="Explain the device's bootstrap instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanations as JSON.")
def explain(
    target: str, line: str | None, organisation: Path | None, day0: bool, as_json: bool
) -> None:
    """Say where a line of a device's configuration comes from.

    The line is named by its text (spaces do not matter, a part of it is enough), by its number, or
    by its number in a rendered file. The answer: the template's line, the facts of the design, the
    rules with their reasons, and the files and lines behind them.

    \b
    Examples:
      sitekit explain par01-fw-01 'set admintimeout 10'
      sitekit explain par01-fw-01:812
      sitekit explain build/par01/par01-fw-01.conf:812 --json
    """
    from ..design import design_site
    from ..load import load_organisation
    from ..render.day0 import FOLDER
    from ..render.explain import Explainer

    name, number = _target(target, line)
    file = _file(name)
    loaded = load_organisation(select((), organisation, near=file).folder)
    device = file.stem if file else name
    inputs = _site_of(device, loaded)
    day0 = day0 or (file is not None and file.parent.name == FOLDER.name)
    explainer = Explainer(design_site(inputs), inputs, device, day0=day0)
    numbers: tuple[int, ...] = (number,)
    if line is not None:
        numbers = explainer.find(line)
    elif file is not None:
        numbers = (_in_file(file, number, explainer),)
    found = [explainer.explain(one) for one in numbers[:SHOWN]]
    if as_json:
        answer = {"device": device, "matches": len(numbers), "explanations": found}
        console.say(console.as_json(answer))
        return
    for index, explanation in enumerate(found):
        if index:
            console.say()
        for text in _lines(explanation):
            console.say(console.printable(text))
    if len(numbers) > 1:
        shown = f"; the first {SHOWN} are shown" if len(numbers) > SHOWN else ""
        console.note(f"{len(numbers)} lines of {device} match{shown}")


def _target(target: str, line: str | None) -> tuple[str, int]:
    """A device or a file, and the number of the line; 0 where the line is given as text."""
    match = _NUMBERED.fullmatch(target)
    if line is not None:
        if match:
            raise click.UsageError("name the line by its number or by its text, not by both")
        return target, 0
    if match is None:
        raise click.UsageError(
            "which line? sitekit explain DEVICE 'LINE', DEVICE:LINENO or FILE:LINENO"
        )
    return match["target"], int(match["number"])


def _file(name: str) -> Path | None:
    """A rendered file, where the name is one's: devices have no dot and no slash in theirs."""
    path = Path(name)
    return path if path.suffix or len(path.parts) > 1 else None


def _site_of(device: str, loaded: LoadedOrganisation) -> SiteInputs:
    """The site that has a device of this name."""
    from ..design.units import unpack

    names = {
        unit.name: code for code, inputs in loaded.sites.items() for unit in unpack(inputs).all
    }
    if device in names:
        return loaded.sites[names[device]]
    close = get_close_matches(device, names, n=1)
    raise SitekitError(
        f"no site has a device '{device}'",
        hint=f"did you mean '{close[0]}'?" if close else "sitekit design SITE lists its devices",
    )


def _in_file(file: Path, number: int, explainer: Explainer) -> int:
    """The number of a file's line in what is rendered now.

    A file that holds real secrets is recognised by everything else; no line of it is repeated.
    """
    from ..load.files import read_limited

    raw = read_limited(file, shown=str(file), limit=MAX_BYTES)
    if isinstance(raw, Problem):
        raise SitekitError(f"{file}: {raw.message}", hint=raw.hint)
    texts = raw.decode("utf-8", errors="replace").splitlines()
    if not 1 <= number <= len(texts):
        raise SitekitError(f"{file} has no line {number}", hint=f"it has {len(texts)} lines")
    text = texts[number - 1]
    lines = explainer.lines
    if number <= len(lines) and _same(lines[number - 1].text, text):
        return number
    moved = [line.number for line in lines if text.strip() and line.text == text]
    if not moved:
        raise RenderError(
            f"{file}:{number} is not what sitekit renders now",
            hint="render again, or name the line by its text",
        )
    nearest = min(moved, key=lambda n: abs(n - number))
    console.note(f"{file} is older than the design: this is line {nearest} now")
    return nearest


def _same(rendered: str, read: str) -> bool:
    """Equal, but for the secrets that were put in."""
    before, token, _ = rendered.partition("<secret:")
    if not token:
        return rendered == read
    words = before.split()[:-1] or before.split()
    return read.split()[: len(words)] == words


# --- as text -----------------------------------------------------------------------------------


def _lines(explanation: Explanation) -> Iterator[str]:
    one = explanation
    calls = f", called from {', '.join(reversed(one.calls))}" if one.calls else ""
    yield f"{one.device}:{one.line}: {one.text.strip() or '(an empty line)'}"
    yield f"  template   {one.template}:{one.template_line}{calls}"
    if one.template_text.strip() != one.text.strip():
        yield f"             {one.template_text.strip()}"
    yield from _part("design", ((_fact(fact), fact.place) for fact in one.facts))
    yield from _part("condition", ((_fact(fact), fact.place) for fact in one.conditions))
    yield from _part("rule", ((_reason(reason), reason.place) for reason in one.reasons))


def _part(label: str, rows: Iterable[tuple[str, Place | None]]) -> Iterator[str]:
    for index, (text, place) in enumerate(rows):
        where = f"  {place}" if place else ""
        yield f"  {label if index == 0 else '':10} {text}{where}"


def _fact(fact: Fact) -> str:
    values = ", ".join(_named(name, value) for name, value in fact.values)
    return f"{fact.what}: {values}" if values else fact.what


def _named(name: str, value: str) -> str:
    return f"{name.replace('_', ' ')} {value}" if name else value


def _reason(reason: Reason) -> str:
    return f"{reason.what}: {reason.text}{_controls(reason.controls)}"


def _controls(controls: Sequence[str]) -> str:
    return f" ({'; '.join(controls)})" if controls else ""
