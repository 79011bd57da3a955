"""Where Go's code calls a function directly, and which constants it hands to it. Pure.

Go's compilers write a call so that it is found without disassembling: ``call rel32`` (E8) on amd64, ``BL`` on arm64.
Constant strings are loaded just before (ABIInternal: ``src/cmd/compile/abi-internal.md``; pointer and length in two
registers that follow each other). Calls through interfaces and function values aren't seen.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from whit.packer.elf import goconstants, spans
from whit.packer.elf.goconstants import address_shift
from whit.packer.elf.machine import EM_AARCH64, EM_X86_64
from whit.packer.executable.analysis import Argument
from whit.packer.support.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gofunctions import Functions

_BLOCK = 1 << 17
"""Bytes of code that are looked through with one pattern: the upper half of distances to a function takes few values.

Smaller blocks need more patterns, larger ones match more calls of other functions."""

_O_WRONLY, _O_RDWR, _O_CREAT = 1, 2, 0o100
_MAX_CALLS = 1 << 13
_CALL_SIZE = 5


STACK_LAYOUTS = ("1.2", "1.16")
"""Function tables of Go versions that may hand arguments over on the stack: up to 1.16 on amd64, 1.17 on arm64."""

_STANDARD = re.compile(
    r"vendor/|(?:archive|bufio|bytes|cmp|compress|container|context|crypto|database|debug|embed|encoding|errors|expvar"
    r"|flag|fmt|go|hash|html|image|index|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|runtime"
    r"|slices|sort|strconv|strings|structs|sync|syscall|testing|text|time|unicode|unique|unsafe|weak)[/.]"
)
"""Functions of Go's own library. A module's name has a dot in its first part, unless it is never downloaded."""


def arguments(elf: ElfFile, functions: Functions, *, on_stack: bool) -> Iterator[Argument]:
    """Each constant string that a call of one of ``functions.named`` hands over, in the file's order.

    Calls from Go's own library aren't looked at: they are the same in every program. ``on_stack``: whether
    arguments may be on the stack.
    """
    reader = goconstants.reader(elf, on_stack=on_stack)
    if reader is None:
        return
    for offset, name in islice(calls(elf, functions.named), _MAX_CALLS):
        values = reader(offset)
        caller = functions.holding(offset + address_shift(elf, offset)) if values else ""
        if not _STANDARD.match(caller):
            yield from (Argument(_opens(name, value), value.text, offset, caller, value.position) for value in values)


def _opens(name: str, value: goconstants.Constant) -> str:
    """``os.OpenFile`` by its flags (fcntl.h): compilers put it in the place of ``os.Open`` and ``os.Create``."""
    if name != "os.OpenFile" or value.number is None:
        return name
    if not value.number & (_O_WRONLY | _O_RDWR):
        return "os.Open"
    return "os.Create" if value.number & _O_CREAT else name


def calls(elf: ElfFile, targets: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """(file offset, name) of each direct call of one of ``targets``, in the file's order."""
    find = {EM_X86_64: _amd64, EM_AARCH64: _arm64}.get(elf.machine)
    if find is None or not targets:
        return
    for start, end in spans.go_code(elf):
        shift = address_shift(elf, start)
        sweep = Sweep(elf.data, start)
        for at in range(start, end, _BLOCK):
            sweep.passed(at)
            yield from find(elf, at, min(at + _BLOCK, end), shift, targets)


def _amd64(elf: ElfFile, start: int, end: int, shift: int, targets: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """``E8`` and the distance from the next instruction, 32 bits. Its upper half is in a set that the block decides."""
    next_address = start + shift + _CALL_SIZE
    upper = {
        half & 0xFFFF
        for target in targets
        for half in range((target - next_address - (end - start)) >> 16, ((target - next_address) >> 16) + 1)
    }
    pattern = re.compile(rb"\xe8..(?:" + b"|".join(_pairs(upper)) + rb")", re.DOTALL)
    block = elf.data[start : min(end + _CALL_SIZE, len(elf.data))]
    for match in pattern.finditer(block):
        at = match.start()
        distance = int.from_bytes(block[at + 1 : at + _CALL_SIZE], "little", signed=True)
        name = targets.get(next_address + at + distance)
        if name is not None:
            yield start + at, name


def _pairs(halves: Iterable[int]) -> Iterator[bytes]:
    """Pattern alternatives for the two bytes of each number, those with the same upper byte together."""
    by_upper: dict[int, list[int]] = {}
    for half in sorted(halves):
        by_upper.setdefault(half >> 8, []).append(half & 0xFF)
    for upper, lower in by_upper.items():
        yield b"[" + b"".join(b"\\x%02x" % byte for byte in lower) + b"]\\x%02x" % upper


def _arm64(elf: ElfFile, start: int, end: int, shift: int, targets: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """``BL``: 100101 and the distance in words, 26 bits; its upper ten bits are in a set that the block decides."""
    address = start + shift
    upper = {
        0x9400 | (half & 0x3FF)
        for target in targets
        for half in range((target - address - (end - start)) >> 18, ((target - address) >> 18) + 1)
    }
    block = elf.data[start : end - (end - start) % 4]
    found: list[tuple[int, str]] = []
    for pair in _pairs(upper):
        # The last byte first, as a literal: memchr finds it; the one before is looked back for.
        last = pair[-4:]
        for match in re.finditer(last + b"(?<=" + pair + b")", block, re.DOTALL):
            at = match.start() - 3
            word = int.from_bytes(block[at : at + 4], "little")
            distance = ((word & 0x3FFFFFF) ^ 0x2000000) - 0x2000000
            name = None if at % 4 else targets.get(address + at + 4 * distance)
            if name is not None:
                found.append((start + at, name))
    yield from sorted(found)
