"""Whether an ELF file is a program that can be started, and how it is linked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.file import FileType, SegmentFlag, truncated
from whit.packer.executable.analysis import Linkage
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from whit.packer.elf.dynamic import Dynamic
    from whit.packer.elf.file import ElfFile

_KERNEL_HALF = {32: 0xC0000000, 64: 1 << 63}
"""Where kernels are linked to; no program is."""


def require_file_type(elf: ElfFile) -> None:
    """Raise UnsupportedError for ELF files that are no program by their type."""
    if elf.type == FileType.REL:
        if elf.section(".modinfo"):
            raise UnsupportedError(
                "a Linux kernel module, not a program", hint="load it with insmod, not in a container"
            )
        raise UnsupportedError("an object file (.o), not yet a program", hint="link it first")
    if elf.type == FileType.CORE:
        raise UnsupportedError("a core dump, not a program", hint="give the program that crashed")
    if elf.type not in (FileType.EXEC, FileType.DYN):
        raise InvalidFileError(f"not a valid ELF file: type {elf.type}")


def require_runnable(elf: ElfFile) -> None:
    """Raise InvalidFileError or UnsupportedError unless the kernel could map the file and jump into it."""
    if not elf.loads:
        raise InvalidFileError("an ELF file with nothing to load: no PT_LOAD segment", hint="was it stripped too far?")
    for segment in elf.loads:
        if segment.size > segment.memory_size:
            raise InvalidFileError("not a valid ELF file: a segment is larger in the file than in memory")
        if segment.offset + segment.size > len(elf.data):
            raise truncated("a segment", segment.offset + segment.size, len(elf.data))
    if any(segment.address >= _KERNEL_HALF[elf.bits] for segment in elf.loads):
        raise UnsupportedError("an operating system kernel, not a program", hint="give a user-space executable")
    code = [segment for segment in elf.loads if segment.flags & SegmentFlag.EXECUTE and segment.size]
    if not code:
        raise InvalidFileError("an ELF file without code: no segment is executable")


def require_entry(elf: ElfFile) -> None:
    """Raise InvalidFileError unless the entry point lies in code."""
    for segment in elf.loads:
        inside = segment.address <= elf.entry < segment.address + segment.size
        if inside and segment.flags & SegmentFlag.EXECUTE:
            return
    raise InvalidFileError(f"not a program: its entry point {elf.entry:#x} lies in no executable segment")


def linkage(elf: ElfFile, interpreter: str | None, dynamic: Dynamic | None) -> Linkage:
    """Static, static-pie or dynamic; UnsupportedError for a shared library.

    ET_DYN is both a library and a position-independent program. The linker marks programs with DF_1_PIE (binutils
    since 2.26, LLVM) and gives them DT_DEBUG; files older than that are told by having no DT_SONAME and, where there
    is no interpreter, no DT_NEEDED.
    """
    named = dynamic is not None and dynamic.soname is not None
    needs_libraries = dynamic is not None and bool(dynamic.libraries)
    marked = dynamic is not None and dynamic.is_executable
    if (
        elf.type == FileType.DYN
        and not marked
        and (named or (interpreter is None and (needs_libraries or not elf.entry)))
    ):
        name = f" ({dynamic.soname})" if dynamic is not None and dynamic.soname else ""
        raise UnsupportedError(f"a shared library{name}, not a program", hint="give the program that loads it")
    if interpreter is not None or needs_libraries:
        return Linkage.DYNAMIC
    return Linkage.STATIC_PIE if elf.type == FileType.DYN else Linkage.STATIC
