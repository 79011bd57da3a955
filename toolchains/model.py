"""What passes between the parts of a build from source: a project, its programs, the recipe that makes them. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from whit.packer.support.errors import UsageError
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.platform import Platform


ROOM = f"0x{bytes(20).hex()}"
"""The build ID that linkers are told to leave room for: nothing but zeros. packer/elf/buildid.py has the rest."""


ANY = "*"
"""At the end of a watched path: whatever begins so in its folder. What counts then are the names."""


class Language(StrEnum):
    """The languages whose source trees are built."""

    GO = "go"
    RUST = "rust"
    NIM = "nim"
    ZIG = "zig"
    C = "c"


class Source(StrEnum):
    """Where a tool comes from."""

    MACHINE = "machine"
    FETCHED = "fetched"


@dataclass(frozen=True, slots=True)
class Project:
    """A source tree that has been recognised.

    ``root`` is the folder, absolute, whose content decides what comes out; ``folder`` is the one that was asked for, the
    same or below it. ``manifest`` is the file that told the language, relative to ``root``. Without one there are
    ``files``, the sources of one program, relative to ``root`` too. ``name`` is what an image is called after.
    ``is_lone`` is a file that a person has named and that is part of no project: only what it names belongs to it.
    """

    language: Language
    root: str
    folder: str
    name: str
    manifest: str = ""
    files: tuple[str, ...] = ()
    is_lone: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A program that a project has. ``name`` is the file's; ``path`` what the toolchain calls it by, ``place`` what a person does.

    ``is_main`` marks the one that is meant where none is named.
    """

    name: str
    path: str
    place: str = ""
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A compiler or what else is needed. ``path`` is the executable; ``home`` the folder that holds all of it."""

    name: str
    path: str
    version: str
    home: str
    source: Source = Source.MACHINE

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Step:
    """One process. ``env`` is set, ``inherits`` are further names of variables that come from whit's own environment.

    Nothing else of that is seen, but for what every program needs: process.py has the list. ``doing`` is for people.
    ``evaluates`` marks what executes what the tree says, such as a Makefile that is asked for its plan, or nimble, which
    evaluates a package's file before it brings others.
    """

    argv: tuple[str, ...]
    cwd: str
    env: tuple[tuple[str, str], ...] = ()
    inherits: tuple[str, ...] = ()
    doing: str = ""
    evaluates: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A file that a recipe wants in the output folder before its steps: ``path`` is relative to that."""

    path: str
    data: bytes
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was chosen, and why."""

    choice: str
    reason: str


@dataclass(frozen=True, slots=True)
class Warming:
    """A step of one tool that fills a cache with what is the same for all sources, none of which it sees."""

    step: Step
    cache: str
    tool: Tool


@dataclass(frozen=True, slots=True)
class Hermetic:
    """What steps need to see when they are confined, beside sources and tools: ``shows`` are folders, read-only.

    ``caches`` are (variable, name) of folders that are kept from build to build of the same sources, which might write there
    what another one's shouldn't read; ``shared`` those of all builds, for steps that execute nothing of the sources'.
    ``env`` says that there is no network.
    ``system`` is whether programs of the machine's own are needed, such as a linker. ``warming`` is what one of the ``caches`` begins with.
    """

    shows: tuple[str, ...] = ()
    caches: tuple[tuple[str, str], ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    system: bool = False
    warming: Warming | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How programs are made, as data.

    ``programs`` are (target's name, file that is there after the steps: a path in the output folder, or a pattern where only
    the build knows the folder). ``files`` are there before the steps; ``strips`` are programs whose symbols and debug
    information are removed afterwards, as their builder can't leave them out. ``prepares`` are steps that may need a network, and bring what the ``steps`` build from. ``tools`` are those that the steps use;
    ``watched`` are files and folders of this machine outside of the tree that decide what comes out: when one of these
    changes, it is built again; ``reads`` tells of further ones, which only the steps know. Paths may end with :data:`ANY`.
    ``hermetic`` is None where it isn't known how to confine them.
    """

    steps: tuple[Step, ...]
    programs: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...] = ()
    tools: tuple[Tool, ...] = ()
    prepares: tuple[Step, ...] = ()
    watched: tuple[str, ...] = ()
    reads: Callable[[], tuple[str, ...]] = tuple
    warnings: tuple[str, ...] = ()
    hermetic: Hermetic | None = None
    files: tuple[Written, ...] = ()
    strips: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a build; ``variables`` are those of --build-arg, ``bins`` names of programs."""

    platform: Platform
    bins: tuple[str, ...] = ()
    keeps_debug: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    hermetic: bool = False


class Kit(Protocol):
    """What a toolchain may ask of the machine. Tests give answers of their own."""

    @property
    def processors(self) -> int:
        """How many things may be done at the same time."""
        ...

    def tool(self, name: str, least: str = "") -> Tool:
        """A tool by name, of at least a version if there is such a one; fetched where there is none and that is allowed.

        Raises :class:`WhitError`.
        """
        ...

    def place(self, name: str) -> str:
        """Where the executable is, empty if nowhere. Starts no process."""
        ...

    def kept(self, name: str, root: str) -> str:
        """A folder that stays from build to build of a tree, for what a builder wants to find again."""
        ...

    @property
    def is_hermetic(self) -> bool:
        """Whether nothing of the tree's may be executed but confined."""
        ...

    def ask(self, step: Step) -> str:
        """What a command prints on stdout. Raises :class:`WhitError` where it fails, with its own words."""
        ...

    def confining(self, ask: Callable[[Step], str]) -> Kit:
        """The same, but ``ask`` is given what evaluates the tree."""
        ...

    def read(self, path: str) -> str | None:
        """A regular file's text; None where there is none. Raises :class:`UsageError` for one that is far too large."""
        ...

    def is_file(self, path: str) -> bool:
        """Whether there is a regular file, links followed."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder, sorted; nothing where there is none."""
        ...

    def real(self, path: str) -> str:
        """Where a path leads, all links followed."""
        ...


