"""The picture of a site: carriers on top, then firewalls, switches and what hangs on them.

Everything stands on a grid that is measured before anything is drawn, so texts never meet: each
text has a width of its own and ends with an ellipsis where it would leave it. Lines are drawn
first and boxes over them. Links between two rows share a bus; both ends of every cable are written
above the lower box.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from ..design.result import (
    AccessPointDesign,
    FirewallDesign,
    Network,
    PortPurpose,
    SiteDesign,
    SwitchDesign,
    UplinkDesign,
)
from ..model.site import Role
from .artifact import Artifact
from .documents import uplink_address
from .language import Words, one_line, words


def topology(design: SiteDesign) -> Artifact:
    """The site as one standalone SVG, readable on a light and on a dark page."""
    say = words(design.facts.settings.language)
    scene = _scene(design, say)
    sheet = _Sheet()
    column = _column(scene)
    y = _header(sheet, scene)
    y = _carriers(sheet, scene, column, y)
    y = _firewalls(sheet, scene, column, y)
    exits: tuple[Exit, ...] = ((column.axis, y),)
    for tier in scene.tiers:
        y, exits = _tier(sheet, scene, tier, column, y, exits)
    bottom = _panel(sheet, scene, column.right + PANEL_GAP, HEADER)
    size = (column.right + PANEL_GAP + PANEL + MARGIN, max(y, bottom) + MARGIN)
    return Artifact(PurePosixPath("topology.svg"), sheet.svg(scene, width=size[0], height=size[1]))


# --- measures ----------------------------------------------------------------------------------

MARGIN, HEADER = 32, 108
CARD, GAP = 224, 24  # width of a box, and between two boxes
INSET, CAPTION = 12, 30  # a frame around boxes; its lower edge where something is written there
LINE = 15  # from one line of text to the next
BUS = 24  # from a row down to the bus below it
DEVICE = 66  # height of a box with a name, a product and an address
PANEL, PANEL_GAP = 424, 48
HUB_GAP = 72
PER_ROW = 6  # boxes side by side before a row is broken
MOST_LABELS = 4  # cables written above a box before the rest is counted


class Style(NamedTuple):
    """A kind of text: its class in the style sheet, its size and its weight."""

    name: str
    size: float
    bold: bool = False


TITLE = Style("h1", 24, bold=True)
HEADING = Style("h2", 13, bold=True)
NAME = Style("nm", 13, bold=True)
BODY = Style("bd", 12)
SMALL = Style("sm", 11)
STRONG = Style("sm b", 11, bold=True)
LABEL = Style("lb", 10.5)
WARNING = Style("lb wa", 10.5, bold=True)
ON_COLOUR = Style("oc", 10, bold=True)

# Advance widths of Helvetica and Arial in thousandths of the size, from ASCII 32 on.
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_SLACK = 1.06  # other sans-serif fonts are a little wider than Helvetica
_BOLD = 1.07


@lru_cache(maxsize=4096)
def _advance(character: str) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return _WIDTHS[code - 32]
    if unicodedata.combining(character):
        return 0
    plain = unicodedata.normalize("NFD", character)[0]
    if " " <= plain < "\x7f":
        return _WIDTHS[ord(plain) - 32]
    return 600 if unicodedata.east_asian_width(character) in "NaNH" and code < 0x2000 else 1100


@lru_cache(maxsize=1 << 14)
def measured(text: str, style: Style) -> float:
    """About how wide a text is."""
    advance = sum(map(_advance, text)) * style.size / 1000 * _SLACK
    return advance * _BOLD if style.bold else advance


@lru_cache(maxsize=1 << 14)
def shortened(text: str, style: Style, width: float) -> str:
    """The text on one line, cut with an ellipsis where it is wider than `width`."""
    text = one_line(text)
    if measured(text, style) <= width:
        return text
    scale = style.size / 1000 * _SLACK * (_BOLD if style.bold else 1)
    left = width / scale - _advance("…")
    for index, character in enumerate(text):
        left -= _advance(character)
        if left < 0:
            return text[:index].rstrip(" ,·") + "…"
    return text


@lru_cache(maxsize=1 << 14)
def escaped(text: str) -> str:
    """Text for XML, between tags or in an attribute."""
    text = one_line(text)
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


# --- what there is to draw ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """A cable as seen from the lower box."""

    port: str
    peer: str
    peer_port: str
    speed: str


@dataclass(frozen=True, slots=True)
class Hanging:
    """What hangs on a switch: access points by themselves, the rest by purpose."""

    access_points: tuple[AccessPointDesign, ...]
    counts: tuple[tuple[str, int], ...]

    @property
    def height(self) -> int:
        """How high it stands, without the gap above it."""
        points = DEVICE if self.access_points else 0
        rows = 16 + 18 * len(self.counts) if self.counts else 0
        return points + rows + (8 if points and rows else 0)


@dataclass(frozen=True, slots=True)
class Box:
    """A switch, or a stack of them, with what hangs on it and its cables upwards."""

    device: SwitchDesign
    hanging: Hanging
    links: tuple[Link, ...]

    @property
    def height(self) -> int:
        """How high the switch itself is."""
        members = len(self.device.members)
        return DEVICE + (6 + 16 * members if members > 1 else 0)


@dataclass(frozen=True, slots=True)
class Unit:
    """Boxes that act as one: an MLAG pair, or a box alone."""

    boxes: tuple[Box, ...]
    framed: bool
    caption: str
    parent: bool  # something hangs below it by a bus

    @property
    def width(self) -> int:
        """With its frame."""
        inner = len(self.boxes) * (CARD + GAP) - GAP
        return inner + 2 * INSET if self.framed else inner

    @property
    def top(self) -> int:
        """From the unit's upper edge to its boxes."""
        return INSET if self.framed else 0

    @property
    def height(self) -> int:
        """With its frame and all that hangs on its boxes."""
        inner = max(_full_height(box) for box in self.boxes)
        return self.top + inner + (CAPTION if self.caption else self.top)


