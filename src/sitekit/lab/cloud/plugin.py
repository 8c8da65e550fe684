"""The gRPC side: a provider plug-in that the engine starts as `pulumi-resource-<name>`.

Protocol: proto/pulumi/provider.proto of pulumi 3.260. As the real providers, it does not accept
secrets (the engine strips them and marks results again) and supports previews. The first line of
standard output is the port; it ends when its parent is gone, after the call it is in.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from . import catalogue, faults, wire
from .arm import Arm
from .base import Account, Cloud, Outcome, Refused, Vanished, wait_until
from .entra import Entra
from .store import Store

STORE = "cloud.sqlite"
_T = TypeVar("_T")
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 << 20),
    ("grpc.max_send_message_length", 400 << 20),
]
_DIFF = provider_pb2.PropertyDiff
_KINDS = {
    ("add", False): _DIFF.ADD,
    ("add", True): _DIFF.ADD_REPLACE,
    ("delete", False): _DIFF.DELETE,
    ("delete", True): _DIFF.DELETE_REPLACE,
    ("update", False): _DIFF.UPDATE,
    ("update", True): _DIFF.UPDATE_REPLACE,
}
# Seconds of the cloud's between the attempts of azure-native's client (pulumi-azure-native,
# provider/pkg/azure/client_azcore.go); azuread's keeps to Retry-After.
_PAUSES = (20.0, 60.0, 120.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """One provider, as configured by the engine."""

    def __init__(self, package: str, folder: Path, *, accept_secrets: bool = False) -> None:
        self.package = package
        self.known = catalogue.load(folder / catalogue.FILE)
        self.store = Store(folder / STORE)
        self.accept_secrets = accept_secrets
        self._cloud: Cloud | None = None
        self._cancelled = threading.Event()

    # --- who and what --------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say what is understood."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=self.accept_secrets)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version of the SDK that it answers for."""
        return plugin_pb2.PluginInfo(version=self.known.versions[self.package])

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Needed when the engine joins a running plug-in."""
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Enough for `pulumi import` to write code: the types, their inputs and outputs."""
        return provider_pb2.GetSchemaResponse(
            schema=json.dumps(pulumi_schema(self.package, self.known))
        )

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End waits."""
        self._cancelled.set()
        return empty_pb2.Empty()

    # --- configuration -------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Every configuration is accepted here; Configure signs in."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Truthfully: the engine drops a new configuration that is said not to differ."""
        old = wire.plain(wire.from_struct(request.old_inputs or request.olds))
        new = wire.plain(wire.from_struct(request.news))
        detail = dict(wire.differences(old, new))
        moved = {path for path in detail if path in ("subscriptionId", "tenantId")}
        if moved and any(wire.is_unknown(new.get(path)) for path in moved):
            moved = set()
        return _difference(detail, moved, delete_first=False)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Sign in; a wrong tenant or subscription is refused when it is first used."""
        given = wire.plain(wire.from_struct(request.args))
        variables = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        settings = {**variables, **given}
        with self._answering(context, faults.Target((self.package,), ("*",), "configure"), ""):
            faults.strike(
                self.store,
                faults.Target((self.package,), (self.package,), "configure"),
                graph=self.package == "azuread",
            )
            self._cloud = self._signed_in(settings)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self.accept_secrets, supportsPreview=True
        )

    def _signed_in(self, settings: Mapping[str, Any]) -> Cloud:
        tenants = self.store.setting("tenants", [])
        subscriptions = self.store.setting("subscriptions", [])

        def chosen(key: str, variable: str, fallback: list[str]) -> str:
            value = settings.get(key)
            if value is None or wire.is_unknown(value):
                value = os.environ.get(variable) or (fallback[0] if fallback else "")
            return str(value).lower()

        account = Account(
            tenant=chosen("tenantId", "ARM_TENANT_ID", tenants),
            subscription=chosen("subscriptionId", "ARM_SUBSCRIPTION_ID", subscriptions),
            location=settings.get("location")
            if isinstance(settings.get("location"), str)
            else None,
        )
        if self.package == "azure-native":
            return Arm(self.store, self.known, account)
        return Entra(self.store, self.known, account)

    @property
    def cloud(self) -> Cloud:
        """The cloud as it was signed in to; without Configure, as the environment says."""
        if self._cloud is None:
            self._cloud = self._signed_in({})
        return self._cloud

    # --- resources -----------------------------------------------------------------------------

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Fill in names, places and defaults; say what types and name rules refuse."""
        old, new = _bag(request.olds), _bag(request.news)
        with self._answering(context, None, request.type):
            checked = self.cloud.check(
                request.type,
                urn=request.urn,
                name=request.name,
                old=old,
                new=new,
                seed=request.randomSeed,
            )
        inputs = checked.inputs
        if self.accept_secrets:
            inputs = _rewrapped(inputs, wire.from_struct(request.news))
        return provider_pb2.CheckResponse(
            inputs=wire.to_struct(inputs),
            failures=[
                provider_pb2.CheckFailure(property=path, reason=reason)
                for path, reason in checked.failures
            ],
        )

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare the inputs of the state with the new ones."""
        old, new = _bag(request.old_inputs), _bag(request.news)
        with self._answering(context, None, request.type):
            found = self.cloud.diff(
                request.type, old=old, new=new, ignore=list(request.ignoreChanges)
            )
        return _difference(found.detail, found.replaces, delete_first=found.delete_first)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make it; in a preview only say what it would be."""
        inputs, marked = _bag(request.properties), wire.from_struct(request.properties)
        if request.preview:
            with self._answering(context, None, request.type):
                outputs = self.cloud.preview(request.type, inputs, None)
            return provider_pb2.CreateResponse(properties=self._answer(outputs, marked))
        target = self._target(request.type, request.name, inputs, "create")
        with self._answering(context, target, request.type):
            made = self._patiently(target, lambda: self.cloud.create(request.type, inputs))
            reasons = self._finish(target, made, context)
            self.store.log(self.package, "create", request.type, made.id)
        if reasons:
            self._half_way(context, made, marked, reasons)
        return provider_pb2.CreateResponse(
            id=made.id, properties=self._answer(self._fresh(request.type, made).outputs, marked)
        )

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What is there now; nothing when it is gone; without inputs, an import."""
        known = wire.from_struct(request.inputs)
        inputs = wire.plain(known) or None
        target = self._target(
            request.type, request.name, {**(inputs or {}), "id": request.id}, "read"
        )
        with self._answering(context, target, request.type):
            found = self._patiently(
                target, lambda: self.cloud.read(request.type, request.id, inputs)
            )
            faults.strike_after(self.store, target)
        if found is None:
            return provider_pb2.ReadResponse(id="")
        marked = known or wire.from_struct(request.properties)
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=self._answer(found.outputs, marked),
            inputs=self._answer(found.inputs, marked),
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change it; in a preview only say what it would be."""
        new, old = _bag(request.news), _bag(request.old_inputs)
        marked = wire.from_struct(request.news)
        if request.preview:
            with self._answering(context, None, request.type):
                outputs = self.cloud.preview(request.type, new, _bag(request.olds))
            return provider_pb2.UpdateResponse(properties=self._answer(outputs, marked))
        target = self._target(request.type, request.name, {**new, "id": request.id}, "update")
        with self._answering(context, target, request.type):
            # What is ignored keeps the old value in `news`; what the program left out is gone.
            changed = self._patiently(
                target, lambda: self.cloud.update(request.type, request.id, new, old)
            )
            reasons = self._finish(target, changed, context)
            self.store.log(self.package, "update", request.type, request.id)
        if reasons:
            self._half_way(context, changed, marked, reasons)
        return provider_pb2.UpdateResponse(
            properties=self._answer(self._fresh(request.type, changed).outputs, marked)
        )

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete it; what is gone already is fine."""
        inputs = _bag(request.old_inputs)
        target = self._target(request.type, request.name, {**inputs, "id": request.id}, "delete")
        with self._answering(context, target, request.type):
            until = self._patiently(
                target, lambda: self.cloud.delete(request.type, request.id, inputs)
            )
            faults.strike_after(self.store, target)
            self._wait(until)
            self.store.log(self.package, "delete", request.type, request.id)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a question."""
        arguments = _bag(request.args)
        target = faults.Target((request.tok, request.tok.rpartition(":")[2]), ("*",), "invoke")
        with self._answering(context, target, request.tok):
            answer = self._patiently(target, lambda: self.cloud.invoke(request.tok, arguments))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.to_struct(answer))
        return response

    # --- helpers -------------------------------------------------------------------------------

    @property
    def _graph(self) -> bool:
        return self.package == "azuread"

    def _target(self, token: str, name: str, inputs: Mapping[str, Any], verb: str) -> faults.Target:
        label = token.rpartition(":")[2]
        names = [name]
        for key, value in inputs.items():
            if isinstance(value, str) and (
                key in ("id", "userPrincipalName", "displayName") or key.lower().endswith("name")
            ):
                names.append(value)
        action, scope = self._asked(token, inputs, verb)
        return faults.Target((token, label), tuple(names), verb, action, scope)

    def _asked(self, token: str, inputs: Mapping[str, Any], verb: str) -> tuple[str, str]:
        """What a role has to allow, and over which scope, as Azure words it."""
        type = self.known.arm.get(token)
        if type is None:
            return "", ""
        group = inputs.get("resourceGroupName")
        scope = f"/subscriptions/{self.cloud.account.subscription}"
        words = {"create": "write", "update": "write"}
        return f"{type.arm}/{words.get(verb, verb)}", scope + (
            f"/resourceGroups/{group}" if isinstance(group, str) else ""
        )

    def _patiently(self, target: faults.Target, call: Callable[[], _T]) -> _T:
        """Try again as the real providers' clients do: when throttled, out of order, or busy."""
        for pause in _PAUSES:
            try:
                faults.strike(self.store, target, graph=self._graph)
                return call()
            except Refused as refused:
                busy = refused.code == "AnotherOperationInProgress"
                if refused.status not in _AGAIN and not busy:
                    raise
                seconds = (refused.retry_after or 1.0) if self._graph else pause
                self._cancelled.wait(self.store.real(seconds))
        faults.strike(self.store, target, graph=self._graph)
        return call()

    def _finish(self, target: faults.Target, done: Outcome, context: Any) -> tuple[str, ...]:
        """What may still go wrong, and the time that the operation takes."""
        reason = faults.strike_after(self.store, target)
        if reason is not None:
            fail = getattr(self.cloud, "fail", None)
            if fail is not None:
                fail(done.id, reason)
            return (reason,)
        self._wait(done.wait)
        return done.reasons

    def _wait(self, until: float) -> None:
        while (left := until - self.store.now()) > 0 and not self._cancelled.is_set():
            self._cancelled.wait(min(left, 0.5))
        if not self._cancelled.is_set():
            wait_until(self.store, until)

    def _fresh(self, token: str, done: Outcome) -> Outcome:
        """Read after write, as the real providers do: states have settled by now."""
        return self.cloud.read(token, done.id, done.inputs) or done

    def _answer(self, outputs: dict[str, Any], marked: Mapping[str, Any]) -> struct_pb2.Struct:
        return wire.to_struct(_rewrapped(outputs, marked) if self.accept_secrets else outputs)

    def _half_way(
        self, context: Any, made: Outcome, marked: Mapping[str, Any], reasons: Sequence[str]
    ) -> NoReturn:
        """It exists and is not healthy: an error that carries id, inputs and outputs."""
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=made.id,
                properties=self._answer(made.outputs, marked),
                inputs=wire.to_struct(made.inputs),
                reasons=list(reasons),
            )
        )
        message = f"resource '{made.id}' was made but is not healthy: {'; '.join(reasons)}"
        status = status_pb2.Status(code=2, message=message, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, message)
        raise AssertionError("abort raises")

    def _answering(self, context: Any, target: faults.Target | None, token: str) -> _Answering:
        return _Answering(self, context, target, token)

    def explain(self, refused: Refused) -> str:
        """A refusal as the real provider prints it."""
        if self._graph:
            if not refused.code or not refused.status:
                return refused.message
            phrase = HTTPStatus(refused.status).phrase if refused.status else ""
            return (
                f"unexpected status {refused.status} ({refused.status} {phrase}) with error: "
                f"{refused.code}: {refused.message}"
            )
        if not refused.code:
            return refused.message
        return f'Status={refused.status} Code="{refused.code}" Message="{refused.message}"'


