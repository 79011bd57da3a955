"""What a strict sandbox has to know of a program beyond what its image tells: its code's calls, and what is beside it."""

from __future__ import annotations

import os

from whit.packer.showing.console import warn
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.landlocking import lacking_for

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Calls
    from whit.runtime.options import Program, RunOptions
    from whit.runtime.rootview import RootView


def warn_of_kernel(options: RunOptions) -> None:
    """Say what this kernel lacks of what is asked for."""
    sandbox = options.sandbox
    without = lacking_for(is_strict=sandbox is not None, is_logged=sandbox is not None and sandbox.logged)
    if without:
        name = "--sandbox strict" if sandbox else "--landlock"
        warn(f"{name}: {without}", "its other walls stand: docs/security.md")


def looked_at(program: Program, view: RootView, executable: str) -> Program:
    """The program with its calls, where they can be found; what couldn't be found is said."""
    if program.wasm:
        return program
    return replace(program, calls=program.calls or _calls(view, executable), folders=_folders(view))


def _calls(view: RootView, executable: str) -> Calls | None:
    path = view.resolve(executable)
    try:
        from whit.packer.syscalls.offolder import calls_in  # noqa: PLC0415 - not where the image tells

        return calls_in(view.root, path) if path else None
    except (ImportError, WhitError, OSError) as error:
        why = error.message if isinstance(error, WhitError) else str(error)
        hint = "pip install 'whit[syscalls]'" if isinstance(error, ImportError) else "whit syscalls shows what is known"
        why = why.replace(view.root, "")
        warn(f"--sandbox strict: whit's default filter, since the program's calls aren't known: {why}", hint)
    return None


def _folders(view: RootView) -> tuple[str, ...]:
    """Names in the image's root. A link isn't one: it may lead to where something is mounted."""
    with os.scandir(view.root) as found:
        return tuple(sorted(entry.name for entry in found if not entry.is_symlink()))
