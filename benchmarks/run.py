"""`make bench`: sitekit beside its yardsticks, in one run. See benchmarks/README.md.

Every step runs in a process of its own, the steps take turns, and the median counts. A table goes
to standard output, every figure to build/bench.json. Seconds are those of this machine; the ratios,
of figures that were measured in turn, are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
COMPARED_SITES = 100  # for the other renderers: as many as are needed for a steady rate
AVD_SITES = 6
ALL = 1000
SECONDS_TO_SEE_A_SAVE = 120
SPREAD = "render, cold, on all cores"
Figures = dict[str, Any]


@dataclass
class Row:
    """One step at one size: the median of its repeats."""

    step: str
    sites: int
    workers: int
    repeats: int
    figures: Figures

    def rate(self, what: str) -> float | None:
        """Devices or lines a CPU second."""
        number, spent = self.figures.get(what), self.figures["cpu_s"]
        return number / spent if number and spent else None


@dataclass
class Target:
    """A figure to reach, and what was measured."""

    name: str
    wanted: str
    measured: float | None
    met: bool | None
    unit: str = ""
    why: str = ""  # where nothing was measured

    @property
    def said(self) -> str:
        """Met, or not, or not measured."""
        return {True: "met", False: "NOT MET", None: f"not measured ({self.why})"}[self.met]


@dataclass
class Bench:
    """What is measured where, and what came out."""

    folder: Path
    avd: Path
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def row(self, step: str, sites: int, workers: int = 1) -> Row | None:
        """The row of a step."""
        found = (r for r in self.rows if (r.step, r.sites, r.workers) == (step, sites, workers))
        return next(found, None)

    def tell(self, what: str) -> None:
        """Say what is being done, on standard error."""
        print(f"{time.monotonic() - self.began:6.0f} s  {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[10, 100, ALL])
    parser.add_argument("--repeats", type=int, help="of each step (default: fewer for many sites)")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument(
        "--avd-python",
        type=Path,
        default=ROOT / ".venv-oracles" / "bin" / "python",
        help="a Python that has pyavd (make oracles)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 where a target is missed"
    )
    arguments = parser.parse_args()
    sizes = sorted(set(arguments.sites))
    with tempfile.TemporaryDirectory(prefix="sitekit-bench-") as name:
        bench = Bench(Path(name), arguments.avd_python)
        busy = [os.getloadavg()[0]]
        for sites in sizes:
            stages(bench, sites, arguments.repeats or repeats_for(sites))
        compared = min(COMPARED_SITES, sizes[-1])
        others(bench, compared, arguments.repeats or (5 if compared > 10 else 2))
        for sites in sizes:
            verbs(bench, sites, arguments.repeats or repeats_for(sites))
        busy.append(os.getloadavg()[0])
        judge(bench, compared, sizes)
    report(bench, compared)
    if max(busy) > 1:
        print(
            f"The machine was busy with other work (load {busy[0]:.1f} before, {busy[1]:.1f} "
            "after): seconds on the wall are longer than they need to be, CPU seconds somewhat."
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(as_json(bench, busy), encoding="utf-8")
    print(f"written to {arguments.out}", file=sys.stderr)
    sys.exit(arguments.strict and any(t.met is False for t in bench.targets))


def repeats_for(sites: int) -> int:
    """Enough for a median, and few where one takes a minute."""
    return 2 if sites < 100 else 3 if sites < ALL else 1


# --- steps, each in a process of its own, in turn ----------------------------------------------


def stages(bench: Bench, sites: int, repeats: int) -> None:
    """Every stage on one core, then those that can be spread on all cores."""
    folder = organisation(bench, sites)
    steps: list[tuple[str, int]] = [
        (step, 1) for step in ("load", "check", "design", "render", "papers", "write", "spread")
    ]
    if CORES > 1:
        steps += [("check", CORES), ("spread", CORES)]
    out = bench.folder / "written"

    def one(step: str, workers: int) -> Figures:
        shutil.rmtree(out, ignore_errors=True)
        return ours(bench, step, folder, "--workers", str(workers), "--out", str(out))

    in_turn(bench, sites, repeats, {key: lambda k=key: one(*k) for key in steps})


def others(bench: Bench, sites: int, repeats: int) -> None:
    """The same work by sitekit, by Jinja2 and by pyavd, and the floor, in turn."""
    folder = organisation(bench, sites)
    steps: dict[tuple[str, int], Callable[[], Figures]] = {
        (step, 1): lambda s=step: ours(bench, s, folder) for step in ("ours", "jinja", "floor")
    }
    if bench.avd.exists():
        number = str(min(AVD_SITES, max(1, sites // 5)))
        for step in ("whole", "text"):
            steps[f"pyavd-{step}", 1] = lambda s=step: avd(bench, s, number)
    in_turn(bench, sites, repeats, steps)
    mine, plain = bench.row("ours", sites), bench.row("jinja", sites)
    assert mine is not None
    assert plain is not None
    if mine.figures["sha256"] != plain.figures["sha256"]:
        raise SystemExit("Jinja2 alone made another text: benchmarks/steps.py needs an update")


def in_turn(
    bench: Bench, sites: int, repeats: int, steps: dict[tuple[str, int], Callable[[], Figures]]
) -> None:
    """Each step `repeats` times, round by round, so that a busy minute hits all of them."""
    found: dict[tuple[str, int], list[Figures]] = {key: [] for key in steps}
    for number in range(repeats):
        keys = list(steps)
        for key in (*keys[number % len(keys) :], *keys[: number % len(keys)]):
            figures = steps[key]()
            found[key].append(figures)
            bench.tell(
                f"{sites} sites, {key[0]}, {key[1]} at once ({number + 1}/{repeats}): "
                f"{figures['cpu_s']:.2f} s CPU, {figures['peak_mb']:.0f} MB"
            )
    for (step, workers), figures in found.items():
        bench.rows.append(Row(step, sites, workers, repeats, median(figures)))


def median(found: list[Figures]) -> Figures:
    """The median of what is measured; what is counted is the same each time."""
    return {
        key: statistics.median(f[key] for f in found) if isinstance(value, float) else value
        for key, value in found[0].items()
    }


def ours(bench: Bench, step: str, folder: Path, *more: str) -> Figures:
    """A step of benchmarks/steps.py, from cold."""
    forget(bench, folder)
    return answer(
        [sys.executable, "-m", "benchmarks.steps", step, str(folder), *more], environment(bench)
    )


def avd(bench: Bench, step: str, sites: str) -> Figures:
    """A step of benchmarks/avd.py in pyavd's environment."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return answer([str(bench.avd), str(ROOT / "benchmarks" / "avd.py"), step, sites], environ)


