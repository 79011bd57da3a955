"""Control groups: limits → operations, for cgroup v1 (also hybrid) and v2. Pure.

v1 has a hierarchy per controller; a single-threaded child that writes ``0`` to ``tasks`` joins in 25 µs each, where
``cgroup.procs`` may wait for an RCU grace period of 5 to 15 ms. v2 has one hierarchy, joined by clone3 itself.
"""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass, replace
from whit.runtime.limits import CPU_PERIOD_US, Limits
from whit.runtime.model import Op

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "whit"
"""The cgroup below which every container has its own."""

V1_CONTROLLERS = ("memory", "cpu", "pids")
"""The v1 hierarchies that a container gets a cgroup in."""

DELEGATE = "run as root, or under 'systemd-run --user --scope -p Delegate=yes'"
"""What helps a user who has no cgroup of one's own."""


class CgroupVersion(StrEnum):
    """How the host arranges its controllers; a hybrid host counts as v1: that is where its controllers are."""

    V1 = "v1"
    V2 = "v2"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CgroupLayout:
    """What the host offers: ``parents`` are (controller, folder in which a container's cgroup is made), one for v2.

    ``swap`` tells whether swap is accounted; ``why_not`` explains an empty layout.
    """

    version: CgroupVersion
    parents: tuple[tuple[str, str], ...] = ()
    swap: bool = False
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class CgroupOps:
    """The operations of the parent and of the child, and the cgroup (1-based, 0 for none) to clone into."""

    parent: tuple[Op, ...] = ()
    child: tuple[Op, ...] = ()
    clone_into: int = 0


NAMESPACE = (Op("CGROUP_UNSHARE", (), "a cgroup namespace: the container sees its cgroup as the root"),)
"""Made by the child once it is in its cgroup: what is the root to it is where it stands at that moment."""


def _out_of_memory(limit: int) -> str:
    return (
        f"out of memory: the container reached its limit of {_readable(limit)} and the kernel killed a process in it\n"
        "hint: give it more with --memory"
    )


def _readable(size: int) -> str:
    for shift, unit in ((30, "g"), (20, "m"), (10, "k")):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return f"{size} bytes"


def _v1_writes(limits: Limits, *, swap: bool) -> Iterator[tuple[str, str, str, str]]:
    if limits.memory is not None:
        yield "memory", "memory.limit_in_bytes", str(limits.memory), f"limit memory to {_readable(limits.memory)}"
        if swap:
            yield "memory", "memory.memsw.limit_in_bytes", str(limits.memory), "no swap beyond the memory limit"
    if limits.cpu_quota_us is not None:
        yield "cpu", "cpu.cfs_period_us", str(CPU_PERIOD_US), "the period that CPU time is counted in"
        yield "cpu", "cpu.cfs_quota_us", str(limits.cpu_quota_us), f"limit CPU time to {_cpus(limits)} CPUs"
    if limits.pids is not None:
        yield "pids", "pids.max", str(limits.pids), f"limit processes and threads to {limits.pids}"


def _v2_writes(limits: Limits, *, swap: bool) -> Iterator[tuple[str, str, str, str]]:
    if limits.memory is not None:
        yield "", "memory.max", str(limits.memory), f"limit memory to {_readable(limits.memory)}"
        if swap:
            yield "", "memory.swap.max", "0", "no swap beyond the memory limit"
    if limits.cpu_quota_us is not None:
        quota = f"{limits.cpu_quota_us} {CPU_PERIOD_US}"
        yield "", "cpu.max", quota, f"limit CPU time to {_cpus(limits)} CPUs"
    if limits.pids is not None:
        yield "", "pids.max", str(limits.pids), f"limit processes and threads to {limits.pids}"


def _cpus(limits: Limits) -> str:
    return f"{(limits.cpu_quota_us or 0) / CPU_PERIOD_US:g}"


def _asked(limits: Limits) -> tuple[str, ...]:
    pids = limits.pids if limits.pids_asked else None
    asked = (("--memory", limits.memory), ("--cpus", limits.cpu_quota_us), ("--pids-limit", pids))
    return tuple(option for option, value in asked if value is not None)


def cgroup_ops(limits: Limits, layout: CgroupLayout) -> CgroupOps:
    """The operations that put a container under ``limits``.

    Where the host gives the user no cgroup, the limits that nobody asked for are left out, and the others raise
    :class:`UnsupportedError`.
    """
    if layout.version is CgroupVersion.NONE:
        if _asked(limits):
            raise UnsupportedError(
                f"{_asked(limits)[0]} needs a cgroup: {layout.why_not}",
                hint=f"{DELEGATE}; or leave the limit out",
            )
        return CgroupOps(child=NAMESPACE)
    controllers = [controller for controller, _ in layout.parents]
    is_v1 = layout.version is CgroupVersion.V1
    if is_v1 and "pids" not in controllers and not limits.pids_asked:
        limits = replace(limits, pids=None)
    writes = list((_v1_writes if is_v1 else _v2_writes)(limits, swap=layout.swap))
    lacking = next((controller for controller, *_ in writes if controller not in controllers), None)
    if lacking is not None:
        raise UnsupportedError(f"this host has no {lacking} controller", hint="leave that limit out")
    parent = [
        Op("CGROUP_CREATE", (folder,), f"a cgroup of its own{f' for {controller}' if controller else ''}")
        for controller, folder in layout.parents
    ]
    parent += [Op("CGROUP_WRITE", (controllers.index(c), file, value), why) for c, file, value, why in writes]
    if limits.memory is not None:
        memory, file = (controllers.index("memory"), "memory.oom_control") if is_v1 else (0, "memory.events")
        parent.append(
            Op("CGROUP_WATCH_OOM", (memory, file, _out_of_memory(limits.memory)), "tell whose limit killed it")
        )
    if not is_v1:
        return CgroupOps(tuple(parent), NAMESPACE, clone_into=1)
    enter = tuple(
        Op("CGROUP_ENTER", (index,), f"join the {controller} cgroup by the quick way, its tasks file")
        for index, controller in enumerate(controllers)
    )
    return CgroupOps(tuple(parent), enter + NAMESPACE)
