"""What is written to a global variable through a pointer to it: followed forward from where the pointer is made.

As with pointers to functions, one that gets into memory or to an unknown function is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from whit.packer.syscalls.aliases import holders_after
from whit.packer.syscalls.locations import Deed, From, Memory, Register, signed
from whit.packer.syscalls.pieces import Flow

if TYPE_CHECKING:
    from whit.packer.syscalls.locations import Location, Source
    from whit.packer.syscalls.pieces import Turn
    from whit.packer.syscalls.program import Found, Program

_MOST_STATES = 3000
_FARTHEST = 1 << 12


class State(NamedTuple):
    """Before the instruction at ``address``, what ``register``, or a slot of the stack, holds points ``ahead`` bytes below the variable."""

    address: int
    register: Register | Memory
    ahead: int


class Write(NamedTuple):
    """What the instruction at ``address`` puts into the variable."""

    address: int
    source: Source


@dataclass
class Pointed:
    """One pointer on its way. ``lost`` is the instruction where it got away, if it did."""

    program: Program
    writes: list[Write] = field(default_factory=list)
    lost: int | None = None
    _waiting: list[State] = field(default_factory=list)
    _seen: set[State] = field(default_factory=set)

    def follow(self, start: State) -> None:
        """All that is done with the pointer from there on."""
        self._waiting.append(start)
        while self._waiting and self.lost is None:
            state = self._waiting.pop()
            if state in self._seen:
                continue
            self._seen.add(state)
            self.program.machine.effort.spend()
            if len(self._seen) > _MOST_STATES:
                self.lost = state.address
            else:
                self._step(state)

    def _step(self, state: State) -> None:
        found = self.program.at(state.address)
        if found is None:
            self.lost = state.address
        elif found.turn is not None:
            self._turned(found, found.turn, state)
        elif not self.program.machine.stops(found.raw):
            self._used(found, state)

    def _used(self, found: Found, state: State) -> None:
        machine, raw, register = self.program.machine, found.raw, state.register
        if isinstance(register, Memory):
            held = holders_after(machine, raw, register)
            self._waiting.extend(state._replace(address=found.next, register=one) for one in held)
            return
        through = machine.stored_through(raw)
        if machine.reads(raw, register) and not machine.only_compares(raw):
            target = machine.target(raw)
            made = machine.before(raw, target) if target is not None else None
            moved = _moved(made, register)
            if moved is not None and target is not None:
                if abs(state.ahead - moved) < _FARTHEST:
                    self._waiting.append(State(found.next, target, state.ahead - moved))
                if target == register:
                    return
            elif through is not None and through.base == register and not machine.puts(raw, register):
                self._written(found, through, state)
            elif _is_slot(copy := machine.copies(raw, register), machine.stack):
                self._waiting.append(state._replace(address=found.next, register=copy))
            elif not machine.dereferences(raw, register):
                self.lost = state.address
                return
            else:
                self._dereferenced(found, state)
        if machine.before(raw, register) is None:
            self._waiting.append(state._replace(address=found.next))

    def _written(self, found: Found, through: Memory, state: State) -> None:
        """An instruction that writes where the register points, or near."""
        put = self.program.machine.overlap(found.raw, state.ahead - through.offset)
        self.writes.extend(Write(state.address, source) for source in put or ())

    def _dereferenced(self, found: Found, state: State) -> None:
        """An instruction that reads where the register points, or near: the variable's value isn't followed."""

    def _turned(self, found: Found, turn: Turn, state: State) -> None:
        machine, register = self.program.machine, state.register
        if turn.flow is Flow.INDIRECT_JUMP:
            onward = self.program.table_targets(found)
            self._waiting.extend(state._replace(address=target) for target in onward or ())
            if onward is None or (not onward and register in self._arguments(state)):
                self.lost = state.address
        elif turn.flow in (Flow.CALL, Flow.INDIRECT_CALL):
            self._called(found, state)
        elif turn.flow is Flow.RETURN:
            if register == machine.result:
                self.lost = state.address
        else:
            if turn.target is not None:
                self._waiting.append(state._replace(address=turn.target))
            if turn.flow in (Flow.BRANCH, Flow.KERNEL):
                self._waiting.append(state._replace(address=found.next))

    def _arguments(self, state: State) -> tuple[Register, ...]:
        machine = self.program.machine
        return machine.go_arguments if self.program.bounds.is_go(state.address) else machine.arguments

    def _called(self, found: Found, state: State) -> None:
        machine, register = self.program.machine, state.register
        if register in self._arguments(state):
            callee = self.program.callee(found)
            if callee is None:
                self.lost = state.address
            else:
                self._waiting.append(state._replace(address=callee))
        go = self.program.bounds.is_go(state.address)
        kept = isinstance(register, Memory) or (register.number in machine.kept and not go)
        if kept and self.program.comes_back(found):
            self._waiting.append(state._replace(address=found.next))


def _is_slot(location: Location | None, stack: Register) -> TypeGuard[Memory]:
    return isinstance(location, Memory) and location.base == stack


def _moved(made: tuple[Source, ...] | None, register: Register) -> int | None:
    """By how many bytes the pointer is moved when another register gets it."""
    if made is None or len(made) != 1 or not isinstance(made[0], From) or made[0].location != register:
        return None
    operation = made[0].operation
    if operation is None:
        return 0
    return signed(operation.operand) if operation.deed is Deed.ADD else None
