"""A stretch of decoded instructions: the same for every machine. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from whit.packer.syscalls.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Addresses = array[int] | range | Marks
    """Sorted."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Instructions(Protocol[T_co]):
    """A piece's instructions: each is made when it is asked for, which costs less than to keep all."""

    def __getitem__(self, index: int, /) -> T_co: ...


class Flow(StrEnum):
    """Where execution goes on after an instruction that doesn't simply end."""

    JUMP = "jump"
    BRANCH = "jump on a condition"
    CALL = "call"
    INDIRECT_JUMP = "jump through a pointer"
    INDIRECT_CALL = "call through a pointer"
    RETURN = "return"
    STOP = "stop"
    KERNEL = "system call"


FALLS_THROUGH = frozenset({Flow.BRANCH, Flow.CALL, Flow.INDIRECT_CALL, Flow.KERNEL})


class Turn(NamedTuple):
    """An instruction's effect on the flow; ``target`` where it says one."""

    flow: Flow
    target: int | None = None


class Way(StrEnum):
    """How an instruction comes to be executed after another."""

    NEXT = "next"
    JUMP = "jump"
    CALL = "call"


class Edge(NamedTuple):
    """``way`` in from the instruction at ``address``."""

    address: int
    way: Way


_FLOWS = tuple(Flow)
_NUMBERS = {flow: number for number, flow in enumerate(_FLOWS)}
_NOWHERE = 0x80
"""Said of a turn that has no target."""

_NOWHERE_TURNS = tuple(map(Turn, _FLOWS))


def code_of(flow: Flow, *, told: bool) -> int:
    """A turn's flow, and whether its target is told, as a byte: see :meth:`Turns.add`."""
    return _NUMBERS[flow] | (0 if told else _NOWHERE)


class Turns:
    """The turns of a piece's instructions, by their numbers there: side by side, as there may be millions."""

    __slots__ = ("_flows", "_indexes", "_jumps", "_targets")

    def __init__(self) -> None:
        self._indexes, self._flows, self._targets = array("I"), bytearray(), array("Q")
        self._jumps: _Jumps | None = None

    def add(self, index: int, code: int, target: int) -> None:
        """One more, ``index`` being larger than all before: its flow by :func:`code_of`, and where to, or anything where that isn't told."""
        self._indexes.append(index)
        self._flows.append(code)
        self._targets.append(target)

    def extend(self, indexes: NDArray[np.int64], codes: NDArray[np.uint8], targets: NDArray[np.int64]) -> None:
        """Many more, in order."""
        self._indexes.frombytes(indexes.astype(np.uint32).tobytes())
        self._flows += codes.tobytes()
        self._targets.frombytes(targets.tobytes())

    def get(self, index: int) -> Turn | None:
        """The turn of an instruction; None if it has none."""
        at = bisect_left(self._indexes, index)
        if at == len(self._indexes) or self._indexes[at] != index:
            return None
        return self._turn(at)

    def __contains__(self, index: int) -> bool:
        at = bisect_left(self._indexes, index)
        return at < len(self._indexes) and self._indexes[at] == index

    def following(self, index: int) -> tuple[int, Turn] | None:
        """The first turn from an instruction on; None if none follows."""
        at = bisect_left(self._indexes, index)
        return (self._indexes[at], self._turn(at)) if at < len(self._indexes) else None

    def items(self) -> Iterator[tuple[int, Turn]]:
        """All of them, in order."""
        return ((index, self._turn(at)) for at, index in enumerate(self._indexes))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of all of them, and the targets of those that say one; copied."""
        flows, targets = np.frombuffer(self._flows, dtype=np.uint8), np.frombuffer(self._targets, dtype=np.int64)
        return np.frombuffer(self._indexes, dtype=np.uint32).astype(np.int64), targets[np.nonzero(flows < _NOWHERE)[0]]

    def of_flow(self, flow: Flow) -> Iterator[int]:
        """The numbers of the instructions that turn the flow so without saying where to, in order."""
        at, flows, wanted = -1, self._flows, _NUMBERS[flow] | _NOWHERE
        while (at := flows.find(wanted, at + 1)) >= 0:
            yield self._indexes[at]

    def _turn(self, at: int) -> Turn:
        flow = self._flows[at]
        return _NOWHERE_TURNS[flow & ~_NOWHERE] if flow & _NOWHERE else Turn(_FLOWS[flow], self._targets[at])

    def jumps_to(self, target: int) -> list[int]:
        """The numbers of the instructions that jump to an address, wherever that is: calls aren't among them."""
        if self._jumps is None:
            self._jumps = self._sorted()
        targets, indexes = self._jumps
        at, found = bisect_left(targets, target), []
        while at < len(targets) and targets[at] == target:
            found.append(indexes[at])
            at += 1
        return found

    def _sorted(self) -> _Jumps:
        flows = np.frombuffer(self._flows, dtype=np.uint8)
        jumps = np.nonzero((flows < _NOWHERE) & (flows != _NUMBERS[Flow.CALL]))[0]
        targets = np.frombuffer(self._targets, dtype=np.uint64)[jumps]
        order = np.argsort(targets, kind="stable")
        indexes = np.frombuffer(self._indexes, dtype=np.uint32)[jumps[order]]
        return _Jumps(array("Q", targets[order].tobytes()), array("I", indexes.tobytes()))


class _Jumps(NamedTuple):
    """Targets, sorted, and the numbers of the instructions that jump there."""

    targets: array[int]
    indexes: array[int]


@dataclass(slots=True)
class Piece(Generic[T]):
    """Instructions from ``start`` to ``end``: their addresses, themselves, and the turns of those that have one."""

    start: int
    end: int
    addresses: Addresses
    instructions: Instructions[T]
    turns: Turns

    def index(self, address: int) -> int | None:
        """The number of the instruction that begins at an address; None if none does."""
        at = self.index_before(address) + 1
        return at if at < len(self.addresses) and self.addresses[at] == address else None

    def index_before(self, address: int) -> int:
        """The number of the last instruction that begins before an address; -1 for none."""
        addresses = self.addresses
        if isinstance(addresses, range):
            return min(max((address - addresses.start - 1) // addresses.step, -1), len(addresses) - 1)
        return (addresses.below(address) if isinstance(addresses, Marks) else bisect_left(addresses, address)) - 1

    def jumps_to(self, address: int) -> list[int]:
        """The addresses of the piece's own jumps that lead there, wherever that is."""
        return [self.addresses[index] for index in self.turns.jumps_to(address)]
