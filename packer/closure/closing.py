"""A dynamic executable → its libraries, each with where it was found, where it goes and why. Pure over a FileTree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.closure import beyond, glibc, musl, nim
from whit.packer.closure.cache import MAX_BYTES, lookup
from whit.packer.closure.cache import PATH as CACHE_PATH
from whit.packer.closure.faults import Finder, lacks
from whit.packer.closure.imports import imports_of
from whit.packer.closure.model import Candidate, Failure, Hit, Loaded, Place, Rule
from whit.packer.closure.placing import Placed, home_of, place, unproved
from whit.packer.closure.read import Reader, facts
from whit.packer.closure.runtimes import runtime_advice
from whit.packer.closure.walk import Walk
from whit.packer.executable.linkage import EXECUTABLE, LIBRARIES
from whit.packer.needs.locale import UNIVERSAL
from whit.packer.resolution.model import Advice, Closure, Library, Missing, NeededFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.closure.model import Look, System
    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.spec import HostFile
    from whit.packer.resolution.model import Program
    from whit.packer.store.filetree import FileTree

_LIBRARY_MODE, _LOADER_MODE = 0o644, 0o755
_MAX_PATH_FILE = 1 << 20
_GLIBC, _MUSL = ("ld-linux", "ld64.so", "ld.so"), ("ld-musl-",)
_OTHERS = {"ld-uClibc": "uClibc", "ld64-uClibc": "uClibc", "linker": "Android's bionic", "ld-elf": "a BSD"}


def close(
    analysis: Analysis, program: Program, host: FileTree, tree: FileTree, added: Mapping[str, HostFile] | None = None
) -> Closure:
    """The closure of an executable on ``host``, with libraries from ``tree``; what isn't found is ``missing``.

    ``added`` are files that a person puts into the image, by their paths there: they are found like others, and what
    those that are libraries or programs need is there for them.

    What was found and can't be laid out so that the loader finds it again is ``missing`` too.

    Raises OSError if the executable can't be read any more.
    """
    name = analysis.interpreter or ""
    finder = Finder(analysis, tree)
    if fault := _unknown_loader(name):
        return Closure(missing=(finder.missing(Failure(name or "a loader", EXECUTABLE, fault)),))
    reader = Reader(tree, host, added)
    walk = start(name, program, host, tree, reader)
    if isinstance(walk, Failure):
        return Closure(missing=_without_loader(analysis, finder, walk), watched=_watched(tree, reader))
    loads = _nim_loads(analysis, program, host)
    reasons = {} if walk.failures else beyond.load_more(walk, loads)
    advice = () if walk.failures else tuple(_for_added(walk, reader))
    missing = lacks(walk, finder)
    imports = imports_of(walk.loaded)
    if missing:
        return Closure(missing=missing, imports=imports, watched=_watched(tree, reader))
    own = frozenset(added or ())
    placed = _placed(walk, program.image_path, own)
    if isinstance(placed, Missing):
        return Closure(missing=(placed,), imports=imports, watched=_watched(tree, reader))
    constants = _constants(analysis, walk, host)
    return Closure(
        libraries=tuple(_library(item, placed) for item in walk.loaded[1:]),
        files=(*(file for file in _files(walk, placed, reasons) if file.path not in own), *_data(analysis, walk, tree)),
        advice=(
            *advice,
            *beyond.dlopen_advice(walk, constants, loads),
            *_preload_advice(walk, tree),
            *runtime_advice(walk, tree, own),
        ),
        imports=imports,
        watched=_watched(tree, reader),
    )


def _constants(analysis: Analysis, walk: Walk, host: FileTree) -> tuple[str, ...]:
    """Names that the program may hand to dlopen."""
    program = walk.system.program
    known = tuple(found.value for found in analysis.arguments if found.function == "dlopen")
    if known or "dlopen" not in program.facts.imports:
        return known
    with host.mapped(program.found.file.path) as data:
        return beyond.library_names(data)


def _nim_loads(analysis: Analysis, program: Program, host: FileTree) -> tuple[tuple[str, ...], ...]:
    if analysis.language.name != "nim":
        return ()
    with host.mapped(program.file.path) as data:
        return nim.patterns(data)


def _for_added(walk: Walk, reader: Reader) -> Iterator[Advice]:
    """Load what was added, as the program may by dlopen; what it lacks needn't keep the program from starting."""
    for path in reader.added_objects():
        if path not in (walk.system.program.path, walk.system.interpreter.path):
            walk.load(path, walk.system.program, optional=True)
            walk.run()
    for failure in walk.failures:
        why = f" ({failure.why})" if failure.why else ""
        yield Advice("libraries", f"{failure.by}, which was added, needs {failure.name}, and it wasn't found{why}.")
    walk.failures.clear()


