"""Provider plug-ins as processes: found on $PATH, started, called over gRPC, stopped.

Only the lab's plug-ins are started. One is the lab's if it is a script that names `sitekit.lab`
(or `sitekit-lab`), or if it lies in the `bin` of a lab folder, which holds `cloud.sqlite`. A real
provider is refused: the stand-in must never touch a real cloud.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from .faults import EngineError
from .values import (
    UNKNOWN_STRING,
    Properties,
    Unknown,
    differences,
    from_struct,
    marked,
    plain,
    to_struct,
    with_secrets,
    without_unknowns,
)

ALLOWED = ("azure-native", "azuread", "sitekit")
MARKS = (b"sitekit.lab", b"sitekit-lab")
START_SECONDS = 10.0
END_SECONDS = 2.0  # for a process whose connection broke to be gone
_MESSAGE_LIMIT = 400 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    ("grpc.enable_http_proxy", 0),
)


class ProviderError(Exception):
    """A provider refused a call; the message is its own."""


class UnansweredError(Exception):
    """A plug-in lacks a method that it may lack: the engine has an answer of its own."""


class InitError(ProviderError):
    """The resource exists but is not healthy."""

    def __init__(
        self, reasons: list[str], identity: str, outputs: Properties, inputs: Properties
    ) -> None:
        count = "1 error" if len(reasons) == 1 else f"{len(reasons)} errors"
        lines = "".join(f"\n\t* {reason}" for reason in reasons)
        super().__init__(f"{count} occurred:{lines}")
        self.reasons, self.id, self.outputs, self.inputs = reasons, identity, outputs, inputs


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """Why an argument is refused; no property means the resource as a whole."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One line of a detailed difference."""

    kind: str
    input: bool = True

    @property
    def replaces(self) -> bool:
        """Whether this change needs a replacement."""
        return self.kind.endswith("-replace")


@dataclass(slots=True)
class Difference:
    """What a provider says of a change."""

    some: bool = False
    replace_keys: list[str] = field(default_factory=list)
    changed_keys: list[str] = field(default_factory=list)
    delete_first: bool = False
    detailed: dict[str, PropertyChange] | None = None

    @property
    def replaces(self) -> bool:
        """Whether the change needs a replacement."""
        return bool(self.replace_keys)


@dataclass(frozen=True, slots=True)
class Found:
    """What a Read answered: no id means that the thing is gone."""

    id: str
    inputs: Properties
    outputs: Properties
    init_errors: tuple[str, ...] = ()


_KINDS = {0: "add", 1: "add-replace", 2: "delete", 3: "delete-replace", 4: "update",
          5: "update-replace"}  # fmt: skip


# -- finding and starting -------------------------------------------------------------------------


def find(package: str) -> Path | None:
    """The plug-in of a package on $PATH."""
    found = shutil.which(f"pulumi-resource-{package}")
    return Path(found) if found else None


def require(package: str, version: str) -> Path:
    """The lab's plug-in of a package.

    Raises:
        EngineError: it is not a package of the lab, it is not on $PATH, or it is a real one.
    """
    if package not in ALLOWED:
        raise EngineError(
            f"the lab has no provider '{package}': it answers for {', '.join(ALLOWED)} only"
        )
    path = find(package)
    if path is None:
        at = f" at version v{version}" if version else ""
        raise EngineError(
            f"no resource plugin 'pulumi-resource-{package}' found in the workspace{at} "
            "or on your $PATH"
        )
    if not is_labs(path):
        raise EngineError(
            f"{path} is not a plug-in of the lab: the lab's engine never starts a real provider"
        )
    return path


def is_labs(path: Path) -> bool:
    """Whether a plug-in is the lab's own."""
    real = path.resolve()
    try:
        with real.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    if not head.startswith(b"#!"):
        return False
    if any(mark in head for mark in MARKS):
        return True
    return any((folder.parent / "cloud.sqlite").exists() for folder in (path.parent, real.parent))


