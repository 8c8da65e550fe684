"""The passphrase secrets provider, in the format that the real engine reads.

A salt is `v1:BASE64(8 bytes):v1:NONCE:DATA`, where the last part is the word `pulumi` encrypted:
that is how a wrong passphrase is noticed. The key is PBKDF2 of the passphrase (SHA-256, 1,000,000
rounds, 32 bytes), the cipher AES-256-GCM with a 12-byte nonce; a ciphertext is `v1:NONCE:DATA`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from .faults import EngineError

ROUNDS = 1_000_000
WORD = "pulumi"


class WrongPassphraseError(EngineError):
    """The passphrase does not open this salt."""

    def __init__(self) -> None:
        super().__init__("incorrect passphrase")


class Crypter:
    """Encrypts and decrypts with one passphrase and one salt.

    The key takes half a second to derive, so that happens in a thread of its own, started at once;
    the first use waits for it. Equal texts get equal ciphertexts within one crypter, a new nonce in
    the next.
    """

    def __init__(self, phrase: str, salt: bytes, state: str = "") -> None:
        self.state = state
        self._key: Future[bytes] = Future()
        self._sealed: dict[str, str] = {}
        Thread(target=self._derive, args=(phrase, salt), daemon=True).start()

    def _derive(self, phrase: str, salt: bytes) -> None:
        self._key.set_result(hashlib.pbkdf2_hmac("sha256", phrase.encode(), salt, ROUNDS, 32))

    def encrypt(self, text: str) -> str:
        """`v1:NONCE:DATA` of a text."""
        if text not in self._sealed:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            nonce = secrets.token_bytes(12)
            data = AESGCM(self._key.result()).encrypt(nonce, text.encode(), None)
            self._sealed[text] = f"v1:{_b64(nonce)}:{_b64(data)}"
        return self._sealed[text]

    def decrypt(self, text: str) -> str:
        """The text in a `v1:NONCE:DATA`.

        Raises:
            WrongPassphraseError: the key does not open it.
            EngineError: it is not of that form.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        parts = text.split(":")
        if len(parts) != 3 or parts[0] != "v1":
            raise EngineError("bad value: not a ciphertext of the passphrase secrets provider")
        nonce, data = base64.b64decode(parts[1]), base64.b64decode(parts[2])
        try:
            return str(AESGCM(self._key.result()).decrypt(nonce, data, None), "utf-8")
        except InvalidTag:
            raise WrongPassphraseError from None

    def proven(self) -> Crypter:
        """Itself, once the passphrase has opened the salt.

        Raises:
            WrongPassphraseError: it does not.
        """
        if self.decrypt(self.state.split(":", 2)[2]) != WORD:
            raise WrongPassphraseError
        return self


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def from_salt(state: str, phrase: str) -> Crypter:
    """The crypter of a salt that a stack already has; `proven()` tells whether it opens."""
    parts = state.split(":", 2)
    if len(parts) != 3:
        raise EngineError("malformed state value")
    if parts[0] != "v1":
        raise EngineError("unknown state version")
    return Crypter(phrase, base64.b64decode(parts[1]), state)


def with_new_salt(phrase: str) -> Crypter:
    """A crypter with a salt of its own, for a new stack."""
    salt = secrets.token_bytes(8)
    crypter = Crypter(phrase, salt)
    crypter.state = f"v1:{_b64(salt)}:{crypter.encrypt(WORD)}"
    return crypter


def phrase_from_environment() -> str:
    """The passphrase of PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.

    Raises:
        EngineError: neither is set, or the file cannot be read.
    """
    phrase = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    if phrase is not None:
        return phrase
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(
                f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error.strerror}"
            ) from None
    raise EngineError(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or "
        "PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    )
