"""whit-oci on cgroup v2: what is rarer, in a guest of its own. Slow: ``make guests``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL
from tests.vm.oci import guest_cases

if TYPE_CHECKING:
    from tests.vm.cases import Case

pytestmark = [pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "guest-loop", "busybox-static", "runc")]

MIB = 1 << 20
OPTIONS: dict[str, Any] = {"programs": ("runc", "setpriv"), "timeout": 600}
NAMESPACES = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")]
USERS = {name: [{"containerID": 0, "hostID": 200_000, "size": 65536}] for name in ("uidMappings", "gidMappings")}
OWN = {name: [{"containerID": 0, "hostID": 1000, "size": 1}] for name in ("uidMappings", "gidMappings")}
CGROUPS = {
    "destination": "/sys/fs/cgroup",
    "type": "cgroup",
    "source": "cgroup",
    "options": ["nosuid", "noexec", "nodev"],
}
STAY = "while :; do sleep 1000 & wait; done"
MOUNTS = [item for item in MINIMAL["mounts"] if item["destination"] in {"/proc", "/dev"}]
"""Of which the network's own /sys isn't one: the user's container has the host's network."""
FIRST_LOOP = {"major": 7, "minor": 0}

BUNDLES: dict[str, tuple[str, dict[str, Any]]] = {
    "rare": (
        STAY,
        {
            "linux": {
                "cgroupsPath": "/t/rare",
                "resources": {
                    "blockIO": {
                        "weight": 500,
                        "throttleReadBpsDevice": [{**FIRST_LOOP, "rate": 1 * MIB}],
                        "throttleWriteBpsDevice": [{**FIRST_LOOP, "rate": 2 * MIB}],
                        "throttleReadIOPSDevice": [{**FIRST_LOOP, "rate": 100}],
                        "throttleWriteIOPSDevice": [{**FIRST_LOOP, "rate": 200}],
                    },
                    "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}],
                    "cpu": {"idle": 1},
                    "memory": {"limit": 64 * MIB},
                    "unified": {"memory.high": str(32 * MIB), "memory.oom.group": "1", "pids.max": "9"},
                },
            }
        },
    ),
    "rdma": ("true", {"linux": {"resources": {"rdma": {"mlx5_1": {"hcaHandles": 3}}}}}),
    "hungry": (
        "until test -e /data/go; do sleep 0.1; done; dd if=/dev/zero of=/dev/null bs=64M count=1; " + STAY,
        {"linux": {"cgroupsPath": "/t/hungry", "resources": {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}}},
    ),
    "nested": (
        "mkdir /sys/fs/cgroup/init /sys/fs/cgroup/more && echo $$ >/sys/fs/cgroup/init/cgroup.procs"
        " && echo +pids >/sys/fs/cgroup/cgroup.subtree_control; echo $? >/tmp/nested;"
        " sh -c 'echo $$ >/sys/fs/cgroup/more/cgroup.procs; exec sleep 1000' & " + STAY,
        {
            "mounts": ["+", CGROUPS],
            "linux": {"cgroupsPath": "/t/nested", "namespaces": [*NAMESPACES, {"type": "user"}], **USERS},
        },
    ),
    "beside": ("cat /proc/self/cgroup", {"linux": {"cgroupsPath": "", "namespaces": NAMESPACES[:-1]}}),
    "user": (
        "cat /proc/self/cgroup; id -u",
        {
            "linux": {
                "cgroupsPath": "",
                "namespaces": [item for item in [*NAMESPACES[:-1], {"type": "user"}] if item["type"] != "network"],
                "resources": {"pids": {"limit": 7}, "memory": {"limit": 32 * MIB}},
                **OWN,
            },
            "mounts": MOUNTS,
        },
    ),
    "stats": (
        "i=0; while test $i -lt 300; do i=$((i + 1)); done; echo done >/tmp/counted; " + STAY,
        {"linux": {"cgroupsPath": "/t/stats", "resources": {"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}}}},
    ),
}

SCRIPT = r"""
start() {
    cd /b/$1
    whit-oci create $1 >/tmp/$1.out 2>&1 </dev/null && whit-oci start $1
}
start rare
cd /sys/fs/cgroup/t/rare
case_of rare cat io.weight io.max hugetlb.2MB.max cpu.idle memory.high memory.oom.group pids.max
mknod /tmp/loop b 7 1
case_of closed whit-oci exec rare sh -c 'mknod /tmp/l b 7 1; : </tmp/l'
echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 7, "minor": 1}]}' >/tmp/devices
case_of devices whit-oci update --resources /tmp/devices rare
case_of open whit-oci exec rare sh -c ': </tmp/l'
echo '{"devices": [{"allow": false, "access": "rwm"}]}' >/tmp/devices
whit-oci update --resources /tmp/devices rare
case_of closed-again whit-oci exec rare sh -c ': </tmp/l'
echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >/tmp/less
case_of checked whit-oci update --resources /tmp/less rare
case_of unchanged cat memory.max
whit-oci pause rare
case_of exec-paused whit-oci exec rare true
case_of kill-paused whit-oci kill rare KILL
until_so sh -c '! test -s /sys/fs/cgroup/t/rare/cgroup.procs'
cd /
case_of delete-rare whit-oci delete rare

