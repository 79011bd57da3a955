"""An engine over TLS, with certificates of both sides: by the environment and by a context."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import Engine
from tests.peers.certificates import Certificates, make_certificates, self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker")]


@contextlib.contextmanager
def served(engine: Path, keys: Certificates) -> Iterator[int]:
    """The engine's socket behind TLS, for clients with a certificate; the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys.authority))
    context.load_cert_chain(keys.server, keys.server_key)
    context.verify_mode = ssl.CERT_REQUIRED

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.suppress(OSError))
                outer = stack.enter_context(context.wrap_socket(self.request, server_side=True))
                inner = stack.enter_context(socket.socket(socket.AF_UNIX))
                inner.connect(str(engine))
                back = threading.Thread(target=_copy, args=(inner, outer))
                back.start()
                _copy(outer, inner)
                inner.shutdown(socket.SHUT_RDWR)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def test_certificates_are_those_of_the_environment_or_of_the_context(
    dockerd: Dockerd, whit: Path, tmp_path: Path
) -> None:
    keys = make_certificates(tmp_path)
    folder = tmp_path / "certificates"
    folder.mkdir()
    for source, name in ((keys.authority, "ca"), (keys.client, "cert"), (keys.client_key, "key")):
        shutil.copy(source, folder / f"{name}.pem")
    with served(dockerd.socket, keys) as port:
        host = f"tcp://127.0.0.1:{port}"
        settings = {"DOCKER_CONFIG": str(tmp_path / "docker")}
        # Another bundle of authorities, as requests would take it, has nothing to do with the engine.
        settings["REQUESTS_CA_BUNDLE"] = str(keys.client)
        by_environment = {**settings, "DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
        told = _asked(whit, tmp_path, by_environment)
        assert told == f"whit: the Docker Engine at {host} is in no swarm"
        plain = _asked(whit, tmp_path, {**settings, "DOCKER_HOST": host})
        assert plain.startswith(f"whit: no Docker Engine answers at {host}")
        strange = tmp_path / "strange"
        strange.mkdir()
        self_signed(strange, "ca")
        (strange / "ca.crt").rename(strange / "ca.pem")
        unknown = _asked(whit, tmp_path, {**by_environment, "DOCKER_CERT_PATH": str(strange)})
        assert unknown.startswith(f"whit: no TLS with the Docker Engine at {host}: certificate verify failed")
        files = ",".join(f"{name}={folder}/{name}.pem" for name in ("ca", "cert", "key"))
        made = ["env", f"DOCKER_CONFIG={tmp_path}/docker", str(dockerd.client), "context", "create", "far"]
        subprocess.run([*made, "--docker", f"host={host},{files}"], check=True, capture_output=True)
        assert _asked(whit, tmp_path, {**settings, "DOCKER_CONTEXT": "far"}) == told


def _asked(whit: Path, folder: Path, settings: dict[str, str]) -> str:
    """What the first line is that whit complains with."""
    before = ("env", *(f"{key}={value}" for key, value in settings.items()))
    done = Engine(whit, folder / "root", before).run("stack", "ls")
    assert done.returncode == 1
    return done.stderr.splitlines()[0]
