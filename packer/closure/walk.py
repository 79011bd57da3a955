"""The order in which a loader loads: breadth first, each file once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.closure.model import Failure, Loaded, Rule
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.packer.closure.model import System

MAX_OBJECTS = 2048
"""More than any program has: LibreOffice loads some 250."""


class Walk:
    """One process, as far as its loader fills it. ``loaded`` begins with the program; the loader itself is in it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.loaded: list[Loaded] = [system.program, system.interpreter]
        self.failures: list[Failure] = []
        self._done = 0
        self._failed: set[str] = set()

    def run(self) -> None:
        """Load all that what is there asks for. Raises UnsupportedError for more than :data:`MAX_OBJECTS`."""
        while self._done < len(self.loaded):
            item = self.loaded[self._done]
            self._done += 1
            for name, optional in self.system.wanted(item):
                self.load(name, item, optional=optional)

    def load(self, name: str, by: Loaded, *, optional: bool = False) -> Loaded | None:
        """The object for a name, which is loaded if it isn't there; what it asks for is loaded by :meth:`run`."""
        there = self.system.match(name, self.loaded)
        if there is None and name not in self._failed:
            there = self._search(name, by, optional=optional)
        if there is not None:
            by.resolved.append((name, there))
            if by.title not in there.asked_by:
                there.asked_by.append(by.title)
        return there

    def _search(self, name: str, by: Loaded, *, optional: bool) -> Loaded | None:
        hit = self.system.search(name, by)
        if isinstance(hit, Failure):
            if not optional:
                self._failed.add(name)
                self.failures.append(hit)
            return None
        for item in self.loaded:
            if item.found.identity == hit.found.identity:
                item.names += (other for other in self.system.admit(name, hit) if other not in item.names)
                return item
        if hit.found.facts is None:
            raise AssertionError(hit)
        if len(self.loaded) >= MAX_OBJECTS:
            raise UnsupportedError(f"it needs more than {MAX_OBJECTS} libraries")
        path = name if hit.place.rule is Rule.PATH else hit.found.path
        new = Loaded(path, hit.found, hit.found.facts, hit, by, list(self.system.admit(name, hit)))
        self.loaded.append(new)
        return new