class Process:
    """A plug-in that was started and told its port."""

    def __init__(self, package: str, path: Path, engine: str, folder: Path, env: dict[str, str]):
        self.package, self.path = package, path
        self._engine = engine
        try:
            self._process = subprocess.Popen(
                [str(path), engine],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(f"could not start {path}: {error.strerror}") from None
        self.said: list[str] = []
        for stream in (self._process.stderr,):
            Thread(target=self._listen, args=(stream,), daemon=True).start()

    def _listen(self, stream: Any) -> None:
        for line in stream:
            self.said.append(line.decode(errors="replace").rstrip("\n"))

    @cached_property
    def channel(self) -> grpc.Channel:
        """The connection to it.

        Raises:
            EngineError: it ended, or did not answer within 10 seconds.
        """
        stream = self._process.stdout
        assert stream is not None
        line = b""
        watch = Thread(target=self._give_up_later, daemon=True)
        watch.start()
        line = stream.readline().strip()
        self._told = True
        if not line.isdigit():
            self._process.kill()
            output = "\n".join([line.decode(errors="replace"), *self.said]).strip()
            raise EngineError(
                f"could not read plugin [{self.path}] stdout: it did not print its port\n{output}"
            )
        Thread(target=self._listen, args=(stream,), daemon=True).start()
        return grpc.insecure_channel(f"127.0.0.1:{line.decode()}", options=OPTIONS)

    _told = False

    def _give_up_later(self) -> None:
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            if not self._told:
                self._process.kill()

    @cached_property
    def stub(self) -> Any:
        """The service."""
        make: Any = provider_pb2_grpc.ResourceProviderStub
        return make(self.channel)

    @cached_property
    def accepts_secrets(self) -> bool:
        """Shake hands: tell it where the engine is, and learn what it accepts."""
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=self._engine,
            root_directory=str(self.path.parent),
            program_directory=str(self.path.parent),
            configure_with_urn=True,
            supports_views=False,
            supports_refresh_before_update=False,
            invoke_with_preview=True,
        )
        try:
            accepts = bool(
                self.stub.Handshake(
                    request, timeout=START_SECONDS, wait_for_ready=True
                ).accept_secrets
            )
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise EngineError(f"could not talk to {self.path}: {error.details()}") from None
            accepts = False
        try:
            self.stub.GetPluginInfo(empty_pb2.Empty(), timeout=START_SECONDS)
        except grpc.RpcError as error:
            raise EngineError(f"could not talk to {self.path}: {error.details()}") from None
        return accepts

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def ends_within(self, seconds: float) -> bool:
        """Whether the process is gone, or goes within a while."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def cancel(self) -> None:
        """Ask it to stop what it is doing."""
        with suppress(grpc.RpcError, EngineError):
            self.stub.Cancel(empty_pb2.Empty(), timeout=2.0)

    def stop(self, *, used: bool) -> None:
        """End the process; one that was used is asked first."""
        if used and not self.ended:
            self.cancel()
        if not self.ended:
            self._process.kill()
        self._process.wait()


# -- a configured provider ------------------------------------------------------------------------


class Provider:
    """The calls of one provider resource, secrets and unknowns translated both ways."""

    def __init__(
        self, process: Process, urn: str, died: Callable[[Process], None], *, preview: bool
    ) -> None:
        self.process, self.urn = process, urn
        self._preview = preview
        self._died = died
        self.accepts_secrets = process.accepts_secrets
        self.previews = False
        self.inputs: Properties = {}
        self.id = ""

    # -- configuration

    def check_config(
        self, name: str, kind: str, olds: Properties, news: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        """CheckConfig; a provider without it takes everything."""
        request = provider_pb2.CheckRequest(
            urn=self.urn, name=name, type=kind, olds=self._clear(olds), news=self._clear(news)
        )
        try:
            answer = self._call("CheckConfig", request)
        except UnansweredError:
            return news, []
        checked = marked(from_struct(answer.inputs), news)
        return checked, [CheckFailure(item.property, item.reason) for item in answer.failures]

    def diff_config(
        self,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        name: str,
        kind: str,
        ignore: list[str],
    ) -> Difference:
        """DiffConfig; a provider without it makes the engine compare the arguments itself."""
        request = provider_pb2.DiffRequest(
            urn=self.urn, name=name, type=kind, olds=self._clear(old_outputs),
            news=self._clear(news), ignoreChanges=ignore, old_inputs=self._clear(old_inputs),
        )  # fmt: skip
        try:
            answer = self._call("DiffConfig", request)
        except UnansweredError:
            return by_comparison(old_inputs, news)
        return self._difference(answer, old_inputs, news)

    def configure(self, identity: str, name: str, kind: str, inputs: Properties) -> None:
        """Configure it with these arguments, which it keeps."""
        self.inputs, self.id = inputs, identity
        package = kind.rsplit(":", 1)[-1]
        variables = {
            f"{package}:config:{key}": _as_variable(value)
            for key, value in plain(inputs).items()
            if key != "version" and not isinstance(value, Unknown)
        }
        request = provider_pb2.ConfigureRequest(
            variables=variables, args=to_struct(inputs), acceptSecrets=True, acceptResources=True,
            sends_old_inputs=True, sends_old_inputs_to_delete=True, id=identity, urn=self.urn,
            name=name, type=kind,
        )  # fmt: skip
        answer = self._call("Configure", request)
        self.accepts_secrets = self.accepts_secrets or answer.acceptSecrets
        self.previews = answer.supportsPreview

    # -- resources

    def check(
        self, urn: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[CheckFailure]]:
        """The arguments completed, and what is wrong with them."""
        request = provider_pb2.CheckRequest(
            **_who(urn), olds=self._send(olds), news=self._send(self._known(news)), randomSeed=seed
        )
        answer = self._call("Check", request)
        checked = from_struct(answer.inputs)
        if not self.accepts_secrets:
            checked = marked(checked, news)
        return checked, [CheckFailure(item.property, item.reason) for item in answer.failures]

    def diff(
        self,
        urn: str,
        identity: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore: list[str],
        *,
        supposed: bool = False,
    ) -> Difference:
        """What a change would need; a `supposed` one has unknown values in any run."""
        if not supposed:
            news = self._known(news)
        request = provider_pb2.DiffRequest(
            **_who(urn), id=identity, olds=self._send(old_outputs), news=self._send(news),
            ignoreChanges=ignore, old_inputs=self._send(old_inputs),
        )  # fmt: skip
        return self._difference(self._call("Diff", request), old_inputs, news)

    def create(
        self, urn: str, inputs: Properties, timeout: float, *, preview: bool
    ) -> tuple[str, Properties]:
        """Create it: the id (none in a preview) and the outputs."""
        if preview and not self.previews:
            return "", dict(inputs)
        request = provider_pb2.CreateRequest(
            **_who(urn), properties=self._send(inputs), timeout=timeout, preview=preview
        )
        answer = self._call("Create", request)
        if not preview and not answer.id:
            raise ProviderError(
                f"plugin for package '{self.process.package}' returned empty resource.ID from "
                "create"
            )
        return answer.id, self._receive(answer.properties, inputs)

    def read(
        self,
        urn: str,
        identity: str,
        inputs: Properties,
        outputs: Properties,
        secrets: list[str],
    ) -> Found:
        """What there is under an id; with empty arguments this is an import."""
        request = provider_pb2.ReadRequest(
            **_who(urn), id=identity, properties=self._send(outputs), inputs=self._send(inputs)
        )
        try:
            answer = self._call("Read", request, inputs=inputs)
        except InitError as error:
            return Found(
                error.id, with_secrets(marked(error.inputs, inputs), secrets),
                marked(error.outputs, outputs), tuple(error.reasons),
            )  # fmt: skip
        if not answer.id:
            return Found("", {}, {})
        new_inputs = from_struct(answer.inputs) if answer.HasField("inputs") else inputs
        new_outputs = from_struct(answer.properties)
        if not self.accepts_secrets:
            new_inputs = marked(new_inputs, inputs)
            new_outputs = marked(new_outputs, outputs)
        return Found(answer.id, new_inputs, new_outputs)

    def update(
        self,
        urn: str,
        identity: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        timeout: float,
        ignore: list[str],
        *,
        preview: bool,
    ) -> Properties:
        """Change it: the outputs."""
        if preview and not self.previews:
            return dict(news)
        request = provider_pb2.UpdateRequest(
            **_who(urn), id=identity, olds=self._send(old_outputs), news=self._send(news),
            timeout=timeout, ignoreChanges=ignore, preview=preview,
            old_inputs=self._send(old_inputs),
        )  # fmt: skip
        answer = self._call("Update", request, inputs=news)
        return self._receive(answer.properties, news)

    def delete(
        self, urn: str, identity: str, inputs: Properties, outputs: Properties, timeout: float
    ) -> None:
        """Delete it."""
        request = provider_pb2.DeleteRequest(
            **_who(urn), id=identity, properties=self._send(outputs), timeout=timeout,
            old_inputs=self._send(inputs),
        )  # fmt: skip
        self._call("Delete", request)

    def invoke(
        self, token: str, args: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        """Call a function."""
        request = provider_pb2.InvokeRequest(tok=token, args=self._send(args), preview=preview)
        answer = self._call("Invoke", request)
        failures = [CheckFailure(item.property, item.reason) for item in answer.failures]
        return from_struct(getattr(answer, "return")), failures

    # -- translation

    def _known(self, bag: Properties) -> Properties:
        """Only a preview may send values that are not known yet."""
        return bag if self._preview else dict(without_unknowns(bag))

    def _clear(self, bag: Properties) -> Any:
        return to_struct(bag, secrets=False)

    def _send(self, bag: Properties) -> Any:
        return to_struct(bag, secrets=self.accepts_secrets)

    def _receive(self, struct: Any, inputs: Properties) -> Properties:
        outputs = from_struct(struct)
        return outputs if self.accepts_secrets else marked(outputs, inputs)

    def _difference(self, answer: Any, old: Properties, new: Properties) -> Difference:
        if answer.changes == provider_pb2.DiffResponse.DIFF_UNKNOWN:
            return by_comparison(old, new)
        detailed = {
            path: PropertyChange(_KINDS[change.kind], change.inputDiff)
            for path, change in sorted(answer.detailedDiff.items())
        }
        return Difference(
            some=answer.changes == provider_pb2.DiffResponse.DIFF_SOME,
            replace_keys=list(answer.replaces),
            changed_keys=list(answer.diffs),
            delete_first=answer.deleteBeforeReplace,
            detailed=detailed if answer.hasDetailedDiff else None,
        )

    def _call(self, method: str, request: Any, inputs: Properties | None = None) -> Any:
        try:
            return getattr(self.process.stub, method)(request)
        except grpc.RpcError as error:
            code, message = error.code(), str(error.details())
            if code is grpc.StatusCode.UNIMPLEMENTED and method.endswith("Config"):
                raise UnansweredError(method) from None
            failure = _init_failure(error)
            if failure is not None:
                outputs = from_struct(failure.properties)
                if not self.accepts_secrets and inputs is not None:
                    outputs = marked(outputs, inputs)
                raise InitError(
                    list(failure.reasons), failure.id, outputs, from_struct(failure.inputs)
                ) from None
            if self.process.ended or (
                code is grpc.StatusCode.UNAVAILABLE and self.process.ends_within(END_SECONDS)
            ):
                self._died(self.process)
                message = "error reading from server: EOF"
            raise ProviderError(message) from None


def _who(urn: str) -> dict[str, Any]:
    kind, name = urn.split("::", 3)[2:]
    return {"urn": urn, "type": kind.rsplit("$", 1)[-1], "name": name}


def _as_variable(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _init_failure(error: Any) -> Any:
    """The detail of an error that says: it exists, but it is not healthy."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            from google.rpc import status_pb2

            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                failure = provider_pb2.ErrorResourceInitFailed()
                if detail.Unpack(failure):
                    return failure
    return None


