"""Work on many sites: one after the other, or by any executor, always in the order of the sites.

The same function runs wherever the work runs, so the results are the same. A worker loads the
organisation once and checks that it read the very files that the caller read; one made by forking
has it already. When workers die, the rest is done here: a lost worker loses nothing.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import platform
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..errors import InputError, SitekitError
from .organisation import LoadedOrganisation, load_organisation

R = TypeVar("R")
Task = Callable[[LoadedOrganisation, str], R]

# Below this many sites the start of processes costs more than it saves (benchmarks/run.py).
WORTH_PROCESSES = 40
AHEAD = 4  # results per worker that may be ready before somebody takes them


class Source(NamedTuple):
    """What a worker needs to know to have the caller's organisation, with the caller's places."""

    folder: str  # absolute, links resolved
    digest: str  # of the files in it
    given: str  # the folder as the caller named it
    here: str  # where the caller stood
    moved_to: str | None = None  # the version of the standard that all sites were put at

    def show(self, path: Path) -> str:
        """A file as the caller shows it."""
        with suppress(ValueError):
            path = Path(self.given) / path.relative_to(self.folder)
        shown = os.path.relpath(Path(self.here) / path, self.here)
        return str(path) if shown.startswith("..") else shown


_known: dict[Source, LoadedOrganisation] = {}
_loading = threading.Lock()  # a worker may have several threads, and they need one organisation


def spread(
    task: Task[R],
    organisation: LoadedOrganisation,
    codes: Iterable[str],
    *,
    executor: Executor | None = None,
    workers: int = 1,
    on_lost_workers: Callable[[], None] | None = None,
) -> Iterator[R]:
    """The task's result for each site, in order; what the task raises is raised in its turn.

    `task` is a function of a module, so that it can be sent to a worker. `executor` is any
    `concurrent.futures.Executor` whose workers see the organisation's folder; `workers` says how
    many of it work at once, where its `width` does not say it (`sitekit.load.cluster`).
    """
    if executor is None:
        for code in codes:
            yield task(organisation, code)
        return
    left, waiting = deque(codes), deque[tuple[str, Future[R]]]()
    if not left:
        return
    source = know(organisation)
    ahead = AHEAD * max(workers, getattr(executor, "width", 1))
    lost = False

    def lose() -> None:
        nonlocal lost
        if not lost and on_lost_workers is not None:
            on_lost_workers()
        lost = True

    while left or waiting:
        while left and not lost and len(waiting) < ahead:
            try:
                future = executor.submit(run, task, source, left[0])
            except BrokenExecutor:
                lose()
                break
            waiting.append((left.popleft(), future))
        if not waiting:
            yield task(organisation, left.popleft())
            continue
        code, future = waiting.popleft()
        try:
            result = future.result()
        except BrokenExecutor:
            lose()
            result = task(organisation, code)
        yield result


@contextmanager
def processes(organisation: LoadedOrganisation, workers: int) -> Iterator[Executor | None]:
    """Processes of this machine, or None for one worker.

    Forked ones, where the system forks, have the organisation loaded already.
    """
    if workers < 2:
        yield None
        return
    know(organisation)
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        yield pool


def sensible_workers(sites: int) -> int:
    """One process for few sites, else one per core that this process may use."""
    if sites < WORTH_PROCESSES:
        return 1
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        return os.cpu_count() or 1


def run(task: Task[R], source: Source, code: str) -> R:
    """What a worker does: the task on one site of the organisation that it knows, or loads now."""
    organisation = _known.get(source)
    if organisation is None:
        if complaint := worker_complaint(source):
            message, hint = complaint
            raise SitekitError(message, hint=hint)
        organisation = _known[source]
    return task(organisation, code)


def know(organisation: LoadedOrganisation) -> Source:
    """Remember an organisation, so that no worker in this process or forked from it loads it."""
    source = Source(
        folder=str(organisation.folder.resolve()),
        digest=fingerprint(organisation.folder),
        given=str(organisation.folder),
        here=str(Path.cwd()),
        moved_to=organisation.moved_to,
    )
    _known[source] = organisation
    return source


def worker_complaint(source: Source) -> tuple[str, str] | None:
    """Load the organisation where it is not known yet: what hinders that, and what to do."""
    with _loading:
        return None if source in _known else _load(source)


def _load(source: Source) -> tuple[str, str] | None:
    folder, where = Path(source.folder), f"a worker on {platform.node()}"
    if not (folder / "organisation.yaml").is_file():
        return (
            f"{where} cannot see {folder}",
            "workers need the organisation's folder under the same path: share it, or copy it",
        )
    other = (
        f"{where} read other files in {folder} than the caller",
        "workers need the same folder in the same state; run again",
    )
    try:
        organisation = load_organisation(folder, standard=source.moved_to, show=source.show)
    except InputError:  # the caller could load its own
        return other
    if fingerprint(folder) != source.digest:
        return other
    _known.clear()
    _known[source] = organisation
    return None


def fingerprint(folder: Path) -> str:
    """A digest of every file that an organisation is read from."""
    digest = hashlib.sha256()
    names = ("organisation.yaml", "productions.yaml", "waivers.yaml", "people.csv")
    files = [folder / name for name in names]
    for part in ("subsidiaries", "sites", "catalogue"):
        files += sorted(path for path in (folder / part).rglob("*"))
    for path in files:
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
