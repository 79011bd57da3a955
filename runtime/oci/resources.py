"""``linux.resources`` of config.json, and the document of ``update``: what a container may use. Pure.

Source: OCI runtime-spec, config-linux, "Control groups". Sizes in bytes, times in microseconds, -1 is "no limit".
None: the member isn't there, and nothing is written.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.oci.fields import I64, U16, U32, U64, matches, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.fields import Fields


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """``kind`` is a (all), b or c; ``access`` of r, w, m; a number None stands for every one."""

    allow: bool
    kind: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"


@dataclass(frozen=True, slots=True)
class Memory:
    """Limits in bytes; ``swap`` is memory and swap together."""

    limit: int | None = None
    reservation: int | None = None
    swap: int | None = None
    kernel: int | None = None
    kernel_tcp: int | None = None
    swappiness: int | None = None
    disable_oom_killer: bool | None = None
    use_hierarchy: bool | None = None
    check_before_update: bool | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    """Shares, and times per period in µs; ``cpus`` and ``mems`` are lists as cpuset(7) writes them."""

    shares: int | None = None
    quota: int | None = None
    burst: int | None = None
    period: int | None = None
    realtime_runtime: int | None = None
    realtime_period: int | None = None
    cpus: str = ""
    mems: str = ""
    idle: int | None = None


@dataclass(frozen=True, slots=True)
class WeightDevice:
    """A block device's weight."""

    major: int
    minor: int
    weight: int | None
    leaf_weight: int | None


@dataclass(frozen=True, slots=True)
class ThrottleDevice:
    """A block device's rate: bytes or operations per second."""

    major: int
    minor: int
    rate: int


