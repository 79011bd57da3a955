"""Which pages registers may hold, followed forwards through a whole piece of AArch64 code. Pure.

It goes through blocks, of each of which it is known what it does to all registers (:mod:`whit.packer.syscalls.arm64.blocks`).
A set of pages is a number with a bit for each of those that the piece makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.arm64.blocks import Blocks
from whit.packer.syscalls.arm64.effects import SIZE, adr_of
from whit.packer.syscalls.arm64.fields import bits
from whit.packer.syscalls.locations import WORD

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Mapping

    from whit.packer.syscalls.arm64.blocks import State, Use
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.pieces import Turns

_PAGES = 1024
"""Pages of a register, their bits joined, that count as a step."""

_NOP = 0xD503_201F
"""What fills the space between functions."""


@dataclass(slots=True)
class Named:
    """The addresses of some pages; and, by their numbers as bits, which of them instructions begin with, and what these add."""

    pages: tuple[int, ...]
    _uses: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, use: Use, pages: int) -> int:
        """More of an instruction's; which are new."""
        known, _ = self._uses.get(use.at, (0, 0))
        if pages & ~known:
            self._uses[use.at] = known | pages, use.rest
        return pages & ~known

    def at(self, index: int) -> tuple[int, ...]:
        """The addresses that the instruction of a number may name."""
        return tuple(self.made(*self._uses.get(index, (0, 0))))

    def made(self, pages: int, rest: int) -> Iterator[int]:
        """What is made of some pages by adding ``rest``."""
        while pages:
            yield self.pages[(pages & -pages).bit_length() - 1] + rest & WORD
            pages &= pages - 1


def followed(start: int, words: array[int], turns: Turns, effort: Effort) -> Named:
    """What the instructions of the piece at ``start`` may name with a page's address."""
    makings = np.nonzero(np.frombuffer(words, dtype=np.uint32) & np.uint32(0x9F00_0000) == 0x9000_0000)[0].tolist()
    pages = {index: adr_of(words[index], start + index * SIZE) or 0 for index in makings}
    named = Named(tuple(dict.fromkeys(pages.values())))
    if pages:
        numbers = {page: number for number, page in enumerate(named.pages)}
        made = {index: numbers[page] for index, page in pages.items()}
        blocks = Blocks(start, words, dict(turns.items()), made, len(named.pages))
        _Flow(start, blocks, named, effort).run(made)
    return named


@dataclass(slots=True)
class _Flow:
    """The flow through all blocks: ``states`` are what registers may hold where each begins, ``aimed`` the blocks that operands name."""

    start: int
    blocks: Blocks
    named: Named
    effort: Effort
    states: dict[int, State] = field(default_factory=dict)
    aimed: set[int] = field(default_factory=set)

    def run(self, made: Mapping[int, int]) -> None:
        """From the beginning, from where functions seem to begin (behind padding, too), and with any page from where nothing is known to lead.

        ``made`` is the number of the page that an instruction makes.
        """
        starts = self.blocks.starts
        self._from(starts[0], 0)
        for block in starts:
            if block not in self.states and (block in self.blocks.called or block in self.aimed):
                self._from(block, 0)
        anything = 0
        for index, page in made.items():
            anything |= 1 << bits(self.blocks.words[index], 0, 5) * self.blocks.pages + page
        for block in starts:
            if block not in self.states and not self._only_pads(block):
                self._from(block, 0 if self.blocks.words[block] == _NOP else anything)

    def _only_pads(self, block: int) -> bool:
        return all(self.blocks.words[index] == _NOP for index in range(block, self.blocks.ends[block]))

    def _from(self, first: int, coming: State) -> None:
        """Follow on from a block where nothing is known yet, until nothing changes any more."""
        blocks, states = self.blocks, self.states
        states[first] = coming
        waiting, queued, changed = [first], {first}, set()
        while waiting:
            block = heappop(waiting)
            queued.discard(block)
            changed.add(block)
            after = blocks.after(block, states[block])
            self.effort.spend(1 + after.bit_length() // _PAGES)
            for onward in blocks.onward(block):
                known = states.get(onward)
                joined = after if known is None else known | after
                if joined == known:
                    continue
                states[onward] = joined
                if onward not in queued:
                    queued.add(onward)
                    heappush(waiting, onward)
        for block in changed:
            self._name(block)

    def _name(self, block: int) -> None:
        state = self.states[block]
        for use in self.blocks.summary(block, state).uses:
            pages = use.pages if use.register is None else self.blocks.held(state, use.register)
            new = self.named.add(use, pages) if pages else 0
            for address in self.named.made(new, use.rest):
                index, odd = divmod(address - self.start, SIZE)
                if not odd and index in self.blocks.ends:
                    self.aimed.add(index)
