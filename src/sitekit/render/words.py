"""Free text made safe for a platform: data never becomes syntax.

Each syntax says how text stands in a line. The property that a test argues: whatever somebody
writes, the words fill exactly the place they were put in, on one line, and nothing after them
changes its meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_LIGATURES = str.maketrans(
    {
        "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l",
        "Ł": "L", "đ": "d", "Đ": "D", "’": "'", "‘": "'", "“": "'", "”": "'", "«": "'",
        "»": "'", "–": "-", "—": "-", "…": "...", "€": "EUR", "→": "->", "·": "-", "•": "-",
    }
)  # fmt: skip

_CLI_SYNTAX = re.compile(r"[?!#\"'`\\|;$%^<>{}~]+")
_FORTIOS_SYNTAX = re.compile(r"[?<>()#'`;|]+")


def ascii_words(text: str) -> str:
    """The text as one line of printable ASCII: accents dropped, runs of white space one space."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spelt = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    return " ".join(re.sub(r"[^\x21-\x7e]+", " ", _without_marks(spelt)).split())


@lru_cache(maxsize=1 << 14)
def cli_text(text: str, limit: int = 80) -> str:
    r"""Words for a description on a line-oriented CLI (IOS, EOS).

    `?` would ask for help, `!` and `#` would begin a comment, quotes and `\` mean different
    things in different places, `|` and `;` join commands, `$` and `%` start variables, `^` is
    a delimiter of banners: none survives. Never empty: a line that ends early is another command.
    """
    words = _CLI_SYNTAX.sub(" ", ascii_words(text))
    return " ".join(words.split())[:limit].rstrip() or "-"


def cli_banner(text: str) -> str:
    """Lines for a banner whose delimiters cannot occur in it; `EOF` alone ends one on EOS."""
    lines = [cli_text(line, 76) if line.strip() else "" for line in text.splitlines()]
    return "\n".join("-" if line.upper() == "EOF" else line for line in lines).strip("\n") or "-"


@lru_cache(maxsize=1 << 14)
def fortios_text(text: str, limit: int = 255) -> str:
    r"""Words between double quotes for FortiOS, one line: `\` and `"` cannot end them.

    FortiOS takes UTF-8, but limits count characters on some objects and bytes on others, and `?`
    asks for help at the prompt: so ASCII here as well. `<`, `>`, `(`, `)`, `#`, `'` are refused by
    FortiOS in names and comments against cross-site scripting: they are left out.
    """
    words = _FORTIOS_SYNTAX.sub(" ", ascii_words(text))
    cut = " ".join(words.split())[:limit].rstrip()
    return '"' + cut.replace("\\", "/").replace('"', '\\"') + '"'


def fortios_banner(text: str) -> str:
    """A replacement message between double quotes, line breaks kept."""
    lines = [fortios_text(line)[1:-1] for line in text.splitlines()]
    return '"' + "\n".join(lines).strip("\n") + '"'


TEXT: dict[str, Callable[..., str]] = {
    "ios": cli_text,
    "eos": cli_text,
    "fortios": fortios_text,
}
BANNER: dict[str, Callable[[str], str]] = {
    "ios": cli_banner,
    "eos": cli_banner,
    "fortios": fortios_banner,
}


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not unicodedata.combining(c))
