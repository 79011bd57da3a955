"""Published ports that the supervisor serves itself: those at [::1], and all of a user's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import Engine, until
from tests.integration.netlab import LONG, Lab, lab
from whit.runtime.engine.networks.netlink import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "unshare", "nsenter", "setpriv")]

MUCH = 16 << 20
MANY = 400


@dataclass(frozen=True, slots=True)
class Served:
    """A container, whose program is the test itself: it listens in the container's network."""

    engine: Engine
    place: Lab
    name: str
    network: int

    def listen(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """In the container's network, at the published port."""

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", 80))
            return made

        made = inside(self.network, make)
        made.settimeout(LONG)
        if kind is socket.SOCK_STREAM:
            made.listen(MANY)
        return made

    @contextlib.contextmanager
    def talk(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        """A connection: the host's end and the container's."""
        with self.listen() as listener, self.ask() as client, listener.accept()[0] as server:
            server.settimeout(LONG)
            yield client, server

    def port(self, protocol: str = "tcp") -> int:
        """The host's."""
        text = self.engine("port", self.name, f"80/{protocol}").splitlines()[0]
        return int(text.rpartition(":")[2])

    def ask(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A connection from the host."""
        port = self.port("tcp" if kind is socket.SOCK_STREAM else "udp")
        return self.connect(port, kind)

    def connect(self, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET6, kind)
            made.settimeout(LONG)
            try:
                made.connect(("::1", port))
            except OSError:
                made.close()
                raise
            return made

        return self.place.host.do(make)


@pytest.fixture(scope="module")
def served(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all: each test leaves it as it was, but for the last."""
    folder = tmp_path_factory.mktemp("served")
    with lab(folder / "lab") as place:
        engine = Engine(whit, folder / "root", ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))
        options = ("-p", "[::1]::80", "-p", "[::1]::80/udp", "--restart", "always")
        engine.box("sleep", "100000", options=options)
        network = os.open(f"/proc/{engine.state()['Pid']}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        yield Served(engine, place, "box", network)
        os.close(network)
        engine.clean()


def _in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _take(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def test_bytes_come_through_both_ways_until_each_side_has_ended(served: Served) -> None:
    with served.talk() as (client, server):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert _take(server) == b"question"
        server.sendall(b"answer")
        server.close()
        assert _take(client) == b"answer"


def test_much_comes_through_both_ways_at_once_and_nobody_is_lost_who_is_slow(served: Served) -> None:
    text = os.urandom(1 << 20) * (MUCH >> 20)
    with served.talk() as (client, server):
        received: list[bytes] = []

        def work() -> None:
            server.sendall(text)
            server.shutdown(socket.SHUT_WR)

        writers = [_in_background(work), _in_background(lambda: client.sendall(text))]
        readers = [_in_background(lambda: received.append(_take(client)))]
        taken = 0
        while taken < len(text):
            taken += len(server.recv(1 << 20))
        for thread in (*writers, *readers):
            thread.join(LONG)
        assert taken == len(text)
        assert received == [text]


def test_no_more_is_taken_from_one_side_than_the_other_has_room_for(served: Served) -> None:
    with served.talk() as (client, server):
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.sendall(bytes(1 << 28))
        pid = served.engine.supervisors()[0]
        assert _memory_kib(pid) < 4096
        server.close()


def test_one_that_takes_nothing_is_in_nobody_s_way(served: Served) -> None:
    port = served.port()
    with served.listen() as listener, served.connect(port) as stuck, listener.accept()[0]:
        stuck.settimeout(1)
        with pytest.raises(TimeoutError):
            stuck.sendall(bytes(1 << 28))
        with served.connect(port) as client, listener.accept()[0] as server:
            server.sendall(b"there")
            assert client.recv(9) == b"there"


def _memory_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:  # noqa: PTH123 - a path in /proc
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def test_many_connections_at_once_are_kept_apart(served: Served) -> None:
    port = served.port()
    with served.listen() as listener, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect(port)) for _ in range(MANY)]
        for number, client in enumerate(clients):
            client.sendall(f"{number:8}".encode())
        for _ in clients:
            server = stack.enter_context(listener.accept()[0])
            server.sendall(server.recv(8, socket.MSG_WAITALL) * 2)
        for number, client in enumerate(clients):
            assert client.recv(16, socket.MSG_WAITALL) == f"{number:8}".encode() * 2


def test_where_nobody_listens_the_asker_is_told(served: Served) -> None:
    # The answer may come while it still connects.
    with pytest.raises(ConnectionResetError), served.ask() as client:
        client.recv(1)


def test_a_reset_is_no_end(served: Served) -> None:
    with served.talk() as (client, server):
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        server.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_datagrams_find_their_way_back_to_whoever_asked(served: Served) -> None:
    port = served.port("udp")
    with served.listen(socket.SOCK_DGRAM) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect(port, socket.SOCK_DGRAM)) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(f"{number}".encode())
        askers = {}
        for _ in clients:
            text, asker = server.recvfrom(99)
            askers[text] = asker
        assert len(set(askers.values())) == len(clients)
        for text, asker in askers.items():
            server.sendto(b"to " + text, asker)
        assert [client.recv(99) for client in clients] == [f"to {number}".encode() for number in range(20)]


def test_the_largest_datagram_is_whole_and_an_empty_one_is_one(served: Served) -> None:
    with served.listen(socket.SOCK_DGRAM) as server, served.ask(socket.SOCK_DGRAM) as client:
        for text in (b"", os.urandom(60000)):
            client.send(text)
            got, asker = server.recvfrom(1 << 16)
            assert got == text
            server.sendto(got, asker)
            assert client.recv(1 << 16) == text


def test_the_program_s_own_limit_of_open_files_is_what_it_would_be_without_ports(served: Served) -> None:
    served.engine.box("sh", "-c", "ulimit -n", name="plain")
    served.engine.box("sh", "-c", "ulimit -n", name="served", options=("-p", "[::1]::81"))
    for name in ("plain", "served"):
        until(lambda name=name: served.engine.log(name) != "")  # type: ignore[misc]  # mypy infers no lambda with a default
    assert served.engine.log("plain") == served.engine.log("served")


def test_who_takes_the_place_of_a_killed_supervisor_serves_the_ports_on(served: Served) -> None:
    port = served.port()
    with served.listen() as listener:
        first, second = served.engine.supervisors()
        os.kill(first, signal.SIGKILL)
        until(lambda: served.engine.supervisors()[:1] == [second] and served.engine.state()["Status"] == "running")
        with served.connect(port) as client, listener.accept()[0] as server:
            server.sendall(b"on")
            assert client.recv(9) == b"on"


def test_a_port_is_free_at_once_when_the_container_is_gone(served: Served) -> None:
    port = served.port()
    with served.talk() as (client, server):
        server.sendall(b"x")
        assert client.recv(1) == b"x"
        served.engine("rm", "-f", "box")
        served.engine.box("sleep", "1000", name="next", options=("-p", f"[::1]:{port}:80"))
