"""Who jumps, calls and points where in x86-64 code, by its bytes (Intel SDM, volume 2: CALL, JMP, Jcc, ModR/M). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.references import References, chunks, index_of, kept, numbers_at, pointers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.syscalls.image import Image
    from whit.packer.syscalls.references import Numbers

    Pair = tuple[Numbers, Numbers]

_CALL_OR_JUMP = 0xE8
"""CALL rel32; JMP rel32 differs in the lowest bit."""

_ESCAPE, _CONDITIONAL = 0x0F, 0x80
"""Jcc rel32: two bytes, the second's lower half is the condition."""

_RELATIVE = 0x05
"""ModR/M of mode 0 and base 5: what is named is counted from the next instruction."""


def x86_references(image: Image) -> References:
    """Those of x86-64 code (Intel SDM, volume 2: CALL, JMP, Jcc, ModR/M)."""
    branches: list[Pair] = []
    relative: list[Pair] = []
    absolute: list[Pair] = []
    for address, code, own in chunks(image):
        head = code[: min(own, max(len(code) - 4, 0))]
        first, second = code[: max(len(code) - 5, 0)][:own], code[1 : max(len(code) - 4, 1)][:own]
        for found, places, code_only in (
            (branches, np.nonzero(head & 0xFE == _CALL_OR_JUMP)[0], True),
            (branches, np.nonzero((first == _ESCAPE) & (second & 0xF0 == _CONDITIONAL))[0] + 1, True),
            (relative, np.nonzero(head & 0xC7 == _RELATIVE)[0], False),
        ):
            targets = numbers_at(code, places + 1) + places + (address + 5)
            found.append(kept(targets, places + address + (0 if code_only else 1), image, code_only=code_only))
        if not image.movable:
            absolute.append(_absolute(image, address, code, own))
    return References(index_of(branches), index_of(relative), index_of(absolute), index_of(pointers(image)))


def _absolute(image: Image, address: int, code: NDArray[np.uint8], own: int) -> tuple[Numbers, Numbers]:
    """Every four bytes that are an address in the image. Those of code stand for all its functions."""
    found = []
    raw = code.tobytes()
    for shift in range(4):
        count = (len(raw) - shift) // 4
        if count <= 0:
            continue
        words = np.frombuffer(raw, dtype="<u4", count=count, offset=shift).astype(np.int64)
        places = np.arange(count, dtype=np.int64) * 4 + shift
        mine = places < own
        found.append(kept(words[mine], places[mine] + address, image, code_only=False))
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])
