"""``exec`` while its container's number becomes another process's: ``reused_number.py WHIT-OCI ROOT NAME``, as root.

To be started as the first process of a PID namespace of its own with a /proc of its own (``unshare --pid --fork
--mount-proc``): there nobody else takes numbers, so that the kernel's last one decides the next. exec is held where
it connects to a socket that is full; it has found the container by then. Writes [exit code, output, errors] as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWUTS = 0x0400_0000
LONG = 60.0
NULL = subprocess.DEVNULL


def _full(path: str) -> tuple[socket.socket, list[socket.socket]]:
    """A socket that nobody more can connect to, and those that have."""
    server, clients = socket.socket(socket.AF_UNIX), []
    server.bind(path)
    server.listen(0)
    with contextlib.suppress(BlockingIOError):
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            clients.append(client)
            client.connect(path)
    return server, clients


def _await_connecting(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + LONG
    while "unix_wait" not in Path(f"/proc/{process.pid}/wchan").read_text():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "exec never came to the socket"
        time.sleep(0.01)


def _take(number: int) -> None:
    """Another process of that number, with a host name of its own."""
    while True:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        ready, done = os.pipe()
        child = os.fork()
        if child == 0:
            import ctypes  # noqa: PLC0415 - loaded by the child alone

            ctypes.CDLL(None).unshare(CLONE_NEWUTS)
            socket.sethostname("another")
            os.write(done, b"x")
            while True:
                signal.pause()
        os.read(ready, 1)
        if child == number:
            return
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main() -> None:
    program, root, name = sys.argv[1:]
    words = [program, "--root", root]
    subprocess.run([*words, "run", "--detach", name], stdin=NULL, stdout=NULL, check=True, timeout=LONG)
    pid = json.loads(subprocess.check_output([*words, "state", name], text=True))["pid"]
    server, clients = _full("full")
    command = [*words, "exec", "--pidfd-socket", "full", name, "/bin/hostname"]
    with subprocess.Popen(command, stdin=NULL, stdout=-1, stderr=-1, text=True) as process:
        _await_connecting(process)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        _take(pid)
        while process.poll() is None:
            if select.select([server], [], [], 0.1)[0]:
                clients.append(server.accept()[0])
        out, err = process.communicate(timeout=LONG)
    subprocess.run([*words, "delete", "--force", name], check=True, timeout=LONG)
    sys.stdout.write(json.dumps([process.returncode, out, err]))


if __name__ == "__main__":
    main()
