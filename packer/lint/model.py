"""The words in which findings are stated: level, place, rule, finding; and what rules judge. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.spec import RunConfig
    from whit.packer.lint.image import Image
    from whit.packer.lint.traces import Trace
    from whit.packer.needs.model import Need


class Level(StrEnum):
    """How bad it is, in SARIF's words: it breaks or leaks; it will cost somebody; good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)
"""The levels, the worst first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was found: a file, and in it a section or a byte; ``layer`` is a layer's digest in an image.

    ``path`` is None for what is said of the image's configuration.
    """

    path: str | None = None
    layer: str | None = None
    section: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule saw: words for people, the place if it isn't the whole subject; else the rule's own level and cure."""

    what: str
    where: Place | None = None
    level: Level | None = None
    cure: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, whole: which rule, how bad, what, why it matters, how to mend it, where to read more, and where."""

    id: str
    level: Level
    title: str
    what: str
    why: str
    cure: str
    source: str
    where: Place


@dataclass(frozen=True, slots=True)
class Program:
    """An executable by itself, or the one that an image starts.

    ``run`` is the image's configuration, None for a file by itself; ``shell`` tells whether there is a shell beside it.
    """

    path: str
    analysis: Analysis
    needs: tuple[Need, ...] = ()
    traces: tuple[Trace, ...] = ()
    layer: str | None = None
    run: RunConfig | None = None
    shell: bool = False

    def need(self, name: str) -> Need | None:
        """The verdict on one need."""
        return next((need for need in self.needs if need.name == name), None)

    @property
    def place(self) -> Place:
        """The program as a whole."""
        return Place(self.path, self.layer)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong. ``program`` judges an executable, ``image`` an image; one of them is there.

    ``why`` and ``cure`` are whole sentences; ``source`` is the page to read on.
    """

    id: str
    level: Level
    title: str
    why: str
    cure: str
    source: str
    program: Callable[[Program], Iterable[Found]] | None = None
    image: Callable[[Image], Iterable[Found]] | None = None
