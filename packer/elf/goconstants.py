"""Constant strings among the arguments of a call in Go's code, read from the instructions before it. Pure.

Intel SDM (LEA, MOV), Arm ARM (ADRP, ADD, MOVZ, ORR, STR); registers: Go's ``src/cmd/compile/abi-internal.md``. Before
that ABI (Go 1.17 on amd64, 1.18 on arm64) arguments lie on the stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from whit.packer.elf.file import SegmentFlag
from whit.packer.elf.machine import EM_AARCH64, EM_X86_64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from whit.packer.elf.file import ElfFile

_WINDOW = 96
"""Bytes before a call in which its arguments are set up."""

_MAX_LENGTH = 1024
_SLOTS = range(0, 128, 8)
_VARIADIC = range(1, 9)
"""Lengths of slices that are looked into."""

_AMD64_ORDER = (0, 3, 1, 7, 6, 8, 9, 10, 11)
"""Machine numbers of RAX, RBX, RCX, RDI, RSI, R8 … R11: the order of integer arguments."""

_REX_B, _REX_WR = 0x41, 0x4C
_ZERO_REGISTER = _STACK_POINTER = 31

_AMD64 = re.compile(
    rb"(?P<lea>[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d].{4})"
    rb"|(?P<mov>\x41?[\xb8-\xbf]..\0\0)"
    rb"|(?P<slice>[\x48\x4c]\x8d(?:[\x44\x4c\x54\x5c\x74\x7c]\x24[\0-\x7f]|[\x84\x8c\x94\x9c\xb4\xbc]\x24..\0\0))"
    rb"|(?P<other>[\x48\x4c][\x8b\x8d][\x40-\xbf])"
    rb"|(?P<zero>\x45?\x31[\xc0\xc9\xd2\xdb\xf6\xff])"
    rb"|(?P<copy>[\x41\x44\x45\x48\x49\x4c\x4d]?\x89[\xc0-\xff])"
    rb"|(?P<call>\xe8.{4})"
    rb"|(?P<field>\x48\xc7[\x40-\x47]\x08..\0\0)"
    rb"|(?P<push>[\x48\x4c]\x89(?:[\x04\x0c\x14\x1c\x34\x3c]\x24|[\x44\x4c\x54\x5c\x74\x7c]\x24[\0-\x7f]"
    rb"|[\x84\x8c\x94\x9c\xb4\xbc]\x24..\0\0))"
    rb"|(?P<slot>\x48\xc7(?:\x04\x24|\x44\x24[\0-\x7f]|\x84\x24..\0\0)..\0\0)",
    re.DOTALL,
)
"""lea r, [rip + n]; mov r32, n; lea r, [rsp + n]; lea or mov r, [r + n]; xor r, r; mov r, r; call; mov [r + 8], n; mov [rsp + n], r; mov [rsp + n], n."""


@dataclass(slots=True)
class _Setup:
    """What registers and stack slots hold: addresses that were loaded, and numbers that may be lengths.

    ``slices`` are registers that hold a stack slot's own address: there a slice of strings may begin.
    """

    addresses: dict[int, int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    pages: dict[int, int] = field(default_factory=dict)
    slot_addresses: dict[int, int] = field(default_factory=dict)
    slot_numbers: dict[int, int] = field(default_factory=dict)
    slices: dict[int, int] = field(default_factory=dict)
    fields: list[tuple[int, int]] = field(default_factory=list)
    length: int | None = None

    def load_address(self, register: int, address: int) -> None:
        self.drop(register)
        self.addresses[register] = address
        if self.length is not None:
            self.fields.append((address, self.length))
            self.length = None

    def load_number(self, register: int, number: int) -> None:
        self.drop(register)
        self.numbers[register] = number

    def load_slot(self, register: int, slot: int) -> None:
        self.drop(register)
        self.slices[register] = slot

    def drop(self, register: int) -> None:
        """It holds something that isn't constant."""
        for known in (self.addresses, self.numbers, self.slices):
            known.pop(register, None)

    def copy(self, source: int, target: int) -> None:
        if source in self.numbers:
            self.load_number(target, self.numbers[source])
        elif source in self.addresses:
            self.load_address(target, self.addresses[source])
        else:
            self.drop(target)

    def store(self, register: int, slot: int) -> None:
        self.slot_addresses.pop(slot, None)
        self.slot_numbers.pop(slot, None)
        if register in self.addresses:
            self.slot_addresses[slot] = self.addresses[register]
        elif register in self.numbers:
            self.slot_numbers[slot] = self.numbers[register]

    def store_number(self, slot: int, number: int) -> None:
        self.slot_addresses.pop(slot, None)
        self.slot_numbers[slot] = number

    def keep_length(self, number: int) -> None:
        """It goes into a structure's field, and the string's address into the one before."""
        self.length = number

    def forget(self) -> None:
        """A call changes all registers, and is handed what lies on the stack."""
        for known in (self.addresses, self.numbers, self.pages, self.slot_addresses, self.slot_numbers, self.slices):
            known.clear()

    def strings(self, order: Sequence[int], *, on_stack: bool) -> list[tuple[int, int, int | None, int]]:
        """(address, length, number after them, position) of arguments, or else of fields of a structure."""
        found = _neighbours(self.addresses, self.numbers, order)
        if on_stack and not found:
            found = _neighbours(self.slot_addresses, self.slot_numbers, _SLOTS)
        return found or list(self._variadic(order)) or [(*both, None, 0) for both in self.fields]

    def _variadic(self, order: Sequence[int]) -> Iterator[tuple[int, int, int | None, int]]:
        """The strings of a slice that was made for this call, on the stack: address, length and capacity in registers."""
        for position, (first, second, third) in enumerate(zip(order, order[1:], order[2:], strict=False)):
            slot, count = self.slices.get(first), self.numbers.get(second, 0)
            if slot is None or count != self.numbers.get(third) or count not in _VARIADIC:
                continue
            for at in range(slot, slot + count * 16, 16):
                if at in self.slot_addresses and at + 8 in self.slot_numbers:
                    yield self.slot_addresses[at], self.slot_numbers[at + 8], None, position


