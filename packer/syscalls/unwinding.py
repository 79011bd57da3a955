"""Where functions begin, as the tables say that exceptions are unwound by. Pure.

The sorted table (LSB, "Exception Frame Header") where there is one; programs that GCC links with a static glibc have but
the records that it would lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.elf.unwinding import unwound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.elf.file import ElfFile

    Numbers = NDArray[np.int64]

_HEADER = 0x6474E550
"""p_type PT_GNU_EH_FRAME (LSB, "Additional Special Segments")."""

_HEADER_FORM = (1, 0x1B, 0x03, 0x3B)
"""Version; the frame's address relative in 4 bytes, the count in 4, a table of 4-byte pairs relative to the header."""

_PAIR = np.dtype([("start", "<i8"), ("offset", "<i8")])
_HIGHEST = 1 << 63


def beginnings(elf: ElfFile) -> Numbers:
    """The addresses at which the tables say that functions begin; none where they aren't understood."""
    for segment in elf.segments:
        if segment.type != _HEADER or segment.offset + 12 > len(elf.data) or segment.address >= _HIGHEST:
            continue
        if tuple(elf.data[segment.offset : segment.offset + 4]) != _HEADER_FORM:
            continue
        count = elf.unpack("I", segment.offset + 8, "the unwinder's table")[0]
        raw = elf.data[segment.offset + 12 : segment.offset + min(12 + count * 8, segment.size)]
        rows = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<i4").astype(np.int64).reshape(-1, 2)
        return segment.address + rows[:, 0] + _early(elf, segment.offset + rows[:, 1])
    found = np.fromiter(((one.start, one.offset) for one in unwound(elf) if one.start < _HIGHEST), dtype=_PAIR)
    return found["start"] + _early(elf, found["offset"])


def _early(elf: ElfFile, entries: Numbers) -> Numbers:
    """How many bytes early the records at these file offsets begin: 1 or 0.

    Those for the return from signal handlers do, so that the unwinder, which looks one byte before a return address, finds them.
    """
    early = np.zeros(len(entries), dtype=np.int64)
    readable = np.nonzero((entries >= 0) & (entries <= len(elf.data) - 8))[0]
    at = entries[readable] + 4
    backwards = np.zeros(len(at), dtype=np.int64)
    whole = np.frombuffer(elf.data, dtype=np.uint8)
    for byte in range(4):
        backwards |= whole[at + byte].astype(np.int64) << 8 * byte
    commons, which = np.unique(at - backwards, return_inverse=True)
    signals = [common >= 0 and "S" in (elf.text_at(common + 9, 16) or "") for common in commons.tolist()]
    early[readable] = np.array(signals, dtype=np.int64)[which]
    return early
