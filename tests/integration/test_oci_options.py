"""What the command line of an OCI runtime decides beside config.json, and who is told of the container's process."""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import socket
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

KEYCTL = 250 if platform.machine() == "x86_64" else 219

OTHERS = ("pid", "network", "ipc", "uts")
NO_MOUNTS = [{"type": name} for name in OTHERS]


@contextlib.contextmanager
def started(bundle: Bundle, change: dict[str, Any]) -> Iterator[int]:
    """A container that runs; its first process."""
    bundle.write("sleep 600", change)
    assert bundle.create("one") == 0
    try:
        assert bundle.call("start", "one").code == 0
        yield int(bundle.state("one")["pid"])
    finally:
        bundle.call("delete", "--force", "one")


def mounts_below(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]


@pytest.mark.ours("mounts on the host, and leaves that there", "runc", "crun")
def test_without_a_mount_namespace_it_is_the_hosts_and_nothing_is_mounted_there(bundle: Bundle) -> None:
    volume = bundle.folder / "volume"
    volume.mkdir()
    (volume / "file").write_text("hello")
    change = {
        "mounts": ["+", {"destination": "/data", "source": str(volume), "options": ["bind", "ro"]}],
        "linux": {"namespaces": NO_MOUNTS, "maskedPaths": ["/proc/keys"], "readonlyPaths": ["/proc/sys"]},
    }
    with started(bundle, change) as pid:
        assert Path(f"/proc/{pid}/ns/mnt").readlink() == Path("/proc/self/ns/mnt").readlink()
        assert mounts_below(bundle.folder) == []
        script = (
            "ls /; cat /data/file; touch /data/x; touch /made; cat /proc/1/comm; stat -c %t:%T /proc/keys /dev/null;"
            "echo 1 > /proc/sys/kernel/msgmax"
        )
        ran = bundle.call("exec", "one", "/bin/sh", "-c", script)
        assert ran.lines == [
            *(sorted(path.name for path in bundle.rootfs.iterdir() if path.name != "made")),
            "hellosleep", "1:3", "1:3",
        ]  # fmt: skip
        assert ran.err.count("Read-only file system") == 2
    assert (bundle.rootfs / "made").exists()
    assert mounts_below(bundle.folder) == []


@pytest.mark.ours("mounts on the host, and leaves that there", "runc", "crun")
def test_no_way_leads_out_of_a_root_that_no_mount_namespace_has(bundle: Bundle) -> None:
    change = {"linux": {"namespaces": NO_MOUNTS}, "process": {"cwd": "/bin"}}
    ran = bundle.run("cd ../../../..; ls -d etc/passwd; pwd; ls -d /proc/1/root/etc/passwd", change)
    assert (ran.out, ran.err.count("No such file")) == ("/\n", 2)


def test_a_mount_namespace_is_joined_by_path(bundle: Bundle) -> None:
    with subprocess.Popen(["unshare", "-m", "sleep", "600"]) as process:
        path = Path(f"/proc/{process.pid}/ns/mnt")
        try:
            while path.readlink() == Path("/proc/self/ns/mnt").readlink():
                pass
            listed = [*NO_MOUNTS, {"type": "mount", "path": str(path)}]
            with started(bundle, {"linux": {"namespaces": listed}}) as pid:
                assert Path(f"/proc/{pid}/ns/mnt").readlink() == path.readlink()
                ran = bundle.call("exec", "one", "/bin/ls", "/dev/null", "/etc/passwd")
                assert ran.out == "/dev/null\n"
        finally:
            process.kill()


@pytest.mark.parametrize("options", [(), ("--no-pivot",)])
def test_the_hosts_files_are_out_of_reach(bundle: Bundle, options: tuple[str, ...]) -> None:
    bundle.write("cat /proc/self/mountinfo; cd /..; ls; touch /made")
    ran = bundle.call("run", *options, "one")
    assert (ran.code, ran.err) == (0, "")
    assert (bundle.rootfs / "made").exists()
    places = [line.split()[4] for line in ran.lines if " - " in line]
    assert places[0] == "/"
    assert set(places) <= {"/", "/proc", "/dev", "/dev/pts", "/sys"}
    assert [line for line in ran.lines if " - " not in line] == sorted(
        path.name for path in bundle.rootfs.iterdir() if path.name != "made"
    )


