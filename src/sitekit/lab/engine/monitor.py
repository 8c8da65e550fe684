"""The two gRPC services that the program calls: ResourceMonitor and Engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from .backend import ORGANIZATION
from .plugins import OPTIONS, Provider, ProviderError
from .registry import BUILT_IN
from .resources import PROVIDER_PREFIX, is_provider, make_urn, reference
from .run import Run
from .steps import AliasSpec, Goal, Outcome, Reading, Registration
from .values import Properties, from_struct, plain, to_struct

#: What a program may rely on. No transforms, no hooks, no packages of parameters.
FEATURES = ("SECRETS", "RESOURCE_REFERENCES", "OUTPUT_VALUES", "ALIAS_SPECS", "DELETED_WITH",
            "REPLACE_WITH")  # fmt: skip
_RESULTS = {
    Outcome.DONE: resource_pb2.SUCCESS,
    Outcome.FAILED: resource_pb2.FAIL,
    Outcome.SKIPPED: resource_pb2.SKIP,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a program is told about its stack."""

    config: dict[str, str]
    secret_keys: list[str]
    folder: Path


class Server:
    """One gRPC server with both services, on a free port of the loopback interface."""

    def __init__(self) -> None:
        # A registration waits in its thread until the resource is done, so there are many.
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=1024), options=(*OPTIONS, ("grpc.so_reuseport", 0))
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def serve(self, monitor: Monitor, engine: Engine) -> None:
        """Start answering."""
        add_monitor: Any = resource_pb2_grpc.add_ResourceMonitorServicer_to_server
        add_engine: Any = engine_pb2_grpc.add_EngineServicer_to_server
        add_monitor(monitor, self._server)
        add_engine(engine, self._server)
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop(0)


