"""What follows an x86-64 opcode, as far as compilers use it. Pure (Intel SDM, volume 2, chapter 2 and appendix A)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

LENGTH, TURNS, BASED, ASK, WORD = 0x0F, 0x10, 0x20, 0x40, 0x80
"""Of an opcode with the byte behind it: how many bytes there are from the opcode on; the flow is turned; four more if SIB's base is none; it isn't told
here; the immediate number has four bytes, but only two behind the prefix 66."""

PREFIX = ASK | TURNS
"""No opcode, but a prefix other than REX."""


class Opcodes(IntEnum):
    """Of one byte; behind 0F, and prefixes that change what is there; behind LOCK; behind several of these."""

    ONE = 0
    TWO = 1
    TWO_66 = 2
    TWO_F3 = 3
    TWO_F2 = 4
    LOCKED_ONE = 5
    LOCKED_TWO = 6
    UNUSUAL = 7


_NUMBER, _FOUR = 0b111, 0b100
_ONLY_MEMORY, _ONLY_REGISTER, _MODRM = 1 << 3, 1 << 5, 1 << 7
_FORMS = {
    ".": ASK,
    "p": PREFIX,
    "0": 0,
    "1": 1,
    "3": 3,
    "4": _FOUR,
    "m": _MODRM,
    "M": _MODRM | _ONLY_MEMORY,
    "R": _MODRM | _ONLY_REGISTER,
    "b": _MODRM | 1,
    "B": _MODRM | _ONLY_REGISTER | 1,
    "i": _MODRM | _FOUR,
    "r": TURNS,
    "w": TURNS | 2,
    "s": TURNS | 1,
    "d": TURNS | _FOUR,
}
"""Not told; a prefix; nothing or a number; ModR/M, of memory or of a register only, and a number; the same of what turns the flow.
What is no instruction ends it, and has a byte behind it, as iced-x86 counts."""

_BARE = """
    mmmm 14ss mmmm 14s.  mmmm 14ss mmmm 14ss
    mmmm 14ps mmmm 14ps  mmmm 14ps mmmm 14ps
    .... .... .... ....  0000 0000 0000 0000
    ss.m ppp. 4i1b 0000  ssss ssss ssss ssss
    bisb mmmm mmmm .M..  0000 0000 00s0 0000
    .... 0000 1400 0000  1111 1111 4444 4444
    bbwr ..bi 30.. r.s.  mmmm s.s0 mMMM mMMM
    ssss 1111 ddss 0000  p.pp 00mm 0000 00mm
"""

_ESCAPED = """
    m.mm .r0. 00.r .m0.  mmmM mmmM mmmm mmmm
    .... .... mmmM mmmm  0000 ...0 .... ....
    mmmm mmmm mmmm mmmm  Rmmm mmmm mmmm mmmm
    mmmm mmmm mmmm ..mm  b... mmm0 mm.. ..mm
    dddd dddd dddd dddd  mmmm mmmm mmmm mmmm
    000m bm.. 00.m bm.m  mmMm MMmm ..bm mmmm
    mmbM bBb. 0000 0000  .mmm mm.R mmmm mmmm
    mmmm mm.M mmmm mmmm  .mmm mmmR mmmm mmm.
"""

_ESCAPED_66 = """
    m.mm .r0. 00.r .m0.  mmMM mmMM mmmm mmmm
    .... .... mmmM mmmm  0000 .... .... ....
    mmmm mmmm mmmm mmmm  Rm.. mmmm mmmm mmmm
    mmmm mmmm mmmm mmmm  b... mmm. .R.. mmmm
    dddd dddd dddd dddd  mmmm mmmm mmmm mmmm
    000m bm.. 00.m bm.m  mmMm MMmm ..bm mmmm
    mmb. bBb. 0000 0000  mmmm mmmR mmmm mmmm
    mmmm mmmM mmmm mmmm  .mmm mmmR mmmm mmm.
"""

_ESCAPED_F3 = """
    m.mm .r0. 00.r .m0.  mmm. ..m. mmmm mmmm
    .... .... ..mM mm..  0000 .... .... ....
    mmmm mmmm mmmm mmmm  .mmm .... mmmm mmmm
    .... .... .... ...m  b... .... .... ..mm
    dddd dddd dddd dddd  mmmm mmmm mmmm mmmm
    000m bm.R 00.m bm.m  mmMm MMmm m.bm mmmm
    mmb. .... 0000 0000  .... ..R. .... ....
    .... ..m. .... ....  .... .... .... ....
"""

_ESCAPED_F2 = """
    m.mm .r0. 00.r .m0.  mmm. .... mmmm mmmm
    .... .... ..mM mm..  0000 .... .... ....
    mmmm mmmm mmmm mmmm  .m.. .... mmm. mmmm
    .... .... .... ....  b... .... .R.. mm..
    dddd dddd dddd dddd  mmmm mmmm mmmm mmmm
    000m bm.. 00.m bm.m  mmMm MMmm ..bm mmmm
    mmb. .... 0000 0000  m... ..R. .... ....
    .... ..m. .... ....  M... .... .... ....
