"""Which AArch64 instructions turn the flow, and where to, by their words. Pure (Arm ARM, C4.1.94)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.pieces import Flow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.syscalls.pieces import Turned
    from whit.packer.syscalls.references import Numbers

    Words = NDArray[np.uint32]

_TO = (
    (0xFC00_0000, 0x1400_0000, Flow.JUMP, 0, 26),
    (0xFC00_0000, 0x9400_0000, Flow.CALL, 0, 26),
    (0xFF00_0000, 0x5400_0000, Flow.BRANCH, 5, 19),
    (0x7E00_0000, 0x3400_0000, Flow.BRANCH, 5, 19),
    (0x7E00_0000, 0x3600_0000, Flow.BRANCH, 5, 14),
)
"""B; BL; B.cond; CBZ, CBNZ; TBZ, TBNZ: by the bits of a mask; where the distance stands, and how many bits it has."""

_ELSEWHERE = (
    (0xFFE0_001F, 0xD400_0001, Flow.KERNEL),
    (0xFEE0_0000, 0xD600_0000, Flow.INDIRECT_JUMP),
    (0xFEE0_0000, 0xD620_0000, Flow.INDIRECT_CALL),
    (0xFEE0_0000, 0xD640_0000, Flow.RETURN),
    (0xFEE0_0000, 0xD660_0000, Flow.STOP),
    (0xFE80_0000, 0xD680_0000, Flow.STOP),
)
"""SVC; BR, BLR, RET and their forms with an authenticated pointer; ERET, DRPS and what is none."""


def turned(words: Words, start: int) -> list[Turned]:
    """The instructions, by their numbers, that turn the flow, and their targets; ``start`` is the first one's address."""
    here = _branches(words)
    group = words[here]
    found: list[Turned] = [*_leading(here, group, start)]
    found.extend((flow, here[group & np.uint32(mask) == value], None) for mask, value, flow in _ELSEWHERE)
    return found


def leading(words: Words, start: int) -> list[tuple[Flow, Numbers, Numbers]]:
    """Those that say a target."""
    here = _branches(words)
    return list(_leading(here, words[here], start))


def _branches(words: Words) -> Numbers:
    return np.nonzero(words & np.uint32(0x1C00_0000) == 0x1400_0000)[0]


def _leading(here: Numbers, group: Words, start: int) -> Iterator[tuple[Flow, Numbers, Numbers]]:
    for mask, value, flow, at, count in _TO:
        one = np.nonzero(group & np.uint32(mask) == value)[0]
        places = here[one]
        yield flow, places, (places + number(group[one], at, count)) * SIZE + start


def number(words: Words, at: int, count: int) -> Numbers:
    """The signed number of ``count`` bits from bit ``at`` on."""
    return (words << np.uint32(32 - at - count)).view(np.int32).astype(np.int64) >> 32 - count
