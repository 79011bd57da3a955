"""How many of the kernel's entry points are left to real services: ``python -m tests.proof.entries``.

Under docker's default filter, under whit's, and under the one of the calls that are found in the service's own code.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tests.bench.measure import print_table
from tests.programs.build import ToolchainMissingError
from tests.programs.registries import ProgramMissingError
from tests.proof.model import Architecture
from tests.proof.proving import found_in, names_of
from tests.proof.services import SERVICES
from whit.packer.surface.docker import docker
from whit.runtime.confinement import allowed_calls

TEN = 10


@dataclass(frozen=True, slots=True)
class Left:
    """Numbers of system calls; ``proven`` is None where something is unknown, so that there is no filter."""

    name: str
    docker: int
    whit: int
    found: int
    proven: int | None


def left(name: str, numbers: frozenset[str], *, complete: bool) -> Left:
    """What is left to a program in whose code these calls were found."""
    word = Architecture.AMD64
    proven = allowed_calls(word, numbers) or frozenset()
    return Left(
        name,
        docker=len(docker(word).calls or ()),
        whit=len(allowed_calls(word) or ()),
        found=len(numbers),
        proven=len(proven) if complete else None,
    )


def main() -> int:
    rows: list[Left] = []
    for service in SERVICES[:TEN]:
        try:
            found = found_in(service.fetch())
        except (ProgramMissingError, ToolchainMissingError) as error:
            sys.stderr.write(f"{service.name}: left out: {error}\n")
            continue
        rows.append(left(service.name, names_of(found), complete=found.complete))
    cells = [
        [row.name, str(row.docker), str(row.whit), str(row.found), "-" if row.proven is None else str(row.proven)]
        for row in rows
    ]
    print_table("calls left", ["", "docker", "whit", "found", "proven filter"], cells)
    return 0


if __name__ == "__main__":
    sys.exit(main())
