"""What the text is held against: facts written here again, from their sources, on purpose.

None of this is taken from the design or its catalogue: a mistake there is to be found here.
"""

from __future__ import annotations

from typing import NamedTuple

from .facts import slashed
from .spaces import Span, joined, without

# Zones that hold content, and zones whose traffic is multicast media or rides beside it: exactly
# one switch of the site asks for the groups (docs/design.md, Switches; MPA TS-2).
CONTENT = frozenset({"prod", "post", "storage", "render"})
ISOLATED_MEDIA = frozenset({"audio_net", "video_net", "st2110_a", "st2110_b"})
MEDIA = ISOLATED_MEDIA | {"storage"}
INTERNET = "wan"
BLACK_HOLE = "blackhole"  # the VLAN of ports that nothing is plugged into
BLACK_HOLE_NAMES = frozenset({"blackhole", "native"})


def _spans(*prefixes: str) -> tuple[Span, ...]:
    found = [slashed(prefix) for prefix in prefixes]
    return joined((p.first, p.last) for p in found if p is not None)


# RFC 1918, and the ranges of the IANA IPv4 Special-Purpose Address Registry that are not the
# Internet either: this network, shared space (RFC 6598), loopback, link-local, multicast and above.
PRIVATE = _spans("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
NOT_INTERNET = joined(
    (
        *PRIVATE,
        *_spans("0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"),
    )
)
PUBLIC = without(((0, 0xFFFFFFFF),), NOT_INTERNET)


class Never(NamedTuple):
    """A conversation that no site may permit."""

    check: str
    sources: frozenset[str]  # zones; `wan` is the Internet
    to: frozenset[str] = frozenset()
    all_but: frozenset[str] = frozenset()  # every zone of the site but these
    private: bool = False
    except_services: tuple[Span, ...] = ()
    except_description: str = ""


_TCP, _UDP = 6 << 16, 17 << 16
# PCoIP: 4172 over TCP and UDP (IANA Service Name and Port Number Registry, pcoip), the broker 443.
_PCOIP = (
    (_TCP + 443, _TCP + 443),
    (_TCP + 4172, _TCP + 4172),
    (_UDP + 4172, _UDP + 4172),
)
_CONTENT_WITHOUT_RENDER = CONTENT - {"render"}
NEVER = (
    Never("cross-never-wan-inside", frozenset({"wan"}), all_but=frozenset({"dmz"})),
    Never("cross-never-guest-private", frozenset({"guest"}), private=True),
    Never("cross-never-content-internet", CONTENT, to=frozenset({"wan"})),
    Never(
        "cross-never-dmz-content",
        frozenset({"dmz"}),
        to=_CONTENT_WITHOUT_RENDER,
        except_services=_PCOIP,
        except_description="the published pixel broker",
    ),
    Never("cross-never-data-io-content", frozenset({"data_io"}), to=_CONTENT_WITHOUT_RENDER),
    Never("cross-never-wan-management", frozenset({"wan"}), to=frozenset({"net_mgmt"})),
)


class Azure(NamedTuple):
    """The custom IPsec policy of the connection at the Azure side, in Azure's names.

    Source: Microsoft Learn, About cryptographic requirements and Azure VPN gateways
    (vpn-gateway-about-compliance-crypto) and About VPN devices and IPsec/IKE parameters
    (vpn-gateway-about-vpn-devices): names of the parameters, fixed IKE lifetime of 28,800 s,
    dead-peer time-out of 45 s, MSS clamped at 1350.
    """

    ike_encryption: str = "AES256"
    ike_integrity: str = "SHA384"
    dh_group: str = "ECP384"
    ipsec_encryption: str = "GCMAES256"
    ipsec_integrity: str = "GCMAES256"
    pfs_group: str = "ECP384"
    sa_lifetime_seconds: int = 27000
    ike_lifetime_seconds: int = 28800
    dpd_timeout_seconds: int = 45
    tcp_mss: int = 1350


AZURE = Azure()
# How FortiOS spells Azure's names (FortiOS 7.6 CLI reference, phase1- and phase2-interface; groups:
# IANA IKEv2 Transform Type 4).
IKE_PROPOSALS = {
    ("AES256", "SHA384"): "aes256-sha384",
    ("AES256", "SHA256"): "aes256-sha256",
    ("AES128", "SHA256"): "aes128-sha256",
}
IPSEC_PROPOSALS = {
    ("GCMAES256", "GCMAES256"): "aes256gcm",
    ("GCMAES128", "GCMAES128"): "aes128gcm",
    ("AES256", "SHA256"): "aes256-sha256",
}
GROUPS = {"ECP384": "20", "ECP256": "19", "DHGroup14": "14", "PFS2048": "14", "DHGroup24": "24"}
