"""The capability matrix, feature by platform, as the platform files say it."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.platform import Platform
from .documents import markdown_cell


def capability_matrix(platforms: Mapping[str, Platform]) -> str:
    """A Markdown table with a note or an alternative under it where there is one."""
    names = sorted(platforms)
    features = sorted({f for p in platforms.values() for f in p.capabilities})
    lines = [
        "# What each platform can do",
        "",
        "Made from `device_templates/*/platform.yaml`; `sitekit check` decides by the same.",
        "A dash means that the feature is not asked of this kind of device.",
        "",
        f"| feature | {' | '.join(names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    notes: list[str] = []
    for feature in features:
        cells = []
        for name in names:
            entry = platforms[name].capabilities.get(feature)
            if entry is None:
                cells.append("—")
                continue
            cells.append("yes" if entry.supported else "**no**")
            said = [text for text in (entry.note, entry.alternative) if text]
            if said:
                notes.append(f"- `{feature}` on `{name}`: {markdown_cell(' '.join(said))}")
        lines.append(f"| {feature} | {' | '.join(cells)} |")
    versions = [f"- `{n}`: {platforms[n].title}, {platforms[n].os_version}" for n in names]
    parts = [*lines, "", "## Versions", "", *versions, "", "## Notes", "", *notes]
    return "\n".join(parts) + "\n"