"""

_ROWS = {
    Opcodes.ONE: _BARE,
    Opcodes.TWO: _ESCAPED,
    Opcodes.TWO_66: _ESCAPED_66,
    Opcodes.TWO_F3: _ESCAPED_F3,
    Opcodes.TWO_F2: _ESCAPED_F2,
    Opcodes.LOCKED_ONE: _BARE,
    Opcodes.LOCKED_TWO: _ESCAPED,
    Opcodes.UNUSUAL: "." * 256,
}

_MODRM_BYTES = np.arange(256, dtype=np.uint8)
_MODE, _REG, _REGISTER = _MODRM_BYTES >> 6, _MODRM_BYTES >> 3 & 7, _MODRM_BYTES & 7
"""A register, or memory in three ways; what is a part of some opcodes; the register, or that of an address."""


def tables() -> Bytes:
    """All opcodes with the byte behind each: 65,536 for each of :class:`Opcodes`, by the number that the two bytes are."""
    return np.concatenate([_table(opcodes).ravel() for opcodes in Opcodes])


def _table(opcodes: Opcodes) -> Bytes:
    forms = np.array([_FORMS[one] for one in "".join(_ROWS[opcodes].split())], dtype=np.uint8)
    form, bare = np.tile(forms, (256, 1)), _ROWS[opcodes] is _BARE
    (_by_reg if bare else _escaped_by_reg)(form)
    sib = (_MODE < 3) & (_REGISTER == 4)
    displacement = np.choose(_MODE, (4 * (_REGISTER == 5), 1, 4, 0))
    operand = (1 + sib + displacement).astype(np.uint8)[:, None]
    based = np.where(sib & (_MODE == 0), np.uint8(BASED), np.uint8(0))[:, None]
    wrong = np.where(_MODE < 3, np.uint8(_ONLY_REGISTER), np.uint8(_ONLY_MEMORY))[:, None]
    told = 1 + (form & _NUMBER) | form & TURNS | (form & (TURNS | _FOUR) == _FOUR) * np.uint8(WORD)
    told += (form >= _MODRM) * operand
    told |= (form >= _MODRM) * based
    told = np.where(form & (wrong | ASK), form & PREFIX | ASK, told)
    if bare:
        _exceptions(told)
    if opcodes in (Opcodes.LOCKED_ONE, Opcodes.LOCKED_TWO):
        told |= ~(_lockable if bare else _escaped_lockable)() * np.uint8(TURNS)
    return told


def _by_reg(form: Bytes) -> None:
    """What ModR/M tells of opcodes of one byte."""
    form[(_REG == 2) | (_REG == 4), 0xFF] |= TURNS  # CALL, JMP
    form[(_REG == 3) | (_REG == 5), 0xFF] |= ASK  # far ones
    form[_REG > 0, 0xC6:0xC8] |= ASK  # MOV
    form[_REG == 1, 0xD9] |= ASK  # x87
    form[(_REG == 4) | (_REG == 6), 0xDB] |= ASK
    form[_REG == 5, 0xDD] |= ASK
    form[_REG < 2, 0xF6] |= 1  # TEST
    form[_REG < 2, 0xF7] |= _FOUR


def _exceptions(told: Bytes) -> None:
    """MOV at an address of eight bytes; of FE and FF, and of VEX's maps, those that there are none of."""
    told[:, 0xA0:0xA4] = 1 + 8
    told[_REG > 1, 0xFE] = told[_REG == 7, 0xFF] = TURNS | 2
    told[_MODRM_BYTES & 0x1F >= 8, 0xC4] = TURNS | 4


def _escaped_by_reg(form: Bytes) -> None:
    """The same of those behind 0F."""
    form[_REG > 5, 0x00] |= ASK  # SLDT to VERW
    form[_REG < 4, 0xBA] |= ASK  # BT


def _lockable() -> NDArray[np.bool_]:
    """Those of one byte that LOCK may stand before; others are none then."""
    found = np.zeros((256, 256), dtype=np.bool_)
    found[:, [one for one in range(0x38) if one % 8 < 2]] = True  # ADD to XOR
    found[:, 0x86:0x88] = True
    found[_REG < 7, 0x80:0x84] = True  # all but CMP
    found[(_REG == 2) | (_REG == 3), 0xF6:0xF8] = True  # NOT, NEG
    found[_REG < 2, 0xFE:] = True  # INC, DEC
    found[_MODE == 3] = False
    return found


def _escaped_lockable() -> NDArray[np.bool_]:
    """The same of those behind 0F."""
    found = np.zeros((256, 256), dtype=np.bool_)
    found[:, [0xAB, 0xB0, 0xB1, 0xB3, 0xBB, 0xC0, 0xC1]] = True
    found[_REG > 4, 0xBA] = True  # all but BT
    found[_MODE == 3] = False
    return found
