"""pyavd on sites of six EOS switches of about 800 lines, for benchmarks/run.py.

Runs in the environment of `make oracles`. Each site is a fabric of its own, as pyavd wants it: two
cores and four access switches with 48 ports each, whose ports come from port profiles.

    python benchmarks/avd.py whole|text SITES
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

DEVICES = 6
PORTS = 40  # of 48: about 800 lines a device
VLANS = range(10, 26)


def fabric(number: int) -> dict[str, dict[str, Any]]:
    """The inputs of the devices of one site, by hostname."""
    code = f"s{number:05}"
    octets = f"10.{number // 256}.{number % 256}"
    cores = [f"{code}-core-{n}" for n in (1, 2)]
    access = [f"{code}-sw-{n}" for n in (1, 2, 3, 4)]
    shared: dict[str, Any] = {
        "fabric_name": code,
        "mgmt_gateway": f"{octets}.1",
        "aaa_settings": {
            "local_users": [
                {"name": "rescue", "privilege": 15, "role": "network-admin", "no_password": True}
            ],
            "radius": {
                "servers": [
                    {"host": f"10.255.240.{n}", "vrf": "MGMT", "cleartext_key": "placeholder"}
                    for n in (8, 9)
                ]
            },
        },
        "dns_settings": {
            "domain": "bench.example",
            "servers": [{"ip_address": f"10.255.240.{n}", "vrf": "MGMT"} for n in (4, 5)],
        },
        "ntp_settings": {
            "server_vrf": "MGMT",
            "servers": [{"name": f"10.255.240.{n}"} for n in (6, 7)],
        },
        "dot1x_settings": {"enabled": True},
        "l2spine": {
            "defaults": {
                "spanning_tree_mode": "rapid-pvst",
                "spanning_tree_priority": 4096,
                "mlag_interfaces": ["Ethernet51", "Ethernet52"],
                "mlag_peer_ipv4_pool": "192.168.0.0/24",
            },
            "node_groups": [
                {
                    "group": f"{code}-core",
                    "nodes": [
                        {"name": name, "id": n + 1, "mgmt_ip": f"{octets}.{10 + n}/24"}
                        for n, name in enumerate(cores)
                    ],
                }
            ],
        },
        "l2leaf": {
            "defaults": {
                "uplink_switches": cores,
                "uplink_interfaces": ["Ethernet49", "Ethernet50"],
                "spanning_tree_mode": "rapid-pvst",
                "spanning_tree_priority": 32768,
                "mlag": False,
            },
            "node_groups": [
                {
                    "group": name,
                    "nodes": [
                        {
                            "name": name,
                            "id": n + 1,
                            "mgmt_ip": f"{octets}.{20 + n}/24",
                            "uplink_switch_interfaces": [f"Ethernet{n + 1}"] * 2,
                        }
                    ],
                }
                for n, name in enumerate(access)
            ],
        },
        "tenants": [
            {
                "name": "OFFICE",
                "l2vlans": [{"id": vlan, "name": f"network-{vlan}"} for vlan in VLANS],
            }
        ],
        "port_profiles": [
            {
                "profile": f"desk-{vlan}",
                "mode": "access",
                "vlans": str(vlan),
                "spanning_tree_portfast": "edge",
                "spanning_tree_bpduguard": "enabled",
                "storm_control": {
                    "broadcast": {"level": "1", "unit": "percent"},
                    "multicast": {"level": "5", "unit": "percent"},
                },
                "dot1x": {
                    "port_control": "auto",
                    "reauthentication": True,
                    "pae": {"mode": "authenticator"},
                    "authentication_failure": {"action": "allow", "allow_vlan": 20},
                    "host_mode": {"mode": "multi-host", "multi_host_authenticated": True},
                    "mac_based_authentication": {"enabled": True},
                    "timeout": {"tx_period": 3, "reauth_period": "server"},
                    "reauthorization_request_limit": 3,
                },
            }
            for vlan in VLANS
        ],
        "network_ports": [
            {
                "switches": [code + "-(sw|core)-.*"],
                "switch_ports": [f"Ethernet{port}"],
                "description": f"desk-{port:03}",
                "profile": f"desk-{VLANS[port % len(VLANS)]}",
            }
            for port in range(5, PORTS + 1)
        ],
    }
    return {
        name: {**shared, "type": "l2spine" if name in cores else "l2leaf"}
        for name in (*cores, *access)
    }


def whole(inputs: dict[str, dict[str, Any]]) -> list[str]:
    """As pyavd's documentation goes: validate, facts, structured configuration, text."""
    import pyavd

    validated = {}
    for name, words in inputs.items():
        result = pyavd.validate_inputs(words)
        if result.validated_data is None:
            found = [e.message for e in result.validation_result.violations]
            raise SystemExit(f"{name}: {found}")
        validated[name] = result.validated_data
    facts = pyavd.get_avd_facts(validated)
    texts = []
    for name in inputs:
        structured = pyavd.get_device_structured_config(name, validated[name], facts)
        texts.append(pyavd.get_device_config(structured))
    return texts


def structured(inputs: dict[str, dict[str, Any]]) -> list[Any]:
    """What `get_device_config` alone is given."""
    import pyavd

    facts = pyavd.get_avd_facts(inputs)
    return [pyavd.get_device_structured_config(name, inputs[name], facts) for name in inputs]


def main() -> None:
    """Print one line of JSON: what was made, in which CPU time."""
    step, sites = sys.argv[1], int(sys.argv[2])
    import pyavd

    whole(fabric(0))  # schemas and templates are loaded before the clock starts
    texts: list[str] = []
    spent = walled = 0.0
    for number in range(1, sites + 1):
        inputs = fabric(number)
        given = structured(inputs) if step == "text" else []
        start, wall = time.process_time(), time.perf_counter()
        made = [pyavd.get_device_config(g) for g in given] if step == "text" else whole(inputs)
        spent += time.process_time() - start
        walled += time.perf_counter() - wall
        texts += made
    print(
        json.dumps(
            {
                "devices": len(texts),
                "lines": sum(text.count("\n") for text in texts),
                "cpu_s": spent,
                "wall_s": walled,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "version": pyavd.__version__,
            }
        )
    )
    if len(sys.argv) > 3:
        print(texts[2])


if __name__ == "__main__":
    main()
