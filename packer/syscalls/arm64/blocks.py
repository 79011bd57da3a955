"""What straight pieces of AArch64 code do to the pages' addresses that registers hold: each is read once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from whit.packer.syscalls.arm64.effects import LOST_IN_CALLS, SIZE, effect_of
from whit.packer.syscalls.arm64.fields import bits
from whit.packer.syscalls.pieces import FALLS_THROUGH, Flow

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from whit.packer.syscalls.pieces import Turn

    State = dict[int, int]
    """Register → the pages that it may hold, as bits; one that holds none is left out."""

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


class Summary(NamedTuple):
    """A block: the registers that it writes, as bits, and which of them hold what afterwards; who begins with a page; the blocks where it goes on."""

    writes: int
    held: tuple[tuple[int, Held], ...]
    uses: tuple[Use, ...]
    onward: tuple[int, ...]

    def after(self, state: State) -> State:
        """The state behind the block."""
        left = {register: pages for register, pages in state.items() if not self.writes >> register & 1}
        for register, held in self.held:
            pages = held.pages if held.register is None else state.get(held.register, 0)
            if pages:
                left[register] = pages
        return left


@dataclass(slots=True)
class Blocks:
    """The blocks of a piece of code, by the numbers of their first instructions. ``turns`` and ``made``, the numbers of the pages that ADRPs make, are by such numbers too."""

    start: int
    words: array[int]
    turns: Mapping[int, Turn]
    made: Mapping[int, int]
    starts: list[int] = field(init=False)
    """Where something else than the instruction above may lead to, sorted."""
    ends: dict[int, int] = field(init=False)
    called: frozenset[int] = field(init=False)
    """The blocks that are called."""
    _summaries: dict[int, Summary] = field(default_factory=dict)

    def __post_init__(self) -> None:
        firsts, called = {0}, set[int]()
        for index, turn in self.turns.items():
            if turn.flow is not Flow.KERNEL:
                firsts.add(index + 1)
            if turn.target is not None:
                (called if turn.flow is Flow.CALL else firsts).add((turn.target - self.start) // SIZE)
        self.starts = sorted(first for first in firsts if 0 <= first < len(self.words))
        self.ends = dict(zip(self.starts, [*self.starts[1:], len(self.words)], strict=True))
        self.called = frozenset(called & self.ends.keys())

    def summary(self, block: int) -> Summary:
        """What a block does."""
        if block not in self._summaries:
            self._summaries[block] = self._read(block)
        return self._summaries[block]

    def _read(self, block: int) -> Summary:
        end = self.ends[block]
        last = self.turns.get(end - 1)
        turned = last is not None and last.flow is not Flow.KERNEL
        held, uses = self._through(block, end - 1 if turned else end)
        if last is not None and last.flow in (Flow.CALL, Flow.INDIRECT_CALL):
            for register in LOST_IN_CALLS & held.keys():
                del held[register]
            writes = _LOST | _bits(held)
        else:
            writes = _bits(held)
        left = tuple((register, one) for register, one in held.items() if one is not _NOTHING)
        return Summary(writes, left, tuple(uses), self._onward(end, last))

    def _through(self, first: int, end: int) -> tuple[dict[int, Held], list[Use]]:
        """What the registers hold that are written from one instruction to before another, and who begins with a page."""
        held: dict[int, Held] = {}
        uses: list[Use] = []
        for index in range(first, end):
            page = self.made.get(index)
            if page is not None:
                held[bits(self.words[index], 0, 5)] = Held(1 << page)
                continue
            writes, copied, base, rest = effect_of(self.words[index])
            if base is not None:
                begun = held.get(base) or Held(register=base)
                if begun is not _NOTHING:
                    uses.append(Use(index, rest, begun.register, begun.pages))
            kept = None if copied is None else held.get(copied) or Held(register=copied)
            for register in writes:
                held[register] = _NOTHING
            if kept is not None:
                held[writes[0]] = kept
        return held, uses

    def _onward(self, end: int, last: Turn | None) -> tuple[int, ...]:
        onward = [] if last is not None and last.flow not in FALLS_THROUGH else [end]
        if last is not None and last.target is not None and last.flow is not Flow.CALL:
            onward.append((last.target - self.start) // SIZE)
        return tuple(one for one in onward if one in self.ends)


def _bits(registers: Mapping[int, Held]) -> int:
    return sum(1 << register for register in registers)
