"""``whit info``: the machine, the store and what is in it, by docker's names."""

from __future__ import annotations

import os
import platform
from collections import Counter
from importlib.metadata import version

from whit.packer.showing.console import binary_size
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.cgroup import CgroupVersion
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.networks.model import PREDEFINED
from whit.runtime.engine.status import State
from whit.runtime.host import read_host
from whit.runtime.landlocking import lacking, landlock_version

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.store.store import Store

Document = dict[str, object]


def whit_version() -> str:
    """The installed package's."""
    return version("whit")


def info(store: Store) -> Document:
    """All of it."""
    states = Counter(kept.status.state for kept in Containers(store.root).list())
    layout = read_host().cgroups
    system = os.uname()
    has_limits = layout.version is not CgroupVersion.NONE
    return {
        "Name": system.nodename,
        "ServerVersion": whit_version(),
        "Containers": sum(states.values()),
        "ContainersRunning": states[State.RUNNING] + states[State.RESTARTING],
        "ContainersPaused": states[State.PAUSED],
        "ContainersStopped": states[State.EXITED] + states[State.CREATED],
        "Images": len({descriptor.digest for _, descriptor in store.entries()}),
        "Driver": "overlayfs",
        "DriverStatus": [
            ["Read-only roots", "bound as they are"],
            ["Writable roots", "overlayfs" if _has("/proc/filesystems", "\toverlay\n") else "not on this kernel"],
            ["Backing Filesystem", _file_system(store.root)],
        ],
        "DockerRootDir": str(store.root),
        "LoggingDriver": "cri",
        "CgroupDriver": "cgroupfs" if has_limits else "none",
        "CgroupVersion": {CgroupVersion.V1: "1", CgroupVersion.V2: "2"}.get(layout.version, ""),
        "MemoryLimit": has_limits,
        "SwapLimit": layout.swap,
        "PidsLimit": has_limits,
        "CPUCfsQuota": has_limits,
        "CPUCfsPeriod": has_limits,
        "Warnings": [
            *([f"No limits: {layout.why_not}"] if layout.why_not else []),
            *filter(None, (lacking(),)),
        ],
        "LandlockVersion": landlock_version(),
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "null"], "Log": ["cri", "none"]},
        "Networks": _networks(store.root),
        "SecurityOptions": _security(),
        "DefaultRuntime": "whit-oci",
        "KernelVersion": system.release,
        "OperatingSystem": _operating_system(),
        "OSType": "linux",
        "Architecture": system.machine,
        "NCPU": len(os.sched_getaffinity(0)),
        "MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }


def _has(path: str, text: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - one of the kernel's
            return text in file.read()
    except OSError:
        return False


def _security() -> list[str]:
    found = ["name=seccomp,profile=builtin"] if _has("/proc/self/status", "\nSeccomp:") else []
    if landlock_version():
        found.append("name=landlock")
    if _has("/proc/filesystems", "\tcgroup2\n") or _has("/proc/self/cgroup", ":"):
        found.append("name=cgroupns")
    return [*found, "name=rootless"] if os.geteuid() else found


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _file_system(root: Path) -> str:
    """The type of what the store lies on: the last of the deepest mounts that lead to it (proc_pid_mountinfo(5))."""
    place, best = str(root), ("", "")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            mount, _, system = line.partition(" - ")
            point = mount.split(" ")[4].encode().decode("unicode_escape", "replace")
            if (place == point or place.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
                best = (point, system.split(" ")[0])
    return best[1]


def _networks(root: Path) -> int:
    """How many people have made."""
    from whit.runtime.engine.networks import folder  # noqa: PLC0415 - what comes before doesn't need it

    return len(set(folder.names(root)) - set(PREDEFINED))


def text(document: Document) -> str:
    """For people: docker's lines."""
    pairs = document["DriverStatus"]
    plugins = document["Plugins"]
    assert isinstance(pairs, list)  # noqa: S101 - as info() makes it
    assert isinstance(plugins, dict)  # noqa: S101
    memory, options, warnings = document["MemTotal"], document["SecurityOptions"], document["Warnings"]
    assert isinstance(memory, int)  # noqa: S101
    assert isinstance(options, list)  # noqa: S101
    assert isinstance(warnings, list)  # noqa: S101
    lines = [
        "Client:", f" Version:    {document['ServerVersion']}", "",
        "Engine (there is no daemon):",
        f" Containers: {document['Containers']}", f"  Running: {document['ContainersRunning']}",
        f"  Paused: {document['ContainersPaused']}", f"  Stopped: {document['ContainersStopped']}",
        f" Images: {document['Images']}",
        f" Storage Driver: {document['Driver']}", *(f"  {name}: {value}" for name, value in pairs),
        f" Logging Driver: {document['LoggingDriver']}", f" Cgroup Driver: {document['CgroupDriver']}",
        f" Cgroup Version: {document['CgroupVersion']}",
        " Plugins:", *(f"  {name}: {' '.join(values)}" for name, values in plugins.items()),
        f" Networks: {document['Networks']}", f" Default Runtime: {document['DefaultRuntime']}",
        " Security Options:", *(f"  {option.removeprefix('name=').partition(',')[0]}" for option in options),
        f" Kernel Version: {document['KernelVersion']}", f" Operating System: {document['OperatingSystem']}",
        f" OSType: {document['OSType']}", f" Architecture: {document['Architecture']}", f" CPUs: {document['NCPU']}",
        f" Total Memory: {binary_size(memory)}", f" Name: {document['Name']}", f" Root Dir: {document['DockerRootDir']}",
    ]  # fmt: skip
    return "\n".join([*lines, *(f"WARNING: {warning}" for warning in warnings)])