def start(
    interpreter: str,
    program: Program,
    host: FileTree,
    tree: FileTree,
    reader: Reader,
    environment: tuple[str, ...] = (),
) -> Walk | Failure:
    """The process as ``interpreter`` would fill it before the program's first instruction, or why that can't be.

    ``environment`` are LD_LIBRARY_PATH's folders; whit itself never looks at the variable.
    """
    loader = reader(interpreter)
    if loader is None or loader.facts is None:
        return Failure(interpreter, EXECUTABLE, loader.fault or "" if loader else "")
    executable = _program(program, host, tree)
    if not loader.facts.fits(executable.facts):
        return Failure(interpreter, EXECUTABLE, f"{interpreter} is for another machine")
    walk = Walk(_system(executable, loader, tree, reader, environment))
    walk.run()
    return walk


def _unknown_loader(name: str) -> str | None:
    last = name.rpartition("/")[2]
    if not name.startswith("/"):
        return "its path isn't absolute" if name else "it needs libraries and names no loader"
    if last.startswith((*_GLIBC, *_MUSL)):
        return None
    whose = next((whose for start, whose in _OTHERS.items() if last.startswith(start)), None)
    return f"whit knows the loaders of glibc and musl, and this is {f'that of {whose}' if whose else 'another'}"


def _without_loader(analysis: Analysis, finder: Finder, failure: Failure) -> tuple[Missing, ...]:
    return (
        finder.missing(failure),
        *(finder.missing(Failure(name, EXECUTABLE, "")) for name in analysis.libraries),
    )


def _program(program: Program, host: FileTree, tree: FileTree) -> Loaded:
    with host.mapped(program.file.path) as data:
        found = facts(data)
    path = tree.inside(program.file.path) or program.image_path
    candidate = Candidate(path, program.file, program.file.identity[:2], found)
    return Loaded(path, candidate, found, Hit(candidate, Place("", Rule.PATH)))


def _system(
    program: Loaded, interpreter: Candidate, tree: FileTree, reader: Reader, environment: tuple[str, ...]
) -> System:
    if interpreter.facts is None:
        raise AssertionError(interpreter)
    hit = Hit(interpreter, Place("", Rule.INTERPRETER))
    path = interpreter.path
    loader = Loaded(path, interpreter, interpreter.facts, hit, None, [path], [EXECUTABLE])
    if path.rpartition("/")[2].startswith(_MUSL):
        text = _small_file(tree, musl.path_file(path), _MAX_PATH_FILE)
        folders = musl.DEFAULTS if text is None else musl.folders_of(text.decode("utf-8", "surrogateescape"))
        return musl.Musl(reader, program, loader, folders, text is not None, environment)
    with tree.mapped(path) as data:
        folders = glibc.default_folders(data, interpreter.facts)
    machine = program.facts
    cache = lookup(_small_file(tree, CACHE_PATH, MAX_BYTES) or b"", machine.machine, machine.bits, machine.order)
    return glibc.Glibc(reader, program, loader, folders, cache, environment)


