"""What is known of the system calls that an executable's code can make. Pure."""

from __future__ import annotations

from whit.packer.support.light import dataclass

ASSUMPTIONS = (
    "all code that runs is in the file: none is generated, packed or loaded at run time (dlopen, a JIT compiler)",
    "what the file's section headers call code is all that is run of it; without them all that may be executed is read",
    "the files that it executes have calls of their own",
    "calls keep to the ABI's conventions, and an exception's handler doesn't decide a call's number",
    "a jump through a pointer leads to a table that was found or to a function whose address is taken",
    "a variable that is followed isn't written through a pointer that isn't, nor out of bounds",
    "what is handed over together with a pointer to a function is what the function is called with",
    "a structure that holds a pointer to a function is reached by the nearest address before it that code makes a pointer to",
    "functions of which none of the paths comes to an end don't return",
)
"""On which it holds. It says nothing of a program whose control somebody has taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """An instruction, and the function that it is in, as far as the file's tables tell (else empty)."""

    address: int
    function: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a call's number gets to an entry into the kernel: a place in each function, from where the number stands to the entry."""

    number: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why nothing sure can be said of the entry at ``site``; ``places`` as in :class:`Way`."""

    site: Place
    reason: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An instruction that enters the kernel, with the numbers that it can be given."""

    place: Place
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """All of an executable for ``architecture``, OCI's platform word. With nothing ``unknown``, no other calls are made.

    ``foreign`` are instructions that enter the kernel of another architecture (``int 0x80``): no filter of whit's lets these pass.
    """

    architecture: str
    code_bytes: int
    entries: tuple[Entry, ...]
    unknown: tuple[Unknown, ...]
    foreign: tuple[Place, ...]

    @property
    def complete(self) -> bool:
        """Whether every entry's calls are known: only then a filter can be made. A program without any entry is no program."""
        return bool(self.entries) and not self.unknown

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers that were found, as the kernel reads them."""
        return frozenset(way.number for entry in self.entries for way in entry.ways)
