"""Many hostile organisations through the loader, in processes that are watched.

    python -m tests.fuzz.run --inputs 100000

The loader has to say what is wrong, never break (`crash`), never take more than two seconds of CPU
(`slow`) or 200 MB in all (`large`), and what it says has to be fit for a terminal (`words`). A
process that dies or hangs is a finding too. Every finding is tried again alone, and kept in
tests/fuzz/found/ with the files that show it; tests/test_fuzz.py tries all of those.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from .inputs import Case, case

MOST_SECONDS = 2.0
MOST_MEGABYTES = 200
HUNG = 30.0  # seconds of CPU; the kernel then ends the process
BATCH = 500
DESIGNED = 100_000  # bytes: what a design takes grows with the site and is no limit here
SEED = 20261124
FOUND = Path(__file__).parent / "found"
TODAY = date(2026, 11, 24)


class Verdict(NamedTuple):
    """What one case did: `kind` is empty where all was as it should be."""

    kind: str
    detail: str
    accepted: bool
    seconds: float
    megabytes: float


@dataclass(slots=True)
class Report:
    """What all cases did."""

    inputs: int = 0
    accepted: int = 0
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")
    findings: list[tuple[int, str, str, str]] = field(default_factory=list)


def try_files(case_: Case, folder: Path) -> Verdict:
    """Write the files of a case into a folder and load it."""
    from sitekit.design.group import check_organisation
    from sitekit.errors import InputError, SitekitError
    from sitekit.load import load_organisation

    for path, raw in case_.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    kind, detail, organisation = "", "", None
    began = time.process_time()
    try:
        organisation = load_organisation(folder)
    except InputError as error:
        str(error)
        kind, detail = _unfit(error)
    except SitekitError:
        pass
    except BaseException:
        kind, detail = "crash", traceback.format_exc(limit=-6)
    seconds = time.process_time() - began
    if not kind and seconds > MOST_SECONDS:
        kind, detail = "slow", f"{seconds:.2f} s"
    megabytes = _most_megabytes()
    if not kind and megabytes > MOST_MEGABYTES:
        kind, detail = "large", f"{megabytes:.0f} MB"
    small = sum(map(len, case_.files.values())) < DESIGNED
    if organisation is not None and not kind and small:  # what is let in can be designed
        try:
            check_organisation(organisation, today=TODAY)
        except SitekitError:
            pass
        except BaseException:
            kind, detail = "crash", traceback.format_exc(limit=-6)
    return Verdict(kind, detail, organisation is not None, seconds, megabytes)


def _most_megabytes() -> float:
    """The most memory that this process had; not that of who started it, as getrusage says."""
    with contextlib.suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _unfit(error: object) -> tuple[str, str]:
    """A message is one line that a terminal can show, with a place and what to do next."""
    from sitekit.errors import LONGEST

    for problem in error.problems:  # type: ignore[attr-defined]
        text = problem.message + problem.hint
        if not problem.message or not problem.place.file:
            return "words", f"incomplete: {problem!r}"[:400]
        if not text.isprintable() or len(text) > 2 * LONGEST:
            return "words", f"{len(text)} characters: {text!r}"[:400]
    return "", ""


def main() -> int:
    """Try them all; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    began = time.monotonic()
    report = fuzz(
        chosen.inputs, seed=chosen.seed, workers=chosen.workers, first=chosen.first, keep=FOUND
    )
    print(said(report, seconds=time.monotonic() - began))  # noqa: T201
    return 1 if report.findings else 0


def said(report: Report, *, seconds: float) -> str:
    """The figures of a run."""
    share = 100 * report.accepted / max(1, report.inputs)
    rows = [
        f"{report.inputs:,} inputs in {seconds:.0f} s; {share:.0f} % were accepted",
        f"slowest {report.slowest[0]:.2f} s of CPU: {report.slowest[1]}",
        f"largest process {report.largest[0]:.0f} MB: {report.largest[1]}",
        f"{len(report.findings)} findings",
        *(f"  {n} {kind}: {what}\n    {detail}" for n, kind, what, detail in report.findings),
    ]
    return "\n".join(rows)


def fuzz(
    inputs: int, *, seed: int = SEED, workers: int = 2, first: int = 0, keep: Path | None = None
) -> Report:
    """Try inputs in batches, each in a process of its own."""
    report = Report()
    batches = _batches(first, inputs)
    running: dict[Connection, _Batch] = {}
    while True:
        while len(running) < workers and (numbers := next(batches, None)) is not None:
            batch = _Batch(seed, numbers)
            running[batch.connection] = batch
        if not running:
            break
        for connection in wait(list(running)):
            assert isinstance(connection, Connection)
            batch = running[connection]
            try:
                number, verdict = connection.recv()
            except EOFError:
                del running[connection]
                if (number := batch.ended()) is not None:
                    if batch.why:
                        _note(report, seed, number, Verdict("died", batch.why, False, 0, 0), keep)
                        number += 1
                    rest = range(number, batch.numbers.stop)
                    if rest:
                        again = _Batch(seed, rest)
                        running[again.connection] = again
                continue
            batch.done = number
            _note(report, seed, number, verdict, keep)
    return report


