"""``root``, ``mounts``, ``linux.devices``, masked and read-only paths → operations on the container's file systems. Pure.

The order is the configuration's own; what is to be read-only becomes so at the end, because places to mount on and
devices are made in it before.
"""

from __future__ import annotations

import posixpath
import stat

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.devfiles import DEVICES, LINKS, PTMX
from whit.runtime.model import Op
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.linux import Device
from whit.runtime.oci.mountspec import PROPAGATION, RDONLY
from whit.runtime.oci.namespaces import packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.model import Cgroup, OciHost
    from whit.runtime.oci.mountspec import Mount
    from whit.runtime.oci.spec import Spec

NO_LINKS, ON_PROC, NEEDS_PROC, KEEP_MODE = 1, 2, 4, 8
"""How TREE_ATTACH mounts (runtime/launcher/ops_tree.c)."""

PIVOT, COVER, ENTER = 0, 1, 2
"""How ROOT_SWITCH makes the root the root (runtime/launcher/ops_root.c)."""

SLAVE, PRIVATE = 1 << 19, 1 << 18
SHARED, UNBINDABLE = 1 << 20, 1 << 17
BELOW = 1 << 14
"""MS_REC."""

INSIDE_PROC = (
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
    "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
)  # fmt: skip
"""What tools that feign a machine's size mount (lxcfs), as runc allows it. Anything else in /proc could fool the runtime."""

DEFAULT_DEVICES = tuple(
    Device(f"/dev/{name}", stat.S_IFCHR | 0o666, major, minor, 0, 0) for name, major, minor in DEVICES
)

CONTEXT_OPTIONS = ("context=", "fscontext=", "defcontext=", "rootcontext=")


class _Work:
    """What is gathered on the way: mounts that are prepared outside or early, and paths that become read-only at the end."""

    def __init__(
        self, spec: Spec, bundle: str, host: OciHost, cgroup: Cgroup, *, own_cgroups: bool, user: bool
    ) -> None:
        self.spec, self.bundle, self.host, self.cgroup = spec, bundle, host, cgroup
        self.own_cgroups, self.user = own_cgroups, user
        self.parent: list[Op] = []
        self.early: list[Op] = []
        self.mapped = 0
        self.readonly: list[tuple[str, str]] = []
        self.warnings: list[str] = []


@dataclass(frozen=True, slots=True)
class FilesystemPlan:
    """The operations before the container exists; those on mounts; and those after the place where hooks see the new root."""

    parent: tuple[Op, ...]
    mounts: tuple[Op, ...]
    after: tuple[Op, ...]
    switched: tuple[Op, ...]
    warnings: tuple[str, ...]


def normal(path: str) -> str:
    """A path of the container's, from its root on."""
    return posixpath.normpath("/" + path).replace("//", "/")


def _how(target: str, mount: Mount) -> int:
    """How the mount is attached. Raises for what runc refuses too: mounts that let the image feign a /proc."""
    where = f"{mount.where}.destination"
    if target == "/":
        raise InvalidFileError(f"{where}: nothing can be mounted on the root itself", hint="it is root.path")
    if target == "/proc":
        if mount.bind:
            return NO_LINKS | NEEDS_PROC
        if mount.type != "proc":
            raise InvalidFileError(f"{where}: on /proc only a proc file system is mounted, not {mount.type}", hint=HINT)
        return NO_LINKS
    if target.startswith("/proc/"):
        if target not in INSIDE_PROC:
            raise InvalidFileError(f"{where}: nothing is mounted inside /proc, on {target}", hint=HINT)
        return NO_LINKS | ON_PROC
    if mount.type in {"proc", "sysfs"} and not mount.bind:
        return NO_LINKS
    return 0


def _early(work: _Work, mount: Mount) -> bool:
    """Whether the mount's source is to be opened while it is still of the host's peer group: only so is it shared with it."""
    asked = [kind for kind, _ in mount.propagation]
    if asked:
        return asked[-1] == SHARED
    return work.spec.linux.propagation in {"shared", "rshared"}


