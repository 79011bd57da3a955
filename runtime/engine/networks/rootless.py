"""A way out for a container whose user isn't root: a program that speaks for it to the host's sockets.

slirp4netns rather than pasta where both are there: it is ready in 10 ms instead of 60, and ends when nobody holds the
other end of a pipe any more, whatever ended the supervisor that did. Pasta's process is noted, and ended by
:func:`rootless_detach`. Both give the container the same addresses. Published ports aren't their business: the
supervisor serves those.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine.networks import folder
from whit.runtime.engine.networks.hosts import hosts_file
from whit.runtime.engine.networks.model import DEFAULT, Endpoint

if TYPE_CHECKING:
    from whit.runtime.engine.networks.model import Member

ADDRESS, GATEWAY, RESOLVER, INTERFACE = "10.0.2.100", "10.0.2.2", "10.0.2.3", "tap0"
"""The container's, the way out's, and that of a resolver that asks the host's; its interface."""

NOTE = "pasta.pid"
_READY_S = 20.0
_SAID = 500
_NOISE = ("experimental", "child failed", "syslog")
"""What these programs say beside what is wrong."""


def rootless_attach(root: Path, member: Member, pid: int, watched: int) -> Endpoint:
    """Connect the namespaces of ``pid`` to the outside; raises :class:`LaunchError` where that can't be done."""
    connect(pid, watched, root / "containers" / member.id / NOTE)
    endpoint = Endpoint(DEFAULT, ADDRESS, None, "", INTERFACE, GATEWAY)
    attached = replace(member, endpoints=(endpoint,))
    folder.write_member(root, attached)
    folder.write_hosts(root, member.id, hosts_file(attached, (), GATEWAY))
    return endpoint


def rootless_detach(root: Path, container: str) -> None:
    """End what doesn't end by itself, and forget where the container was."""
    folder.forget_member(root, container)
    disconnect(root / "containers" / container / NOTE)


def connect(pid: int, watched: int, note: Path) -> int | None:
    """Let a program speak for the namespaces of ``pid`` until the other end of ``watched``, a pipe, is closed.

    Its process, a child of the caller's; one which doesn't look at the pipe, and is nobody's child, is noted for
    :func:`disconnect`. Raises :class:`LaunchError`.
    """
    slirp, pasta = shutil.which("slirp4netns"), shutil.which("pasta")
    if slirp:
        return _slirp(slirp, pid, watched)
    if not pasta:
        raise LaunchError(
            "neither slirp4netns nor pasta is installed, and the network of a container of yours needs one",
            hint="install the package slirp4netns or passt, or use --network none",
        )
    _pasta(pasta, pid, note)
    return None


def disconnect(note: Path) -> None:
    """End what doesn't end by itself."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(note.read_text())
        if str(note) in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            os.kill(pid, signal.SIGTERM)
    note.unlink(missing_ok=True)


def slirp_words(program: str, ready: int, watched: int) -> tuple[str, ...]:
    """slirp4netns(1): it says at one descriptor that it is ready, and ends when nobody holds the other end of the second.

    Behind its options stand the process and the interface.
    """
    return (
        program, "--configure", f"--ready-fd={ready}", f"--exit-fd={watched}", "--mtu=65520", "--disable-host-loopback",
        "--enable-sandbox", "--enable-seccomp",
    )  # fmt: skip


def _slirp(program: str, pid: int, watched: int) -> int:
    ready, tell = os.pipe2(os.O_CLOEXEC)
    words = (*slirp_words(program, tell, watched), str(pid), INTERFACE)
    said = os.memfd_create("slirp4netns")
    try:
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=(tell, watched), cwd="/",
                start_new_session=True,
            )  # fmt: skip
            process.returncode = 0
        finally:
            os.close(tell)
        if not select.select([ready], [], [], _READY_S)[0] or not os.read(ready, 1):
            raise _failed("slirp4netns", os.pread(said, _SAID, 0).decode(errors="replace"))
        return process.pid
    finally:
        os.close(ready)
        os.close(said)


def _pasta(program: str, pid: int, note: Path) -> None:
    """It goes to the background when all is set up."""
    words = [
        program, "--config-net", "--quiet", "--ipv4-only", "--no-map-gw", "--ns-ifname", INTERFACE, "--address", ADDRESS,
        "--netmask", "24", "--gateway", GATEWAY, "--dns-forward", RESOLVER, "--tcp-ports", "none", "--udp-ports", "none",
        "--tcp-ns", "none", "--udp-ns", "none", "--pid", str(note), "--netns", f"/proc/{pid}/ns/net",
        "--userns", f"/proc/{pid}/ns/user",
    ]  # fmt: skip
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, cwd="/",
        start_new_session=True,
    )  # fmt: skip
    if done.returncode:
        raise _failed("pasta", done.stderr)


def _failed(program: str, said: str) -> LaunchError:
    lines = [line for line in said.splitlines() if line and not any(part in line for part in _NOISE)]
    hint = "use --network none"
    if "/dev/net/tun" in said:
        hint = "let users open /dev/net/tun, as most systems do: chmod 666 /dev/net/tun; or use --network none"
    return LaunchError(f"{program} can't connect the container: {lines[0] if lines else 'it ended'}", hint=hint)
