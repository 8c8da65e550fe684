"""Stacks on a Dask cluster of two real workers: what they need, what travels, what comes back."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import pytest

from sitekit.cloud import StackKind
from sitekit.cloud.fleet import Action, Job, Outcome, run
from sitekit.cloud.workers import complaint, digest, needs, refuse, states
from sitekit.errors import SitekitError
from tests.organisations import copy_of_horizon
from tests.stacks.office import Office
from tests.test_cluster import a_cluster

if "CI" not in os.environ:  # there it has to be installed
    pytest.importorskip("distributed")

NAMES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL",
         "SITEKIT_LAB", "SITEKIT_GRAPH_URL", "ARM_TENANT_ID")  # fmt: skip
SECRET = "quite a passphrase nobody shall see"


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Projects with states beside them, an engine on PATH, and nothing else in the environment."""
    pytest.importorskip("pulumi")
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for kind in StackKind:
        project = tmp_path / "stacks" / kind
        project.mkdir(parents=True)
        (project / "Pulumi.yaml").write_text(f"name: {kind}\nbackend:\n  url: file://../.state\n")
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "pulumi").write_text("#!/bin/sh\n")
    (bin / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin))
    return tmp_path / "stacks"


def test_a_worker_like_this_machine_is_fine(stacks: Path) -> None:
    assert complaint(needs(stacks, secrets=None)) is None
    refuse({"tcp://10.0.0.6:4000": None})


def test_each_thing_that_a_worker_lacks_is_told_with_the_next_step(
    stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text('env:X: "y"\n')
    secrets.chmod(0o600)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", SECRET)
    marker = tmp_path / ".marker"
    marker.touch()
    wanted = needs(stacks, secrets=secrets, marker=marker)
    assert complaint(wanted) is None

    def said() -> str:
        found = complaint(wanted)
        assert found is not None
        assert found[1], "no next step"
        assert SECRET not in f"{found}"
        with pytest.raises(SitekitError, match=r"worker tcp://10\.0\.0\.6:4000: "):
            refuse({"tcp://10.0.0.6:4000": found})
        return found[0]

    secrets.chmod(0o644)
    assert "secrets.yaml" in said()
    secrets.unlink()
    assert "secrets.yaml" in said()
    marker.unlink()
    assert said() == f"it does not see the states in {tmp_path}"
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert said() == "it has no passphrase for the secrets in states"
    monkeypatch.setenv("SITEKIT_LAB", "/somewhere")
    assert said() == "SITEKIT_LAB is another one there than here"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://other?storage_account=stother")
    assert said() == "PULUMI_BACKEND_URL is another one there than here"
    monkeypatch.setenv("PATH", "/nowhere")
    assert said() == "there is no pulumi on its PATH"
    (stacks / "site" / "Pulumi.par02.yaml").write_text("config: {}\n")
    assert said() == f"it has other stacks in {stacks} than here"
    stacks.rename(tmp_path / "elsewhere")
    assert said() == f"it has no {stacks}"


def test_nothing_secret_is_sent(
    stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text(f'env:X: "{SECRET}"\n')
    secrets.chmod(0o600)
    for name in ("PULUMI_CONFIG_PASSPHRASE", "ARM_CLIENT_SECRET", "PULUMI_BACKEND_URL"):
        monkeypatch.setenv(name, SECRET)
    job = Job(kind=StackKind.SITE, stack="par02", project=stacks / "site", queues=frozenset(),
              secrets=secrets)  # fmt: skip
    sent = pickle.dumps((job, needs(stacks, secrets=secrets)))
    assert SECRET.encode() not in sent
    assert b"secrets.yaml" in sent  # a path


def test_states_in_files_are_found_and_others_are_not(
    stacks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert states(stacks) == stacks / ".state"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "azblob://state?storage_account=sthrzstate")
    assert states(stacks) is None
    assert digest(stacks) == digest(stacks)


class Lost(Executor):
    """Loses what it is given: at once, or later."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.at_once:
            raise BrokenExecutor("gone")
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("gone"))
        return future


@pytest.mark.parametrize("at_once", [True, False])
def test_a_lost_worker_is_an_outcome_with_the_next_step(at_once: bool) -> None:
    jobs = [
        Job(kind=kind, stack=kind.value, project=Path(), queues=frozenset({"one"}))
        for kind in (StackKind.SUBSIDIARY, StackKind.SITE)
    ]
    act: Any = None
    ended = list(run(jobs, Action.UP, act, Lost(at_once=at_once), workers=2))
    assert [(o.stack, o.done) for o in ended] == [("subsidiary", False)]  # no site is begun
    assert "was lost" in ended[0].message
    assert "sitekit refresh subsidiary" in ended[0].hint
    assert isinstance(ended[0], Outcome)


# --- with workers --------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    pytest.importorskip("pulumi_azure_native")
    made = Office.of(copy_of_horizon(tmp_path))
    try:
        made.run("stack", "init", "kin")
        yield made
    finally:
        made.run("lab", "cloud", "down")


@pytest.mark.slow
def test_a_stack_lives_on_a_cluster(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with a_cluster(folder) as strangers:  # workers outside the lab
        done = office.run("up", "kin", "--yes", "--scheduler", strangers.address, code=2)
        assert "error: worker tcp://127.0.0.1:" in done.stderr
        assert "hint: " in done.stderr
        done = office.run("up", "kin", "--yes", "--workers", "2", "--scheduler",
                          strangers.address, code=2)  # fmt: skip
        assert "--workers are of this machine" in done.stderr
    for name, value in office.environment.items():
        monkeypatch.setenv(name, value)
    inside = tmp_path / "inside"
    inside.mkdir()
    with a_cluster(inside) as made:
        at = ("--scheduler", made.address, "--json", "--secrets", str(office.secrets))
        steps = [
            json.loads(office.run(*words, "kin", *at, code=code).stdout)["outcomes"][0]["changes"]
            for words, code in (
                (("preview",), 1), (("up", "--yes"), 0), (("refresh", "--yes"), 0),
                (("destroy", "--with-protected", "--yes"), 0),
            )
        ]  # fmt: skip
        logs = "".join(path.read_text(errors="replace") for path in inside.glob("*.log"))
    assert [set(changes) for changes in steps] == [{"create"}, {"create"}, {"same"}, {"delete"}]
    assert steps[0] == steps[1]
    for value in (office.environment["PULUMI_CONFIG_PASSPHRASE"], "psk of",
                  office.environment["SITEKIT_GRAPH_TOKEN"]):  # fmt: skip
        assert value not in logs
    backend = Path(office.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    assert not list(backend.glob(".sitekit-*"))
