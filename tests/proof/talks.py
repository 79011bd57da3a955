"""Conversations with servers, each in its protocol; what differs from run to run is left out of the answers."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 30
_PAUSE = 0.05
_HOST = "127.0.0.1"
_LARGE = "x" * 100_000


def http_(*requests: tuple[str, str, str], tls: str = "") -> Callable[[int], str]:
    """Status and body of each (method, path, body), over one connection; ``tls`` is a name that the server has a certificate for."""

    def talk(port: int) -> str:
        connection = http.client.HTTPConnection(_HOST, port, timeout=SECONDS)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            plain = socket.create_connection((_HOST, port), SECONDS)
            connection.sock = context.wrap_socket(plain, server_hostname=tls)
        said = []
        for method, path, body in requests:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            said.append(f"{answer.status} {_steady(answer.read().decode(errors='replace'))}")
        connection.close()
        return "\n".join(said)

    return talk


def get(*paths: str, tls: str = "") -> Callable[[int], str]:
    return http_(*(("GET", path, "") for path in paths), tls=tls)


def ready(path: str, talk: Callable[[int], str]) -> Callable[[int], str]:
    """A server that listens before it has read all of its configuration: ``path`` isn't there until then."""

    def wait(port: int) -> str:
        end = time.monotonic() + SECONDS
        while get(path)(port).startswith("404") and time.monotonic() < end:
            time.sleep(_PAUSE)
        return talk(port)

    return wait


_MOVING = re.compile(
    r'"(?:cluster_id|member_id|raft_term|revision|create_revision|mod_revision|version|created|updated|id|now|uptime|server_id)": ?"?[^",}]*"?'
    r"|\d{4}-\d\d-\d\d[ T][0-9:.]+(?:Z| UTC)?|\d+(?:\.\d+)?(?:ms|µs|ns|s)\b|0x[0-9a-f]+"
)


def _steady(text: str) -> str:
    return _MOVING.sub("_", text)[:2000]


def lines(*sent: str, ends: bytes = b"\r\n", quiet: float = 0.5) -> Callable[[int], str]:
    """Each line is sent, and all that comes until nothing more does is the answer."""

    def talk(port: int) -> str:
        with socket.create_connection((_HOST, port), SECONDS) as channel:
            said = []
            for line in sent:
                channel.sendall(line.encode() + ends)
                said.append(_heard(channel, quiet))
            return "\n".join(said)

    return talk


def whole(text: str) -> Callable[[int], str]:
    """All is sent, and the end of it told, before the answer is read."""

    def talk(port: int) -> str:
        with socket.create_connection((_HOST, port), SECONDS) as channel:
            channel.sendall(text.encode())
            channel.shutdown(socket.SHUT_WR)
            return _heard(channel, SECONDS)

    return talk


def _heard(channel: socket.socket, quiet: float) -> str:
    channel.settimeout(SECONDS)
    heard = channel.recv(1 << 20)
    channel.settimeout(quiet)
    try:
        while more := channel.recv(1 << 20):
            heard += more
    except TimeoutError:
        pass
    return heard.decode(errors="replace")


def redis(*commands: str) -> Callable[[int], str]:
    """RESP (redis.io/docs/reference/protocol-spec), a command a line."""

    def talk(port: int) -> str:
        said = []
        with socket.create_connection((_HOST, port), SECONDS) as channel:
            for command in commands:
                words = command.split()
                sent = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
                channel.sendall(sent.encode())
                said.append(_heard(channel, 0.2))
        return "".join(said)

    return talk


def nats(subject: str, text: str) -> Callable[[int], str]:
    """docs.nats.io, "Client Protocol": what is published comes back."""

    def talk(port: int) -> str:
        with socket.create_connection((_HOST, port), SECONDS) as channel:
            _heard(channel, 0.2)
            channel.sendall(f'CONNECT {{"verbose":false}}\r\nSUB {subject} 1\r\nPING\r\n'.encode())
            said = _heard(channel, 0.3)
            channel.sendall(f"PUB {subject} {len(text)}\r\n{text}\r\n".encode())
            return said + _heard(channel, 0.3)

    return talk


def etcd(key: str, value: str) -> Callable[[int], str]:
    """etcd.io, "gRPC gateway": put, range, delete."""
    name, data = (base64.b64encode(word.encode()).decode() for word in (key, value))
    return http_(
        ("POST", "/v3/kv/put", json.dumps({"key": name, "value": data})),
        ("POST", "/v3/kv/range", json.dumps({"key": name})),
        ("POST", "/v3/kv/deleterange", json.dumps({"key": name})),
        ("GET", "/version", ""),
    )


def dns(*names: str) -> Callable[[int], str]:
    """RFC 1035: a question for addresses by UDP, and one by TCP; the answers without their numbers."""

    def talk(port: int) -> str:
        said = []
        for name in names:
            question = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
            message = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question + b"\0" + struct.pack("!2H", 1, 1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
                channel.settimeout(SECONDS)
                channel.sendto(message, (_HOST, port))
                said.append(channel.recv(4096)[2:].hex())
            with socket.create_connection((_HOST, port), SECONDS) as stream:
                stream.sendall(struct.pack("!H", len(message)) + message)
                said.append(stream.recv(4096)[4:].hex())
        return "\n".join(said)

    return talk


MEMCACHED = lines(
    "set a 0 0 5\r\nwhit!", "get a", f"set b 0 0 {len(_LARGE)}\r\n{_LARGE}", "delete a", "get a", "version"
)
"""github.com/memcached/memcached, doc/protocol.txt."""

REDIS = redis(
    *("PING", "SET a 1", "INCR a", "LPUSH l x y z", "SORT l ALPHA", "ZADD z 1 one 2 two", "ZRANGE z 0 -1"),
    *(f"SET large {_LARGE}", "STRLEN large", "EVAL return(1+1) 0", "SAVE", "BGREWRITEAOF", "FLUSHALL"),
)
