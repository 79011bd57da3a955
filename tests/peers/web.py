"""Servers of files: HTTP and HTTPS with what servers say of files, git by its own CGI program, and git by sshd."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.peers import find_peer
from tests.peers.registry import free_port
from tests.peers.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BACKEND = "/usr/lib/git-core/git-http-backend"
_SECONDS = 20.0


@dataclass(slots=True)
class Web:
    """A server: ``files`` by path, with more headers; ``moved`` leads elsewhere. ``asked`` are requests, ``status`` answers.

    Paths below ``/git/`` are repositories of the folder ``repositories``; ``token`` is the Authorization that they want.
    """

    address: str = ""
    files: dict[str, tuple[bytes, Mapping[str, str]]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    repositories: Path | None = None
    token: str = ""
    fails: int = 0
    cuts: int = 0


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing."""

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.web.statuses.append(status)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def do_GET(self) -> None:
        web = self.web
        path, _, query = self.path.partition("?")
        web.asked.append(f"{self.command} {path}")
        web.authorizations.append(self.headers.get("Authorization"))
        if path.startswith("/git/") and web.repositories:
            self._git(path.removeprefix("/git"), query)
        elif path in web.moved:
            self._answer(302, {"Location": web.moved[path]})
        elif web.fails > 0:
            web.fails -= 1
            self._answer(503, {})
        elif path not in web.files:
            self._answer(404, {})
        else:
            body, headers = web.files[path]
            if headers.get("ETag") and headers["ETag"] in self.headers.get("If-None-Match", ""):
                self._answer(304, {"ETag": headers["ETag"]})
            elif web.cuts > 0:
                web.cuts -= 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            else:
                self._answer(200, headers, body)

    def do_POST(self) -> None:
        self.do_GET()

    def _git(self, path: str, query: str) -> None:
        """As CGI has it (RFC 3875)."""
        if self.web.token and self.headers.get("Authorization") != self.web.token:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            return
        size = int(self.headers.get("Content-Length") or 0)
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.web.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(size),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        body = self._chunked() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(size)
        if self.headers.get("Transfer-Encoding") == "chunked":
            environment["CONTENT_LENGTH"] = str(len(body))
        done = subprocess.run([BACKEND], env=environment, input=body, capture_output=True, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, headers, answer)

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


@contextlib.contextmanager
def web_server(certificate: tuple[Path, Path] | None = None, host: str = "localhost") -> Iterator[Web]:
    """A server on loopback, or what else ``host`` is; with (certificate, key) it speaks HTTPS."""
    web = Web()
    server = ThreadingHTTPServer((host, 0), type("Handler", (_Handler,), {"web": web}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web.address = f"{'https' if certificate else 'http'}://{host}:{server.server_address[1]}"
    with served(server):
        yield web


@dataclass(frozen=True, slots=True)
class Sshd:
    """An SSH server for this very user, and the key that it takes."""

    port: int
    user: str
    key: Path


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[Sshd]:
    """Debian's sshd on loopback, with keys of its own."""
    program = find_peer("sshd")
    assert program is not None
    folder.mkdir()
    for name in ("host", "user"):
        words: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
        subprocess.run(words, check=True, timeout=30)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    (folder / "authorized").chmod(0o600)
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized'}\n"
        f"PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 - where Debian's sshd goes
    command: list[str | Path] = [program, "-D", "-e", "-f", folder / "config"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
    try:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.05)
        yield Sshd(port, pwd.getpwuid(os.geteuid()).pw_name, folder / "user")
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def ssh_agent(*keys: Path) -> Iterator[str]:
    """An agent's socket."""
    told = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True, timeout=30).stdout
    found = dict(part.split("=", 1) for line in told.splitlines() for part in [line.split(";")[0]] if "=" in part)
    environment = {**os.environ, **found}
    try:
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], env=environment, check=True, timeout=30)
        yield found["SSH_AUTH_SOCK"]
    finally:
        subprocess.run(["ssh-agent", "-k"], env=environment, stdout=subprocess.DEVNULL, check=True, timeout=30)


def repository(folder: Path, *commits: Mapping[str, str | None], name: str = "r.git") -> tuple[Path, list[str]]:
    """A bare repository, one commit for each set of files (None: no longer there, ``@x``: executable); their names."""
    work, bare = folder / f"{name}.work", folder / name
    git = [
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    ]
    environment = {
        **os.environ, "GIT_AUTHOR_DATE": "1600000000 +0000", "GIT_COMMITTER_DATE": "1600000000 +0000",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip

    def run(*words: str | Path) -> str:
        done = subprocess.run([*git, *words], cwd=work, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    work.mkdir(parents=True)
    run("init", "-q")
    made = []
    for number, files in enumerate(commits):
        for path, text in files.items():
            plain, _, mode = path.partition("@")
            target = work / plain
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o755 if mode else 0o644)
        run("add", "-A")
        run("commit", "-q", "-m", f"{number}", "--allow-empty")
        made.append(run("rev-parse", "HEAD"))
    run("clone", "-q", "--bare", work, bare)
    return bare, made
