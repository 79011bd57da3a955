"""How much is done for one program at most: counted rather than timed, so that a file has the same result everywhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_ANY = 400_000
_EACH = 10_000
"""Steps, of some microseconds each, for any program, and for each million bytes of its code: three times what real programs take, and more."""

_MILLION = 1_000_000


class TooMuchError(Exception):
    """All is spent: whatever was asked for is unknown."""


@dataclass(slots=True)
class Effort:
    """What is left of the steps."""

    left: int

    @classmethod
    def of(cls, code_bytes: int) -> Effort:
        """What a program with so much code may take."""
        return cls(_ANY + _EACH * code_bytes // _MILLION)

    def spend(self, steps: int = 1) -> None:
        """Raises :class:`TooMuchError` when nothing is left, then and at each time afterwards."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchError
