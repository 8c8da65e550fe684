"""A generated organisation of any size: all archetypes in turn, twenty people a site."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from sitekit.scaffold.organisation import new_organisation, new_subsidiary

PEOPLE = 20
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLOCK = 19
POOL = IPv4Network("10.0.0.0/8")
LINES = IPv4Network("198.18.0.0/15")  # RFC 2544: for benchmarks of network devices

# Six devices a site, as far as the archetype has them: firewalls, core, access, access points.
SITES = {
    "small-office": """\
devices:
  - { role: firewall, model: fg-120g }
  - { role: access-switch, model: c9200l-48p-4x, stack: 2 }
  - { role: access-point, model: fap-231g, count: 4 }
""",
    "post-facility": """\
devices:
  - { role: firewall, model: fg-200f }
  - { role: firewall, model: fg-200f }
  - { role: core-switch, model: dcs-7050sx3-48yc8 }
  - { role: core-switch, model: dcs-7050sx3-48yc8 }
  - { role: access-switch, model: ccs-720xp-48y6 }
  - { role: access-switch, model: ccs-720xp-48y6 }
  - { role: access-switch, model: ccs-720xp-48y6 }
  - { role: access-point, model: fap-231g, count: 8 }
""",
    "temporary-office": """\
devices:
  - { role: firewall, model: fg-120g }
  - { role: access-switch, model: ccs-720xp-48y6 }
  - { role: access-switch, model: ccs-720xp-48y6 }
  - { role: access-point, model: fap-231g, count: 4 }
""",
}

HEAD = """\
schema: 1
name: Site {code}
subsidiary: sub
archetype: {archetype}
address: {{ street: 1 rue du Test, postcode: "75001", city: Paris }}
area_m2: 400
people: {people}
opens: 2027-03-01
closes: {closes}
block: {block}
uplinks:
  - {{ name: wan1, kind: ftto, carrier: carrier-a, down_mbps: 1000, up_mbps: 1000,
      ordered: 2026-11-01, addressing: {{ address: {address}, prefix_length: 30,
      gateway: {gateway} }} }}
  - {{ name: wan2, kind: ftth-pro, carrier: carrier-b, down_mbps: 500, up_mbps: 500,
      ordered: 2026-11-01 }}
"""

COLUMNS = (
    "person_id;subsidiary;last_name;first_name;usage_name;private_email;private_mobile;"
    "contract_type;contract_id;previous_contract_id;production;production_alias;object_number;"
    "department;job_title;start_date;end_date;work_dates;site;manager_id;cost_centre;"
    "account_type;licence_profile;device_profile;badge_zones;security_tier;nda_date;"
    "charter_date;training_date;status;updated_at"
)


def write(folder: Path, sites: int) -> Path:
    """Write the organisation and return its folder."""
    (folder / "sites").mkdir(parents=True)
    (folder / "subsidiaries").mkdir()
    text = new_organisation(
        name="Bench", code="ben", domain="bench.example", pool=POOL, language="en"
    )
    start = text.index("  avoid:")
    end = text.index("azure:")
    text = text[:start] + "  avoid: []\n\n" + text[end:]
    (folder / "organisation.yaml").write_text(text, encoding="utf-8")
    (folder / "subsidiaries" / "sub.yaml").write_text(
        new_subsidiary(name="Sub", domain="sub.example", registration="123456789"),
        encoding="utf-8",
    )
    kinds = list(SITES)
    blocks = POOL.subnets(new_prefix=BLOCK)
    for number in range(sites):
        archetype = kinds[number % len(kinds)]
        code = f"s{number:05}"
        head = HEAD.format(
            code=code,
            archetype=archetype,
            people=PEOPLE,
            block=next(blocks),
            closes="2027-09-30",
            address=LINES[4 * number + 2],
            gateway=LINES[4 * number + 1],
        )
        (folder / "sites" / f"{code}.yaml").write_text(head + SITES[archetype], encoding="utf-8")
    with (folder / "people.csv").open("w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        for number in range(sites * PEOPLE):
            site = f"s{number // PEOPLE:05}"
            file.write(
                f"p{number:06};sub;{LETTERS[number % 26]}nom;Prenom;;p{number}@people.example;;"
                f"cdi;c{number};;;;;office;editor;2026-01-01;;;{site};;;member;standard;laptop;;standard;;;;active;"
                f"2026-01-01\n"
            )
    return folder
