"""Give every demand its ports, and every port its purpose.

What somebody wrote comes first, then what is remembered, then links between devices, then machines
by speed. Nothing that has a port loses it because something else is added; the memory
is `sites/<code>.assigned.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import Place
from ..findings import Finding, Severity
from ..load.catalogue import Catalogue
from ..load.organisation import SiteInputs
from ..model.catalogue import PortGroupEntry
from ..model.site import Role
from .demand import Demand
from .kept import once_per_catalogue
from .result import PortPurpose
from .units import Unit, Units
from .wan import wan_ports

COPPER = "copper"
_Order = tuple[bool, bool, int, int]  # of preference among the sockets of one device


class Socket(NamedTuple):
    """A physical port as the hardware catalogue describes it."""

    device: str
    name: str
    member: int
    position: int  # on the box
    speeds: tuple[int, ...]
    fastest: int
    copper: bool
    poe: bool
    front: bool
    out_of_band: bool
    kind: int  # sockets of one kind on a device differ in their number only


@dataclass(slots=True, kw_only=True)
class Use:
    """What a socket was given to."""

    socket: Socket
    purpose: PortPurpose
    to: str
    to_port: str
    network: str | None
    speed_mbps: int
    poe_w: int
    lag: int | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A LAG on a switch, or the pair of ports that a link takes."""

    device: str
    number: int
    purpose: PortPurpose
    to: str
    network: str | None
    mlag: int | None
    speed_mbps: int


@dataclass(slots=True)
class PortPlan:
    """Every port of every device with its use; what found none is a finding."""

    sockets: dict[str, dict[str, Socket]] = field(default_factory=dict)
    uses: dict[tuple[str, str], Use] = field(default_factory=dict)
    bundles: list[Bundle] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unplaced: list[Demand] = field(default_factory=list)
    _free: dict[str, dict[str, Socket]] = field(default_factory=dict)
    _open: dict[str, dict[int, dict[str, Socket]]] = field(default_factory=dict)
    _fitting: dict[tuple[str, int, bool], list[int]] = field(default_factory=dict)
    _counts: dict[tuple[str, int | None, PortPurpose], int] = field(default_factory=dict)

    def add(self, unit: Unit, catalogue: Catalogue) -> None:
        """Take in a box with all its sockets free."""
        name = unit.name
        jacks = _jacks(catalogue, unit.model, unit.stack)
        sockets = {jack.name: Socket._make((name, *jack)) for jack in jacks}
        self.sockets[name] = sockets
        self._free[name] = dict(sockets)
        by_kind: dict[int, dict[str, Socket]] = {}
        for port, socket in sockets.items():
            by_kind.setdefault(socket.kind, {})[port] = socket
        self._open[name] = by_kind

    def give(self, use: Use) -> None:
        """A socket has a use now."""
        socket = use.socket
        self.uses[socket.device, socket.name] = use
        self._free[socket.device].pop(socket.name, None)
        self._close(socket)
        for member in (socket.member, None):
            counted = (socket.device, member, use.purpose)
            self._counts[counted] = self._counts.get(counted, 0) + 1

    def hold(self, places: Iterable[tuple[str, str]]) -> None:
        """Nobody is offered these sockets; who had them may still be given them."""
        for device, port in places:
            self._close(self.sockets[device][port])

    def _close(self, socket: Socket) -> None:
        kinds = self._open[socket.device]
        alike = kinds.get(socket.kind)
        if alike is not None and alike.pop(socket.name, None) is not None and not alike:
            del kinds[socket.kind]

    def free(self, device: str) -> Iterable[Socket]:
        """Sockets of a device that nothing has, in the order of the box."""
        return self._free[device].values()

    def offered(self, device: str) -> Iterable[Mapping[str, Socket]]:
        """Free sockets that are not held for anybody: for each kind, in the order of the box."""
        return self._open[device].values()

    def first_fits(self, device: str, demand: Demand) -> list[Socket]:
        """The first offered socket of each kind that fits: those behind it are never better."""
        kinds = self._open[device]
        asked = (device, demand.speed_mbps, demand.poe_w > 0)
        fitting = self._fitting.get(asked)
        if fitting is None:  # whoever asks first finds every kind that a later one can find
            firsts = (next(iter(alike.values())) for alike in kinds.values())
            fitting = self._fitting[asked] = [s.kind for s in firsts if _fits(s, demand)]
        return [next(iter(kinds[kind].values())) for kind in fitting if kind in kinds]

    def is_free(self, device: str, port: str) -> bool:
        """True where the box has the port and nothing has been given it."""
        return port in self._free.get(device, {})

    def of(self, device: str) -> Iterator[Use]:
        """Uses of a device, in the order of its ports."""
        free = self._free[device]
        for name in self.sockets[device]:
            if name not in free:
                yield self.uses[device, name]

    def count(self, device: str, member: int | None, purpose: PortPurpose) -> int:
        """How many ports of a box, or of all boxes of a stack, serve a purpose."""
        return self._counts.get((device, member, purpose), 0)


