"""What is read of a WebAssembly file, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.support.search import Span


@dataclass(frozen=True, slots=True)
class Producer:
    """One entry of the producers section: ``role`` is language, processed-by or sdk; ``offset`` is in the file."""

    role: str
    name: str
    version: str
    offset: int


@dataclass(slots=True)
class Contents:
    """What was read of a module or component, filled section by section.

    ``features`` are proposals to WebAssembly, in LLVM's words; ``functions`` those exports that are functions;
    ``modules`` how many a component holds.
    """

    imports: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    memory: tuple[int, int | None] | None = None
    producers: list[Producer] = field(default_factory=list)
    customs: dict[str, Span] = field(default_factory=dict)
    data: list[Span] = field(default_factory=list)
    features: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    memories: int = 0
    name: str | None = None
    modules: int = 0
