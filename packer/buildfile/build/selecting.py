"""What of a folder is copied: neither what .dockerignore leaves out, nor what ``--exclude`` does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules, Matched
from whit.packer.tar.tree import Selected

if TYPE_CHECKING:
    from collections.abc import Iterator


class Walk:
    """Rules along a walk: each folder is asked for before what is in it."""

    __slots__ = ("_matched", "_rules")

    def __init__(self, rules: IgnoreRules) -> None:
        self._rules = rules
        self._matched = {"": Matched()}

    def select(self, path: str, *, is_folder: bool) -> Selected:
        """Whether a path is part of it."""
        if not path or not self._rules.patterns:
            return Selected.YES
        ignored, matched = self._rules.step(path, self._matched[path.rpartition("/")[0]])
        if is_folder:
            self._matched[path] = matched
        if not ignored:
            return Selected.YES
        return Selected.FOR_OTHERS if is_folder and self._rules.may_keep_below(path) else Selected.NO

    def enter(self, path: str) -> Selected:
        """As :meth:`select` for a folder, or a file, whose folders haven't been asked for."""
        found = Selected.YES
        for part in _with_parents(path):
            found = self.select(part, is_folder=True)
            if found is Selected.NO:
                break
        return found


def _with_parents(path: str) -> Iterator[str]:
    parts = path.split("/") if path else []
    yield from ("/".join(parts[: count + 1]) for count in range(len(parts)))


def least(one: Selected, other: Selected) -> Selected:
    """What two rules leave together."""
    order = (Selected.NO, Selected.FOR_OTHERS, Selected.YES)
    return min(one, other, key=order.index)