def _neighbours(
    addresses: dict[int, int], numbers: dict[int, int], order: Sequence[int]
) -> list[tuple[int, int, int | None, int]]:
    return [
        (addresses[first], numbers[second], numbers.get(third), position)
        for position, (first, second, third) in enumerate(zip(order, order[1:], (*order[2:], -1), strict=False))
        if first in addresses and second in numbers
    ]


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, and the number that stands after it among the arguments if that is constant too.

    ``position`` is its place among the arguments' machine words, 0 in a structure.
    """

    text: str
    number: int | None
    position: int


def reader(elf: ElfFile, *, on_stack: bool) -> Callable[[int], tuple[Constant, ...]] | None:
    """A function from a call's file offset to its constant strings, in the arguments' order; None for other machines."""
    if elf.machine == EM_X86_64:
        return partial(_strings, elf, _amd64_setup, _AMD64_ORDER, on_stack)
    if elf.machine == EM_AARCH64:
        return partial(_strings, elf, _arm64_setup, tuple(range(16)), on_stack)
    return None


def _strings(
    elf: ElfFile,
    read: Callable[[ElfFile, bytes, int], _Setup],
    order: tuple[int, ...],
    on_stack: bool,  # noqa: FBT001 - bound by partial
    call: int,
) -> tuple[Constant, ...]:
    start = max(call - _WINDOW, 0)
    setup = read(elf, elf.data[start:call], start + address_shift(elf, call))
    found = (
        (_text(elf, address, length), number, position)
        for address, length, number, position in setup.strings(order, on_stack=on_stack)
    )
    return tuple(Constant(text, number, position) for text, number, position in found if text is not None)


def _amd64_setup(elf: ElfFile, window: bytes, address: int) -> _Setup:
    setup = _Setup()
    for match in _AMD64.finditer(window):
        kind = match.lastgroup or ""
        code = match[kind]
        number = int.from_bytes(code[-4:], "little", signed=True)
        if kind == "lea":
            setup.load_address(_register(code), address + match.end() + number)
        elif kind == "call":
            if _is_code(elf, address + match.end() + number):
                setup.forget()
        else:
            _AMD64_ACTS[kind](setup, code, number)
    return setup


def _register(code: bytes) -> int:
    """ModRM.reg of an instruction with a REX prefix, extended by REX.R."""
    return (code[2] >> 3 & 7) + 8 * (code[0] == _REX_WR)


def _registers(code: bytes) -> tuple[int, int]:
    """Source and target of a move between registers, extended by REX.R and REX.B."""
    prefix = code[0] if len(code) > 2 else 0  # noqa: PLR2004 - opcode and ModRM
    return (code[-1] >> 3 & 7) + 2 * (prefix & 4), (code[-1] & 7) + 8 * (prefix & 1)


def _slot(code: bytes) -> int:
    """The displacement of an operand [rsp + n], after prefix, opcode, ModRM and SIB; ModRM.mod tells its size."""
    return int.from_bytes(code[4 : 4 + (0, 1, 4, 0)[code[2] >> 6]], "little")


_AMD64_ACTS: dict[str, Callable[[_Setup, bytes, int], None]] = {
    "mov": lambda setup, code, number: setup.load_number((code[-5] & 7) + 8 * (code[0] == _REX_B), number),
    "other": lambda setup, code, _: setup.drop(_register(code)),
    "zero": lambda setup, code, _: setup.load_number((code[-1] & 7) + 8 * (len(code) > 2), 0),  # noqa: PLR2004
    "copy": lambda setup, code, _: setup.copy(*_registers(code)),
    "field": lambda setup, _, number: setup.keep_length(number),
    "push": lambda setup, code, _: setup.store(_register(code), _slot(code)),
    "slot": lambda setup, code, number: setup.store_number(_slot(code), number),
    "slice": lambda setup, code, _: setup.load_slot(_register(code), _slot(code)),
}


def _arm64_setup(_elf: ElfFile, window: bytes, address: int) -> _Setup:
    setup = _Setup()
    for at in range(0, len(window) - 3, 4):
        word = int.from_bytes(window[at : at + 4], "little")
        for mask, bits, act in _ARM64:
            if word & mask == bits:
                act(setup, word, address + at)
                break
    return setup


def _adrp(setup: _Setup, word: int, address: int) -> None:
    pages = ((word >> 3 & 0x1FFFFC | word >> 29 & 3) ^ 0x100000) - 0x100000
    setup.pages[word & 31] = (address & ~0xFFF) + (pages << 12)


def _add(setup: _Setup, word: int, _address: int) -> None:
    if (word >> 5 & 31) in setup.pages:
        setup.load_address(word & 31, setup.pages[word >> 5 & 31] + (word >> 10 & 0xFFF))
    elif (word >> 5 & 31) == _STACK_POINTER:
        setup.load_slot(word & 31, (word >> 10 & 0xFFF) - 8)
    else:
        setup.drop(word & 31)


def _movz(setup: _Setup, word: int, _address: int) -> None:
    setup.load_number(word & 31, word >> 5 & 0xFFFF)


def _orr_mask(setup: _Setup, word: int, _address: int) -> None:
    """With the zero register: the number that a bitmask stands for (Arm ARM, DecodeBitMasks)."""
    wide, rotation, ones = word >> 22 & 1, word >> 16 & 0x3F, word >> 10 & 0x3F
    size = 64 if wide else 1 << max((~ones & 0x3F).bit_length() - 1, 0)
    run = (1 << ((ones & (size - 1)) + 1)) - 1
    rotation %= size
    element = (run >> rotation | run << (size - rotation)) & ((1 << size) - 1)
    setup.load_number(word & 31, int(f"{element:0{size}b}" * (64 // size), 2))


def _move(setup: _Setup, word: int, _address: int) -> None:
    source = word >> 16 & 31
    if source == _ZERO_REGISTER:
        setup.load_number(word & 31, 0)
    else:
        setup.copy(source, word & 31)


def _store(setup: _Setup, word: int, _address: int) -> None:
    """Arguments on the stack begin one word above its pointer, where the return address lies."""
    setup.store(word & 31, (word >> 10 & 0xFFF) * 8 - 8)


def _store_pair(setup: _Setup, word: int, _address: int) -> None:
    slot = (((word >> 15 & 0x7F) ^ 0x40) - 0x40) * 8 - 8
    setup.store(word & 31, slot)
    setup.store(word >> 10 & 31, slot + 8)


def _load(setup: _Setup, word: int, _address: int) -> None:
    setup.drop(word & 31)


def _call(setup: _Setup, _word: int, _address: int) -> None:
    setup.forget()


_ARM64: tuple[tuple[int, int, Callable[[_Setup, int, int], None]], ...] = (
    (0x9F000000, 0x90000000, _adrp),
    (0xFFC00000, 0x91000000, _add),
    (0xFFE00000, 0xD2800000, _movz),
    (0xFF8003E0, 0xB20003E0, _orr_mask),
    (0xFFE0FFE0, 0xAA0003E0, _move),
    (0xFFC003E0, 0xF90003E0, _store),
    (0xFFC003E0, 0xA90003E0, _store_pair),
    (0xFFC00000, 0xF9400000, _load),
    (0xFC000000, 0x94000000, _call),
)
"""Mask and bits of each instruction that sets up arguments: ADRP, ADD, MOVZ, ORR, MOV, STR and STP [SP + n], LDR, BL."""


def _text(elf: ElfFile, address: int, length: int) -> str | None:
    """The string, if it is one: in the file, in UTF-8, without control characters."""
    offset = elf.offset_of(address)
    if offset is None or not 0 < length <= _MAX_LENGTH or offset + length > len(elf.data):
        return None
    try:
        text = elf.data[offset : offset + length].decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def address_shift(elf: ElfFile, offset: int) -> int:
    """What an address in memory is more than a file offset, around there."""
    return next((s.address - s.offset for s in elf.loads if s.offset <= offset < s.offset + s.size), 0)


def _is_code(elf: ElfFile, address: int) -> bool:
    return any(
        segment.address <= address < segment.address + segment.size and segment.flags & SegmentFlag.EXECUTE
        for segment in elf.loads
    )