def answer(command: list[str], environ: dict[str, str]) -> Figures:
    """The JSON that a process prints."""
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    figures = json.loads(done.stdout)
    assert isinstance(figures, dict)
    return figures


def organisation(bench: Bench, sites: int) -> Path:
    """The generated organisation of this size; written once, by another process."""
    folder = bench.folder / f"organisation-{sites}"
    if not folder.exists():
        bench.tell(f"writing {sites} sites")
        code = "import sys, pathlib; from benchmarks.organisation import write; "
        code += "write(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
        subprocess.run(
            [sys.executable, "-c", code, str(folder), str(sites)], check=True, cwd=ROOT,
            env=environment(bench),
        )  # fmt: skip
    return folder


def environment(bench: Bench) -> dict[str, str]:
    """No cache of the user's is used, and none of his is touched."""
    home = bench.folder / "home"
    home.mkdir(exist_ok=True)
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONHASHSEED": "0",
    }


def forget(bench: Bench, folder: Path) -> None:
    """Remove whatever an earlier run kept: the next one is cold."""
    shutil.rmtree(bench.folder / "home", ignore_errors=True)
    for path in folder.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


# --- the command line, as people run it --------------------------------------------------------


def verbs(bench: Bench, sites: int, repeats: int) -> None:
    """From the start of a process to its end: check, render, one changed site, a save in watch."""
    folder = organisation(bench, sites)
    out, changed = bench.folder / f"out-{sites}", folder / "sites" / "s00003.yaml"
    environ = environment(bench)
    found: dict[str, list[Figures]] = {}

    def verb(name: str, *arguments: str) -> None:
        figures = run_verb(environ, arguments)
        found.setdefault(name, []).append(figures)
        bench.tell(
            f"{sites} sites, {name}: {figures['cpu_s']:.2f} s CPU, {figures['wall_s']:.2f} s by "
            f"the clock, {figures['peak_mb']:.0f} MB"
        )

    for _ in range(repeats):
        forget(bench, folder)
        environ = environment(bench)
        verb("check, cold", "check", str(folder), "--workers", "1")
        verb("check, again", "check", str(folder), "--workers", "1")
        forget(bench, folder)
        environ = environment(bench)
        shutil.rmtree(out, ignore_errors=True)
        verb("render, cold", "render", str(folder), "--out", str(out), "--workers", "1")
        verb("render, again", "render", str(folder), "--out", str(out), "--workers", "1")
        if CORES > 1:
            forget(bench, folder)
            environ = environment(bench)
            shutil.rmtree(out, ignore_errors=True)
            verb(SPREAD, "render", str(folder), "--out", str(out), "--workers", str(CORES))
    for number in range(3):
        edit(changed, number)
        verb("render one changed site", "render", "s00003", "--organisation", str(folder),
             "--out", str(out))  # fmt: skip
    for number in range(repeats):
        edit(changed, 100 + number)
        verb("render all, one changed", "render", str(folder), "--out", str(out))
    with watching(bench, environ, folder, out) as (process, log):
        for number in range(5):
            figures = save(process, log, changed, out / "s00003", 200 + number)
            found.setdefault("a save in watch", []).append(figures)
            bench.tell(f"{sites} sites, a save in watch: {figures['wall_s']:.2f} s by the clock")
    for name, figures in found.items():
        workers = CORES if name == SPREAD else 1
        bench.rows.append(Row(name, sites, workers, len(figures), median(figures)))


