"""Sites of every kind, drawn from a seed: all archetypes, all models, all options of the catalogue.

The words come from the seed, the sizes from sitekit's own sizing; a draw whose design has an error
(too small a firewall for its lines, say) is dropped and counted, and the next one is drawn.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from sitekit.design import design_site
from sitekit.design.needs import of
from sitekit.design.result import SiteDesign
from sitekit.design.sizing import Sized, size
from sitekit.findings import Severity
from sitekit.load import LoadedOrganisation, load_organisation
from sitekit.load.catalogue import Catalogue
from sitekit.model.catalogue import Archetype
from sitekit.model.site import Equipment, Rooms
from sitekit.render import render_site

ROOT = Path(__file__).parents[2]
HORIZON = ROOT / "examples" / "horizon"
SEED = 20261124
WANTED = 200
DRAWN = 512  # blocks of /19 in the pool
POOL = "10.64.0.0/10"


@dataclass(frozen=True, slots=True)
class Text:
    """One configuration and where it comes from."""

    name: str
    platform: str
    model: str
    archetype: str
    text: str
    bootstrap: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """The sites of a seed."""

    texts: tuple[Text, ...]
    sites: int
    dropped: tuple[str, ...]
    organisation: LoadedOrganisation


def examples() -> Iterator[Text]:
    """The configurations of the committed example organisation."""
    organisation = load_organisation(HORIZON)
    for code in sorted(organisation.sites):
        yield from _texts(organisation, design_site(organisation.sites[code]))


@cache
def drawn(folder: Path, seed: int = SEED) -> Drawn:
    """The generated sites; their files are written into `folder`."""
    base = folder / "drawn"
    _organisation(base)
    rng = random.Random(seed)
    catalogue = load_organisation(base).catalogue
    turns = _Turns(catalogue, rng)
    for number in range(DRAWN):
        code = f"gen{number:03}"
        words = _site(rng, turns, catalogue, number)
        (base / "sites" / f"{code}.yaml").write_text(_dump(words), encoding="utf-8")
    organisation = load_organisation(base)
    texts: list[Text] = []
    dropped = []
    sites = 0
    for code in sorted(organisation.sites):
        if sites == WANTED:
            break
        made = design_site(organisation.sites[code])
        errors = [f.message for f in made.findings if f.severity is Severity.ERROR]
        if errors:
            dropped.append(f"{code} {made.facts.archetype}: {errors[0]}")
            continue
        sites += 1
        texts.extend(_texts(organisation, made))
    return Drawn(tuple(texts), sites, tuple(dropped), organisation)


class _Plain(yaml.SafeDumper):
    """YAML as sitekit reads it: values that occur twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _dump(words: Any) -> str:
    return yaml.dump(words, Dumper=_Plain, allow_unicode=True, sort_keys=False)


def _texts(organisation: LoadedOrganisation, made: SiteDesign) -> Iterator[Text]:
    devices = {d.name: d for d in made.devices}
    for artifact in render_site(made, organisation.catalogue):
        path = Path(str(artifact.path))
        if path.suffix in (".cfg", ".conf"):
            device = devices[path.stem]
            yield Text(
                name=path.stem,
                platform=device.platform,
                model=device.model,
                archetype=made.facts.archetype,
                text=str(artifact.text),
                bootstrap=path.parent.name == "day-0",
            )


def _organisation(base: Path) -> None:
    """The example without its sites, people and shows, with room for many sites."""
    shutil.copytree(HORIZON, base, ignore=shutil.ignore_patterns("rendered", "sites", "people.csv"))
    for name in ("productions.yaml", "waivers.yaml"):
        (base / name).unlink(missing_ok=True)
    (base / "sites").mkdir()
    path = base / "organisation.yaml"
    words = yaml.safe_load(path.read_text(encoding="utf-8"))
    words.pop("locked", None)
    words["addresses"] = {"pool": POOL}
    # The hub stands beside the pool, so that the whole pool is for sites.
    text = _dump(words)
    path.write_text(text.replace("10.127.", "10.200."), encoding="utf-8")


