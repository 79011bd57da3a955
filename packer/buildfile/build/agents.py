"""``--ssh``: SSH agents that a build is given; what steps see of them is in ``forwarding``."""

from __future__ import annotations

import csv
import os
import stat
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.support.errors import NotFoundError, UsageError, WhitError

if TYPE_CHECKING:
    import contextlib
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

DEFAULT = "default"
VARIABLE = "SSH_AUTH_SOCK"
MODE = 0o600
"""A socket's, where the mount doesn't say."""

_SECONDS = 20


def parse_agents(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``--ssh default``, ``ID=SOCKET`` or ``ID=KEY[,KEY…]``, by ID. Raises :class:`UsageError`, :class:`NotFoundError`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, rest = text.partition("=")
        paths = tuple(next(csv.reader([rest]), [])) if rest else ()
        if not name or name in found:
            raise UsageError(f"--ssh {text}: {'given twice' if name else 'there is no ID'}", hint="as in --ssh default")
        if not paths:
            own = os.environ.get(VARIABLE)
            if not own:
                raise NotFoundError(f"--ssh {text}: there is no agent ({VARIABLE})", hint=f"ssh-agent; or --ssh {name}=KEY")
            paths = (own,)
        _check(text, paths)
        found[name] = paths
    return found


def _check(text: str, paths: tuple[str, ...]) -> None:
    for path in paths:
        try:
            is_socket = stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116 - a text until here
        except OSError as error:
            raise NotFoundError(f"--ssh {text}: {path}: {error.strerror}") from None
        if is_socket and len(paths) > 1:
            raise UsageError(f"--ssh {text}: an agent's socket stands alone", hint="keys are files: --ssh ID=KEY,KEY")


@dataclass(slots=True)
class Agents:
    """A build's agents; one for keys is started when a step wants it, and ends with the build."""

    given: Mapping[str, tuple[str, ...]]
    folder: Path
    held: contextlib.ExitStack
    _sockets: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def socket(self, name: str) -> str | None:
        """An agent's socket; None where none of that name is given. Raises :class:`WhitError`."""
        paths = self.given.get(name)
        if not paths:
            return None
        with self._lock:
            if name not in self._sockets:
                is_socket = stat.S_ISSOCK(os.stat(paths[0]).st_mode)  # noqa: PTH116 - as above
                self._sockets[name] = paths[0] if is_socket else self._started(name, paths)
            return self._sockets[name]

    def _started(self, name: str, keys: tuple[str, ...]) -> str:
        """An agent of our own with these keys. Raises :class:`WhitError` for one that isn't a key, or has a passphrase."""
        import shutil  # noqa: PLC0415 - few builds are given keys
        import subprocess  # noqa: PLC0415

        agent, add = shutil.which("ssh-agent"), shutil.which("ssh-add")
        if agent is None or add is None:
            raise NotFoundError("ssh-agent isn't there", hint="install OpenSSH's client, or give an agent's socket")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        words = [agent, "-D", "-a", f"a{len(self._sockets)}"]
        process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.held.callback(_ended, process)
        if process.stdout is None or not process.stdout.readline():
            raise WhitError("ssh-agent doesn't start")
        environment = {"PATH": os.environ.get("PATH", os.defpath), VARIABLE: words[-1], "SSH_ASKPASS_REQUIRE": "never"}
        for key in keys:
            done = subprocess.run(
                [add, "-q", os.path.abspath(key)],  # noqa: PTH100 - a text
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                timeout=_SECONDS, start_new_session=True,
            )  # fmt: skip
            if done.returncode:
                said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise WhitError(
                    f"--ssh {name}: {key} can't be used: {said[:200] or 'it has a passphrase'}",
                    hint="a private key without a passphrase; others by an agent: ssh-add KEY, --ssh default",
                )
        return str(self.folder / words[-1])


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
