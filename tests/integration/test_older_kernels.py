"""Kernels that lack newer system calls: the container starts all the same, and is confined all the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.older_kernel import NEWER
from tests.peers import PROJECT, find_peer
from whit.packer.image.spec import RunConfig
from whit.runtime.cgroup import CgroupLayout, CgroupVersion
from whit.runtime.encode import encode
from whit.runtime.host import read_host
from whit.runtime.limits import Limits, Rlimit
from whit.runtime.mounts import Volume
from whit.runtime.options import Host, Program, RunOptions
from whit.runtime.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTER = Path(__file__).with_name("older_kernel.py")
LAUNCHER = PROJECT / "build" / "native" / "whit"
USER = 54321

MISSING = [(), *((call,) for call in NEWER), NEWER[2:8], NEWER]

LOOK = """
b=/bin/busybox
$b ls -a / /dev
$b sed 's/ [0-9]*:[0-9]* / /' /proc/self/mountinfo | $b cut -d' ' -f4-
$b grep -E '^(Cap|NoNewPrivs|Groups|Uid|Gid)' /proc/self/status
$b ls /proc/self/fd
$b sh -c 'echo x > /x' || echo root is read-only
$b sh -c 'echo x > /proc/sys/kernel/hostname' || echo sysctls are read-only
$b sh -c 'echo x > /data/x' || echo data is read-only
$b sh -c 'echo x > /data/inner/x' || echo what is mounted in data is read-only
$b sh -c 'echo x > /given/x' || echo given is read-only
echo x > /open/inner/x && echo open is writable
echo x > /tmp/x && $b cat /tmp/x
$b ls -R /tmp /dev/data
$b wc -c < /proc/kcore
$b ls -a /proc/acpi
$b hostname
$b cat /proc/self/cgroup | $b wc -l
$b ls -di /proc/self/ns/* | $b wc -l
ulimit -n
"""

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A root file system with busybox, and beside it folders of the host's, where another user may enter."""
    # Not pytest's own, which is closed to others again by each session that starts.
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        Path(name).chmod(0o755)
        _fill(Path(name))
        yield Path(name)


def _fill(folder: Path) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    for name in ("bin", "dev", "proc", "sys", "tmp", "data", "given", "open"):
        (folder / "root" / name).mkdir(parents=True)
    shutil.copy(busybox, folder / "root" / "bin" / "busybox")
    (folder / "root" / "etc").mkdir()
    (folder / "lock").touch()
    (folder / "data" / "inner").mkdir(parents=True)
    (folder / "given").mkdir()
    (folder / "data").chmod(0o777)
    shutil.copy(LAUNCHER, folder / "whit")
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)


def _run(
    folder: Path, host: Host, options: RunOptions, calls: tuple[str, ...], script: str = LOOK
) -> subprocess.CompletedProcess[str]:
    config = RunConfig(entrypoint=("/bin/busybox", "sh", "-c", script), user="0:0")
    program = Program("test", str(folder / "root"), str(folder / "lock"), config, has_tmp=True)
    (folder / "plan").write_bytes(encode(compile_plan(program, options, host)))
    command = [sys.executable, str(STARTER), str(folder), str(host.user), *calls]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


def _options(folder: Path, limits: Limits) -> RunOptions:
    volumes = (
        Volume(str(folder / "data"), "/data", read_only=True, is_directory=True),
        Volume(str(folder / "data"), "/open", read_only=False, is_directory=True),
        Volume(str(folder / "given"), "/given", read_only=False, is_directory=True),
        Volume(str(folder / "lock"), "/tmp/in/between/file", read_only=True, is_directory=False),
        Volume(str(folder / "data"), "/dev/data", read_only=True, is_directory=True),
    )
    return RunOptions(volumes=volumes, rlimits=(Rlimit(7, 64, 64),), limits=limits)


def _looks(folder: Path, user: int, calls: tuple[str, ...]) -> str:
    limits = Limits() if user else Limits(memory=64 << 20)
    host = read_host()
    if user:
        host = replace(host, user=user, group=user, cgroups=CgroupLayout(CgroupVersion.NONE))
    done = _run(folder, host, _options(folder, limits), calls)
    assert done.returncode == 0, (calls, done.stderr)
    # Whether a file system whose mount is read-only is so itself too makes no difference.
    return re.sub(r"( ro,\S* - \S+ \S+) r[ow]", r"\1", done.stdout)


@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
@pytest.mark.parametrize("calls", MISSING, ids=lambda calls: "+".join(calls) or "none")
def test_a_container_looks_the_same_from_inside_whatever_the_kernel_lacks(
    folder: Path, user: int, calls: tuple[str, ...]
) -> None:
    assert _looks(folder, user, calls) == _looks(folder, user, ())


@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
@pytest.mark.parametrize("calls", [(), NEWER], ids=["new", "old"])
def test_it_is_confined(folder: Path, user: int, calls: tuple[str, ...]) -> None:
    lines = _looks(folder, user, calls).splitlines()
    assert "root is read-only" in lines
    assert "sysctls are read-only" in lines
    assert "data is read-only" in lines
    assert "what is mounted in data is read-only" in lines
    assert "given is read-only" in lines
    assert "open is writable" in lines
    assert "file" in lines
    assert "NoNewPrivs:\t1" in lines
    assert [line.split("\t")[1] for line in lines if line.startswith("Cap")] == ["0" * 16] * 5
    assert [line for line in lines if line.isdigit()][-1] == "64"
    assert not {path.name for path in Path("/").iterdir()} & set(lines) - set(os.listdir(folder / "root"))  # noqa: PTH208


def test_a_cgroup_that_the_child_cannot_join_itself_is_one_error_and_leaves_nothing(folder: Path) -> None:
    # A folder that is no cgroup: before Linux 5.7 the child finds that out, not clone3.
    (folder / "cgroup").mkdir()
    layout = CgroupLayout(CgroupVersion.V2, (("", str(folder / "cgroup")),))
    host = replace(read_host(), cgroups=layout)
    done = _run(folder, host, RunOptions(limits=Limits(pids=None)), ("clone3",))
    assert done.returncode == 125
    assert done.stderr.count("whit: ") == 1
    assert "can't create the namespaces: No such file or directory" in done.stderr
    assert list((folder / "cgroup").iterdir()) == []


INTRUDE = """
b=/bin/busybox
$b ls /proc/1/fd
for file in fd/0 fd/3 exe root cwd environ mem maps; do
    $b head -c 1 /proc/1/$file > /dev/null 2>&1 && echo opened $file
    $b readlink /proc/1/$file && echo read $file
done
echo seccomp: $($b grep -c '^Seccomp:.2' /proc/self/status)
"""


@pytest.mark.parametrize("user", ["0:0", "65532:65532"])
@pytest.mark.parametrize("calls", [(), NEWER], ids=["new", "old"])
def test_the_init_process_has_nothing_that_the_program_could_take(
    folder: Path, user: str, calls: tuple[str, ...]
) -> None:
    # The launcher's own descriptors lead to the host's cgroups, which a program of user 0 may write to.
    done = _run(folder, read_host(), RunOptions(init=True, user=user), calls, INTRUDE)
    assert done.returncode == 0, done.stderr
    listed = ["0", "1", "2"] if user == "0:0" else []
    assert done.stdout.split("\n") == [*listed, "seccomp: 1", ""]