class _Answering:
    """Turns whatever happens into a gRPC status: nothing bare ever reaches the engine."""

    def __init__(
        self, plugin: Plugin, context: Any, target: faults.Target | None, token: str
    ) -> None:
        self.plugin, self.context, self.target, self.token = plugin, context, target, token

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        if error is None:
            return
        if isinstance(error, Vanished):
            os._exit(3)
        if isinstance(error, Refused):
            if self.target is not None:
                self.plugin.store.log(
                    self.plugin.package,
                    self.target.verb,
                    self.token,
                    self.target.names[0] if self.target.names else "",
                    error.code or error.grpc,
                    error.message,
                )
            self.context.abort(getattr(grpc.StatusCode, error.grpc), self.plugin.explain(error))
        if isinstance(error, Exception):
            import traceback

            traceback.print_exception(error, file=sys.stderr)
            self.context.abort(
                grpc.StatusCode.ABORTED,
                f"the lab cloud has a bug in {self.token}: {type(error).__name__} "
                "(the plug-in's standard error has the traceback)",
            )


def _bag(struct: struct_pb2.Struct) -> dict[str, Any]:
    bag: dict[str, Any] = wire.plain(wire.from_struct(struct))
    return bag


def _difference(detail: Mapping[str, str], replaces: set[str], *, delete_first: bool) -> Any:
    top = {path.split(".")[0].split("[")[0] for path in detail}
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if detail
        else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=sorted({path.split(".")[0].split("[")[0] for path in replaces}),
        diffs=sorted(top),
        detailedDiff={
            path: _DIFF(kind=_KINDS[kind, path in replaces], inputDiff=True)
            for path, kind in detail.items()
        },
        hasDetailedDiff=True,
        deleteBeforeReplace=delete_first,
    )


