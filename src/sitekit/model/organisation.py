"""What is written once for the whole group, and once per subsidiary."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .base import (
    Address,
    Day,
    Domain,
    Model,
    Name,
    PersonRef,
    Prefix,
    SchemaVersion,
    SchemaVersion2,
    SiteCode,
    Text,
)
from .cloud import (
    Euros,
    Licence,
    Mail,
    PublicZone,
    SignInMethod,
    SignInState,
    SubsidiaryCloud,
    Uuid,
)
from .settings import Level
from .site import Rooms
from .standard import StandardChoice

Asn = Annotated[int, Field(strict=True, ge=1, le=4_294_967_294)]


class AddressPool(Model):
    """Where site blocks come from, and what must stay free."""

    pool: Prefix
    avoid: tuple[Prefix, ...] = ()


class HubGateway(Model):
    """One instance of the VPN gateway in the Azure hub."""

    name: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9]{0,3}$")]
    address: Address
    bgp_address: Address


class Hub(Model):
    """The Azure end of every site-to-site tunnel."""

    kind: Literal["virtual-wan", "network"] = "virtual-wan"
    prefix: Prefix
    routing: Literal["bgp", "static"]
    asn: Asn
    prefixes: tuple[Prefix, ...] = ()
    gateways: Annotated[tuple[HubGateway, ...], Field(min_length=1, max_length=2)]


class Azure(Model):
    """The group's tenant and where its resources live."""

    tenant: Uuid
    subscription: Uuid
    region: Name
    regions: tuple[Name, ...] = ()  # that resources may be in besides `region`
    licences: tuple[Licence, ...] = ()
    networks: Prefix | None = None  # the sites' virtual networks come out of it
    conditional_access: Literal["report-only", "enabled"] = "report-only"
    sign_in_methods: dict[SignInMethod, SignInState] = Field(default_factory=dict)
    public_zones: dict[Domain, PublicZone] = Field(default_factory=dict)
    log_days: Annotated[int, Field(strict=True, ge=30, le=730)] = 90  # ReCyF 20.5: three months
    alerts: tuple[Mail, ...] = ()  # who is told; nobody: the contact of the devices
    budget_eur: Euros | None = None
    hub: Hub


class SupplierKind(StrEnum):
    """What a supplier does for the group."""

    MANAGED_SERVICES = "managed-services"
    CARRIER = "carrier"
    CABLER = "cabler"
    SOFTWARE = "software"


class Supplier(Model):
    """A company that works for the group. Pulumi's word for its plug-ins is provider."""

    kind: SupplierKind
    name: Text
    contact: Text
    phone: Text | None = None
    contract: Text | None = None
    addresses: tuple[Prefix, ...] = ()


class Naming(Model):
    """How derived names look. {site} is the code, {role} the short role, {number} counts."""

    device: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^([a-z0-9-]|\{role\})*\{site\}([a-z0-9-]|\{role\})*\{number(:02)?\}$",
            description="{site}, {role} and {number} or {number:02} at the end, with - between.",
        ),
    ] = "{site}-{role}-{number:02}"


class PeopleChoice(Model):
    """Who makes the accounts of the group's tenant: `sitekit people apply`, or a Pulumi stack."""

    owned_by: Literal["sitekit", "pulumi"] = "sitekit"


class Organisation(Level):
    """The whole group: one repository of YAML, one Entra tenant by default."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    name: Text
    code: Annotated[
        str,
        Field(strict=True, pattern=r"^[a-z]{2,6}$", description="Two to six lower case letters."),
    ]
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    addresses: AddressPool
    azure: Azure
    suppliers: dict[Name, Supplier] = Field(default_factory=dict)
    destinations: dict[Name, tuple[Prefix, ...]] = Field(default_factory=dict)
    serving: dict[Name, tuple[Prefix, ...]] = Field(default_factory=dict)
    naming: Naming = Naming()
    people: PeopleChoice = PeopleChoice()
    standard: StandardChoice | None = None


class ContractDates(Model):
    """When a contract ends and until when notice must be given."""

    ends: Day
    notice_by: Day


class Actors(Model):
    """Who does what for one service of a subsidiary."""

    orders: Text
    supports: Text
    operates: Text
    approves: Text
    budget: Text
    supplier: Name | None = None
    contract: ContractDates | None = None


class Subsidiary(Level):
    """A legal entity of the group, possibly just acquired. Its code is the name of its file."""

    schema_: Annotated[SchemaVersion, Field(alias="schema")]
    name: Text
    legal_form: Text
    registration: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^[0-9A-Z ]{6,20}$",
            description="A SIREN or the like, in quotes.",
        ),
    ]
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    acquired: Day | None = None
    tenant: Uuid | None = None
    cloud: SubsidiaryCloud = SubsidiaryCloud()
    avoid: tuple[Prefix, ...] = ()
    standard: StandardChoice | None = None
    actors: Annotated[dict[Name, Actors], Field(min_length=1)]


class Tier(StrEnum):
    """How carefully content of a production or site is kept."""

    STANDARD = "standard"
    HIGH = "high"


class ProductionNetwork(Model):
    """The slice of a site's production range that a production gets."""

    site: SiteCode
    slot: Annotated[int, Field(strict=True, ge=0, le=39)]
    people: Annotated[int, Field(strict=True, ge=1, le=60)]


class Production(Model):
    """A show being made."""

    code: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9]{1,7}$")]
    code_name: Text
    subsidiary: Name
    tier: Tier
    starts: Day
    ends: Day
    owner: PersonRef
    departments: Annotated[tuple[Name, ...], Field(min_length=1)]
    rooms: Rooms = Rooms()
    networks: tuple[ProductionNetwork, ...] = ()


class Productions(Model):
    """The file of productions. Since version 2 an owner is a person_id."""

    schema_: Annotated[SchemaVersion2, Field(alias="schema")]
    productions: tuple[Production, ...]


class Waiver(Model):
    """A finding accepted for a while."""

    id: Annotated[str, Field(strict=True, pattern=r"^W-[0-9]{4}-[0-9]{2,4}$")]
    scope: Name
    rule: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^[A-Za-z][A-Za-z0-9-]{2,39}$",
            description="As check prints it in brackets.",
        ),
    ]
    reason: Text
    risk: Literal["low", "medium", "high", "critical"]
    compensating: Text
    owner: PersonRef
    approver: Text
    opened: Day
    expires: Day


class Waivers(Model):
    """The file of waivers. Since version 2 an owner is a person_id."""

    schema_: Annotated[SchemaVersion2, Field(alias="schema")]
    waivers: tuple[Waiver, ...]
