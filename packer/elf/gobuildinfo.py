"""Go's build information: compiler version, main package, modules, build settings. Pure.

Layout: Go's ``debug/buildinfo`` and ``runtime/debug.ParseBuildInfo``. From Go 1.18 both strings follow the 32-byte
header; before that the header holds the addresses of two Go strings (address, length), which in a
position-independent executable are filled in by relocations.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from whit.packer.elf import spans
from whit.packer.elf.dynamic import Tag
from whit.packer.executable.analysis import BuildInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

_MAGIC = re.compile(rb"\xff Go buildinf:")
_MAX_CANDIDATES = 64
_HEADER_SIZE = 32
_ALIGNMENT = 16
_MAX_VERSION = 4096
_MAX_MODULES = 16 << 20
_SENTINEL_SIZE = 16
"""The module text stands between two sentinels of this size, so that it can be found in memory."""

_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'])|x([0-9a-f]{2})|[uU]([0-9a-f]{8}|[0-9a-f]{4}))")
_ESCAPED = dict(zip("abfnrtv\\\"'", "\a\b\f\n\r\t\v\\\"'", strict=True))
"""Go's string escapes (language specification, Rune literals), without octal ones: strconv.Quote writes none."""

_INLINE, _BIG_ENDIAN = 2, 1
"""The header's flags."""


@dataclass(frozen=True, slots=True)
class GoBuild:
    """What the header leads to: Go's version as it calls itself (``go1.26.8``), the rest, and where the header is."""

    version: str
    info: BuildInfo
    offset: int


def find(elf: ElfFile, dynamic: Dynamic | None) -> GoBuild | None:
    """The build information of a Go executable; None if it was left out or can't be read."""
    for offset in _candidates(elf):
        flags = elf.data[offset + 15]
        strings = _inline(elf, offset) if flags & _INLINE else _by_pointer(elf, dynamic, offset, flags)
        if strings is not None and strings[0].startswith((b"go", b"devel")):
            version, modules = strings
            return GoBuild(version.decode("utf-8", "replace"), parse_modules(modules), offset)
    return None


def _candidates(elf: ElfFile) -> Iterator[int]:
    """Aligned headers: in the section of that name, or else anywhere in data."""
    section = elf.section(".go.buildinfo")
    ranges = [section.span, *spans.data(elf)] if section else spans.data(elf)
    found = (match.start() for start, end in ranges for match in _MAGIC.finditer(elf.data, start, end))
    for offset in islice(found, _MAX_CANDIDATES):
        if offset % _ALIGNMENT == 0 and offset + _HEADER_SIZE <= len(elf.data):
            yield offset


def _inline(elf: ElfFile, offset: int) -> tuple[bytes, bytes] | None:
    version, after = _counted(elf, offset + _HEADER_SIZE, _MAX_VERSION)
    if version is None:
        return None
    modules, _ = _counted(elf, after, _MAX_MODULES)
    return version, modules or b""


def _counted(elf: ElfFile, at: int, limit: int) -> tuple[bytes | None, int]:
    """A string after its length (unsigned varint), and where it ends."""
    size = shift = 0
    for byte in elf.data[at : at + 10]:
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            whole = size <= limit and at + size <= len(elf.data)
            return (elf.data[at : at + size], at + size) if whole else (None, at)
    return None, at


def _by_pointer(elf: ElfFile, dynamic: Dynamic | None, offset: int, flags: int) -> tuple[bytes, bytes] | None:
    word = elf.bits // 8
    if elf.data[offset + 14] != word or bool(flags & _BIG_ENDIAN) != (elf.order == ">"):
        return None
    version = _go_string(elf, dynamic, offset + 16, _MAX_VERSION)
    if not version:
        return None
    return version, _go_string(elf, dynamic, offset + 16 + word, _MAX_MODULES) or b""


