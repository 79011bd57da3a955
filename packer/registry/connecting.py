"""Connections to where registries are: TCP, TLS on it, a proxy in between; those that are idle wait for the next exchange."""

from __future__ import annotations

import struct
import threading

# Its C part alone: the module around it makes enumerations of all constants.
from _socket import (
    IPPROTO_TCP,
    MSG_WAITALL,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    getaddrinfo,
    socket,
)
from base64 import b64encode
from select import POLLIN, poll
from urllib.parse import unquote

from whit.packer.registry.http1 import Connection, ProtocolError, request_head
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.support.urls import split_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any, Protocol

    class Stream(Protocol):
        """Bytes both ways."""

        def send(self, data: bytes | memoryview) -> None:
            """All of them."""
            ...

        def receive(self, view: memoryview, *, whole: bool) -> int:
            """What is there, or as much as there is room for (``whole``), less only at the end or after a long wait.

            Returns how many bytes came, 0 at the end. Raises TimeoutError where none do in time.
            """
            ...

        def wait_at_most(self, seconds: float) -> None:
            """How long anything may keep silent."""
            ...

        def is_readable(self) -> bool:
            """Whether there is something to read, be it the end: then nobody should ask anything here any more."""
            ...

        def close(self) -> None:
            """It is over."""
            ...


CONNECT_SECONDS = 15.0
PROXY_WANTS = 407
"""A proxy's answer that wants to know who asks (RFC 9110, 15.5.8)."""
_OK = 200
_IDLE = 8
"""Connections to one place that are kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection leads. ``proxy`` is the address of what stands in between, or empty."""

    scheme: str
    host: str
    port: int
    verify: bool = True
    proxy: str = ""


class Plain:
    """TCP, with the kernel's own time limits: a piece comes in by one system call, where Python's take two for each packet."""

    def __init__(self, connected: socket) -> None:
        self._socket = connected
        self._seconds = 0.0
        connected.settimeout(None)

    def wait_at_most(self, seconds: float) -> None:
        """For both directions."""
        if seconds != self._seconds:
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
            for option in (SO_RCVTIMEO, SO_SNDTIMEO):
                self._socket.setsockopt(SOL_SOCKET, option, limit)
            self._seconds = seconds

    def send(self, data: bytes | memoryview) -> None:
        """All of them."""
        try:
            self._socket.sendall(data)
        except BlockingIOError:
            raise TimeoutError from None

    def receive(self, view: memoryview, *, whole: bool) -> int:
        """As :class:`Stream` has it."""
        try:
            return self._socket.recv_into(view, 0, MSG_WAITALL if whole else 0)
        except BlockingIOError:
            raise TimeoutError from None

    def is_readable(self) -> bool:
        """As :class:`Stream` has it."""
        return _is_readable(self._socket.fileno())

    def close(self) -> None:
        """It is over."""
        self._socket.close()

    def __del__(self) -> None:
        """Whoever needs it no more needn't say so."""
        self.close()

    def detach(self) -> int:
        """Its descriptor, which is the caller's from now on."""
        return self._socket.detach()


class Encrypted:
    """TLS. It gives at most 16 KiB at a time."""

    def __init__(self, connected: ssl.SSLSocket) -> None:
        self._socket = connected

    def wait_at_most(self, seconds: float) -> None:
        """For both directions."""
        self._socket.settimeout(seconds)

    def send(self, data: bytes | memoryview) -> None:
        """All of them."""
        self._socket.sendall(data)

    def receive(self, view: memoryview, *, whole: bool) -> int:
        """As :class:`Stream` has it."""
        at = self._socket.recv_into(view)
        got = at
        while whole and got and at < len(view):
            try:
                got = self._socket.recv_into(view[at:])
            except TimeoutError:
                break
            at += got
        return at

    def is_readable(self) -> bool:
        """As :class:`Stream` has it."""
        return _is_readable(self._socket.fileno())

    def close(self) -> None:
        """It is over."""
        self._socket.close()

    def __del__(self) -> None:
        """Whoever needs it no more needn't say so."""
        self.close()


