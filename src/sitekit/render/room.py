"""The papers for the technical room: bill of materials, patch table, rack elevation, labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import get_args

from ..design.result import SiteDesign
from ..model.catalogue import CordKind, FitOut
from .artifact import Artifact
from .documents import Table, as_csv, as_markdown, page, part
from .fit_out import BillLine, Cabinet, Cord, Fitted, Placed, Thing
from .language import Words, words
from .paper import (
    BODY,
    HEADING,
    HEIGHT,
    LARGE,
    SMALL,
    SMALL_STRONG,
    STRONG,
    TINY,
    TITLE,
    WIDTH,
    Paper,
    fitting,
)
from .topology import Style, brief_port, escaped, shortened

# --- shared wording ----------------------------------------------------------------------------


def colour_name(name: str, constants: FitOut, say: Words) -> str:
    """A colour in the language of the site."""
    colour = constants.palette[name]
    return colour.fr if say.language == "fr" else colour.en


def metres(value: float, say: Words) -> str:
    """A length as people write it."""
    return f"{value:g}".replace(".", say("decimal"))


def thing_title(thing: Thing, say: Words) -> str:
    """What a thing in a cabinet is."""
    if thing.kind in ("firewall", "core-switch", "access-switch"):
        return say.named("role", thing.kind)
    return say(f"thing.{thing.kind}")


# --- tables ------------------------------------------------------------------------------------


def room_papers(design: SiteDesign, fitted: Fitted, constants: FitOut) -> Iterator[Artifact]:
    """Bill, patch table, rack elevation and labels; paths are relative to the site's folder."""
    say = words(design.facts.settings.language)
    bill = _bill(fitted.bill, constants, say)
    yield Artifact(PurePosixPath("bill-of-materials.csv"), as_csv(bill))
    yield Artifact(
        PurePosixPath("bill-of-materials.md"),
        page(
            design,
            say,
            title="bill",
            parts=(
                say(
                    "bill-intro",
                    draw=fitted.draw_w,
                    poe=fitted.poe_w,
                    minutes=fitted.ups_minutes,
                )
                + "\n",
                as_markdown(bill, say),
                *(
                    (say("bill-optics") + "\n",)
                    if any(line.kind == "transceiver" for line in fitted.bill)
                    else ()
                ),
                part(say("cabinets"), as_markdown(_cabinets(fitted, say), say)),
            ),
        ),
    )
    prefix = f"{design.facts.code}-"
    ends = [label_ends(cord, prefix) for cord in fitted.cords]
    cords = _cords(fitted.cords, ends, constants, say)
    yield Artifact(PurePosixPath("patch-table.csv"), as_csv(cords))
    yield Artifact(
        PurePosixPath("patch-table.md"),
        page(
            design,
            say,
            title="patch-table",
            parts=(
                say("patch-intro") + "\n",
                part(say("colours"), as_markdown(_colours(fitted.cords, constants, say), say)),
                part(say("patch-table"), as_markdown(cords, say)),
            ),
        ),
    )
    yield from _racks(design, fitted, say, constants)
    yield from _labels(design, fitted, ends, constants, say)


def _bill(lines: Sequence[BillLine], constants: FitOut, say: Words) -> Table:
    keys = (
        "bill-item", "bill-product", "bill-quantity", "bill-units", "bill-total-units", "bill-for",
    )  # fmt: skip
    return Table(
        tuple(say(key) for key in keys),
        tuple(
            (
                bill_title(line, constants, say),
                line.product,
                str(line.quantity),
                str(line.units) if line.units else "",
                str(line.units * line.quantity) if line.units else "",
                _names(line.names),
            )
            for line in lines
        ),
    )


