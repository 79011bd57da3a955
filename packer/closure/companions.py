"""What dynamic programs need that a person adds beside a static one: each its own loader and libraries. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.analyse import analyse
from whit.packer.analysis import Linkage, Wanted
from whit.packer.closure.closing import close
from whit.packer.errors import InvalidFileError, UnsupportedError
from whit.packer.resolution import Advice, Closure, Program

if TYPE_CHECKING:
    from whit.packer.analysis import Analysis
    from whit.packer.filetree import FileTree
    from whit.packer.imagespec import HostFile

_WANTED = Wanted()


def close_companions(program: Program, host: FileTree, tree: FileTree) -> Closure:
    """The closures of all added programs in one, without what the image has already.

    What one of them lacks is told and keeps nobody from packing: the program itself starts without it.
    """
    added = dict(program.added)
    closures = [_close(path, file, added, host, tree) for path, file in program.added]
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
    beside = {other: content for other, content in added.items() if other != path}
    try:
        closure = close(analysis, Program(file, path), host, tree, beside)
    except UnsupportedError as error:
        return Closure(advice=(Advice("libraries", f"{path}, which was added: {error.message}."),))
    lacks = tuple(
        Advice("libraries", f"{path}, which was added, can't start: it needs {lack.what}, which isn't there.")
        for lack in closure.missing
    )
    return Closure(closure.libraries, closure.files, advice=lacks, watched=closure.watched)


def _analysed(file: HostFile, host: FileTree) -> Analysis | None:
    """None for what is no executable: data, scripts, libraries."""
    with host.mapped(file.path) as data:
        try:
            return analyse(data, _WANTED)
        except (InvalidFileError, UnsupportedError):
            return None