def _full_height(box: Box) -> int:
    return box.height + (12 + box.hanging.height if box.hanging.height else 0)


Tier = tuple[tuple[Unit, ...], ...]  # rows of units


@dataclass(frozen=True, slots=True)
class Scene:
    """The design sorted for drawing."""

    design: SiteDesign
    say: Words
    firewalls: tuple[FirewallDesign, ...]
    tiers: tuple[Tier, ...]
    speeds: dict[tuple[str, str], str]
    heartbeat: tuple[str, ...]

    @property
    def has_hub(self) -> bool:
        """True where tunnels lead to a hub."""
        return bool(self.design.tunnels)

    def short(self, name: str) -> str:
        """A device's name without the site's code, which every name here would repeat."""
        return name.removeprefix(f"{self.design.facts.code}-") or name


def _scene(design: SiteDesign, say: Words) -> Scene:
    speeds = {(use.device, use.port): use.speed for use in design.ports}
    firewalls = tuple(d for d in design.devices if isinstance(d, FirewallDesign))
    switches = [d for d in design.devices if isinstance(d, SwitchDesign)]
    depth = _depths(design, firewalls, switches)
    hanging = _hanging(design, say, depth)
    links = _links(design, speeds, depth)
    tiers = []
    for level in sorted({depth[s.name] for s in switches}):
        boxes = [
            Box(device=s, hanging=hanging[s.name], links=links.get(s.name, ()))
            for s in switches
            if depth[s.name] == level
        ]
        tiers.append(_rows(_units(design, say, boxes, depth, speeds)))
    return Scene(
        design=design,
        say=say,
        firewalls=firewalls,
        tiers=tuple(tiers),
        speeds=speeds,
        heartbeat=_pair_ports(design, "heartbeat"),
    )


def _depths(
    design: SiteDesign, firewalls: Sequence[FirewallDesign], switches: Sequence[SwitchDesign]
) -> dict[str, int]:
    """How many cables each firewall and switch is away from a firewall."""
    near: dict[str, list[str]] = {}
    for cable in design.cables:
        if cable.kind in ("firewall", "inter-switch"):
            near.setdefault(cable.left, []).append(cable.right)
            near.setdefault(cable.right, []).append(cable.left)
    depth = {firewall.name: 0 for firewall in firewalls}
    edge = list(depth)
    while edge:
        further = []
        for name in edge:
            for peer in near.get(name, ()):
                if peer not in depth:
                    depth[peer] = depth[name] + 1
                    further.append(peer)
        edge = further
    has_core = any(switch.role is Role.CORE for switch in switches)
    for switch in switches:  # cables that nobody wrote yet: where such a switch usually stands
        usual = 2 if has_core and switch.role is not Role.CORE else 1
        depth.setdefault(switch.name, usual)
    return depth


_NO_ENDPOINT = frozenset(
    {
        PortPurpose.ACCESS_POINT, PortPurpose.INTER_SWITCH, PortPurpose.PEER_LINK,
        PortPurpose.FIREWALL, PortPurpose.SWITCH, PortPurpose.UPLINK, PortPurpose.HEARTBEAT,
        PortPurpose.MANAGEMENT, PortPurpose.UNUSED,
    }
)  # fmt: skip


def _hanging(design: SiteDesign, say: Words, depth: dict[str, int]) -> dict[str, Hanging]:
    points: dict[str, list[AccessPointDesign]] = {}
    for device in design.devices:
        if isinstance(device, AccessPointDesign):
            points.setdefault(device.switch, []).append(device)
    counts: dict[str, Counter[PortPurpose]] = {}
    for use in design.ports:
        if use.purpose not in _NO_ENDPOINT:
            counts.setdefault(use.device, Counter())[use.purpose] += 1
    beside: dict[str, Counter[str]] = {}
    for cable in design.cables:  # neither up nor down: told in words
        level = depth.get(cable.left)
        if cable.kind == "inter-switch" and level == depth.get(cable.right):
            for name, peer in ((cable.left, cable.right), (cable.right, cable.left)):
                beside.setdefault(name, Counter())[peer] += 1
    return {
        name: Hanging(
            access_points=tuple(points.get(name, ())),
            counts=(
                *(
                    (say(f"purpose.{purpose.value}"), counts[name][purpose])
                    for purpose in PortPurpose
                    if name in counts and counts[name][purpose]
                ),
                *((say("link-to", name=peer), n) for peer, n in beside.get(name, {}).items()),
            ),
        )
        for name in depth
    }


