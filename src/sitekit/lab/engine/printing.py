"""What commands print: texts, JSON, columns, moments."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .faults import EngineError


def say(text: str) -> None:
    """Print for the person."""
    print(text, flush=True)  # noqa: T201


def note(text: str) -> None:
    """Print beside the answer."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def show(value: Any) -> None:
    """Print as JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines of aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def when(text: str) -> datetime:
    """A moment out of the state; nanoseconds are cut to microseconds."""
    short = re.sub(r"(\.\d{1,6})\d*", r"\1", text.replace("Z", "+00:00"))
    return datetime.fromisoformat(short)


def milliseconds(text: str) -> str:
    """A moment as the engine writes it in JSON."""
    moment = when(text)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def ago(text: str | None) -> str:
    """How long ago a moment is, in the largest unit that fits."""
    if not text:
        return "n/a"
    seconds = int((datetime.now(UTC) - when(text)).total_seconds())
    if seconds < 1:
        return "now"
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


def compact(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write_file(file: Path, text: str) -> None:
    """Write a file that the person named. Raises EngineError."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EngineError(f"could not write {file}: {error.strerror}") from None
