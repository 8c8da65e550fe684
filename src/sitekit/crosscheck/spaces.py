"""Spaces of conversations, for the text alone: nothing here is shared with what it checks.

A box has a closed span of whole numbers for each of its sides; here the sides are source address,
destination, and service (protocol x 65,536 + port). Destinations beyond the last address stand for
DNS names, one number each, because nobody knows today what they resolve to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]
Box = tuple[Span, ...]

FIRST_NAME = 1 << 32  # DNS names are numbered from here
LAST_NAME = FIRST_NAME + (1 << 20) - 1
ALL_ADDRESSES: Span = (0, FIRST_NAME - 1)
ALL_DESTINATIONS: Span = (0, LAST_NAME)
ALL_SERVICES: Span = (0, (256 << 16) - 1)
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp"}


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same numbers as few spans, ascending."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            if high > found[-1][1]:
                found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return tuple(found)


def shared(one: Iterable[Span], other: Sequence[Span]) -> tuple[Span, ...]:
    """The numbers in both."""
    return tuple(
        (max(low, a), min(high, b)) for low, high in one for a, b in other if low <= b and a <= high
    )


def without(one: Iterable[Span], other: Iterable[Span]) -> tuple[Span, ...]:
    """The numbers of one that are not in the other."""
    left = list(one)
    for a, b in other:
        kept: list[Span] = []
        for low, high in left:
            if high < a or b < low:
                kept.append((low, high))
                continue
            if low < a:
                kept.append((low, a - 1))
            if b < high:
                kept.append((b + 1, high))
        left = kept
    return tuple(left)


def boxes(*sides: Sequence[Span]) -> list[Box]:
    """Every combination of the spans of each side."""
    found: list[Box] = [()]
    for side in sides:
        found = [(*box, span) for box in found for span in side]
    return found


def cut(one: Box, other: Box) -> Box | None:
    """What is in both, or None."""
    found: list[Span] = []
    for (low, high), (a, b) in zip(one, other, strict=True):
        first, last = max(low, a), min(high, b)
        if first > last:
            return None
        found.append((first, last))
    return tuple(found)


def carve(one: Box, other: Box) -> list[Box]:
    """What is in one and not in the other, in pieces that do not overlap."""
    common = cut(one, other)
    if common is None:
        return [one]
    pieces: list[Box] = []
    for side, (low, high) in enumerate(common):
        first, last = one[side]
        before, after = common[:side], one[side + 1 :]
        if first < low:
            pieces.append((*before, (first, low - 1), *after))
        if high < last:
            pieces.append((*before, (high + 1, last), *after))
    return pieces


def leave(pieces: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """What of the pieces is in none of the others."""
    left = list(pieces)
    for other in others:
        if not left:
            break
        left = [rest for piece in left for rest in carve(piece, other)]
    return left


def meeting(pieces: Iterable[Box], others: Sequence[Box]) -> list[Box]:
    """What of the pieces is in one of the others, which may not overlap."""
    return [
        common
        for piece in pieces
        for common in (cut(piece, other) for other in others)
        if common is not None
    ]


def service_words(service: int) -> str:
    """A number of a service in words: tcp/443, icmp."""
    protocol, port = service >> 16, service & 65535
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    return f"{name}/{port}" if protocol in (6, 17) else name
