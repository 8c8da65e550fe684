"""Where the memory of earlier runs lies on the disk, and when a file of it is believed.

One file per organisation, in the user's own cache folder: what stands in a repository, or comes
with one, is never read as a verdict. A file is believed when its owner is the one who runs us and
nobody else may write it, and when its first line is the digest of the rest. Anything else (torn,
edited, of another sitekit) counts as nothing, and is replaced. It is written aside and renamed, so
that a reader sees one run's memory or another's, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..load.memory import Memory
    from ..render import Artifact
    from .output import Stamp

OFF = "SITEKIT_NO_CACHE"
FOLDER = "SITEKIT_CACHE_DIR"
MAX_BYTES = 256 << 20
_MAGIC = "sitekit cache 1"

cache_option = click.option(
    "--no-cache",
    is_flag=True,
    help="Believe nothing of earlier runs, and remember nothing (or set SITEKIT_NO_CACHE).",
)


@contextmanager
def remembering(folder: Path, *, unless: bool = False) -> Iterator[Memory | None]:
    """The memory of an organisation, written back at the end if it learnt something.

    None where it is switched off, or where there is no folder for it.
    """
    home = None if unless or os.environ.get(OFF) else cache_folder()
    if home is None:
        yield None
        return
    from ..load.memory import Memory, program_digest

    path = home / _name(folder)
    program = program_digest()
    memory = Memory(program, read(path, program))
    try:
        yield memory
    finally:
        if memory.changed:
            write(path, program, memory.as_json())
        memory.settle()


class Outputs:
    """Which sites' files stand in an output folder as an earlier run rendered them.

    A site is known by the digest of all that it follows from, its folder by what the system says
    of its files (`cli.output.stamp_of`).
    """

    def __init__(self, known: dict[str, Any], memory: Memory, out: Path) -> None:
        self._known = known
        self._memory = memory
        self._out = out
        self._names: dict[str, list[str]] = {}
        self.changed = False

    def in_place(self, codes: Iterable[str]) -> dict[str, list[str]]:
        """The sites that need not be rendered, each with the names of its files."""
        from .output import MANIFEST, stamp_of

        found = {}
        for code in codes:
            known, key = self._known.get(code), self._memory.site_key(code)
            if key is None or not isinstance(known, dict) or known.get("key") != key:
                continue
            names, stamp = known.get("names"), stamp_of(self._out / code)
            if stamp is None or stamp.digest != known.get("stamp"):
                continue
            if isinstance(names, list) and stamp.files.keys() == {*names, MANIFEST}:
                found[code] = names
        return found

    def seen(self, artifacts: Iterable[tuple[str, Artifact]]) -> Iterator[tuple[str, Artifact]]:
        """The same artifacts, their names noted."""
        for code, artifact in artifacts:
            self._names.setdefault(code, []).append(str(artifact.path))
            yield code, artifact

    def keep(self, code: str, stamp: Stamp | None) -> None:
        """Remember a site whose files were just written or found as they should be."""
        key = self._memory.site_key(code)
        self.changed = True
        self._known.pop(code, None)
        names = self._names.pop(code, [])
        if key is not None and stamp is not None:
            self._known[code] = {"key": key, "stamp": stamp.digest, "names": names}

    def as_json(self) -> dict[str, Any]:
        """What the next run may know, as plain data."""
        return self._known


@contextmanager
def outputs_of(folder: Path, out: Path, memory: Memory | None) -> Iterator[Outputs | None]:
    """What is known of an output folder, written back at the end; None without a memory."""
    home = cache_folder()
    if memory is None or home is None:
        yield None
        return
    path = home / _name(folder, out)
    outputs = Outputs(read(path, memory.program), memory, out)
    try:
        yield outputs
    finally:
        if outputs.changed and memory.is_current():  # templates are read while rendering
            write(path, memory.program, outputs.as_json())


def cache_folder() -> Path | None:
    """The folder of the user's caches for sitekit; None where the system names none."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():  # the specification: a relative one counts as unset
        return base / "sitekit"
    try:
        return Path.home() / ".cache" / "sitekit"
    except RuntimeError:
        return None


def read(path: Path, program: str) -> dict[str, Any]:
    """What a file of the cache says; nothing where it is not, beyond doubt, what we wrote."""
    with suppress(OSError, ValueError, RecursionError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
            if not (ours and stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES):
                return {}
            head, _, body = file.read().partition(b"\n")
        if head.decode() == _head(program, body):
            known = json.loads(body)
            return known if isinstance(known, dict) else {}
    return {}


def write(path: Path, program: str, known: dict[str, Any]) -> None:
    """Replace a file of the cache; where that is not possible, the next run knows less."""
    body = json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_head(program, body).encode() + b"\n" + body)
            aside.replace(path)
        finally:
            with suppress(OSError):
                aside.unlink()


def _head(program: str, body: bytes) -> str:
    return f"{_MAGIC} {hashlib.sha256(program.encode() + body).hexdigest()}"


def _name(*folders: Path) -> str:
    """The name of the file about a folder, or about what one has to do with another."""
    named = b"\0".join(os.fsencode(folder.resolve()) for folder in folders)
    return f"{hashlib.sha256(named).hexdigest()[:32]}.json"
