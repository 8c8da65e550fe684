"""What the address plan and the port map print: columns by their place, in either language."""

from __future__ import annotations

import csv
import io
import re

from .facts import Documents, PlanHost, PlanNetwork, PlanPort, number, slashed
from .indented import whole

_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


def rows(text: str) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file below its heading, each with its line; a broken row ends it."""
    reader = csv.reader(io.StringIO(text, newline=""))
    found: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            found.append((reader.line_num, row))
    except csv.Error:
        pass
    return found[1:]


def read_plan(documents: Documents, file: str, text: str) -> None:
    """The networks, devices and fixed addresses of address-plan.csv."""
    documents.plan_file = file
    for line, row in rows(text):
        if len(row) < 11:
            continue
        name, where, vlan, gateway = row[1], row[2], whole(row[4]), number(row[7])
        prefix = slashed(where)
        if prefix is not None and vlan is not None:
            ends = [value for value in map(number, _ADDRESS.findall(row[9])) if value is not None]
            documents.networks.append(
                PlanNetwork(
                    line=line,
                    name=name,
                    prefix=prefix,
                    vlan=vlan,
                    zone=row[5],
                    gateway=gateway,
                    dhcp=tuple(zip(ends[::2], ends[1::2], strict=False)),
                    mtu=whole(row[10]) or 1500,
                )
            )
        elif prefix is None:
            documents.hosts.append(PlanHost(line, name, number(where), vlan, row[5]))


def read_map(documents: Documents, file: str, text: str) -> None:
    """The ports of port-map.csv."""
    documents.map_file = file
    for line, row in rows(text):
        if len(row) >= 10:
            documents.ports.append(PlanPort(line, row[0], row[1], row[3], row[4], row[6]))
