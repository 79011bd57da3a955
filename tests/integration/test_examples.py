"""Each project in examples/: built as its README says, run, and called."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until
from tests.integration.sources import done
from tests.peers import PROJECT, find_peer
from tests.peers.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit

EXAMPLES = PROJECT / "examples"
PORT = 18473


def get(path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def answers() -> bool:
    try:
        get("/")
    except OSError:
        return False
    return True


@contextmanager
def started(whit: Path, root: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A container in the foreground, ended by SIGTERM."""
    process = subprocess.Popen([str(whit), "run", *words], env={**os.environ, "WHIT_ROOT": str(root)}, text=True)
    try:
        until(answers)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def page_by_https(folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a page, and the authority that vouches for its server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *_: object) -> None:
            pass

    certificates = make_certificates(folder)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}/", certificates.authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.peer("go", "openssl")
def test_the_go_service_serves_tells_the_time_in_any_zone_and_fetches_by_https(
    whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    document = json.loads(done(run_whit, "build", "--json", EXAMPLES / "go-http"))
    files = {file["path"] for file in document["images"][0]["files"]}
    assert {"/go-http", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/Europe/Berlin"} <= files
    with page_by_https(tmp_path) as (url, authority):
        trusted = ("-v", f"{authority}:/authority.pem:ro", "-e", "SSL_CERT_FILE=/authority.pem")
        with started(whit, whit_root, "--network", "host", "-e", f"PORT={PORT}", *trusted, "go-http") as process:
            assert get("/?name=you") == "hello, you\n"
            assert get("/time?zone=Europe/Berlin&at=2026-07-01T12:00:00Z") == "2026-07-01T14:00:00+02:00\n"
            assert get(f"/fetch?url={urllib.parse.quote(url)}") == "a page"
        assert process.returncode == 0


@pytest.mark.peer("go", "qemu-x86_64")
def test_the_go_service_for_another_architecture_runs_there(run_whit: RunWhit, whit_root: Path) -> None:
    done(run_whit, "build", "--platform", "linux/arm64", "-t", "foreign", EXAMPLES / "go-http")
    (program,) = (whit_root / "build" / "caches").glob("source-*/go-http")
    inspected = json.loads(done(run_whit, "inspect", "--json", program))
    assert (inspected["platform"]["architecture"], inspected["linkage"]) == ("arm64", "static")
    emulator = find_peer("qemu-aarch64")
    assert emulator is not None
    words = [str(emulator), str(program)]
    with subprocess.Popen(words, env={"PORT": str(PORT + 1)}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "listening on" in process.stderr.readline()
        process.terminate()
        assert process.wait(30) == 0
