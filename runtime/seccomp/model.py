"""What a system call filter says, before it is a program: default action, rules, conditions.

The words are those of seccomp(2) and of the OCI runtime specification (config-linux, "Seccomp"). A filter is read
from the top: the first rule that names the call and whose conditions all hold decides; otherwise the default does.
Numbers that belong to x32 and calls of an architecture that the filter doesn't name are refused whatever it says.
"""

from __future__ import annotations

import operator

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

EPERM = 1
ENOSYS = 38
EPROTONOSUPPORT = 93
ESOCKTNOSUPPORT = 94
EAFNOSUPPORT = 97
MAX_ERRNO = 4095
"""The largest error number that the kernel returns from a filter (include/linux/err.h, ``MAX_ERRNO``)."""

MAX_ARGUMENT = 5
MAX_VALUE = 0xFFFF_FFFF_FFFF_FFFF


class ActionKind(StrEnum):
    """What the kernel does with the call; the values are the names' ends in the OCI document (``SCMP_ACT_…``)."""

    ALLOW = "ALLOW"
    LOG = "LOG"
    NOTIFY = "NOTIFY"
    TRACE = "TRACE"
    ERRNO = "ERRNO"
    TRAP = "TRAP"
    KILL_THREAD = "KILL_THREAD"
    KILL_PROCESS = "KILL_PROCESS"


_RETURN_VALUES: dict[ActionKind, int] = {
    ActionKind.KILL_PROCESS: 0x8000_0000,
    ActionKind.KILL_THREAD: 0x0000_0000,
    ActionKind.TRAP: 0x0003_0000,
    ActionKind.ERRNO: 0x0005_0000,
    ActionKind.NOTIFY: 0x7FC0_0000,
    ActionKind.TRACE: 0x7FF0_0000,
    ActionKind.LOG: 0x7FFC_0000,
    ActionKind.ALLOW: 0x7FFF_0000,
}


@dataclass(frozen=True, slots=True)
class Action:
    """An action and its 16 bits of data: the error number for ERRNO, the message for TRACE, else 0."""

    kind: ActionKind
    data: int = 0

    def __post_init__(self) -> None:
        limit = MAX_ERRNO if self.kind is ActionKind.ERRNO else 0xFFFF
        if not 0 <= self.data <= limit:
            raise ValueError(f"{self.kind}: {self.data} is not within 0 to {limit}")

    @property
    def return_value(self) -> int:
        """The 32 bits that the program returns (include/uapi/linux/seccomp.h, ``SECCOMP_RET_*``)."""
        return _RETURN_VALUES[self.kind] | self.data


ALLOW = Action(ActionKind.ALLOW)
KILL_PROCESS = Action(ActionKind.KILL_PROCESS)


def errno(number: int) -> Action:
    """The call fails with this error number and does nothing."""
    return Action(ActionKind.ERRNO, number)


class Operator(StrEnum):
    """Comparisons of an argument with a value, both unsigned 64-bit; OCI's names without ``SCMP_CMP_``."""

    NE = "NE"
    LT = "LT"
    LE = "LE"
    EQ = "EQ"
    GE = "GE"
    GT = "GT"
    MASKED_EQ = "MASKED_EQ"


COMPARISONS: dict[Operator, Callable[[int, int], bool]] = {
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.EQ: operator.eq,
    Operator.GE: operator.ge,
    Operator.GT: operator.gt,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """``argument[index] operator value``; for MASKED_EQ ``argument[index] & mask == value``."""

    index: int
    operator: Operator
    value: int
    mask: int = MAX_VALUE

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_ARGUMENT:
            raise ValueError(f"argument {self.index}: calls have arguments 0 to {MAX_ARGUMENT}")
        if not (0 <= self.value <= MAX_VALUE and 0 <= self.mask <= MAX_VALUE):
            raise ValueError(f"argument {self.index}: value and mask are unsigned 64-bit numbers")

    def holds(self, arguments: tuple[int, ...]) -> bool:
        """Whether it holds for these six arguments: the definition that compiled programs are tested against."""
        argument = arguments[self.index]
        if self.operator is Operator.MASKED_EQ:
            return argument & self.mask == self.value
        return COMPARISONS[self.operator](argument, self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to the calls of these names when all conditions hold.

    A name that an architecture doesn't have is no error there: the same filter serves several.
    """

    names: tuple[str, ...]
    action: Action
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter. ``architectures`` are OCI's platform words (``amd64``, ``arm64``, ``386``), the first one native."""

    default: Action
    architectures: tuple[str, ...]
    rules: tuple[Rule, ...]

    def decide(self, name: str | None, arguments: tuple[int, ...]) -> Action:
        """What the rules say of one call (``name`` None: a number without a name), read straight from the top."""
        for rule in self.rules:
            if name in rule.names and all(condition.holds(arguments) for condition in rule.conditions):
                return rule.action
        return self.default
