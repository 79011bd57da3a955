"""Times as files write them: Go's durations, which docker has (``1m30s``, ``500ms``), and RFC 3339. Pure."""

from __future__ import annotations

import re
import time

from whit.packer.support.errors import UsageError

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LONGEST = 365 * 24 * 3600 * 10**9


def duration(text: str) -> int:
    """Nanoseconds, at most a year. Raises :class:`UsageError`."""
    parts = _PARTS.findall(text)
    if text == "0":
        return 0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"'{text[:60]}' is no duration", hint="write a number and a unit: 500ms, 30s, 1m30s")
    total = sum(int(float(number) * _UNITS[unit]) for number, unit in parts)
    if total > _LONGEST:
        raise UsageError(f"{text[:60]} is more than a year")
    return total


def rfc3339(seconds: float) -> str:
    """A moment in seconds since 1970, as documents of images have it: ``1970-01-01T00:00:00Z`` (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
