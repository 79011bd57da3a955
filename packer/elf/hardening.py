"""What protects an ELF program from its own bugs: told by its headers, its dynamic section and the names in it. Pure.

RELRO: PT_GNU_RELRO (binutils), DF_BIND_NOW (gABI), DF_1_NOW. Stack: PT_GNU_STACK, as fs/binfmt_elf.c and the
architectures' ``elf_read_implies_exec`` take it since Linux 5.8. Stack protector and fortification: the functions that
GCC and Clang call for them (``__stack_chk_fail``; ``__*_chk``, glibc's debug/ folder).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.dynamic import Tag
from whit.packer.elf.file import FileType, SectionType, SegmentFlag, SegmentType
from whit.packer.executable.analysis import Hardening, Libc, Linkage, Relro
from whit.packer.support.search import merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile, Section
    from whit.packer.executable.analysis import Analysis

_DF_TEXTREL, _DF_BIND_NOW, _DF_1_NOW = 4, 8, 1

_EXECUTABLE_WITHOUT_MARK = frozenset({"386", "arm", "loong64"})
"""Where a program without PT_GNU_STACK gets an executable stack; elsewhere it doesn't since Linux 5.8."""

_OWN_CHECKS = frozenset({"go", "rust"})
"""Languages whose compilers check bounds and use neither of C's mechanisms."""

_MAX_NAMES = 256 << 20
_PROTECTOR = b"\0__stack_chk_fail\0"
_CHECKED, _UNCHECKED = b"_chk\0", b"__stack_chk_"
_CHECKABLE = tuple(
    b"\0%b\0" % name
    for name in b"printf fprintf vprintf vfprintf sprintf snprintf vsprintf vsnprintf syslog vsyslog".split()
)
"""What a fortified program never calls: glibc's headers turn each into its checking form, whatever the compiler knows.

memcpy and the like stay as they are in fortified programs too, where the compiler doesn't know the target's size.
"""

_DEBUG_NAMES = (".gdb_index", ".debug_gdb_scripts", ".stab", ".stabstr")


def is_debug_section(name: str) -> bool:
    """Whether a section of this name is for debuggers only."""
    return name.startswith((".debug_", ".zdebug_")) or name in _DEBUG_NAMES


def debug_sections(elf: ElfFile) -> tuple[Section, ...]:
    """The sections for debuggers only, not loaded, in file order."""
    return tuple(section for section in elf.sections if is_debug_section(section.name) and not section.address)


def symbol_sections(elf: ElfFile) -> tuple[Section, ...]:
    """The symbol table that stripping removes, and its strings."""
    tables = [section for section in elf.sections if section.type == SectionType.SYMTAB]
    strings = [elf.sections[table.link] for table in tables if table.link < len(elf.sections)]
    return (*tables, *(section for section in dict.fromkeys(strings) if section.name == ".strtab"))


def hardening(elf: ElfFile, dynamic: Dynamic | None, known: Analysis) -> Hardening:
    """The protections of a program of which all else is known. Reads headers and tables of names, no code."""
    values = dynamic.values if dynamic else {}
    checked = known.language.name not in _OWN_CHECKS
    names = tuple(_names(elf, dynamic)) if checked else ()
    return Hardening(
        relro=_relro(elf, dynamic, values),
        executable_stack=_executable_stack(elf, known.platform.architecture),
        pie=elf.type == FileType.DYN,
        stack_protector=_stack_protector(elf, names, known) if checked else None,
        fortify=_fortify(names, known) if checked else None,
        runpath=_runpath(dynamic),
        debug_bytes=_size(elf, debug_sections(elf)),
        symbol_bytes=_size(elf, symbol_sections(elf)),
        stack_marked=any(segment.type == SegmentType.GNU_STACK for segment in elf.segments),
        writable_code=_writable_code(elf),
        text_relocations=Tag.TEXTREL in values or bool(values.get(Tag.FLAGS, 0) & _DF_TEXTREL),
    )


