"""What little of the host an OCI container's plan needs, cheap to import; host.py has the rest."""

from __future__ import annotations

import os
import stat
import sys

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}


def cgroup_mounts(mountinfo: str) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """(type, mount point, options of the file system, root) of each cgroup mount in a mountinfo (proc_pid_mountinfo(5))."""
    for line in mountinfo.splitlines():
        mount, _, system = line.partition(" - ")
        kind, _, options = system.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            root, point = mount.split(" ")[3:5]
            yield kind, point, tuple(options.split(",")), root


def own_cgroups(text: str) -> dict[str, str]:
    """/proc/self/cgroup: controllers as listed → the process's cgroup; v2's under the empty name (cgroups(7))."""
    lines = (line.split(":", 2) for line in text.splitlines())
    return {controllers: path for _, controllers, path in lines}


def unified_cgroup(text: str) -> str:
    """The process's cgroup in v2's hierarchy, from its root on, out of such a file; empty where there is none."""
    return own_cgroups(text).get("", "").lstrip("/")


def architecture() -> str:
    """The machine's, in OCI's words. Raises :class:`UnsupportedError` where there are no system call tables."""
    machine = os.uname().machine
    if machine not in MACHINES:
        raise UnsupportedError(f"whit runs nothing on {machine} yet", hint=f"it knows {', '.join(MACHINES)}")
    return MACHINES[machine]


def writers(launcher: str | os.PathLike[str]) -> tuple[int, bool]:
    """Who owns the launcher's file, and whether others may write it too."""
    status = os.stat(launcher)  # noqa: PTH116 - pathlib costs more than the rest
    return status.st_uid, bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def oci_launcher() -> str:
    """The path of the native whit-oci. Raises :class:`LaunchError` where it isn't installed."""
    beside = f"{os.path.dirname(sys.executable)}/whit-oci"  # noqa: PTH120
    if os.path.isfile(beside):  # noqa: PTH113
        return beside
    from whit.runtime.launch import find_launcher  # noqa: PLC0415 - it needs what the compiling doesn't

    return str(find_launcher().with_name("whit-oci"))