class _Turns:
    """Models in turn, so that each one is drawn often whatever the seed."""

    def __init__(self, catalogue: Catalogue, rng: random.Random) -> None:
        roles: dict[str, list[str]] = {}
        for name, model in sorted(catalogue.hardware.items()):
            for role in model.roles:
                roles.setdefault(role, []).append(name)
        for names in roles.values():
            rng.shuffle(names)
        self._turn = {
            (role, kind): itertools.cycle(names[shift:] + names[:shift])
            for role, names in roles.items()
            for shift, kind in enumerate(sorted(catalogue.archetypes))
        }
        self.archetypes = itertools.cycle(sorted(catalogue.archetypes))

    def next(self, role: str, archetype: Archetype) -> str:
        return next(self._turn[role, archetype.name])


def _site(rng: random.Random, turns: _Turns, catalogue: Catalogue, number: int) -> dict[str, Any]:
    archetype = catalogue.archetypes[next(turns.archetypes)]
    people = rng.randint(archetype.people.min, archetype.people.max)
    area = rng.randint(archetype.area_m2.min, archetype.area_m2.max)
    large = bool(archetype.hardware.core)
    equipment = Equipment(edit_seats=rng.choice([0, 2, 4, 8])) if large else Equipment()
    pool = IPv4Network(POOL)
    block = IPv4Network((int(pool.network_address) + number * (1 << 13), archetype.block_length))
    needs = of(
        people=people,
        area_m2=area,
        rooms=(Rooms(), archetype.rooms),
        equipment=(equipment, archetype.equipment),
    )
    sized = size(needs, archetype, catalogue.sizing)
    lines = len(archetype.hardware.uplinks) + (
        archetype.redundancy != "full" and rng.random() < 0.3
    )
    least = -(-sized.uplink_mbps * lines * 3 // 2)  # a firewall inspects 1.5 times its lines
    for _ in catalogue.hardware:
        firewall = turns.next("firewall", archetype)
        inspected = catalogue.hardware[firewall].inspected_mbps or 0
        if inspected >= least:
            break
    words: dict[str, Any] = {
        "schema": 1,
        "name": rng.choice(  # what a name may hold, and a device must not stumble over
            ["Nîmes Arènes", "L'Haÿ 2", 'Studio "B"', "Lille", "Brest & Rade"]
        ),
        "subsidiary": rng.choice(["hmp", "hpo", "hst", "kin"]),
        "archetype": archetype.name,
        "address": {"street": "1 rue du Test", "postcode": "30000", "city": "Nîmes"},
        "area_m2": area,
        "people": people,
        "opens": date(2027, 9, 1),
        "block": str(block),
        "settings": _settings(rng),
        "uplinks": list(_uplinks(rng, archetype, number, lines, inspected * 2 // 3 // lines)),
        "devices": list(_devices(rng, turns, catalogue, archetype, firewall, sized)),
    }
    if large:
        words["equipment"] = {"edit_seats": equipment.edit_seats}
    if archetype.name == "temporary-office":
        words["closes"] = date(2028, 3, 1)
    endpoints = list(_endpoints(rng, archetype))
    if endpoints:
        words["endpoints"] = endpoints
    return words


def _settings(rng: random.Random) -> dict[str, Any]:
    """Options that change what is written."""
    hosts = [f"10.200.241.{n}" for n in range(20, 40)]
    rng.shuffle(hosts)
    key = "keyvault:hrz-network/generated"
    return {
        "language": rng.choice(["fr", "en"]),
        "time_zone": rng.choice(["Europe/Paris", "Europe/Lisbon", "Europe/London"]),
        "dns": {"domain": "horizon.example", "servers": hosts[: rng.randint(1, 3)]},
        "ntp": {
            "servers": [
                {
                    "address": hosts[4 + n],
                    "keys": [
                        {"id": 10 + 2 * n, "algorithm": "sha1", "key": key},
                        {"id": 11 + 2 * n, "algorithm": "hmac-sha2-256", "key": key},
                    ],
                }
                for n in range(rng.randint(1, 4))
            ]
        },
        "radius": {
            "servers": [
                {"name": f"radius-{n}", "address": hosts[8 + n], "key": key}
                for n in range(rng.randint(1, 3))
            ]
        },
        "syslog": {
            "servers": [
                {"address": hosts[12 + n], "port": rng.choice([6514, 10514])}
                for n in range(rng.randint(1, 4))
            ]
        },
        "snmp": {
            "managers": hosts[16 : 16 + rng.randint(1, 3)],
            "user": "poller", "auth": key, "priv": key,
        },
        "administration": {
            "prefixes": ["10.200.242.0/27", "10.201.0.7/32", "10.202.0.0/24"][: rng.randint(1, 3)],
            "account": "rescue", "secret": key, "ha_secret": key,
            "idle_minutes": rng.choice([5, 10, 30]),
            "lockout_attempts": rng.randint(3, 10),
            "lockout_minutes": rng.choice([5, 15, 60]),
            "banner": rng.choice(["Staff only.", "Réservé.\nDéconnectez-vous !\n"]),
            "contact": "noc@horizon.example",
        },
        "wifi": {"guest": rng.choice(["portal", "owe"]), "country": rng.choice(["FR", "BE", "PT"])},
        "remote_users": {"mode": rng.choice(["none", "ikev2"])},
        "guest": {"rate_mbps": rng.choice([10, 50, 200])},
    }  # fmt: skip


def _uplinks(
    rng: random.Random, archetype: Archetype, number: int, lines: int, rate: int
) -> Iterator[dict[str, Any]]:
    kinds = ["ftto", "ftte", "ftth-pro", "ftth-pro-new", "lte", "starlink"]
    for index in range(lines):
        gateway = int(IPv4Address("198.18.0.0")) + number * 32 + index * 8 + 1
        fixed = index == 0 or rng.random() < 0.5
        kind = rng.choice(kinds[:2]) if index == 0 else rng.choice(kinds)
        yield {
            "name": f"line-{index + 1}",
            "kind": kind,
            "carrier": ["fibrolia", "lumeo", "ondia"][index % 3],
            "down_mbps": rate,
            "up_mbps": rate if kind in kinds[:2] else rate // 4,
            "ordered": date(2026, 11, 24),
            "addressing": {
                "address": str(IPv4Address(gateway + 1)),
                "prefix_length": 29 if archetype.redundancy == "full" else 30,
                "gateway": str(IPv4Address(gateway)),
            }
            if fixed
            else "dhcp",
        }


def _devices(
    rng: random.Random,
    turns: _Turns,
    catalogue: Catalogue,
    archetype: Archetype,
    firewall: str,
    sized: Sized,
) -> Iterator[dict[str, Any]]:
    pair = archetype.redundancy == "full"
    yield from [{"role": "firewall", "model": firewall}] * (2 if pair else 1)
    if archetype.hardware.core:
        core = turns.next("core-switch", archetype)
        if catalogue.hardware[core].stack_members_max > 1:
            yield {"role": "core-switch", "model": core, "stack": 2}
        else:
            alone = not catalogue.hardware[core].mlag
            yield from [{"role": "core-switch", "model": core}] * (1 if alone else 2)
    access = turns.next("access-switch", archetype)
    model = catalogue.hardware[access]
    fronts = sum(g.count for g in model.ports if g.default == "front")
    number = max(1, -(-(sized.ports * 5 // 4) // max(fronts, 1)))
    if model.poe_budget_w:
        number = max(number, -(-(sized.poe_w * 5 // 4) // model.poe_budget_w))
    most = model.stack_members_max
    if most > 1 and rng.random() < 0.7:
        while number > 0:
            members = min(number, most)
            yield {"role": "access-switch", "model": access, "stack": members}
            number -= members
    else:
        yield from [{"role": "access-switch", "model": access}] * number
    # An access point that a port cannot feed is another draw's business: take the next one.
    for _ in catalogue.hardware:
        point = turns.next("access-point", archetype)
        radio = catalogue.hardware[point].wifi
        if radio and radio.poe_w <= (model.poe_port_w or 0):
            break
    yield {
        "role": "access-point", "model": point, "count": sized.access_points,
    }  # fmt: skip


ENDPOINTS = {
    "server": ("server", {}),
    "storage": ("storage", {"links": 2}),
    "print": ("printer", {"mac": "02:00:5e:99:00:01"}),
    "cctv": ("recorder", {"mac": "02:00:5e:99:00:02"}),
    "audio_net": ("audio-device", {}),
    "video_net": ("video-device", {}),
    "data_io": ("transfer-station", {}),
    "st2110_a": ("st2110-device", {"also": ["st2110_b"]}),
}


def _endpoints(rng: random.Random, archetype: Archetype) -> Iterator[dict[str, Any]]:
    known = {segment.name for segment in archetype.segments}
    for segment, (kind, more) in ENDPOINTS.items():
        if segment in known and rng.random() < 0.6:
            yield {"name": f"box-{segment.replace('_', '-')}", "kind": kind, "segment": segment,
                   **more}  # fmt: skip
