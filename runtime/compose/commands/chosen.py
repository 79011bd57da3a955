"""What is said before a verb of ``whit compose``: which files, which project. Pure."""

from __future__ import annotations

from whit.packer.support.light import dataclass


@dataclass(frozen=True, slots=True)
class Chosen:
    """The words of ``whit compose``'s own options, as they stand on the command line; what isn't given is empty or None."""

    files: tuple[str, ...] = ()
    name: str | None = None
    profiles: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    directory: str | None = None
    progress: str = "auto"
    ansi: str = "auto"
    parallel: int = 0
    dry: bool = False
    """Whether it is only told what would be done."""
