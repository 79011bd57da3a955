"""A command at a terminal of its own, as a person at a keyboard has it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_S = 60.0


class AtTerminal:
    """It is in a session of its own, whose terminal this is."""

    def __init__(
        self, command: Sequence[object], environment: Mapping[str, str], size: tuple[int, int] = (24, 80)
    ) -> None:
        ours, theirs = pty.openpty()
        self.terminal = ours
        self.shown = ""
        self.resize(*size)
        words = ["setsid", "--ctty", *map(str, command)]
        self.process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size; the command is told by SIGWINCH."""
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, text: str) -> str:
        """Until it is shown: all that was shown since the last time."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.terminal], [], [], 1)[0]:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")
        before, self.shown = self.shown, ""
        return before

    def end(self) -> int:
        """Its exit code, once it has ended by itself."""
        with contextlib.suppress(OSError):  # EIO: nobody has the other side open any more
            while True:
                if select.select([self.terminal], [], [], 0.1)[0]:
                    self.shown += os.read(self.terminal, 65536).decode(errors="replace")
                elif self.process.poll() is not None:
                    break
        return self.process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        """Whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
