"""What the stack of a site costs beside plain Pulumi: `python -m benchmarks.cloud_stacks`.

Three programs take turns in one lab cloud, through the engine that is there: the stack of sitekit,
the same resources in a program as written by hand, and a program that has the providers only. The
median of CPU seconds counts, of the engine, the program and the plug-ins together. That the first
two make the same resources is looked up in their states, in every run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import handwritten
from benchmarks.organisation import with_networks, write
from benchmarks.tree import Spent, spent
from sitekit import load_organisation
from sitekit.cloud import StackKind, StackPlan, all_plans, plan_of
from sitekit.cloud.spec import Secret, Value
from sitekit.lab import cloud

RUNS = ("preview", "up", "preview again")
MORE = 1.3  # the stack of a site costs at most so many times the program by hand
OURS, BY_HAND, EMPTY = "sitekit", "by hand", "empty"


@dataclass
class Measured:
    """CPU seconds and seconds on the wall of one program, by run."""

    cpu_s: dict[str, list[float]] = field(default_factory=lambda: {run: [] for run in RUNS})
    wall_s: dict[str, list[float]] = field(default_factory=lambda: {run: [] for run in RUNS})

    def add(self, run: str, took: Spent) -> None:
        """One more repeat."""
        self.cpu_s[run].append(took.cpu_s)
        self.wall_s[run].append(took.wall_s)

    def medians(self) -> dict[str, dict[str, float]]:
        """The figure of each run."""
        return {
            run: {
                "cpu_s": statistics.median(self.cpu_s[run]),
                "wall_s": statistics.median(self.wall_s[run]),
            }
            for run in RUNS
        }


class Lab:
    """An organisation with a lab cloud of its own, in which the tenant's stack is up."""

    def __init__(self, folder: Path, sites: int) -> None:
        self.folder = write(folder / "organisation", sites)
        with_networks(self.folder)
        organisation = load_organisation(self.folder)
        self.plan = _largest(self.folder)
        self.secrets = folder / "secrets.yaml"
        references = {r for p in all_plans(organisation, today=date.today()) for r in _secrets(p)}
        text = "".join(f'{r}: "key for {r}, 0123456789"\n' for r in sorted(references))
        self.secrets.write_text(text, encoding="utf-8")
        self.secrets.chmod(0o600)
        self.lab = self.folder / ".sitekit" / "lab"
        self.environment: dict[str, str] = {
            **os.environ,
            "SITEKIT_SECRETS": str(self.secrets),
        }

    @contextmanager
    def up(self) -> Iterator[None]:
        """The lab, with everything that stacks of sites stand upon."""
        self.sitekit("lab", "cloud", "up", "--replication", "0", "--scale", "1e9")
        try:
            self.environment |= cloud.environment(self.lab)
            self.sitekit("stack", "init", "platform", self.plan.stack)
            self.sitekit("up", "platform", "--yes", "--secrets", str(self.secrets))
            yield
        finally:
            self.sitekit("lab", "cloud", "down", "--remove")

    def sitekit(self, *arguments: str) -> None:
        """A verb of sitekit on the organisation; ends the benchmark where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "sitekit", *arguments], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"sitekit {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """Whatever is made inside has not been made afterwards."""
        file, kept = self.lab / "cloud.sqlite", self.lab / "before.sqlite"
        _copy(file, kept)
        try:
            yield
        finally:
            _copy(kept, file)
            kept.unlink()


def main() -> None:
    """Measure, print the table; exit with 1 where `--strict` and a ratio is too high."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=100, help="of the organisation")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 where a target is missed"
    )
    arguments = parser.parse_args()
    here = str(Path(sys.executable).parent)  # whose Python the engine takes for the programs
    os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory(prefix="sitekit-bench-") as name:
        folder = Path(name)
        lab = Lab(folder, arguments.sites)
        with lab.up():
            measured = measure(lab, folder, arguments.repeats)
    figures = table(lab, measured, arguments.sites)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(arguments.strict and max(figures["ratios"][BY_HAND].values()) > MORE)


