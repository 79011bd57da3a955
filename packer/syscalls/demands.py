"""Which values a place in a program can have: asked backwards, along all ways into an instruction, until constants are met.

A demand is: the value of a location before an instruction. Each step leads to the demands that it comes from, to
constants, or to something unknown. What can be reached from a demand is all that its value can be; loops and recursion
end because a demand that was met is not asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.syscalls.aliases import apart, as_slot
from whit.packer.syscalls.effort import TooMuchError
from whit.packer.syscalls.locations import (
    WORD,
    Constant,
    Deed,
    From,
    Memory,
    Operation,
    Register,
    Unknown,
    Vector,
    depth,
    replaced_root,
    rooted,
    settled,
)
from whit.packer.syscalls.pieces import Flow, Way
from whit.packer.syscalls.steps import Demand, Inside, Lost, Step, Through, Value, Values
from whit.packer.syscalls.variables import Pointed, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.syscalls.locations import Location, Source
    from whit.packer.syscalls.pieces import Edge
    from whit.packer.syscalls.program import Found, Program

_MOST_DEMANDS = 20_000
_NEW = 20
"""Steps that a question which is new is counted as; real programs have up to 7,000."""

_NEAR = 10
"""Steps that an instruction which may write to a variable is counted as."""

_TOO_MANY = "too many ways lead to it"

_MOST_OPERATIONS = 4
_MOST_CALLS = 3
"""Calls within calls whose results are followed."""

_DEEPEST = 4
"""Pointers to pointers."""

_FARTHEST = 1 << 16
"""Bytes from what a pointer points at."""


@dataclass
class Demands:
    """Answers demands; the steps that were once found are kept. ``pointed``: what calls a function through a pointer."""

    program: Program
    pointed: Callable[[int], Through | Lost]
    _steps: dict[Demand, tuple[Step, ...]] = field(default_factory=dict)

    def number_at(self, site: int) -> Demand:
        """The number of the call that an instruction makes."""
        return Demand(site, self.program.machine.number)

    def values(self, demand: Demand) -> Values:
        """All values, each with a way."""
        found = Values()
        try:
            self._find(demand, found)
        except TooMuchError:
            found.lost[Lost(demand.address, _TOO_MANY)] = ()
        return found

    def _find(self, demand: Demand, found: Values) -> None:
        """Raises :class:`TooMuchError`."""
        before: dict[Demand, Demand | None] = {demand: None}
        waiting = [demand]
        for current in waiting:
            self.program.machine.effort.spend()
            if len(waiting) > _MOST_DEMANDS:
                raise TooMuchError
            steps = self._kept_steps(current)
            if not steps:
                found.ended.add(current.address)
            for step in steps:
                if isinstance(step, Demand):
                    if step not in before:
                        before[step] = current
                        waiting.append(step)
                elif isinstance(step, Value):
                    if step.number not in found.ways:
                        found.ways[step.number] = self._way(current, before)
                else:
                    found.lost.setdefault(step, self._way(current, before))

    def _way(self, demand: Demand, before: dict[Demand, Demand | None]) -> tuple[int, ...]:
        """From a demand to the one that was asked: an address in each piece of code that is passed through."""
        way: list[int] = []
        last: tuple[int, int] | None = None
        current: Demand | None = demand
        while current is not None:
            self.program.machine.effort.spend()
            piece = self.program.bounds.piece(current.address)
            if piece is not None and piece != last:
                way.append(current.address)
                last = piece
            current = before[current]
        return tuple(way)

    def _kept_steps(self, demand: Demand) -> tuple[Step, ...]:
        known = self._steps.get(demand)
        if known is None:
            self.program.machine.effort.spend(_NEW)
            known = tuple(dict.fromkeys(self._all_steps(demand)))
            self._steps[demand] = known
        return known

    def _all_steps(self, demand: Demand) -> Iterable[Step]:
        root = rooted(demand.location)
        if demand.location == self.program.machine.stack:
            return []  # an address is no call's number
        if isinstance(root, Memory):
            return self._of_global(demand, root)
        edges = self.program.edges(demand.address)
        steps: list[Step] = []
        for edge in edges:
            steps.extend(self._of_edge(edge, demand))
        return [*steps, *self._of_beginning(demand, any_edge=bool(edges))]

    def _of_edge(self, edge: Edge, demand: Demand) -> Iterable[Step]:
        inside = demand.inside
        if edge.way is Way.CALL:
            if not inside:
                only = dict(demand.handed).get(demand.address)
                return [self._in_caller(edge.address, demand, ())] if only is None or edge.address in only else []
            if inside[-1] == (edge.address, demand.address):
                return [self._in_caller(edge.address, demand, inside[:-1])]
            return []
        if inside and inside[-1].entry == demand.address and not self._same_piece(edge.address, demand.address):
            return []
        return self._past(edge, demand)

    def _same_piece(self, first: int, second: int) -> bool:
        return self.program.bounds.piece(first) == self.program.bounds.piece(second)

    # Within a function

    def _past(self, edge: Edge, demand: Demand) -> Iterable[Step]:
        found = self.program.at(edge.address)
        if found is None:
            return [Lost(edge.address, "no instruction stands there")]
        turn = found.turn
        if turn is None:
            return self._past_plain(found, edge.address, demand)
        if turn.flow is Flow.BRANCH:
            known = self._implied(found, demand.location, taken=edge.way is Way.JUMP)
            if known is not None:
                return self._from(edge.address, (known,), demand)
        elif turn.flow is Flow.KERNEL:
            return self._past_kernel(found, edge.address, demand)
        elif turn.flow in (Flow.CALL, Flow.INDIRECT_CALL):
            return self._past_call(edge.address, turn.target, demand)
        return [demand._replace(address=edge.address)]

    def _past_plain(self, found: Found, address: int, demand: Demand) -> Iterable[Step]:
        """Over an instruction that does nothing to the flow; a slot of the stack may be written through any register that points there."""
        machine = self.program.machine
        slot = as_slot(machine, found.piece, found.index, demand.location)
        distance = self._behind_store(found, slot)
        put = machine.overlap(found.raw, distance) if distance is not None else None
        if put is not None:
            return self._from(address, put, demand)
        return self._from(address, machine.before(found.raw, slot), demand._replace(location=slot))

    def _behind_store(self, found: Found, slot: Location) -> int | None:
        """How far behind the place that an instruction writes to, through another register, a slot is; None if that isn't known."""
        machine = self.program.machine
        through = machine.stored_through(found.raw)
        if through is None or not isinstance(slot, Memory) or not isinstance(slot.base, Register):
            return None
        if slot.base == machine.stack:
            target = as_slot(machine, found.piece, found.index, through)
            same = isinstance(target, Memory) and target.base == machine.stack
            return slot.offset - target.offset if same and isinstance(target, Memory) else None
        if not isinstance(through.base, Register) or through.base == slot.base:
            return None
        distance = apart(machine, found.piece, found.index, slot.base, through.base)
        return None if distance is None else slot.offset + distance - through.offset

    def _from(self, address: int, sources: tuple[Source, ...] | None, demand: Demand) -> Iterable[Step]:
        if sources is None:
            return [demand._replace(address=address)]
        return [self._step(address, source, demand) for source in sources]

    def _step(self, address: int, source: Source, demand: Demand) -> Step:
        if isinstance(source, Constant):
            number = source.value
            for operation in demand.operations:
                number = operation.apply(number)
            return Value(address, number & WORD)
        if isinstance(source, Unknown):
            return Lost(address, source.reason)
        operations = _joined(source, demand.operations)
        if source.operation is not None and (known := settled(operations)) is not None:
            return Value(address, known)
        if len(operations) > _MOST_OPERATIONS:
            return Lost(address, "a long computation")
        if depth(source.location) > _DEEPEST or _far(source.location):
            return Lost(address, "a long way through pointers")
        return demand._replace(address=address, location=source.location, operations=operations)

    def _implied(self, found: Found, location: Location, *, taken: bool) -> Constant | None:
        """The value that a comparison implies: behind ``cmp r, 5; je`` it is 5."""
        machine = self.program.machine
        if not machine.equal_on(found.raw, taken=taken):
            return None
        for index in range(found.index - 1, max(found.index - 6, -1), -1):
            if index in found.piece.turns or found.piece.jumps_to(found.piece.addresses[index + 1]):
                return None
            known = machine.compared(found.piece.instructions[index], location)
            if known is None or isinstance(known, Constant):
                return known
            location = known
        return None

    def _past_kernel(self, found: Found, address: int, demand: Demand) -> Iterable[Step]:
        if rooted(demand.location) == self.program.machine.result:
            return [Lost(address, "it is the answer of a system call")]
        return self._from(address, self.program.machine.before(found.raw, demand.location), demand)

    # Across functions

    def _past_call(self, site: int, target: int | None, demand: Demand) -> Iterable[Step]:
        """Over a call: what a function keeps is as it was, anything else is looked for in the function."""
        machine, root = self.program.machine, rooted(demand.location)
        go = self.program.bounds.is_go(site)
        if isinstance(root, Vector):
            zero = go and root.number == machine.zero_in_go
            return self._from(site, (Constant(0) if zero else Unknown("a call changes it"),), demand)
        if isinstance(root, Register) and (root == machine.stack or (root.number in machine.kept and not go)):
            return [demand._replace(address=site)]
        if target is None:
            return [Lost(site, "it is the result of a call through a pointer")]
        ends = self.program.ends(target)
        if ends is None or len(demand.inside) >= _MOST_CALLS:
            return [Lost(site, "it is the result of a call")]
        inside = (*demand.inside, Inside(site, target))
        return [demand._replace(address=end, inside=inside) for end in ends]

    def _in_caller(self, site: int, demand: Demand, inside: tuple[Inside, ...]) -> Step:
        """From a function's beginning to before the call."""
        location = self._as_caller_sees(demand.location)
        if location is None:
            return Lost(demand.address, "its caller doesn't set it")
        return demand._replace(address=site, location=location, inside=inside)

    def _as_caller_sees(self, location: Location) -> Location | None:
        machine = self.program.machine
        if rooted(location) != machine.stack:
            return location
        if not isinstance(location, Memory):
            return None
        if isinstance(location.base, Register):
            offset = location.offset - machine.return_address_bytes
            return Memory(location.base, offset) if offset >= 0 else None
        base = self._as_caller_sees(location.base) if location.base is not None else None
        return None if base is None else Memory(base, location.offset)

    def _of_beginning(self, demand: Demand, *, any_edge: bool) -> Iterable[Step]:
        """Where nothing is known to come from, or a pointer may lead."""
        program, address = self.program, demand.address
        if demand.inside:
            return []
        if address == program.image.elf.entry:
            return [Lost(address, "the kernel starts the program there")]
        if any_edge and not program.may_begin(address):
            return []
        through = self.pointed(address)
        if isinstance(through, Lost):
            return [through]
        if through.calls:
            handed = demand._replace(handed=through.handed)
            return [self._in_caller(site, handed, ()) for site in through.calls]
        found = program.at(address)
        padding = found is not None and program.machine.pads(found.raw)
        return [] if any_edge or padding or program.is_beginning(address) else self._of_hidden(demand)

    def _of_hidden(self, demand: Demand) -> Iterable[Step]:
        """Within a function, and yet no way there is known: a table that wasn't understood, or an exception's."""
        if self.program.is_behind_end(demand.address):
            return []
        piece = self.program.piece(demand.address)
        unresolved = self.program.tables(piece).unresolved if piece is not None else ()
        if unresolved:
            return [demand._replace(address=site) for site in unresolved]
        return [Lost(demand.address, "no way to this instruction is known")]

    # Global variables

    def _of_global(self, demand: Demand, root: Memory) -> Iterable[Step]:
        """What stands in the file, and what the program puts there."""
        program, address = self.program, root.offset
        steps: list[Step] = list(self._initial(demand, root))
        if not program.image.writable(address):
            return steps
        for place in program.references.near(address):
            program.machine.effort.spend(_NEAR)
            found = program.around(place)
            if found is None:
                continue
            at = found.piece.addresses[found.index]
            written = program.machine.written(found.raw, address)
            steps.extend(self._stored(at, source, demand, root) for source in written or ())
            if written is None and found.turn is None:
                steps.extend(self._through_pointer(found, at, demand, root))
        return steps

    def _through_pointer(self, found: Found, at: int, demand: Demand, root: Memory) -> Iterable[Step]:
        """What is written to a variable through the pointer to it, or to just below it, that an instruction makes."""
        machine, variable = self.program.machine, root.offset
        start = next(
            (known for known in range(variable, variable - 64, -8) if machine.takes_address(found.raw, known)), None
        )
        if start is None:
            return
        register = machine.target(found.raw)
        pointed = Pointed(self.program)
        if register is not None:
            pointed.follow(State(found.next, register, variable - start))
        for write in pointed.writes:
            yield self._stored(write.address, write.source, demand, root)
        if start == variable and (register is None or pointed.lost is not None):
            yield Lost(pointed.lost or at, f"the address of the variable at {variable:#x} is handed on")

    def _stored(self, at: int, source: Source, demand: Demand, root: Memory) -> Step:
        if isinstance(source, Constant) and demand.location != root:
            return self._step(at, From(replaced_root(demand.location, root, Memory(None, 0))), demand)
        if isinstance(source, From) and demand.location != root:
            if source.operation is not None:
                return Lost(at, "a computed pointer")
            return self._step(
                at, From(replaced_root(demand.location, root, source.location)), demand._replace(inside=())
            )
        return self._step(at, source, demand._replace(inside=()))

    def _initial(self, demand: Demand, root: Memory) -> Iterable[Step]:
        image = self.program.image
        if demand.location == root:
            number = image.word(root.offset, 4)
            if number is None:
                return [Lost(demand.address, f"nothing stands at {root.offset:#x}")]
            return [self._step(demand.address, Constant(number), demand)]
        pointer = image.word(root.offset, 8)
        return [self._step(demand.address, From(_pointed(demand.location, root, pointer)), demand)] if pointer else []


def _pointed(location: Location, root: Memory, pointer: int) -> Location:
    """``location`` when the variable ``root`` holds ``pointer``."""
    if isinstance(location, Memory) and location.base == root:
        return Memory(None, pointer + location.offset & WORD)
    if isinstance(location, Memory) and location.base is not None:
        return Memory(_pointed(location.base, root, pointer), location.offset)
    return location


def _joined(source: From, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    first = source.operation
    if first is None:
        return operations
    if operations and first.deed is Deed.ADD and operations[0].deed is Deed.ADD:
        total = first.operand + operations[0].operand & WORD
        return (Operation(Deed.ADD, total), *operations[1:]) if total else operations[1:]
    if first in operations[:1] and first.deed in (Deed.AND, Deed.OR):
        return operations
    return (first, *operations)


def _far(location: Location) -> bool:
    return isinstance(location, Memory) and location.base is not None and abs(location.offset) > _FARTHEST
