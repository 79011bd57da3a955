# ruff: noqa: T201 - one JSON document for the bench
"""How simple tools find system calls: at each ``syscall``, the nearest ``mov $N,%eax`` above it in the straight line.

``python -m tests.bench.syscalls_naive objdump|capstone FILE`` prints the numbers found, and how many places were left
without one. objdump's output is read line by line; capstone is given pieces of code, as its Python binding holds 70
bytes for each of code.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.elf.file import SECTION_EXECUTABLE, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BACK = 20
"""Instructions that are looked back over."""

PIECE = 64 << 10

_NUMBER = re.compile(r"\$?0x([0-9a-f]+),%[er]ax|[er]ax, (?:0x([0-9a-f]+)|(\d+))$")
_ZERO = re.compile(r"%[er]ax,%[er]ax|[er]ax, [er]ax$")


def numbers_of(instructions: Iterable[tuple[str, str]]) -> tuple[set[int], int]:
    """The numbers, and how many calls are left without one; of instructions as (mnemonic, operands)."""
    found: set[int] = set()
    without = 0
    before: list[tuple[str, str]] = []
    for mnemonic, operands in instructions:
        if mnemonic == "syscall":
            number = _nearest(before)
            without += number is None
            found |= set() if number is None else {number}
        if mnemonic in ("ret", "retq", "jmp", "jmpq"):
            before.clear()
        before.append((mnemonic, operands))
        del before[:-BACK]
    return found, without


def _nearest(before: list[tuple[str, str]]) -> int | None:
    for mnemonic, operands in reversed(before):
        if mnemonic in ("xor", "xorl") and _ZERO.search(operands):
            return 0
        if mnemonic in ("mov", "movl", "movq", "movabs") and (match := _NUMBER.search(operands)):
            sixteen, other, ten = match.groups()
            return int(ten) if ten else int(sixteen or other, 16)
    return None


def by_objdump(path: Path) -> Iterator[tuple[str, str]]:
    """As GNU's objdump writes them."""
    line = ["objdump", "-d", "--no-show-raw-insn", str(path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout
        for text in process.stdout:
            words = text.partition(":\t")[2].split(None, 1)
            if words:
                yield words[0], words[1].strip() if len(words) > 1 else ""


def by_capstone(path: Path) -> Iterator[tuple[str, str]]:
    """As capstone tells them."""
    import capstone  # noqa: PLC0415 - only where it is measured

    reader = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    reader.skipdata = True
    data = path.read_bytes()
    for section in parse(data).sections:
        if not section.flags & SECTION_EXECUTABLE or not section.size:
            continue
        at, (_, end) = section.offset, section.span
        while at < end:
            piece = data[at : min(at + PIECE, end)]
            last = at
            for address, size, mnemonic, operands in reader.disasm_lite(piece, at):
                if address + size > at + len(piece) - 16 and at + len(piece) < end:
                    break
                yield mnemonic, operands
                last = address + size
            at = last if last > at else at + len(piece)


if __name__ == "__main__":
    reading = {"objdump": by_objdump, "capstone": by_capstone}[sys.argv[1]]
    numbers, without = numbers_of(reading(Path(sys.argv[2])))
    print(json.dumps({"numbers": sorted(numbers), "unknown": without}))
