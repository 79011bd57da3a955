"""Ways out of a container that others have had, tried on whit-oci's: on run, on exec, and on containers that share namespaces.

Each test names the defence that it is about, and has been seen to fail without it. Those of whit's own containers are in
test_escapes.py; links of an image's own in the place of /proc, /sys, /dev and of mount points are in test_oci_mounts.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.oci_bundle import Bundle, Ran, make_bundle
from tests.integration.oci_hostile import (
    NAMES,
    RACES,
    call_with,
    put,
    running,
    start,
    wait_for,
)  # fmt: skip
from tests.peers import find_peer
from tests.programs.build import build
from whit.runtime.oci.state import start_time

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def theirs(tmp_path: Path, everybodys_whit: Path) -> Bundle:
    """A bundle for a whit-oci that may come to harm: not the one of the other tests."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    return make_bundle(tmp_path, busybox, everybodys_whit.with_name("whit-oci"))


how = pytest.mark.parametrize("how", ["run", "exec", "users"])

# ---- the runtime's own file and processes ----


@pytest.mark.parametrize("way", ["exec", "joined"])
def test_the_runtimes_file_is_not_overwritten(theirs: Bundle, way: str) -> None:
    """CVE-2019-5736; SEAL_SELF: what a script for /proc/self/exe starts in the container is a sealed copy in memory."""
    put(theirs, "attack")
    (theirs.rootfs / "script").write_text("#!/proc/self/exe\n")
    (theirs.rootfs / "script").chmod(0o755)
    before = theirs.runtime.read_bytes()
    with running(theirs, "/attack", "overwrite") as (name, output):
        wait_for(output, "ready")
        pid = theirs.state(name)["pid"]
        listed = [{"type": kind} for kind in NAMES if kind != "pid"]
        for _ in range(5):
            if way == "exec":
                assert theirs.call("exec", name, "/script").code != 0
            else:
                change = {"linux": {"namespaces": [*listed, {"type": "pid", "path": f"/proc/{pid}/ns/pid"}]}}
                start(theirs, "run", "/script", change=change)
        assert "overwrote" not in output.read_text()
    assert theirs.runtime.read_bytes() == before


@pytest.mark.parametrize("way", ["exec", "joined"])
def test_a_process_that_joins_is_not_looked_into(bundle: Bundle, way: str) -> None:
    """CVE-2016-9962; PR_SET_DUMPABLE before the first setns: until it is the program it may hold what is the host's."""
    put(bundle, "attack")
    with running(bundle, "/attack") as (name, output):
        wait_for(output, "ready")
        pid = bundle.state(name)["pid"]
        listed = [{"type": kind} for kind in NAMES if kind != "pid"]
        for _ in range(RACES):
            if way == "exec":
                assert bundle.call("exec", name, "/bin/true").code == 0
            else:
                change = {"linux": {"namespaces": [*listed, {"type": "pid", "path": f"/proc/{pid}/ns/pid"}]}}
                assert start(bundle, "run", "/bin/true", change=change).code == 0
        assert "saw" not in output.read_text()


# ---- what leaks from whoever starts the runtime ----


