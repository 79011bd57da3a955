"""Talking to a container's supervisor over its socket. The words are in docs/engine.md."""

from __future__ import annotations

import os
import socket
import sys

from whit.packer.support.errors import LaunchError, WhitError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PACKET = 1 << 17


class NotSupervisedError(WhitError):
    """There is no supervisor: the container doesn't run."""


def connect(folder: Path) -> socket.socket:
    """A connection to the supervisor. Raises :class:`NotSupervisedError`."""
    # A socket's address has room for 107 bytes: the way leads over a descriptor, however long the folder's path is.
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/control")
    except (ConnectionRefusedError, FileNotFoundError):
        connection.close()
        raise NotSupervisedError("the container is not running") from None
    except OSError:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def supervisor_of(folder: Path) -> int:
    """The supervisor's process, who made the socket. Raises :class:`NotSupervisedError`. Source: unix(7), SO_PEERCRED."""
    with connect(folder) as connection:
        return int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)


def ask(folder: Path, words: str, *, timeout: float | None = None) -> str:
    """One command and its answer: what follows its letter. Raises :class:`LaunchError` for ``e``, :class:`NotSupervisedError`."""
    with connect(folder) as connection:
        connection.settimeout(timeout)
        try:
            connection.send(words.encode())
            answer = connection.recv(_PACKET)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    if not answer:
        raise NotSupervisedError("the container's supervisor has ended")
    letter, _, rest = answer.decode("utf-8", "replace").partition(" ")
    if letter == "e":
        raise LaunchError(rest, exit_code=1)
    return rest


def attach(folder: Path, flags: str) -> socket.socket:
    """A connection over which the container's output comes, and its input goes; the first packet is ``k``."""
    connection = connect(folder)
    connection.send(f"attach {flags}".encode())
    return connection
