"""The host's cgroups are read from what the kernel lists."""

from __future__ import annotations

import pytest

from whit.runtime.machine import own_cgroups
from whit.runtime.oci.host import hierarchies, own_folder

HYBRID = """\
24 1 0:20 / / rw - ext4 /dev/vda rw
30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 24 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
OWN = "9:name=systemd:/user\n4:memory:/a:b\n2:cpu,cpuacct:/\n0::/session\n"


def test_a_hierarchy_has_its_controllers_its_place_and_ours_in_it() -> None:
    v1, unified, own = hierarchies(HYBRID, OWN)
    assert {item.controllers: (item.mount, item.own, item.folder) for item in v1} == {
        ("cpu", "cpuacct"): ("/sys/fs/cgroup/cpu,cpuacct", "/", "/sys/fs/cgroup/cpu,cpuacct"),
        ("memory",): ("/sys/fs/cgroup/memory", "/a:b", "/sys/fs/cgroup/memory/a:b"),
        ("name=systemd",): ("/sys/fs/cgroup/systemd", "/user", "/sys/fs/cgroup/systemd/user"),
    }
    assert (unified, own) == ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/session")


@pytest.mark.parametrize(
    ("root", "own", "folder"),
    [
        pytest.param(
            "/docker/a", "/docker/a/b", "/cg/b", id="a container's own view: its cgroup is at the mount point"
        ),
        pytest.param("/docker/a", "/docker/a", "/cg", id="the root of it"),
        pytest.param("/docker/a", "/docker/ab", "/cg", id="a name that begins alike is no folder in it"),
        pytest.param("/", "/../b", "/cg", id="outside of what is seen: never a folder above the mount"),
        pytest.param("/..", "/../b", "/cg/b", id="a view of more than the caller's namespace"),
    ],
)
def test_the_caller_s_own_folder_is_below_what_the_mount_shows(root: str, own: str, folder: str) -> None:
    assert own_folder("/cg", root, own) == folder


def test_the_v2_line_has_no_name() -> None:
    assert own_cgroups(OWN)[""] == "/session"


def test_pure_v2() -> None:
    assert hierarchies("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n") == (
        (),
        "/sys/fs/cgroup",
        "/sys/fs/cgroup",
    )


def test_no_cgroups_at_all() -> None:
    assert hierarchies("", "") == ((), "", "")
