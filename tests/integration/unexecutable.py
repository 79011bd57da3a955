"""Programs that the kernel executes for nobody, each for a reason of its own."""

from __future__ import annotations

import platform
import struct


def elf(machine: int, loader: str = "") -> bytes:
    """An ELF file of a machine that asks for a loader."""
    name = loader.encode() + b"\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, 0x400000, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    size = 64 + 2 * 56 + len(name)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 0x1000)
    interpreter = struct.pack("<IIQQQQQQ", 3 if loader else 0, 4, 176, 0x4000B0, 0x4000B0, len(name), len(name), 1)
    return header + interpreter + load + name


NATIVE, FOREIGN = (62, 183) if platform.machine() == "x86_64" else (183, 62)

PROGRAMS: dict[str, tuple[bytes, int]] = {
    "loaderless": (elf(NATIVE, "/lib64/ld-none.so.2"), 0o755),
    "foreign": (elf(FOREIGN), 0o755),
    "interpreterless": (b"#!/usr/bin/nonesuch\n", 0o755),
    "crlf": (b"#!/bin/sh\r\necho x\r\n", 0o755),
    "text": (b"echo no first line that says by whom\n", 0o755),
    "modeless": (b"#!/bin/sh\n", 0o644),
}
"""Name → content and mode."""

WORDS: dict[str, tuple[str, ...]] = {
    "loaderless": ("/lib64/ld-none.so.2", "isn't in the image"),
    "foreign": ("is built for", "this machine is"),
    "interpreterless": ("a script for /usr/bin/nonesuch", "isn't in the image"),
    "crlf": ("ends in CR LF",),
    "text": ("no program that the kernel can execute",),
    "modeless": ("permission denied", "chmod +x"),
}
"""What whit-oci says of each."""
