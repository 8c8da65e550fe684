"""What the lab cloud itself costs: `python -m benchmarks.lab_cloud`; needs `sitekit[cloud]`.

CPU milliseconds, so that a busy machine hardly matters. A stack's time is the engine's and the
SDKs'; these figures say that the lab is not what one waits for.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from sitekit.lab import cloud
from sitekit.lab.cloud import arm, catalogue, entra
from sitekit.lab.cloud.base import Account
from sitekit.lab.cloud.folder import SUBSCRIPTION, TENANT

GROUP = "azure-native:resources:ResourceGroup"
NSG = "azure-native:network:NetworkSecurityGroup"
USER = "azuread:index/user:User"
RULES = [
    {
        "name": f"r{number}",
        "access": "Allow",
        "direction": "Inbound",
        "priority": 100 + number,
        "protocol": "Tcp",
        "sourceAddressPrefix": "10.0.0.0/8",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
    }
    for number in range(5)
]


def main(number: int = 500) -> None:
    """Print one line a measurement."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lab"
        lab = cloud.up(folder)
        try:
            for package in ("azure-native", "azuread"):
                print(f"{_started(folder, package):8.0f} ms  start of a plug-in ({package})")
            _resources(folder, number)
            assert lab.port
            _graph(lab.port, cloud.environment(folder)["SITEKIT_GRAPH_TOKEN"], number)
        finally:
            cloud.down(folder, remove=True)


def _started(folder: Path, package: str) -> float:
    """CPU milliseconds until the port is printed; of the second start, when all is compiled."""
    used = 0.0
    for _ in range(2):
        launcher = folder / "bin" / f"pulumi-resource-{package}"
        process = subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        process.kill()
        process.communicate()
    return used * 1000


def _resources(folder: Path, number: int) -> None:
    store = cloud.find(folder).store()
    types = catalogue.load(folder / catalogue.FILE)
    account = Account(TENANT, SUBSCRIPTION, "francecentral")
    azure, directory = arm.Arm(store, types, account), entra.Entra(store, types, account)
    azure.create(GROUP, {"resourceGroupName": "rg", "location": "francecentral"})
    ids: list[str] = []

    def group(index: int) -> None:
        asked = {
            "resourceGroupName": "rg",
            "networkSecurityGroupName": f"nsg{index}",
            "securityRules": RULES,
        }
        checked = azure.check(NSG, urn="u", name="n", old={}, new=asked, seed=b"")
        ids.append(azure.create(NSG, checked.inputs).id)

    def user(index: int) -> None:
        asked = {
            "displayName": "A user",
            "userPrincipalName": f"user{index}@lab.example",
            "password": "Not-a-real-1",
        }
        checked = directory.check(USER, urn="u", name="n", old={}, new=asked, seed=b"")
        directory.create(USER, checked.inputs)

    _each("check and create a security group of five rules", group, number)
    _each("read it", lambda index: azure.read(NSG, ids[index], None), number)
    _each("check and create a user", user, number)
    store.close()


def _each(what: str, does: Callable[[int], Any], number: int) -> None:
    before = time.process_time()
    for index in range(number):
        does(index)
    print(f"{(time.process_time() - before) / number * 1000:8.2f} ms  {what}")


def _graph(port: int, token: str, number: int) -> None:
    pid = json.loads(_ask(port, token, "/lab/ping"))["pid"]
    for what, path in (
        (f"Graph: list {number} users", "/v1.0/users?$top=999"),
        (
            f"Graph: list {number} users with licences",
            "/v1.0/users?$top=999&$select=id,assignedLicenses",
        ),
        ("Graph: one user", "/v1.0/users/user1@lab.example"),
    ):
        before = _used(pid)
        for _ in range(10):
            _ask(port, token, path)
        print(f"{(_used(pid) - before) * 100:8.1f} ms  {what}")


def _used(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(port: int, token: str, path: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    text = connection.getresponse().read()
    connection.close()
    return text


if __name__ == "__main__":
    main()