def _size(elf: ElfFile, sections: tuple[Section, ...]) -> int:
    return sum(end - start for start, end in merge((section.span for section in sections), len(elf.data)))


def _relro(elf: ElfFile, dynamic: Dynamic | None, values: dict[int, int]) -> Relro:
    """Full where nothing that calls go through stays writable: all is bound at start, or nothing is bound lazily."""
    segment = next((segment for segment in elf.segments if segment.type == SegmentType.GNU_RELRO), None)
    if segment is None:
        return Relro.NONE
    if dynamic is not None:
        flags = values.get(Tag.FLAGS, 0) & _DF_BIND_NOW or values.get(Tag.FLAGS_1, 0) & _DF_1_NOW
        return Relro.FULL if flags or Tag.BIND_NOW in values or Tag.JMPREL not in values else Relro.PARTIAL
    table = elf.section(".got.plt")
    if table is None:
        return Relro.FULL if elf.section(".got") else Relro.PARTIAL
    inside = segment.address <= table.address and table.address + table.size <= segment.address + segment.memory_size
    return Relro.FULL if inside else Relro.PARTIAL


def _executable_stack(elf: ElfFile, architecture: str) -> bool:
    """The kernel takes the last PT_GNU_STACK."""
    marks = [segment.flags for segment in elf.segments if segment.type == SegmentType.GNU_STACK]
    return bool(marks[-1] & SegmentFlag.EXECUTE) if marks else architecture in _EXECUTABLE_WITHOUT_MARK


def _writable_code(elf: ElfFile) -> bool:
    both = SegmentFlag.WRITE | SegmentFlag.EXECUTE
    return any(segment.flags & both == both for segment in elf.loads)


def _names(elf: ElfFile, dynamic: Dynamic | None) -> Iterator[bytes]:
    """Tables that names of functions stand in: of imported and exported ones, and the symbol table's."""
    start = dynamic.place(elf, Tag.STRTAB) if dynamic else None
    if dynamic and start is not None:
        yield elf.data[start : start + min(dynamic.values.get(Tag.STRSZ, 0), _MAX_NAMES)]
    for table in symbol_sections(elf):
        if table.type != SectionType.SYMTAB:
            yield elf.data[table.offset : table.offset + min(table.size, _MAX_NAMES)]


def _told_by_names(elf: ElfFile, known: Analysis) -> bool:
    """Whether a function that isn't named isn't there."""
    return known.linkage is Linkage.DYNAMIC or bool(symbol_sections(elf))


def _libc_inside(known: Analysis) -> bool:
    """A libc may be protected itself, as Debian's are: in a static program a call may be libc's own."""
    return known.libc is not None and known.linkage is not Linkage.DYNAMIC


def _stack_protector(elf: ElfFile, names: tuple[bytes, ...], known: Analysis) -> bool | None:
    if not _told_by_names(elf, known):
        return None
    found = any(_PROTECTOR in table for table in names)
    return None if found and _libc_inside(known) else found


def _fortify(names: tuple[bytes, ...], known: Analysis) -> bool | None:
    """False only where functions that could be checked are called unchecked; musl has no checking forms."""
    if known.libc is not Libc.GLIBC or _libc_inside(known):
        return None
    if any(_has_checked(table) for table in names):
        return True
    return False if any(name in table for table in names for name in _CHECKABLE) else None


def _has_checked(table: bytes) -> bool:
    at = table.find(_CHECKED)
    while at >= 0:
        name = table[max(0, at - 64) : at + len(_CHECKED) - 1].rpartition(b"\0")[2]
        if name.startswith(b"__") and not name.startswith(_UNCHECKED):
            return True
        at = table.find(_CHECKED, at + 1)
    return False


def _runpath(dynamic: Dynamic | None) -> tuple[str, ...]:
    """DT_RUNPATH's entries, else DT_RPATH's: with both, loaders pass over the latter."""
    if dynamic is None:
        return ()
    text = dynamic.rpath if dynamic.runpath is None else dynamic.runpath
    return tuple(text.split(":")) if text else ()
