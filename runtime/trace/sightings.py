"""What a trace has seen, gathered: paths with what was meant to be done there, programs, addresses. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.trace.calls import Deed

MAX_PATHS = 200_000
MAX_CHARACTERS = 32 << 20
"""More different paths, or longer ones in all, aren't told apart: a program that makes up names mustn't fill the memory."""

_MAX_PROGRAMS = 16
"""So many programs are told for each call that wasn't found in their code."""


@dataclass(slots=True)
class Sighting:
    """One path and one deed, however often. ``path`` is absolute, as the program asked, without ``.`` and doubled slashes.

    ``real`` is the path without links where something was there, ``there`` and ``missing`` count how it was found.
    ``writable``: whether the program can write there (for WRITE and REMOVE), ``readable`` whether its user may read it.
    """

    deed: Deed
    path: str
    real: str = ""
    there: int = 0
    missing: int = 0
    is_directory: bool = False
    readable: bool = True
    writable: bool = True
    creates: bool = False
    programs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address of a socket. ``deed`` is listen, bind (without listening: datagrams, or it failed) or connect.

    ``kind`` is tcp, udp, unix, abstract or another word for the family; ``host`` an IP address or a path.
    """

    deed: str
    kind: str
    host: str
    port: int | None = None

    def __str__(self) -> str:
        """``tcp 127.0.0.1:80``, ``unix /dev/log``."""
        if self.port is None:
            return f"{self.kind} {self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind} {host}:{self.port or 'any'}"


@dataclass(frozen=True, slots=True, order=True)
class Execution:
    """A program that was to be executed: its path, whether it was there, the first words of its command, by whom."""

    path: str
    there: bool
    words: tuple[str, ...]
    by: str


@dataclass(slots=True)
class Sightings:
    """All of a run. ``calls`` counts the calls that were watched; ``overflowed`` says that paths were left out.

    ``unfound``: a call that wasn't found in the program's code → the paths of programs that made it.
    """

    paths: dict[tuple[Deed, str], Sighting] = field(default_factory=dict)
    executions: dict[Execution, int] = field(default_factory=dict)
    addresses: dict[Address, int] = field(default_factory=dict)
    families: set[str] = field(default_factory=set)
    unfound: dict[str, set[str]] = field(default_factory=dict)
    calls: int = 0
    characters: int = 0
    overflowed: bool = False

    def sighting(self, deed: Deed, path: str) -> Sighting | None:
        """The record of a path and a deed, a new one if need be; None if there are too many."""
        known = self.paths.get((deed, path))
        if known is None:
            if not self._has_room(len(self.paths), len(path)):
                return None
            known = self.paths[deed, path] = Sighting(deed, path)
        return known

    def executed(self, execution: Execution) -> None:
        """Count a program's start."""
        size = sum(map(len, (execution.path, execution.by, *execution.words)))
        if execution in self.executions or self._has_room(len(self.executions), size):
            self.executions[execution] = self.executions.get(execution, 0) + 1

    def reached(self, address: Address) -> None:
        """Count an address."""
        if address in self.addresses or self._has_room(len(self.addresses), len(address.host)):
            self.addresses[address] = self.addresses.get(address, 0) + 1

    def called(self, name: str, program: str) -> None:
        """Note a call that wasn't found in the code of ``program``."""
        programs = self.unfound.setdefault(name, set())
        if len(programs) < _MAX_PROGRAMS:
            programs.add(program)

    def _has_room(self, count: int, size: int) -> bool:
        """Whether one more of ``size`` characters may be kept; if so, they are counted."""
        if count >= MAX_PATHS or self.characters + size > MAX_CHARACTERS:
            self.overflowed = True
            return False
        self.characters += size
        return True
