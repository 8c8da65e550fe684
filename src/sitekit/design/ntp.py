"""Which key each device asks its time servers with: platforms speak different algorithms."""

from __future__ import annotations

from ..load.organisation import SiteInputs
from .result import NtpAssociation


def associations(inputs: SiteInputs, platform: str) -> tuple[NtpAssociation, ...]:
    """The servers that have a key the platform can use, each with that key."""
    known = inputs.catalogue.platforms.get(platform)
    if known is None:
        return ()
    return tuple(
        NtpAssociation(address=server.address, key_id=key.id, key=key.key)
        for server in inputs.settings.ntp.servers
        for key in server.keys
        if key.algorithm == known.ntp_algorithm
    )