def _names(names: tuple[str, ...]) -> str:
    """Names in words; a long run is told by its ends."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} … {names[-1]}"


def bill_title(line: BillLine, constants: FitOut, say: Words) -> str:
    """What a line of the bill is."""
    if line.kind == "device":
        return say.named("role", line.role)
    return say(
        f"bill.{line.kind}",
        metres=metres(line.metres, say),
        speed=line.speed,
        colour=colour_name(line.colour, constants, say) if line.colour else "",
        ports=constants.panel_ports,
        size=line.size,
    )


def _cabinets(fitted: Fitted, say: Words) -> Table:
    return Table(
        (say("cabinet"), say("from-unit"), say("thing"), say("name"), say("model")),
        tuple(
            (
                cabinet.name,
                units_text(placed),
                thing_title(placed.thing, say),
                thing_names(placed.thing),
                placed.thing.product,
            )
            for cabinet in fitted.cabinets
            for placed in cabinet.placed
        ),
    )


def units_text(placed: Placed) -> str:
    """The rack units a thing fills: 41, or 8-9."""
    top = placed.unit + placed.thing.units - 1
    return str(top) if top == placed.unit else f"{placed.unit}-{top}"


def thing_names(thing: Thing) -> str:
    """Its name, or what stands on it."""
    return thing.name or ", ".join(thing.holds)


def _colours(cords: Sequence[Cord], constants: FitOut, say: Words) -> Table:
    kinds = dict.fromkeys(cord.kind for cord in cords)
    return Table(
        (say("patch-kind"), say("patch-colour")),
        tuple(
            (say(f"cord.{kind}"), colour_name(constants.colours[kind], constants, say))
            for kind in kinds
        ),
    )


def _cords(
    cords: Sequence[Cord], ends: Sequence[tuple[str, str]], constants: FitOut, say: Words
) -> Table:
    keys = (
        "patch-from", "patch-from-port", "patch-to", "patch-to-port", "patch-kind", "patch-media",
        "speed", "patch-colour", "patch-metres", "patch-serves", "patch-label",
    )  # fmt: skip
    kinds = {kind: say(f"cord.{kind}") for kind in {cord.kind for cord in cords}}
    media = {medium: say(f"media.{medium}") for medium in {cord.media for cord in cords}}
    colours = {c: colour_name(c, constants, say) for c in {cord.colour for cord in cords}}
    lengths = {length: metres(length, say) for length in {cord.metres for cord in cords}}
    return Table(
        tuple(say(key) for key in keys),
        tuple(
            (
                cord.left,
                cord.left_port,
                cord.right,
                cord.right_port,
                kinds[cord.kind],
                media[cord.media],
                cord.speed,
                colours[cord.colour],
                lengths[cord.metres],
                cord.what,
                f"{left} → {right}",
            )
            for cord, (left, right) in zip(cords, ends, strict=True)
        ),
    )


def label_ends(cord: Cord, prefix: str) -> tuple[str, str]:
    """Both ends as they stand on the label, without the site's code that all names share."""
    return (
        _end(cord.left, cord.left_port, prefix),
        _end(cord.right, cord.right_port, prefix),
    )


@lru_cache(maxsize=1 << 13)
def _end(name: str, port: str, prefix: str) -> str:
    short = name.removeprefix(prefix) or name
    return f"{short} {brief_port(port)}" if port else short


# --- rack elevation ----------------------------------------------------------------------------

PER_PAGE = 2  # cabinets side by side
TOP, BOTTOM, SIDE = 40.0, 22.0, 12.0


def _racks(design: SiteDesign, fitted: Fitted, say: Words, constants: FitOut) -> Iterator[Artifact]:
    pages = [fitted.cabinets[at : at + PER_PAGE] for at in range(0, len(fitted.cabinets), PER_PAGE)]
    for number, cabinets in enumerate(pages, 1):
        name = "rack.svg" if number == 1 else f"rack-{number:02}.svg"
        yield Artifact(
            PurePosixPath(name), _rack_page(design, fitted, cabinets, say, constants).svg()
        )


def _rack_page(
    design: SiteDesign, fitted: Fitted, cabinets: Sequence[Cabinet], say: Words, constants: FitOut
) -> Paper:
    facts = design.facts
    paper = Paper(f"{say('rack')}{say('colon')}{facts.name} ({facts.code})")
    paper.text(facts.name, SIDE, 17, WIDTH - 2 * SIDE, TITLE)
    paper.text(
        f"{say('rack')} · {facts.code} · {facts.archetype_title} · {facts.city}",
        SIDE, 23, WIDTH - 2 * SIDE, BODY, "mu",
    )  # fmt: skip
    width = (WIDTH - 2 * SIDE - 10) / 2
    tallest = max(cabinet.units for cabinet in cabinets)
    unit = min(9.0, (HEIGHT - TOP - BOTTOM) / tallest)
    if len(cabinets) == 1:
        width = 120
        _legend(paper, fitted.cords, constants, say, SIDE + width + 12)
    floor = TOP + tallest * unit
    for number, cabinet in enumerate(cabinets):
        x = SIDE + number * (width + 10)
        _cabinet(paper, cabinet, fitted.fill, x, floor, width, unit, say, constants.panel_ports)
    return paper


