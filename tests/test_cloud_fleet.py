"""Many stacks: their order, their queues, what a failure means, and what is remembered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sitekit.cli.stacks import _Memory
from sitekit.cloud import StackKind, StackPlan, all_plans
from sitekit.cloud.automation import AGAIN, MEANINGS, act, meaning
from sitekit.cloud.fleet import IDENTITY, Action, Job, Outcome, job_of, run, waves
from tests.organisations import WRITTEN, horizon

PLANS = tuple(all_plans(horizon(), today=WRITTEN))
JOBS = [job_of(plan, Path("stacks")) for plan in PLANS]


class Engine:
    """Notes who runs beside whom."""

    def __init__(self, *fails: str, seconds: float = 0.01) -> None:
        self.fails, self.seconds = fails, seconds
        self.order: list[str] = []
        self.running: set[Job] = set()
        self.most = 0
        self.clashes: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def act(self, job: Job, action: Action) -> Outcome:
        with self.lock:
            self.order.append(job.stack)
            self.clashes += [
                (job.stack, other.stack) for other in self.running if other.queues & job.queues
            ]
            self.running.add(job)
            self.most = max(self.most, len(self.running))
        time.sleep(self.seconds)
        with self.lock:
            self.running.remove(job)
        return Outcome(kind=job.kind, stack=job.stack, done=job.stack not in self.fails)


def outcomes(
    engine: Engine, action: Action, *, jobs: Sequence[Job] = JOBS, workers: int = 4
) -> list[Outcome]:
    with ThreadPoolExecutor(workers) as pool:
        return list(run(jobs, action, engine.act, pool, workers=workers))


def test_stacks_wait_for_what_they_stand_on() -> None:
    engine = Engine()
    ended = outcomes(engine, Action.UP)
    kinds = [outcome.kind for outcome in ended]
    assert kinds == sorted(kinds, key=list(StackKind).index)
    assert engine.order[0] == "hrz"
    assert len(ended) == len(PLANS)


def test_destroying_goes_the_other_way_round() -> None:
    engine = Engine()
    outcomes(engine, Action.DESTROY)
    assert engine.order[-1] == "hrz"
    assert set(engine.order[: len(horizon().sites)]) == set(horizon().sites)


@pytest.mark.parametrize("action", [Action.UP, Action.REFRESH, Action.DESTROY])
def test_nobody_runs_beside_somebody_of_the_same_queue(action: Action) -> None:
    engine = Engine()
    outcomes(engine, action, workers=8)
    assert engine.clashes == []


def test_a_preview_changes_nothing_and_waits_for_nobody() -> None:
    engine = Engine(seconds=0.05)
    outcomes(engine, Action.PREVIEW, workers=5)
    assert engine.most == 5
    assert [len(wave) for wave in waves(JOBS, Action.PREVIEW)] == [len(JOBS)]


def test_what_shares_nothing_runs_together_but_no_more_than_workers() -> None:
    free = [
        Job(kind=StackKind.SITE, stack=f"s{n}", project=Path(), queues=frozenset())
        for n in range(9)
    ]
    engine = Engine(seconds=0.05)
    outcomes(engine, Action.UP, jobs=free, workers=3)
    assert engine.most == 3


def test_nothing_is_begun_on_something_that_failed() -> None:
    engine = Engine("hpo")
    ended = outcomes(engine, Action.UP)
    assert {outcome.stack for outcome in ended} == {"hrz", *horizon().subsidiaries}
    assert [o.stack for o in ended if not o.done] == ["hpo"]


def test_queues_follow_from_what_a_stack_holds() -> None:
    queues = {job.stack: job.queues for job in JOBS}
    assert queues["hrz"] == queues["hmp"] == {IDENTITY}
    hub = f"hub of {horizon().organisation.azure.tenant}"
    assert queues["par02"] == {hub}  # a named location alone is no identity


# --- failures ------------------------------------------------------------------------------------

SAID = {
    "another run holds the lock": "error: the stack is currently locked by 1 lock(s). Either wait",
    "the passphrase is not the one": "error: getting secrets manager: incorrect passphrase",
    "no passphrase is set": "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or",
    "signed in to another tenant": "error: signed in to tenant 1234, and organisation.yaml says 5",
    "the sign-in has expired": "error: AADSTS700082: The refresh token has expired due to",
    "the secret of the application": "error: AADSTS7000222: The provided client secret keys for",
    "nobody is signed in": "error: Please run 'az login' to setup account.",
    "the directory may hold no more": (
        "error: unexpected status 403 (403 Forbidden) with error: Directory_QuotaExceeded: The"
    ),
    "lacks a permission": 'error: Status=403 Code="AuthorizationFailed" Message="The client',
    "the cloud does not answer": "error: dial tcp: lookup management.azure.com: no such host",
    "a quota of the subscription": 'error: Status=409 Code="QuotaExceeded" Message="x"',
    "a name is taken": 'error: Status=409 Code="StorageAccountAlreadyTaken" Message="x"',
    "a lock in Azure forbids it": 'error: Status=409 Code="ScopeLocked" Message="The scope cannot',
    "a protected resource": 'error: resource "urn" cannot be deleted\nbecause it is protected.',
    "a guardrail refuses it: g must carry": (
        "Policies:\n    sitekit-guardrails@v0.0.1 (local: ../policy)\n"
        "        - [mandatory]  owner-tag  (azure-native:resources:ResourceGroup: g)\n"
        "          Carry the tag owner (a source)\n"
        "          g must carry the tag owner: give the group the tag owner\n"
    ),
    "something that this stack hangs on": (
        'error: Status=400 Code="InvalidResourceReference" Message="Resource /subscriptions/s/'
        "virtualWans/vwan-hrz-frc referenced by resource /subscriptions/s/vpnSites/vst-par02 was "
        'not found. Please make sure that the referenced resource exists"'
    ),
    "this stack was never begun": "error: no stack named 'par02' found",
    "a plug-in of Pulumi": "error: no resource plugin 'pulumi-resource-azuread' found in the",
}


@pytest.mark.parametrize(("message", "text"), SAID.items())
def test_each_failure_is_one_message_with_the_next_step(message: str, text: str) -> None:
    said, hint = meaning(f"code: 1\nstderr:\n{text}\n    error: update failed\n", "par02")
    assert message in said
    assert hint
    assert "{" not in hint
    assert "\n" not in said


# The same, in other words of the services: newer clients, Entra, the names of other limits.
ALSO = [
    ("signed in to another tenant", "Status=401 Code=\"InvalidAuthenticationTokenTenant\" Message"),
    ("signed in to another tenant", "AADSTS50020: User account 'ana' from identity provider"),
    ("the sign-in has expired", 'Status=401 Code="ExpiredAuthenticationToken" Message="The'),
    ("the sign-in has expired", "AADSTS70043: The refresh token has expired or is invalid due"),
    ("the sign-in has expired", "InvalidAuthenticationToken: Lifetime validation failed, the "
     "token is expired."),
    ("nobody is signed in", "DefaultAzureCredential: failed to acquire a token."),
    ("nobody is signed in", "building authorizer for https://management.azure.com: obtaining"),
    ("lacks a permission", "Authorization_RequestDenied: Insufficient privileges to complete"),
    ("the cloud does not answer", "read tcp 10.0.0.4:52114->192.0.2.7:443: i/o timeout"),
    ("the cloud does not answer", "graph.microsoft.com cannot be reached (ConnectError)"),
    ("a quota of the subscription", 'Code="PublicIPCountLimitReached" Message="Cannot create'),
    ("a quota of the subscription", "Operation could not be completed as it results in exceeding "
     "approved Total Regional Cores quota."),
    ("a name is taken", 'Code="VaultAlreadyExists" Message="The vault name is already in use.'),
    ("a name is taken", 'Message="A vault with the same name already exists in deleted state.'),
    ("a name is taken", "Another object with the same value for property userPrincipalName"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "text"), ALSO)
def test_other_words_mean_the_same(message: str, text: str) -> None:
    said, hint = meaning(f"stderr:\n    error: {text}\n", "par02")
    assert said.startswith(message) or message in said
    assert hint


def test_a_meaning_names_the_resource_and_who_holds_a_lock() -> None:
    text = (
        "Diagnostics:\n  pulumi:pulumi:Stack (sitekit-site-par02):\n    error: update failed\n\n"
        "  azure-native:storage:StorageAccount (par02-storage):\n"
        '    error: Status=409 Code="StorageAccountAlreadyTaken" Message="The name is taken."\n'
    )
    said, _ = meaning(text, "par02")
    assert said.startswith("a name is taken by somebody else")
    assert ", at StorageAccount par02-storage: Status=409" in said
    held = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) "
        "to end or delete the lock file with `pulumi cancel`.\n"
        "  file:///x/1.json: created by ana@edit-03 (pid 4711) at 2026-11-24T09:00:00Z\n"
    )
    said, hint = meaning(held, "par02")
    assert said.endswith("ana@edit-03 (pid 4711) at 2026-11-24T09:00:00Z")
    assert "pulumi cancel --stack par02" in hint


def test_a_refusal_over_many_lines_is_one() -> None:
    text = (
        "  azure-native:resources:ResourceGroup (par02-group):\n"
        "    error: PUT https://management.azure.com/subscriptions/1/resourcegroups/rg\n"
        "    -----\n    RESPONSE 403: 403 Forbidden\n    ERROR CODE: AuthorizationFailed\n"
        '    {\n      "error": {\n        "code": "AuthorizationFailed",\n'
        '        "message": "The client may not do this."\n      }\n    }\n'
    )
    said, _ = meaning(text, "par02")
    assert said == (
        "whoever is signed in lacks a permission, at ResourceGroup par02-group: "
        "AuthorizationFailed: The client may not do this."
    )


def test_every_meaning_has_a_case() -> None:
    texts = list(SAID.values())
    import re

    for known in MEANINGS:
        assert any(re.search(known.pattern, text, re.IGNORECASE) for text in texts), known.pattern


def test_what_nobody_knows_is_told_in_the_words_of_the_cloud() -> None:
    text = (
        "stderr:\n  azure-native:network:VirtualNetwork (par02-network):\n"
        '    error: Status=400 Code="NetcfgInvalidSubnet" Message="Subnet is not valid"\n'
        "  pulumi:pulumi:Stack:\n    error: update failed\n"
    )
    said, hint = meaning(text, "par02")
    assert said == (
        "VirtualNetwork par02-network: "
        'Status=400 Code="NetcfgInvalidSubnet" Message="Subnet is not valid"'
    )
    assert "--stack par02" in hint


def test_what_the_program_refuses_keeps_its_own_hint() -> None:
    text = (
        "  error: nobody is signed in for key vaults; az login; or --secrets FILE\n"
        "    error: 1 thing is wrong: nothing was touched\n    error: update failed\n"
    )
    said = meaning(text, "par02")
    assert said == ("nobody is signed in for key vaults", "az login; or --secrets FILE")


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("error: unexpected status 404 with error: Request_ResourceNotFound: Resource", True),
        ("error: unexpected status 429 (429 Too Many Requests)", True),
        ("error: Status=404 ResourceGroupNotFound", False),
        ("error: Status=409 Conflict", False),
    ],
)
def test_only_what_passes_by_itself_is_tried_again(text: str, again: bool) -> None:
    assert bool(AGAIN.search(text)) is again


def failing(monkeypatch: pytest.MonkeyPatch, *answers: Outcome) -> Callable[[], int]:
    left = list(answers)
    monkeypatch.setattr("sitekit.cloud.automation._once", lambda job, action: left.pop(0))
    return lambda: len(left)


def outcome(done: bool, message: str = "") -> Outcome:
    return Outcome(kind=StackKind.SITE, stack="par02", done=done, message=message)


def test_one_retry_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    late = outcome(False, "error: Request_ResourceNotFound")
    left = failing(monkeypatch, late, outcome(True), outcome(True))
    ended = act(JOBS[-1], Action.UP)
    assert (ended.done, ended.retried, left()) == (True, True, 1)
    left = failing(monkeypatch, late, late, outcome(True))
    ended = act(JOBS[-1], Action.UP)
    assert (ended.done, ended.retried, left()) == (False, True, 1)
    left = failing(monkeypatch, outcome(False, "error: Conflict"), outcome(True))
    ended = act(JOBS[-1], Action.UP)
    assert (ended.done, ended.retried, left()) == (False, False, 1)


# --- what is remembered --------------------------------------------------------------------------


def memory(folder: Path, action: Action, *, resume: bool, plans: Sequence[StackPlan] = PLANS):
    return _Memory(folder / "stacks.json", action, plans, resume=resume)


def test_what_ended_well_is_left_out_and_what_changed_since_is_not(tmp_path: Path) -> None:
    first = memory(tmp_path, Action.UP, resume=False)
    for plan in PLANS:
        first.keep(Outcome(kind=plan.kind, stack=plan.stack, done=plan.stack != "par02"))
    again = memory(tmp_path, Action.UP, resume=True)
    assert [p.stack for p in PLANS if not again.knows(p)] == ["par02"]
    assert not any(memory(tmp_path, Action.UP, resume=False).knows(p) for p in PLANS)
    later = tuple(all_plans(horizon(), today=WRITTEN.replace(year=2027)))
    changed = memory(tmp_path, Action.UP, resume=True, plans=later)
    assert not changed.knows(later[-1])  # its budget begins in another month
    memory(tmp_path, Action.DESTROY, resume=False).keep(
        Outcome(kind=StackKind.SITE, stack="par01", done=True)
    )
    assert not next(
        memory(tmp_path, Action.UP, resume=True).knows(p) for p in PLANS if p.stack == "par01"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"up": 3}', '{"up": {"site/par01": 1}}'])
def test_a_memory_that_cannot_be_read_remembers_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "stacks.json").write_text(text, encoding="utf-8")
    assert not any(memory(tmp_path, Action.UP, resume=True).knows(p) for p in PLANS)


def test_a_memory_holds_marks_alone(tmp_path: Path) -> None:
    made = memory(tmp_path, Action.UP, resume=False)
    made.keep(Outcome(kind=StackKind.SITE, stack="par02", done=True, message="secret?"))
    text = (tmp_path / "stacks.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["up"]
    assert "secret" not in text
