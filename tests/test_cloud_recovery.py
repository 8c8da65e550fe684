"""What a killed run left behind: locks of the dead, creations that are looked up, never guessed."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from sitekit.cloud import all_plans, ids, lookup, recovery, runs
from sitekit.cloud.base import entra
from sitekit.graph import Graph
from tests.organisations import WRITTEN, horizon

SUBSCRIPTION = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
TENANT = "6f1d2c3b-4a59-4e68-8b7c-9d0e1f2a3b4c"
STACK = "urn:pulumi:par02::sitekit-site::"
PROVIDER = f"{STACK}pulumi:providers:azure-native::azure::1"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-par02-frc"


def _begun(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "urn": f"{STACK}{type_}::par02-{name}", "type": type_, "custom": True,
        "inputs": dict(inputs), "provider": PROVIDER,
    }  # fmt: skip


GROUP = _begun(
    "azure-native:resources:ResourceGroup",
    "group",
    {"resourceGroupName": "rg-par02-frc", "tags": {"site": "par02"}},
)
TEAM = _begun(entra("Group"), "team", {"displayName": "team-hmp-l'image"})


class Engine:
    """Keeps a state and reads a cloud, as a refresh of some targets does."""

    def __init__(self, begun: Sequence[Mapping[str, Any]], cloud: Mapping[str, Any]) -> None:
        provider = {
            "urn": PROVIDER.rpartition("::")[0], "id": "1", "custom": True,
            "type": "pulumi:providers:azure-native", "inputs": {"subscriptionId": SUBSCRIPTION},
        }  # fmt: skip
        self.cloud = cloud
        self.commands: list[str] = []
        self.state: dict[str, Any] = {
            "version": 3,
            "deployment": {
                "resources": [provider],
                "pending_operations": [{"type": "creating", "resource": dict(e)} for e in begun],
            },
        }

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        self.commands.append(" ".join(arguments[:2]))
        if arguments[:2] == ("stack", "import"):
            self.state = json.loads(text or "")
        elif arguments[0] == "refresh":
            kept = []
            for entry in self.state["deployment"]["resources"]:
                if entry["urn"] in arguments:
                    if entry["id"] not in self.cloud:
                        continue
                    entry["outputs"] = self.cloud[entry["id"]]
                kept.append(entry)
            self.state["deployment"]["resources"] = kept
        return json.dumps(self.state)

    @property
    def held(self) -> set[str]:
        return {e["id"] for e in self.state["deployment"]["resources"]} - {"1"}

    @property
    def pending(self) -> list[Any]:
        return list(self.state["deployment"].get("pending_operations", ()))


class Entra:
    """Answers one collection; notes what was asked."""

    is_lab = True

    def __init__(self, *found: Mapping[str, Any]) -> None:
        self.found = found
        self.asked: list[Any] = []

    def require(self, tenant: str) -> None:
        assert tenant == TENANT

    def items(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        self.asked.append((path, query["$filter"]))
        yield from self.found

    def close(self) -> None:
        self.asked.append("closed")


def _settle(engine: Engine, directory: Entra | None = None) -> recovery.Settled:
    def connect() -> Graph:
        assert directory is not None, "nothing of Entra is sought"
        return cast("Graph", directory)

    return recovery.settle(engine, tenant=TENANT, connect=connect, sleep=lambda _: None)


def test_nothing_interrupted_costs_one_command() -> None:
    engine = Engine([], {})
    assert _settle(engine) == recovery.Settled()
    assert engine.commands == ["stack export"]


def test_what_the_cloud_made_belongs_to_the_stack_and_what_it_did_not_is_forgotten() -> None:
    vault = _begun("azure-native:keyvault:Vault", "vault",
                   {"resourceGroupName": "rg-par02-frc", "vaultName": "kv-par02"})  # fmt: skip
    engine = Engine([GROUP, vault], {GROUP_ID: {"tags": {"site": "par02"}}})
    assert _settle(engine) == recovery.Settled(adopted=("par02-group",), absent=("par02-vault",))
    assert engine.held == {GROUP_ID}
    assert engine.pending == []


class Cut:
    """An engine whose caller is killed before its n-th command."""

    def __init__(self, engine: Engine, commands: int) -> None:
        self.engine, self.commands = engine, commands

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        if len(self.engine.commands) == self.commands:
            raise KeyboardInterrupt
        return self.engine(*arguments, text=text)


@pytest.mark.parametrize("cut", range(1, 5))
@pytest.mark.parametrize("made", [True, False])
def test_killed_while_settling_it_is_settled_again(cut: int, made: bool) -> None:
    engine = Engine([GROUP], {GROUP_ID: {"tags": {"site": "par02"}}} if made else {})
    with pytest.raises(KeyboardInterrupt):
        recovery.settle(Cut(engine, cut), tenant=TENANT, connect=_nobody, sleep=lambda _: None)
    _settle(engine)
    assert engine.held == ({GROUP_ID} if made else set())
    assert engine.pending == []


def _nobody() -> Graph:
    raise AssertionError("nothing of Entra is sought")


def test_tags_of_somebody_else_stop_the_run_and_the_state_is_as_it_was() -> None:
    engine = Engine([GROUP], {GROUP_ID: {"tags": {"site": "another"}}})
    before = json.dumps(engine.state)
    with pytest.raises(recovery.UnsettledError, match="tags of somebody else"):
        _settle(engine)
    assert json.dumps(engine.state) == before


def test_an_object_of_entra_is_found_by_its_name() -> None:
    engine = Engine([TEAM], {"/groups/7": {}})
    directory = Entra({"id": "7", "displayName": "team-hmp-l'image"})
    assert _settle(engine, directory).adopted == ("par02-team",)
    assert directory.asked == [("/groups", "displayName eq 'team-hmp-l''image'"), "closed"]


def test_two_objects_of_one_name_are_named_and_nothing_is_done() -> None:
    engine = Engine([TEAM], {})
    named = {"displayName": "team-hmp-l'image"}
    with pytest.raises(recovery.UnsettledError, match="2 objects have that name: /groups/7, /gr"):
        _settle(engine, Entra({"id": "8", **named}, {"id": "7", **named}))
    assert len(engine.pending) == 1
    assert engine.commands == ["stack export"]


def test_an_object_that_another_resource_of_the_stack_is_cannot_be_it() -> None:
    engine = Engine([TEAM], {})
    other = {**TEAM, "urn": f"{STACK}azuread:index/group:Group::par02-other", "id": "/groups/7"}
    engine.state["deployment"]["resources"].append(other)
    directory = Entra({"id": "7", "displayName": "team-hmp-l'image"})
    assert _settle(engine, directory) == recovery.Settled(absent=("par02-team",))
    assert engine.pending == []


def test_a_type_that_nobody_can_find_again_stops_the_run() -> None:
    engine = Engine([_begun("random:index:Thing", "thing", {})], {})
    with pytest.raises(recovery.UnsettledError, match="does not know how to find out"):
        _settle(engine)


def test_every_type_of_every_plan_can_be_found_again() -> None:
    for plan in all_plans(horizon(), today=WRITTEN):
        for spec in plan.specs:
            if spec.package == "azure-native":
                assert ids.azure_id(spec.type, _named(spec.inputs), SUBSCRIPTION), spec.type
            else:
                assert lookup.known(spec.type), spec.type
                if spec.type in lookup.JOINED:
                    assert lookup.joined_id(spec.type, _named(spec.inputs)), spec.type


def _named(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in inputs.items()}


# --- locks ---------------------------------------------------------------------------------------


def _locked(pid: int, *, host: str = "", at: datetime | None = None) -> str:
    moment = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait …\n  file:///locks/1.json: "
        f"created by operator@{host or socket.gethostname()} (pid {pid}) at {moment}"
    )


def _gone() -> int:
    """The id of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_killed_run_is_known_and_a_run_that_ended_is_not(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "site.par02"
    with runs.holding(file) as before:
        assert before is None
        with (
            pytest.raises(runs.BusyError, match="another sitekit on this machine"),
            runs.holding(file),
        ):
            pass
    with runs.holding(file) as before:
        assert before is None
    code = (
        "import os, sys; from pathlib import Path; from sitekit.cloud.runs import holding\n"
        "with holding(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=False)
    with runs.holding(file) as before:
        assert before is not None
        assert before.host == socket.gethostname()
        assert runs.is_ours_and_dead(_locked(_gone()), before)


def test_a_lock_that_is_not_certainly_of_the_killed_run_is_respected() -> None:
    killed = runs.Killed(socket.gethostname(), datetime.now(UTC) - timedelta(seconds=5))
    gone = _gone()
    assert runs.is_ours_and_dead(_locked(gone), killed)
    assert not runs.is_ours_and_dead(_locked(gone), None)
    assert not runs.is_ours_and_dead(_locked(gone, host="elsewhere"), killed)
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    assert not runs.is_ours_and_dead(_locked(gone, at=earlier), killed)
    assert not runs.is_ours_and_dead("error: something else", killed)
    two = f"{_locked(gone)}\n{_locked(gone, host='elsewhere')}"
    assert not runs.is_ours_and_dead(two, killed)


def test_a_process_that_lives_holds_its_lock_and_one_that_began_later_does_not() -> None:
    now = datetime.now(UTC)
    killed = runs.Killed(socket.gethostname(), now - timedelta(days=400))
    assert not runs.is_ours_and_dead(_locked(os.getpid(), at=now), killed)
    before_us = now - timedelta(days=300)  # the number was somebody else's then
    assert runs.is_ours_and_dead(_locked(os.getpid(), at=before_us), killed)


def test_processes_of_a_killed_run_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "site.par02"
    monkeypatch.setattr(runs, "PATIENCE_S", 0.5)
    environment = os.environ | runs.environment(file)
    busy = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert busy.stdout is not None
    busy.stdout.readline()
    try:
        with pytest.raises(runs.BusyError, match=rf"still at work: {busy.pid}"), runs.holding(file):
            pass
    finally:
        busy.communicate(b"\n")
    with runs.holding(file) as before:
        assert before is None


def test_the_id_of_a_share_names_its_service() -> None:
    id = ids.azure_id(
        "azure-native:storage:FileShare",
        {"resourceGroupName": "rg", "accountName": "st", "shareName": "documents"},
        SUBSCRIPTION,
    )
    assert id is not None
    assert re.fullmatch(r".*/storageAccounts/st/fileServices/default/shares/documents", id)
