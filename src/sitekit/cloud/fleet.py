"""Many stacks in the right order: platform, then subsidiaries, then sites and people.

Which stacks may run beside one another is decided here and is pure: stacks of one VPN hub queue
for it, one stack that changes identities at a time, everything else in parallel. `act` is the only
part that calls an engine; it runs one stack, in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..errors import SitekitError
from .spec import StackKind, StackPlan

IDENTITY = "identity"
ORDER = (
    frozenset({StackKind.PLATFORM}),
    frozenset({StackKind.SUBSIDIARY}),
    frozenset({StackKind.SITE, StackKind.PEOPLE}),  # neither stands on the other
)


class Action(StrEnum):
    """What to do with stacks."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stack to run: where its program is, and what it must queue for."""

    kind: StackKind
    stack: str
    project: Path  # the folder with Pulumi.yaml
    queues: frozenset[str]
    secrets: Path | None = None  # a file of secrets, for what no key vault is to be asked
    with_protected: bool = False  # destroy what holds data as well
    policy: Path | None = None  # a policy pack that the engine asks
    tenant: str = ""  # who must be signed in where Entra itself is asked
    mark: Path | None = None  # held while the stack runs; says which run was killed

    @property
    def name(self) -> str:
        """As a person reads it: `site par02`."""
        return f"{self.kind} {self.stack}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a stack ended; `changes` counts steps by what they did."""

    kind: StackKind
    stack: str
    done: bool
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    retried: bool = False
    adopted: tuple[str, ...] = ()  # made by a run that was killed, and taken over


_AT_THE_HUB = (
    ":VpnConnection",
    ":VirtualNetworkGatewayConnection",
    ":HubVirtualNetworkConnection",
    ":VirtualNetworkPeering",
)


def job_of(
    plan: StackPlan,
    projects: Path,
    *,
    secrets: Path | None = None,
    with_protected: bool = False,
    policy: Path | None = None,
    marks: Path | None = None,
) -> Job:
    """A stack as a job, with the queues that follow from its resources.

    A named location is no identity: it joins no group, and nobody waits for its copies.
    """
    queues = set()
    for spec in plan.specs:
        if spec.package in ("azuread", "sitekit") and not spec.type.endswith(":NamedLocation"):
            queues.add(IDENTITY)
        if spec.type.endswith(_AT_THE_HUB):
            queues.add(f"hub of {plan.tenant}")
    return Job(
        kind=plan.kind,
        stack=plan.stack,
        project=projects / plan.kind,
        queues=frozenset(queues),
        secrets=secrets,
        with_protected=with_protected,
        policy=policy,
        tenant=plan.tenant,
        mark=marks / f"{plan.kind}.{plan.stack}" if marks is not None else None,
    )


def waves(jobs: Iterable[Job], action: Action) -> list[list[Job]]:
    """Jobs that may be thought of together: every wave waits for the one before it.

    Destroying goes the other way round; a preview changes nothing and waits for nothing.
    """
    jobs = list(jobs)
    if action is Action.PREVIEW:
        return [jobs] if jobs else []
    order = ORDER if action is not Action.DESTROY else tuple(reversed(ORDER))
    found = [[job for job in jobs if job.kind in kinds] for kinds in order]
    return [wave for wave in found if wave]


def run(
    jobs: Sequence[Job],
    action: Action,
    act: Callable[[Job, Action], Outcome],
    executor: Executor,
    *,
    workers: int,
    on_begin: Callable[[Job], None] = lambda job: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """Run all jobs, as many at once as queues and `workers` allow; outcomes as they come.

    A wave in which a stack failed is finished, and no further wave is begun: its stacks would
    stand on something that is not there. They are not among the outcomes. Once `stopping` says
    so, what runs is waited for and nothing more is begun.
    """
    for wave in waves(jobs, action):
        failed = False
        for outcome in _wave(wave, action, act, executor, workers, on_begin, stopping):
            failed = failed or not outcome.done
            yield outcome
        if failed or stopping():
            return


def _wave(
    wave: Sequence[Job],
    action: Action,
    act: Callable[[Job, Action], Outcome],
    executor: Executor,
    workers: int,
    on_begin: Callable[[Job], None],
    stopping: Callable[[], bool],
) -> Iterator[Outcome]:
    waiting, running = list(wave), dict[Future[Outcome], Job]()
    while waiting or running:
        taken = {queue for job in running.values() for queue in job.queues}
        for job in list(waiting):
            if len(running) >= workers or stopping():
                break
            if action is not Action.PREVIEW and taken & job.queues:
                continue
            waiting.remove(job)
            taken |= job.queues
            try:
                future = executor.submit(act, job, action)
            except BrokenExecutor:
                if not running:
                    yield _lost(job)
                waiting.clear()
                break
            on_begin(job)
            running[future] = job
        if not running:
            return
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            job = running.pop(future)
            try:
                yield future.result()
            except BrokenExecutor:
                yield _lost(job)
            except SitekitError as error:  # a worker that came later and is another one
                yield Outcome(kind=job.kind, stack=job.stack, done=False, message=error.message,
                              hint=error.hint)  # fmt: skip


def _lost(job: Job) -> Outcome:
    return Outcome(
        kind=job.kind,
        stack=job.stack,
        done=False,
        message="the process that ran it was lost: nobody knows how far it came",
        hint=f"sitekit refresh {job.stack}, then run again with --resume; where the stack is "
        f"locked: pulumi cancel --stack {job.stack}",
    )
