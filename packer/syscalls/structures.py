"""Who takes a pointer to a function out of a structure that it stands in: by the structure's own address, followed forward from where code makes that.

A structure is taken to begin at the nearest address, at or before the pointer, that code makes a pointer to: there must be
one, and it may not get lost. What is found of those up to 64 bytes before counts too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from whit.packer.syscalls.locations import From, Memory, Register, Unknown
from whit.packer.syscalls.pieces import Flow
from whit.packer.syscalls.variables import Pointed, State

if TYPE_CHECKING:
    from whit.packer.syscalls.pieces import Turn
    from whit.packer.syscalls.program import Found, Program

_NEAR = 64
"""Bytes before a pointer at which others than the nearest address are looked at."""

_LONGEST = 4096
"""Bytes before a pointer at which its structure may begin."""

_POINTER = 8


@dataclass
class Takers(Pointed):
    """As :class:`Pointed`, for the pointer to ``entry`` that stands in a structure: ``calls`` go through it, ``loads`` are where a register has it."""

    entry: int = 0
    calls: list[int] = field(default_factory=list)
    loads: list[tuple[int, Register]] = field(default_factory=list)

    def _dereferenced(self, found: Found, state: State) -> None:
        """An instruction that reads where the register points, or behind: the pointer, something else, or one can't tell."""
        machine, raw = self.program.machine, found.raw
        target = machine.target(raw)
        read = machine.before(raw, target) if target is not None else None
        source = read[0] if read is not None and len(read) == 1 else None
        if not isinstance(source, From) or not isinstance(source.location, Memory):
            self.lost = state.address
        elif source.location.base == state.register and target is not None:
            distance = source.location.offset - state.ahead
            if distance == 0 and source.operation is None:
                self.loads.append((found.next, target))
            elif abs(distance) < _POINTER:
                self.lost = state.address

    def _written(self, found: Found, through: Memory, state: State) -> None:
        """What is written there instead matters not; what is computed of it does."""
        overlap, distance = self.program.machine.overlap, state.ahead - through.offset
        put = overlap(found.raw, distance) or overlap(found.raw, distance + _POINTER // 2) or ()
        if any(isinstance(one, Unknown) for one in put):
            self.lost = state.address

    def _turned(self, found: Found, turn: Turn, state: State) -> None:
        machine = self.program.machine
        through = turn.flow in (Flow.INDIRECT_CALL, Flow.INDIRECT_JUMP)
        if through and isinstance(state.register, Register) and machine.reads(found.raw, state.register):
            source = machine.calls_through(found.raw)
            if source != From(Memory(state.register, state.ahead)):
                other = isinstance(source, From) and isinstance(source.location, Memory)
                if not other or state.register in machine.arguments:
                    self.lost = state.address
                    return
            else:
                self.calls.append(state.address)
                if state.register in machine.arguments:
                    self._waiting.append(state._replace(address=self.entry))
                    return
        super()._turned(found, turn, state)


def takers(program: Program, place: int, entry: int) -> Takers:
    """Who takes the pointer to ``entry`` that stands at ``place``, by the addresses that code makes of its structure.

    ``lost`` is set where that can't be told; code that names ``place`` itself isn't looked at unless it makes a pointer to it.
    """
    found = Takers(program, entry=entry)
    made = _made(program, place)
    first = made[0].start if made else place - _LONGEST
    pointed = program.references.pointers.within(first, place + 1)
    if not made or pointed:
        found.lost = pointed[0][1] if pointed else place
        return found
    for start, instruction in made:
        register = program.machine.target(instruction.raw)
        follower = Takers(program, entry=entry)
        if register is not None:
            follower.follow(State(instruction.next, register, place - start))
        found.calls.extend(follower.calls)
        found.loads.extend(follower.loads)
        if start == first and (register is None or follower.lost is not None):
            found.lost = follower.lost or place
            break
    return found


class _Made(NamedTuple):
    """An instruction that makes a pointer to ``start``."""

    start: int
    instruction: Found


def _made(program: Program, place: int) -> list[_Made]:
    """Those at the nearest address before ``place``, or at it, and up to 64 bytes before; the nearest first."""
    made: dict[tuple[int, int], _Made] = {}
    for target, site in sorted(program.references.named(place - _LONGEST, place + 1), reverse=True):
        if made and target < place - _NEAR:
            break
        found = program.around(site)
        if found is None or found.turn is not None:
            continue
        for start in range(target, target + 5):
            if start <= place and program.machine.takes_address(found.raw, start):
                made[-start, found.piece.addresses[found.index]] = _Made(start, found)
    return [made[key] for key in sorted(made)]
