"""Real secrets for `render --with-secrets`: from a file that only its owner can read.

The file and the output stay outside of every git repository, so that no secret is ever committed.
Everything is looked up and tried before anything is written. No message holds a value, nor what
stands in the file beside its references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError, Place, Problem

if TYPE_CHECKING:
    from ..load import LoadedOrganisation
    from ..render import Artifact

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
        from ..load.secrets import Secrets

        self._file = file
        self._secrets = Secrets(file, folder)
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
            value, reason = self._secrets.find(reference)
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
