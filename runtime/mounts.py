"""The container's file systems: what is mounted where, and what of /proc is hidden. Pure."""

from __future__ import annotations

import posixpath
import re
import stat

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.cgroup import CgroupLayout, CgroupVersion
from whit.runtime.devfiles import DEVICES, LINKS, PTMX
from whit.runtime.limits import parse_size
from whit.runtime.model import Op

if TYPE_CHECKING:
    from collections.abc import Iterator

RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
"""Mount attributes as mount_setattr(2) takes them."""

HARDENED = NOSUID | NODEV | NOEXEC

FORBIDDING = {"noexec": NOEXEC, "nosuid": NOSUID, "nodev": NODEV}

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in the container

MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
)  # fmt: skip
"""What tells of the host or of other containers, as docker and podman mask it."""

MASKED_SYS = ("/sys/devices/virtual/powercap", "/sys/firmware")

READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
"""What would change the host."""

MOUNT_POINTS = ("/dev", "/proc", "/sys")
"""Folders that every root file system must have for a launch."""


NAMES = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A file or folder of the host in the container; ``is_directory`` decides what its mount point must be.

    The source :data:`NAMES` stands for the hosts file that the launcher writes. Nothing is executed of what ``runs_nothing``.
    """

    source: str
    target: str
    read_only: bool
    is_directory: bool
    runs_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A file system in memory; ``options`` are the kernel's (``size=…``, ``mode=…``).

    It is empty, or ``filled`` with a copy of what the image has there; then the mode is its only option.
    """

    target: str
    options: tuple[str, ...]
    attributes: int
    filled: bool = False


def container_path(text: str, whole: str) -> str:
    """An absolute, normal path inside the container. Raises :class:`UsageError`."""
    if not text.startswith("/") or ".." in text.split("/"):
        raise UsageError(
            f"'{whole}': '{text}' is no absolute path in the container", hint="write it from / on, without '..'"
        )
    path = posixpath.normpath(text).replace("//", "/")
    if path == "/" or any(path == point or path.startswith(point + "/") for point in ("/proc", "/sys")):
        raise UsageError(f"'{whole}': nothing may be mounted on {path}", hint="choose another path in the container")
    return path


def _tmpfs_size(value: str, whole: str) -> int:
    size = parse_size(value)
    if not 0 < size < 1 << 63:
        raise UsageError(f"'{whole}': no tmpfs has a size of {value}", hint="without size= it may take half the memory")
    return size


def parse_tmpfs(text: str) -> Tmpfs:
    """``/run:size=16m,exec`` → :class:`Tmpfs`, with docker's defaults: noexec, nosuid, nodev, writable by all."""
    path, _, words = text.partition(":")
    attributes, options = HARDENED, ["mode=1777"]
    for word in filter(None, words.split(",")):
        key, _, value = word.partition("=")
        if word in {"exec", "suid", "dev"}:
            attributes &= ~FORBIDDING[f"no{word}"]
        elif word in FORBIDDING:
            attributes |= FORBIDDING[word]
        elif word == "ro":
            attributes |= RDONLY
        elif key == "size":
            options.append(f"size={_tmpfs_size(value, text)}")
        elif key == "mode" and re.fullmatch("[0-7]{1,4}", value):
            options[0] = f"mode={value}"
        elif word != "rw":
            raise UsageError(f"'{text}': '{word}' is no tmpfs option", hint="use size=, mode=, exec, ro")
    return Tmpfs(container_path(path, text), tuple(options), attributes)


def _dev_ops(*, privileged: bool) -> Iterator[Op]:
    options = ("mode=755", "size=64m")
    yield Op("MOUNT_NEW", ("tmpfs", "/dev", options, NOSUID | NOEXEC), "a /dev of its own, with nothing of the host's")
    for name, major, minor in DEVICES:
        path = f"/dev/{name}"
        if privileged:
            yield Op("MAKE_DEVICE", (path, stat.S_IFCHR | 0o666, major, minor), f"the device {name}")
        else:
            yield Op("MAKE_DEVICE", (path, stat.S_IFREG | 0o666, 0, 0), f"a place for the device {name}")
            yield Op("MOUNT_BIND", (path, path, NOSUID | NOEXEC, 0), f"the device {name}, which only root may create")
    for name, target in LINKS:
        yield Op("MAKE_LINK", (f"/dev/{name}", target), f"/dev/{name} as programs expect it")
    yield Op("MAKE_DIRECTORY", (SHARED_MEMORY, 0o1777), "shared memory between its processes")
    yield Op("MAKE_DIRECTORY", ("/dev/pts", 0o755), "a place for terminals")
    terminals = ("newinstance", "ptmxmode=0666", "mode=0620")
    yield Op("MOUNT_NEW", ("devpts", "/dev/pts", terminals, NOSUID | NOEXEC), "terminals of its own, not the host's")
    yield Op("MAKE_LINK", (f"/dev/{PTMX[0]}", PTMX[1]), "the way to a new terminal")


def _proc_ops() -> Iterator[Op]:
    yield Op("MOUNT_NEW", ("proc", "/proc", (), HARDENED), "its own processes, none of the host's")
    for path in READONLY:
        yield Op("MOUNT_READONLY", (path,), "what is written here changes the host")
    for path in MASKED:
        yield Op("MASK", (path,), "tells of the host")


