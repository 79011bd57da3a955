"""What is known of the system calls of a traced program's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.runtime.rootview import RootView

if TYPE_CHECKING:
    from whit.runtime.prepare import Prepared


@dataclass(frozen=True, slots=True)
class CodeCalls:
    """The calls that code is known to make; ``lacking`` tells where and why not all are known."""

    names: frozenset[str]
    lacking: tuple[str, ...] = ()


def code_of(prepared: Prepared) -> CodeCalls:
    """The calls that the image tells of its program's code, or that are found in it now, with those of what it executes.

    Raises :class:`UnsupportedError` for a program whose calls aren't in its own file: one that is dynamic, or WebAssembly.
    """
    program = prepared.program
    if program.calls is not None:
        return CodeCalls(program.calls.names)
    from whit.packer.syscalls.offolder import found_in  # noqa: PLC0415 - its libraries are an extra

    path = RootView(program.rootfs).resolve(prepared.executable)
    if path is None:
        return CodeCalls(frozenset())
    try:
        found = found_in(program.rootfs, path)
    except UnsupportedError as error:
        raise UnsupportedError(
            f"--calls: {str(error).replace(program.rootfs, '')}", hint="leave out --calls: all else is told as well"
        ) from None
    return CodeCalls(found.names, tuple(str(error).replace(program.rootfs, "") for error in found.lacking))