@pytest.fixture
def leaked(tmp_path: Path) -> Iterator[int]:
    """A folder of the host's with a program, open in whoever calls the runtime and in all that it starts."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(busybox, outside / "echo")
    descriptor = os.open(outside, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@how
def test_nothing_that_is_open_is_inherited(bundle: Bundle, leaked: int, how: str) -> None:
    """CVE-2024-21626; close_before_program(): whatever the caller leaks, the program has its three streams."""
    ran = start(bundle, how, "/bin/ls", "/proc/self/fd", pass_fds=[leaked])
    assert ran.lines == ["0", "1", "2", "3"]  # and the one that ls itself has open


@how
def test_no_working_directory_leads_out(bundle: Bundle, leaked: int, how: str) -> None:
    """CVE-2024-21626; CHANGE_DIRECTORY asks the kernel where it has come, however it was named."""
    (bundle.rootfs / "way").symlink_to(f"/proc/self/fd/{leaked}")
    for cwd in (f"/proc/self/fd/{leaked}", "/way", "/proc/1/cwd/../..", "/proc/self/fd/5"):
        ran = start(bundle, how, "/bin/ls", change={"process": {"cwd": cwd}}, pass_fds=[leaked])
        assert ran.code != 0 or "bin" in ran.lines or ran.lines == [], (cwd, ran)
        assert "echo" not in ran.lines


@how
@pytest.mark.parametrize("way", ["path", "PATH", "interpreter"])
def test_no_program_is_found_through_what_is_open(bundle: Bundle, leaked: int, how: str, way: str) -> None:
    """CVE-2024-21626; close_before_program(): closed before execve looks for the program, and not by it."""
    folder = f"/proc/self/fd/{leaked}"
    script = bundle.rootfs / "script"
    script.write_text(f"#!{folder}/echo\n")
    script.chmod(0o755)
    (bundle.rootfs / "bin" / "echo").unlink()
    change = {"process": {"env": [f"PATH={folder}"]}} if way == "PATH" else {}
    args = {"path": [f"{folder}/echo", "escaped"], "PATH": ["echo", "escaped"], "interpreter": ["/script"]}[way]
    ran = start(bundle, how, *args, change=change, pass_fds=[leaked])
    assert ran.code != 0
    assert ran.out == ""


@how
@pytest.mark.parametrize("forbidden", [False, True])
def test_what_is_open_is_closed_before_a_filter_can_forbid_it(
    bundle: Bundle, leaked: int, how: str, forbidden: bool
) -> None:
    """SECCOMP_WITH: closing stands before the filter, for a filter of the engine's may not know close_range."""
    calls = [{"names": ["close_range", "close", "dup3"], "action": "SCMP_ACT_ERRNO"}]
    change = {
        "process": {"noNewPrivileges": forbidden},
        "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls}},
    }
    ran = start(bundle, how, "/bin/ls", "/proc/self/fd", change=change, pass_fds=[leaked])
    assert ran.lines == ["0", "1", "2", "3"]


@how
def test_the_caller_s_keys_are_out_of_reach(bundle: Bundle, how: str) -> None:
    """NEW_KEYRING: the program's session keyring is its own."""
    put(bundle, "keys")
    keys = str(build("keys", "c-musl"))
    assert start(bundle, how, "/keys", before=[keys, "hold"]).out == ""
    assert subprocess.run([keys, "hold", keys], capture_output=True, check=True).stdout == b"reached\n"


@how
def test_nothing_is_typed_into_the_caller_s_terminal(bundle: Bundle, how: str) -> None:
    """NEW_SESSION: TIOCSTI and its like need the terminal to be one's own, or rights on the host."""
    put(bundle, "typing")
    ours, terminal = os.openpty()
    shell = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    ran = start(bundle, how, "/typing", before=[sys.executable, "-c", shell], stdin=terminal)
    os.close(ours)
    os.close(terminal)
    assert (ran.code, ran.out) == (0, "")


# ---- rights ----


@how
def test_no_capability_is_inheritable_unless_it_is_asked_for(bundle: Bundle, how: str) -> None:
    """CVE-2022-27650, CVE-2022-29162; SET_CAPABILITIES: all five sets are set, whatever the caller's are."""
    raise_all = "import os, sys, ctypes; " + _RAISE + "os.execvp(sys.argv[1], sys.argv[1:])"
    args = ("/bin/grep", "Cap", "/proc/self/status")
    found = start(bundle, how, *args, before=[sys.executable, "-c", raise_all]).out.split()
    assert (found[1], found[-1]) == ("0" * 16, "0" * 16)  # CapInh comes first, CapAmb last


def test_no_capability_that_exec_adds_is_inheritable(bundle: Bundle) -> None:
    """CVE-2022-29162; the inheritable set is config.json's alone."""
    args = ("/bin/grep", "Cap", "/proc/self/status")
    with running(bundle, "/bin/sleep", "600") as (name, _):
        for words in (["--cap", "CAP_SYS_PTRACE"], ["--cap", "CAP_KILL", "--user", "1000"]):
            found = bundle.call("exec", *words, name, *args).out.split()
            assert (found[1], found[-1]) == ("0" * 16, "0" * 16)


