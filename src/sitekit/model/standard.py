"""The group standard has versions; a level of an organisation pins one, or follows the newest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Day, Model, Name, SchemaVersion, Text

NEWEST = "newest"

VersionName = Annotated[str, Field(strict=True, pattern=r"^[0-9]{4}\.[1-9][0-9]?$")]
StandardChoice = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^(newest|[0-9]{4}\.[1-9][0-9]?)$",
        description='A version in quotes, such as "2026.1", or newest; '
        "the nearest level that writes one counts.",
    ),
]


class Entries(Model):
    """Entries of the catalogue, by the part that holds them."""

    flows: tuple[Annotated[int, Field(strict=True, ge=1, le=999)], ...] = ()
    never: tuple[Name, ...] = ()
    zones: tuple[Name, ...] = ()
    services: tuple[Name, ...] = ()
    destinations: tuple[Name, ...] = ()
    media: tuple[Name, ...] = ()
    archetypes: tuple[Name, ...] = ()


class StandardVersion(Model):
    """One version of the standard: when it came, what it brought, and which entries are new."""

    version: VersionName
    released: Day
    summary: Text
    summary_fr: Text
    added: Entries = Entries()


class StandardVersions(Model):
    """The file of versions, oldest first."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    versions: Annotated[tuple[StandardVersion, ...], Field(min_length=1)]
