"""What goes wrong around a stack: one message with the next step, and nothing half-recorded.

One stack goes through all of it, one cause after the other, and is finished in the end: what was
done stays done. Through whatever engine is there: a real pulumi, or the lab's own.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.organisations import copy_of_horizon, horizon
from tests.stacks.office import Office

pytest.importorskip("pulumi_azure_native")
pytestmark = pytest.mark.slow

STACK, KIND = "kin", "subsidiary"  # stands on no other stack
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"
LOCK = {
    "pid": 4711, "username": "ana", "hostname": "edit-03", "timestamp": "2026-11-24T09:00:00.1Z",
}  # fmt: skip


@dataclass
class Told:
    """What one run said, once as text and once as JSON."""

    message: str
    hint: str


class Kinolune(Office):
    """The office, and questions about its one stack."""

    @property
    def passphrase(self) -> str:
        return (self.folder / ".sitekit/lab/passphrase").read_text(encoding="utf-8").strip()

    def fault(self, kind: str, *how: str) -> None:
        self.run("lab", "cloud", "fault", "clear")
        self.run("lab", "cloud", "fault", "add", kind, "--count", "-1", *how)

    def well(self) -> None:
        self.run("lab", "cloud", "fault", "clear")

    def fails(self, verb: str, *, as_json: bool = False) -> Told:
        """Run the stack; it fails with one message and leaves nothing half-recorded."""
        yes = [] if verb == "preview" else ["--yes"]
        done = self.run(verb, STACK, *yes, *(["--json"] if as_json else []), code=3)
        assert self.environment["SITEKIT_GRAPH_TOKEN"] not in done.stdout + done.stderr
        assert self.passphrase not in done.stdout + done.stderr
        if as_json:
            (outcome,) = json.loads(done.stdout)["outcomes"]
            assert not outcome["done"]
            told = Told(outcome["message"], outcome["hint"])
        else:
            lines = done.stderr.splitlines()
            (at,) = (n for n, line in enumerate(lines) if line.startswith("error:"))
            where = f"error: {KIND} {STACK}: "
            assert lines[at].startswith(where)
            assert lines[at + 1].startswith("  hint: ")
            told = Told(lines[at].removeprefix(where), lines[at + 1].removeprefix("  hint: "))
        assert "\n" not in told.message
        assert told.hint
        assert not re.search(r"invoke of|Traceback|[{}\t]", told.message), told.message
        return told

    def resources(self) -> list[dict[str, str]]:
        """What the state has; nothing is pending in it, and nobody holds it."""
        state = self.state(STACK)["deployment"]
        assert not state.get("pending_operations")
        assert not list(self.locks().glob("*.json"))
        return [r for r in state.get("resources", []) if not r["type"].startswith("pulumi:")]

    def locks(self) -> Path:
        return (
            Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
            / ".pulumi/locks/organization/sitekit-subsidiary" / STACK
        )  # fmt: skip

    def consistent(self) -> int:
        """How many resources there are: the state has what the cloud made, and nothing else."""
        with closing(sqlite3.connect(self.folder / ".sitekit/lab/cloud.sqlite")) as store:
            rows = store.execute(
                "SELECT id FROM operation WHERE verb='create' AND outcome='OK' AND who!='graph'"
            )
            made = [str(id) for (id,) in rows]
        known = [r["id"] for r in self.resources() if r["type"].split(":")[0].startswith("azure")]
        assert sorted(known) == sorted(made)
        return len(made)

    def by_hand(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--stack", STACK, "--non-interactive", "--color", "never"],
            cwd=self.folder / "stacks" / KIND,
            env={**self.environment, "PULUMI_PYTHON_CMD": sys.executable},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinolune]:
    made = Kinolune.of(copy_of_horizon(tmp_path_factory.mktemp("failures")))
    try:
        made.run("stack", "init", STACK)
        yield made
    finally:
        made.run("lab", "cloud", "down")


def test_no_engine(office: Kinolune, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = os.pathsep.join(
        part for part in office.environment["PATH"].split(os.pathsep)
        if not (Path(part) / "pulumi").exists()
    )  # fmt: skip
    monkeypatch.setitem(office.environment, "PATH", bare)
    told = [office.fails(verb, as_json=True) for verb in ("preview", "up")]
    assert told == [Told("there is no pulumi on PATH", "sitekit doctor")] * 2


def test_a_wrong_passphrase_and_none(office: Kinolune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(office.environment, "PULUMI_CONFIG_PASSPHRASE", "that of another stack")
    told = office.fails("up")
    assert told.message == "the passphrase is not the one this stack was made with"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in told.hint
    monkeypatch.delitem(office.environment, "PULUMI_CONFIG_PASSPHRASE")
    told = office.fails("up", as_json=True)
    assert told.message == "no passphrase is set for the secrets in the state"


def test_the_rest_one_after_the_other(office: Kinolune) -> None:
    # A wrong tenant: `stack init` was right, and whoever signs in now is somebody else.
    tenant = horizon().organisation.azure.tenant
    office.run("lab", "cloud", "up", "--tenant", OTHER_TENANT, "--replication", "0")
    told = office.fails("preview", as_json=True)
    assert told.message.startswith("signed in to another tenant than organisation.yaml names")
    assert "az login --tenant" in told.hint
    refused = office.by_hand("up", "--yes", "--skip-preview")
    said = refused.stdout + refused.stderr
    assert refused.returncode not in (0, 3)
    assert "signed in to another tenant than organisation.yaml names" in said
    assert "1 thing is wrong: nothing was touched" in said
    assert "Traceback" not in said
    assert office.consistent() == 0
    office.run("lab", "cloud", "up", "--tenant", tenant, "--replication", "0")

    # Expired: asked before anything is made.
    office.fault("expired", "--verb", "invoke")
    told = office.fails("up")
    assert told == Told(
        "the sign-in has expired", "az login, then run again: what was done stays done"
    )
    assert office.consistent() == 0

    # No network, half-way: the unit was made, the rest was not.
    office.fault("offline", "--verb", "create", "--type", "AccessPackageCatalog")
    told = office.fails("up", as_json=True)
    assert told.message.startswith("the cloud does not answer, at AccessPackageCatalog kin-catalog")
    assert told.hint.startswith("check the network")
    reached = office.consistent()
    assert reached > 0

    # A permission that only what is still to be made needs.
    office.fault("forbidden", "--verb", "create", "--type", "AccessPackageCatalog")
    told = office.fails("up")
    assert told.message.startswith(
        "whoever is signed in lacks a permission, at AccessPackageCatalog kin-catalog: "
    )
    assert "Authorization_RequestDenied: Insufficient privileges" in told.message
    assert office.consistent() >= reached

    # A name that somebody else has.
    office.fault("taken", "--verb", "create", "--type", "AccessPackage")
    told = office.fails("up", as_json=True)
    assert told.message.startswith("a name is taken by somebody else")
    assert ", at AccessPackage kin-package: " in told.message
    assert "restore or purge" in told.hint
    assert office.consistent() > reached

    # A quota.
    office.fault("quota", "--verb", "create", "--type", "AccessPackageAssignmentPolicy")
    told = office.fails("up")
    assert told.message.startswith("the directory may hold no more objects, at AccessPackageAss")
    assert office.consistent() > reached
    office.well()

    # Locked: a run that was killed, or is still going; previews are not held up.
    office.locks().mkdir(parents=True, exist_ok=True)
    lock = office.locks() / "0d3f4e7a-1111-4222-8333-444455556666.json"
    lock.write_text(json.dumps(LOCK), encoding="utf-8")
    told = office.fails("up")
    assert told.message.startswith("another run holds the lock of this stack, or was killed")
    assert "ana@edit-03 (pid 4711)" in told.message
    assert f"pulumi cancel --stack {STACK}" in told.hint
    assert office.by_hand("cancel", "--yes").returncode == 0  # the hint, followed
    assert not lock.exists()

    # Nothing in the way any more: the same command finishes, and the next has nothing to do.
    assert set(office.stacks("up", STACK)[STACK]) == {"create", "same"}
    assert set(office.stacks("up", STACK)[STACK]) == {"same"}
    office.consistent()
