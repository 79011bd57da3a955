"""Sizes, durations, fractions and modes, as Compose files write them and as the canonical configuration shows them. Pure."""

from __future__ import annotations

import re
import struct

_SIZE = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.?) ?([a-zA-Z]*)\Z")
_FACTORS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_DURATION = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)")
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_MOST = (1 << 63) - 1


def size(text: str) -> int | None:
    """Bytes of ``512m``, ``1.5GiB``, ``-1``: powers of 1024. None is no size."""
    if re.fullmatch(r"[-+]?[0-9]+", text):
        number = int(text)
        return number if abs(number) <= _MOST else None
    found = _SIZE.match(text)
    if not found:
        return None
    unit = found[2].lower()
    if unit not in _FACTORS:
        unit = unit[0] if len(unit) > 1 and unit[0] != "b" and unit[1:] in {"b", "ib"} else "?"
    if unit not in _FACTORS:
        return None
    number = int(float(found[1]) * _FACTORS[unit])
    return number if number <= _MOST else None


def duration(text: str) -> int | None:
    """Nanoseconds of ``1m30s``, ``1.5h``, ``2d``. None is no duration."""
    sign, rest = (-1 if text[0] == "-" else 1, text[1:]) if text[:1] in {"-", "+"} else (1, text)
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        part = _DURATION.match(rest, position)
        if not part or not (part[1] or part[2]) or part[3] not in _NANOSECONDS or len(part[0]) > 60:  # noqa: PLR2004
            return None
        unit = _NANOSECONDS[part[3]]
        total += int(part[1] or 0) * unit
        if part[2]:
            total += int(int(part[2]) * (unit / 10 ** len(part[2])))
        position = part.end()
    return sign * total if position and total <= _MOST else None


def duration_text(nanoseconds: int) -> str:
    """As Go's time.Duration prints itself: ``1m30s``, ``1.5s``, ``250ms``."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    for unit, name in ((1, "ns"), (1_000, "µs"), (1_000_000, "ms")):
        if rest < unit * 1000:
            return f"{sign}{_fraction(rest, unit)}{name}"
    seconds = _fraction(rest % (60 * 10**9), 10**9)
    minutes, hours = rest // (60 * 10**9) % 60, rest // (3600 * 10**9)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}s"
    return f"{sign}{minutes}m{seconds}s" if minutes else f"{sign}{seconds}s"


def _fraction(number: int, unit: int) -> str:
    whole, part = divmod(number, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{part:0{digits}}".rstrip("0").rstrip(".") if digits else str(whole)


def single(number: float) -> float | int | None:
    """A fraction in single precision, by its shortest digits; a whole number as such. None is too great."""
    packed = _packed(number)
    if packed is None:
        return None
    for digits in range(1, 10):
        shortest = float(f"{number:.{digits}g}")
        if _packed(shortest) == packed:
            return int(shortest) if shortest == int(shortest) else shortest
    return number


def _packed(number: float) -> bytes | None:
    try:
        return struct.pack("<f", number) if abs(number) < float("inf") else None
    except OverflowError:
        return None


def printed(value: object) -> str:
    """A scalar as Go's ``%v`` prints it, which is how it gets into an environment or a label."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124
    if value and not 1e-4 <= abs(value) < 1e21:  # noqa: PLR2004 - where %v turns to exponents
        mantissa, _, exponent = f"{value!r}".partition("e")
        if not exponent:
            mantissa, _, exponent = f"{value:.17e}".partition("e")
            mantissa = _shortest(value)
        number = int(exponent)
        return f"{mantissa.removesuffix('.0')}e{'-' if number < 0 else '+'}{abs(number):02}"
    return str(int(value)) if value == int(value) else repr(value)


def _shortest(value: float) -> str:
    for digits in range(17):
        text = f"{value:.{digits}e}"
        if float(text) == value:
            return text.partition("e")[0]
    return f"{value:.17e}".partition("e")[0]
