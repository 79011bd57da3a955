"""The needed files as a graph that can be read: who asks for what, and why. Pure: SVG without styles or scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.report.markup import Markup, tag
from whit.packer.showing.present import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _HEIGHT, _GAP, _COLUMN = 230, 26, 8, 300
_ARC = 50
_LETTERS = 32


@dataclass(frozen=True, slots=True)
class Edge:
    """From who asks to what is asked for; ``why`` in a few words."""

    source: str
    target: str
    why: str


def drawing(root: str, edges: Sequence[Edge]) -> Markup:
    """Columns by the distance from the root, lines between them."""
    places = _places(root, edges)
    if len(places) == 1:
        return Markup("")
    wide = max(column for column, _ in places.values())
    high = max(row for _, row in places.values()) + 1
    width, height = wide * _COLUMN + _WIDTH + _ARC, high * (_HEIGHT + _GAP)
    lines = [_line(places[edge.source], places[edge.target], edge.why) for edge in edges if edge.source in places]
    boxes = [_box(name, *place) for name, place in places.items()]
    picture = tag(
        *("svg", *lines, *boxes),
        viewBox=f"-1 -1 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"{root} and what it needs; the table below tells the same",
    )
    return tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label="Graph of needed files")


def _places(root: str, edges: Sequence[Edge]) -> dict[str, tuple[int, int]]:
    """Name → column and row; breadth first, so that each is as near to the root as it can be."""
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    places, rows, queue = {root: (0, 0)}, {0: 1}, [root]
    for name in queue:
        column = places[name][0] + 1
        for target in targets.get(name, ()):
            if target not in places:
                places[target] = (column, rows.get(column, 0))
                rows[column] = rows.get(column, 0) + 1
                queue.append(target)
    return places


def _box(name: str, column: int, row: int) -> Markup:
    x, y = column * _COLUMN, row * (_HEIGHT + _GAP)
    shown = printable(name)
    label = shown if len(shown) <= _LETTERS else f"…{shown[1 - _LETTERS :]}"
    box = tag("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=4)
    return tag("g", tag("title", name), box, tag("text", label, x=x + 8, y=y + 17), class_="node")


def _line(source: tuple[int, int], target: tuple[int, int], why: str) -> Markup:
    x1, y1 = source[0] * _COLUMN + _WIDTH, source[1] * (_HEIGHT + _GAP) + _HEIGHT // 2
    y2 = target[1] * (_HEIGHT + _GAP) + _HEIGHT // 2
    if target[0] > source[0]:
        x2 = target[0] * _COLUMN
        middle = (x1 + x2) // 2
        return tag("path", tag("title", why), d=f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}", class_="edge")
    # Back, or within a column: around the right side of what lies between.
    x2 = target[0] * _COLUMN + _WIDTH
    far = max(x1, x2) + _ARC
    return tag("path", tag("title", why), d=f"M{x1} {y1}C{far} {y1} {far} {y2} {x2} {y2}", class_="edge back")
