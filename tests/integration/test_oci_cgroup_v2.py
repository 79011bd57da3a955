"""whit-oci on cgroup v2, for real: one container with all limits, in a guest whose kernel has v2 alone.

What takes longer is in tests/guests: ``make guests``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.vm.oci import guest_cases

if TYPE_CHECKING:
    from tests.vm.cases import Case

pytestmark = [pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "guest-loop", "busybox-static")]

MIB = 1 << 20
FILES = (
    "cpu.weight",
    "cpu.max",
    "cpu.max.burst",
    "cpuset.cpus",
    "memory.max",
    "memory.low",
    "memory.swap.max",
    "pids.max",
)
LIMITS = {
    "linux": {
        "cgroupsPath": "/t/c1",
        "resources": {
            "devices": [
                {"allow": False, "access": "rwm"},
                {"allow": True, "type": "b", "major": 7, "minor": 0, "access": "r"},
            ],
            "cpu": {"shares": 1024, "quota": 50_000, "period": 200_000, "burst": 10_000, "cpus": "0", "mems": "0"},
            "memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 128 * MIB},
            "pids": {"limit": 20},
        },
    },
}
INSIDE = r"""
cat /proc/self/cgroup
mknod /tmp/first b 7 0
mknod /tmp/second b 7 1
: </tmp/first && echo the first can be read
( : >/tmp/first ) 2>/dev/null || echo the first can not be written
( : </tmp/second ) 2>/dev/null || echo the second can not be read
echo done
while :; do sleep 1000 & wait; done
"""
SCRIPT = r"""
cd /b/all
whit-oci create c1 >/tmp/inside 2>&1
case_of start whit-oci start c1
until_so grep -q done /tmp/inside
case_of inside cat /tmp/inside
cd /sys/fs/cgroup/t/c1
case_of limits cat @FILES@
case_of stats whit-oci events --stats c1
case_of pause whit-oci pause c1
case_of frozen grep frozen cgroup.events
case_of paused whit-oci state c1
case_of resume whit-oci resume c1
case_of update whit-oci update --memory 80m --memory-swap 100m --cpu-share 512 --cpu-quota 70000 --pids-limit 10 c1
case_of updated cat memory.max memory.swap.max cpu.weight cpu.max pids.max
case_of exec whit-oci exec c1 sh -c 'cat /proc/self/cgroup; exit 42'
cd /
case_of kill whit-oci kill --all c1 KILL
until_so sh -c '! test -s /sys/fs/cgroup/t/c1/cgroup.procs'
case_of delete whit-oci delete c1
case_of left ls /sys/fs/cgroup/t
"""


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """All of them in one boot."""
    return guest_cases(SCRIPT.replace("@FILES@", " ".join(FILES)), {"all": (INSIDE, LIMITS)}, timeout=300)


def test_each_limit_is_in_its_file(cases: dict[str, Case]) -> None:
    assert cases["start"].status == 0, cases["start"].said
    values = dict(zip(FILES, cases["limits"].lines, strict=True))
    assert values == {
        "cpu.weight": "39",
        "cpu.max": "50000 200000",
        "cpu.max.burst": "10000",
        "cpuset.cpus": "0",
        "memory.max": str(64 * MIB),
        "memory.low": str(32 * MIB),
        "memory.swap.max": str(64 * MIB),
        "pids.max": "20",
    }


def test_devices_are_allowed_and_denied_and_the_cgroup_is_its_own_root(cases: dict[str, Case]) -> None:
    """Loop devices, which the kernel lets everybody open."""
    assert cases["inside"].lines == [
        "0::/",
        "the first can be read",
        "the first can not be written",
        "the second can not be read",
        "done",
    ]


def test_stats_have_runc_s_members(cases: dict[str, Case]) -> None:
    data = json.loads(cases["stats"].said)["data"]
    assert data["memory"]["usage"]["limit"] == 64 * MIB
    assert data["memory"]["swap"]["limit"] == 128 * MIB
    assert data["pids"]["limit"] == 20
    assert data["cpu"]["usage"]["total"] > 0
    assert data["cpuset"]["cpus"] == [0]
    assert set(data["hugetlb"]) >= {"2MB"}


def test_a_pause_holds_every_process(cases: dict[str, Case]) -> None:
    assert cases["pause"].status == cases["resume"].status == 0
    assert cases["frozen"].said.strip() == "frozen 1"
    assert json.loads(cases["paused"].said)["status"] == "paused"


def test_an_update_changes_what_it_names(cases: dict[str, Case]) -> None:
    assert cases["update"].status == 0, cases["update"].said
    assert cases["updated"].lines == [str(80 * MIB), str(20 * MIB), "20", "70000 200000", "10"]


def test_exec_goes_into_the_container_s_cgroup(cases: dict[str, Case]) -> None:
    assert (cases["exec"].status, cases["exec"].said) == (42, "0::/\n")


def test_nothing_is_left(cases: dict[str, Case]) -> None:
    assert cases["kill"].status == cases["delete"].status == 0, cases["delete"].said
    assert cases["left"].status == 0
    assert "c1" not in cases["left"].lines
