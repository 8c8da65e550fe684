"""A page of paper as SVG: A4 upright, every measure in millimetres, black on white.

Printed pages have no dark side. Texts have a width of their own and end with an ellipsis where
they would leave it, as in the topology picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from .language import one_line
from .topology import Style, escaped, measured, shortened

WIDTH, HEIGHT = 210, 297

TITLE = Style("t1", 5.6, bold=True)
HEADING = Style("t2", 3.6, bold=True)
BODY = Style("t3", 2.9)
STRONG = Style("t3 b", 2.9, bold=True)
SMALL = Style("t4", 2.4)
SMALL_STRONG = Style("t4 b", 2.4, bold=True)
TINY = Style("t5", 1.9)
LARGE = Style("t6", 4.2, bold=True)
STYLES = (TITLE, HEADING, BODY, SMALL, TINY, LARGE)

_LOOKS = """<style>
.paper text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif;fill:#1d2733}
.paper .t1{font-size:5.6px;font-weight:700}
.paper .t2{font-size:3.6px;font-weight:700}
.paper .t3{font-size:2.9px}
.paper .t4{font-size:2.4px}
.paper .t5{font-size:1.9px}
.paper .t6{font-size:4.2px;font-weight:700}
.paper .b{font-weight:700}
.paper .mu{fill:#5c6b7c}
.paper .on{fill:#fff}
.paper .mid{text-anchor:middle}
.paper .end{text-anchor:end}
.paper .bg{fill:#fff}
.paper .bx{fill:#f6f8fa;stroke:#9aa8b7;stroke-width:.2}
.paper .card{fill:#f6f8fa}
.paper .fr{fill:none;stroke:#4a5868;stroke-width:.5}
.paper .hr{stroke:#c3ccd6;stroke-width:.2}
.paper .rail{fill:#e4e9ee}
.paper .nr{fill:#2b4c7e}
.paper .air{fill:#fbfcfd;stroke:#e4e9ee;stroke-width:.15}
.paper .co{stroke:#4a5868;stroke-width:.2}
.paper .pt{stroke:#7d8b9a;stroke-width:1.5}
.paper .k-firewall{fill:#b5533c}
.paper .k-core-switch{fill:#2b4c7e}
.paper .k-access-switch{fill:#4f81b5}
.paper .k-panel,.paper .k-fibre-panel{fill:#8a97a6}
.paper .k-cable-manager{fill:#c9d1d9}
.paper .k-tray,.paper .k-shelf{fill:#c77a35}
.paper .k-ups,.paper .k-strip{fill:#3f8560}
.paper .k-storage,.paper .k-server,.paper .k-render{fill:#6b62b5}
</style>"""


def fitting(width: float, texts: tuple[str, ...], *styles: Style) -> Style:
    """The first style in which every text has room, the last where none gives it."""
    for style in styles[:-1]:
        for text in texts:
            if measured(text, style) > width:
                break
        else:
            return style
    return styles[-1]


@dataclass(slots=True)
class Paper:
    """What is drawn on one page, in order."""

    title: str
    parts: list[str] = field(default_factory=list)

    def text(
        self, text: str, x: float, y: float, width: float, style: Style, kind: str = ""
    ) -> None:
        """One line whose base is at `y`; mid and end in `kind` say where x is."""
        if text:
            cut = escaped(shortened(text, style, width))
            look = f"{style.name} {kind}" if kind else style.name
            self.parts.append(f'<text class="{look}" x="{x:g}" y="{y:g}">{cut}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0
    ) -> None:
        """A rectangle."""
        round_ = f' rx="{radius:g}"' if radius else ""
        self.parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
            f"{round_}/>"
        )

    def colour(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A patch of a cable's colour, with an edge so that white shows on white."""
        self.parts.append(
            f'<rect class="co" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'fill="{fill}"/>'
        )

    def line(self, x: float, y: float, to_x: float, to_y: float, kind: str = "hr") -> None:
        """A straight line."""
        self.parts.append(
            f'<line class="{kind}" x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"/>'
        )

    def ports(self, x: float, y: float, to_x: float, count: int) -> None:
        """A row of `count` sockets."""
        pitch = (to_x - x) / count
        self.parts.append(
            f'<line class="pt" x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{y:g}" '
            f'stroke-dasharray="{pitch * 0.7:.3f} {pitch * 0.3:.3f}"/>'
        )

    def svg(self) -> str:
        """The page, standing alone: prints at its true size."""
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="paper" width="{WIDTH}mm" '
                f'height="{HEIGHT}mm" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
                f"<title>{escaped(self.title)}</title>",
                _LOOKS,
                f'<rect class="bg" width="{WIDTH}" height="{HEIGHT}"/>',
                *self.parts,
                "</svg>\n",
            )
        )


@lru_cache(maxsize=1 << 12)
def wrapped(text: str, style: Style, width: float) -> tuple[str, ...]:
    """The text in lines of at most `width`, broken at spaces; a longer word stands alone."""
    lines: list[str] = []
    for word in one_line(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measured(longer, style) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)
