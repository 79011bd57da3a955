"""What each package, crate or module takes of all kinds of bytes together: the table beside the map. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.report.tree import Sizes

_CODE, _DATA = frozenset({"code"}), frozenset({"data", "constants"})
_DEEPEST = 8
_OWNED = 3
"""Parts of the path of what has an owner: kind, owner, what it is (docs of :func:`~whit.packer.report.filebytes.sizes_of`)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One of them, ``path`` from the outermost on, and its bytes: code, data and constants, and tables that tell of it."""

    path: tuple[str, ...]
    code: int = 0
    data: int = 0
    tables: int = 0

    @property
    def total(self) -> int:
        """All its bytes."""
        return self.code + self.data + self.tables


def owners(sizes: Sizes, depth: int) -> tuple[Owner, ...]:
    """The owners of a program's bytes, by the first ``depth`` parts of their path, the largest first."""
    found: dict[tuple[str, ...], list[int]] = {}
    for path, size in sizes.items():
        if len(path) >= _OWNED:
            column = 0 if path[0] in _CODE else 1 if path[0] in _DATA else 2
            found.setdefault(path[1:-1][:depth], [0, 0, 0])[column] += size
    made = (Owner(path, *columns) for path, columns in found.items())
    return tuple(sorted(made, key=lambda one: (-one.total, one.path)))


def totals(sizes: Sizes) -> dict[tuple[str, ...], int]:
    """The innermost owner's name → all its bytes."""
    found: dict[tuple[str, ...], int] = {}
    for one in owners(sizes, _DEEPEST):
        found[one.path[-1:]] = found.get(one.path[-1:], 0) + one.total
    return found


def unowned(sizes: Sizes) -> int:
    """Bytes of which nothing tells whose they are."""
    return sum(size for path, size in sizes.items() if len(path) < _OWNED)
