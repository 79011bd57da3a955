"""What a build asks of whoever executes its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Layers:
    """Folders that make a root together, the newest first. Without an ``upper`` one nothing is written.

    ``upper`` takes what changes; ``work`` is an empty folder beside it, for the kernel.
    """

    lowers: tuple[str, ...]
    upper: str = ""
    work: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """Files shown to a RUN: ``path`` in ``layers``, or of the host where there are none; what is written is lost with it."""

    target: str
    layers: Layers | None
    path: str
    is_readonly: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """A place in memory for a RUN; ``size`` in bytes, 0 for no limit."""

    target: str
    size: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A file that is only ever in memory."""

    target: str
    data: bytes
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class RunOrder:
    """One RUN. ``network`` is ``default``, ``none`` or ``host``; ``script`` is a program that stands at its path meanwhile.

    ``folder`` is an empty folder for whatever is needed beside the root.
    """

    layers: Layers
    folder: str
    words: tuple[str, ...]
    environment: tuple[str, ...]
    directory: str
    user: str
    network: str
    architecture: str
    mounts: tuple[Bound | Memory, ...] = ()
    secrets: tuple[Secret, ...] = ()
    script: tuple[str, bytes] | None = None


class StepRunner(Protocol):
    """Puts roots together and runs programs in them."""

    def root(self, layers: Layers) -> AbstractContextManager[int]:
        """The root of some layers, as a descriptor of a mount that nobody else sees. Raises :class:`WhitError`."""
        ...

    def run(self, order: RunOrder, output: Callable[[bytes], None]) -> int:
        """Run it to its end; the exit code, 128 + n for signal n. Raises :class:`WhitError` where it couldn't be run."""
        ...

    def stop(self) -> None:
        """End everything that runs, for a build that has failed elsewhere."""
        ...
