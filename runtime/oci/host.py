"""What the host offers to OCI containers, read from the running system."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from whit.packer.errors import UnsupportedError
from whit.runtime.host import MACHINES
from whit.runtime.launch import find_launcher
from whit.runtime.oci.model import Hierarchy, OciHost

if TYPE_CHECKING:
    from collections.abc import Iterator

HUGE_PAGES = "/sys/kernel/mm/hugepages"
_UNITS = ((1 << 20, "GB"), (1 << 10, "MB"), (1, "KB"))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - pathlib costs more than the rest
            return file.read()
    except OSError:
        return ""


def own_cgroups(text: str) -> dict[str, str]:
    """/proc/self/cgroup: controllers as listed → the process's cgroup; v2's under the empty name (cgroups(7))."""
    lines = (line.split(":", 2) for line in text.splitlines())
    return {controllers: path for _, controllers, path in lines}


def _mounted(text: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(type, mount point, options of the file system) of each cgroup mount in a mountinfo (proc_pid_mountinfo(5))."""
    for line in text.splitlines():
        mount, _, system = line.partition(" - ")
        kind, _, options = system.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            yield kind, mount.split(" ")[4], tuple(options.split(","))


def hierarchies(mountinfo: str, cgroup: str) -> tuple[tuple[Hierarchy, ...], str]:
    """(v1 hierarchies, the v2 mount point or nothing)."""
    own = own_cgroups(cgroup)
    found: dict[str, Hierarchy] = {}
    unified = ""
    for kind, point, options in _mounted(mountinfo):
        if kind == "cgroup2":
            unified = unified or point
            continue
        for listed, path in own.items():
            if listed and listed not in found and set(listed.split(",")) <= set(options):
                found[listed] = Hierarchy(tuple(listed.split(",")), point, path)
    return tuple(found.values()), unified


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
    machine = os.uname().machine
    if machine not in MACHINES:
        raise UnsupportedError(f"whit runs nothing on {machine} yet", hint=f"it knows {', '.join(MACHINES)}")
    cgroup = _text("/proc/self/cgroup")
    v1, unified = hierarchies(_text("/proc/self/mountinfo"), cgroup)
    memory = next((item.mount for item in v1 if "memory" in item.controllers), "")
    launcher = find_launcher().with_name("whit-oci").stat()
    return OciHost(
        user=os.geteuid(),
        group=os.getegid(),
        architecture=MACHINES[machine],
        capabilities=_capabilities(),
        hierarchies=v1,
        unified=unified,
        unified_own=own_cgroups(cgroup).get("", "").lstrip("/"),
        controllers=tuple(_text(f"{unified}/cgroup.controllers").split()) if unified else (),
        swap=os.path.exists(f"{memory}/memory.memsw.limit_in_bytes") if memory else True,  # noqa: PTH110
        launcher_owner=launcher.st_uid,
        launcher_shared=bool(launcher.st_mode & (stat.S_IWGRP | stat.S_IWOTH)),
        apparmor=_text("/sys/module/apparmor/parameters/enabled").startswith("Y"),
        selinux=os.path.exists("/sys/fs/selinux/enforce"),  # noqa: PTH110
        page_sizes=_page_sizes(),
        weight_file=_weight_file(v1, unified),
    )
