"""Addresses of the web (RFC 3986), split where that can be; hosts in other scripts as name servers know them (RFC 5891). Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_LONGEST_LABEL = 63
"""Characters between a host name's dots (RFC 1035, 2.3.4)."""


def split_url(url: str) -> SplitResult:
    """An address' parts, the host in ASCII. Raises :class:`UsageError` for what has no host, or a port that can't be."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise _no_address(url, "its host can't be one") from None
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise _no_address(url, "its port isn't a number from 1 to 65535")
    if not host.isascii():
        try:
            encoded = host.encode("idna").decode()
        except UnicodeError:
            raise _no_address(url, "its host can't be one") from None
        user, at, place = parts.netloc.rpartition("@")
        colon, port = place.rpartition(":")[1:] if ":" in place else ("", "")
        parts, host = parts._replace(netloc=f"{user}{at}{encoded}{colon}{port}"), encoded
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise _no_address(url, "its host can't be one" if host else "it names no host")
    return parts


def _no_address(url: str, why: str) -> UsageError:
    """Without what may be secret in it."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    shown = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return UsageError(f"{shown[:200]} is no address: {why}", hint="it is http[s]://HOST[:PORT]/PATH, IPv6 as [::1]")
