"""What the host offers to OCI containers, read from the running system."""

from __future__ import annotations

import os

from whit.packer.support.userns import find_mappers
from whit.runtime.machine import architecture, cgroup_mounts, oci_launcher, own_cgroups, unified_cgroup, writers
from whit.runtime.oci.model import Hierarchy, OciHost
from whit.runtime.oci.records import ALL_USERS

HUGE_PAGES = "/sys/kernel/mm/hugepages"
_UNITS = ((1 << 20, "GB"), (1 << 10, "MB"), (1, "KB"))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - pathlib costs more than the rest
            return file.read()
    except OSError:
        return ""


def _may_write(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def delegated(mount: str, own: str) -> str | None:
    """The uppermost cgroup on the way to the caller's own in which it may make others; None where there is none.

    To move a process it must be one's own right up there (cgroup-v2.rst, "Delegation Containment").
    """
    parts = own.split("/") if own else []
    for depth in range(len(parts) + 1):
        path = "/".join(parts[:depth])
        folder = f"{mount}/{path}" if path else mount
        if _may_write(folder) and os.access(f"{folder}/cgroup.procs", os.W_OK):
            return path
    return None


def own_folder(point: str, root: str, own: str) -> str:
    """The folder of the cgroup ``own`` below a mount whose root is the cgroup ``root``; the mount itself where it isn't in it."""
    above = root.rstrip("/")
    below = own[len(above) :].rstrip("/")
    return point + below if f"{own}/".startswith(f"{above}/") and ".." not in below.split("/") else point


def hierarchies(mountinfo: str, cgroup: str) -> tuple[tuple[Hierarchy, ...], str, str]:
    """(v1 hierarchies, the v2 mount point or nothing, the folder of the caller's own cgroup of v2)."""
    own = own_cgroups(cgroup)
    found: dict[str, Hierarchy] = {}
    unified = unified_folder = ""
    for kind, point, options, root in cgroup_mounts(mountinfo):
        if kind == "cgroup2":
            unified_folder = unified_folder or own_folder(point, root, own.get("", "/"))
            unified = unified or point
            continue
        for listed, path in own.items():
            if listed and listed not in found and set(listed.split(",")) <= set(options):
                folder = own_folder(point, root, path)
                found[listed] = Hierarchy(tuple(listed.split(",")), point, path, _may_write(point), folder)
    return tuple(found.values()), unified, unified_folder


def _capabilities() -> int:
    for line in _text("/proc/self/status").splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def _page_sizes() -> tuple[str, ...]:
    """As the hugetlb controller's files are called: 2MB, 1GB (cgroup-v1/hugetlb.rst)."""
    try:
        names = sorted(os.listdir(HUGE_PAGES))  # noqa: PTH208 - names
    except OSError:
        return ()
    sizes = (int(name.removeprefix("hugepages-").removesuffix("kB")) for name in names)
    return tuple(next(f"{size // unit}{word}" for unit, word in _UNITS if size >= unit) for size in sizes)


def _weight_file(v1: tuple[Hierarchy, ...], unified: str) -> str:
    """The file of block devices' weights; the kernel has one by its scheduler, or none. v2 shows none at its root."""
    blkio = next((item.mount for item in v1 if "blkio" in item.controllers), "")
    if blkio:
        names = ("blkio.bfq.weight", "blkio.weight")
        return next((name for name in names if os.path.exists(f"{blkio}/{name}")), "")  # noqa: PTH110
    return "io.weight" if unified and not v1 else ""


def read_oci_host() -> OciHost:
    """The host as the plan must know it. Raises :class:`UnsupportedError` on a machine without system call tables."""
    known = architecture()
    cgroup = _text("/proc/self/cgroup")
    v1, unified, unified_folder = hierarchies(_text("/proc/self/mountinfo"), cgroup)
    memory = next((item.mount for item in v1 if "memory" in item.controllers), "")
    unified_own = unified_cgroup(cgroup)
    launcher = oci_launcher()
    owner, shared = writers(launcher)
    return OciHost(
        user=os.geteuid(),
        group=os.getegid(),
        architecture=known,
        capabilities=_capabilities(),
        hierarchies=v1,
        unified=unified,
        unified_folder=unified_folder,
        unified_own=unified_own,
        controllers=tuple(_text(f"{unified}/cgroup.controllers").split()) if unified else (),
        swap=os.path.exists(f"{memory}/memory.memsw.limit_in_bytes") if memory else True,  # noqa: PTH110
        launcher=launcher,
        launcher_owner=owner,
        launcher_shared=shared,
        apparmor=_text("/sys/module/apparmor/parameters/enabled").startswith("Y"),
        selinux=os.path.exists("/sys/fs/selinux/enforce"),  # noqa: PTH110
        page_sizes=_page_sizes(),
        weight_file=_weight_file(v1, unified),
        delegated=delegated(unified, unified_own) if unified and not v1 else None,
        mappers=find_mappers() if os.geteuid() else None,
        sets_groups=not _text("/proc/self/setgroups").startswith("deny"),
        first_users=_text("/proc/self/uid_map").split() in ([], ALL_USERS),
    )