def _go_string(elf: ElfFile, dynamic: Dynamic | None, offset: int, limit: int) -> bytes | None:
    """The bytes of the Go string whose header the pointer at ``offset`` leads to."""
    header = elf.offset_of(_pointer(elf, dynamic, offset))
    if header is None or header + elf.bits // 4 > len(elf.data):
        return None
    start = elf.offset_of(_pointer(elf, dynamic, header))
    size = elf.word_at(header + elf.bits // 8, "a Go string")
    if start is None or size > limit or start + size > len(elf.data):
        return None
    return elf.data[start : start + size]


def _pointer(elf: ElfFile, dynamic: Dynamic | None, offset: int) -> int:
    """The address at a file offset, or the addend of the relocation that will fill it in."""
    value = elf.word_at(offset, "a pointer in Go's build information")
    if value or dynamic is None or elf.bits == 32:  # noqa: PLR2004 - 32-bit machines keep addends in place
        return value
    table = elf.offset_of(dynamic.values.get(Tag.RELA, 0))
    place = next((s.address + offset - s.offset for s in elf.loads if s.offset <= offset < s.offset + s.size), None)
    if table is None or place is None:
        return 0
    return _addend(elf, place, table, table + dynamic.values.get(Tag.RELASZ, 0))


def _addend(elf: ElfFile, place: int, start: int, end: int) -> int:
    """The addend of the relocation (Elf64_Rela) for address ``place``, 0 without one."""
    entry = struct.Struct(f"{elf.order}QQq")
    sought = re.compile(re.escape(struct.pack(f"{elf.order}Q", place)))
    for match in islice(sought.finditer(elf.data, start, end), _MAX_CANDIDATES):
        if (match.start() - start) % entry.size == 0 and match.start() + entry.size <= len(elf.data):
            addend: int = entry.unpack_from(elf.data, match.start())[2]
            return max(addend, 0)
    return 0


def parse_modules(text: bytes) -> BuildInfo:
    """Lines of tab-separated words: path, mod, dep, => (what replaces the dep before it), build (key=value)."""
    if len(text) > 2 * _SENTINEL_SIZE and text[-_SENTINEL_SIZE - 1 : -_SENTINEL_SIZE] == b"\n":
        text = text[_SENTINEL_SIZE:-_SENTINEL_SIZE]
    main_path = module = module_version = None
    dependencies: list[tuple[str, str]] = []
    settings: list[tuple[str, str]] = []
    for line in text.decode("utf-8", "replace").split("\n"):
        kind, _, rest = line.partition("\t")
        words = [*rest.split("\t"), "", ""]
        if kind == "path":
            main_path = rest
        elif kind == "mod":
            module, module_version = words[0], words[1]
        elif kind == "dep":
            dependencies.append((words[0], words[1]))
        elif kind == "=>" and dependencies:
            dependencies[-1] = _replaced(dependencies[-1], (words[0], words[1]))
        elif kind == "build":
            settings.append(_setting(rest))
    return BuildInfo(main_path, module, module_version, tuple(dependencies), tuple(settings))


def _replaced(dependency: tuple[str, str], replacement: tuple[str, str]) -> tuple[str, str]:
    """The module that was linked; one replaced by a folder keeps its own name, as a folder's says nothing."""
    return dependency if replacement[0][:1] in ("", ".", "/") else replacement


def _setting(text: str) -> tuple[str, str]:
    """``key=value``; each may be quoted as Go quotes strings."""
    if text[:1] in ('"', "`"):
        end = text.find(text[0], 1)
        key, value = text[1:end], text[end + 2 :]
    else:
        key, _, value = text.partition("=")
    return key, _unquoted(value)


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != value[-1] or value[0] not in '"`':  # noqa: PLR2004 - two quotes
        return value
    return value[1:-1] if value[0] == "`" else _ESCAPE.sub(_unescaped, value[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    letter, number = match.group(1), match.group(2) or match.group(3)
    return _ESCAPED[letter] if letter else chr(min(int(number, 16), 0x10FFFF))
