"""The filter of a program whose system calls are known from its code: the default one, without what the program never calls.

Nothing is allowed that the default filter doesn't allow, and on the same conditions: what was found may hold calls that
the program makes in cases that never come. Of these, the default filter's refusals stay as they are, since programs know them
(ENOSYS for what a kernel can lack: they try, and fall back). What the program never calls is answered as the person
chose, whether the default filter would allow it or not. Numbers without a name, of kernels newer than the tables, stay
absent: the vDSO's functions may try them.
"""

from __future__ import annotations

from whit.packer.image.callsclaim import Calls, Refusal
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.architecture import syscall_numbers
from whit.runtime.seccomp.model import (
    ALLOW,
    ENOSYS,
    KILL_PROCESS,
    Action,
    ActionKind,
    Condition,
    Filter,
    Operator,
    Rule,
    errno,
)
from whit.runtime.seccomp.profile import INT, default_filter

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
        "faccessat",
        "faccessat2",
        "poll",
        "ppoll",
        "select",
        "pselect6",
        "prlimit64",
    ]
)
"""What runc, crun and whit-oci themselves call between the loading of a container's filter and the start of its program."""

PROBED = frozenset({"ioctl", "open_tree"})
"""What they try there and do without: ``crun exec`` asks whether streams are terminals, ``runc exec`` from 1.4 on for a safer way into /proc."""

REFUSALS: dict[Refusal, Action] = {
    Refusal.ERRNO: errno(ENOSYS),
    Refusal.LOG: Action(ActionKind.LOG),
    Refusal.KILL: KILL_PROCESS,
}
"""What is done with calls that a program was found never to make. As if the kernel lacked them: who makes one all the same may know
another way, and numbers that have no name get the same answer, so that fewer ranges of numbers have to be told apart."""

EMPTY_PATH = 0x1000
"""AT_EMPTY_PATH (execveat(2))."""


def _divided(rule: Rule, wanted: frozenset[str], refusal: Action) -> Iterator[Rule]:
    """A rule of the default filter: as it is for these calls, and for others the refusal, whatever their arguments.

    A refusal that lets a call pass (LOG) stands only in the place of what the default filter lets pass too.
    """
    lets_pass = refusal.kind is ActionKind.LOG
    other = tuple(name for name in rule.names if name not in wanted)
    if names := tuple(name for name in rule.names if name in wanted):
        yield Rule(names, rule.action, rule.conditions)
    if other and lets_pass:
        yield Rule(other, refusal if rule.action == ALLOW else rule.action, rule.conditions)
    elif other:
        yield Rule(other, refusal)


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
        at = (Condition(0, Operator.MASKED_EQ, start, INT), Condition(4, Operator.MASKED_EQ, EMPTY_PATH, INT))
        rules.append(Rule(("execveat",), ALLOW, at))
    for rule in whole.rules:
        rules.extend(_divided(rule, wanted, refusal))
    return Filter(whole.default, whole.architectures, tuple(rules))


def exported_filter(calls: Calls, architecture: str, capabilities: frozenset[str] = frozenset()) -> Filter:
    """As :func:`proven_filter`, for a runtime that loads it before its own last calls: it holds these too.

    What the runtime only tries fails where it would end the program.
    """
    made = proven_filter(Calls(calls.names | RUNTIMES, calls.refusal), architecture, capabilities)
    tried = tuple(sorted(PROBED - calls.names))
    if calls.refusal is not Refusal.KILL or not tried:
        return made
    return Filter(made.default, made.architectures, (Rule(tried, errno(ENOSYS)), *made.rules))


def narrowed(whole: Filter, calls: Calls) -> Filter:
    """What another filter allows, for these calls, those of the kernel's and the vDSO's, and the runtime's own last ones.

    ``whole`` is somebody else's, and may let pass what it doesn't name.
    """
    wanted, refusal = calls.names | KERNELS | VDSO | RUNTIMES, REFUSALS[calls.refusal]
    rules = [part for rule in whole.rules for part in _divided(rule, wanted, refusal)]
    if whole.default.kind in {ActionKind.ALLOW, ActionKind.LOG} or calls.refusal is Refusal.KILL:
        known = {name for architecture in whole.architectures for name in syscall_numbers(architecture)}
        rules.append(Rule(tuple(sorted(known - wanted)), refusal))
    return Filter(whole.default, whole.architectures, tuple(rules))
