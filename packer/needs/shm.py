"""POSIX shared memory, ``/dev/shm``: the runtime mounts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import linked, needed, not_needed, present
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "shm"

_LIBC = ("shm_open", "sem_open")
_FOLDER = b"/dev/shm"


def judge(analysis: Analysis) -> Need:
    """Whether the program shares memory or semaphores by name."""
    if evidence := linked(analysis, _LIBC) + present(analysis, (_FOLDER,)):
        return needed(NAME, "shares memory by name", evidence)
    return not_needed(NAME, "doesn't know /dev/shm")


RULE = Rule(NAME, Wanted(frozenset(_LIBC), always=frozenset((_FOLDER,))), judge, ("/dev/shm/",))  # noqa: S108 - a place, not a file