def measure(lab: Lab, folder: Path, repeats: int) -> dict[str, Measured]:
    """The programs in turn, round by round."""
    text, secrets = handwritten.program(lab.plan)
    programs = {
        EMPTY: _project(folder / "empty", handwritten.empty(lab.plan)),
        OURS: lab.folder / "stacks" / StackKind.SITE,
        BY_HAND: _project(folder / "by-hand", text),
    }
    measured = {name: Measured() for name in programs}
    made: dict[str, Any] = {}
    for number in range(repeats):
        for name, project in programs.items():
            state = folder / f"state-{number}-{project.name}"
            state.mkdir()
            environment = {**lab.environment, "PULUMI_BACKEND_URL": f"file://{state}"}
            stack = lab.plan.stack
            with lab.as_it_is():
                _begin(project, stack, environment, secrets if name == BY_HAND else {})
                for run, command in (
                    ("preview", ["preview"]),
                    ("up", ["up", "--yes", "--skip-preview"]),
                    ("preview again", ["preview", "--expect-no-changes"]),
                ):
                    took = spent(
                        ["pulumi", *command, "--stack", stack, "--non-interactive"],
                        project, environment,
                    )  # fmt: skip
                    measured[name].add(run, took)
                    print(f"{name:10} {run:14} {took.cpu_s:7.2f} s", file=sys.stderr, flush=True)
                made[name] = _resources(project, stack, environment)
        ours, theirs = made[OURS], made[BY_HAND]
        if other := sorted(k for k in ours | theirs if not _within(ours.get(k), theirs.get(k))):
            sys.exit(f"the program by hand does not make what the stack makes: {', '.join(other)}")
    return measured


def _largest(folder: Path) -> StackPlan:
    """The plan of the site with the most resources."""
    organisation = load_organisation(folder)
    plans = (
        plan_of(organisation, StackKind.SITE, code, today=date.today())
        for code in organisation.sites
    )
    return max(plans, key=lambda plan: (len(plan.specs), plan.stack))


def _secrets(plan: StackPlan) -> Iterator[str]:
    def inside(value: Value) -> Iterator[str]:
        if isinstance(value, Secret):
            yield value.reference
        elif isinstance(value, Mapping):
            for one in value.values():
                yield from inside(one)
        elif isinstance(value, list | tuple):
            for one in value:
                yield from inside(one)

    for spec in plan.specs:
        yield from inside(spec.inputs)


def _project(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
    (folder / "__main__.py").write_text(text, encoding="utf-8")
    return folder


def _begin(
    project: Path, stack: str, environment: Mapping[str, str], secrets: Mapping[str, str]
) -> None:
    def pulumi(*arguments: str) -> None:
        command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
        subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)

    pulumi("stack", "init")
    for reference, name in secrets.items():
        pulumi("config", "set", "--secret", name, f"key for {reference}, 0123456789")


def _resources(project: Path, stack: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Inputs of what a stack made, by type and name; ciphertexts differ each time."""
    done = subprocess.run(
        ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"],
        cwd=project, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return "secret" if "ciphertext" in value else {k: plain(v) for k, v in value.items()}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return {
        f"{item['type']} {item['urn'].rpartition('::')[2]}": plain(item.get("inputs", {}))
        for item in json.loads(done.stdout)["deployment"]["resources"]
        if item.get("custom") and not item["type"].startswith("pulumi:")
    }


def _within(ours: Any, theirs: Any) -> bool:
    """Whether the values are the same, but for defaults that the SDK's argument classes add."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(key in theirs and _within(one, theirs[key]) for key, one in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_within, ours, theirs))
    return bool(ours == theirs)


def _copy(source: Path, target: Path) -> None:
    """One SQLite file as it is into another, also while somebody has it open."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def table(lab: Lab, measured: Mapping[str, Measured], sites: int) -> dict[str, Any]:
    """Print what was measured; all of it, for the JSON."""
    medians = {name: one.medians() for name, one in measured.items()}
    ratios = {
        other: {run: medians[OURS][run]["cpu_s"] / medians[other][run]["cpu_s"] for run in RUNS}
        for other in (BY_HAND, EMPTY)
    }
    print(f"The stack of one site of {sites}: {len(lab.plan.specs)} resources. CPU s (wall s)")
    print(f"{'':16}" + "".join(f"{run:>20}" for run in RUNS))
    for name, one in medians.items():
        cells = (f"{one[run]['cpu_s']:.2f} ({one[run]['wall_s']:.2f})" for run in RUNS)
        print(f"{name:16}" + "".join(f"{cell:>20}" for cell in cells))
    for other, one in ratios.items():
        print(f"{'× ' + other:16}" + "".join(f"{one[run]:>20.2f}" for run in RUNS))
    worst = max(ratios[BY_HAND].values())
    said = "met" if worst <= MORE else "NOT MET"
    print(f"target: at most {MORE} times the program by hand, measured {worst:.2f}: {said}")
    return {
        "sites": sites,
        "resources": len(lab.plan.specs),
        "engine": "pulumi" if shutil.which("pulumi") else "the lab's stand-in",
        "medians": medians,
        "ratios": ratios,
    }


if __name__ == "__main__":
    main()
