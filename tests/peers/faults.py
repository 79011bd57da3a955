"""Proxies between a client and a registry that break and lie: one of bytes, one of HTTP."""

from __future__ import annotations

import contextlib
import http.client
import random
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.peers.serving import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = 64 << 10
_OWN = {"content-length", "connection", "transfer-encoding", "date", "server"}
"""Headers that a proxy writes itself."""
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Breaking:
    """Breaks each connection after a random number of bytes, until it has broken ``left`` of them.

    ``up`` and ``down`` count what went through; ``stall_up`` and ``stall_down`` are after how many bytes nothing goes on.
    """

    port: int
    seed: int = 1
    left: int = 0
    most: int = 1 << 20
    broken: int = 0
    up: int = 0
    down: int = 0
    stall_up: int | None = None
    stall_down: int | None = None
    stalled: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.chance.seed(self.seed)

    def limit(self) -> int | None:
        """After how many bytes a new connection breaks. Small numbers are as likely as large ones."""
        with self.lock:
            if self.left <= 0:
                return None
            return int(self.most ** self.chance.random())


@contextlib.contextmanager
def breaking_proxy(upstream: int, *, seed: int = 1, left: int = 0, most: int = 1 << 20) -> Iterator[Breaking]:
    """Start one."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Breaking(listener.getsockname()[1], seed, left, most)
    done = threading.Event()

    def accept() -> None:
        while not done.is_set():
            if not select.select([listener], [], [], 0.1)[0]:
                continue
            client, _ = listener.accept()
            threading.Thread(target=_pump, args=(client, upstream, state, done), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        done.set()
        thread.join()
        listener.close()


def _pump(client: socket.socket, upstream: int, state: Breaking, done: threading.Event) -> None:
    limit = state.limit()
    passed = 0
    with client, socket.create_connection(("127.0.0.1", upstream)) as server:
        while not done.is_set():
            for source in select.select([client, server], [], [], 0.1)[0]:
                try:
                    data = source.recv(_PIECE)
                except OSError:
                    data = b""
                if not data:
                    return
                if limit is not None and passed + len(data) > limit:
                    data = data[: limit - passed]
                passed += len(data)
                if not _passed_on(source is client, data, client, server, state):
                    done.wait()
                    return
                if limit is not None and passed >= limit:
                    with state.lock:
                        state.left -= 1
                        state.broken += 1
                    for end in (client, server):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    return


def _passed_on(is_up: bool, data: bytes, client: socket.socket, server: socket.socket, state: Breaking) -> bool:
    """Send bytes on and count them. Returns whether any may follow."""
    with state.lock:
        if is_up:
            state.up += len(data)
            stalls = state.stall_up is not None and state.up >= state.stall_up
        else:
            state.down += len(data)
            stalls = state.stall_down is not None and state.down >= state.stall_down
    if stalls:
        state.stalled.set()
        return False
    with contextlib.suppress(OSError):
        (server if is_up else client).sendall(data)
    return True


@dataclass(slots=True)
class Exchange:
    """A request and the answer to it, which a fault may change. ``size`` is what Content-Length says: by itself, the body's."""

    method: str
    path: str
    request: dict[str, str]
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int | None = None
    number: int = 0


@dataclass(slots=True)
class Lying:
    """A proxy of HTTP. ``before`` may answer by itself (by setting a status), ``after`` may change the registry's answer."""

    port: int
    before: Callable[[Exchange], None] = lambda _: None
    after: Callable[[Exchange], None] = lambda _: None
    seen: list[Exchange] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    """Passes a request on, and its answer back, unless somebody wants it otherwise."""

    protocol_version = "HTTP/1.1"
    state: Lying
    upstream: int

    def log_message(self, *_: Any) -> None:
        pass

    def any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange = Exchange(self.command, self.path, dict(self.headers), number=len(self.state.seen))
        self.state.seen.append(exchange)
        self.state.before(exchange)
        if not exchange.status:
            _ask(self.upstream, exchange, body)
        self.state.after(exchange)
        self._answer(exchange)

    def _answer(self, exchange: Exchange) -> None:
        self.send_response(exchange.status)
        is_head = self.command == "HEAD"
        for name, value in exchange.headers.items():
            if name.lower() not in _OWN or (name.lower() == "content-length" and is_head):
                self.send_header(name, value)
        if not is_head:
            self.send_header("Content-Length", str(len(exchange.body) if exchange.size is None else exchange.size))
        self.end_headers()
        if not is_head:
            self.wfile.write(exchange.body)
        if exchange.size is not None:
            self.close_connection = True


@contextlib.contextmanager
def lying_proxy(upstream: int) -> Iterator[Lying]:
    """Start one."""
    handler = type("Handler", (_Handler,), {"upstream": upstream})
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(handler, f"do_{method}", _Handler.any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    state = Lying(server.server_address[1])
    handler.state = state  # type: ignore[attr-defined]
    with served(server):
        yield state


def _ask(upstream: int, exchange: Exchange, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
    try:
        connection.request(exchange.method, exchange.path, body or None, exchange.request)
        answer = connection.getresponse()
        exchange.body = answer.read()
        exchange.status, exchange.headers = answer.status, dict(answer.getheaders())
    finally:
        connection.close()
