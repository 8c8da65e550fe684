"""Artifacts onto the disk: a whole run or nothing of it, and nothing outside the named folder.

Folders are opened without following links and files are reached through the open folder, so a link
that somebody puts there, even while we write, leads nowhere.

Changed files are written and flushed in `.sitekit-next`, inside the output folder. Once the last
one is there, a journal beside them lists which goes where, and they are renamed into place. What
happens before the journal is whole (an error, a full disk, a killed process) leaves every earlier
file as it was; what happens after it is completed by the next run, and `unfinished` tells readers.

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
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Self

from ..errors import OutputError, SitekitError

if TYPE_CHECKING:
    from ..render.artifact import Artifact

MANIFEST = ".sitekit-manifest.json"
NEXT = ".sitekit-next"
JOURNAL = "journal"
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
    completed: list[str] = field(default_factory=list)  # of an earlier run that was cut short


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

    The artifacts of a site come next to each other; all of them reach their places together, once
    the last one of the last site is there. `private` files can be read by their owner alone.
    Folders that an earlier run made for a site that is not among `known_sites` count as files of
    removed devices. Once all files are in their places, `on_site` is told of each site what
    `stamp_of` says of its folder from now on; None where it holds more than was asked for, or
    changed while we wrote. Raises OutputError for a name or a link that leads outside, where a file
    cannot be written, and when another run writes here.
    """
    report = WriteReport()
    done: set[str] = set()
    left: dict[str, dict[str, Identity] | None] = {}
    with _opened(out, private=private) as top:
        _lock(top, out)
        report.completed += _complete(top, out)
        with _Next(top, out, private=private) as following:
            for code, group in groupby(artifacts, key=itemgetter(0)):
                if code in done:
                    raise ValueError(f"the artifacts of {code} come in two places")
                done.add(code)
                with _Site(top, out, code, report, following) as site:
                    for _, artifact in group:
                        site.stage(artifact)
                    site.finish(prune=prune)
                    if on_site is not None:
                        left[code] = site.left
            if known_sites is not None:
                for code in _left_behind(top, {*known_sites, *done}):
                    with _Site(top, out, code, report, following) as site:
                        site.finish(prune=prune)
            if following.commit():
                _complete(top, out)
    if on_site is not None:
        for code, files in left.items():
            stamp = stamp_of(out / code)
            on_site(code, stamp if stamp is not None and stamp.files == files else None)
    return report


def unfinished(out: Path) -> bool:
    """Tell whether a run was cut short while its files went into place: some are old, some new.

    The next run that writes there completes them before anything else.
    """
    return (out / NEXT / JOURNAL).is_file()


def refuse_unfinished(out: Path) -> None:
    """Raise SitekitError where some files of a run are in place and some are not."""
    if unfinished(out):
        raise SitekitError(
            f"{out} is half old, half new: a run was cut short there",
            hint=f"sitekit render --out {out} completes it",
        )


# --- the files that are to come ----------------------------------------------------------------


