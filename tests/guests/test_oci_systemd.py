"""``whit-oci --systemd-cgroup`` with a real systemd: the machine's first process in the guest, and a user's manager. Slow: ``make guests``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL
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
NAMESPACES = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")]
SHARED = [item for item in NAMESPACES if item["type"] != "cgroup"]
OWN = {name: [{"containerID": 0, "hostID": 1000, "size": 1}] for name in ("uidMappings", "gidMappings")}
MOUNTS = [item for item in MINIMAL["mounts"] if item["destination"] in {"/proc", "/dev"}]
"""Of which the network's own /sys isn't one: the user's container has the host's network."""
STAY = "while :; do sleep 1000 & wait; done"
LIMITS = {
    "devices": [{"allow": False, "access": "rwm"}],
    "cpu": {"shares": 1024, "quota": 50_000, "period": 100_000, "cpus": "0"},
    "memory": {"limit": 64 * MIB, "swap": 64 * MIB},
    "pids": {"limit": 20},
    "unified": {"memory.high": str(48 * MIB), "pids.max": "21"},
}
BUNDLES: dict[str, tuple[str, dict[str, Any]]] = {
    "web": (
        STAY,
        {
            "linux": {"cgroupsPath": "system-web.slice:docker:web", "resources": LIMITS},
            "annotations": {"org.systemd.property.TimeoutStopUSec": "uint64 5000000"},
        },
    ),
    "where": ("cat /proc/self/cgroup", {"linux": {"cgroupsPath": "user-web.slice:docker:x", "namespaces": SHARED}}),
    "default": ("cat /proc/self/cgroup", {"linux": {"cgroupsPath": "", "namespaces": SHARED}}),
    "wrong": ("true", {"linux": {"cgroupsPath": "/a/b"}}),
    "hungry": (
        "dd if=/dev/zero of=/dev/null bs=64M count=1",
        {"linux": {"cgroupsPath": "", "resources": {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}}},
    ),
    "user": (
        "cat /proc/self/cgroup; " + STAY,
        {
            "linux": {
                "cgroupsPath": "",
                "namespaces": [*[item for item in SHARED if item["type"] != "network"], {"type": "user"}],
                "resources": {"pids": {"limit": 7}, "memory": {"limit": 32 * MIB}},
                **OWN,
            },
            "mounts": MOUNTS,
        },
    ),
}
SHOW = "systemctl show -p ActiveState,Slice,Delegate,CPUWeight,CPUQuotaPerSecUSec,AllowedCPUs,MemoryMax,MemoryHigh,TasksMax,TimeoutStopUSec"

SCRIPT = r"""
oci() {
    whit-oci --systemd-cgroup "$@"
}
case_of systemd cat /proc/1/comm
cd /b/web
case_of create sh -c 'whit-oci --systemd-cgroup create web >/tmp/web.out 2>&1 </dev/null || cat /tmp/web.out'
case_of start oci start web
cd /sys/fs/cgroup/system.slice/system-web.slice/docker-web.scope
case_of files cat cpu.weight cpu.max cpuset.cpus memory.max memory.swap.max memory.high pids.max
case_of unit @SHOW@ docker-web.scope
case_of exec oci exec web sh -c 'cat /proc/self/cgroup; mknod /tmp/l b 7 1; : </tmp/l'
systemctl daemon-reload
case_of reloaded cat memory.max pids.max
case_of still-closed oci exec web sh -c ': </tmp/l'
case_of update oci update --memory 80m --memory-swap 80m --pids-limit 10 web
case_of updated cat memory.max pids.max
case_of updated-unit systemctl show -p MemoryMax,TasksMax docker-web.scope
cd /b/web
case_of again oci create web2
case_of pause oci pause web
case_of resume oci resume web
cd /
case_of kill oci kill web KILL
case_of delete oci delete --force web
case_of gone systemctl show -p LoadState docker-web.scope
case_of left ls -d /sys/fs/cgroup/system.slice/system-web.slice/docker-web.scope

cd /b/where
case_of where oci run where
case_of runc-where runc --systemd-cgroup run where
cd /b/default
case_of default oci run default
cd /b/wrong
case_of wrong oci run wrong
cd /b/hungry
case_of hungry oci run hungry
case_of hungry-unit systemctl show -p LoadState whit-hungry.scope

systemctl start user@1000
until_so test -S /run/user/1000/bus
as_user() {
    env XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/user /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}
