"""Artifacts onto the disk: each file whole or not at all, nothing outside the named folder.

Folders are opened without following links and files are reached through the open folder, so a link
that somebody puts there, even while we write, leads nowhere. A file is written beside its place,
flushed, and renamed: killed at any moment, sitekit leaves every earlier file as it was.

Each site's folder has a manifest of what was written and its digest. From it we know the files of
removed devices, the only ones that are ever removed, and the files that somebody edited since.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Self

from ..errors import OutputError

if TYPE_CHECKING:
    from ..render.artifact import Artifact

MANIFEST = ".sitekit-manifest.json"
TEMPORARY = ".sitekit-tmp-"
PRIVATE = 0o600
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENTRY = re.compile(r'^\s*(?P<name>"(?:[^"\\]|\\.)*"): "(?P<digest>[0-9a-f]{64})",?\s*$', re.M)


@dataclass(slots=True)
class WriteReport:
    """What became of every file, as paths below the output folder."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)  # of the written: not as we had left them
    stale: list[str] = field(default_factory=list)  # of devices and sites that are gone
    pruned: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # not pruned: edited by hand since


def write_artifacts(
    artifacts: Iterable[tuple[str, Artifact]],
    out: Path,
    *,
    prune: bool,
    private: bool = False,
    known_sites: Collection[str] | None = None,
    on_site: Callable[[str, Stamp | None], None] | None = None,
) -> WriteReport:
    """Write the artifacts of site after site below `out`; only changed files are touched.

    The artifacts of a site come next to each other; they reach their places together, once the
    last one of them is there. `private` files can be read by their owner alone. Folders that an
    earlier run made for a site that is not among `known_sites` count as files of removed devices.
    `on_site` is told of each site that is complete what `stamp_of` says of its folder from now on;
    None where it holds more than was asked for, or changed while we wrote.
    Raises OutputError for a name or a link that leads outside, and when another run writes here.
    """
    report = WriteReport()
    done: set[str] = set()
    with _opened(out, private=private) as top:
        _lock(top, out)
        _sweep(top)
        for code, group in groupby(artifacts, key=itemgetter(0)):
            if code in done:
                raise ValueError(f"the artifacts of {code} come in two places")
            done.add(code)
            with _Site(top, out, code, report, private=private) as site:
                for _, artifact in group:
                    site.stage(artifact)
                site.finish(prune=prune)
                if on_site is not None:
                    on_site(code, site.stamp())
        if known_sites is not None:
            for code in _left_behind(top, {*known_sites, *done}):
                with _Site(top, out, code, report, private=private) as site:
                    site.finish(prune=prune)
                with suppress(OSError):  # it holds what we did not write
                    os.rmdir(code, dir_fd=top)
        os.fsync(top)
    return report


# --- one site's folder -------------------------------------------------------------------------


class _GoneError(Exception):
    """A folder is not there (any more)."""


class _Staged(NamedTuple):
    """A whole new file beside the place it is meant for."""

    folder: int
    aside: str
    name: str
    identity: Identity


class _Old(NamedTuple):
    """What stands in a file's place now."""

    digest: str
    mode: int
    identity: Identity


