"""Characters, numbers and truth as Go's standard library reads them: what a Dockerfile means is defined by it. Pure."""

from __future__ import annotations

import re

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What ``unicode.IsSpace`` takes for white space; Python's ``str.strip`` takes some control characters more."""

BLANKS = re.compile(r"[\t\v\f\r ]+")
"""What separates an instruction's words where quotes mean nothing."""

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST = (1 << 63) - 1


def is_space(char: str) -> bool:
    """Whether one character is white space; the empty text isn't."""
    return char != "" and char in SPACE


def integer(text: str, limit: int = _LONGEST) -> int | None:
    """A decimal number as ``strconv.ParseInt`` reads it; None for anything else, and beyond ``limit``."""
    if not _INTEGER.fullmatch(text) or len(text) > 20:  # noqa: PLR2004 - digits of 64 bits and a sign
        return None
    number = int(text)
    return number if -limit - 1 <= number <= limit else None


def truth(text: str) -> bool | None:
    """``strconv.ParseBool``; None for what is neither."""
    return True if text in _TRUE else False if text in _FALSE else None


def duration(text: str) -> int | None:
    """Nanoseconds of a time like ``1m30s`` as ``time.ParseDuration`` reads it; None for anything else."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total, at = 0, 0
    while at < len(rest):
        part = _DURATION.match(rest, at)
        if part is None:
            return None
        whole, _, fraction = part[1].partition(".")
        unit = _NANOSECONDS[part[2]]
        total += int((whole or "0")[:40]) * unit + int((fraction or "0")[:18]) * unit // 10 ** min(len(fraction), 18)
        at = part.end()
    return sign * total if rest and total <= _LONGEST else None


def shown_duration(nanoseconds: int) -> str:
    """A time as Go prints it: ``1m30s``, ``1.5s``, ``300ms``, ``0s``."""
    if nanoseconds < 1_000_000_000:  # noqa: PLR2004 - a second
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nanoseconds >= size:
                return f"{_decimal(nanoseconds, size)}{unit}"
        return "0s"
    hours, rest = divmod(nanoseconds, _NANOSECONDS["h"])
    minutes, rest = divmod(rest, _NANOSECONDS["m"])
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if hours or minutes else "")
    return f"{''.join(parts)}{_decimal(rest, _NANOSECONDS['s'])}s"


def _decimal(number: int, unit: int) -> str:
    whole, rest = divmod(number, unit)
    digits = f"{rest:0{len(str(unit)) - 1}}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
