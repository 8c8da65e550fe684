"""The gRPC side: what the engine asks of `pulumi-resource-sitekit`.

Protocol: proto/pulumi/provider.proto of pulumi 3.260. It does not accept secrets: the engine strips
them and marks results again. A refusal of Graph becomes a status with its message and next step;
no message holds a token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from ..errors import (
    CloudError,
    CredentialError,
    ForbiddenError,
    RefusedError,
    SitekitError,
    TenantError,
    UnreachableError,
)
from ..graph import Graph, connect
from .kinds import KINDS, Found, Kind, check, differences, schema

NAME = "sitekit"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_DIFF = provider_pb2.PropertyDiff
_KINDS = {
    ("add", False): _DIFF.ADD,
    ("add", True): _DIFF.ADD_REPLACE,
    ("update", False): _DIFF.UPDATE,
    ("update", True): _DIFF.UPDATE_REPLACE,
    ("delete", False): _DIFF.DELETE,
    ("delete", True): _DIFF.DELETE_REPLACE,
}
# INTERNAL, UNKNOWN and DATA_LOSS would tell the engine that nobody knows what happened.
_CODES: tuple[tuple[type[SitekitError], grpc.StatusCode], ...] = (
    (CredentialError, grpc.StatusCode.UNAUTHENTICATED),
    (TenantError, grpc.StatusCode.FAILED_PRECONDITION),
    (ForbiddenError, grpc.StatusCode.PERMISSION_DENIED),
    (UnreachableError, grpc.StatusCode.UNAVAILABLE),
    (RefusedError, grpc.StatusCode.FAILED_PRECONDITION),
    (CloudError, grpc.StatusCode.FAILED_PRECONDITION),
    (SitekitError, grpc.StatusCode.INVALID_ARGUMENT),
)


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The plug-in, as configured by the engine: for one tenant."""

    def __init__(self, graph: Graph | None = None) -> None:
        self._graph = graph
        self._tenant: str | None = None
        self._asked = False
        self._lock = Lock()

    # --- who and what --------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say what is understood."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Our version."""
        return plugin_pb2.PluginInfo(version=version())

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Needed when the engine joins a running plug-in."""
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The types with their inputs and outputs."""
        text = {"name": NAME, "version": version(), "resources": dict(schema())}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(text))

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing runs on by itself."""
        return empty_pb2.Empty()

    # --- configuration -------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The tenant must be said: nothing is ever done in whichever one is signed in to."""
        failures = []
        given = _bag(request.news)
        for name in given:
            if name not in ("tenantId", "version"):
                failures.append((name, f"the provider has no setting '{name}'; it has tenantId"))
        if not isinstance(given.get("tenantId"), str):
            failures.append(("tenantId", "say which tenant: tenantId"))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Another tenant replaces everything; the engine drops changes that are not told."""
        old, new = _bag(request.old_inputs or request.olds), _bag(request.news)
        before, after = old.get("tenantId"), new.get("tenantId")
        moved = before != after and not (_unknown(before) or _unknown(after))
        changed = {"tenantId": ("update", moved)} if before != after else {}
        if old.get("version") != new.get("version"):
            changed["version"] = ("update", False)
        return _difference(changed)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Remember the tenant; it is asserted when Graph is first asked."""
        given = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        given |= _bag(request.args)
        tenant = given.get("tenantId")
        self._tenant = None if tenant is None or _unknown(tenant) else str(tenant)
        self._asked = False
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    # --- resources -----------------------------------------------------------------------------

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Defaults, and what is unknown, missing or of another type."""
        kind = self._kind(request.type, context)
        inputs, wrong = check(kind, _bag(request.news), _unknown)
        return provider_pb2.CheckResponse(inputs=_struct(inputs), failures=_failures(wrong))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Old inputs against new ones."""
        kind = self._kind(request.type, context)
        found = differences(kind, _bag(request.old_inputs or request.olds), _bag(request.news))
        ignored = set(request.ignoreChanges)
        return _difference({name: how for name, how in found.items() if name not in ignored})

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make it; in a preview only say what it would be."""
        kind, inputs = self._kind(request.type, context), _bag(request.properties)
        if request.preview:
            unknown = dict.fromkeys(kind.outputs, UNKNOWN)
            return provider_pb2.CreateResponse(properties=_struct({**inputs, **unknown}))
        try:
            graph = self._signed_in()
            id = kind.create(graph, inputs)
            found = kind.read(graph, id, inputs)
        except SitekitError as error:
            _refuse(context, error)
        return provider_pb2.CreateResponse(id=id, properties=_struct(_outputs(inputs, found)))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What is there now; nothing where it is gone; without inputs, an import."""
        kind, before = self._kind(request.type, context), _bag(request.inputs) or None
        try:
            found = kind.read(self._signed_in(), request.id, before)
        except SitekitError as error:
            _refuse(context, error)
        if found is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=found.id,
            inputs=_struct(found.inputs),
            properties=_struct({**found.inputs, **found.outputs}),
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change it; in a preview only say what it would be."""
        kind, new, old = self._kind(request.type, context), _bag(request.news), _bag(request.olds)
        if request.preview:
            kept = {name: old.get(name, UNKNOWN) for name in kind.outputs}
            return provider_pb2.UpdateResponse(properties=_struct({**new, **kept}))
        try:
            graph = self._signed_in()
            kind.update(graph, request.id, _bag(request.old_inputs), new)
            found = kind.read(graph, request.id, new)
        except SitekitError as error:
            _refuse(context, error)
        return provider_pb2.UpdateResponse(properties=_struct(_outputs(new, found)))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete it; what is gone already is fine."""
        kind = self._kind(request.type, context)
        try:
            kind.delete(self._signed_in(), request.id, _bag(request.old_inputs))
        except SitekitError as error:
            _refuse(context, error)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """There are no functions."""
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"there is no function {request.tok}")

    # --- helpers -------------------------------------------------------------------------------

    def _kind(self, token: str, context: Any) -> Kind:
        if token not in KINDS:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"there is no resource {token}; there is {', '.join(KINDS)}",
            )
        return KINDS[token]

    def _signed_in(self) -> Graph:
        """Graph, once the tenant behind the credentials is known to be the right one."""
        with self._lock:
            if self._graph is None:
                self._graph = connect()
            if not self._asked:
                if self._tenant is None:
                    raise SitekitError(
                        "the provider knows no tenant", hint="give it tenantId in the program"
                    )
                self._graph.require(self._tenant)
                self._asked = True
            return self._graph


