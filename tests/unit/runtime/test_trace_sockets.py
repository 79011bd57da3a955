"""Addresses as they lie in a program's memory."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.runtime.trace.sightings import Address
from whit.runtime.trace.sockets import parse_address


def _family(number: int) -> bytes:
    return struct.pack("=H", number)


def test_an_ipv4_address() -> None:
    data = _family(socket.AF_INET) + (8080).to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
    assert parse_address(data) == (socket.AF_INET, "127.0.0.1", 8080)


def test_an_ipv6_address() -> None:
    data = _family(socket.AF_INET6) + (53).to_bytes(2, "big") + bytes(4) + bytes(15) + b"\1" + bytes(4)
    assert parse_address(data) == (socket.AF_INET6, "::1", 53)


@pytest.mark.parametrize(
    ("name", "told"), [(b"/dev/log\0", "/dev/log"), (b"relative", "relative"), (b"\0hidden", "@hidden")]
)
def test_a_local_address_is_a_path_or_an_abstract_name(name: bytes, told: str) -> None:
    assert parse_address(_family(socket.AF_UNIX) + name) == (socket.AF_UNIX, told, None)


@pytest.mark.parametrize("data", [b"", b"\2", _family(socket.AF_UNIX), _family(0) + bytes(14)])
def test_what_says_nothing(data: bytes) -> None:
    assert parse_address(data) is None


@given(st.binary(max_size=128))
def test_no_bytes_do_harm(data: bytes) -> None:
    parse_address(data)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (Address("listen", "tcp", "0.0.0.0", 80), "tcp 0.0.0.0:80"),
        (Address("bind", "udp", "::", 0), "udp [::]:any"),
        (Address("connect", "unix", "/dev/log"), "unix /dev/log"),
    ],
)
def test_how_an_address_is_told(address: Address, told: str) -> None:
    assert str(address) == told
