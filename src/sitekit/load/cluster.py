"""A Dask cluster as an executor: `spread` works on it as on processes of this machine.

Workers are looked at before they are given work: each has to have this very sitekit and to see the
organisation's folder, in the same state, under the same path. Dask gives a task of a dead worker to
another one; when none is left, this executor says so as a broken pool does, and `spread` does the
rest where it was asked for. Needs the extra `sitekit[scale]`, imported when it is used.

A Dask scheduler runs whatever it is sent, on every worker, for anybody who reaches its port: keep
it on a closed network, or use tls:// with certificates (docs/scale.md).
"""

from __future__ import annotations

import hashlib
import logging
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ..errors import SitekitError
from .catalogue import templates_folder
from .organisation import LoadedOrganisation
from .spread import Source, know, worker_complaint

P = ParamSpec("P")
R = TypeVar("R")

SECONDS_TO_ANSWER = 10.0  # the scheduler, and the first worker, to show themselves
SECONDS_WITHOUT_WORKERS = 5.0  # a nanny restarts a dead worker in less
SECONDS_BETWEEN_LOOKS = 0.25
MISSING = 'pip install "sitekit[scale]"'
NO_SITEKIT = (
    "a worker has no sitekit, or one without this task",
    "install the same version on every worker as here, and start the workers again",
)
_ADDRESS = re.compile(r"(tcp|tls)://\S+:\d{1,5}")


@contextmanager
def cluster(organisation: LoadedOrganisation, address: str) -> Iterator[ClusterExecutor]:
    """The workers of the scheduler at `address` (tcp://HOST:PORT or tls://HOST:PORT).

    Raises SitekitError when the extra is not installed, when no scheduler or no worker answers
    within ten seconds, and when a worker has another sitekit or other files.
    """
    if not _ADDRESS.fullmatch(address):
        raise SitekitError(
            f"'{address}' is not the address of a scheduler",
            hint="write tcp://HOST:8786, or tls://HOST:8786",
        )
    client = _connect(address)
    try:
        _look_at_workers(client, know(organisation))
        with ClusterExecutor(client) as pool:
            yield pool
    finally:
        with suppress(Exception):  # it may be gone by now
            client.close(timeout=1)


