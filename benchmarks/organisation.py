"""A generated organisation of any size: every archetype, model and option of the catalogue in turn.

Six devices with a configuration a site (access points have none), twenty people a
site. The same number gives the same site, whatever the size of the organisation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from sitekit.scaffold.organisation import new_organisation, new_subsidiary

DEVICES = 6
PEOPLE = 20
SUBSIDIARIES = ("alp", "bet", "gam", "del")
BLOCK = 19
POOL = IPv4Network("10.0.0.0/8")
HUB = "10.255.240"
LINES = IPv4Network("198.18.0.0/15")  # RFC 2544: for benchmarks of network devices

# In a group, small sites are more frequent than large ones.
ORDER = (
    "small-office", "post-facility", "micro-office", "temporary-office", "small-office",
    "headquarters", "micro-office", "small-office", "studio", "temporary-office",
)  # fmt: skip
PAIRED = ("headquarters", "post-facility", "studio")  # two firewalls and a core
ARCHETYPES: dict[str, tuple[int, int, tuple[str, ...], int]] = {  # people, m2, firewalls, Mbit/s
    "micro-office": (6, 80, ("fg-40f", "fg-60f", "fg-80f"), 300),
    "small-office": (20, 250, ("fg-100f", "fg-120g", "fg-80f"), 200),
    "temporary-office": (20, 200, ("fg-100f", "fg-120g"), 200),
    "headquarters": (40, 550, ("fg-200f",), 1000),
    "post-facility": (20, 350, ("fg-200f",), 1000),
    "studio": (20, 350, ("fg-200f",), 1000),
}
CORES = (
    ("dcs-7050sx3-48yc8", 2),
    ("c9300x-24y", 1),
    ("dcs-7280sr3-48yc8", 2),
    ("c9500-24y4c", 1),
    ("dcs-7020sr-24c2", 2),
)
MEDIA_CORES = (CORES[0], CORES[2])  # boundary clocks, 25G
LARGE_ACCESS = ("ccs-720xp-48y6", "c9200l-48p-4x", "ccs-720xp-48zc2", "c9300-48p")
ACCESS = ("c9200l-24p-4x", "ccs-720xp-24zy4", "c9300-24p", "c9200cx-12p-2x2g", "ccs-720xp-48y6")
SMALL_ACCESS = ("ccs-710p-16p", "c9200cx-12p-2x2g", "c9200l-24p-4x")
STACKED = ("c9200l-24p-4x", "c9200l-48p-4x")
POINTS = ("fap-231f", "fap-231g")
HUNGRY_POINT, FEEDS_IT = "fap-431g", "ccs-720xp-48zc2"  # 32 W
KINDS = ("ftto", "ftte", "ftth-pro", "ftth-pro-new", "lte", "starlink")
ENDPOINTS = (  # segment, kind, what else is written
    ("server", "server", {}),
    ("storage", "storage", {"links": 2}),
    ("print", "printer", {"mac": "02:00:5e:99:00:01"}),
    ("cctv", "recorder", {"mac": "02:00:5e:99:00:02"}),
    ("audio_net", "audio-device", {}),
    ("video_net", "video-device", {}),
    ("data_io", "transfer-station", {}),
    ("st2110_a", "st2110-device", {"also": ["st2110_b"]}),
)
SEGMENTS = {  # which of them an archetype has
    "micro-office": {"print"},
    "small-office": {"print", "cctv", "server"},
    "temporary-office": {"print", "data_io"},
    "headquarters": {"print", "cctv", "server"},
    "post-facility": {"print", "cctv", "server", "storage", "audio_net", "video_net", "data_io"},
    "studio": {"print", "cctv", "server", "storage", "audio_net", "video_net", "st2110_a"},
}

COLUMNS = (
    "person_id;subsidiary;last_name;first_name;usage_name;private_email;private_mobile;"
    "contract_type;contract_id;previous_contract_id;production;production_alias;object_number;"
    "department;job_title;start_date;end_date;work_dates;site;manager_id;cost_centre;"
    "account_type;licence_profile;device_profile;badge_zones;security_tier;nda_date;"
    "charter_date;training_date;status;updated_at"
)
LAST_NAMES = ("Carvalho", "N'Diaye", "Le Goff", "Çelik", "Bouvier", "Benali", "Nguyen", "Mercier")
FIRST_NAMES = ("Inès", "Malik", "Solène", "Gaël", "Fatou", "Zoé", "Axel", "Océane", "Rémi")
DEPARTMENTS = ("production", "montage", "son", "image", "finance", "informatique")


class _Plain(yaml.SafeDumper):
    """YAML as sitekit reads it: values that occur twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(folder: Path, sites: int) -> Path:
    """Write the organisation and return its folder."""
    (folder / "sites").mkdir(parents=True)
    (folder / "subsidiaries").mkdir()
    (folder / "organisation.yaml").write_text(_organisation(), encoding="utf-8")
    for number, code in enumerate(SUBSIDIARIES):
        (folder / "subsidiaries" / f"{code}.yaml").write_text(
            new_subsidiary(
                name=code.title(), domain=f"{code}.example", registration=f"12345678{number}"
            ),
            encoding="utf-8",
        )
    for number in range(sites):
        (folder / "sites" / f"{code_of(number)}.yaml").write_text(
            yaml.dump(site(number), Dumper=_Plain, allow_unicode=True, sort_keys=False),
            encoding="utf-8",
        )
    with (folder / "people.csv").open("w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        file.writelines(_people(sites))
    return folder


def code_of(number: int) -> str:
    """The code of the site of this number."""
    return f"s{number:05}"


def site(number: int) -> dict[str, Any]:
    """What is written about one site."""
    rng = random.Random(number)
    archetype, turn = ORDER[number % len(ORDER)], number // len(ORDER)
    people, area, firewalls, mbps = ARCHETYPES[archetype]
    block = int(POOL.network_address) + number * (1 << (32 - BLOCK))
    lines = 1 if archetype == "micro-office" else 2
    words: dict[str, Any] = {
        "schema": 1,
        "name": rng.choice(["Nîmes Arènes", "L'Haÿ 2", 'Studio "B"', "Lille", "Brest & Rade"]),
        "subsidiary": SUBSIDIARIES[turn % len(SUBSIDIARIES)],
        "archetype": archetype,
        "address": {"street": "1 rue du Test", "postcode": "30000", "city": "Nîmes"},
        "area_m2": area,
        "people": people,
        "opens": date(2027, 9, 1),
        "block": f"{IPv4Address(block)}/{BLOCK}",
        "uplinks": list(_uplinks(rng, number, lines, mbps)),
        "devices": list(_devices(turn, archetype, firewalls)),
    }
    if archetype in PAIRED:
        words["rooms"] = {"desk": 4, "meeting": 2}
        words["equipment"] = {"edit_seats": 2, "cameras": 4, "doors": 2}
    if turn % 4 == 3:  # a quarter of the sites has settings of its own
        words["settings"] = _settings(rng)
    if archetype == "temporary-office":
        words["closes"] = date(2028, 3, 1)
    endpoints = [
        {"name": f"{code_of(number)}-{kind}", "kind": kind, "segment": segment, **more}
        for segment, kind, more in ENDPOINTS
        if segment in SEGMENTS[archetype] and rng.random() < 0.7
    ]
    if endpoints:
        words["endpoints"] = endpoints
    return words


def _uplinks(rng: random.Random, number: int, lines: int, mbps: int) -> Iterator[dict[str, Any]]:
    for index in range(lines):
        gateway = int(LINES.network_address) + number * 32 + index * 8 + 1
        kind = KINDS[0] if index == 0 else KINDS[number // 10 % len(KINDS)]
        yield {
            "name": f"line-{index + 1}",
            "kind": kind,
            "carrier": ("carrier-a", "carrier-b")[index],
            "down_mbps": mbps,
            "up_mbps": mbps if kind in KINDS[:2] else mbps // 4,
            "ordered": date(2026, 11, 1),
            "addressing": {
                "address": str(IPv4Address(gateway + 1)),
                "prefix_length": 29,
                "gateway": str(IPv4Address(gateway)),
            }
            if index == 0 or rng.random() < 0.5
            else "dhcp",
        }


def _devices(turn: int, archetype: str, firewalls: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Six of them, and access points."""
    pair = archetype in PAIRED
    left = DEVICES - (2 if pair else 1)
    yield from [{"role": "firewall", "model": firewalls[turn % len(firewalls)]}] * (DEVICES - left)
    if pair:
        cores = {"studio": MEDIA_CORES, "post-facility": CORES[:4]}.get(archetype, CORES)
        core, number = cores[turn % len(cores)]
        stack = {"stack": 2} if core.startswith("c9300x") else {}
        yield from [{"role": "core-switch", "model": core, **stack}] * number
        left -= number
    models = LARGE_ACCESS if pair else SMALL_ACCESS if archetype == "micro-office" else ACCESS
    point = POINTS[turn % len(POINTS)]
    if turn % 3 == 2 and archetype != "micro-office":
        models, point = (FEEDS_IT,), HUNGRY_POINT
    for index in range(left):
        model = models[(turn + index // 2) % len(models)]
        stacked = {"stack": 2} if model in STACKED and index == 0 and turn % 3 == 0 else {}
        yield {"role": "access-switch", "model": model, **stacked}
    points = {"micro-office": 1, "headquarters": 8}.get(archetype, 4)
    yield {"role": "access-point", "model": point, "count": points}


def _settings(rng: random.Random) -> dict[str, Any]:
    """Options that change what is written."""
    hosts = [f"{HUB}.{n}" for n in range(20, 40)]
    rng.shuffle(hosts)
    key = "keyvault:ben-network/site"
    return {
        "language": rng.choice(["fr", "en"]),
        "time_zone": rng.choice(["Europe/Paris", "Europe/Lisbon", "Europe/London"]),
        "dns": {"domain": "bench.example", "servers": hosts[: rng.randint(1, 3)]},
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
        "administration": {
            "idle_minutes": rng.choice([5, 10, 30]),
            "banner": rng.choice(["Staff only.", "Réservé.\nDéconnectez-vous !\n"]),
        },
        "wifi": {"guest": rng.choice(["portal", "owe"]), "country": rng.choice(["FR", "BE", "PT"])},
        "remote_users": {"mode": rng.choice(["none", "ikev2"])},
        "guest": {"rate_mbps": rng.choice([10, 50, 200])},
    }


def _people(sites: int) -> Iterator[str]:
    """Twenty people a site, of several kinds of contract; the first manages the others."""
    for number in range(sites * PEOPLE):
        place, index = divmod(number, PEOPLE)
        kind = ("cdi", "cdi", "cdd", "cddu_technicien", "freelance")[index % 5]
        ends = "" if kind == "cdi" else "2027-06-30"
        account = "guest" if kind == "freelance" else "member"
        manager = "" if index == 0 else f"P{place * PEOPLE:06}"
        subsidiary = SUBSIDIARIES[place // len(ORDER) % len(SUBSIDIARIES)]
        last, first = LAST_NAMES[number % 8], FIRST_NAMES[number % 9]
        yield (
            f"P{number:06};{subsidiary};{last};{first};;p{number}@people.example;;"
            f"{kind};C-{number:06};;;;;{DEPARTMENTS[index % 6]};editor;2026-01-01;{ends};;"
            f"{code_of(place)};{manager};{subsidiary.upper()}-1;{account};standard;portable;"
            f"bureaux;standard;2026-01-01;;;active;2026-01-01\n"
        )


def _organisation() -> str:
    """As `sitekit new organisation` writes it, with the hub beside the pool and secrets named."""
    text = new_organisation(
        name="Bench", code="ben", domain="bench.example", pool=POOL, language="en"
    )
    start = text.index("  avoid:")
    end = text.index("azure:")
    text = text[:start] + "  avoid: []\n\n" + text[end:]
    return text.replace("licences: []", "licences: [entra-p1, entra-p2, intune]")


def with_networks(folder: Path) -> None:
    """Every site gets a network in Azure: the largest plans that there are."""
    organisation = folder / "organisation.yaml"
    text = organisation.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("azure:"))
    lines.insert(at + 1, "  networks: 172.16.0.0/12\n")
    organisation.write_text("".join(lines), encoding="utf-8")
    files = [f for f in sorted((folder / "sites").glob("*.yaml")) if "assigned" not in f.name]
    for number, file in enumerate(files):
        network = f"172.{16 + number // 64}.{number % 64 * 4}.0/22"
        text = file.read_text(encoding="utf-8") + f"cloud: {{ network: {network} }}\n"
        file.write_text(text, encoding="utf-8")
