"""What of rtnetlink it takes to move an interface: messages, and the addresses that go with it. Pure.

Source: rtnetlink(7); the kernel's include/uapi/linux/{rtnetlink,if_link,if_addr}.h.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from whit.runtime.engine.networks.netlink import CREATE, DUMP, EXCLUSIVE, Message, attribute, attributes

NEW_LINK, NEW_ADDRESS, GET_ADDRESS = 16, 20, 22
LINK_NAME, LINK_NAMESPACE = 3, 28
ADDRESS, LOCAL, BROADCAST, FLAGS = 1, 2, 4, 8
PERMANENT, KEPT = 0x80, 0x02 | 0x200
"""An address that somebody gave; and what of its flags is his wish: no test for duplicates, no route for its prefix."""
UNIVERSE, UP = 0, 1

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")

GET_ADDRESSES = Message(GET_ADDRESS, _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0), "list the addresses", DUMP)


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface: ``attributes`` are those by which it can be given again."""

    index: int
    family: int
    prefix: int
    flags: int
    scope: int
    attributes: tuple[tuple[int, bytes], ...]

    @property
    def lasting(self) -> bool:
        """Whether config-linux, "Network Devices", has it kept: a permanent one of global scope."""
        return bool(self.flags & PERMANENT) and self.scope == UNIVERSE


def move_message(index: int, name: str, namespace: int) -> Message:
    """The interface goes into the network namespace of that descriptor, and has that name there."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    body += attribute(LINK_NAME, name.encode("utf-8", "surrogateescape") + b"\0")
    return Message(NEW_LINK, body + attribute(LINK_NAMESPACE, namespace), "move it")


def up_message(index: int) -> Message:
    """The interface is set up."""
    return Message(NEW_LINK, _LINK.pack(socket.AF_UNSPEC, 0, index, UP, UP), "set it up")


def address_message(address: Address, index: int) -> Message:
    """The address, as it was, for the interface of that number."""
    body = _ADDRESS.pack(address.family, address.prefix, 0, address.scope, index)
    body += b"".join(attribute(kind, data) for kind, data in address.attributes)
    body += attribute(FLAGS, address.flags & KEPT)
    return Message(NEW_ADDRESS, body, "give it its address again", CREATE | EXCLUSIVE)


def read_address(body: bytes) -> Address:
    """An address out of the kernel's answer."""
    family, prefix, flags, scope, index = _ADDRESS.unpack_from(body)
    found = attributes(body[_ADDRESS.size :])
    if FLAGS in found:
        (flags,) = struct.unpack("=I", found[FLAGS])
    # Its label is left out: it begins with the interface's name, which may be another there.
    kept = tuple((kind, found[kind]) for kind in (LOCAL, ADDRESS, BROADCAST) if kind in found)
    return Address(index, family, prefix, flags, scope, kept)
