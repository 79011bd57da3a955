"""Headers of the distribution specification and of HTTP that a registry answers with. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urljoin, urlunsplit

from whit.packer.support.errors import UsageError
from whit.packer.support.light import dataclass
from whit.packer.support.urls import split_url

MAX_LENGTH = 8 << 10
"""Characters of a header that are read."""

_RANGE = re.compile(r"(?:bytes=)?(\d{1,19})-(\d{1,19})")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_LINK = re.compile(r"<([^<>]*)>\s*((?:;[^,<]*)*)")
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|next\b)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes follow: from ``first`` to ``last``, of ``size`` if that is told."""

    first: int
    last: int
    size: int | None


def received(value: str | None) -> int | None:
    """How many bytes of an upload a registry has, by its header ``Range: 0-LAST``; None where it doesn't say.

    ``0-0`` is none: that is what registries say of an upload that has just begun.
    """
    match = _RANGE.fullmatch((value or "")[:MAX_LENGTH].strip())
    if not match or int(match[1]) != 0:
        return None
    return int(match[2]) + 1 if int(match[2]) else 0


def parse_content_range(value: str | None) -> ContentRange | None:
    """``Content-Range`` (RFC 9110, 14.4); None for what isn't one."""
    match = _CONTENT_RANGE.fullmatch((value or "")[:MAX_LENGTH].strip())
    if not match or int(match[2]) < int(match[1]):
        return None
    size = None if match[3] == "*" else int(match[3])
    if size is not None and int(match[2]) >= size:
        return None
    return ContentRange(int(match[1]), int(match[2]), size)


def next_page(value: str | None) -> str | None:
    """Where the next part of a list is (RFC 8288, ``rel="next"``)."""
    for target, parameters in _LINK.findall((value or "")[:MAX_LENGTH]):
        if _NEXT.search(parameters):
            return str(target)
    return None


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait (RFC 9110, 10.2.3: a number or a date); ``now`` in seconds since the epoch."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - thirty years
        return float(text)
    if not text:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to import, and hardly ever needed

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def media_type(value: str | None) -> str:
    """``Content-Type`` without its parameters, in lower case."""
    return (value or "").partition(";")[0].strip().lower()[:255]


def resolved(base: str, location: str) -> str | None:
    """Where a ``Location`` leads from ``base``, without fragment; None for what HTTP can't go to.

    A registry behind a proxy that ends TLS may name itself by http; what came by https from a host stays there so.
    """
    if len(location) > MAX_LENGTH or not location.isascii() or not location.isprintable() or " " in location:
        return None
    try:
        there, here = split_url(urljoin(base, location)), split_url(base)
    except (ValueError, UsageError):
        return None
    if there.scheme not in {"http", "https"} or not there.hostname or there.username is not None:
        return None
    scheme = here.scheme if there.netloc == here.netloc else there.scheme
    return urlunsplit((scheme, there.netloc, there.path, there.query, ""))


def with_query(url: str, **more: str) -> str:
    """An address with more in its query; what is there stays as it is."""
    parts = split_url(url)
    added = urlencode(more, quote_via=quote, safe=":/")
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def path_of(url: str) -> str:
    """An address's path, to be shown: without its query, which may hold secrets."""
    return split_url(url).path[:300]


def place_of(url: str) -> tuple[str, str, int]:
    """(scheme, host, port): equal for what is at one place, to which a secret may go. Raises :class:`UsageError`."""
    parts = split_url(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"http": 80}.get(parts.scheme, 443)
