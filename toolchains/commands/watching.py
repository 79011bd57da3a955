"""How a build from source is told of: a line that changes on a terminal, nothing in a pipe, everything where it fails."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.showing.console import end_progress, progress, tell, warn
from whit.packer.showing.escaping import terminal_harmless

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.fetching import Fetcher


@dataclass(frozen=True, slots=True)
class Telling:
    """The watcher of the command line."""

    is_quiet: bool = False

    def doing(self, what: str, seconds: float) -> None:
        """See :class:`whit.toolchains.process.Watcher`."""
        if not self.is_quiet:
            progress(f"building {what} … {seconds:.0f} s" if seconds >= 1 else f"building {what} …")

    def failed(self, output: bytes) -> None:
        """See :class:`whit.toolchains.process.Watcher`."""
        end_progress()
        text = output.decode("utf-8", "replace")
        tell(terminal_harmless(text) if sys.stderr.isatty() else text)
        if text and not text.endswith("\n"):
            tell("\n")

    def warn(self, what: str) -> None:
        """See :class:`whit.toolchains.process.Watcher`."""
        end_progress()
        warn(what)

    def done(self) -> None:
        """See :class:`whit.toolchains.process.Watcher`."""
        if not self.is_quiet:
            end_progress()


def fetcher(folder: Path) -> Fetcher:
    """One that tells of what it fetches in a line, and on a terminal how far it is."""
    from whit.toolchains.fetching import Fetcher

    def say(text: str) -> None:
        end_progress()
        tell(f"whit: {text}\n")

    def moved(there: int, size: int) -> None:
        progress(f"{there / 1e6:.0f} of {size / 1e6:.0f} MB")
        if there >= size:
            end_progress()

    return Fetcher(folder, say, moved)
