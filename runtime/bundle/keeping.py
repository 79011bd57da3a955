"""Whether a bundle's files are better unpacked once, where it is started, than copied into memory at each start. Pure.

A copy costs about a third of a millisecond for each million bytes, and six millionths of a second for each file: up to these numbers
a start takes less than 1.5 times what ``whit run`` takes (docs/bundle.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.runtime.bundle.form import equals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.runtime.bundle.form import Entry

MUCH = 3_000_000
MANY = 64

CACHE = "unpack=cache"
"""The setting of a bundle that is kept in the cache of whoever starts it."""


def is_better_kept(entries: Sequence[Entry]) -> bool:
    """Whether there is much to copy. Equal files are one in memory."""
    made = [entry for entry, same in zip(entries, equals(entries), strict=True) if entry.is_file and not same]
    return len(made) > MANY or sum(entry.content.size for entry in made) > MUCH
