"""What an account says of its person, by Graph's names; cut where Entra takes no more."""

from __future__ import annotations

from ..load.organisation import LoadedOrganisation
from ..model.people import Engagement, Person


def attributes_of(
    organisation: LoadedOrganisation, person: Person, engagement: Engagement, *, guest: bool
) -> dict[str, str]:
    """The attributes of somebody by the contract that counts; empty text where there is none."""
    site = organisation.sites.get(engagement.site or "")
    surname = person.usage_name or person.last_name
    country = site.site.address.country if site else organisation.catalogue.identity.country
    return {
        "displayName": f"{person.first_name} {surname}",
        "givenName": person.first_name,
        "surname": surname,
        "companyName": organisation.subsidiaries[engagement.subsidiary].name[:64],
        "department": engagement.department,
        "jobTitle": (engagement.job_title or "")[:128],
        "officeLocation": site.site.name[:128] if site else "",
        "employeeType": engagement.contract_type.value,
        **({} if guest else {"usageLocation": country}),
    }
