"""The same static program, started by each of the programs that can confine it, as equally as their options allow.

Each starts it in new mount, pid, network, IPC and UTS namespaces with /proc and a small /dev, without capabilities, and,
where the program knows cgroups, with limits on memory, CPU time and processes. Without a network, but for the rows that say bridge:
those are in the engine's default one, of which runtimes know nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command
from tests.peers import PROJECT, find_peer

if TYPE_CHECKING:
    from tests.peers.dockerd import Dockerd

MEMORY = 1 << 30
PIDS = 4096
PERIOD, QUOTA = 100_000, 200_000
LIMIT_OPTIONS = ("--memory", "1g", "--cpus", "2", "--pids-limit", str(PIDS))
IMAGE = "bench/true"
NETWORKS = {"none": "", "bridge": " (bridge)"}
"""Networks that engines know, each with what the row's name says of it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table."""

    name: str
    command: Command
    is_slow: bool = False
    """Hundreds of milliseconds: measured less often."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a benchmark works: ``folder`` is its own; ``rootfs`` holds the program as /true."""

    folder: Path
    rootfs: Path
    floor: Path


def make_rootfs(folder: Path) -> Path:
    """The root in a benchmark's folder, which other users reach too: what is mounted on, and no program yet."""
    folder.chmod(0o755)
    rootfs = folder / "rootfs"
    for name in ("proc", "dev", "sys", "tmp"):
        (rootfs / name).mkdir(parents=True)
    return rootfs


def whit(bench: Bench) -> list[Contender]:
    """An image in the store, its plan cached: the front door's way."""
    program = PROJECT / ".venv" / "bin" / "whit"
    environment = {**os.environ, "WHIT_ROOT": str(bench.folder / "whit")}
    subprocess.run(
        [program, "pack", bench.rootfs / "true", "-t", IMAGE], env=environment, stdout=subprocess.DEVNULL, check=True
    )
    rows: dict[str, tuple[str, ...]] = {
        f"whit{said}": ("--network", name, *LIMIT_OPTIONS) for name, said in NETWORKS.items()
    }
    rows["whit (no limits given)"] = ("--network", "none")
    return [
        Contender(name, Command((str(program), "run", *options, IMAGE), environment)) for name, options in rows.items()
    ]


def floor(bench: Bench) -> list[Contender]:
    """What the kernel alone needs."""
    version = "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1"
    return [Contender("floor", Command((str(bench.floor), version, str(bench.rootfs), "/true")))]


def bubblewrap(bench: Bench) -> list[Contender]:
    """It knows no cgroup limits."""
    program = find_peer("bwrap")
    if program is None:
        return []
    options = (
        "--unshare-all",
        "--ro-bind",
        str(bench.rootfs),
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
    )
    privileges = ("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv")
    return [Contender("bwrap (no cgroup)", Command((str(program), *options, *privileges, "/true")))]


def oci_config(rootfs: Path, program: str = "/true") -> dict[str, object]:
    """A bundle with limits, as `whit run` has them, and no filter."""
    hidden = ["nosuid", "noexec", "nodev"]
    none: dict[str, list[str]] = {name: [] for name in ("bounding", "effective", "inheritable", "permitted", "ambient")}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 65532, "gid": 65532},
            "args": [program],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
            "capabilities": none,
            "noNewPrivileges": True,
        },
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "bench",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": hidden},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "mode=755", "size=65536k"],
            },
        ],
        "linux": {
            "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "resources": {
                "memory": {"limit": MEMORY},
                "cpu": {"quota": QUOTA, "period": PERIOD},
                "pids": {"limit": PIDS},
            },
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


def oci_runtimes(bench: Bench) -> list[Contender]:
    """A bundle for crun and runc, without the seccomp filter that whit has: its cost would be libseccomp's."""
    bundle = bench.folder / "bundle"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(oci_config(bench.rootfs)))
    found = [(name, find_peer(name)) for name in ("crun", "runc")]
    return [
        Contender(name, Command((str(program), "run", "--bundle", str(bundle), f"whit-bench-{name}")))
        for name, program in found
        if program is not None
    ]


def podman(bench: Bench, group: str) -> list[Contender]:
    """With storage of its own; limits on open files, which it would raise, stay as they are."""
    program = find_peer("podman")
    if program is None:
        return []
    state = bench.folder / "podman"
    places = ("--root", f"{state}/root", "--runroot", f"{state}/run", "--tmpdir", f"{state}/tmp")
    base = (str(program), *places, "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc")
    archive = bench.folder / "true.tar"
    subprocess.run(["tar", "-C", bench.rootfs, "-cf", archive, "."], check=True)
    subprocess.run(
        [*base, "import", "--change", 'ENTRYPOINT ["/true"]', archive, IMAGE], capture_output=True, check=True
    )
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--cgroup-parent", group, *LIMIT_OPTIONS)
    options = ("--rm", "--cap-drop", "ALL", *limits)
    return [
        Contender(f"podman{said}", Command((*base, "run", "--network", name, *options, IMAGE)), is_slow=True)
        for name, said in NETWORKS.items()
    ]


def docker(bench: Bench, engine: Dockerd) -> list[Contender]:
    """A warm engine; only the client's time is seen."""
    archive = bench.folder / "true.tar"
    subprocess.run(["tar", "-C", bench.rootfs, "-cf", archive, "."], check=True)
    engine.docker("import", "--change", 'ENTRYPOINT ["/true"]', archive, IMAGE)
    options = ("--rm", "--cap-drop", "ALL", *LIMIT_OPTIONS, IMAGE)
    words = (str(engine.client), "run", "--network")
    return [
        Contender(f"docker{said}", Command((*words, name, *options), engine.environment), is_slow=True)
        for name, said in NETWORKS.items()
    ]


BUILDERS = {"floor": floor, "whit": whit, "bwrap": bubblewrap, "crun runc": oci_runtimes}
"""The contenders that need nothing but a folder."""
