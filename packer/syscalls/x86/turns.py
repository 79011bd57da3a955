"""Which x86-64 instructions turn the flow, and where to. Pure (Intel SDM, volume 2: CALL, JMP, Jcc, LOOP, RET)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from iced_x86 import FlowControl, Mnemonic

from whit.packer.syscalls.pieces import Flow, code_of
from whit.packer.syscalls.references import numbers_at
from whit.packer.syscalls.x86.lengths import ESCAPE, LONGEST, REX, UPPER

if TYPE_CHECKING:
    from iced_x86 import Instruction

    from whit.packer.syscalls.references import Numbers
    from whit.packer.syscalls.x86.lengths import Bytes

_WITH_TARGET = {Flow.JUMP, Flow.BRANCH, Flow.CALL}


def _coded(flow: Flow) -> int:
    return code_of(flow, told=flow in _WITH_TARGET)


_CODES = {
    FlowControl.UNCONDITIONAL_BRANCH: _coded(Flow.JUMP),
    FlowControl.INDIRECT_BRANCH: _coded(Flow.INDIRECT_JUMP),
    FlowControl.CONDITIONAL_BRANCH: _coded(Flow.BRANCH),
    FlowControl.RETURN: _coded(Flow.RETURN),
    FlowControl.CALL: _coded(Flow.CALL),
    FlowControl.INDIRECT_CALL: _coded(Flow.INDIRECT_CALL),
    FlowControl.INTERRUPT: _coded(Flow.STOP),
    FlowControl.EXCEPTION: _coded(Flow.STOP),
}
_KERNEL = {Mnemonic.SYSCALL, Mnemonic.SYSENTER}
_TO_KERNEL = _coded(Flow.KERNEL)

_POINTER = 0xFF
_REG = 0x38
"""Bits of ModR/M that are a part of the opcode."""
_BY_POINTER = {0x10: Flow.INDIRECT_CALL, 0x20: Flow.INDIRECT_JUMP}


def turn_of(instruction: Instruction) -> tuple[int, int] | None:
    """What an instruction does to the flow, by its code, and its target or 0; None if it simply ends."""
    kind = instruction.flow_control
    code = _CODES.get(kind)
    if code is None or (kind == FlowControl.INTERRUPT and instruction.mnemonic != Mnemonic.INT3):
        return None
    return (_TO_KERNEL, 0) if instruction.mnemonic in _KERNEL else (code, instruction.near_branch_target)


def _table(flow: Flow, others: dict[Flow, tuple[int, ...]]) -> Bytes:
    table = np.full(256, _coded(flow), dtype=np.uint8)
    for one, opcodes in others.items():
        table[list(opcodes)] = _coded(one)
    return table


_SHORT = (*range(0x70, 0x80), *range(0xE0, 0xE4), 0xEB)
_BARE = _table(
    Flow.STOP,
    {
        Flow.BRANCH: _SHORT[:-1],
        Flow.JUMP: (0xE9, 0xEB),
        Flow.CALL: (0xE8,),
        Flow.RETURN: (0xC2, 0xC3),
    },
)
_ESCAPED = _table(Flow.STOP, {Flow.BRANCH: tuple(range(0x80, 0x90)), Flow.KERNEL: (0x05,)})
_IS_SHORT = np.zeros(256, dtype=np.bool_)
_IS_SHORT[list(_SHORT)] = True


def told_turns(code: bytes, at: Numbers) -> tuple[Bytes, Numbers]:
    """The flows, by their codes, and the targets, counted as ``at`` is, of instructions there that lengths.py says to turn the flow."""
    byte = np.frombuffer(code + bytes(LONGEST), dtype=np.uint8)
    at = at + (byte.take(at) & UPPER == REX)
    opcode, second = byte.take(at), byte.take(at + 1)
    escaped = opcode == ESCAPE
    codes = np.where(escaped, _ESCAPED.take(second), _BARE.take(opcode))
    for reg, flow in _BY_POINTER.items():
        codes[(opcode == _POINTER) & (second & _REG == reg)] = _coded(flow)
    short = at + second.view(np.int8) + 2
    at += escaped
    return codes, np.where(_IS_SHORT.take(opcode), short, at + numbers_at(byte, at + 1) + 5)
