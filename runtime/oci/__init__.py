"""``whit-oci``: the launcher's other name, under which container engines will call it (OCI runtime-spec)."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import NoReturn

USAGE = """\
Usage: whit-oci [--version | --help]

The name under which container engines call an OCI runtime. This version answers no runtime command yet: to run a
container, use 'whit run'.
"""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Answer --version and --help, and refuse everything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments in (["--version"], ["-v"]):
        print(f"whit-oci version {version('whit')}")  # noqa: T201 - the answer
        sys.exit(0)
    if arguments in ([], ["--help"], ["-h"]):
        print(USAGE, end="")  # noqa: T201
        sys.exit(0)
    print(f"whit: whit-oci doesn't know '{arguments[0]}'\nhint: use 'whit run'", file=sys.stderr)  # noqa: T201
    sys.exit(1)
