"""Build IDs: what ties a program to its debug information (.note.gnu.build-id; ld's ``--build-id``). Pure.

Linkers are told to leave room for one. What it is is decided when the program has been made and stripped: a digest of that
program, so that it is the same whether or not debug information was made, too.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.elf.dynamic import notes
from whit.packer.elf.file import parse
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Span

SIZE = 20

_OWNER, _TYPE = "GNU", 3
_HEADER = 16
"""Bytes of such a note before the ID: three words and the owner's name."""


def id_span(elf: ElfFile) -> Span | None:
    """Where in the file the ID is; None where it has none, or one of another size. Raises :class:`InvalidFileError`."""
    for note in notes(elf):
        start = note.offset + _HEADER
        if (note.owner, note.type, len(note.content)) == (_OWNER, _TYPE, SIZE) and elf.data[
            start : start + SIZE
        ] == note.content:
            return start, start + SIZE
    return None


def identified(data: bytes) -> bytes:
    """The program with an ID in the room that was left for it; as it is where there is none."""
    try:
        span = id_span(parse(data)) if data.startswith(b"\x7fELF") else None
    except InvalidFileError:
        return data
    if span is None or any(data[slice(*span)]):
        return data
    return data[: span[0]] + sha256(data).digest()[:SIZE] + data[span[1] :]
