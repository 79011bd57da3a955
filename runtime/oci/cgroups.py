"""``linux.cgroupsPath`` and ``linux.resources`` → the container's cgroups and what is written to them. Pure.

Source: OCI runtime-spec, config-linux, "Control groups"; the kernel's documentation of cgroup v1 and v2, and for the
conversion of v1's values to v2's the one that runc and crun share. A zero is "not set" for shares, quota, period,
weights and memory, as engines send it.
"""

from __future__ import annotations

import posixpath

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.model import Op
from whit.runtime.oci.devices import v1_writes, v2_program
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.model import HYBRID, Cgroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.model import OciHost
    from whit.runtime.oci.resources import BlockIo, Cpu, Memory, Resources, ThrottleDevice

WHERE = "linux.resources"
CPUSET_INHERITS, MUST_EXIST, HANDS_DOWN = 1, 2, 4
"""How CGROUP_OPEN goes down (runtime/launcher/ops_cgroup_path.c)."""


@dataclass(frozen=True, slots=True)
class Write:
    """One value for one file of the cgroup of ``controller``; ``where`` is the member that asks for it."""

    controller: str
    file: str
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class CgroupPlan:
    """The operations of the parent and the child, the cgroup to clone into (1-based, 0 none), and what it all makes."""

    parent: tuple[Op, ...]
    child: tuple[Op, ...]
    clone_into: int
    cgroup: Cgroup
    warnings: tuple[str, ...] = ()


def _limit(value: int) -> str:
    return "max" if value < 0 else str(value)


def _throttles(io: BlockIo) -> Iterator[tuple[str, str, str, tuple[ThrottleDevice, ...]]]:
    yield "blkio.throttle.read_bps_device", "rbps", "throttleReadBpsDevice", io.read_bps
    yield "blkio.throttle.write_bps_device", "wbps", "throttleWriteBpsDevice", io.write_bps
    yield "blkio.throttle.read_iops_device", "riops", "throttleReadIOPSDevice", io.read_iops
    yield "blkio.throttle.write_iops_device", "wiops", "throttleWriteIOPSDevice", io.write_iops


def _v1_cpu(cpu: Cpu) -> Iterator[Write]:
    where = f"{WHERE}.cpu"
    # A period before its quota: the kernel takes a quota only within its period.
    values = (
        ("cpu.shares", cpu.shares or None, "shares"),
        ("cpu.rt_period_us", cpu.realtime_period or None, "realtimePeriod"),
        ("cpu.rt_runtime_us", cpu.realtime_runtime or None, "realtimeRuntime"),
        ("cpu.cfs_period_us", cpu.period or None, "period"),
        ("cpu.cfs_quota_us", cpu.quota or None, "quota"),
        ("cpu.cfs_burst_us", cpu.burst, "burst"),
        ("cpu.idle", cpu.idle, "idle"),
    )
    for file, value, name in values:
        if value is not None:
            yield Write("cpu", file, str(value), f"{where}.{name}")
    for file, text, name in (("cpuset.cpus", cpu.cpus, "cpus"), ("cpuset.mems", cpu.mems, "mems")):
        if text:
            yield Write("cpuset", file, text, f"{where}.{name}")