def _is_readable(descriptor: int) -> bool:
    watched = poll()
    watched.register(descriptor, POLLIN)
    return bool(watched.poll(0))


def addresses(host: str, port: int | None) -> list[tuple[Any, ...]]:
    """A host's, as socket.getaddrinfo has them. As bytes: text would have Python import all of IDNA for a plain name."""
    return getaddrinfo(host.encode("ascii" if host.isascii() else "idna"), port, 0, SOCK_STREAM)


def _dial(host: str, port: int) -> Plain:
    """TCP to the first of a host's addresses that answers. Raises OSError."""
    failed: OSError | None = None
    for family, kind, protocol, _, address in addresses(host, port):
        made = socket(family, kind, protocol)
        try:
            made.settimeout(CONNECT_SECONDS)
            made.connect(address)
            made.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError as error:
            failed = error
            made.close()
        else:
            return Plain(made)
    raise failed or OSError("it has no address")


class ProxyError(Exception):
    """A proxy can't be used, or refuses; the text says why. ``is_final``: so it will another time."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


def connect(place: Place, context: Callable[[], ssl.SSLContext]) -> Connection:
    """A new connection; ``context`` makes what TLS needs. Raises OSError, :class:`ProxyError`, :class:`ProtocolError`."""
    plain = _by_proxy(place) if place.proxy else _dial(place.host, place.port)
    if place.scheme != "https":
        return Connection(plain)
    import socket as full  # noqa: PLC0415 - ssl has imported it

    made = full.socket(fileno=plain.detach())
    try:
        made.settimeout(CONNECT_SECONDS)
        return Connection(Encrypted(context().wrap_socket(made, server_hostname=place.host)))
    except BaseException:
        made.close()
        raise


def _by_proxy(place: Place) -> Plain:
    """A connection to a proxy; for HTTPS through it (RFC 9110, 9.3.6)."""
    proxy = split_url(place.proxy)
    if proxy.scheme != "http" or not proxy.hostname:
        raise ProxyError(f"one of {proxy.scheme or 'no scheme'} can't be used, only http://HOST:PORT", is_final=True)
    try:
        plain = _dial(proxy.hostname, proxy.port or 80)
        if place.scheme == "https":
            _tunnel(plain, place)
    except ProtocolError as error:
        raise ProxyError(str(error)) from None
    except OSError as error:
        raise ProxyError((error.strerror or str(error) or "no answer in time").lower()) from None
    return plain


def _tunnel(plain: Plain, place: Place) -> None:
    there = f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
    plain.wait_at_most(CONNECT_SECONDS)
    head = request_head("CONNECT", there, {"Host": there, **proxy_headers(place)})
    # As to HEAD, no body follows; and TLS's bytes don't either, before we have spoken.
    answer = Connection(plain).ask("HEAD", head, None, CONNECT_SECONDS)
    if answer.head.status != _OK:
        plain.close()
        raise ProxyError(f"it answers {answer.head.status}", is_final=answer.head.status == PROXY_WANTS)


def proxy_headers(place: Place) -> dict[str, str]:
    """Who we are to a proxy, where its address says so."""
    proxy = split_url(place.proxy)
    if not proxy.username:
        return {}
    secret = b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {secret}"}


class Idle:
    """Connections that wait, by place; shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Place, list[Connection]] = {}

    def take(self, place: Place) -> Connection | None:
        """One that is still there, the last that was used."""
        while True:
            with self._lock:
                waiting = self._waiting.get(place)
                connection = waiting.pop() if waiting else None
            if connection is None or not connection.stream.is_readable():
                return connection
            connection.stream.close()

    def put(self, place: Place, connection: Connection) -> None:
        """Keep one."""
        with self._lock:
            waiting = self._waiting.setdefault(place, [])
            if len(waiting) < _IDLE:
                waiting.append(connection)
                return
        connection.stream.close()
