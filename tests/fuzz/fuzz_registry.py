"""What registries and their files say, damaged, for as long as it is let: ``python tests/fuzz/fuzz_registry.py [SECONDS] [SEED]``.

Whatever the bytes are: an answer or one of whit's own errors; nothing takes half a second.
"""

# ruff: noqa: T201 - a script: the path is set first

from __future__ import annotations

import contextlib
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.rounds import rounds
from whit.packer.image.oci import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Descriptor, Index, Manifest
from whit.packer.image.platform import Platform, parse_platform
from whit.packer.registry.challenge import parse_challenges, pushing, scope_texts
from whit.packer.registry.dockerconfig import Credential, find_entry, parse_config_file, parse_helper_answer, with_entry
from whit.packer.registry.headers import next_page, parse_content_range, received, resolved, retry_after
from whit.packer.registry.http1 import Connection, ProtocolError
from whit.packer.registry.locations import parse_location
from whit.packer.registry.model import reach, said
from whit.packer.registry.registriesconf import RegistriesConf, parse_daemon_json, parse_registries_conf
from whit.packer.registry.repository import Document
from whit.packer.registry.tree import choose, gather
from whit.packer.support.errors import WhitError
from whit.packer.support.jsondoc import parse_object

if TYPE_CHECKING:
    from collections.abc import Callable

"""Seconds of processor time."""


def headers(data: bytes) -> None:
    """All that reads a header."""
    text = data.decode("latin-1")
    for challenge in parse_challenges([text]):
        scope_texts(challenge, [pushing("a/b")])
    for read in (next_page, received, parse_content_range, reach):
        read(text)
    retry_after(text, 0)
    url = resolved("https://r.example/v2/", text)
    assert url is None or url.startswith(("https://", "http://"))


class _Sent:
    """Bytes that were sent, as a connection gives them."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def send(self, _: bytes | memoryview) -> None:
        """Nobody reads it."""

    def receive(self, view: memoryview, *, whole: bool) -> int:
        """What is there; a little at a time unless it is to be the whole."""
        size = min(len(view) if whole else 700, len(view), len(self._left))
        view[:size], self._left = self._left[:size], self._left[size:]
        return size

    def wait_at_most(self, _: float) -> None:
        """It is all there."""

    def is_readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing is open."""


def answers(data: bytes) -> None:
    """An answer of HTTP."""
    with contextlib.suppress(ProtocolError):
        response = Connection(_Sent(data)).ask("GET", b"", None, 5)
        for piece in response.pieces(1 << 20):
            assert len(piece) <= len(data)


def files(data: bytes) -> None:
    """All that reads a file of settings or of secrets."""
    config = parse_config_file(data, "x")
    find_entry(config, "r.example", "a/b")
    with_entry(data, "x", "r.example", Credential("a", "b"))


def settings(data: bytes) -> None:
    """registries.conf and daemon.json."""
    with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        RegistriesConf(tuple(parse_registries_conf(tomllib.loads(data.decode()), "x"))).rule_for("r.example", "a/b")
    parse_daemon_json(parse_object(data, "x", 1 << 20))


def documents(data: bytes) -> None:
    """Manifests and indexes, which may lead to themselves."""
    for kind in (MANIFEST, INDEX):
        root = Document(Descriptor(kind, f"sha256:{0:064x}", len(data)), data)
        with contextlib.suppress(WhitError):
            gather(root, lambda descriptor: Document(descriptor, data))
    with contextlib.suppress(WhitError):
        choose(data, Platform("linux", "amd64"), "x")


def words(data: bytes) -> None:
    """Errors' documents, helpers' answers, and what people type."""
    said(data)
    for read in (parse_location, parse_platform):
        with contextlib.suppress(WhitError):
            read(data.decode("utf-8", "replace"))
    parse_helper_answer(data, "x")


def seeds() -> list[tuple[Callable[[bytes], None], bytes]]:
    """Readers, each with something that is right."""
    blob = Descriptor(LAYER_GZIP, f"sha256:{1:064x}", 5)
    platform = Platform("linux", "amd64")
    index = Index(
        (Descriptor(MANIFEST, f"sha256:{2:064x}", 5, platform=platform), Descriptor(INDEX, f"sha256:{3:064x}", 5))
    )
    manifest = Manifest(Descriptor(CONFIG, f"sha256:{4:064x}", 5), (blob, blob))
    bearer = b'Bearer realm="https://a.example/t?x=\\"y",service="s",scope="repository:a/b:pull", Basic realm=x'
    conf = b'[[registry]]\nprefix = "*.r.example"\nlocation = "m.example/x"\n[[registry.mirror]]\nlocation = "n"\ninsecure = true\n'
    daemon = json.dumps({"insecure-registries": ["a:1"], "registry-mirrors": ["https://m"]}).encode()
    config = json.dumps(
        {"auths": {"r.example": {"auth": "YTpi", "identitytoken": "t"}}, "credHelpers": {"a": "b"}}
    ).encode()
    ok = b"HTTP/1.1 200 OK\r\n"
    return [
        (answers, ok + b"Content-Length: 5\r\nA: b\r\n\r\nhello"), (answers, ok + b"\r\nhello"),
        (answers, ok + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n \r\n0\r\nA: b\r\n\r\n"),
        (headers, bearer), (headers, b'</v2/_catalog?last=b>; rel="next"'), (headers, b"bytes 5-9/10"), (headers, b"0-41"),
        (headers, b"https://r.example:443/v2/x?a=b#c"), (headers, b"Thu, 01 Jan 1970 00:02:00 GMT"), (headers, b"::ffff:10.0.0.1"),
        (files, config), (settings, conf), (settings, daemon), (documents, index.to_json()), (documents, manifest.to_json()),
        (words, b'{"errors":[{"code":"DENIED","message":"no","detail":{}}]}'), (words, b"oci:folder:r.example:5/x:1"), (words, b"linux/arm/v7"),
        (words, b'{"ServerURL":"x","Username":"<token>","Secret":"s"}'),
    ]  # fmt: skip


def main(seconds: float = 60, seed: int = 0) -> None:
    print(f"{rounds(seeds(), seconds, seed)} answers of registries")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 60, int(given[1]) if given[1:] else 0)
