"""What is written about Azure and Entra, from the organisation down to the catalogue."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from .base import Day, Model, Name, Prefix, SchemaVersion, Text

Uuid = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Euros = Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="Euros a month.")]
Gigabytes = Annotated[int, Field(strict=True, ge=1, le=102_400)]
Mail = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$",
        max_length=254,
        description="An address such as alerts@example.org.",
    ),
]
ResourceId = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^/.+$",
        max_length=1000,
        description="The id that Azure or Entra gave, such as /subscriptions/….",
    ),
]
Licence = Literal["entra-p1", "entra-p2", "entra-governance", "intune"]


SignInMethod = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Z][A-Za-z0-9]{1,63}$",
        description="A method as Microsoft Graph spells it: Fido2, MicrosoftAuthenticator, Sms.",
    ),
]
SignInState = Literal["enabled", "disabled"]


class PublicZone(Model):
    """A domain whose public DNS is an Azure DNS zone of ours: the proof of it is written there.

    Azure keeps all texts at the top of a zone in one record, so those that stand there for others
    (SPF, other proofs) are written here as well: what is not written is taken away.
    """

    resource_group: Annotated[
        str, Field(strict=True, pattern=r"^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$")
    ]
    texts: tuple[Annotated[str, Field(strict=True, min_length=1, max_length=4096)], ...]


class SubsidiaryCloud(Model):
    """Where a subsidiary's resources live and what they may cost."""

    subscription: Uuid | None = None  # None: the organisation's
    budget_eur: Euros | None = None


class SiteCloud(Model):
    """What a site has in Azure besides the end of its tunnels; its archetype has defaults."""

    network: Prefix | None = None  # of its virtual network: one out of azure.networks
    share_gb: Gigabytes | None = None
    budget_eur: Euros | None = None
    generation: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=99,
            description="Raise it when a deleted vault or storage account still has the name.",
        ),
    ] = 1
    adopt: dict[Name, ResourceId] = Field(default_factory=dict)  # by logical name


# --- the catalogue -----------------------------------------------------------------------------


class NameRule(Model):
    """How resources of one kind are called, and what Azure or Entra takes as their names."""

    form: Annotated[
        str, Field(strict=True, description="{owner} {org} {region} {extra} {hash} {generation}")
    ]
    shortest: Annotated[int, Field(strict=True, ge=1)] = 1
    longest: Annotated[int, Field(strict=True, ge=1)]
    allowed: Annotated[str, Field(strict=True, description="A pattern for the whole name.")]
    unique: Literal["world", "tenant", "subscription", "group", "parent"]
    source: Text


class Naming(Model):
    """The file of names."""

    schema_: SchemaVersion = Field(alias="schema")
    regions: dict[Name, Annotated[str, Field(strict=True, pattern=r"^[a-z]{3,4}$")]]
    names: dict[Annotated[str, Field(strict=True, pattern=r"^[a-z_]+$")], NameRule]


class CloudOffer(Model):
    """What sites of an archetype have in Azure, unless they write otherwise."""

    network: bool
    share_gb: Gigabytes
    backup_days: Annotated[int, Field(strict=True, ge=7, le=9999)]
    budget_eur: Euros


class CloudFlow(Model):
    """A conversation that a subnet is there for."""

    name: Name
    sources: Annotated[tuple[Literal["site", "administration"], ...], Field(min_length=1)]
    protocol: Literal["Tcp", "Udp"]
    ports: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: Text


class CloudSubnet(Model):
    """A subnet of a site's virtual network: slots are counted in sixteenths of its prefix."""

    name: Name
    slot: Annotated[int, Field(strict=True, ge=0, le=15)]
    slots: Literal[1, 2, 4, 8]
    inbound: tuple[CloudFlow, ...] = ()


class PolicyEntry(Model):
    """A built-in policy that the tenant's management group gets."""

    title: Text
    definition: Uuid
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    reason: Text
    source: Text


class LicenceProfile(Model):
    """What a licence_profile of people.csv stands for."""

    title: Text
    sku: Uuid
    part: Annotated[str, Field(strict=True, pattern=r"^[A-Z0-9_]+$")]
    source: Text


class HelpdeskRole(Model):
    """A directory role that a subsidiary's helpdesk has over its administrative unit."""

    title: Text
    template: Uuid
    source: Text


class CloudStandard(Model):
    """The file of the cloud standard: the same for every tenant, subsidiary and site."""

    schema_: SchemaVersion = Field(alias="schema")
    offers: dict[Name, CloudOffer]
    subnets: tuple[CloudSubnet, ...]
    private_zones: tuple[Annotated[str, Field(strict=True, pattern=r"^[a-z0-9.-]+$")], ...]
    policies: dict[Name, PolicyEntry]
    licence_profiles: dict[Name, LicenceProfile]
    helpdesk_roles: dict[Name, HelpdeskRole]
    sign_in_methods: dict[SignInMethod, SignInState]


class Price(Model):
    """What one unit costs."""

    amount: Annotated[float, Field(ge=0)]
    per: Literal["month", "gb-month", "hour"]
    what: Text
    source: Text


class AssumedUse(Model):
    """How much is used of what only use is paid for."""

    log_gb_per_month: Annotated[int, Field(strict=True, ge=0)]
    share_used_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    snapshot_percent: Annotated[int, Field(strict=True, ge=0, le=1000)]


class Prices(Model):
    """The file of prices: for an estimate, with the day they were read."""

    schema_: SchemaVersion = Field(alias="schema")
    day: Day
    currency: Annotated[str, Field(strict=True, pattern=r"^[A-Z]{3}$")]
    prices: dict[Name, Price]
    assumed: AssumedUse
