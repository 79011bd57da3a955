"""Where the program enters the kernel. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from whit.packer.syscalls.program import Program


class Site(NamedTuple):
    """An instruction that enters the kernel; for ``kind`` see :meth:`Machine.enters_kernel`."""

    address: int
    kind: str


MOST = 5_000
"""Of which the numbers are looked for: real programs have up to 440."""


def sites(program: Program) -> list[Site]:
    """All of them, or one more than :data:`MOST`: the bytes are looked for, and are one where the code around has an instruction there."""
    found = []
    for part in program.image.code:
        for address in program.machine.kernel_entries(program.image, part):
            instruction = program.at(address)
            kind = program.machine.enters_kernel(instruction.raw) if instruction is not None else None
            if kind is not None:
                found.append(Site(address, kind))
            if len(found) > MOST:
                return found
        program.image.let_go()
    return sorted(found)
