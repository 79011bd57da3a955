"""The launcher under AddressSanitizer and UBSan: real plans, and plans changed in every way that it accepts.

Changed plans run as a user who owns nothing, in user, mount and PID namespaces of their own: they can do no harm.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.netlab import lab
from tests.integration.older_kernel import NEWER
from tests.integration.sanitized import ENVIRONMENT, assert_clean, changed_plan, sanitized_launcher
from tests.integration.test_older_kernels import STARTER
from tests.peers import PROJECT, find_peer
from whit.packer.image.spec import RunConfig
from whit.runtime.cgroup import CgroupLayout, CgroupVersion
from whit.runtime.encode import encode
from whit.runtime.engine.networks.foreground import connected
from whit.runtime.host import read_host
from whit.runtime.limits import Limits, Rlimit
from whit.runtime.mounts import Tmpfs, Volume
from whit.runtime.options import Host, Network, Program, RunOptions, WayOut
from whit.runtime.plan import compile_plan
from whit.runtime.trace.session import trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.model import LaunchPlan

CHANGED_PLANS = int(os.environ.get("WHIT_CHANGED_PLANS", "60"))
USER = 54321

pytestmark = [pytest.mark.root, pytest.mark.peer("gcc", "busybox-static")]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A root file system with busybox, and beside it the launcher with sanitizers, where another user may enter."""
    # Not pytest's own, which is closed to others again by each session that starts.
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        Path(name).chmod(0o755)
        _fill(Path(name))
        yield Path(name)


def _fill(folder: Path) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    for name in ("bin", "dev", "proc", "sys", "tmp", "data", "etc"):
        (folder / "root" / name).mkdir(parents=True)
    shutil.copy(busybox, folder / "root" / "bin" / "busybox")
    (folder / "lock").touch()
    (folder / "data" / "inner").mkdir(parents=True)
    (folder / "given").mkdir()
    shutil.copy(sanitized_launcher(), folder / "whit")
    # In the place of the Python that would say in words what failed.
    (folder / "python").write_text("#!/bin/sh\nexit 125\n")
    (folder / "python").chmod(0o755)


def _plan(folder: Path, host: Host, more: tuple[Volume, ...] = (), **asked: object) -> LaunchPlan:
    config = RunConfig(entrypoint=("/bin/busybox", "echo", "started"), user="0:0")
    program = Program("test", str(folder / "root"), str(folder / "lock"), config, has_tmp=True)
    options = RunOptions(
        volumes=(Volume(str(folder / "data"), "/data", read_only=True, is_directory=True), *more),
        tmpfs=(Tmpfs("/dev/shm", ("mode=1777", "size=65536"), 0),),
        rlimits=(Rlimit(7, 64, 64),),
        **asked,  # type: ignore[arg-type]
    )
    return compile_plan(program, options, host)


@pytest.mark.parametrize("calls", [(), NEWER], ids=["new", "old"])
@pytest.mark.parametrize("init", [False, True], ids=["alone", "init"])
def test_a_container_starts_and_nothing_is_reported(folder: Path, calls: tuple[str, ...], init: bool) -> None:
    plan = _plan(folder, read_host(), init=init, limits=Limits(memory=256 << 20, cpu_quota_us=50_000))
    (folder / "plan").write_bytes(encode(plan))
    done = subprocess.run(
        [sys.executable, str(STARTER), str(folder), "0", *calls],
        cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert_clean(done.stderr)


def test_a_traced_container_starts_and_nothing_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("whit.runtime.trace.session.find_launcher", lambda: folder / "whit")
    monkeypatch.setenv("ASAN_OPTIONS", ENVIRONMENT["ASAN_OPTIONS"])

    done = trace(_plan(folder, read_host(), init=True), read_host(), 30)

    said = capfd.readouterr()
    assert (done.status, done.started, said.out) == (0, True, "started\n"), said.err
    assert "/bin/busybox" in {path for _, path in done.sightings.paths}
    assert_clean(said.err)


@pytest.mark.peer("nft", "ip", "nsenter", "setpriv", "unshare")
def test_a_program_in_a_network_starts_and_ends_and_nothing_is_reported(folder: Path, tmp_path: Path) -> None:
    with lab(tmp_path / "store") as place:
        for name in ("hosts", "resolv.conf"):
            (folder / "root" / "etc" / name).touch()
        asked = RunOptions(network=Network.BRIDGE)
        options = place.host.do(lambda: connected(asked, place.root, asked=True)).options
        plan = _plan(folder, read_host(), bridge=options.bridge, network=Network.BRIDGE, more=options.volumes)
        (folder / "plan").write_bytes(encode(plan))
        for _ in range(2):
            with (folder / "plan").open("rb") as descriptor:
                done = subprocess.run(
                    ["nsenter", f"--net=/proc/{place.host.pid}/ns/net", folder / "whit", "_launch", str(descriptor.fileno())],
                    env=ENVIRONMENT, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                    check=False, pass_fds=[descriptor.fileno()],
                )  # fmt: skip
            assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
            assert_clean(done.stderr)
        assert list(place.root.glob("networks/bridge/leases/*")) == []


def _run_apart(folder: Path, plan: LaunchPlan) -> subprocess.CompletedProcess[bytes]:
    file = folder / "changed"
    file.write_bytes(encode(plan))
    apart = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "unshare", "-Urmpf", "--mount-proc"]
    with file.open("rb") as descriptor:
        return subprocess.run(
            [*apart, str(folder / "whit"), "_launch", str(descriptor.fileno())],
            env=ENVIRONMENT, cwd="/", capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
            pass_fds=[descriptor.fileno()],
        )  # fmt: skip


