"""A connection to a D-Bus: which one is a user's, and who one is there. For ``--systemd-cgroup``.

Source: the D-Bus specification, "Authentication Protocol".
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

LONGEST_LINE = 512


def user_bus() -> str:
    """The address of the caller's own bus. Raises :class:`UnsupportedError`."""
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if not address and runtime and Path(runtime, "bus").exists():
        address = f"unix:path={runtime}/bus"
    if not address:
        raise UnsupportedError(
            "--systemd-cgroup: there is no bus of your own",
            hint="set DBUS_SESSION_BUS_ADDRESS; Debian's package dbus-user-session gives one at login",
        )
    return address


def _line(bus: socket.socket) -> bytes:
    """A line of the bus's, without its end; what comes behind it is left."""
    line = b""
    while not line.endswith(b"\r\n"):
        byte = bus.recv(1)
        if not byte or len(line) > LONGEST_LINE:
            raise ValueError("it has another protocol, or has hung up")
        line += byte
    return line[:-2]


def authenticate(bus: socket.socket) -> None:
    """Be whom the kernel tells the bus that one is. Raises :class:`ValueError` where it refuses.

    One's own number isn't named: in a user namespace, such as a user's podman's, it is another one than the bus knows.
    """
    bus.sendall(b"\0AUTH EXTERNAL\r\n")
    answer = _line(bus)
    if answer.strip() == b"DATA":
        bus.sendall(b"DATA\r\n")
        answer = _line(bus)
    if not answer.startswith(b"OK "):
        raise ValueError(f"it refuses: {answer.decode('ascii', 'replace')}")
    bus.sendall(b"BEGIN\r\n")


def open_bus(address: str, seconds: float) -> DBusConnection:
    """The connection; ``seconds`` is the longest that its beginning may take.

    Raises :class:`ImportError` without jeepney, :class:`OSError`, :class:`ValueError` and :class:`RuntimeError` where there is no such bus.
    """
    from jeepney.bus import get_bus  # noqa: PLC0415 - an extra, for this alone
    from jeepney.io.blocking import DBusConnection  # noqa: PLC0415

    bus = socket.socket(socket.AF_UNIX)
    try:
        bus.settimeout(seconds)
        bus.connect(get_bus(address))
        authenticate(bus)
        bus.settimeout(None)
        return DBusConnection(bus)
    except BaseException:
        bus.close()
        raise
