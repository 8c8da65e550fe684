"""One run: preview, up, refresh, destroy or import, from the state before to the state after.

The program's registrations arrive in a queue; one thread takes them, plans them and hands the
steps to a pool of workers. When the program is done, what it did not register is deleted, in waves.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event as Flag
from threading import Lock
from typing import Any

from . import events as telling
from .applying import Applier, ProtectedError, is_read
from .deletion import Deletions
from .faults import EngineError
from .planner import Planner
from .plugins import (
    InitError,
    Plugins,
    Provider,
    ProviderError,
)
from .policies import Policies
from .registry import Providers
from .resources import (
    STACK_TYPE,
    Graph,
    Resource,
    current,
    is_provider,
    make_urn,
)
from .run_options import Options, Summary
from .snapshot import Deployment, Pending, Snapshot
from .steps import PENDING_KINDS, BailError, Op, Outcome, Reading, Registration, Step
from .values import Properties

StackOutputs = Callable[[str], tuple[Properties, list[str]]]


class _End:
    """The program is done."""


class _Stop:
    """Nothing new is to be started."""


class Run:
    """One run over one stack."""

    def __init__(
        self,
        *,
        mode: str,
        project: str,
        stack: str,
        preview: bool,
        options: Options,
        base: Deployment,
        snapshot: Snapshot | None,
        events: telling.Events,
        plugins: Plugins,
        stack_outputs: StackOutputs,
        policies: Policies | None = None,
    ) -> None:
        self.mode, self.project, self.stack = mode, project, stack
        self.preview, self.options, self.events = preview, options, events
        self.policies = policies
        self.plugins = plugins
        self.base = list(base.resources)
        self.left_over = list(base.pending)
        self.snapshot = snapshot
        self.olds = current(self.base)
        self.graph = Graph(self.base)
        self.news: dict[str, Resource] = {}
        #: URNs whose deletion was decided.
        self.deletes: set[str] = set()
        self.providers = Providers(plugins, lambda: self.olds, self._loaded, preview=preview)
        self.planner = Planner(self)
        self._deletions = Deletions(self.planner)
        self._applier = Applier(self)
        self.summary = Summary()
        self.root_urn = ""
        self.stack_outputs = stack_outputs
        self._queue: queue.Queue[Any] = queue.Queue()
        self._pool = ThreadPoolExecutor(max_workers=max(1, options.parallel))
        self._stopped = Flag()
        self._expected = 0
        self._lock = Lock()
        self._failed_urns: set[str] = set()
        self._kept_urns: set[str] = set()
        self._component_steps: dict[str, Step] = {}
        self._root_outputs: Properties | None = None
        self._started = time.monotonic()
        self._program_failed = False

    @property
    def refresh_with_program(self) -> bool:
        """Whether resources are read when the program registers them."""
        return self.options.refresh and self.options.run_program

    @property
    def stopped(self) -> bool:
        """Whether nothing new is to be started."""
        return self._stopped.is_set()

    def _loaded(self, package: str, provider: Provider) -> None:
        from .plugins import warning

        self.events.message("warning", warning(package, provider.process.path))

    # -- told by the monitor, from other threads ---------------------------------------------------

    def register(self, registration: Registration) -> None:
        """The program registered a resource."""
        self._queue.put(registration)

    def read(self, reading: Reading) -> None:
        """The program reads a resource."""
        self._queue.put(reading)

    def outputs(self, urn: str, outputs: Properties) -> Future[None]:
        """The program registered the outputs of a component."""
        done: Future[None] = Future()
        self._queue.put((urn, outputs, done))
        return done

    def program_done(self) -> None:
        """The program has registered everything."""
        self._queue.put(_End())

    def program_failed(self, error: str, *, reported: bool) -> None:
        """The program ended with an error."""
        if not self._stopped.is_set():
            self._program_failed = True
            if error and not reported:
                self.events.message("error", error, self.root_urn)
        self._queue.put(_Stop())

    def stop(self) -> None:
        """Start nothing new."""
        self._stopped.set()
        self._queue.put(_Stop())

    def interrupt(self) -> None:
        """The person pressed Ctrl-C: once to let what runs end, twice to leave it."""
        self.summary.interrupts += 1
        if self.summary.interrupts == 1:
            kind = "preview" if self.preview else "update"
            self.summary.failed = True
            self.events.message("error", f"{kind} canceled", self.root_urn)
            self.stop()
        elif self.snapshot is not None:
            self.snapshot.abandon()

    # -- the run -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read everything in the state, and take over what was found."""
        if self.mode == "refresh" and not self.planner.check_targets(self.options.targets):
            self.fail()
            return
        steps = []
        for resource in self.base:
            if not self._to_refresh(resource):
                continue
            steps.append(Step(Op.REFRESH, old=resource, new=resource))
        try:
            for step in steps:
                old = step.old
                assert old is not None
                if is_read(old):
                    self.providers.ensure(old.provider)
        except (EngineError, ProviderError) as error:
            self.report(error, "")
            self.fail()
            return
        futures = [self._pool.submit(self._perform, [step]) for step in steps]
        for future in futures:
            future.result()
        replaced = {id(step.old): step.new for step in steps if step.found}
        self.base = [
            found
            for resource in self.base
            if (found := replaced.get(id(resource), resource)) is not None
        ]
        gone = {r.urn for r in self.base}
        for resource in self.base:
            resource.dependencies = [urn for urn in resource.dependencies if urn in gone]
        self.olds, self.graph = current(self.base), Graph(self.base)
        self._forget_pending()

    def _to_refresh(self, resource: Resource) -> bool:
        if self.options.excludes.given:
            return not self.options.excludes.names(resource.urn)
        if self.options.targets.given:
            return self.options.targets.names(resource.urn)
        return True

    def _forget_pending(self) -> None:
        """A refresh settles interrupted operations, except creations (unless it is told to)."""

        def keep(pending: Pending) -> bool:
            return pending.kind == "creating" and not self.options.clear_pending_creates

        self.left_over = [item for item in self.left_over if keep(item)]
        if self.snapshot is not None:
            self.snapshot.forget_pending(keep)

    def warn_of_pending(self) -> None:
        """Say which operations an earlier run left unfinished; forget those that will be redone."""
        if self.preview or not self.left_over:
            return
        lines = "".join(
            f"  * {item.resource.urn}, interrupted while {item.kind}\n" for item in self.left_over
        )
        self.events.message(
            "warning",
            f"Attempting to deploy or update resources with {len(self.left_over)} pending "
            f"operations from previous deployment.\n{lines}"
            "Nobody knows whether these operations were finished: look whether the lab's cloud "
            "has the resources. `pulumi refresh` settles interrupted updates and deletions, "
            "`pulumi refresh --clear-pending-creates` forgets interrupted creations.",
            self.root_urn,
        )
        self.left_over = [item for item in self.left_over if item.kind == "creating"]
        if self.snapshot is not None:
            self.snapshot.forget_pending(lambda item: item.kind == "creating")

    def execute(self) -> None:
        """Take registrations until the program is done, then delete what it left out."""
        if not self.planner.check_targets(self.options.replace):
            self.fail()
            return
        if self._take_registrations():
            self._finish()

    def _take_registrations(self) -> bool:
        """Whether the program registered everything that it wanted."""
        ended = False
        while not (ended and self._expected == 0):
            item = self._queue.get()
            if isinstance(item, _Stop) or self._stopped.is_set():
                break
            if isinstance(item, _End):
                ended = True
                continue
            self._guarded(item)
        else:
            self._pool.shutdown(wait=True)
            return not self._stopped.is_set()
        self._stopped.set()
        self._pool.shutdown(wait=True)
        if self._program_failed:
            self.summary.failed = True
        return False

    def _guarded(self, item: Any) -> None:
        """Plan one item; whatever goes wrong ends the run."""
        urn = ""
        try:
            if isinstance(item, tuple):
                self._take_outputs(*item)
            elif isinstance(item, Registration):
                urn = self.urn_of(item.goal.parent, item.goal.type, item.goal.name)
                self._submit(self.planner.register(item))
            elif isinstance(item, Reading):
                urn = self.urn_of(item.parent, item.type, item.name)
                self._submit(self.planner.read(item))
            else:
                self._expected -= 1
                self._submit(item())
        except BailError:
            self.fail()
        except (ProviderError, EngineError, ValueError) as error:
            self.report(error, urn)
            self.fail()

    def urn_of(self, parent: str, kind: str, name: str) -> str:
        """The URN of a resource of this stack."""
        return make_urn(self.stack, self.project, parent, kind, name)

    def report(self, error: Exception, urn: str) -> None:
        """Tell the person."""
        self.events.message("error", str(error), urn)

    def fail(self) -> None:
        """The run has failed: start nothing new."""
        self.summary.failed = True
        self.stop()

    def _submit(self, steps: list[Step]) -> None:
        if steps:
            self._pool.submit(self._perform, steps)

    def later(
        self,
        step: Step,
        then: Callable[[Resource | None], list[Step]],
        following: list[Step] | None = None,
    ) -> None:
        """Do a step and go on planning with what it leads to."""
        self._expected += 1

        def work() -> None:
            done = self._perform([step, *(following or [])])
            state = step.new if done and step.found is not Op.DELETE else None
            if step.op is not Op.REFRESH and not done:
                self._queue.put(list)
                return
            self._queue.put(lambda: then(state))

        self._pool.submit(work)

    def _finish(self) -> None:
        """Delete what the program did not register."""
        known = self.planner.check_targets(self.options.targets)
        try:
            sames, deletes = self._deletions.planned()
        except BailError:
            self.summary.failed = True
            return
        except (ProviderError, EngineError) as error:
            self.report(error, "")
            self.summary.failed = True
            return
        if self.refresh_with_program and self.mode == "refresh":
            deletes = []
        self._pool = ThreadPoolExecutor(max_workers=max(1, self.options.parallel))
        for step in sames:
            self._perform([step])
        for wave in self._deletions.waves(deletes):
            if self._stopped.is_set():
                break
            ready = [step for step in wave if not self._kept_by_failure(step)]
            for future in [self._pool.submit(self._perform, [step]) for step in ready]:
                future.result()
        self._pool.shutdown(wait=True)
        if not known or self.planner.errored:
            self.summary.failed = True

    def _kept_by_failure(self, step: Step) -> bool:
        """Whether something that could not be deleted still needs this resource."""
        stays = self._failed_urns | self._kept_urns
        kept = bool(stays) and any(
            other.urn in stays and step.urn in (*other.needs(), other.provider_urn())
            for other in self.base
        )
        if kept:
            self._kept_urns.add(step.urn)
        return kept

    def close(self, *, program_ran: bool) -> None:
        """Report the end and write the final state."""
        for process in self.plugins.dead if self.summary.interrupts < 2 else ():
            said = "\n".join(process.said)
            self.events.message(
                "error",
                f"Detected that {process.path} exited prematurely.\n"
                "This is *always* a bug in the provider. What it wrote:\n" + said,
                self.root_urn,
            )
        if program_ran and self._failed_urns:
            kind = "preview" if self.preview else "update"
            self.events.message("error", f"{kind} failed", self.root_urn)
        if self.planner.errored:
            self.summary.failed = True
        root = self.news.get(self.root_urn)
        if root is not None and self._root_outputs is not None:
            self._set_outputs(root, self._root_outputs)
        if self.snapshot is not None:
            self.snapshot.close()
        self.summary.seconds = time.monotonic() - self._started

    # -- outputs of components ---------------------------------------------------------------------

    def _take_outputs(self, urn: str, outputs: Properties, done: Future[None]) -> None:
        state = self.news.get(urn)
        if state is None:
            done.set_exception(EngineError(f"unknown resource '{urn}'"))
            return
        if state.type == STACK_TYPE:
            self._root_outputs = outputs  # stored when the run ends, however it ends
        else:
            self._set_outputs(state, outputs)
        done.set_result(None)

    def _set_outputs(self, state: Resource, outputs: Properties) -> None:
        state.outputs = outputs
        if self.snapshot is not None:
            self.snapshot.changed(state, write=False)
        step = self._component_steps.get(state.urn)
        if step is not None:
            self.events.after(step)

    # -- doing steps, in worker threads ------------------------------------------------------------

    def perform_all(self, steps: list[Step]) -> None:
        """Do steps at once, and start nothing afterwards."""
        for future in [self._pool.submit(self._perform, [step]) for step in steps]:
            future.result()
        self._pool.shutdown(wait=True)

    def _perform(self, steps: list[Step]) -> bool:
        """Do steps one after the other, until one fails; whether all were done."""
        for step in steps:
            if self._stopped.is_set() and step.op not in (Op.SAME, Op.REPLACE, Op.REFRESH):
                return False
            if not self.one(step):
                return False
        return True

    def one(self, step: Step) -> bool:
        """Do a step; whether it was done."""
        quiet = internal(step.resource)
        self.events.before(step)
        pending = None
        if self.snapshot is not None and step.op in PENDING_KINDS:
            pending = self.snapshot.begin(step.resource, PENDING_KINDS[step.op])
        error: Exception | None = None
        kept = False
        try:
            self._applier.apply(step)
            kept = True
        except InitError as failure:
            error, kept = failure, True
        except (ProviderError, EngineError) as failure:
            error = failure
        except Exception as failure:  # a fault of the stand-in's own, told like any other
            error = EngineError(f"{type(failure).__name__}: {failure}")
        if kept:
            self._store(step, pending)
            if error is None or step.new is not None:
                self._count(step, quiet=quiet)
        elif pending is not None and self.snapshot is not None:
            self.snapshot.failed(pending)
        if error is not None:
            return self._failed(step, error)
        if not self._waits_for_outputs(step):
            self.events.after(step)
        self._answer(step)
        return True

    def _waits_for_outputs(self, step: Step) -> bool:
        """Events of a component's step end when its outputs come."""
        if step.new is None or step.new.custom or step.op in (Op.DELETE, Op.REFRESH):
            return False
        self._component_steps[step.urn] = step
        return not step.untargeted

    def _failed(self, step: Step, error: Exception) -> bool:
        step.failed = True
        self.summary.failed = True
        with self._lock:
            self._failed_urns.add(step.urn)
        prefix = "Preview failed: " if self.preview else ""
        self.events.message("error", f"{prefix}{error}", step.urn)
        self.events.failed(step)
        if self.options.continue_on_error and step.registration is not None:
            step.registration.done(step.resource, Outcome.FAILED)
        if (
            step.op is Op.REFRESH
            or self.options.continue_on_error
            or isinstance(error, ProtectedError)
        ):
            return False
        self.stop()
        return False

    def _answer(self, step: Step) -> None:
        registration = step.registration
        if step.new is not None and step.op not in (Op.DELETE, Op.DELETE_REPLACED, Op.REFRESH):
            self.news[step.new.urn] = step.new
        if registration is None or step.op in (Op.IMPORT, Op.IMPORT_REPLACEMENT):
            return
        assert step.new is not None
        if step.op is Op.READ or step.op is Op.READ_REPLACEMENT or not step.skipped_create:
            registration.done(step.new)
        else:
            registration.done(step.new, unknown=True)

    def _count(self, step: Step, *, quiet: bool) -> None:
        op = step.counted
        if step.op is Op.REFRESH and (
            self.mode != "refresh"
            or (self.options.run_program and step.old is not None and not is_read(step.old))
        ):
            return  # what follows in the same run counts
        if op is None or quiet:
            return
        with self._lock:
            self.summary.changes[op] = self.summary.changes.get(op, 0) + 1

    # -- the state

    def _store(self, step: Step, pending: Pending | None) -> None:
        snapshot = self.snapshot
        op, old, new = step.op, step.old, step.new
        if step.pending_delete and old is not None and op is not Op.REPLACE:
            old.delete = True
        if op is Op.DELETE_REPLACED and step.replacing and old is not None:
            old.pending_replacement = True
        if snapshot is None or op is Op.REPLACE:
            return
        if op is Op.REFRESH:
            assert old is not None
            if self.refresh_with_program:
                if step.found is Op.DELETE:
                    snapshot.end(None, old=old, write=False)
                elif new is not old:
                    snapshot.end(None, old=old, new=new, write=False)
            elif step.found:
                snapshot.refreshed(old, new)
            return
        if op is Op.SAME:
            if step.skipped_create:
                return
            snapshot.end(None, old=old, new=new, write=False)
            return
        if op in (Op.DELETE_REPLACED,) and step.replacing:
            assert old is not None
            snapshot.end(pending)
            snapshot.changed(old, write=False)
            return
        drop = None if step.pending_delete else old
        snapshot.end(pending, old=drop, new=new)


def internal(state: Resource) -> bool:
    """Whether the engine made this resource by itself: default providers are not counted."""
    return is_provider(state.type) and not state.parent and state.name.startswith("default")