def _rewrapped(bag: Any, marked: Any) -> Any:
    """Values under the same keys are marked as they came, for an engine that sends secrets."""
    if isinstance(marked, dict) and marked.get(wire.SIGNATURE) == wire.SECRET:
        already = isinstance(bag, dict) and bag.get(wire.SIGNATURE) == wire.SECRET
        return bag if already else wire.secret(bag)
    if isinstance(bag, dict) and isinstance(marked, dict):
        return {
            key: _rewrapped(value, marked[key]) if key in marked else value
            for key, value in bag.items()
        }
    if isinstance(bag, list) and isinstance(marked, list):
        return [
            _rewrapped(item, marked[index]) if index < len(marked) else item
            for index, item in enumerate(bag)
        ]
    return bag


_SCHEMA_TYPES = {"asset": {"$ref": "pulumi.json#/Asset"}, "any": {"$ref": "pulumi.json#/Any"}}


def pulumi_schema(package: str, known: catalogue.Catalogue) -> dict[str, Any]:
    """A package schema of the lab's types: what `pulumi import` writes its code from."""
    root = catalogue.PYTHON[package]

    def token_of(name: str) -> str:
        module, _, label = name.partition(":")
        label = label.removesuffix("Args")
        if package == "azuread":
            return f"{package}:index/{label[0].lower()}{label[1:]}:{label}"
        return f"{package}:{module.removeprefix(f'{root}.')}:{label}"

    def spelled(kind: Any) -> dict[str, Any]:
        if isinstance(kind, str):
            return _SCHEMA_TYPES.get(kind, {"type": kind})
        if kind[0] == "array":
            return {"type": "array", "items": spelled(kind[1])}
        if kind[0] == "map":
            return {"type": "object", "additionalProperties": spelled(kind[1])}
        if kind[0] in ("open", "enum"):
            return {"type": "string"}
        if kind[0] == "ref":
            return {"$ref": f"#/types/{token_of(kind[1])}"}
        return {"$ref": "pulumi.json#/Any"}

    def properties(described: Mapping[str, Any], part: str) -> dict[str, Any]:
        return {key: spelled(kind) for key, kind in described[part].items()}

    return {
        "name": package,
        "version": known.versions[package],
        # The bridged provider has a module per type, which programs do not see.
        "meta": {"moduleFormat": "(.*)(?:/[^/]*)"} if package == "azuread" else {},
        "types": {
            token_of(name): {
                "type": "object",
                "properties": properties(described, "props"),
                "required": described["required"],
            }
            for name, described in known.schema["types"].items()
            if name.startswith((f"{root}.", f"{root}:"))
        },
        "resources": {
            token: {
                "inputProperties": properties(described, "props"),
                "requiredInputs": described["required"],
                "properties": properties(described, "outputs"),
            }
            for token, described in known.schema["resources"].items()
            if token.startswith(f"{package}:")
        },
    }


def serve(
    package: str, folder: Path, *, port: int = 0, accept_secrets: bool = False
) -> tuple[Any, int]:
    """Start answering on 127.0.0.1; the server and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(32), options=_OPTIONS)
    plugin = Plugin(package, folder, accept_secrets=accept_secrets)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


def main(arguments: Sequence[str], engine: int) -> int:
    """Serve until the engine, a process, goes: PACKAGE FOLDER, then whatever it adds."""
    package, folder = arguments[0], Path(arguments[1])
    try:
        server, port = serve(
            package, folder, accept_secrets=bool(os.environ.get("SITEKIT_LAB_ACCEPT_SECRETS"))
        )
    except Exception as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the engine shows it
        return 1
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == engine:  # killed engines do not say Cancel
        time.sleep(1)
    server.stop(grace=None).wait()
    return 0