class _Next:
    """The folder in which a run's files wait, and what becomes of each; made when it is needed."""

    def __init__(self, top: int, out: Path, *, private: bool) -> None:
        self.private = private
        self._top = top
        self._shown = out / NEXT
        self._folder: int | None = None
        self._moves: list[tuple[str, str]] = []  # site, path in it: the place of a file is its name
        self._removals: list[tuple[str, str, str]] = []  # site, path in it, its digest
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Without a journal nothing of it counts."""
        if self._folder is not None:
            if not self._committed:
                _empty(self._top, self._folder)
            os.close(self._folder)

    def add(self, code: str, name: str, content: bytes, mode: int | None) -> Identity:
        """Write what a file is to hold; no mode: what the umask says."""
        folder = self._opened()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        aside = str(len(self._moves))
        opened = os.open(aside, flags, 0o666 if mode is None else PRIVATE, dir_fd=folder)
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            identity = _identity(os.fstat(file.fileno()))
        self._moves.append((code, name))
        return identity

    def remove(self, code: str, name: str, digest: str) -> None:
        """Remove a file that still has this digest when the others go into place."""
        self._removals.append((code, name, digest))

    def commit(self) -> bool:
        """Write the journal: from here on the new files count. False where nothing changes."""
        if not self._moves and not self._removals:
            return False
        with _explained(self._shown):
            folder = self._opened()
            journal = {"private": self.private, "moves": self._moves, "removals": self._removals}
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            opened = os.open(f"{JOURNAL}~", flags, PRIVATE, dir_fd=folder)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                json.dump(journal, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.fsync(folder)
            os.rename(f"{JOURNAL}~", JOURNAL, src_dir_fd=folder, dst_dir_fd=folder)
            self._committed = True
            os.fsync(folder)
        return True

    def _opened(self) -> int:
        if self._folder is None:
            os.mkdir(NEXT, 0o700, dir_fd=self._top)
            self._folder = os.open(NEXT, _FOLDER, dir_fd=self._top)
        return self._folder


def _complete(top: int, out: Path) -> list[str]:
    """Put the files of a journal into place, or clear away what came to no journal.

    It may be cut short at any moment and done again: what was done stays done.
    """
    shown = out / NEXT
    with _explained(shown):
        try:
            folder = os.open(NEXT, _FOLDER, dir_fd=top)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise OutputError(f"{shown} is a link or a file", hint="remove it") from None
    try:
        moves, removals, mode = _journal(folder, shown)
        places = _Places(top, out, mode)
        for code, sites in groupby(
            sorted(
                [(*m, n, "") for n, m in enumerate(moves)] + [(*r[:2], -1, r[2]) for r in removals]
            ),
            key=itemgetter(0),
        ):
            with places.of(code):
                for _, name, number, digest in sites:
                    if number < 0:
                        places.remove(name, digest)
                    else:
                        places.put(folder, str(number), name)
        with _explained(shown):
            os.fsync(top)
            _empty(top, folder)
    finally:
        os.close(folder)
    return [f"{code}/{name}" for code, name in moves if name != MANIFEST]


def _journal(
    folder: int, shown: Path
) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]], int]:
    """What the journal says; nothing where there is none. What we did not write is refused."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(JOURNAL, flags, dir_fd=folder), encoding="utf-8") as file:
            said = json.load(file)
        moves = [(str(code), str(name)) for code, name in said["moves"]]
        removals = [(str(code), str(name), str(digest)) for code, name, digest in said["removals"]]
        private = bool(said["private"])
    except FileNotFoundError:
        return [], [], 0o777
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise OutputError(
            f"{shown / JOURNAL} is not what sitekit wrote",
            hint=f"remove {shown}, and render again",
        ) from None
    for code, name, *_ in (*moves, *removals):
        if len(_parts(code)) != 1:
            raise _odd(code)
        if name != MANIFEST:
            _parts(name)
    return moves, removals, 0o700 if private else 0o777