def _small_file(tree: FileTree, path: str, limit: int) -> bytes | None:
    file = tree.file(path)
    if file is None or file.size > limit:
        return None
    try:
        return tree.read(path)
    except OSError:
        return None


def _placed(walk: Walk, image_path: str, added: frozenset[str]) -> Placed | Missing:
    """The plan, proved; as the objects stood to each other, or if that can't be, all in one directory."""
    system = walk.system
    defaults = system.folders if isinstance(system, glibc.Glibc) else musl.DEFAULTS

    def again(look: Look, program: Loaded, interpreter: Loaded) -> System:
        if isinstance(system, glibc.Glibc):
            return glibc.Glibc(look, program, interpreter, system.folders)
        return musl.Musl(look, program, interpreter)

    def proved(*, keep_origin: bool) -> Placed | Failure:
        placed = place(walk, image_path, home_of(walk, defaults), added, keep_origin=keep_origin)
        return placed if isinstance(placed, Failure) else unproved(walk, placed, again) or placed

    found = proved(keep_origin=True)
    if isinstance(found, Failure):
        found = proved(keep_origin=False)
    if isinstance(found, Placed):
        return found
    because = f": {found.why}" if found.why else ""
    return Missing(
        f"a place for {found.name}",
        found.by or EXECUTABLE,
        f"it can't be placed so that the loader finds it again in an image{because}; choose another --path, or change "
        "its name or RUNPATH",
    )


def _library(item: Loaded, placed: Placed) -> Library:
    return Library(
        item.facts.soname or item.title, item.found.path, placed.path_of(item), tuple(item.asked_by), str(item.hit)
    )


def _files(walk: Walk, placed: Placed, reasons: dict[str, str]) -> Iterator[NeededFile]:
    for item in walk.loaded[1:]:
        is_loader = item is walk.system.interpreter
        mode = _LOADER_MODE if is_loader else _LIBRARY_MODE
        yield NeededFile(placed.path_of(item), mode, LIBRARIES, (_reason(item, reasons),), item.found.file)
    for path, target in placed.links.items():
        yield NeededFile(path, 0o777, LIBRARIES, (f"another name of {target}",), target=target)


def _reason(item: Loaded, reasons: dict[str, str]) -> str:
    if item.hit.place.rule is Rule.INTERPRETER:
        return "the loader that the executable names"
    if item.title in reasons:
        return f"{reasons[item.title]}; found by {item.hit}"
    first, more = item.asked_by[0], len(item.asked_by) - 1
    others = f" and {more} other{'s' if more > 1 else ''}" if more else ""
    return f"needed by {first}{others}; found by {item.hit}"


def _data(analysis: Analysis, walk: Walk, tree: FileTree) -> Iterator[NeededFile]:
    """Glibc's own data for functions that the program calls."""
    if not isinstance(walk.system, glibc.Glibc):
        return
    for extra in beyond.converters(walk, tree):
        yield NeededFile(extra.path, _LIBRARY_MODE, "gconv", (extra.reason,), extra.file)
    if any(analysis.has_string(name) for name in UNIVERSAL):
        for extra in beyond.locale(walk, tree):
            yield NeededFile(extra.path, _LIBRARY_MODE, "locale", (extra.reason,), extra.file)


def _preload_advice(walk: Walk, tree: FileTree) -> Iterator[Advice]:
    if isinstance(walk.system, glibc.Glibc) and (file := tree.file(glibc.PRELOAD)) and file.size:
        yield Advice("libraries", f"{glibc.PRELOAD} is there and isn't followed: the image has none.")


def _watched(tree: FileTree, reader: Reader) -> tuple[str, ...]:
    """Folders that were searched and files that told where: a change in one may change the closure."""
    paths = (*reader.folders, CACHE_PATH, glibc.PRELOAD)
    return tuple(sorted({*map(tree.place, paths), *tree.turns()}))
