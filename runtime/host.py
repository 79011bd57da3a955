"""What the host offers, read from the running system."""

from __future__ import annotations

import os
from pathlib import Path

from whit.runtime.cgroup import FOLDER, V1_CONTROLLERS, CgroupLayout, CgroupVersion
from whit.runtime.launch import find_launcher
from whit.runtime.machine import architecture, cgroup_mounts, unified_cgroup, writers
from whit.runtime.options import Host

V2_CONTROLLERS = ("memory", "cpu", "pids")


def own_v2_cgroup() -> str:
    """The caller's own cgroup, from the v2 hierarchy's root on; nothing where there is none."""
    return unified_cgroup(Path("/proc/self/cgroup").read_text())


def _mounted_cgroups() -> tuple[dict[str, Path], Path | None]:
    """(v1 controller → its hierarchy's mount point, the v2 mount point)."""
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for kind, point, options, _ in cgroup_mounts(Path("/proc/self/mountinfo").read_text()):
        if kind == "cgroup":
            v1.update({name: Path(point) for name in options if name in V1_CONTROLLERS})
        else:
            v2 = v2 or Path(point)
    return v1, v2


def _make(parents: dict[str, Path]) -> str:
    """Make whit's folder in each; the reason if one can't be made."""
    for parent in parents.values():
        try:
            parent.mkdir(exist_ok=True)
        except OSError as error:
            return f"{parent} can't be made: {error.strerror}"
        if not os.access(parent, os.W_OK):
            return f"{parent} isn't yours to write"
    return ""


def _v1_layout(hierarchies: dict[str, Path]) -> CgroupLayout:
    parents = {name: hierarchies[name] / FOLDER for name in V1_CONTROLLERS if name in hierarchies}
    why_not = _make(parents)
    if why_not:
        return CgroupLayout(CgroupVersion.NONE, why_not=why_not)
    swap = "memory" in parents and (parents["memory"] / "memory.memsw.limit_in_bytes").exists()
    return CgroupLayout(CgroupVersion.V1, tuple((name, str(path)) for name, path in parents.items()), swap=swap)


def _enable(folder: Path) -> bool:
    """Hand the controllers down to the folder's children; False where the kernel or a process in it forbids that."""
    control = folder / "cgroup.subtree_control"
    try:
        if set(V2_CONTROLLERS) <= set(control.read_text().split()):
            return True
        control.write_text(" ".join(f"+{name}" for name in V2_CONTROLLERS))
    except OSError:
        return False
    return True


def _v2_layout(mount: Path) -> CgroupLayout:
    """Root's containers live below the hierarchy's root, a user's below a cgroup that was delegated to it."""
    base = mount if os.geteuid() == 0 else (mount / own_v2_cgroup()).parent
    parent = base / FOLDER
    why_not = "" if _enable(base) else f"{base} hands no controllers down"
    why_not = why_not or _make({"": parent})
    if not why_not and not _enable(parent):
        why_not = f"{parent} hands no controllers down"
    if why_not:
        return CgroupLayout(CgroupVersion.NONE, why_not=why_not)
    return CgroupLayout(CgroupVersion.V2, (("", str(parent)),), swap=_accounts_swap(parent))


def _accounts_swap(parent: Path) -> bool:
    return (parent / "memory.swap.max").exists()


def cgroup_layout() -> CgroupLayout:
    """Where containers' cgroups go; whit's own folder is made there. v1 wins on hybrid hosts: it has the controllers."""
    v1, v2 = _mounted_cgroups()
    if v1:
        return _v1_layout(v1)
    if v2:
        return _v2_layout(v2)
    return CgroupLayout(CgroupVersion.NONE, why_not="no cgroup file system is mounted")


def read_host() -> Host:
    """The host as the plan must know it. Raises :class:`UnsupportedError` on a machine without system call tables."""
    return Host(os.geteuid(), os.getegid(), architecture(), cgroup_layout(), *writers(find_launcher()))
