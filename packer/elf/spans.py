"""Which of an ELF file's loaded bytes are instructions and which may be data. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.elf.file import SECTION_EXECUTABLE, SegmentFlag
from whit.packer.support.search import merge, subtract

if TYPE_CHECKING:
    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Span

_UNWINDING = (".eh_frame", ".eh_frame_hdr", ".gcc_except_table")
"""Tables for exceptions: up to a tenth of a Rust program, and no text in them."""


def data(elf: ElfFile) -> tuple[Span, ...]:
    """Loaded ranges that may hold data: all but code and the tables for exceptions."""
    tables = [section.span for section in elf.sections if section.name in _UNWINDING]
    return subtract(elf.loaded_spans, merge([*code(elf), *tables], len(elf.data)))


def go_code(elf: ElfFile) -> tuple[Span, ...]:
    """As :func:`code` for a Go program: its first segment, with the headers, holds no data either."""
    segments = [segment for segment in elf.loads if segment.flags & SegmentFlag.EXECUTE]
    return code(elf) or merge(((segment.offset, segment.offset + segment.size) for segment in segments), len(elf.data))


def code(elf: ElfFile) -> tuple[Span, ...]:
    """Ranges that hold instructions and nothing else: by the sections, or else by segments of their own.

    Without ``-z separate-code`` the first segment, with the headers, is executable and holds read-only data too; only
    Go's linker keeps its data apart even then.
    """
    sections = [section.span for section in elf.sections if section.flags & SECTION_EXECUTABLE]
    if sections:
        return merge(sections, len(elf.data))
    segments = [segment for segment in elf.loads if segment.flags & SegmentFlag.EXECUTE and segment.offset]
    return merge(((segment.offset, segment.offset + segment.size) for segment in segments), len(elf.data))
