"""Addresses that AArch64 code makes of two instructions: ADRP leaves a page's address in a register, another adds the rest. Pure.

What a register's page may be is followed forward through a piece of code, along its jumps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.syscalls.arm64.fields import bits, is_of, signed_bits
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.locations import WORD, Deed, From, Register
from whit.packer.syscalls.pieces import FALLS_THROUGH, Flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.syscalls.pieces import Turns

    State = dict[int, frozenset[int]]
    """Register → addresses of pages that it may hold."""

_NOP = 0xD503_201F
"""What fills the space between functions."""

_LOST_IN_CALLS = (*range(19), 30)


def adr_of(word: int, address: int) -> int | None:
    """The address that ADR or ADRP makes."""
    distance = signed_bits(word, 5, 19) << 2 | bits(word, 29, 2)
    if is_of(word, 0x9F00_0000, 0x9000_0000):
        return (address & ~0xFFF) + (distance << 12) & WORD
    return address + distance & WORD if is_of(word, 0x9F00_0000, 0x1000_0000) else None


def is_adrp(word: int) -> bool:
    """Whether it makes a page's address."""
    return is_of(word, 0x9F00_0000, 0x9000_0000)


@dataclass(slots=True)
class _Named:
    """What operands may name: by the instruction's address, and all together."""

    by_instruction: dict[int, set[int]] = field(default_factory=dict)
    all: set[int] = field(default_factory=set)

    def add(self, instruction: int, addresses: set[int]) -> None:
        """More of an instruction's."""
        self.by_instruction.setdefault(instruction, set()).update(addresses)
        self.all |= addresses


@dataclass(slots=True)
class Pages:
    """The pages of a piece of code that begins at ``start``; found when they are first asked for."""

    start: int
    words: Sequence[int]
    turns: Turns
    _named: dict[int, set[int]] | None = field(default=None)

    def named(self, address: int) -> tuple[int, ...]:
        """The addresses that the operand of the instruction at ``address`` may be, or be at."""
        word = self.words[(address - self.start) // 4]
        made = adr_of(word, address)
        if made is not None and not is_adrp(word):
            return (made,)
        literal = _literal(word)
        if literal is not None:
            return (address + literal & WORD,)
        if self._named is None:
            self._named = self._follow() if any(map(is_adrp, self.words)) else {}
        return tuple(self._named.get(address, ()))

    def _follow(self) -> dict[int, set[int]]:
        named = _Named()
        blocks = self._blocks()
        ends = dict(zip(blocks, [*blocks[1:], len(self.words)], strict=True))
        states: dict[int, State] = {}
        self._flow([(blocks[0], {})], ends, states, named)
        called = self._called()
        for block in blocks:
            address = self.start + block * 4
            if block not in states and (address in called or address in named.all):
                self._flow([(block, {})], ends, states, named)
        anything: State = {}
        for index, word in enumerate(self.words):
            if is_adrp(word):
                _join(anything, {bits(word, 0, 5): frozenset({adr_of(word, self.start + index * 4) or 0})})
        for block in blocks:
            if block not in states and self.words[block] != _NOP:
                self._flow([(block, anything)], ends, states, named)
        return named.by_instruction

    def _called(self) -> set[int]:
        return {turn.target for _, turn in self.turns.items() if turn.target is not None and turn.flow is Flow.CALL}

    def _blocks(self) -> list[int]:
        """The numbers of the instructions that something else than the one above may lead to, sorted."""
        firsts = {0}
        for index, turn in self.turns.items():
            if turn.flow is not Flow.KERNEL:
                firsts.add(index + 1)
            if turn.target is not None and turn.flow is not Flow.CALL:
                firsts.add((turn.target - self.start) // 4)
        return sorted(first for first in firsts if 0 <= first < len(self.words))

    def _flow(
        self, waiting: list[tuple[int, State]], ends: dict[int, int], states: dict[int, State], named: _Named
    ) -> None:
        while waiting:
            block, coming = waiting.pop()
            if block in states and not _join(states[block], coming):
                continue
            state = dict(states.setdefault(block, dict(coming)))
            for index in range(block, ends[block]):
                self._step(index, state, named)
            last = self.turns.get(ends[block] - 1)
            onward = [] if last is not None and last.flow not in FALLS_THROUGH else [ends[block]]
            if last is not None and last.target is not None and last.flow is not Flow.CALL:
                onward.append((last.target - self.start) // 4)
            waiting.extend((one, state) for one in onward if one in ends)

    def _step(self, index: int, state: State, named: _Named) -> None:
        word, turn = self.words[index], self.turns.get(index)
        if turn is not None:
            if turn.flow in (Flow.CALL, Flow.INDIRECT_CALL):
                for register in _LOST_IN_CALLS:
                    state.pop(register, None)
            return
        if is_adrp(word):
            state[bits(word, 0, 5)] = frozenset({adr_of(word, self.start + index * 4) or 0})
            return
        meaning = meaning_of(word)
        rest = _rest(word)
        if rest is not None and rest[0] in state:
            named.add(self.start + index * 4, {page + rest[1] & WORD for page in state[rest[0]]})
        copied = meaning.sources[0] if len(meaning.sources) == 1 and meaning.writes else None
        kept = None
        if isinstance(copied, From) and copied.operation is None and isinstance(copied.location, Register):
            kept = state.get(copied.location.number)
        for register in meaning.writes:
            state.pop(register, None)
        if kept is not None:
            state[meaning.writes[0]] = kept


def _rest(word: int) -> tuple[int, int] | None:
    """The register that an instruction's address begins with, and what it adds."""
    meaning = meaning_of(word)
    access = meaning.access
    if access is not None:
        if access.base is None or access.indexed or access.shift:
            return None
        return access.base, access.offset
    source = meaning.sources[0] if len(meaning.sources) == 1 else None
    if not is_of(word, 0xFF80_0000, 0x9100_0000) or not isinstance(source, From):
        return None
    added = source.operation.operand if source.operation is not None and source.operation.deed is Deed.ADD else 0
    return bits(word, 5, 5), added


def _literal(word: int) -> int | None:
    access = meaning_of(word).access
    return access.literal if access is not None else None


def _join(state: State, coming: State) -> bool:
    """Whether the state has grown by what comes."""
    grown = False
    for register, pages in coming.items():
        known = state.get(register, frozenset())
        if not pages <= known:
            state[register] = known | pages
            grown = True
    return grown
