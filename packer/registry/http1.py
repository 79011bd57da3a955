"""HTTP/1.1 on one connection (RFC 9112): a request out, an answer's head in, its body in pieces.

Registries ask for little of HTTP, and the libraries that know all of it take longer to import than a small image takes to
be pulled. What is wrong with what comes in is raised as :class:`ProtocolError`, what the kernel or TLS say as OSError.
"""

from __future__ import annotations

import time

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from whit.packer.registry.connecting import Stream

LARGEST, SMALLEST = 256 << 10, 4 << 10
"""Bytes of a piece: a large one costs few calls and still lies in the processor's cache, a small one is soon there on a slow line."""

_QUICK, _SLOW = 0.02, 0.5
"""Seconds that a piece takes below which the next is a larger one, and above which it is a smaller one."""
_LINE_SECONDS = 60.0
"""How long a line between chunks, and all that follows the last, may take."""
_MAX_LINE = 64 << 10
_MAX_HEADERS, _MAX_HEAD = 200, 256 << 10
"""Lines and bytes of a head, or of what follows a chunked body; servers allow 8 to 64 KiB in a request."""
_MAX_INTERIM = 16
"""Answers before the answer (RFC 9110, 15.2)."""
_MAX_DIGITS = 15
"""Of a chunk's size: an exabyte."""
LONGEST_NUMBER = 18
"""Digits of the greatest size that anybody can mean."""
_BODILESS = frozenset({204, 304})


class ProtocolError(Exception):
    """What came in isn't HTTP/1.1, or ends too early; the text says how."""


class EndlessError(ProtocolError):
    """What comes in goes on and on: it would do so another time."""


class Inflow:
    """What comes in on a connection: lines, then pieces of a body."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rest = b""
        self._buffer = memoryview(bytearray(LARGEST))
        self._size = SMALLEST

    def line(self, until: float) -> bytes:
        """The next line without its end; TimeoutError where it isn't there by ``until`` (monotonic)."""
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > _MAX_LINE:
                raise EndlessError("a line without an end")
            if time.monotonic() > until:
                raise TimeoutError
            got = self._stream.receive(self._buffer[:SMALLEST], whole=False)
            if not got:
                raise ProtocolError("it was closed")
            self._rest += self._buffer[:got]
        line, self._rest = self._rest[:end], self._rest[end + 1 :]
        return line.removesuffix(b"\r")

    def fields(self, until: float) -> Iterator[bytes]:
        """The lines up to the empty one (RFC 9112, 5), not more of them than anybody needs."""
        left, size = _MAX_HEADERS, _MAX_HEAD
        while line := self.line(until):
            left, size = left - 1, size - len(line)
            if left < 0 or size < 0:
                raise EndlessError("its headers have no end")
            yield line

    def skip(self, size: int) -> bool:
        """Pass over so many bytes if they are here already."""
        is_here = size <= len(self._rest)
        if is_here:
            self._rest = self._rest[size:]
        return is_here

    def piece(self, most: int) -> bytes | memoryview:
        """At most so many bytes, good until the next call; none at the end."""
        if self._rest:
            piece, self._rest = self._rest[:most], self._rest[most:]
            return piece
        begin = time.monotonic()
        got = self._stream.receive(self._buffer[: min(most, self._size)], whole=True)
        self._size = following(self._size, time.monotonic() - begin)
        return self._buffer[:got]