def _v1_memory(memory: Memory, *, swap: bool) -> Iterator[Write]:
    where = f"{WHERE}.memory"
    if memory.swap and not swap:
        raise refused(f"{where}.swap", "this kernel doesn't account swap", "boot with swapaccount=1, or leave it out")
    if memory.swap and memory.swap > 0 and (memory.limit or 0) > memory.swap:
        raise InvalidFileError(
            f"{where}.swap: {memory.swap} is less than the limit of memory alone, {memory.limit}", hint=HINT
        )
    values = (
        ("memory.limit_in_bytes", memory.limit or None, "limit"),
        ("memory.memsw.limit_in_bytes", memory.swap or None, "swap"),
        ("memory.soft_limit_in_bytes", memory.reservation or None, "reservation"),
        ("memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp or None, "kernelTCP"),
        ("memory.swappiness", memory.swappiness, "swappiness"),
        ("memory.oom_control", 1 if memory.disable_oom_killer else None, "disableOOMKiller"),
    )
    for file, value, name in values:
        if value is not None:
            yield Write("memory", file, str(value), f"{where}.{name}")


def _v1_block_io(io: BlockIo, weight_file: str) -> Iterator[Write]:
    where = f"{WHERE}.blockIO"
    weights = [(f"{where}.weight", str(io.weight))] if io.weight else []
    for device in io.weight_devices:
        if device.leaf_weight:
            raise refused(f"{where}.weightDevice", "leafWeight went with the CFQ scheduler, in Linux 5.0")
        if device.weight:
            weights.append((f"{where}.weightDevice", f"{device.major}:{device.minor} {device.weight}"))
    if io.leaf_weight:
        raise refused(f"{where}.leafWeight", "it went with the CFQ scheduler, in Linux 5.0")
    for member, value in weights:
        if not weight_file:
            raise refused(member, "this kernel has no weights of block devices: no BFQ scheduler")
        file = weight_file if ":" not in value else f"{weight_file}_device"
        yield Write("blkio", file, value, member)
    for file, _, name, devices in _throttles(io):
        for throttle in devices:
            yield Write("blkio", file, f"{throttle.major}:{throttle.minor} {throttle.rate}", f"{where}.{name}")


def _rdma(resources: Resources) -> Iterator[Write]:
    for device, limits in resources.rdma:
        handles = "max" if limits.hca_handles is None else limits.hca_handles
        objects = "max" if limits.hca_objects is None else limits.hca_objects
        value = f"{device} hca_handle={handles} hca_object={objects}"
        yield Write("rdma", "rdma.max", value, f"{WHERE}.rdma[{device!r}]")


def _hugepages(resources: Resources, host: OciHost, name: str) -> Iterator[Write]:
    for limit in resources.hugepages:
        if limit.page_size not in host.page_sizes:
            known = ", ".join(host.page_sizes) or "none"
            raise refused(f"{WHERE}.hugepageLimits", f"no pages of {limit.page_size} here: {known}")
        yield Write("hugetlb", f"hugetlb.{limit.page_size}.{name}", str(limit.limit), f"{WHERE}.hugepageLimits")


def _v1_resources(resources: Resources, host: OciHost) -> Iterator[Write]:
    if resources.unified:
        raise refused(f"{WHERE}.unified", "this host uses cgroup v1")
    yield from _v1_cpu(resources.cpu)
    yield from _v1_memory(resources.memory, swap=host.swap)
    if resources.pids is not None:
        yield Write("pids", "pids.max", _limit(resources.pids), f"{WHERE}.pids.limit")
    yield from _v1_block_io(resources.block_io, host.weight_file)
    yield from _hugepages(resources, host, "limit_in_bytes")
    if resources.network.class_id is not None:
        yield Write("net_cls", "net_cls.classid", str(resources.network.class_id), f"{WHERE}.network.classID")
    for interface, priority in resources.network.priorities:
        yield Write("net_prio", "net_prio.ifpriomap", f"{interface} {priority}", f"{WHERE}.network.priorities")
    yield from _rdma(resources)


def cpu_weight(shares: int) -> int:
    """v1's 2 to 262144 → v2's 1 to 10000, linear, as crun and runc 1.1 do it."""
    return 1 + (max(2, min(shares, 262_144)) - 2) * 9999 // 262_142


def io_weight(weight: int) -> int:
    """v1's 10 to 1000 → v2's 1 to 10000."""
    return 1 + (max(10, min(weight, 1000)) - 10) * 9999 // 990


def _v2_cpu(cpu: Cpu) -> Iterator[Write]:
    where = f"{WHERE}.cpu"
    if cpu.realtime_period or cpu.realtime_runtime:
        raise refused(f"{where}.realtimeRuntime", "cgroup v2 has no real-time limits")
    if cpu.shares:
        yield Write("cpu", "cpu.weight", str(cpu_weight(cpu.shares)), f"{where}.shares")
    if cpu.quota or cpu.period:
        quota = _limit(cpu.quota) if cpu.quota else "max"
        yield Write("cpu", "cpu.max", f"{quota} {cpu.period or 100_000}", f"{where}.quota")
    if cpu.burst is not None:
        yield Write("cpu", "cpu.max.burst", str(cpu.burst), f"{where}.burst")
    if cpu.idle is not None:
        yield Write("cpu", "cpu.idle", str(cpu.idle), f"{where}.idle")
    for file, text, name in (("cpuset.cpus", cpu.cpus, "cpus"), ("cpuset.mems", cpu.mems, "mems")):
        if text:
            yield Write("cpuset", file, text, f"{where}.{name}")


def _v2_memory(memory: Memory) -> Iterator[Write]:
    where = f"{WHERE}.memory"
    for name, value in (
        ("swappiness", memory.swappiness is not None),
        ("disableOOMKiller", memory.disable_oom_killer),
        ("kernelTCP", memory.kernel_tcp),
    ):
        if value:
            raise refused(f"{where}.{name}", "cgroup v2 has none")
    if memory.limit:
        yield Write("memory", "memory.max", _limit(memory.limit), f"{where}.limit")
    if memory.swap:
        # v2 counts swap alone, the specification memory and swap together.
        if memory.swap > 0 and (memory.limit or 0) <= 0:
            raise InvalidFileError(f"{where}.swap: it counts memory too, and memory has no limit", hint=HINT)
        if memory.swap > 0 and memory.swap < (memory.limit or 0):
            raise InvalidFileError(f"{where}.swap: {memory.swap} is less than the limit of memory alone", hint=HINT)
        alone = memory.swap if memory.swap < 0 else memory.swap - (memory.limit or 0)
        yield Write("memory", "memory.swap.max", _limit(alone), f"{where}.swap")
    if memory.reservation:
        yield Write("memory", "memory.low", _limit(memory.reservation), f"{where}.reservation")


def _v2_block_io(io: BlockIo, weight_file: str) -> Iterator[Write]:
    where = f"{WHERE}.blockIO"
    if io.leaf_weight or any(device.leaf_weight for device in io.weight_devices):
        raise refused(f"{where}.leafWeight", "cgroup v2 has none")
    weights = [("", io.weight, "weight")] if io.weight else []
    weights += [
        (f"{item.major}:{item.minor} ", item.weight, "weightDevice") for item in io.weight_devices if item.weight
    ]
    for device, weight, name in weights:
        if not weight_file:
            raise refused(f"{where}.{name}", "this kernel has no weights of block devices")
        value = weight if weight_file == "io.bfq.weight" else io_weight(weight or 0)
        yield Write("io", weight_file, f"{device}{value}", f"{where}.{name}")
    for _, key, name, devices in _throttles(io):
        for throttle in devices:
            value_text = f"{throttle.major}:{throttle.minor} {key}={throttle.rate or 'max'}"
            yield Write("io", "io.max", value_text, f"{where}.{name}")


def _v2_resources(resources: Resources, host: OciHost) -> Iterator[Write]:
    network = resources.network
    if network.class_id is not None or network.priorities:
        raise refused(f"{WHERE}.network", "cgroup v2 has no network classes")
    yield from _v2_cpu(resources.cpu)
    yield from _v2_memory(resources.memory)
    if resources.pids is not None:
        yield Write("pids", "pids.max", _limit(resources.pids), f"{WHERE}.pids.limit")
    yield from _v2_block_io(resources.block_io, host.weight_file)
    yield from _hugepages(resources, host, "max")
    yield from _rdma(resources)
    for file, value in resources.unified:
        yield Write(file.partition(".")[0], file, value, f"{WHERE}.unified[{file!r}]")


def _controllers(host: OciHost) -> tuple[str, ...]:
    if host.hierarchies:
        return tuple(name for hierarchy in host.hierarchies for name in hierarchy.controllers)
    return host.controllers


def resource_writes(resources: Resources, host: OciHost) -> tuple[Write, ...]:
    """All that the limits write, in order; devices are apart. Raises what can't be honoured, by its name."""
    writes = tuple((_v1_resources if host.hierarchies else _v2_resources)(resources, host))
    known = _controllers(host)
    for write in writes:
        if write.controller not in known:
            raise refused(write.where, f"this host has no {write.controller} controller")
    return writes


def resource_warnings(resources: Resources) -> tuple[str, ...]:
    """What is passed over because no kernel of today has it."""
    warnings = []
    if resources.memory.kernel:
        warnings.append(f"{WHERE}.memory.kernel: deprecated by the specification, ignored")
    if resources.memory.use_hierarchy is False:
        warnings.append(f"{WHERE}.memory.useHierarchy: memory is always accounted hierarchically, ignored")
    return tuple(warnings)


def cgroup_path(path: str, container: str, own: str) -> str:
    """Where below a hierarchy's mount point the container goes: absolute as given, else below the caller's own."""
    if ".." in path.split("/") or "\n" in path:
        raise InvalidFileError(f"linux.cgroupsPath: {path!r} leads out of its place", hint="leave '..' out")
    if path.startswith("/"):
        normal = posixpath.normpath(path).lstrip("/")
        if not normal:
            raise InvalidFileError("linux.cgroupsPath: the root cgroup is everybody's", hint="name one below it")
        return normal
    return posixpath.normpath(f"/{own}/{path or container}").lstrip("/")


Place = tuple[tuple[str, ...], str, str]
"""(controllers, the hierarchy's mount point, the container's path below it)."""


def _places(path: str, container: str, host: OciHost) -> Iterator[Place]:
    for hierarchy in host.hierarchies:
        yield hierarchy.controllers, hierarchy.mount, cgroup_path(path, container, hierarchy.own)
    if not host.hierarchies and host.unified:
        # Beside the caller's own, not below it: a cgroup with processes in it hands no controllers down (cgroup-v2.rst).
        yield ("",), host.unified, cgroup_path(path, container, posixpath.dirname(host.unified_own))


def _has_limits(resources: Resources) -> bool:
    return replace(resources, devices=()) != type(resources)()


def _open_ops(places: list[Place], *, v1: bool) -> Iterator[Op]:
    for controllers, mount, path in places:
        how = (CPUSET_INHERITS if "cpuset" in controllers else 0) if v1 else HANDS_DOWN
        why = f"linux.cgroupsPath{f': {controllers[0]}' if v1 else ''}"
        yield Op("CGROUP_OPEN", (mount, path, how), why)


def _why_closed(places: list[Place], host: OciHost) -> str:
    """Why no cgroup can be made; nothing where it can."""
    if not places:
        return "no cgroup file system is mounted"
    if host.hierarchies:
        closed = [hierarchy for hierarchy in host.hierarchies if not hierarchy.writable]
        return f"only root may make cgroups here: {closed[0].mount} isn't yours" if closed else ""
    if host.delegated is None:
        return "only root may make cgroups here: none is delegated to you"
    below = not host.delegated or places[0][2].startswith(f"{host.delegated}/")
    return "" if below else f"/{places[0][2]} isn't below /{host.delegated}, where you may make cgroups"


def plan_cgroups(path: str, container: str, resources: Resources, host: OciHost, owner: int = 0) -> CgroupPlan:
    """The container's cgroups with their limits. Raises what can't be honoured, by its name.

    ``owner`` is the user that v2's is given to.
    """
    warnings = resource_warnings(resources)
    places = list(_places(path, container, host))
    why = _why_closed(places, host)
    if resources.devices and not host.machine_root:
        warnings = (*warnings, f"{WHERE}.devices: only root can limit the use of devices, ignored")
    if why:
        if _has_limits(resources):
            raise refused(WHERE, why, "run as root or in a cgroup of your own, or leave the limits out")
        return CgroupPlan((), (), 0, Cgroup(), (*warnings, f"linux.cgroupsPath: {why}, so there is no cgroup"))
    v1 = bool(host.hierarchies)
    index = {name: number for number, (controllers, _, _) in enumerate(places) for name in controllers}
    ops = list(_open_ops(places, v1=v1))
    ops += [
        Op("CGROUP_WRITE", (index.get(write.controller, 0), write.file, write.value), write.where)
        for write in resource_writes(resources, host)
    ]
    if v1 and "devices" in index:
        lines = v1_writes(resources.devices)
        ops += [Op("CGROUP_WRITE", (index["devices"], file, value), f"{WHERE}.devices") for file, value in lines]
    elif not v1 and host.machine_root:
        ops.append(Op("DEVICE_FILTER", (0, v2_program(resources.devices)), f"{WHERE}.devices"))
        if owner:
            ops.append(Op("CGROUP_OWNER", (0, owner), "config-linux, 'Cgroup ownership': it is mounted writable"))
    folders = tuple((controllers if v1 else (), posixpath.join(mount, below)) for controllers, mount, below in places)
    enter = tuple(Op("CGROUP_ENTER", (number,), "linux.cgroupsPath") for number in range(len(places))) if v1 else ()
    return CgroupPlan(tuple(ops), enter, 0 if v1 else 1, Cgroup(folders), warnings)


def join_cgroups(cgroup: Cgroup) -> CgroupPlan:
    """The operations of a process that joins a container's cgroups."""
    ops = tuple(Op("CGROUP_OPEN", (folder, "", MUST_EXIST), "the container's cgroup") for _, folder in cgroup.folders)
    into, enter = 0, list[Op]()
    for number, (controllers, _) in enumerate(cgroup.folders):
        if controllers in {(), HYBRID}:
            into = number + 1
        else:
            enter.append(Op("CGROUP_ENTER", (number,), "the container's cgroup"))
    return CgroupPlan(ops, tuple(enter), into, cgroup)
