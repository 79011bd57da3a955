"""Who names an address by its page's: ADRP leaves that in a register, and an instruction after it adds the rest. Pure (Arm ARM, C6).

Programs have millions of such operands, and those of few pages are asked for: they are sought, a page at a time, when
somebody asks. What only seems to be one is told by the flow (:mod:`whit.packer.syscalls.arm64.pages`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from whit.packer.support.light import dataclass
from whit.packer.syscalls.arm64 import operands
from whit.packer.syscalls.arm64.branches import number
from whit.packer.syscalls.arm64.effects import SIZE
from whit.packer.syscalls.arm64.fields import SP
from whit.packer.syscalls.effort import TooMuchError
from whit.packer.syscalls.references import Index, Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from whit.packer.syscalls.arm64.operands import Words
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.image import Image, Part
    from whit.packer.syscalls.references import Numbers

_BEHIND = 1 << 13
"""Instructions above another in which the page of its address may be made."""

_MAKINGS = 4
"""Makings of a page in the same register that are thought of, the nearest first."""

_STRAIGHT = 16
"""Instructions above another that are looked at for what overwrites its register."""

_PAGE = 1 << 12
_SHIFT = 12
_BELOW = 1 << 12
"""Pages below an image's first that are thought of: ADD brings some back into it."""

_NO_PAGE = (1 << 21) - 1
"""One that is nowhere near the image."""

_SITE, _REGISTER = 21, 51
"""Where in a number the number of an instruction stands, and its register; below is the page's."""

_MOST_SITES = (1 << _REGISTER - _SITE) - 1
_HALF = 32
_LOW = (1 << _HALF) - 1

_FEW, _SHARE = 1 << 15, 32
"""Instructions that add to a page's address what is no number below a page, which are looked at; and the share of all of them: in real programs it is a hundredth at most."""

_BATCH = 1 << 17
"""Instructions that are looked at at once, and one window more."""

_STEP, _LOOK = 256, 64
"""Instructions looked at that count as a step: for whether they use a register, and for what they do to it."""


class _Windows(NamedTuple):
    """The instructions that make one page: their numbers, the registers, and the numbers of the first that aren't thought of any more."""

    makings: Numbers
    registers: Numbers
    ends: Numbers


class _Naming(NamedTuple):
    """Addresses, and the instructions, by their numbers, that name them if the page that the ``makings`` leave in ``registers`` is still there."""

    named: Numbers
    uses: Numbers
    makings: Numbers
    registers: Numbers

    def where(self, which: NDArray[np.bool_] | Numbers | slice) -> _Naming:
        """Some of them."""
        return _Naming(self.named[which], self.uses[which], self.makings[which], self.registers[which])


