"""Registers that point into the stack, brought back to the stack pointer: so that one slot has one name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.syscalls.locations import Deed, From, Memory, Register, signed
from whit.packer.syscalls.pieces import Flow

if TYPE_CHECKING:
    from whit.packer.syscalls.locations import Location, Source
    from whit.packer.syscalls.machine import Machine
    from whit.packer.syscalls.pieces import Piece

_FARTHEST = 60
"""Instructions that are looked back over."""


def as_slot(machine: Machine, piece: Piece[Any], index: int, location: Location) -> Location:
    """``location``, as it is after instruction ``index``, from the stack pointer if its base is known to point into the stack."""
    if not isinstance(location, Memory) or not isinstance(location.base, Register) or location.base == machine.stack:
        return location
    distance = _from(machine, piece, index, location.base, machine.stack)
    return location if distance is None else Memory(machine.stack, location.offset + distance)


def apart(machine: Machine, piece: Piece[Any], index: int, register: Register, other: Register) -> int | None:
    """What one register holds more than another, both after instruction ``index``, if one is made of the other; else None.

    So is a structure's address handed on, while the structure is filled from the frame's.
    """
    distance = _from(machine, piece, index, register, other)
    if distance is not None:
        return distance
    distance = _from(machine, piece, index, other, register)
    return None if distance is None else -distance


def _from(machine: Machine, piece: Piece[Any], index: int, register: Register, base: Register) -> int | None:
    """What the register holds more than ``base``, both after instruction ``index``; None if that isn't known.

    The straight line above is looked at, up to where something else may come in.
    """
    moved = 0
    for at in range(index, max(index - _FARTHEST, -1), -1):
        machine.effort.spend()
        turn, raw = piece.turns.get(at), piece.instructions[at]
        if turn is None:
            source, change = machine.before(raw, register), machine.before(raw, base)
            origin = _origin(source) if source is not None else None
            if source is not None and (origin is None or change is not None):
                return None
            if origin is not None and origin[0] == base:
                return origin[1] - moved
            if origin is not None:
                register, moved = origin[0], moved - origin[1]
            elif change is not None:
                shift = shift_of(change, base)
                if shift is None:
                    return None
                moved += shift
        elif not _passes(machine, turn.flow, register) or not _passes(machine, turn.flow, base):
            return None
        if piece.jumps_to(piece.addresses[at]):
            return None
    return None


def _origin(sources: tuple[Source, ...]) -> tuple[Register, int] | None:
    """The register, and what is added to it, if that is all that a value is."""
    if len(sources) != 1 or not isinstance(sources[0], From) or not isinstance(sources[0].location, Register):
        return None
    shift = _shift(sources[0])
    return None if shift is None else (sources[0].location, shift)


def _passes(machine: Machine, flow: Flow, register: Register) -> bool:
    """Whether the register is the same behind an instruction that has a turn."""
    if register == machine.stack:
        return flow in (Flow.CALL, Flow.INDIRECT_CALL, Flow.BRANCH, Flow.KERNEL)
    if flow in (Flow.CALL, Flow.INDIRECT_CALL):
        return register.number in machine.kept
    return flow is Flow.BRANCH or (flow is Flow.KERNEL and register.number in machine.kept)


def _shift(source: From) -> int | None:
    if source.operation is None:
        return 0
    return signed(source.operation.operand) if source.operation.deed is Deed.ADD else None


def shift_of(sources: tuple[Source, ...], register: Register) -> int | None:
    """By how much an instruction that leaves ``sources`` in a register, as the stack pointer, moves it."""
    if len(sources) != 1 or not isinstance(sources[0], From) or sources[0].location != register:
        return None
    return _shift(sources[0])


def holders_after(machine: Machine, raw: Any, slot: Memory) -> list[Register | Memory]:  # noqa: ANN401 - the machine's own
    """What holds, after an instruction that has no turn, what lay in a slot of the stack before: it may be loaded, overwritten, or move with the stack pointer."""
    held: list[Register | Memory] = []
    target = machine.target(raw)
    if target is not None and machine.before(raw, target) == (From(slot),):
        held.append(target)
    moved = machine.before(raw, machine.stack)
    if moved is None:
        return [*held, slot] if machine.before(raw, slot) is None else held
    shift = shift_of(moved, machine.stack)
    if shift is not None and slot.offset >= shift:
        after = Memory(slot.base, slot.offset - shift)
        if machine.before(raw, after) == (From(slot),):
            held.append(after)
    return held
