"""Registries of our own: Debian's docker-registry in all its forms, and two of other makes, each on a port of loopback."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.peers import BUILD, PROJECT, find_peer
from whit.packer.support.durable import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_SECONDS = 20.0
PROGRAMS = BUILD / "registries" / "registry"
USER, PASSWORD = "ann", "correct horse"


@dataclass(frozen=True, slots=True)
class RegistryPeer:
    """A registry that runs; ``data`` is where docker-registry keeps what it has."""

    port: int
    process: subprocess.Popen[bytes]
    data: Path

    @property
    def name(self) -> str:
        """As it stands in references."""
        return f"localhost:{self.port}"

    def blob(self, digest: str) -> Path:
        """Where docker-registry's filesystem driver has a blob."""
        digits = digest.removeprefix("sha256:")
        return self.data / "docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _started(command: Sequence[str | Path], port: int, log: Path, data: Path) -> Iterator[RegistryPeer]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
    try:
        end = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.02)
        else:
            raise RuntimeError(f"{command[0]} didn't start:\n{log.read_text(errors='replace')[-2000:]}")
        yield RegistryPeer(port, process, data)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def docker_registry(
    folder: Path,
    *,
    auth: Mapping[str, object] | None = None,
    tls: Mapping[str, object] | None = None,
    port: int | None = None,
    prefix: Sequence[str] = (),
    address: str = "127.0.0.1",
) -> Iterator[RegistryPeer]:
    """Debian's docker-registry; ``auth`` and ``tls`` as in its configuration. ``prefix`` begins its command line."""
    program = find_peer("docker-registry")
    assert program is not None
    folder.mkdir(exist_ok=True)
    port = port or free_port()
    document: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"{address}:{port}", "secret": "of the tests", **({"tls": dict(tls)} if tls else {})},
    }
    if auth:
        document["auth"] = dict(auth)
    config = folder / "config.yml"
    config.write_text(json.dumps(document))  # JSON is YAML
    if prefix:
        with _unseen([*prefix, program, "serve", config], port, folder) as peer:
            yield peer
        return
    with _started([program, "serve", config], port, folder / "log", folder / "data") as peer:
        yield peer


@contextlib.contextmanager
def _unseen(command: Sequence[str | Path], port: int, folder: Path) -> Iterator[RegistryPeer]:
    """In another network namespace: nobody can look from here whether it listens yet."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield RegistryPeer(port, process, folder / "data")
    finally:
        process.kill()
        process.wait()


def htpasswd(folder: Path) -> dict[str, object]:
    """Basic authentication for :data:`USER`, as docker-registry wants it: by bcrypt."""
    program = find_peer("htpasswd")
    assert program is not None
    line = subprocess.run([program, "-Bbn", USER, PASSWORD], capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(line)
    return {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}


def other_registry() -> Path | None:
    """The program with the registries of other makes, built once; None where there is no Go."""
    go = find_peer("go")
    source = PROJECT / "tests" / "programs" / "registry"
    newest = max(path.stat().st_mtime for path in source.iterdir())
    PROGRAMS.parent.mkdir(parents=True, exist_ok=True)
    with locked(PROGRAMS.with_name("lock"), exclusive=True):
        if PROGRAMS.exists() and PROGRAMS.stat().st_mtime > newest:
            return PROGRAMS
        if go is None:
            return None
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
        new = PROGRAMS.with_name(".new")
        subprocess.run([go, "build", "-o", new, "."], cwd=source, env=environment, check=True)
        new.rename(PROGRAMS)
    return PROGRAMS


@contextlib.contextmanager
def memory_registry(kind: str, folder: Path) -> Iterator[RegistryPeer]:
    """go-containerregistry's (``ggcr``), or ociregistry's (``oci``); all they have is in memory."""
    program = other_registry()
    assert program is not None
    port = free_port()
    with _started([program, kind, f"127.0.0.1:{port}"], port, folder / f"{kind}.log", folder) as peer:
        yield peer


def asked(peer: RegistryPeer, path: str) -> bytes:
    """What a registry without authentication answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.port}{path}", timeout=10) as answer:
        data: bytes = answer.read()
        return data
