"""The ground every written model stands on: strangers are turned away, values are restricted."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

PREFIX_HINT = "write an address and a length, such as 10.0.0.0/24"


class Model(BaseModel):
    """A written fact: frozen, and an unknown key is an error, never a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _address(value: object) -> object:
    """Turn numbers away: IPv4Address(3) would silently be 0.0.0.3."""
    if isinstance(value, int | float):
        raise ValueError("should be an IPv4 address", "write one such as 10.0.0.1")
    return value


def _ipv4(value: object) -> IPv4Address:
    try:
        return IPv4Address(str(_address(value)))
    except ValueError:
        raise ValueError(
            f"{value!r} is not an IPv4 address", "write four numbers up to 255, such as 10.0.0.1"
        ) from None


def _prefix(value: object) -> IPv4Network:
    text = str(_address(value))
    if "/" not in text:
        raise ValueError(f"{text!r} is not a prefix", PREFIX_HINT)
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        meant = IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a prefix", PREFIX_HINT) from None
    raise ValueError(f"{text!r} is an address inside a prefix", f"the prefix is {meant}")


def _date(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{value!r} is not a date", "write year-month-day, such as 2027-01-31")


def _secret(value: object) -> str:
    if isinstance(value, str) and _SECRET.fullmatch(value):
        return value
    # The value is never repeated: it may be the secret itself.
    raise PydanticCustomError(
        "secret_literal",
        "a secret is never written here",
    )


@cache
def _time_zones() -> frozenset[str]:
    """Every name of the time zone database, read from disk once."""
    return frozenset(available_timezones())


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError(f"{value!r} is not a time zone", "write one such as Europe/Paris")
    return value


_SECRET = re.compile(
    r"env:[A-Z_][A-Z0-9_]*|file:[A-Za-z0-9_./~{}-]+|keyvault:[A-Za-z0-9{}-]+/[A-Za-z0-9{}-]+"
)

Address = Annotated[IPv4Address, BeforeValidator(_ipv4)]
Prefix = Annotated[IPv4Network, BeforeValidator(_prefix)]
Day = Annotated[date, BeforeValidator(_date)]
SecretRef = Annotated[
    str,
    BeforeValidator(_secret),
    Field(
        pattern=_SECRET.pattern,
        description="env:NAME, file:PATH or keyvault:VAULT/NAME; {site} stands for the site's code",
    ),
]
Name = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[a-z][a-z0-9_-]*$",
        max_length=32,
        description="Lower case letters, digits, - and _; starts with a letter.",
    ),
]
SiteCode = Annotated[
    str,
    Field(strict=True, pattern=r"^[a-z][a-z0-9]{2,7}$", description="Three letters and a number."),
]
Hostname = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$",
        max_length=63,
        description="Lower case letters, digits and hyphens; starts with a letter.",
    ),
]
Domain = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$",
        max_length=253,
        description="A domain such as example.org, in lower case.",
    ),
]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=2000)]
VlanId = Annotated[
    int, Field(strict=True, ge=2, le=4094, description="802.1Q VLAN ID; 1 is never used.")
]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Mac = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$",
        description="Six pairs of lower case hexadecimal digits, such as 02:00:5e:10:00:01.",
    ),
]
TimeZone = Annotated[str, Field(strict=True), AfterValidator(_time_zone)]
Language = Literal["fr", "en"]
Mbps = Annotated[int, Field(strict=True, ge=1, le=400_000)]
PersonRef = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$",
        description="The person_id of somebody in people.csv, such as P0001.",
    ),
]
# Each kind of file counts its own versions; a step of sitekit.migrate leads from one to the next.
SchemaVersion = Literal[1]
SchemaVersion2 = Literal[2]
