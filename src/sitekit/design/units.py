"""The boxes of a site with their names and management addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

from ..errors import Place
from ..load.organisation import SiteInputs
from ..model.catalogue import HardwareModel
from ..model.site import Device, Role

SHORT_ROLE = {Role.FIREWALL: "fw", Role.CORE: "core", Role.ACCESS: "sw", Role.ACCESS_POINT: "ap"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One managed device: a box, or a stack of boxes under one name."""

    name: str
    role: Role
    model: str
    hardware: HardwareModel
    serials: tuple[str, ...]
    stack: int
    management: IPv4Address | None  # as written
    place: Place

    @property
    def is_switch(self) -> bool:
        """True for core and access switches."""
        return self.role in (Role.CORE, Role.ACCESS)


@dataclass(frozen=True)
class Units:
    """The units of a site by role, in the order they are written."""

    all: tuple[Unit, ...]

    def of(self, role: Role) -> tuple[Unit, ...]:
        """The units of one role."""
        return tuple(unit for unit in self.all if unit.role is role)

    @cached_property
    def firewalls(self) -> tuple[Unit, ...]:
        """One firewall, or the two of a pair."""
        return self.of(Role.FIREWALL)

    @cached_property
    def cores(self) -> tuple[Unit, ...]:
        """No core, one core (or stack), or the two of an MLAG pair."""
        return self.of(Role.CORE)

    @cached_property
    def accesses(self) -> tuple[Unit, ...]:
        """Access switches and access stacks."""
        return self.of(Role.ACCESS)

    @cached_property
    def switches(self) -> tuple[Unit, ...]:
        """Cores, then access switches."""
        return (*self.cores, *self.accesses)

    @cached_property
    def access_points(self) -> tuple[Unit, ...]:
        """Every access point."""
        return self.of(Role.ACCESS_POINT)

    @cached_property
    def mlag(self) -> bool:
        """True where two core switches form an MLAG pair."""
        return len(self.cores) == 2 and all(core.hardware.mlag for core in self.cores)

    @cached_property
    def root(self) -> Unit | None:
        """The switch that firewalls hang on and that is root of the spanning tree."""
        return self.switches[0] if self.switches else None


def unpack(inputs: SiteInputs) -> Units:
    """Give every device its name: written, remembered, or the next free number of its role."""
    remembered = inputs.assigned.devices if inputs.assigned else {}
    taken = {device.name for device in inputs.site.devices if device.name}
    left = {role: [n for n in remembered.get(role.value, ()) if n not in taken] for role in Role}
    taken |= {name for names in left.values() for name in names}
    units: list[Unit] = []
    for index, device in enumerate(inputs.site.devices):
        hardware = inputs.catalogue.hardware[device.model]
        serials = _serials(device)
        place = inputs.place("devices", index)
        for box in range(device.count):
            name = device.name or _next_name(inputs, device.role, left[device.role], taken)
            units.append(
                Unit(
                    name=name,
                    role=device.role,
                    model=device.model,
                    hardware=hardware,
                    serials=serials[box : box + 1] if device.count > 1 else serials,
                    stack=device.stack,
                    management=device.management,
                    place=place,
                )
            )
    return Units(tuple(units))


def management_addresses(
    inputs: SiteInputs, units: Iterable[Unit], hosts: IPv4Address
) -> dict[str, IPv4Address]:
    """An address for every device but access points, counted from the start of their network.

    Written ones first, then remembered ones, then the first free host of the role's range.
    """
    remembered = inputs.assigned.management if inputs.assigned else {}
    wanted = [unit for unit in units if unit.role is not Role.ACCESS_POINT]
    given = {
        unit.name: address
        for unit in wanted
        if (address := unit.management or remembered.get(unit.name)) is not None
    }
    used = set(given.values())
    for unit in wanted:
        if unit.name in given:
            continue
        address = hosts + inputs.catalogue.management_hosts[unit.role]
        while address in used:
            address += 1
        given[unit.name] = address
        used.add(address)
    return given


def _serials(device: Device) -> tuple[str, ...]:
    if device.serial is None:
        return ()
    return (device.serial,) if isinstance(device.serial, str) else device.serial


def _next_name(inputs: SiteInputs, role: Role, left: list[str], taken: set[str]) -> str:
    if left:
        return left.pop(0)
    number = 1
    while True:
        name = inputs.organisation.naming.device.format(
            site=inputs.code, role=SHORT_ROLE[role], number=number
        )
        if name not in taken:
            taken.add(name)
            return name
        number += 1
