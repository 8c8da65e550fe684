"""Real secrets for `render --with-secrets`: from a file that only its owner can read.

The file and the output stay outside of every git repository, so that no secret is ever committed.
Everything is looked up and tried before anything is written. No message holds a value, nor what
stands in the file beside its references.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError, Place, Problem, SitekitError

if TYPE_CHECKING:
    from ..load import LoadedOrganisation
    from ..render import Artifact

MAX_BYTES = 1 << 20
_REFERENCE = re.compile(
    r"env:[A-Z_][A-Z0-9_]*|file:[A-Za-z0-9_./~-]+|keyvault:[A-Za-z0-9-]+/[A-Za-z0-9-]+"
)

Artifacts = Iterable[tuple[str, "Artifact"]]


def with_secrets(
    artifacts: Callable[[], Artifacts], organisation: LoadedOrganisation, file: Path, out: Path
) -> Iterator[tuple[str, Artifact]]:
    """The artifacts with their placeholders replaced.

    Goes through all of them once to find every secret that is missing or cannot be held, and only
    then a second time to give them, so that nothing is written when something is wrong.
    """
    refuse_repository(organisation.folder, file, what="the secrets file")
    refuse_repository(organisation.folder, out, what="--out")
    vault = Vault(file, organisation.folder)
    for _, artifact in artifacts():
        vault.look_up(artifact)
    vault.refuse_missing()
    for _ in _resolved(artifacts(), organisation, vault.values):
        pass
    return _resolved(artifacts(), organisation, vault.values)


def _resolved(
    artifacts: Artifacts, organisation: LoadedOrganisation, values: Mapping[str, str]
) -> Iterator[tuple[str, Artifact]]:
    from ..render.secrets import resolve

    for site, artifact in artifacts:
        if artifact.platform is None:
            yield site, artifact
        else:
            platform = organisation.catalogue.platforms[artifact.platform]
            yield site, replace(artifact, text=resolve(artifact.text, platform, values))


class Vault:
    """Values by reference: from the secrets file, then from the environment and from files."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._file = file
        self._folder = folder
        self._written = read_secrets(file)
        self._missing: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Vault({str(self._file)!r})"

    def look_up(self, artifact: Artifact) -> None:
        """Find a value for every placeholder of a configuration; remember those without one."""
        from ..render.secrets import references

        if artifact.platform is None:
            return
        for reference in references(artifact.text) - self.values.keys() - self._missing.keys():
            value, reason = self._find(reference)
            if value is None:
                self._missing[reference] = reason
            else:
                self.values[reference] = value

    def refuse_missing(self) -> None:
        """Raise InputError with every reference that has no value."""
        if self._missing:
            raise InputError(
                [
                    Problem(
                        Place(str(self._file)),
                        f"there is no value for {reference}: {reason}",
                        f'add a line: {reference}: "…"',
                    )
                    for reference, reason in self._missing.items()
                ]
            )

    def _find(self, reference: str) -> tuple[str | None, str]:
        if reference in self._written:
            return self._written[reference], ""
        kind, _, name = reference.partition(":")
        if kind == "env":
            return os.environ.get(name) or None, "neither this file nor the environment has it"
        if kind == "file":
            return self._read(name), "it is not in this file, and the file it names gives no text"
        return None, "it is not in this file; asking Azure comes with the cloud verbs"

    def _read(self, name: str) -> str | None:
        """The text of a file, without the line end that editors add."""
        from ..load.files import read_limited

        try:
            path = self._folder / Path(name).expanduser()
            raw = read_limited(path, shown=name, limit=MAX_BYTES)
            return None if isinstance(raw, Problem) else raw.decode().rstrip("\r\n") or None
        except (RuntimeError, UnicodeDecodeError):  # no such home
            return None


def read_secrets(file: Path) -> dict[str, str]:
    """Reference to value, from a file that is its owner's alone.

    What a problem of this file says is only where it stands.
    """
    from ..load.yaml_source import parse_yaml

    document = parse_yaml(_private(file), shown=str(file))
    problems = {
        Problem(problem.place, "this cannot be read", hint=_FORM, sensitive=True)
        for problem in document.problems
    }
    for reference, value in document.data.items():
        if not _REFERENCE.fullmatch(reference):
            problems.add(
                Problem(
                    document.key_place((reference,)),
                    "this is not a reference: env:NAME, file:PATH or keyvault:VAULT/NAME",
                    hint=_FORM,
                    sensitive=True,
                )
            )
        elif not isinstance(value, str):
            problems.add(
                Problem(
                    document.key_place((reference,)),
                    f"the value of {reference} is not text",
                    hint=_FORM,
                    sensitive=True,
                )
            )
    if problems:
        raise InputError(tuple(problems))
    return dict(document.data)


_FORM = 'one line per secret, the value between quotes: keyvault:kv-site/radius-key: "…"'


def _private(file: Path) -> bytes:
    """The bytes of a file that nobody else can read, checked and read through one descriptor."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "odd name"
        raise SitekitError(f"{file} cannot be read: {reason}") from None
    try:
        _refuse_others(file, os.fstat(descriptor))
        return os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)


def _refuse_others(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SitekitError(f"{file} is not a file", hint="name a file of secrets")
    if status.st_mode & 0o077:
        raise SitekitError(
            f"{file} can be read or written by others: its mode is "
            f"{stat.S_IMODE(status.st_mode):04o}",
            hint=f"chmod 600 {file}, and change the secrets in it if others had the time",
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise SitekitError(f"{file} belongs to somebody else", hint="use a file of your own")
    if status.st_size > MAX_BYTES:
        raise SitekitError(f"{file} is larger than 1 MiB", hint="name a file of secrets")


def refuse_repository(organisation: Path, path: Path, *, what: str) -> None:
    """Refuse a path inside the organisation's folder or inside any git repository."""
    real = path.resolve()
    inside = [folder for folder in (real, *real.parents) if (folder / ".git").exists()]
    if not inside and real.is_relative_to(organisation.resolve()):
        inside = [organisation]
    if inside:
        raise OutputError(
            f"{what} {path} is inside {inside[0]}, where its secrets could be committed",
            hint="choose a place outside of any repository",
        )
