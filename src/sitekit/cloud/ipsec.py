"""The proposal of a tunnel in Azure's words: the same facts that the firewall's text is made of.

Names: Microsoft Learn, "About cryptographic requirements and Azure VPN gateways"
(vpn-gateway/vpn-gateway-about-compliance-crypto). A custom policy must be complete.
"""

from __future__ import annotations

from ..design.result import IpsecProposal
from ..errors import DesignError
from .spec import Value

_ENCRYPTION = {"aes256gcm": "GCMAES256", "aes192gcm": "GCMAES192", "aes128gcm": "GCMAES128"}
_IKE_ENCRYPTION = {"aes256": "AES256", "aes192": "AES192", "aes128": "AES128"}
_IKE_INTEGRITY = {"sha384": "SHA384", "sha256": "SHA256"}
_DH_GROUPS = {14: "DHGroup14", 19: "ECP256", 20: "ECP384", 24: "DHGroup24"}
_PFS_GROUPS = {14: "PFS2048", 19: "ECP256", 20: "ECP384", 24: "PFS24"}


def policy(proposal: IpsecProposal) -> dict[str, Value]:
    """The custom policy of a connection. Raises DesignError for what Azure does not speak."""
    try:
        return {
            "saLifeTimeSeconds": proposal.phase2_seconds,
            "saDataSizeKilobytes": 0,  # by time alone: FortiOS counts none either
            "ipsecEncryption": _ENCRYPTION[proposal.encryption],
            "ipsecIntegrity": _ENCRYPTION[proposal.encryption],  # the same word with GCM
            "ikeEncryption": _IKE_ENCRYPTION[proposal.phase1_encryption],
            "ikeIntegrity": _IKE_INTEGRITY[proposal.phase1_integrity],
            "dhGroup": _DH_GROUPS[proposal.dh_group],
            "pfsGroup": _PFS_GROUPS[proposal.pfs_group],
        }
    except KeyError as unknown:
        raise DesignError(
            f"a VPN gateway of Azure has no word for {unknown}",
            hint="choose aes256gcm, aes256 with sha384, and group 20",
        ) from None
