"""Real secrets for `render --with-secrets`: from a file that only its owner can read.

The file and the output stay outside the organisation's repository, so that no secret is ever
committed with it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError, Place, Problem, SitekitError
from ..load.yaml_source import read_yaml

if TYPE_CHECKING:
    from ..load import LoadedOrganisation
    from ..render import Artifact


def with_secrets(
    artifacts: Iterator[tuple[str, Artifact]],
    organisation: LoadedOrganisation,
    file: Path,
    out: Path,
) -> Iterator[tuple[str, Artifact]]:
    """The artifacts with their placeholders replaced; refuses before the first one."""
    _refuse_inside(organisation.folder, file, "the secrets file")
    _refuse_inside(organisation.folder, out, "--out with secrets")
    return _resolved(artifacts, organisation, values(file))


def values(file: Path) -> dict[str, str]:
    """Reference to value, as the file says; it must be readable by its owner alone."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise SitekitError(f"{file} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise SitekitError(
            f"{file} can be read by others (mode {mode:04o})", hint=f"chmod 600 {file}"
        )
    document = read_yaml(file, shown=str(file))
    problems = [replace(problem, sensitive=True) for problem in document.problems]
    for reference, value in document.data.items():
        if not isinstance(value, str):
            problems.append(
                Problem(
                    Place(str(file), document.place((reference,)).line, 1),
                    f"the value of '{reference}' is not a text",
                    "write it in quotes",
                    sensitive=True,
                )
            )
    if problems:
        raise InputError(problems)
    return dict(document.data)


def _resolved(
    artifacts: Iterator[tuple[str, Artifact]],
    organisation: LoadedOrganisation,
    known: dict[str, str],
) -> Iterator[tuple[str, Artifact]]:
    from ..render.secrets import references, resolve

    for site, artifact in artifacts:
        if artifact.platform is None:
            yield site, artifact
            continue
        wanted = references(artifact.text)
        found = {r: v for r in wanted if (v := _value(r, known)) is not None}
        platform = organisation.catalogue.platforms[artifact.platform]
        yield site, replace(artifact, text=resolve(artifact.text, platform, found))


def _value(reference: str, known: dict[str, str]) -> str | None:
    """The file first, then the environment or a file; a vault is asked by nothing here."""
    if reference in known:
        return known[reference]
    kind, _, name = reference.partition(":")
    if kind == "env":
        return os.environ.get(name)
    if kind == "file":
        try:
            return Path(name).expanduser().read_text(encoding="utf-8").rstrip("\n")
        except OSError:
            return None
    return None


def _refuse_inside(folder: Path, path: Path, what: str) -> None:
    repository = _repository(folder.resolve())
    if path.resolve().is_relative_to(repository):
        raise OutputError(
            f"{what} is inside {repository}, where it could be committed",
            hint="choose a place outside the repository",
        )


def _repository(folder: Path) -> Path:
    """The git repository that holds the organisation, or the organisation's folder itself."""
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    return folder