@pytest.mark.ours("knows no --keep", "crun")
def test_a_container_is_kept_when_asked(bundle: Bundle) -> None:
    bundle.write("exit 3")
    assert bundle.call("run", "--keep", "one").code == 3
    assert bundle.state("one")["status"] == "stopped"
    assert bundle.call("delete", "one").code == 0
    assert bundle.call("run", "two").code == 3
    assert bundle.call("state", "two").code == 1


KEYRING = """
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    return printf("%ld\\n", syscall(SYS_keyctl, 0, -3, 1)) < 0;
}
"""
"""Prints the number of the caller's session keyring (keyctl_get_keyring_ID(3))."""


@pytest.mark.peer("gcc")
def test_keys_are_the_callers_when_asked(bundle: Bundle) -> None:
    program = bundle.rootfs / "bin" / "keyring"
    subprocess.run(["gcc", "-static", "-x", "c", "-", "-o", program], input=KEYRING, text=True, check=True)
    # A session keyring for the caller, so that it has one at all.
    ctypes.CDLL(None).syscall(KEYCTL, 1, None)
    mine = subprocess.run([program], capture_output=True, text=True, check=True).stdout

    def keyring(*options: str) -> str:
        bundle.write("keyring")
        return bundle.call("run", *options, "one").out

    assert keyring("--no-new-keyring") == mine
    assert keyring() not in {mine, ""}


def listen(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(60)
    server.bind(str(path))
    server.listen()
    return server


def receive(server: socket.socket) -> tuple[bytes, int]:
    """What somebody who connects sends: a text and a descriptor."""
    connection, _ = server.accept()
    with connection:
        connection.settimeout(60)
        text, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
    numbers = array.array("i")
    numbers.frombytes(ancillary[0][2][:4])
    return text, numbers[0]


@pytest.mark.ours("1.1 knows no pidfd socket", "runc", "crun")
def test_the_process_is_sent_as_a_descriptor(bundle: Bundle) -> None:
    bundle.write("sleep 600")
    with listen(bundle.folder / "s") as server:
        null = subprocess.DEVNULL
        command = bundle.command("create", "--pidfd-socket", "s", "one")
        assert subprocess.run(command, cwd=bundle.folder, stdin=null, stdout=null, check=False).returncode == 0
        try:
            _, process = receive(server)
            pid = bundle.state("one")["pid"]
            assert f"Pid:\t{pid}\n" in Path(f"/proc/self/fdinfo/{process}").read_text()
            os.close(process)
        finally:
            bundle.call("delete", "--force", "one")


NOTIFY_RECEIVE, NOTIFY_SEND = 0xC0502100, 0xC0182101


def refuse_one(listener: int, number: int) -> int:
    """Answer the next system call with an error; the process that made it."""
    asked = bytearray(80)
    fcntl.ioctl(listener, NOTIFY_RECEIVE, asked)
    ident, pid = struct.unpack_from("=QI", asked)
    fcntl.ioctl(listener, NOTIFY_SEND, struct.pack("=QqiI", ident, 0, -number, 0))
    return int(pid)


def test_an_agent_answers_system_calls(bundle: Bundle) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}
    seccomp = {
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule],
        "listenerPath": str(bundle.folder / "agent"), "listenerMetadata": "for whom",
    }  # fmt: skip
    bundle.write("mkdir /tmp/x", {"linux": {"seccomp": seccomp}, "annotations": {"a": "b"}})
    out = bundle.folder / "out"
    with listen(bundle.folder / "agent") as server, out.open("wb") as file:
        command = bundle.command("run", "one")
        with subprocess.Popen(
            command, cwd=bundle.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        ) as runtime:
            text, listener = receive(server)
            told = json.loads(text)
            assert refuse_one(listener, errno.EXDEV) == told["pid"]
            os.close(listener)
            assert runtime.wait(60) != 0
    assert "Invalid cross-device link" in out.read_text() or "Cross-device link" in out.read_text()
    assert (told["fds"], told["metadata"]) == (["seccompFd"], "for whom")
    assert (told["state"]["id"], told["state"]["pid"]) == ("one", told["pid"])
    assert told["state"]["annotations"]["a"] == "b"
    assert told["state"]["bundle"] == str(bundle.folder)


