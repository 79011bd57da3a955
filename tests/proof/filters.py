"""The filters that programs are run under, as the kernel's own instructions in files, and the C program that loads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.floor import compile_c
from tests.peers import BUILD
from whit.packer.image.callsclaim import Calls, Refusal
from whit.packer.syscalls.names import syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, ENOSYS, KILL_PROCESS, Condition, Filter, Operator, Rule, errno
from whit.runtime.seccomp.proven import EMPTY_PATH, KERNELS, VDSO, proven_filter

if TYPE_CHECKING:
    from tests.proof.model import Architecture

START = 1000
"""The descriptor by which the program is executed."""

NEWER = frozenset(
    name
    for line in """
    renameat2 getrandom memfd_create membarrier userfaultfd mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect
    pkey_alloc pkey_free statx rseq io_pgetevents pidfd_send_signal io_uring_setup io_uring_enter io_uring_register
    open_tree move_mount fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2
    process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule
    landlock_restrict_self memfd_secret process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2
    map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount mseal
    """.splitlines()
    for name in line.split()
)
"""Calls that came with Linux 3.15 and later: a program that was made for older kernels as well knows how to do without."""


def loader() -> Path:
    """The program that loads filters and executes another under them."""
    target = BUILD / "proof" / "loading"
    source = Path(__file__).with_name("loading.c")
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        compile_c(source, target, source.parent)
    return target


def killing(calls: frozenset[str], architecture: Architecture) -> bytes:
    """whit's filter for a program that makes these calls: any other ends it."""
    return compile_filter(proven_filter(Calls(calls, Refusal.KILL), architecture, start=START), architecture)


def nothing_else(calls: frozenset[str], architecture: Architecture) -> bytes:
    """All that was found is let pass, also what whit's default refuses, as on a kernel that has everything; all else ends the program."""
    at = (Condition(0, Operator.EQ, START), Condition(4, Operator.EQ, EMPTY_PATH))
    rules = [] if "execveat" in calls else [Rule(("execveat",), ALLOW, at)]
    known = tuple(sorted((calls | KERNELS | VDSO) & syscall_numbers(architecture).keys()))
    return compile_filter(Filter(KILL_PROCESS, (architecture,), (*rules, Rule(known, ALLOW))), architecture)


def forgetting(calls: frozenset[str], architecture: Architecture) -> bytes:
    """As on a kernel that lacks these calls."""
    rules = (Rule(tuple(sorted(calls)), errno(ENOSYS)),) if calls else ()
    return compile_filter(Filter(ALLOW, (architecture,), rules), architecture)