def version() -> str:
    """The version of sitekit, as the engine compares versions."""
    from importlib import metadata

    try:
        return metadata.version("sitekit")
    except metadata.PackageNotFoundError:
        return "0.0.0"


def _refuse(context: Any, error: SitekitError) -> NoReturn:
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    context.abort(code, f"{error.message}; {error.hint}" if error.hint else error.message)
    raise AssertionError("abort raises")


def _outputs(inputs: Mapping[str, Any], found: Found | None) -> dict[str, Any]:
    """What is kept: the inputs as they were sent, and what only the tenant knows."""
    return {**inputs, **(found.outputs if found is not None else {})}


def _difference(found: Mapping[str, tuple[str, bool]]) -> Any:
    replaces = sorted(name for name, (_, replace) in found.items() if replace)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if found
        else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        diffs=sorted(found),
        detailedDiff={name: _DIFF(kind=_KINDS[how], inputDiff=True) for name, how in found.items()},
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(replaces),
    )


def _failures(wrong: list[tuple[str, str]]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in wrong]


def _unknown(value: Any) -> bool:
    return isinstance(value, str) and value in _UNKNOWNS


def _bag(struct: struct_pb2.Struct) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(struct)
    return {key: value for key, value in found.items() if not key.startswith("__")}


def _struct(bag: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(bag), struct_pb2.Struct())