@pytest.mark.parametrize("privileged", [False, True], ids=["no new privileges", "new privileges"])
def test_an_agent_is_told_while_the_container_is_created(bundle: Bundle, privileged: bool) -> None:
    seccomp = {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
        "listenerPath": str(bundle.folder / "agent"),
    }  # fmt: skip
    bundle.write("mkdir /tmp/x", {"linux": {"seccomp": seccomp}, "process": {"noNewPrivileges": not privileged}})
    with listen(bundle.folder / "agent") as server:
        assert bundle.create("one") == 0
        try:
            text, listener = receive(server)
            told = json.loads(text)
            assert (told["state"]["status"], told["pid"]) == ("creating", bundle.state("one")["pid"])
            assert bundle.state("one")["status"] == "created"
            assert bundle.call("start", "one").code == 0
            assert refuse_one(listener, errno.EXDEV) == told["pid"]
            os.close(listener)
        finally:
            bundle.call("delete", "--force", "one")


LATE = {
    "the filter forbids what the launcher does": {"linux": {"seccomp": {"syscalls": ["+", {
        "names": ["recvfrom", "poll", "ppoll", "umask"], "action": "SCMP_ACT_ERRNO",
    }]}}},
    "the agent would be asked about it": {"linux": {"seccomp": {"syscalls": ["+", {
        "names": ["read"], "action": "SCMP_ACT_NOTIFY", "args": [{"index": 0, "value": 1 << 40, "op": "SCMP_CMP_EQ"}],
    }]}}},
    "a hook comes in between": {"hooks": {"startContainer": [{"path": "/bin/true"}]}},
}  # fmt: skip


@pytest.mark.ours("loads it at create whatever it says", "runc", "crun")
@pytest.mark.parametrize("change", LATE.values(), ids=LATE.keys())
def test_a_filter_that_the_launcher_could_not_live_with_is_loaded_at_the_start(
    bundle: Bundle, change: dict[str, Any]
) -> None:
    seccomp = {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
        "listenerPath": str(bundle.folder / "agent"),
    }  # fmt: skip
    bundle.write("mkdir /tmp/x", merged({"linux": {"seccomp": seccomp}}, change))
    with listen(bundle.folder / "agent") as server:
        assert bundle.create("one") == 0
        try:
            waiting = Path(f"/proc/{bundle.state('one')['pid']}/status").read_text()
            assert "Seccomp:\t0\n" in waiting
            assert bundle.call("start", "one").code == 0
            text, listener = receive(server)
            assert json.loads(text)["state"]["status"] == "created"
            refuse_one(listener, errno.EXDEV)
            os.close(listener)
        finally:
            bundle.call("delete", "--force", "one")


def test_an_agent_that_is_not_there_is_one_error(bundle: Bundle) -> None:
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], "listenerPath": "/nowhere/agent"}
    ran = bundle.run("echo ran", {"linux": {"seccomp": seccomp}})
    assert (ran.code, ran.out) == (1, "")
    assert "agent" in ran.err or "listener" in ran.err


@pytest.mark.ours("knows no execCPUAffinity", "runc", "crun")
def test_cpus_of_execs_processes_may_be_the_configurations(bundle: Bundle) -> None:
    affinity = {"process": {"execCPUAffinity": {"initial": "0", "final": "0"}}}
    with started(bundle, affinity):
        ran = bundle.call("exec", "one", "/bin/grep", "Cpus_allowed_list", "/proc/self/status")
        assert ran.out.split()[1] == "0"
