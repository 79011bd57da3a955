"""What one executable is: the result of reading its bytes, and nothing but its bytes.

``packer/executable/analyse.py`` makes an :class:`Analysis`; everything after it (needs, lint, image) works from
this record and never opens the executable to look for itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform


class Format(StrEnum):
    """The container format of the machine code."""

    ELF = "elf"
    WASM_MODULE = "wasm-module"
    WASM_COMPONENT = "wasm-component"


class Linkage(StrEnum):
    """Whether something else must be loaded for the program to start."""

    STATIC = "static"
    STATIC_PIE = "static-pie"
    DYNAMIC = "dynamic"


class Libc(StrEnum):
    """The C library that is linked in (static) or asked for (dynamic)."""

    GLIBC = "glibc"
    MUSL = "musl"


class EvidenceKind(StrEnum):
    """Where in the file a fact was read."""

    HEADER = "header"
    SECTION = "section"
    NOTE = "note"
    SYMBOL = "symbol"
    FUNCTION = "function"
    STRING = "string"
    INSTRUCTION = "instruction"
    IMPORT = "import"
    BUILD_INFO = "build-info"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact read in the file. ``detail`` is the thing itself: a function's name, a string, a section.

    ``offset`` is a file offset in bytes where one can be given.
    """

    kind: EvidenceKind
    detail: str
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Language:
    """The source language; ``name`` is one of go, rust, nim, zig, c, c++, unknown.

    ``version`` is the language's, for C and C++ the compiler with its own (``gcc 12.2.0``).
    """

    name: str
    version: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What the toolchain wrote about the build (Go's build info, a build-id note)."""

    main_path: str | None = None
    module: str | None = None
    module_version: str | None = None
    dependencies: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    build_id: str | None = None

    def setting(self, key: str) -> str | None:
        """The value of a build setting such as ``CGO_ENABLED`` or ``vcs.revision``."""
        return dict(self.settings).get(key)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules in ``packer/needs`` ask of an executable, so that one pass over the file answers them all.

    ``functions``: exact names of linked functions (Go's pclntab names, or ELF symbols).
    ``strings``: byte strings looked for anywhere in the file's loaded data, unless it is a Go program whose functions
    are known: these tell more. ``always``: strings that are looked for in such a program too.
    """

    functions: frozenset[str] = frozenset()
    strings: frozenset[bytes] = frozenset()
    always: frozenset[bytes] = frozenset()
    arguments: frozenset[str] = frozenset()
    """Functions whose constant arguments are looked for: this costs a look through all code, so not for every purpose."""

    immediates: frozenset[bytes] = frozenset()
    """Bytes looked for in instructions too: instructions themselves, and strings so short that compilers write them so."""

    companions: tuple[tuple[bytes, frozenset[bytes]], ...] = ()
    """Bytes looked for in instructions too, but only if the first stands in data: they say nothing without it."""

    @property
    def texts(self) -> frozenset[bytes]:
        """All strings, for a program whose functions aren't known."""
        return self.strings | self.always | self.immediates

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(
            self.functions | other.functions,
            self.strings | other.strings,
            self.always | other.always,
            self.arguments | other.arguments,
            self.immediates | other.immediates,
            (*self.companions, *other.companions),
        )

    @property
    def without_arguments(self) -> Wanted:
        """The same but for constant arguments."""
        return Wanted(self.functions, self.strings, self.always, frozenset(), self.immediates, self.companions)


class Relro(StrEnum):
    """How much of what the loader relocates is read-only while the program runs."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Hardening:
    """What protects the program from its own bugs; None where it can't be told or has no meaning (Go's stack).

    ``runpath`` are the entries of DT_RUNPATH, or of DT_RPATH where there is none; ``debug_bytes`` the size of sections
    that only debuggers read, ``symbol_bytes`` that of the symbol table that stripping removes. ``stack_marked`` tells
    whether the file says how its stack should be (PT_GNU_STACK); ``executable_stack`` what the kernel makes of it.
    """

    relro: Relro
    executable_stack: bool
    pie: bool
    stack_protector: bool | None
    fortify: bool | None
    runpath: tuple[str, ...] = ()
    debug_bytes: int = 0
    symbol_bytes: int = 0
    stack_marked: bool = True
    writable_code: bool = False
    text_relocations: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """So many bytes of the file are of this kind (``code``, ``debug information`` …)."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Argument:
    """A constant that stands as an argument where a function is called; ``offset`` is the call's place in the file.

    ``caller`` is the function that holds the call, empty where it isn't known; ``position`` the constant's place among
    the arguments, in machine words: a string takes two, a receiver comes first.
    """

    function: str
    value: str
    offset: int
    caller: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class WasmInfo:
    """What a WebAssembly file says of its host: ``wasi`` is ``wasip1``, ``wasip2`` or None.

    ``host`` is what it can ask its host for, in words (``files``, ``network``, ``clocks`` …), ``foreign`` those imports
    that no WASI host has, ``cure`` what is behind them. ``world`` is what it is started as: a component's world with its
    version, of a module ``command``, ``reactor`` or, where nothing can be started, None. ``features`` are proposals to
    WebAssembly that it says it uses or is seen to use, in LLVM's words; ``producers`` (role, name, version).
    """

    wasi: str | None = None
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    memory_min_pages: int | None = None
    memory_max_pages: int | None = None
    host: tuple[str, ...] = ()
    world: str | None = None
    features: tuple[str, ...] = ()
    producers: tuple[tuple[str, str, str], ...] = ()
    module_name: str | None = None
    modules: int = 1
    foreign: tuple[str, ...] = ()
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is known of one executable.

    ``functions_known`` tells whether the list of linked functions could be read at all: if so, a function that
    is not in ``functions`` is not linked; if not, its absence means nothing and rules fall back to ``strings``.
    ``functions`` and ``strings`` hold only what was asked for in :class:`Wanted`.
    ``interpreter`` is PT_INTERP's path; ``libraries`` are the DT_NEEDED sonames in file order.
    """

    format: Format
    platform: Platform
    size: int
    linkage: Linkage
    language: Language
    libc: Libc | None = None
    interpreter: str | None = None
    libraries: tuple[str, ...] = ()
    build: BuildInfo = BuildInfo()
    stripped: bool = False
    functions_known: bool = False
    functions: frozenset[str] = frozenset()
    strings: tuple[tuple[bytes, int], ...] = ()
    wasm: WasmInfo | None = None
    hardening: Hardening | None = None
    parts: tuple[Part, ...] = ()
    arguments: tuple[Argument, ...] = ()

    def has_string(self, wanted: bytes) -> bool:
        """Whether a string that was asked for stands in the file."""
        return any(found == wanted for found, _ in self.strings)
