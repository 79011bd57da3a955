"""``whit-oci --systemd-cgroup`` on cgroup v1 with a real systemd, one that keeps its own records in v1 or in v2. Slow: ``make guests``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.vm.oci import guest_cases

if TYPE_CHECKING:
    from tests.vm.cases import Case

pytestmark = [
    pytest.mark.peer(
        "qemu-system-x86_64", "guest-kernel", "guest-loop", "busybox-static", "runc", "systemctl", "dbus-daemon"
    ),
]

MIB = 1 << 20
OPTIONS: dict[str, Any] = {"programs": ("runc",), "timeout": 900, "systemd": True}
V1 = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller="
MODES = {"legacy": f"{V1}yes", "hybrid": f"{V1}no"}
SHARED = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
STAY = "while :; do sleep 1000 & wait; done"
LIMITS = {
    "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "b", "major": 7, "minor": 0, "access": "r"}],
    "cpu": {"shares": 512, "quota": 50_000, "period": 200_000, "cpus": "0"},
    "memory": {"limit": 64 * MIB},
    "pids": {"limit": 20},
}
BUT_ONE = [{"allow": True, "access": "rwm"}, {"allow": False, "type": "b", "major": 7, "minor": 1, "access": "rw"}]
BUNDLES: dict[str, tuple[str, dict[str, Any]]] = {
    "web": (STAY, {"linux": {"cgroupsPath": "system-web.slice:docker:web", "resources": LIMITS}}),
    "where": ("cat /proc/self/cgroup", {"linux": {"cgroupsPath": "user-web.slice:docker:x", "namespaces": SHARED}}),
    "open": (STAY, {"linux": {"cgroupsPath": "", "resources": {"devices": BUT_ONE}}}),
    "all": (STAY, {"linux": {"cgroupsPath": "", "resources": {"devices": [{"allow": True, "access": "rwm"}]}}}),
    "hungry": (
        "dd if=/dev/zero of=/dev/null bs=64M count=1",
        {"linux": {"cgroupsPath": "", "resources": {"memory": {"limit": 16 * MIB}}}},
    ),
    "broken": ("true", {"linux": {"cgroupsPath": "", "resources": {"cpu": {"cpus": "0-9"}}}}),
    "unified": ("true", {"linux": {"cgroupsPath": "", "resources": {"unified": {"memory.high": "5"}}}}),
}
SCOPE = "system.slice/system-web.slice/docker-web.scope"
SHOW = "systemctl show -p ActiveState,Slice,Delegate,CPUShares,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,MemoryLimit,TasksMax,DevicePolicy"

SCRIPT = r"""
oci() {
    whit-oci --systemd-cgroup "$@"
}
scope=@SCOPE@
v1() { cat /sys/fs/cgroup/$1/$scope/$1.$2; }
limits() { v1 cpu shares; v1 cpu cfs_quota_us; v1 cpu cfs_period_us; v1 cpuset cpus; v1 memory limit_in_bytes; v1 pids max; }
case_of systemd cat /proc/1/comm
case_of unified ls /sys/fs/cgroup/unified/cgroup.procs
case_of writable-root sh -c 'mknod /tmp/l0 b 7 0; mknod /tmp/l1 b 7 1; : </tmp/l0 && : </tmp/l1'
cd /b/web
case_of create sh -c 'whit-oci --systemd-cgroup create web >/tmp/web.out 2>&1 </dev/null || cat /tmp/web.out'
case_of start oci start web
case_of limits limits
case_of unit @SHOW@ docker-web.scope
of() { cat /proc/$(whit-oci state $1 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')/cgroup; }
case_of within of web
inside() { oci exec web sh -c "test -b /tmp/w$1 || mknod /tmp/w$1 b 7 $1; : </tmp/w$1"; }
case_of exec sh -c 'whit-oci exec --detach --pid-file /tmp/pid web sleep 1000 >/tmp/exec.out 2>&1 </dev/null; cat /proc/$(cat /tmp/pid)/cgroup'
case_of allowed inside 0
case_of closed inside 1
systemctl daemon-reload
systemctl set-property --runtime docker-web.scope TasksMax=19
case_of reloaded limits
case_of still-allowed inside 0
case_of still-closed inside 1
case_of update oci update --memory 80m --pids-limit 10 --cpu-quota 40000 web
case_of updated limits
case_of updated-unit systemctl show -p MemoryLimit,TasksMax,CPUQuotaPerSecUSec docker-web.scope
echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 7, "minor": 1, "access": "r"}]}' >/tmp/devices
case_of update-devices oci update --resources /tmp/devices web
systemctl set-property --runtime docker-web.scope TasksMax=18
case_of now-allowed inside 1
case_of now-closed inside 0
case_of within-later of web
mkdir /sys/fs/cgroup/memory/$scope/sub
case_of sub oci exec --cgroup memory:sub web cat /proc/self/cgroup
case_of again oci create --bundle /b/web web2
case_of pause oci pause web
case_of paused oci state web
case_of resume oci resume web
case_of stats oci events --stats web
case_of ps oci ps --format json web
cd /
case_of kill oci kill web KILL
case_of delete oci delete --force web
case_of gone systemctl show -p LoadState docker-web.scope
case_of left find /sys/fs/cgroup -name docker-web.scope

