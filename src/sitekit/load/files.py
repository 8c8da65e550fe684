"""Reading what people wrote from the disk, never more of it than can be digested."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from ..errors import Place, Problem

_LINE_END = re.compile(r"\r\n|\r|\n")
_REASONS = {
    "ELOOP": ("the link points back to itself", "replace the link by the file"),
    "ENOENT": ("the file does not exist", "check the spelling of its path"),
    "ENOTDIR": ("the file does not exist", "check the spelling of its path"),
    "EACCES": ("the file may not be read", "ask for permission to read it"),
    "EPERM": ("the file may not be read", "ask for permission to read it"),
    "ENAMETOOLONG": ("the path is too long", "check the spelling of its path"),
}

_SECRET_NAME = re.compile(
    r"pass|pwd|secret|psk|key(?!_id)|community|token|credential", re.IGNORECASE
)


def names_secret(key: str) -> bool:
    """Tell whether what stands under this key may be a secret, and is not to be repeated."""
    return bool(_SECRET_NAME.search(key))


def read_limited(path: Path, *, shown: str, limit: int) -> bytes | Problem:
    """Give the bytes of a regular file, or say why not; at most `limit` + 1 bytes are ever held."""
    too_large = Problem(
        Place(shown),
        f"the file is larger than {limit >> 20} MiB",
        "split it, or check that it is the right file",
    )
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return Problem(Place(shown), "this is a folder, not a file", "name a file inside it")
        if not stat.S_ISREG(status.st_mode):
            return Problem(Place(shown), "this is not an ordinary file", "name a file on the disk")
        if status.st_size > limit:
            return too_large
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        return Problem(Place(shown), *_reason(error))
    except ValueError:  # a NUL in the path
        return Problem(Place(shown), *_REASONS["ENOENT"])
    return too_large if len(raw) > limit else raw


def _reason(error: OSError) -> tuple[str, str]:
    number = error.errno or 0
    otherwise = (
        f"the file cannot be read: {os.strerror(number)}",
        "try again, or copy it elsewhere",
    )
    return _REASONS.get(errno.errorcode.get(number, ""), otherwise)


def place_after(before: str, *, shown: str) -> Place:
    """Give the place of the character that follows `before`, the beginning of the file."""
    line, start = 1, 0
    for line_end in _LINE_END.finditer(before):
        line, start = line + 1, line_end.end()
    return Place(shown, line, len(before) - start + 1)


def shortened(text: str, longest: int = 40) -> str:
    """Give text fit for one line of a message: printable and not too long."""
    text = text[: longest + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
