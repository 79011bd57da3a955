"""The second container of a form starts no Python, and is the same in everything but what its configuration says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import merged
from whit.runtime.oci.kept import HEADER, SUM_SIZE, checksum
from whit.runtime.seccomp.architecture import syscall_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def _plans(bundle: Bundle) -> dict[str, int]:
    """The kept plans: Python writes the one that it makes anew."""
    folder = bundle.folder / "state" / "@plans"
    return {path.name: path.stat().st_ino for path in folder.iterdir()} if folder.is_dir() else {}


def _starts_python(bundle: Bundle, script: str, out: str, change: dict[str, Any] | None = None) -> bool:
    before = _plans(bundle)
    ran = bundle.run(script, change)
    assert (ran.code, ran.out) == (0, out), ran.err
    return _plans(bundle) != before


def test_only_what_differs_beyond_free_texts_starts_python(bundle: Bundle) -> None:
    here = {"hostname": "here", "linux": {"cgroupsPath": "/whit-test-kept"}}
    assert _starts_python(bundle, "hostname", "here\n", here)
    assert not _starts_python(bundle, "hostname", "here\n", here)
    # Another name of the host, command, variable and place of the cgroup are of the same form
    there = merged(here, {"hostname": "there", "linux": {"cgroupsPath": "/whit-test-kept/below"}})
    assert not _starts_python(bundle, "hostname; echo x", "there\nx\n", there)
    # What the plan depends on isn't
    assert _starts_python(bundle, "pwd", "/tmp\n", merged(here, {"process": {"cwd": "/tmp"}}))
    assert _starts_python(bundle, "echo $A", "a\n", merged(here, {"process": {"env": ["+", "A=a"]}}))
    assert not _starts_python(bundle, "echo $B", "b\n", merged(here, {"process": {"env": ["+", "B=b"]}}))
    assert _starts_python(bundle, "echo $HOME", "/x\n", merged(here, {"process": {"env": ["+", "HOME=/x"]}}))


def test_a_program_has_the_filter_of_its_calls_by_a_kept_plan_and_another_one_hasn_t(bundle: Bundle) -> None:
    # Given an image that tells the calls of /bin/sh, without mkdir, and a container that lets all pass
    calls = " ".join(syscall_numbers("amd64").keys() - {"mkdir", "mkdirat"})
    told = {"dev.whit.syscalls": calls, "dev.whit.syscalls.program": "/bin/sh"}
    change = {"annotations": told, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}
    script = "mkdir /tmp/x 2>/dev/null && echo made || echo refused"
    other = merged(change, {"process": {"args": ["sh", "-c", f"{script}; rm -r /tmp/x"]}})

    # When another program of it was started first, and both once more
    assert _starts_python(bundle, "", "made\n", other)
    assert _starts_python(bundle, script, "refused\n", change)
    assert not _starts_python(bundle, f"true; {script}", "refused\n", change)
    assert not _starts_python(bundle, "", "made\n", other)


def test_both_ways_leave_the_same_records(bundle: Bundle) -> None:
    def record(name: str) -> dict[str, Any]:
        assert bundle.create(name) == 0
        folder = bundle.folder / "state" / name
        files = {path.name: path.stat().st_mode for path in folder.iterdir()}
        state = bundle.state(name)
        pid, created = state.pop("pid"), state.pop("created")
        assert pid > 0
        assert len(created) == len("2026-01-02T03:04:05.000000006Z")
        cgroups = (folder / "cgroups").read_text()
        assert bundle.call("start", name).code == 0
        assert bundle.call("delete", "--force", name).code == 0
        return {"files": files, "mode": folder.stat().st_mode if folder.exists() else 0, **state, "cgroups": cgroups}

    bundle.write("true", {"annotations": {"a": "b"}, "linux": {"cgroupsPath": "/whit-test-kept-records"}})
    first = record("one")
    plans = _plans(bundle)
    second = record("two")
    assert len(plans) == 1
    assert _plans(bundle) == plans
    assert {**second, "id": "one"} == first


def test_a_kept_plan_that_fails_is_forgotten(bundle: Bundle) -> None:
    mount = {"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["nonsense=1"]}
    for left in (1, 0):
        assert bundle.run("true", {"mounts": ["+", mount]}).code == 1
        assert len(_plans(bundle)) == left


def test_a_container_that_fails_by_its_own_fault_says_why_and_the_plan_stays(bundle: Bundle) -> None:
    # Given a kept plan, and a host that no longer has what is to be mounted
    data = bundle.folder / "data"
    data.mkdir()
    mount = {"destination": "/data", "type": "bind", "source": str(data), "options": ["bind"]}
    change = {"mounts": ["+", mount]}
    assert bundle.run("true", change).code == 0
    assert len(_plans(bundle)) == 1
    data.rmdir()

    failed = bundle.run("true", change)

    assert failed.code == 1
    assert f"{data}: No such file or directory" in failed.err
    assert len(_plans(bundle)) == 1
    assert bundle.run("", {**change, "process": {"args": ["/bin/nothing", "-c", "true"]}}).code != 0
    assert len(_plans(bundle)) == 1
    data.mkdir()
    assert not _starts_python(bundle, "true", "", change)


def test_a_name_that_is_taken_stays_the_first_one_s(bundle: Bundle) -> None:
    bundle.write("sleep 100")
    assert bundle.create("taken") == 0
    again = bundle.call("create", "taken")
    assert again.code == 1
    assert "already exists" in again.err
    assert bundle.call("start", "taken").code == 0
    assert bundle.state("taken")["status"] == "running"
    assert bundle.call("delete", "--force", "taken").code == 0


def test_warnings_come_each_time(bundle: Bundle, tmp_path: Path) -> None:
    bundle.write("true", {"process": {"capabilities": {"bounding": ["CAP_WHAT"]}}})
    told: list[list[str]] = []
    for form in ("json", "json", "text", "text"):
        log = tmp_path / f"log-{len(told)}"
        command = bundle.command("--log", str(log), "--log-format", form, "run", f"warned-{len(told)}")
        assert subprocess.run(command, cwd=bundle.folder, check=False, timeout=60).returncode == 0
        lines = log.read_text().splitlines()
        told.append([json.loads(line)["msg"] for line in lines] if form == "json" else lines)
    assert len(_plans(bundle)) == 1
    assert told[0] == told[1] == ["process.capabilities.bounding[0]: no capability is called CAP_WHAT, ignored"]
    assert len(told[2]) == 1
    assert "level=warning" in told[3][0]
    assert told[0][0] in told[3][0]


def test_a_folder_of_plans_that_others_may_write_is_not_believed(bundle: Bundle) -> None:
    # Given a kept plan in which somebody has put another working directory
    change = {"process": {"cwd": "/tmp"}}
    assert _starts_python(bundle, "pwd", "/tmp\n", change)
    (path,) = (bundle.folder / "state" / "@plans").iterdir()
    data = path.read_bytes()
    plan = data.index(b"WHITPLAN")
    forged = data[:plan] + data[plan:].replace(b"\0/tmp\0", b"\0/bin\0")
    unsummed = forged[: HEADER.size - SUM_SIZE] + bytes(SUM_SIZE) + forged[HEADER.size :]
    total = checksum(unsummed).to_bytes(SUM_SIZE, sys.byteorder)
    path.write_bytes(forged[: HEADER.size - SUM_SIZE] + total + forged[HEADER.size :])
    assert bundle.run("pwd", change).out == "/bin\n"

    path.parent.chmod(0o777)

    assert bundle.run("pwd", change).out == "/tmp\n"


def test_a_damaged_kept_plan_harms_no_container(bundle: Bundle) -> None:
    assert _starts_python(bundle, "true", "")
    (path,) = (bundle.folder / "state" / "@plans").iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert bundle.run("echo whole").out == "whole\n"
    assert path.read_bytes() != data


def test_kept_plans_are_no_containers(bundle: Bundle) -> None:
    bundle.run("true")
    assert len(_plans(bundle)) == 1
    assert json.loads(bundle.call("list", "--format", "json").out or "null") in (None, [])
    for verb in ("state", "delete", "start"):
        assert bundle.call(verb, "@plans").code == 1
    assert len(_plans(bundle)) == 1