def plan_ports(inputs: SiteInputs, units: Units, demands: Sequence[Demand]) -> PortPlan:
    """The whole allocation, in the order of precedence."""
    plan = PortPlan()
    for unit in units.all:
        plan.add(unit, inputs.catalogue)
    memory = _Memory(inputs)
    _firewall_uplinks(inputs, units, plan)
    memory.hold(plan, demands, units)
    plan.hold(memory.held)
    for link in _links(units):
        _connect(link, plan, memory, inputs.catalogue)
    for demand in demands:
        _satisfy(demand, units, plan, memory)
    return plan


# --- the boxes' sockets ------------------------------------------------------------------------


class _Jack(NamedTuple):
    """A socket of a model, before the device has its name; the fields of Socket in their order."""

    name: str
    member: int
    position: int
    speeds: tuple[int, ...]
    fastest: int
    copper: bool
    poe: bool
    front: bool
    out_of_band: bool
    kind: int


@once_per_catalogue
def _jacks(catalogue: Catalogue, model: str, stack: int) -> tuple[_Jack, ...]:
    """Every socket of a box, or of a stack of boxes, in order."""
    found: list[_Jack] = []
    kinds: dict[tuple[object, ...], int] = {}
    for member in range(1, stack + 1):
        position = 0
        for group in catalogue.hardware[model].ports:
            if member > 1 and "{member}" not in group.name:
                continue  # a stack has one of these, not one per member
            copper = group.media == COPPER
            kind = (member, copper, group.poe, group.default, group.speeds_mbps)
            for number in range(group.first, group.first + group.count):
                position += 1
                found.append(
                    _Jack(
                        name=group.name.format(member=member, n=number),
                        member=member,
                        position=position,
                        speeds=group.speeds_mbps,
                        fastest=max(group.speeds_mbps),
                        copper=copper,
                        poe=group.poe,
                        front=_is_front(group),
                        out_of_band=group.default == "mgmt",
                        kind=kinds.setdefault(kind, len(kinds)),
                    )
                )
    return tuple(found)


def _is_front(group: PortGroupEntry) -> bool:
    return group.default in ("front", "lan")


# --- memory ------------------------------------------------------------------------------------