class Toolchain(Protocol):
    """What each language gives: one module each, which asks the machine through the kit alone."""

    @property
    def tool(self) -> str:
        """The name of the one tool without which nothing can be done."""
        ...

    @property
    def ignores(self) -> frozenset[str]:
        """Names of folders that its own builds write into a tree."""
        ...

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set, each with what it does."""
        ...

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Folders beside the tree, and files above it, that it is built from, too. Starts no process: it is asked each time."""
        ...

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """The programs that the project has."""
        ...

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """How to make these in an output folder. Raises :class:`UnsupportedError` for what can't be static, with the reason."""
        ...


def as_path(name: str) -> str:
    """A file's name as a compiler takes it: never for an option (``-…``) or a file of options (``@…``)."""
    return f"./{name}" if name.startswith(("-", "@")) else name


def check_outside(project: Project, path: str, manifest: str, *, is_module: bool) -> None:
    """A folder above the project is part of it only as a module with a manifest of its own: all of it is read.

    Raises :class:`UsageError`, naming the manifest that names it.
    """
    holds = f"{project.root}/".startswith(f"{path.rstrip('/')}/")
    if holds and (path == "/" or not is_module):
        raise UsageError(
            f"{manifest} names {path}, which holds the project itself and is no part of its sources",
            hint="name the folder of a module",
        )


def is_older(version: str, wanted: str) -> bool:
    """Whether a version is older than another: ``1.26.3`` than ``1.27``. What follows the numbers doesn't count."""
    return _numbers(version) < _numbers(wanted)


def _numbers(version: str) -> tuple[int, ...]:
    plain = re.match(r"[\d.]*", version)
    return tuple(int(part) for part in plain[0].split(".")[:3] if part) if plain else ()
