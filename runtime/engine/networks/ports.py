"""Docker's ``-p``: ``[[IP:]HOST[-HOST]:]CONTAINER[-CONTAINER][/tcp|udp]``. Pure."""

from __future__ import annotations

from ipaddress import ip_address

from whit.packer.support.counting import counted
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks.model import PortMapping, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL = "127.0.0.1"
"""Where a port is published that names no address: only this machine reaches it."""

_LAST = 65535
_FORM = "-p [[IP:]HOST[-HOST]:]CONTAINER[-CONTAINER][/tcp|udp], as in -p 8080:80 or -p 0.0.0.0:53:53/udp"


def parse_port(text: str) -> tuple[PortMapping, ...]:
    """What is published, a mapping a port; a host port of 0 stands for any that is free. Raises :class:`UsageError`."""
    rest, slash, protocol = text.partition("/")
    if slash and protocol.lower() not in {"tcp", "udp"}:
        raise _wrong(text, f"'{protocol}' is neither tcp nor udp")
    kind = Protocol(protocol.lower()) if slash else Protocol.TCP
    before, _, container = rest.rpartition(":")
    address, _, host = before.rpartition(":")
    inside = _range(text, container)
    outside = _range(text, host, zero=True) if host else range(0)
    if outside and len(outside) != len(inside) and len(inside) != 1:
        raise _wrong(text, f"{counted(len(outside), 'port')} of the host for {len(inside)} of the container")
    if len(outside) > 1 and len(inside) == 1:
        raise _wrong(text, "a range of the host's ports for one of the container's: name one, or none for any")
    where = _address(text, address)
    if outside == range(1):
        outside = range(0)
    return tuple(
        PortMapping(where, outside[number] if outside else 0, port, kind) for number, port in enumerate(inside)
    )


def parse_exposed(text: str) -> tuple[str, ...]:
    """``--expose``: a port of the container's, or a range, as images have it. Raises :class:`UsageError`."""
    if ":" in text:
        raise UsageError(f"--expose {text}: a port of the container's alone", hint="--expose 80, 53/udp or 8000-8010")
    try:
        ports = parse_port(text)
    except UsageError as error:
        why = error.message.partition(": ")[2]
        raise UsageError(f"--expose {text}: {why}", hint="--expose 80, 53/udp or 8000-8010") from None
    return tuple(f"{port.container_port}/{port.protocol.value}" for port in ports)


def with_exposed(published: tuple[PortMapping, ...], exposed: Iterable[str]) -> tuple[PortMapping, ...]:
    """``-P``: what is published, and each port that an image exposes beside it, at one that is free. Raises :class:`UsageError`."""
    has = {(port.container_port, port.protocol) for port in published}
    # An image says which port, never where it is published.
    more = (port for text in exposed if ":" not in text for port in parse_port(text))
    return (*published, *(port for port in dict.fromkeys(more) if (port.container_port, port.protocol) not in has))


def _address(text: str, address: str) -> str:
    if not address:
        return LOCAL
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if ":" in bare and bare == address:
        raise _wrong(text, "an IPv6 address stands in brackets")
    try:
        found = ip_address(bare)
    except ValueError:
        raise _wrong(text, f"'{bare}' is not an address") from None
    if getattr(found, "scope_id", None):
        raise _wrong(text, "an address with a scope can't be published at")
    return str(found)


def _range(text: str, ports: str, *, zero: bool = False) -> range:
    first, dash, last = ports.partition("-")
    start = _number(text, first)
    end = _number(text, last) if dash else start
    if end < start:
        raise _wrong(text, f"the range {ports} ends before it begins")
    if start == 0 and not (zero and end == 0):
        raise _wrong(text, "there is no port 0")
    return range(start, end + 1)


def _number(text: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(_LAST)) and int(digits) <= _LAST):
        raise _wrong(text, f"'{digits}' is not a port, 1 to {_LAST}")
    return int(digits)


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"-p {text}: {why}", hint=_FORM)