class _Memory:
    """The remembered choices: (device, port) -> (purpose, to)."""

    def __init__(self, inputs: SiteInputs) -> None:
        self.where: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.held: set[tuple[str, str]] = set()
        self.lags: dict[tuple[str, str], int] = {}
        for device, ports in (inputs.assigned.ports if inputs.assigned else {}).items():
            for port, given in ports.items():
                if given.lag is not None:
                    self.lags[device, port] = given.lag
                self.where.setdefault((given.purpose, _key(given.to, given.segment)), []).append(
                    (device, port)
                )

    def hold(self, plan: PortPlan, demands: Sequence[Demand], units: Units) -> None:
        """Keep the remembered ports of everything that still exists out of other hands."""
        wanted = {(d.purpose.value, _key(d.to, d.network)) for d in demands}
        names = {unit.name for unit in units.all}
        for (purpose, key), places in self.where.items():
            to = key.partition("|")[0]
            if (purpose, key) in wanted or to in names:
                self.held |= {
                    place for place in places if place[1] in plan.sockets.get(place[0], {})
                }

    def lag(self, plan: PortPlan, devices: Iterable[str], sockets: Iterable[Socket]) -> int:
        """The number a LAG had, else one that is and was free on all of its devices."""
        for socket in sockets:
            if (socket.device, socket.name) in self.lags:
                return self.lags[socket.device, socket.name]
        on = set(devices)
        used = {bundle.number for bundle in plan.bundles if bundle.device in on}
        used |= {number for (device, _), number in self.lags.items() if device in on}
        return next(number for number in range(1, 513) if number not in used)

    def holder(self, device: str, port: str) -> str:
        """Who had this port."""
        found = (key for (_, key), places in self.where.items() if (device, port) in places)
        return next(found, "").partition("|")[0]

    def recall(self, purpose: PortPurpose, to: str, network: str | None) -> list[tuple[str, str]]:
        """The ports that this demand had the last time."""
        if not self.where:
            return []
        return self.where.get((purpose.value, _key(to, network)), [])


def _key(to: str, network: str | None) -> str:
    return f"{to}|{network or ''}"


# --- links between devices ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Devices to be joined by `count` cables; `left` may be the two of an MLAG pair."""

    left: tuple[Unit, ...]
    right: Unit
    left_purpose: PortPurpose  # what the port on the left is for
    right_purpose: PortPurpose
    count: int
    bundle: bool


def _links(units: Units) -> Iterator[Link]:
    """Peer link and heartbeats, firewalls to the root, access switches to the root."""
    if units.root is None:
        return
    roots = units.cores if units.mlag else (units.root,)
    if len(units.firewalls) == 2:
        yield Link(
            left=(units.firewalls[0],),
            right=units.firewalls[1],
            left_purpose=PortPurpose.HEARTBEAT,
            right_purpose=PortPurpose.HEARTBEAT,
            count=2,
            bundle=False,
        )
    if units.mlag:
        yield Link(
            left=(units.cores[0],),
            right=units.cores[1],
            left_purpose=PortPurpose.PEER_LINK,
            right_purpose=PortPurpose.PEER_LINK,
            count=2,
            bundle=True,
        )
    resilient = units.mlag or units.root.stack > 1 or units.root.role is Role.CORE
    for firewall in units.firewalls:
        yield Link(
            left=roots,
            right=firewall,
            left_purpose=PortPurpose.FIREWALL,
            right_purpose=PortPurpose.SWITCH,
            count=2 if resilient else 1,
            bundle=resilient,
        )
    others = [unit for unit in units.switches if unit not in roots]
    for switch in others:
        yield Link(
            left=roots,
            right=switch,
            left_purpose=PortPurpose.INTER_SWITCH,
            right_purpose=PortPurpose.INTER_SWITCH,
            count=2,
            bundle=True,
        )


