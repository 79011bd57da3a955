"""Run a filter program as the kernel would, for tests and for explaining a filter. Pure.

Only what the kernel's own check admits is understood (kernel/seccomp.c, ``seccomp_check_filter``) and only what our
programs use of it; anything else is an error, as is a jump or a load that leaves its bounds.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import InvalidFileError
from whit.runtime.seccomp.architecture import architecture_of, syscall_numbers
from whit.runtime.seccomp.graph import (
    AND,
    IF_ANY_BIT,
    IF_EQUAL,
    IF_GREATER,
    IF_GREATER_EQUAL,
    JUMP,
    LOAD,
    RETURN,
)

DATA_SIZE = 64
WORD_SIZE = 4


def _holds(code: int, accumulator: int, k: int) -> bool:
    if code == IF_EQUAL:
        return accumulator == k
    if code == IF_GREATER:
        return accumulator > k
    if code == IF_GREATER_EQUAL:
        return accumulator >= k
    if code == IF_ANY_BIT:
        return accumulator & k != 0
    raise InvalidFileError(f"filter program: unknown instruction {code:#x}")


def _seccomp_data(architecture: str, number: int, arguments: tuple[int, ...]) -> bytes:
    """``struct seccomp_data`` (include/uapi/linux/seccomp.h) in the architecture's byte order."""
    known = architecture_of(architecture)
    order = "<" if known.byte_order == "little" else ">"
    padded = (*arguments, *[0] * (6 - len(arguments)))
    return struct.pack(f"{order}IIQ6Q", number, known.audit, 0, *padded)


def run(program: bytes, architecture: str, number: int, arguments: tuple[int, ...] = ()) -> int:
    """The 32-bit return value for a call of ``architecture``; the program is of the same byte order.

    Raises :class:`InvalidFileError` for a program that the kernel would not load.
    """
    order = architecture_of(architecture).byte_order
    instructions = list(struct.iter_unpack("<HBBI" if order == "little" else ">HBBI", program))
    data = _seccomp_data(architecture, number, arguments)
    accumulator = 0
    position = 0
    while position < len(instructions):
        code, jump_true, jump_false, k = instructions[position]
        position += 1
        if code == LOAD:
            if k % WORD_SIZE or k >= DATA_SIZE:
                raise InvalidFileError(f"filter program: load at {k}, outside of the call's data")
            accumulator = int.from_bytes(data[k : k + WORD_SIZE], order)
        elif code == AND:
            accumulator &= k
        elif code == JUMP:
            position += k
        elif code == RETURN:
            return int(k)
        else:
            position += jump_true if _holds(code, accumulator, k) else jump_false
    raise InvalidFileError("filter program: it runs over its end")


def run_named(program: bytes, architecture: str, name: str, arguments: tuple[int, ...] = ()) -> int:
    """As :func:`run`, for a call by its name. Raises ``KeyError`` for a name that the architecture doesn't have."""
    return run(program, architecture, syscall_numbers(architecture)[name], arguments)
