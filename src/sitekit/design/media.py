"""Media profiles turned into one DSCP plan, queriers and clocks.

PTP before audio before voice before video; a site has one plan, so that a frame meets the same
queue on every switch it crosses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from ..load.catalogue import Catalogue
from .result import IgmpVlan, Network, PtpPlan, QosClass, QosPlan

VOICE_DSCP = 46  # RFC 4594: expedited forwarding for telephony


def plan(networks: Iterable[Network], catalogue: Catalogue) -> QosPlan | None:
    """The classes that the media and telephony networks of a site ask for, highest first."""
    uses: dict[str, set[int]] = {"ptp": set(), "audio": set(), "video": set()}
    profiles: list[str] = []
    voice = False
    for network in networks:
        voice = voice or catalogue.zones[network.zone].dscp == VOICE_DSCP
        if network.media is None or network.media.profile in profiles:
            continue
        profiles.append(network.media.profile)
        for use in catalogue.media[network.media.profile].dscp:
            if use.queue != "best-effort":
                uses[use.queue].add(use.dscp)
    strict = [
        QosClass(name="ptp", queue=7, dscps=_sorted(uses["ptp"]), strict=True, percent=0),
        QosClass(name="audio", queue=6, dscps=_sorted(uses["audio"]), strict=True, percent=0),
        QosClass(
            name="voice",
            queue=5,
            dscps=(VOICE_DSCP,) if voice and not _has(uses, VOICE_DSCP) else (),
            strict=True,
            percent=0,
        ),
    ]
    shared = [
        QosClass(name="video", queue=4, dscps=_sorted(uses["video"]), strict=False, percent=40)
    ]
    used = [c for c in (*strict, *shared) if c.dscps]
    if not used:
        return None
    rest = 100 - sum(c.percent for c in used)
    return QosPlan(
        name="media" if profiles else "voice",
        classes=(
            *used,
            QosClass(name="best-effort", queue=1, dscps=(), strict=False, percent=rest),
        ),
    )


def clock(networks: Iterable[Network], catalogue: Catalogue) -> PtpPlan | None:
    """The boundary clock that the core has to be, if a profile asks for one."""
    for network in networks:
        if network.media is None:
            continue
        ptp = catalogue.media[network.media.profile].ptp
        if ptp.role == "boundary" and ptp.profile is not None:
            return PtpPlan(mode="boundary", domain=ptp.domain or 0, profile=ptp.profile)
    return None


def multicast(
    networks: Iterable[Network], queriers: Mapping[int, IPv4Address]
) -> tuple[IgmpVlan, ...]:
    """Snooping on every media VLAN of a switch; the querier where it is this switch's turn."""
    return tuple(
        IgmpVlan(
            vlan=network.vlan,
            version=network.media.igmp_version,
            querier=network.vlan in queriers,
            querier_address=queriers.get(network.vlan),
        )
        for network in networks
        if network.media and network.media.igmp_snooping
    )


def _has(uses: Mapping[str, set[int]], dscp: int) -> bool:
    """True where a media class has the DSCP already: telephony then shares its queue."""
    return any(dscp in dscps for dscps in uses.values())


def _sorted(dscps: set[int]) -> tuple[int, ...]:
    return tuple(sorted(dscps))
