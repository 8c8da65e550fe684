"""A platform: the software a device runs, as one declarative file beside its templates."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .base import Model, Name, SchemaVersion, Text
from .settings import NtpAlgorithm
from .site import Role


class SecretForm(Model):
    """How a secret stands in the text: as a placeholder the device refuses, and in the clear."""

    placeholder: Annotated[str, Field(strict=True, pattern=r"\{token\}")]
    clear: Annotated[str, Field(strict=True, pattern=r"\{value\}")]


class NameLimits(Model):
    """Longest names the platform accepts, in characters."""

    hostname: Annotated[int, Field(strict=True, ge=1, le=255)]
    vlan: Annotated[int, Field(strict=True, ge=1, le=255)] = 32
    interface: Annotated[int, Field(strict=True, ge=1, le=255)] | None = None
    description: Annotated[int, Field(strict=True, ge=1, le=1024)]


class Capability(Model):
    """Whether a platform can do a feature; when not, what to do instead."""

    supported: bool
    note: Text | None = None
    alternative: Text | None = None


class Lights(Model):
    """What its lights say when all is well, for somebody who is no network engineer."""

    fr: Text
    en: Text


class Impact(StrEnum):
    """What applying a line may do to people, from harmless to worst."""

    NONE = "none"
    UNKNOWN = "not classified"
    FLAPS_PORT = "flaps a port"
    DROPS_USERS = "drops users"
    MAY_LOCK_OUT = "may lock you out"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"this is not a regular expression: {error}") from None
    return text


class ImpactRule(Model):
    """Lines that match, with the headings of their sections joined by ` / `, have this impact."""

    match: Annotated[Text, AfterValidator(_pattern)]
    impact: Impact


class Platform(Model):
    """Facts of one platform; adding one is adding a folder."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    name: Name
    title: Text
    os_version: Text
    netmiko_type: Name
    syntax: Literal["ios", "eos", "fortios"]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    suffix: Annotated[str, Field(strict=True, pattern=r"^\.[a-z]+$")] = ".cfg"
    comment: Text
    error_pattern: Text
    show_running: Text
    names: NameLimits
    ntp_algorithm: NtpAlgorithm
    lights: Lights | None = None
    secrets: dict[Name, SecretForm]
    capabilities: dict[Name, Capability]
    impact: tuple[ImpactRule, ...] = ()
