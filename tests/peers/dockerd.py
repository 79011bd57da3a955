"""A Docker Engine of our own: in its own network, mount and pid namespaces, its data in one folder, gone afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import PROJECT, SYSTEM_PATH, find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS = 60.0
STOP_SECONDS = 30.0
DAEMON = """
ip link set lo up
if [ "$4" ]; then umount /sys/fs/cgroup/unified; fi
exec "$0" --data-root "$1/data" --exec-root "$2/exec" --pidfile "$2/pid" --config-file "$1/daemon.json" \
    --cgroup-parent "$3" --host "unix://$2/docker.sock"
"""

HYBRID = Path("/sys/fs/cgroup/unified/cgroup.procs")


@dataclass(frozen=True, slots=True)
class Dockerd:
    """A running engine and the client that talks to it."""

    client: Path
    socket: Path
    log: Path
    pid: int
    """Of the process above the engine; its descendants are the engine, containerd and the shims."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What a docker client needs to reach this engine; the client's own configuration stays out of it."""
        return {
            **os.environ,
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CONFIG": str(self.socket.parent / "client"),
            "DOCKER_BUILDKIT": "0",
        }

    def docker(
        self, *arguments: str | Path, stdin: str | None = None, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker client to its end; raises with its stderr shown unless ``check`` is false."""
        result = subprocess.run(
            [self.client, *arguments],
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and result.returncode != 0:
            command = " ".join(map(str, arguments))
            raise RuntimeError(f"docker {command}: exit code {result.returncode}\n{result.stderr}")
        return result


@contextlib.contextmanager
def start_dockerd(
    folder: Path, runtimes: Mapping[str, Path] | None = None, *, hybrid: bool = True
) -> Iterator[Dockerd]:
    """Start an engine that keeps its data in ``folder``, wait until it answers, stop it and remove what it left.

    ``runtimes`` are known to it beside its own and ``whit``. Without ``hybrid`` it and they see no v2 tree beside v1's, with which crun
    refuses to run.
    """
    daemon, client = find_peer("dockerd"), find_peer("docker")
    if daemon is None or client is None:
        raise RuntimeError("dockerd or the docker client isn't installed; tests/setup.sh peers installs them")
    run = Path(tempfile.mkdtemp(prefix="whit-dockerd-"))  # short: a socket's path has at most 107 bytes
    group = f"/{run.name}"
    log = folder / "dockerd.log"
    known = {"whit": PROJECT / ".venv" / "bin" / "whit-oci", **(runtimes or {})}
    paths = {name: {"path": str(path)} for name, path in known.items()}
    (folder / "daemon.json").write_text(json.dumps({"runtimes": paths}))
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", DAEMON]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATH])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, daemon, folder, run, group, "" if hybrid or not HYBRID.exists() else "v1 alone"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path},
            start_new_session=True,
        )
    engine = Dockerd(client, run / "docker.sock", log, process.pid)
    try:
        _wait_until_ready(engine, process)
        yield engine
    finally:
        _stop(process)
        remove_cgroups(group)
        shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(folder / "data", ignore_errors=True)


def _wait_until_ready(engine: Dockerd, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if engine.socket.exists() and engine.docker("version", check=False).returncode == 0:
            return
        time.sleep(0.1)
    last = "\n".join(engine.log.read_text(errors="replace").splitlines()[-5:])
    raise RuntimeError(f"dockerd didn't start within {START_SECONDS:.0f} s:\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the engine to end, so that it takes down its containers and mounts; then end its namespace."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def remove_cgroups(group: str) -> None:
    """The engine removes its containers' cgroups and leaves their parent, in each hierarchy."""
    root = Path("/sys/fs/cgroup")
    for hierarchy in (root, *root.iterdir()):
        parent = hierarchy / group.lstrip("/")
        for folder in sorted(parent.glob("**/"), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
