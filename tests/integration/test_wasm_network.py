"""WebAssembly on a network: components' sockets, and what they ask others over HTTP, as far as the person lets them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.compiled import compiled
from tests.integration.kept import Engine, until
from tests.peers.certificates import make_certificates
from tests.peers.registry import free_port
from tests.peers.web import Web, web_server
from tests.programs.build import build
from tests.programs.components import asking_component, forwarding_component

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.certificates import Certificates

pytestmark = pytest.mark.usefixtures("wasm_engine")

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
REFUSED, UNTRUSTED, DENIED, PROTOCOL, INTERNAL = 6, 13, 15, 35, 38
"""Numbers of wasi:http's error-code."""


@pytest.fixture(scope="session")
def net() -> Path:
    """tests/programs/rust/net.rs: Rust's standard library on the sockets of WASI 0.2."""
    return compiled(lambda: build("net", "component-rust", stripped=True))


@pytest.fixture(scope="session")
def asking() -> Path:
    return compiled(asking_component)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.files["/text"] = (b"from the server\n", {})
        server.files["/large"] = (b"0123456789" * 100_000, {})
        yield server


@pytest.fixture
def secret_web(certificates: Certificates) -> Iterator[Web]:
    with web_server((certificates.server, certificates.server_key)) as server:
        server.files["/text"] = (b"from the server\n", {})
        yield server


def words_of(web: Web, path: str, host: str = "localhost") -> list[str]:
    """What asking is told: scheme, authority and path."""
    scheme, _, authority = web.address.partition("://")
    return [scheme, authority.replace("localhost", host), path]


def said(address: tuple[str, int], text: str) -> str:
    """What a server answers that is told that."""
    with socket.create_connection(address, 30) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def test_a_component_asks_over_http_where_it_is_given_a_network(run_whit: RunWhit, asking: Path, web: Web) -> None:
    ran = run_whit("run", "--network", "host", asking, *words_of(web, "/text"))
    assert (ran.returncode, ran.stdout) == (0, "200\nfrom the server\n"), ran.stderr
    assert run_whit("run", "--network", "host", asking, *words_of(web, "/none")).stdout == "404\n"
    large = run_whit("run", "--network", "host", asking, *words_of(web, "/large?a=b", "127.0.0.1")).stdout
    assert large == "200\n" + "0123456789" * 100_000
    assert web.asked == ["GET /text", "GET /none", "GET /large"]


def test_without_a_network_it_is_denied(run_whit: RunWhit, asking: Path, web: Web) -> None:
    ran = run_whit("run", "--network", "none", asking, *words_of(web, "/text"))
    assert (ran.returncode, ran.stdout) == (1, f"error {DENIED}\n")
    assert web.asked == []


def test_who_doesn_t_answer_or_breaks_off_is_told_to_the_component(run_whit: RunWhit, asking: Path, web: Web) -> None:
    nobody = run_whit("run", "--network", "host", asking, "http", f"127.0.0.1:{free_port()}", "/")
    assert nobody.stdout == f"error {REFUSED}\n"
    web.cuts = 1
    assert run_whit("run", "--network", "host", asking, *words_of(web, "/text")).stdout.endswith("cut short\n")


@contextlib.contextmanager
def odd_server(start: bytes, more: bytes) -> Iterator[str]:
    """A server on loopback that says ``start`` and then ``more`` until nobody listens; its authority."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with client:
                    client.sendall(start)
                    while more:
                        client.sendall(more)
                    client.recv(1 << 20)
                    client.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)


def test_a_head_without_an_end_and_what_is_no_http_are_errors(run_whit: RunWhit, asking: Path) -> None:
    for start, more in ((b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536), (b"220 mail ready\r\n", b"")):
        with odd_server(start, more) as authority:
            ran = run_whit("run", "--network", "host", "-m", "64m", asking, "http", authority, "/")
            assert (ran.returncode, ran.stdout, ran.stderr) == (1, f"error {PROTOCOL}\n", "")


def test_a_server_that_says_nothing_is_left_at_the_timeout(run_whit: RunWhit, asking: Path) -> None:
    with odd_server(b"", b"") as authority:
        ran = run_whit("run", "--network", "host", "--timeout", "1s", asking, "http", authority, "/")
        assert ran.returncode == 124
        assert "--timeout was over" in ran.stderr


def test_https_is_verified_by_the_container_s_certificates(
    run_whit: RunWhit, asking: Path, secret_web: Web, certificates: Certificates
) -> None:
    """Given a server of an authority of our own, then it is trusted where that one's certificate is in the container, and only there."""
    ours = ("-v", f"{certificates.authority}:{BUNDLE}:ro")
    ran = run_whit("run", "--network", "host", *ours, asking, *words_of(secret_web, "/text"))
    assert (ran.returncode, ran.stdout) == (0, "200\nfrom the server\n"), ran.stderr
    by_address = run_whit("run", "--network", "host", *ours, asking, *words_of(secret_web, "/text", "127.0.0.1"))
    assert by_address.stdout == "200\nfrom the server\n"
    strangers = run_whit("run", "--network", "host", asking, *words_of(secret_web, "/text"))
    assert (strangers.returncode, strangers.stdout) == (1, f"error {UNTRUSTED}\n")
    assert secret_web.asked == ["GET /text"] * 2


