"""Systemd's side of a container's cgroups on v1: places, limits and devices as properties."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.oci_plans import V1
from whit.packer.support.errors import UnsupportedError
from whit.runtime.oci.cgroups import join_cgroups
from whit.runtime.oci.devices import v1_writes
from whit.runtime.oci.limits import with_quota
from whit.runtime.oci.model import HYBRID, Cgroup, Hierarchy
from whit.runtime.oci.scope import limit_properties, scope_folders, scope_properties, unit_of
from whit.runtime.oci.scope_v1 import device_properties
from whit.runtime.oci.spec import parse_resources

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.oci.resources import Resources

UNLIMITED = (1 << 64) - 1


def resources(**members: Any) -> Resources:
    return parse_resources(json.dumps(members).encode())[0]


@pytest.mark.parametrize(
    ("limits", "properties"),
    [
        ({"memory": {"limit": 100, "swap": 150, "reservation": 50}}, {"MemoryLimit": ("t", 100)}),
        ({"memory": {"limit": -1}}, {"MemoryLimit": ("t", UNLIMITED)}),
        ({"pids": {"limit": 7}}, {"TasksMax": ("t", 7)}),
        ({"pids": {"limit": 0}}, {"TasksMax": ("t", 1)}),
        ({"pids": {"limit": -1}}, {"TasksMax": ("t", UNLIMITED)}),
        ({"cpu": {"shares": 512}}, {"CPUShares": ("t", 512)}),
        ({"cpu": {"shares": 1}}, {"CPUShares": ("t", 2)}),
        ({"cpu": {"quota": 50_000}}, {"CPUQuotaPerSecUSec": ("t", 500_000)}),
        (
            {"cpu": {"quota": 50_000, "period": 200_000}},
            {"CPUQuotaPerSecUSec": ("t", 250_000), "CPUQuotaPeriodUSec": ("t", 200_000)},
        ),
        ({"cpu": {"quota": -1}}, {"CPUQuotaPerSecUSec": ("t", UNLIMITED)}),
        ({"cpu": {"cpus": "0-1,9", "mems": "0"}}, {"AllowedCPUs": ("ay", [3, 2]), "AllowedMemoryNodes": ("ay", [1])}),
        ({"blockIO": {"weight": 500}}, {"BlockIOWeight": ("t", 500)}),
        ({"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 500}]}}, {}),
    ],
)
def test_limits_become_the_properties_that_systemd_has_for_them(
    limits: dict[str, Any], properties: dict[str, Any]
) -> None:
    assert dict(limit_properties(resources(**limits), V1, 252)) == properties


def test_a_weight_that_systemd_would_refuse_is_the_kernel_s_alone() -> None:
    document = resources(blockIO={"weight": 500})
    small = replace(document, block_io=replace(document.block_io, weight=5))
    assert limit_properties(small, V1, 252) == []


def test_what_v1_lacks_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"linux\.resources\.unified"):
        limit_properties(resources(unified={"memory.high": "5"}), V1, 252)


def test_the_scope_is_at_the_same_place_in_every_hierarchy() -> None:
    host = replace(V1, hierarchies=(Hierarchy(("cpu", "cpuacct"), "/cg/cpu"), Hierarchy(("freezer",), "/cg/freezer")))
    path = unit_of("", "c1", user=False).path
    legacy = ((("cpu", "cpuacct"), f"/cg/cpu/{path}"), (("freezer",), f"/cg/freezer/{path}"))
    assert scope_folders(path, host) == legacy
    assert scope_folders(path, replace(host, unified="/cg/unified")) == (*legacy, (HYBRID, f"/cg/unified/{path}"))


def test_on_a_hybrid_host_a_process_is_born_in_v2_and_enters_v1() -> None:
    folders = ((("freezer",), "/cg/freezer/c1"), (("memory",), "/cg/memory/c1"), (HYBRID, "/cg/unified/c1"))
    plan = join_cgroups(Cgroup(folders))
    assert [op.args[0] for op in plan.parent] == [folder for _, folder in folders]
    assert plan.clone_into == len(folders)
    assert [op.args for op in plan.child] == [(0,), (1,)]


def test_accounting_has_v1_s_names() -> None:
    names = dict(scope_properties(unit_of("", "c1", user=False), "c1", 7, v1=True))
    assert "BlockIOAccounting" in names
    assert "IOAccounting" not in names


def devices(*rules: dict[str, Any]) -> dict[str, Any]:
    """The properties, the last of each name."""
    return dict(device_properties(tuple(v1_writes(resources(devices=list(rules)).devices))))


def test_devices_that_may_be_used_are_listed() -> None:
    found = devices(
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
        {"allow": True, "type": "b", "major": 8, "access": "r"},
        {"allow": True, "type": "c", "minor": 5, "access": "r"},
    )
    assert found["DevicePolicy"] == ("s", "strict")
    signature, entries = found["DeviceAllow"]
    assert signature == "a(ss)"
    assert {("/dev/char/10:229", "rwm"), ("block-8", "r"), ("/dev/char/1:3", "rwm"), ("char-136", "rwm")} <= set(
        entries
    )
    assert {("char-*", "m"), ("block-*", "m")} <= set(entries)
    assert not any("*:5" in path or "5:*" in path for path, _ in entries), "systemd has no form for it"


def test_all_devices_are_systemd_s_own_policy() -> None:
    assert devices({"allow": True, "access": "rwm"}) == {"DevicePolicy": ("s", "auto"), "DeviceAllow": ("a(ss)", [])}


def test_all_devices_but_some_are_closed_for_systemd_which_has_no_such_lists() -> None:
    found = devices(
        {"allow": True, "access": "rwm"}, {"allow": False, "type": "b", "major": 8, "minor": 0, "access": "rw"}
    )
    assert found == {"DevicePolicy": ("s", "strict"), "DeviceAllow": ("a(ss)", [])}


def test_on_v2_devices_are_no_affair_of_systemd_s() -> None:
    assert device_properties(()) == []


def test_a_new_quota_is_told_with_the_period_that_the_cgroup_has(tmp_path: Path) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu.cfs_period_us").write_text("200000\n")
    cpu = with_quota(resources(cpu={"quota": 40_000}), tmp_path).cpu
    assert (cpu.quota, cpu.period) == (40_000, 200_000)
    cpu = with_quota(resources(cpu={"period": 100_000}), tmp_path).cpu
    assert (cpu.quota, cpu.period) == (50_000, 100_000)
    assert with_quota(resources(), tmp_path) == resources()