class _Places:
    """Puts files into the folders of one site after the other."""

    def __init__(self, top: int, out: Path, mode: int) -> None:
        self._top = top
        self._out = out
        self._mode = mode
        self._code = ""
        self._folders: dict[PurePosixPath, int] = {}

    @contextmanager
    def of(self, code: str) -> Iterator[None]:
        """Open the folders of a site as they are needed, and close them behind."""
        self._code = code
        try:
            yield
            with _explained(self._out / code):
                for folder in self._folders.values():
                    os.fsync(folder)
        finally:
            for folder in self._folders.values():
                os.close(folder)
            self._folders.clear()

    def put(self, source: int, aside: str, name: str) -> None:
        """Rename a file into its place; one that is not there any more has been."""
        path = PurePosixPath(name)
        with _explained(self._out / self._code / path):
            folder = self._folder(PurePosixPath(self._code) / path.parent, make=True)
            with suppress(FileNotFoundError):
                os.rename(aside, path.name, src_dir_fd=source, dst_dir_fd=folder)

    def remove(self, name: str, digest: str) -> None:
        """Remove a file that nobody touched, and folders that it leaves empty."""
        path = PurePosixPath(self._code) / name
        with _explained(self._out / path):
            try:
                folder = self._folder(path.parent, make=False)
                old = _old(folder, path.name, self._out / path)
                if old is not None and old.digest == digest:
                    os.unlink(path.name, dir_fd=folder)
            except (_GoneError, OutputError):  # gone already, or a link by now: not what we wrote
                return
            for parent in list(path.parents)[:-1]:
                above = (
                    self._top if len(parent.parts) == 1 else self._folder(parent.parent, make=False)
                )
                try:
                    os.rmdir(parent.name, dir_fd=above)
                except OSError:  # it holds something
                    return
                os.close(self._folders.pop(parent))

    def _folder(self, path: PurePosixPath, *, make: bool) -> int:
        opened = self._folders.get(path)
        if opened is None:
            above = self._folder(path.parent, make=make) if len(path.parts) > 1 else self._top
            if make:
                with suppress(FileExistsError):
                    os.mkdir(path.name, self._mode, dir_fd=above)
            opened = self._folders[path] = _open_folder(above, path.name, self._out / path)
        return opened


def _empty(top: int, folder: int) -> None:
    """Remove the folder of what is to come; the journal first, or half of it would count."""
    for name in sorted(os.listdir(folder), key=lambda name: name != JOURNAL):
        os.unlink(name, dir_fd=folder)
    os.rmdir(NEXT, dir_fd=top)


# --- one site's folder -------------------------------------------------------------------------


class _GoneError(Exception):
    """A folder is not there (any more)."""


class _Old(NamedTuple):
    """What stands in a file's place now."""

    digest: str
    mode: int
    identity: Identity


