"""How a build from source is told of: a line that changes on a terminal, now and then one elsewhere, everything where it fails."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.showing.console import end_progress, progress, tell, warn
from whit.packer.showing.escaping import terminal_harmless

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.fetching import Fetcher


_LONG = 60.0
_HOW_TO_END = "a build has no limit of its own: Ctrl-C ends it with all that it has started, and so does timeout(1)"


@dataclass(slots=True)
class Telling:
    """The watcher of the command line. ``next`` is after how many seconds it is told next where nobody watches a terminal."""

    is_quiet: bool = False
    next: float = _LONG

    def doing(self, what: str, seconds: float) -> None:
        """See :class:`whit.toolchains.process.Watcher`."""
        if self.is_quiet:
            return
        if sys.stderr.isatty():
            more = "" if seconds < _LONG else "; Ctrl-C ends it"
            progress(f"building {what} … {seconds:.0f} s{more}" if seconds >= 1 else f"building {what} …")
        elif seconds >= self.next:
            hint = f"hint: {_HOW_TO_END}\n" if self.next == _LONG else ""
            tell(f"whit: building {what}: {seconds:.0f} s by now\n{hint}")
            self.next *= 2

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
        self.next = _LONG
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
