"""Files onto the disk: each whole or not at all, nothing outside the folder that was named.

Every site's folder has a manifest of what was written there and its digest, so that files of
removed devices are known, and only those are ever removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError

if TYPE_CHECKING:
    from ..render.artifact import Artifact

MANIFEST = ".sitekit-manifest.json"
LOCK = ".sitekit-lock"
TEMPORARY = ".sitekit-tmp-"
PUBLIC, PRIVATE = 0o644, 0o600


@dataclass(slots=True)
class WriteReport:
    """What became of every file, as paths below the output folder."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)  # edited by hand since the last render
    stale: list[str] = field(default_factory=list)  # of devices that are no longer there
    pruned: list[str] = field(default_factory=list)


def write_artifacts(
    artifacts: Iterable[tuple[str, Artifact]],
    out: Path,
    *,
    prune: bool,
    private: bool = False,
) -> WriteReport:
    """Write the artifacts of site after site below `out`; only changed files are touched.

    `artifacts` gives (site, artifact) with the artifacts of a site next to each other, so that one
    site at a time is in memory. `private` files can be read by their owner alone. Raises
    OutputError for a name or a link that leads outside, and when another run is writing here.
    """
    report = WriteReport()
    with _locked(out):
        site = ""
        texts: dict[str, str] = {}
        for code, artifact in artifacts:
            if code != site and site:
                _write_site(out, site, texts, report, prune=prune, private=private)
                texts = {}
            site = code
            texts[str(artifact.path)] = artifact.text
        if site:
            _write_site(out, site, texts, report, prune=prune, private=private)
    return report


def write_whole(path: Path, text: str) -> bool:
    """Write one file, whole or not at all; True when its content changed."""
    _make_folder(path.parent)
    if path.is_symlink():
        raise OutputError(f"{path} is a link", hint="remove the link, or name another file")
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    with _folder(path.parent) as descriptor:
        _replace(descriptor, path.name, data, PUBLIC)
    return True


def create_whole(files: Mapping[Path, str]) -> None:
    """Write new files, all or none; one that exists by now is an error and is left alone."""
    made: list[Path] = []
    try:
        for path, text in files.items():
            _make_folder(path.parent)
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


# --- one site's folder -------------------------------------------------------------------------


def _write_site(
    out: Path,
    site: str,
    texts: Mapping[str, str],
    report: WriteReport,
    *,
    prune: bool,
    private: bool,
) -> None:
    for name in (site, *texts):
        _refuse_odd(name)
    folder = out / site
    _make_folder(folder)
    with _folder(folder) as descriptor:
        _clean(descriptor)
        known = _manifest(descriptor)
        mode = PRIVATE if private else PUBLIC
        digests: dict[str, str] = {}
        for name, text in texts.items():
            data = text.encode()
            digests[name] = _digest(data)
            before = _read(descriptor, name)
            shown = f"{site}/{name}"
            if before == data and _mode(descriptor, name) == mode:
                report.unchanged.append(shown)
                continue
            edited = before is not None and name in known and _digest(before) != known[name]
            _replace(descriptor, name, data, mode)
            report.written.append(shown)
            if edited and before != data:
                report.overwritten.append(shown)
        for name in sorted(set(known) - set(digests)):
            if _read(descriptor, name) is None:
                continue
            if prune:
                os.unlink(name, dir_fd=descriptor)
                report.pruned.append(f"{site}/{name}")
            else:
                digests[name] = known[name]
                report.stale.append(f"{site}/{name}")
        text = json.dumps(digests, indent=1, sort_keys=True) + "\n"
        if _read(descriptor, MANIFEST) != text.encode():
            _replace(descriptor, MANIFEST, text.encode(), PUBLIC)


def _manifest(descriptor: int) -> dict[str, str]:
    """What an earlier run wrote here; a torn or foreign manifest is as good as none."""
    data = _read(descriptor, MANIFEST)
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: digest for name, digest in found.items() if isinstance(digest, str) and not _odd(name)
    }


def _clean(descriptor: int) -> None:
    """Remove what a killed run left half written."""
    for name in os.listdir(descriptor):
        if name.startswith(TEMPORARY):
            os.unlink(name, dir_fd=descriptor)


# --- names, links, locks -----------------------------------------------------------------------


def _odd(name: str) -> bool:
    return (
        name in ("", ".", "..")
        or name.startswith(".")
        or any(c in "/\\" or not c.isprintable() for c in name)
    )


def _refuse_odd(name: str) -> None:
    if _odd(name):
        raise OutputError(
            f"{name!r} cannot be the name of a file here",
            hint="names have no slash, no leading dot and no control characters",
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made: {error.strerror}", hint="name another folder"
        ) from None


@contextmanager
def _folder(folder: Path) -> Iterator[int]:
    """A folder opened by descriptor: a link put in its place later leads nowhere."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        raise OutputError(
            f"{folder} is a link, or no folder", hint="name a real folder; links are not followed"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One run at a time writes below a folder."""
    _make_folder(out)
    with _folder(out) as descriptor:
        lock = os.open(
            LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PUBLIC, dir_fd=descriptor
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another run is writing to {out}", hint="wait for it, or name another folder"
            ) from None
        else:
            yield
            os.unlink(LOCK, dir_fd=descriptor)
        finally:
            os.close(lock)


def _read(descriptor: int, name: str) -> bytes | None:
    """A regular file's content; None when there is none. A link is refused, not read."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=descriptor)
    except FileNotFoundError:
        return None
    except OSError:
        raise OutputError(
            f"{name} is a link, or cannot be read", hint="remove it; links are not followed"
        ) from None
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OutputError(f"{name} is no regular file", hint="remove it")
        return opened.read()


def _mode(descriptor: int, name: str) -> int:
    return stat.S_IMODE(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)


def _replace(descriptor: int, name: str, data: bytes, mode: int) -> None:
    """Put a whole file in place: written aside, flushed, renamed."""
    aside = f"{TEMPORARY}{os.getpid()}-{name}"
    try:
        file = os.open(
            aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=descriptor
        )
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fchmod(opened.fileno(), mode)
            os.fsync(opened.fileno())
        os.rename(aside, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except OSError as error:
        raise OutputError(
            f"{name} cannot be written: {error.strerror}",
            hint="the earlier file is as it was; make room or change permissions, and run again",
        ) from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
