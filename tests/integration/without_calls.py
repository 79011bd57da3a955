"""Execute a command as on a kernel that lacks some system calls: ``without_calls.py CALL,… COMMAND…``, as root."""

from __future__ import annotations

import os
import sys

from tests.integration.older_kernel import forget


def main() -> None:
    calls, *command = sys.argv[1:]
    forget(tuple(calls.split(",")))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
