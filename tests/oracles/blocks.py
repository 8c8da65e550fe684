"""The indented configurations of switches as lines under lines, shared by EOS and IOS-XE."""

from __future__ import annotations

import re
from collections.abc import Iterator

Line = tuple[int, tuple[str, ...], str]  # number, the lines above it, the line


def lines(text: str) -> Iterator[Line]:
    """Every line that says something; a banner is one line."""
    stack: list[tuple[int, str]] = []
    banner: list[str] = []
    closing = start = None
    for number, raw in enumerate(text.splitlines(), 1):
        if closing is not None:
            if closing in raw and (closing != "EOF" or raw == "EOF"):
                yield start or number, (), "\n".join(banner)
                closing = None
            else:
                banner.append(raw)
            continue
        line = raw.strip()
        if not line or line.startswith("!"):
            continue
        opening = re.fullmatch(r"banner (\w+)(?: (\^C|[^\w\s]))?(.*)", raw)
        if opening and not (opening[2] and opening[2] in opening[3]):
            closing, start = opening[2] or "EOF", number
            banner = (
                [f"banner {opening[1]}", opening[3]] if opening[3] else [f"banner {opening[1]}"]
            )
            stack = []
            continue
        depth = len(raw) - len(raw.lstrip())
        while stack and stack[-1][0] >= depth:
            stack.pop()
        yield number, tuple(above for _, above in stack), line
        stack.append((depth, line))
    if closing is not None:
        yield start or 0, (), "\n".join([*banner, "never closed"])
