"""What must stand beside the executable: files with their reasons, what is missing, what a person should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.packer.image.spec import HostFile, Inline
    from whit.packer.needs.model import Need


@dataclass(frozen=True, slots=True)
class NeededFile:
    """One file or directory that goes into the image.

    ``content`` is None for a directory, and for a symbolic link, which has a ``target``. ``need`` is the name of the
    need it serves; ``reasons`` are for people.
    """

    path: str
    mode: int
    need: str
    reasons: tuple[str, ...]
    content: HostFile | Inline | None = None
    uid: int = 0
    gid: int = 0
    target: str | None = None

    @property
    def size(self) -> int:
        """Bytes of content."""
        return self.content.size if self.content else 0


@dataclass(frozen=True, slots=True)
class Program:
    """The executable that is resolved: its file, and where it will stand in the image.

    ``added`` are the files that a person puts beside it, each with its path in the image.
    """

    file: HostFile
    image_path: str
    added: tuple[tuple[str, HostFile], ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library, or the loader itself, that a dynamic executable starts with.

    ``path`` is where the loader found it on the host or in the sysroot, ``image_path`` where it stands in the image.
    ``needed_by`` are the sonames or paths of those that ask for it, ``found_by`` the rule that found it (``RUNPATH``,
    ``cache``, ``default directory`` …).
    """

    soname: str
    path: str
    image_path: str
    needed_by: tuple[str, ...]
    found_by: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that the program asks for and that can't be given: a loader, a library."""

    what: str
    needed_by: str
    cure: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding that puts no file into the image: what, and what to do."""

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Imports:
    """Names of functions: the executable's own, and those of its libraries → the libraries' names."""

    own: frozenset[str] = frozenset()
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def importers(self, names: Iterable[str], program: str) -> tuple[str, ...]:
        """Who takes one of these functions from another: ``program`` for the executable, then libraries."""
        wanted = tuple(names)
        own = (program,) if self.own.intersection(wanted) else ()
        return (*own, *dict.fromkeys(title for name in wanted for title in self.libraries.get(name, ())))


@dataclass(frozen=True, slots=True)
class Closure:
    """All that a dynamic executable needs to start. ``watched`` are places of this machine that decided it."""

    libraries: tuple[Library, ...] = ()
    files: tuple[NeededFile, ...] = ()
    missing: tuple[Missing, ...] = ()
    advice: tuple[Advice, ...] = ()
    imports: Imports = field(default_factory=Imports)
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """The whole answer for one executable. ``sources`` (need, where its files come from) goes into annotations.

    ``watched`` are files and folders of this machine that decided which libraries were found.
    """

    needs: tuple[Need, ...]
    files: tuple[NeededFile, ...]
    missing: tuple[Missing, ...] = ()
    advice: tuple[Advice, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    libraries: tuple[Library, ...] = ()
    watched: tuple[str, ...] = ()

    def bytes_by_need(self) -> dict[str, int]:
        """What each need costs in the image, in bytes of content."""
        sizes: dict[str, int] = {}
        for file in self.files:
            sizes[file.need] = sizes.get(file.need, 0) + file.size
        return sizes
