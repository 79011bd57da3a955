"""The system calls that a trace watches: which of their arguments are paths, and what the call means to do there. Pure.

A call may stand in several rows, one a path: ``names | action | PATH[@DIRECTORY] | options``, where PATH and DIRECTORY
are the numbers of arguments. Options: ``nofollow``, the last link isn't followed; ``creates``, what isn't there; ``makes``,
as both, and what is there stays as it is; and arguments that hold flags: ``at=`` (AT_…), ``open=`` (O_…), ``how=`` (a struct open_how), ``argv=`` (a program's words).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from whit.packer.syscalls.names import syscall_names
from whit.runtime.seccomp.architecture import syscall_numbers
from whit.runtime.seccomp.model import ALLOW, Action, ActionKind, Condition, Filter, Operator, Rule
from whit.runtime.seccomp.proven import KERNELS, VDSO

NOTIFY = Action(ActionKind.NOTIFY)


class Deed(StrEnum):
    """What a call means to do with a path. ``LOOK``: learn whether it is there, or about it."""

    OPEN = "open"
    LOOK = "look"
    EXECUTE = "execute"
    WRITE = "write"
    REMOVE = "remove"
    CONNECT = "connect"


@dataclass(frozen=True, slots=True)
class PathWatch:
    """One path of a call. From ``at_flags`` on, and ``path`` and ``directory``, they are numbers of arguments.

    ``creates``: what isn't there is made; ``makes``: so it is, and what is there makes the call fail.
    """

    deed: Deed
    path: int
    directory: int | None = None
    follows: bool = True
    creates: bool = False
    makes: bool = False
    at_flags: int | None = None
    open_flags: int | None = None
    open_how: int | None = None
    words: int | None = None


_ROWS = """
open               | open    | 0   | open=1
openat             | open    | 1@0 | open=2
openat2            | open    | 1@0 | how=2
creat              | write   | 0   | creates
execve             | execute | 0   | argv=1
execveat           | execute | 1@0 | argv=2 at=4
stat stat64 access statfs statfs64 getxattr listxattr chdir | look | 0 |
lstat lstat64 readlink lgetxattr llistxattr | look | 0 | nofollow
newfstatat fstatat64 faccessat2 | look | 1@0 | at=3
faccessat          | look    | 1@0 |
statx              | look    | 1@0 | at=2
readlinkat         | look    | 1@0 | nofollow
inotify_add_watch  | look    | 1   |
mkdir mknod        | write   | 0   | makes
mkdirat mknodat    | write   | 1@0 | makes
symlink            | write   | 1   | makes
symlinkat          | write   | 2@1 | makes
link               | look    | 0   | nofollow
link               | write   | 1   | makes
linkat             | look    | 1@0 | nofollow
linkat             | write   | 3@2 | makes
rename             | remove  | 0   | nofollow
rename             | write   | 1   | creates nofollow
renameat renameat2 | remove  | 1@0 | nofollow
renameat renameat2 | write   | 3@2 | creates nofollow
unlink rmdir       | remove  | 0   | nofollow
unlinkat           | remove  | 1@0 | nofollow
truncate truncate64 chmod chown chown32 utime utimes setxattr removexattr | write | 0 |
lchown lchown32 lsetxattr lremovexattr | write | 0 | nofollow
fchmodat fchmodat2 fchownat futimesat utimensat | write | 1@0 |
"""

SOCKET, BIND, CONNECT, LISTEN, SEND = "socket", "bind", "connect", "listen", "sendto"
SOCKET_CALLS = (SOCKET, BIND, CONNECT, LISTEN, SEND)
SEND_ADDRESS = 4
"""sendto's argument that is an address, or 0 where the socket is connected: then it isn't watched."""


AT_EMPTY_PATH = 0x1000
MSG_NOSIGNAL = 0x4000
INT = 0xFFFF_FFFF
NEGATIVE = 0x8000_0000
"""The sign of a descriptor: AT_FDCWD has it."""


def _watch(deed: str, places: str, options: str) -> PathWatch:
    path, _, directory = places.partition("@")
    words = dict(option.partition("=")[::2] for option in options.split())
    numbers = {key: int(value) for key, value in words.items() if value}
    return PathWatch(
        Deed(deed),
        int(path),
        int(directory) if directory else None,
        follows=not words.keys() & {"nofollow", "makes"},
        creates=bool(words.keys() & {"creates", "makes"}),
        makes="makes" in words,
        at_flags=numbers.get("at"),
        open_flags=numbers.get("open"),
        open_how=numbers.get("how"),
        words=numbers.get("argv"),
    )


def _table() -> dict[str, tuple[PathWatch, ...]]:
    table: dict[str, tuple[PathWatch, ...]] = {}
    for line in _ROWS.strip().splitlines():
        names, deed, places, options = (part.strip() for part in line.split("|"))
        for name in names.split():
            table[name] = (*table.get(name, ()), _watch(deed, places, options))
    return table


PATHS: dict[str, tuple[PathWatch, ...]] = _table()
"""Name of a call → its paths."""


def unfound_calls(architecture: str, found: frozenset[str]) -> frozenset[str]:
    """All calls but those that were ``found`` in a program's code, and those that any program may make: the kernel's and the vDSO's."""
    numbers = syscall_numbers(architecture)
    known = {numbers[name] for name in found | KERNELS | VDSO if name in numbers}
    return frozenset(name for number, name in syscall_names(architecture).items() if number not in known)


def by_number(architecture: str, unfound: frozenset[str] = frozenset()) -> dict[int, tuple[str, tuple[PathWatch, ...]]]:
    """Number of a call on the architecture (OCI's word) → its name and its paths, for every call that is watched."""
    numbers = syscall_numbers(architecture)
    watched = (*unfound, *PATHS, *SOCKET_CALLS)
    return {numbers[name]: (name, PATHS.get(name, ())) for name in watched if name in numbers}


def trace_filter(architecture: str, unfound: frozenset[str] = frozenset(), socket: int = -1) -> Filter:
    """The filter that shows the watched calls to the tracer, ``unfound`` ones whatever their arguments, and lets all others pass.

    It stands beside the container's own filter: what that one refuses is refused, and never shown. By ``socket`` the launcher
    hands the listener over when the filter is there already: nobody could let that call go on.
    """
    # fstat, as C libraries and Rust write it: a look at a file that is open, without a path. Every second call is one.
    is_open = Condition(0, Operator.MASKED_EQ, 0, NEGATIVE)
    looks = (
        Rule(names, ALLOW, (is_open, Condition(flags, Operator.MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)))
        for names, flags in ((("newfstatat", "fstatat64"), 3), (("statx",), 2))
    )
    addressed = Rule((SEND,), NOTIFY, (Condition(SEND_ADDRESS, Operator.NE, 0),))
    always = tuple(name for name in (*PATHS, *SOCKET_CALLS) if name != SEND)
    handing = (
        Condition(0, Operator.MASKED_EQ, socket & INT, INT),
        Condition(2, Operator.MASKED_EQ, MSG_NOSIGNAL, INT),
    )
    besides = (Rule(("sendmsg",), ALLOW, handing), Rule(tuple(sorted(unfound)), NOTIFY)) if unfound else ()
    return Filter(ALLOW, (architecture,), (*besides, *looks, Rule(always, NOTIFY), addressed))
