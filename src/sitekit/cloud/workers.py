"""What a worker of a cluster needs to run stacks, looked at before it is given one.

Only paths and names go there. A worker signs in by itself, and takes the passphrase from its own
environment and the secrets from files on its own machine: no value of either ever travels.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import SitekitError
from ..load.secrets import read_secrets
from . import workspace
from .doctor import EXTRA, is_lab
from .spec import StackKind

PASSPHRASES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
SAME = ("PULUMI_BACKEND_URL", "SITEKIT_LAB", "SITEKIT_GRAPH_URL", "ARM_TENANT_ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What this machine has, for a worker to hold its own against; nothing in it is secret."""

    stacks: Path
    projects: str  # a digest of the programs and generated files
    environment: Mapping[str, str]  # digests of the variables that must be the same
    passphrase: bool
    secrets: Path | None
    marker: Path | None  # a file among the states, where those are files


def needs(stacks: Path, *, secrets: Path | None, marker: Path | None = None) -> Needs:
    """What a worker has to have, as this machine has it."""
    return Needs(
        stacks=stacks.absolute(),
        projects=digest(stacks),
        environment={name: _hidden(name) for name in SAME},
        passphrase=any(name in os.environ for name in PASSPHRASES),
        secrets=secrets.absolute() if secrets is not None else None,
        marker=marker.absolute() if marker is not None else None,
    )


def states(stacks: Path) -> Path | None:
    """The folder of the states, where they are files."""
    text = (stacks / StackKind.SITE / "Pulumi.yaml").read_text(encoding="utf-8")
    url = os.environ.get("PULUMI_BACKEND_URL") or workspace.backend_of(text) or ""
    if not url.startswith("file://"):
        return None
    return Path(os.path.normpath(stacks / StackKind.SITE / url.removeprefix("file://")))


def digest(stacks: Path) -> str:
    """Of everything that Pulumi reads in the folder of the stacks."""
    found = hashlib.sha256()
    for path in sorted((*stacks.glob("*/Pulumi*.yaml"), *stacks.glob("*/__main__.py"))):
        found.update(f"{path.relative_to(stacks)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def complaint(wanted: Needs) -> tuple[str, str] | None:
    """What keeps this process from running stacks, and what to do; None when nothing does."""
    if not wanted.stacks.is_dir():
        return (
            f"it has no {wanted.stacks}",
            "workers need the folder of the stacks under the same path as here",
        )
    if digest(wanted.stacks) != wanted.projects:
        return (
            f"it has other stacks in {wanted.stacks} than here",
            "bring both to the same commit, and run sitekit stack init before",
        )
    if find_spec("pulumi") is None:
        return "it lacks Pulumi's library", f"on the worker: {EXTRA}"
    engine = shutil.which("pulumi")
    if engine is None:
        return "there is no pulumi on its PATH", "on the worker: sitekit doctor"
    if other := _differing(wanted.environment):
        return (
            f"{other} is another one there than here",
            "start the workers with the same environment; in a lab: "
            'eval "$(sitekit lab cloud env)" before dask worker',
        )
    if is_lab(engine) and not os.environ.get("SITEKIT_LAB"):
        return "its pulumi is a lab's, and no lab is on here", "start it without the lab's bin"
    if wanted.passphrase and not any(name in os.environ for name in PASSPHRASES):
        return (
            "it has no passphrase for the secrets in states",
            f"start the worker with {PASSPHRASES[1]}; it is never sent there",
        )
    if wanted.marker is not None and not wanted.marker.exists():
        return (
            f"it does not see the states in {wanted.marker.parent}",
            "states in files need a folder that all machines share; or take azblob:// "
            "(sitekit stack init --backend)",
        )
    return _secrets(wanted.secrets)


def refuse(answers: Mapping[str, object]) -> None:
    """Raise SitekitError for the first worker, by its address, that cannot run stacks."""
    wrong = {worker: answer for worker, answer in sorted(answers.items()) if answer is not None}
    for worker, answer in wrong.items():
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        message, hint = answer if isinstance(answer, tuple) else (str(answer), "")
        raise SitekitError(f"worker {worker}{more}: {message}", hint=hint)


def _hidden(name: str) -> str:
    """A variable that can be compared and not read: an address may hold an access key."""
    return hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()


def _differing(here: Mapping[str, str]) -> str:
    names: Iterable[str] = (n for n in SAME if _hidden(n) != here[n])
    return next(iter(names), "")


def _secrets(file: Path | None) -> tuple[str, str] | None:
    if file is None:
        return None
    try:
        read_secrets(file)
    except (SitekitError, OSError) as error:
        said = error.message if isinstance(error, SitekitError) else f"it cannot read {file}"
        return said, "put the file there, under the same path, readable by the worker alone"
    return None
