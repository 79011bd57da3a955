"""What protects the program from its own bugs, and what takes that protection away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Libc, Linkage, Relro
from whit.packer.lint.model import Found, Level, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.executable.analysis import Analysis, Hardening
    from whit.packer.lint.model import Program

_GUIDE = "https://best.openssf.org/Compiler-Hardening-Guides/Compiler-Options-Hardening-Guide-for-C-and-C++.html"
_KERNEL = "https://man7.org/linux/man-pages/man5/elf.5.html"
_LOADER = "https://man7.org/linux/man-pages/man8/ld.so.8.html"

_SMALL = 24_000
"""Bytes of a file that is mostly headers and padding."""

_ANYONE_WRITES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - looked for, not used
_BUILD_FOLDERS = ("/home/", "/root/", "/Users/", "/build/", "/builds/", "/workspace/", "/usr/src/", "/mnt/")


def _relocated(analysis: Analysis) -> bool:
    """Whether RELRO does something: a loader or start code must set the pages read-only.

    Loaders do, glibc's start code, and musl's of a static-pie; musl's of a program at fixed addresses doesn't, and Go's
    neither (seen in /proc/PID/maps with glibc 2.36 and musl 1.2.3).
    """
    return analysis.linkage is not Linkage.STATIC or analysis.libc is Libc.GLIBC


def _relro(program: Program, sought: Relro, what: str) -> Iterator[Found]:
    hardening = program.analysis.hardening
    if hardening and hardening.relro is sought and _relocated(program.analysis):
        yield Found(what)


def _known(program: Program) -> Iterator[Hardening]:
    if program.analysis.hardening:
        yield program.analysis.hardening


def _executable_stack(program: Program) -> Iterator[Found]:
    for hardening in _known(program):
        if hardening.executable_stack and hardening.stack_marked:
            yield Found("PT_GNU_STACK asks for an executable stack")
        elif hardening.executable_stack:
            architecture = program.analysis.platform.architecture
            yield Found(f"PT_GNU_STACK is missing, and on {architecture} the kernel then makes all data executable")


def _unmarked_stack(program: Program) -> Iterator[Found]:
    for hardening in _known(program):
        if not hardening.stack_marked and not hardening.executable_stack:
            yield Found("PT_GNU_STACK is missing")


def _writable_code(program: Program) -> Iterator[Found]:
    for hardening in _known(program):
        if hardening.writable_code:
            yield Found("a segment is loaded writable and executable")


def _text_relocations(program: Program) -> Iterator[Found]:
    for hardening in _known(program):
        if hardening.text_relocations:
            yield Found("the dynamic section has DT_TEXTREL")


def _not_pie(program: Program) -> Iterator[Found]:
    """Go's own programs aside: without cgo a Go PIE asks for a loader, which costs more than it gives."""
    pure_go = program.analysis.language.name == "go" and program.analysis.libc is None
    for hardening in _known(program):
        if not hardening.pie and not pure_go:
            yield Found("it is linked to fixed addresses (ET_EXEC)")


def _stack_protector(program: Program) -> Iterator[Found]:
    """A small program may have no array to protect; one that is fortified was built with protection in mind.

    Of 740 C programs of a Debian system 105 have no call; these two conditions leave those that really lack it.
    """
    for hardening in _known(program):
        silent = hardening.fortify or program.analysis.size < _SMALL
        if hardening.stack_protector is False and not silent:
            yield Found("no function calls __stack_chk_fail")


def _fortify(program: Program) -> Iterator[Found]:
    for hardening in _known(program):
        if hardening.fortify is False:
            yield Found("it calls functions such as printf or sprintf, none of them in the checking form")


def _runpath_open(program: Program) -> Iterator[Found]:
    if program.analysis.linkage is not Linkage.DYNAMIC:
        return
    for entry in program.analysis.hardening.runpath if program.analysis.hardening else ():
        anyone = any(entry == folder or entry.startswith(f"{folder}/") for folder in _ANYONE_WRITES)
        if not entry:
            yield Found("an empty entry in its RUNPATH: libraries are taken from the working directory")
        elif anyone:
            yield Found(f"RUNPATH {entry}: anybody can put a library there")
        elif not entry.startswith(("/", "$ORIGIN", "${ORIGIN}")):
            yield Found(f"RUNPATH {entry} is relative: libraries are taken from below the working directory")


