"""What dynamic programs and libraries need that a person adds beside a static program. Pure.

A program needs its own loader and libraries. A library is loaded by dlopen, which static glibc has: it looks for what
the library needs as the loader would, and for the loader itself, by its name, among libraries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.closure.closing import close
from whit.packer.closure.read import facts
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Libc, Linkage, Wanted
from whit.packer.executable.linkage import LIBRARIES
from whit.packer.resolution.model import Advice, Closure, NeededFile, Program
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.spec import HostFile
    from whit.packer.store.filetree import FileTree

_WANTED = Wanted()
_LOADERS = {
    "386": "/lib/ld-linux.so.2",
    "amd64": "/lib64/ld-linux-x86-64.so.2",
    "arm": "/lib/ld-linux-armhf.so.3",
    "arm64": "/lib/ld-linux-aarch64.so.1",
    "loong64": "/lib64/ld-linux-loongarch-lp64d.so.1",
    "ppc64le": "/lib64/ld64.so.2",
    "riscv64": "/lib/ld-linux-riscv64-lp64d.so.1",
    "s390x": "/lib/ld64.so.1",
}
"""glibc's loaders, by OCI's word for the machine (glibc wiki, "ABIList")."""


def close_companions(analysis: Analysis, program: Program, host: FileTree, tree: FileTree) -> Closure:
    """The closures of all added programs and libraries in one, without what the image has already.

    What one of them lacks is told and keeps nobody from packing: the static program itself starts without it.
    """
    added = dict(program.added)
    closures = [_close(path, file, added, host, tree) for path, file in program.added]
    if analysis.libc is Libc.GLIBC:
        closures.append(_close_libraries(analysis, added, host, tree))
    libraries = {library.image_path: library for closure in closures for library in closure.libraries}
    files = {file.path: file for closure in closures for file in closure.files if file.path not in added}
    return Closure(
        libraries=tuple(libraries.values()),
        files=tuple(files.values()),
        advice=tuple(advice for closure in closures for advice in closure.advice),
        watched=tuple(sorted({path for closure in closures for path in closure.watched})),
    )


def _close(path: str, file: HostFile, added: dict[str, HostFile], host: FileTree, tree: FileTree) -> Closure:
    analysis = _analysed(file, host)
    if analysis is None or analysis.linkage is not Linkage.DYNAMIC:
        return Closure()
    closure, lacks = _closed(path, analysis, added, host, tree, cannot="start")
    return Closure(closure.libraries, closure.files, advice=lacks, watched=closure.watched)


def _closed(
    path: str, analysis: Analysis, added: dict[str, HostFile], host: FileTree, tree: FileTree, *, cannot: str
) -> tuple[Closure, tuple[Advice, ...]]:
    """(the closure of an added file, what is to be said of what it lacks). ``cannot`` is what fails without that."""
    beside = {other: content for other, content in added.items() if other != path}
    try:
        closure = close(analysis, Program(added[path], path), host, tree, beside)
    except UnsupportedError as error:
        return Closure(), (Advice(LIBRARIES, f"{path}, which was added: {error.message}."),)
    lacks = tuple(
        Advice(LIBRARIES, f"{path}, which was added, can't {cannot}: it needs {lack.what}, which isn't there.")
        for lack in closure.missing
    )
    return closure, lacks


def _close_libraries(analysis: Analysis, added: dict[str, HostFile], host: FileTree, tree: FileTree) -> Closure:
    """All libraries at once: one process may load them all."""
    path = next((path for path, file in sorted(added.items()) if _is_library(file, host)), None)
    loader = _LOADERS.get(analysis.platform.architecture)
    if path is None or loader is None:
        return Closure()
    first = replace(analysis, linkage=Linkage.DYNAMIC, interpreter=loader, libraries=())
    closure, lacks = _closed(path, first, added, host, tree, cannot="be loaded")
    told = tuple(advice for advice in closure.advice if advice.about == LIBRARIES)
    files = (*(file for file in closure.files if file.need == LIBRARIES), *_loader_by_name(closure, loader))
    return Closure(closure.libraries, files, advice=(*told, *lacks), watched=closure.watched)


def _is_library(file: HostFile, host: FileTree) -> bool:
    """Whether it asks for libraries and is no program."""
    with host.mapped(file.path) as data:
        try:
            found = facts(data)
        except (InvalidFileError, UnsupportedError):
            return False
    return found.loadable and bool(found.needed) and _analysed(file, host) is None


def _loader_by_name(closure: Closure, loader: str) -> Iterator[NeededFile]:
    """A name for the loader where libraries are looked for: libc asks for it, and nothing has loaded it before."""
    name = loader.rpartition("/")[2]
    places = {library.soname: library.image_path for library in closure.libraries}
    home = places.get("libc.so.6", "").rpartition("/")[0]
    path, there = f"{home}/{name}", {file.path for file in closure.files}
    if home and path not in there:
        yield NeededFile(
            path, 0o777, LIBRARIES, (f"another name of {loader}: a static program looks here",), target=loader
        )


def _analysed(file: HostFile, host: FileTree) -> Analysis | None:
    """None for what is no executable: data, scripts, libraries."""
    with host.mapped(file.path) as data:
        try:
            return analyse(data, _WANTED)
        except (InvalidFileError, UnsupportedError):
            return None
