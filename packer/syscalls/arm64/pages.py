"""Addresses that AArch64 code makes of two instructions: ADRP leaves a page's address in a register, another adds the rest. Pure.

Which page a register may hold is looked for backwards from where somebody asks, along all ways in; where these begin at
code that nothing is known to lead to, it is followed forwards through the whole piece (:mod:`whit.packer.syscalls.arm64.flow`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from whit.packer.syscalls.arm64.effects import LOST_IN_CALLS, SIZE, adr_of, effect_of, is_adrp
from whit.packer.syscalls.arm64.fields import bits
from whit.packer.syscalls.arm64.flow import followed
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.locations import WORD
from whit.packer.syscalls.pieces import FALLS_THROUGH, Flow

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from whit.packer.syscalls.arm64.flow import Named
    from whit.packer.syscalls.effort import Effort
    from whit.packer.syscalls.pieces import Turns

_MOST = 5000
"""Registers before instructions that are looked at for one question; real programs take up to 2,100."""


@dataclass(slots=True)
class Pages:
    """The pages of a piece of code that begins at ``start``; found when they are first asked for."""

    start: int
    words: array[int]
    turns: Turns
    effort: Effort
    _known: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _plain: bytearray | None = None
    _reached: bytearray | None = None
    _named: Named | None = None

    def named(self, address: int) -> tuple[int, ...]:
        """The addresses that the operand of the instruction at ``address`` may be, or be at."""
        index = (address - self.start) // SIZE
        known = self._known.get(index)
        if known is None:
            known = self._known[index] = self._found(index, address)
        return known

    def _found(self, index: int, address: int) -> tuple[int, ...]:
        word = self.words[index]
        made = adr_of(word, address)
        if made is not None:
            return () if is_adrp(word) else (made,)
        access = meaning_of(word).access
        if access is not None and access.literal is not None:
            return (address + access.literal & WORD,)
        effect = effect_of(word)
        if effect.base is None:
            return ()
        pages = self._before(index, effect.base)
        if pages is not None:
            return tuple(page + effect.rest & WORD for page in sorted(pages))
        if self._named is None:
            self._named = followed(self.start, self.words, self.turns, self.effort)
        return self._named.at(index)

    def _before(self, index: int, register: int) -> set[int] | None:
        """The pages that a register may hold before an instruction; None if a way in begins where nothing is known to lead, or they are many."""
        waiting = [(index, register)]
        seen, looked_at, pages = set(waiting), {index}, set[int]()
        joins, steps = False, 0
        while waiting:
            below, held = waiting.pop()
            at, origin = self._straight(below, held, pages)
            looked_at.add(at)
            steps += 1 + below - at
            self.effort.spend(1 + below - at)
            ways = list(self._ways(at)) if origin is not None else []
            joins |= origin is not None and ways != [at - 1]
            for before in ways:
                looked_at.add(before)
                above = self._origin(before, origin or 0, pages)
                if above is not None and (before, above) not in seen:
                    seen.add((before, above))
                    waiting.append((before, above))
            if steps > _MOST:
                return None
        return None if joins and not self._reaches(looked_at) else pages

    def _straight(self, index: int, register: int, pages: set[int]) -> tuple[int, int | None]:
        """Up from an instruction to the next that has other ways in, or one from a turn: its number, and the register as in :meth:`_origin`."""
        plain, held = self._plain, register
        if plain is None:
            plain = self._plain = self._from_above()
        top = max(index - _MOST, 0)
        while plain[index] and index > top:
            index -= 1
            origin = self._put(index, held, pages)
            if origin is None:
                return index, None
            held = origin
        return index, held

    def _from_above(self) -> bytearray:
        """1 for each instruction that is reached from the one above alone, which turns nowhere."""
        plain = np.ones(len(self.words) + 1, dtype=np.uint8)
        plain[0] = 0
        indexes, targets = self.turns.arrays()
        plain[indexes + 1] = 0
        aims = targets - self.start >> 2
        plain[aims[(aims >= 0) & (aims < len(self.words))]] = 0
        return bytearray(plain.tobytes())

    def _ways(self, index: int) -> Iterator[int]:
        """The instructions that an instruction may come after."""
        above = self.turns.get(index - 1) if index else None
        if index and (above is None or above.flow in FALLS_THROUGH):
            yield index - 1
        yield from self.turns.jumps_to(self.start + index * SIZE)

    def _begins_block(self, index: int) -> bool:
        """Whether something else than the instruction above may lead there; calls alone don't count."""
        above = self.turns.get(index - 1) if index > 0 else None
        turned = above is not None and above.flow is not Flow.KERNEL
        return turned or bool(self.turns.jumps_to(self.start + index * SIZE))

    def _origin(self, index: int, register: int, pages: set[int]) -> int | None:
        """The register that holds, before an instruction, what ``register`` holds after it; None if that is no page, or one that is made there and goes to ``pages``."""
        turn = self.turns.get(index)
        if turn is not None:
            called = turn.flow in (Flow.CALL, Flow.INDIRECT_CALL)
            return None if called and register in LOST_IN_CALLS else register
        return self._put(index, register, pages)

    def _put(self, index: int, register: int, pages: set[int]) -> int | None:
        """The same for an instruction without a turn."""
        word = self.words[index]
        if is_adrp(word):
            if bits(word, 0, 5) != register:
                return register
            pages.add(adr_of(word, self.start + index * SIZE) or 0)
            return None
        effect = effect_of(word)
        if register not in effect.writes:
            return register
        return effect.copied if effect.writes[0] == register else None

    def _reaches(self, indexes: set[int]) -> bool:
        """Whether all these are reached from the piece's beginning and from what it calls itself."""
        reached = self._reached
        if reached is None:
            reached = self._reached = self._reach()
        return all(map(reached.__getitem__, indexes))

    def _reach(self) -> bytearray:
        """1 for each instruction that is reached."""
        reached = bytearray(len(self.words))
        called = {turn.target for _, turn in self.turns.items() if turn.target is not None and turn.flow is Flow.CALL}
        waiting = [0, *filter(self._begins_block, ((target - self.start) // SIZE for target in called))]
        while waiting:
            index = waiting.pop()
            if not 0 <= index < len(reached) or reached[index]:
                continue
            end, turn = self.turns.following(index) or (len(reached) - 1, None)
            reached[index : end + 1] = b"\1" * (end + 1 - index)
            if turn is not None and turn.flow in FALLS_THROUGH:
                waiting.append(end + 1)
            if turn is not None and turn.target is not None and turn.flow is not Flow.CALL:
                waiting.append((turn.target - self.start) // SIZE)
        return reached