cd /b/rdma
case_of rdma whit-oci run rdma

start hungry
whit-oci events --interval 300ms hungry >/tmp/events &
until_so grep -q stats /tmp/events
touch /rootfs/data/go
until_so grep -q oom /tmp/events
whit-oci kill hungry KILL
wait $!
case_of events cat /tmp/events
whit-oci delete --force hungry

start nested
until_so test -s /rootfs/tmp/nested
case_of nested cat /rootfs/tmp/nested
case_of owner stat -c '%u %n' /sys/fs/cgroup/t/nested /sys/fs/cgroup/t/nested/cgroup.procs /sys/fs/cgroup/t/nested/pids.max
case_of nested-exec whit-oci exec nested cat /proc/self/cgroup
sub() { whit-oci exec --cgroup $1 nested cat /proc/self/cgroup; }
case_of sub sub more
case_of sub-top sub /
case_of sub-none sub none
case_of sub-out sub more/../..
case_of sub-v1 sub pids:more
case_of nested-delete whit-oci delete --force nested
case_of nested-left ls -d /sys/fs/cgroup/t/nested

mkdir -p /sys/fs/cgroup/home/shell
echo $$ >/sys/fs/cgroup/home/shell/cgroup.procs
cd /b/beside
case_of beside whit-oci run beside
chown 1000 /sys/fs/cgroup/home /sys/fs/cgroup/home/cgroup.procs /sys/fs/cgroup/home/cgroup.subtree_control
chown 1000 /sys/fs/cgroup/home/shell /sys/fs/cgroup/home/shell/cgroup.procs
cd /b/user
mkdir -p /run/user/1000
chown 1000:1000 /run/user/1000
as_user() {
    # busybox has a setpriv too, which knows less, and prefers it.
    env XDG_RUNTIME_DIR=/run/user/1000 /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}
case_of user as_user whit-oci run user
case_of user-left ls -d /sys/fs/cgroup/home/user
echo $$ >/sys/fs/cgroup/cgroup.procs