_RAISE = """
libc = ctypes.CDLL(None)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
data[2], data[5] = data[1], data[4]
libc.capset(header, data)
"""


@how
@pytest.mark.parametrize("user", ["0x3e8", "-1", "", "4294967295"])
def test_a_user_that_is_no_number_is_refused(bundle: Bundle, how: str, user: str) -> None:
    """CVE-2026-30892; numbers are parsed strictly, and a name is never taken for root."""
    if how != "exec":
        ran = start(bundle, how, "/bin/id", change={"process": {"user": {"uid": user, "gid": 0}}})
    else:
        with running(bundle, "/bin/sleep", "600") as (name, _):
            ran = bundle.call("exec", f"--user={user}", name, "/bin/id")
    assert (ran.code, ran.out) == (1, ""), ran


def test_an_unprivileged_user_s_groups_are_denied(everybodys_whit: Path) -> None:
    """CVE-2014-8989; MAP_IDS: a user without rights could drop a group that forbids it something."""
    import tempfile  # noqa: PLC0415

    busybox = find_peer("busybox-static")
    assert busybox is not None
    number = 54321
    maps = {kind: [{"containerID": 0, "hostID": number, "size": 1}] for kind in ("uidMappings", "gidMappings")}
    with tempfile.TemporaryDirectory(prefix="whit-") as folder:
        bundle = make_bundle(Path(folder), busybox, everybodys_whit.with_name("whit-oci"))
        listed = [{"type": kind} for kind in (*NAMES, "user")]
        bundle.write("cat /proc/self/setgroups", {"linux": {"namespaces": listed, **maps}})
        for path in (bundle.folder, *bundle.folder.rglob("*")):
            os.chown(path, number, number, follow_symlinks=False)
        before = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
        ran = call_with(bundle, {"before": before}, "run", "t1")
    assert (ran.code, ran.out) == (0, "deny\n"), ran.err


@pytest.mark.parametrize(
    ("verb", "name"),
    [("create", ".."), ("run", "../x"), ("exec", "."), ("state", "../x"), ("kill", "a/b"), ("delete", "..")],
)
def test_a_name_leads_nowhere(bundle: Bundle, verb: str, name: str) -> None:
    """container_id() and is_name(): letters, digits and a few signs; never a path."""
    bundle.write("echo ran")
    ran = bundle.call(verb, name, *(("/bin/true",) if verb == "exec" else ()))
    assert (ran.code, ran.out) == (1, "")
    assert {path.name for path in bundle.folder.iterdir()} <= {"config.json", "rootfs", "state"}


@pytest.mark.parametrize("path", ["../x", "/a/../../x", "/", "/a\nb"])
def test_a_cgroup_s_path_leads_nowhere(bundle: Bundle, path: str) -> None:
    """cgroup_path(): it stays below the hierarchy's root, and is never that root."""
    ran = _changed_path(bundle, path)
    assert (ran.code, ran.out) == (1, "")
    assert "linux.cgroupsPath" in ran.err


def _changed_path(bundle: Bundle, path: str) -> Ran:
    return bundle.run("echo ran", {"linux": {"cgroupsPath": path}})


def test_the_number_of_a_process_that_has_ended_is_nobody_s(bundle: Bundle) -> None:
    """The record says when the process was started: who has its number by now is neither entered nor killed."""
    with subprocess.Popen(["sleep", "600"]) as other, running(bundle, "/bin/sleep", "600") as (name, _):
        record = bundle.folder / "state" / name / "process"
        before = record.read_text()
        assert start_time(other.pid) != int(before.split()[1])
        record.write_text(f"{other.pid} {before.split()[1]}")
        try:
            assert bundle.call("exec", name, "/bin/true").code == 1
            assert bundle.call("kill", name, "KILL").code == 1
            assert other.poll() is None
        finally:
            record.write_text(before)
            other.kill()
