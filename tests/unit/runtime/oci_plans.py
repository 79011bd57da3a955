"""Plans of OCI containers and of processes in them, for tests of what reads plans: between them all kinds of members."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from whit.runtime.oci.compile import Lifecycle, compile_container, compile_exec
from whit.runtime.oci.lifecycle import Wish, container_lifecycle, process_ops
from whit.runtime.oci.model import Cgroup, Hierarchy, OciHost, Running
from whit.runtime.oci.process import Affinity
from whit.runtime.oci.spec import read_spec

if TYPE_CHECKING:
    from whit.runtime.model import LaunchPlan
    from whit.runtime.oci.spec import Spec

CONTROLLERS = ("cpu", "cpuset", "memory", "devices", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "rdma")
V1 = OciHost(
    0, 0, "amd64", (1 << 41) - 1, tuple(Hierarchy((name,), f"/cg/{name}", "/") for name in CONTROLLERS),
    swap=True, page_sizes=("2MB",), weight_file="blkio.bfq.weight",
)  # fmt: skip
V2 = OciHost(
    0, 0, "amd64", (1 << 41) - 1, unified="/cg", controllers=("cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma"),
    swap=True, page_sizes=("2MB",), weight_file="io.weight",
)  # fmt: skip
ROOTLESS = replace(
    V1, user=1000, group=1000, hierarchies=tuple(replace(item, writable=False) for item in V1.hierarchies)
)
MAPPING = replace(ROOTLESS, mappers=("/usr/bin/newuidmap", "/usr/bin/newgidmap"))

NAMESPACES = [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")]
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
HOOK = [{"path": "/bin/hook", "args": ["hook", "x"], "env": ["A=b"], "timeout": 3}]
MANY = {name: [{"containerID": 0, "hostID": 200000, "size": 65536}] for name in ("uidMappings", "gidMappings")}
OWN = {name: [{"containerID": 0, "hostID": 1000, "size": 1}] for name in ("uidMappings", "gidMappings")}

PROCESS: dict[str, Any] = {
    "args": ["/server", "--flag"],
    "cwd": "/data",
    "env": ["PATH=/bin"],
    "terminal": True,
    "consoleSize": {"height": 24, "width": 80},
    "user": {"uid": 1000, "gid": 1000, "umask": 63, "additionalGids": [5, 7]},
    "capabilities": {name: ["CAP_KILL", "CAP_CHOWN"] for name in SETS},
    "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
    "oomScoreAdj": 10,
    "scheduler": {"policy": "SCHED_BATCH", "nice": 1},
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
}
MOUNTS: list[dict[str, Any]] = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
    {"destination": "/copied", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]},
    {"destination": "/data", "source": "/srv", "options": ["rbind", "ro", "rnosuid", "rslave"]},
    {"destination": "/shared", "source": "/srv", "options": ["rbind", "rshared"]},
    {"destination": "/mapped", "source": "/srv", "options": ["bind", "idmap"], **MANY},
    {"destination": "/data", "type": "none", "options": ["remount", "ro", "rprivate"]},
]
LINUX: dict[str, Any] = {
    "namespaces": [*NAMESPACES, {"type": "time"}],
    "timeOffsets": {"monotonic": {"secs": 5}},
    "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}],
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "maskedPaths": ["/proc/keys"],
    "readonlyPaths": ["/proc/sys"],
    "personality": {"domain": "LINUX32"},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"},
    "rootfsPropagation": "rshared",
    "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
    "resources": {"pids": {"limit": 10}, "devices": [{"allow": False, "access": "rwm"}]},
}
HOOKS = dict.fromkeys(("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"), HOOK)


def spec_of(process: dict[str, Any] | None = None, **members: Any) -> Spec:
    """The least configuration with namespaces, and these members of its process, of ``linux`` and of the whole."""
    whole = {"args": ["/server"], "cwd": "/", **(process or {})}
    linux = {"namespaces": NAMESPACES, **members.pop("linux", {})}
    return read_spec({"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": whole, "linux": linux, **members})


def _container(spec: Spec, host: OciHost, wish: Wish) -> LaunchPlan:
    return compile_container(spec, "/b", "c1", host, container_lifecycle(spec, "c1", "/b", wish)).plan


def _exec(spec: Spec, host: OciHost) -> LaunchPlan:
    assert spec.process is not None
    process = replace(spec.process, exec_affinity=Affinity("0", "0-1"), no_new_privileges=True)
    first, console, before = process_ops(process, Wish(preserved=2))
    running = Running(77, 1000, Cgroup(((("pids",), "/cg/pids/c1"),)))
    return compile_exec(process, spec, running, host, Lifecycle(first=first, console=console, before_exec=before)).plan


def oci_plans() -> list[LaunchPlan]:
    """What whit-oci makes for plain and for rich configurations, for v1, v2, joined and user namespaces, and for exec."""
    plain = spec_of()
    rich = spec_of(PROCESS, mounts=MOUNTS, linux=LINUX, hooks=HOOKS, hostname="h", domainname="d")
    users = spec_of(PROCESS, linux={"namespaces": [*NAMESPACES, {"type": "user"}], **MANY})
    joining = [{"type": name, "path": f"/proc/7/ns/{name}"} for name in ("pid", "ipc", "uts")]
    joined = spec_of(linux={"namespaces": [*joining, {"type": "mount"}, {"type": "user"}], **MANY})
    rootless = spec_of(linux={"namespaces": [*NAMESPACES, {"type": "user"}], **OWN})
    several = spec_of(linux={"namespaces": [*NAMESPACES, {"type": "user"}], **MANY})
    writable = [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]
    owned = spec_of({"user": {"uid": 1000, "gid": 1000}}, mounts=writable)
    asking = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": "/agent",
        "listenerMetadata": "x",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
    }
    notified = spec_of(linux={"namespaces": [{"type": "pid"}], "seccomp": asking})
    waits, foreground = Wish(gate="/run/c1/start"), Wish(pidfd_socket="/s", keyring=False, pivot=False)
    return [
        *(_container(spec, host, waits) for spec in (plain, rich, users, joined) for host in (V1, V2)),
        _container(rich, V1, foreground),
        _container(rootless, MAPPING, waits),
        _container(several, MAPPING, waits),
        _container(owned, V2, waits),
        _container(notified, V1, waits),
        _exec(notified, V1),
        _exec(rootless, MAPPING),
        *(_exec(spec, host) for spec in (plain, rich, users) for host in (V1, V2)),
    ]
