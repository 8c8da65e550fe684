"""The policy pack under whatever engine is there: it says what `sitekit check` says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("pulumi_azure_native")
pytest.importorskip("pulumi_policy")
pytestmark = pytest.mark.slow

from sitekit.cloud.automation import meaning  # noqa: E402
from sitekit.cloud.guardrails import GUARDRAILS, of_inputs  # noqa: E402
from sitekit.findings import Severity  # noqa: E402
from tests.organisations import ROOT, copy_of_horizon  # noqa: E402
from tests.stacks.office import Office  # noqa: E402

EXAMPLES = yaml.safe_load((ROOT / "tests/lab_cloud/examples.yaml").read_text(encoding="utf-8"))
GUID = "7d3f8a52-1111-4222-8333-0000000000cc"
# What breaks each guardrail, in a resource that the provider would take: path and value.
BREAKS: dict[str, tuple[str, Any]] = {
    "storage-private": ("allowBlobPublicAccess", True),
    "storage-encrypted-travel": ("enableHttpsTrafficOnly", False),
    "storage-tls": ("minimumTlsVersion", "TLS1_0"),
    "storage-closed": ("networkRuleSet", {"defaultAction": "Allow"}),
    "vault-recoverable": ("properties.enablePurgeProtection", None),
    "vault-roles": ("properties.enableRbacAuthorization", False),
    "vault-closed": ("properties.networkAcls", None),
    "gateway-zones": ("sku", {"name": "VpnGw1", "tier": "VpnGw1"}),
    "network-closed": ("securityRules.0.sourceAddressPrefix", "*"),
    "owner-tag": ("tags", {"site": "lab"}),
    "budget-speaks": ("notifications.at80.contactEmails", []),
    "principal-type": ("principalType", None),
    "break-glass-excluded": ("conditions.users.excludedGroups", None),
}
WEAK = {"saLifeTimeSeconds": 3600, "saDataSizeKilobytes": 0, "ipsecEncryption": "DES3",
        "ipsecIntegrity": "SHA256", "ikeEncryption": "AES256", "ikeIntegrity": "SHA256",
        "dhGroup": "ECP384", "pfsGroup": "ECP384"}  # fmt: skip
PROGRAM = """import json, pulumi
for name, kind, inputs in json.load(open("resources.json")):
    pulumi.CustomResource(kind, name, inputs)
"""


def filled(value: Any) -> Any:
    """An example's inputs with something in place of each reference."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    return re.sub(r"\$[\w.]+", GUID, value) if isinstance(value, str) else value


def broken() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A resource for each guardrail and type, that breaks it."""
    for rule in GUARDRAILS:
        for kind in rule.types:
            example = next(e for e in EXAMPLES.values() if e["type"] == kind)
            inputs = filled(example["inputs"])
            if rule.name == "tunnel-strong":
                links = inputs.get("vpnLinkConnections")
                (links[0] if links else inputs)["ipsecPolicies"] = [WEAK]
                yield f"tunnel-strong-{'link' if links else 'classic'}", kind, inputs
                continue
            path, value = BREAKS[rule.name]
            *way, last = path.split(".")
            here = inputs
            for step in way:
                here = here[int(step)] if step.isdigit() else here.setdefault(step, {})
            if value is None:
                here.pop(last, None)
            else:
                here[last] = value
            yield rule.name, kind, inputs


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office.of(copy_of_horizon(tmp_path_factory.mktemp("policies")))
    try:
        made.run("stack", "init", "kin")
        yield made
    finally:
        made.run("lab", "cloud", "down")


def preview(office: Office, project: Path, stack: str, pack: Path) -> tuple[int, str]:
    """`pulumi preview` by hand: in an active virtual environment, with nothing of sitekit's."""
    python = Path(sys.executable).parent
    environment = {**office.environment, "VIRTUAL_ENV": str(python.parent)}
    environment["PATH"] = f"{environment['PATH'].split(os.pathsep)[0]}{os.pathsep}{python}" + (
        os.pathsep + environment["PATH"]
    )
    environment.pop("PULUMI_PYTHON_CMD", None)
    done = subprocess.run(
        ["pulumi", "preview", "--stack", stack, "--policy-pack", str(pack), "--non-interactive",
         "--color", "never"],
        cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_an_organisation_as_designed_passes(office: Office) -> None:
    done = office.run("preview", "kin", "--policy", "--json", code=1)  # 1: it would change much
    assert json.loads(done.stdout)["outcomes"][0]["done"]
    pack = office.folder / "stacks" / "policy"
    file = pack / "PulumiPolicy.yaml"
    text = file.read_text(encoding="utf-8")
    venv = Path(sys.executable).parents[1]
    file.write_text(  # as docs/cloud.md shows it
        text.replace(
            "runtime: python\n",
            f"runtime:\n  name: python\n  options:\n    virtualenv: {venv}\n",
        ),
        encoding="utf-8",
    )
    code, said = preview(office, office.folder / "stacks" / "subsidiary", "kin", pack)
    file.write_text(text, encoding="utf-8")
    assert code == 0, said
    assert "[mandatory]" not in said


def test_each_guardrail_refuses_the_same_as_check(office: Office, tmp_path: Path) -> None:
    resources = list(broken())
    expected = {
        (rule.guardrail.name, name, rule.guardrail.severity)
        for name, kind, inputs in resources
        for rule in of_inputs(kind, name, inputs)
    }
    assert {name for name, _, _ in expected} == {rule.name for rule in GUARDRAILS}
    (tmp_path / "Pulumi.yaml").write_text("name: broken\nruntime: python\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "resources.json").write_text(json.dumps(resources), encoding="utf-8")
    subprocess.run(["pulumi", "stack", "init", "lab", "--non-interactive"], cwd=tmp_path,
                   env=office.environment, capture_output=True, check=True)  # fmt: skip
    code, said = preview(office, tmp_path, "lab", office.folder / "stacks" / "policy")
    levels = {"mandatory": Severity.ERROR, "advisory": Severity.WARNING}
    found = {
        (policy, name, levels[level])
        for level, policy, name in re.findall(
            r"\[(mandatory|advisory)\]\s+(?:sitekit-guardrails \S+ )?([\w-]+)\s+\(\S+: ([\w-]+)\)",
            said,
        )
    }
    assert found == expected, said
    for _, name, _ in found:  # what the rule is for, once, then what breaks it
        assert re.search(rf"\(\S+: {name}\)\n {{10}}[A-Z].*\n {{10}}{name} must ", said), name
    assert code not in (0, 3), said
    message, hint = meaning(said, "lab")
    assert message.startswith("a guardrail refuses it: ")
    assert message.endswith("]"), said
    assert hint