def _batches(first: int, inputs: int) -> Iterator[range]:
    for start in range(first, first + inputs, BATCH):
        yield range(start, min(start + BATCH, first + inputs))


class _Batch:
    """A process at work on some numbers."""

    def __init__(self, seed: int, numbers: range) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe(duplex=False)
        self.numbers = numbers
        self.done = numbers.start - 1
        self.why = ""
        self.process = context.Process(target=_work, args=(seed, numbers, theirs))
        self.process.start()
        theirs.close()

    def ended(self) -> int | None:
        """Give the number at which the process ended before its time, and note why."""
        self.process.join()
        self.connection.close()
        if self.done + 1 >= self.numbers.stop:
            return None
        code = self.process.exitcode or 0
        if code:
            self.why = signal.strsignal(-code) or "" if code < 0 else f"exit {code}"
        return self.done + 1


def _work(seed: int, numbers: range, answers: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with _folder() as top:
        for number in numbers:
            signal.setitimer(signal.ITIMER_PROF, HUNG)  # its signal ends the process
            made = case(seed, number)
            folder = top / "organisation"
            verdict = try_files(made, folder)
            answers.send((number, verdict))
            signal.setitimer(signal.ITIMER_PROF, 0)
            shutil.rmtree(folder)
            if verdict.kind == "large":  # what came before may have had its share: begin anew
                break


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _note(report: Report, seed: int, number: int, verdict: Verdict, keep: Path | None) -> None:
    report.inputs += 1
    report.accepted += verdict.accepted
    made = None
    if verdict.seconds > report.slowest[0] or verdict.megabytes > report.largest[0]:
        made = case(seed, number)
        name = f"{number}, {made.what}"
        report.slowest = max(report.slowest, (verdict.seconds, name))
        report.largest = max(report.largest, (verdict.megabytes, name))
    if not verdict.kind:
        return
    made = made or case(seed, number)
    verdict = alone(made) if verdict.kind in ("slow", "large") else verdict
    if not verdict.kind:
        return  # others had a share in it
    known = (verdict.kind, _same(verdict.detail))
    if sum(1 for f in report.findings if (f[1], _same(f[3])) == known) >= 3:
        return  # three of a kind say enough
    report.findings.append((number, verdict.kind, made.what, verdict.detail))
    if keep is not None:
        store(made, known, keep)


def _same(detail: str) -> str:
    """What findings of one kind have in common: the last line without names, numbers, times."""
    last = detail.strip().splitlines()
    return re.sub(r"'[^']*'|[\d.]+ s$|\d+", "_", last[-1]) if last else ""


def alone(made: Case) -> Verdict:
    """Try a case in a process that does nothing else."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_one, args=(made, theirs))
    process.start()
    theirs.close()
    try:
        found = mine.recv()
    except EOFError:
        process.join()
        found = Verdict("died", f"exit {process.exitcode}", False, 0, 0)
    process.join()
    assert isinstance(found, Verdict)
    return found


def _one(made: Case, answers: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.setitimer(signal.ITIMER_PROF, HUNG)
    with _folder() as folder:
        answers.send(try_files(made, folder))


def store(made: Case, known: tuple[str, str], keep: Path) -> Path:
    """Keep a finding: the files that differ from the base; one of each kind of failure."""
    from .inputs import BASE

    name = f"{known[0]}-{hashlib.sha256(repr(known).encode()).hexdigest()[:8]}.json"
    base = {str(p.relative_to(BASE)): p.read_bytes() for p in BASE.rglob("*") if p.is_file()}
    written = {
        "what": made.what,
        "why": list(known),
        "removed": sorted(set(base) - set(made.files)),
        "files": {p: t.decode("latin-1") for p, t in made.files.items() if base.get(p) != t},
    }
    keep.mkdir(exist_ok=True)
    path = keep / name
    if not path.exists() or path.stat().st_size > len(json.dumps(written)):
        path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return path


def stored(path: Path) -> Case:
    """A finding that was kept."""
    from .inputs import BASE

    written = json.loads(path.read_text(encoding="utf-8"))
    files = {str(p.relative_to(BASE)): p.read_bytes() for p in BASE.rglob("*") if p.is_file()}
    for name in written["removed"]:
        files.pop(name, None)
    files |= {p: t.encode("latin-1") for p, t in written["files"].items()}
    return Case(files, written["what"])


if __name__ == "__main__":
    sys.exit(main())
