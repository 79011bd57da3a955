"""What whit-oci says when it can't: one line of what is wrong, and one of what helps."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import Bundle, make_bundle
from tests.integration.older_kernel import NEWER
from tests.peers import PROJECT, find_peer

if TYPE_CHECKING:
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.ours("whit's own words")]

HELPERS = Path(__file__).parent


def said(bundle: Bundle, change: dict[str, Any], *before: str | Path) -> str:
    """What is said of a container that can't be made; nothing of it is left."""
    bundle.write("echo ran", change)
    result = subprocess.run(
        [*before, *bundle.command("run", "--bundle", str(bundle.folder), "one")], cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (1, "")
    first, *hint = result.stderr.splitlines()
    assert first.startswith("whit: ")
    assert len(hint) <= 1
    assert not hint or hint[0].startswith("hint: ")
    assert not (bundle.folder / "state" / "one").exists()
    return result.stderr


def elf(machine: int, loader: str = "") -> bytes:
    """An ELF file of a machine that asks for a loader."""
    name = loader.encode() + b"\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, 0x400000, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    size = 64 + 2 * 56 + len(name)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 0x1000)
    interpreter = struct.pack("<IIQQQQQQ", 3 if loader else 0, 4, 176, 0x4000B0, 0x4000B0, len(name), len(name), 1)
    return header + interpreter + load + name


NATIVE, FOREIGN = (62, 183) if "x86_64" in subprocess.check_output(["uname", "-m"], text=True) else (183, 62)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (elf(NATIVE, "/lib64/ld-none.so.2"), 0o755, ("/lib64/ld-none.so.2", "isn't in the image")),
        (elf(FOREIGN), 0o755, ("is built for", "this machine is")),
        (b"#!/usr/bin/nonesuch\n", 0o755, ("a script for /usr/bin/nonesuch", "isn't in the image")),
        (b"#!/bin/sh\r\necho x\r\n", 0o755, ("ends in CR LF",)),
        (b"echo no first line that says by whom\n", 0o755, ("no program that the kernel can execute",)),
        (b"#!/bin/sh\n", 0o644, ("permission denied", "chmod +x")),
    ],
)
def test_a_program_that_cannot_be_executed(bundle: Bundle, content: bytes, mode: int, words: tuple[str, ...]) -> None:
    program = bundle.rootfs / "data" / "program"
    program.write_bytes(content)
    program.chmod(mode)
    error = said(bundle, {"process": {"args": ["/data/program"]}})
    assert "/data/program" in error
    for word in words:
        assert word in error


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonesuch", '"nonesuch": executable file not found in $PATH'),
        ("/bin/nonesuch", "stat /bin/nonesuch: no such file or directory"),
        ("/bin", "give the program, not its folder"),
    ],
)
def test_a_program_that_is_not_there(bundle: Bundle, name: str, words: str) -> None:
    assert words in said(bundle, {"process": {"args": [name]}})


def test_a_program_on_a_mount_that_executes_nothing(bundle: Bundle) -> None:
    mount = {"destination": "/run", "source": str(bundle.rootfs / "bin"), "options": ["bind", "noexec"]}
    error = said(bundle, {"process": {"args": ["/run/busybox"]}, "mounts": ["+", mount]})
    assert "permission denied" in error
    assert "noexec mount" in error


def test_a_mount_that_is_not_there(bundle: Bundle) -> None:
    mount = {"destination": "/data", "source": "/nowhere/at/all", "options": ["bind"]}
    error = said(bundle, {"mounts": ["+", mount]})
    assert "/nowhere/at/all" in error
    assert "create it first" in error


@pytest.mark.parametrize("kind", ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
def test_a_namespace_that_the_machine_forbids(user: User, kind: str) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    bundle = make_bundle(user.home / "bundle", busybox, user.program.with_name("whit-oci"))
    maps = {name: [{"containerID": 0, "hostID": user.number, "size": 1}] for name in ("uidMappings", "gidMappings")}
    listed = [{"type": name} for name in ("user", "pid", "network", "ipc", "uts", "mount", "cgroup")]
    subprocess.run(["chown", "-R", f"{user.number}:{user.number}", bundle.folder], check=True)
    sysctl = f"max_{kind}_namespaces"
    limited = (sys.executable, HELPERS / "limited_namespaces.py", sysctl, str(user.number))
    error = said(bundle, {"linux": {"namespaces": listed, **maps}}, *limited)
    assert "the limit of namespaces is reached" in error
    assert f"user.{sysctl}" in error


ON_MOUNTS = ("open_tree", "move_mount", "fsopen", "fsmount", "fsconfig", "mount_setattr")


@pytest.mark.parametrize("calls", [*((call,) for call in NEWER), NEWER], ids="+".join)
def test_an_older_kernel_is_enough_or_said_not_to_be(bundle: Bundle, calls: tuple[str, ...]) -> None:
    (bundle.folder / "volume").mkdir()
    volume = {"destination": "/data", "source": "volume", "options": ["rbind", "ro", "rslave"]}
    change = {
        "root": {"path": "rootfs", "readonly": True},
        "mounts": ["+", volume, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"maskedPaths": ["/proc/keys"], "readonlyPaths": ["/proc/sys"]},
    }
    older = (sys.executable, "-m", "tests.integration.without_calls", ",".join(calls))
    if set(calls) & set(ON_MOUNTS):
        assert "whit-oci takes Linux 5.12" in said(bundle, change, *older)
        return
    script = "touch /data/x; touch /x; echo 1 > /proc/sys/kernel/msgmax; touch /tmp/x && stat -c %t:%T /proc/keys"
    bundle.write(script, change)
    done = subprocess.run(
        [*older, *bundle.command("run", "--bundle", str(bundle.folder), "one")], cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1:3\n")
    assert done.stderr.count("Read-only file system") == 3
