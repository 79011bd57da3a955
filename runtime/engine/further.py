"""A further process beside a container's own: whom it runs as, and with which environment and rights. Pure."""

from __future__ import annotations

from whit.packer.support.errors import ExitCode, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.capabilities import NAMES
from whit.runtime.oci.process import CapabilitySets, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.accounts import Identity
    from whit.runtime.oci.process import Process

ALL_CAPABILITIES = (1 << len(NAMES)) - 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of it. ``env`` are assignments; ``capabilities`` are those beside the container's, as the kernel's mask."""

    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    directory: str = ""
    terminal: bool = False
    capabilities: int = 0


def _sets(process: Process, user: User, more: int) -> CapabilitySets | None:
    """The container's sets with more in them. Who isn't root keeps capabilities over the program's start only as ambient ones."""
    if not more:
        return process.capabilities
    sets = process.capabilities or CapabilitySets()
    kept = more if user.uid else 0
    return CapabilitySets(
        bounding=sets.bounding | more,
        effective=sets.effective | more,
        permitted=sets.permitted | more,
        inheritable=sets.inheritable | kept,
        ambient=sets.ambient | kept,
    )


def _variables(items: Iterable[str]) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in items)


def _environment(process: Process, wish: Wish, own: Identity | None, identity: Identity | None) -> tuple[str, ...]:
    """The container's, with what is asked. A HOME that is only its own user's becomes that of the user that is asked for."""
    variables = _variables(process.env)
    if wish.terminal:
        variables.setdefault("TERM", "xterm")
    if identity is not None and variables.get("HOME", "") in {"", (own.home if own else "") or "/root"}:
        variables["HOME"] = identity.home or ("/root" if identity.uid == 0 else "/")
    variables.update(wish.env)
    return tuple(f"{name}={value}" for name, value in variables.items())


def further_process(process: Process, wish: Wish, own: Identity | None, identity: Identity | None) -> Process:
    """The process that is asked for: the container's own but for what ``wish`` says.

    ``identity`` is that of the user that is asked for, None for the container's own; ``own`` that one's, where it is known.
    """
    if not wish.command or not wish.command[0]:
        raise UsageError("there is no command to execute", hint="whit exec CONTAINER COMMAND …")
    directory = wish.directory or process.cwd
    if not directory.startswith("/"):
        raise UsageError(
            f"--workdir: '{directory}' is not an absolute path",
            hint="the folder's path in the container",
            exit_code=ExitCode.NOT_EXECUTABLE,
        )
    user = process.user
    if identity is not None:
        user = User(identity.uid, identity.gid, process.user.umask, identity.groups)
    return replace(
        process,
        args=wish.command,
        terminal=wish.terminal,
        console_size=None,
        cwd=directory,
        env=_environment(process, wish, own, identity),
        user=user,
        capabilities=_sets(process, user, wish.capabilities),
        exec_affinity=None,
    )
