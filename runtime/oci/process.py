"""``process`` of config.json, and the process.json of ``exec``: who runs, and with which rights and limits. Pure.

Source: OCI runtime-spec, config, "Process", and its subsections for POSIX and Linux.
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.capabilities import NAMES
from whit.runtime.oci.fields import HINT, I32, U16, U32, U64, wrong
from whit.runtime.rlimits import RLIMITS

if TYPE_CHECKING:
    from whit.runtime.oci.fields import Fields

MAX_ID = U32 - 1
"""4294967295 is no user: to the kernel it means "leave as it is" (setresuid(2))."""

POLICIES = ("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE")
"""Position = number (include/uapi/linux/sched.h)."""

SCHEDULER_FLAGS = (
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
)  # fmt: skip
"""Position = bit (include/uapi/linux/sched.h)."""

IO_CLASSES = ("", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")
"""Position = number (include/uapi/linux/ioprio.h)."""

CAPABILITY_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")


@dataclass(frozen=True, slots=True)
class User:
    """Numbers in the container; ``umask`` None: 0022, as runc leaves it."""

    uid: int = 0
    gid: int = 0
    umask: int | None = None
    additional_gids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CapabilitySets:
    """The five sets, each as the kernel's bit mask."""

    bounding: int = 0
    effective: int = 0
    inheritable: int = 0
    permitted: int = 0
    ambient: int = 0


@dataclass(frozen=True, slots=True)
class ProcessRlimit:
    """``resource`` is the limit's number (include/uapi/asm-generic/resource.h)."""

    resource: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Scheduling attributes as sched_setattr(2) takes them; times in nanoseconds."""

    policy: int
    nice: int
    priority: int
    flags: int
    runtime: int
    deadline: int
    period: int


@dataclass(frozen=True, slots=True)
class IoPriority:
    """``class_number`` and ``priority`` as ioprio_set(2) has them."""

    class_number: int
    priority: int


@dataclass(frozen=True, slots=True)
class Affinity:
    """CPU lists of a process that ``exec`` starts, while it sets up and for good; empty: unchanged."""

    initial: str
    final: str


@dataclass(frozen=True, slots=True)
class Process:
    """``console_size`` is (height, width) in characters. ``capabilities`` None: none are kept."""

    args: tuple[str, ...]
    cwd: str
    env: tuple[str, ...] = ()
    terminal: bool = False
    console_size: tuple[int, int] | None = None
    user: User = User()
    capabilities: CapabilitySets | None = None
    rlimits: tuple[ProcessRlimit, ...] = ()
    no_new_privileges: bool = False
    apparmor_profile: str = ""
    oom_score_adj: int | None = None
    scheduler: Scheduler | None = None
    selinux_label: str = ""
    io_priority: IoPriority | None = None
    exec_affinity: Affinity | None = None


def _user(fields: Fields) -> User:
    if fields.take("username"):
        raise wrong(fields.path("username"), fields.take("username"), "for Linux: give uid and gid")
    return User(
        uid=fields.number("uid", 0, MAX_ID) or 0,
        gid=fields.number("gid", 0, MAX_ID) or 0,
        umask=fields.number("umask", 0, 0o7777),
        additional_gids=fields.numbers("additionalGids", 0, MAX_ID),
    )


def _mask(fields: Fields, name: str) -> int:
    mask = 0
    for item, where in fields.items(name):
        if not isinstance(item, str):
            raise wrong(where, item, "a capability: CAP_CHOWN, … (capabilities(7))")
        bare = item.removeprefix("CAP_")
        if bare != item and bare in NAMES:
            mask |= 1 << NAMES.index(bare)
        else:
            # As the specification has it: a capability that can't be granted is warned of, and is no error.
            fields.warnings.append(f"{where}: no capability is called {item}, ignored")
    return mask


def _capabilities(fields: Fields) -> CapabilitySets:
    return CapabilitySets(**{name: _mask(fields, name) for name in CAPABILITY_SETS})


def _rlimit(fields: Fields) -> ProcessRlimit:
    name = fields.word("type", tuple(f"RLIMIT_{name.upper()}" for name in RLIMITS), needed=True)
    soft, hard = fields.number("soft", 0, U64) or 0, fields.number("hard", 0, U64) or 0
    if soft > hard:
        raise wrong(fields.path("soft"), soft, f"at most the hard limit {hard}")
    return ProcessRlimit(RLIMITS.index(name.removeprefix("RLIMIT_").lower()), soft, hard)


def _scheduler(fields: Fields) -> Scheduler:
    policy = POLICIES.index(fields.word("policy", POLICIES, needed=True))
    flags = 0
    for item, where in fields.items("flags"):
        if item not in SCHEDULER_FLAGS:
            raise wrong(where, item, f"one of {', '.join(SCHEDULER_FLAGS)}")
        flags |= 1 << SCHEDULER_FLAGS.index(str(item))
    return Scheduler(
        policy=policy,
        nice=fields.number("nice", -20, 19) or 0,
        priority=fields.number("priority", 0, I32) or 0,
        flags=flags,
        runtime=fields.number("runtime", 0, U64) or 0,
        deadline=fields.number("deadline", 0, U64) or 0,
        period=fields.number("period", 0, U64) or 0,
    )


def _io_priority(fields: Fields) -> IoPriority:
    class_number = IO_CLASSES.index(fields.word("class", IO_CLASSES[1:], needed=True))
    return IoPriority(class_number, fields.number("priority", 0, 7) or 0)


def _affinity(fields: Fields) -> Affinity:
    return Affinity(fields.text("initial"), fields.text("final"))


def _size(fields: Fields) -> tuple[int, int]:
    # The kernel counts both in 16 bits (ioctl_tty(2), struct winsize).
    return fields.needed_number("height", 0, U16), fields.needed_number("width", 0, U16)


def _no_duplicates(fields: Fields, rlimits: tuple[ProcessRlimit, ...]) -> tuple[ProcessRlimit, ...]:
    resources = [limit.resource for limit in rlimits]
    for index, resource in enumerate(resources):
        if resource in resources[:index]:
            raise InvalidFileError(
                f"{fields.path('rlimits')}[{index}].type: RLIMIT_{RLIMITS[resource].upper()} is given twice", hint=HINT
            )
    return rlimits


def read_process(fields: Fields) -> Process:
    """The process; raises what :class:`Fields` does."""
    args = fields.texts("args")
    if not args:
        raise wrong(fields.path("args"), list(args), "a command: it needs at least one entry")
    cwd = fields.needed_text("cwd")
    if not cwd.startswith("/"):
        raise wrong(fields.path("cwd"), cwd, "an absolute path")
    if fields.take("commandLine"):
        raise wrong(fields.path("commandLine"), fields.take("commandLine"), "for Linux: use args")
    return Process(
        args=args,
        cwd=cwd,
        env=fields.texts("env"),
        terminal=fields.flag("terminal"),
        console_size=fields.one("consoleSize", _size),
        user=fields.one("user", _user) or User(),
        capabilities=fields.one("capabilities", _capabilities),
        rlimits=_no_duplicates(fields, fields.each("rlimits", _rlimit)),
        no_new_privileges=fields.flag("noNewPrivileges"),
        apparmor_profile=fields.text("apparmorProfile"),
        oom_score_adj=fields.number("oomScoreAdj", -1000, 1000),
        scheduler=fields.one("scheduler", _scheduler),
        selinux_label=fields.text("selinuxLabel"),
        io_priority=fields.one("ioPriority", _io_priority),
        exec_affinity=fields.one("execCPUAffinity", _affinity),
    )
