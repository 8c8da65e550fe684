"""file:// backends: stacks, locks, history and backups in the real engine's layout.

    .pulumi/meta.yaml                                     version: 1
    .pulumi/stacks/PROJECT/STACK.json (.bak)              the checkpoint, the one before
    .pulumi/locks/organization/PROJECT/STACK/UUID.json    who is running
    .pulumi/history/PROJECT/STACK/STACK-NANOS.history.json, .checkpoint.json
    .pulumi/backups/PROJECT/STACK/STACK.NANOS.json

Every file has a companion `.attrs` with its MD5, which the real engine's storage library expects.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from . import project as projects
from .faults import EngineError, StackNotFoundError

ORGANIZATION = "organization"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")


@dataclass(frozen=True, slots=True)
class StackName:
    """A stack: its project and its own name."""

    project: str
    name: str

    @property
    def full(self) -> str:
        """organization/PROJECT/STACK."""
        return f"{ORGANIZATION}/{self.project}/{self.name}"


def home() -> Path:
    """Where credentials and the selected stacks are kept: PULUMI_HOME or ~/.pulumi."""
    given = os.environ.get("PULUMI_HOME")
    return Path(given) if given else Path.home() / ".pulumi"


def user() -> str:
    """Who is working, for locks and `whoami`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


# -- which backend --------------------------------------------------------------------------------


def current_url(project: projects.Project | None) -> str:
    """PULUMI_BACKEND_URL, else the project's, else the one logged in to.

    Raises:
        EngineError: there is none.
    """
    url = os.environ.get("PULUMI_BACKEND_URL") or (project.backend if project else "")
    if not url:
        url = credentials().get("current") or ""
    if not url:
        raise EngineError(
            "no backend: set PULUMI_BACKEND_URL=file://FOLDER or run `pulumi login file://FOLDER`"
        )
    return url


def credentials() -> dict[str, Any]:
    """What `login` has stored."""
    file = home() / "credentials.json"
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EngineError(f"could not read {file}: {error}") from None
    return stored if isinstance(stored, dict) else {}


def log_in(url: str) -> None:
    """Make a backend the current one."""
    stored = credentials()
    stored["current"] = url
    stored.setdefault("accessTokens", {})[url] = ""
    stored.setdefault("accounts", {})[url] = {"lastValidatedAt": "0001-01-01T00:00:00Z"}
    _private(home() / "credentials.json", json.dumps(stored, indent=4))


def log_out(url: str | None) -> str:
    """Forget a backend, the current one by default; its URL is returned."""
    stored = credentials()
    gone = url or stored.get("current") or ""
    if stored.get("current") == gone:
        stored["current"] = ""
    for part in ("accessTokens", "accounts"):
        (stored.get(part) or {}).pop(gone, None)
    _private(home() / "credentials.json", json.dumps(stored, indent=4))
    return gone


def _private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o600)
    temporary.replace(file)


def open_backend(url: str, project: projects.Project | None = None) -> Backend:
    """The backend of a URL; `.pulumi` is made in it if it is new.

    Raises:
        EngineError: it is not a file:// URL, the folder is missing, or its layout is too new.
    """
    if not url.startswith("file://"):
        raise EngineError(
            f"the lab keeps state in file:// backends only, not in {url.split('://', 1)[0]}"
        )
    rest = unquote(url.removeprefix("file://").split("?", 1)[0])
    if rest == "~" or rest.startswith("~/"):
        folder = Path.home() / rest[2:]
    elif rest.startswith("/"):
        folder = Path(rest)
    else:
        folder = (project.folder if project else Path.cwd()) / rest
    if not folder.is_dir():
        raise EngineError(
            f'read ".pulumi/meta.yaml": unable to open bucket {url}: '
            f"stat {folder}: no such file or directory"
        )
    return Backend(url, folder / ".pulumi")


# -- the backend ----------------------------------------------------------------------------------


