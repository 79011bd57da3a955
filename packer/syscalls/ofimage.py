"""The system calls of an image's programs, as annotations of the image that is being made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analyse import ELF_MAGIC
from whit.packer.executable.file import opened
from whit.packer.image.callsclaim import Calls, annotated
from whit.packer.image.spec import EntryKind, HostFile
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.light import replace
from whit.packer.syscalls.names import STARTS, syscall_names
from whit.packer.syscalls.remembered import find_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.image.callsclaim import Refusal
    from whit.packer.image.spec import Entry, ImageSpec
    from whit.packer.syscalls.found import Findings

_EXECUTABLE = 0o111


def with_calls(spec: ImageSpec, refusal: Refusal, *, on_base: bool, added: Iterable[str] = ()) -> ImageSpec:
    """The image with its program's calls among the annotations; what it may execute in the image counts as its own.

    ``refusal`` is what is to be done with other calls than these and those that are ``added``.
    ``on_base``: other programs come from another image. Raises :class:`UnsupportedError` where not all calls are known.
    """
    program = spec.layers[-1].entries[-1]
    calls, more = _calls(program), frozenset(added)
    if (calls | more) & STARTS:
        if on_base:
            raise UnsupportedError(
                f"{program.path} executes other programs, and those of the base aren't analysed",
                hint="leave out --seccomp auto or --base",
            )
        for other in _programs(spec):
            calls |= _calls(other) if other is not program else frozenset()
    claim = annotated(program.path, Calls(calls | more, refusal), more - calls)
    return replace(spec, annotations=tuple(sorted((*spec.annotations, *claim))))


def _programs(spec: ImageSpec) -> Iterator[Entry]:
    """Files that can be executed and are machine code."""
    for layer in spec.layers:
        for entry in layer.entries:
            if entry.kind is EntryKind.FILE and entry.mode & _EXECUTABLE and isinstance(entry.content, HostFile):
                with opened(entry.content.path) as file:
                    is_code = file.may_be_executable and file.file.size >= len(ELF_MAGIC)
                if is_code:
                    yield entry


def _calls(entry: Entry) -> frozenset[str]:
    """The names of a program's calls."""
    if not isinstance(entry.content, HostFile):
        raise UnsupportedError(f"{entry.path} isn't a file of its own", hint="leave out --seccomp auto")
    with opened(entry.content.path) as file:
        if file.file.identity != entry.content.identity:
            raise InvalidFileError(f"{entry.content.path}: the file changed while it was read", hint="try again")
        return names_of(entry.content.path, file.look(find_once))


def names_of(path: str, found: Findings) -> frozenset[str]:
    """The names of all that was found in this file. Raises :class:`UnsupportedError` where that isn't all."""
    if not found.complete:
        raise UnsupportedError(
            f"{path}: not all of its system calls are known: {_why(found)}",
            hint="whit syscalls shows what is; leave out --seccomp auto",
        )
    return known_names(found)


def known_names(found: Findings) -> frozenset[str]:
    """The names of what was found, be it all or not."""
    names = syscall_names(found.architecture)
    return frozenset(names[number] for number in found.numbers if number in names)


def _why(found: Findings) -> str:
    if not found.unknown:
        return "no entry into the kernel is found"
    lack = found.unknown[0]
    return f"at {lack.site.address:#x} {lack.reason}"
