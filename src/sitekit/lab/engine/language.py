"""The program: a Python process of its own, or the caller's own process (`--client`)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from .backend import ORGANIZATION
from .faults import EngineError
from .project import Project

REPORTED = 32
GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Launch:
    """What a program is told."""

    project: str
    stack: str
    folder: Path
    root: Path
    program: str
    monitor: str
    engine: str
    parallel: int
    preview: bool
    config: dict[str, str]
    secret_keys: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: the reason, if it was not well; whether the reason was reported."""

    error: str = ""
    reported: bool = False


class Program(Protocol):
    """A program that can be run once."""

    def run(self, launch: Launch, said: Callable[[str], None]) -> Ended:
        """Run it to its end; `said` gets every line that it prints."""

    def interrupt(self) -> None:
        """Make it end soon."""


def python_of(project: Project) -> Path:
    """The Python that runs a project's program.

    The project's own virtual environment (`runtime.options.virtualenv`), PULUMI_PYTHON_CMD, the
    active virtual environment, and else the Python of the stand-in itself.

    Raises:
        EngineError: the project is not a Python project, or its environment is missing.
    """
    if project.runtime != "python":
        raise EngineError(f"the lab runs Python programs only, not {project.runtime}")
    virtualenv = project.options.get("virtualenv")
    if virtualenv:
        python = project.folder / str(virtualenv) / "bin" / "python"
        if not python.exists():
            raise EngineError(
                f"the virtual environment {virtualenv} of {project.file} has no bin/python; make "
                "it with `python -m venv` and install the program's requirements"
            )
        return python
    command = os.environ.get("PULUMI_PYTHON_CMD")
    if command:
        found = shutil.which(command)
        if found is None:
            raise EngineError(f"PULUMI_PYTHON_CMD is {command}, which is not there")
        return Path(found)
    active = os.environ.get("VIRTUAL_ENV")
    if active and (Path(active) / "bin" / "python").exists():
        return Path(active) / "bin" / "python"
    return Path(sys.executable)


class LocalProgram:
    """A program in its own process."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False

    def run(self, launch: Launch, said: Callable[[str], None]) -> Ended:
        """Start it and wait for its end."""
        runner = Path(__file__).with_name("run_program.py")
        options = {
            "monitor": launch.monitor,
            "engine": launch.engine,
            "project": launch.project,
            "stack": launch.stack,
            "organization": ORGANIZATION,
            "root_directory": str(launch.root),
            "parallel": str(launch.parallel),
            "dry_run": "true" if launch.preview else "false",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        env = {
            **os.environ,
            **launch.environment,
            "PULUMI_ORGANIZATION": ORGANIZATION,
            "PULUMI_PROJECT": launch.project,
            "PULUMI_STACK": launch.stack,
            "PULUMI_DRY_RUN": "true" if launch.preview else "false",
            "PULUMI_CONFIG": json.dumps(launch.config),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(launch.secret_keys),
        }
        self._process = subprocess.Popen(
            [str(self._python), "-u", str(runner), *flags, launch.program],
            cwd=launch.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._interrupted:
            self.interrupt()
        stream = self._process.stdout
        assert stream is not None
        for line in stream:
            said(line.decode(errors="replace").rstrip("\n"))
        code = self._process.wait()
        if code == 0:
            return Ended()
        if code == REPORTED:
            return Ended(error="the program failed", reported=True)
        if code < 0:
            return Ended(error=f"Program was ended by signal {-code}")
        return Ended(error=f"Program exited with non-zero exit code: {code}")

    def interrupt(self) -> None:
        """SIGINT, and SIGKILL if that does not help within five seconds."""
        self._interrupted = True
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            Thread(target=self._kill_later, args=(process,), daemon=True).start()

    @staticmethod
    def _kill_later(process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


class RemoteProgram:
    """A program in the process of the caller, who serves as its language host."""

    def __init__(self, address: str) -> None:
        import grpc

        self._channel = grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),))
        self._call: Any = None

    def run(self, launch: Launch, said: Callable[[str], None]) -> Ended:
        """Ask for the packages, then run it."""
        import grpc
        from pulumi.runtime.proto import language_pb2, language_pb2_grpc

        make: Any = language_pb2_grpc.LanguageRuntimeStub
        stub = make(self._channel)
        from google.protobuf import struct_pb2

        options = struct_pb2.Struct()
        info = language_pb2.ProgramInfo(
            root_directory=str(launch.root), program_directory=str(launch.folder),
            entry_point=launch.program, options=options,
        )  # fmt: skip
        try:
            stub.GetRequiredPackages(
                language_pb2.GetRequiredPackagesRequest(info=info), timeout=30, wait_for_ready=True
            )
            self._call = stub.Run.future(
                language_pb2.RunRequest(
                    project=launch.project, stack=launch.stack, pwd=str(launch.folder),
                    program=launch.program, args=[launch.engine], config=launch.config,
                    dryRun=launch.preview, parallel=launch.parallel,
                    monitor_address=launch.monitor, configSecretKeys=launch.secret_keys,
                    organization=ORGANIZATION, info=info,
                )
            )  # fmt: skip
            answer = self._call.result()
        except grpc.FutureCancelledError:
            return Ended(error="the program was interrupted", reported=True)
        except grpc.RpcError as error:
            return Ended(error=f"the program's process does not answer: {error.details()}")
        return Ended(error=answer.error, reported=answer.bail)

    def interrupt(self) -> None:
        """Wait for it no longer."""
        if self._call is not None:
            self._call.cancel()
