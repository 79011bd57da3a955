"""Images of whit-oci's that lie, and images that change while they are looked at.

Each test names the defence that it is about, and has been seen to fail without it (docs/security.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL
from tests.integration.oci_hostile import RACES, call_with, running, swapping
from whit.runtime.encode import encode
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import PLAN_VERSION

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.mark.parametrize("own", [False, True])
def test_dev_null_of_the_image_is_never_used_to_mask(bundle: Bundle, own: bool) -> None:
    """CVE-2025-31133; open_null(): the host's /dev/null, opened once and looked at."""
    dev = bundle.rootfs / "dev"
    (bundle.rootfs / "data" / "secret").touch()
    (dev / "null").symlink_to("/data/secret")
    (dev / "other").symlink_to("/proc/sysrq-trigger")
    # In the image's /dev the launcher makes devices, and what is swapped then comes after them; in one that is given it doesn't.
    given = [] if own else [{"destination": "/dev", "source": str(dev), "options": ["bind"]}]
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"}, *given]
    change = {"mounts": mounts, "linux": {"maskedPaths": ["/proc/keys", "/proc/timer_list"]}}
    with swapping(dev / "null", dev / "other"):
        for _ in range(RACES):
            ran = bundle.run("stat -c %t:%T /proc/keys /proc/timer_list", change)
            assert ran.code != 0 or ran.lines == ["1:3", "1:3"], ran


def test_the_console_is_not_swapped_for_anything(bundle: Bundle) -> None:
    """CVE-2025-52565; TIOCGPTPEER, and a mount by descriptors on a /dev/console that is no link."""
    dev, outside = bundle.rootfs / "dev", bundle.folder / "outside"
    outside.mkdir()
    (dev / "pts").mkdir()
    (dev / "console").symlink_to("/proc/sys/kernel/core_pattern")
    (dev / "other").symlink_to(outside / "made")
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
    ]
    ours, terminal = os.openpty()
    with swapping(dev / "console", dev / "other"):
        for _ in range(RACES):
            change = {"process": {"terminal": True}, "mounts": mounts}
            bundle.write("grep -E 'core_pattern|devpts' /proc/self/mountinfo", change)
            ran = call_with(bundle, {"stdin": terminal}, "run", f"t{uuid.uuid4().hex[:12]}")
            places = {line.split()[4] for line in ran.out.replace("\r", "").splitlines()}
            assert ran.code != 0 or places <= {"/dev/pts", "/dev/console"}, ran
    os.close(ours)
    os.close(terminal)
    assert list(outside.iterdir()) == []


def test_what_is_written_below_proc_is_not_the_image_s(bundle: Bundle) -> None:
    """CVE-2025-52881, CVE-2019-19921; write_proc(): a /proc of the launcher's own, attached nowhere."""
    feigned = bundle.rootfs / "proc" / "sys" / "net" / "ipv4" / "ip_forward"
    feigned.parent.mkdir(parents=True)
    feigned.write_text("image's")
    (bundle.rootfs / "proc" / "self").mkdir()
    (bundle.rootfs / "proc" / "self" / "oom_score_adj").write_text("image's")
    mounts = [mount for mount in MINIMAL["mounts"] if mount["destination"] != "/proc"]
    change = {"mounts": mounts, "linux": {"sysctl": {"net.ipv4.ip_forward": "1"}}, "process": {"oomScoreAdj": 321}}
    with running(bundle, "/bin/sleep", "600", change=change) as (name, output):
        pid = bundle.state(name)["pid"]
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "cat", "/proc/sys/net/ipv4/ip_forward"]
        assert subprocess.check_output(inside, text=True) == "1\n", output.read_text()
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "321\n"
    assert feigned.read_text() == "image's"
    assert (bundle.rootfs / "proc" / "self" / "oom_score_adj").read_text() == "image's"