def test_the_variable_that_names_certificates_is_followed(
    run_whit: RunWhit, asking: Path, secret_web: Web, certificates: Certificates
) -> None:
    given = ("-v", f"{certificates.authority}:/ours.pem:ro", "-e", "SSL_CERT_FILE=/ours.pem")
    assert run_whit("run", "--network", "host", *given, asking, *words_of(secret_web, "/text")).returncode == 0
    lacks = run_whit(
        "run", "--network", "host", "-e", "SSL_CERT_FILE=/none.pem", asking, *words_of(secret_web, "/text")
    )
    assert lacks.stdout == f"error {INTERNAL}\n"


def test_a_service_asks_others_while_it_answers(engine: Engine, web: Web) -> None:
    """Given a service that asks whom its request's path names, when many ask it at once, then each has that one's answer."""
    forwarding = compiled(forwarding_component)
    port, other = free_port(), words_of(web, "", "127.0.0.1")[1]
    engine("run", "-d", "--name", "web", "--network", "host", "-e", f"PORT={port}", forwarding)

    def asked(path: str) -> tuple[int, bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def is_there() -> bool:
        with contextlib.suppress(OSError):
            return asked(f"/{other}/text") == (200, b"from the server\n")
        return False

    until(is_there, "an answer")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(asked, [f"/{other}/large", f"/{other}/none"] * 16))
    assert answers == [(200, b"0123456789" * 100_000), (404, b"")] * 16
    assert asked(f"/127.0.0.1:{free_port()}/x")[0] == 500 + REFUSED


def test_its_image_has_certificates_and_its_artifact_none(run_whit: RunWhit, asking: Path) -> None:
    assert "ca " in run_whit("inspect", asking).stdout
    assert run_whit("pack", "-t", "me/asking:image", asking).returncode == 0
    assert run_whit("pack", "--format", "wasm", "-t", "me/asking:artifact", asking).returncode == 0
    assert BUNDLE in run_whit("explain", asking, BUNDLE).stdout


@pytest.mark.root
def test_in_a_network_of_whit_s_it_asks_a_service_by_its_name(engine: Engine, asking: Path) -> None:
    """Given busybox's httpd in a network, when a component in it asks for it by name, then it is answered."""
    engine("network", "create", "inner")
    engine(
        "run", "-d", "--name", "web", "--network", "inner", "/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/etc"
    )
    ran = engine.run(
        "run", "--network", "inner", "--restart", "no", "--name", "ask", asking, "http", "web:8080", "/hosts"
    )
    assert ran.stdout.startswith("200\n127.0.0.1"), ran.stderr


@pytest.mark.root
def test_rust_s_listener_answers_on_a_published_port(engine: Engine, net: Path) -> None:
    port = free_port()
    engine("run", "-d", "--name", "echo", "-p", f"127.0.0.1:{port}:7000", net, "serve", "7000")
    until(lambda: "listening on 0.0.0.0:7000" in engine.log("echo"), "its listener")
    assert said(("127.0.0.1", port), "hello") == "olleh"
    assert said(("127.0.0.1", port), "x" * 100_000) == "x" * 100_000
    assert said(("127.0.0.1", port), "end") == "dne"
    assert engine("wait", "echo") == "0"


@pytest.mark.root
def test_containers_of_one_network_find_each_other_by_name_and_speak(engine: Engine, net: Path) -> None:
    engine("network", "create", "inner")
    engine("run", "-d", "--name", "echo", "--network", "inner", net, "serve", "7000")
    until(lambda: "listening" in engine.log("echo"), "its listener")
    assert engine("run", "--network", "inner", "--name", "ask", net, "ask", "echo:7000", "abc") == "cba"
    address = engine("run", "--network", "inner", "--name", "resolve", net, "resolve", "echo")
    assert socket.inet_aton(address)


def test_datagrams_and_names_of_its_own_machine(run_whit: RunWhit, net: Path) -> None:
    assert run_whit("run", net, "udp", "7001").stdout == "to myself from 127.0.0.1\n"
    assert "127.0.0.1" in run_whit("run", net, "resolve", "localhost").stdout


def test_without_a_network_it_has_no_sockets(run_whit: RunWhit, net: Path) -> None:
    for words in (("serve", "7000"), ("ask", "127.0.0.1:7000", "x"), ("udp", "7001"), ("resolve", "localhost")):
        ran = run_whit("run", "--network", "none", net, *words)
        assert (ran.returncode, len(ran.stdout.splitlines())) == (1, 1)