def _legend(paper: Paper, cords: Sequence[Cord], constants: FitOut, say: Words, x: float) -> None:
    """Beside a single cabinet there is room to say which colour is what."""
    y = TOP - 7
    paper.text(say("colours"), x, y, WIDTH - SIDE - x, HEADING)
    y += 7
    for kind in dict.fromkeys(sorted((c.kind for c in cords), key=_KINDS.index)):
        colour = constants.colours[kind]
        paper.colour(x, y - 2.3, 6, 2.6, constants.palette[colour].hex)
        paper.text(colour_name(colour, constants, say), x + 8, y, 12, SMALL)
        paper.text(say(f"cord.{kind}"), x + 20, y, WIDTH - SIDE - x - 20, SMALL, "mu")
        y += 4.4


_KINDS = get_args(CordKind)


def _cabinet(
    paper: Paper,
    cabinet: Cabinet,
    fill: float,
    x: float,
    floor: float,
    width: float,
    unit: float,
    say: Words,
    ports: int,
) -> None:
    rail = 6.0
    top = floor - cabinet.units * unit
    paper.text(f"{say('cabinet')} {cabinet.name} · {cabinet.units} U", x, top - 7, width, HEADING)
    percent = round(100 * cabinet.used / cabinet.units)
    paper.text(
        say(
            "rack-fill",
            used=cabinet.used,
            units=cabinet.units,
            percent=percent,
            most=round(100 * fill),
        ),
        x, top - 2.8, width, SMALL, "mu",
    )  # fmt: skip
    paper.box(x, top, rail, cabinet.units * unit, "rail")
    paper.box(x + width - rail, top, rail, cabinet.units * unit, "rail")
    taken = {placed.unit + at for placed in cabinet.placed for at in range(placed.thing.units)}
    middle = unit / 2 + 0.85
    for number in range(cabinet.units, 0, -1):
        y = floor - number * unit
        paper.text(str(number), x + rail - 1, y + middle, rail - 1, SMALL, "mu end")
        paper.text(str(number), x + width - rail + 1, y + middle, rail - 1, SMALL, "mu")
        if number not in taken:
            paper.box(x + rail, y, width - 2 * rail, unit, "air")
    for placed in cabinet.placed:
        y = floor - (placed.unit + placed.thing.units - 1) * unit
        _thing(
            paper,
            placed.thing,
            x + rail,
            y,
            width - 2 * rail,
            placed.thing.units * unit,
            say,
            ports,
        )
    paper.box(x, top, width, cabinet.units * unit, "fr")
    for side, letter in zip((x - 2.6, x + width + 0.8), "AB"[: cabinet.strips], strict=False):
        paper.box(side, top + unit, 1.8, (cabinet.units - 2) * unit, "k-strip", 0.5)
        paper.text(letter, side + 0.9, floor + 5, 2, SMALL_STRONG, "mid")
    paper.text(say.counted("rack-strips", cabinet.strips), x + 1, floor + 5, width, SMALL, "mu")


def _thing(
    paper: Paper,
    thing: Thing,
    x: float,
    y: float,
    width: float,
    height: float,
    say: Words,
    ports: int,
) -> None:
    gap = 0.25
    paper.box(x, y + gap, width, height - 2 * gap, "bx", 0.6)
    paper.box(x, y + gap, 2, height - 2 * gap, f"k-{thing.kind}", 0.6)
    base = y + height / 2 + 1
    title = thing_title(thing, say)
    name = thing_names(thing)
    right = x + width - 2
    room = width - 6
    if thing.kind in ("panel", "fibre-panel"):
        paper.text(name, x + 4, base, room * 0.32, SMALL_STRONG)
        paper.ports(x + 4 + room * 0.36, y + height / 2, right, ports)
        return
    if not name:
        paper.text(title, x + 4, base, room, SMALL, "mu")
        return
    if thing.holds and height > 9:  # a shelf: its name above what stands on it
        paper.text(f"{title} · {thing.product}" if thing.product else title,
                   x + 4, base - 2.4, room, SMALL, "mu")  # fmt: skip
        paper.text(name, x + 4, base + 2, room, STRONG)
        return
    paper.text(name, x + 4, base, room * 0.56, STRONG if not thing.holds else SMALL_STRONG)
    label = thing.product or title
    paper.text(label, right, base, room * 0.42, SMALL, "mu end")


