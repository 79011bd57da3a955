"""Runs a command at a program's work: its input, the conversation with it, being stopped and continued, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import descendants
from tests.proof.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.model import Asked, Work

SECONDS = 180
"""How long anything may take before it is given up."""

END_SECONDS = 10
"""How long a server that got SIGTERM may take to end."""

NO_ANSWER = "no answer"

_PAUSE, _WAITS = 0.02, 0.3
_STOPPED = {"T", "t"}
_NOWHERE = "/none"
"""PATH: a program finds no others by it, as in its image."""

_MOST = 1 << 20
"""Bytes of output that are kept."""


def play(command: Sequence[str | Path], work: Work, folder: Path, size: int) -> Outcome:
    """Runs it in ``folder``. ``size`` is that of the program's file: by it its processes are told from those around them."""
    environment = {"PATH": _NOWHERE, "HOME": str(folder), **dict(work.environment)}
    if root := os.environ.get("WHIT_ROOT"):
        environment["WHIT_ROOT"] = root
    with (
        (folder.parent / "stdin").open("w+b") as given,
        (folder.parent / "stdout").open("w+b") as said,
        (folder.parent / "stderr").open("w+b") as errors,
    ):
        given.write(work.stdin.encode())
        given.seek(0)
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=given, stdout=said, stderr=errors, start_new_session=True
        ) as process:
            guard = threading.Timer(SECONDS, process.kill)
            guard.start()
            try:
                answer = _converse(process, work, size)
                status = _ended(process, size, asked=work.asked is not None)
            finally:
                guard.cancel()
                for pid in descendants(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        said.seek(0)
        return Outcome(said.read(_MOST).decode(errors="replace"), status, answer)


def errors_of(folder: Path) -> str:
    """The last line that the last command in ``folder`` has written to its standard error."""
    lines = (folder.parent / "stderr").read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _ended(process: subprocess.Popen[bytes], size: int, *, asked: bool) -> int | None:
    """The status as shells have it; None where a server had to be killed."""
    if asked:
        for pid in _members(process.pid, size)[:1] or [process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    try:
        status = process.wait(END_SECONDS if asked else SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return status if status >= 0 else 128 - status


def _converse(process: subprocess.Popen[bytes], work: Work, size: int) -> str:
    answer = _talked(process, work.asked) if work.asked else ""
    if work.stops:
        if not work.asked:
            _until_there(process, size)
        _stop_and_continue(process.pid, size)
        answer += _talked(process, work.asked) if work.asked else ""
    return answer


def _talked(process: subprocess.Popen[bytes], asked: Asked) -> str:
    end = time.monotonic() + SECONDS / 2
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", asked.port), 1).close()
        except OSError:
            time.sleep(_PAUSE)
            continue
        try:
            return asked.talk(asked.port)
        except ssl.SSLError:
            # It listens, and has no certificate yet.
            time.sleep(_PAUSE)
        except (OSError, ValueError) as error:
            return f"{NO_ANSWER}: {type(error).__name__}"
    return f"{NO_ANSWER}: nobody listens"


def _members(pid: int, size: int) -> list[int]:
    """The processes below ``pid``, itself among them, that execute the program."""
    found = []
    for each in descendants(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{each}/exe").stat().st_size == size:
                found.append(each)
    return found


def _until_there(process: subprocess.Popen[bytes], size: int) -> None:
    while process.poll() is None and not _members(process.pid, size):
        time.sleep(_PAUSE)
    time.sleep(_WAITS)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _stop_and_continue(pid: int, size: int) -> None:
    members = _members(pid, size)
    for each in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGSTOP)
    end = time.monotonic() + SECONDS / 2
    while any(_state(each) not in {*_STOPPED, "Z", ""} for each in members) and time.monotonic() < end:
        time.sleep(_PAUSE)
    for each in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGCONT)
