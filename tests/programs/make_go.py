"""Makes Go's function tables byte by byte, in each layout that Go has had."""

from __future__ import annotations

import struct

NAMES = b"go:buildid\0runtime.main\0time.LoadLocation\0"
MAGICS = {"1.16": 0xFFFFFFFA, "1.18": 0xFFFFFFF0, "1.20": 0xFFFFFFF1}


def table(layout: str, bits: int, order: str, names: bytes = NAMES, magic: int | None = None) -> bytes:
    """A function table of Go 1.16 or newer: header, names, and room for what follows them."""
    start = [] if layout == "1.16" else [0]
    letter = "Q" if bits == 64 else "I"
    size = 8 + (7 + len(start)) * bits // 8
    after = size + len(names)
    words = [3, 1, *start, size, after, after + 8, after + 16, after + 24]
    head = struct.pack(f"{order}IBBBB", MAGICS[layout] if magic is None else magic, 0, 0, 1, bits // 8)
    return head + struct.pack(f"{order}{len(words)}{letter}", *words) + names + bytes(64)


def old_table(bits: int, order: str) -> bytes:
    """A function table as Go 1.2 to 1.15 wrote it: address and record of each function, each record with its name."""
    letter, word = ("Q", 8) if bits == 64 else ("I", 4)
    names = NAMES.split(b"\0")[:-1]
    records_at = 8 + word + (2 * len(names) + 1) * word + 4
    records_at += -records_at % word
    names_at = records_at + len(names) * (word + 4)
    pairs, records, texts = b"", b"", b""
    for index, name in enumerate(names):
        pairs += struct.pack(f"{order}2{letter}", 0x401000 + index, records_at + len(records))
        records += struct.pack(f"{order}{letter}i", 0x401000 + index, names_at + len(texts))
        texts += name + b"\0"
    head = struct.pack(f"{order}IBBBB{letter}", 0xFFFFFFFB, 0, 0, 1, word, len(names))
    end = struct.pack(f"{order}{letter}I", 0x402000, 0)
    return (head + pairs + end).ljust(records_at, b"\0") + records + texts
