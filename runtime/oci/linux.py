"""``linux`` of config.json: namespaces, devices and what else only Linux has. Pure.

Source: OCI runtime-spec, config-linux.
"""

from __future__ import annotations

import stat

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.oci.fields import HINT, I64, U32, matches, wrong
from whit.runtime.oci.mountspec import PROPAGATION, IdMapping, id_mapping
from whit.runtime.oci.resources import Resources, read_resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.oci.fields import Fields

NAMESPACES: dict[str, int] = {
    "user": 0x1000_0000, "ipc": 0x0800_0000, "uts": 0x0400_0000, "network": 0x4000_0000, "pid": 0x2000_0000,
    "mount": 0x0002_0000, "cgroup": 0x0200_0000, "time": 0x0000_0080,
}  # fmt: skip
"""Type → clone flag (clone(2))."""

CLOCKS = ("monotonic", "boottime")

SECCOMP_FLAGS: dict[str, int] = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
}
"""Flag → number (include/uapi/linux/seccomp.h)."""

MEMORY_MODES = (
    "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
    "MPOL_WEIGHTED_INTERLEAVE",
)  # fmt: skip
"""Position = number (include/uapi/linux/mempolicy.h)."""

MEMORY_FLAGS: dict[str, int] = {
    "MPOL_F_STATIC_NODES": 1 << 15,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_NUMA_BALANCING": 1 << 13,
}

DEVICE_TYPES: dict[str, int] = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "u": stat.S_IFCHR, "p": stat.S_IFIFO}


