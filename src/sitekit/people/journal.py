"""What a run did, line by line on the disk, so that the next one knows where this one was cut off.

`.sitekit/people/journal.jsonl` below the organisation's folder: who was acted on, how, and when; no
password and no token. One run at a time holds `.sitekit/people/lock`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..errors import OutputError
from .planning import Action, Operation, Plan

FOLDER = Path(".sitekit") / "people"
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class Journal(Protocol):
    """Where a run writes what it is about to do, before it does it, and what became of it."""

    def begin(self, plan: Plan) -> None:
        """A run begins."""

    def doing(self, operations: Iterable[Operation]) -> None:
        """These are asked for now; if nothing follows, nobody knows whether they were done."""

    def done(self, operations: Iterable[tuple[Operation, str]]) -> None:
        """These are done, each to the object of this id."""

    def failed(self, operation: Operation, message: str) -> None:
        """This was refused."""

    def end(self) -> None:
        """The run came to its end."""

    def group_made(self, name: str) -> str | None:
        """The id of a group that an earlier run made under this name."""


@dataclass(slots=True)
class MemoryJournal:
    """A journal for a run of which nothing needs to stay, as in a test or a notebook."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def begin(self, plan: Plan) -> None:
        """A run begins."""
        self.write(
            [
                {
                    "event": "begin",
                    "tenant": plan.tenant,
                    "at": plan.at.isoformat(),
                    "operations": len(plan.operations),
                }
            ]
        )

    def doing(self, operations: Iterable[Operation]) -> None:
        """These are asked for now."""
        self.write([{"event": "doing", **_named(operation)} for operation in operations])

    def done(self, operations: Iterable[tuple[Operation, str]]) -> None:
        """These are done."""
        self.write([{"event": "done", **_named(o), "id": identity} for o, identity in operations])

    def failed(self, operation: Operation, message: str) -> None:
        """This was refused."""
        self.write([{"event": "failed", **_named(operation), "message": message}])

    def end(self) -> None:
        """The run came to its end."""
        self.write([{"event": "end"}])

    def group_made(self, name: str) -> str | None:
        """The id of a group that an earlier run made under this name."""
        return next(
            (
                str(line["id"])
                for line in reversed(self.lines)
                if line.get("action") == Action.NEW_GROUP.value
                and line["event"] == "done"
                and line["name"] == name
            ),
            None,
        )

    def open_invitations(self) -> frozenset[str]:
        """Addresses invited by a run that was cut off before it could mark the account."""
        open_: dict[str, str] = {}
        for line in self.lines:
            if line.get("action") == Action.INVITE.value:
                if line["event"] == "doing":
                    open_[line["person"]] = line["name"]
                elif line["event"] == "done":
                    open_.pop(line["person"], None)
            elif line.get("action") == Action.ADOPT.value and line["event"] == "done":
                open_.pop(line["person"], None)
        return frozenset(open_.values())

    def cut_off(self) -> tuple[str, int, int] | None:
        """Of the last run, if it never ended: when it began, and how much of how much it did."""
        begun: dict[str, Any] | None = None
        done = 0
        for line in self.lines:
            match line["event"]:
                case "begin":
                    begun, done = line, 0
                case "done":
                    done += 1
                case "end":
                    begun = None
        return (str(begun["time"]), done, int(begun["operations"])) if begun else None

    def write(self, lines: Iterable[dict[str, Any]]) -> None:
        """Keep lines."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.lines += [{"time": now, "run": self.run, **line} for line in lines]


class FileJournal(MemoryJournal):
    """A journal on the disk: every line is there before the work goes on."""

    __slots__ = ("_file",)

    def __init__(self, file: int, lines: list[dict[str, Any]]) -> None:
        super().__init__(lines)
        self._file = file

    def write(self, lines: Iterable[dict[str, Any]]) -> None:
        """Keep lines, and have the disk keep them."""
        before = len(self.lines)
        super().write(lines)
        if len(self.lines) == before:
            return
        text = "".join(
            json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n"
            for line in self.lines[before:]
        )
        try:
            data = text.encode()
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError as error:
            raise OutputError(
                f"the journal cannot be written: {error.strerror}",
                hint="nothing is done that is not in it: make room, and run again",
            ) from None


@contextmanager
def journal_in(organisation: Path) -> Iterator[FileJournal]:
    """The journal of an organisation's folder, held by this run alone.

    Raises OutputError when another run holds it or it cannot be written.
    """
    folder = organisation / FOLDER
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        ignored = folder.parent / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    except OSError as error:
        raise OutputError(
            f"{error.filename} cannot be written: {error.strerror}",
            hint="the journal of `people apply` stands there: make the folder writable",
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another run of people apply holds {folder / 'lock'}",
                hint="wait for it to end; one run at a time acts on a tenant",
            ) from None
        path = folder / "journal.jsonl"
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            file = os.open(path, flags, _PRIVATE_FILE)
        except OSError as error:
            raise OutputError(
                f"{path} cannot be written: {error.strerror}", hint="make it a writable file"
            ) from None
        try:
            yield FileJournal(file, _read(file))
        finally:
            os.close(file)
    finally:
        os.close(lock)


def lines_in(organisation: Path) -> MemoryJournal:
    """What earlier runs wrote, to look at; nothing where there was none."""
    try:
        file = os.open(organisation / FOLDER / "journal.jsonl", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return MemoryJournal()
    try:
        return MemoryJournal(_read(file, mend=False))
    finally:
        os.close(file)


def _read(file: int, *, mend: bool = True) -> list[dict[str, Any]]:
    """The whole lines; a last one that was cut off by a crash is ended, and not counted."""
    data = b""
    while part := os.read(file, 1 << 20):
        data += part
    if mend and data and not data.endswith(b"\n"):
        os.write(file, b"\n")
    lines = []
    for line in data.split(b"\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "event" in found:
            lines.append(found)
    return lines


def _named(operation: Operation) -> dict[str, str]:
    return {
        "action": operation.action.value,
        "person": operation.person,
        "name": operation.name,
        **({"target": operation.target} if operation.target else {}),
    }
