"""Values of secrets by reference: from a file that only its owner can read, then from where the
reference points to.

No message holds a value, nor what stands in the file beside its references.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError, Problem, SitekitError
from .files import read_limited
from .yaml_source import parse_yaml

MAX_BYTES = 1 << 20
_REFERENCE = re.compile(
    r"env:[A-Z_][A-Z0-9_]*|file:[A-Za-z0-9_./~-]+|keyvault:[A-Za-z0-9-]+/[A-Za-z0-9-]+"
)
AskVault = Callable[[str, str], str | None]  # vault and name of the secret, to its value


class Secrets:
    """Values by reference: from the file of secrets, the environment, files, and a key vault.

    `ask_vault` is asked for `keyvault:` references that the file does not have.
    Raises SitekitError for a file that others can read, InputError for one that is malformed.
    """

    def __init__(self, file: Path | None, folder: Path, ask_vault: AskVault | None = None) -> None:
        self._file = file
        self._folder = folder
        self._ask_vault = ask_vault
        self._written = read_secrets(file) if file is not None else {}

    def __repr__(self) -> str:
        return f"Secrets({str(self._file)!r})"

    def find(self, reference: str) -> tuple[str | None, str]:
        """The value, or None with the reason why there is none."""
        if reference in self._written:
            return self._written[reference], ""
        kind, _, name = reference.partition(":")
        if kind == "env":
            return os.environ.get(name) or None, "neither a file nor the environment has it"
        if kind == "file":
            return self._read(
                name
            ), "it is in no file of secrets, and the file it names gives no text"
        if self._ask_vault is None:
            return None, "the file of secrets does not have it, and no key vault is asked"
        vault, _, secret = name.partition("/")
        return self._ask_vault(vault, secret), f"the key vault {vault} does not have it"

    def reveal(self, reference: str) -> str:
        """The value. Raises SitekitError where there is none."""
        value, reason = self.find(reference)
        if value is None:
            where = f"in {self._file}" if self._file is not None else "in a file of secrets"
            raise SitekitError(
                f"there is no value for {reference}: {reason}",
                hint=f'write a line {where}: {reference}: "…"',
            )
        return value

    def _read(self, name: str) -> str | None:
        """The text of a file, without the line end that editors add."""
        try:
            path = self._folder / Path(name).expanduser()
            raw = read_limited(path, shown=name, limit=MAX_BYTES)
            return None if isinstance(raw, Problem) else raw.decode().rstrip("\r\n") or None
        except (RuntimeError, UnicodeDecodeError):  # no such home
            return None


def read_secrets(file: Path) -> dict[str, str]:
    """Reference to value, from a file that is its owner's alone.

    What a problem of this file says is only where it stands.
    """
    document = parse_yaml(_private(file), shown=str(file))
    problems = {
        Problem(problem.place, "this cannot be read", hint=_FORM, sensitive=True)
        for problem in document.problems
    }
    for reference, value in document.data.items():
        if not _REFERENCE.fullmatch(reference):
            problems.add(
                Problem(
                    document.key_place((reference,)),
                    "this is not a reference: env:NAME, file:PATH or keyvault:VAULT/NAME",
                    hint=_FORM,
                    sensitive=True,
                )
            )
        elif not isinstance(value, str):
            problems.add(
                Problem(
                    document.key_place((reference,)),
                    f"the value of {reference} is not text",
                    hint=_FORM,
                    sensitive=True,
                )
            )
    if problems:
        raise InputError(tuple(problems))
    return dict(document.data)


_FORM = 'one line per secret, the value between quotes: keyvault:kv-site/radius-key: "…"'


def _private(file: Path) -> bytes:
    """The bytes of a file that nobody else can read, checked and read through one descriptor."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "odd name"
        raise SitekitError(f"{file} cannot be read: {reason}") from None
    try:
        _refuse_others(file, os.fstat(descriptor))
        return os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)


def _refuse_others(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SitekitError(f"{file} is not a file", hint="name a file of secrets")
    if status.st_mode & 0o077:
        raise SitekitError(
            f"{file} can be read or written by others: its mode is "
            f"{stat.S_IMODE(status.st_mode):04o}",
            hint=f"chmod 600 {file}, and change the secrets in it if others had the time",
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise SitekitError(f"{file} belongs to somebody else", hint="use a file of your own")
    if status.st_size > MAX_BYTES:
        raise SitekitError(f"{file} is larger than 1 MiB", hint="name a file of secrets")
