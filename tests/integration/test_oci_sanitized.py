"""whit-oci under AddressSanitizer and UBSan: everyday bundles through their whole life, and plans changed in every way.

Changed plans run as a user who owns nothing, in user, mount and PID namespaces of their own: they can do no harm.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import ALL, MINIMAL, Bundle, Ran, make_bundle, merged, run_in_files
from tests.integration.older_kernel import AFTER_5_6
from tests.integration.sanitized import ENVIRONMENT, assert_clean, changed_plan, sanitized_launcher
from tests.peers import PROJECT, find_peer
from whit.runtime.encode import encode
from whit.runtime.oci.compile import compile_container
from whit.runtime.oci.lifecycle import Wish, container_lifecycle
from whit.runtime.oci.model import OciHost
from whit.runtime.oci.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.model import LaunchPlan

CHANGED_PLANS = int(os.environ.get("WHIT_CHANGED_PLANS", "30"))
USER = 54321

pytestmark = [pytest.mark.root, pytest.mark.peer("gcc", "busybox-static")]

HOOK = [{"path": "/bin/sh", "args": ["sh", "-c", "cat > /dev/null"]}]
RICH: dict[str, Any] = {
    "hostname": "h",
    "domainname": "d",
    "process": {
        "cwd": "/made/for/it",
        "user": {"uid": 1000, "gid": 1000, "umask": 63, "additionalGids": [5, 7]},
        "capabilities": dict.fromkeys(("bounding", "permitted", "effective", "inheritable", "ambient"), ALL[:3]),
        "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
        "oomScoreAdj": 100,
        "scheduler": {"policy": "SCHED_BATCH", "nice": 1},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
    },
    "mounts": [
        "+",
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
        {"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m", "ro"]},
        {"destination": "/given/in", "source": "given", "options": ["rbind", "ro", "rnosuid", "rslave"]},
    ],
    "linux": {
        "namespaces": ["+", {"type": "time"}],
        "timeOffsets": {"monotonic": {"secs": 5}},
        "devices": [{"path": "/dev/given", "type": "c", "major": 1, "minor": 3, "uid": 5}],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "maskedPaths": ["/proc/keys", "/proc/acpi", "/proc/nonesuch"],
        "readonlyPaths": ["/proc/sys"],
        "personality": {"domain": "LINUX"},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"},
        "rootfsPropagation": "rslave",
        "seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
        },
        "resources": {
            "pids": {"limit": 20},
            "memory": {"limit": 64 << 20},
            "devices": [{"allow": True, "access": "rwm"}],
        },
    },
    "hooks": dict.fromkeys(("prestart", "createRuntime", "createContainer", "poststart", "poststop"), HOOK),
}
MANY = {name: [{"containerID": 0, "hostID": 200000, "size": 65536}] for name in ("uidMappings", "gidMappings")}
USERS = {"linux": {"namespaces": ["+", {"type": "user"}], **MANY}}


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """A folder with whit-oci and whit, sanitized, and the Python that they find beside them."""
    # Not pytest's own, which is closed to other users.
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        for program in ("whit-oci", "whit"):
            shutil.copy(sanitized_launcher(), folder / "bin" / program)
        # A virtual environment by hand: what pip would put there is the sources.
        real = Path(sys.executable).resolve()
        (folder / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
        (folder / "bin" / "python").symlink_to(real)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        (packages / "whit.pth").write_text(f"{PROJECT / '.typing'}\n")
        yield folder / "bin"


@pytest.fixture
def sanitized(programs: Path) -> Iterator[Bundle]:
    """A bundle that it runs, where other users may enter."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    with tempfile.TemporaryDirectory(prefix="whit-", ignore_cleanup_errors=True) as name:
        bundle = make_bundle(Path(name), busybox, programs / "whit-oci")
        (bundle.folder / "given").mkdir()
        (bundle.rootfs / "data" / "deep").mkdir()
        (bundle.rootfs / "data" / "deep" / "file").write_text("x")
        yield bundle
        for path in (bundle.folder / "state").glob("[a-z]*"):
            subprocess.run(bundle.command("delete", "--force", path.name), capture_output=True, check=False)
        # A changed plan may have made folders deeper than Python goes.
        subprocess.run(["rm", "-rf", bundle.rootfs], check=False)