def _connect(link: Link, plan: PortPlan, memory: _Memory, catalogue: Catalogue) -> None:
    pairs = _recalled_pairs(link, plan, memory)
    missing = link.count - len(pairs)
    taken: set[tuple[str, str]] = {(s.device, s.name) for pair in pairs for s in pair}
    for _ in range(missing):
        step = len(pairs)
        left_unit = link.left[step % len(link.left)]
        pair = _best_pair(left_unit, link, plan, taken, step, catalogue)
        if pair is None:
            plan.findings.append(
                _finding(
                    "ports-short",
                    f"no free pair of ports joins {left_unit.name} and {link.right.name}",
                    "free a port on both, or choose models with a common port type",
                    link.right.place,
                    link.right.name,
                )
            )
            break
        pairs.append(pair)
        taken |= {(s.device, s.name) for s in pair}
    if not pairs:
        return
    speed = min(max(_common(a, b)) for a, b in pairs)
    left_lags: dict[str, int] = {}
    right_lag: int | None = None
    mlag: int | None = None
    if link.bundle:
        lefts = [unit.name for unit in link.left]
        number = memory.lag(plan, lefts, [a for a, _ in pairs])
        left_lags = dict.fromkeys(lefts, number)
        mlag = number if len(lefts) > 1 else None
        right_lag = memory.lag(plan, [link.right.name], [b for _, b in pairs])
    for device, number in left_lags.items():
        plan.bundles.append(
            Bundle(
                device=device,
                number=number,
                purpose=link.left_purpose,
                to=link.right.name,
                network=None,
                mlag=mlag,
                speed_mbps=speed,
            )
        )
    if right_lag is not None:
        towards = "+".join(unit.name for unit in link.left)
        plan.bundles.append(
            Bundle(
                device=link.right.name,
                number=right_lag,
                purpose=link.right_purpose,
                to=towards,
                network=None,
                mlag=None,
                speed_mbps=speed,
            )
        )
    for left, right in pairs:
        _use(plan, left, link.left_purpose, right, speed, left_lags.get(left.device))
        _use(plan, right, link.right_purpose, left, speed, right_lag)


def _recalled_pairs(link: Link, plan: PortPlan, memory: _Memory) -> list[tuple[Socket, Socket]]:
    """The pairs that this link had: remembered on both sides, in the same order."""
    pairs: list[tuple[Socket, Socket]] = []
    for unit in link.left:
        left = _sockets_at(plan, unit.name, memory.recall(link.left_purpose, link.right.name, None))
        right = _sockets_at(
            plan, link.right.name, memory.recall(link.right_purpose, unit.name, None)
        )
        pairs += [(a, b) for a, b in zip(left, right, strict=False) if _common(a, b)]
    return pairs[: link.count]


def _sockets_at(plan: PortPlan, device: str, places: Iterable[tuple[str, str]]) -> list[Socket]:
    names = {port for owner, port in places if owner == device}
    return [
        socket
        for name, socket in plan.sockets[device].items()
        if name in names and plan.is_free(device, name)
    ]


def _best_pair(
    left: Unit,
    link: Link,
    plan: PortPlan,
    taken: set[tuple[str, str]],
    step: int,
    catalogue: Catalogue,
) -> tuple[Socket, Socket] | None:
    """The fastest compatible pair; uplink ports before front ones, another stack member each."""

    lefts = _candidates(plan, left, link.left_purpose, taken, step, catalogue)
    rights = _candidates(plan, link.right, link.right_purpose, taken, step, catalogue)
    best: tuple[tuple[int, int, _Order, _Order], tuple[Socket, Socket]] | None = None
    for a_order, a in lefts:
        for b_order, b in rights:
            common = _common(a, b)
            if not common:
                continue
            wrong_member = (a.member != step % left.stack + 1) + (
                b.member != step % link.right.stack + 1
            )
            rank = (wrong_member, -max(common), a_order, b_order)
            if best is None or rank < best[0]:
                best = (rank, (a, b))
    return best[1] if best else None


