"""Limits become cgroup operations: v1 and v2, and what happens where there is no cgroup to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.runtime.plans import NONE, V1, V2
from whit.packer.support.errors import UnsupportedError
from whit.runtime.cgroup import CgroupLayout, CgroupVersion, cgroup_ops
from whit.runtime.limits import DEFAULT_PIDS, Limits

if TYPE_CHECKING:
    from whit.runtime.model import Op

ALL = Limits(memory=64 << 20, cpu_quota_us=50_000, pids=64)


def _writes(ops: tuple[Op, ...]) -> list[tuple[object, ...]]:
    return [op.args for op in ops if op.name == "CGROUP_WRITE"]


def _of(ops: tuple[Op, ...]) -> list[str]:
    return [op.name for op in ops]


def test_v1_makes_a_cgroup_in_each_hierarchy_and_writes_each_limit_to_its_own() -> None:
    found = cgroup_ops(ALL, V1)
    assert [op.args for op in found.parent if op.name == "CGROUP_CREATE"] == [
        ("/cg/memory/whit",),
        ("/cg/cpu/whit",),
        ("/cg/pids/whit",),
    ]
    assert _writes(found.parent) == [
        (0, "memory.limit_in_bytes", "67108864"),
        (0, "memory.memsw.limit_in_bytes", "67108864"),
        (1, "cpu.cfs_period_us", "100000"),
        (1, "cpu.cfs_quota_us", "50000"),
        (2, "pids.max", "64"),
    ]


def test_v1_is_joined_by_the_child_and_hidden_from_it_only_then() -> None:
    found = cgroup_ops(ALL, V1)
    assert found.clone_into == 0
    assert _of(found.child) == ["CGROUP_ENTER"] * 3 + ["CGROUP_UNSHARE"]
    assert [op.args for op in found.child[:3]] == [(0,), (1,), (2,)]


def test_v2_makes_one_cgroup_that_the_child_is_born_in() -> None:
    found = cgroup_ops(ALL, V2)
    assert [op.args for op in found.parent if op.name == "CGROUP_CREATE"] == [("/cg/whit",)]
    assert _writes(found.parent) == [
        (0, "memory.max", "67108864"),
        (0, "memory.swap.max", "0"),
        (0, "cpu.max", "50000 100000"),
        (0, "pids.max", "64"),
    ]
    assert found.clone_into == 1
    assert "CGROUP_ENTER" not in _of(found.child)


@pytest.mark.parametrize("layout", [V1, V2, NONE], ids=lambda layout: str(layout.version))
def test_every_container_has_a_cgroup_namespace_made_last(layout: CgroupLayout) -> None:
    # Where there is no cgroup of its own it must not see the path of the caller's.
    assert _of(cgroup_ops(Limits(), layout).child)[-1:] == ["CGROUP_UNSHARE"]


@pytest.mark.parametrize("layout", [V1, V2], ids=lambda layout: str(layout.version))
def test_a_limit_that_is_not_set_is_not_written(layout: CgroupLayout) -> None:
    found = cgroup_ops(Limits(pids=None), layout)
    assert _writes(found.parent) == []
    assert "CGROUP_WATCH_OOM" not in _of(found.parent)


def test_swap_is_limited_only_where_it_is_counted() -> None:
    for layout in (V1, V2):
        without = CgroupLayout(layout.version, layout.parents, swap=False)
        files = [str(args[1]) for args in _writes(cgroup_ops(ALL, without).parent)]
        assert not [file for file in files if "sw" in file]


@pytest.mark.parametrize(("layout", "file"), [(V1, "memory.oom_control"), (V2, "memory.events")])
def test_a_memory_limit_is_watched_and_its_message_names_it_and_what_to_do(layout: CgroupLayout, file: str) -> None:
    (watch,) = (op for op in cgroup_ops(ALL, layout).parent if op.name == "CGROUP_WATCH_OOM")
    assert watch.args[:2] == (0, file)
    assert "64m" in str(watch.args[2])
    assert "--memory" in str(watch.args[2])


@pytest.mark.parametrize(
    ("size", "shown"), [(64 << 20, "64m"), (3 << 29, "1536m"), (2 << 30, "2g"), (300 << 10, "300k"), (300_001, "bytes")]
)
def test_the_message_shows_the_limit_as_a_person_wrote_it(size: int, shown: str) -> None:
    watch = cgroup_ops(Limits(memory=size), V2).parent[-1]
    assert shown in str(watch.args[2])


def test_without_a_cgroup_the_default_limit_is_left_out() -> None:
    found = cgroup_ops(Limits(), NONE)
    assert found.parent == ()
    assert found.clone_into == 0


@pytest.mark.parametrize(
    ("limits", "option"),
    [
        (Limits(memory=1 << 30), "--memory"),
        (Limits(cpu_quota_us=5000), "--cpus"),
        (Limits(pids=DEFAULT_PIDS, pids_asked=True), "--pids-limit"),
    ],
)
def test_without_a_cgroup_a_limit_that_was_asked_for_is_an_error_that_says_why(limits: Limits, option: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{option} needs a cgroup: it isn't yours") as caught:
        cgroup_ops(limits, NONE)
    assert caught.value.hint is not None


def test_a_controller_that_the_host_lacks_is_an_error_only_for_who_asked_for_it() -> None:
    layout = CgroupLayout(CgroupVersion.V1, (("memory", "/cg/memory/whit"),))
    assert _writes(cgroup_ops(Limits(), layout).parent) == []
    with pytest.raises(UnsupportedError, match="no pids controller"):
        cgroup_ops(Limits(pids=DEFAULT_PIDS, pids_asked=True), layout)
    with pytest.raises(UnsupportedError, match="no cpu controller"):
        cgroup_ops(Limits(cpu_quota_us=5000), layout)
