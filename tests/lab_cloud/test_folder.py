"""The lab's folder and the verbs: up, used by programs, down."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from sitekit.cloud.keyvault import KeyVault
from sitekit.errors import SitekitError
from sitekit.lab import cloud
from sitekit.lab.cloud import catalogue
from sitekit.lab.cloud import folder as lab_folder
from sitekit.lab.cloud.store import Store, StoreError
from tests.organisations import copy_of_horizon


def sitekit(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sitekit", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture
def place(tmp_path: Path, joined: dict[str, Any]) -> Iterator[Path]:
    """A folder whose table of types is there already, as after the first `up`."""
    place = tmp_path / "lab"
    place.mkdir()
    (place / catalogue.FILE).write_text(json.dumps(joined))
    yield place
    if (place / lab_folder.STORE).exists():
        cloud.down(place)


def ping(port: int, token: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/v1.0/users", headers={"Authorization": f"Bearer {token}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_up_used_and_down(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = cloud.up(place)
    assert lab.port
    again = cloud.up(place)
    assert again.port == lab.port  # the same server
    variables = cloud.environment(place)
    assert variables["SITEKIT_GRAPH_URL"] == f"http://127.0.0.1:{lab.port}"
    assert ping(lab.port, variables["SITEKIT_GRAPH_TOKEN"]) == 200
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    vaults = KeyVault()
    psk = vaults.ask("Kv-A", "psk")
    assert psk
    assert vaults.ask("kv-a", "psk") == psk  # always the same, so that a second up is quiet
    assert vaults.ask("kv-b", "psk") != psk
    lab.store().add_fault("missing", type="secret", name="psk", verb="read", count=1, options={})
    assert vaults.ask("kv-a", "psk") is None
    monkeypatch.setenv("SITEKIT_GRAPH_TOKEN", "of another lab")
    with pytest.raises(SitekitError, match="refuses whoever is signed in"):
        vaults.ask("kv-a", "psk")
    vaults.close()
    monkeypatch.setenv("PATH", os.environ["PATH"].partition(os.pathsep)[2])
    assert variables["PATH"].split(os.pathsep)[0] == str(place / "bin")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "passphrase").stat().st_mode) == 0o600
    monkeypatch.setenv("PATH", variables["PATH"])
    assert cloud.environment(place)["PATH"] == variables["PATH"]  # not twice in front
    launcher = shutil.which("pulumi-resource-azuread")
    assert launcher == str(place / "bin" / "pulumi-resource-azuread")
    process = subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE, cwd="/")
    assert process.stdout
    assert int(process.stdout.readline()) > 0
    process.kill()
    process.communicate()

    assert cloud.down(place) is True
    assert cloud.down(place) is False
    assert shutil.which("pulumi-resource-azuread") is None
    with pytest.raises(lab_folder.LabError, match="is down"):
        cloud.environment(place)
    with pytest.raises(OSError, match=r"."):
        ping(lab.port, "x")
    # What was in it is still there, and the server has its old port.
    store = Store(place / lab_folder.STORE)
    token = store.setting("token")
    store.close()
    assert cloud.up(place).port == lab.port
    assert cloud.environment(place)["SITEKIT_GRAPH_TOKEN"] == token
    cloud.down(place, remove=True)
    assert not (place / lab_folder.STORE).exists()


def test_two_at_once_start_one_server(place: Path) -> None:
    code = (
        "from pathlib import Path; from sitekit.lab import cloud; "
        f"print(cloud.up(Path({str(place)!r})).port)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env)
        for _ in range(3)
    ]
    ports = {process.communicate()[0] for process in started}
    assert len(ports) == 1
    assert ports != {""}


def test_a_strange_server_is_left_alone(place: Path) -> None:
    lab = cloud.up(place)
    other = place.parent / "other"
    shutil.copytree(place, other, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    # The copy names a server of another folder: it is neither used nor ended.
    assert lab_folder.running(other) is None
    cloud.down(other)
    assert lab_folder.running(place) == lab.port


def test_a_killed_server_is_started_again(place: Path) -> None:
    import signal

    cloud.up(place)
    known = json.loads((place / "graph.json").read_text())
    os.kill(known["pid"], signal.SIGKILL)
    while lab_folder.running(place):
        pass
    assert cloud.down(place) is False
    lab = cloud.up(place)
    assert lab.port
    assert json.loads((place / "graph.json").read_text())["pid"] != known["pid"]


def test_the_table_is_made_again_for_other_versions(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    original = json.loads((place / catalogue.FILE).read_text())
    monkeypatch.setattr(catalogue, "join", lambda: made.append(1) or original)
    told: list[str] = []
    lab_folder._types(place, told.append)
    assert made == told == []
    older = {
        **original,
        "schema": {**original["schema"], "versions": {"azure-native": "1", "azuread": "1"}},
    }
    (place / catalogue.FILE).write_text(json.dumps(older))
    lab_folder._types(place, told.append)
    assert made == [1]
    assert told == ["reading what the provider packages accept, once"]


def test_no_lab_and_no_types(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no lab cloud"):
        cloud.environment(tmp_path)
    (tmp_path / "cloud.sqlite").write_text("hello, this is not a database at all, honestly not")
    with pytest.raises(StoreError, match="is not a lab cloud"):
        cloud.find(tmp_path)
    with pytest.raises(catalogue.CatalogueError, match="is missing"):
        catalogue.load(tmp_path / catalogue.FILE)


def test_loading_the_package_loads_nothing_else() -> None:
    code = (
        "import sys, sitekit.lab.cloud as c, sitekit.cli.lab\n"
        "bad = {'pulumi', 'grpc', 'yaml', 'http.server', 'sqlite3'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr


# --- verbs -------------------------------------------------------------------------------------


def test_the_verbs(tmp_path: Path, joined: dict[str, Any]) -> None:
    organisation = copy_of_horizon(tmp_path)
    place = organisation / ".sitekit" / "lab"
    place.mkdir(parents=True)
    (place / catalogue.FILE).write_text(json.dumps(joined))

    def run(*words: object, code: int = 0) -> str:
        done = sitekit("lab", "cloud", *words, folder=organisation)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    assert "sitekit lab cloud up" in run("show", code=2)  # says what to do
    try:
        answer = json.loads(sitekit("lab", "cloud", "up", "--json", folder=organisation).stdout)
        assert answer["folder"] == str(place)
        assert "answers on http://127.0.0.1:" in run("up")
        domains = {
            row["name"] for row in json.loads(run("show", "--json")) if row["type"] == "domain"
        }
        assert "horizon.example" in domains
        assert "kinolune.example" not in domains  # it has a tenant of its own
        variables = json.loads(run("env", "--json"))
        assert variables["ARM_TENANT_ID"] == "6f1d2c3b-4a59-4e68-8b7c-9d0e1f2a3b4c"
        script = run("env")
        assert f"export SITEKIT_GRAPH_URL={variables['SITEKIT_GRAPH_URL']}" in script
        assert "export PATH=" in script
        assert script.splitlines()[0].endswith(':"$PATH"')

        connection = HTTPConnection(
            "127.0.0.1", int(variables["SITEKIT_GRAPH_URL"].rpartition(":")[2])
        )
        headers = {"Authorization": f"Bearer {variables['SITEKIT_GRAPH_TOKEN']}"}
        body = {
            "displayName": "Ana",
            "userPrincipalName": "ana@horizon.example",
            "mailNickname": "ana",
            "accountEnabled": True,
            "passwordProfile": {"password": "Not-a-real-1"},
        }
        connection.request("POST", "/users", json.dumps(body), headers)
        assert connection.getresponse().read()
        connection.close()
        assert "ana@horizon.example (user)" in run("show")
        assert 'department is "Edit"' in run(
            "set", "User", "ana@horizon.example", "department", "Edit"
        )
        assert "nothing is a User called bob" in run(
            "set", "User", "bob", "department", "x", code=2
        )
        assert "has nothing at" in run(
            "set", "User", "ana@horizon.example", "businessPhones.0", "1", code=2
        )
        rows = json.loads(run("show", "--json"))
        assert next(row for row in rows if row["type"] == "user")["body"]["department"] == "Edit"
        assert "is gone" in run("delete", "User", "ana@horizon.example")
        assert "ana@horizon.example" in run("show", "--deleted")
        assert "2 days later" in run("pass", "2")
        assert "1 purged" in run("purge", "ana@horizon.example")
        assert "nothing deleted is called" in run("purge", "ana@horizon.example", code=2)
        assert "drift" in run("show", "--log", "10")

        assert "crash-after" in run("fault", "kinds")
        assert "fault 1: throttle, 3 times" in run(
            "fault", "add", "throttle", "--type", "User", "--count", "3"
        )
        listed = json.loads(run("fault", "list", "--json"))
        assert [(row["kind"], row["type"], row["count"]) for row in listed] == [
            ("throttle", "User", 3)
        ]
        assert "throttle" in run("fault", "list")
        assert "there is no fault 'meteor'" in run("fault", "add", "meteor", code=2)
        assert "1 cleared" in run("fault", "clear")
    finally:
        run("down", "--remove")
    assert not (place / lab_folder.STORE).exists()
    assert "there is no lab cloud" in run("down", code=2)