@dataclass(frozen=True, slots=True)
class PagesOfPart:
    """The makings of pages in a part of the code, sorted: the register, the instruction's number in the part, and the page's, counted from ``lowest``, in one number each.

    ``by_page`` are pairs, sorted: the page's number, and where its making stands among ``makings``.
    ``far`` is what seems to add something else than a number below a page to a page's address, sorted by what it names; None where
    that is too much. ``aimed`` has a bit for each instruction, which is set if a branch leads there.
    """

    part: Part
    lowest: int
    makings: Numbers
    by_page: Numbers
    far: _Naming | None
    aimed: NDArray[np.uint8]

    def naming(self, image: Image, page: int, effort: Effort) -> Iterator[tuple[Numbers, Numbers]]:
        """(address, who names it) of all that add less than a page to a page's address."""
        windows = self._windows(page)
        lengths = windows.ends - windows.makings - 1
        sums = np.cumsum(lengths)
        first = done = 0
        while first < len(lengths):
            last = int(np.searchsorted(sums, done + _BATCH)) + 1
            batch = _Windows(*(one[first:last] for one in windows))
            first, looked_at = last, int(sums[min(last, len(sums)) - 1]) - done
            done += looked_at
            effort.spend(looked_at // _STEP)
            yield self._believed(image, self._within(image, page, batch), effort)

    def naming_from_afar(self, image: Image, start: int, end: int, effort: Effort) -> Iterator[tuple[Numbers, Numbers]]:
        """(address, who names it) of all that add something else to a page's address, and come to ``start`` to below ``end``."""
        if self.far is None:
            raise TooMuchError
        first, last = np.searchsorted(self.far.named, (start, end))
        if first < last:
            yield self._believed(image, self.far.where(slice(first, last)), effort)

    def _windows(self, page: int) -> _Windows:
        wanted = (page >> _SHIFT) - self.lowest
        first, last = np.searchsorted(self.by_page, (wanted << _HALF, wanted + 1 << _HALF))
        which = self.by_page[first:last] & _LOW
        makings = self.makings[which]
        hidden = self.makings[np.minimum(which + _MAKINGS, len(self.makings) - 1)]
        sites, count = _sites(makings), (self.part.end - self.part.start) // SIZE
        same = (hidden >> _REGISTER == makings >> _REGISTER) & (which + _MAKINGS < len(self.makings))
        ends = np.minimum(np.where(same, _sites(hidden), count), sites + _BEHIND + 1)
        return _Windows(sites, makings >> _REGISTER, np.minimum(ends, count))

    def _words(self, image: Image) -> Words:
        """The part's instructions, in the file itself: not to be kept."""
        count = (self.part.end - self.part.start) // SIZE
        return np.frombuffer(image.elf.data, dtype="<u4", count=count, offset=self.part.offset)

    def _within(self, image: Image, page: int, windows: _Windows) -> _Naming:
        """All that begin, in these windows, with the register that has the page."""
        lengths = windows.ends - windows.makings - 1
        sums = np.cumsum(lengths)
        numbers = np.arange(sums[-1]) + np.repeat(windows.makings + 1 - sums + lengths, lengths)
        words = self._words(image)[numbers]
        mine = np.nonzero(operands.field(words, 5, 5) == np.repeat(windows.registers.astype(np.uint32), lengths))[0]
        places, rests = operands.begun(words[mine])
        near = (rests >= 0) & (rests < _PAGE)
        mine = mine[places[near]]
        window = np.searchsorted(sums, mine, side="right")
        return _Naming(page + rests[near], numbers[mine], windows.makings[window], windows.registers[window])

    def _believed(self, image: Image, found: _Naming, effort: Effort) -> tuple[Numbers, Numbers]:
        """(address, who names it) of those whose register nothing else is put into before, in the same block."""
        kept = self._are_kept(image, found, effort)
        return found.named[kept], found.uses[kept] * SIZE + self.part.start

    def _are_kept(self, image: Image, found: _Naming, effort: Effort) -> NDArray[np.bool_]:
        """Looked at upwards, instruction by instruction, until the page's making, or the block's beginning."""
        kept = np.ones(len(found.uses), dtype=bool)
        left, words = np.arange(len(kept)), self._words(image)
        at, makings, registers = found.uses, found.makings, found.registers.astype(np.uint32)
        for _ in range(_STRAIGHT):
            if not len(left):
                break
            effort.spend(len(left) // _LOOK)
            above = words[at - 1]
            inside = (self.aimed[at >> 3] >> (at & 7).astype(np.uint8) & np.uint8(1)) == 0
            inside &= (above & np.uint32(0x1C00_0000) != 0x1400_0000) & (at - 1 != makings)
            lost = inside & operands.overwrites(above, registers)
            kept[left[lost]] = False
            inside &= ~lost
            left, at, makings, registers = left[inside], at[inside] - 1, makings[inside], registers[inside]
        return kept


def _sites(makings: Numbers) -> Numbers:
    return makings >> _SITE & _MOST_SITES


class PagesInMaking:
    """What a part of the code tells of pages, chunk by chunk in the code's order. Pages are counted from ``_lowest`` on.

    ``_far`` are instructions, and their words, that may add something else than a number below a page, of which ``_left`` may still come.
    ``_registers`` are those in which the last chunk makes pages.
    """

    __slots__ = ("_aimed", "_far", "_left", "_lowest", "_makings", "_part", "_registers")

    def __init__(self, part: Part, image: Image) -> None:
        self._part, self._lowest = part, (image.base >> _SHIFT) - _BELOW
        self._makings = array("q")
        self._far: list[tuple[Numbers, Words]] = []
        self._aimed = np.zeros((part.end - part.start) // SIZE, dtype=bool)
        self._left = _FEW + len(self._aimed) // _SHARE
        self._registers = np.zeros(SP + 1, dtype=bool)

    def add(self, words: Words, start: int, targets: Numbers) -> None:
        """A chunk of instructions at ``start``; ``targets`` is where its branches lead."""
        aims = targets - self._part.start >> 2
        self._aimed[aims[np.nonzero((aims >= 0) & (aims < len(self._aimed)))[0]]] = True
        first = (start - self._part.start) // SIZE
        adrp = np.nonzero(words & np.uint32(0x9F00_0000) == 0x9000_0000)[0]
        adrp = adrp[operands.field(words[adrp], 0, 5) != SP]
        made = words[adrp]
        registers = made & np.uint32(31)
        pages = (
            (number(made, 5, 19) << 2 | operands.field(made, 29, 2)) + (adrp * SIZE + start >> _SHIFT) - self._lowest
        )
        pages[(pages < 0) | (pages > _NO_PAGE)] = _NO_PAGE
        self._makings.frombytes((_placed(registers, adrp + first) | pages).tobytes())
        before, self._registers = self._registers, np.zeros(SP + 1, dtype=bool)
        self._registers[registers] = True
        self._add_far(words, first, before | self._registers)

    def _add_far(self, words: Words, first: int, registers: NDArray[np.bool_]) -> None:
        """Those that begin with one of some registers."""
        far = operands.far(words)
        held = words[far]
        mine = np.nonzero(registers[operands.field(held, 5, 5)])[0]
        self._left -= len(mine)
        if self._left >= 0:
            self._far.append((far[mine] + first, held[mine]))

    def done(self) -> PagesOfPart:
        """All of it. There is nothing to be added afterwards."""
        makings = np.frombuffer(self._makings, dtype=np.int64)
        makings.sort()
        by_page = (makings & _NO_PAGE) << _HALF | np.arange(len(makings))
        by_page.sort()
        far = _from_afar(self._far, makings, self._lowest) if self._left >= 0 else None
        aimed = np.packbits(self._aimed, bitorder="little")
        return PagesOfPart(self._part, self._lowest, makings, by_page, far, aimed)


def _placed(registers: Words, numbers: Numbers) -> Numbers:
    """A register and the number of an instruction in one number."""
    return registers.astype(np.int64) << _REGISTER | numbers << _SITE


def _from_afar(far: list[tuple[Numbers, Words]], makings: Numbers, lowest: int) -> _Naming:
    """Each with the nearest makings of pages in its register."""
    numbers, words = np.concatenate([one for one, _ in far]), np.concatenate([one for _, one in far])
    places, rests = operands.begun(words)
    odd = np.nonzero((rests < 0) | (rests >= _PAGE))[0]
    places, rests = places[odd], rests[odd]
    uses = _placed(operands.field(words[places], 5, 5), numbers[places])
    nearest = np.searchsorted(makings, uses) - 1
    found: list[_Naming] = []
    for further in range(_MAKINGS):
        made = makings[np.maximum(nearest - further, 0)]
        near = (
            (uses > made)
            & (uses - (made & ~_NO_PAGE) <= _BEHIND << _SITE)
            & (nearest >= further)
            & (made & _NO_PAGE != _NO_PAGE)
        )
        made, mine = made[near], uses[near]
        named = ((made & _NO_PAGE) + lowest << _SHIFT) + rests[near]
        found.append(_Naming(named, _sites(mine), _sites(made), mine >> _REGISTER))
    every = _Naming(*(np.concatenate(one) for one in zip(*found, strict=True)))
    return every.where(np.argsort(every.named))


class Operands:
    """The operands that name addresses, of the instruction's own (``direct``) and by pages; once found, a page's are kept."""

    __slots__ = ("_direct", "_effort", "_image", "_known", "_parts")

    def __init__(self, image: Image, direct: Index, parts: tuple[PagesOfPart, ...], effort: Effort) -> None:
        self._image, self._direct, self._parts, self._effort = image, direct, parts, effort
        self._known: dict[int, Index] = {}

    def at(self, target: int) -> list[int]:
        """Who refers to an address. Raises :class:`TooMuchError`."""
        return [site for _, site in self.within(target, target + 1)]

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """(target, site) of all that refer to an address from ``start`` to below ``end``, sorted. Raises :class:`TooMuchError`."""
        start, end = max(start, self._image.base), min(end, self._image.end)
        found = self._direct.within(start, end)
        for page in range(start & -_PAGE, end, _PAGE):
            found += self._of(page).within(max(page, start), min(page + _PAGE, end))
        far = Pairs(self._image)
        for part in self._parts:
            for named, sites in part.naming_from_afar(self._image, start, end, self._effort):
                far.add(named, sites, code_only=False)
        return sorted(found + far.index().within(start, end))

    def _of(self, page: int) -> Index:
        known = self._known.get(page)
        if known is None:
            self._effort.spend(1 + len(self._parts))
            pairs = Pairs(self._image)
            for part in self._parts:
                for named, sites in part.naming(self._image, page, self._effort):
                    pairs.add(named, sites, code_only=False)
            self._image.let_go()
            known = self._known[page] = pairs.index()
        return known
