"""A stretch of decoded instructions: the same for every machine. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


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


@dataclass(slots=True)
class Piece(Generic[T]):
    """Instructions from ``start`` to ``end``: their addresses, themselves, and the turns of those that have one, by index.

    ``incoming`` are the piece's own jumps, target → addresses of the jumps, wherever they lead.
    """

    start: int
    end: int
    addresses: Sequence[int]
    instructions: list[T]
    turns: dict[int, Turn]
    incoming: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, turn in self.turns.items():
            if turn.target is not None and turn.flow is not Flow.CALL:
                self.incoming.setdefault(turn.target, []).append(self.addresses[index])

    def index(self, address: int) -> int | None:
        """The number of the instruction that begins at an address; None if none does."""
        at = bisect_left(self.addresses, address)
        return at if at < len(self.addresses) and self.addresses[at] == address else None

    def index_before(self, address: int) -> int:
        """The number of the last instruction that begins before an address; -1 for none."""
        return bisect_left(self.addresses, address) - 1
