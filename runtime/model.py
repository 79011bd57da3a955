"""The launch plan: what the compiler makes and the launcher executes."""

from __future__ import annotations

from whit.packer.support.light import dataclass

Value = int | str | bytes | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: a name of runtime/opcodes.py's table, its arguments in the table's order, and why it is there.

    ``why`` is shown to people: in ``whit plan``, and when the operation fails.
    """

    name: str
    args: tuple[Value, ...]
    why: str


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """Operations in the order of their execution; guards come first."""

    version: int
    ops: tuple[Op, ...]
