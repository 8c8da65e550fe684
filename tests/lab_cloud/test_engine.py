"""Whatever engine is there takes an unmodified program through the lab: the real one, or ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sitekit.lab import cloud
from sitekit.lab.cloud import catalogue, view
from sitekit.lab.cloud import folder as lab_folder

PROGRAM = """
import pulumi
import pulumi_azure_native as azure
import pulumi_azuread as entra
from pulumi_azure_native import keyvault, network, resources

config = pulumi.Config()
tenant, subscription = config.require("tenant"), config.require("subscription")
arm = azure.Provider("arm", tenant_id=tenant, subscription_id=subscription,
    location="francecentral")
directory = entra.Provider("directory", tenant_id=tenant)
a, e = pulumi.ResourceOptions(provider=arm), pulumi.ResourceOptions(provider=directory)
group = resources.ResourceGroup("rg", resource_group_name="rg-test", opts=a)
nsg = network.NetworkSecurityGroup("nsg", resource_group_name=group.name,
    network_security_group_name="nsg-test", security_rules=[network.SecurityRuleArgs(
        name="in", access="Allow", direction="Inbound", priority=100, protocol="Tcp",
        source_address_prefix="*", source_port_range="*", destination_address_prefix="*",
        destination_port_range="443")], opts=a)
vnet = network.VirtualNetwork("vnet", resource_group_name=group.name,
    virtual_network_name=config.get("vnet") or "vnet-test",
    address_space=network.AddressSpaceArgs(address_prefixes=["10.9.0.0/16"]), opts=a)
network.Subnet("subnet", resource_group_name=group.name, virtual_network_name=vnet.name,
    subnet_name="users", address_prefix="10.9.1.0/24",
    network_security_group=network.NetworkSecurityGroupArgs(id=nsg.id), opts=a)
vault = keyvault.Vault("kv", resource_group_name=group.name, vault_name="kv-test-1",
    properties=keyvault.VaultPropertiesArgs(tenant_id=tenant,
        sku=keyvault.SkuArgs(family="A", name="standard")), opts=a)
keyvault.Secret("psk", resource_group_name=group.name, vault_name=vault.name, secret_name="psk",
    properties=keyvault.SecretPropertiesArgs(value=pulumi.Output.secret("not-a-real-key")), opts=a)
user = entra.User("ana", display_name="Ana", user_principal_name="ana@lab.example",
    department=config.get("department") or "Edit",
    password=pulumi.Output.secret("Not-a-real-1"), opts=e)
team = entra.Group("team", display_name="Team", security_enabled=True, opts=e)
entra.GroupMember("member", group_object_id=team.object_id, member_object_id=user.object_id, opts=e)
pulumi.export("vnet", vnet.id)
"""
NUMBER = 12  # ten resources and two providers; the stack is one more


class Stack:
    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.variables = folder, {**os.environ, **variables}
        self.variables["PYTHONPATH"] = os.pathsep.join(sys.path)

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            ["pulumi", *words],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "ot-a-real" not in said
        return said

    def run(self, verb: str, *words: str, code: int = 0) -> str:
        flags = [] if verb == "preview" else ["--yes", "--skip-preview"]
        return self(verb, "--non-interactive", *flags, *words, code=code)


@pytest.fixture
def stack(tmp_path: Path, joined: dict[str, Any]) -> Iterator[tuple[Stack, Path]]:
    place, program = tmp_path / "lab", tmp_path / "program"
    for part in (place, program):
        part.mkdir()
    (place / catalogue.FILE).write_text(json.dumps(joined))
    cloud.up(place)
    if lab_folder.real_pulumi(place) is None and not (place / "bin" / "pulumi").exists():
        cloud.down(place)
        pytest.skip("there is no pulumi, and no engine of ours")
    (program / "Pulumi.yaml").write_text(
        "name: test\nruntime:\n  name: python\n  options:\n    toolchain: pip\n"
        f"    virtualenv: {sys.prefix}\n"
    )
    (program / "__main__.py").write_text(PROGRAM)
    made = Stack(program, cloud.environment(place))
    made("stack", "init", "test")
    made("config", "set", "tenant", lab_folder.TENANT)
    made("config", "set", "subscription", lab_folder.SUBSCRIPTION)
    try:
        yield made, place
    finally:
        cloud.down(place)


def test_a_program_from_preview_to_destroy(stack: tuple[Stack, Path]) -> None:
    pulumi, place = stack
    lab = cloud.find(place)
    store, types = lab.store(), catalogue.load(place / catalogue.FILE)

    assert f"+ {NUMBER} to create" in pulumi.run("preview")
    assert store.find(cloud="azure-native") == []
    assert f"+ {NUMBER} created" in pulumi.run("up")
    assert "no changes" not in pulumi.run("up", "--expect-no-changes")
    assert f"{NUMBER} unchanged" in pulumi.run("refresh", "--expect-no-changes")
    state = pulumi("stack", "export")
    assert "ciphertext" in state

    view.set_value(
        store, types, "NetworkSecurityGroup", "nsg-test", "securityRules.0.access", "Deny"
    )
    view.set_value(store, types, "User", "ana@lab.example", "department", "Sound")
    view.delete(store, types, "GroupMember", "Team/ana@lab.example")
    drifted = pulumi.run("refresh")
    assert "~ 2 updated" in drifted
    assert "- 1 deleted" in drifted
    repaired = pulumi.run("up")
    assert "~ 2 updated" in repaired
    assert "+ 1 created" in repaired
    assert store.find(type="user")[0].body["department"] == "Edit"

    store.add_fault(
        "refuse",
        type="User",
        name="*",
        verb="update",
        count=1,
        options={"message": "no, not today"},
    )
    pulumi("config", "set", "department", "Sound")
    assert "no, not today" in pulumi.run("up", code=1)
    assert "~ 1 updated" in pulumi.run("up")

    pulumi("config", "set", "vnet", "vnet-other")
    assert "replaced" in pulumi.run("up")
    names = {thing.name for thing in store.find(type="azure-native:network:VirtualNetwork")}
    assert names == {"vnet-other"}

    pulumi.run("destroy")
    left = [thing for thing in store.find() if thing.type not in ("domain", "policy")]
    assert left == []
    assert {item.thing.name for item in store.deleted()} == {"kv-test-1", "ana@lab.example"}
    store.close()
    assert shutil.which("pulumi", path=pulumi.variables["PATH"]) is not None
