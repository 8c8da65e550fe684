"""Policy packs: Python programs that look at every resource and may refuse it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from .backend import ORGANIZATION
from .faults import EngineError
from .language import python_of
from .project import Project, load_yaml
from .registry import INTERNAL
from .values import from_struct, to_struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from .resources import Resource
    from .steps import Goal

LEVELS = {0: "advisory", 1: "mandatory", 2: "disabled", 3: "remediate"}
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a resource breaks."""

    pack: str
    version: str
    folder: str
    policy: str
    level: str
    message: str  # what the rule is for, then what breaks it, as the pack words both
    urn: str


class Pack:
    """One running policy pack."""

    def __init__(
        self,
        folder: Path,
        python: Path,
        engine: str,
        env: dict[str, str],
        config: dict[str, Any],
    ) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [str(python), "-u", str(folder), engine, str(folder)],
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._said: list[str] = []
        Thread(target=self._listen, args=(self._process.stderr,), daemon=True).start()
        stream = self._process.stdout
        assert stream is not None
        port = stream.readline().strip()
        if not port.isdigit():
            self.stop()
            raise EngineError(
                f"could not start the policy pack {folder}:\n" + "\n".join(self._said[-20:])
            )
        Thread(target=self._listen, args=(stream,), daemon=True).start()
        channel = grpc.insecure_channel(
            f"127.0.0.1:{port.decode()}", options=(("grpc.enable_http_proxy", 0),)
        )
        make: Any = analyzer_pb2_grpc.AnalyzerStub
        self.stub = make(channel)
        info = self.stub.GetAnalyzerInfo(
            empty_pb2.Empty(), timeout=START_SECONDS, wait_for_ready=True
        )
        self.name, self.version = info.name, info.version or "0.0.1"
        if config:
            self._configure(config)

    def _listen(self, stream: Any) -> None:
        for line in stream:
            self._said.append(line.decode(errors="replace").rstrip("\n"))

    def _configure(self, config: dict[str, Any]) -> None:
        numbers = {name: number for number, name in LEVELS.items()}
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        for policy, value in config.items():
            settings = {"enforcementLevel": value} if isinstance(value, str) else dict(value)
            entry = request.policyConfig[policy]
            level = settings.pop("enforcementLevel", None)
            if level is not None:
                if level not in numbers:
                    raise EngineError(f"{policy}: there is no enforcement level '{level}'")
                entry.enforcementLevel = numbers[level]
            entry.properties.CopyFrom(to_struct(settings))
        self.stub.Configure(request)

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


class Policies:
    """The policy packs of one run."""

    def __init__(
        self,
        packs: list[Pack],
        *,
        preview: bool,
        tell: Callable[[Violation], None],
        message: Callable[[str, str, str], None],
    ) -> None:
        self.packs, self._preview = packs, preview
        self._tell, self._message = tell, message
        self.violated = False
        self._seen: list[tuple[Resource, Goal]] = []
        self._providers: dict[str, Resource] = {}

    def accept(self, new: Resource, goal: Goal, providers: dict[str, Resource]) -> bool:
        """Let the packs remedy and judge a resource; whether it may be made.

        In a preview a violation is reported and the preview goes on.
        """
        self._providers = providers
        for pack in self.packs:
            for remedy in pack.stub.Remediate(self._request(new, goal)).remediations:
                if remedy.diagnostic:
                    self._report(pack, remedy, remedy.diagnostic, "advisory", new.urn)
                else:
                    new.inputs = from_struct(remedy.properties)
        fine = True
        for pack in self.packs:
            for found in pack.stub.Analyze(self._request(new, goal, clean=True)).diagnostics:
                level = LEVELS[found.enforcementLevel]
                self._report(pack, found, found.message, level, found.urn or new.urn)
                if level == "mandatory":
                    self.violated = True
                    fine = fine and self._preview
        self._seen.append((new, goal))
        return fine

    def judge_stack(self, root: str) -> None:
        """Let the packs judge all resources together."""
        for pack in self.packs:
            request = analyzer_pb2.AnalyzeStackRequest()
            for state, goal in self._seen:
                one = self._request(state, goal, clean=True, outputs=True)
                item = request.resources.add(
                    type=one.type, properties=one.properties, urn=one.urn, name=one.name,
                    options=one.options, parent=state.parent, dependencies=state.dependencies,
                )  # fmt: skip
                if one.HasField("provider"):
                    item.provider.CopyFrom(one.provider)
                for key, urns in state.property_dependencies.items():
                    item.propertyDependencies[key].urns.extend(urns)
            for found in pack.stub.AnalyzeStack(request).diagnostics:
                level = LEVELS[found.enforcementLevel]
                self._report(pack, found, found.message, level, found.urn or root)
                if level == "mandatory":
                    self.violated = True

    def _report(self, pack: Pack, found: Any, message: str, level: str, urn: str) -> None:
        said = message.rstrip("\n")
        if not said.startswith(found.description):  # packs in Python put it before what they say
            said = f"{found.description}\n{said}"
        self._tell(
            Violation(
                pack=pack.name, version=pack.version, folder=str(pack.folder),
                policy=found.policyName, level=level, message=said, urn=urn,
            )
        )  # fmt: skip

    def _request(
        self, state: Resource, goal: Goal, *, clean: bool = False, outputs: bool = False
    ) -> Any:
        bag = state.outputs if outputs and state.outputs else state.inputs
        if clean:
            bag = {key: value for key, value in bag.items() if key != INTERNAL}
        request = analyzer_pb2.AnalyzeRequest(
            type=state.type,
            properties=to_struct(bag),
            urn=state.urn,
            name=state.name,
            options=analyzer_pb2.AnalyzerResourceOptions(
                protect=state.protect,
                ignoreChanges=goal.ignore_changes,
                deleteBeforeReplace=bool(goal.delete_before_replace),
                deleteBeforeReplaceDefined=goal.delete_before_replace is not None,
                additionalSecretOutputs=state.additional_secret_outputs,
                aliases=state.aliases,
                parent=state.parent,
            ),
        )
        provider = self._providers.get(state.provider_urn()) if state.provider else None
        if provider is not None:
            inputs = {key: value for key, value in provider.inputs.items() if key != INTERNAL}
            request.provider.CopyFrom(
                analyzer_pb2.AnalyzerProviderResource(
                    type=provider.type, properties=to_struct(inputs), urn=provider.urn,
                    name=provider.name,
                )
            )  # fmt: skip
        return request

    def stop(self) -> None:
        """End the packs."""
        for pack in self.packs:
            pack.stop()


def start(
    folder: Path, project: Project, engine: str, env: dict[str, str], config: dict[str, Any]
) -> Pack:
    """Start the policy pack of a folder.

    Raises:
        EngineError: there is none, or it does not start.
    """
    file = folder / "PulumiPolicy.yaml"
    if not file.exists():
        raise EngineError(f"{folder} is not a policy pack: it has no PulumiPolicy.yaml")
    runtime = load_yaml(file).get("runtime")
    options: dict[str, Any] = {}
    if isinstance(runtime, dict):
        options = runtime.get("options") or {}
        runtime = runtime.get("name")
    if runtime != "python":
        raise EngineError(f"the lab runs Python policy packs only, not {runtime}")
    if options.get("virtualenv"):
        python = folder / str(options["virtualenv"]) / "bin" / "python"
    else:
        python = python_of(project)
    full = {**env, "PULUMI_PROJECT": project.name, "PULUMI_ORGANIZATION": ORGANIZATION}
    return Pack(folder.resolve(), python, engine, full, config)
