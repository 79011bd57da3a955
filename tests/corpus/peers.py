"""What programs of the corpus talk to: servers on loopback, and clients for those that are servers themselves.

Every name is 127.0.0.1; the certificate is for example.org and for x.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import ssl
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 120.0
"""How long anything may take before it is given up."""
_PAUSE = 0.02
_TYPE_A, _CLASS_IN = 1, 1
_UPLOAD = b"x" * (2 << 20)


class _Dns(socketserver.BaseRequestHandler):
    """RFC 1035: one question a message; every name has this address, and nothing else."""

    def handle(self) -> None:
        message, channel = self.request
        end = message.index(b"\0", 12) + 5
        kind, _ = struct.unpack("!HH", message[end - 4 : end])
        answers = int(kind == _TYPE_A)
        address = struct.pack("!HHHIH4s", 0xC00C, _TYPE_A, _CLASS_IN, 60, 4, socket.inet_aton("127.0.0.1"))
        head = message[:2] + struct.pack("!HHHHH", 0x8180, 1, answers, 0, 0)
        channel.sendto(head + message[12:end] + address * answers, self.client_address)


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(f"hello from the peer to {self.headers['Host']}\n".encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class _Web(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client may go away before it is answered: it is its own business."""


class _Smtp(socketserver.StreamRequestHandler):
    """RFC 5321 and 3207, as far as a client goes that sends one message."""

    tls: ssl.SSLContext

    def handle(self) -> None:
        stream, self.secure = self.connection.makefile("rwb", 0), False
        stream.write(b"220 peer\r\n")
        while line := stream.readline():
            word = line.split()[0].upper()
            if word == b"STARTTLS":
                stream.write(b"220 go on\r\n")
                self.connection = self.tls.wrap_socket(self.connection, server_side=True)
                stream = self.connection.makefile("rwb", 0)
                continue
            if word == b"DATA":
                stream.write(b"354 go on\r\n")
                while stream.readline() not in {b".\r\n", b""}:
                    pass
            stream.write(b"250-peer\r\n250 STARTTLS\r\n" if word == b"EHLO" else b"250 well\r\n")
            if word == b"QUIT":
                return


class SystemLog:
    """RFC 3164's messages, without what differs from time to time."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        path.chmod(0o666)

    def said(self) -> tuple[str, ...]:
        """What has been sent since the last time."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(1 << 16).decode(errors="replace").rpartition(": ")[2].strip())
        return tuple(found)


def start(certificate: Path, key: Path) -> None:
    """All servers, in threads that end with the process."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    secure = _Web(("127.0.0.1", 443), _Http)
    secure.socket = tls.wrap_socket(secure.socket, server_side=True)
    smtp = type("Smtp", (_Smtp,), {"tls": tls})
    servers = (
        socketserver.ThreadingUDPServer(("127.0.0.1", 53), _Dns),
        _Web(("127.0.0.1", 80), _Http),
        secure,
        socketserver.ThreadingTCPServer(("127.0.0.1", 25), smtp),
    )
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()


def connect(port: int, alive: Callable[[], bool]) -> socket.socket:
    """A connection to a server that has only just been started. Raises OSError if it ends without listening."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > end or not alive():
                raise
            time.sleep(_PAUSE)


def _http(channel: socket.socket, method: str, path: str, body: bytes = b"", kind: str = "") -> str:
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = channel
    connection.request(method, path, body, {"Content-Type": kind} if kind else {})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return f"{answer.status} {answer.headers['Content-Type']} {text}"


def get(channel: socket.socket, path: str) -> str:
    """What a server answers, with status and type."""
    return _http(channel, "GET", path)


def upload(channel: socket.socket, path: str) -> str:
    """What a server answers to a form with a large file in it (RFC 7578)."""
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="large"\r\n\r\n'
    return _http(channel, "POST", path, head + _UPLOAD + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")


def tls(channel: socket.socket, _: str) -> str:
    """What a server says first to who trusts it whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(channel) as secure:
        return secure.recv(100).decode()


CLIENTS: dict[str, Callable[[socket.socket, str], str]] = {"get": get, "upload": upload, "tls": tls}
