"""The filter of ``--sandbox strict``: what another filter allows, without what a program needs only to become another one. Pure.

Nothing is allowed that the other filter doesn't allow.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.model import ENOSYS, EPERM, Condition, Filter, Operator, Rule, errno
from whit.runtime.seccomp.profile import AF_UNIX, INT, SOCKETS

if TYPE_CHECKING:
    from whit.runtime.sandbox import Walls

MPTCP = 262
_PROT_EXEC, _SHM_EXEC = 0x4, 0x8000
_EXECUTABLE = (
    Rule(
        ("mmap", "mmap2", "mprotect", "pkey_mprotect"), errno(EPERM), (Condition(2, Operator.MASKED_EQ, 4, _PROT_EXEC),)
    ),
    Rule(("shmat",), errno(EPERM), (Condition(2, Operator.MASKED_EQ, _SHM_EXEC, _SHM_EXEC),)),
)
"""mmap(2), mprotect(2), shmat(2): memory that can be executed."""


def _is_for(rule: Rule, index: int, value: int) -> bool:
    return any(
        condition.index == index and condition.value == value and condition.mask == INT for condition in rule.conditions
    )


def _stays(rule: Rule, walls: Walls) -> bool:
    """Whether a rule about sockets stays: what isn't, ends at the last one, which refuses."""
    if not set(rule.names) <= set(SOCKETS) or not rule.conditions:
        return True
    if not walls.has_network:
        return _is_for(rule, 0, AF_UNIX)
    # Landlock's ports are TCP's: by MPTCP one gets around them.
    return not _is_for(rule, 2, MPTCP)


def strict_filter(whole: Filter, walls: Walls) -> Filter:
    """``whole`` with less: sockets only where there is a network, no files without a name, no code that isn't in a file."""
    first: list[Rule] = []
    if not walls.is_wasm:
        # Landlock lets them be executed: they are in no folder. WebAssembly's engine executes nothing, and needs them.
        first.append(Rule(("memfd_create",), errno(ENOSYS)))
    if walls.is_known:
        first.extend(_EXECUTABLE)
    return Filter(whole.default, whole.architectures, (*first, *(rule for rule in whole.rules if _stays(rule, walls))))
