"""A swarm of our own: Docker Engines, each on a host of its own (namespaces), at one bridge, gone afterwards.

    lab ──bridge── node 1, node 2 …      addresses 10.77.0.1 …, the lab's own is 10.77.0.254

Killing a node's first process is what a power failure is to a machine; taking its wire down is a partition.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import SYSTEM_PATH, find_peer
from tests.peers.dockerd import STOP_SECONDS, Dockerd, remove_cgroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAB = "10.77.0.254"
REGISTRY = f"{LAB}:5000"
READY_SECONDS = 120.0
HEARTBEAT = "5s"
NODE = """
mount -t tmpfs none /run
mkdir -p /run/docker-exec
printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:1\\n' > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
hostname "$4"
ip link set lo up
until [ -e "$1/wired" ]; do sleep 0.02; done
rm -f "$2"
exec "$0" --data-root "$1/data" --exec-root /run/docker-exec --pidfile /run/docker.pid --config-file "$1/daemon.json" \
    --cgroup-parent "$3" --host "unix://$2"
"""


@dataclass(slots=True)
class Node:
    """A host with its engine."""

    name: str
    address: str
    engine: Dockerd
    process: subprocess.Popen[bytes]
    group: str
    inner: int
    """The first process of the host, as this machine numbers it."""

    def crash(self) -> None:
        """As if its plug was pulled."""
        os.kill(self.inner, signal.SIGKILL)
        self.process.wait()


@dataclass(slots=True)
class Swarm:
    """Nodes at a bridge in a namespace of their own; ``managers`` of them are managers."""

    lab: subprocess.Popen[bytes]
    folder: Path
    nodes: list[Node] = field(default_factory=list)

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command begins with that is executed beside the nodes."""
        return ("nsenter", f"--net=/proc/{self.lab.pid}/ns/net")

    def command(self, script: str) -> str:
        """What a shell's script prints there."""
        return _shell(self.lab.pid, script)

    def restart(self, node: Node) -> None:
        """Switch a host on again that has crashed: the same disk, the same address."""
        self.command(f"ip link del v{node.name} 2>/dev/null || true")
        number = self.nodes.index(node) + 1
        remove_cgroups(node.group)
        self.nodes[number - 1] = started = _start(self, node.engine.log.parent.parent, number)
        _wait_for(partial(_answers, started), node.name)

    def cut(self, node: Node) -> None:
        """Nobody reaches it, nor it anybody."""
        self.command(f"ip link set v{node.name} down")

    def heal(self, node: Node) -> None:
        """As before."""
        self.command(f"ip link set v{node.name} up")


def _shell(pid: int, script: str) -> str:
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-ec", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode:
        raise RuntimeError(f"{script}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def start_swarm(folder: Path, count: int, managers: int = 1) -> Iterator[Swarm]:
    """Start so many engines, join them, and take all of it down at the end."""
    run = Path(tempfile.mkdtemp(prefix="whit-swarm-"))
    lab = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    swarm = Swarm(lab, run)
    try:
        _wait_for(lambda: Path(f"/proc/{lab.pid}/comm").read_text().strip() == "sleep", "the lab")
        swarm.command(
            f"ip link set lo up; ip link add br0 type bridge; ip addr add {LAB}/24 dev br0; ip link set br0 up"
        )
        for number in range(1, count + 1):
            swarm.nodes.append(_start(swarm, folder, number))
        for node in swarm.nodes:
            _wait_for(partial(_answers, node), f"{node.name}\n{_tail(node)}")
        _join(swarm, managers)
        yield swarm
    finally:
        for node in swarm.nodes:
            _stop(node)
        lab.kill()
        lab.wait()
        shutil.rmtree(run, ignore_errors=True)
        for number in range(1, count + 1):
            shutil.rmtree(folder / f"node{number}" / "data", ignore_errors=True)


def _wait_for(is_so: Callable[[], object], what: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if is_so():
                return
        time.sleep(0.05)
    raise RuntimeError(f"not ready after {READY_SECONDS:.0f} s: {what}")


def _answers(node: Node) -> bool:
    return node.engine.socket.exists() and node.engine.docker("version", check=False).returncode == 0


def _tail(node: Node) -> str:
    return str(node.engine.log)


def _start(swarm: Swarm, folder: Path, number: int) -> Node:
    daemon, client = find_peer("dockerd"), find_peer("docker")
    if daemon is None or client is None:
        raise RuntimeError("dockerd or the docker client isn't installed; tests/setup.sh peers installs them")
    name, place = f"node{number}", folder / f"node{number}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "wired").unlink(missing_ok=True)
    socket, group = swarm.folder / f"{name}.sock", f"/{swarm.folder.name}-{number}"
    (place / "daemon.json").write_text(json.dumps({"insecure-registries": [REGISTRY], "live-restore": False}))
    log = place / "dockerd.log"
    command = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc", "sh"]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATH])
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "-ec", NODE, daemon, place, socket, group, name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path},
            start_new_session=True,
        )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    _wait_for(lambda: children.read_text().split(), name)
    inner = int(children.read_text().split()[0])
    _wire(swarm, name, inner, number)
    (place / "wired").touch()
    return Node(name, f"10.77.0.{number}", Dockerd(client, socket, log, process.pid), process, group, inner)


def _wire(swarm: Swarm, name: str, pid: int, number: int) -> None:
    _wait_for(lambda: Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink(), name)
    swarm.command(
        f"ip link add v{name} type veth peer name eth0 netns {pid}; ip link set v{name} master br0; ip link set v{name} up"
    )
    script = f"ip addr add 10.77.0.{number}/24 dev eth0; ip link set eth0 up; ip route add default via {LAB}"
    _shell(pid, script)


def _join(swarm: Swarm, managers: int) -> None:
    first = swarm.nodes[0]
    first.engine.docker("swarm", "init", "--advertise-addr", first.address, "--dispatcher-heartbeat", HEARTBEAT)
    tokens = {
        kind: first.engine.docker("swarm", "join-token", "-q", kind).stdout.strip() for kind in ("manager", "worker")
    }
    for number, node in enumerate(swarm.nodes[1:], 1):
        token = tokens["manager" if number < managers else "worker"]
        node.engine.docker("swarm", "join", "--advertise-addr", node.address, "--token", token, f"{first.address}:2377")


def _stop(node: Node) -> None:
    """Ask the engine to end, so that it takes down what it made; then end its host."""
    if node.process.poll() is None:
        with contextlib.suppress(OSError):
            os.kill(node.inner, signal.SIGTERM)
        try:
            node.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()
    remove_cgroups(node.group)
