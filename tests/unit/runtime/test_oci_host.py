"""The host's cgroups are read from what the kernel lists."""

from __future__ import annotations

from whit.runtime.machine import own_cgroups
from whit.runtime.oci.host import hierarchies

HYBRID = """\
24 1 0:20 / / rw - ext4 /dev/vda rw
30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 24 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
OWN = "9:name=systemd:/user\n4:memory:/a:b\n2:cpu,cpuacct:/\n0::/session\n"


def test_a_hierarchy_has_its_controllers_its_place_and_ours_in_it() -> None:
    v1, unified = hierarchies(HYBRID, OWN)
    assert {item.controllers: (item.mount, item.own) for item in v1} == {
        ("cpu", "cpuacct"): ("/sys/fs/cgroup/cpu,cpuacct", "/"),
        ("memory",): ("/sys/fs/cgroup/memory", "/a:b"),
        ("name=systemd",): ("/sys/fs/cgroup/systemd", "/user"),
    }
    assert unified == "/sys/fs/cgroup/unified"


def test_the_v2_line_has_no_name() -> None:
    assert own_cgroups(OWN)[""] == "/session"


def test_pure_v2() -> None:
    assert hierarchies("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n") == ((), "/sys/fs/cgroup")


def test_no_cgroups_at_all() -> None:
    assert hierarchies("", "") == ((), "")
