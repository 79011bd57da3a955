"""What whit-oci says when it can't: one line of what is wrong, and one of what helps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import Bundle, make_bundle
from tests.integration.older_kernel import NEWER
from tests.integration.unexecutable import PROGRAMS, WORDS
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
    assert first.startswith("whit-oci: ")
    assert len(hint) <= 1
    assert not hint or hint[0].startswith("hint: ")
    assert not (bundle.folder / "state" / "one").exists()
    return result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_cannot_be_executed(bundle: Bundle, name: str) -> None:
    content, mode = PROGRAMS[name]
    program = bundle.rootfs / "data" / name
    program.write_bytes(content)
    program.chmod(mode)
    error = said(bundle, {"process": {"args": [f"/data/{name}"]}})
    assert f"/data/{name}" in error
    for word in WORDS[name]:
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


ON_MOUNTS = ("open_tree", "move_mount", "fsopen", "fsmount", "fsconfig")


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
        assert "whit-oci takes Linux 5.6" in said(bundle, change, *older)
        return
    script = "touch /data/x; touch /x; echo 1 > /proc/sys/kernel/msgmax; touch /tmp/x && stat -c %t:%T /proc/keys"
    bundle.write(script, change)
    done = subprocess.run(
        [*older, *bundle.command("run", "--bundle", str(bundle.folder), "one")], cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1:3\n")
    assert done.stderr.count("Read-only file system") == 3
