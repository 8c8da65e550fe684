"""Placeholders replaced by secrets, by the forms that the platform file gives; pure.

A configuration is rendered with `<secret:REFERENCE>` in an encoded form that the device refuses.
Here each one, form and all, is replaced by the clear form with its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import RenderError
from ..model.platform import Platform

TOKEN = re.compile(r"<secret:([^<>\s]+)>")
# What a value may hold: these platforms read a configuration character by character.
ALLOWED = {
    "ios": re.compile(r"[!#-&(-;=@-\[\]-~]+"),
    "eos": re.compile(r"[!#-&(-;=@-\[\]-~]+"),
    "fortios": re.compile(r"[!#-&(-;=@-\[\]-~]+"),
}


def references(text: str) -> set[str]:
    """The references of every placeholder in a text."""
    return set(TOKEN.findall(text))


def resolve(text: str, platform: Platform, values: Mapping[str, str]) -> str:
    """The text with every placeholder replaced.

    Raises RenderError naming the references that have no value, or whose value the platform cannot
    hold; a value itself is never repeated.
    """
    missing = sorted(references(text) - set(values))
    if missing:
        raise RenderError(
            f"no value for {', '.join(missing)}",
            hint="write each in the secrets file as 'REFERENCE: value'",
        )
    allowed = ALLOWED[platform.syntax]
    odd = sorted(r for r in references(text) if not allowed.fullmatch(values[r]))
    if odd:
        raise RenderError(
            f"the value of {', '.join(odd)} has characters that {platform.title} cannot hold",
            hint="use letters, digits and punctuation, without spaces, quotes, ?, < > or \\",
        )
    forms = sorted(platform.secrets.values(), key=lambda f: len(f.placeholder), reverse=True)
    for form in forms:
        before, _, after = form.placeholder.partition("{token}")
        pattern = re.compile(re.escape(before) + TOKEN.pattern + re.escape(after))
        clear = form.clear
        text = pattern.sub(
            lambda match, clear=clear: clear.replace("{value}", values[match[1]]),  # type: ignore[misc]
            text,
        )
    left = sorted(references(text))
    if left:
        raise RenderError(
            f"{platform.name} gives no form for the placeholder of {', '.join(left)}",
            hint="add it under secrets: in its platform.yaml",
        )
    return text
