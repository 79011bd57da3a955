"""When a CronJob runs: cron's five fields, as Kubernetes reads them. Pure.

Source: kubernetes.io, "CronJob", Schedule syntax.
"""

from __future__ import annotations

import re

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = (
    range(60),
    range(24),
    range(1, 32),
    range(1, 13),
    range(7),
)
_NAMES = {
    3: {name: number for number, name in enumerate(_MONTHS, 1)},
    4: {name: number for number, name in enumerate(_DAYS)},
}
_WORDS = frozenset(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))
_PART = re.compile(r"(?:[*?]|(\w{1,3})(?:-(\w{1,3}))?)(?:/([0-9]{1,3}))?", re.ASCII)


def is_schedule(text: str) -> bool:
    """Whether Kubernetes takes it."""
    fields = text.split()
    if len(fields) == 1:
        return text in _WORDS
    return len(fields) == len(_FIELDS) and all(
        _is_part(part, number) for number, field in enumerate(fields) for part in field.split(",")
    )


def _is_part(text: str, field: int) -> bool:
    found = _PART.fullmatch(text)
    if not found or (found[3] is not None and int(found[3]) == 0):
        return False
    if found[1] is None:
        return True
    first = _number(found[1], field)
    last = first if found[2] is None else _number(found[2], field)
    return first in _FIELDS[field] and last in _FIELDS[field] and first <= last


def _number(text: str, field: int) -> int:
    return int(text) if text.isdigit() else _NAMES.get(field, {}).get(text.upper(), -1)
