"""What is told while a run goes on, and to whom.

An event is one JSON object, as the real engine's event log has it: a sequence number, a time in
seconds and one entry named after its kind. `--event-log` takes a file or `tcp://HOST:PORT`, the
address of a gRPC service `Events` that the Automation API serves.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

from .faults import EngineError
from .plugins import PropertyChange
from .resources import Resource
from .steps import Op, Step
from .values import to_state


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `step` is set for those about a step."""

    kind: str
    body: dict[str, Any]
    step: Step | None = None


class Listener(Protocol):
    """Somebody who is told."""

    def tell(self, event: Event) -> None:
        """Take an event."""

    def close(self) -> None:
        """There are no more."""


class Events:
    """Tells every listener, one event at a time."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = Lock()

    def add(self, listener: Listener) -> None:
        """Tell this one from now on."""
        self._listeners.append(listener)

    def emit(self, kind: str, body: dict[str, Any], step: Step | None = None) -> None:
        """Tell all."""
        with self._lock:
            for listener in self._listeners:
                listener.tell(Event(kind, body, step))

    def close(self) -> None:
        """There are no more events."""
        with self._lock:
            for listener in self._listeners:
                listener.close()

    # -- the kinds

    def message(self, severity: str, text: str, urn: str = "", *, stream: int = 0) -> None:
        """A message for people: `info#err`, `info`, `warning`, `error` or `debug`."""
        prefix = {"warning": "warning: ", "error": "error: ", "debug": "debug: "}.get(severity, "")
        body: dict[str, Any] = {"urn": urn} if urn else {}
        body.update(prefix=prefix, message=f"{text}\n", color="never", severity=severity)
        if stream:
            body["streamid"] = stream
        self.emit("diagnosticEvent", body)

    def before(self, step: Step) -> None:
        """A step begins."""
        self.emit("resourcePreEvent", {}, step)

    def after(self, step: Step) -> None:
        """A step is done."""
        self.emit("resOutputsEvent", {}, step)

    def failed(self, step: Step) -> None:
        """A step failed."""
        self.emit("resOpFailedEvent", {"status": 0, "steps": 0}, step)


def as_json(event: Event) -> dict[str, Any]:
    """The event's content; that of a step is written out only when somebody asks."""
    if event.step is None:
        return event.body
    return {"metadata": metadata(event.step), **event.body}


def _hidden(_: str) -> str:
    return "[secret]"


def metadata(step: Step) -> dict[str, Any]:
    """A step as events describe it."""
    op = step.found if step.op is Op.REFRESH and step.found else step.op
    result: dict[str, Any] = {
        "op": str(op),
        "urn": step.urn,
        "type": step.resource.type,
        "old": _state(step.old),
        "new": _state(step.new),
    }
    if step.keys:
        result["keys"] = step.keys
    if step.changed:
        result["diffs"] = step.changed
    result["detailedDiff"] = detail(step.detailed)
    if step.logical:
        result["logical"] = True
    result["provider"] = step.resource.provider
    return result


def detail(changes: dict[str, PropertyChange] | None) -> dict[str, Any] | None:
    """A detailed difference as events and previews have it."""
    if not changes:
        return None
    return {
        path: {"diffKind": change.kind, "inputDiff": change.input}
        for path, change in sorted(changes.items())
    }


def _state(resource: Resource | None) -> dict[str, Any] | None:
    if resource is None:
        return None
    result: dict[str, Any] = {"type": resource.type, "urn": resource.urn}
    for name in ("custom", "delete"):
        if getattr(resource, name):
            result[name] = True
    result.update(id=resource.id, parent=resource.parent)
    for name in ("protect", "taint"):
        if getattr(resource, name):
            result[name] = True
    if resource.retain_on_delete:
        result["retainOnDelete"] = True
    result["inputs"] = to_state(resource.inputs, _hidden)
    result["outputs"] = to_state(resource.outputs or {}, _hidden)
    result["provider"] = resource.provider
    if resource.init_errors:
        result["initErrors"] = resource.init_errors
    return result


# -- the event log --------------------------------------------------------------------------------


class _Lines:
    """Turns events into the lines of a log."""

    def __init__(self) -> None:
        self._sequence = 0

    def line(self, event: Event) -> str:
        record = {
            "sequence": self._sequence,
            "timestamp": int(time.time()),
            event.kind: as_json(event),
        }
        self._sequence += 1
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


class FileLog:
    """Writes events into a file, one a line."""

    def __init__(self, file: Path) -> None:
        self._lines = _Lines()
        try:
            self._file = file.open("a", encoding="utf-8")
        except OSError as error:
            raise EngineError(f"could not open event log {file}: {error.strerror}") from None

    def tell(self, event: Event) -> None:
        """Write it."""
        self._file.write(self._lines.line(event) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class StreamLog:
    """Sends events to the gRPC service of an Automation API program."""

    def __init__(self, address: str) -> None:
        import grpc
        from pulumi.runtime.proto import events_pb2, events_pb2_grpc

        self._lines = _Lines()
        self._queue: queue.Queue[str | None] = queue.Queue()
        channel = grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),))
        make: Any = events_pb2_grpc.EventsStub
        stub = make(channel)

        def requests() -> Iterator[Any]:
            while (line := self._queue.get()) is not None:
                yield events_pb2.EventRequest(event=line)

        def send() -> None:
            with suppress(grpc.RpcError):  # the listener went away: the run goes on without it
                stub.StreamEvents(requests(), wait_for_ready=True)

        self._thread = Thread(target=send, daemon=True)
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Send it."""
        self._queue.put(self._lines.line(event))

    def close(self) -> None:
        """Send what is left and end the stream."""
        self._queue.put(None)
        self._thread.join(10.0)


def open_log(target: str) -> Listener:
    """The log of `--event-log`."""
    if target.startswith("tcp://"):
        return StreamLog(target.removeprefix("tcp://"))
    return FileLog(Path(target.removeprefix("file://")))


class Callback:
    """Tells a function."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self.tell = tell

    def close(self) -> None:
        """Nothing."""
