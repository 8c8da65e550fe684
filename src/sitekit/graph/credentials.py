"""Who asks: an Azure identity, or a lab's fixed token; and whom: Microsoft, or a lab here."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ..errors import CredentialError, SitekitError

if TYPE_CHECKING:
    from .client import Graph

GRAPH = "https://graph.microsoft.com"
SCOPE = f"{GRAPH}/.default"
URL_VARIABLE = "SITEKIT_GRAPH_URL"
TOKEN_VARIABLE = "SITEKIT_GRAPH_TOKEN"
_CODE = re.compile(r"AADSTS[0-9]{4,8}")
_SIGN_IN = (
    "sign in with `az login --tenant TENANT`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET (or a certificate, or a managed identity)"
)
# What Entra says in codes, in words: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_MEANINGS = {
    "AADSTS700082": "the sign-in has expired: its refresh token was not used for too long",
    "AADSTS50173": "the sign-in has expired: the password was changed or sessions were revoked",
    "AADSTS70043": "the sign-in has expired by a rule of conditional access",
    "AADSTS50076": "the sign-in needs multi-factor authentication",
    "AADSTS50079": "the sign-in needs multi-factor authentication",
    "AADSTS7000222": "the application's client secret has expired",
    "AADSTS7000215": "the application's client secret is wrong",
    "AADSTS700016": "the application is unknown in this tenant",
    "AADSTS90002": "there is no such tenant",
}


class TokenSource(Protocol):
    """Gives a bearer token for Graph; a new one when the last was refused."""

    def token(self, *, renew: bool = False) -> str:
        """A token that is valid now. Raises CredentialError."""


class FixedToken:
    """One token, as a lab has it. It is in no repr, no message and no log."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, *, renew: bool = False) -> str:
        """The token; there is no other when it was refused."""
        if renew:
            raise CredentialError(
                "the lab does not accept its token",
                hint=f"{TOKEN_VARIABLE} is of another lab: take the running one's environment",
            )
        return self._token


class AzureToken:
    """Tokens of any azure-identity credential; by default whatever DefaultAzureCredential finds."""

    def __init__(self, credential: Any = None) -> None:
        self._credential = credential
        self._last = ""

    def token(self, *, renew: bool = False) -> str:
        """A token; the credential keeps it until it ends. A refused one is not given again."""
        try:
            if self._credential is None:
                from azure.identity import DefaultAzureCredential

                self._credential = DefaultAzureCredential()
            token = str(self._credential.get_token(SCOPE).token)
        except ModuleNotFoundError as error:
            raise _not_installed(error) from None
        except Exception as error:  # azure-identity's tree; its text lists every source it tried
            raise _explained(error) from None
        if renew and token == self._last:
            raise CredentialError("Microsoft Graph does not accept the sign-in", hint=_SIGN_IN)
        self._last = token
        return token


def connect(environment: Mapping[str, str] | None = None, *, credential: Any = None) -> Graph:
    """A client for Microsoft Graph, or for the lab that SITEKIT_GRAPH_URL names.

    A lab is on loopback: any other address is refused, so that no token and no person's data can
    be sent elsewhere; and a lab never gets a real token. Raises CredentialError, SitekitError.
    """
    try:
        from .client import Graph
    except ModuleNotFoundError as error:
        raise _not_installed(error) from None
    known = os.environ if environment is None else environment
    if url := known.get(URL_VARIABLE):
        return Graph(FixedToken(known.get(TOKEN_VARIABLE, "lab")), url=_loopback(url))
    return Graph(AzureToken(credential), url=GRAPH)


def _loopback(url: str) -> str:
    parts = urlsplit(url)
    try:
        here = (
            parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        here = False
    if parts.scheme not in ("http", "https") or not here or parts.username or parts.query:
        raise SitekitError(
            f"{URL_VARIABLE} names no lab on this machine",
            hint="it is http://127.0.0.1:PORT, as the lab prints it; without it Microsoft is asked",
        )
    return url.rstrip("/")


def _explained(error: Exception) -> CredentialError:
    found = _CODE.search(str(error))
    code = found[0] if found else ""
    meaning = _MEANINGS.get(code, "")
    if meaning:
        return CredentialError(f"{meaning} ({code})", hint=_SIGN_IN)
    if code:
        return CredentialError(f"Entra refuses the sign-in ({code})", hint=_SIGN_IN)
    return CredentialError("nobody is signed in to Azure here", hint=_SIGN_IN)


def _not_installed(error: ModuleNotFoundError) -> SitekitError:
    return SitekitError(
        f"{error.name} is not installed",
        hint="install what clouds need: pip install 'sitekit[cloud]'",
    )
