"""Small pieces of x86-64 code with the system calls that they can make, for the tests of what finds these.

Each is what it shows, its assembler text (GNU as, Intel's syntax), its bytes, and the numbers of its calls.
"""

from __future__ import annotations

from typing import NamedTuple


class Snippet(NamedTuple):
    """One piece of code; it begins at the executable's entry."""

    shows: str
    text: str
    code: bytes
    numbers: frozenset[int]


_ROWS = """
a number right before the call
    mov eax, 39; syscall
    b8270000000f05
    39
a register that is cleared
    xor eax, eax; syscall
    31c00f05
    0
a number of one byte over a cleared register
    xor eax, eax; mov al, 56; syscall
    31c0b0380f05
    56
two ways to one call
    test edi, edi; je other; mov eax, 1; jmp both; other: mov eax, 2; both: syscall
    85ff7407b801000000eb05b8020000000f05
    1 2
a conditional move
    mov eax, 3; mov ecx, 4; test edi, edi; cmovne eax, ecx; syscall
    b803000000b90400000085ff0f45c10f05
    3 4
a condition as a number
    xor eax, eax; test edi, edi; setne al; add eax, 5; syscall
    31c085ff0f95c083c0050f05
    5 6
a difference that is zero or all ones
    cmp edi, 1; sbb eax, eax; and eax, 3; add eax, 7; syscall
    83ff0119c083e00383c0070f05
    7 10
a comparison that says the number
    cmp edi, 9; jne out; mov eax, edi; syscall; out: ret
    83ff09750489f80f05c3
    9
a result that is zero where it is jumped on
    sub edi, esi; je zero; ret; zero: mov eax, edi; syscall; ret
    29f77401c389f80f05c3
    0
an argument of a wrapper
    mov edi, 11; call wrapper; mov edi, 12; call wrapper; ret; nop; wrapper: mov eax, edi; syscall; ret
    bf0b000000e80c000000bf0c000000e802000000c39089f80f05c3
    11 12
a wrapper of a wrapper, left by a jump
    mov edi, 13; call outer; ret; nop; outer: mov esi, edi; jmp inner; nop; inner: mov eax, esi; syscall; ret
    bf0d000000e802000000c39089feeb019089f00f05c3
    13
the stack
    push 14; pop rax; syscall
    6a0e580f05
    14
a slot of the stack, over a call
    mov dword ptr [rsp-8+16], 15; sub rsp, 24; call other; mov eax, [rsp+32]; syscall; ret; nop; other: xor ecx, ecx; ret
    c74424080f0000004883ec18e8080000008b4424200f05c39031c9c3
    15
a slot that is named from two registers
    push rbp; mov rbp, rsp; sub rsp, 16; mov dword ptr [rbp-8], 16; mov eax, [rsp+8]; syscall; leave; ret
    554889e54883ec10c745f8100000008b4424080f05c9c3
    16
an argument on the stack
    push 17; call wrapper; pop rcx; ret; nop; wrapper: mov eax, [rsp+8]; syscall; ret
    6a11e80300000059c3908b4424080f05c3
    17
a register that a function keeps
    mov ebx, 18; call other; mov eax, ebx; syscall; ret; nop; other: xor ecx, ecx; ret
    bb12000000e80600000089d80f05c39031c9c3
    18
a function's result
    call other; syscall; ret; nop; other: mov eax, 19; ret
    e8040000000f05c390b813000000c3
    19
a structure that is handed over
    sub rsp, 24; lea rdi, [rsp]; mov dword ptr [rsp+8], 20; call wrapper; ret; nop; wrapper: mov eax, [rdi+8]; syscall; ret
    4883ec18488d3c24c744240814000000e802000000c3908b47080f05c3
    20
a structure that is copied as a whole
    sub rsp, 40; mov dword ptr [rsp+8], 21; movups xmm0, [rsp]; movups [rsp+16], xmm0; mov eax, [rsp+24]; syscall
    4883ec28c7442408150000000f1004240f114424108b4424180f05
    21
a function that is handed over with its argument
    lea rdi, [rip+callee]; mov esi, 22; call run; ret; nop; run: mov rax, rdi; mov edi, esi; call rax; ret; nop; callee: mov eax, edi; syscall; ret
    488d3d15000000be16000000e802000000c3904889f889f7ffd0c39089f80f05c3
    22
a loop and recursion
    mov edi, 23; call again; ret; nop; again: test esi, esi; je done; dec esi; call again; jmp again; done: mov eax, edi; syscall; mov edi, 24; jmp again
    bf17000000e802000000c39085f67409ffcee8f5ffffffebf389f80f05bf18000000ebe8
    23 24
a table of jumps
    lea rcx, [rip+table]; movsxd rax, dword ptr [rcx+rdi*4]; add rax, rcx; mov edx, 25; jmp rax; first: mov edx, 26; second: mov eax, edx; syscall; ret; .balign 4; table: .long first-table, second-table, -0x7fffffff
    488d0d19000000486304b94801c8ba19000000ffe0ba1a00000089d00f05c390f5fffffffaffffff01000080
    25 26
a jump over a prefix
    mov eax, 27; test edi, edi; je 1f; .byte 0xf0; 1: add dword ptr [rsp], 0; syscall
    b81b00000085ff7401f0830424000f05
    27
a function that doesn't return
    test edi, edi; jne good; call end; bad: mov eax, esi; good2: syscall; ret; good: mov eax, 28; jmp good2; nop; end: hlt; jmp end
    85ff750ae80d00000089f00f05c3b81c000000ebf690f4ebfd
    28
a number that is put together of bytes
    mov al, 29; jmp common; mov al, 30; common: mov ah, 0; movzx eax, ax; syscall
    b01deb02b01eb4000fb7c00f05
    29 30
numbers that are put side by side in a vector
    mov eax, 31; mov ecx, 7; movd xmm0, ecx; movd xmm1, eax; punpckldq xmm0, xmm1; sub rsp, 24; movups [rsp], xmm0; mov eax, [rsp+4]; syscall
    b81f000000b907000000660f6ec1660f6ec8660f62c14883ec180f1104248b4424040f05
    31
a number that is put into a vector and moved there
    mov eax, 32; xorps xmm0, xmm0; pinsrd xmm0, eax, 3; pshufd xmm1, xmm0, 0x4e; sub rsp, 24; movups [rsp], xmm1; mov eax, [rsp+4]; syscall
    b8200000000f57c0660f3a22c003660f70c84e4883ec180f110c248b4424040f05
    32
a pointer in a register, before a call through a table that doesn't return
    lea r12, [rip+enter]; mov edi, 33; call r12; test eax, eax; je out; call [rip+table]; nop; other: push r12; pop r12; out: ret; nop; enter: mov eax, edi; syscall; ret; end: hlt; jmp end; .balign 8; table: .quad end
    4c8d2519000000bf2100000041ffd485c0740bff150f000000904154415cc39089f80f05c3f4ebfda500400000000000
    33
a result that is zero where it is jumped on, and was moved meanwhile
    sub edi, esi; mov [rsp-8], rdi; mov rax, rdi; je zero; mov eax, 35; zero: syscall; ret
    29f748897c24f84889f87405b8230000000f05c3
    0 35
a pointer to a function in a structure
    lea rdi, [rip+structure]; mov esi, 34; call user; ret; nop; user: sub rsp, 24; mov [rsp+8], rdi; mov edi, esi; mov rax, [rsp+8]; call [rax+8]; add rsp, 24; ret; nop; enter: mov eax, edi; syscall; ret; nop; empty: ret; .balign 8; structure: .quad empty; .quad enter
    488d3d31000000be22000000e802000000c3904883ec1848897c240889f7488b442408ff50084883c418c39089f80f05c390c30f1f440000b200400000000000ac00400000000000
    34
a structure that is handed over and filled by the frame's register, behind a jump
    call first; ret; first: push rbp; mov rbp, rsp; sub rsp, 0x30; test edi, edi; jne fill; ret; fill: lea rdi, [rbp-0x30]; mov dword ptr [rbp-0x30], 36; call wrapper; leave; ret; nop; wrapper: mov eax, [rdi]; syscall; ret
    e801000000c3554889e54883ec3085ff7501c3488d7dd0c745d024000000e803000000c9c3908b070f05c3
    36
a structure that is filled by its pointer and read by the frame's register
    call first; ret; first: push rbp; mov rbp, rsp; sub rsp, 0x30; test edi, edi; jne fill; ret; fill: lea rdi, [rbp-0x30]; mov dword ptr [rdi], 37; mov edx, 1; mov eax, [rbp-0x30]; syscall; ret
    e801000000c3554889e54883ec3085ff7501c3488d7dd0c70725000000ba010000008b45d00f05c3
    37
a pointer to a function that is handed to one through a slot that never changes
    lea rdi, [rip+enter]; mov esi, 38; call [rip+slot]; ret; nop; run: mov rax, rdi; mov edi, esi; jmp rax; nop; enter: mov eax, edi; syscall; ret; .balign 8; slot: .quad run
    488d3d15000000be26000000ff1516000000c3904889f889f7ffe09089f80f05c30f1f80000000009400400000000000
    38
"""


def snippets_of(rows: str) -> tuple[Snippet, ...]:
    """Those of which ``rows`` tells, in four lines each."""
    lines = [line.strip() for line in rows.strip().splitlines()]
    quartets = zip(lines[::4], lines[1::4], lines[2::4], lines[3::4], strict=True)
    return tuple(
        Snippet(shows, text, bytes.fromhex(code), frozenset(map(int, numbers.split())))
        for shows, text, code, numbers in quartets
    )


SNIPPETS = snippets_of(_ROWS)
