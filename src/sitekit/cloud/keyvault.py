"""Secrets that stand in an Azure Key Vault, asked for when a stack runs.

Signs in as azure-identity does (`az login`, a managed identity, or an application). Values are
returned and kept nowhere else; no message holds one.
"""

from __future__ import annotations

import re
import time
from typing import Any

from ..errors import SitekitError

SCOPE = "https://vault.azure.net/.default"
API = "7.4"
SECONDS = 20.0
TRIES = 3


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
        answer = self._get(f"https://{vault.lower()}.vault.azure.net/secrets/{name}", vault)
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

    def _get(self, url: str, vault: str) -> Any:
        headers = {"Authorization": f"Bearer {self._token()}"}
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