class _Site:
    """Compares the files of one site with what stands there, and stages what changes."""

    def __init__(
        self, top: int, out: Path, code: str, report: WriteReport, following: _Next
    ) -> None:
        if len(_parts(code)) != 1:
            raise _odd(code)
        self._shown = out / code
        self._out = out
        self._code = code
        self._report = report
        self._next = following
        self._device = os.fstat(top).st_dev
        self._above = top
        self._digests: dict[str, str] = {}
        self._identities: dict[str, Identity] = {}
        self._stale = False
        self._folders: dict[PurePosixPath, int | None] = {}
        try:
            self._top = self._folder(PurePosixPath())
            self._known = self._manifest()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self._folders.values():
            if folder is not None:
                os.close(folder)

    def stage(self, artifact: Artifact) -> None:
        """Write a changed file where it waits."""
        path = artifact.path
        name = str(path)
        if len(_parts(name)) != len(path.parts):
            raise _odd(name)
        if name in self._digests:
            raise OutputError(f"two files are to be called {self._shown / path}")
        with _explained(self._shown / path):
            content = artifact.text.encode()
            self._digests[name] = digest = hashlib.sha256(content).hexdigest()
            folder = self._folder(path.parent)
            old = None if folder is None else _old(folder, path.name, self._shown / path)
            mode = PRIVATE if self._next.private else old.mode if old else None
            if old and old.digest in self._known.get(name, ()):
                self._known[name] = {old.digest}
            if old and old.digest == digest and old.mode == mode:
                self._identities[name] = old.identity
                self._report.unchanged.append(self._named(name))
                return
            self._may_write(folder)
            self._identities[name] = self._next.add(self._code, name, content, mode)
            self._report.written.append(self._named(name))
            if old and old.digest not in {digest, *self._known.get(name, ())}:
                self._report.overwritten.append(self._named(name))

    def finish(self, *, prune: bool) -> None:
        """Look after the files that nothing asks for any more, and list all in the manifest."""
        stale = self._look_after_stale(prune=prune)
        self._stale = bool(stale)
        files = {**self._digests, **stale}
        with _explained(self._shown / MANIFEST):
            self._write_manifest(files)

    @property
    def left(self) -> dict[str, Identity] | None:
        """The files that the folder will hold; None where it holds more than was asked for."""
        return None if self._stale else self._identities

    def _look_after_stale(self, *, prune: bool) -> dict[str, str]:
        """Report, or remove, what the manifest lists and nothing asks for; give what stays."""
        stay: dict[str, str] = {}
        for name in sorted(set(self._known) - set(self._digests)):
            path = PurePosixPath(name)
            try:
                folder = self._folder(path.parent)
                old = None if folder is None else _old(folder, path.name, self._shown / path)
            except OutputError:  # a link by now: not what we wrote
                ours = False
            else:
                if old is None:
                    continue
                ours = old.digest in self._known[name]
                if ours:
                    self._known[name] = {old.digest}
            if prune and ours:
                with _explained(self._shown / path):
                    self._may_write(folder)
                self._next.remove(self._code, name, min(self._known[name]))
                self._report.pruned.append(self._named(name))
                continue
            stay[name] = min(self._known[name])
            (self._report.kept if prune else self._report.stale).append(self._named(name))
        return stay

    def _may_write(self, folder: int | None) -> None:
        """Refuse now what would stop half-way: another disk, or a folder that is read-only."""
        if folder is None:
            return
        if os.fstat(folder).st_dev != self._device:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True):
            read_only = os.fstatvfs(folder).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number))

    def _manifest(self) -> dict[str, set[str]]:
        """The digests that each file we wrote may have.

        A manifest in which git left both sides of a merge still says what both sides wrote.
        """
        with _explained(self._shown / MANIFEST):
            if self._top is None or _old(self._top, MANIFEST, self._shown / MANIFEST) is None:
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

    def _write_manifest(self, files: dict[str, str]) -> None:
        written = {"schema": 1, "files": files}
        text = json.dumps(written, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        old = None if self._top is None else _old(self._top, MANIFEST, self._shown / MANIFEST)
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()
        mode = PRIVATE if self._next.private else old.mode if old else None
        if not files:
            if old:
                self._next.remove(self._code, MANIFEST, old.digest)
        elif not (old and old.digest == digest and old.mode == mode):
            self._may_write(self._top)
            self._identities[MANIFEST] = self._next.add(self._code, MANIFEST, content, mode)
        else:
            self._identities[MANIFEST] = old.identity

    def _folder(self, path: PurePosixPath) -> int | None:
        """The open folder at a path inside the site's; None where there is none yet."""
        if path not in self._folders:
            above = self._folder(path.parent) if path.parts else self._above
            if above is None:
                return None
            with _explained(self._shown / path):
                try:
                    self._folders[path] = _open_folder(
                        above, path.name or self._code, self._shown / path
                    )
                except _GoneError:
                    self._folders[path] = None
        return self._folders[path]

    def _named(self, name: str) -> str:
        return f"{self._code}/{name}"


def _open_folder(above: int, name: str, shown: Path) -> int:
    """Open a folder inside an open one; a link or a file in its place is refused."""
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        raise _GoneError from None
    except NotADirectoryError:
        raise OutputError(
            f"{shown} is a link or a file, not a folder",
            hint="remove it; links are not followed",
        ) from None


def _old(folder: int, name: str, shown: Path) -> _Old | None:
    """Digest and mode of what stands there; a link, a folder or a device is refused."""
    try:
        if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
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
        f"{shown} is a link, a folder or a device, not a file",
        hint="remove it; links are not followed",
    )


@contextmanager
def _explained(shown: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeError:
        raise OutputError(f"{shown}: its text is not Unicode") from None
    except OSError as error:
        raise OutputError(
            f"{shown} cannot be written: {error.strerror}",
            hint="nothing is half done: make room or change permissions, and run again",
        ) from None


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
    """The output folder, made where it is missing; never one behind a link.

    One that was made and into which nothing came, because something failed, is taken away again.
    """
    made = not out.exists()
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
    except BaseException:
        if made:
            with suppress(OSError):  # it holds something
                out.rmdir()
        raise
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
