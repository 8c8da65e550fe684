"""What stands in the cabinets, which cord goes where, and what has to be ordered.

The rules are here, their constants in the catalogue (fit_out.yaml):

- every copper port of a switch has its own place on a panel beside it, used or not, so that using
  one more port moves nothing that is plugged; where the outlets of the site need more panels, they
  are shared out among the access switches. A fibre panel stands where optical ports feed people.
- from the top: carriers' tray or shelf, firewalls, fibre panels and cores; then each access switch
  below its panels and a cable manager; at the bottom the UPS, above it machines.
- the smallest cabinet that stays below the fill; beyond the highest one, several of the highest.
- UPS: draw of the devices and PoE, times growth, over the power factor; two at least where the
  archetype is redundant in full, so that the twins of a pair never hang on one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Literal

from ..design.result import (
    AccessPointDesign,
    FirewallDesign,
    PortPurpose,
    SiteDesign,
    SwitchDesign,
)
from ..errors import RenderError
from ..load.catalogue import Catalogue
from ..model.catalogue import CordKind, CordLength, FitOut, HardwareModel
from ..model.site import Role

Media = Literal["copper", "optical"]
ThingKind = Literal[
    "firewall", "core-switch", "access-switch", "panel", "fibre-panel", "cable-manager", "tray",
    "shelf", "ups", "storage", "server", "render",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing in a cabinet. `name` is what stands on its label, empty where it has none."""

    kind: ThingKind
    name: str
    product: str
    units: int
    holds: tuple[str, ...] = ()  # of a shelf: the desktop devices on it


@dataclass(frozen=True, slots=True)
class Placed:
    """A thing with the number of its lowest rack unit."""

    thing: Thing
    unit: int


@dataclass(frozen=True, slots=True)
class Cabinet:
    """One cabinet, things from the top down."""

    name: str
    units: int
    placed: tuple[Placed, ...]
    strips: int  # power strips, upright at the back: no rack unit

    @property
    def used(self) -> int:
        """Rack units that something fills."""
        return sum(p.thing.units for p in self.placed)


@dataclass(frozen=True, slots=True)
class Cord:
    """One cable that somebody plugs: both ends, kind, colour and length."""

    left: str
    left_port: str
    right: str
    right_port: str
    kind: CordKind
    media: Literal["copper", "dac", "fibre", "stack"]
    speed: str  # as the port map writes it
    colour: str
    metres: float
    what: str  # what it serves, as the port map says it