def _candidates(
    plan: PortPlan,
    unit: Unit,
    purpose: PortPurpose,
    taken: set[tuple[str, str]],
    step: int,
    catalogue: Catalogue,
) -> list[tuple[_Order, Socket]]:
    """The best offered socket of each kind for a link, with its place in the order of preference.

    On a switch this step's stack member comes first, uplink ports before front ones, and front
    ones from the end; on a firewall, ports that are fit for the purpose from the start.
    """
    member = step % unit.stack + 1
    made = _firewall_sockets(catalogue, unit.model, purpose) if unit.role is Role.FIREWALL else None
    best: list[tuple[_Order, Socket]] = []
    for kind in plan.offered(unit.name):
        sockets = list(kind.values())
        backwards = sockets[0].front and made is None
        for socket in reversed(sockets) if backwards else sockets:
            if socket.out_of_band:
                break
            if (unit.name, socket.name) in taken:
                continue
            if made is not None and socket.name not in made:
                continue
            place = -socket.position if backwards else socket.position
            first = (socket.member != member, socket.front) if made is None else (False, False)
            best.append(((*first, place, socket.member), socket))
            break
    return best


@once_per_catalogue
def _firewall_sockets(catalogue: Catalogue, model: str, purpose: PortPurpose) -> frozenset[str]:
    """Firewall ports fit for a heartbeat, or for the switch."""
    groups = catalogue.hardware[model].ports
    by_kind = {
        kind: [
            group.name.format(n=n, member=1)
            for group in groups
            if group.default == kind
            for n in range(group.first, group.first + group.count)
        ]
        for kind in ("ha", "mgmt", "wan", "front", "lan", "uplink")
    }
    lan = [*by_kind["front"], *by_kind["lan"], *by_kind["uplink"]]
    if purpose is PortPurpose.HEARTBEAT:
        ha = by_kind["ha"]
        return frozenset(ha) if len(ha) >= 2 else frozenset((*ha, *lan[-2:]))
    return frozenset(lan)


def _common(a: Socket, b: Socket) -> set[int]:
    """Speeds that both ends have over one kind of cable."""
    return set(a.speeds) & set(b.speeds) if a.copper == b.copper else set()


def _use(
    plan: PortPlan, socket: Socket, purpose: PortPurpose, peer: Socket, speed: int, lag: int | None
) -> None:
    plan.give(
        Use(
            socket=socket,
            purpose=purpose,
            to=peer.device,
            to_port=peer.name,
            network=None,
            speed_mbps=speed,
            poe_w=0,
            lag=lag,
            description=f"{peer.device} {peer.name}",
        )
    )


def _firewall_uplinks(inputs: SiteInputs, units: Units, plan: PortPlan) -> None:
    """Uplinks have their firewall ports before anything else wants one."""
    for unit in units.firewalls:
        ports = wan_ports(unit.hardware, len(inputs.site.uplinks))
        for uplink, port in zip(inputs.site.uplinks, ports, strict=False):
            socket = plan.sockets[unit.name][port]
            plan.give(
                Use(
                    socket=socket,
                    purpose=PortPurpose.UPLINK,
                    to=uplink.name,
                    to_port="",
                    network=None,
                    speed_mbps=socket.fastest,
                    poe_w=0,
                    lag=None,
                    description=f"{uplink.name} {uplink.carrier}",
                )
            )


# --- machines ----------------------------------------------------------------------------------


def _satisfy(demand: Demand, units: Units, plan: PortPlan, memory: _Memory) -> None:
    sockets = _choose(demand, units, plan, memory)
    if len(sockets) < demand.links:
        plan.unplaced.append(demand)
        return
    lags: dict[str, int] = {}
    mlag = None
    if demand.links > 1:
        devices = list(dict.fromkeys(s.device for s in sockets))
        number = memory.lag(plan, devices, sockets)
        mlag = number if len(devices) > 1 else None
        lags = dict.fromkeys(devices, number)
        for device in devices:
            plan.bundles.append(
                Bundle(
                    device=device,
                    number=number,
                    purpose=demand.purpose,
                    to=demand.to,
                    network=demand.network,
                    mlag=mlag,
                    speed_mbps=demand.speed_mbps,
                )
            )
    for socket in sockets:
        plan.give(
            Use(
                socket=socket,
                purpose=demand.purpose,
                to=demand.to,
                to_port="",
                network=demand.network,
                speed_mbps=demand.speed_mbps,
                poe_w=demand.poe_w,
                lag=lags.get(socket.device),
                description=demand.to,
            )
        )
        if demand.purpose is PortPurpose.ACCESS_POINT and demand.to in plan.sockets:
            _other_end(plan, demand.to, socket, demand.speed_mbps)