def by_comparison(old: Properties, new: Properties) -> Difference:
    """The difference of two property bags, when no provider says what it means."""
    found = dict(differences(old, new))
    if not found:
        return Difference()
    keys = sorted({path.split(".", 1)[0].split("[", 1)[0] for path in found})
    return Difference(
        some=True,
        changed_keys=keys,
        detailed={path: PropertyChange(kind) for path, kind in found.items()},
    )


# -- all of a run ---------------------------------------------------------------------------------


class Plugins:
    """The plug-in processes of one run: some started ahead, all stopped at the end."""

    def __init__(self, engine: str, folder: Path, env: dict[str, str]) -> None:
        self._engine, self._folder, self._env = engine, folder, env
        self._idle: dict[str, Process] = {}
        self._used: list[Process] = []
        self._lock = Lock()
        self.dead: list[Process] = []

    def start_ahead(self, packages: Iterable[str]) -> None:
        """Start those of the packages that are there, so that they are ready when they are needed.

        What cannot be started is found out later, by whoever needs it.
        """
        for package in packages:
            path = find(package)
            if package in ALLOWED and path is not None and is_labs(path):
                with self._lock:
                    if package not in self._idle:
                        self._idle[package] = self._start(package, path)

    def _start(self, package: str, path: Path) -> Process:
        return Process(package, path, self._engine, self._folder, self._env)

    def take(self, package: str, version: str) -> Process:
        """A process of a package, not used by anybody else.

        Raises:
            EngineError: there is none, or it is not the lab's.
        """
        path = require(package, version)
        with self._lock:
            process = self._idle.pop(package, None) or self._start(package, path)
            self._used.append(process)
            return process

    def died(self, process: Process) -> None:
        """Note that a process ended by itself."""
        with self._lock:
            if process not in self.dead:
                self.dead.append(process)

    def cancel(self) -> None:
        """Ask all to stop what they are doing."""
        for process in list(self._used):
            process.cancel()

    def stop(self) -> None:
        """Stop all."""
        with self._lock:
            for process in self._used:
                process.stop(used=True)
            for process in self._idle.values():
                process.stop(used=False)
            self._used, self._idle = [], {}


def new_id() -> str:
    """The id of a new provider resource."""
    return str(uuid.uuid4())


def unknown_id() -> str:
    """The id of a provider resource that only the real run will make."""
    return UNKNOWN_STRING


def environment(base: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    """The environment of a plug-in."""
    return {**base, **extra, "PYTHONUNBUFFERED": "1"}


def warning(package: str, path: Path) -> str:
    """What is said of a plug-in that was found on $PATH."""
    return f"using pulumi-resource-{package} from $PATH at {path}"


def installed_packages(python: Path) -> list[str]:
    """Names of the provider packages that the program's Python has, from their plug-in files."""
    import json

    names = []
    prefix = python.parent.parent
    for file in sorted(prefix.glob("lib/python*/site-packages/*/pulumi-plugin.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if said.get("resource", True) and isinstance(said.get("name"), str):
            names.append(said["name"])
    return names