BillKind = Literal[
    "device", "stack-cable", "dac", "transceiver", "cord", "outlet-cord", "fibre-cord", "panel",
    "fibre-panel", "cable-manager", "tray", "shelf", "ups", "strip", "cabinet",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of the bill: what, how often, how high."""

    kind: BillKind
    product: str  # order number of a device; empty for generic things
    quantity: int
    units: int = 0  # rack units of one
    role: str = ""
    speed: str = ""
    metres: float = 0
    colour: str = ""
    size: int = 0  # VA of a UPS, U of a cabinet
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A site's technical room."""

    cabinets: tuple[Cabinet, ...]
    cords: tuple[Cord, ...]
    bill: tuple[BillLine, ...]
    draw_w: int
    poe_w: int
    ups_minutes: int
    fill: float


def fit(design: SiteDesign, catalogue: Catalogue) -> Fitted:
    """Cabinets, cords and bill of one site. Raises RenderError for an unknown hardware model."""
    return _Fitting(design, catalogue).fitted()


# --- ports of a model ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Socket:
    """A physical port: which box of a stack, its place among the front ports, its medium."""

    member: int
    place: int  # from 1, among the ports of its medium on that box; 0 for a management port
    media: Media


def sockets(model: HardwareModel, members: int) -> dict[str, Socket]:
    """Every port of a device by its name; equal models share the answer."""
    groups = tuple((g.name, g.first, g.count, g.media, g.default) for g in model.ports)
    return _sockets(model.product, members, groups)


@lru_cache(maxsize=512)
def _sockets(
    _: str, members: int, groups: tuple[tuple[str, int, int, str, str], ...]
) -> dict[str, Socket]:
    found: dict[str, Socket] = {}
    for member in range(1, members + 1):
        seen: Counter[Media] = Counter()
        for name, first, count, media, default in groups:
            medium: Media = "copper" if media == "copper" else "optical"
            for number in range(first, first + count):
                seen[medium] += default != "mgmt"
                place = 0 if default == "mgmt" else seen[medium]
                port = name.replace("{n}", str(number)).replace("{member}", str(member))
                found.setdefault(port, Socket(member, place, medium))
    return found


# --- fitting ---------------------------------------------------------------------------------

# Machines that stand in a cabinet; everything else hangs on a wall outlet.
_MACHINES: dict[PortPurpose, Literal["storage", "server", "render"]] = {
    PortPurpose.STORAGE: "storage",
    PortPurpose.SERVER: "server",
    PortPurpose.RENDER: "render",
}
_KIND_OF: dict[PortPurpose, CordKind] = {
    PortPurpose.ACCESS: "office",
    PortPurpose.PRINTER: "office",
    PortPurpose.ROOM: "office",
    PortPurpose.EDIT_SEAT: "media",
    PortPurpose.AUDIO: "media",
    PortPurpose.VIDEO: "media",
    PortPurpose.ST2110: "media",
    PortPurpose.TRANSFER: "media",
    PortPurpose.ACCESS_POINT: "access-point",
    PortPurpose.CAMERA: "security",
    PortPurpose.DOOR: "security",
    PortPurpose.ALARM: "security",
    PortPurpose.SENSOR: "security",
    **dict.fromkeys(_MACHINES, "server"),
}
_OUTLETS = frozenset(_KIND_OF) - frozenset(_MACHINES)
_SPEED = re.compile(r"(\d+(?:\.\d+)?)([GM])")


@lru_cache(maxsize=64)
def mbps(speed: str) -> float:
    """`2.5G` as Mbit/s; 0 where nothing is written."""
    match = _SPEED.match(speed)
    return float(match[1]) * (1000 if match[2] == "G" else 1) if match else 0


class _Fitting:
    def __init__(self, design: SiteDesign, catalogue: Catalogue) -> None:
        self.design = design
        archetype = catalogue.archetypes.get(design.facts.archetype)
        self.twins = archetype is not None and archetype.redundancy == "full"
        self.constants: FitOut = catalogue.fit_out
        self.models: dict[str, HardwareModel] = {}
        for device in design.devices:
            model = catalogue.hardware.get(device.model)
            if model is None:
                raise RenderError(f"{device.name}: the catalogue has no model {device.model}")
            self.models[device.name] = model
        self.prefix = f"{design.facts.code}-"
        self.boxes = [d for d in design.devices if not isinstance(d, AccessPointDesign)]
        self.switches = [d for d in self.boxes if isinstance(d, SwitchDesign)]
        self.sockets = {
            d.name: sockets(
                self.models[d.name], len(d.members) if isinstance(d, SwitchDesign) else 1
            )
            for d in self.boxes
        }
        self.speeds = {(use.device, use.port): use.speed for use in design.ports}
        self.stacked = {s.name for s in self.switches if len(s.members) > 1}
        self.panel_names: dict[tuple[tuple[str, int], int, str], str] = {}

    def fitted(self) -> Fitted:
        panels = self._panels()
        cabinets = self._cabinets(panels)
        where = {
            name: number
            for number, cabinet in enumerate(cabinets)
            for placed in cabinet.placed
            for name in (placed.thing.name, *placed.thing.holds)
            if name
        }
        cords = tuple(self._cords(where))
        draw, poe = self._watts()
        minutes = self.constants.ups_minutes_of.get(
            self.design.facts.archetype, self.constants.ups_minutes
        )
        return Fitted(
            cabinets=cabinets,
            cords=cords,
            bill=tuple(self._bill(cabinets, cords)),
            draw_w=draw,
            poe_w=poe,
            ups_minutes=minutes,
            fill=self.constants.fill,
        )

    # panels

    def _panels(self) -> dict[tuple[str, int], tuple[Thing, ...]]:
        """The panels beside each box of each switch."""
        per = self.constants.panel_ports
        least: dict[tuple[str, int], int] = {}
        fibre: dict[tuple[str, int], set[int]] = {}
        for switch in self.switches:
            ports = self.sockets[switch.name]
            highest = dict.fromkeys(range(1, len(switch.members) + 1), 0)
            if switch.role is Role.ACCESS:
                for socket in ports.values():
                    if socket.media == "copper" and socket.place > highest[socket.member]:
                        highest[socket.member] = socket.place
            for member, place in highest.items():
                least[switch.name, member] = ceil(place / per)
            for port in switch.ports:
                if port.profile.purpose in _OUTLETS:
                    socket = ports[port.name]
                    if socket.media == "optical":
                        page = (socket.place - 1) // per
                        fibre.setdefault((switch.name, socket.member), set()).add(page)
                    elif switch.role is not Role.ACCESS:
                        page = (socket.place - 1) // per + 1
                        key = (switch.name, socket.member)
                        least[key] = max(least[key], page)
        outlets = next((f.value for f in self.design.sizing if f.name == "outlets"), 0)
        lacking = ceil(outlets / per) - sum(least.values())
        takers = [k for k in least if least[k]]
        for number in range(max(0, lacking) if takers else 0):
            least[takers[number % len(takers)]] += 1
        return {
            key: (
                *(
                    self._panel_thing(key, page, "fibre-panel")
                    for page in sorted(fibre.get(key, ()))
                ),
                *(self._panel_thing(key, page, "panel") for page in range(count)),
            )
            for key, count in least.items()
        }

    def _panel_thing(
        self, key: tuple[str, int], page: int, kind: Literal["panel", "fibre-panel"]
    ) -> Thing:
        return Thing(kind, self._panel(key, page, kind), "", self._u(kind))

    def _panel(self, key: tuple[str, int], page: int, kind: str) -> str:
        """`sw-01-A`, `sw-01.2-B`, `core-01-F1`: named after the box, so never renumbered."""
        found = self.panel_names.get((key, page, kind))
        if found is None:
            name, member = key
            box = f"{self._short(name)}.{member}" if name in self.stacked else self._short(name)
            found = f"{box}-F{page + 1}" if kind == "fibre-panel" else f"{box}-{_letters(page)}"
            self.panel_names[key, page, kind] = found
        return found

    def _u(self, kind: str) -> int:
        return self.constants.heights_u[kind]  # type: ignore[index]

    def _short(self, name: str) -> str:
        return name.removeprefix(self.prefix) or name

    # cabinets

    def _cabinets(self, panels: dict[tuple[str, int], tuple[Thing, ...]]) -> tuple[Cabinet, ...]:
        head = self._head(panels)
        groups = [
            [self._block(switch, member, panels) for member in range(1, len(switch.members) + 1)]
            for switch in self.switches
            if switch.role is Role.ACCESS
        ]
        machines = self._machines()
        ups = [
            Thing("ups", f"ups-{n:02}", f"{va} VA", self._u("ups"))
            for n, va in enumerate(self._ups(), 1)
        ]
        total = _height(head) + _height(machines) + _height(ups)
        total += sum(_height(block) for group in groups for block in group)
        fill = self.constants.fill
        for size in self.constants.cabinets_u:
            if total <= size * fill:
                things = [*head, *(t for group in groups for block in group for t in block)]
                return (_cabinet("R1", size, things, [*machines, *ups], min(2, len(ups))),)
        size = self.constants.cabinets_u[-1]
        most = int(size * fill)
        count = ceil(total / most)
        things = [*head, *(thing for group in groups for block in group for thing in block)]
        tallest = max(thing.units for thing in (*things, *machines, *ups))
        if tallest + ups[0].units > most:
            raise RenderError(
                f"{self.design.facts.code}: no cabinet holds a thing of {tallest} U and a UPS",
                hint="the catalogue's fit_out.yaml gives cabinets_u, fill and heights_u",
            )
        # stacks whole if they can be, else switches with their panels, else thing by thing
        ways: tuple[tuple[list[Thing], list[list[list[Thing]]]], ...] = (
            (head, groups),
            (head, [[block] for group in groups for block in group]),
            ([], [[[thing]] for thing in things]),
        )
        while True:
            for first, units in ways:
                for limit in range(ceil(total / count), most + 1):  # as even as that allows
                    if made := self._spread(count, size, limit, first, units, machines, ups):
                        return made
            count += 1

    def _spread(
        self,
        count: int,
        size: int,
        most: int,
        head: list[Thing],
        groups: list[list[list[Thing]]],
        machines: list[Thing],
        ups: list[Thing],
    ) -> tuple[Cabinet, ...]:
        """Into `count` cabinets filled to `most`, each group in one; empty when that cannot be."""
        tops: list[list[Thing]] = [[] for _ in range(count)]
        bottoms: list[list[Thing]] = [[] for _ in range(count)]
        for number, thing in enumerate(ups):
            bottoms[number % count].append(thing)
        left = [most - _height(bottom) for bottom in bottoms]

        def put(things: list[Thing], into: list[list[Thing]]) -> int | None:
            for at in range(count):
                if _height(things) <= left[at]:
                    left[at] -= _height(things)
                    into[at][:0] = things if into is bottoms else []
                    if into is tops:
                        into[at].extend(things)
                    return at
            return None

        if put(head, tops) is None:
            return ()
        for machine in reversed(machines):
            if put([machine], bottoms) is None:
                return ()
        for group in groups:
            if put([thing for block in group for thing in block], tops) is None:
                return ()
        strips = min(2, len(ups))
        return tuple(
            _cabinet(f"R{number}", size, top, bottom, strips)
            for number, (top, bottom) in enumerate(zip(tops, bottoms, strict=True), 1)
        )

    def _head(self, panels: dict[tuple[str, int], tuple[Thing, ...]]) -> list[Thing]:
        firewalls = [d for d in self.boxes if isinstance(d, FirewallDesign)]
        desktop = [f for f in firewalls if not self.models[f.name].rack_units]
        carriers = tuple(dict.fromkeys(u.name for u in self.design.uplinks))
        things: list[Thing] = []
        if desktop:
            names = tuple(f.name for f in desktop)
            products = " + ".join(dict.fromkeys(f.product for f in desktop))
            things.append(Thing("shelf", "", products, self._u("shelf"), (*names, *carriers)))
        elif carriers:
            things.append(Thing("tray", "", "", self._u("tray"), carriers))
        things += [
            Thing("firewall", f.name, f.product, ceil(self.models[f.name].rack_units))
            for f in firewalls
            if f not in desktop
        ]
        cores = [s for s in self.switches if s.role is not Role.ACCESS]
        if cores:
            things.append(Thing("cable-manager", "", "", self._u("cable-manager")))
        for core in cores:
            for member in range(1, len(core.members) + 1):
                things += panels[core.name, member]
                things.append(self._box(core, member))
        return things

    def _block(
        self, switch: SwitchDesign, member: int, panels: dict[tuple[str, int], tuple[Thing, ...]]
    ) -> list[Thing]:
        """A switch below its panels; a manager between them unless there is a single panel."""
        above = list(panels[switch.name, member])
        if sum(map(len, panels.values())) > 1:
            above.append(Thing("cable-manager", "", "", self._u("cable-manager")))
        return [*above, self._box(switch, member)]

    def _box(self, switch: SwitchDesign, member: int) -> Thing:
        kind: ThingKind = "access-switch" if switch.role is Role.ACCESS else "core-switch"
        units = max(1, ceil(self.models[switch.name].rack_units))
        return Thing(kind, self._box_name(switch, member), switch.product, units)

    def _box_name(self, switch: SwitchDesign, member: int) -> str:
        return f"{switch.name}.{member}" if len(switch.members) > 1 else switch.name

    def _machines(self) -> list[Thing]:
        """Machines by name, each once, in the order of the switches' ports."""
        found: dict[str, Thing] = {}
        for switch in self.switches:
            for port in switch.ports:
                kind = _MACHINES.get(port.profile.purpose)
                if kind and port.peer:
                    found.setdefault(port.peer, Thing(kind, port.peer, "", self._u(kind)))
        return list(found.values())

    # power

    def _watts(self) -> tuple[int, int]:
        draw = sum(
            self.models[d.name].watts_max * (len(d.members) if isinstance(d, SwitchDesign) else 1)
            for d in self.boxes
        )
        poe = next((f.value for f in self.design.sizing if f.name == "poe"), 0)
        return ceil(draw), poe

    def _ups(self) -> list[int]:
        """Ratings in VA: as few as possible of the largest, then the smallest that is enough."""
        constants = self.constants
        va = sum(self._watts()) * constants.ups_growth / constants.ups_power_factor
        count = max(2 if self.twins else 1, ceil(va / constants.ups_va[-1]))
        rating = next(r for r in constants.ups_va if r * count >= va)
        return [rating] * count

    # cords

    def _cords(self, where: dict[str, int]) -> Iterator[Cord]:
        for switch in self.switches:
            yield from self._stack_ring(switch, where)
        for cable in self.design.cables:
            if cable.kind == "access-point":
                continue  # among the ports of the switch: through a panel
            left_socket = self.sockets[cable.left][cable.left_port]
            if cable.kind == "uplink":
                media: Literal["copper", "dac", "fibre", "stack"]
                media = "copper" if left_socket.media == "copper" else "fibre"
                yield self._cord(
                    (cable.left, cable.left_port), (cable.right, ""), "carrier", media, "carrier",
                    what=cable.right,
                )  # fmt: skip
                continue
            right_socket = self.sockets.get(cable.right, {}).get(cable.right_port)
            optical = left_socket.media == "optical" and (
                right_socket is None or right_socket.media == "optical"
            )
            boxes = (
                self._in(cable.left, left_socket, where),
                self._in(cable.right, right_socket, where),
            )
            kind: CordKind = "inter-switch" if cable.kind == "inter-switch" else cable.kind
            yield self._cord(
                (cable.left, cable.left_port), (cable.right, cable.right_port), kind,
                "dac" if optical else "copper",
                "cabinet" if boxes[0] == boxes[1] else "between",
                what=cable.right,
            )  # fmt: skip
        for switch in self.switches:
            yield from self._port_cords(switch, where)

    def _in(self, name: str, socket: Socket | None, where: dict[str, int]) -> int | None:
        if name in where:
            return where[name]
        return where.get(f"{name}.{socket.member}") if socket else None

    def _stack_ring(self, switch: SwitchDesign, where: dict[str, int]) -> Iterator[Cord]:
        members = [m.number for m in switch.members]
        if len(members) < 2:
            return
        for here, there in zip(members, [*members[1:], members[0]], strict=True):
            ends = (f"{switch.name}.{here}", f"{switch.name}.{there}")
            near = where.get(ends[0]) == where.get(ends[1])
            yield self._cord(
                (ends[0], "STACK 1"), (ends[1], "STACK 2"), "stack", "stack",
                "stack" if near else "between", what=switch.name,
            )  # fmt: skip

    def _port_cords(self, switch: SwitchDesign, where: dict[str, int]) -> Iterator[Cord]:
        per = self.constants.panel_ports
        ports = self.sockets[switch.name]
        for port in switch.ports:
            purpose = port.profile.purpose
            kind = _KIND_OF.get(purpose)
            if kind is None:
                continue
            socket = ports[port.name]
            optical = socket.media == "optical"
            if purpose in _MACHINES:
                near = where.get(port.peer) == self._in(switch.name, socket, where)
                yield self._cord(
                    (switch.name, port.name), (port.peer, ""), kind,
                    "dac" if optical else "copper", "cabinet" if near else "between",
                    what=port.peer,
                )  # fmt: skip
                continue
            page, at = divmod(socket.place - 1, per)
            panel = self._panel(
                (switch.name, socket.member), page, "fibre-panel" if optical else "panel"
            )
            yield self._cord(
                (switch.name, port.name), (panel, f"{at + 1:02}"), kind,
                "fibre" if optical else "copper", "panel", what=port.peer or port.description,
            )  # fmt: skip

    def _cord(
        self,
        left: tuple[str, str],
        right: tuple[str, str],
        kind: CordKind,
        media: Literal["copper", "dac", "fibre", "stack"],
        length: CordLength,
        *,
        what: str,
    ) -> Cord:
        speed, other = self.speeds.get(left, ""), self.speeds.get(right, "")
        if other and (not speed or mbps(other) < mbps(speed)):
            speed = other
        return Cord(
            left=left[0],
            left_port=left[1],
            right=right[0],
            right_port=right[1],
            kind=kind,
            media=media,
            speed=speed,
            colour=self.constants.colours[kind],
            metres=self.constants.cord_m[length],
            what=what,
        )

    # bill

    def _bill(self, cabinets: tuple[Cabinet, ...], cords: tuple[Cord, ...]) -> Iterator[BillLine]:
        yield from self._device_lines()
        rings = Counter(cord.metres for cord in cords if cord.media == "stack")
        for metres, count in sorted(rings.items()):
            yield BillLine("stack-cable", "", count, metres=metres)
        dacs = Counter((mbps(c.speed), c.speed, c.metres) for c in cords if c.media == "dac")
        for (_, speed, metres), count in sorted(dacs.items()):
            yield BillLine("dac", "", count, speed=speed, metres=metres)
        light = Counter((mbps(c.speed), c.speed) for c in cords if c.media == "fibre")
        for (_, speed), count in sorted(light.items()):
            yield BillLine("transceiver", "", count, speed=speed)
        lit = Counter((c.metres, c.colour) for c in cords if c.media == "fibre")
        for (metres, colour), count in sorted(lit.items()):
            yield BillLine("fibre-cord", "", count, metres=metres, colour=colour)
        copper = Counter((c.metres, c.colour) for c in cords if c.media == "copper")
        for (metres, colour), count in sorted(copper.items()):
            yield BillLine("cord", "", count, metres=metres, colour=colour)
        panelled = sum(c.kind in _OUTLET_KINDS and c.media == "copper" for c in cords)
        if panelled:
            yield BillLine("outlet-cord", "", panelled, metres=self.constants.cord_m["outlet"])
        things = [p.thing for cabinet in cabinets for p in cabinet.placed]
        for kind in ("panel", "fibre-panel", "cable-manager", "tray", "shelf"):
            found = [t for t in things if t.kind == kind]
            if found:
                yield BillLine(kind, "", len(found), units=found[0].units)
        units = self._u("ups")
        for va, count in sorted(Counter(self._ups()).items()):
            yield BillLine("ups", "", count, units=units, size=va)
        yield BillLine("strip", "", sum(c.strips for c in cabinets))
        for size, count in sorted(Counter(c.units for c in cabinets).items()):
            yield BillLine("cabinet", "", count, size=size)

    def _device_lines(self) -> Iterator[BillLine]:
        names: dict[tuple[str, str], list[str]] = {}
        counts: Counter[tuple[str, str]] = Counter()
        units: dict[tuple[str, str], int] = {}
        for device in self.design.devices:
            boxes = len(device.members) if isinstance(device, SwitchDesign) else 1
            key = (device.product, device.role.value)
            counts[key] += boxes
            units[key] = ceil(self.models[device.name].rack_units)
            names.setdefault(key, []).append(device.name)
        for (product, role), count in counts.items():
            yield BillLine(
                "device",
                product,
                count,
                units=units[product, role],
                role=role,
                names=tuple(names[product, role]),
            )


_OUTLET_KINDS = frozenset({"office", "media", "access-point", "security"})


def _letters(page: int) -> str:
    """A, B, … Z, AA, AB, …"""
    text = ""
    page += 1
    while page:
        page, rest = divmod(page - 1, 26)
        text = chr(65 + rest) + text
    return text


def _height(things: Iterable[Thing]) -> int:
    return sum(thing.units for thing in things)


def _cabinet(name: str, units: int, top: list[Thing], bottom: list[Thing], strips: int) -> Cabinet:
    """From the top down what people plug, from the bottom up what is heavy; air between."""
    placed: list[Placed] = []
    at = units
    for thing in top:
        at -= thing.units
        placed.append(Placed(thing, at + 1))
    low: list[Placed] = []
    at = 1
    for thing in reversed(bottom):
        low.append(Placed(thing, at))
        at += thing.units
    return Cabinet(name, units, (*placed, *reversed(low)), strips)
