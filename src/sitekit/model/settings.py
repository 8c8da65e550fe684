"""Settings: values that every level may write and that the levels below inherit.

The order is sitekit's defaults, organisation, subsidiary, archetype, site; a level can lock a
path so that no level below overrides it. `Settings` is what is left when all levels are merged;
`PartialSettings` is what one level may write.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, create_model

from .base import (
    Address,
    Domain,
    Language,
    Mbps,
    Model,
    Name,
    Prefix,
    SecretRef,
    Text,
    TimeZone,
)

Minutes = Annotated[int, Field(strict=True, ge=1, le=1440)]


class Dns(Model):
    """Name resolution for devices and for DHCP clients."""

    domain: Domain
    servers: Annotated[tuple[Address, ...], Field(min_length=1, max_length=3)]


NtpAlgorithm = Literal["sha1", "hmac-sha2-256"]


class NtpKey(Model):
    """A key that a time server knows under its id, for one algorithm."""

    id: Annotated[int, Field(strict=True, ge=1, le=65535)]
    algorithm: NtpAlgorithm
    key: SecretRef


class NtpServer(Model):
    """A time source of the group, always authenticated: a key per algorithm that devices speak."""

    address: Address
    keys: Annotated[tuple[NtpKey, ...], Field(min_length=1, max_length=2)]


class Ntp(Model):
    """Where devices take the time from."""

    servers: Annotated[tuple[NtpServer, ...], Field(min_length=1, max_length=4)]


class RadiusServer(Model):
    """An authentication server: 802.1X, MAC fallback and administrators."""

    name: Name
    address: Address
    key: SecretRef


class Radius(Model):
    """Who authenticates people and machines."""

    servers: Annotated[tuple[RadiusServer, ...], Field(min_length=1, max_length=3)]


class SyslogServer(Model):
    """Where logs go: over TLS wherever the platform can."""

    address: Address
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 6514


class Syslog(Model):
    """Central logging."""

    servers: Annotated[tuple[SyslogServer, ...], Field(min_length=1, max_length=4)]


class Snmp(Model):
    """SNMPv3 with authentication and privacy; no other version exists here."""

    managers: Annotated[tuple[Address, ...], Field(min_length=1, max_length=8)]
    user: Name
    auth: SecretRef
    priv: SecretRef


class Administration(Model):
    """Who may manage devices, from where, and how the fallback account is called."""

    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=9)]
    account: Name
    secret: SecretRef
    ha_secret: SecretRef
    idle_minutes: Minutes
    lockout_attempts: Annotated[int, Field(strict=True, ge=3, le=10)]
    lockout_minutes: Annotated[
        int, Field(strict=True, ge=1, le=1092, description="IOS-XE counts to 65,535 seconds.")
    ]
    banner: Text
    contact: Text


class Vpn(Model):
    """What tunnels of the site need besides the hub."""

    psk: SecretRef


class SsidNames(Model):
    """What people see on their screens: neither the company nor a production."""

    corp: Annotated[str, Field(strict=True, min_length=1, max_length=32, pattern=r"^[\w .-]+$")]
    freelance: Annotated[
        str, Field(strict=True, min_length=1, max_length=32, pattern=r"^[\w .-]+$")
    ]
    iot: Annotated[str, Field(strict=True, min_length=1, max_length=32, pattern=r"^[\w .-]+$")]
    guest: Annotated[str, Field(strict=True, min_length=1, max_length=32, pattern=r"^[\w .-]+$")]


class Wifi(Model):
    """The radio side of the standard."""

    country: Literal["FR", "BE", "LU", "CH", "DE", "ES", "PT", "IT", "NL", "GB"]
    ssids: SsidNames
    iot_key: SecretRef
    guest: Literal["portal", "owe"]


class RemoteUsers(Model):
    """Remote access over IKEv2 with sign-in at Entra; `none` where a site offers none."""

    mode: Literal["none", "ikev2"]
    psk: SecretRef
    pool_prefix_length: Annotated[int, Field(strict=True, ge=26, le=28)]
    saml_certificate: Name


class GuestLimits(Model):
    """What visitors may use of the uplink."""

    rate_mbps: Mbps


class Settings(Model):
    """All settings of a site once every level has been merged."""

    language: Language
    time_zone: TimeZone
    dns: Dns
    ntp: Ntp
    radius: Radius
    syslog: Syslog
    snmp: Snmp
    administration: Administration
    vpn: Vpn
    wifi: Wifi
    remote_users: RemoteUsers
    guest: GuestLimits


def _optional(annotation: Any) -> Any:
    """Rewrite a model type inside an annotation as its partial twin; leave lists whole."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return partial_of(annotation)
    if get_origin(annotation) in (Union, UnionType):
        raise TypeError(f"settings are never unions: {annotation}: {get_args(annotation)}")
    return annotation


def _annotated(annotation: Any, metadata: list[Any]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation


def partial_of(model: type[BaseModel]) -> type[BaseModel]:
    """The same model with every key optional, section by section; lists stay whole."""
    fields: dict[str, Any] = {
        name: (_annotated(_optional(info.annotation), info.metadata), Field(default=None))
        for name, info in model.model_fields.items()
    }
    partial: type[BaseModel] = create_model(
        model.__name__, __base__=Model, __doc__=model.__doc__, **fields
    )
    return partial


if TYPE_CHECKING:

    class PartialSettings(Model):
        """What one level writes of the settings."""

else:
    PartialSettings = partial_of(Settings)


class Level(Model):
    """A level that may write settings and lock paths of them, such as `administration.banner`."""

    settings: PartialSettings | None = None
    locked: tuple[Annotated[str, Field(strict=True, pattern=r"^[a-z_]+(\.[a-z_]+)*$")], ...] = ()
