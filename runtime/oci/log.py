"""runc's log: what engines read when a command has failed (``--log``, ``--log-format``)."""

from __future__ import annotations

import os
import time

from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.light import dataclass
from whit.packer.support.lightjson import quoted

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class Log:
    """Where errors and warnings go beside standard error; ``path`` empty: nowhere."""

    path: str = ""
    form: str = "text"

    def check(self) -> None:
        """Before anything is done: whether there is such a form, and the file can be written; it is made, as runc does."""
        if self.form not in {"text", "json"}:
            raise UsageError(f"--log-format: there is no format '{self.form}'", hint="use text or json")
        if not self.path:
            return
        try:
            # A pipe that nobody reads is no log, and not to be waited for.
            os.close(os.open(self.path, FLAGS, 0o644))
        except OSError as error:
            raise InvalidFileError(
                f"--log: {self.path} can't be opened: {error.strerror}", hint="give a file that can be written"
            ) from None

    def write(self, level: str, message: str) -> None:
        """Append one line. A log that can't be written is no reason to fail."""
        if not self.path:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.form == "json":
            # As runc's and the launcher's own, to the byte.
            line = f'{{"level":{quoted(level)},"msg":{quoted(message)},"time":{quoted(now)}}}'
        else:
            line = f"time={quoted(now)} level={level} msg={quoted(message)}"
        try:
            descriptor = os.open(self.path, FLAGS, 0o644)
            with open(descriptor, "ab") as file:  # noqa: PTH123 - a descriptor
                file.write(line.encode() + b"\n")
        except OSError:
            return