def _links(
    design: SiteDesign, speeds: dict[tuple[str, str], str], depth: dict[str, int]
) -> dict[str, tuple[Link, ...]]:
    """Cables from each switch to the row above it."""
    found: dict[str, list[Link]] = {}
    for cable in design.cables:
        if cable.kind not in ("firewall", "inter-switch"):
            continue
        left, right = (cable.left, cable.left_port), (cable.right, cable.right_port)
        if depth.get(left[0], 0) == depth.get(right[0], 0):
            continue
        upper, lower = sorted((left, right), key=lambda end: depth.get(end[0], 0))
        speed = speeds.get(lower) or speeds.get(upper) or ""
        link = Link(port=lower[1], peer=upper[0], peer_port=upper[1], speed=speed)
        found.setdefault(lower[0], []).append(link)
    return {name: tuple(links) for name, links in found.items()}


def _units(
    design: SiteDesign,
    say: Words,
    boxes: Sequence[Box],
    depth: dict[str, int],
    speeds: dict[tuple[str, str], str],
) -> list[Unit]:
    """MLAG pairs together, everything else alone; units with children stand last."""
    upper = {
        end
        for cable in design.cables
        if cable.kind == "inter-switch"
        for end, other in ((cable.left, cable.right), (cable.right, cable.left))
        if depth.get(other, 0) > depth.get(end, 0)
    }
    groups: dict[str, list[Box]] = {}
    for box in boxes:
        mlag = box.device.mlag
        groups.setdefault(f"mlag {mlag.domain}" if mlag else box.device.name, []).append(box)
    units = []
    for group in groups.values():
        pair = len(group) > 1
        parent = any(box.device.name in upper for box in group)
        units.append(
            Unit(
                boxes=tuple(group),
                framed=pair or (parent and any(box.hanging.height for box in group)),
                caption=_pair_caption(design, say, group, speeds) if pair else "",
                parent=parent,
            )
        )
    return sorted(units, key=lambda unit: unit.parent)


def _pair_caption(
    design: SiteDesign, say: Words, group: Sequence[Box], speeds: dict[tuple[str, str], str]
) -> str:
    name = group[0].device.name
    ports = [
        (cable.left_port if cable.left == name else cable.right_port)
        for cable in design.cables
        if cable.kind == "peer-link" and name in (cable.left, cable.right)
    ]
    if not ports:
        return say("mlag-pair")
    speed = speeds.get((name, ports[0]), "")
    words = f"{say('peer-link')} {', '.join(map(brief_port, ports))}"
    return " · ".join(filter(None, (say("mlag-pair"), words, speed)))


def _pair_ports(design: SiteDesign, kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cable.left_port for cable in design.cables if cable.kind == kind))


def _rows(units: Sequence[Unit]) -> Tier:
    """Rows of about the same width, none wider than PER_ROW boxes."""
    boxes = sum(len(unit.boxes) for unit in units)
    rows = -(-boxes // PER_ROW)
    each = -(-len(units) // rows)
    return tuple(tuple(units[start : start + each]) for start in range(0, len(units), each))


_BRIEF = (
    ("TwentyFiveGigabitEthernet", "Twe"), ("TwentyFiveGigE", "Twe"), ("TwoGigabitEthernet", "Tw"),
    ("HundredGigabitEthernet", "Hu"), ("HundredGigE", "Hu"), ("FortyGigabitEthernet", "Fo"),
    ("FiveGigabitEthernet", "Fi"), ("TenGigabitEthernet", "Te"), ("GigabitEthernet", "Gi"),
    ("Ethernet", "Et"), ("Management", "Ma"),
)  # fmt: skip


@lru_cache(maxsize=1 << 12)
def brief_port(name: str) -> str:
    """An interface name as people write it on a drawing: Te1/1/1, Et49."""
    for long, brief in _BRIEF:
        if name.startswith(long):
            return brief + name[len(long) :]
    return name


# --- the sheet ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sheet:
    """Drawn things in three layers: frames, lines, boxes with their text."""

    frames: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)

    def frame(self, x: int, y: int, width: int, height: int) -> None:
        self.frames.append(
            f'<rect class="fr" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>'
        )

    def box(self, x: int, y: int, width: int, height: int, kind: str = "bx") -> None:
        self.boxes.append(
            f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'
        )

    def band(self, x: int, y: int, height: int, kind: str) -> None:
        """The coloured edge that tells what a box is."""
        self.boxes.append(
            f'<path class="{kind}" '
            f'd="M{x + 6} {y}h-1a5 6 0 0 0-5 6v{height - 12}a5 6 0 0 0 5 6h1z"/>'
        )

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.lines.append(f'<polyline class="{kind}" points="{path}"/>')

    def cables(self, count: int, x: int, y: int, bottom: int) -> list[float]:
        """Parallel vertical lines, one per cable up to four; returns where they run."""
        drawn = min(count, 4)
        places = [x + (number - (drawn - 1) / 2) * 5 for number in range(drawn)]
        for at in places:
            self.line(((at, y), (at, bottom)), "ln")
        return places

    def icon(self, name: str, x: int, y: int) -> None:
        self.boxes.append(f'<path class="ic" transform="translate({x} {y})" d="{ICONS[name]}"/>')

    def text(
        self, text: str, x: int, y: int, width: int, style: Style = BODY, extra: str = ""
    ) -> None:
        """One line of text that keeps inside `width`. `extra`: classes mid, end, mu (muted)."""
        kinds = f"{style.name} {extra}" if extra else style.name
        self.boxes.append(
            f'<text class="{kinds}" x="{x}" y="{y}">{escaped(shortened(text, style, width))}</text>'
        )

    def svg(self, scene: Scene, *, width: int, height: int) -> str:
        design, say = scene.design, scene.say
        facts = design.facts
        switches = sum(isinstance(d, SwitchDesign) for d in design.devices)
        points = sum(isinstance(d, AccessPointDesign) for d in design.devices)
        about = say(
            "topology-desc",
            name=facts.name,
            archetype=facts.archetype_title,
            uplinks=len(design.uplinks),
            firewalls=len(scene.firewalls),
            switches=switches,
            access_points=points,
            networks=len(design.networks),
        )
        title = f"{say('topology')}{say('colon')}{facts.name} ({facts.code})"
        key = re.sub(r"[^a-z0-9-]", "", facts.code)
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="sitekit" role="img" '
                f'lang="{facts.settings.language}" aria-labelledby="sk-t-{key} sk-d-{key}" '
                f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
                f'<title id="sk-t-{key}">{escaped(title)}</title>',
                f'<desc id="sk-d-{key}">{escaped(about)}</desc>',
                _STYLE_SHEET,
                f'<rect class="bg" width="{width}" height="{height}"/>',
                *self.frames,
                *self.lines,
                *self.boxes,
                "</svg>\n",
            )
        )


