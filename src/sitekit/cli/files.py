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


def replace_whole(files: Mapping[Path, tuple[bytes, bytes]]) -> None:
    """Replace files, each given as what it was and what it becomes: all of them or none.

    Every new file lies complete beside its place before the first one takes it; where one cannot,
    those before it get their old content back. Permissions stay. Raises OutputError when a file is
    a link, is no longer what it was, or cannot be written.
    """
    aside: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, (before, after) in files.items():
            if path.is_symlink():
                raise OutputError(
                    f"{path} is a link; nothing was written",
                    hint="replace the link by the file, and run again",
                )
            if path.read_bytes() != before:
                raise OutputError(
                    f"{path} has changed meanwhile; nothing was written", hint="run again"
                )
            aside[path] = _beside(path, after, path.stat().st_mode & 0o777)
        for path, ready in aside.items():
            ready.replace(path)
            done.append(path)
    except OSError as error:
        for path in done:
            _replace(path, files[path][0], path.stat().st_mode & 0o777)
        raise OutputError(
            f"{error.filename} cannot be written: {error.strerror}",
            hint="every file is as it was; make room or change permissions, and run again",
        ) from None
    finally:
        for ready in aside.values():
            with contextlib.suppress(OSError):
                ready.unlink(missing_ok=True)


def _replace(path: Path, data: bytes, mode: int = MODE) -> None:
    """Written aside, flushed, renamed: a reader sees the old file or the new one."""
    aside = _beside(path, data, mode)
    try:
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


def _beside(path: Path, data: bytes, mode: int) -> Path:
    """A complete file beside its place."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            Path(aside).unlink()
        raise
    return Path(aside)