@dataclass(frozen=True, slots=True)
class BlockIo:
    """Block input and output."""

    weight: int | None = None
    leaf_weight: int | None = None
    weight_devices: tuple[WeightDevice, ...] = ()
    read_bps: tuple[ThrottleDevice, ...] = ()
    write_bps: tuple[ThrottleDevice, ...] = ()
    read_iops: tuple[ThrottleDevice, ...] = ()
    write_iops: tuple[ThrottleDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class HugepageLimit:
    """``page_size`` as the kernel writes it: 2MB, 1GB."""

    page_size: str
    limit: int


@dataclass(frozen=True, slots=True)
class NetworkClass:
    """v1's net_cls and net_prio; ``priorities`` are (interface, priority)."""

    class_id: int | None = None
    priorities: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rdma:
    """Handles and objects of one RDMA device."""

    hca_handles: int | None = None
    hca_objects: int | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """All limits; ``unified`` are (file, content) of cgroup v2."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory = Memory()
    cpu: Cpu = Cpu()
    pids: int | None = None
    block_io: BlockIo = BlockIo()
    hugepages: tuple[HugepageLimit, ...] = ()
    network: NetworkClass = NetworkClass()
    rdma: tuple[tuple[str, Rdma], ...] = ()
    unified: tuple[tuple[str, str], ...] = ()


def _device(fields: Fields) -> DeviceRule:
    kind = fields.word("type", ("a", "b", "c", "u")) or "a"
    access = fields.text("access") or "rwm"
    if len(access) > len("rwm") or set(access) - set("rwm"):
        raise wrong(fields.path("access"), access, "made of r, w and m")
    numbers = [fields.number(name, -1, U32) for name in ("major", "minor")]
    major, minor = (None if value is None or value < 0 else value for value in numbers)
    ordered = "".join(letter for letter in "rwm" if letter in access)
    return DeviceRule(fields.flag("allow"), "c" if kind == "u" else kind, major, minor, ordered)


def _memory(fields: Fields) -> Memory:
    return Memory(
        limit=fields.number("limit", -1, I64),
        reservation=fields.number("reservation", -1, I64),
        swap=fields.number("swap", -1, I64),
        kernel=fields.number("kernel", -1, I64),
        kernel_tcp=fields.number("kernelTCP", -1, I64),
        swappiness=fields.number("swappiness", 0, U64),
        disable_oom_killer=fields.choice("disableOOMKiller"),
        use_hierarchy=fields.choice("useHierarchy"),
        check_before_update=fields.choice("checkBeforeUpdate"),
    )


def listed(text: str) -> Iterator[int]:
    """The numbers of a list of CPUs or memory nodes (cpuset(7), "List format"): 0-3,7."""
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)


CPU_LIST = r"[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*"


def _cpu_list(fields: Fields, name: str) -> str:
    value = fields.text(name)
    if value and not matches(CPU_LIST, value):
        raise wrong(fields.path(name), value, "a list such as 0-3,7")
    return value


def _cpu(fields: Fields) -> Cpu:
    return Cpu(
        shares=fields.number("shares", 0, U64),
        quota=fields.number("quota", -1, I64),
        burst=fields.number("burst", 0, U64),
        period=fields.number("period", 0, U64),
        realtime_runtime=fields.number("realtimeRuntime", -1, I64),
        realtime_period=fields.number("realtimePeriod", 0, U64),
        cpus=_cpu_list(fields, "cpus"),
        mems=_cpu_list(fields, "mems"),
        idle=fields.number("idle", 0, 1),
    )


def _device_number(fields: Fields, name: str) -> int:
    return fields.needed_number(name, 0, U32)


def _weight_device(fields: Fields) -> WeightDevice:
    return WeightDevice(
        _device_number(fields, "major"),
        _device_number(fields, "minor"),
        fields.number("weight", 0, U16),
        fields.number("leafWeight", 0, U16),
    )


def _throttle_device(fields: Fields) -> ThrottleDevice:
    rate = fields.needed_number("rate", 0, U64)
    return ThrottleDevice(_device_number(fields, "major"), _device_number(fields, "minor"), rate)


def _block_io(fields: Fields) -> BlockIo:
    return BlockIo(
        weight=fields.number("weight", 0, U16),
        leaf_weight=fields.number("leafWeight", 0, U16),
        weight_devices=fields.each("weightDevice", _weight_device),
        read_bps=fields.each("throttleReadBpsDevice", _throttle_device),
        write_bps=fields.each("throttleWriteBpsDevice", _throttle_device),
        read_iops=fields.each("throttleReadIOPSDevice", _throttle_device),
        write_iops=fields.each("throttleWriteIOPSDevice", _throttle_device),
    )


def _hugepage(fields: Fields) -> HugepageLimit:
    size = fields.needed_text("pageSize")
    if not matches(r"[1-9][0-9]*[KMG]B", size):
        raise wrong(fields.path("pageSize"), size, "a size of pages such as 2MB")
    return HugepageLimit(size, fields.needed_number("limit", 0, U64))


def _priority(fields: Fields) -> tuple[str, int]:
    name = fields.needed_text("name")
    if not matches(r"[^\s/]{1,15}", name):
        raise wrong(fields.path("name"), name, "the name of a network interface")
    return name, fields.needed_number("priority", 0, U32)


def _network(fields: Fields) -> NetworkClass:
    return NetworkClass(fields.number("classID", 0, U32), fields.each("priorities", _priority))


def _rdma(fields: Fields) -> Rdma:
    return Rdma(fields.number("hcaHandles", 0, U32), fields.number("hcaObjects", 0, U32))


def _pids(fields: Fields) -> int | None:
    return fields.number("limit", -1, I64)


def _unified(fields: Fields) -> tuple[tuple[str, str], ...]:
    files = fields.texts_map("unified")
    for name, _ in files:
        # One file of the container's own cgroup, never the hierarchy's shape or another's process.
        if not matches(r"[a-z0-9_]+(\.[A-Za-z0-9_-]+)+", name) or name.startswith("cgroup."):
            raise wrong(fields.path("unified"), name, "a controller's file, such as memory.high")
    return files


def read_resources(fields: Fields) -> Resources:
    """The limits; raises what :class:`Fields` does."""
    return Resources(
        devices=fields.each("devices", _device),
        memory=fields.one("memory", _memory) or Memory(),
        cpu=fields.one("cpu", _cpu) or Cpu(),
        pids=fields.one("pids", _pids),
        block_io=fields.one("blockIO", _block_io) or BlockIo(),
        hugepages=fields.each("hugepageLimits", _hugepage),
        network=fields.one("network", _network) or NetworkClass(),
        rdma=fields.map("rdma", _rdma),
        unified=_unified(fields),
    )
