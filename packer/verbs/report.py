"""One page about a file or an image, for people who would rather look than read: ``whit inspect --html``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.lint import fetch
from whit.packer.report.gathering import look
from whit.packer.report.page import page
from whit.packer.showing.console import put_bytes
from whit.packer.support import durable
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from whit.packer.lint.fetch import Layouts
    from whit.packer.resolution.choices import Choices
    from whit.packer.surface.model import Confining


def write_report(
    target: str, old: str | None, place: str, confining: Confining, choices: Choices, layouts: Layouts = fetch.layout_of
) -> None:
    """Write it to ``place``, whole or not at all; ``-`` is standard output. ``old`` is what it is compared with."""
    if place != "-":
        _spare(place, target, *([old] if old else []))
    looked = look(target, confining, choices, whole=True, layouts=layouts)
    older = look(old, confining, choices, whole=True, layouts=layouts) if old is not None else None
    allowed = confining.default(looked.compared.subject.architecture, None).calls
    written = page(looked, older, allowed).encode()
    if place == "-":
        put_bytes(written)
        return
    path = Path(place).absolute()
    with durable.output_errors(place):
        if durable.is_special(path):
            path.write_bytes(written)  # /dev/stdout, say, or a FIFO that somebody reads
        else:
            durable.write_whole(path, written, private=False)


def _spare(place: str, *read: str) -> None:
    """What is read is never written over. Raises UsageError."""
    for name in read:
        with contextlib.suppress(OSError, ValueError):
            if Path(place).samefile(name):
                raise UsageError(
                    f"{place} is what is to be read, not where to write", hint="give the page another name"
                )
