"""``/etc/ld.so.cache``: names → paths, as ldconfig wrote them (glibc, sysdeps/generic/dl-cache.h). Pure.

The format of today begins with ``glibc-ld.so.cache1.1``; it stood behind the old one, ``ld.so-1.7.0``, in files that
glibc before 2.32 wrote, and the old one alone is what only very old systems have.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/etc/ld.so.cache"
MAX_BYTES = 64 << 20
MAX_ENTRIES = 1 << 20

_OLD, _NEW = b"ld.so-1.7.0", b"glibc-ld.so.cache1.1"
_OLD_HEADER, _OLD_ENTRY, _NEW_HEADER, _NEW_ENTRY = 16, 12, 48, 24
_ALIGNMENT = 8
_LITTLE, _BIG = 2, 3
_LONGEST = 4096

_LIBC6 = 3
_ELF = 1
_ABIS = {
    # (e_machine, bits) → the flag of libraries for that ABI
    (62, 64): 0x0300,
    (22, 64): 0x0400,
    (21, 64): 0x0500,
    (183, 64): 0x0A00,
    (40, 32): 0x0900,
    (243, 64): 0x1000,
    (258, 64): 0x1200,
}
_ARM = (40, 32)


def lookup(data: bytes, machine: int, bits: int, order: str) -> dict[str, str]:
    """Name → path of every library for a machine, without variants for some processors only (``glibc-hwcaps``).

    What is damaged is passed over: the loader itself would go on without the cache.
    """
    found: dict[str, str] = {}
    exact: set[str] = set()
    wanted = _ABIS.get((machine, bits), 0) | _LIBC6
    accepted = {wanted, _ELF} | ({_LIBC6} if (machine, bits) == _ARM else set())
    for flags, key, value, hwcap in _entries(data, order):
        if flags not in accepted or hwcap:
            continue
        name = _text(data, key)
        if name and name not in exact and data[value : value + 1] == b"/" and (path := _text(data, value)):
            found[name] = path
            if flags == wanted:
                exact.add(name)
    return found


def _entries(data: bytes, order: str) -> Iterator[tuple[int, int, int, int]]:
    """(flags, where the name stands, where the path stands, hwcap) of each entry, in the file's order.

    ``order`` is the byte order of a file that doesn't tell its own.
    """
    if data.startswith(_NEW):
        yield from _new(data, 0, order)
    elif data.startswith(_OLD) and len(data) >= _OLD_HEADER:
        (count,) = struct.unpack_from(f"{order}I", data, _OLD_HEADER - 4)
        end = _OLD_HEADER + min(count, MAX_ENTRIES) * _OLD_ENTRY
        behind = -(-end // _ALIGNMENT) * _ALIGNMENT
        if data[behind : behind + len(_NEW)] == _NEW:
            yield from _new(data, behind, order)
        else:
            yield from _old(data, end, order)


def _new(data: bytes, start: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    if start + _NEW_HEADER > len(data):
        return
    order = {_LITTLE: "<", _BIG: ">"}.get(data[start + 28] & 3, order)
    (count,) = struct.unpack_from(f"{order}I", data, start + len(_NEW))
    table = data[start + _NEW_HEADER : start + _NEW_HEADER + min(count, MAX_ENTRIES) * _NEW_ENTRY]
    whole = len(table) - len(table) % _NEW_ENTRY
    for flags, key, value, _, hwcap in struct.iter_unpack(f"{order}iIIIQ", table[:whole]):
        yield flags, start + key, start + value, hwcap


def _old(data: bytes, end: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    table = data[_OLD_HEADER:end]
    for flags, key, value in struct.iter_unpack(f"{order}iII", table[: len(table) - len(table) % _OLD_ENTRY]):
        yield flags, end + key, end + value, 0


def _text(data: bytes, at: int) -> str:
    end = data.find(b"\0", at, at + _LONGEST)
    return data[at:end].decode("utf-8", "surrogateescape") if end > at else ""