def _runpath_of_builder(program: Program) -> Iterator[Found]:
    if program.analysis.linkage is not Linkage.DYNAMIC:
        return
    for entry in program.analysis.hardening.runpath if program.analysis.hardening else ():
        if entry.startswith(_BUILD_FOLDERS):
            yield Found(f"RUNPATH {entry} is a folder of the machine that it was built on")


RULES = (
    Rule(
        "executable-stack",
        Level.ERROR,
        "The stack is executable",
        "Whatever overflows a buffer on the stack can put code there and have it run.",
        "Link with -z noexecstack, and mark assembly with .note.GNU-stack. If nothing runs code on the stack: "
        "whit lint --fix --clear-executable-stack.",
        f"{_GUIDE}#-Wl,-z,noexecstack",
        program=_executable_stack,
    ),
    Rule(
        "stack-not-marked",
        Level.NOTE,
        "The file doesn't say that its stack isn't executable",
        "Kernels before 5.8, and glibc for the stacks of threads, take such a program for an old one and make stacks "
        "executable.",
        "Link with -z noexecstack.",
        f"{_GUIDE}#-Wl,-z,noexecstack",
        program=_unmarked_stack,
    ),
    Rule(
        "writable-code",
        Level.ERROR,
        "Code that can be overwritten",
        "Memory that is writable and executable at once lets any write become code.",
        "Leave out -N/--omagic and linker scripts that put code and data together; packers such as UPX do it too.",
        _KERNEL,
        program=_writable_code,
    ),
    Rule(
        "text-relocations",
        Level.WARNING,
        "The loader has to change code",
        "Code pages are writable while they are relocated, and can't be shared between processes.",
        "Compile everything with -fPIE or -fPIC, assembly too; link with -z text to find what isn't.",
        _KERNEL,
        program=_text_relocations,
    ),
    Rule(
        "no-relro",
        Level.WARNING,
        "Nothing that is relocated becomes read-only",
        "Tables of addresses that calls go through stay writable, so that one wild write can redirect the program.",
        "Link with -Wl,-z,relro,-z,now.",
        f"{_GUIDE}#-Wl,-z,relro",
        program=lambda program: _relro(program, Relro.NONE, "there is no PT_GNU_RELRO"),
    ),
    Rule(
        "partial-relro",
        Level.NOTE,
        "The table that calls go through stays writable",
        "With partial RELRO addresses of functions are filled in when first called, in pages that stay writable.",
        "Link with -Wl,-z,now as well.",
        f"{_GUIDE}#-Wl,-z,relro",
        program=lambda program: _relro(program, Relro.PARTIAL, "its PLT's table is outside of what becomes read-only"),
    ),
    Rule(
        "not-pie",
        Level.NOTE,
        "Its addresses are the same in every process",
        "Address space randomisation moves stack, heap and libraries, but not a program that isn't "
        "position-independent: what attacks it knows where code is.",
        "Compile with -fPIE and link with -static-pie (or -pie if it is dynamic).",
        f"{_GUIDE}#-fPIE_-pie",
        program=_not_pie,
    ),
    Rule(
        "no-stack-protector",
        Level.WARNING,
        "No function notices that its stack frame was overwritten",
        "A buffer overflow on the stack goes on to the return address instead of ending the program.",
        "Compile with -fstack-protector-strong.",
        f"{_GUIDE}#-fstack-protector-strong",
        program=_stack_protector,
    ),
    Rule(
        "no-fortify",
        Level.NOTE,
        "Copies and formats aren't checked against the size of their target",
        "glibc can check lengths that the compiler knows, at nearly no cost, and end the program before it writes on.",
        "Compile with -O2 -D_FORTIFY_SOURCE=3.",
        f"{_GUIDE}#-D_FORTIFY_SOURCE=3",
        program=_fortify,
    ),
    Rule(
        "open-runpath",
        Level.ERROR,
        "Libraries are looked for where others can put them",
        "Whoever can write to that folder, or choose the working directory, runs code in this program.",
        "Link with an absolute path of its own or with $ORIGIN, or take the entry away: patchelf --remove-rpath.",
        _LOADER,
        program=_runpath_open,
    ),
    Rule(
        "builders-runpath",
        Level.WARNING,
        "Libraries are looked for in a folder of the build",
        "The folder isn't there where the program runs, and whoever can make it there decides about its libraries.",
        "Link without that -rpath, or use $ORIGIN.",
        _LOADER,
        program=_runpath_of_builder,
    ),
)
