"""Placeholders replaced by secrets, in the forms that the platform's file gives. Pure.

A configuration is rendered with `<secret:REFERENCE>` in a form that the device refuses. Here each
placeholder, form and all, becomes the clear form with its value. No message holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import RenderError
from ..model.platform import Platform

TOKEN = re.compile(r"<secret:([^<>\s]+)>")
# `?` asks for help, quotes and `\` mean different things in different places, `<` and `>` could
# look like a placeholder: no platform gets them. Words end at a space where nothing quotes them.
_WORD = r"[!#-&(-;=@A-Z\[\]^_a-z{|}~]"
_ALLOWED = {
    "ios": re.compile(rf"{_WORD}+"),
    "eos": re.compile(rf"{_WORD}+"),
    "fortios": re.compile(rf"{_WORD}+( +{_WORD}+)*"),
}
# A lone digit in front of nothing would be read as the kind of the secret: `secret 9`. SNMPv3 and
# WPA want eight characters anyway.
SHORTEST, LONGEST = 8, 128


def references(text: str) -> frozenset[str]:
    """The references of every placeholder in a text."""
    return frozenset(TOKEN.findall(text))


def resolve(text: str, platform: Platform, values: Mapping[str, str]) -> str:
    """The text with every placeholder replaced by the clear form of its secret.

    Raises RenderError that lists every reference without a value, with one that the platform
    cannot hold, or whose placeholder stands in no form the platform knows.
    """
    wanted = sorted(references(text))
    if missing := [reference for reference in wanted if reference not in values]:
        raise RenderError(f"no value for {', '.join(missing)}")
    allowed = _ALLOWED[platform.syntax]
    unfit = [r for r in wanted if not _fits(values[r], allowed)]
    if unfit:
        raise RenderError(
            f"{platform.title} cannot hold the value of {', '.join(unfit)}",
            hint=f"{SHORTEST} to {LONGEST} printable ASCII characters, without spaces, quotes, "
            "? < > or \\",
        )
    unknown: set[str] = set()

    def clear(match: re.Match[str]) -> str:
        reference = next(group for group in match.groups() if group is not None)
        if match.lastgroup is None or match.lastgroup == "bare":
            unknown.add(reference)
            return match[0]
        return clears[match.lastgroup].replace("{value}", values[reference])

    pattern, clears = _forms(platform)
    resolved = pattern.sub(clear, text)
    if unknown:
        raise RenderError(
            f"platform {platform.name} has no form for the placeholder of "
            f"{', '.join(sorted(unknown))}",
            hint="its platform.yaml lists the forms under secrets:",
        )
    return resolved


def _fits(value: str, allowed: re.Pattern[str]) -> bool:
    return SHORTEST <= len(value) <= LONGEST and allowed.fullmatch(value) is not None


def _forms(platform: Platform) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for all forms, the longest first, whole words only; and each form's clear text.

    One pass over the text: what has been replaced is never looked at again.
    """
    forms = sorted(platform.secrets.values(), key=lambda f: (-len(f.placeholder), f.placeholder))
    patterns, clears = [], {}
    for number, form in enumerate(forms):
        before, _, after = form.placeholder.partition("{token}")
        patterns.append(
            rf"(?<!\S){re.escape(before)}<secret:(?P<form{number}>[^<>\s]+)>{re.escape(after)}(?!\S)"
        )
        clears[f"form{number}"] = form.clear
    patterns.append(r"<secret:(?P<bare>[^<>\s]+)>")
    return re.compile("|".join(patterns)), clears
