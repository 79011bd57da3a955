"""``--systemd-cgroup`` where there is no systemd to ask; with a real one: tests/guests/test_oci_systemd.py."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import until
from whit.runtime.oci.bus import authenticate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.oci_bundle import Bundle

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static"),
    pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="this machine has a systemd, which would answer"),
]


def test_it_is_refused_in_one_line_and_leaves_nothing(bundle: Bundle) -> None:
    bundle.write("true", {"linux": {"cgroupsPath": "system.slice:whit:test"}})
    done = bundle.call("--systemd-cgroup", "run", "c1")
    message, hint = done.err.splitlines()
    assert done.code == 1
    assert message.startswith("whit-oci: --systemd-cgroup: ")
    assert hint
    assert not (bundle.folder / "state" / "c1").exists()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    """The address of a bus of the test's own."""
    path = tmp_path / "bus"
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={path}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        until(path.exists)
        yield f"unix:path={path}"
        daemon.terminate()


@pytest.mark.peer("dbus-daemon")
@pytest.mark.parametrize("before", [(), ("unshare", "--user", "--")], ids=["oneself", "in a user namespace"])
def test_the_bus_knows_by_the_kernel_who_asks(bus: str, before: tuple[str, ...]) -> None:
    """In a user namespace one has another number than the bus knows: so have a user's podman, and what it runs."""
    script = "import sys; from whit.runtime.oci.bus import open_bus; print(open_bus(sys.argv[1], 30).unique_name)"

    asked = subprocess.run([*before, sys.executable, "-c", script, bus], capture_output=True, text=True, check=False)

    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith(":")


@pytest.mark.parametrize(
    "said", [b"", b"REJECTED EXTERNAL\r\n", b"DATA\r\nERROR\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"x" * 1000]
)
def test_what_is_no_bus_is_told(said: bytes) -> None:
    ours, other = socket.socketpair()
    with ours, other:
        other.sendall(said)
        other.shutdown(socket.SHUT_WR)

        with pytest.raises(ValueError, match=r"refuses|another protocol"):
            authenticate(ours)
