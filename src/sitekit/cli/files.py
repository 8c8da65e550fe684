"""Single files onto the disk: each whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import OutputError

MODE = 0o644


def write_whole(path: Path, text: str) -> bool:
    """Write one file, whole or not at all; True when its content changed.

    Raises OutputError when it cannot be written, or when it is a link.
    """
    data = text.encode()
    try:
        if path.is_symlink():
            raise OutputError(f"{path} is a link", hint="remove the link, or name another file")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_bytes() == data:
            return False
        _replace(path, data)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}",
            hint="the earlier file is as it was; make room or change permissions, and run again",
        ) from None
    return True


def create_whole(files: Mapping[Path, str]) -> None:
    """Write new files, all or none; one that exists by now is an error and is left alone."""
    made: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise OutputError(
            f"{error.filename} cannot be written: {error.strerror}",
            hint="nothing was written; existing files are never overwritten",
        ) from None


def _replace(path: Path, data: bytes) -> None:
    """Written aside, flushed, renamed: a reader sees the old file or the new one."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), MODE)
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(aside).unlink()
        raise
