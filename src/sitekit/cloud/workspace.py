"""Where stacks are, and the generated file of each: nothing is written here, only said.

An organisation's stacks are in `stacks/` beside organisation.yaml; else in the `stacks/` of a
folder above it; else nowhere yet, and `sitekit stack init` makes the first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from ..errors import SitekitError
from .spec import StackKind, StackPlan

FOLDER = "stacks"
POLICY = "policy"  # the policy pack, beside the projects
STATE = "../.state"  # beside the projects, seen from inside one
PASSPHRASE = "passphrase"
ALWAYS = tuple(kind for kind in StackKind if kind is not StackKind.PEOPLE)
# What the engine writes into a stack's file by itself: without it the state cannot be read.
_KEPT = re.compile(r"^(encryptionsalt|encryptedkey|secretsprovider):.*$", re.MULTILINE)
_BACKEND = re.compile(r"^backend:\n(?:[ \t]+.*\n?)+", re.MULTILINE)


def shipped() -> Path:
    """The projects that come with sitekit."""
    inside = Path(__file__).parents[1] / FOLDER
    return inside if inside.is_dir() else Path(__file__).parents[3] / FOLDER


def find(organisation: Path) -> Path | None:
    """The folder of an organisation's stacks; None where there is none yet."""
    here = Path(os.path.abspath(organisation))  # noqa: PTH100 (links stay as they are named)
    for folder in (here, *here.parents):
        if all((folder / FOLDER / kind / "Pulumi.yaml").is_file() for kind in ALWAYS):
            return folder / FOLDER
        if (folder / ".git").exists():
            break
    return None


def projects(backend: str, kinds: Collection[StackKind] = ALWAYS) -> Mapping[PurePosixPath, str]:
    """The files of the projects of these kinds and of the policy pack, with where states are."""
    found = {}
    for kind in kinds:
        for name in ("Pulumi.yaml", "__main__.py"):
            text = (shipped() / kind / name).read_text(encoding="utf-8")
            if name == "Pulumi.yaml":
                text = with_backend(text, backend)
            found[PurePosixPath(kind) / name] = text
    for name in ("PulumiPolicy.yaml", "__main__.py"):
        text = (shipped() / POLICY / name).read_text(encoding="utf-8")
        found[PurePosixPath(POLICY) / name] = text
    return found


def backend_url(word: str) -> str:
    """The address of states: `file` is a folder beside the projects. Raises SitekitError."""
    if word == "file":
        return f"file://{STATE}"
    if re.fullmatch(r"azblob://[a-z0-9-]{3,63}(/[\w./-]*)?\?storage_account=[a-z0-9]{3,24}", word):
        return word
    if re.fullmatch(r"(file|s3|gs|https)://\S+", word):
        return word
    raise SitekitError(
        f"'{word}' is no place for states",
        hint="file, file://FOLDER, or azblob://CONTAINER?storage_account=ACCOUNT",
    )


def secrets_provider(word: str) -> str:
    """What encrypts the secrets in states. Raises SitekitError."""
    if word == PASSPHRASE:
        return word
    if re.fullmatch(r"azurekeyvault://[A-Za-z0-9-]+\.vault\.azure\.net/keys/[A-Za-z0-9-]+", word):
        return word
    if re.fullmatch(r"(awskms|gcpkms|hashivault)://\S+", word):
        return word
    raise SitekitError(
        f"'{word}' encrypts no secrets",
        hint="passphrase, or azurekeyvault://VAULT.vault.azure.net/keys/KEY",
    )


def with_backend(text: str, url: str) -> str:
    """The text of a Pulumi.yaml with the address of its states."""
    block = f"backend:\n  url: {url}\n"
    if _BACKEND.search(text):
        return _BACKEND.sub(lambda _: block, text, count=1)
    return text.rstrip("\n") + "\n" + block


def backend_of(text: str) -> str | None:
    """The address of states that a Pulumi.yaml holds; None where it holds none."""
    found = _BACKEND.search(text)
    address = re.search(r"^[ \t]+url:[ \t]*(\S+)", found[0], re.MULTILINE) if found else None
    return address[1] if address else None


def stack_file(plan: StackPlan, organisation: Path, stacks: Path) -> Path:
    """Where the generated file of a stack is."""
    return stacks / plan.kind / f"Pulumi.{plan.stack}.yaml"


def stack_text(
    plan: StackPlan, organisation: Path, stacks: Path, *, provider: str, before: str = ""
) -> str:
    """The generated file of a stack: its code, the ids of its providers, what encrypts secrets.

    What the engine wrote into the file (`before`) stays.
    """
    relative = os.path.relpath(organisation.resolve(), (stacks / plan.kind).resolve())
    kept = {match.group(1): match.group(0) for match in _KEPT.finditer(before)}
    if provider != PASSPHRASE:
        kept["secretsprovider"] = f"secretsprovider: {provider}"
    lines = [
        "# Written by `sitekit stack init`, which keeps what the engine adds. All else about",
        f"# this stack follows from the organisation's files: sitekit cloud plan {plan.stack}",
        *(kept[key] for key in sorted(kept)),
        "config:",
        f"  sitekit:code: {plan.stack}",
        f"  sitekit:organisation: {PurePosixPath(relative).as_posix()}",
        f"  sitekit:tenant: {plan.tenant}",
        f"  sitekit:subscription: {plan.subscription}",
    ]
    return "\n".join(lines) + "\n"
