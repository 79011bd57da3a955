"""Bundles for tests of an OCI runtime: a root with busybox, a minimal configuration, and what a container in it prints."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

APPLETS = (
    "sh", "cat", "ls", "id", "mount", "grep", "echo", "sleep", "true", "stat", "touch", "mkdir", "hostname", "readlink",
    "dd", "ps", "env", "chmod", "date", "umask", "nproc", "ln", "mknod",
)  # fmt: skip

ALL = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
]  # fmt: skip
"""Docker's default capabilities."""

MINIMAL: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "process": {
        "args": [],
        "cwd": "/",
        "env": ["PATH=/bin"],
        "user": {"uid": 0, "gid": 0},
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), ALL),
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ],
    "linux": {"namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")]},
}


def merged(base: Any, change: Any) -> Any:
    """``base`` with ``change`` in it: objects are merged, lists that begin with "+" are appended, all else replaces."""
    if isinstance(base, dict) and isinstance(change, dict):
        return {key: merged(base.get(key), change[key]) if key in change else base[key] for key in {**base, **change}}
    if isinstance(change, list) and change[:1] == ["+"]:
        return [*(base or []), *change[1:]]
    return copy.deepcopy(change)


def run_in_files(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    """Run to its end; output goes to files of its own: a container that is left running keeps them open."""
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=stdin, stdout=out, stderr=err, check=False, timeout=120
        )  # fmt: skip
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


@dataclass(frozen=True, slots=True)
class Ran:
    """What a container did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Its output, line by line."""
        return self.out.splitlines()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, and the runtime that runs it."""

    folder: Path
    runtime: Path

    @property
    def rootfs(self) -> Path:
        """The container's root file system."""
        return self.folder / "rootfs"

    def write(self, script: str, change: dict[str, Any] | None = None) -> None:
        """The configuration of a shell's script, with changes."""
        config = merged(copy.deepcopy(MINIMAL), change or {})
        if not config["process"]["args"]:
            config["process"]["args"] = ["/bin/sh", "-c", script]
        config["linux"].setdefault("cgroupsPath", f"/whit-test-{uuid.uuid4().hex[:12]}")
        (self.folder / "config.json").write_text(json.dumps(config))

    def command(self, *words: str) -> list[str]:
        """A command line of the runtime, with a state of the test's own."""
        return [str(self.runtime), "--root", str(self.folder / "state"), *words]

    def call(self, *words: str, stdin: str = "") -> Ran:
        """Run the runtime to its end."""
        result = subprocess.run(
            self.command(*words), cwd=self.folder, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        return Ran(result.returncode, result.stdout, result.stderr)

    def state(self, name: str) -> dict[str, Any]:
        """What ``state`` says of a container."""
        document: dict[str, Any] = json.loads(self.call("state", name).out)
        return document

    def create(self, name: str) -> int:
        """Create a container that keeps none of the test's own pipes open."""
        null = subprocess.DEVNULL
        command = self.command("create", name)
        return subprocess.run(command, cwd=self.folder, stdin=null, stdout=null, stderr=null, check=False).returncode

    def run(self, script: str, change: dict[str, Any] | None = None) -> Ran:
        """Run a container to its end."""
        self.write(script, change)
        return self.call("run", f"t{uuid.uuid4().hex[:12]}")


def make_bundle(folder: Path, busybox: Path, runtime: Path) -> Bundle:
    """A fresh bundle in ``folder``."""
    root = folder / "rootfs"
    for name in ("bin", "etc", "tmp", "proc", "sys", "dev", "data"):
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    os.chmod(folder, 0o755)  # noqa: PTH101
    return Bundle(folder, runtime)