start stats
until_so test -s /rootfs/tmp/counted
case_of whit-stats whit-oci events --stats stats
whit-oci delete --force stats
rm /rootfs/tmp/counted
cd /b/stats
runc create stats >/dev/null 2>&1 </dev/null && runc start stats
until_so test -s /rootfs/tmp/counted
case_of runc-stats runc events --stats stats
runc delete --force stats
"""


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """All of them in one boot."""
    return guest_cases(SCRIPT, BUNDLES, **OPTIONS)


def test_rarer_limits_are_in_their_files(cases: dict[str, Case]) -> None:
    lines = cases["rare"].lines
    assert lines[0] == "default 4950"
    assert set(lines[1].split()) == {"7:0", f"rbps={MIB}", f"wbps={2 * MIB}", "riops=100", "wiops=200"}
    assert lines[2:] == [str(4 * MIB), "1", str(32 * MIB), "1", "9"]


def test_an_update_changes_the_devices_both_ways(cases: dict[str, Case]) -> None:
    assert cases["closed"].status != 0
    assert cases["devices"].status == 0, cases["devices"].said
    assert cases["open"].status == 0, cases["open"].said
    assert cases["closed-again"].status != 0


def test_a_limit_below_what_is_used_is_refused_when_asked(cases: dict[str, Case]) -> None:
    assert cases["checked"].status == 1
    assert "in use" in cases["checked"].said
    assert cases["unchanged"].said.strip() == str(64 * MIB)


def test_a_paused_container_takes_no_exec_and_can_be_killed(cases: dict[str, Case]) -> None:
    assert cases["exec-paused"].status == 1
    assert "paused" in cases["exec-paused"].said
    assert cases["kill-paused"].status == cases["delete-rare"].status == 0, cases["delete-rare"].said


def test_a_device_that_isn_t_there_is_named_by_its_member(cases: dict[str, Case]) -> None:
    assert cases["rdma"].status == 1
    assert "linux.resources.rdma" in cases["rdma"].said


def test_events_tell_of_a_kill_for_memory_and_end_with_the_container(cases: dict[str, Case]) -> None:
    kinds = [json.loads(line)["type"] for line in cases["events"].lines]
    assert {"stats", "oom"} == set(kinds)


def test_a_container_may_divide_its_own_cgroup_and_exec_finds_its_way(cases: dict[str, Case]) -> None:
    assert cases["nested"].said.strip() == "0"
    owners = [line.split()[0] for line in cases["owner"].lines]
    assert owners == ["200000", "200000", "0"]
    assert (cases["nested-exec"].status, cases["nested-exec"].said) == (0, "0::/init\n")
    assert cases["nested-delete"].status == 0, cases["nested-delete"].said
    assert cases["nested-left"].status != 0


def test_exec_goes_into_the_sub_cgroup_that_it_is_told(cases: dict[str, Case]) -> None:
    assert (cases["sub"].status, cases["sub"].said) == (0, "0::/more\n")
    for name, said in (
        ("sub-top", "hands controllers down"),
        ("sub-none", "there is no cgroup /sys/fs/cgroup/t/nested/none"),
        ("sub-out", "leads out of the container's cgroup"),
        ("sub-v1", "no cgroup of a controller pids"),
    ):
        assert cases[name].status == 1
        assert said in cases[name].lines[0]


def test_a_cgroup_without_a_path_stands_beside_the_caller_s(cases: dict[str, Case]) -> None:
    assert cases["beside"].said == "0::/home/beside\n"


def test_a_user_s_limits_hold_in_a_delegated_cgroup(cases: dict[str, Case]) -> None:
    assert (cases["user"].status, cases["user"].said) == (0, "0::/home/user\n0\n")
    assert cases["user-left"].status != 0


def test_stats_are_runc_s(cases: dict[str, Case]) -> None:
    mine, theirs = (json.loads(cases[f"{name}-stats"].said)["data"] for name in ("whit", "runc"))
    assert set(theirs) <= set(mine)
    for part in ("memory", "cpu", "pids"):
        # No cache at all is left out.
        assert set(theirs[part]) - {"cache"} <= set(mine[part])
    assert mine["pids"] == theirs["pids"]
    assert mine["memory"]["usage"]["limit"] == theirs["memory"]["usage"]["limit"]
    assert mine["memory"]["swap"]["limit"] == theirs["memory"]["swap"]["limit"]
    assert set(mine["memory"]["raw"]) == set(theirs["memory"]["raw"])
    assert set(mine["hugetlb"]) == set(theirs["hugetlb"])