# --- labels ------------------------------------------------------------------------------------

# A sheet of 65 labels, 38.1 x 21.2 mm: 5 across and 13 down on A4, as several makers sell it.
ACROSS, DOWN = 5, 13
LABEL_WIDTH, LABEL_HEIGHT, PITCH = 38.1, 21.2, 40.6
LEFT, UPPER = 4.75, 10.7


# Where each label of a sheet begins.
_SLOTS = tuple(
    f'<g transform="translate({LEFT + slot % ACROSS * PITCH:g} '
    f'{UPPER + slot // ACROSS * LABEL_HEIGHT:g})">'
    for slot in range(ACROSS * DOWN)
)


def _labels(
    design: SiteDesign,
    fitted: Fitted,
    ends: Sequence[tuple[str, str]],
    constants: FitOut,
    say: Words,
) -> Iterator[Artifact]:
    """Sheets of labels: things first, then each cord twice, one label per end."""
    prefix = f"{design.facts.code}-"
    named = {p.thing.name for cabinet in fitted.cabinets for p in cabinet.placed}
    named |= {name[:at] for name in named for at, c in enumerate(name) if c == "."}  # of a stack
    made = [
        *(
            _thing_label(placed, cabinet.name, say)
            for cabinet in fitted.cabinets
            for placed in cabinet.placed
            if placed.thing.name
        ),
        *(
            _device_label(device.name, device.product, say.named("role", device.role))
            for device in design.devices
            if device.name not in named
        ),
    ]
    for cord, (left, right) in zip(fitted.cords, ends, strict=True):
        label = _cord_label(cord, left, right, prefix, constants.palette[cord.colour].hex)
        made += (label, label)
    per = ACROSS * DOWN
    pages = -(-len(made) // per)
    for number in range(pages):
        title = say("labels-page", site=design.facts.code, page=number + 1, pages=pages)
        paper = Paper(f"{say('labels')}{say('colon')}{design.facts.name} ({design.facts.code})")
        paper.text(title, WIDTH / 2, 6.5, WIDTH - 20, SMALL, "mu mid")
        labels = made[number * per : (number + 1) * per]
        paper.parts += [f"{slot}{label}</g>" for slot, label in zip(_SLOTS, labels, strict=False)]
        yield Artifact(PurePosixPath(f"labels-{number + 1:02}.svg"), paper.svg())


_INNER = LABEL_WIDTH - 6


@lru_cache(maxsize=1 << 13)
def _line(text: str, y: float, style: Style, kind: str = "") -> str:
    if not text:
        return ""
    cut = escaped(shortened(text, style, _INNER))
    look = f"{style.name} {kind}" if kind else style.name
    return f'<text class="{look}" x="3" y="{y:g}">{cut}</text>'


def _device_label(name: str, product: str, role: str) -> str:
    style = fitting(_INNER, (name,), LARGE, STRONG, SMALL_STRONG)
    return _line(name, 8.5, style) + _line(product, 13, SMALL) + _line(role, 17, SMALL, "mu")


def _thing_label(placed: Placed, cabinet: str, say: Words) -> str:
    thing = placed.thing
    return _device_label(
        thing.name,
        thing.product or thing_title(thing, say),
        f"{cabinet} · U{units_text(placed)}",
    )


def _cord_label(cord: Cord, left: str, right: str, prefix: str, colour: str) -> str:
    right = f"→ {right}"
    style = fitting(_INNER, (left, right), STRONG, SMALL_STRONG, TINY)
    what = cord.what.removeprefix(prefix)
    told = what if what and what not in right else ""
    about = f"{told} · {cord.speed}" if told and cord.speed else told or cord.speed
    return (
        f'<rect class="co" x="3" y="3" width="32" height="1.6" fill="{colour}"/>'
        + _line(left, 8.6, style)
        + _line(right, 12.8, style)
        + _line(about, 16.8, SMALL, "mu")
    )
