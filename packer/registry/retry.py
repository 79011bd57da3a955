"""Whether to try again, and when: back-off with jitter, a registry's own wish first. Pure."""

from __future__ import annotations

from whit.packer.support.light import dataclass

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others a moment later."""

MOST = 6
"""Tries without any progress between them."""

FIRST, LONGEST = 0.1, 10.0
"""Seconds of the first pause and of the longest; each is twice the one before."""

LONGEST_ASKED = 60.0
"""Seconds that whit waits if a registry asks for it; for more, a person decides."""


PATIENCE = 50.0
"""Seconds without any progress after which a reader doesn't try again."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds to wait before the next try."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further try. ``asked`` are the seconds that a registry asked for, where that is why."""

    asked: float | None = None


def decide(failed: int, chance: float, asked: float | None = None, waited: float = 0.0) -> Pause | GiveUp:
    """What to do after ``failed`` tries in a row, the first being 1; ``chance`` is a random number from 0 to 1.

    ``waited`` are the seconds since anything got on, without those that a registry asked for.
    """
    if failed >= MOST or waited >= PATIENCE:
        return GiveUp()
    if asked is not None:
        # Some more than asked for: all who were turned away together would come back together.
        return Pause(asked + chance * FIRST) if asked <= LONGEST_ASKED else GiveUp(asked)
    longest = min(LONGEST, FIRST * 2 ** (failed - 1))
    return Pause(longest / 2 + chance * longest / 2)
