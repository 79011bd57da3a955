"""HTTP/1.1 as registries and what stands before them speak it, right and wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from whit.packer.image.reference import parse_reference
from whit.packer.registry import repository, transport
from whit.packer.registry.connecting import Plain
from whit.packer.registry.http1 import LARGEST, SMALLEST, Connection, ProtocolError, following, request_head
from whit.packer.registry.model import BrokenError, Endpoint, RegistryError, SlowError
from whit.packer.registry.pace import LEAST, WINDOW, Pace
from whit.packer.registry.registries import Registries
from whit.packer.registry.registriesconf import RegistriesConf
from whit.packer.registry.settings import Settings
from whit.packer.registry.transport import Answer, Call, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.registry.http1 import Response


def _asked(answer: bytes, method: str = "GET") -> tuple[Response, bytes]:
    """What comes of an answer after which the connection ends, and what was asked."""
    ours, theirs = socket.socketpair()
    with theirs:
        threading.Thread(target=_say, args=(theirs.dup(), answer), daemon=True).start()
        import _socket  # noqa: PLC0415 - as connecting has it

        connection = Connection(Plain(_socket.socket(fileno=ours.detach())))
        head = request_head(method, "/v2/", {"Host": "r.example"})
        return connection.ask(method, head, None, 5), theirs.recv(1 << 16)


def _say(end: socket.socket, answer: bytes) -> None:
    with end, contextlib.suppress(BrokenPipeError):
        end.sendall(answer)
        end.shutdown(socket.SHUT_WR)


def _body(response: Response) -> bytes:
    return b"".join(bytes(piece) for piece in response.pieces(1 << 20))


@pytest.mark.parametrize(
    ("answer", "body", "is_reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
        (b"HTTP/1.1 200\nContent-Length: 5\n\nhello", b"hello", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\nhello", b"hello", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it ends", b"until it ends", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nhell\r\n1\r\no\r\n0\r\nTrailer: x\r\n\r\n", b"hello", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + bytes(65536) + b"\r\n0\r\n\r\n", bytes(65536), True),
    ],
)  # fmt: skip
def test_an_answer_s_body_ends_where_its_head_says(answer: bytes, body: bytes, is_reusable: bool) -> None:
    response, asked = _asked(answer)

    assert asked == b"GET /v2/ HTTP/1.1\r\nHost: r.example\r\n\r\n"
    assert _body(response) == body
    assert response.is_reusable == is_reusable


def test_a_size_that_nobody_can_mean_is_none() -> None:
    response, _ = _asked(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello")

    assert (response.left, response.is_reusable) == (None, False)
    assert _body(response) == b"hello"


def test_a_document_in_a_coding_that_nobody_asked_for_is_told() -> None:
    response, _ = _asked(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")

    with pytest.raises(RegistryError, match="in a coding that nobody asked for: gzip"):
        Answer("http://r.example/v2/x", response, lambda: None).body(100)


def test_head_has_the_size_of_a_body_and_no_body() -> None:
    response, _ = _asked(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD")

    assert response.head.get("Content-Length") == "5"
    assert (_body(response), response.is_reusable) == (b"", True)


def test_a_header_that_stands_twice_is_one_list() -> None:
    response, _ = _asked(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Bearer a=b\r\n c=d\r\n\r\n")

    assert response.head.all("WWW-Authenticate") == ("Basic", "Bearer a=b c=d")
    assert response.head.get("www-authenticate") == "Basic, Bearer a=b c=d"
    assert response.head.get("Location") is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "it was closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "it was closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "it doesn't speak HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "it doesn't speak HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "it doesn't speak HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "headers that aren't"),
        (b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "headers that aren't"),
        (b"HTTP/1.1 200 OK\r\n" + 300 * b"a: b\r\n" + b"\r\n", "its headers have no end"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n" + 300 * b" c\r\n" + b"\r\n", "its headers have no end"),
        (b"HTTP/1.1 200 OK\r\n" + 8 * (b"A: " + 60_000 * b"b" + b"\r\n") + b"\r\n", "its headers have no end"),
        (100 * b"HTTP/1.1 100 Continue\r\n\r\n", "without an end that it will answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + 300 * b"a: b\r\n", "its headers have no end"),
        (b"HTTP/1.1 200 OK\r\nA: " + bytes(100_000), "a line without an end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "in a way that nobody asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "2 bytes are missing"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "2 bytes are missing"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello6\r\n", "longer than it says"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", "a chunk has no size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n", "a chunk has no size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "it was closed"),
    ],
)
def test_what_is_no_whole_answer_is_told(answer: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        _body(_asked(answer)[0])


@pytest.mark.parametrize("value", ["a\r\nInjected: b", "a\nb", "ä", "a\x00b"])
def test_nothing_can_be_put_into_a_request_by_a_header_s_value(value: str) -> None:
    with pytest.raises(ProtocolError, match="such characters"):
        request_head("GET", "/", {"Authorization": f"Bearer {value}"})


def test_pieces_grow_on_a_fast_line_and_shrink_on_a_slow_one() -> None:
    sizes = [SMALLEST]
    for seconds in (0.001, 0.001, 0.001, 0.001, 0.1, 1, 1, 1, 1):
        sizes.append(following(sizes[-1], seconds))

    assert sizes[1:] == [16384, 65536, LARGEST, LARGEST, LARGEST, 65536, 16384, SMALLEST, SMALLEST]


def test_a_pace_is_too_slow_only_after_a_whole_window_with_too_little() -> None:
    pace = Pace(0)

    assert pace.passed(1, WINDOW - 1)
    assert pace.passed(int(WINDOW * LEAST), WINDOW)
    assert pace.passed(1, 2 * WINDOW - 1)
    assert not pace.passed(1, 2 * WINDOW)


@pytest.fixture
def trickling() -> Iterator[int]:
    """The port of a server that sends a byte of a large body every now and then, to whoever asks."""
    done = threading.Event()

    def serve(client: socket.socket) -> None:
        with client:
            try:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not done.wait(0.02):
                    client.sendall(b"x")
            except OSError:
                pass

    def accept(listener: socket.socket) -> None:
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        done.set()
        listener.shutdown(socket.SHUT_RDWR)


def test_an_answer_without_an_end_is_not_asked_for_again() -> None:
    # Given a server whose headers go on and on
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    asked.append(client.recv(4096))
                    client.sendall(b"HTTP/1.1 200 OK\r\n" + 1000 * b"a: b\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        registry = Registries(Settings(RegistriesConf(()))).repository(parse_reference(f"{host}/a/b:1")).registry

        # When it is asked, then that is told at once
        with pytest.raises(RegistryError, match=f"{host} gives no answer that ends: its headers have no end") as caught:
            registry.call("GET", "/v2/a/b/manifests/1", frozenset(), {200})
        listener.shutdown(socket.SHUT_RDWR)
    assert not isinstance(caught.value, BrokenError)
    assert [line.split()[1] for line in asked].count(b"/v2/a/b/manifests/1") == 1


def test_who_sends_a_byte_now_and_then_is_given_up(trickling: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a minute that is short
    monkeypatch.setattr("whit.packer.registry.pace.WINDOW", 0.3)
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    endpoint = Endpoint(f"127.0.0.1:{trickling}", f"http://127.0.0.1:{trickling}")

    # When a body is read: that ends
    answer = Transport().send(Call("GET", f"{endpoint.url}/v2/x", {}), endpoint)
    with pytest.raises(SlowError, match="sends hardly anything"):
        for _ in answer.chunks():
            pass

    # And a blob is tried once more, then it is told
    from whit.packer.image.oci import Descriptor  # noqa: PLC0415

    hub = Registries(Settings(RegistriesConf(())))
    source = hub.repository(parse_reference(f"127.0.0.1:{trickling}/a/b:1"))
    with pytest.raises(RegistryError, match="sends hardly anything") as caught:
        for _ in source.blob(Descriptor("x/y", f"sha256:{0:064x}", 1_000_000)):
            pass
    assert not isinstance(caught.value, BrokenError)
    assert "goes on with what has come" in (caught.value.hint or "")
    assert repository._SLOW == 2


def test_a_head_that_trickles_is_not_awaited_for_ever() -> None:
    ours, theirs = socket.socketpair()
    import _socket  # noqa: PLC0415 - as connecting has it

    connection = Connection(Plain(_socket.socket(fileno=ours.detach())))
    done = threading.Event()

    def trickle() -> None:
        for byte in b"HTTP/1.1 200 OK\r\nA: " + bytes(1000):
            if done.wait(0.02):
                return
            theirs.send(bytes([byte]))

    threading.Thread(target=trickle, daemon=True).start()
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        connection.ask("GET", b"", None, 0.1)
    assert time.monotonic() - begin < 10
    done.set()
    theirs.close()