class Engine(engine_pb2_grpc.EngineServicer):
    """Messages, and the root resource."""

    def __init__(self, tell: Callable[[str, str, str, int], None]) -> None:
        self._tell = tell
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A message of the program or of a plug-in."""
        severity = {0: "debug", 1: "info", 2: "warning", 3: "error"}[request.severity]
        self._tell(severity, request.message, request.urn, request.streamId)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The stack's URN."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The stack's URN, told by the program."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Whatever the program needs: the stand-in has one version."""
        return engine_pb2.RequirePulumiVersionResponse()


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Takes registrations and answers them when they are done."""

    def __init__(self, run: Run, setting: Setting, disabled: frozenset[str]) -> None:
        self._run, self._setting, self._disabled = run, setting, disabled
        self._defaults: dict[tuple[str, str], str] = {}
        self._default_lock = Lock()
        self._finished = Flag()
        self._closed = Flag()
        self.signalled = False

    # -- about the deployment

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Project, stack, configuration and what the stand-in supports."""
        return resource_pb2.DeploymentInfo(
            project=self._run.project,
            stack=self._run.stack,
            organization=ORGANIZATION,
            config=self._setting.config,
            configSecretKeys=self._setting.secret_keys,
            dryRun=self._run.preview,
            parallel=self._run.options.parallel,
            supportedFeatures=[
                resource_pb2.ResourceMonitorFeature.Value(f"RESOURCE_MONITOR_FEATURE_{name}")
                for name in FEATURES
            ],
        )

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The same for older SDKs, one feature at a time."""
        known = {"secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith"}
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    # -- resources

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Register a resource: answered when it has been dealt with."""
        self._refuse(request, context)
        goal = self._goal(request)
        if goal.custom and not is_provider(goal.type) and not goal.provider:
            goal.provider = self._default(
                goal.type.split(":", 1)[0], request.version,
                lambda: make_urn(self._run.stack, self._run.project, goal.parent, goal.type,
                                 goal.name), context,
            )  # fmt: skip
        if goal.type == "pulumi:pulumi:Stack":
            self._run.root_urn = make_urn(
                self._run.stack, self._run.project, "", goal.type, goal.name
            )
        registration = Registration(goal)
        self._run.register(registration)
        registered = self._wait(registration.answer, context)
        state = registered.state
        answer = resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=to_struct(state.outputs or {}, secrets=request.acceptSecrets),
            result=_RESULTS[registered.outcome],
            unknown=registered.unknown,
        )
        for key, urns in state.property_dependencies.items():
            if not state.custom:
                answer.propertyDependencies[key].urns.extend(urns)
        return answer

    def _refuse(self, request: Any, context: Any) -> None:
        """Things that a program may ask for and the lab does not do."""
        what = ""
        if request.remote:
            what = f"remote component {request.type}"
        elif request.transforms:
            what = "resource transforms"
        elif request.HasField("hooks") and any(
            len(value) for _, value in request.hooks.ListFields()
        ):
            what = "resource hooks"
        elif request.packageRef:
            what = "parameterized packages"
        elif request.type.startswith("pulumi-python:"):
            what = "dynamic providers"
        if what:
            self._abort(f"the lab's engine does not support {what}", context)

    def _abort(self, text: str, context: Any) -> None:
        self._run.events.message("error", text, self._run.root_urn)
        self._run.summary.failed = True
        self._run.stop()
        context.abort(grpc.StatusCode.UNAVAILABLE, text)

    def _goal(self, request: Any) -> Goal:
        inputs = from_struct(request.object)
        if is_provider(request.type):
            inputs = {key: value for key, value in inputs.items() if key != "__internal"}
            if request.version:
                inputs["version"] = request.version
        elif request.custom:
            inputs = {key: value for key, value in inputs.items() if key not in ("id", "urn")}
        provider = request.provider
        return Goal(
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=inputs,
            parent=request.parent,
            protect=request.protect if request.HasField("protect") else None,
            dependencies=list(request.dependencies),
            provider=provider,
            property_dependencies={
                key: sorted(value.urns)
                for key, value in sorted(request.propertyDependencies.items())
            },
            delete_before_replace=request.deleteBeforeReplace
            if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
            else None,
            ignore_changes=list(request.ignoreChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=list(_aliases(request)),
            import_id=request.importId,
            create_timeout=seconds(request.customTimeouts.create),
            update_timeout=seconds(request.customTimeouts.update),
            delete_timeout=seconds(request.customTimeouts.delete),
            replace_on_changes=list(request.replaceOnChanges),
            hide_diff=list(request.hideDiffs),
            retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
            deleted_with=request.deletedWith,
            replace_with=list(request.replace_with),
            source_position=self._position(request.sourcePosition),
            stack_trace=self._trace(request),
        )

    def _position(self, position: Any) -> str:
        """A source position relative to the project, without names of this machine."""
        if not position.uri:
            return ""
        path = re.sub(r"^file://", "", position.uri)
        try:
            shown = Path(path).relative_to(self._setting.folder).as_posix()
        except ValueError:
            shown = Path(path).name
        return f"project:///{shown}#{position.line}"

    def _trace(self, request: Any) -> list[dict[str, Any]]:
        frames = request.stackTrace.frames if request.HasField("stackTrace") else ()
        shown = [self._position(frame.pc) for frame in frames]
        return [{"sourcePosition": position} for position in shown if position]

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The outputs of a component or of the stack."""
        self._wait(self._run.outputs(request.urn, from_struct(request.outputs)), context)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read a resource that the program does not manage."""
        provider = request.provider
        package = request.type.split(":", 1)[0]
        if not provider:
            provider = self._default(
                package, request.version,
                lambda: make_urn(self._run.stack, self._run.project, request.parent,
                                 request.type, request.name), context,
            )  # fmt: skip
        reading = Reading(
            type=request.type,
            name=request.name,
            id=request.id,
            parent=request.parent,
            inputs=from_struct(request.properties),
            dependencies=list(request.dependencies),
            provider=provider,
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=self._position(request.sourcePosition),
            stack_trace=self._trace(request),
        )
        self._run.read(reading)
        registered = self._wait(reading.answer, context)
        return resource_pb2.ReadResourceResponse(
            urn=registered.state.urn,
            properties=to_struct(registered.state.outputs or {}, secrets=request.acceptSecrets),
        )

    # -- functions

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Call a function of a provider."""
        args = from_struct(request.args)
        package = request.tok.split(":", 1)[0]
        if package == BUILT_IN:
            return self._built_in(request.tok, args, context)
        text = request.provider or self._default(package, request.version, lambda: "", context)
        try:
            provider: Provider = self._run.providers.ensure(text)
            result, failures = provider.invoke(request.tok, args, preview=self._run.preview)
        except ProviderError as error:
            context.abort(
                grpc.StatusCode.UNKNOWN,
                f"invocation of {request.tok} returned an error: {error}",
            )
            raise
        answer = resource_pb2.ResourceInvokeResponse(
            failures=[
                provider_pb2.CheckFailure(property=item.property, reason=item.reason)
                for item in failures
            ]
        )
        getattr(answer, "return").CopyFrom(to_struct(result))
        return answer

    def _built_in(self, token: str, args: Properties, context: Any) -> Any:
        if token != "pulumi:pulumi:getResource":
            context.abort(grpc.StatusCode.UNKNOWN, f"unknown function '{token}'")
        urn = plain(args.get("urn"))
        state = self._run.news.get(str(urn))
        if state is None:
            context.abort(grpc.StatusCode.UNKNOWN, f"unknown resource {urn}")
            raise AssertionError
        answer = resource_pb2.ResourceInvokeResponse()
        found = {"urn": state.urn, "id": state.id, "state": state.outputs or {}}
        getattr(answer, "return").CopyFrom(to_struct(found))
        return answer

    def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Methods of remote components: the lab has none."""
        self._abort("the lab's engine does not support methods of remote components", context)

    # -- default providers

    def _default(self, package: str, version: str, urn: Callable[[], str], context: Any) -> str:
        """The reference of a package's default provider, which is made at its first use."""
        if package != BUILT_IN and self._disabled & {package, "*"}:
            text = (
                f"Default provider for '{package}' disabled. '{urn()}' must use an explicit "
                "provider."
            )
            self._run.events.message("error", text, urn())
            self._run.summary.failed = True
            self._run.stop()
            context.abort(grpc.StatusCode.UNAVAILABLE, text)
        version = "" if package == BUILT_IN else version
        with self._default_lock:
            key = (package, version)
            if key not in self._defaults:
                inputs: Properties = {}
                if package != BUILT_IN:
                    prefix = f"{package}:"
                    inputs = {
                        name.removeprefix(prefix): value
                        for name, value in self._setting.config.items()
                        if name.startswith(prefix)
                    }
                    if version:
                        inputs["version"] = version
                registration = Registration(
                    Goal(
                        type=f"{PROVIDER_PREFIX}{package}",
                        name=default_name(package, version),
                        custom=True,
                        inputs=inputs,
                    )
                )
                self._run.register(registration)
                state = self._wait(registration.answer, context).state
                self._defaults[key] = reference(state.urn, state.id)
            return self._defaults[key]

    # -- waiting and ending

    def _wait(self, future: Future[Any], context: Any) -> Any:
        """The answer; a run that has stopped tells the program that there will be none."""
        while True:
            try:
                return future.result(0.2)
            except NotYet:
                if self._closed.is_set():
                    context.abort(grpc.StatusCode.UNAVAILABLE, "the run has stopped")
            except Exception as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The program has registered everything: the answer comes when the run is over."""
        self.signalled = True
        self._run.program_done()
        while not self._finished.wait(0.2):
            if self._closed.is_set():
                break
        return empty_pb2.Empty()

    def finished(self) -> None:
        """The run is over: let the program go."""
        self._finished.set()

    def close(self) -> None:
        """Answer nothing any more."""
        self._closed.set()

    # -- what the lab does not do

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Transforms of the stack."""
        self._abort("the lab's engine does not support stack transforms", context)

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Transforms of function calls."""
        self._abort("the lab's engine does not support invoke transforms", context)

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Hooks."""
        self._abort("the lab's engine does not support resource hooks", context)

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Hooks for errors."""
        self._abort("the lab's engine does not support error hooks", context)

    def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Packages that are made from parameters."""
        self._abort("the lab's engine does not support parameterized packages", context)


def default_name(package: str, version: str) -> str:
    """The logical name of a package's default provider."""
    if package == BUILT_IN or not version:
        return "default"
    return "default_" + version.replace(".", "_").replace("-", "_").replace("+", "_")


def _aliases(request: Any) -> Iterator[AliasSpec]:
    for urn in request.aliasURNs:
        yield AliasSpec(urn=urn)
    for alias in request.aliases:
        if alias.WhichOneof("alias") == "urn":
            yield AliasSpec(urn=alias.urn)
            continue
        spec = alias.spec
        yield AliasSpec(
            name=spec.name,
            type=spec.type,
            stack=spec.stack,
            project=spec.project,
            parent=spec.parentUrn,
            no_parent=spec.noParent,
        )


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def seconds(text: str) -> float:
    """The seconds of a duration such as `1h30m`; nothing is 0.

    Raises:
        ValueError: it is not a duration.
    """
    if not text:
        return 0.0
    if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|us|µs|ns|m|s))+", text):
        raise ValueError(f"not a duration: {text}")
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
