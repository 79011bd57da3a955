"""Which hosts are asked without a proxy: ``no_proxy``, as Go's programs read it (golang.org/x/net/http/httpproxy). Pure."""

from __future__ import annotations

import ipaddress

_ALL = "*"


def is_bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Whether a list names a host: ``example.com`` with all under it, ``.example.com`` those alone, addresses, networks
    (``10.0.0.0/8``), each with a port or without; ``*`` is everything.
    """
    host = host.lower().removesuffix(".")
    return any(_names(word.strip().lower(), host, port) for word in no_proxy.split(","))


def _names(word: str, host: str, port: int) -> bool:
    if not word or word == _ALL:
        return bool(word)
    address = _address(host)
    if "/" in word:
        try:
            return address is not None and address in ipaddress.ip_network(word, strict=False)
        except ValueError:
            return False
    name, wanted = _split(word)
    if wanted and wanted != str(port):
        return False
    if (named := _address(name)) is not None:
        return named == address
    name = name.removeprefix("*")
    return address is None and (
        host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")
    )


def _split(word: str) -> tuple[str, str]:
    """(host, port) of ``HOST``, ``HOST:PORT``, ``[V6]:PORT`` and ``V6``."""
    if word.startswith("["):
        name, _, rest = word[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = word.partition(":")
    return (word, "") if ":" in port else (name, port)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
