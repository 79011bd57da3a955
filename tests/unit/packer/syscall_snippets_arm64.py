"""Small pieces of AArch64 code with the system calls that they can make: as the x86-64 ones, in llvm-mc's syntax."""

from __future__ import annotations

from tests.unit.packer.syscall_snippets import snippets_of

_ROWS = """
a number right before the call
    mov x8, #172; svc #0
    881580d2010000d4
    172
another number in the instruction
    mov w8, #172; svc #7
    88158052e10000d4
    172
a number of ones in a pattern
    orr w8, wzr, #0xf8; svc #0
    e8131d32010000d4
    248
two ways to one call
    cbz x0, other; mov w8, #1; b both; other: mov w8, #2; both: svc #0
    600000b4280080520200001448008052010000d4
    1 2
a choice
    mov w8, #3; mov w9, #4; cmp w0, #0; csel w8, w9, w8, eq; svc #0
    68008052890080521f0000712801881a010000d4
    3 4
a condition as a number
    cmp w0, #0; cset w8, ne; add w8, w8, #5; svc #0
    1f000071e8079f1a08150011010000d4
    5 6
a difference that is zero or all ones
    cmp w0, #1; csetm w8, lo; and w8, w8, #3; add w8, w8, #7; svc #0
    1f040071e8239f5a08050012081d0011010000d4
    7 10
a comparison that says the number
    cmp w0, #9; b.ne out; mov w8, w0; svc #0; out: ret
    1f24007161000054e803002a010000d4c0035fd6
    9
a result that is zero where it is jumped on
    subs w0, w0, w1; b.eq zero; ret; zero: mov w8, w0; svc #0; ret
    0000016b40000054c0035fd6e803002a010000d4c0035fd6
    0
an argument of a wrapper
    mov w0, #11; bl wrapper; mov w0, #12; bl wrapper; ret; nop; wrapper: mov w8, w0; svc #0; ret
    60018052050000948001805203000094c0035fd61f2003d5e803002a010000d4c0035fd6
    11 12
a wrapper of a wrapper, left by a jump
    mov w0, #13; bl outer; ret; nop; outer: mov w1, w0; b inner; nop; inner: uxtw x8, w1; svc #0; ret
    a001805203000094c0035fd61f2003d5e103002a020000141f2003d5287c40d3010000d4c0035fd6
    13
the stack
    mov w9, #14; str x9, [sp, #-16]!; ldr x8, [sp], #16; svc #0
    c9018052e90f1ff8e80741f8010000d4
    14
two slots of the stack, over a call
    mov w9, #15; stp xzr, x9, [sp, #-32]!; bl other; ldp x10, x8, [sp], #32; svc #0; ret; nop; other: mov x1, xzr; ret
    e9018052ff27bea905000094ea23c2a8010000d4c0035fd61f2003d5e1031faac0035fd6
    15
a slot that is named from two registers
    stp x29, x30, [sp, #-32]!; mov x29, sp; mov w9, #16; str w9, [x29, #24]; ldr w8, [sp, #24]; svc #0; ldp x29, x30, [sp], #32; ret
    fd7bbea9fd03009109028052a91b00b9e81b40b9010000d4fd7bc2a8c0035fd6
    16
an argument on the stack
    mov w9, #17; str x9, [sp, #8]; bl wrapper; ret; nop; wrapper: str x30, [sp, #-32]!; ldr x8, [sp, #40]; svc #0; ret
    29028052e90700f903000094c0035fd61f2003d5fe0f1ef8e81740f9010000d4c0035fd6
    17
a register that a function keeps
    mov w19, #18; bl other; mov w8, w19; svc #0; ret; nop; other: mov x1, xzr; ret
    5302805205000094e803132a010000d4c0035fd61f2003d5e1031faac0035fd6
    18
a function's result
    bl other; mov w8, w0; svc #0; ret; nop; other: mov w0, #19; ret
    05000094e803002a010000d4c0035fd61f2003d560028052c0035fd6
    19
a structure that is handed over
    sub sp, sp, #32; mov x0, sp; mov w9, #20; str w9, [sp, #8]; bl wrapper; ret; nop; wrapper: ldr w8, [x0, #8]; svc #0; ret
    ff8300d1e003009189028052e90b00b903000094c0035fd61f2003d5080840b9010000d4c0035fd6
    20
a structure that is copied as a whole
    sub sp, sp, #48; mov w9, #21; str w9, [sp, #8]; ldr q0, [sp]; str q0, [sp, #16]; ldr w8, [sp, #24]; svc #0
    ffc300d1a9028052e90b00b9e003c03de007803de81b40b9010000d4
    21
a structure that is cleared as a whole
    movi v0.2d, #0; stp q0, q0, [sp, #-32]!; ldr w8, [sp, #20]; svc #0
    00e4006fe003bfade81740b9010000d4
    0
a function that is handed over with its argument
    adr x0, callee; mov w1, #22; bl run; ret; nop; run: mov x9, x0; mov w0, w1; blr x9; ret; nop; callee: mov w8, w0; svc #0; ret
    40010010c102805203000094c0035fd61f2003d5e90300aae003012a20013fd6c0035fd61f2003d5e803002a010000d4c0035fd6
    22
a function whose address is made of a page and the rest
    adrp x9, #0; add x0, x9, #168; mov w1, #23; bl run; ret; nop; run: mov x9, x0; mov w0, w1; br x9; nop; callee: mov w8, w0; svc #0; ret
    0900009020a10291e102805203000094c0035fd61f2003d5e90300aae003012a20011fd61f2003d5e803002a010000d4c0035fd6
    23
a loop and recursion
    mov w0, #23; bl again; ret; nop; again: cbz w1, done; sub w1, w1, #1; bl again; b again; done: mov w8, w0; svc #0; mov w0, #24; b again
    e002805203000094c0035fd61f2003d58100003421040051feffff97fdffff17e803002a010000d400038052f9ffff17
    23 24
a table of distances
    adr x1, table; ldrsw x2, [x1, x0, lsl #2]; add x2, x2, x1; mov w8, #25; br x2; first: mov w8, #26; second: svc #0; ret; table: .long first-table, second-table, -0x7fffffff
    010100102278a0b84200018b2803805240001fd648038052010000d4c0035fd6f4fffffff8ffffff01000080
    25 26
a table of bytes
    adr x1, table; adr x3, first; ldrb w2, [x1, x0]; add x3, x3, x2, lsl #2; mov w8, #27; br x3; first: mov w8, #28; second: svc #0; ret; table: .byte 0, 1, 0, 1
    21010010a3000010226860386308028b6803805260001fd688038052010000d4c0035fd600010001
    27 28
a function that doesn't return
    cbnz w0, good; bl end; bad: mov w8, w1; good2: svc #0; ret; good: mov w8, #29; b good2; nop; end: brk #1; b end
    a000003507000094e803012a010000d4c0035fd6a8038052fdffff171f2003d5200020d4ffffff17
    29
a number beside the code
    ldr w8, number; svc #0; ret; number: .long 30
    68000018010000d4c0035fd61e000000
    30
a store that others see in order, and a load of it
    mov w0, #31; sub x1, sp, #16; stlr w0, [x1]; ldar w8, [x1]; mov w8, w0; svc #0
    e0038052e14300d120fc9f8828fcdf88e803002a010000d4
    31
a number that is put into a variable in order, and taken from it
    mov w0, #32; mov x1, sp; stlr w0, [x1]; ldr w8, [sp]; svc #0
    00048052e103009120fc9f88e80340b9010000d4
    32
a pointer to a function in a structure
    adr x0, structure; mov w1, #34; bl user; ret; nop; user: stp x0, x30, [sp, #-16]!; mov w0, w1; ldr x9, [sp]; ldr x9, [x9, #8]; blr x9; ldp x1, x30, [sp], #16; ret; nop; enter: mov w8, w0; svc #0; ret; nop; empty: ret; .balign 8; structure: .quad empty; .quad enter
    400200104104805203000094c0035fd61f2003d5e07bbfa9e003012ae90340f9290540f920013fd6e17bc1a8c0035fd61f2003d5e803002a010000d4c0035fd61f2003d5c0035fd6c400400000000000b400400000000000
    34
a structure that is handed over and filled by the frame's register, behind a jump
    bl first; ret; first: stp x29, x30, [sp, #-48]!; mov x29, sp; cbnz w0, fill; ret; fill: add x0, x29, #16; mov w1, #172; str w1, [x29, #16]; bl wrapper; ldp x29, x30, [sp], #48; ret; nop; wrapper: ldr w8, [x0]; svc #0; ret
    02000094c0035fd6fd7bbda9fd03009140000035c0035fd6a043009181158052a11300b904000094fd7bc3a8c0035fd61f2003d5080040b9010000d4c0035fd6
    172
"""

SNIPPETS = snippets_of(_ROWS)