def _other_end(plan: PortPlan, device: str, peer: Socket, speed: int) -> None:
    """A device that hangs on a switch, such as an access point, has a port for it too."""
    own = next((s for s in plan.free(device) if _common(s, peer)), None)
    if own is None:
        return
    plan.uses[peer.device, peer.name].to_port = own.name
    plan.give(
        Use(
            socket=own,
            purpose=PortPurpose.SWITCH,
            to=peer.device,
            to_port=peer.name,
            network=None,
            speed_mbps=speed,
            poe_w=0,
            lag=None,
            description=f"{peer.device} {peer.name}",
        )
    )


def _choose(demand: Demand, units: Units, plan: PortPlan, memory: _Memory) -> list[Socket]:
    """The ports of a demand: written, remembered, or the best that are free."""
    if demand.port is not None:
        return _written(demand, plan, memory)
    recalled = [
        plan.sockets[device][port]
        for device, port in memory.recall(demand.purpose, demand.to, demand.network)
        if plan.is_free(device, port) and _fits(plan.sockets[device][port], demand)
    ][: demand.links]
    if len(recalled) == demand.links:
        return recalled
    groups = _homes(demand, units)
    if demand.links > 1 and units.mlag and groups and groups[0] in units.cores:
        return _one_each(demand, units.cores, plan, memory)
    if demand.spread and len(groups) > 1:
        groups.sort(key=lambda unit: plan.count(unit.name, None, demand.purpose))
    chosen: list[Socket] = []
    for unit in groups:
        if demand.links == 1:
            fit = plan.first_fits(unit.name, demand)
            if len(fit) > 1:
                fit = [min(fit, key=lambda s: _rank(s, demand, plan))]
            chosen = fit
        else:
            fit = [s for kind in plan.offered(unit.name) for s in kind.values() if _fits(s, demand)]
            fit.sort(key=lambda s: _rank(s, demand, plan))
            chosen = _across_members(fit, demand.links)
        if len(chosen) == demand.links:
            return chosen
    return chosen


def _homes(demand: Demand, units: Units) -> list[Unit]:
    """Where a machine belongs: fast ones on the core, the rest on access switches."""
    if demand.core is not None and demand.core < len(units.cores):
        return [units.cores[demand.core]]
    if demand.speed_mbps >= 10_000 or demand.links > 1:
        return [*units.cores, *units.accesses]
    return [*units.accesses, *units.cores]


def _fits(socket: Socket, demand: Demand) -> bool:
    """True where the socket can serve the machine: all sockets of its kind can, or none."""
    if socket.fastest < demand.speed_mbps:
        return False
    if demand.speed_mbps <= 1000 and not socket.copper:
        return False
    if demand.poe_w > 0:
        return socket.poe
    return socket.front


def _rank(socket: Socket, demand: Demand, plan: PortPlan) -> tuple[int, int, int, int]:
    """Least capable port that will do: no PoE wasted, no speed wasted, low numbers first."""
    wasted_power = int(socket.poe and demand.poe_w == 0)
    served = plan.count(socket.device, socket.member, demand.purpose) if demand.spread else 0
    return (wasted_power, socket.fastest, served, socket.member * 1000 + socket.position)