@dataclass(frozen=True, slots=True)
class Column:
    """Where the drawing stands: its middle axis and its edges."""

    left: int
    axis: int
    right: int


def _column(scene: Scene) -> Column:
    """As wide as the widest row; the hub stands to the right of the carriers."""
    top = _span(len(scene.design.uplinks))
    halves = [_firewall_width(scene) // 2, top // 2]
    for tier in scene.tiers:
        halves += [_row_width(row) // 2 for row in tier]
    half = max(halves)
    wrapped = 28 if any(len(tier) > 1 for tier in scene.tiers) else 0
    hub = max(top, _firewall_width(scene)) // 2 + HUB_GAP + CARD if scene.has_hub else 0
    right = max(half, hub, 260)
    return Column(left=MARGIN, axis=MARGIN + wrapped + half, right=MARGIN + wrapped + half + right)


def _span(boxes: int) -> int:
    return max(boxes, 1) * (CARD + GAP) - GAP


def _row_width(row: Sequence[Unit]) -> int:
    return sum(unit.width + GAP for unit in row) - GAP


def _firewall_width(scene: Scene) -> int:
    boxes = max(len(scene.firewalls), 1)
    frame = 2 * INSET if boxes > 1 else 0
    return max(_span(boxes) + frame, _span(len(scene.design.uplinks)))


# --- rows --------------------------------------------------------------------------------------


def _header(sheet: _Sheet, scene: Scene) -> int:
    facts, _say = scene.design.facts, scene.say
    sheet.text(facts.name, MARGIN, 50, 620, TITLE)
    about = (facts.code, facts.archetype_title, facts.city, str(facts.block))
    sheet.text(" · ".join(about), MARGIN, 72, 620, BODY, "mu")
    return HEADER


def _carriers(sheet: _Sheet, scene: Scene, column: Column, y: int) -> int:
    """The Internet, a box per line, and the hub; returns where the firewalls begin."""
    uplinks = scene.design.uplinks
    span = _span(len(uplinks))
    left = column.axis - span // 2
    sheet.box(left, y, span, 34, "net")
    sheet.text(scene.say("internet"), column.axis, y + 22, span - 24, HEADING, "mid")
    top = y + 34 + 18
    for index, uplink in enumerate(uplinks):
        _uplink(sheet, scene, uplink, left + index * (CARD + GAP), top, internet=y + 34)
    return top + 82 + 14 + 3 * LINE + 14


def _uplink(
    sheet: _Sheet, scene: Scene, uplink: UplinkDesign, x: int, y: int, *, internet: int
) -> None:
    say = scene.say
    kind = "it" if uplink.interim else "ln"
    axis = x + CARD // 2
    bottom = y + 82
    sheet.line(((axis, internet), (axis, bottom + 14 + 3 * LINE + 14)), kind)
    sheet.box(x, y, CARD, 82, "bx dash" if uplink.interim else "bx")
    sheet.band(x, y, 82, "b-it" if uplink.interim else "b-wan")
    sheet.text(uplink.carrier, x + 16, y + 21, CARD - 28, NAME)
    sheet.text(f"{uplink.name} · {uplink.title}", x + 16, y + 38, CARD - 28, SMALL, "mu")
    rates = f"↓ {say.rate(uplink.down_mbps)} · ↑ {say.rate(uplink.up_mbps)}"
    sheet.text(rates, x + 16, y + 55, CARD - 28, SMALL)
    stage = say("interim" if uplink.interim else "final")
    sheet.text(f"{stage}, {say('ready', date=uplink.ready)}", x + 16, y + 71, CARD - 28, SMALL)
    port = scene.firewalls[0].name if scene.firewalls else ""
    speed = scene.speeds.get((port, uplink.port), "")
    labels = [" · ".join(filter(None, (brief_port(uplink.port), speed)))]
    labels.append(uplink_address(uplink, say))
    if uplink.cut_over:
        labels.append(say("cut-over", date=uplink.cut_over))
    for number, label in enumerate(labels):
        style = WARNING if number == 2 else LABEL
        sheet.text(label, axis + 8, bottom + 20 + number * LINE, 170, style)


def _firewalls(sheet: _Sheet, scene: Scene, column: Column, y: int) -> int:
    """The firewall or the pair; returns its lower edge."""
    say, firewalls = scene.say, scene.firewalls
    width = _firewall_width(scene)
    left = column.axis - width // 2
    height = DEVICE
    top = y
    if len(firewalls) > 1:
        sheet.frame(left, y, width, height + INSET + CAPTION)
        caption = [say("ha-pair")]
        if scene.heartbeat:
            caption.append(f"{say('heartbeat')} {', '.join(map(brief_port, scene.heartbeat))}")
        foot = y + INSET + height + 19
        sheet.text(" · ".join(caption), left + INSET, foot, width - 2 * INSET, SMALL, "mu")
        top = y + INSET
        _twins(sheet, left + INSET, left + width - INSET, top + height // 2)
    inner = width - 2 * INSET if len(firewalls) > 1 else width
    x = column.axis - inner // 2
    count = max(len(firewalls), 1)
    each = (inner - (count - 1) * GAP) // count
    first = max((f.ha.priority for f in firewalls if f.ha), default=0)
    for firewall in firewalls:
        sheet.box(x, top, each, height)
        sheet.band(x, top, height, "b-fw")
        sheet.icon("fw", x + 16, top + 12)
        state = ""
        if firewall.ha and len(firewalls) > 1:
            state = say("active" if firewall.ha.priority == first else "standby")
        _names(sheet, firewall, str(firewall.management_address), x, top, each, state=state)
        x += each + GAP
    bottom = top + height + (CAPTION if len(firewalls) > 1 else 0)
    if scene.has_hub:
        _hub(sheet, scene, column, edge=left + width, middle=top + height // 2)
    return bottom


def _names(
    sheet: _Sheet,
    device: FirewallDesign | SwitchDesign,
    address: str,
    x: int,
    y: int,
    width: int,
    *,
    state: str = "",
) -> None:
    """The three lines beside a device's icon: name (and state), product, address."""
    room = width - 48 - 12
    taken = 0
    if state:
        taken = int(measured(state, SMALL)) + 8
        sheet.text(state, x + width - 12, y + 22, taken, SMALL, "end mu")
    sheet.text(device.name, x + 48, y + 22, room - taken, NAME)
    sheet.text(device.product, x + 48, y + 39, room, SMALL, "mu")
    sheet.text(address, x + 48, y + 55, room, SMALL)


def _hub(sheet: _Sheet, scene: Scene, column: Column, *, edge: int, middle: int) -> None:
    """The Azure hub beside the carriers, and its tunnels to the firewall."""
    design, say = scene.design, scene.say
    y = HEADER
    x = max(edge, column.axis + _span(len(design.uplinks)) // 2) + HUB_GAP
    gateways = tuple(dict.fromkeys(str(tunnel.remote_address) for tunnel in design.tunnels))
    shown = gateways[:4]
    firewall = scene.firewalls[0] if scene.firewalls else None
    height = 72 + LINE * len(shown)
    sheet.box(x, y, CARD, height)
    sheet.band(x, y, height, "b-hub")
    sheet.icon("cloud", x + 16, y + 12)
    sheet.text(say("hub"), x + 48, y + 22, CARD - 60, NAME)
    prefixes = ", ".join(map(str, firewall.hub_prefixes)) if firewall else ""
    bgp = f"BGP AS {firewall.bgp.remote_asn}" if firewall and firewall.bgp else ""
    sheet.text(prefixes, x + 48, y + 39, CARD - 60, SMALL, "mu")
    sheet.text(bgp, x + 48, y + 55, CARD - 60, SMALL, "mu")
    for number, gateway in enumerate(shown):
        lines = ", ".join(t.uplink for t in design.tunnels if str(t.remote_address) == gateway)
        sheet.text(f"{gateway} · {lines}", x + 16, y + 75 + number * LINE, CARD - 28, LABEL)
    axis = x + CARD // 2
    sheet.line(((axis, y + height), (axis, middle), (edge, middle)), "tu")
    tunnels = say.counted("tunnels", len(design.tunnels))
    sheet.text(tunnels, edge + 12, middle - 8, axis - edge - 20, LABEL)


Exit = tuple[int, int]  # where a link leaves what stands above: x and y


def _tier(
    sheet: _Sheet, scene: Scene, tier: Tier, column: Column, y: int, exits: Sequence[Exit]
) -> tuple[int, tuple[Exit, ...]]:
    """Rows of switches under what they hang on; returns the lower edge and their own exits."""
    trunk = column.axis - max(_row_width(row) for row in tier) // 2 - 20
    below: list[Exit] = []
    first_bus = y + BUS
    for number, row in enumerate(tier):
        bus = y + BUS
        labels = max(min(len(box.links), MOST_LABELS + 1) for unit in row for box in unit.boxes)
        top = bus + 18 + labels * LINE
        drops = _row(sheet, scene, row, column, top, bus)
        feeds = exits if number == 0 else ((trunk, first_bus),)
        middle = [x for x, _ in feeds] == [column.axis]
        if drops and middle and _is_one_box(row) and len(tier) == 1:
            sheet.cables(_cables(row), column.axis, feeds[0][1], bus)
        elif drops:
            ends = [*(x for x, _ in feeds), *drops, *([trunk] if len(tier) > 1 else [])]
            for x, start in feeds:
                sheet.line(((x, start), (x, bus)), "bus")
            sheet.line(((min(ends), bus), (max(ends), bus)), "bus")
        below += _exits(row, column, top)
        y = top + max(unit.height for unit in row)
    return y, tuple(below)


def _row(
    sheet: _Sheet, scene: Scene, row: Sequence[Unit], column: Column, top: int, bus: int
) -> list[float]:
    """One row of switches with their cables up to the bus; returns where those meet it."""
    drops: list[float] = []
    x = column.axis - _row_width(row) // 2
    for unit in row:
        edge = x + unit.top
        if unit.framed:
            _frame(sheet, unit, x, top)
        for box in unit.boxes:
            drop = column.axis if _is_one_box(row) else edge + 22
            if box.links:
                drops += sheet.cables(len(box.links), drop, bus, top + unit.top)
                _cable_labels(sheet, scene, box.links, drop + 14, bus + 16)
            _switch(sheet, scene, box, edge, top + unit.top)
            edge += CARD + GAP
        x += unit.width + GAP
    return drops


def _frame(sheet: _Sheet, unit: Unit, x: int, y: int) -> None:
    """The frame around a unit, what it is, and the link between twins."""
    sheet.frame(x, y, unit.width, unit.height)
    if unit.caption:
        foot = y + unit.height - 11
        sheet.text(unit.caption, x + INSET, foot, unit.width - 2 * INSET, SMALL, "mu")
    if len(unit.boxes) > 1:
        _twins(sheet, x + INSET, x + unit.width - INSET, y + unit.top + DEVICE // 2)


def _twins(sheet: _Sheet, left: int, right: int, y: int) -> None:
    for shift in (-3, 3):
        sheet.line(((left, y + shift), (right, y + shift)), "tw")


def _exits(row: Sequence[Unit], column: Column, top: int) -> Iterable[Exit]:
    x = column.axis - _row_width(row) // 2
    for unit in row:
        if unit.parent:
            yield x + unit.width // 2, top + unit.height
        x += unit.width + GAP


def _is_one_box(row: Sequence[Unit]) -> bool:
    return len(row) == 1 and len(row[0].boxes) == 1


def _cables(row: Sequence[Unit]) -> int:
    return sum(len(box.links) for unit in row for box in unit.boxes)


def _cable_labels(sheet: _Sheet, scene: Scene, links: Sequence[Link], x: int, y: int) -> None:
    """Both ends and the speed of each cable, one line each."""
    lines = [
        " · ".join(
            filter(
                None,
                (
                    f"{brief_port(link.port)} ↔ {scene.short(link.peer)} "
                    f"{brief_port(link.peer_port)}",
                    link.speed,
                ),
            )
        )
        for link in links[:MOST_LABELS]
    ]
    if len(links) > MOST_LABELS:
        lines.append(scene.say("more", count=len(links) - MOST_LABELS))
    for number, line in enumerate(lines):
        sheet.text(line, x, y + number * LINE, CARD + GAP - 36, LABEL)


def _switch(sheet: _Sheet, scene: Scene, box: Box, x: int, y: int) -> None:
    device = box.device
    core = device.role is Role.CORE
    sheet.box(x, y, CARD, box.height)
    sheet.band(x, y, box.height, "b-core" if core else "b-sw")
    sheet.icon("sw", x + 16, y + 12)
    members = len(device.members)
    state = f"× {members}" if members > 1 else ""
    _names(sheet, device, str(device.management.address), x, y, CARD, state=state)
    if members > 1:
        for number, member in enumerate(device.members):
            at = y + 66 + number * 16
            sheet.boxes.append(
                f'<rect class="mb" x="{x + 16}" y="{at}" width="{CARD - 28}" height="13" rx="2"/>'
            )
            sheet.text(str(member.number), x + 22, at + 10, 20, ON_COLOUR, "in")
            sheet.boxes.append(f'<path class="pt" d="M{x + 44} {at + 6.5}H{x + CARD - 20}"/>')
    if box.hanging.height:
        _things(sheet, scene, box.hanging, x, y + box.height)


def _things(sheet: _Sheet, scene: Scene, hanging: Hanging, x: int, y: int) -> None:
    """Access points in one box with their number, endpoints below by purpose."""
    top = y + 12
    sheet.line(((x + 28, y), (x + 28, top)), "ln")
    points = hanging.access_points
    if points:
        sheet.box(x, top, CARD, DEVICE)
        sheet.band(x, top, DEVICE, "b-ap")
        sheet.icon("ap", x + 16, top + 12)
        products = ", ".join(dict.fromkeys(point.product for point in points))
        names = ", ".join(scene.short(point.name) for point in points)
        number_of = scene.say.counted("access-points", len(points))
        sheet.text(number_of, x + 48, top + 22, CARD - 60, NAME)
        sheet.text(products, x + 48, top + 39, CARD - 60, SMALL, "mu")
        sheet.text(names, x + 48, top + 55, CARD - 60, SMALL)
        top += DEVICE + 8
    if hanging.counts:
        height = 16 + 18 * len(hanging.counts)
        if points:
            sheet.line(((x + 28, top - 8), (x + 28, top)), "ln")
        sheet.box(x, top, CARD, height, "ep")
        for number, (name, count) in enumerate(hanging.counts):
            at = top + 21 + number * 18
            sheet.text(name, x + 16, at, CARD - 80, SMALL)
            sheet.text(str(count), x + CARD - 14, at, 40, STRONG, "end")


# --- the panel ---------------------------------------------------------------------------------


def _panel(sheet: _Sheet, scene: Scene, x: int, y: int) -> int:
    """Networks, wireless networks and the legend; returns its lower edge."""
    design, say = scene.design, scene.say
    sheet.text(say("vlan"), x + 304, y + 12, 60, SMALL, "end mu")
    sheet.text(say("prefix"), x + PANEL, y + 12, 116, SMALL, "end mu")
    y = _panel_heading(sheet, say("networks"), x, y)
    for network in design.networks:
        _network(sheet, scene, network, x, y)
        y += 20
    if design.wifi and design.wifi.ssids:
        y = _panel_heading(sheet, say("wifi"), x, y + 24)
        for ssid in design.wifi.ssids:
            _trust_mark(sheet, ssid.network.trust, x, y)
            sheet.text(ssid.ssid, x + 26, y + 12, 200, SMALL)
            sheet.text(ssid.network.name, x + 236, y + 12, PANEL - 236, SMALL, "mu")
            y += 20
    return _legend(sheet, scene, x, y + 24)


def _panel_heading(sheet: _Sheet, text: str, x: int, y: int) -> int:
    sheet.text(text, x, y + 12, 200, HEADING)
    sheet.line(((x, y + 20), (x + PANEL, y + 20)), "hr")
    return y + 28


def _network(sheet: _Sheet, scene: Scene, network: Network, x: int, y: int) -> None:
    _trust_mark(sheet, network.trust, x, y)
    sheet.text(network.name, x + 26, y + 12, 104, STRONG)
    sheet.text(network.zone_title, x + 136, y + 12, 130, SMALL, "mu")
    sheet.text(str(network.vlan), x + 304, y + 12, 34, SMALL, "end")
    sheet.text(str(network.prefix), x + PANEL, y + 12, 116, SMALL, "end")


def _trust_mark(sheet: _Sheet, trust: int | None, x: int, y: int) -> None:
    kind = "x" if trust is None else str(trust)
    sheet.boxes.append(f'<rect class="t{kind}" x="{x}" y="{y}" width="16" height="16" rx="3"/>')
    sheet.text("–" if trust is None else kind, x + 8, y + 12, 16, ON_COLOUR, "mid")


def _legend(sheet: _Sheet, scene: Scene, x: int, y: int) -> int:
    say = scene.say
    y = _panel_heading(sheet, say("legend"), x, y)
    sheet.text(say("trust"), x, y + 12, 190, SMALL)
    low = say("trust-low")
    at = x + 200 + int(measured(low, SMALL)) + 8
    sheet.text(low, x + 200, y + 12, 60, SMALL, "mu")
    for trust in range(6):
        _trust_mark(sheet, trust, at + trust * 20, y)
    sheet.text(say("trust-high"), at + 124, y + 12, 60, SMALL, "mu")
    y += 26
    kinds = [("ln", "line.link")]
    if any(uplink.interim for uplink in scene.design.uplinks):
        kinds.append(("it", "line.interim"))
    if scene.has_hub:
        kinds.append(("tu", "line.tunnel"))
    if len(scene.firewalls) > 1 or any(
        len(unit.boxes) > 1 for tier in scene.tiers for row in tier for unit in row
    ):
        kinds.append(("tw", "line.pair"))
    for number, (kind, key) in enumerate(kinds):
        left = x + number % 2 * 212
        top = y + number // 2 * 20
        sheet.line(((left, top + 8), (left + 36, top + 8)), kind)
        sheet.text(say(key), left + 46, top + 12, 160, SMALL)
    return y + -(-len(kinds) // 2) * 20


# --- looks -------------------------------------------------------------------------------------

_STYLE_SHEET = """<style>
.sitekit text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif;fill:#1d2733}
.sitekit .h1{font-size:24px;font-weight:700}
.sitekit .h2,.sitekit .nm{font-size:13px;font-weight:700}
.sitekit .bd{font-size:12px}
.sitekit .sm{font-size:11px}
.sitekit .lb{font-size:10.5px;fill:#4a5868}
.sitekit .b{font-weight:700}
.sitekit .mu{fill:#5c6b7c}
.sitekit .wa{fill:#a3480b;font-weight:700}
.sitekit .mid{text-anchor:middle}
.sitekit .end{text-anchor:end}
.sitekit .oc{font-size:10px;font-weight:700;fill:#fff}
.sitekit .oc.in{fill:#5c6b7c}
.sitekit .bg{fill:#fff}
.sitekit .bx{fill:#fff;stroke:#c3ccd6}
.sitekit .dash{stroke-dasharray:5 3;stroke:#c77a35}
.sitekit .ep{fill:#f6f8fa;stroke:#dde3e9}
.sitekit .net{fill:#e8eef5;stroke:#c3ccd6}
.sitekit .fr{fill:#f6f8fa;stroke:#c3ccd6;stroke-dasharray:2 3}
.sitekit .mb{fill:#eef2f6;stroke:#c3ccd6}
.sitekit .pt{fill:none;stroke:#9aa8b7;stroke-width:5;stroke-dasharray:5 2}
.sitekit .hr{fill:none;stroke:#dde3e9}
.sitekit .ln{fill:none;stroke:#6f8296;stroke-width:1.6}
.sitekit .bus{fill:none;stroke:#6f8296;stroke-width:3;stroke-linecap:round;stroke-linejoin:round}
.sitekit .it{fill:none;stroke:#c77a35;stroke-width:1.8;stroke-dasharray:6 4}
.sitekit .tu{fill:none;stroke:#6b62b5;stroke-width:1.8;stroke-dasharray:2 4;stroke-linecap:round}
.sitekit .tw{fill:none;stroke:#2f7f86;stroke-width:1.8}
.sitekit .ic{fill:none;stroke:#4a5868;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.sitekit .b-wan{fill:#8a97a6}
.sitekit .b-it{fill:#c77a35}
.sitekit .b-fw{fill:#b5533c}
.sitekit .b-core{fill:#2b4c7e}
.sitekit .b-sw{fill:#4f81b5}
.sitekit .b-ap{fill:#2f7f86}
.sitekit .b-hub{fill:#6b62b5}
.sitekit .t0{fill:#8a97a6}
.sitekit .t1{fill:#b0722b}
.sitekit .t2{fill:#85803a}
.sitekit .t3{fill:#3f8560}
.sitekit .t4{fill:#35739f}
.sitekit .t5{fill:#3d4a8f}
.sitekit .tx{fill:#a9a9a9}
@media (prefers-color-scheme:dark){
.sitekit text{fill:#e3e9ef}
.sitekit .lb{fill:#b4c0cc}
.sitekit .mu,.sitekit .oc.in{fill:#9fadbb}
.sitekit .oc{fill:#fff}
.sitekit .wa{fill:#f0a25c}
.sitekit .bg{fill:#12181f}
.sitekit .bx{fill:#1b232c;stroke:#465361}
.sitekit .dash{stroke:#d28a45}
.sitekit .ep,.sitekit .fr{fill:#161d25;stroke:#36424e}
.sitekit .net{fill:#22303e;stroke:#465361}
.sitekit .mb{fill:#26313c;stroke:#465361}
.sitekit .pt{stroke:#6f8296}
.sitekit .hr{stroke:#36424e}
.sitekit .ln,.sitekit .bus{stroke:#8598ab}
.sitekit .it{stroke:#d28a45}
.sitekit .tu{stroke:#9a92de}
.sitekit .tw{stroke:#4fa9b0}
.sitekit .ic{stroke:#b4c0cc}
.sitekit .b-core{fill:#5279b3}
.sitekit .b-hub{fill:#8d85d6}
.sitekit .t5{fill:#5463b5}
}
</style>"""

# Drawn in a square of 24.
ICONS = {
    "fw": "M3 4h18v16H3zM3 9.3h18M3 14.6h18M9 4v5.3M15 4v5.3M6 9.3v5.3M12 9.3v5.3M18 9.3v5.3"
    "M9 14.6V20M15 14.6V20",
    "sw": "M2 5h20v14H2zM6 10h11M14.5 7.5 17 10l-2.5 2.5M18 14.5H7M9.5 12 7 14.5 9.5 17",
    "ap": "M2.5 9a13.5 13.5 0 0 1 19 0M6 12.8a8.5 8.5 0 0 1 12 0M9.3 16.3a3.9 3.9 0 0 1 5.4 0"
    "M12 19.5v.01",
    "cloud": "M7 18.5h10.5a4 4 0 0 0 .6-7.95 6 6 0 0 0-11.6-1.3A4.7 4.7 0 0 0 7 18.5z",
}
