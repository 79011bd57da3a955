"""Times as people write them: ``10s``, ``1.5m``. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_FORM = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?)(?P<unit>ms|s|m|h|)", re.ASCII)
LONGEST = 30 * 24 * 3600.0
"""A month: what poll(2) waits for is counted in milliseconds of 31 bits."""


def parse_duration(text: str) -> float:
    """Seconds of ``10s``, ``500ms``, ``2m``, ``1h`` or ``10``. Raises :class:`UsageError`."""
    match = _FORM.fullmatch(text)
    seconds = float(match["number"]) * _UNITS[match["unit"]] if match else 0.0
    if not 0 < seconds <= LONGEST:
        raise UsageError(f"--for '{text}' is no time", hint="write a number and a unit: 500ms, 10s, 2m")
    return seconds
