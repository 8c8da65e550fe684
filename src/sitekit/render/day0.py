"""The first day: a bootstrap per device, and the sheet for the person on site.

The sheet is for somebody who is no network engineer: what to unpack, where it goes, which cord in
which port, in which order to switch on, which lights mean well, and whom to ring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import get_args

from ..design.result import AccessPointDesign, FirewallDesign, SiteDesign, SwitchDesign
from ..load.catalogue import Catalogue
from ..model.catalogue import CordKind, FitOut
from ..model.site import Role
from .artifact import Artifact
from .documents import Table, as_markdown, markdown_cell, page, part
from .engine import engine_of
from .fit_out import Cord, Fitted
from .language import Words, words
from .paper import (
    BODY,
    HEADING,
    HEIGHT,
    SMALL,
    SMALL_STRONG,
    STRONG,
    TINY,
    TITLE,
    WIDTH,
    Paper,
    fitting,
    wrapped,
)
from .room import bill_title, colour_name, label_ends, metres, thing_names, thing_title, units_text

FOLDER = PurePosixPath("day-0")


def day0(design: SiteDesign, fitted: Fitted, catalogue: Catalogue) -> Iterator[Artifact]:
    """A bootstrap per firewall and switch, then the sheet twice: to read and to print.

    Raises RenderError where a platform has no `day0.j2`.
    """
    for device in design.devices:
        if isinstance(device, AccessPointDesign):
            continue  # it finds its controller by DHCP
        engine = engine_of(device.platform, catalogue)
        yield Artifact(
            path=FOLDER / f"{device.name}{engine.platform.suffix}",
            text=engine.render_day0(device),
            platform=device.platform,
        )
    say = words(design.facts.settings.language)
    sheet = _sheet(design, fitted, catalogue, say)
    yield Artifact(FOLDER / "sheet.md", _markdown_sheet(design, sheet, say))
    yield Artifact(FOLDER / "sheet.svg", _paper_sheet(design, sheet, say).svg())


# --- what the sheet says -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plug:
    """A cord that the person on site plugs before anything is switched on."""

    colour: str  # in words
    fill: str  # as it is drawn
    left: str
    right: str
    media: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The steps, in words."""

    unpack: tuple[tuple[str, str], ...]  # how many of what; which
    place: tuple[tuple[str, str, str], ...]  # cabinet and unit, name, what it is
    plugs: tuple[Plug, ...]
    rest: int  # cords for afterwards
    power: tuple[str, ...]
    lights: tuple[tuple[str, str], ...]  # kind of device, what its lights say
    phone: tuple[str, ...]
    contacts: tuple[tuple[str, str, str], ...]  # who, how to reach, for what
    serials: tuple[tuple[str, str, str], ...]  # device, model, serial number


FEW = 40  # cords that one sheet takes; beyond, those between devices are on it
_LATER = frozenset({"office", "media", "access-point", "security", "server"})
_ORDER: dict[str, int] = {kind: number for number, kind in enumerate(get_args(CordKind))}
_PASSIVE = frozenset({"panel", "fibre-panel", "cable-manager"})


def _sheet(design: SiteDesign, fitted: Fitted, catalogue: Catalogue, say: Words) -> Sheet:
    facts = design.facts
    constants = catalogue.fit_out
    ordered = sorted(fitted.cords, key=lambda cord: _ORDER[cord.kind])  # stable: as in the table
    first = [cord for cord in ordered if cord.kind not in _LATER]
    if len(ordered) <= FEW:
        first = ordered
    return Sheet(
        unpack=tuple(
            (
                f"{line.quantity} × {line.product or bill_title(line, constants, say)}",
                say.named("role", line.role) if line.role else "",
            )
            for line in fitted.bill
            if line.kind in ("device", "ups", "tray", "shelf", "stack-cable", "dac")
        ),
        place=tuple(
            (
                f"{cabinet.name} · U{units_text(placed)}",
                thing_names(placed.thing),
                placed.thing.product or thing_title(placed.thing, say),
            )
            for cabinet in fitted.cabinets
            for placed in cabinet.placed
            if placed.thing.kind not in _PASSIVE
        ),
        plugs=tuple(_plug(cord, f"{facts.code}-", constants, say) for cord in first),
        rest=len(fitted.cords) - len(first),
        power=tuple(_power(design, say)),
        lights=tuple(_lights(design, catalogue, say)),
        phone=(
            say("sheet-phone.say", code=facts.code, name=facts.name),
            say("sheet-phone.serial"),
            say("sheet-phone.never"),
        ),
        contacts=tuple(_contacts(design, say)),
        serials=tuple(
            (device.name, device.product, ", ".join(device.serials))
            for device in design.devices
            if device.serials
        ),
    )


