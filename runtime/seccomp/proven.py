"""The filter of a program whose system calls are known from its code: the default one, without what the program never calls.

Nothing is allowed that the default filter doesn't allow, and on the same conditions: what was found may hold calls that
the program makes in cases that never come. Refusals of the default filter stay as they are, since programs know them
(ENOSYS for what a kernel can lack: they try, and fall back). What it would allow and the program never calls is
answered as the person chose.
"""

from __future__ import annotations

from whit.packer.image.callsclaim import Calls, Refusal
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.model import (
    ALLOW,
    EPERM,
    KILL_PROCESS,
    Action,
    ActionKind,
    Condition,
    Filter,
    Operator,
    Rule,
    errno,
)
from whit.runtime.seccomp.profile import default_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

KERNELS = frozenset({"rt_sigreturn", "sigreturn", "restart_syscall", "exit", "exit_group"})
"""What the kernel has a program call (restart_syscall after a signal in a wait), and a program's end."""

VDSO = frozenset(
    {
        "clock_gettime",
        "clock_gettime64",
        "clock_getres",
        "clock_getres_time64",
        "gettimeofday",
        "time",
        "getcpu",
        "getrandom",
    }
)
"""What the vDSO's functions call where they can't answer by themselves (vdso(7)): not the program's own code."""

RUNTIMES = frozenset(
    [
        "execve",
        "execveat",
        "exit_group",
        "exit",
        "close",
        "close_range",
        "dup3",
        "fcntl",
        "umask",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sigaltstack",
        "open",
        "openat",
        "openat2",
        "newfstatat",
        "fstat",
        "fstatfs",
        "statx",
        "getdents64",
        "readlinkat",
        "read",
        "write",
        "lseek",
        "mmap",
        "munmap",
        "mprotect",
        "madvise",
        "brk",
        "futex",
        "nanosleep",
        "clock_nanosleep",
        "sched_yield",
        "tgkill",
        "getpid",
        "gettid",
        "getppid",
        "epoll_ctl",
        "epoll_pwait",
        "epoll_create1",
        "eventfd2",
        "pipe2",
        "clone",
        "set_robust_list",
        "rseq",
        "prctl",
        "capget",
        "capset",
        "setgroups",
        "setgid",
        "setuid",
        "setresgid",
        "setresuid",
        "getuid",
        "geteuid",
        "getgid",
        "getegid",
        "chdir",
        "fchdir",
        "getcwd",
        "fchown",
        "faccessat2",
        "poll",
        "ppoll",
        "prlimit64",
    ]
)
"""What runc, crun and whit-oci themselves call between the loading of a container's filter and the start of its program."""

REFUSALS: dict[Refusal, Action] = {
    Refusal.ERRNO: errno(EPERM),
    Refusal.LOG: Action(ActionKind.LOG),
    Refusal.KILL: KILL_PROCESS,
}
"""What is done with calls that a program was found never to make."""

EMPTY_PATH = 0x1000
"""AT_EMPTY_PATH (execveat(2))."""


def _divided(rule: Rule, calls: frozenset[str], refusal: Action) -> Iterator[Rule]:
    """What a rule allows, allowed for these calls, and refused for others."""
    for names, action in (
        (tuple(name for name in rule.names if name in calls), rule.action),
        (tuple(name for name in rule.names if name not in calls), refusal),
    ):
        if names:
            yield Rule(names, action, rule.conditions)


def proven_filter(
    calls: Calls, architecture: str, capabilities: frozenset[str] = frozenset(), *, start: int | None = None
) -> Filter:
    """The filter for a program of ``architecture`` that makes these calls.

    ``capabilities`` as for :func:`default_filter`. ``start`` is the descriptor that the launcher executes the program
    by: with it, nothing else may be executed unless the program does that by itself. Raises :class:`UnsupportedError`
    for an architecture without a table of calls.
    """
    whole = default_filter(architecture, capabilities)
    wanted, refusal = calls.names | KERNELS | VDSO, REFUSALS[calls.refusal]
    rules: list[Rule] = []
    if start is not None and "execveat" not in calls.names:
        at = (Condition(0, Operator.EQ, start), Condition(4, Operator.EQ, EMPTY_PATH))
        rules.append(Rule(("execveat",), ALLOW, at))
    for rule in whole.rules:
        rules.extend(_divided(rule, wanted, refusal) if rule.action == ALLOW else (rule,))
    return Filter(whole.default, whole.architectures, tuple(rules))


def exported_filter(calls: Calls, architecture: str, capabilities: frozenset[str] = frozenset()) -> Filter:
    """As :func:`proven_filter`, for a runtime that loads it before its own last calls: it holds these too."""
    return proven_filter(Calls(calls.names | RUNTIMES, calls.refusal), architecture, capabilities)