def _sys_ops(*, own_network: bool) -> Iterator[Op]:
    why = "devices and kernel settings, to read only"
    if own_network:
        yield Op("MOUNT_NEW", ("sysfs", "/sys", (), RDONLY | HARDENED), why)
    else:
        yield Op("MOUNT_BIND", ("/sys", "/sys", RDONLY | HARDENED, 1), why)
    for path in MASKED_SYS:
        yield Op("MASK", (path,), "tells of the host's hardware")


def _cgroup_ops(layout: CgroupLayout, controllers: tuple[str, ...]) -> Iterator[Op]:
    why = "lets the program read its own limits"
    if layout.version is CgroupVersion.V2:
        yield Op("MOUNT_NEW", ("cgroup2", "/sys/fs/cgroup", (), RDONLY | HARDENED), why)
    elif controllers:
        yield Op(
            "MOUNT_NEW", ("tmpfs", "/sys/fs/cgroup", ("mode=755", "size=64k"), HARDENED), "a place for its cgroups"
        )
        for controller in controllers:
            path = f"/sys/fs/cgroup/{controller}"
            yield Op("MAKE_DIRECTORY", (path, 0o755), f"a place for the {controller} cgroup")
            yield Op("MOUNT_NEW", ("cgroup", path, (controller,), RDONLY | HARDENED), why)


def _extra_op(mount: Volume | Tmpfs) -> Op:
    if isinstance(mount, Tmpfs) and mount.filled:
        why = "a place to write, in memory, with what the image has there"
        return Op("MOUNT_FILLED", (mount.target, mount.options[0], mount.attributes), why)
    if isinstance(mount, Tmpfs):
        args = ("tmpfs", mount.target, mount.options, mount.attributes)
        return Op("MOUNT_NEW", args, "an empty place to write, in memory")
    if mount.source == NAMES:
        return Op("HOSTS_BIND", (mount.target,), "its own name and those of the containers around it")
    attributes = NOSUID | NODEV | (RDONLY if mount.read_only else 0) | (NOEXEC if mount.runs_nothing else 0)
    why = f"{mount.source} of the host, {'to read only' if mount.read_only else 'to read and write'}"
    return Op("MOUNT_BIND", (mount.source, mount.target, attributes, 1), why)


def _place_ops(mount: Volume | Tmpfs, outer: str, made: set[str]) -> Iterator[Op]:
    """The mount's place below ``outer``, which is empty but for what was ``made`` there."""
    for depth in range(outer.count("/") + 1, mount.target.count("/") + 1):
        path = "/".join(mount.target.split("/")[: depth + 1])
        if path in made:
            continue
        made.add(path)
        if path == mount.target and isinstance(mount, Volume) and not mount.is_directory:
            yield Op("MAKE_DEVICE", (path, stat.S_IFREG | 0o644, 0, 0), "a place for the file")
        else:
            yield Op("MAKE_DIRECTORY", (path, 0o755), "a place to mount on")


def _extra_ops(volumes: tuple[Volume, ...], tmpfs: tuple[Tmpfs, ...]) -> Iterator[Op]:
    # What is mounted so far, and whether it is empty. /dev is, but for what _dev_ops has made.
    mounted = {"/dev": True}
    made = {SHARED_MEMORY, "/dev/pts", *(f"/dev/{name}" for name, *_ in (*DEVICES, *LINKS))}
    # A mount hides what was mounted below its target before: so outer ones come first.
    wanted: list[Volume | Tmpfs] = [*tmpfs, *volumes]
    for mount in sorted(wanted, key=lambda mount: mount.target.count("/")):
        if mount.target in mounted and mount.target != "/dev":
            raise UsageError(f"{mount.target} is given twice", hint="mount one thing on one place")
        outer = max((path for path in mounted if mount.target.startswith(path + "/")), key=len, default="")
        if outer and mounted[outer]:
            yield from _place_ops(mount, outer, made)
        mounted[mount.target] = isinstance(mount, Tmpfs) and not mount.filled
        yield _extra_op(mount)


@dataclass(frozen=True, slots=True)
class MountWish:
    """What decides the container's mounts. ``cgroups`` are the v1 controllers whose limits the program may want to read."""

    rootfs: str
    privileged: bool
    own_network: bool
    layout: CgroupLayout
    cgroups: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()


def mount_ops(wish: MountWish) -> tuple[Op, ...]:
    """The operations from the host's mounts to the container's root."""
    return (
        Op("MOUNTS_PRIVATE", (), "no mount of the container's is seen by the host, and none of the host's comes in"),
        Op("ROOT_ATTACH", (wish.rootfs, RDONLY | NOSUID | NODEV), "the image's files, which nothing may change"),
        *_proc_ops(),
        *_dev_ops(privileged=wish.privileged),
        *_sys_ops(own_network=wish.own_network),
        *(_cgroup_ops(wish.layout, wish.cgroups) if wish.cgroups else ()),
        *_extra_ops(wish.volumes, wish.tmpfs),
        Op("ROOT_PIVOT", (), "the container's root; no way back to the host's files stays"),
    )
