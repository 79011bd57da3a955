"""Times as people give them to ``--since``, and as they are written. Pure.

Times are in ns since 1970, as the status file has them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from whit.packer.showing.ages import human_duration
from whit.packer.support.errors import UsageError

SECOND = 1_000_000_000
_LAST = 253_402_300_799 * SECOND  # the end of the year 9999
_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": SECOND}
_UNITS |= {"m": 60 * SECOND, "h": 3600 * SECOND}
_PART = re.compile(r"([0-9]{0,12})(?:\.([0-9]{0,15}))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIX = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9})[0-9]*)?", re.ASCII)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9})[0-9]*)?)?)?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?",
    re.ASCII,
)
FORMS = "10m, 1h30m, 2026-01-31T12:00:00Z, 2026-01-31, or seconds since 1970"


def parse_moment(text: str, now: int, option: str = "--since") -> int:
    """The time that ``text`` means: a time in RFC 3339 or a part of it, seconds since 1970, or how long before ``now``.

    A time without its zone is the machine's own. Raises :class:`UsageError`.
    """
    length = None if text == "0" else parse_length(text)
    if length is not None:
        return now - length
    unix = _UNIX.fullmatch(text)
    if unix:
        sign, seconds, fraction = unix.groups()
        return (-1 if sign else 1) * (int(seconds) * SECOND + _nanoseconds(fraction))
    date = _DATE.fullmatch(text)
    if date:
        try:
            return _moment(date)
        except (ValueError, OverflowError):
            raise UsageError(f"{option} '{text}': there is no such day or time", hint=f"as in {FORMS}") from None
    raise UsageError(f"{option} '{text}' is no time", hint=f"as in {FORMS}")


def parse_length(text: str) -> int | None:
    """Nanoseconds of a duration as Go writes it (``1h30m``, ``1.5s``, ``-10ms``); None if it isn't one."""
    unsigned = text[1:] if text[:1] in {"+", "-"} else text
    at, total = 0, 0
    while at < len(unsigned) and (part := _PART.match(unsigned, at)):
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            return None
        scale = _UNITS[unit]
        total += int(whole or 0) * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
        at = part.end()
    if at < len(unsigned) or not unsigned:
        return 0 if unsigned == "0" else None
    return -total if text.startswith("-") else total


def _nanoseconds(fraction: str | None) -> int:
    return int((fraction or "0").ljust(9, "0"))


def _moment(date: re.Match[str]) -> int:
    year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = date.groups()
    time = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 - its zone comes next
    if utc:
        zoned = time.replace(tzinfo=UTC)
    elif sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zoned = time.replace(tzinfo=timezone(-offset if sign == "-" else offset))
    else:
        zoned = time.astimezone()
    return round(zoned.timestamp()) * SECOND + _nanoseconds(fraction)


def rfc3339(moment: int) -> str:
    """In UTC, with as many digits after the second as it takes: docker's form in JSON."""
    seconds, fraction = divmod(moment, SECOND)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def ago(moment: int, now: int) -> str:
    """``3 minutes ago``."""
    return f"{human_duration((now - moment) / SECOND)} ago"


def log_time(moment: int) -> bytes:
    """As a log has it: in UTC, always with nine digits after the second; the nearest that can be written so."""
    seconds, fraction = divmod(min(max(moment, 0), _LAST), SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09}Z".encode()