def run_verb(environ: dict[str, str], arguments: tuple[str, ...]) -> Figures:
    """Seconds, CPU seconds and memory of one run of the command."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "sitekit", *arguments],
            env=environ, stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"sitekit {' '.join(arguments)}\n{said.read().decode()[-2000:]}")
    return {
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def edit(path: Path, number: int) -> None:
    """Save another text for the site, as an editor does: a new file in the place of the old one."""
    text = re.sub(r"(?m)^name: .*$", f"name: Changed {number}", path.read_text(encoding="utf-8"))
    aside = path.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


@contextmanager
def watching(
    bench: Bench, environ: dict[str, str], folder: Path, out: Path
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """`sitekit watch` on the whole organisation, once it waits for a save."""
    bench.tell("starting watch")
    with (bench.folder / "watch.log").open("wb+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sitekit", "watch", str(folder), "--out", str(out)],
            env=environ, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            until(process, lambda: b"waiting for a save" in read(log), 900)
            yield process, log
        finally:
            process.kill()
            process.wait()


def save(
    process: subprocess.Popen[bytes], log: IO[bytes], site: Path, written: Path, number: int
) -> Figures:
    """From the save until the files of the site are new, and all are written."""
    waits = read(log).count(b"waiting for a save")
    files = sorted(p for p in written.rglob("*") if p.is_file())
    before, used = [stamp(p) for p in files], cpu_of(process.pid)
    start = time.perf_counter()
    edit(site, number)
    until(process, lambda: [stamp(p) for p in files] != before, SECONDS_TO_SEE_A_SAVE)
    first = time.perf_counter() - start
    until(process, lambda: read(log).count(b"waiting for a save") > waits, SECONDS_TO_SEE_A_SAVE)
    whole = time.perf_counter() - start
    time.sleep(0.3)  # so that the next save does not fall into the same look
    return {"wall_s": whole, "first_file_s": first, "cpu_s": cpu_of(process.pid) - used}


def until(process: subprocess.Popen[bytes], seen: Callable[[], bool], seconds: float) -> None:
    """Look every 2 ms until it is there."""
    end = time.monotonic() + seconds
    while not seen():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit("sitekit watch did not do what was waited for")
        time.sleep(0.002)


def read(log: IO[bytes]) -> bytes:
    """What was said so far."""
    return os.pread(log.fileno(), 1 << 24, 0)


def stamp(path: Path) -> tuple[int, int]:
    """Tells one version of a file from another."""
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


def cpu_of(pid: int) -> float:
    """CPU seconds of a running process (Linux; 0 elsewhere)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


# --- targets -----------------------------------------------------------------------------------


