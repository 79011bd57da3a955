"""Who jumps, calls and points where in x86-64 code, by its bytes (Intel SDM, volume 2: CALL, JMP, Jcc, ModR/M). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.references import Pairs, References, chunks, leaving, numbers_at, pointers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.image import Image
    from whit.packer.syscalls.references import Numbers

    Bytes = NDArray[np.uint8]

_CALL, _JUMP = 0xE8, 0xE9
"""CALL rel32, JMP rel32."""

_ESCAPE, _CONDITIONAL = 0x0F, 0x80
"""Jcc rel32: two bytes, the second's lower half is the condition."""

_RELATIVE = 0x05
"""ModR/M of mode 0 and base 5: what is named is counted from the next instruction."""

_LARGEST = 0xFFFF_FFFF
"""The highest address that four bytes tell."""


def x86_references(image: Image, bounds: Bounds) -> References:
    """Those of x86-64 code (Intel SDM, volume 2: CALL, JMP, Jcc, ModR/M)."""
    branches, relative, absolute = Pairs(image), Pairs(image), Pairs(image)
    for address, code, own in chunks(image):
        head = code[: min(own, max(len(code) - 4, 0))]
        first, second = code[: max(len(code) - 5, 0)][:own], code[1 : max(len(code) - 4, 1)][:own]
        calls = np.nonzero(head == _CALL)[0]
        branches.add(_target(code, calls, address), calls + address, code_only=True)
        for jumps in (
            np.nonzero(head == _JUMP)[0],
            np.nonzero((first == _ESCAPE) & (second & 0xF0 == _CONDITIONAL))[0] + 1,
        ):
            targets, sites = _target(code, jumps, address), jumps + address
            out = leaving(bounds, targets, sites)
            branches.add(targets[out], sites[out], code_only=True)
        places = np.nonzero(head & 0xC7 == _RELATIVE)[0]
        relative.add(_target(code, places, address), places + (address + 1), code_only=False)
        if not image.movable:
            _add_absolute(absolute, address, code, own)
    return References(branches.index(), relative.index(), absolute.index(), pointers(image))


def _target(code: Bytes, places: Numbers, address: int) -> Numbers:
    """What the four bytes behind ``places`` name, counted from behind them."""
    return numbers_at(code, places + 1) + places + (address + 5)


def _add_absolute(pairs: Pairs, address: int, code: Bytes, own: int) -> None:
    """Every four bytes that are an address in the image. Those of code stand for all its functions."""
    ranges = pairs.image.memory
    low, high = (pairs.image.base, max(end for _, end in ranges)) if ranges else (0, 0)
    raw = code.tobytes()
    for shift in range(4):
        count = (len(raw) - shift) // 4
        if count <= 0 or low > _LARGEST:
            continue
        words = np.frombuffer(raw, dtype="<u4", count=count, offset=shift)
        here = np.nonzero(words - np.uint32(low) < np.uint32(min(high - low, _LARGEST)))[0]
        places = here * 4 + shift
        mine = places < own
        pairs.add(words[here[mine]].astype(np.int64), places[mine] + address, code_only=False)