cd /b/user
as_user whit-oci --systemd-cgroup create user >/tmp/user.out 2>&1 </dev/null
case_of user-start as_user whit-oci start user
until_so test -s /tmp/user.out
case_of user cat /tmp/user.out
cd /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/whit-user.scope
case_of user-files cat memory.max pids.max
case_of user-update as_user whit-oci update --pids-limit 9 user
case_of user-updated cat pids.max
cd /
case_of user-exec as_user whit-oci exec user cat /proc/self/cgroup
as_user mkdir /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/whit-user.scope/sub
case_of user-sub as_user whit-oci exec --cgroup sub user cat /proc/self/cgroup
case_of user-delete as_user whit-oci delete --force user
case_of user-left ls -d /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/whit-user.scope
case_of no-bus env -u XDG_RUNTIME_DIR /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups \
    whit-oci --root /tmp/none --systemd-cgroup create --bundle /b/user none
""".replace("@SHOW@", SHOW)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """All of them in one boot."""
    return guest_cases(SCRIPT, BUNDLES, **OPTIONS)


def properties(case: Case) -> dict[str, str]:
    """What ``systemctl show`` said."""
    return dict(line.split("=", 1) for line in case.lines)


def test_the_container_is_a_scope_in_its_slice_with_its_limits(cases: dict[str, Case]) -> None:
    assert cases["systemd"].said == "systemd\n"
    assert cases["create"].said == ""
    assert cases["start"].status == 0, cases["start"].said
    assert cases["files"].lines == ["39", "50000 100000", "0", str(64 * MIB), "0", str(48 * MIB), "21"]
    assert properties(cases["unit"]) == {
        "ActiveState": "active",
        "Slice": "system-web.slice",
        "Delegate": "yes",
        "CPUWeight": "39",
        "CPUQuotaPerSecUSec": "500ms",
        "AllowedCPUs": "0",
        "MemoryMax": str(64 * MIB),
        "MemoryHigh": str(48 * MIB),
        "TasksMax": "21",
        "TimeoutStopUSec": "5s",
    }


def test_devices_stay_closed_also_when_systemd_is_reloaded(cases: dict[str, Case]) -> None:
    assert cases["exec"].status != 0
    assert cases["exec"].lines[0] == "0::/"
    assert "not permitted" in cases["exec"].said
    assert cases["reloaded"].lines == [str(64 * MIB), "21"]
    assert cases["still-closed"].status != 0


def test_an_update_changes_the_cgroup_and_the_unit(cases: dict[str, Case]) -> None:
    assert cases["update"].status == 0, cases["update"].said
    assert cases["updated"].lines == [str(80 * MIB), "10"]
    assert properties(cases["updated-unit"]) == {"MemoryMax": str(80 * MIB), "TasksMax": "10"}


def test_a_scope_that_is_there_already_is_no_other_container_s(cases: dict[str, Case]) -> None:
    assert cases["again"].status == 1
    assert "docker-web.scope" in cases["again"].lines[0]
    assert cases["pause"].status == cases["resume"].status == 0


def test_delete_leaves_no_unit_and_no_cgroup(cases: dict[str, Case]) -> None:
    assert cases["kill"].status == cases["delete"].status == 0, cases["delete"].said
    assert cases["gone"].said.strip() == "LoadState=not-found"
    assert cases["left"].status != 0


def test_the_scope_stands_where_runc_puts_it(cases: dict[str, Case]) -> None:
    # runc says more, of devices that aren't there.
    assert cases["where"].lines[-1] == cases["runc-where"].lines[-1] == "0::/user.slice/user-web.slice/docker-x.scope"
    assert cases["default"].said == "0::/system.slice/whit-default.scope\n"


def test_a_path_of_another_form_is_refused(cases: dict[str, Case]) -> None:
    assert cases["wrong"].status == 1
    assert "SLICE:PREFIX:NAME" in cases["wrong"].lines[0]


def test_a_scope_that_failed_for_memory_is_forgotten_too(cases: dict[str, Case]) -> None:
    assert cases["hungry"].status == 137, cases["hungry"].said
    assert cases["hungry-unit"].said.strip() == "LoadState=not-found"


def test_a_user_s_container_is_a_scope_of_its_own_manager_s(cases: dict[str, Case]) -> None:
    assert cases["user-start"].status == 0, cases["user"].said
    assert cases["user"].said == "0::/user.slice/user-1000.slice/user@1000.service/user.slice/whit-user.scope\n"
    assert cases["user-files"].lines == [str(32 * MIB), "7"]
    assert (cases["user-update"].status, cases["user-updated"].said.strip()) == (0, "9")
    assert (cases["user-exec"].status, cases["user-exec"].said) == (0, cases["user"].said)
    assert (cases["user-sub"].status, cases["user-sub"].said) == (0, cases["user"].said.replace("\n", "/sub\n"))
    assert cases["user-delete"].status == 0, cases["user-delete"].said
    assert cases["user-left"].status != 0


def test_without_a_bus_the_user_is_told(cases: dict[str, Case]) -> None:
    assert cases["no-bus"].status == 1
    assert "there is no bus of your own" in cases["no-bus"].lines[0]
