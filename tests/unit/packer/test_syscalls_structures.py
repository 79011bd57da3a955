"""Pointers to functions that stand in data: who takes them out is found, or told to be unknown."""

from __future__ import annotations

import pytest

from tests.programs.make_elf import EXECUTE, READ, Elf, Segment
from whit.packer.syscalls.analyse import find

NOBODY_NAMES_IT = bytes.fromhex("eb079089f80f05c390c3660f1f4400008300400000000000")
"""jmp out; nop; enter: mov eax, edi; syscall; ret; nop; out: ret; .balign 8; .quad enter"""

HANDED_TO_AN_UNKNOWN_FUNCTION = bytes.fromhex(
    "488d3d11000000ffd6c39089f80f05c3900f1f800000000000000000000000008b00400000000000"
)
"""lea rdi, [rip+structure]; call rsi; ret; nop; enter: mov eax, edi; syscall; ret; .balign 8; structure: .quad 0; .quad enter"""

READ_BY_A_NUMBER = bytes.fromhex("488d3d1100000089d1ff14cfc39089f80f05c3900f1f400000000000000000008e00400000000000")
"""lea rdi, [rip+structure]; mov ecx, edx; call [rdi+rcx*8]; ret; nop; enter: as above; structure: as above"""


@pytest.mark.parametrize("code", [NOBODY_NAMES_IT, HANDED_TO_AN_UNKNOWN_FUNCTION, READ_BY_A_NUMBER])
def test_a_pointer_that_anybody_may_take_out_of_its_structure_is_unknown(code: bytes) -> None:
    found = find(Elf(segments=(Segment(code, flags=READ | EXECUTE),)).build())

    assert [lack.reason.partition(" at ")[0] for lack in found.unknown] == ["a pointer to it stands"]
    assert not found.complete
