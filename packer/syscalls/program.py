"""An executable's instructions, decoded where somebody asks, and all known ways into each of them.

Nothing is followed but what stands in the code: whatever is jumped to or called directly, jump tables, and what falls
through. Who may come through a pointer is told in pointers.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from whit.packer.syscalls import tables
from whit.packer.syscalls.kept import Kept
from whit.packer.syscalls.locations import From, Memory
from whit.packer.syscalls.pieces import FALLS_THROUGH, Edge, Flow, Turn, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.image import Image
    from whit.packer.syscalls.machine import Machine
    from whit.packer.syscalls.pieces import Piece
    from whit.packer.syscalls.references import References

_DEEPEST = 4
"""Calls within calls that are looked into for whether they ever return."""

_LONGEST = 4000
"""Instructions of a function that are looked at for its ends."""

_ASIDE = 20
"""Steps that reading code anew counts as."""

_LINE = 16
"""Compilers begin functions at multiples of so many bytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """An instruction: the piece it is in, and its number there."""

    piece: Piece[Any]
    index: int

    @property
    def raw(self) -> Any:  # noqa: ANN401 - the machine's own
        """The machine's instruction."""
        return self.piece.instructions[self.index]

    @property
    def turn(self) -> Turn | None:
        """Its effect on the flow."""
        return self.piece.turns.get(self.index)

    @property
    def next(self) -> int:
        """The address after it."""
        following = self.index + 1
        return self.piece.addresses[following] if following < len(self.piece.addresses) else self.piece.end


