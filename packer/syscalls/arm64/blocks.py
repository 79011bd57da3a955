"""What straight pieces of AArch64 code do to the pages' addresses that registers hold: each is read once. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from whit.packer.syscalls.arm64.effects import LOST_IN_CALLS, SIZE, effect_of
from whit.packer.syscalls.arm64.fields import SP
from whit.packer.syscalls.pieces import FALLS_THROUGH, Flow

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from whit.packer.syscalls.pieces import Turn

    State = int
    """The pages that registers may hold: a bit for each page, those of register r from bit r times the number of pages on."""

_LOST = sum(1 << register for register in LOST_IN_CALLS)


class Use(NamedTuple):
    """The instruction number ``at`` adds ``rest`` to what ``register`` held at the block's beginning; without one to ``pages``."""

    at: int
    rest: int
    register: int | None
    pages: int = 0


class Held(NamedTuple):
    """What a register holds: these pages, or what ``register`` held at the block's beginning."""

    pages: int = 0
    register: int | None = None


_NOTHING = Held()
_AS_BEFORE = tuple(Held(register=register) for register in range(SP + 1))


class Summary(NamedTuple):
    """A block: the state's bits that it leaves as they were, those that it sets, and what it copies: from which bit to which; who begins with a page."""

    keeps: int
    makes: State
    copies: tuple[tuple[int, int], ...]
    uses: tuple[Use, ...]


_NONE = Summary(0, 0, (), ())


class Blocks:
    """The blocks of a piece of code, by the numbers of their first instructions.

    ``turns`` and ``made``, the numbers of the pages that ADRPs make, of which there are so many ``pages``, are by instructions' numbers too.
    ``starts`` is where something else than the instruction above may lead to, sorted; ``called`` the blocks that are called, ``_makers`` those in which a page is made.
    """

    __slots__ = (
        "_kept",
        "_made",
        "_makers",
        "_summaries",
        "_turns",
        "called",
        "ends",
        "pages",
        "start",
        "starts",
        "words",
    )

    def __init__(
        self, start: int, words: array[int], turns: Mapping[int, Turn], made: Mapping[int, int], pages: int
    ) -> None:
        self.start, self.words, self.pages = start, words, pages
        self._turns, self._made = turns, made
        firsts, called = {0}, set[int]()
        for index, turn in turns.items():
            if turn.flow is not Flow.KERNEL:
                firsts.add(index + 1)
            if turn.target is not None:
                (called if turn.flow is Flow.CALL else firsts).add((turn.target - start) // SIZE)
        self.starts = sorted(first for first in firsts if 0 <= first < len(words))
        self.ends = dict(zip(self.starts, [*self.starts[1:], len(words)], strict=True))
        self.called = frozenset(called & self.ends.keys())
        self._makers = frozenset(self.starts[bisect_right(self.starts, index) - 1] for index in made)
        self._summaries: dict[int, Summary] = {}
        self._kept: dict[int, int] = {}

    def summary(self, block: int, state: State) -> Summary:
        """What a block does, if the registers hold such pages; where there are none, and it makes none, it isn't even read."""
        if not state and block not in self._makers:
            return _NONE
        known = self._summaries.get(block)
        if known is None:
            known = self._summaries[block] = self._read(block)
        return known

    def held(self, state: State, register: int) -> int:
        """The pages that a register may hold, as bits."""
        return state >> register * self.pages & (1 << self.pages) - 1

    def after(self, block: int, state: State) -> State:
        """The state behind a block."""
        keeps, makes, copies, _ = self.summary(block, state)
        left = state & keeps | makes
        for origin, target in copies:
            left |= (state >> origin & (1 << self.pages) - 1) << target
        return left

    def _read(self, block: int) -> Summary:
        end = self.ends[block]
        last = self._turns.get(end - 1)
        turned = last is not None and last.flow is not Flow.KERNEL
        held, uses = self._through(block, end - 1 if turned else end)
        writes = sum(1 << register for register in held)
        if last is not None and last.flow in (Flow.CALL, Flow.INDIRECT_CALL):
            for register in LOST_IN_CALLS & held.keys():
                del held[register]
            writes |= _LOST
        makes, copies, count = 0, [], self.pages
        for register, one in held.items():
            makes |= one.pages << register * count
            if one.register is not None:
                copies.append((one.register * count, register * count))
        return Summary(self._keeps(writes), makes, tuple(copies), tuple(uses))

    def _keeps(self, writes: int) -> int:
        """The bits of a state that don't belong to the registers that are written, as bits."""
        known = self._kept.get(writes)
        if known is None:
            every = (1 << self.pages) - 1
            left = (register for register in range(SP + 1) if not writes >> register & 1)
            known = self._kept[writes] = sum(every << register * self.pages for register in left)
        return known

    def _through(self, first: int, end: int) -> tuple[dict[int, Held], list[Use]]:
        """What the registers hold that are written from one instruction to before another, and who begins with a page."""
        held: dict[int, Held] = {}
        uses: list[Use] = []
        made = self._made
        for index, word in enumerate(self.words[first:end], first):
            page = made.get(index)
            if page is not None:
                held[word & SP] = Held(1 << page)
                continue
            writes, copied, base, rest = effect_of(word)
            if base is not None:
                begun = held.get(base) or _AS_BEFORE[base]
                if begun is not _NOTHING:
                    uses.append(Use(index, rest, begun.register, begun.pages))
            kept = None if copied is None else held.get(copied) or _AS_BEFORE[copied]
            for register in writes:
                held[register] = _NOTHING
            if kept is not None:
                held[writes[0]] = kept
        return held, uses

    def onward(self, block: int) -> list[int]:
        """The blocks where it goes on."""
        end = self.ends[block]
        last = self._turns.get(end - 1)
        onward = [] if last is not None and last.flow not in FALLS_THROUGH else [end]
        if last is not None and last.target is not None and last.flow is not Flow.CALL:
            onward.append((last.target - self.start) // SIZE)
        return [one for one in onward if one in self.ends]
