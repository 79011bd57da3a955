"""Whether bytes come fast enough to be waited for. Pure."""

from __future__ import annotations

WINDOW = 60.0
"""Seconds after which it is looked at how much has come."""

LEAST = 1024.0
"""Bytes a second below which what comes is as good as nothing."""


class Pace:
    """One body's."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._came = 0

    def passed(self, size: int, now: float) -> bool:
        """Note that bytes came. Returns whether there were enough of them in the window that may end now."""
        self._came += size
        seconds = now - self._since
        if seconds < WINDOW:
            return True
        enough = self._came >= LEAST * seconds
        self._since, self._came = now, 0
        return enough
