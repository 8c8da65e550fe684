"""A file that sitekit would write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file sitekit would write. Rendering never writes it."""

    path: PurePosixPath
    text: str
    platform: str | None = None  # set where the text is a device's configuration