class _Site:
    """Stages the files of one site, then puts all of them in place."""

    def __init__(
        self, top: int, out: Path, code: str, report: WriteReport, *, private: bool
    ) -> None:
        if len(_parts(code)) != 1:
            raise _odd(code)
        self._shown = out / code
        self._code = code
        self._report = report
        self._private = private
        self._digests: dict[str, str] = {}
        self._identities: dict[str, Identity] = {}
        self._stale = False
        self._staged: dict[str, _Staged] = {}
        self._folders: dict[PurePosixPath, int] = {}
        try:
            self._top = self._folder_in(top, code, PurePosixPath())
            self._known = self._manifest()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take back what was not finished; files in their places are whole whatever happened."""
        for staged in self._staged.values():
            with suppress(OSError):
                os.unlink(staged.aside, dir_fd=staged.folder)
        for folder in self._folders.values():
            os.close(folder)

    def stage(self, artifact: Artifact) -> None:
        """Write a changed file beside its place."""
        path = artifact.path
        name = str(path)
        if len(_parts(name)) != len(path.parts):
            raise _odd(name)
        if name in self._digests:
            raise OutputError(f"two files are to be called {self._shown / path}")
        with self._explained(path):
            content = artifact.text.encode()
            self._digests[name] = digest = hashlib.sha256(content).hexdigest()
            folder = self._folder(path.parent)
            old = self._old(path, folder)
            mode = PRIVATE if self._private else old.mode if old else None
            if old and old.digest in self._known.get(name, ()):
                self._known[name] = {old.digest}
            if old and old.digest == digest and old.mode == mode:
                self._identities[name] = old.identity
                self._report.unchanged.append(self._named(name))
                return
            self._staged[name] = staged = _beside(folder, path.name, content, mode)
            self._identities[name] = staged.identity
            self._report.written.append(self._named(name))
            if old and old.digest not in {digest, *self._known.get(name, ())}:
                self._report.overwritten.append(self._named(name))

    def finish(self, *, prune: bool) -> None:
        """Put the staged files in place, then look after those that nothing asks for any more.

        The manifest names new files before they are there: a run that is killed in between leaves
        none that a later one does not know.
        """
        changed = bool(self._staged)
        with self._explained(PurePosixPath(MANIFEST)):
            if changed:
                files = {name: min(digests) for name, digests in self._known.items()}
                self._write_manifest(files, {name: self._digests[name] for name in self._staged})
        for name, staged in list(self._staged.items()):
            with self._explained(PurePosixPath(name)):
                os.rename(
                    staged.aside, staged.name, src_dir_fd=staged.folder, dst_dir_fd=staged.folder
                )
                del self._staged[name]
        stale = self._look_after_stale(prune=prune)
        self._stale = bool(stale)
        files = {**self._digests, **stale}
        with self._explained(PurePosixPath(MANIFEST)):
            self._write_manifest(files)
            if changed:
                for folder in self._folders.values():
                    os.fsync(folder)

    def stamp(self) -> Stamp | None:
        """What `stamp_of` says of the folder; None where a file is not as we left or found it."""
        found = stamp_of(self._shown)
        if found is None or self._stale:
            return None
        return found if found.files == self._identities else None

    def _look_after_stale(self, *, prune: bool) -> dict[str, str]:
        """Report, or remove, what the manifest lists and nothing asks for; give what stays."""
        stay: dict[str, str] = {}
        for name in sorted(set(self._known) - set(self._digests)):
            path = PurePosixPath(name)
            try:
                folder = self._folder(path.parent, make=False)
                old = self._old(path, folder)
            except _GoneError:
                continue
            except OutputError:  # a link by now: not what we wrote
                ours = False
            else:
                if old is None:
                    continue
                ours = old.digest in self._known[name]
                if ours:
                    self._known[name] = {old.digest}
            if prune and ours:
                with self._explained(path):
                    os.unlink(path.name, dir_fd=folder)
                self._report.pruned.append(self._named(name))
                self._remove_empty(path.parent)
                continue
            stay[name] = min(self._known[name])
            (self._report.kept if prune else self._report.stale).append(self._named(name))
        return stay

    def _remove_empty(self, path: PurePosixPath) -> None:
        while path.parts:
            try:
                os.rmdir(path.name, dir_fd=self._folder(path.parent, make=False))
            except OSError:  # not empty
                return
            os.close(self._folders.pop(path))
            path = path.parent

    def _manifest(self) -> dict[str, set[str]]:
        """The digests that each file we wrote may have.

        A manifest in which git left both sides of a merge still says what both sides wrote.
        """
        path = PurePosixPath(MANIFEST)
        with self._explained(path):
            if self._old(path, self._top) is None:
                return {}
            opened = os.open(MANIFEST, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._top)
            with os.fdopen(opened, encoding="utf-8") as file:
                text = file.read()
        known: dict[str, set[str]] = {}
        try:
            for entry in _ENTRY.finditer(text):
                name = json.loads(entry["name"])
                _parts(name)
                known.setdefault(name, set()).add(entry["digest"])
        except (ValueError, OutputError):
            known = {}
        if not known and '"files": {}' not in text:
            raise OutputError(
                f"{self._shown / MANIFEST} is not what sitekit wrote",
                hint="restore it, or remove it: files of removed devices are then yours to remove",
            )
        return known

    def _write_manifest(
        self,
        files: dict[str, str],
        unfinished: dict[str, str] | None = None,
    ) -> None:
        written: dict[str, object] = {"schema": 1, "files": files}
        if unfinished:
            written["unfinished"] = unfinished
        text = json.dumps(written, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        old = self._old(PurePosixPath(MANIFEST), self._top)
        content = text.encode()
        mode = PRIVATE if self._private else old.mode if old else None
        if not files and not unfinished:
            if old:
                os.unlink(MANIFEST, dir_fd=self._top)
        elif not (old and old.digest == hashlib.sha256(content).hexdigest() and old.mode == mode):
            self._staged[MANIFEST] = staged = _beside(self._top, MANIFEST, content, mode)
            self._identities[MANIFEST] = staged.identity
            os.rename(staged.aside, MANIFEST, src_dir_fd=self._top, dst_dir_fd=self._top)
            del self._staged[MANIFEST]
        else:
            self._identities[MANIFEST] = old.identity

    def _folder(self, path: PurePosixPath, *, make: bool = True) -> int:
        """The open folder at a path inside the site's."""
        opened = self._folders.get(path)
        if opened is None:
            above = self._folder(path.parent, make=make)
            opened = self._folder_in(above, path.name, path, make=make)
        return opened

    def _folder_in(self, above: int, name: str, path: PurePosixPath, *, make: bool = True) -> int:
        with self._explained(path):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700 if self._private else 0o777, dir_fd=above)
            try:
                opened = self._folders[path] = os.open(name, _FOLDER, dir_fd=above)
            except FileNotFoundError:
                raise _GoneError from None
            except NotADirectoryError:
                raise OutputError(
                    f"{self._shown / path} is a link or a file, not a folder",
                    hint="remove it; links are not followed",
                ) from None
            _remove_leftovers(opened)
            return opened

    def _old(self, path: PurePosixPath, folder: int) -> _Old | None:
        """Digest and mode of what stands there; a link, a folder or a device is refused."""
        try:
            if stat.S_ISREG(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                with os.fdopen(os.open(path.name, flags, dir_fd=folder), "rb") as file:
                    status = os.fstat(file.fileno())
                    if stat.S_ISREG(status.st_mode):
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                        mode = stat.S_IMODE(status.st_mode) & 0o777
                        return _Old(digest, mode, _identity(status))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        raise OutputError(
            f"{self._shown / path} is a link, a folder or a device, not a file",
            hint="remove it; links are not followed",
        )

    def _named(self, name: str) -> str:
        return f"{self._code}/{name}"

    @contextmanager
    def _explained(self, path: PurePosixPath) -> Iterator[None]:
        try:
            yield
        except UnicodeError:
            raise OutputError(f"{self._shown / path}: its text is not Unicode") from None
        except OSError as error:
            raise OutputError(
                f"{self._shown / path} cannot be written: {error.strerror}",
                hint="every earlier file is whole; make room or change permissions and run again",
            ) from None


def _beside(folder: int, name: str, content: bytes, mode: int | None) -> _Staged:
    """A new file in the folder of its place, on the disk; no mode: what the umask says."""
    aside = f"{TEMPORARY}{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(aside, flags, 0o666 if mode is None else PRIVATE, dir_fd=folder)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            identity = _identity(os.fstat(file.fileno()))
    except BaseException:
        with suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise
    return _Staged(folder, aside, name, identity)


# --- what a folder holds, without reading it ---------------------------------------------------


Identity = tuple[int, int, int]  # inode, size, time of change of the content in ns


class Stamp(NamedTuple):
    """The files below a site's folder and a digest of all that the system says of them.

    The digest includes the time of the last change of each file's entry, which no program can
    choose: whoever edits, replaces or touches a file changes the digest.
    """

    digest: str
    files: dict[str, Identity]


def stamp_of(folder: Path) -> Stamp | None:
    """The stamp of a site's folder; None where it is not there, or holds a link or a device."""
    entries: list[str] = []
    files: dict[str, Identity] = {}
    waiting = [(str(folder), "")]
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return None
        while waiting:
            here, prefix = waiting.pop()
            with os.scandir(here) as inside:
                for entry in inside:
                    status = entry.stat(follow_symlinks=False)
                    name = f"{prefix}{entry.name}"
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append((entry.path, f"{name}/"))
                        entries.append(f"{name}/\0{status.st_ino} {status.st_mode}")
                    elif stat.S_ISREG(status.st_mode):
                        files[name] = identity = _identity(status)
                        entries.append(f"{name}\0{identity} {status.st_ctime_ns} {status.st_mode}")
                    else:
                        return None
    except OSError:
        return None
    entries.sort()
    said = "\0".join(entries).encode("utf-8", "surrogateescape")
    return Stamp(hashlib.sha256(said).hexdigest(), files)


def _identity(status: os.stat_result) -> Identity:
    return status.st_ino, status.st_size, status.st_mtime_ns


# --- the folder that was named -----------------------------------------------------------------


@contextmanager
def _opened(out: Path, *, private: bool) -> Iterator[int]:
    """The output folder, made where it is missing; never one behind a link."""
    try:
        if out.is_symlink():
            raise OutputError(
                f"{out} is a link", hint="name the folder itself; links are not followed"
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        out.mkdir(0o700 if private else 0o777, exist_ok=True)
        top = os.open(out, _FOLDER)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "odd name"
        raise OutputError(f"{out} cannot be opened: {reason}", hint="name another folder") from None
    try:
        yield top
    finally:
        os.close(top)  # and with it the lock


def _lock(top: int, out: Path) -> None:
    """One run at a time; the lock is on the folder itself and ends with the process."""
    try:
        fcntl.flock(top, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            f"another sitekit is writing to {out}", hint="wait for it, or name another folder"
        ) from None
    except OSError as error:
        raise OutputError(
            f"{out} cannot be locked: {error.strerror}", hint="name a folder on a local disk"
        ) from None


def _sweep(top: int) -> None:
    """Remove what a killed run left half written, in any site."""
    for name in _folders_in(top):
        with suppress(OSError):
            folder = os.open(name, _FOLDER, dir_fd=top)
            try:
                _remove_leftovers(folder)
            finally:
                os.close(folder)


def _remove_leftovers(folder: int) -> None:
    for name in os.listdir(folder):
        if name.startswith(TEMPORARY):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def _left_behind(top: int, known: Collection[str]) -> list[str]:
    """Folders with a manifest whose site is gone."""
    gone = []
    for name in sorted(set(_folders_in(top)) - set(known)):
        with suppress(OSError):
            os.stat(f"{name}/{MANIFEST}", dir_fd=top, follow_symlinks=False)
            gone.append(name)
    return gone


def _folders_in(top: int) -> list[str]:
    with os.scandir(top) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


# --- names -------------------------------------------------------------------------------------


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the file of a name that cannot leave its folder; else an OutputError."""
    parts = tuple(name.split("/"))
    for part in parts:
        if not part or part.startswith(".") or "\\" in part or not part.isprintable():
            raise _odd(name)
    return parts


def _odd(name: str) -> OutputError:
    return OutputError(
        f"{name!a} cannot be the name of a file here",
        hint="no leading dot, no .., no backslash, no control character, not absolute, not empty",
    )
