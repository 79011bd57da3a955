"""The words in which an attack surface is told: what is confined, by what, and what is left. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.packer.image.spec import RunConfig


@dataclass(frozen=True, slots=True)
class File:
    """One entry of the image. ``is_folder`` and ``is_link`` tell its kind; ``executable`` that it is a program or a script, no library."""

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    is_folder: bool = False
    is_link: bool = False
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a container of it starts with.

    ``calls`` are the system calls that the program's own code can make, None where that isn't known; then ``why`` says
    why. ``shells`` are the paths of shells, ``program`` the path of what is started.
    """

    name: str
    architecture: str
    user: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    program: str = ""
    files: tuple[File, ...] = ()
    shells: tuple[str, ...] = ()
    calls: frozenset[str] | None = None
    why: str = ""
    says_user: bool = True
    """Whether the image, or who packs the file, says who it is."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a sandbox is made of: the calls that the program is known to make, None where they aren't; whether it executes others;
    the image's configuration; and the addresses that its code is seen to listen at.
    """

    config: RunConfig
    calls: frozenset[str] | None = None
    executes: bool = False
    listens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confining:
    """An engine's knowledge of how it confines, handed in: by default, of an architecture and the calls that an image claims; and in a sandbox."""

    default: Callable[[str, frozenset[str] | None], Confinement]
    strict: Callable[[str, Started], Confinement]


@dataclass(frozen=True, slots=True)
class Confinement:
    """What an engine's defaults leave to a program.

    ``calls`` are those that its filter lets pass, if only with some arguments; None where that isn't known for the
    architecture. ``bounding`` are capabilities that root has and others can get by a file that gives them; ``gives``
    tells whether such files (set-user-ID, set-group-ID) work. ``mounts`` are writable places of its own, each with
    whether it is there only if the image has it. ``ports`` are those of TCP that it may listen at, None for all; ``executes``
    tells whether it may execute other programs of the image, ``is_root_by_default`` who it is where nobody says.
    """

    name: str
    calls: frozenset[str] | None
    bounding: tuple[str, ...] = ()
    gives: bool = False
    writable_root: bool = False
    mounts: tuple[tuple[str, bool], ...] = ()
    devices: tuple[str, ...] = ()
    network: str = ""
    ports: tuple[int, ...] | None = None
    executes: bool = True
    is_root_by_default: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of what can be reached: how many, the points that this makes, and some of their names (all up to a limit)."""

    id: str
    title: str
    count: int
    points: int
    names: tuple[str, ...] = ()
    note: str = ""

    @property
    def heading(self) -> str:
        """What its names follow in a line of their own: whom a program runs as is told also where it isn't root."""
        return "runs as" if self.id == "root" else self.title


@dataclass(frozen=True, slots=True)
class Surface:
    """What one confinement leaves of it. ``figure`` is the sum of the points; None where a part isn't known."""

    name: str
    parts: tuple[Part, ...]
    figure: int | None

    @property
    def by_id(self) -> Mapping[str, Part]:
        """The parts by their names for programs."""
        return {part.id: part for part in self.parts}


@dataclass(frozen=True, slots=True)
class Compared:
    """A subject beside several confinements, docker's first, then whit's."""

    subject: Subject
    surfaces: tuple[Surface, ...]
