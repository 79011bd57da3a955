"""How long ago, in docker's words. Pure."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600
_DAY, _WEEK, _MONTH, _YEAR = 24, 24 * 7, 24 * 30, 24 * 365


def human_duration(seconds: float) -> str:
    """``Less than a second``, ``12 seconds``, ``About an hour``, ``3 days``: as docker and podman round it."""
    if seconds < 1:
        return "Less than a second"
    if seconds < _MINUTE:
        return _counted(int(seconds), "second")
    if seconds < _HOUR:
        minutes = int(seconds / _MINUTE)
        return "About a minute" if minutes == 1 else _counted(minutes, "minute")
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    steps = ((2 * _DAY, 1, "hour"), (2 * _WEEK, _DAY, "day"), (2 * _MONTH, _WEEK, "week"), (2 * _YEAR, _MONTH, "month"))
    for limit, unit, word in steps:
        if hours < limit:
            return _counted(hours // unit, word)
    return _counted(int(seconds / _HOUR) // _YEAR, "year")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
