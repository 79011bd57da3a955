"""An engine behind SSH, as docker's own command reaches it: a socket here, and for each connection ``ssh HOST docker system dial-stdio``.

The person's ssh asks for keys, knows hosts and reads its settings; nothing of that is whit's.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

from whit.packer.support.errors import NotFoundError, UsageError

_CONNECTING_SECONDS = 30


def words_of(host: str) -> list[str]:
    """``ssh://[USER@]HOST[:PORT][/SOCKET]`` → the command that speaks with the engine there. Raises :class:`UsageError`."""
    try:
        parts = urlsplit(host)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        name, port, parts = "", None, urlsplit("")
    if not name or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(f"no engine can be at {host[:200]}", hint="ssh://[USER@]HOST[:PORT][/PATH/OF/ITS/SOCKET]")
    words = ["ssh", "-T", "-o", f"ConnectTimeout={_CONNECTING_SECONDS}"]
    words += ["-l", parts.username] if parts.username else []
    words += ["-p", str(port)] if port else []
    path = parts.path.rstrip("/")
    far = ["docker", *(["--host", f"unix://{path}"] if path else []), "system", "dial-stdio"]
    return [*words, "--", name, " ".join(map(quote, far))]


class Farther:
    """A way to an engine behind SSH while it is open; ``address`` is where it is to be found here. Raises :class:`UsageError`, :class:`NotFoundError`."""

    def __init__(self, host: str) -> None:
        self._words = words_of(host)
        if shutil.which(self._words[0]) is None:
            raise NotFoundError(
                "ssh isn't installed, which an engine at ssh:// is reached by", hint="install OpenSSH's client"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="whit-ssh-"))
        self._running: list[subprocess.Popen[bytes]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "engine"))
        self._listener.listen()
        self.address = f"unix://{self._folder}/engine"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), (self._folder / "said").open("wb") as said:
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    # A terminal's Ctrl-C is this process's to answer, not ssh's.
                    command = subprocess.Popen(
                        self._words,
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=said,
                        start_new_session=True,
                    )
                self._running.append(command)

    def said(self) -> str:
        """The last line that ssh, or docker there, complained with; empty where there is none."""
        for command in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.wait(1)
        with contextlib.suppress(OSError):
            lines = (self._folder / "said").read_bytes()[-4096:].decode("utf-8", "replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]
        return ""

    def close(self) -> None:
        """Hang up."""
        # A thread that waits in accept isn't woken by a close.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for command in self._running:
            command.kill()
            command.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