class ClusterExecutor(Executor):
    """Tasks go to a Dask client's workers; without any left, every task ends as BrokenExecutor."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._there = client.get_executor(pure=False)
        self._open: dict[Future[Any], Future[Any]] = {}  # what was given out → there
        self._lock = threading.Lock()
        self._broken = False
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._look, name="sitekit-cluster", daemon=True)
        self._watch.start()

    @property
    def width(self) -> int:
        """How many tasks the workers take at once."""
        return max(1, sum(self._threads().values()))

    def ask(self, question: Callable[[Any], R], about: Any) -> dict[str, R]:
        """What each worker answers now, by its address; an exception is an answer too."""
        return dict(self._client.run(question, about, on_error="return"))

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Send a task to the cluster. Raises BrokenExecutor when no worker is left."""
        given: Future[R] = Future()
        with self._lock:
            if self._broken:
                raise BrokenExecutor("no worker is left in the cluster")
            try:
                there = self._there.submit(_same_sitekit, _own_code(), fn, args, kwargs)
            except Exception as error:  # the client has lost its scheduler
                raise BrokenExecutor(str(error)) from None
            self._open[given] = there
        there.add_done_callback(lambda _: self._done(given, there))
        return given

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Forget what nobody waits for; the workers are not ours, and go on."""
        self._closed.set()
        with self._lock:
            left, self._open = self._open, {}
        for there in left.values():
            there.cancel()
        if not self._broken:
            with suppress(Exception):
                self._there.shutdown(wait=False)
        self._watch.join(timeout=1)

    def _done(self, given: Future[R], there: Future[R]) -> None:
        with self._lock:
            self._open.pop(given, None)
        with suppress(InvalidStateError):
            if there.cancelled():
                given.set_exception(BrokenExecutor("the cluster has forgotten a task"))
                return
            error = there.exception()
            if error is None:
                given.set_result(there.result())
            elif type(error).__name__ == "KilledWorker":  # one worker after another died of it
                given.set_exception(BrokenExecutor(str(error)))
            elif str(error).startswith("Error during deserialization"):  # a worker that came later
                given.set_exception(SitekitError(NO_SITEKIT[0], hint=NO_SITEKIT[1]))
            else:
                given.set_exception(error)

    def _look(self) -> None:
        """Say that all is lost when no worker has been seen for a while."""
        seen = time.monotonic()
        while not self._closed.wait(SECONDS_BETWEEN_LOOKS):
            if self._threads():
                seen = time.monotonic()
            elif time.monotonic() - seen > SECONDS_WITHOUT_WORKERS:
                self._break()
                return

    def _threads(self) -> dict[str, int]:
        """The threads of each worker; nothing where the scheduler is gone, or hangs."""
        client = self._client
        try:
            found = client.nthreads(callback_timeout=SECONDS_WITHOUT_WORKERS)
        except Exception:  # of many kinds
            return {}
        return dict(found) if client.status == "running" else {}

    def _break(self) -> None:
        with self._lock:
            self._broken = True
            left, self._open = self._open, {}
        for given in left:
            with suppress(InvalidStateError):
                given.set_exception(BrokenExecutor("no worker is left in the cluster"))


def _connect(address: str) -> Any:
    """A client of the scheduler, which does not chatter on standard error."""
    try:
        from distributed import Client
    except ImportError:
        raise SitekitError("a scheduler needs the package distributed", hint=MISSING) from None
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.split(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except Exception as error:  # of many kinds: nobody, somebody else, another version, no key
        raise SitekitError(
            f"the scheduler {address} does not answer: {_first_line(error)}",
            hint="start one: dask scheduler; and look at its address, certificates and firewall",
        ) from None
    try:
        client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
    except Exception:
        client.close(timeout=1)
        raise SitekitError(
            f"the scheduler {address} has no worker",
            hint=f"start some: dask worker {address}",
        ) from None
    return client


def _look_at_workers(client: Any, source: Source) -> None:
    """Raise SitekitError unless each worker has our sitekit and sees our files."""
    answers = client.run(complaint_of_worker, source, _own_code(), on_error="return")
    wrong = {worker: answer for worker, answer in sorted(answers.items()) if answer is not None}
    if not wrong:
        return
    worker, answer = next(iter(wrong.items()))
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    if not isinstance(answer, tuple):  # an exception, as text
        answer = NO_SITEKIT if "No module named 'sitekit" in str(answer) else (str(answer), "")
    message, hint = answer
    raise SitekitError(f"worker {worker}{more}: {message}", hint=hint)


def complaint_of_worker(source: Source, code: str) -> tuple[str, str] | None:
    """What keeps this process from working for a caller, and what to do; None when nothing does."""
    if code != _own_code():
        return _other_sitekit()
    return worker_complaint(source)


def _same_sitekit(
    code: str, fn: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> R:
    """What is sent: a worker that came later may have another sitekit."""
    if code != _own_code():
        message, hint = _other_sitekit()
        raise SitekitError(message, hint=hint)
    return fn(*args, **kwargs)


def _other_sitekit() -> tuple[str, str]:
    return (
        f"the sitekit on {platform.node()} is another one than the caller's",
        "install the same version on every worker as here, and start the workers again",
    )


@cache
def _own_code() -> str:
    """A digest of this sitekit: its modules, catalogue and templates."""
    root, templates = Path(__file__).parents[1], templates_folder()
    files = [p for p in sorted(root.rglob("*")) if templates not in p.parents]
    digest = hashlib.sha256()
    for path in (*files, *sorted(templates.rglob("*"))):
        if path.suffix in (".py", ".yaml", ".j2"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
