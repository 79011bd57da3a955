"""Which language and which C library an ELF executable was made from, with the evidence. Pure.

The markers were measured on some 250 static executables; each is there because it survives stripping or because
nothing else writes it. Go is told by its function table (gopclntab.py), everything else here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.elf.machine import EM_AARCH64, EM_X86_64
from whit.packer.executable.analysis import Evidence, EvidenceKind, Language, Libc, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.elf.dynamic import Note
    from whit.packer.elf.file import ElfFile

_RUST_COMMENT = re.compile(rb"rustc version (\S+) \([^)\0]*\)")
_RUST_PATHS = (b"library/core/src/", b"library/std/src/", b"library/alloc/src/")
_CPP_STRINGS = (b"St9exception", b"St9bad_alloc", b"GLIBCXX_TUNABLES")
_MUSL_STRING = b"No error information"
_NT_GNU_ABI_TAG = 1
_COMMENT_LIMIT = 65536

_ZIG_ENTRY = {
    EM_X86_64: re.compile(rb"\x31\xed\x48\x89\xe7\x48\x83\xe4\xf0", re.DOTALL),
    EM_AARCH64: re.compile(
        rb"\x1d\x00\x80\xd2\x1e\x00\x80\xd2\xe0\x03\x00\x91\x1f\xec\x7c\x92...[\x14-\x17]", re.DOTALL
    ),
}
"""Clear the frame pointer, take the stack pointer as first argument, align it, go on (lib/std/start.zig)."""

_MUSL_ENTRY = {
    EM_X86_64: re.compile(rb"\x48\x31\xed\x48\x89\xe7\x48\x8d\x35", re.DOTALL),
    EM_AARCH64: re.compile(rb"\x1d\x00\x80\xd2\x1e\x00\x80\xd2\xe0\x03\x00\x91...[\x90\xb0\xd0\xf0]", re.DOTALL),
}
"""crt_arch.h: clear the frame pointer, take the stack pointer as first argument, load _DYNAMIC's address."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What gives a runtime away: one of its functions, or ``enough`` of its strings."""

    language: str
    function: str
    strings: tuple[bytes, ...]
    enough: int


_MARKERS = (
    Marker(
        "nim",
        "NimMain",
        (
            b"SIGSEGV: Illegal storage access. (Attempt to read from nil?)",
            b"SIGINT: Interrupted by Ctrl-C.",
            b"SIGABRT: Abnormal termination.",
            b"[GC] cannot register thread local variable",
            b"index out of bounds, the container is empty",
            b"value out of range: ",
            b"fatal.nim",
        ),
        2,
    ),
    Marker(
        "zig",
        "start.posixCallMainAndExit",
        (
            b"access of union field '",
            b"attempt to unwrap error: ",
            b"for loop over objects with non-equal lengths",
            b"ZIG_PROGRESS",
        ),
        2,
    ),
    Marker(
        "unknown",  # Haskell: its run-time system is written in C, and would be taken for the program
        "hs_main",
        (
            b"(GHC version %s for %s)",
            b"unknown RTS option: ",
            b"RTS options are disabled.",
        ),
        2,
    ),
)

WANTED = Wanted(
    functions=frozenset(marker.function for marker in _MARKERS),
    strings=frozenset([*_RUST_PATHS, *_CPP_STRINGS, _MUSL_STRING, *(text for m in _MARKERS for text in m.strings)]),
)
"""What must be looked for in the file before :func:`language` and :func:`libc` can judge."""


def libc(
    elf: ElfFile,
    interpreter: str | None,
    libraries: tuple[str, ...],
    notes: tuple[Note, ...],
    strings: Mapping[bytes, int],
) -> tuple[Libc, Evidence] | None:
    """The C library: asked for by the loader's or library's name, or linked in."""
    named = _libc_by_name(interpreter, libraries)
    if named or interpreter:
        return named
    tag = next((note for note in notes if note.owner == "GNU" and note.type == _NT_GNU_ABI_TAG), None)
    if tag is not None:
        return Libc.GLIBC, Evidence(EvidenceKind.NOTE, "GNU ABI tag, written by glibc's start files", tag.offset)
    entry = _entry_matches(elf, _MUSL_ENTRY)
    if entry is not None:
        return Libc.MUSL, Evidence(EvidenceKind.INSTRUCTION, "musl's start code at the entry point", entry)
    if _MUSL_STRING in strings:
        return Libc.MUSL, Evidence(EvidenceKind.STRING, _MUSL_STRING.decode(), strings[_MUSL_STRING])
    return None


def _libc_by_name(interpreter: str | None, libraries: tuple[str, ...]) -> tuple[Libc, Evidence] | None:
    if interpreter is not None:
        name = interpreter.rpartition("/")[2]
        evidence = Evidence(EvidenceKind.HEADER, f"interpreter {interpreter}")
        if name.startswith("ld-musl-"):
            return Libc.MUSL, evidence
        if re.match(r"ld-linux|ld-2\.|ld64\.so|ld\.so\.1", name):
            return Libc.GLIBC, evidence
    for library in libraries:
        if library == "libc.so.6":
            return Libc.GLIBC, Evidence(EvidenceKind.LIBRARY, library)
        if library == "libc.so" or library.startswith("libc.musl-"):
            return Libc.MUSL, Evidence(EvidenceKind.LIBRARY, library)
    return None


