"""What a strict sandbox has to know of a program beyond what its image tells: its code's calls, and what is beside it."""

from __future__ import annotations

import os

from whit.packer.showing.console import warn
from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.landlocking import lacking_for
from whit.runtime.listening import code_ports
from whit.runtime.options import Network
from whit.runtime.plan import command_line
from whit.runtime.sandbox import listening, refuse_mounted, said_of

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Calls
    from whit.runtime.options import Program, RunOptions
    from whit.runtime.rootview import RootView
    from whit.runtime.sandbox import Said, Sandbox


def _warn_of_kernel(options: RunOptions) -> None:
    """Say what this kernel lacks of what is asked for."""
    sandbox = options.sandbox
    without = lacking_for(is_strict=sandbox is not None, is_logged=sandbox is not None and sandbox.logged)
    if without:
        name = "--sandbox strict" if sandbox else "--landlock"
        warn(f"{name}: {without}", "its other walls stand: docs/security.md")


def looked_at(program: Program, view: RootView, executable: str, options: RunOptions) -> Program:
    """The program with its calls, where they can be found, and its ports, in a strict sandbox; what couldn't be found is said.

    Raises :class:`UsageError` for what the sandbox can't have, before anything is said.
    """
    sandbox = options.sandbox
    if sandbox:
        refuse_mounted(
            executable, (*(mount.target for mount in options.tmpfs), *(volume.target for volume in options.volumes))
        )
        _refuse_absent(sandbox, view)
    _warn_of_kernel(options)
    if program.wasm or sandbox is None:
        return program
    program = replace(program, calls=program.calls or _calls(view, executable), folders=_folders(view))
    if sandbox.bind:
        return program
    program = _with_ports(program, view, executable)
    if options.network is not Network.NONE:
        warn_if_deaf(sandbox, program, said_of(program, options, command_line(options, program)))
    return program


def _refuse_absent(sandbox: Sandbox, view: RootView) -> None:
    absent = next((path for path in sandbox.programs if view.resolve(path) is None), None)
    if absent is not None:
        raise UsageError(
            f"--sandbox strict,exec={absent}: there is no such file in the image",
            hint="of what is mounted nothing is executed: put it into the image, as by whit pack --add SOURCE:/TARGET",
        )


def warn_if_deaf(sandbox: Sandbox, program: Program, said: Said) -> None:
    """Say of a program that listens that it may not, where nothing tells of a port."""
    if program.wasm is None and program.may_listen and not listening(sandbox, program, said):
        warn(
            "--sandbox strict: it may listen at no TCP port: none is exposed, published, named or seen in its code",
            "if it is a server: --sandbox strict,bind=PORT",
        )


_LISTEN = frozenset(("net.(*ListenConfig).Listen", "net.ListenTCP"))
"""One of them is in every Go program that listens; the system call is in all that have a network."""


def _with_ports(program: Program, view: RootView, executable: str) -> Program:
    """With what constants in a Go program's code show; and whether it may be a server at all. Those of other languages can't be followed."""
    from whit.packer.executable.analysis import Wanted  # noqa: PLC0415 - as above
    from whit.packer.executable.file import opened  # noqa: PLC0415
    from whit.packer.needs.facts import reads_go_names  # noqa: PLC0415
    from whit.packer.needs.observed import WANTED, observe  # noqa: PLC0415

    if program.calls is not None and "listen" not in program.calls.names:
        return replace(program, may_listen=False)
    path = view.resolve(executable)
    try:
        with opened(path or executable) as file:
            analysis = file.analyse(WANTED | Wanted(_LISTEN)).analysis
    except (WhitError, OSError):
        return program
    may_listen = not reads_go_names(analysis) or bool(_LISTEN & {*analysis.functions})
    return replace(program, listens=tuple(code_ports(observe(analysis).listens)), may_listen=may_listen)


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
