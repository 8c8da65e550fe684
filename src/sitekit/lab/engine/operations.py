"""preview, up, refresh, destroy and import: from the command line to a run and back."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import display, events, plugins, policies
from .backend import open_backend
from .events import Event, Events
from .faults import CHANGES_PROPOSED, FAILED, INTERRUPTED_TWICE, EngineError, StackNotFoundError
from .importing import Importer
from .interrupts import Interrupts
from .language import Ended, Launch, LocalProgram, Program, RemoteProgram, python_of
from .monitor import Engine, Monitor, Server, Setting
from .plugins import Plugins
from .policies import Policies, Violation
from .resources import STACK_TYPE, Resource, make_urn, to_json
from .run import Run
from .run_options import ImportSpec, Options, Summary
from .snapshot import ENGINE_VERSION, Snapshot
from .snapshot import read as read_state
from .steps import Op, Step
from .values import Properties, Secret, plain
from .workspace import Configuration, Stack

TITLES = {
    "update": ("Updating", "Previewing update"),
    "refresh": ("Refreshing", "Previewing refresh"),
    "destroy": ("Destroying", "Previewing destroy"),
    "import": ("Importing", "Previewing import"),
}


@dataclass(slots=True)
class Operation:
    """One run as the command line asked for it."""

    mode: str
    stack: Stack
    preview: bool
    options: Options
    with_program: bool
    events: list[str] = field(default_factory=list)
    rich: bool = False
    as_json: bool = False
    show: frozenset[str] = frozenset()
    show_outputs: bool = True
    show_same_outputs: bool = True
    client: str = ""
    policy_packs: list[tuple[Path, dict[str, Any]]] = field(default_factory=list)
    imports: list[ImportSpec] = field(default_factory=list)
    exec_kind: str = "cli"
    message: str = ""
    flags: dict[str, str] = field(default_factory=dict)
    show_secrets: bool = False


@dataclass(slots=True)
class Finished:
    """What came of it."""

    summary: Summary
    steps: list[Step]
    old_outputs: Properties
    new_outputs: Properties


class _Steps:
    """Keeps what `preview --json` prints."""

    def __init__(self) -> None:
        self.steps: list[tuple[Step, dict[str, Any]]] = []
        self.messages: list[dict[str, Any]] = []

    def tell(self, event: Event) -> None:
        if event.kind == "resourcePreEvent" and event.step is not None:
            self.steps.append((event.step, {}))
        elif event.kind == "diagnosticEvent" and event.body["severity"] != "debug":
            body = event.body
            entry = {"message": f"{body['prefix']}{body['message']}", "severity": body["severity"]}
            if body.get("urn"):
                entry = {"urn": body["urn"], **entry}
            self.messages.append(entry)

    def close(self) -> None:
        """Nothing."""


def perform(operation: Operation) -> int:
    """Do it, print it, and return the exit code."""
    with Interrupts() as interrupts, ExitStack() as exits:
        if not operation.preview:
            exits.enter_context(operation.stack.backend.locked(operation.stack.name))
        return _Performance(operation, interrupts).run()


def _interrupted(run: Run, tools: Plugins) -> None:
    run.interrupt()
    if run.summary.interrupts == 1:
        tools.cancel()
    else:
        tools.stop()


class _Performance:
    """One operation under way."""

    def __init__(self, operation: Operation, interrupts: Interrupts) -> None:
        self.operation, self.stack = operation, operation.stack
        self.interrupts = interrupts
        self.events = Events()
        self.progress = display.Progress(
            preview=operation.preview,
            rich=operation.rich,
            quiet=operation.as_json,
            show=operation.show,
        )
        self.steps = _Steps()
        self.started = int(time.time())

    def run(self) -> int:
        """The whole of it."""
        operation = self.operation
        self.events.add(self.progress)
        if operation.as_json:
            self.events.add(self.steps)
        for target in operation.events:
            self.events.add(events.open_log(target))
        try:
            finished = self._run()
        finally:
            self.events.emit("cancelEvent", {})
            self.events.close()
        return self._report(finished)

    # -- the run

    def _run(self) -> Finished:
        operation, stack = self.operation, self.stack
        started = time.monotonic()
        server = Server()
        project = stack.project
        python = None if operation.client else python_of(project)
        env = plugins.environment(dict(os.environ), {"PULUMI_PROJECT": project.name})
        tools = Plugins(server.address, project.folder, env)
        title = TITLES[operation.mode][1 if operation.preview else 0]
        if not operation.as_json:
            print(f"{title} ({stack.name.name}):", flush=True)  # noqa: T201
        self.progress.root = _root(stack)
        try:
            crypter = stack.crypter  # starts deriving the key
            known = _providers_of(stack.stored)
            if python is not None and (operation.with_program or operation.imports):
                installed = plugins.installed_packages(python)
                self._warn(installed)
                tools.start_ahead(sorted(known or set(installed)))
            else:
                tools.start_ahead(sorted(known))
            stack.proven()
            configuration = stack.configuration()
            base = stack.deployment()
            self.events.emit("preludeEvent", {"config": configuration.shown()})
            if "config" in operation.show and not operation.as_json:
                print("Configuration:")  # noqa: T201
                for key, text in configuration.shown().items():
                    print(f"    {key}: {text}")  # noqa: T201
            snapshot = None
            if not operation.preview:
                snapshot = Snapshot(
                    base, crypter.encrypt, lambda form: stack.backend.save(stack.name, form)
                )
            judges = self._policies(server, env)
            run = Run(
                mode=operation.mode, project=project.name, stack=stack.name.name,
                preview=operation.preview, options=operation.options, base=base,
                snapshot=snapshot, events=self.events, plugins=tools,
                stack_outputs=self._outputs_of, policies=judges,
            )  # fmt: skip
            run.root_urn = self.progress.root
            old_outputs = _outputs(base.resources)
            self.interrupts.hand_to(lambda: _interrupted(run, tools))
            try:
                self._go(run, server, configuration, judges)
            finally:
                self.interrupts.hand_to(lambda: None)  # the rest only writes down and cleans up
            run.summary.seconds = time.monotonic() - started
            if judges is not None and judges.violated:
                run.summary.failed = True
            self._emit_summary(run)
            if snapshot is not None and run.summary.interrupts < 2:
                self._record(run, configuration)
            new = snapshot.resources() if snapshot is not None else list(run.news.values())
            new_outputs = _outputs(new) if new else {}
            if not any(r.type == STACK_TYPE for r in new) and operation.mode != "destroy":
                new_outputs = old_outputs
            return Finished(run.summary, self.progress.steps, old_outputs, new_outputs)
        finally:
            tools.stop()
            server.stop()

    def _warn(self, installed: list[str]) -> None:
        for package in installed:
            path = plugins.find(package)
            if path is not None:
                self.events.message("warning", plugins.warning(package, path))

    def _policies(self, server: Server, env: dict[str, str]) -> Policies | None:
        operation = self.operation
        if not operation.policy_packs:
            return None
        self.events.emit("policyLoadEvent", {})
        extra = {
            "PULUMI_STACK": self.stack.name.name,
            "PULUMI_DRY_RUN": "true" if operation.preview else "false",
        }
        packs = [
            policies.start(folder, self.stack.project, server.address, {**env, **extra}, config)
            for folder, config in operation.policy_packs
        ]
        return Policies(
            packs, preview=operation.preview, tell=self._violated, message=self.events.message
        )

    def _violated(self, violation: Violation) -> None:
        self.progress.violations.append(violation)
        self.events.emit(
            "policyEvent",
            {
                "resourceUrn": violation.urn,
                "message": f"{violation.message}\n",
                "color": "never",
                "policyName": violation.policy,
                "policyPackName": violation.pack,
                "policyPackVersion": violation.version,
                "policyPackVersionTag": violation.version,
                "enforcementLevel": violation.level,
            },
        )

    def _go(
        self, run: Run, server: Server, configuration: Configuration, judges: Policies | None
    ) -> None:
        operation = self.operation
        try:
            if operation.mode == "import":
                self._serve(run, server, configuration)
                Importer(run).take(operation.imports)
                run.close(program_ran=True)
                return
            monitor = self._serve(run, server, configuration)
            if operation.options.refresh and not operation.options.run_program:
                run.refresh()
            else:
                run.warn_of_pending()
            if run.stopped or (operation.mode == "refresh" and not operation.with_program):
                run.close(program_ran=True)
                return
            if operation.with_program:
                self._with_program(run, monitor, server, configuration, judges)
            else:
                run.program_done()
                run.execute()
            run.close(program_ran=True)
        finally:
            if judges is not None:
                judges.stop()

    def _serve(self, run: Run, server: Server, configuration: Configuration) -> Monitor:
        disabled = configuration.stored.get("pulumi:disable-default-providers") or (
            self.stack.project.config.get("pulumi:disable-default-providers")
        )
        if isinstance(disabled, str):
            with suppress(ValueError):
                disabled = json.loads(disabled)
        names = disabled if isinstance(disabled, list) else []
        setting = Setting(
            config=configuration.texts,
            secret_keys=configuration.secret_keys,
            folder=self.stack.project.folder,
        )
        monitor = Monitor(run, setting, frozenset(str(name) for name in names))

        def tell(severity: str, text: str, urn: str, stream: int) -> None:
            if run.stopped and text.startswith("Resource monitor has terminated"):
                return  # the program was told so, because the run has stopped
            self.events.message(severity, text.rstrip("\n"), urn or run.root_urn, stream=stream)
            if severity == "error":
                run.summary.failed = True

        server.serve(monitor, Engine(tell))
        return monitor

    def _with_program(
        self,
        run: Run,
        monitor: Monitor,
        server: Server,
        configuration: Configuration,
        judges: Policies | None,
    ) -> None:
        project = self.stack.project
        program: Program
        if self.operation.client:
            program = RemoteProgram(self.operation.client)
        else:
            program = LocalProgram(python_of(project))
        main = Path(project.main)
        folder = project.folder
        if project.main != "." and (folder / main).is_dir():
            folder, entry = (folder / main).resolve(), "."
        else:
            entry = project.main
        launch = Launch(
            project=project.name, stack=self.stack.name.name, folder=folder,
            root=project.folder, program=entry, monitor=server.address, engine=server.address,
            parallel=run.options.parallel, preview=run.preview, config=configuration.texts,
            secret_keys=configuration.secret_keys,
        )  # fmt: skip

        def said(line: str) -> None:
            self.events.message("info", line, run.root_urn)

        def work() -> None:
            try:
                ended = program.run(launch, said)
            except (EngineError, OSError) as error:
                ended = Ended(error=f"could not run the program: {error}")
            if ended.error:
                run.program_failed(ended.error, reported=ended.reported)
            elif not monitor.signalled:
                run.program_done()

        with ThreadPoolExecutor(max_workers=1) as pool:
            future = pool.submit(work)
            try:
                run.execute()
                if (
                    judges is not None
                    and not run.stopped
                    and not (judges.violated and not run.preview)
                ):
                    judges.judge_stack(run.root_urn)
            except BaseException:
                run.stop()
                raise
            finally:
                monitor.finished()
                if run.stopped and not future.done():
                    monitor.close()
                    try:
                        future.result(1.0)
                    except TimeoutError:
                        program.interrupt()
            future.result()

    # -- what others want to know

    def _outputs_of(self, text: str) -> tuple[Properties, list[str]]:
        """The outputs of another stack, for a stack reference."""
        stack = self.stack
        parts = text.split("/")
        if len(parts) != 3:
            raise EngineError(
                f"invalid stack reference '{text}': it must be organization/PROJECT/STACK"
            )
        name = stack.backend.parse(text, None)
        if name == stack.name:
            resources = stack.deployment().resources
        else:
            try:
                stored = open_backend(stack.backend.url, stack.project).load(name) or {}
            except StackNotFoundError:
                raise EngineError(f'unknown stack "{text}"') from None
            resources = read_state(stored, self._crypter_of(stored)).resources
        outputs = _outputs(resources)
        return outputs, [key for key, value in outputs.items() if isinstance(value, Secret)]

    @staticmethod
    def _crypter_of(stored: dict[str, Any]) -> Any:
        from . import passphrase

        salt = ((stored.get("secrets_providers") or {}).get("state") or {}).get("salt", "")
        crypter: list[passphrase.Crypter] = []

        def decrypt(text: str) -> str:
            if not crypter:
                crypter.append(
                    passphrase.from_salt(salt, passphrase.phrase_from_environment()).proven()
                )
            return crypter[0].decrypt(text)

        return decrypt

    # -- afterwards

    def _emit_summary(self, run: Run) -> None:
        summary = run.summary
        self.events.emit(
            "summaryEvent",
            {
                "maybeCorrupt": False,
                "durationSeconds": round(summary.seconds),
                "resourceChanges": {str(op): count for op, count in summary.changes.items()},
                "PolicyPacks": {},
                "isPreview": run.preview,
                "result": "failed" if summary.failed else "succeeded",
            },
        )

    def _record(self, run: Run, configuration: Configuration) -> None:
        operation = self.operation
        kind = {"import": "resource-import"}.get(operation.mode, operation.mode)
        self.stack.backend.record(
            self.stack.name,
            {
                "kind": kind,
                "startTime": self.started,
                "message": operation.message,
                "environment": self._environment(),
                "config": {key: configuration.stored[key] for key in sorted(configuration.stored)},
                "version": 0,
                "result": "failed" if run.summary.failed else "succeeded",
                "endTime": int(time.time()),
                "resourceChanges": {str(op): count for op, count in run.summary.changes.items()},
            },
        )

    def _environment(self) -> dict[str, str]:
        operation = self.operation
        found = {
            "exec.kind": operation.exec_kind,
            "pulumi.arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(
                platform.machine(), platform.machine()
            ),
            "pulumi.os": platform.system().lower(),
            "pulumi.version": f"v{ENGINE_VERSION}",
            "runtime.name": "python",
            "stack.environments": "[]",
            "updatePlan": "false",
        }
        for name, value in os.environ.items():
            if name.startswith("PULUMI_"):
                shown = value if value in ("true", "false") else "set"
                found[f"pulumi.env.{name}"] = shown
        for name, value in operation.flags.items():
            found[f"pulumi.flag.{name}"] = value if value in ("true", "false") else "set"
        return dict(sorted(found.items()))

    def _report(self, finished: Finished) -> int:
        operation, summary = self.operation, finished.summary
        if operation.as_json:
            print(json.dumps(self._as_json(finished), indent=4, ensure_ascii=False))  # noqa: T201
        else:
            outputs: list[str] = []
            if operation.show_outputs and operation.mode != "destroy":
                outputs = display.stack_outputs(
                    finished.old_outputs,
                    finished.new_outputs,
                    show_same=not operation.preview and not operation.rich,
                    secrets=operation.show_secrets,
                )
            if operation.rich:
                sys.stdout.write(
                    display.rich(
                        finished.steps,
                        replacement_steps="replacement-steps" in operation.show,
                        outputs=outputs,
                    )
                )
                outputs = []
            counted = not (self.progress.violations and summary.failed and not operation.preview)
            sys.stdout.write(
                display.closing(
                    self.progress, summary, preview=operation.preview, outputs=outputs,
                    counted=counted,
                )
            )  # fmt: skip
            sys.stdout.flush()
        if summary.interrupts > 1:
            print("error: update cancelled", file=sys.stderr)  # noqa: T201
            return INTERRUPTED_TWICE
        if summary.failed:
            return FAILED
        if operation.flags.get("expect-no-changes") == "true" and summary.has_changes:
            print(  # noqa: T201
                "error: no changes were expected for "
                f"{'update' if operation.mode == 'update' else operation.mode} "
                "but changes were proposed",
                file=sys.stderr,
            )
            return CHANGES_PROPOSED
        return 0

    def _as_json(self, finished: Finished) -> dict[str, Any]:
        def hidden(_: str) -> str:
            return "[secret]"

        def form(resource: Resource | None) -> dict[str, Any] | None:
            return to_json(resource, hidden) if resource is not None else None

        steps = []
        for step, _ in self.steps.steps:
            op = step.found if step.op is Op.REFRESH and step.found else step.op
            if (
                not step.logical
                and step.op is not Op.REFRESH
                and "replacement-steps" not in self.operation.show
            ):
                continue
            entry: dict[str, Any] = {"op": str(step.op if step.op is Op.REFRESH else op)}
            entry["urn"] = step.urn
            if step.resource.provider:
                entry["provider"] = step.resource.provider
            if step.old is not None:
                entry["oldState"] = form(step.old)
            if step.new is not None:
                entry["newState"] = form(step.new)
            if step.changed:
                entry["diffReasons"] = step.changed
            if step.keys:
                entry["replaceReasons"] = step.keys
            entry["detailedDiff"] = events.detail(step.detailed)
            steps.append(entry)
        config = self.stack.configuration().shown()
        result: dict[str, Any] = {"steps": steps, "config": config}
        if self.steps.messages:
            result["diagnostics"] = self.steps.messages
        result["duration"] = int(finished.summary.seconds * 1e9)
        result["changeSummary"] = {
            str(op): count for op, count in sorted(finished.summary.changes.items())
        }
        return result


def _root(stack: Stack) -> str:
    """The URN of the stack's own resource."""
    name = f"{stack.project.name}-{stack.name.name}"
    return make_urn(stack.name.name, stack.project.name, "", STACK_TYPE, name)


def _providers_of(stored: dict[str, Any]) -> set[str]:
    """Packages of the providers in a stored state."""
    prefix = "pulumi:providers:"
    return {
        str(item["type"]).removeprefix(prefix)
        for item in stored.get("resources") or []
        if str(item.get("type", "")).startswith(prefix)
    }


def _outputs(resources: list[Resource]) -> Properties:
    """The stack's outputs in a list of resources."""
    for resource in resources:
        if resource.type == STACK_TYPE:
            return dict(resource.outputs or {})
    return {}


def stack_outputs(stack: Stack) -> Properties:
    """The outputs of a stack, secrets opened."""
    return _outputs(stack.deployment().resources)


def plain_outputs(outputs: Properties, *, secrets: bool) -> dict[str, Any]:
    """Outputs as `stack output --json` prints them."""
    return {
        key: plain(value) if secrets else _masked(value) for key, value in sorted(outputs.items())
    }


def _masked(value: Any) -> Any:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