cd /b/where
case_of where oci run where
case_of runc-where runc --systemd-cgroup run where
cd /b/hungry
case_of hungry oci run hungry
case_of hungry-unit systemctl show -p LoadState whit-hungry.scope
cd /b/unified
case_of no-v2 oci run unified
cd /b/broken
case_of broken oci run broken
case_of broken-unit systemctl show -p LoadState whit-broken.scope
case_of broken-left find /sys/fs/cgroup -name whit-broken.scope
cd /b/all
whit-oci --systemd-cgroup create all >/tmp/all.out 2>&1 </dev/null
oci start all
oci update --pids-limit 10 all
systemctl daemon-reload
systemctl set-property --runtime whit-all.scope TasksMax=9
case_of all-within of all
case_of all-policy systemctl show -p DevicePolicy,DeviceAllow whit-all.scope
oci delete --force all
cd /b/open
case_of open sh -c 'whit-oci --systemd-cgroup create open >/tmp/open.out 2>&1 </dev/null || cat /tmp/open.out'
oci start open
inside() { oci exec open sh -c "test -b /tmp/w$1 || mknod /tmp/w$1 b 7 $1; : </tmp/w$1"; }
case_of but-one-open inside 0
case_of but-one-closed inside 1
case_of but-one-update oci update --pids-limit 10 open
case_of but-one-still-open inside 0
case_of but-one-still-closed inside 1
case_of but-one-within of open
oci delete --force open
case_of nothing-left find /sys/fs/cgroup -name '*.scope' -path '*whit*'
cd /
case_of user /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups \
    env XDG_RUNTIME_DIR=/tmp whit-oci --root /tmp/none --systemd-cgroup create --bundle /b/web none