def following(size: int, seconds: float) -> int:
    """How large the piece after one of ``size`` that took so long should be. Pure."""
    if seconds < _QUICK:
        return min(4 * size, LARGEST)
    return max(size // 4, SMALLEST) if seconds > _SLOW else size


@dataclass(frozen=True, slots=True)
class Head:
    """An answer's status and headers, the names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    persists: bool

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header that may stand more than once."""
        wanted = name.lower()
        return tuple(value for known, value in self.headers if known == wanted)

    def get(self, name: str) -> str | None:
        """One header's value; several are one list (RFC 9110, 5.2)."""
        return ", ".join(found) if (found := self.all(name)) else None


class Connection:
    """One connection, for one exchange after the other."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._inflow = Inflow(stream)

    def ask(self, method: str, head: bytes, body: Iterable[bytes | memoryview] | None, seconds: float) -> Response:
        """One exchange; ``seconds`` is how long the answer may keep silent. Raises :class:`ProtocolError`, OSError."""
        self.stream.wait_at_most(seconds)
        persists = True
        try:
            self.stream.send(head)
            for chunk in body or ():
                self.stream.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            persists = False  # it may have said why before it stopped listening
        answer = self._answer(time.monotonic() + 2 * seconds)
        return Response(
            answer, self._inflow, has_body=method != "HEAD" and answer.status not in _BODILESS, persists=persists
        )

    def _answer(self, until: float) -> Head:
        for _ in range(_MAX_INTERIM):
            answer = read_head(self._inflow, until)
            if answer.status >= 200:  # noqa: PLR2004
                return answer
            if answer.status == 101:  # noqa: PLR2004
                raise ProtocolError("it wants to speak another protocol")
        raise EndlessError("it says without an end that it will answer")


def read_head(inflow: Inflow, until: float) -> Head:
    """The status line and the headers (RFC 9112, 4 and 5)."""
    version, _, rest = inflow.line(until).partition(b" ")
    code = rest[:3]
    if version not in {b"HTTP/1.1", b"HTTP/1.0"} or not code.isdigit() or len(code) != 3 or rest[3:4].strip():  # noqa: PLR2004
        raise ProtocolError("it doesn't speak HTTP")
    found: list[tuple[str, str]] = []
    for line in inflow.fields(until):
        text = line.decode("latin-1")
        name, colon, value = text.partition(":")
        if text[0] in " \t" and found:  # folded, as nobody should any more
            found[-1] = (found[-1][0], f"{found[-1][1]} {text.strip()}")
        elif not colon or name != name.strip():
            raise ProtocolError("its answer has headers that aren't")
        else:
            found.append((name.lower(), value.strip()))
    wishes = {word.strip().lower() for name, value in found if name == "connection" for word in value.split(",")}
    return Head(int(code), tuple(found), "close" not in wishes and (version == b"HTTP/1.1" or "keep-alive" in wishes))


class Response:
    """An answer; its body is read once. ``left`` are the bytes that are still to come, None where nobody knows."""

    def __init__(self, head: Head, inflow: Inflow, *, has_body: bool, persists: bool) -> None:
        self.head = head
        self._inflow = inflow
        codings = (head.get("transfer-encoding") or "").lower()
        self._is_chunked = has_body and codings == "chunked"
        if has_body and codings and not self._is_chunked:
            raise ProtocolError(f"it sends in a way that nobody asked for: {codings[:40]}")
        told = head.get("content-length") or ""
        size = int(told) if told.isascii() and told.isdigit() and len(told) <= LONGEST_NUMBER else None
        self.left: int | None = (None if self._is_chunked else size) if has_body else 0
        self._ends_with_connection = has_body and self.left is None and not self._is_chunked
        self._persists = persists and head.persists and not self._ends_with_connection
        self.on_end: Callable[[], object] | None = None

    @property
    def is_reusable(self) -> bool:
        """Whether the connection is ready for the next exchange."""
        return self._persists and self.left == 0

    def leave(self) -> None:
        """Pass over a body that has come with the head; another isn't awaited."""
        if self.left and self._inflow.skip(self.left):
            self.left = 0

    def pieces(self, most: int) -> Iterator[bytes | memoryview]:
        """The body, each piece good until the next. Raises :class:`ProtocolError` where it ends too early, OSError."""
        if self._is_chunked and self.left is None:
            yield from self._chunked(most)
            return
        while self.left is None or self.left > 0:
            piece = self._inflow.piece(most if self.left is None else min(most, self.left))
            if not piece:
                if self.left is None:
                    self.left = 0
                    return
                raise ProtocolError(f"{self.left} bytes are missing")
            if self.left is not None:
                self.left -= len(piece)
            yield piece

    def _chunked(self, most: int) -> Iterator[bytes | memoryview]:
        """RFC 9112, 7.1; what a chunk says beside its size, and what follows the last, is passed over."""
        while size := self._chunk_size():
            while size:
                piece = self._inflow.piece(min(most, size))
                if not piece:
                    raise ProtocolError(f"{size} bytes are missing")
                size -= len(piece)
                yield piece
            if self._line():
                raise ProtocolError("a chunk is longer than it says")
        for _ in self._inflow.fields(time.monotonic() + _LINE_SECONDS):
            pass
        self.left = 0

    def _chunk_size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if not 0 < len(digits) <= _MAX_DIGITS or digits.strip(b"0123456789abcdefABCDEF"):
            raise ProtocolError("a chunk has no size")
        return int(digits, 16)

    def _line(self) -> bytes:
        return self._inflow.line(time.monotonic() + _LINE_SECONDS)


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A request's beginning (RFC 9112, 3). Raises :class:`ProtocolError` for what can't be said in it."""
    lines = (f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise ProtocolError("a header can't have such characters")
    return "\r\n".join((*lines, "", "")).encode()
