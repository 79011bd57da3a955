"""Who calls a function whose address is taken: followed forward from where the pointer is made, as far as it is only handed on.

A pointer may be moved between registers, handed to a function that is called directly, and put into a global variable
that instructions name; or stand in a structure from the beginning (structures.py). One that gets anywhere else is lost:
then its function may be called with anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from whit.packer.syscalls.aliases import holders_after
from whit.packer.syscalls.locations import From, Memory, Register
from whit.packer.syscalls.pieces import Flow
from whit.packer.syscalls.steps import Lost, Through
from whit.packer.syscalls.structures import takers

if TYPE_CHECKING:
    from whit.packer.syscalls.locations import Location
    from whit.packer.syscalls.pieces import Turn
    from whit.packer.syscalls.program import Found, Program

_MOST_STATES = 30_000
_LINKED = frozenset({".got", ".got.plt"})


class State(NamedTuple):
    """A register, or a slot of the stack, holds the pointer before the instruction at ``address``."""

    address: int
    register: Register | Memory


class _LostError(Exception):
    """The pointer gets where it isn't followed; the argument is a :class:`Lost`."""


@dataclass
class Pointers:
    """Pointers to functions; what was once followed is kept."""

    program: Program
    _known: dict[int, Through | Lost] = field(default_factory=dict)

    def callers(self, entry: int) -> Through | Lost:
        """The calls through a pointer that lead to ``entry``; none where its address isn't taken."""
        if entry not in self._known:
            try:
                self._known[entry] = _Chase(self.program, entry).to()
            except _LostError as error:
                self._known[entry] = error.args[0]
        return self._known[entry]


