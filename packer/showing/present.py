"""What the pages for people share: columns, wrapping, lines about files. Pure: text in, lines out.

Text that comes out of an executable or a file's name is shown with its control characters escaped: a hostile module
name mustn't drive the terminal.
"""

from __future__ import annotations

import posixpath
from itertools import groupby

from whit.packer.image.spec import PARENT_REASON, EntryKind
from whit.packer.showing.console import human_size
from whit.packer.support.counting import counted
from whit.packer.support.imagepath import shown
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whit.packer.image.packcache import ImageFile, Record
    from whit.packer.image.spec import ImageSpec

_COLLAPSED_FROM = 8
NARROWEST = 24
"""Columns that text is wrapped to at least."""

INSET = "    "
"""Before what stands below its label, where there is no room beside it."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line about files in an image: a path (a folder's ends in a slash), how large, why."""

    path: str
    size: str
    reason: str


def printable(text: str) -> str:
    r"""The text with everything that isn't a printable character escaped, bytes that aren't UTF-8 as ``\xNN``."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in shown(text)
    )


def file_lines(spec: ImageSpec) -> tuple[FileLine, ...]:
    """What an image will hold, the program last; many files of one need become one line, folders in between none."""
    rows = [
        (entry.path, entry.size, entry.reason, entry.kind is EntryKind.DIRECTORY)
        for layer in spec.layers
        for entry in layer.entries
        if entry.reason != PARENT_REASON
    ]
    return collapsed(rows)


def reported_lines(files: Iterable[ImageFile]) -> tuple[FileLine, ...]:
    """As :func:`file_lines`, for an image that has been packed."""
    rows = [(file.path, file.size, file.reason, file.kind == EntryKind.DIRECTORY) for file in files]
    return collapsed([row for row in rows if row[2] != PARENT_REASON])


def filter_lines(record: Record) -> list[str]:
    """The filter of the program's own calls, if the image tells them."""
    if record.calls is None:
        return []
    found = f"the {counted(record.calls - record.added_calls, 'system call')} that its code makes"
    more = f", and {record.added_calls} more" if record.added_calls else ""
    return [f"seccomp filter: {found}{more}"]


def collapsed(rows: Sequence[tuple[str, int, str, bool]]) -> tuple[FileLine, ...]:
    """Lines for rows of path, size, reason, whether it is a folder; many with one reason become one line."""
    lines: list[FileLine] = []
    for (reason, is_folder), same in groupby(rows, key=lambda row: (row[2], row[3])):
        group = list(same)
        if len(group) >= _COLLAPSED_FROM:
            folder = posixpath.commonpath([path for path, *_ in group])
            size = human_size(sum(size for _, size, *_ in group))
            lines.append(FileLine(f"{printable(folder).rstrip('/')}/", size, f"{reason} ({len(group)} files)"))
        elif is_folder:
            lines += (FileLine(f"{printable(path)}/", "-", reason) for path, *_ in group)
        else:
            lines += (FileLine(printable(path), human_size(size), reason) for path, size, *_ in group)
    return tuple(lines)


def columns(rows: Sequence[Sequence[str]], indent: str = "  ", width: int | None = None) -> Iterator[str]:
    """Rows of cells as aligned lines, the last column unpadded, and wrapped to ``width`` if that is given.

    It is wrapped below itself, or where there is no room beside the others, below them.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    hanging = sum(widths[:-1]) + 3 * (len(widths) - 1)
    room = width and width - len(indent) - hanging
    below = room is not None and room < min(NARROWEST, widths[-1])
    for row in rows:
        *cells, last = (cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        if below and width is not None:
            line = f"{indent}{'   '.join(cells)}".rstrip()
            yield line if len(line) <= width else f"{indent}{'   '.join(map(str.rstrip, cells))}"
            yield from under(last.rstrip(), width, f"{indent}{INSET}")
            continue
        first, *more = wrapped(last, room)
        yield f"{indent}{'   '.join((*cells, first))}".rstrip()
        yield from (f"{indent}{'':{hanging}}{line}" for line in more)


def wrapped(text: str, width: int | None) -> list[str]:
    """Lines of at most ``width`` characters; the text as it is where there is no room to speak of."""
    if width is None or width < NARROWEST:
        return [text]
    import textwrap  # noqa: PLC0415 - only for a terminal

    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def under(text: str, width: int | None, indent: str = "  ") -> Iterator[str]:
    """A text as lines of its own, indented; none if it is empty."""
    yield from (f"{indent}{line}" for line in wrapped(text, width and width - len(indent)) if line)


def heading(text: str) -> Iterator[str]:
    """An empty line and a bold one."""
    import click  # noqa: PLC0415 - what is packed at once needs none

    yield ""
    yield click.style(text, bold=True)
