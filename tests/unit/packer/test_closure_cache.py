"""``/etc/ld.so.cache`` in all its forms, made by hand and by the real ldconfig."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.closure.cache import lookup

X86_64, AARCH64, S390X, I386 = (62, 64, "<"), (183, 64, "<"), (22, 64, ">"), (3, 32, "<")
LIBC6, X64, A64, S64 = 3, 0x0303, 0x0A03, 0x0403
HWCAPS = 1 << 62

ENTRIES = (
    ("libx.so.1", "/usr/lib/libx.so.1", X64, 0),
    ("libx.so.1", "/opt/lib/libx.so.1", X64, 0),
    ("liby.so", "/lib/glibc-hwcaps/x86-64-v3/liby.so", X64, HWCAPS),
    ("liby.so", "/lib/liby.so", X64, 0),
    ("libx.so.1", "/usr/lib32/libx.so.1", LIBC6, 0),
    ("libx.so.1", "/cross/libx.so.1", A64, 0),
    ("libx.so.1", "/mainframe/libx.so.1", S64, 0),
)


def new_format(order: str = "<", entries: tuple[tuple[str, str, int, int], ...] = ENTRIES) -> bytes:
    """What ldconfig of glibc 2.32 and newer writes; strings are counted from its beginning."""
    strings, table = b"", b""
    start = 48 + 24 * len(entries)
    for name, path, flags, hwcap in entries:
        key = start + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        table += struct.pack(f"{order}iIIIQ", flags, key, key + len(name) + 1, 0, hwcap)
    header = b"glibc-ld.so.cache1.1" + struct.pack(f"{order}II", len(entries), len(strings))
    return header + bytes([2 if order == "<" else 3]) + bytes(19) + table + strings


def old_format(new: bytes = b"") -> bytes:
    """What older ones write, with the new format behind it if that is given; strings are counted from the table's end."""
    strings, table = b"", b""
    for name, path, flags, _ in ENTRIES:
        key = len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        table += struct.pack("<iII", flags, key, key + len(name) + 1)
    whole = b"ld.so-1.7.0\0" + struct.pack("<I", len(ENTRIES)) + table
    return whole + bytes(-len(whole) % 8) + new if new else whole + strings


@pytest.mark.parametrize("data", [new_format(), old_format(new_format())], ids=["new", "new behind old"])
def test_each_machine_finds_its_own_libraries(data: bytes) -> None:
    assert lookup(data, *X86_64) == {"libx.so.1": "/usr/lib/libx.so.1", "liby.so": "/lib/liby.so"}
    assert lookup(data, *I386) == {"libx.so.1": "/usr/lib32/libx.so.1"}
    assert lookup(data, *AARCH64) == {"libx.so.1": "/cross/libx.so.1"}


def test_a_cache_says_its_own_byte_order() -> None:
    assert lookup(new_format(">"), *S390X) == {"libx.so.1": "/mainframe/libx.so.1"}


def test_the_oldest_format_alone() -> None:
    assert lookup(old_format(), *AARCH64) == {"libx.so.1": "/cross/libx.so.1"}


def test_relative_paths_and_other_files_give_nothing() -> None:
    assert lookup(new_format(entries=(("libx.so", "libx.so", X64, 0),)), *X86_64) == {}
    assert lookup(b"", *X86_64) == {}
    assert lookup(b"#!/bin/sh\n", *X86_64) == {}


@pytest.mark.parametrize("length", [16, 20, 30, 47, 48, 60, 100, 250])
def test_a_cache_cut_short_gives_what_is_whole(length: int) -> None:
    for data in (new_format(), old_format(), old_format(new_format())):
        assert lookup(data[:length], *X86_64).items() <= lookup(data, *X86_64).items() | {
            ("liby.so", "/lib/liby.so"),
            ("libx.so.1", "/opt/lib/libx.so.1"),
        }


@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_bytes_harm(noise: bytes, place: int) -> None:
    for whole in (new_format(), old_format(new_format()), old_format()):
        lookup(whole[:place] + noise + whole[place:], *X86_64)


@pytest.mark.peer("ldconfig")
def test_as_ldconfig_prints_this_machine_s() -> None:
    printed = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    expected: dict[str, str] = {}
    for name, path in re.findall(r"^\t(\S+) \(libc6,x86-64(?:, OS ABI: [^)]*)?\) => (\S+)$", printed, re.MULTILINE):
        expected.setdefault(name, path)
    found = lookup(Path("/etc/ld.so.cache").read_bytes(), *X86_64)
    assert expected
    assert {name: found.get(name) for name in expected} == expected