@dataclass
class Program:
    """The instructions of an image."""

    image: Image
    bounds: Bounds
    references: References
    machine: Machine
    piece: Callable[[int], Piece[Any] | None] = field(init=False)
    """The decoded piece of code that holds an address."""
    _kept: Kept = field(init=False)
    _aside: dict[int, Piece[Any]] = field(default_factory=dict)
    _joins: dict[int, list[int]] = field(default_factory=dict)
    _arriving: dict[int, list[tuple[int, Flow]]] = field(default_factory=dict)
    _tables: dict[int, tables.Tables] = field(default_factory=dict)
    _returning: dict[int, bool] = field(default_factory=dict)
    _ends: dict[int, tuple[int, ...] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kept = Kept(self.image, self.bounds, self.machine)
        self.piece = self._kept.piece

    def at(self, address: int) -> Found | None:
        """The instruction that begins at an address, if the sweep over its piece has one there."""
        piece = self.piece(address)
        index = piece.index(address) if piece is not None else None
        if piece is not None and index is not None:
            return Found(piece, index)
        aside = self._aside.get(address)
        return None if aside is None else Found(aside, aside.index(address) or 0)

    def read_aside(self, address: int) -> None:
        """Decode also from an address that the sweep has passed over: somebody jumps there (over a lock prefix, say)."""
        piece = self.piece(address)
        if piece is None or address in self._aside or piece.index(address) is not None:
            return
        self.machine.effort.spend(_ASIDE)
        other = self.machine.decode(self._kept.code, address, min(piece.end, address + 512))
        for index in range(len(other.addresses)):
            at = other.addresses[index]
            if piece.index(at) is not None:
                self._joins.setdefault(at, []).append(other.addresses[index - 1])
                return
            self._aside[at] = other

    def around(self, address: int) -> Found | None:
        """The instruction, one of the sweep's, that the byte at an address is a part of."""
        piece = self.piece(address)
        index = piece.index_before(address + 1) if piece is not None else -1
        return Found(piece, index) if piece is not None and index >= 0 else None

    def before(self, address: int) -> list[int]:
        """Addresses of the instructions that end where this one begins, in the sweep's order."""
        piece = self.piece(address)
        if piece is None:
            return []
        joined = self._joins.get(address, [])
        if address in self._aside and piece.index(address) is None:
            other = self._aside[address]
            index = other.index(address) or 0
            return [other.addresses[index - 1]] if index else []
        index = piece.index_before(address)
        if index < 0:
            piece = self.piece(address - 1)
            index = len(piece.addresses) - 1 if piece is not None and piece.end == address else -1
        return joined if piece is None or index < 0 else [piece.addresses[index], *joined]

    def callers(self, address: int) -> list[int]:
        """Addresses of the instructions that call it directly."""
        return [site for site, flow in self._branches(address) if flow is Flow.CALL]

    def jumps(self, address: int) -> list[int]:
        """Addresses of the instructions that jump there directly, or through a table of jumps."""
        near = [site for piece in self._around(address) for site in piece.jumps_to(address)]
        far = [site for site, flow in self._branches(address) if flow is not Flow.CALL]
        piece = self.piece(address)
        table = self.tables(piece).targets.get(address, []) if piece is not None else []
        return list(dict.fromkeys([*near, *far, *table]))

    def _around(self, address: int) -> list[Piece[Any]]:
        """The pieces from which a short jump may reach an address."""
        own = self.piece(address)
        if own is None:
            return []
        pieces, low, high, short = [own], own, own, self.machine.short_jump
        while low.start > address - short and (below := self.piece(low.start - 1)) is not None:
            pieces.append(below)
            low = below
        while high.end < address + short and (above := self.piece(high.end)) is not None:
            pieces.append(above)
            high = above
        return pieces

    def tables(self, piece: Piece[Any]) -> tables.Tables:
        """The jump tables of a piece."""
        known = self._tables.get(piece.start)
        if known is None:
            known = tables.of(piece, self)
            self._tables[piece.start] = known
        return known

    def table_targets(self, found: Found) -> tuple[int, ...] | None:
        """Where an indirect jump goes on within the function; none where it leaves it, None where it isn't known."""
        known = self.tables(found.piece)
        address = found.piece.addresses[found.index]
        if address in known.unresolved:
            return None
        return tuple(target for target, sites in known.targets.items() if address in sites)

    def is_referred_to(self, address: int) -> bool:
        """Whether an instruction names an address."""
        return any(self.names(site, address) for site in self.references.operands(address))

    def names(self, place: int, address: int) -> Found | None:
        """The instruction that the byte at ``place`` is a part of, if it names ``address``."""
        self.machine.effort.spend()
        found = self.around(place)
        return found if found is not None and self.machine.names(found.raw, address) else None

    def _branches(self, address: int) -> list[tuple[int, Flow]]:
        """The instructions, of any piece of code, that call an address or jump there."""
        known = self._arriving.get(address)
        if known is None:
            known = []
            for place in self.references.branches.at(address):
                self.machine.effort.spend()
                holder = self.around(place)
                if holder is not None and (turn := holder.turn) is not None and turn.target == address:
                    known.append((holder.piece.addresses[holder.index], turn.flow))
            self._arriving[address] = known
        return known

    def edges(self, address: int) -> list[Edge]:
        """All known ways into the instruction at an address."""
        self.read_aside(address)
        jumps, callers = self.jumps(address), self.callers(address)
        edges = [Edge(site, Way.JUMP) for site in jumps] + [Edge(site, Way.CALL) for site in callers]
        begins = bool(jumps or callers) or self.bounds.tells_of(address)
        for site in self.before(address):
            found = self.at(site)
            if found is not None and self._falls(found, begins=begins):
                edges.append(Edge(site, Way.NEXT))
        return edges

    def _falls(self, found: Found, *, begins: bool) -> bool:
        """Whether execution goes on behind an instruction; ``begins``: something else may lead there too."""
        turn = found.turn
        if turn is None:
            return not self.machine.stops(found.raw)
        if turn.flow not in FALLS_THROUGH:
            return False
        if turn.flow in (Flow.CALL, Flow.INDIRECT_CALL) and begins and not self.comes_back(found):
            return False
        return not (turn.flow is Flow.INDIRECT_CALL and self.bounds.tells_of(found.next))

    def callee(self, found: Found) -> int | None:
        """The function that an instruction calls, directly or through a pointer that never changes; None if it isn't known."""
        turn = found.turn
        if turn is None or turn.flow is not Flow.INDIRECT_CALL:
            return turn.target if turn is not None and turn.flow is Flow.CALL else None
        source = self.machine.calls_through(found.raw)
        if not isinstance(source, From) or not isinstance(source.location, Memory) or source.location.base is not None:
            return None
        target = self.image.constant(source.location.offset)
        return None if target is None or self.image.code_part(target) is None else target

    def comes_back(self, found: Found, deep: int = 0) -> bool:
        """Whether the function that an instruction calls may return."""
        target = self.callee(found)
        return target is None or self.returns(target, deep)

    def returns(self, entry: int, deep: int = 0) -> bool:
        """Whether a function may ever return; when in doubt it does."""
        known = self._returning.get(entry)
        if known is None:
            if deep > _DEEPEST:
                return True
            self._returning[entry] = True
            known = self._any_end(entry, deep)
            self._returning[entry] = known
        return known

    def _any_end(self, entry: int, deep: int) -> bool:
        """Whether a return, or a way that isn't followed, can be reached."""
        waiting = [entry]
        for step in self._turns(waiting):
            if step is None:
                return True
            _, found, turn = step
            if turn.flow in (Flow.RETURN, Flow.INDIRECT_JUMP):
                return True
            if turn.flow not in (Flow.CALL, Flow.INDIRECT_CALL) or self.comes_back(found, deep + 1):
                waiting.extend(self._onward(found, turn))
        return False

    def _turns(self, waiting: list[int]) -> Iterator[tuple[int, Found, Turn] | None]:
        """Each instruction, with its address, that turns the flow on the ways from the addresses in ``waiting``, to which its reader adds where it leads.

        None, at the end, where code can't be read or is endless.
        """
        seen = set()
        while waiting:
            address = waiting.pop()
            if address in seen:
                continue
            seen.add(address)
            self.machine.effort.spend()
            found = self.at(address)
            if found is None or len(seen) > _LONGEST:
                yield None
                return
            if found.turn is not None:
                yield address, found, found.turn
            elif not self.machine.stops(found.raw):
                waiting.append(found.next)

    def _onward(self, found: Found, turn: Turn) -> list[int]:
        onward = [turn.target] if turn.target is not None and turn.flow is not Flow.CALL else []
        return [*onward, found.next] if turn.flow in FALLS_THROUGH and not self.bounds.tells_of(found.next) else onward

    def ends(self, entry: int) -> tuple[int, ...] | None:
        """Addresses of the return instructions of a function and of those that it ends with a jump to; None if not all are known."""
        if entry not in self._ends:
            self._ends[entry] = self._find_ends(entry)
        return self._ends[entry]

    def _find_ends(self, entry: int) -> tuple[int, ...] | None:
        waiting, ends = [entry], []
        for step in self._turns(waiting):
            if step is None:
                return None
            address, found, turn = step
            if turn.flow is Flow.RETURN:
                ends.append(address)
            elif turn.flow is Flow.INDIRECT_JUMP:
                onward = self.table_targets(found)
                if onward is None:
                    return None
                waiting.extend(onward)
            elif turn.flow not in (Flow.CALL, Flow.INDIRECT_CALL) or self.comes_back(found):
                waiting.extend(self._onward(found, turn))
        return tuple(ends)

    def may_begin(self, address: int) -> bool:
        """Whether a pointer there may be to a function: in code that tables tell of, functions begin where these say, where somebody calls, or behind padding."""
        piece = self.bounds.piece(address)
        told = self.bounds.tells_of
        if piece is None or told(address) or not told(piece[0]) or piece[0] == self.image.elf.entry:
            return True
        previous = self.before(address)
        found = self.at(previous[0]) if previous else None
        return found is None or self.machine.pads(found.raw) or bool(self.callers(address))

    def is_beginning(self, address: int) -> bool:
        """Whether a function may begin there that nothing leads to: a table says so, or it stands behind padding.

        Where a jump's table wasn't understood, anything may be one of its targets.
        """
        piece = self.piece(address)
        if self.bounds.tells_of(address):
            return True
        if piece is None or self.tables(piece).unresolved:
            return False
        if address % _LINE == 0 and not self.bounds.tells_of(piece.start):
            return True
        previous = self.before(address)
        found = self.at(previous[0]) if previous else None
        return found is None or self.machine.pads(found.raw)

    def is_never_run(self, address: int) -> bool:
        """Whether no byte refers to an address, not even by chance, where a table tells of a function; or the program ends above; or it is padding before such a function or before what is reached otherwise.

        So is glibc's ``__nptl_setxid`` in programs with threads that never change their user. Go's types name methods otherwise.
        """
        behind = self._behind_padding(address)
        if behind != address and any(edge.way is not Way.NEXT for edge in self.edges(behind)):
            return not self._is_named(address)
        if self._is_named(address) or self._is_named(behind):
            return False
        if self.bounds.tells_of(behind):
            return not self.bounds.is_go(behind)
        return self.is_behind_end(address)

    def _is_named(self, address: int) -> bool:
        references = self.references
        return bool(references.branches.at(address) or references.operands(address) or references.pointers.at(address))

    def _behind_padding(self, address: int) -> int:
        found = self.at(address)
        while found is not None and not self.bounds.tells_of(address) and self.machine.pads(found.raw):
            address = found.next
            found = self.at(address)
        return address

    def is_behind_end(self, address: int) -> bool:
        """Whether the instruction above ends the program."""
        previous = self.before(address)
        above = self.at(previous[0]) if previous else None
        return above is not None and above.turn is None and self.machine.halts(above.raw)