def _written(demand: Demand, plan: PortPlan, memory: _Memory) -> list[Socket]:
    assert demand.port is not None
    device, port = demand.port
    sockets = plan.sockets.get(device, {})
    socket = sockets.get(port)
    if socket is None:
        what = f"{device} has no port {port}" if sockets else f"there is no device {device}"
        plan.findings.append(
            _finding(
                "port-unknown",
                f"{demand.to}: {what}",
                "write a device and a port of the site; sitekit design lists them",
                demand.place,
                demand.to,
            )
        )
        return []
    taken = plan.uses.get((device, port))
    if taken is not None:
        plan.findings.append(
            _finding(
                "port-taken",
                f"{demand.to} wants {device} {port}, which {taken.to} has",
                "choose a free port; sitekit design lists them",
                demand.place,
                demand.to,
            )
        )
        return []
    if lacking := _lacking(socket, demand):
        plan.findings.append(
            _finding(
                "port-unfit",
                f"{demand.to} wants {lacking}, which {device} {port} does not give",
                "choose a port that does; sitekit design lists them",
                demand.place,
                demand.to,
            )
        )
        return []
    before = memory.holder(device, port)
    if (device, port) in memory.held and before != demand.to:
        plan.findings.append(
            _finding(
                "port-moves",
                f"{demand.to} takes {device} {port}, which {before} had: {before} moves",
                "choose a free port, or have its cable moved and write down the new one: "
                "sitekit design --assign",
                demand.place,
                demand.to,
                Severity.WARNING,
            )
        )
    return [socket]


def _lacking(socket: Socket, demand: Demand) -> str:
    """What a written port lacks for its machine; fibre for copper is a matter of transceivers."""
    if socket.fastest < demand.speed_mbps:
        return f"{demand.speed_mbps} Mbit/s"
    return "PoE" if demand.poe_w > 0 and not socket.poe else ""


def _one_each(
    demand: Demand, cores: tuple[Unit, ...], plan: PortPlan, memory: _Memory
) -> list[Socket]:
    """The same port number on both switches of an MLAG pair, as many times as needed."""
    found: list[Socket] = []
    free = [
        {
            s.name: s
            for s in plan.free(core.name)
            if (core.name, s.name) not in memory.held and _fits(s, demand)
        }
        for core in cores
    ]
    both = [name for name in free[0] if all(name in other for other in free[1:])]
    for name in both[: -(-demand.links // len(cores))]:
        found += [side[name] for side in free]
    return found[: demand.links]


def _across_members(free: list[Socket], links: int) -> list[Socket]:
    """One port per stack member in turn, so that no single box carries the whole LAG."""
    by_member: dict[int, list[Socket]] = {}
    for socket in free:
        by_member.setdefault(socket.member, []).append(socket)
    chosen: list[Socket] = []
    while len(chosen) < links and any(by_member.values()):
        for member in sorted(by_member):
            if by_member[member] and len(chosen) < links:
                chosen.append(by_member[member].pop(0))
    return chosen


def shortages(plan: PortPlan, site: str) -> Iterator[Finding]:
    """One finding per kind of demand that found no port."""
    short: dict[tuple[PortPurpose, int], list[Demand]] = {}
    for demand in plan.unplaced:
        if demand.port is None:
            short.setdefault((demand.purpose, demand.speed_mbps), []).append(demand)
    for (purpose, speed), missing in short.items():
        rate = f"{speed // 1000}G" if speed >= 1000 else f"{speed}M"
        wanted = sum(d.links for d in missing)
        poe = " with PoE" if any(d.poe_w for d in missing) else ""
        first = missing[0]
        yield _finding(
            "ports-short",
            f"{wanted} {rate} port{'s' if wanted > 1 else ''}{poe} missing for "
            f"{purpose.value} ({first.to}{' and others' if len(missing) > 1 else ''})",
            "add a switch or a stack member, choose a larger model, or reduce what is written",
            first.place,
            site,
        )


def _finding(
    rule: str,
    message: str,
    remedy: str,
    place: Place,
    subject: str,
    severity: Severity = Severity.ERROR,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        subject=subject,
        message=message,
        remedy=remedy,
        place=place,
    )