def _plan_apart(folder: Path, **asked: object) -> LaunchPlan:
    """A plan for the namespaces of :func:`_run_apart`, in which the user is called 0 and has no rights on the host."""
    plan = _plan(folder, Host(USER, USER, read_host().architecture, CgroupLayout(CgroupVersion.NONE)), **asked)  # type: ignore[arg-type]
    return replace(plan, ops=tuple(replace(op, args=(0, 0, 0, 0)) if op.name == "MAP_IDS" else op for op in plan.ops))


def test_no_changed_plan_makes_the_launcher_misbehave(folder: Path) -> None:
    # Somebody who speaks for the program outside, and says that at the descriptor that is meant for it.
    way_out = WayOut(str(folder / "root" / "bin" / "busybox"), ("sh", "-c", "printf 1 >&3"))
    plans = [
        *(_plan_apart(folder, init=init) for init in (False, True)),
        _plan_apart(folder, network=Network.BRIDGE, bridge=way_out, warning=("no", "none")),
    ]
    for plan in plans:
        assert _run_apart(folder, plan).stdout == b"started\n"
    for seed in range(CHANGED_PLANS):
        random_ = random.Random(seed)
        plan = changed_plan(random_.choice(plans), random_)
        done = _run_apart(folder, plan)
        error = done.stderr.decode("utf-8", "replace")
        assert done.returncode >= 0, (seed, error)
        assert_clean(f"{seed}: {error}")


def _launch(folder: Path, argument: str, descriptor: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "whit"), "_launch", argument],
        env=ENVIRONMENT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        pass_fds=[] if descriptor is None else [descriptor],
    )  # fmt: skip


@pytest.mark.parametrize("argument", ["", "-1", "x", "3x", "4294967299", "99999999999999999999"])
def test_a_descriptor_that_is_no_number_is_refused_in_words(folder: Path, argument: str) -> None:
    done = _launch(folder, argument)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "whit: _launch is how whit starts its own launcher\nhint: use 'whit run'\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"WHITPLAN", bytes(4096), bytes((4 << 20) + 1), b"WHITPLAN" * 512],
    ids=["empty", "short", "magic", "zeros", "large", "magics"],
)
def test_what_is_no_plan_is_refused_in_words(folder: Path, content: bytes) -> None:
    (folder / "bad").write_bytes(content)
    with (folder / "bad").open("rb") as file:
        done = _launch(folder, str(file.fileno()), file.fileno())
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("whit: the launch plan is damaged")
    assert done.stderr.count("\n") == 2


def test_descriptors_that_hold_no_file_are_refused_in_words(folder: Path) -> None:
    reading, writing = os.pipe()
    directory = os.open(folder, os.O_RDONLY)
    try:
        for descriptor in (reading, writing, directory):
            assert _launch(folder, str(descriptor), descriptor).stderr.startswith("whit: the launch plan is damaged")
        assert _launch(folder, "77").stderr.startswith("whit: the launch plan is damaged")
    finally:
        for descriptor in (reading, writing, directory):
            os.close(descriptor)
