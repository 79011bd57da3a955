"""Who jumps, calls and points where in AArch64 code, by its words. Pure (Arm ARM, C4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whit.packer.support.search import Sweep
from whit.packer.syscalls.arm64.branches import number, told
from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.arm64.paged import Operands, PagesInMaking
from whit.packer.syscalls.pieces import Flow, code_of
from whit.packer.syscalls.references import CHUNK, Pairs, References, leaving, pointers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.syscalls.arm64.operands import Words
    from whit.packer.syscalls.arm64.paged import PagesOfPart
    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.references import Numbers

    Pair = tuple[Numbers, Numbers]

_CALL = code_of(Flow.CALL, told=True)


def arm_references(image: Image, bounds: Bounds, effort: Effort) -> References:
    """Those of AArch64 code; ``effort`` is spent on what is sought when somebody asks."""
    branches, direct = Pairs(image), Pairs(image)
    parts: list[PagesOfPart] = []
    for part in image.code:
        if part.end - part.start < SIZE:
            continue
        pages = PagesInMaking(part, image)
        for start, words in _chunks(image, part):
            found = told(words, start)
            sites = found.indexes * SIZE + start
            mine = np.nonzero((found.codes == _CALL) | leaving(bounds, found.targets, sites))[0]
            branches.add(found.targets[mine], sites[mine], code_only=True)
            direct.add(*_direct(words, start), code_only=False)
            pages.add(words, start, found.targets)
        parts.append(pages.done())
    relative = Operands(image, direct.index(), tuple(part for part in parts if len(part.makings)), effort)
    return References(branches.index(), relative, Pairs(image).index(), pointers(image))


def kernel_entries(image: Image, part: Part) -> list[int]:
    """Addresses in a part of the code where SVC stands."""
    found: list[int] = []
    for start, words in _chunks(image, part):
        at = np.nonzero(words & np.uint32(0xFFE0_001F) == 0xD400_0001)[0]
        found.extend((at * SIZE + start).tolist())
    return found


def _chunks(image: Image, part: Part) -> Iterator[tuple[int, Words]]:
    """(address, words) over a part of the code."""
    size = (part.end - part.start) // SIZE * SIZE
    sweep = Sweep(image.elf.data, part.offset)
    for at in range(0, size, CHUNK):
        sweep.passed(part.offset + at)
        yield part.start + at, image.array(part.offset + at, part.offset + min(at + CHUNK, size)).view("<u4")


def _direct(words: Words, start: int) -> Pair:
    """ADR, and loads from an address near the instruction."""
    adr = np.nonzero(words & np.uint32(0x9F00_0000) == 0x1000_0000)[0]
    literal = np.nonzero(words & np.uint32(0x3B00_0000) == 0x1800_0000)[0]
    near = number(words[adr], 5, 19) << 2 | words[adr] >> np.uint32(29) & np.uint32(3)
    distances = np.concatenate([near, number(words[literal], 5, 19) * SIZE])
    sites = np.concatenate([adr, literal]) * SIZE + start
    return distances + sites, sites