def _bind_ops(work: _Work, mount: Mount) -> Iterator[Op]:
    if not mount.source:
        raise InvalidFileError(f"{mount.where}.source is missing: a bind mount needs it", hint=HINT)
    source = posixpath.join(work.bundle, mount.source)
    for word in mount.data:
        work.warnings.append(f"{mount.where}.options: '{word}' has no meaning for a bind mount, ignored")
    for name, _ in mount.flags:
        work.warnings.append(f"{mount.where}.options: '{name}' is the file system's, not a bind mount's, ignored")
    if mount.idmap or mount.uid_mappings:
        yield _idmapped(work, mount, source)
    elif _early(work, mount):
        work.early.append(Op("TREE_BIND", (source, int(mount.recursive)), mount.where))
        work.early.append(Op("TREE_KEEP", (), f"{mount.where}: shared with the host"))
        # Those with mapped users are kept before these: by the parent.
        yield Op("TREE_TAKE", (work.mapped + len(work.early) // 2 - 1,), mount.where)
    else:
        yield Op("TREE_BIND", (source, int(mount.recursive)), mount.where)
    for attributes, below in ((mount.attributes, 0), (mount.below, 1)):
        if attributes.set or attributes.clear:
            yield Op("TREE_ATTRIBUTES", (attributes.set, attributes.clear, below), f"{mount.where}.options")


def _idmapped(work: _Work, mount: Mount, source: str) -> Op:
    uids = mount.uid_mappings or work.spec.linux.uid_mappings
    gids = mount.gid_mappings or work.spec.linux.gid_mappings
    if not uids or not gids:
        raise InvalidFileError(f"{mount.where}: idmap needs uidMappings and gidMappings", hint=HINT)
    if not work.host.privileged:
        raise refused(f"{mount.where}.uidMappings", "mapped mounts need root")
    below = int(mount.idmap == "ridmap")
    arguments = (source, packed(uids), packed(gids), int(mount.recursive), below)
    work.parent.append(Op("TREE_IDMAPPED", arguments, f"{mount.where}.uidMappings"))
    return Op("TREE_TAKE", (len(work.parent) - 1,), mount.where)


def _new_ops(work: _Work, mount: Mount, target: str) -> Iterator[Op]:
    if mount.idmap or mount.uid_mappings:
        raise refused(f"{mount.where}.uidMappings", "only bind mounts are mapped")
    attributes = mount.attributes.set | mount.below.set
    if attributes & RDONLY and (mount.type == "tmpfs" or target == "/dev"):
        attributes &= ~RDONLY
        work.readonly.append((target, f"{mount.where}.options"))
    options = [
        name if on else {"lazytime": "nolazytime", "mand": "nomand"}.get(name, "async") for name, on in mount.flags
    ]
    label = work.spec.linux.mount_label if work.host.selinux else ""
    if label and mount.type not in {"proc", "sysfs"} and not any(o.startswith(CONTEXT_OPTIONS) for o in mount.data):
        options.append(f"context={label}")
    if attributes & RDONLY and mount.source.startswith("/dev/"):
        options.append("ro")
    yield Op("TREE_NEW", (mount.type, mount.source, (*options, *mount.data), attributes), mount.where)
    if mount.copy_up:
        yield Op("TREE_COPY_UP", (target,), f"{mount.where}.options: tmpcopyup")


def _propagation_ops(mount: Mount) -> Iterator[Op]:
    for kind, below in mount.propagation:
        yield Op("TREE_PROPAGATION", (kind, int(below)), f"{mount.where}.options")


def _cgroup_ops(work: _Work, mount: Mount, target: str) -> Iterator[Op]:
    """``type: cgroup``: v2's own tree, or v1's hierarchies each in a folder of its own (runc's layout).

    Without a cgroup namespace it is the container's cgroup alone, or the caller's where the container has none of its own: there
    a user namespace's root may mount none anew.
    """
    attributes = mount.attributes.set
    if not work.host.hierarchies:
        folder = work.cgroup.folders[0][1] if work.cgroup.folders else work.host.unified_folder
        if work.own_cgroups or not folder:
            yield Op("TREE_NEW", ("cgroup2", "cgroup", mount.data, attributes), mount.where)
        else:
            yield Op("TREE_BIND", (folder, 0), mount.where)
            yield Op("TREE_ATTRIBUTES", (attributes, 0, 0), f"{mount.where}.options")
        yield Op("TREE_ATTACH", (target, 0), mount.where)
        yield from _propagation_ops(mount)
        return
    writable = attributes & ~RDONLY
    yield Op("TREE_NEW", ("tmpfs", "tmpfs", ("mode=755",), writable), mount.where)
    yield Op("TREE_ATTACH", (target, 0), mount.where)
    folders = dict(work.cgroup.folders)
    for hierarchy in work.host.hierarchies:
        name = posixpath.basename(hierarchy.mount)
        folder = folders.get(hierarchy.controllers, hierarchy.folder)
        if work.own_cgroups or not folder:
            options = tuple(word for item in hierarchy.controllers for word in _v1_options(item))
            yield Op("TREE_NEW", ("cgroup", "cgroup", options, attributes), mount.where)
        else:
            yield Op("TREE_BIND", (folder, 0), mount.where)
            yield Op("TREE_ATTRIBUTES", (attributes, 0, 0), f"{mount.where}.options")
        yield Op("TREE_ATTACH", (f"{target}/{name}", 0), mount.where)
        for controller in hierarchy.controllers:
            if len(hierarchy.controllers) > 1 and controller != name:
                yield Op("LINK_ANEW", (f"{target}/{controller}", name), mount.where)
    if attributes & RDONLY:
        work.readonly.append((target, f"{mount.where}.options"))


def _v1_options(controller: str) -> tuple[str, ...]:
    return ("none", controller) if controller.startswith("name=") else (controller,)


def _remount_ops(mount: Mount, target: str) -> Iterator[Op]:
    if mount.data or mount.flags:
        raise refused(f"{mount.where}.options", "a remount changes the mount's own options, not the file system's")
    for attributes, below in ((mount.attributes, 0), (mount.below, 1)):
        if attributes.set or attributes.clear:
            arguments = (target, attributes.set, attributes.clear, below)
            yield Op("PATH_ATTRIBUTES", arguments, f"{mount.where}.options")


def _mount_ops(work: _Work, mount: Mount) -> Iterator[Op]:
    target = normal(mount.destination)
    if mount.remount or not (mount.bind or mount.type):
        yield from _remount_ops(mount, target)
        for kind, below in mount.propagation:
            yield Op("PATH_PROPAGATION", (target, kind, int(below)), f"{mount.where}.options")
        return
    how = _how(target, mount)
    if mount.type in {"cgroup", "cgroup2"} and not mount.bind:
        yield from _cgroup_ops(work, mount, target)
        return
    if mount.bind:
        if mount.copy_up:
            raise refused(f"{mount.where}.options", "tmpcopyup is for tmpfs")
        yield from _bind_ops(work, mount)
    else:
        if mount.type == "tmpfs" and not any(word.startswith("mode=") for word in mount.data):
            how |= KEEP_MODE
        yield from _new_ops(work, mount, target)
    yield Op("TREE_ATTACH", (target, how), mount.where)
    yield from _propagation_ops(mount)


def _device_ops(work: _Work) -> Iterator[Op]:
    """Device files in a /dev of the container's own; a /dev of the host's has them."""
    if any(mount.bind and normal(mount.destination) == "/dev" for mount in work.spec.mounts):
        if work.spec.linux.devices:
            work.warnings.append("linux.devices: /dev is a bind mount, which has its own; ignored")
        return
    devices = {device.path: device for device in (*DEFAULT_DEVICES, *work.spec.linux.devices)}
    for path, device in devices.items():
        why = "linux.devices" if device in work.spec.linux.devices else "a device that every container has"
        if work.user and not stat.S_ISFIFO(device.mode):
            # Nobody may make devices in a user namespace: the host's are mounted.
            yield Op("TREE_BIND", (path, 0), why)
            yield Op("TREE_ATTACH", (normal(path), 0), why)
        else:
            arguments = (normal(path), device.mode, device.major, device.minor, device.uid, device.gid)
            yield Op("DEVICE_NODE", arguments, why)
    for name, target in (*LINKS, PTMX):
        yield Op("LINK_ANEW", (f"/dev/{name}", target), "/dev as programs expect it")


def _end_ops(work: _Work) -> Iterator[Op]:
    linux = work.spec.linux
    for path in linux.readonly_paths:
        yield Op("MOUNT_READONLY", (path,), "linux.readonlyPaths")
    for path in linux.masked_paths:
        yield Op("MASK", (path,), "linux.maskedPaths")
    for path, why in work.readonly:
        yield Op("PATH_ATTRIBUTES", (path, RDONLY, 0, 0), why)
    if work.spec.root.readonly:
        yield Op("PATH_ATTRIBUTES", ("/", RDONLY, 0, 0), "root.readonly")


def plan_filesystem(
    spec: Spec, bundle: str, host: OciHost, cgroup: Cgroup, *, own_cgroups: bool, user: bool, own_mounts: bool
) -> FilesystemPlan:
    """The operations.

    ``own_cgroups``: there is a cgroup namespace; ``user``: there is a user namespace; ``own_mounts``: there is a new
    mount namespace. Without one the container's mounts are attached nowhere but to each other.
    """
    work = _Work(spec, bundle, host, cgroup, own_cgroups=own_cgroups, user=user)
    if spec.linux.mount_label and not host.selinux:
        work.warnings.append("linux.mountLabel: this host has no SELinux, ignored")
    work.mapped = sum(bool(mount.bind and (mount.idmap or mount.uid_mappings)) for mount in spec.mounts)
    mounts: list[Op] = []
    for mount in spec.mounts:
        mounts += _mount_ops(work, mount)
    mounts += _device_ops(work)
    if spec.process is not None:
        mounts.append(Op("PATH_MAKE", (normal(spec.process.cwd), 0o755), "process.cwd"))
    kind, _ = PROPAGATION.get(spec.linux.propagation, (SLAVE, True))
    outside = PRIVATE if kind in {PRIVATE, UNBINDABLE} else SLAVE
    root = posixpath.join(bundle, spec.root.path)
    cut_off = Op("MOUNTS_PROPAGATE", (outside | BELOW,), "no mount of the container's is seen by the host")
    own = SLAVE if spec.linux.propagation in {"slave", "rslave"} else PRIVATE
    begin = [
        *work.early,
        *([cut_off] if own_mounts else []),
        Op("ROOT_BIND", (root, own, int(own_mounts)), "root.path"),
    ]
    switched = []
    if kind in {SHARED, UNBINDABLE}:
        below = PROPAGATION[spec.linux.propagation][1]
        switched.append(
            Op("MOUNTS_PROPAGATE", (kind | (BELOW if below else 0),), "linux.rootfsPropagation")
            if own_mounts
            # Only the newer interface changes what is attached nowhere.
            else Op("PATH_PROPAGATION", ("/", kind, int(below)), "linux.rootfsPropagation")
        )
    return FilesystemPlan(
        tuple(work.parent), (*begin, *mounts), tuple(_end_ops(work)), tuple(switched), tuple(work.warnings)
    )
