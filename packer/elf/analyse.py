"""An ELF executable's bytes → Analysis. Pure: reads headers, Go's tables, symbols and strings in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.elf import cargo, gobuildinfo, gocalls, gofunctions, gopclntab, kind, machine, spans, symbols
from whit.packer.elf import dynamic as program
from whit.packer.elf import language as languages
from whit.packer.elf.file import parse
from whit.packer.elf.hardening import hardening
from whit.packer.elf.parts import parts
from whit.packer.executable.analysis import Analysis, BuildInfo, Evidence, EvidenceKind, Format, Language, Wanted
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.search import find_first, merge, subtract

if TYPE_CHECKING:
    from whit.packer.elf.dynamic import Dynamic, Note
    from whit.packer.elf.file import ElfFile
    from whit.packer.elf.gobuildinfo import GoBuild
    from whit.packer.elf.gopclntab import FunctionTable
    from whit.packer.executable.analysis import Argument
    from whit.packer.support.search import Data

MAX_LOADED = 2 << 30
"""The most loaded bytes that are searched. Programs of the small code model can't have more."""

_GNU_BUILD_ID, _GO_BUILD_ID = ("GNU", 3), ("Go", 4)
"""Owner and type of the notes."""


def analyse_elf(data: Data, wanted: Wanted) -> Analysis:
    """Everything that is known of the ELF executable ``data``; see :func:`whit.packer.executable.analyse.analyse`."""
    elf = parse(data)
    kind.require_file_type(elf)
    notes = program.notes(elf)
    machine.require_system(elf, frozenset(note.owner for note in notes))
    architecture = machine.architecture(elf)
    kind.require_runnable(elf)
    interpreter, dynamic = program.interpreter(elf), program.dynamic(elf)
    linkage = kind.linkage(elf, interpreter, dynamic)
    kind.require_entry(elf)
    if sum(end - start for start, end in elf.loaded_spans) > MAX_LOADED:
        raise UnsupportedError(f"an executable with more than {MAX_LOADED >> 30} GiB to load")
    symtab = symbols.table(elf)
    known = Analysis(
        format=Format.ELF,
        platform=machine.platform(elf, architecture, None),
        size=len(data),
        linkage=linkage,
        language=Language("unknown"),
        interpreter=interpreter,
        libraries=dynamic.libraries if dynamic else (),
        build=BuildInfo(build_id=_build_id(notes)),
        stripped=symtab is None,
    )
    table, build = gopclntab.find(elf), gobuildinfo.find(elf, dynamic)
    is_go = table is not None or build is not None
    found = _go(elf, known, wanted, notes, dynamic, table, build) if is_go else _other(elf, known, wanted, notes)
    return replace(found, hardening=hardening(elf, dynamic, found), parts=parts(elf))


def _go(
    elf: ElfFile,
    known: Analysis,
    wanted: Wanted,
    notes: tuple[Note, ...],
    dynamic: Dynamic | None,
    table: FunctionTable | None,
    build: GoBuild | None,
) -> Analysis:
    evidence = []
    if table is not None:
        detail = f"Go's function table (layout of Go {table.layout}, {table.functions} functions)"
        evidence.append(Evidence(EvidenceKind.FUNCTION, detail, table.offset))
    if build is not None:
        evidence.append(Evidence(EvidenceKind.BUILD_INFO, build.version, build.offset))
    readable = table is not None and table.readable
    clib = languages.libc(elf, known.interpreter, known.libraries, notes, {})
    info = build.info if build else BuildInfo()
    # Where functions are known, what stands in code says nothing more, and names of functions aren't strings.
    data = subtract(spans.data(elf), merge([table.names], len(elf.data)) if table else ())
    strings = find_first(elf.data, data, wanted.always) if readable else _strings(elf, wanted)
    functions, arguments = _called(elf, table, dynamic, wanted) if table and readable else (frozenset(), ())
    return replace(
        known,
        platform=machine.platform(elf, known.platform.architecture, info.setting("GOARM")),
        language=Language("go", build.version.removeprefix("go") if build else None, tuple(evidence)),
        libc=clib[0] if clib else None,
        build=replace(info, build_id=known.build.build_id),
        functions_known=readable,
        functions=functions,
        strings=tuple(sorted(strings.items())),
        arguments=arguments,
    )


def _called(
    elf: ElfFile, table: FunctionTable, dynamic: Dynamic | None, wanted: Wanted
) -> tuple[frozenset[str], tuple[Argument, ...]]:
    """Which functions are linked, and with which constants they are called."""
    linked, places = gopclntab.placed(elf, table, wanted.functions, wanted.arguments)
    functions = gofunctions.find(elf, table, dynamic, places)
    if functions is None:
        return linked, ()
    return linked, tuple(gocalls.arguments(elf, functions, on_stack=table.layout in gocalls.STACK_LAYOUTS))


def _other(elf: ElfFile, known: Analysis, wanted: Wanted, notes: tuple[Note, ...]) -> Analysis:
    both = wanted | languages.WANTED
    symtab = symbols.table(elf)
    functions = symbols.linked(elf, symtab, both.functions) if symtab else {}
    strings = _strings(elf, both)
    clib = languages.libc(elf, known.interpreter, known.libraries, notes, strings)
    language = languages.language(elf, functions, strings, known.libraries, clib)
    return replace(
        known,
        language=language,
        build=_rust_build(elf, language, known.build) if language.name == "rust" else known.build,
        libc=clib[0] if clib else None,
        functions_known=symtab is not None,
        functions=wanted.functions & functions.keys(),
        strings=tuple(sorted((text, at) for text, at in strings.items() if text in wanted.texts)),
    )


def _rust_build(elf: ElfFile, language: Language, known: BuildInfo) -> BuildInfo:
    """The crates, and the compiler's commit, as far as they stand in the file."""
    paths = (fact.offset for fact in language.evidence if fact.kind is EvidenceKind.STRING and fact.offset)
    commits = filter(None, (cargo.commit(elf, offset) for offset in paths))
    settings = tuple(("rustc.commit", commit) for commit in commits)[:1]
    return replace(cargo.crates(elf) or BuildInfo(), settings=settings, build_id=known.build_id)


def _build_id(notes: tuple[Note, ...]) -> str | None:
    for note in notes:
        if (note.owner, note.type) == _GNU_BUILD_ID:
            return note.content.hex()
    return next((note.content.decode("latin-1") for note in notes if (note.owner, note.type) == _GO_BUILD_ID), None)


def _strings(elf: ElfFile, wanted: Wanted) -> dict[bytes, int]:
    """Where each string that occurs stands: in data, and those that may be parts of instructions anywhere."""
    in_data = find_first(elf.data, spans.data(elf), wanted.texts)
    with_company = (texts for condition, texts in wanted.companions if condition in in_data)
    return find_first(elf.data, spans.code(elf), wanted.immediates.union(*with_company)) | in_data
