"""Limits on cgroup v2, for real: whit packs and runs in a guest whose kernel has v2 alone."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer
from tests.vm.cases import run_cases
from tests.vm.installed import installed_whit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.cases import Case

pytestmark = [pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static")]

SCRIPT = r"""
export WHIT_ROOT=/tmp/store PATH=@VENV@:$PATH

left_over() {
    find /sys/fs/cgroup/whit -mindepth 1 -type d 2>/dev/null
}
box() {
    whit run --network none "$@"
}
members() {
    cat $(left_over | sed 's,$,/cgroup.procs,') </dev/null
}
lifeless() {
    test -z "$(members)"
}
kill_supervisor() {
    whit run --network none /bin/busybox sh -c 'echo begun; sleep 1000' >/tmp/begun &
    supervisor=$!
    until_so grep begun /tmp/begun
    lifeless || echo "the container lives"
    kill -9 $supervisor
    until_so lifeless || echo "the container lives on"
    left_over | grep -c . | sed 's/^/before: /'
    whit run --network none /bin/busybox true
    left_over | grep -c . | sed 's/^/after: /'
}

case_of packed box /bin/busybox true
case_of plan whit plan /bin/busybox
case_of limits box --memory 64m --cpus 0.5 --pids-limit 33 /bin/busybox \
    sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup && cat memory.max cpu.max pids.max; exit 42'
case_of memory box --memory 16m /bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1
case_of pids box --pids-limit 4 /bin/busybox sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo survived'
case_of bundle env -i /box.run --whit-memory 64m --whit-cpus 0.5 --whit-pids-limit 33 \
    sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup && cat memory.max cpu.max pids.max; exit 42'
case_of bundle-memory /box.run --whit-memory 16m dd if=/dev/zero of=/dev/null bs=64M count=1
case_of killed kill_supervisor
case_of left left_over
"""


@pytest.fixture(scope="module")
def cases(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """All cases in one boot, of an emulated processor: what needs no cgroups is made here."""
    folder, busybox = tmp_path_factory.mktemp("cgroup-v2"), find_peer("busybox-static")
    assert busybox is not None
    made = folder / "box.run"
    environment = {**os.environ, "WHIT_ROOT": str(folder / "root")}
    subprocess.run([whit, "bundle", busybox, "-o", made], env=environment, check=True, capture_output=True)
    script = SCRIPT.replace("@VENV@", str(whit.parent))
    return run_cases(script, {"/box.run": made}, timeout=180, trees=installed_whit())


def test_the_container_is_born_in_its_cgroup(cases: dict[str, Case]) -> None:
    clone = next(line for line in cases["plan"].said.splitlines() if "clone" in line.lower())
    assert "cgroup=1" in clone, "the clone operation names no cgroup"
    assert "cgroup_enter" not in cases["plan"].said


def test_the_limits_are_written_and_readable_inside_and_the_exit_status_is_the_program_s(
    cases: dict[str, Case],
) -> None:
    assert cases["packed"].status == 0, cases["packed"].said
    assert cases["limits"].said.splitlines() == ["0::/", str(64 << 20), "50000 100000", "33"]
    assert cases["limits"].status == 42


def test_a_bundle_finds_the_cgroups_by_itself(cases: dict[str, Case]) -> None:
    assert cases["bundle"].said.splitlines() == ["0::/", str(64 << 20), "50000 100000", "33"]
    assert cases["bundle"].status == 42
    assert cases["bundle-memory"].status == 137
    assert "out of memory: the container reached its limit of 16m" in cases["bundle-memory"].said


def test_memory_beyond_the_limit_ends_the_program_and_is_reported(cases: dict[str, Case]) -> None:
    assert cases["memory"].status == 137
    assert "out of memory" in cases["memory"].said
    assert "16m" in cases["memory"].said


def test_no_more_processes_than_the_limit(cases: dict[str, Case]) -> None:
    assert "can't fork" in cases["pids"].said
    assert "survived" not in cases["pids"].said


def test_a_container_dies_with_its_supervisor_and_the_next_run_cleans_up(cases: dict[str, Case]) -> None:
    assert cases["killed"].lines[:2] == ["begun", "the container lives"]
    assert "lives on" not in cases["killed"].said
    assert "before: 1" in cases["killed"].said
    assert "after: 0" in cases["killed"].said


def test_no_cgroup_is_left(cases: dict[str, Case]) -> None:
    assert cases["left"].said.strip() == ""
