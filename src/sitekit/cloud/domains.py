"""Custom domains of a tenant: added, proved by a text in their DNS, and never taken away.

Where the public zone is ours (`azure.public_zones`) the stack writes the text itself. Everywhere
else it says the text as an output, and asks Entra once: the run that follows the record proves it.
A domain below one that is proved is proved by that (Microsoft Graph, domain: POST /domains).
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import AZURE, Builder
from .spec import Ref, Value

OWN_DOMAIN = "sitekit:entra:Domain"
OWN_PROOF = "sitekit:entra:DomainVerification"


def proof_of(domain: str) -> str:
    """The logical name of the proof of a domain."""
    return f"proof-{domain}"


def add_domains(
    b: Builder, domains: Sequence[str], *, above: Sequence[str] = ()
) -> dict[str, Value]:
    """Add domains with their proofs; what somebody has to write into DNS, by domain.

    `above`: domains that another stack has proved before.
    """
    told: dict[str, Value] = {}
    for domain in sorted(dict.fromkeys(domains), key=lambda name: name.count(".")):
        name = f"domain-{domain}"
        parents = [proof_of(other) for other in domains if domain.endswith(f".{other}")]
        below = bool(parents) or any(domain.endswith(f".{other}") for other in above)
        b.add(
            OWN_DOMAIN,
            name,
            {"name": domain},
            depends_on=tuple(parents),
            protect=True,
            retain=True,
        )
        text = Ref(name, "verificationText")
        zone = b.azure.public_zones.get(domain)
        if zone is not None and not below:
            b.add(
                f"{AZURE}dns:RecordSet",
                f"text-{domain}",
                {
                    "resourceGroupName": zone.resource_group,
                    "zoneName": domain,
                    "relativeRecordSetName": "@",
                    "recordType": "TXT",
                    "ttl": 3600,
                    "txtRecords": [
                        *({"value": _pieces(own)} for own in zone.texts),
                        {"value": [text]},
                    ],
                },
                protect=True,
                retain=True,
            )
        elif not below:
            told[domain] = text
        b.add(
            OWN_PROOF,
            proof_of(domain),
            {"domain": domain, "wait": zone is not None and not below},
            depends_on=(name, f"text-{domain}") if zone is not None and not below else (name,),
            protect=True,
            retain=True,
            minutes=10,
        )
    return told


def _pieces(text: str) -> list[str]:
    """A text in the pieces of at most 255 characters that DNS takes (RFC 1035, 3.3.14)."""
    return [text[begin : begin + 255] for begin in range(0, len(text), 255)]
