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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..load.memory import Memory

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

    path = home / f"{_name(folder)}.json"
    program = program_digest()
    memory = Memory(program, read(path, program))
    try:
        yield memory
    finally:
        if memory.changed:
            write(path, program, memory.as_json())


def cache_folder() -> Path | None:
    """The folder of the user's caches for sitekit; None where the system names none."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117 (the specification: a relative one counts as unset)
        return Path(base) / "sitekit"
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


def _name(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
