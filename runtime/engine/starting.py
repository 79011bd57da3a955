"""Starting a container's supervisor, and hearing from it how the start went. The words are in docs/engine.md."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess

from whit.packer.support.errors import ExitCode, LaunchError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine import control
from whit.runtime.launch import find_launcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.engine.folder import Kept

Served = tuple[tuple[int, int], ...]
"""A bound socket, and the container's port that is behind it."""

_PACKET = 1 << 16


@dataclass(frozen=True, slots=True)
class Started:
    """``connection`` is where its output comes from, if that was asked for."""

    pid: int
    connection: socket.socket | None = None


def _hear(caller: socket.socket) -> tuple[str, int, str]:
    """(word, number, text) of the supervisor's next packet."""
    packet = caller.recv(_PACKET).decode("utf-8", "replace")
    word, _, rest = packet.partition(" ")
    number, _, text = rest.partition(" ")
    return word, int(number) if number.isdigit() else 0, text


SUPERVISED = "the container has a supervisor already"
"""How the launcher says so (runtime/launcher/engine_main.c)."""


class SupervisedError(LaunchError):
    """Another start was first."""


def _failed(kept: Kept, word: str, code: int, text: str) -> LaunchError:
    name = kept.container.name
    if word != "failed":
        return LaunchError(
            f"container {name}: its supervisor ended before the container was started",
            hint="was it killed? start it again",
        )
    if text.startswith(SUPERVISED):
        return SupervisedError(f"container {name} has been started by another command just now", exit_code=1)
    message, *more = text.splitlines() or ["it couldn't be started"]
    hint = more[0].removeprefix("hint: ") if more else None
    return LaunchError(f"container {name}: {message}", hint=hint, exit_code=code or ExitCode.RUNTIME_FAILURE)


def start(kept: Kept, connect: Callable[[int], Served], attach: str = "", held: tuple[int, ...] = ()) -> Started:
    """Start the container and return when its program runs.

    ``connect`` is called with the process whose network namespace is the container's, before anything of it runs, and
    says which of the descriptors in ``held`` the supervisor is to serve itself, by which ports of the container;
    ``attach`` are the flags of an attachment that begins with the first byte; ``held`` are descriptors that the supervisor
    keeps open as long as it is there: bound sockets. Raises :class:`LaunchError`, with
    docker's exit codes where the program couldn't be executed.
    """
    launcher = str(find_launcher())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection: socket.socket | None = None
    with ours, contextlib.ExitStack() as stack:
        with theirs:
            process = subprocess.Popen(
                [launcher, "_supervise", str(kept.folder), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *held),
                start_new_session=True,
                cwd="/",
            )
        word, pid, text = _hear(ours)
        if word != "ready":
            process.wait()
            raise _failed(kept, word, pid, text)
        served = connect(pid)
        if attach:
            connection = stack.enter_context(control.attach(kept.folder, attach))
        ours.send(" ".join(["go", *(f"{descriptor}:{port}" for descriptor, port in served)]).encode())
        word, number, text = _hear(ours)
        if word != "started":
            process.wait()
            raise _failed(kept, word, number, text)
        stack.pop_all()
    # It outlives us: nobody waits for it.
    process.returncode = 0
    return Started(number, connection)


def become_client(connection: socket.socket, flags: str, detach_keys: str) -> None:
    """Become the launcher's attached client (runtime/launcher/engine_client.c), whose exit code is the container's."""
    launcher = str(find_launcher())
    os.set_inheritable(connection.fileno(), True)
    os.execv(launcher, [launcher, "_attach", str(connection.fileno()), flags, detach_keys])  # noqa: S606 - no shell
