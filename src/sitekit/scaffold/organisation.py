"""The first files of an organisation. Every value is valid as it stands and says what it is for."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

ORGANISATION = """\
# yaml-language-server: $schema=.schemas/organisation.json
# The whole group: one folder of YAML, one Entra tenant. `sitekit check` says what is missing.
schema: 1
name: {name}
code: {code} # two to six letters
domains: [{domain}]

addresses:
  pool: {pool} # every site's block comes from here
  avoid: # what boxes, containers and carriers use: no site gets these
    - 192.168.0.0/23
    - 10.0.0.0/16
    - 172.16.0.0/14
    - 100.64.0.0/10

azure: # replace both ids by the tenant's own; the hub is where all tunnels end
  tenant: 00000000-0000-4000-8000-000000000000
  subscription: 00000000-0000-4000-8000-000000000001
  region: francecentral
  licences: []
  hub:
    prefix: {hub}
    routing: bgp
    asn: 65515
    gateways: # public addresses of the VPN gateway, known once it is deployed
      - {{ name: az0, address: 192.0.2.10, bgp_address: {bgp0} }}
      - {{ name: az1, address: 192.0.2.11, bgp_address: {bgp1} }}

suppliers: # the companies that work for the group
  carrier-a: {{ kind: carrier, name: First carrier, contact: sales@carrier-a.example }}
  carrier-b: {{ kind: carrier, name: Second carrier, contact: sales@carrier-b.example }}

settings: # every level below inherits these: subsidiary, archetype, site
  language: {language}
  time_zone: Europe/Paris
  dns: {{ domain: {domain}, servers: [{dns}] }}
  ntp: # a key per algorithm: Arista and Fortinet speak sha1, Cisco hmac-sha2-256
    servers:
      - address: {ntp}
        keys:
          - {{ id: 1, algorithm: sha1, key: "keyvault:{code}-network/ntp-1" }}
          - {{ id: 2, algorithm: hmac-sha2-256, key: "keyvault:{code}-network/ntp-2" }}
  radius:
    servers: [{{ name: radius-1, address: {radius}, key: "keyvault:{code}-network/radius-key" }}]
  syslog: {{ servers: [{{ address: {syslog}, port: 6514 }}] }}
  snmp:
    managers: [{snmp}]
    user: monitor
    auth: "keyvault:{code}-network/snmp-auth"
    priv: "keyvault:{code}-network/snmp-priv"
  administration:
    prefixes: [{admin}] # from where devices are managed
    account: local-admin # the fallback when RADIUS does not answer
    secret: "keyvault:{code}-network/local-admin"
    ha_secret: "keyvault:{code}-network/ha"
    contact: it@{domain}
  vpn: {{ psk: "keyvault:{code}-network/{{site}}-psk" }} # one key per site
  wifi: {{ iot_key: "keyvault:{code}-network/wifi-iot" }}

locked: # what no level below may change
  - snmp
  - administration.lockout_attempts
"""

SUBSIDIARY = """\
# yaml-language-server: $schema=../.schemas/subsidiary.json
# {name}: the legal entity, and who does what for it. Fill in the names you find.
schema: 1
name: {name}
legal_form: SAS
registration: "{registration}" # SIREN
domains: [{domain}]

actors: # per service: who orders, supports, operates, approves, and whose budget it is
{actors}"""

SERVICES = (
    "network",
    "internet-access",
    "telephony",
    "workstations",
    "identity",
    "storage",
    "printing",
)


def new_organisation(*, name: str, code: str, domain: str, pool: IPv4Network, language: str) -> str:
    """The text of organisation.yaml; the hub takes the last /20 of the pool (or a sixteenth)."""
    length = min(max(20, pool.prefixlen + 4), 28)
    size = 1 << (32 - length)
    hub = IPv4Network((int(pool.broadcast_address) + 1 - size, length))
    base = hub.network_address
    return ORGANISATION.format(
        name=_quoted(name),
        code=code,
        domain=domain,
        pool=pool,
        language=language,
        hub=hub,
        bgp0=base + 4,
        bgp1=base + 5,
        dns=base + 6,
        ntp=base + 7,
        radius=base + 8,
        syslog=base + 9,
        snmp=base + 10,
        admin=IPv4Network((int(base), min(length + 4, 30))),
    )


def new_subsidiary(*, name: str, domain: str, registration: str) -> str:
    """The text of subsidiaries/<code>.yaml."""
    unknown = "{ orders: unknown, supports: unknown, operates: unknown, approves: unknown, "
    return SUBSIDIARY.format(
        name=_quoted(name),
        domain=domain,
        registration=registration,
        actors="".join(f"  {service}: {unknown}budget: unknown }}\n" for service in SERVICES),
    )


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes: JSON strings are YAML strings."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
