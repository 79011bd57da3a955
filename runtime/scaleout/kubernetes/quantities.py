"""Sizes, processors and times in Kubernetes' units. Pure.

Source: kubernetes.io, "Quantity".
"""

from __future__ import annotations

from whit.packer.support.times import duration

_UNITS = (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))
_SECOND = 10**9


def size(count: object) -> str:
    """Bytes in the largest unit that they are a whole number of."""
    number = int(str(count))
    for unit, step in _UNITS:
        if number and number % step == 0:
            return f"{number // step}{unit}"
    return str(number)


def cpus(count: object) -> str:
    """Processors, in thousandths where they aren't whole."""
    thousandths = max(1, round(float(str(count)) * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def seconds(text: object, usual: int) -> int:
    """A duration in whole seconds, rounded up; ``usual`` where none is said. Raises :class:`UsageError`."""
    if text in {None, ""}:
        return usual
    return -(-duration(str(text)) // _SECOND)
