"""What a Dockerfile says: one record an instruction, its words still unexpanded. Pure.

Docker's Dockerfile reference. Which of an instruction's words are expanded, and with what, is :mod:`evaluate`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.lexing import Heredoc
    from whit.packer.buildfile.dockerfile.problems import Place
    from whit.packer.image.spec import HealthCheck


@dataclass(frozen=True, slots=True)
class Source:
    """Where an instruction stands, how it is written (continuations joined), and the comments right before it."""

    place: Place
    text: str
    word: str
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instruction:
    """What all instructions have."""

    source: Source


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What is run: words by themselves, or one text for a shell; with the here-documents that the text announces."""

    words: tuple[str, ...]
    for_shell: bool
    heredocs: tuple[Heredoc, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and its value; ``is_legacy`` for ``NAME VALUE`` without an equals sign."""

    name: str
    value: str
    is_legacy: bool = False

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Argument:
    """One variable of ARG; ``default`` is None where it has none."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class From(Instruction):
    """``FROM [--platform=P] BASE [AS NAME]``: a stage begins. ``name`` and ``platform`` are empty where not given."""

    base: str
    name: str = ""
    platform: str = ""
    written_name: str = ""
    written_as: str = ""


@dataclass(frozen=True, slots=True)
class Arg(Instruction):
    """``ARG NAME[=DEFAULT] …``."""

    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Env(Instruction):
    """``ENV NAME=VALUE …``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Label(Instruction):
    """``LABEL NAME=VALUE …``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Run(Instruction):
    """``RUN``. Mounts are read when they are expanded (:mod:`mounts`); ``mount_sources`` is each one's ``from``, or empty."""

    command: CommandLine
    mounts: tuple[str, ...] = ()
    mount_sources: tuple[str, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy(Instruction):
    """``COPY [--from=…] SOURCE … TARGET``; ``heredocs`` are the sources that are here-documents."""

    sources: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    target: str
    origin: str = ""
    owner: str = ""
    mode: str = ""
    is_linked: bool = False
    keeps_parents: bool = False
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Add(Instruction):
    """``ADD``: as COPY, from the context, from URLs and git repositories. ``None`` is for flags that weren't given."""

    sources: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    target: str
    owner: str = ""
    mode: str = ""
    checksum: str = ""
    is_linked: bool = False
    keeps_git_dir: bool | None = None
    unpacks: bool | None = None
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cmd(Instruction):
    """``CMD``."""

    command: CommandLine


@dataclass(frozen=True, slots=True)
class Entrypoint(Instruction):
    """``ENTRYPOINT``."""

    command: CommandLine


@dataclass(frozen=True, slots=True)
class Shell(Instruction):
    """``SHELL [...]``: what runs commands that are one text."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HealthcheckSet(Instruction):
    """``HEALTHCHECK CMD …`` or ``NONE``."""

    health: HealthCheck


@dataclass(frozen=True, slots=True)
class Onbuild(Instruction):
    """``ONBUILD INSTRUCTION``: ``trigger`` is the line, here-documents and all, as the image's configuration has it."""

    trigger: str


@dataclass(frozen=True, slots=True)
class Stopsignal(Instruction):
    """``STOPSIGNAL``."""

    signal: str


@dataclass(frozen=True, slots=True)
class User(Instruction):
    """``USER``."""

    user: str


@dataclass(frozen=True, slots=True)
class Workdir(Instruction):
    """``WORKDIR``."""

    path: str


@dataclass(frozen=True, slots=True)
class Expose(Instruction):
    """``EXPOSE``: ports as they are written, sorted."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume(Instruction):
    """``VOLUME``."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Maintainer(Instruction):
    """``MAINTAINER``, which a label has replaced."""

    name: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands from one FROM to the next. ``index`` counts from 0."""

    index: int
    start: From
    instructions: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        """As people see it: its own name, or ``stage-N``."""
        return self.start.name or f"stage-{self.index}"


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole file. ``global_args`` stand before the first FROM; ``check`` is the value of ``# check=``, or empty."""

    file: str
    escape: str
    check: str
    global_args: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    empty_continuations: tuple[Place, ...] = ()
