"""Where stacks are, their generated files, the key vault, and what a machine lacks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from sitekit.cloud import StackKind, plan_of, workspace
from sitekit.cloud.doctor import PACKAGES, State, examine
from sitekit.cloud.keyvault import KeyVault
from sitekit.errors import SitekitError
from sitekit.load.secrets import Secrets
from tests.organisations import ROOT, WRITTEN, copy_of_horizon, horizon
from tests.test_verbs import sitekit

PLAN = plan_of(horizon(), StackKind.SITE, "par02", today=WRITTEN)


def test_the_generated_file_holds_ids_and_nothing_else(tmp_path: Path) -> None:
    import yaml

    text = workspace.stack_text(
        PLAN, tmp_path / "org", tmp_path / "org" / "stacks", provider="passphrase"
    )
    azure = horizon().organisation.azure
    assert yaml.safe_load(text) == {
        "config": {
            "sitekit:code": "par02",
            "sitekit:organisation": "../..",
            "sitekit:tenant": azure.tenant,
            "sitekit:subscription": azure.subscription,
        }
    }
    assert text.startswith("# Written by `sitekit stack init`")


def test_what_the_engine_wrote_stays_and_the_provider_is_what_was_said(tmp_path: Path) -> None:
    vault = "azurekeyvault://kv-hrz-state.vault.azure.net/keys/pulumi"
    before = "encryptionsalt: v1:abc:v1:def\nconfig:\n  sitekit:code: par01\n"
    text = workspace.stack_text(PLAN, tmp_path, tmp_path / "stacks", provider=vault, before=before)
    assert "encryptionsalt: v1:abc:v1:def\n" in text
    assert f"secretsprovider: {vault}\n" in text
    assert "par01" not in text
    again = workspace.stack_text(PLAN, tmp_path, tmp_path / "stacks", provider=vault, before=text)
    assert again == text


@pytest.mark.parametrize(
    "word", ["", "state", "azblob://state", "azblob://s?storage_account=A", "ftp://x"]
)
def test_odd_backends_are_refused(word: str) -> None:
    with pytest.raises(SitekitError, match="no place for states"):
        workspace.backend_url(word)


def test_backends_and_providers_that_are_taken() -> None:
    assert workspace.backend_url("file") == "file://../.state"
    url = "azblob://state?storage_account=sthrzstate"
    assert workspace.backend_url(url) == url
    text = workspace.with_backend("name: x\nbackend:\n  url: file://old\nruntime: python\n", url)
    assert text == f"name: x\nbackend:\n  url: {url}\nruntime: python\n"
    assert workspace.with_backend("name: x\n", url) == f"name: x\nbackend:\n  url: {url}\n"
    with pytest.raises(SitekitError, match="encrypts no secrets"):
        workspace.secrets_provider("rot13")


def test_stacks_are_found_beside_the_organisation_or_above_it(tmp_path: Path) -> None:
    assert workspace.find(ROOT / "examples" / "horizon") == ROOT / "examples" / "horizon" / "stacks"
    assert workspace.find(ROOT / "examples") == ROOT / "stacks"
    assert workspace.find(tmp_path) is None
    (tmp_path / ".git").mkdir()
    inside = tmp_path / "horizon"
    for path, text in workspace.projects("file://x").items():
        file = inside / "stacks" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert workspace.find(inside) == inside / "stacks"
    assert workspace.find(tmp_path) is None


def init(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os
    import sys

    return subprocess.run(
        [sys.executable, "-m", "sitekit", "stack", "init", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip


def test_stack_init_without_an_engine_writes_projects_and_files(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    done = init(folder, "par02", "hmp", "platform")
    assert (done.returncode, "commit them" in done.stderr) == (0, True), done.stderr
    made = sorted(
        str(p.relative_to(folder / "stacks")) for p in (folder / "stacks").rglob("P*.yaml")
    )
    assert made == [
        "platform/Pulumi.hrz.yaml", "platform/Pulumi.yaml",
        "policy/PulumiPolicy.yaml",
        "site/Pulumi.par02.yaml", "site/Pulumi.yaml",
        "subsidiary/Pulumi.hmp.yaml", "subsidiary/Pulumi.yaml",
    ]  # fmt: skip
    assert "url: file://../.state" in (folder / "stacks/site/Pulumi.yaml").read_text()
    assert (folder / "stacks/.state/.gitignore").read_text() == "*\n!.gitignore\n"
    assert "run it again where there is a pulumi" in done.stderr
    url = "azblob://state?storage_account=sthrzstate"
    assert init(folder, "par01", "--backend", url).returncode == 0
    assert f"url: {url}" in (folder / "stacks/site/Pulumi.yaml").read_text()


def test_verbs_say_what_to_do_first(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    done = sitekit("preview", "par02", folder=folder)
    assert (done.returncode, "hint: sitekit stack init" in done.stderr) == (2, True)
    init(folder, "par02")
    done = sitekit("up", "par02", folder=folder)
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    done = sitekit("destroy", folder=folder)
    assert (done.returncode, "name what to destroy" in done.stderr) == (2, True)
    done = sitekit("up", "par99", "--yes", folder=folder)
    assert (done.returncode, "there is no site or subsidiary 'par99'" in done.stderr) == (2, True)


def test_no_engine_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pulumi")
    folder = copy_of_horizon(tmp_path)
    init(folder, "par02")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    done = sitekit("up", "par02", "--yes", folder=folder)
    assert done.returncode == 3
    assert "site par02: there is no pulumi on PATH" in done.stderr
    assert "hint: sitekit doctor" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_with_errors_is_never_begun(tmp_path: Path) -> None:
    folder = copy_of_horizon(tmp_path)
    file = folder / "organisation.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("licences: [entra-p1, entra-p2, intune]", "licences: []"))
    done = sitekit("up", "hmp", "--yes", folder=folder)
    assert done.returncode == 1
    assert "[cloud-licence]" in done.stderr + done.stdout


# --- the key vault -------------------------------------------------------------------------------


class Credential:
    def get_token(self, scope: str) -> Any:
        assert scope == "https://vault.azure.net/.default"
        return type("Token", (), {"token": "token-nobody-may-see"})()


def vault(*answers: tuple[int, dict[str, str]]) -> tuple[KeyVault, list[Any]]:
    httpx = pytest.importorskip("httpx")
    left, asked = list(answers), []

    def handle(request: Any) -> Any:
        asked.append(request)
        status, body = left.pop(0)
        return httpx.Response(status, json=body, headers={"Retry-After": "0"})

    return KeyVault(credential=Credential(), transport=httpx.MockTransport(handle)), asked


def test_a_reference_is_asked_of_its_vault() -> None:
    asking, asked = vault((200, {"value": "shown"}))
    secrets = Secrets(None, horizon().folder, asking.ask)
    assert secrets.reveal("keyvault:hrz-network/par02-psk") == "shown"
    assert str(asked[0].url) == (
        "https://hrz-network.vault.azure.net/secrets/par02-psk?api-version=7.4"
    )
    assert asked[0].headers["Authorization"] == "Bearer token-nobody-may-see"


def test_the_file_of_secrets_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "secrets.yaml"
    file.write_text('keyvault:hrz-network/par02-psk: "from the file"\n', encoding="utf-8")
    file.chmod(0o600)
    asking, asked = vault()
    secrets = Secrets(file, horizon().folder, asking.ask)
    assert secrets.reveal("keyvault:hrz-network/par02-psk") == "from the file"
    assert asked == []


def test_a_busy_vault_is_asked_again_and_a_missing_secret_is_named() -> None:
    asking, asked = vault((429, {}), (503, {}), (200, {"value": "late"}))
    assert asking.ask("v-1", "n") == "late"
    assert len(asked) == 3
    asking, _ = vault((404, {}))
    with pytest.raises(SitekitError, match="the key vault hrz-network does not have it"):
        Secrets(None, horizon().folder, asking.ask).reveal("keyvault:hrz-network/x")


@pytest.mark.parametrize(("status", "said"), [(403, "refuses whoever"), (400, "HTTP 400")])
def test_a_vault_that_refuses_is_told_without_a_token(status: int, said: str) -> None:
    asking, _ = vault((status, {"error": "token-nobody-may-see"}))
    with pytest.raises(SitekitError, match=said) as caught:
        asking.ask("v-1", "n")
    assert "nobody-may-see" not in repr(caught.value) + caught.value.hint


def test_nobody_signed_in_is_told_with_the_code_alone() -> None:
    class Nobody:
        def get_token(self, scope: str) -> Any:
            raise ValueError("AADSTS700082: refresh token eyJ0 has expired")

    with pytest.raises(SitekitError) as caught:
        KeyVault(credential=Nobody()).ask("v-1", "n")
    assert caught.value.message == "nobody is signed in for key vaults (AADSTS700082)"
    assert "az login" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["https://vaults.example/vaults", "http://127.0.0.1:1@x.example/vaults"]
)
def test_a_vault_elsewhere_gets_no_token(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asking, asked = vault((200, {"value": "shown"}))
    monkeypatch.setenv("SITEKIT_VAULT_URL", url)
    with pytest.raises(SitekitError, match="names no lab on this machine"):
        asking.ask("v-1", "n")
    assert asked == []


# --- doctor --------------------------------------------------------------------------------------


def test_a_bare_machine_is_told_a_command_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "SITEKIT_LAB",
                 "PULUMI_CONFIG_PASSPHRASE_FILE", "ARM_CLIENT_ID", "AZURE_CLIENT_ID"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sitekit.cloud.doctor.PACKAGES", ("no-such-package",))
    remarks = {remark.what: remark for remark in examine(copy_of_horizon(tmp_path))}
    for what in ("library no-such-package", "pulumi", "plug-in azure-native", "credentials",
                 "backend", "passphrase", "stacks"):  # fmt: skip
        assert remarks[what].state is State.MISSING, what
        assert remarks[what].command, what
    assert remarks["Python"].state is State.THERE


def test_doctor_says_the_same_as_json(tmp_path: Path) -> None:
    import json

    done = sitekit("doctor", "--json", folder=tmp_path)
    remarks = json.loads(done.stdout)["remarks"]
    assert {f"library {package}" for package in PACKAGES} <= {r["what"] for r in remarks}
    assert done.returncode == (0 if all(r["state"] == "there" for r in remarks) else 1)


def test_an_old_engine_and_a_strange_plug_in_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pulumi")
    for name, text in (
        ("pulumi", '#!/bin/sh\ncase "$1" in version) echo v3.1.0;; *) exit 1;; esac\n'),
        ("pulumi-resource-azuread", "#!/bin/sh\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    remarks = {remark.what: remark for remark in examine(None)}
    assert (remarks["pulumi"].state, "3.1.0" in remarks["pulumi"].detail) == (State.ODD, True)
    assert remarks["plug-in azuread"].state is State.ODD


def test_each_row_is_missing_where_it_is_and_there_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half installed, row by row: each is told by itself, with what provides it."""
    import socket

    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "SITEKIT_LAB",
                 "PULUMI_CONFIG_PASSPHRASE_FILE", "ARM_CLIENT_ID", "AZURE_CLIENT_ID",
                 "ARM_USE_OIDC", "SITEKIT_GRAPH_URL", "NO_PROXY", "no_proxy",
                 "https_proxy"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def row(what: str) -> tuple[State, str]:
        found = next(r for r in examine(None) if r.what == what)
        assert bool(found.command) is (found.state is not State.THERE), found
        return found.state, found.command

    def program(name: str, text: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        monkeypatch.setenv("SITEKIT_GRAPH_URL", f"http://127.0.0.1:{port}")
        state, command = row("Microsoft Graph")
        assert (state, "sitekit lab cloud up" in command) == (State.MISSING, True)
        listening.listen()
        assert row("Microsoft Graph")[0] is State.THERE
        monkeypatch.delenv("SITEKIT_GRAPH_URL")
        monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:hush@127.0.0.1:{port}")
        (graph,) = (r for r in examine(None) if r.what == "Microsoft Graph")
        assert graph.state is State.THERE
        assert graph.detail.endswith("asked through 127.0.0.1, which answers")
    assert row("Microsoft Graph")[0] is State.MISSING  # the proxy has gone
    assert not [r for r in examine(None) if "hush" in f"{r.detail} {r.command}"]
    assert row("passphrase")[0] is State.MISSING
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/somewhere")
    assert row("passphrase")[0] is State.THERE
    assert row("backend")[0] is State.MISSING
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://key@state?storage_account=sthrzstate")
    assert row("backend")[0] is State.THERE
    assert row("plug-in sitekit")[0] is State.MISSING
    program("pulumi-resource-sitekit", "exit 0")
    assert row("plug-in sitekit")[0] is State.THERE
    assert row("credentials") == (
        State.MISSING, "az login (https://learn.microsoft.com/cli/azure/install-azure-cli)",
    )  # fmt: skip
    program("az", "exit 1")
    assert row("credentials") == (State.MISSING, "az login --tenant TENANT")
    program("az", """echo '{"tenantId": "t-1"}'""")
    assert row("credentials")[0] is State.THERE
    assert row("pulumi")[0] is State.MISSING
    version = "999.0.0"
    program("pulumi", f'case "$1" in version) echo v{version};; *) echo "[]";; esac')
    assert row("pulumi")[0] is State.THERE
    for name in ("azure-native", "azuread"):
        state, command = row(f"plug-in {name}")
        assert (state, f"plugin install resource {name}" in command) == (State.MISSING, True)
