"""Secrets that stand in an Azure Key Vault, asked for when a stack runs.

Signs in as azure-identity does (`az login`, a managed identity, or an application). Values are
returned and kept nowhere else; no message holds one. Where a lab on this machine says so in
SITEKIT_VAULT_URL, the lab is asked, with its own token and no other.
"""

from __future__ import annotations

import os
import re
import time
from typing import Any

from ..errors import SitekitError

SCOPE = "https://vault.azure.net/.default"
API = "7.4"
SECONDS = 20.0
TRIES = 3
LAB_URL, LAB_TOKEN = "SITEKIT_VAULT_URL", "SITEKIT_GRAPH_TOKEN"
_LAB = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}/vaults")


class KeyVault:
    """Asks key vaults; one sign-in and one connection for all of them.

    `transport` and `credential` are for tests, and for whoever signs in another way.
    """

    def __init__(self, *, credential: Any = None, transport: Any = None) -> None:
        self._credential = credential
        self._transport = transport
        self._client: Any = None

    def __repr__(self) -> str:
        return "KeyVault()"

    def ask(self, vault: str, name: str) -> str | None:
        """The value of a secret; None where the vault has none of that name.

        Raises SitekitError where nobody is signed in, the vault refuses or does not answer.
        """
        lab = _lab()
        place = f"{lab}/{vault.lower()}" if lab else f"https://{vault.lower()}.vault.azure.net"
        token = os.environ.get(LAB_TOKEN, "lab") if lab else self._token()
        answer = self._get(f"{place}/secrets/{name}", vault, token)
        if answer.status_code == 404:
            return None
        if answer.status_code in (401, 403):
            raise SitekitError(
                f"the key vault {vault} refuses whoever is signed in (HTTP {answer.status_code})",
                hint="give them the role Key Vault Secrets User, and come from an address that the "
                "vault is open to",
            )
        if answer.status_code != 200:
            raise SitekitError(
                f"the key vault {vault} answers with HTTP {answer.status_code}",
                hint="run again; or put the value into a file of secrets: --secrets FILE",
            )
        value = answer.json().get("value")
        return value if isinstance(value, str) and value else None

    def close(self) -> None:
        """End the connection; the next question begins another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _get(self, url: str, vault: str, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            import httpx
        except ImportError:
            raise SitekitError(
                "asking a key vault needs httpx", hint="pip install 'sitekit[cloud]'"
            ) from None
        if self._client is None:
            self._client = httpx.Client(timeout=SECONDS, transport=self._transport)
        try:
            for attempt in range(TRIES):
                answer = self._client.get(url, params={"api-version": API}, headers=headers)
                if answer.status_code not in (429, 500, 502, 503, 504) or attempt == TRIES - 1:
                    return answer
                after = answer.headers.get("Retry-After", "")
                time.sleep(min(float(after), SECONDS) if after.isdigit() else 2.0**attempt)
        except httpx.HTTPError as error:
            raise SitekitError(
                f"the key vault {vault} does not answer: {type(error).__name__}",
                hint="check the name of the vault and the network; or put the value into a file of "
                "secrets: --secrets FILE",
            ) from None

    def _token(self) -> str:
        try:
            if self._credential is None:
                from azure.identity import DefaultAzureCredential

                self._credential = DefaultAzureCredential(
                    exclude_interactive_browser_credential=True
                )
            return str(self._credential.get_token(SCOPE).token)
        except ImportError:
            raise SitekitError(
                "asking a key vault needs azure-identity", hint="pip install 'sitekit[cloud]'"
            ) from None
        except Exception as error:
            code = re.search(r"AADSTS[0-9]{4,8}", str(error))
            raise SitekitError(
                f"nobody is signed in for key vaults{f' ({code.group()})' if code else ''}",
                hint="az login; or put the values into a file of secrets: --secrets FILE",
            ) from None


def _lab() -> str:
    """Where the lab answers for key vaults; empty without a lab. A lab is on this machine."""
    url = os.environ.get(LAB_URL, "")
    if url and not _LAB.fullmatch(url):
        raise SitekitError(
            f"{LAB_URL} names no lab on this machine",
            hint="sitekit lab cloud env prints it; without it the real key vaults are asked",
        )
    return url