""".replace("@SHOW@", SHOW).replace("@SCOPE@", SCOPE)


@pytest.fixture(scope="module", params=list(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    """Where systemd keeps its own records."""
    return str(request.param)


@pytest.fixture(scope="module")
def cases(mode: str) -> dict[str, Case]:
    """All of them in one boot of that mode."""
    return guest_cases(SCRIPT, BUNDLES, **OPTIONS, parameters=MODES[mode])


def properties(case: Case) -> dict[str, str]:
    """What ``systemctl show`` said."""
    return dict(line.split("=", 1) for line in case.lines)


def cgroups(case: Case) -> dict[str, str]:
    """/proc/PID/cgroup: controllers → path."""
    lines = [line.split(":", 2) for line in case.lines]
    return {controllers: path for _, controllers, path in lines}


def test_the_container_is_a_scope_with_its_limits_by_the_names_of_v1(cases: dict[str, Case]) -> None:
    assert cases["systemd"].said == "systemd\n"
    assert cases["create"].said == ""
    assert cases["start"].status == 0, cases["start"].said
    assert cases["limits"].lines == ["512", "50000", "200000", "0", str(64 * MIB), "20"]
    assert properties(cases["unit"]) == {
        "ActiveState": "active",
        "Slice": "system-web.slice",
        "Delegate": "yes",
        "CPUShares": "512",
        "CPUQuotaPerSecUSec": "250ms",
        "CPUQuotaPeriodUSec": "200ms",
        "MemoryLimit": str(64 * MIB),
        "TasksMax": "20",
        "DevicePolicy": "strict",
    }


def test_it_is_in_the_scope_in_every_hierarchy_and_stays_there(mode: str, cases: dict[str, Case]) -> None:
    within = cgroups(cases["within"])
    assert set(within.values()) == {f"/{SCOPE}"}
    assert {"freezer", "cpuset", "devices", "name=systemd"} <= set(within)
    assert ("" in within) is (mode == "hybrid") is (cases["unified"].status == 0)
    assert cgroups(cases["exec"]) == cgroups(cases["within-later"]) == within


def test_exec_goes_into_a_sub_cgroup_of_one_hierarchy(cases: dict[str, Case]) -> None:
    inside = cgroups(cases["sub"])
    assert inside["memory"] == "/sub"
    assert {path for name, path in inside.items() if name != "memory"} == {"/"}


def test_the_scope_stands_where_runc_puts_it(cases: dict[str, Case]) -> None:
    ours, runcs = cgroups(cases["where"]), cgroups(cases["runc-where"])
    assert set(ours.values()) == {"/user.slice/user-web.slice/docker-x.scope"}
    for name in ("name=systemd", "memory", "freezer", "cpuset", "pids"):
        assert runcs[name] == ours[name]


def test_devices_stay_as_they_are_when_systemd_writes_its_lists_anew(cases: dict[str, Case]) -> None:
    assert cases["writable-root"].status == 0, "the devices are there, and open outside"
    assert cases["allowed"].status == cases["still-allowed"].status == 0, cases["still-allowed"].said
    for name in ("closed", "still-closed"):
        assert cases[name].status != 0
        assert "not permitted" in cases[name].said
    assert cases["reloaded"].lines == ["512", "50000", "200000", "0", str(64 * MIB), "19"]


def test_devices_that_an_update_names_are_systemd_s_too(cases: dict[str, Case]) -> None:
    assert cases["update-devices"].status == 0, cases["update-devices"].said
    assert cases["now-allowed"].status == 0, cases["now-allowed"].said
    assert "not permitted" in cases["now-closed"].said


def test_all_devices_but_one_stay_so_through_an_update(cases: dict[str, Case]) -> None:
    assert cases["open"].said == ""
    assert cases["but-one-update"].status == 0, cases["but-one-update"].said
    assert cases["but-one-open"].status == cases["but-one-still-open"].status == 0
    assert "not permitted" in cases["but-one-closed"].said
    assert "not permitted" in cases["but-one-still-closed"].said
    assert set(cgroups(cases["but-one-within"]).values()) == {"/system.slice/whit-open.scope"}


def test_all_devices_are_systemd_s_own_policy(cases: dict[str, Case]) -> None:
    assert properties(cases["all-policy"]) == {"DevicePolicy": "auto"}
    assert set(cgroups(cases["all-within"]).values()) == {"/system.slice/whit-all.scope"}


def test_an_update_changes_the_cgroups_and_the_unit(cases: dict[str, Case]) -> None:
    assert cases["update"].status == 0, cases["update"].said
    assert cases["updated"].lines == ["512", "40000", "200000", "0", str(80 * MIB), "10"]
    assert properties(cases["updated-unit"]) == {
        "MemoryLimit": str(80 * MIB),
        "TasksMax": "10",
        "CPUQuotaPerSecUSec": "200ms",
    }


def test_it_pauses_counts_and_lists(cases: dict[str, Case]) -> None:
    assert cases["pause"].status == cases["resume"].status == 0
    assert '"status": "paused"' in cases["paused"].said
    data = json.loads(cases["stats"].said)["data"]
    assert data["memory"]["usage"]["limit"] == 80 * MIB
    assert data["pids"]["current"] == len(json.loads(cases["ps"].said))


def test_a_scope_that_is_there_already_is_no_other_container_s(cases: dict[str, Case]) -> None:
    assert cases["again"].status == 1
    assert "docker-web.scope" in cases["again"].lines[0]


def test_delete_leaves_no_unit_and_no_cgroup(cases: dict[str, Case]) -> None:
    assert cases["kill"].status == cases["delete"].status == 0, cases["delete"].said
    assert cases["gone"].said.strip() == "LoadState=not-found"
    assert cases["left"].said == cases["nothing-left"].said == ""
    assert (cases["hungry"].status, cases["hungry-unit"].said.strip()) == (137, "LoadState=not-found")


def test_a_limit_that_the_kernel_refuses_is_named_and_leaves_nothing(cases: dict[str, Case]) -> None:
    assert cases["broken"].status == 1
    assert "linux.resources.cpu.cpus" in cases["broken"].lines[0]
    assert cases["broken-unit"].said.strip() == "LoadState=not-found"
    assert cases["broken-left"].said == ""


def test_what_v1_lacks_is_refused_by_name(cases: dict[str, Case]) -> None:
    assert cases["no-v2"].status == cases["user"].status == 1
    assert "linux.resources.unified" in cases["no-v2"].lines[0]
    assert "on cgroup v1 it takes root" in cases["user"].lines[0]
