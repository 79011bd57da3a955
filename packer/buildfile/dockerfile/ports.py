"""EXPOSE: ``80``, ``8000-8010/udp`` → ports. Pure.

As BuildKit takes them (dockerfile2llb/convert_expose.go): an address and a host's port are passed over with a warning.
"""

from __future__ import annotations

import ipaddress

from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import integer
from whit.packer.support.light import dataclass

_LARGEST = 65535
_PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports in docker's form, ``80/tcp``; ``protocol`` as it was written."""

    ports: tuple[str, ...]
    protocol: str
    is_mapped: bool


def read_ports(text: str) -> Ports:
    """One word of EXPOSE. Raises Fault."""
    *address, last = text.rsplit(":", 2)
    host_port = address.pop() if address else ""
    host = address[0] if address else ""
    port, _, protocol = last.partition("/")
    if not port:
        raise Fault(f"'{text}' has no port", "as in 8080, 53/udp")
    if protocol and protocol.lower() not in _PROTOCOLS:
        raise Fault(f"'{text}': no protocol is called {protocol}", f"one of {', '.join(_PROTOCOLS)}")
    if host and not _is_address(host):
        raise Fault(f"'{text}': {host} is no address")
    first, last_port = _range(port, text)
    if host_port:
        low, high = _range(host_port, text)
        if high - low != last_port - first and first != last_port:
            raise Fault(f"'{text}' has two ranges of different length")
    kind = (protocol or "tcp").lower()
    found = tuple(f"{number}/{kind}" for number in range(first, last_port + 1))
    return Ports(found, protocol or "tcp", bool(host or host_port))


def _is_address(text: str) -> bool:
    is_bracketed = text.startswith("[") and text.endswith("]")
    try:
        ipaddress.ip_address(text[1:-1] if is_bracketed else text)
    except ValueError:
        return False
    return True


def _range(text: str, whole: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = _port(first, whole)
    if not dash or first == last:
        return low, low
    high = _port(last, whole)
    if high < low:
        raise Fault(f"'{whole}' has its ports the wrong way round")
    return low, high


def _port(text: str, whole: str) -> int:
    number = integer(text)
    if number is None or not 0 <= number <= _LARGEST:
        raise Fault(f"'{whole}' is no port", "as in 8080, 53/udp, 8000-8010")
    return number
