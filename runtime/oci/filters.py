"""``linux.seccomp`` → the operation that loads the filter, with an agent that is asked or without. Pure.

Source: OCI runtime-spec, config-linux, "Seccomp".
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.model import Op
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.loading import NARROWED
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ActionKind
from whit.runtime.seccomp.oci import from_oci

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.callsclaim import Calls
    from whit.runtime.oci.linux import Seccomp
    from whit.runtime.seccomp.model import Filter

ALL_THREADS = 1
"""SECCOMP_FILTER_FLAG_TSYNC."""

WAIT_KILLABLE = 32
"""Of use only with a listener; the kernel refuses it without."""

LET = {ActionKind.ALLOW, ActionKind.LOG}

HANDING_OVER = "sendmsg"
"""The call by which the launcher hands the listener over (runtime/launcher/ops_listen.c)."""


AFTERWARDS = (
    HANDING_OVER, "sendto", "recvfrom", "close", "poll", "ppoll", "read", "restart_syscall", "umask", "rt_sigaction",
    "rt_sigprocmask", "brk", "mmap", "munmap", "execve", "exit_group",
)  # fmt: skip
"""What the launcher calls from there on to the program: it tells that the container is there, and waits for the start."""

RIGHTS = ("capset", "prctl")
"""And what else where it has to give up the right to load a filter."""


def _is_let(whole: Filter, call: str) -> bool:
    """Whether a call is let through whatever its arguments, and nobody is asked."""
    rules = [rule for rule in whole.rules if call in rule.names]
    plain = any(not rule.conditions for rule in rules) or whole.default.kind in LET
    return plain and all(rule.action.kind in LET for rule in rules)


def is_early(seccomp: Seccomp | None, architecture: str, *, rights: bool) -> bool:
    """Whether ``create`` can load the filter, so that an agent has its descriptor before ``start``, as runc does it.

    The launcher's own way from there to the program may then not fall under it. ``rights``: one has to be given up.
    """
    if seccomp is None or not seccomp.notified:
        return False
    whole = from_oci(seccomp.document, architecture)
    return all(_is_let(whole, call) for call in (*AFTERWARDS, *(RIGHTS if rights else ())))


def _check_notified(seccomp: Seccomp) -> None:
    """What can't be asked about: the call that hands the agent the descriptor by which it is asked."""
    if seccomp.document.get("defaultAction") == "SCMP_ACT_NOTIFY":
        raise refused("linux.seccomp.defaultAction", "SCMP_ACT_NOTIFY, the agent would be asked before it is there")
    if HANDING_OVER in seccomp.notified:
        raise refused("linux.seccomp.syscalls", f"SCMP_ACT_NOTIFY for {HANDING_OVER}, by which the agent is told")
    if seccomp.notified and not seccomp.listener_path:
        raise InvalidFileError("linux.seccomp.listenerPath is missing: SCMP_ACT_NOTIFY needs it", hint=HINT)


def filter_ops(
    seccomp: Seccomp, architecture: str, state: tuple[str, str, str], calls: Calls | None = None
) -> Iterator[Op]:
    """The filter, for one architecture; ``state`` is what an agent is told. Raises what can't be, by its name.

    ``calls`` are those of the program, where its image tells them. Where an agent is asked, the filter is all the agent's.
    """
    _check_notified(seccomp)
    made, why = from_oci(seccomp.document, architecture), "linux.seccomp"
    if calls is not None and not seccomp.notified:
        from whit.runtime.seccomp.proven import narrowed  # noqa: PLC0415 - few images tell them

        made, why = narrowed(made, calls), NARROWED
    program = compile_filter(made, architecture)
    flags = seccomp.flags or 0
    if seccomp.notified:
        # There is one thread, and the kernel takes either a listener or that all threads get the filter.
        yield Op(
            "SECCOMP_NOTIFY", (program, flags & ~ALL_THREADS, *state), "linux.seccomp, with an agent that is asked"
        )
    else:
        yield Op("SECCOMP_WITH", (program, flags & ~WAIT_KILLABLE), why)
