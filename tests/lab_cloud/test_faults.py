"""What can go wrong on purpose, in this process and across processes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sitekit.lab.cloud import arm, catalogue, faults, wire
from sitekit.lab.cloud.base import Account, Refused
from sitekit.lab.cloud.folder import SUBSCRIPTION, TENANT
from sitekit.lab.cloud.store import Store
from tests.lab_cloud import world
from tests.lab_cloud.world import EXAMPLES, SPECIAL, Engine, Process

CODES = grpc.StatusCode


def add(store: Store, kind: str, **how: Any) -> int:
    chosen = {"type": "*", "name": "*", "verb": "*", "count": 1, "options": {}, **how}
    return store.add_fault(kind, **chosen)


@pytest.mark.parametrize(
    ("kind", "key", "words", "code"),
    [
        ("refuse", "group", 'Status=400 Code="BadRequest"', CODES.INVALID_ARGUMENT),
        ("refuse", "ana", "Request_BadRequest", CODES.INVALID_ARGUMENT),
        ("missing", "group", "ResourceNotFound", CODES.NOT_FOUND),
        (
            "missing",
            "ana",
            "unexpected status 404 (404 Not Found) with error: Request_ResourceNotFound",
            CODES.NOT_FOUND,
        ),
        ("conflict", "ana", "Directory_ConcurrencyViolation", CODES.FAILED_PRECONDITION),
        ("quota", "group", "QuotaExceeded", CODES.PERMISSION_DENIED),
        ("quota", "ana", "Directory_QuotaExceeded", CODES.PERMISSION_DENIED),
        ("expired", "group", "ExpiredAuthenticationToken", CODES.UNAUTHENTICATED),
        ("expired", "ana", "InvalidAuthenticationToken", CODES.UNAUTHENTICATED),
        ("forbidden", "group", "AuthorizationFailed", CODES.PERMISSION_DENIED),
        ("forbidden", "ana", "Authorization_RequestDenied", CODES.PERMISSION_DENIED),
        ("offline", "group", "no such host", CODES.UNAVAILABLE),
        ("unknown", "ana", "unexpected error", CODES.UNKNOWN),
    ],
)
def test_a_fault_strikes_once_and_nothing_is_half_made(
    engine: Engine, store: Store, kind: str, key: str, words: str, code: grpc.StatusCode
) -> None:
    add(store, kind, verb="create")
    before = len(store.find())
    with pytest.raises(grpc.RpcError) as error:
        engine.example(key)
    assert words in (error.value.details() or "")
    assert error.value.code() == code
    assert len(store.find()) == before
    engine.example(key)  # the next time it works
    assert store.faults() == []


@pytest.mark.parametrize("verb", ["read", "update", "delete"])
def test_every_verb_can_fail(engine: Engine, store: Store, verb: str) -> None:
    made = engine.example("group")
    add(
        store,
        "refuse",
        verb=verb,
        options={"code": "Teapot", "message": "short and stout", "status": 418},
    )
    call = {
        "read": lambda: engine.read(made),
        "update": lambda: engine.update(made, {**made.inputs, "tags": {}}),
        "delete": lambda: engine.delete(made),
    }[verb]
    with pytest.raises(grpc.RpcError, match="short and stout"):
        call()
    call()


def test_faults_meet_types_and_names(engine: Engine, store: Store) -> None:
    add(store, "refuse", type="VirtualNetwork", name="vnet-lab2", count=-1)
    add(store, "refuse", type="*:Group", name="Edi*", count=-1)
    engine.example("vnet")
    engine.example("staff")
    for key in ("vnet2", "dynamic"):
        with pytest.raises(grpc.RpcError):
            engine.example(key)
        with pytest.raises(grpc.RpcError):
            engine.example(key)  # until cleared
    assert store.clear_faults() == 2
    engine.example("vnet2")


@pytest.mark.parametrize(
    ("kind", "key", "code"),
    [
        ("throttle", "ana", CODES.RESOURCE_EXHAUSTED),
        ("throttle", "group", CODES.RESOURCE_EXHAUSTED),
        ("unavailable", "group", CODES.UNAVAILABLE),
        ("conflict", "group", CODES.FAILED_PRECONDITION),
    ],
)
def test_three_are_ridden_out_as_the_providers_do(
    engine: Engine, store: Store, kind: str, key: str, code: grpc.StatusCode
) -> None:
    add(store, kind, count=4)
    with pytest.raises(grpc.RpcError) as error:
        engine.example(key)
    assert error.value.code() == code
    add(store, kind, count=3)
    engine.example(key)
    assert store.faults() == []


def test_half_way(engine: Engine, store: Store) -> None:
    add(store, "half", verb="create", options={"message": "the gateway did not come up"})
    token = EXAMPLES["group"]["type"]
    inputs, _ = engine.check(token, EXAMPLES["group"]["inputs"])
    with pytest.raises(grpc.RpcError) as error:
        engine.stub(token).Create(
            provider_pb2.CreateRequest(**engine.ask(token, "x"), properties=wire.to_struct(inputs))
        )
    detail = init_failed(error.value)
    assert detail.id.endswith("/resourceGroups/rg-lab")
    assert list(detail.reasons) == ["the gateway did not come up"]
    assert wire.from_struct(detail.inputs) == inputs
    made = world.Made("x", token, detail.id, inputs, wire.from_struct(detail.properties))
    found = engine.read(made)
    assert found is not None
    assert found.outputs["properties"]["provisioningState"] == "Failed"
    engine.update(made, inputs)  # what the engine does next
    assert "failed" not in store.find(type=token)[0].extra


def init_failed(error: grpc.RpcError) -> Any:
    from google.rpc import status_pb2

    raw = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(raw)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return detail


# --- operations that take their time -----------------------------------------------------------


@pytest.fixture
def slow(tmp_path: Path, joined: dict[str, Any]) -> Path:
    # Half an hour of a gateway is one second; ten seconds of replication are 5 ms.
    return world.make_folder(tmp_path / "slow", joined, scale=1800)


def test_gateways_are_slow_and_busy(slow: Path) -> None:
    with world.in_process(slow) as engine:
        store = Store(slow / "cloud.sqlite")
        hub = engine.example("hub")
        started = time.monotonic()
        maker = threading.Thread(target=engine.example, args=("gateway",))
        maker.start()
        while not (found := store.find(type=EXAMPLES["gateway"]["type"])):
            time.sleep(0.01)
        seen = engine.imported(found[0].type, found[0].id)
        assert seen is not None
        assert seen.outputs["provisioningState"] == "Updating"
        with pytest.raises(grpc.RpcError, match="AnotherOperationInProgress"):
            engine.delete(seen)
        maker.join()
        assert time.monotonic() - started > 0.9
        made = engine.made["gateway"]
        assert made.outputs["provisioningState"] == "Succeeded"
        assert engine.read(hub) is not None


def test_two_tunnels_at_once_get_in_each_others_way(slow: Path) -> None:
    with world.in_process(slow) as engine:
        engine.example("gateway")
        first = {
            **EXAMPLES["site"]["inputs"],
            "vpnSiteName": "site-lyo01",
            "vpnSiteLinks": [
                {
                    "name": "wan1",
                    "ipAddress": "198.51.100.30",
                    "bgpProperties": {"asn": 65002, "bgpPeeringAddress": "10.66.0.1"},
                }
            ],
        }
        engine.example("site")
        lyon = engine.create(EXAMPLES["site"]["type"], engine.filled(first), "lyo01")
        maker = threading.Thread(target=engine.example, args=("tunnel",))
        maker.start()
        store = Store(slow / "cloud.sqlite")
        while not store.find(type=EXAMPLES["tunnel"]["type"]):
            time.sleep(0.01)
        inputs = {
            "resourceGroupName": "rg-lab",
            "gatewayName": "vpngw-lab",
            "connectionName": "conn-lyo01",
            "remoteVpnSite": {"id": lyon.id},
            "vpnLinkConnections": [
                {"name": "wan1", "vpnSiteLink": {"id": f"{lyon.id}/vpnSiteLinks/wan1"}}
            ],
        }
        cloud = arm.Arm(store, catalogue.load(slow / catalogue.FILE), Account(TENANT, SUBSCRIPTION))
        with pytest.raises(Refused, match="Another operation"):
            cloud.create(EXAMPLES["tunnel"]["type"], inputs)
        # The provider tries again after 20, 60 and 120 seconds; the first tunnel takes 180.
        engine.create(EXAMPLES["tunnel"]["type"], inputs, "lyo01")
        maker.join()


# --- processes ---------------------------------------------------------------------------------


def call(process: Process, token: str, inputs: dict[str, Any], name: str) -> Any:
    asked = {"urn": f"urn:pulumi:test::lab::{token}::{name}", "name": name, "type": token}
    checked = process.stub.Check(
        provider_pb2.CheckRequest(
            **asked, olds=wire.to_struct({}), news=wire.to_struct(inputs), randomSeed=b"1"
        )
    )
    assert not checked.failures
    return process.stub.Create(provider_pb2.CreateRequest(**asked, properties=checked.inputs))


USER = EXAMPLES["ana"]["type"]


def user(number: int) -> dict[str, Any]:
    return {
        "displayName": f"U{number}",
        "userPrincipalName": f"u{number}@lab.example",
        "password": "Not-a-real-1",
    }


@pytest.mark.parametrize(("kind", "exists"), [("crash", False), ("crash-after", True)])
def test_a_plug_in_dies_in_the_middle(folder: Path, store: Store, kind: str, exists: bool) -> None:
    process = Process("azuread", folder)
    add(store, kind, type="User")
    with pytest.raises(grpc.RpcError) as error:
        call(process, USER, user(1), "u1")
    assert error.value.code() in (CODES.UNAVAILABLE, CODES.CANCELLED)
    process.process.wait(timeout=10)
    assert process.end() == 3
    assert bool(store.find(type="user")) == exists
    again = Process("azuread", folder)
    try:
        if exists:  # what is there is not made twice
            with pytest.raises(grpc.RpcError, match="already exists"):
                call(again, USER, user(1), "u1")
        else:
            call(again, USER, user(1), "u1")
    finally:
        again.end()
    assert len(store.find(type="user")) == 1


def test_killed_at_any_moment_the_file_stays_whole(folder: Path, store: Store) -> None:
    for round in range(5):
        process = Process("azuread", folder)

        def write(process: Process = process, round: int = round) -> None:
            for number in range(200):
                try:
                    call(process, USER, user(round * 1000 + number), "u")
                except grpc.RpcError:
                    return

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.05 + 0.07 * round)
        process.end()
        writer.join()
        users = store.find(type="user")
        names = {thing.body["userPrincipalName"] for thing in users}
        assert len(names) == len(users)
        for thing in users:  # an object and its name are there together
            assert store.holder(f"entra/userprincipalname/{thing.name}") == thing.key
    assert store._connection().execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_two_plug_ins_on_one_file(folder: Path, store: Store) -> None:
    processes = [Process("azuread", folder), Process("azuread", folder)]
    won: list[int] = []
    lost: list[int] = []

    def write(process: Process) -> None:
        for number in range(30):
            try:
                call(process, USER, user(number), "u")
                won.append(number)
            except grpc.RpcError as error:
                assert error.code() == CODES.ALREADY_EXISTS  # noqa: PT017
                lost.append(number)

    threads = [threading.Thread(target=write, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.end()
    assert sorted(won) == sorted(lost) == list(range(30))
    assert len(store.find(type="user")) == 30


def test_a_plug_in_ends_with_its_engine(folder: Path) -> None:
    import subprocess
    import sys

    script = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'sitekit.lab.cloud.run', 'azuread', "
        f"{str(folder)!r}],"
        " stdout=subprocess.PIPE)\n"
        "p.stdout.readline()\nprint(p.pid, flush=True)\ntime.sleep(60)\n"
    )
    env = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env)
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and _runs(child):
        time.sleep(0.1)
    assert not _runs(child)


def _runs(process: int) -> bool:
    """Whether it runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_bug_would_be(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from sitekit.lab.cloud import arm

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(arm.Arm, "create", broken)
    with pytest.raises(grpc.RpcError) as error:
        engine.example("group")
    assert error.value.code() == CODES.ABORTED
    assert "hunter2" not in (error.value.details() or "")


def test_engines_that_send_secrets_get_them_back_marked(folder: Path) -> None:
    with world.in_process(folder, accept_secrets=True) as engine:
        inputs = {**EXAMPLES["bob"]["inputs"], "password": wire.secret("Not-a-real-2")}
        del inputs["managerId"]
        made = engine.create(USER, inputs)
        assert made.inputs["password"] == wire.secret("Not-a-real-2")
        found = engine.read(made)
        assert found is not None
        assert found.inputs["password"] == wire.secret("Not-a-real-2")
    assert set(SPECIAL) == {"tenant", "subscription"}
    assert set(faults.KINDS) >= {"refuse", "half", "crash"}
