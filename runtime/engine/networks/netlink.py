"""Requests to the kernel's network code over netlink, and what it says to them.

Raw, since a library that knows all of netlink takes longer to import than a container takes to start.
Sources: netlink(7), rtnetlink(7), linux/netlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self, TypeVar

    T = TypeVar("T")

ROUTE, NETFILTER = 0, 12
REQUEST, ACK, EXCLUSIVE, CREATE, DUMP = 1, 4, 0x200, 0x400, 0x300
_ERROR, _DONE = 2, 3
_CAPPED, _EXTENDED = 0x100, 0x200
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_MESSAGE = 1
_HEADER = struct.Struct("=IHHII")
_NESTED, _KIND_MASK = 0x8000, 0x3FFF
_LARGEST = 1 << 17
CLONE_NEWNET = 0x4000_0000

_SAID = {
    errno.EPERM: "operation not permitted",
    errno.EOPNOTSUPP: "this kernel can't do that",
    errno.EEXIST: "it is there already",
    errno.ENODEV: "there is no such device",
    errno.ESRCH: "there is no such process or route",
}


class IncapableError(LaunchError):
    """A machine that, or a process on it that, can't have networks at all: it won't be otherwise the next time either.

    It is so as long as none of the files ``absent`` is there, and those that are ``watched`` stay as they are; where neither
    is given nobody knows how long.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, absent: Sequence[str] = (), watched: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.absent, self.watched = absent, watched


class NetlinkError(LaunchError):
    """The kernel's refusal: its words if it gave any, else what its number means."""

    def __init__(self, doing: str, number: int, words: str) -> None:
        hint = "this needs CAP_NET_ADMIN: run it as root" if number == errno.EPERM else None
        super().__init__(f"can't {doing}: {words or _SAID.get(number) or os.strerror(number).lower()}", hint=hint)
        self.number = number

    @property
    def is_lasting(self) -> bool:
        """Whether it is the same as :class:`IncapableError`."""
        return self.number in {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}


@dataclass(frozen=True, slots=True)
class Message:
    """One request; ``doing`` says in an error what it was for, ``fine`` which errors are none."""

    kind: int
    body: bytes
    doing: str
    flags: int = 0
    fine: tuple[int, ...] = ()


def attribute(kind: int, payload: bytes | str | int) -> bytes:
    """An attribute: text ends with a NUL, a number is one of 32 bits."""
    if isinstance(payload, str):
        payload = payload.encode() + b"\0"
    elif isinstance(payload, int):
        payload = struct.pack("=I", payload)
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind) + payload + bytes(-size % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(data: bytes) -> Mapping[int, bytes]:
    """The attributes in a message or in a nested attribute."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:  # noqa: PLR2004 - the attribute's own header
            break
        found[kind & _KIND_MASK] = data[at + 4 : at + size]
        at += size + (-size % 4)
    return found


class Netlink:
    """A conversation with the kernel, in the network namespace of the thread that begins it."""

    def __init__(self, family: int = ROUTE) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise IncapableError(f"the kernel's network code can't be asked: {reason}") from None
        for option in (_CAP_ACK, _EXT_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()

    def do(self, *messages: Message) -> None:
        """Send requests in one go; raises the first error when the kernel has answered all."""
        if not messages:
            return
        first = self._sequence + 1
        self._socket.send(b"".join(self._packed(message, message.flags | REQUEST | ACK) for message in messages))
        failed: NetlinkError | None = None
        left = len(messages)
        while left:
            for _, sequence, flags, body in self._received():
                message = messages[sequence - first]
                number = -struct.unpack_from("=i", body)[0]
                if number and number not in message.fine:
                    failed = failed or NetlinkError(message.doing, number, _words(flags, body))
                left -= 1
        if failed:
            raise failed

    def ask(self, message: Message) -> list[bytes]:
        """The answers to a question, one or, with the flag DUMP, many; none if the error is one that is ``fine``."""
        self._socket.send(self._packed(message, message.flags | REQUEST))
        found: list[bytes] = []
        while True:
            for kind, _, flags, body in self._received():
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    if number in message.fine:
                        return found
                    raise NetlinkError(message.doing, number, _words(flags, body))
                found.append(body)
                if message.flags & DUMP != DUMP:
                    return found

    def _packed(self, message: Message, flags: int) -> bytes:
        self._sequence += 1
        return _HEADER.pack(_HEADER.size + len(message.body), message.kind, flags, self._sequence, 0) + message.body

    def _received(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of one packet: kind, sequence number, flags, body."""
        data = self._socket.recv(_LARGEST)
        at = 0
        while at + _HEADER.size <= len(data):
            size, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
            yield kind, sequence, flags, data[at + _HEADER.size : at + size]
            at += size + (-size % 4)


def _words(flags: int, body: bytes) -> str:
    """What the kernel says of its error beyond the number."""
    if not flags & _EXTENDED:
        return ""
    size = 4 + _HEADER.size
    if not flags & _CAPPED:
        size = 4 + struct.unpack_from("=I", body, 4)[0]
    return attributes(body[size:]).get(_MESSAGE, b"").rstrip(b"\0").decode(errors="replace")


def _entered(number: int, work: Callable[[], T]) -> T:
    if number:
        raise LaunchError(f"can't enter the container's network namespace: {os.strerror(number).lower()}")
    return work()


def inside(namespace: int, work: Callable[[], T]) -> T:
    """Do something in another network namespace, given by a descriptor: in a thread that ends with it.

    So no thread that goes on is ever in the wrong namespace.
    """
    import ctypes  # noqa: PLC0415 - Python has no setns before 3.12, and few commands need it

    setns = ctypes.CDLL(None, use_errno=True).setns
    results: list[T] = []
    errors: list[BaseException] = []

    def enter_and_work() -> None:
        try:
            number = ctypes.get_errno() if setns(namespace, CLONE_NEWNET) else 0
            results.append(_entered(number, work))
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that waits
            errors.append(error)

    import threading  # noqa: PLC0415 - who leaves a network needs none

    thread = threading.Thread(target=enter_and_work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
