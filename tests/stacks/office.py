"""A copy of the example organisation with a lab cloud of its own, and what is in both."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from tests.organisations import copy_of_horizon, horizon

PROJECTS = {"hrz": "platform"}
# Names that the cloud makes up: ids, and those of role assignments.
_MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|-1$")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def project_of(stack: str) -> str:
    """The project of a stack of the example."""
    if stack in horizon().sites:
        return "site"
    return PROJECTS.get(stack, "subsidiary")


def everything() -> list[str]:
    """Every stack of the example, as the command line names them."""
    return ["platform", *sorted(horizon().subsidiaries), *sorted(horizon().sites)]


@dataclass(slots=True)
class Office:
    """A copy of the example with a lab cloud of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @classmethod
    def of(cls, folder: Path, *, replication: str = "0") -> Self:
        """Set up the lab of an organisation's folder; no stack is begun."""
        office = cls(folder)
        office.secrets.write_text(
            "".join(f'keyvault:hrz-network/{s}-psk: "psk of {s}, 0123"\n' for s in horizon().sites),
            encoding="utf-8",
        )
        office.secrets.chmod(0o600)
        office.run("lab", "cloud", "up", "--replication", replication)
        shown = json.loads(office.run("lab", "cloud", "env", "--json").stdout)
        office.environment |= shown
        return office

    @classmethod
    def open(cls, parent: Path, *, replication: str = "0") -> Self:
        """Copy the example, set its lab up, begin every stack."""
        office = cls.of(copy_of_horizon(parent), replication=replication)
        office.run("stack", "init")
        return office

    def close(self) -> None:
        """End the lab's processes."""
        self.run("lab", "cloud", "down")

    @property
    def secrets(self) -> Path:
        """The values of secret references."""
        return self.folder.parent / "secrets.yaml"

    # --- running --------------------------------------------------------------------------------

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start sitekit in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "sitekit", *arguments],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run sitekit to its end; it must end with this code, without traceback or secret."""
        process = self.begin(*arguments)
        out, err = process.communicate()
        assert process.returncode == code, f"{out}\n{err}"
        assert "Traceback" not in err
        assert "psk of" not in out + err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def answer(self, verb: str, *stacks: str, code: int = 0) -> list[dict[str, Any]]:
        """The outcomes of preview, up, refresh or destroy."""
        done = self.run(verb, *self.arguments(verb), *stacks, code=code)
        outcomes: list[dict[str, Any]] = json.loads(done.stdout)["outcomes"]
        return outcomes

    def arguments(self, verb: str) -> list[str]:
        """What a run needs that nobody can be asked about."""
        yes = [] if verb == "preview" else ["--yes"]
        return [*yes, "--json", "--secrets", str(self.secrets)]

    def stacks(self, verb: str, *stacks: str, code: int = 0) -> dict[str, dict[str, int]]:
        """The steps of each stack."""
        return {o["stack"]: o["changes"] for o in self.answer(verb, *stacks, code=code)}

    def pulumi(
        self, stack: str, *arguments: str, code: int = 0, path: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run pulumi by hand in the folder of a stack; `path`: another engine's folder first."""
        environment = self.environment | {"SITEKIT_SECRETS": str(self.secrets)}
        if path:
            environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", stack, "--non-interactive"],
            cwd=self.folder / "stacks" / project_of(stack), env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    # --- what is there --------------------------------------------------------------------------

    def state(self, stack: str) -> dict[str, Any]:
        """The exported state of a stack."""
        found: dict[str, Any] = json.loads(self.pulumi(stack, "stack", "export").stdout)
        return found

    def exported(self, stack: str) -> Path:
        """The exported state of a stack, as a file."""
        file = self.folder.parent / f"{stack}.json"
        file.write_text(json.dumps(self.state(stack)), encoding="utf-8")
        return file

    def resources(self, stack: str) -> list[dict[str, Any]]:
        """What a state holds of the cloud."""
        return [
            entry
            for entry in self.state(stack)["deployment"].get("resources") or ()
            if entry.get("custom") and not entry["type"].startswith("pulumi:")
        ]

    def named(self, stack: str, name: str) -> dict[str, Any]:
        """The resource of a stack with that logical name."""
        (found,) = (
            e for e in self.resources(stack) if e["urn"].rpartition("::")[2] == f"{stack}-{name}"
        )
        return found

    @property
    def store(self) -> Path:
        """The lab's file."""
        return self.folder / ".sitekit" / "lab" / "cloud.sqlite"

    @property
    def states(self) -> Path:
        """Where the lab keeps states."""
        return self.folder / ".sitekit" / "lab" / "state"

    def census(self) -> Counter[str]:
        """Everything in the lab by kind and name, as often as it is there, and its relations."""
        found = Counter(
            f"{kind} {'' if _MADE_UP.search(name) else name}" for kind, name in self.rows(
                "SELECT type, name FROM thing"
            )
        )  # fmt: skip
        found.update(f"link {row[0]}" for row in self.rows("SELECT kind FROM link"))
        return found

    def orphans(self, *stacks: str, since: Iterable[str] = ()) -> list[str]:
        """What the lab holds and not exactly one state does; `since`: what was there before."""
        ids = Counter(
            (str(e["type"]), str(e["id"]).lower()) for s in stacks for e in self.resources(s)
        )
        held = {id for _, id in ids}
        inside = {guid for id in held for guid in _GUID.findall(id)}

        def is_held(key: str, kind: str) -> bool:
            if kind.startswith("azure-native:"):
                return key.lower() in held or kind.endswith(":Subnet")  # written in its network
            if key.lower().rpartition("/")[2] in held:  # the lab writes the kind before it
                return True
            return any(guid in inside for guid in _GUID.findall(key))

        there = self.rows("SELECT key, type FROM thing")
        return [
            f"{kind} {key}" for key, kind in there if key not in since and not is_held(key, kind)
        ] + [f"{kind} {id} twice" for (kind, id), count in ids.items() if count > 1]

    def keys(self) -> set[str]:
        """What is in the lab."""
        return {key for (key,) in self.rows("SELECT key FROM thing")}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the lab's file."""
        with closing(sqlite3.connect(self.store)) as store:
            return store.execute(query).fetchall()

    # --- going back -----------------------------------------------------------------------------

    def keep(self, where: Path) -> None:
        """Remember the lab and every state."""
        with closing(sqlite3.connect(self.store)) as now, closing(sqlite3.connect(where)) as kept:
            now.backup(kept)
        shutil.copytree(self.states, where.with_suffix(".state"))

    def go_back(self, where: Path) -> None:
        """The lab and every state as they were kept; whoever has the file open sees it."""
        with closing(sqlite3.connect(where)) as kept, closing(sqlite3.connect(self.store)) as now:
            kept.backup(now)
        shutil.rmtree(self.states)
        shutil.copytree(where.with_suffix(".state"), self.states)
        shutil.rmtree(self.folder / ".sitekit" / "runs", ignore_errors=True)


def only(steps: Mapping[str, Mapping[str, int]], *allowed: str) -> bool:
    """Whether no stack did anything but these steps."""
    return all(set(done) <= set(allowed) and done for done in steps.values())


def offspring(of: int) -> list[int]:
    """A process and everything below it."""
    return [of, *(child.pid for child in psutil.Process(of).children(recursive=True))]
