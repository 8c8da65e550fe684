"""The README's walk-through, run as it is written there: a seventh site, from nothing to the cloud.

`python -m tests.walkthrough FOLDER` copies the example into FOLDER and shows every command with
what it prints (`make demo`); tests/test_walkthrough.py compares that with the README.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"^## Open a seventh site\n(.*?)(?=^## )", re.DOTALL | re.MULTILINE)
LAB = Path(".sitekit") / "lab"
_BEGINS = "\x1e"  # a line that begins with it says which command comes next
_SECONDS = re.compile(r"\b\d+(\.\d+)?( ?)s\b")


@dataclass(slots=True)
class Step:
    """A command of the README, what the README shows of its output, and what it printed."""

    command: str
    shown: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def is_as_shown(self) -> bool:
        """Whether the lines shown are those printed; a line `…` stands for what is left out."""
        pattern = "".join(
            r"(?:.*\n)*?" if line == "…" else re.escape(_steady(line)) + r"\n"
            for line in self.shown
        )
        text = "".join(f"{_steady(line)}\n" for line in self.printed)
        return re.fullmatch(pattern, text) is not None


def steps(readme: str) -> list[Step]:
    """The commands of the README's section, in order."""
    section = SECTION.search(readme)
    assert section, "the README has no such section"
    found: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", section[1], re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
            elif not found[-1].shown and found[-1].command.endswith("\\"):
                found[-1].command += f"\n{line}"
            else:
                found[-1].shown.append(line)
    return found


def copy_of_the_example(to: Path) -> Path:
    """A fresh copy, in place of one of an earlier run."""
    folder = to / "horizon"
    switch_off(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        ROOT / "examples" / "horizon",
        folder,
        ignore=shutil.ignore_patterns("rendered", "build", ".sitekit", "__pycache__"),
    )
    return folder


def run(found: list[Step], folder: Path, say: Callable[[str], None] = lambda line: None) -> int:
    """Run the commands in one shell, up to the first that fails; the shell's exit code.

    `say` gets every line as it comes. The lab of the folder is off afterwards, whatever happened.
    """
    script = "".join(
        f"printf '{_BEGINS}%s\\n' {number}\n{{ {step.command}\n}} || exit\n"
        for number, step in enumerate(found)
    )
    own = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([own, os.environ.get("PATH", os.defpath)]),
        "PYTHONUTF8": "1",
    }
    try:
        with subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as shell:
            assert shell.stdout
            step = found[0]
            for line in map(str.rstrip, shell.stdout):
                if line.startswith(_BEGINS):
                    step = found[int(line[1:])]
                    say(f"\n$ {step.command}")
                else:
                    step.printed.append(line)
                    say(line)
        return shell.returncode
    finally:
        switch_off(folder)


def switch_off(folder: Path) -> None:
    """End the lab's server, where one runs."""
    if (folder / LAB / "graph.json").exists():
        subprocess.run(
            [sys.executable, "-m", "sitekit", "lab", "cloud", "down"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=False,
        )


def _steady(line: str) -> str:
    """A line without how long something took."""
    return _SECONDS.sub(r"N\2s", line.rstrip())


def main(arguments: list[str]) -> int:
    """Show the walk-through in a copy of the example in the named folder."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    folder = copy_of_the_example(Path(arguments[0]))
    try:
        return run(
            steps((ROOT / "README.md").read_text(encoding="utf-8")),
            folder,
            say,
        )
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
