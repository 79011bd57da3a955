"""Telling a bundle (docs/bundle.md), which is a container already, from other executables."""

from __future__ import annotations

import struct

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap

MAGIC = b"whit bundle mark"
MARK = struct.Struct("=16s7QQQ")
"""What stands in whit's launcher; in a bundle's it isn't :data:`BLANK`."""

BLANK = MARK.pack(MAGIC, *[0] * 8, 2**64 - 1)
"""The launcher's own. The last number is none that a bundle has: one that is cut before it isn't taken for a launcher."""

WITHIN = 4 << 20
"""Bytes at the beginning, the launcher's, in which it stands."""

_ELF = b"\x7fELF"


def is_bundle(data: bytes | mmap.mmap) -> bool:
    """Whether an ELF file is one, damaged or not; whit's own launcher isn't."""
    at = data.find(MAGIC, 0, WITHIN)
    mark = data[at : at + MARK.size] if at >= 0 else b""
    return len(mark) == MARK.size and mark != BLANK


def names_bundle(path: str) -> bool:
    """Whether there is one at a path."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - `whit inspect` of a container needs no pathlib
            start = file.read(len(_ELF))
            return start == _ELF and is_bundle(start + file.read(WITHIN - len(_ELF)))
    except OSError:
        return False


def refuse_bundle(data: bytes | mmap.mmap) -> None:
    """Raise :class:`UnsupportedError` for one."""
    if is_bundle(data):
        raise UnsupportedError(
            "a bundle, which is a container already",
            hint="start it as it is; 'whit bundle inspect FILE' shows what is in it",
        )