def call(bundle: Bundle, *words: str, code: int = 0, stdin: int = subprocess.DEVNULL) -> str:
    """Run a command to its end; no sanitizer may have complained."""
    done = run_in_files(bundle.command(*words), bundle.folder, ENVIRONMENT, stdin)
    assert_clean(done.stderr)
    assert_clean(done.stdout)
    assert done.returncode == code, (words, done.stderr)
    return done.stdout


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal that says nothing."""
    ours, theirs = os.openpty()
    yield theirs
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("change", [RICH, USERS], ids=["rich", "users"])
def test_a_container_s_whole_life(sanitized: Bundle, change: dict[str, Any], terminal: int) -> None:
    name = f"t{uuid.uuid4().hex[:12]}"
    sanitized.write("sleep 600", change)
    if change is USERS:
        subprocess.run(["chown", "-R", "-h", "200000:200000", sanitized.rootfs], check=True)
    call(sanitized, "create", "--pid-file", "pid", name)
    call(sanitized, "start", name)
    assert json.loads(call(sanitized, "state", name))["status"] == "running"
    assert call(sanitized, "exec", name, "/bin/echo", "hi") == "hi\n"
    assert call(sanitized, "exec", "--tty", "--user", "0", name, "/bin/echo", "hi", stdin=terminal) == "hi\n"
    call(sanitized, "exec", name, "/bin/nonesuch", code=1)
    call(sanitized, "pause", name)
    call(sanitized, "resume", name)
    call(sanitized, "kill", "--all", name, "USR1")
    call(sanitized, "kill", name, "NONESUCH", code=1)
    call(sanitized, "delete", name, code=1)
    call(sanitized, "delete", "--force", name)
    call(sanitized, "state", name, code=1)


def test_a_container_on_an_older_kernel(sanitized: Bundle) -> None:
    inner = sanitized.folder / "given" / "inner"
    inner.mkdir()
    every = {"destination": "/every", "source": "given", "options": ["rbind", "rro"]}
    sanitized.write("touch /every/inner/x; exit 3", merged(RICH, {"mounts": [*RICH["mounts"], every]}))
    older = [sys.executable, "-P", "-m", "tests.integration.without_calls", ",".join(AFTER_5_6)]
    mounted = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs tmpfs {inner} && exec "$@"', "sh"]
    command = [*mounted, *older, *sanitized.command("run", "t1")]
    done = run_in_files(command, sanitized.folder, ENVIRONMENT | {"PYTHONPATH": str(PROJECT)})
    assert_clean(done.stderr)
    assert (done.returncode, "Read-only file system" in done.stderr) == (3, True), done.stderr


def test_a_container_in_the_foreground(sanitized: Bundle, terminal: int) -> None:
    sanitized.write(
        "echo hi; exit 3", merged(RICH, {"process": {"terminal": True, "consoleSize": {"height": 9, "width": 9}}})
    )
    assert call(sanitized, "run", "t1", code=3, stdin=terminal) == "hi\n"


@pytest.mark.parametrize(
    "change",
    [
        {"process": {"args": ["nonesuch"]}},
        {"process": {"cwd": "/proc/self/fd/7"}},
        {"mounts": ["+", {"destination": "/data", "source": "/nowhere", "options": ["bind"]}]},
        {"hooks": {"createRuntime": [{"path": "/bin/false"}]}},
    ],
    ids=["program", "cwd", "mount", "hook"],
)
def test_a_container_that_fails(sanitized: Bundle, change: dict[str, Any]) -> None:
    sanitized.write("echo ran", change)
    assert call(sanitized, "run", "t1", code=1) == ""
    call(sanitized, "state", "t1", code=1)


def plan_apart(bundle: Bundle) -> LaunchPlan:
    """A plan for the namespaces of :func:`run_apart`, in which the user is called 0 and has no rights on the host."""
    own = {name: [{"containerID": 0, "hostID": 0, "size": 1}] for name in ("uidMappings", "gidMappings")}
    change = merged(
        RICH, {"linux": {"namespaces": ["+", {"type": "user"}], **own, "resources": None, "cgroupsPath": "x"}}
    )
    change["process"] |= {"user": {"uid": 0, "gid": 0}, "oomScoreAdj": None, "scheduler": None, "ioPriority": None}
    change["process"]["capabilities"] = dict.fromkeys(("bounding", "permitted", "effective"), ALL)
    change["mounts"] = [mount for mount in change["mounts"] if mount == "+" or mount["destination"] != "/sys/fs/cgroup"]
    change["linux"]["namespaces"] = ["+", {"type": "user"}]
    change["linux"]["timeOffsets"] = None
    change["linux"]["devices"] = []
    change["hooks"] = {}
    config = merged(MINIMAL, change)
    config["process"]["args"] = ["/bin/sh", "-c", "echo started"]
    spec, folder = parse_spec(json.dumps(config).encode()), str(bundle.folder)
    plan = compile_container(
        spec, folder, "t1", OciHost(0, 0, "amd64", (1 << 41) - 1), container_lifecycle(spec, "t1", folder, Wish())
    ).plan
    # Who isn't root may not set groups, nor in what it makes.
    return replace(plan, ops=tuple(replace(op, args=(0, 0, b"", 0)) if op.name == "SET_IDS" else op for op in plan.ops))


def run_apart(bundle: Bundle, plan: LaunchPlan) -> Ran:
    """Launch it as a user without rights, in namespaces of its own."""
    (bundle.folder / "plan").write_bytes(encode(plan))
    state = bundle.folder / "state" / "t1"
    state.mkdir(parents=True, exist_ok=True)
    for path in (state.parent, state):
        os.chown(path, USER, USER)
    apart = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "unshare", "-Urmpf", "--mount-proc"]
    launch = [str(bundle.runtime), "_launch", "run", str(state), "", str(bundle.folder / "plan"), "", ""]
    done = subprocess.run(
        [*apart, *launch],
        env=ENVIRONMENT,
        cwd="/",
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def failed_operation(bundle: Bundle, plan: LaunchPlan) -> tuple[str, int]:
    """Which it was, and the errno."""
    index, error = struct.unpack_from("=II", (bundle.folder / "state" / "t1" / "outcome").read_bytes())
    return plan.ops[index].name, error


def test_no_changed_plan_makes_the_launcher_misbehave(sanitized: Bundle) -> None:
    (sanitized.folder / "bin").mkdir()
    shutil.copy(sanitized.runtime, sanitized.folder / "bin" / "whit-oci")
    # In the place of the Python that would say in words what failed.
    (sanitized.folder / "bin" / "python").write_text("#!/bin/sh\nexit 125\n")
    (sanitized.folder / "bin" / "python").chmod(0o755)
    bundle = Bundle(sanitized.folder, sanitized.folder / "bin" / "whit-oci")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", bundle.rootfs], check=True)
    plan = plan_apart(bundle)
    ran = run_apart(bundle, plan)
    assert ran.out == "started\n", (ran, failed_operation(bundle, plan))
    for seed in range(CHANGED_PLANS):
        ran = run_apart(bundle, changed_plan(plan, random.Random(seed)))
        assert ran.code >= 0, (seed, ran)
        assert_clean(f"{seed}: {ran.err}")
