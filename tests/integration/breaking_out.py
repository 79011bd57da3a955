"""What tests of sandboxes share: the program that tries ways out, and what it has to say in a strict one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.compiled import compiled
from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

WAYS_OUT = (
    ("drop=/tmp/x", "drop Permission denied"),
    ("map=/tmp/y", "map Operation not permitted"),
    ("generate", "generate Operation not permitted"),
    ("memfd", "memfd Function not implemented"),
    ("write=/z", "write Read-only file system"),
    ("write=/proc/self/mem", "write Permission denied"),
    ("map=/dev/shm/x", "map Operation not permitted"),
    ("unix", "unix done"),
    ("bind=8080", "bind Address family not supported by protocol"),
)
"""Each with the answer of a strict sandbox without a network, where /tmp may be executed and all of the program's calls are known."""


def breakout(language: str = "c-glibc") -> Path:
    """The program, which tries what its arguments name."""
    return compiled(lambda: build("breakout", language))
