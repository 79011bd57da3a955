"""whit-oci where no system call of after Linux 5.6 is there: the tests of what a container is hold, all but what is named here.

The calls answer ENOSYS on the kernel of this machine (older_kernel.py). Among them are close_range (5.9), faccessat2 (5.8)
and mount_setattr (5.12).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.oci_bundle import MINIMAL, Ran, make_bundle
from tests.integration.older_kernel import AFTER_5_6
from tests.integration.test_oci_linux import *  # noqa: F403 - they are run again
from tests.integration.test_oci_mounts import *  # noqa: F403
from tests.integration.test_oci_process import *  # noqa: F403
from tests.peers import PROJECT, find_peer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def bundle(tmp_path: Path, whit: Path) -> Bundle:
    """A bundle for a whit-oci that has an older kernel."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    runtime = tmp_path / "older" / "whit-oci"
    runtime.parent.mkdir()
    words = [sys.executable, "-P", "-m", "tests.integration.without_calls", ",".join(AFTER_5_6), str(whit) + "-oci"]
    runtime.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(PROJECT))} exec {shlex.join(words)} "$@"\n')
    runtime.chmod(0o755)
    (tmp_path / "bundle").mkdir()
    return make_bundle(tmp_path / "bundle", busybox, runtime)


def test_the_calls_are_missing_indeed(bundle: Bundle) -> None:
    ran = bundle.run("grep Seccomp_filters /proc/self/status")
    assert ran.out == "Seccomp_filters:\t1\n"


del test_users_of_a_mount_are_mapped  # noqa: F821 - mount_setattr alone can do that


def test_users_of_a_mount_cannot_be_mapped(bundle: Bundle) -> None:
    mapping = [{"containerID": 0, "hostID": 5000, "size": 1000}]
    mount = {
        "destination": "/data",
        "source": "/tmp",
        "options": ["bind"],
        "uidMappings": mapping,
        "gidMappings": mapping,
    }
    ran = bundle.run("true", {"mounts": ["+", mount]})
    assert (ran.code, ran.out) == (1, "")
    assert "mapped mounts take Linux 5.12" in ran.err


def run_on_mounts(bundle: Bundle, script: str, *places: str) -> Ran:
    """Run where file systems in memory have been mounted on these folders of the volume's, one after the other."""
    mount = {"destination": "/data", "source": "volume", "options": ["rbind", "rro"]}
    bundle.write(script, {"mounts": ["+", mount]})
    volume = bundle.folder / "volume"
    begin = "".join(
        f"mkdir -p {shlex.quote(f'{volume}/{place}')} && mount -t tmpfs tmpfs {shlex.quote(f'{volume}/{place}')} && "
        for place in places
    )
    command = ["unshare", "--mount", "sh", "-c", f'{begin}exec "$@"', "sh", *bundle.command("run", "one")]
    done = subprocess.run(
        command, cwd=bundle.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


SHOW = "grep -c ' /data.* ro,' /proc/self/mountinfo; touch /data/a/x 2>&1 /data/a/b/x 2>&1"


def test_every_mount_below_becomes_read_only(bundle: Bundle) -> None:
    ran = run_on_mounts(bundle, SHOW, "a", "a/b", "with space", "a/b/c", "a/b/c/d\\e")
    assert ran.lines[0] == "6", ran
    assert ran.out.count("Read-only file system") == 2, ran


def test_a_mount_that_is_covered_by_another_one_on_its_root_is_passed_over(bundle: Bundle) -> None:
    # As systemd does it with file systems that are mounted when they are used.
    ran = run_on_mounts(bundle, SHOW, "a", "a/b", "a/b", "a/b/c")
    assert ran.out.count("Read-only file system") == 2, ran


def test_a_mount_that_is_hidden_by_one_above_it_is_refused(bundle: Bundle) -> None:
    """Where a mount isn't found at its place, somebody may just be moving it: it would stay writable."""
    ran = run_on_mounts(bundle, SHOW, "a/b", "a")
    assert (ran.code, ran.out) == (1, "")
    assert "before Linux 5.12 its options can't be set" in ran.err


@pytest.mark.parametrize("feigned", [False, True], ids=["none", "the image's"])
def test_nothing_that_was_open_reaches_a_container_without_a_proc(bundle: Bundle, feigned: bool) -> None:
    """mark_inherited(): before close_range only /proc tells what is open."""
    if feigned:
        (bundle.rootfs / "proc" / "self" / "fd").mkdir(parents=True)
    mounts = [mount for mount in MINIMAL["mounts"] if mount["destination"] != "/proc"]
    bundle.write(
        "; ".join(f"(true <&{number}) 2> /dev/null && echo {number}" for number in range(3, 10)) + "; true",
        {"mounts": mounts},
    )
    for words, kept in (((), ""), (("--preserve-fds", "1"), "3\n")):
        script = 'exec "$@" 3< /etc/passwd 9< /etc/passwd'
        command = ["sh", "-c", script, "sh", *bundle.command("run", *words, "one")]
        done = subprocess.run(
            command, cwd=bundle.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, kept), done
