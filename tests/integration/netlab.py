"""A host of a test's own, with a wire to the outside: network namespaces, and programs in them that answer.

    client ──wire── host ──whit's bridges── containers

What a test does "on the host" is done by a thread that has entered the host's namespace, so it is the code under test
itself that runs there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from whit.runtime.engine.networks.attaching import Attached, attach, detach
from whit.runtime.engine.networks.managing import container_at
from whit.runtime.engine.networks.model import Endpoint, Joining, Member
from whit.runtime.engine.networks.netlink import inside
from whit.runtime.engine.networks.ports import parse_port
from whit.runtime.engine.networks.reserve import reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

HOST, CLIENT = "192.0.2.1", "192.0.2.9"
HOST6, CLIENT6 = "2001:db8::1", "2001:db8::9"
LONG, SHORT = 60.0, 1.0
"""Seconds: to wait for an answer that must come, and for one that must not."""

SERVER = r"""
import selectors, socket, sys
name, chosen = sys.argv[1], selectors.DefaultSelector()
for word in sys.argv[2:]:
    kind, port = word.split(":")
    made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    made.bind(("::", int(port)))
    if kind == "tcp":
        made.listen(64)
    chosen.register(made, selectors.EVENT_READ, (kind, port))
print("ready", flush=True)
def text(port, peer):
    return f"{name} {port} {peer[0].removeprefix('::ffff:')}".encode()
while True:
    for key, _ in chosen.select():
        if key.data[0] == "tcp":
            connection, peer = key.fileobj.accept()
            connection.sendall(text(key.data[1], peer))
            connection.close()
        else:
            _, peer = key.fileobj.recvfrom(99)
            key.fileobj.sendto(text(key.data[1], peer), peer)
"""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, held by a process that answers on some ports with its name, the port and who asked."""

    name: str
    process: subprocess.Popen[str]
    descriptor: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def do(self, work: Callable[[], T]) -> T:
        """Do something in it."""
        return inside(self.descriptor, work)

    def command(self, script: str) -> str:
        """Run a shell's script in it, and return what it printed."""
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{self.pid}/ns/net", "sh", "-ec", script],
            capture_output=True, text=True, check=False, timeout=LONG,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout

    def ask(self, address: str, port: int, kind: str = "tcp", *, patience: float = LONG) -> str:
        """Who answers there: ``NAME PORT ASKER``; empty if nobody does."""
        return self.do(lambda: _ask(address, port, kind, patience))

    def cannot_reach(self, address: str, port: int, kind: str = "tcp") -> bool:
        return not self.ask(address, port, kind, patience=SHORT)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self.descriptor)


def _ask(address: str, port: int, kind: str, patience: float) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as asking:
        asking.settimeout(patience)
        try:
            asking.connect((address, port))
            if kind == "udp":
                asking.send(b"?")
            return asking.recv(99).decode()
        except OSError:
            return ""


def start_namespace(name: str, *servers: str) -> Namespace:
    """A namespace with a server on each of ``tcp:PORT``, ``udp:PORT``."""
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", sys.executable, "-c", SERVER, name, *servers],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return Namespace(name, process, os.open(f"/proc/{process.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC))


@dataclass(slots=True)
class Container:
    """A namespace that is in whit's networks."""

    id: str
    space: Namespace
    hosts: Path
    endpoints: tuple[Endpoint, ...] = ()
    sockets: tuple[socket.socket, ...] = ()
    ports: tuple[int, ...] = ()

    @property
    def address(self) -> str:
        return self.endpoints[0].address

    def ask(self, address: str, port: int, kind: str = "tcp") -> str:
        return self.space.ask(address, port, kind)

    def cannot_reach(self, address: str, port: int, kind: str = "tcp") -> bool:
        return self.space.cannot_reach(address, port, kind)


@dataclass(slots=True)
class Lab:
    """The host, the client outside of it, and a store whose containers run on the host."""

    root: Path
    host: Namespace
    client: Namespace
    containers: list[Container] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def start(
        self,
        name: str,
        *publish: str,
        servers: tuple[str, ...] = ("tcp:80", "udp:53"),
        networks: tuple[Joining, ...] = (Joining(),),
        hosts: tuple[tuple[str, str], ...] = (),
    ) -> Container:
        """What a command does to start a container, as far as networks go."""
        container = self.make(name, *servers)
        wanted = [mapping for text in publish for mapping in parse_port(text)]
        container.sockets, ports = self.host.do(lambda: reserve(wanted, lambda port: container_at(self.root, port)))
        container.ports = tuple(port.host_port for port in ports)
        member = Member(container.id, name, (name,), hosts, ports)
        attached: Attached = self.host.do(lambda: attach(self.root, member, networks, container.space.pid))
        container.endpoints = attached.endpoints
        self.warnings += attached.warnings
        return container

    def make(self, name: str, *servers: str) -> Container:
        """A container that is in no network yet."""
        identity = os.urandom(32).hex()
        folder = self.root / "containers" / identity
        folder.mkdir(parents=True, mode=0o700)
        container = Container(identity, start_namespace(name, *servers), folder / "hosts")
        self.containers.append(container)
        return container

    def stop(self, container: Container) -> None:
        """What a supervisor has done when its container has ended."""
        self.host.do(lambda: detach(self.root, container.id))
        self.end(container)

    def end(self, container: Container) -> None:
        """The container is gone, and nobody tidied up."""
        self.containers.remove(container)
        container.space.end()
        for held in container.sockets:
            held.close()

    def traces(self) -> str:
        """All that networks leave on a host: rules, interfaces and addresses in use."""
        links = self.host.command("ip -o link | cut -d: -f2 | grep -Ev '^ (lo|wire|other)' || true")
        leases = "".join(str(path) for path in self.root.glob("networks/*/leases/*"))
        return self.host.command("nft list ruleset") + links + leases


@contextlib.contextmanager
def lab(root: Path) -> Iterator[Lab]:
    """A host with the addresses HOST and HOST6 at a wire to a client with CLIENT and CLIENT6."""
    with contextlib.ExitStack() as stack:
        host = start_namespace("host", "tcp:9")
        stack.callback(host.end)
        client = start_namespace("client", "tcp:80", "udp:53")
        stack.callback(client.end)
        host.command(
            f"ip link set lo up; ip link add wire type veth peer name wire netns {client.pid};"
            f"ip address add {HOST}/24 dev wire; ip address add {HOST6}/64 dev wire nodad; ip link set wire up"
        )
        client.command(
            f"ip address add {CLIENT}/24 dev wire; ip address add {CLIENT6}/64 dev wire nodad; ip link set wire up"
        )
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Lab(root, host, client)
        try:
            yield made
        finally:
            for container in list(made.containers):
                made.end(container)