def _plug(cord: Cord, prefix: str, constants: FitOut, say: Words) -> Plug:
    left, right = label_ends(cord, prefix)
    return Plug(
        colour=colour_name(cord.colour, constants, say),
        fill=constants.palette[cord.colour].hex,
        left=left,
        right=right,
        media=f"{say(f'media.{cord.media}')} {metres(cord.metres, say)} m",
    )


def _power(design: SiteDesign, say: Words) -> Iterator[str]:
    prefix = f"{design.facts.code}-"

    def names(devices: Sequence[SwitchDesign]) -> str:
        return ", ".join(d.name.removeprefix(prefix) for d in devices)

    switches = [d for d in design.devices if isinstance(d, SwitchDesign)]
    cores = [s for s in switches if s.role is not Role.ACCESS]
    accesses = [s for s in switches if s.role is Role.ACCESS]
    yield say("sheet-power.ups")
    if design.uplinks:
        yield say("sheet-power.carrier", names=", ".join(u.name for u in design.uplinks))
    for device in design.devices:
        if isinstance(device, FirewallDesign):
            yield say("sheet-power.firewall", name=device.name.removeprefix(prefix))
    if cores:
        yield say("sheet-power.core", names=names(cores))
    if accesses:
        yield say("sheet-power.access", names=names(accesses))
    if any(isinstance(d, AccessPointDesign) for d in design.devices):
        yield say("sheet-power.points")
    yield say("sheet-power.call")


def _lights(design: SiteDesign, catalogue: Catalogue, say: Words) -> Iterator[tuple[str, str]]:
    vendors: dict[str, str] = {}
    for device in design.devices:
        if not isinstance(device, AccessPointDesign):
            vendors.setdefault(device.platform, catalogue.hardware[device.model].vendor)
    for name, vendor in vendors.items():
        lights = catalogue.platforms[name].lights
        if lights is not None:
            yield vendor, lights.fr if say.language == "fr" else lights.en


def _contacts(design: SiteDesign, say: Words) -> Iterator[tuple[str, str, str]]:
    for contact in design.facts.contacts:
        about = [say(f"contact.{contact.kind}")]
        if contact.uplinks:
            about.append(say("line-of", names=", ".join(contact.uplinks)))
        if contact.contract:
            about.append(say("contract", number=contact.contract))
        reach = " · ".join(x for x in (contact.phone, contact.contact) if x)
        yield contact.name, reach, ", ".join(about)


# --- to read -----------------------------------------------------------------------------------


def _markdown_sheet(design: SiteDesign, sheet: Sheet, say: Words) -> str:
    plug_keys = ("patch-colour", "patch-from", "patch-to", "patch-media")
    return page(
        design,
        say,
        title="sheet",
        parts=(
            say("sheet-lead") + "\n",
            part(
                f"1. {say('sheet-unpack')}",
                _list(" — ".join(filter(None, u)) for u in sheet.unpack),
            ),
            part(
                f"2. {say('sheet-place')}",
                as_markdown(Table((say("from-unit"), say("name"), say("thing")), sheet.place), say),
                say("sheet-place-more") + "\n",
            ),
            part(
                f"3. {say('sheet-plug')}",
                as_markdown(
                    Table(
                        tuple(say(key) for key in plug_keys),
                        tuple((p.colour, p.left, p.right, p.media) for p in sheet.plugs),
                    ),
                    say,
                ),
                *((say("sheet-plug-rest", count=sheet.rest) + "\n",) if sheet.rest else ()),
            ),
            part(f"4. {say('sheet-power')}", _list(sheet.power, numbered=True)),
            part(
                f"5. {say('sheet-lights')}",
                _list(
                    (
                        *(f"{vendor}{say('colon')}{text}" for vendor, text in sheet.lights),
                        say("sheet-lights-port"),
                    )
                ),
            ),
            part(
                f"6. {say('sheet-phone')}",
                _list(sheet.phone),
                _list(" — ".join(contact) for contact in sheet.contacts)
                if sheet.contacts
                else say("no-contact") + "\n",
            ),
            *(
                (
                    part(
                        say("serials"),
                        as_markdown(
                            Table((say("device"), say("model"), say("serials")), sheet.serials),
                            say,
                        ),
                    ),
                )
                if sheet.serials
                else ()
            ),
            part(say("day0"), say("day0-intro") + "\n"),
        ),
    )


def _list(lines: Iterable[str], *, numbered: bool = False) -> str:
    return "".join(
        f"{f'{number}.' if numbered else '-'} {markdown_cell(line)}\n"
        for number, line in enumerate(lines, 1)
    )


