"""A RUN → the OCI configuration that whit-oci runs. Pure.

What docker build allows its programs, and not what ``whit run`` does: package managers change owners and users. The
capabilities are docker's usual ones but for making devices, which no image keeps that whit unpacks. The filter is whit's,
with what those are of use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.build.steps import Memory
from whit.packer.support.light import dataclass
from whit.runtime.engine.users import TERMINAL_GROUP, mount_without
from whit.runtime.mounts import MASKED, MASKED_SYS, READONLY
from whit.runtime.oci.spec import VERSION
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.profile import default_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.buildfile.build.steps import RunOrder
    from whit.packer.image.accounts import Identity
    from whit.packer.support.userns import Ids

Document = dict[str, object]

CAPABILITIES = (
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
)  # fmt: skip
"""Docker's usual ones (moby, oci/caps) without CAP_MKNOD."""

HOSTNAME = "buildkitsandbox"
"""BuildKit's, since programs have come to expect it."""

_NO_DEVICES: Document = {"devices": [{"allow": False, "access": "rwm"}]}
HARDENED = ("nosuid", "noexec", "nodev")
NAME_FILES = ("hosts", "resolv.conf")


@dataclass(frozen=True, slots=True)
class Shown:
    """A file or folder of the host that is bound over one of the root's."""

    source: str
    target: str
    is_readonly: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """What the configuration is made from. ``root`` is where the root is mounted, ``shown`` are its binds in order.

    ``ids`` are those of a builder who isn't root, None for root, who may make the cgroup.
    """

    order: RunOrder
    root: str
    identity: Identity
    cgroup: str
    shown: tuple[Shown, ...]
    ids: Ids | None = None


def _mount(target: str, kind: str, *options: str, source: str = "") -> Document:
    return {"destination": target, "type": kind, "source": source or kind, "options": list(options)}


def _own_mounts(order: RunOrder) -> Iterator[Document]:
    yield _mount("/proc", "proc", *HARDENED)
    yield _mount("/dev", "tmpfs", "nosuid", "noexec", "mode=755", "size=65536k")
    yield _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    yield _mount("/dev/shm", "tmpfs", *HARDENED, "mode=1777", "size=65536k", source="shm")  # noqa: S108
    yield _mount("/dev/mqueue", "mqueue", *HARDENED)
    yield _mount("/sys", "sysfs", *HARDENED, "ro")
    for mount in order.mounts:
        if isinstance(mount, Memory):
            size = (f"size={mount.size}",) if mount.size else ()
            yield _mount(mount.target, "tmpfs", "nosuid", "nodev", "mode=1777", *size)


def _shown(shown: Shown) -> Document:
    words = ("rbind", "ro" if shown.is_readonly else "rw", "nosuid", "nodev", "rprivate")
    return _mount(shown.target, "bind", *words, source=shown.source)


def _environment(order: RunOrder, identity: Identity) -> list[str]:
    names = {item.partition("=")[0] for item in order.environment}
    return [*order.environment, *([] if "HOME" in names else [f"HOME={identity.home or '/'}"])]


def document(placed: Placed) -> Document:
    """The configuration. Namespaces that aren't named are the caller's own: so is the network."""
    order, identity, ids = placed.order, placed.identity, placed.ids
    groups = [group for group in dict.fromkeys((identity.gid, *identity.groups)) if not ids or group < ids.groups]
    mounts = list(_own_mounts(order))
    if ids:
        mounts = [mount_without(mount, has_terminals=ids.groups > TERMINAL_GROUP) for mount in mounts]
    kept = list(CAPABILITIES)
    given = {"bounding": kept, "effective": kept, "permitted": kept}
    return {
        "ociVersion": VERSION,
        "process": {
            "user": {
                "uid": identity.uid,
                "gid": identity.gid,
                "additionalGids": groups if not ids or ids.groups > 1 else [],
            },
            "args": list(order.words),
            "env": _environment(order, identity),
            "cwd": order.directory,
            "capabilities": given if identity.uid == 0 else {"bounding": kept},
        },
        "root": {"path": placed.root},
        "hostname": HOSTNAME,
        "mounts": [*mounts, *map(_shown, placed.shown)],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")],
            **({} if ids else {"cgroupsPath": placed.cgroup, "resources": _NO_DEVICES}),
            "maskedPaths": [*MASKED, *MASKED_SYS],
            "readonlyPaths": list(READONLY),
            "seccomp": to_oci(default_filter(order.architecture, frozenset(CAPABILITIES))),
        },
    }
