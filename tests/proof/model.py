"""What is proven of which program: the programs, their work, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.straced import Call


class Architecture(StrEnum):
    """OCI's platform words."""

    AMD64 = "amd64"
    ARM64 = "arm64"


class Verdict(StrEnum):
    """What came of one question. A question that can't be put to a program is left out, with the reason told elsewhere; simulated is what no kernel was asked for."""

    HOLDS = "holds"
    FAILS = "fails"
    SIMULATED = "simulated"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation with a server: ``talk`` gets the port, which listens, and gives what was answered."""

    port: int
    talk: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Work:
    """One run of a program, in a folder with the files of tests/corpus/work.py and ``files``.

    A program that is asked doesn't end by itself: it gets SIGTERM after the conversation. With ``stops`` it is stopped and
    continued, while it waits and between two conversations. ``same`` says whether its output is the same each time;
    ``status`` is the one it ends with when its work is done, if it isn't asked.
    """

    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    stdin: str = ""
    files: tuple[tuple[str, str], ...] = ()
    asked: Asked | None = None
    stops: bool = False
    same: bool = True
    status: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """``fetch`` gives the executable; ``others`` are those that it executes, by their paths in its image."""

    name: str
    language: str
    libc: str
    fetch: Callable[[], Path]
    works: tuple[Work, ...]
    architecture: Architecture = Architecture.AMD64
    others: tuple[tuple[str, Callable[[], Path]], ...] = ()
    needs: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What can be seen of a run from outside. ``status`` is as shells have it, None where it had to be killed."""

    output: str
    status: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class Traced:
    """Calls that were seen: by their numbers, and where each was made where that could be seen. ``undone``: the work wasn't done."""

    numbers: frozenset[int]
    calls: frozenset[Call] = frozenset()
    undone: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """All that came out for one program; ``lines`` tell what went wrong, one each."""

    program: Program
    stripped: bool = False
    text_bytes: int = 0
    found: int = 0
    unknown: int = 0
    used: int = 0
    sites_used: int = 0
    from_vdso: int = 0
    allowed: int = 0
    traced: Verdict = Verdict.LEFT_OUT
    enforced: Verdict = Verdict.LEFT_OUT
    older: Verdict = Verdict.LEFT_OUT
    newer: Verdict = Verdict.LEFT_OUT
    forgotten: tuple[str, ...] = ()
    lines: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether nothing was missed: what is unknown is told, so it isn't missed."""
        return Verdict.FAILS not in (self.traced, self.enforced, self.older, self.newer) and not self.lines
