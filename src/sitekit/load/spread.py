"""Work on many sites: one after the other, or by any executor, always in the order of the sites.

The same function runs wherever the work runs, so the results are the same. A worker loads the
organisation once and checks that it read the very files that the caller read; one made by forking
has it already. When workers die, the rest is done here: a lost worker loses nothing.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..errors import SitekitError
from .organisation import LoadedOrganisation, load_organisation

R = TypeVar("R")
Task = Callable[[LoadedOrganisation, str], R]

# Below this many sites the start of processes costs more than it saves (benchmarks/run.py).
WORTH_PROCESSES = 40
AHEAD = 4  # results per worker that may be ready before somebody takes them

_known: dict[tuple[str, str], LoadedOrganisation] = {}


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
    `concurrent.futures.Executor`, a Dask client's included, whose workers see the organisation's
    folder; `workers` says how many of it work at once.
    """
    if executor is None:
        for code in codes:
            yield task(organisation, code)
        return
    left, waiting = deque(codes), deque[tuple[str, Future[R]]]()
    if not left:
        return
    folder, digest = str(organisation.folder.resolve()), fingerprint(organisation.folder)
    _known[folder, digest] = organisation  # before a worker is forked
    lost = False

    def lose() -> None:
        nonlocal lost
        if not lost and on_lost_workers is not None:
            on_lost_workers()
        lost = True

    while left or waiting:
        while left and not lost and len(waiting) < AHEAD * max(workers, 1):
            try:
                future = executor.submit(run, task, folder, left[0], digest)
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
    folder = str(organisation.folder.resolve())
    _known[folder, fingerprint(organisation.folder)] = organisation
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


def run(task: Task[R], folder: str, code: str, digest: str) -> R:
    """What a worker does: the task on one site of the organisation that it knows, or loads now."""
    organisation = _known.get((folder, digest))
    if organisation is None:
        organisation = load_organisation(folder)
        if fingerprint(organisation.folder) != digest:
            raise SitekitError(
                f"a worker read other files in {folder} than the caller",
                hint="workers need the same folder in the same state; run again",
            )
        _known.clear()
        _known[folder, digest] = organisation
    return task(organisation, code)


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
