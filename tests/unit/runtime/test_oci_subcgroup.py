"""Where ``exec --cgroup`` leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import LaunchError, UsageError
from whit.runtime.oci.subcgroup import below, check, wanted

if TYPE_CHECKING:
    from pathlib import Path

V1 = ((("cpu", "cpuacct"), "/cg/cpu/c1"), (("memory",), "/cg/memory/c1"), (("name=systemd",), "/cg/systemd/c1"))
V2 = (((), "/cg/c1"),)


def test_a_path_alone_is_for_all_hierarchies() -> None:
    asked = wanted(("/a/./b/",))
    assert below(V2, asked) == (((), "/cg/c1/a/b"),)
    assert [folder for _, folder in below(V1, asked)] == ["/cg/cpu/c1/a/b", "/cg/memory/c1/a/b", "/cg/systemd/c1/a/b"]


def test_a_controller_s_path_is_for_its_hierarchy() -> None:
    asked = wanted(("cpu,cpuacct:x", "name=systemd:y"))
    assert [folder for _, folder in below(V1, asked)] == ["/cg/cpu/c1/x", "/cg/memory/c1", "/cg/systemd/c1/y"]


def test_the_root_is_the_container_s_own_cgroup() -> None:
    assert below(V1, wanted(("/",))) == V1


@pytest.mark.parametrize(
    "arguments",
    [("..",), ("a/../..",), ("memory:..",), (":a",), ("cpu,:a",), ("a", "b"), ("cpu:a", "b"), ("cpu:a", "cpu:b")],
)
def test_what_is_no_place_below_it_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--cgroup"):
        wanted(arguments)


def test_one_hierarchy_has_one_path() -> None:
    with pytest.raises(UsageError, match="cpu and cpuacct are one hierarchy"):
        below(V1, wanted(("cpu:a", "cpuacct:b")))


def test_v2_has_no_controllers_of_their_own() -> None:
    with pytest.raises(UsageError, match="controller cpu"):
        below(V2, wanted(("cpu:a",)))


def test_a_container_without_cgroups_has_none_below() -> None:
    with pytest.raises(LaunchError, match="has no cgroup"):
        below((), wanted(("a",)))


def test_a_cgroup_that_hands_controllers_down_takes_no_process(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("memory\n")
    (tmp_path / "cgroup.type").write_text("domain\n")
    with pytest.raises(LaunchError, match="hands controllers down"):
        check((((), str(tmp_path)),))
    (tmp_path / "cgroup.type").write_text("threaded\n")
    check((((), str(tmp_path)),))


def test_a_new_cpuset_of_v1_takes_no_process(tmp_path: Path) -> None:
    for name in ("tasks", "cpuset.cpus", "cpuset.mems"):
        (tmp_path / name).write_text("\n")
    with pytest.raises(LaunchError, match="has no processors"):
        check(((("cpuset",), str(tmp_path)),))
    (tmp_path / "cpuset.cpus").write_text("0\n")
    (tmp_path / "cpuset.mems").write_text("0\n")
    check(((("cpuset",), str(tmp_path)),))
