"""Older and newer kernels' Landlock: what each version is asked for, what then holds, and that what it lacks is said."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.compiled import compiled
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("landlock")]

CREATE, RESTRICT = "landlock_create_ruleset", "landlock_restrict_self"
EXECUTE_AND_WRITE, REFER, TRUNCATE, IOCTL = 0x1FF3, 0x2000, 0x4000, 0x8000
FIRST_WITH_PORTS, FIRST_WITH_LOG, LOG_NEW_EXEC = 4, 7, 2
ASKED = {
    1: (EXECUTE_AND_WRITE, 8),
    2: (EXECUTE_AND_WRITE | REFER, 8),
    3: (EXECUTE_AND_WRITE | REFER | TRUNCATE, 8),
    4: (EXECUTE_AND_WRITE | REFER | TRUNCATE, 16),
    5: (EXECUTE_AND_WRITE | REFER | TRUNCATE | IOCTL, 16),
    6: (EXECUTE_AND_WRITE | REFER | TRUNCATE | IOCTL, 24),
}
"""Version → rights on files and the size of struct landlock_ruleset_attr, in which ports and scopes follow; later ones as 6."""

AUDIT, AUDIT_GET, AUDIT_SET, AUDIT_ENABLED, REQUEST_AND_ACK, READLOG = 9, 1000, 1001, 1, 5, 1
LANDLOCK_ACCESS = 1423


def as_if(
    version: int, whit: Path, root: Path, words: tuple[object, ...]
) -> tuple[subprocess.CompletedProcess[str], str]:
    """whit where the kernel says that it has this version, which is strace's word; and what of it the kernel was asked for."""
    strace = shutil.which("strace")
    if strace is None:
        lacking("strace isn't on this machine")
    told = ("-f", "-X", "raw", "-e", f"trace={CREATE},{RESTRICT}", "-e", f"inject={CREATE}:retval={version}:when=1")
    done = subprocess.run(
        [strace, "-o", str(root.with_name("seen")), *told, str(whit), "run", *map(str, words)],
        capture_output=True, text=True, timeout=120, check=False, env={"WHIT_ROOT": str(root), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done, root.with_name("seen").read_text()


@pytest.mark.parametrize("version", range(1, 11))
def test_each_version_gives_a_strict_sandbox_what_it_has(whit: Path, whit_root: Path, version: int) -> None:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        port = some.getsockname()[1]
    program = compiled(lambda: build("breakout", "c-glibc"))
    words = ("--sandbox", "strict,log", "--network", "host", program, "drop=/tmp/x", f"bind={port}")

    done, seen = as_if(version, whit, whit_root, words)

    knows_ports, logs = version >= FIRST_WITH_PORTS, version >= FIRST_WITH_LOG
    assert done.stdout.splitlines() == [
        "drop Permission denied",
        "bind Permission denied" if knows_ports else "bind done",
    ], done.stderr
    assert ("TCP ports (6.7)" in done.stderr) is not knows_ports
    assert ("the audit log (6.15)" in done.stderr) is not logs
    rights, size = ASKED[min(version, max(ASKED))]
    assert re.search(rf"{CREATE}\(\{{handled_access_fs={rights:#x}, \.\.\.\}}, {size}, 0\)|"
                     rf"{CREATE}\(\{{handled_access_fs={rights:#x}\}}, {size}, 0\)", seen), seen  # fmt: skip
    assert re.search(rf"{RESTRICT}\(\d+, {hex(LOG_NEW_EXEC) if logs else '0'}\)", seen), seen


@pytest.mark.parametrize(("version", "is_told"), [(2, True), (3, False)])
def test_landlock_alone_says_what_it_can_not(whit: Path, whit_root: Path, version: int, *, is_told: bool) -> None:
    program = compiled(lambda: build("breakout", "c-glibc"))

    done, seen = as_if(version, whit, whit_root, ("--landlock", "--network", "none", program, "drop=/tmp/x"))

    assert done.stdout == "drop Permission denied\n", done.stderr
    assert ("warning: --landlock: this kernel's Landlock knows nothing of truncating" in done.stderr) is is_told
    assert f"handled_access_fs={ASKED[version][0]:#x}" in seen
    assert "TCP ports" not in done.stderr, "it limits none"


def message(kind: int, data: bytes) -> bytes:
    """A request to the kernel's audit (linux/audit.h, struct nlmsghdr)."""
    return struct.pack("=IHHII", 16 + len(data), kind, REQUEST_AND_ACK, 1, 0) + data


def enable(control: socket.socket, wanted: int) -> bool:
    """Whether it was taken."""
    control.send(message(AUDIT_SET, struct.pack("=10I", AUDIT_ENABLED, wanted, *[0] * 8)))
    (error,) = struct.unpack_from("=i", control.recv(8192), 16)
    return bool(error == 0)


def is_enabled(control: socket.socket) -> bool:
    """Whether it is switched on already: an acknowledgement comes with the answer, before or after it."""
    control.send(message(AUDIT_GET, b""))
    answers = {struct.unpack_from("=H", data, 4)[0]: data for data in (control.recv(8192), control.recv(8192))}
    (enabled,) = struct.unpack_from("=I", answers[AUDIT_GET], 20)
    return bool(enabled)


@pytest.fixture
def audited() -> Iterator[socket.socket]:
    """What the machine's audit log is told, while the test runs."""
    try:
        control, heard = (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, AUDIT) for _ in range(2))
        control.bind((0, 0))
        heard.bind((0, READLOG))
    except OSError as error:
        lacking(f"this machine has no audit log that one may read: {error}")
    with control, heard:
        before = is_enabled(control)
        if not enable(control, 1):
            lacking("this machine's audit log can't be switched on")
        heard.settimeout(60)
        yield heard
        enable(control, int(before))


def refusals(heard: socket.socket) -> Iterator[str]:
    while True:
        data = heard.recv(8192)
        if struct.unpack_from("=H", data, 4)[0] == LANDLOCK_ACCESS:
            yield data[16:].decode()


def test_what_is_refused_is_written_down_where_that_is_asked_for(run_whit: RunWhit, audited: socket.socket) -> None:
    program = compiled(lambda: build("breakout", "c-glibc"))
    words = ("--network", "host", program)

    run_whit("run", "--sandbox", "strict", *words, "bind=7")
    run_whit("run", "--sandbox", "strict,log", *words, "bind=8097")

    first = next(refusals(audited))
    assert "blockers=net.bind_tcp" in first
    assert "src=8097" in first, "and nothing of the first one"
