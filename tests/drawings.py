"""Where the texts of a drawing stand, by the widths that the drawing itself reckons with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from sitekit.render.topology import Style, measured

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Rectangle:
    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def meets(self, other: Rectangle) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: Rectangle) -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


def written_by(picture: ElementTree.Element, styles: Mapping[str, Style]) -> list[Rectangle]:
    """Every text with its place; a group may be moved as a whole."""
    return [*_written(picture, styles, 0, 0)]


def _written(
    node: ElementTree.Element, styles: Mapping[str, Style], dx: float, dy: float
) -> list[Rectangle]:
    if moved := re.fullmatch(r"translate\((\S+) (\S+)\)", node.get("transform", "")):
        dx, dy = dx + float(moved[1]), dy + float(moved[2])
    found = []
    if node.tag == f"{SVG}text":
        kinds = node.get("class", "").split()
        style = styles[kinds[0]]
        text = node.text or ""
        width = measured(text, style._replace(bold=style.bold or bool({"b", "wa"} & set(kinds))))
        x, y = float(node.get("x", "")) + dx, float(node.get("y", "")) + dy
        x -= width if "end" in kinds else width / 2 if "mid" in kinds else 0
        found.append(Rectangle(x, y - style.size * 0.75, x + width, y + style.size * 0.2, text))
    for child in node:
        found += _written(child, styles, dx, dy)
    return found


def texts_apart(places: Sequence[Rectangle], sheet: Rectangle) -> None:
    """No text leaves the sheet, and none stands on another."""
    ordered = sorted(places, key=lambda r: r.top)
    for index, place in enumerate(ordered):
        assert place.within(sheet), place
        for other in ordered[index + 1 :]:
            if other.top >= place.bottom:
                break
            assert not place.meets(other), (place, other)
