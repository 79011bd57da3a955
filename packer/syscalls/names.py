"""The system calls' numbers: facts of the kernel's ``unistd.h`` of each architecture, Linux 7.2.

``numbers/*.txt`` hold ``number name`` lines in the order of the numbers, one file an architecture.
"""

from __future__ import annotations

from whit.packer.support.light import cache

STARTS = frozenset({"execve", "execveat"})
"""The calls by which a program executes others."""


@cache
def syscall_numbers(name: str) -> dict[str, int]:
    """Call name → number on this architecture, OCI's platform word. Two names may share a number; treat the result as read-only."""
    with open(f"{__file__.rpartition('/')[0]}/numbers/{name}.txt", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs more
        fields = file.read().split()
    return dict(zip(fields[1::2], map(int, fields[0::2]), strict=True))


@cache
def syscall_names(name: str) -> dict[int, str]:
    """Number → call name; where two names share a number, the first."""
    names: dict[int, str] = {}
    for call, number in syscall_numbers(name).items():
        names.setdefault(number, call)
    return names