def judge(bench: Bench, compared: int, sizes: list[int]) -> None:
    """Every target beside what was measured."""
    largest = sizes[-1]
    add = bench.targets.append
    mine = bench.row("ours", compared)
    assert mine is not None
    whole, plain = bench.row("pyavd-whole", compared), bench.row("jinja", compared)
    for what in ("lines", "devices"):
        ratio = against(mine, whole, what)
        add(at_least(f"design and render against pyavd's whole pipeline, {what} a CPU second",
                     50, ratio, "needs pyavd: make oracles"))  # fmt: skip
    add(at_least("design and render against Jinja2 compiled once, CPU",
                 1.8, against(mine, plain, "lines"), ""))  # fmt: skip
    one, two = bench.row("spread", largest), bench.row("spread", largest, CORES)
    sped = one.figures["wall_s"] / two.figures["wall_s"] if one and two else None
    if CORES != 2 or largest < 100:
        sped = None
    why = "needs 100 sites" if CORES == 2 else f"this machine has {CORES} cores"
    add(at_least("design and render on two cores against one, by the clock", 1.6, sped, why))
    if largest < ALL:
        cold = again = changed = saved = None
    else:
        cold, again = bench.row("check, cold", largest), bench.row("render, cold", largest)
        changed = bench.row("render one changed site", largest)
        saved = bench.row("a save in watch", largest)
    why = f"needs --sites {ALL}"
    add(below("render 1,000 sites, loading included: memory", 100, again, "peak_mb", "MB", why))
    add(below("load and check 1,000 sites, 20,000 people, cold: CPU", 10, cold, "cpu_s", "s", why))
    add(below("one changed site of 1,000: start to files written", 1, changed, "wall_s", "s", why))
    add(below("a save in watch, site of 1,000: to files written", 0.3, saved, "wall_s", "s", why))


def against(mine: Row, other: Row | None, what: str) -> float | None:
    """How many times as fast, by CPU seconds."""
    rate, theirs = mine.rate(what), other.rate(what) if other else None
    return rate / theirs if rate and theirs else None


def at_least(name: str, wanted: float, measured: float | None, why: str) -> Target:
    """A target from below."""
    met = None if measured is None else measured >= wanted
    return Target(name, f"at least {wanted:g}", measured, met, "times", why)


def below(name: str, wanted: float, row: Row | None, key: str, unit: str, why: str) -> Target:
    """A target from above."""
    measured = None if row is None else float(row.figures[key])
    met = None if measured is None else measured < wanted
    return Target(name, f"under {wanted:g}", measured, met, unit, why)


# --- what people read --------------------------------------------------------------------------

NAMES = {
    "load": "load",
    "check": "check",
    "design": "design",
    "render": "render configurations",
    "papers": "render every file",
    "write": "write every file",
    "spread": "design and render",
    "ours": "sitekit, design and render",
    "jinja": "Jinja2 compiled once, same designs",
    "floor": "ready lines joined (floor)",
    "pyavd-whole": "pyavd, whole pipeline",
    "pyavd-text": "pyavd, get_device_config alone",
}


def report(bench: Bench, compared: int) -> None:
    """The tables."""
    head = ("step", "sites", "at once", "devices", "lines", "CPU s", "wall s", "devices/s",
            "lines/s", "MB")  # fmt: skip
    rows = [cells(row) for row in bench.rows]
    table((head, *rows), left=1)
    print("devices/s and lines/s: a CPU second. MB: of the process; of the largest, where several.")
    mine, plain = bench.row("ours", compared), bench.row("jinja", compared)
    if mine and plain:
        text = plain.figures["text_cpu_s"] / mine.figures["text_cpu_s"]
        print(f"Text alone, from designs in memory: {text:.2f} times Jinja2 compiled once.")
    print()
    targets = [
        (t.name, f"{t.wanted} {t.unit}", "" if t.measured is None else f"{t.measured:.3g}", t.said)
        for t in bench.targets
    ]
    table((("target", "wanted", "measured", ""), *targets), left=1)


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    f = row.figures
    peak = max(f.get("peak_mb", 0), f.get("peak_mb_of_a_worker", 0))

    def number(value: float | None, places: int = 0) -> str:
        return f"{value:,.{places}f}" if value else ""

    return (
        NAMES.get(row.step, f"$ {row.step}"), f"{row.sites:,}", str(row.workers),
        number(f.get("devices")), number(f.get("lines")),
        number(f["cpu_s"], 2), number(f["wall_s"], 2),
        number(row.rate("devices")), number(row.rate("lines")), number(peak),
    )  # fmt: skip


def table(rows: tuple[tuple[str, ...], ...], *, left: int) -> None:
    """Aligned columns, the first ones to the left."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        padded = (
            cell.ljust(width) if n < left or n == len(row) - 1 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(padded).rstrip())
    print()


def as_json(bench: Bench, busy: list[float]) -> str:
    """Every figure, for machines."""
    found = {
        "machine": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": CORES,
            "load_before_and_after": busy,
        },
        "rows": [asdict(row) for row in bench.rows],
        "targets": [asdict(target) for target in bench.targets],
    }
    return json.dumps(found, indent=1) + "\n"


if __name__ == "__main__":
    main()
