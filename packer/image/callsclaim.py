"""What an image's annotations say of the system calls that its program makes (``whit pack --seccomp auto``). Pure.

``dev.whit.syscalls`` holds the calls' names, ``dev.whit.syscalls.program`` the path of the program that they are of, and
``dev.whit.syscalls.else`` what is done with others; ``dev.whit.syscalls.added`` tells which of the calls weren't found in code, but
added by who packed it. Whoever makes an image may write anything there: it can only narrow
what a container may do.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS, PROGRAM, ELSE = "dev.whit.syscalls", "dev.whit.syscalls.program", "dev.whit.syscalls.else"
ADDED = "dev.whit.syscalls.added"


class Refusal(StrEnum):
    """What is done with a call that the program was found never to make: it fails, is only written to the kernel's log, or ends the program."""

    ERRNO = "errno"
    LOG = "log"
    KILL = "kill"


SECCOMP_WORDS = ("default", "auto", "auto:log", "auto:kill")
"""What ``--seccomp`` may be, and ``seccomp:`` of a whit.yaml."""


def refusal_of(word: str) -> Refusal | None:
    """``auto``, ``auto:log`` or ``auto:kill`` of ``--seccomp``; None for any other word, which asks for no filter of the program's own calls."""
    kind, _, refusal = word.partition(":")
    return Refusal(refusal or Refusal.ERRNO.value) if kind == "auto" else None


@dataclass(frozen=True, slots=True)
class Calls:
    """The names of all system calls that a program makes, and what is done with others."""

    names: frozenset[str]
    refusal: Refusal = Refusal.ERRNO


def annotated(program: str, calls: Calls, added: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """The annotations of an image whose program, at this path in it, makes these calls; ``added`` ones aren't found in code."""
    besides = ((ADDED, " ".join(sorted(added))),) if added else ()
    return (CALLS, " ".join(sorted(calls.names))), (PROGRAM, program), (ELSE, str(calls.refusal.value)), *besides


def claimed(annotations: Mapping[str, str], program: str) -> Calls | None:
    """The calls of the program at this path; None where nothing is said of it. A word that isn't known refuses by an error number."""
    if CALLS not in annotations or annotations.get(PROGRAM) != program:
        return None
    word = annotations.get(ELSE)
    known = next((refusal for refusal in Refusal if refusal.value == word), Refusal.ERRNO)
    return Calls(frozenset(annotations[CALLS].split()), known)
