"""Which AArch64 instructions turn the flow, and where to, by their words. Pure (Arm ARM, C4.1.94)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.pieces import Flow, code_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from whit.packer.syscalls.references import Numbers

    Words = NDArray[np.uint32]

_TO = (
    (0xFC, 0x14, Flow.JUMP, 0, 26),
    (0xFC, 0x94, Flow.CALL, 0, 26),
    (0xFF, 0x54, Flow.BRANCH, 5, 19),
    (0x7E, 0x34, Flow.BRANCH, 5, 19),
    (0x7E, 0x36, Flow.BRANCH, 5, 14),
)
"""B; BL; B.cond; CBZ, CBNZ; TBZ, TBNZ: by the bits of a mask in the highest byte; where the distance stands, and how many bits it has."""

_ELSEWHERE = (
    (0xFFE0_001F, 0xD400_0001, Flow.KERNEL),
    (0xFEE0_0000, 0xD600_0000, Flow.INDIRECT_JUMP),
    (0xFEE0_0000, 0xD620_0000, Flow.INDIRECT_CALL),
    (0xFEE0_0000, 0xD640_0000, Flow.RETURN),
    (0xFEE0_0000, 0xD660_0000, Flow.STOP),
    (0xFE80_0000, 0xD680_0000, Flow.STOP),
)
"""SVC; BR, BLR, RET and their forms with an authenticated pointer; ERET, DRPS and what is none."""

_NONE = 0xFF
"""In a flow's place: nothing that the highest byte tells."""


class Branches(NamedTuple):
    """Instructions that turn the flow, in order: their numbers, flows (:func:`whit.packer.syscalls.pieces.code_of`), and targets, which are anything where none is told."""

    indexes: Numbers
    codes: NDArray[np.uint8]
    targets: Numbers

    def known(self) -> Branches:
        """Those that have a flow."""
        which = np.nonzero(self.codes != _NONE)[0]
        return Branches(self.indexes[which], self.codes[which], self.targets[which])


def _by_highest() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """By the highest byte: the flow, by how many bits the distance is shifted left to be the upper ones, and right to be a number."""
    flows, left, right = (np.full(256, value, dtype=np.uint8) for value in (_NONE, 0, 0))
    for mask, value, flow, at, count in _TO:
        which = np.arange(256) & mask == value
        flows[which], left[which], right[which] = code_of(flow, told=True), 32 - at - count, 32 - count
    return flows, left, right


_FLOWS, _LEFT, _RIGHT = _by_highest()


def told(words: Words, start: int) -> Branches:
    """Those that say their target; ``start`` is the first instruction's address."""
    return _all(words, start).known()


def turned(words: Words, start: int) -> Branches:
    """All of them."""
    every = _all(words, start)
    others = np.nonzero(every.codes == _NONE)[0]
    group = words[every.indexes[others]]
    for mask, value, flow in _ELSEWHERE:
        every.codes[others[group & np.uint32(mask) == value]] = code_of(flow, told=False)
    return every.known()


def _all(words: Words, start: int) -> Branches:
    """The whole group of branches, and of what the system has with them."""
    here = np.nonzero(words & np.uint32(0x1C00_0000) == 0x1400_0000)[0]
    group = words[here]
    highest = group >> np.uint32(24)
    distances = (group << _LEFT[highest]).view(np.int32) >> _RIGHT[highest]
    return Branches(here, _FLOWS[highest], (here + distances) * SIZE + start)


def number(words: Words, at: int, count: int) -> Numbers:
    """The signed number of ``count`` bits from bit ``at`` on."""
    return (words << np.uint32(32 - at - count)).view(np.int32).astype(np.int64) >> 32 - count
