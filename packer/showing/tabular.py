"""Columns as docker's tables have them: three spaces between, ten wide at least, by what a terminal shows. Pure."""

from __future__ import annotations

import unicodedata

_LEAST, _APART = 10, 3
ELLIPSIS = "…"


def aligned(text: str, least: int = _LEAST) -> str:
    """Lines of cells with a tab after each but the last, as lines of padded cells, ``least`` wide at least.

    A column is as wide as the widest of its cells in lines that follow one another, as in Go's tabwriter.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths = _widths(lines, least)
    return "\n".join(
        "".join(_padded(cell, width) for cell, width in zip(cells, row, strict=False)) + cells[-1]
        for cells, row in zip(lines, widths, strict=True)
    )


def _widths(lines: list[list[str]], least: int) -> list[list[int]]:
    """For each line, the width of each of its cells but the last."""
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    for column in range(max(map(len, widths), default=0)):
        start = 0
        while start < len(lines):
            end = start
            while end < len(lines) and len(widths[end]) > column:
                end += 1
            if end > start:
                widest = max(display_width(cells[column]) for cells in lines[start:end])
                for row in widths[start:end]:
                    row[column] = max(widest + _APART, least)
            start = max(end, start + 1)
    return widths


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - display_width(cell))


def display_width(text: str) -> int:
    """Columns that a terminal takes for it: two for wide characters, none for those that join the one before."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """The text if it is no wider, else as much as there is room for and an ellipsis: docker's COMMAND has 20."""
    if display_width(text) <= width:
        return text
    kept, used = "", 0
    for char in text:
        used += _width(char)
        if used > width - 1:
            break
        kept += char
    return kept + ELLIPSIS
