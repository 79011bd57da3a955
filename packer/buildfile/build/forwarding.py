"""A step's own socket to an SSH agent, by which it may sign, and do nothing else.

As BuildKit has it (session/sshforward): its other end passes on what asks for identities and for signatures
(draft-miller-ssh-agent, 4); keys can't be added, removed or locked from inside.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

from whit.packer.tar.recorded import give_if_there

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ALLOWED = (11, 13)
"""SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST."""

_FAILURE = struct.pack(">IB", 1, 5)
_MOST = 256 << 10
"""Bytes of a message: OpenSSH's own limit."""


@contextlib.contextmanager
def forwarded(agent: str, path: Path, mode: int, owner: tuple[int, int]) -> Iterator[None]:
    """A socket at a path that leads to an agent, for as long as the block lasts."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # By the folder's descriptor: a socket's path has room for 107 bytes.
        server.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(mode)
        give_if_there(str(path), owner)
        server.listen()
        thread = threading.Thread(target=_serve, args=(server, agent), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    finally:
        server.close()
        os.close(folder)


def _serve(server: socket.socket, agent: str) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_passed_on, args=(client, agent), daemon=True).start()


def _passed_on(client: socket.socket, agent: str) -> None:
    with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as upstream, contextlib.suppress(OSError):
        folder, name = os.path.split(agent)
        opened = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            upstream.connect(f"/proc/self/fd/{opened}/{name}")
        finally:
            os.close(opened)
        while (message := _message(client)) is not None:
            if message[4] not in _ALLOWED:
                client.sendall(_FAILURE)
                continue
            upstream.sendall(message)
            answer = _message(upstream)
            if answer is None:
                return
            client.sendall(answer)


def _message(stream: socket.socket) -> bytes | None:
    """One message with its length before it; None at the end, and for what is none."""
    head = _exactly(stream, 4)
    size = struct.unpack(">I", head)[0] if head else 0
    if not 0 < size <= _MOST:
        return None
    body = _exactly(stream, size)
    return head + body if body else None


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = stream.recv(size - len(data))
        if not chunk:
            return b""
        data += chunk
    return data
