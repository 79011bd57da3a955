"""Bytes that only debuggers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.lint.model import Found, Level, Rule
from whit.packer.showing.console import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.model import Program

_WORTH_IT = 64 << 10
"""Bytes below which nobody needs to hear of them: C's start files bring a few kB."""


def _share(part: int, whole: int) -> str:
    return f"{human_size(part)}, {part * 100 // max(whole, 1)} % of the file"


def _debug(program: Program) -> Iterator[Found]:
    hardening = program.analysis.hardening
    if hardening and hardening.debug_bytes >= _WORTH_IT:
        yield Found(f"debug information: {_share(hardening.debug_bytes, program.analysis.size)}")


def _symbols(program: Program) -> Iterator[Found]:
    hardening = program.analysis.hardening
    if hardening and hardening.symbol_bytes >= _WORTH_IT:
        yield Found(f"symbol table: {_share(hardening.symbol_bytes, program.analysis.size)}")


RULES = (
    Rule(
        "debug-info",
        Level.NOTE,
        "It carries debug information",
        "No program reads its own: it costs time and space wherever the image goes, and tells the names and folders of "
        "the sources.",
        'whit lint --fix; or build with -ldflags=-w (Go), strip = "debuginfo" (Cargo), strip --strip-debug. Keep a '
        "copy of the unstripped file: the build id leads debuggers to it.",
        "https://go.dev/doc/gdb",
        program=_debug,
    ),
    Rule(
        "symbol-table",
        Level.NOTE,
        "It carries its symbol table",
        "Debuggers and profilers read it, the program doesn't; Go's stack traces come from another table.",
        "whit lint --fix --strip-symbols; or build with -ldflags=-s (Go), strip = true (Cargo), strip.",
        "https://man7.org/linux/man-pages/man1/strip.1.html",
        program=_symbols,
    ),
)