@dataclass(frozen=True, slots=True)
class Namespace:
    """``path`` empty: a new one, else that which is to be joined."""

    type: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A device file; ``type`` and permissions are in ``mode`` as mknod(2) takes them."""

    path: str
    mode: int
    major: int
    minor: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Seccomp:
    """``document`` is for runtime/seccomp/oci.py; ``flags`` are those of seccomp(2), None where none are given;
    ``notified`` are the system calls that an agent is asked about.
    """

    document: Mapping[str, object]
    flags: int | None
    listener_path: str
    listener_metadata: str
    notified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """How far a clock is ahead."""

    clock: str
    seconds: int
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class IntelRdt:
    """Resource Director Technology: a class of service and what is written to its schemata."""

    class_id: str
    schemata: tuple[str, ...]
    l3_cache_schema: str
    memory_schema: str
    monitoring: bool


@dataclass(frozen=True, slots=True)
class MemoryPolicy:
    """NUMA policy: ``mode`` holds the flags too, as set_mempolicy(2) takes them; ``nodes`` are their numbers."""

    mode: int
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Linux:
    """``personality`` is personality(2)'s number; ``propagation`` a word of mountspec's; ``network_devices`` (host, inside)."""

    namespaces: tuple[Namespace, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
    time_offsets: tuple[TimeOffset, ...] = ()
    devices: tuple[Device, ...] = ()
    network_devices: tuple[tuple[str, str], ...] = ()
    cgroups_path: str = ""
    resources: Resources = Resources()
    intel_rdt: IntelRdt | None = None
    memory_policy: MemoryPolicy | None = None
    sysctl: tuple[tuple[str, str], ...] = ()
    seccomp: Seccomp | None = None
    propagation: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    mount_label: str = ""
    personality: int | None = None


def _namespace(fields: Fields) -> Namespace:
    kind, path = fields.word("type", tuple(NAMESPACES), needed=True), fields.text("path")
    if path and not path.startswith("/"):
        raise wrong(fields.path("path"), path, "an absolute path")
    return Namespace(kind, path)


def _namespaces(fields: Fields) -> tuple[Namespace, ...]:
    found = fields.each("namespaces", _namespace)
    types = [namespace.type for namespace in found]
    for index, kind in enumerate(types):
        if kind in types[:index]:
            where = f"{fields.path('namespaces')}[{index}].type"
            raise InvalidFileError(f"{where}: the {kind} namespace is given twice", hint=HINT)
    return found


def _device(fields: Fields) -> Device:
    path = fields.needed_text("path")
    if not path.startswith("/") or path.endswith("/") or ".." in path.split("/"):
        raise wrong(fields.path("path"), path, "the absolute path of a file in the container")
    kind = fields.word("type", tuple(DEVICE_TYPES), needed=True)
    read = fields.number if kind == "p" else fields.needed_number
    major, minor = (read(name, 0, U32) or 0 for name in ("major", "minor"))
    mode = fields.number("fileMode", 0, 0o7777_7777)
    permissions = 0o666 if mode is None else mode & 0o7777
    uid, gid = (fields.number(name, 0, U32 - 1) or 0 for name in ("uid", "gid"))
    return Device(path, DEVICE_TYPES[kind] | permissions, major, minor, uid, gid)


def _network_device(fields: Fields) -> str:
    name = fields.text("name")
    # A number may be left to the kernel, by %d at the end.
    if name and not matches(r"(?!\.{1,2}$)([^\s/:%]{1,15}|[^\s/:%]{1,13}%d)", name):
        raise wrong(fields.path("name"), name, "the name of a network interface")
    return name


def _network_devices(fields: Fields) -> tuple[tuple[str, str], ...]:
    devices = fields.map("netDevices", _network_device)
    for name, _ in devices:
        if not matches(r"[^\s/:]{1,15}", name):
            raise wrong(fields.path("netDevices"), name, "the name of a network interface")
    return tuple((name, inside or name) for name, inside in devices)


def _seccomp(fields: Fields) -> Seccomp:
    flags: int | None = None
    for item, where in fields.items("flags"):
        if item not in SECCOMP_FLAGS:
            raise wrong(where, item, f"one of {', '.join(SECCOMP_FLAGS)}")
        flags = (flags or 0) | SECCOMP_FLAGS[str(item)]
    for name in ("defaultAction", "defaultErrnoRet", "architectures", "syscalls"):
        fields.take(name)
    syscalls = fields.document.get("syscalls")
    entries = syscalls if isinstance(syscalls, list) else []
    asking = [entry for entry in entries if isinstance(entry, dict) and entry.get("action") == "SCMP_ACT_NOTIFY"]
    notified = tuple(str(name) for entry in asking for name in entry.get("names") or ())
    path, metadata = fields.text("listenerPath"), fields.text("listenerMetadata")
    if metadata and not path:
        raise wrong(fields.path("listenerMetadata"), metadata, "of use without listenerPath")
    return Seccomp(fields.document, flags, path, metadata, notified)


def _offset(fields: Fields) -> tuple[int, int]:
    # The kernel wants whole clocks within ±(2^63 / 10^9) s, and fewer than 10^9 ns (time_namespaces(7)).
    return fields.number("secs", -I64, I64) or 0, fields.number("nanosecs", 0, 999_999_999) or 0


def _time_offsets(fields: Fields) -> tuple[TimeOffset, ...]:
    offsets = fields.map("timeOffsets", _offset)
    for clock, _ in offsets:
        if clock not in CLOCKS:
            raise wrong(fields.path("timeOffsets"), clock, f"a clock that can be moved: {', '.join(CLOCKS)}")
    return tuple(TimeOffset(clock, *offset) for clock, offset in offsets)


def _intel_rdt(fields: Fields) -> IntelRdt:
    return IntelRdt(
        fields.text("closID"),
        fields.texts("schemata"),
        fields.text("l3CacheSchema"),
        fields.text("memBwSchema"),
        fields.flag("enableMonitoring"),
    )


def _nodes(text: str, where: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        known = matches(r"[0-9]{1,4}(-[0-9]{1,4})?", part.strip())
        one, _, other = part.strip().partition("-")
        first, last = (int(one), int(other or one)) if known else (1, 0)
        if first > last or last > 1023:  # noqa: PLR2004 - the kernel's MAX_NUMNODES at most
            raise wrong(where, text, "a list of memory nodes such as 0-3,7")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def _memory_policy(fields: Fields) -> MemoryPolicy:
    mode = MEMORY_MODES.index(fields.word("mode", MEMORY_MODES, needed=True))
    for item, where in fields.items("flags"):
        if item not in MEMORY_FLAGS:
            raise wrong(where, item, f"one of {', '.join(MEMORY_FLAGS)}")
        mode |= MEMORY_FLAGS[str(item)]
    return MemoryPolicy(mode, _nodes(fields.text("nodes"), fields.path("nodes")))


def _personality(fields: Fields) -> int:
    for item, where in fields.items("flags"):
        raise wrong(where, item, "a flag: the specification has none yet")
    return {"LINUX": 0, "LINUX32": 8}[fields.word("domain", ("LINUX", "LINUX32"), needed=True)]


def _paths(fields: Fields, name: str) -> tuple[str, ...]:
    paths = fields.texts(name)
    for index, path in enumerate(paths):
        if not path.startswith("/"):
            raise wrong(f"{fields.path(name)}[{index}]", path, "an absolute path in the container")
    return paths


def read_linux(fields: Fields) -> Linux:
    """The section; raises what :class:`Fields` does."""
    return Linux(
        namespaces=_namespaces(fields),
        uid_mappings=fields.each("uidMappings", id_mapping),
        gid_mappings=fields.each("gidMappings", id_mapping),
        time_offsets=_time_offsets(fields),
        devices=fields.each("devices", _device),
        network_devices=_network_devices(fields),
        cgroups_path=fields.text("cgroupsPath"),
        resources=fields.one("resources", read_resources) or Resources(),
        intel_rdt=fields.one("intelRdt", _intel_rdt),
        memory_policy=fields.one("memoryPolicy", _memory_policy),
        sysctl=fields.texts_map("sysctl"),
        seccomp=fields.one("seccomp", _seccomp),
        propagation=fields.word("rootfsPropagation", tuple(PROPAGATION)),
        masked_paths=_paths(fields, "maskedPaths"),
        readonly_paths=_paths(fields, "readonlyPaths"),
        mount_label=fields.text("mountLabel"),
        personality=fields.one("personality", _personality),
    )