@dataclass
class _Chase:
    """The pointer to the function at ``entry`` on its way. Where it stands in a structure from the beginning (``stored``), nothing is handed over together with it."""

    program: Program
    entry: int
    calls: list[int] = field(default_factory=list)
    handed: dict[int, set[int]] = field(default_factory=dict)
    waiting: list[State] = field(default_factory=list)
    seen: set[State | int] = field(default_factory=set)
    stored: bool = False

    def to(self) -> Through:
        """All calls through the pointer to it. Raises :class:`_LostError`."""
        self._from_memory(self.entry)
        while self.waiting:
            state = self.waiting.pop()
            if state not in self.seen:
                self.program.machine.effort.spend()
                self.seen.add(state)
                self._follow(state)
            if len(self.seen) > _MOST_STATES:
                raise _LostError(Lost(self.entry, "its address is taken, and goes a long way"))
        handed = tuple(sorted((to, frozenset(sites)) for to, sites in self.handed.items()))
        return Through(tuple(dict.fromkeys(self.calls)), () if self.stored else handed)

    def _from_memory(self, address: int) -> None:
        """Whatever names an address: of the function, or of a variable that holds the pointer."""
        program = self.program
        piece = program.piece(address)
        listed = program.tables(piece).words if piece is not None else frozenset()
        for place in program.references.pointers.at(address):
            if place in listed:
                continue
            if place in self.seen:
                continue
            self.seen.add(place)
            if self._is_linked(place):
                self._from_memory(place)
            else:
                self._from_structure(place, address)
        for place in program.references.operands(address):
            found = program.names(place, address)
            if found is not None:
                self._named(found, address)

    def _from_structure(self, place: int, address: int) -> None:
        """The pointer stands in data: it is taken from there by whoever names the place, or knows a structure around."""
        program, machine = self.program, self.program.machine
        found = takers(program, place, self.entry) if address == self.entry else None
        if found is None or found.lost is not None:
            raise _LostError(Lost(address, f"a pointer to it stands at {place:#x}"))
        self.stored = True
        self.calls.extend(found.calls)
        self.waiting.extend(State(at, register) for at, register in found.loads)
        for site in program.references.operands(place):
            instruction = program.names(site, place)
            if instruction is not None and not machine.takes_address(instruction.raw, place):
                self._named(instruction, place)

    def _is_linked(self, place: int) -> bool:
        """Whether the pointer stands in the linker's table of addresses, whose entries are only used one by one."""
        sections = self.program.image.elf.sections
        if sections:
            return any(one.name in _LINKED and one.address <= place < one.address + one.size for one in sections)
        return not self.program.image.writable(place) and bool(self.program.references.operands(place))

    def _named(self, found: Found, address: int) -> None:
        """An instruction that names the address: it loads the pointer, calls through it, or writes another one there."""
        at, machine = found.piece.addresses[found.index], self.program.machine
        if found.turn is not None:
            if found.turn.flow in (Flow.INDIRECT_CALL, Flow.INDIRECT_JUMP):
                self.calls.append(at)
            return
        register = machine.loads(found.raw, address)
        if register is not None:
            self.waiting.append(State(found.next, register))
        elif machine.written(found.raw, address) is None and not machine.ends_pointer(found.raw):
            raise _LostError(Lost(at, f"the address of {address:#x} is taken"))

    def _follow(self, state: State) -> None:
        found = self.program.at(state.address)
        if found is None:
            raise _LostError(Lost(state.address, "a pointer to a function is lost"))
        turn = found.turn
        if turn is not None:
            self._turned(found, turn, state)
            return
        machine = self.program.machine
        if machine.stops(found.raw):
            return
        held = state.register
        if isinstance(held, Memory):
            self.waiting.extend(State(found.next, one) for one in holders_after(machine, found.raw, held))
            return
        copy = machine.copies(found.raw, held)
        if copy is not None:
            self._copied(copy, found, state)
        elif machine.reads(found.raw, held) and not self._ends(found, held):
            raise _LostError(Lost(state.address, "a pointer to a function is computed with, or put away"))
        if machine.before(found.raw, state.register) is None:
            self.waiting.append(State(found.next, state.register))

    def _ends(self, found: Found, held: Register) -> bool:
        """Whether what is made of the pointer is none. The loader shifts images to above 4 GB: four bytes of a pointer are none then."""
        machine = self.program.machine
        return machine.ends_pointer(found.raw) or (self.program.image.movable and machine.narrows(found.raw, held))

    def _copied(self, copy: Location, found: Found, state: State) -> None:
        if isinstance(copy, Register) or (isinstance(copy, Memory) and copy.base == self.program.machine.stack):
            self.waiting.append(State(found.next, copy))
        elif isinstance(copy, Memory) and copy.base is None:
            if copy.offset not in self.seen:
                self.seen.add(copy.offset)
                self._from_memory(copy.offset)
        else:
            raise _LostError(Lost(state.address, "a pointer to a function is put away"))

    def _turned(self, found: Found, turn: Turn, state: State) -> None:
        machine, held = self.program.machine, state.register
        if turn.flow in (Flow.INDIRECT_CALL, Flow.INDIRECT_JUMP):
            self._through(found, turn, state)
        if turn.flow in (Flow.CALL, Flow.INDIRECT_CALL):
            stays = isinstance(held, Memory) or held.number in machine.kept
            callee = self.program.callee(found)
            if callee is not None and held in machine.arguments:
                self.handed.setdefault(callee, set()).add(state.address)
                self.waiting.append(State(callee, held))
            if stays and self.program.comes_back(found):
                self.waiting.append(State(found.next, held))
        elif turn.flow is Flow.RETURN:
            if held == machine.result:
                raise _LostError(Lost(state.address, "a pointer to a function is handed back"))
        else:
            onward = [turn.target] if turn.target is not None else []
            onward += [found.next] if turn.flow in (Flow.BRANCH, Flow.KERNEL) else []
            self.waiting.extend(State(address, held) for address in onward)

    def _through(self, found: Found, turn: Turn, state: State) -> None:
        """A call or a jump through a pointer: this one, or another."""
        machine = self.program.machine
        onward = self.program.table_targets(found) if turn.flow is Flow.INDIRECT_JUMP else ()
        self.waiting.extend(State(target, state.register) for target in onward or ())
        if machine.calls_through(found.raw) == From(state.register):
            self.calls.append(state.address)
        elif onward is None or (
            not onward and state.register in machine.arguments and self.program.callee(found) is None
        ):
            raise _LostError(Lost(state.address, "a pointer to a function is handed to an unknown one"))