@pytest.mark.parametrize("kind", ["tmpfs", "bind", "device", "cwd", "file"])
def test_a_target_that_changes_meanwhile_leads_nowhere(bundle: Bundle, kind: str) -> None:
    """CVE-2024-45310, CVE-2021-30465; open_or_make(): each step from the root anew, by the kernel, and mounts on descriptors."""
    volume, outside = bundle.folder / "volume", bundle.folder / "outside"
    for folder in (volume / "way", outside):
        folder.mkdir(parents=True)
    (volume / "other").symlink_to("../" * 20 + str(outside).lstrip("/"))
    (bundle.folder / "given").mkdir()
    (bundle.folder / "file").touch()
    first = {"destination": "/data", "source": str(volume), "options": ["bind"]}
    place = "/data/way/in/side"
    changes: dict[str, dict[str, Any]] = {
        "tmpfs": {"mounts": [first, {"destination": place, "type": "tmpfs", "source": "tmpfs"}]},
        "bind": {
            "mounts": [first, {"destination": place, "source": str(bundle.folder / "given"), "options": ["bind"]}]
        },
        "file": {"mounts": [first, {"destination": place, "source": str(bundle.folder / "file"), "options": ["bind"]}]},
        "device": {"mounts": [first], "linux": {"devices": [{"path": place, "type": "c", "major": 1, "minor": 5}]}},
        "cwd": {"mounts": [first], "process": {"cwd": place}},
    }
    change = changes[kind]
    change["mounts"] = ["+", *change["mounts"]]
    with swapping(volume / "way", volume / "other"):
        for _ in range(RACES):
            bundle.run("true", change)
            assert list(outside.iterdir()) == []
    assert str(outside) not in Path("/proc/self/mountinfo").read_text()


def test_exec_never_enters_another_process_that_has_the_container_s_number(bundle: Bundle) -> None:
    """CONTAINER_FIND: all of a container's is opened by one folder in /proc, which is that of one process for ever."""
    bundle.write("sleep 600")
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
    helper = [sys.executable, str(Path(__file__).with_name("reused_number.py")), str(bundle.runtime), "state", "one"]
    done = subprocess.run(
        [*alone, *helper], cwd=bundle.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    code, out, err = json.loads(done.stdout)
    assert code != 0, out
    assert out == ""
    assert "cannot exec in a stopped container" in err


def test_a_process_that_was_started_at_another_time_is_not_the_container_s(bundle: Bundle) -> None:
    """CONTAINER_FIND: Python has looked at the start time, and the launcher looks again once the folder is open."""
    with running(bundle, "/bin/sleep", "600") as (name, _):
        pid = bundle.state(name)["pid"]
        folder = bundle.folder / "state" / name
        started = int((folder / "process").read_text().split()[1])
        for shift, code in ((0, 0), (1, 1)):
            plan = bundle.folder / "exec"
            find = Op("CONTAINER_FIND", (pid, started + shift), "test")
            wait, program = Op("WAIT_START", (), "test"), Op("EXEC", ("/bin/true", ("true",), ()), "test")
            clone = Op("CLONE_FREE", (0, 0), "test")
            plan.write_bytes(encode(LaunchPlan(PLAN_VERSION, (find, clone, wait, program))))
            command = [str(bundle.runtime), "_launch", "exec", str(folder), "", str(plan), "", ""]
            ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            assert ran.returncode == code, ran
            assert ("cannot exec in a stopped container" in ran.stderr) == bool(shift)


def test_after_a_restart_of_the_machine_another_process_of_the_same_number_and_time_is_not_the_container_s(
    bundle: Bundle,
) -> None:
    """Ticks since boot say nothing of another boot's processes: the record says which boot it was."""
    with running(bundle, "/bin/sleep", "600") as (name, _):
        pid = bundle.state(name)["pid"]
        record = bundle.folder / "state" / name / "process"
        number, started, boot = record.read_text().split()
        assert (int(number), boot) == (pid, Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        # given a record of before the restart, and a process that now has the number and came as late after the boot
        record.write_text(f"{number} {started} {uuid.uuid4()}")
        # then neither the launcher nor Python takes it for the container's
        assert (bundle.state(name)["status"], bundle.state(name).get("pid", 0)) == ("stopped", 0)
        listed = bundle.call("list", "--format", "json")
        assert [one["status"] for one in json.loads(listed.out)] == ["stopped"]
        assert bundle.call("kill", name, "KILL").code != 0
        assert bundle.call("exec", name, "/bin/true").code != 0
        assert Path(f"/proc/{pid}").exists()
        # and a record of an older whit, which names no boot, still counts
        record.write_text(f"{number} {started}")
        assert bundle.state(name)["status"] == "running"