def language(
    elf: ElfFile,
    functions: Mapping[str, int],
    strings: Mapping[bytes, int],
    libraries: tuple[str, ...],
    clib: tuple[Libc, Evidence] | None,
) -> Language:
    """The source language of an executable that isn't Go's; ``unknown`` without evidence."""
    return (
        _rust(elf, strings)
        or _by_marker(elf, functions, strings)
        or _c_family(elf, strings, libraries, clib)
        or Language("unknown")
    )


def _comment(elf: ElfFile) -> tuple[bytes, int]:
    section = elf.section(".comment")
    if section is None:
        return b"", 0
    return elf.data[section.offset : section.offset + min(section.size, _COMMENT_LIMIT)], section.offset


def _rust(elf: ElfFile, strings: Mapping[bytes, int]) -> Language | None:
    text, offset = _comment(elf)
    said = _RUST_COMMENT.search(text)
    paths = tuple(
        Evidence(EvidenceKind.STRING, _around(elf, strings[path]), strings[path])
        for path in _RUST_PATHS
        if path in strings
    )
    if said:
        detail = f".comment: {said.group().decode('utf-8', 'replace')}"
        evidence = Evidence(EvidenceKind.SECTION, detail, offset + said.start())
        return Language("rust", said.group(1).decode("utf-8", "replace"), (evidence, *paths[:1]))
    return Language("rust", None, paths) if paths else None


def _around(elf: ElfFile, offset: int) -> str:
    """The path of a source file around a place in it."""
    start = max(offset - 64, 0)
    before = re.search(rb"[\w./-]*\Z", elf.data[start:offset])
    after = re.match(rb"[\w./-]*?\.rs|[\w./-]*", elf.data[offset : offset + 128])
    lead = before.group() if before else b""
    prefix = lead[lead.rfind(b"/rustc/") :] if b"/rustc/" in lead else b""
    return (prefix + (after.group() if after else b"")).decode()


def _by_marker(elf: ElfFile, functions: Mapping[str, int], strings: Mapping[bytes, int]) -> Language | None:
    for marker in _MARKERS:
        evidence = []
        if marker.function in functions:
            evidence.append(Evidence(EvidenceKind.SYMBOL, marker.function, functions[marker.function]))
        entry = _entry_matches(elf, _ZIG_ENTRY) if marker.language == "zig" else None
        if entry is not None:
            evidence.append(Evidence(EvidenceKind.INSTRUCTION, "Zig's start code at the entry point", entry))
        texts = [text for text in marker.strings if text in strings]
        if evidence or len(texts) >= marker.enough:
            evidence += [Evidence(EvidenceKind.STRING, text.decode(), strings[text]) for text in texts]
            return Language(marker.language, None, tuple(evidence))
    return None


def _c_family(
    elf: ElfFile, strings: Mapping[bytes, int], libraries: tuple[str, ...], clib: tuple[Libc, Evidence] | None
) -> Language | None:
    compiled = _compilers(elf)
    plus = [
        Evidence(EvidenceKind.LIBRARY, name) for name in libraries if re.match(r"libstdc\+\+\.so|libc\+\+\.so", name)
    ]
    plus += [Evidence(EvidenceKind.STRING, text.decode(), strings[text]) for text in _CPP_STRINGS if text in strings]
    version = _compiler_version(compiled)
    if plus:
        return Language("c++", version, (*plus, *compiled))
    return Language("c", version, (clib[1], *compiled)) if clib else None


def _compilers(elf: ElfFile) -> tuple[Evidence, ...]:
    """The compilers' own words in .comment."""
    text, offset = _comment(elf)
    lines = [line.group() for line in re.finditer(rb"(?:GCC:|clang version|[^\0]*clang version) ?[^\0]*", text)]
    return tuple(
        Evidence(EvidenceKind.SECTION, f".comment: {line.decode('utf-8', 'replace')}", offset + text.find(line))
        for line in lines[:3]
    )


def _compiler_version(compiled: tuple[Evidence, ...]) -> str | None:
    """Compiler and version: clang's word before GCC's, which may have compiled no more than the C library."""
    text = "\n".join(fact.detail for fact in compiled)
    if clang := re.search(r"clang version (\d[\w.+-]*)", text):
        return f"clang {clang[1]}"
    gcc = re.search(r"GCC: \([^)]*\) (\d[\w.+-]*)", text)
    return f"gcc {gcc[1]}" if gcc else None


def _entry_matches(elf: ElfFile, patterns: Mapping[int, re.Pattern[bytes]]) -> int | None:
    pattern, offset = patterns.get(elf.machine), elf.offset_of(elf.entry)
    if pattern is None or offset is None:
        return None
    return offset if pattern.match(elf.data[offset : offset + 32]) else None
