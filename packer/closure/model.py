"""What is known of shared objects and of the search for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.elf.versions import VersionNeed
    from whit.packer.image.spec import HostFile


class Rule(StrEnum):
    """What leads a loader from a name to a file."""

    INTERPRETER = "PT_INTERP"
    PATH = "its path"
    RPATH = "RPATH"
    RUNPATH = "RUNPATH"
    ENVIRONMENT = "LD_LIBRARY_PATH"
    CACHE = "the loader's cache"
    PATH_FILE = "musl's path file"
    DEFAULT = "the default directories"


@dataclass(frozen=True, slots=True)
class DlopenNote:
    """One entry of a ``.note.dlopen`` section (systemd's ELF_DLOPEN_METADATA): ``sonames`` are alternatives."""

    sonames: tuple[str, ...]
    priority: str
    feature: str
    description: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a loader reads of one ELF file. ``defines`` is None where an object has no version table."""

    machine: int
    bits: int
    order: str
    loadable: bool
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    no_default: bool = False
    needs: tuple[VersionNeed, ...] = ()
    defines: frozenset[str] | None = None
    imports: frozenset[str] = frozenset()
    dlopens: tuple[DlopenNote, ...] = ()

    def fits(self, other: Facts) -> bool:
        """Whether both are for the same machine."""
        return (self.machine, self.bits, self.order) == (other.machine, other.bits, other.order)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A regular file at a path: what it is, or in ``fault`` why a loader can't use it.

    ``identity`` is the same for two paths that lead to one file.
    """

    path: str
    file: HostFile
    identity: tuple[object, ...]
    facts: Facts | None = None
    fault: str | None = None


class Look(Protocol):
    """How a search sees the files."""

    def __call__(self, path: str) -> Candidate | None:
        """What stands at a path; None if it isn't a readable regular file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to search, and why: ``owner`` is the object whose RPATH or RUNPATH names it, there as ``text``."""

    folder: str
    rule: Rule
    owner: Loaded | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A file that a search ended at, and the place where; ``variant`` if it is for some processors only."""

    found: Candidate
    place: Place
    variant: str = ""

    def __str__(self) -> str:
        owner = f" of {self.place.owner.title}" if self.place.owner else ""
        return f"{self.place.rule}{owner}{f', glibc-hwcaps/{self.variant}' if self.variant else ''}"


@dataclass(slots=True, eq=False)
class Loaded:
    """An object in the process; the program is the first. ``names`` are those that it answers to besides its path.

    ``by`` is the object that was the first to ask for it, ``asked_by`` are the titles of all; ``resolved`` tells what
    its own requests led to.
    """

    path: str
    found: Candidate
    facts: Facts
    hit: Hit
    by: Loaded | None = None
    names: list[str] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)
    resolved: list[tuple[str, Loaded]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """How it is called in reasons."""
        return self.names[0] if self.names else self.path


@dataclass(frozen=True, slots=True)
class Failure:
    """A name that a loader wouldn't find, or a version that a library hasn't got; ``why`` if there is more to say."""

    name: str
    by: str
    why: str = ""


class System(Protocol):
    """One libc's way to find libraries; ``folders`` are searched in the end."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The default directories, or those of musl's path file."""

    @property
    def program(self) -> Loaded:
        """The executable."""

    @property
    def interpreter(self) -> Loaded:
        """The loader itself, which is in the process from the start."""

    def match(self, name: str, loaded: Sequence[Loaded]) -> Loaded | None:
        """An object that is there already and answers to the name."""

    def search(self, name: str, by: Loaded) -> Hit | Failure:
        """The file that is loaded for a name that nothing answers to."""

    def wanted(self, item: Loaded) -> tuple[tuple[str, bool], ...]:
        """The names that an object asks for, each with whether it can do without."""

    def admit(self, name: str, hit: Hit) -> tuple[str, ...]:
        """The names that a new object answers to."""

    def expand(self, text: str, path: str) -> str | None:
        """A text of the object at ``path`` with its tokens replaced; None if one of them has no value."""
