"""A proxy of HTTP (RFC 9110, 7.6 and 9.3.6) that takes every host for one upstream, and writes down what it was asked."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 64 << 10


@dataclass(slots=True)
class Proxy:
    """``heads`` are the beginnings of what was asked, one a connection; ``refusal`` is answered instead."""

    port: int
    upstream: int
    heads: list[str] = field(default_factory=list)
    refusal: bytes = b""


@contextlib.contextmanager
def proxy_to(upstream: int) -> Iterator[Proxy]:
    """Start one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        state = Proxy(listener.getsockname()[1], upstream)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_serve, args=(client, state), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield state
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(client: socket.socket, state: Proxy) -> None:
    with client, socket.create_connection(("127.0.0.1", state.upstream)) as server:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(_PIECE)
            if not data:
                return
            head += data
        state.heads.append(head.partition(b"\r\n\r\n")[0].decode())
        if state.refusal:
            client.sendall(state.refusal)
            return
        if head.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            server.sendall(head)  # a server understands a whole address too (RFC 9112, 3.2.2)
        with contextlib.suppress(OSError):
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(_PIECE)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
