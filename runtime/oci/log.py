"""runc's log: what engines read when a command has failed (``--log``, ``--log-format``)."""

from __future__ import annotations

import time

from whit.packer.light import dataclass
from whit.runtime.oci.document import dump


@dataclass(frozen=True, slots=True)
class Log:
    """Where errors and warnings go beside standard error; ``path`` empty: nowhere."""

    path: str = ""
    form: str = "text"

    def write(self, level: str, message: str) -> None:
        """Append one line. A log that can't be written is no reason to fail."""
        if not self.path:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.form == "json":
            line = dump({"level": level, "msg": message, "time": now})
        else:
            line = f"time={dump(now)} level={level} msg={dump(message)}"
        try:
            with open(self.path, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs a millisecond to import
                file.write(line + "\n")
        except OSError:
            return