class Backend:
    """One folder of stacks."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        meta = folder / "meta.yaml"
        if meta.exists():
            version = projects.load_yaml(meta).get("version", 0)
            if version != 1:
                raise EngineError(
                    f"state layout version {version} of {url} is not one that the lab reads"
                )
        elif (folder / "stacks").is_dir() and any((folder / "stacks").glob("*.json")):
            raise EngineError(f"{url} has the layout of an old engine; run `pulumi state upgrade`")
        else:
            self._put(meta, "version: 1\n")

    # -- files

    def _put(self, file: Path, text: str) -> None:
        """Write a file whole, and its companion."""
        data = text.encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        attributes = {
            "user.cache_control": "",
            "user.content_disposition": "",
            "user.content_encoding": "",
            "user.content_language": "",
            "user.content_type": "text/plain; charset=utf-8",
            "user.metadata": None,
            "md5": digest,
        }
        companion = json.dumps(attributes, separators=(",", ":")) + "\n"
        for path, content in ((_attrs(file), companion.encode()), (file, data)):
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(content)
            temporary.replace(path)

    def _remove(self, file: Path) -> None:
        for path in (file, _attrs(file)):
            path.unlink(missing_ok=True)

    def _part(self, part: str, stack: StackName) -> Path:
        return self.folder / part / stack.project / stack.name

    def stack_file(self, stack: StackName) -> Path:
        """Where the checkpoint lies."""
        return self.folder / "stacks" / stack.project / f"{stack.name}.json"

    # -- stacks

    def parse(self, text: str, project: str | None) -> StackName:
        """The stack that a name of one, two or three parts means.

        Raises:
            EngineError: it is not a name, or the project is missing.
        """
        parts = text.split("/")
        if len(parts) == 3:
            if parts[0] != ORGANIZATION:
                raise EngineError(f"organization name must be '{ORGANIZATION}', not '{parts[0]}'")
            parts = parts[1:]
        if len(parts) > 2 or not all(parts):
            raise EngineError("a stack name may not be empty")
        if len(parts) == 1:
            if project is None:
                raise EngineError(
                    "if you're using the --stack flag, pass the fully qualified "
                    "name (organization/project/stack)"
                )
            parts = [project, parts[0]]
        for part in parts:
            if not _NAME.match(part):
                raise EngineError(
                    "a stack name may only contain alphanumeric, hyphens, underscores, or periods"
                )
        return StackName(parts[0], parts[1])

    def exists(self, stack: StackName) -> bool:
        """Whether there is such a stack."""
        return self.stack_file(stack).exists()

    def stacks(self, project: str | None) -> Iterator[StackName]:
        """The stacks of a project, or of all."""
        root = self.folder / "stacks"
        for file in sorted(root.glob("*/*.json")):
            if project in (None, file.parent.name):
                yield StackName(file.parent.name, file.stem)

    def load(self, stack: StackName) -> dict[str, Any] | None:
        """The stored deployment, nothing if the stack never had one.

        Raises:
            StackNotFoundError: there is no such stack.
            EngineError: the file is damaged or too new.
        """
        file = self.stack_file(stack)
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StackNotFoundError(stack.name) from None
        except (OSError, ValueError) as error:
            raise EngineError(f"failed to load checkpoint: {file}: {error}") from None
        if stored.get("version", 3) != 3:
            raise EngineError(
                f"the stack '{stack.name}' is newer than what this version of the Pulumi CLI "
                "understands. Please update your version of the Pulumi CLI"
            )
        latest = (stored.get("checkpoint") or {}).get("latest")
        return latest if isinstance(latest, dict) else None

    def save(self, stack: StackName, deployment: str) -> None:
        """Write a deployment (JSON) as the checkpoint; the one before is kept beside it."""
        file = self.stack_file(stack)
        if file.exists():
            backup = file.with_name(f"{file.name}.bak")
            for source, target in ((_attrs(file), _attrs(backup)), (file, backup)):
                if source.exists():
                    temporary = target.with_name(f".{target.name}.{os.getpid()}")
                    temporary.unlink(missing_ok=True)
                    os.link(source, temporary)
                    temporary.replace(target)
        name = json.dumps(stack.full)
        self._put(
            file,
            f'{{"version": 3, "checkpoint": {{"stack": {name}, "latest": {deployment}}}}}\n',
        )

    def remove(self, stack: StackName) -> None:
        """Remove a stack and its history; backups and the last checkpoint stay."""
        file = self.stack_file(stack)
        if file.exists():
            backup = file.with_name(f"{file.name}.bak")
            self._put(backup, file.read_text(encoding="utf-8"))
        self._remove(file)
        shutil.rmtree(self._part("history", stack), ignore_errors=True)

    def rename(self, old: StackName, new: StackName) -> None:
        """Move a stack's history to its new name, and forget the old checkpoint."""
        self._remove(self.stack_file(old))
        source = self._part("history", old)
        if source.is_dir():
            target = self._part("history", new)
            target.mkdir(parents=True, exist_ok=True)
            for file in source.iterdir():
                name = file.name.replace(f"{old.name}-", f"{new.name}-", 1)
                file.rename(target / name)
            source.rmdir()

    def modified(self, stack: StackName) -> datetime:
        """When the checkpoint was last written."""
        stamp = self.stack_file(stack).stat().st_mtime
        return datetime.fromtimestamp(stamp, UTC)

    # -- locks

    def locks(self, stack: StackName) -> list[Path]:
        """The lock files of a stack."""
        folder = self.folder / "locks" / ORGANIZATION / stack.project / stack.name
        return sorted(folder.glob("*.json"))

    @contextmanager
    def locked(self, stack: StackName) -> Iterator[None]:
        """Hold the stack's lock.

        Raises:
            EngineError: somebody else holds it; whether that process lives is not looked at.
        """
        file = (
            self.folder / "locks" / ORGANIZATION / stack.project / stack.name
        ) / f"{uuid.uuid4()}.json"
        others = self.locks(stack)
        if not others:
            content = {
                "pid": os.getpid(),
                "username": user(),
                "hostname": socket.gethostname(),
                "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            }
            self._put(file, json.dumps(content, separators=(",", ":")))
            others = [other for other in self.locks(stack) if other != file]
        if others:
            self._remove(file)
            raise EngineError(self._locked_by(others))
        try:
            yield
        finally:
            self._remove(file)

    @staticmethod
    def _locked_by(locks: list[Path]) -> str:
        lines = [
            f"the stack is currently locked by {len(locks)} lock(s). Either wait for the other "
            "process(es) to end or delete the lock file with `pulumi cancel`."
        ]
        for lock in locks:
            try:
                held = json.loads(lock.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                held = {}
            lines.append(
                f"  {lock.as_uri()}: created by {held.get('username')}@{held.get('hostname')} "
                f"(pid {held.get('pid')}) at {held.get('timestamp')}"
            )
        return "\n".join(lines)

    def break_locks(self, stack: StackName) -> None:
        """Delete the stack's lock files."""
        for lock in self.locks(stack):
            self._remove(lock)

    # -- history

    def record(self, stack: StackName, entry: dict[str, Any]) -> None:
        """Add a run to the history, with the checkpoint as it is now, and make a backup."""
        stamp = time.time_ns()
        text = self.stack_file(stack).read_text(encoding="utf-8")
        history = self._part("history", stack)
        self._put(history / f"{stack.name}-{stamp}.history.json", json.dumps(entry, indent=4))
        self._put(history / f"{stack.name}-{stamp}.checkpoint.json", text)
        self._put(self._part("backups", stack) / f"{stack.name}.{stamp}.json", text)

    def history(self, stack: StackName) -> list[dict[str, Any]]:
        """The runs of a stack, newest first."""
        files = sorted(self._part("history", stack).glob("*.history.json"), reverse=True)
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def _attrs(file: Path) -> Path:
    return file.with_name(f"{file.name}.attrs")


# -- which stack is selected ----------------------------------------------------------------------


def _workspace_file(project: projects.Project) -> Path:
    digest = hashlib.sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
    return home() / "workspaces" / f"{project.name}-{digest}-workspace.json"


def _workspace(project: projects.Project) -> dict[str, Any]:
    try:
        stored = json.loads(_workspace_file(project).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def selected(project: projects.Project, url: str) -> str:
    """The selected stack of a project, PULUMI_STACK before anything else; or nothing."""
    given = os.environ.get("PULUMI_STACK")
    if given:
        return given
    stored = _workspace(project)
    return str((stored.get("stacks") or {}).get(url) or stored.get("stack") or "")


def select(project: projects.Project, url: str, stack: StackName | None) -> None:
    """Select a stack of a project, or none."""
    stored = _workspace(project)
    stacks = stored.setdefault("stacks", {})
    if stack is None:
        stacks.pop(url, None)
    else:
        stacks[url] = stack.full
    _private(_workspace_file(project), json.dumps(stored, indent=4))
