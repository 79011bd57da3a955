"""The floor of tests/bench/registry.py: what packing, pushing and pulling take if nothing but the physical is done.

    python -IS registry_floor.py PATHS push|again|pull REGISTRY FILE FOLDER

A bare Python, with PATHS (parted by colons) to import from, speaks to a docker-registry by raw sockets. ``push`` reads FILE, hashes
it, compresses it on all cores as whit does, hashes that, writes it to the disk, flushed, and sends it meanwhile; then something as small as a configuration, and a manifest. ``again`` asks for a manifest. ``pull`` takes the layers of ten/layers:1, four at a time, hashes them, and
writes them, flushed. No client that does it as durably and verifies as much can be faster by more than the start of Python: 8 ms.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE = 256 << 10
SENT_AT_ONCE = 8 << 20
AT_ONCE = 4
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Line:
    """One connection to a registry."""

    def __init__(self, registry: str) -> None:
        self.registry = registry
        host, _, port = registry.partition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(PIECE))
        self.rest = b""

    def ask(
        self, method: str, url: str, body: Iterable[bytes] | None = None, size: int = 0, more: str = ""
    ) -> dict[str, str]:
        """The answer's headers, in lower case; ``:status`` is its code."""
        path = url.partition("//")[2].partition("/")[2] if "//" in url else url[1:]
        self.socket.sendall(
            f"{method} /{path} HTTP/1.1\r\nHost: {self.registry}\r\nContent-Length: {size}\r\n{more}\r\n".encode()
        )
        for piece in body or ():
            self.socket.sendall(piece)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(PIECE)
        head, _, self.rest = head.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return {**fields, ":status": first.split()[1]}

    def body(self, size: int) -> Iterator[bytes | memoryview]:
        """What follows the headers."""
        if self.rest:
            yield self.rest
        left = size - len(self.rest)
        while left:
            got = self.socket.recv_into(self.buffer[: min(left, PIECE)])
            left -= got
            yield self.buffer[:got]


def pieces(path: str) -> Iterator[bytes]:
    """A file's."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the least that Python can do
        while piece := file.read(PIECE):
            yield piece


def put_blob(line: Line, path: str, folder: str) -> tuple[str, int]:
    """Compress, write and send; the blob's digest and size."""
    from whit.packer.image.compress import gzip_stream  # noqa: PLC0415 - found once it is known where

    plain, packed, size, waiting = sha256(), sha256(), 0, list[bytes]()

    def hashed() -> Iterator[bytes]:
        for piece in pieces(path):
            plain.update(piece)
            yield piece

    location = line.ask("POST", "/v2/floor/app/blobs/uploads/")["location"]
    with open(f"{folder}/blob", "wb", buffering=0) as file:  # noqa: PTH123
        for piece in gzip_stream(hashed()):
            packed.update(piece)
            file.write(piece)
            size += len(piece)
            waiting.append(piece)
            if sum(map(len, waiting)) >= SENT_AT_ONCE:
                location = line.ask("PATCH", location, waiting, sum(map(len, waiting)))["location"]
                waiting.clear()
        os.fsync(file.fileno())
    digest = f"sha256:{packed.hexdigest()}"
    answer = line.ask("PUT", f"{location}&digest={digest}", waiting, sum(map(len, waiting)))
    assert answer[":status"] == "201", answer
    return digest, size


def push(registry: str, path: str, folder: str) -> None:
    """A layer, a configuration that is one more blob, and a manifest."""
    line = Line(registry)
    blobs = [put_blob(line, path, folder), put_blob(line, sys.argv[0], folder)]
    layer, config = (
        {"mediaType": "application/octet-stream", "digest": digest, "size": size} for digest, size in blobs
    )
    document = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}).encode()
    answer = line.ask("PUT", "/v2/floor/app/manifests/1", [document], len(document), f"Content-Type: {MANIFEST}\r\n")
    assert answer[":status"] == "201", answer


def again(registry: str) -> None:
    """Whether it is there."""
    assert Line(registry).ask("HEAD", "/v2/floor/app/manifests/1", more=f"Accept: {MANIFEST}\r\n")[":status"] == "200"


def pull(registry: str, folder: str) -> None:
    """All layers."""
    line = Line(registry)
    answer = line.ask("GET", "/v2/ten/layers/manifests/1", more=f"Accept: {MANIFEST}\r\n")
    layers = json.loads(b"".join(map(bytes, line.body(int(answer["content-length"])))))["layers"]

    def take() -> None:
        mine = Line(registry)
        while layers:
            layer, hashed = layers.pop(), sha256()
            mine.ask("GET", f"/v2/ten/layers/blobs/{layer['digest']}")
            with open(f"{folder}/{layer['digest']}", "wb", buffering=0) as file:  # noqa: PTH123
                for piece in mine.body(layer["size"]):
                    hashed.update(piece)
                    file.write(piece)
                os.fsync(file.fileno())
            assert layer["digest"] == f"sha256:{hashed.hexdigest()}"

    threads = [threading.Thread(target=take) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    _, paths, what, where, given, place = sys.argv
    sys.path[:0] = paths.split(":")
    if what == "pull":
        pull(where, place)
    elif what == "again":
        again(where)
    else:
        push(where, given, place)