# --- to print ----------------------------------------------------------------------------------

SIDE, GUTTER = 12.0, 6.0
COLUMN = (WIDTH - 2 * SIDE - GUTTER) / 2
ROW = 4.1


def _paper_sheet(design: SiteDesign, sheet: Sheet, say: Words) -> Paper:
    """One page whatever the site: what does not fit is counted and told to be in the tables."""
    facts = design.facts
    paper = Paper(f"{say('sheet')}{say('colon')}{facts.name} ({facts.code})")
    paper.text(f"{say('sheet')} · {facts.name}", SIDE, 16, WIDTH - 2 * SIDE, TITLE)
    paper.text(
        f"{facts.code} · {facts.archetype_title} · {facts.city} · {facts.organisation}, "
        f"{facts.subsidiary}",
        SIDE, 21.5, WIDTH - 2 * SIDE, BODY, "mu",
    )  # fmt: skip
    y = 27.0
    for line in wrapped(say("sheet-lead"), BODY, WIDTH - 2 * SIDE):
        paper.text(line, SIDE, y, WIDTH - 2 * SIDE, BODY)
        y += ROW
    right = SIDE + COLUMN + GUTTER
    floor = HEIGHT - 10.0
    bottom = _bottom(sheet)
    # unpack and place, side by side
    rows = max(len(sheet.unpack), len(sheet.place) + 1)
    half = -(-len(sheet.plugs) // 2)
    least = 3 * ROW + 8
    room = floor - bottom - y - 2 * 9 - 15
    upper = min(rows, int((room - min(least, half * ROW)) / ROW))
    y += 4
    _unpack(paper, sheet, say, SIDE, y, upper)
    _place(paper, sheet, say, right, y, upper)
    y += 11 + upper * ROW
    lower = min(half, int((floor - bottom - y - 13) / ROW))
    y = _plugs(paper, sheet, say, y, lower)
    end = _power_part(paper, sheet, say, SIDE, y)
    _serials(paper, sheet, say, SIDE, end + 4, floor)
    _phone_part(paper, sheet, say, right, y)
    return paper


def _bottom(sheet: Sheet) -> float:
    """How high the last two columns are."""
    left = 6 + len(_power_lines(sheet)) * ROW
    lights = sum(len(wrapped(t, SMALL, COLUMN)) * 3.4 + 4.2 for _, t in sheet.lights)
    words_high = sum(len(wrapped(t, BODY, COLUMN)) for t in sheet.phone) * ROW
    right = 6 + lights + 8 + 6 + words_high + 1 + max(1, len(sheet.contacts)) * 9.4
    return max(left, right)


def _heading(paper: Paper, number: int, text: str, x: float, y: float, width: float) -> float:
    paper.box(x, y - 3.6, 4.6, 4.6, "nr", 2.3)
    paper.text(str(number), x + 2.3, y - 0.3, 4, SMALL_STRONG, "on mid")
    paper.text(text, x + 6.4, y, width - 6.4, HEADING)
    paper.line(x, y + 1.8, x + width, y + 1.8)
    return y + 6


def _unpack(paper: Paper, sheet: Sheet, say: Words, x: float, y: float, rows: int) -> None:
    y = _heading(paper, 1, say("sheet-unpack"), x, y, COLUMN)
    shown, more = _fitting(len(sheet.unpack), rows)
    for what, role in sheet.unpack[:shown]:
        width = COLUMN * (0.58 if role else 1) - 4.5
        paper.box(x, y - 2.5, 2.6, 2.6, "bx")
        paper.text(what, x + 4.5, y, width, BODY)
        paper.text(role, x + COLUMN, y, COLUMN * 0.4, SMALL, "mu end")
        y += ROW
    if more:
        paper.text(
            f"{say('more', count=more)}{say('colon')}bill-of-materials", x, y, COLUMN, SMALL, "mu"
        )


def _place(paper: Paper, sheet: Sheet, say: Words, x: float, y: float, rows: int) -> None:
    y = _heading(paper, 2, say("sheet-place"), x, y, COLUMN)
    shown, more = _fitting(len(sheet.place), rows - 1)
    for where, name, what in sheet.place[:shown]:
        paper.text(where, x, y, 17, SMALL_STRONG)
        room = COLUMN * 0.44
        paper.text(name, x + 18, y, room, fitting(room, (name,), BODY, SMALL, TINY))
        paper.text(what, x + COLUMN, y, COLUMN - 20 - COLUMN * 0.44, SMALL, "mu end")
        y += ROW
    if more:
        paper.text(f"{say('more', count=more)}{say('colon')}rack.svg", x, y, COLUMN, SMALL, "mu")
    else:
        paper.text(say("sheet-place-more"), x, y, COLUMN, SMALL, "mu")


def _plugs(paper: Paper, sheet: Sheet, say: Words, y: float, rows: int) -> float:
    y = _heading(paper, 3, say("sheet-plug"), SIDE, y, WIDTH - 2 * SIDE)
    shown, more = _fitting(len(sheet.plugs), rows * 2)
    per = -(-shown // 2)
    for number, plug in enumerate(sheet.plugs[:shown]):
        x = SIDE + (number // per) * (COLUMN + GUTTER)
        base = y + number % per * ROW
        paper.colour(x, base - 2.3, 6, 2.6, plug.fill)
        paper.text(plug.colour, x + 7.2, base, 10, SMALL)
        paper.text(plug.left, x + 17, base, 26, SMALL_STRONG)
        paper.text("→", x + 44, base, 3.5, SMALL, "mu")
        paper.text(plug.right, x + 48, base, 26, SMALL_STRONG)
        paper.text(plug.media, x + COLUMN, base, COLUMN - 75, SMALL, "mu end")
    y += per * ROW
    if sheet.rest + more:
        rest = say("sheet-plug-rest", count=sheet.rest + more)
        paper.text(rest, SIDE, y, WIDTH - 2 * SIDE, SMALL, "mu")
    return y + 8


def _power_lines(sheet: Sheet) -> list[tuple[str, bool]]:
    lines = []
    for number, text in enumerate(sheet.power, 1):
        for at, line in enumerate(wrapped(f"{number}. {text}", BODY, COLUMN)):
            lines.append((line, at == 0))
    return lines


def _power_part(paper: Paper, sheet: Sheet, say: Words, x: float, y: float) -> float:
    y = _heading(paper, 4, say("sheet-power"), x, y, COLUMN)
    for line, begins in _power_lines(sheet):
        inset = 0 if begins else 4
        paper.text(line, x + inset, y, COLUMN - inset + 4, BODY)
        y += ROW
    return y


def _serials(paper: Paper, sheet: Sheet, say: Words, x: float, y: float, floor: float) -> None:
    """Serial numbers to compare with the boxes, as many as there is room for."""
    shown, more = _fitting(len(sheet.serials), int((floor - y - 6) / ROW))
    if not shown:
        return
    paper.text(say("serials"), x, y, COLUMN, HEADING)
    paper.line(x, y + 1.8, x + COLUMN, y + 1.8)
    y += 6
    for name, _, serial in sheet.serials[:shown]:
        paper.text(name, x, y, COLUMN * 0.36, SMALL_STRONG)
        paper.text(serial, x + COLUMN, y, COLUMN * 0.6, SMALL, "end")
        y += ROW
    if more:
        paper.text(f"{say('more', count=more)}{say('colon')}sheet.md", x, y, COLUMN, SMALL, "mu")


def _phone_part(paper: Paper, sheet: Sheet, say: Words, x: float, y: float) -> None:
    y = _heading(paper, 5, say("sheet-lights"), x, y, COLUMN)
    for vendor, text in sheet.lights:
        paper.text(vendor, x, y, COLUMN, SMALL_STRONG)
        y += 3.4
        for line in wrapped(text, SMALL, COLUMN):
            paper.text(line, x, y, COLUMN, SMALL)
            y += 3.4
        y += 0.8
    paper.text(say("sheet-lights-port"), x, y, COLUMN, SMALL, "mu")
    y = _heading(paper, 6, say("sheet-phone"), x, y + 8, COLUMN)
    for text in sheet.phone:
        for line in wrapped(text, BODY, COLUMN):
            paper.text(line, x, y, COLUMN, BODY)
            y += ROW
    y += 1
    if not sheet.contacts:
        paper.text(say("no-contact"), x, y, COLUMN, SMALL, "mu")
    for who, reach, about in sheet.contacts:
        paper.box(x, y - 3, COLUMN, 8.6, "card", 1)
        paper.text(who, x + 2, y, COLUMN * 0.46, STRONG)
        paper.text(about, x + COLUMN - 2, y, COLUMN * 0.48, SMALL, "mu end")
        paper.text(reach, x + 2, y + 3.8, COLUMN - 4, BODY)
        y += 9.4


def _fitting(count: int, rows: int) -> tuple[int, int]:
    """How many of `count` are shown in `rows`, the last row telling how many are not."""
    if count <= rows:
        return count, 0
    shown = max(0, rows - 1)
    return shown, count - shown
