"""How a build from source is told of: a line that changes on a terminal, nothing in a pipe, everything where it fails."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from whit.packer.showing.console import end_progress, progress, tell, warn
from whit.packer.showing.escaping import terminal_harmless


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
