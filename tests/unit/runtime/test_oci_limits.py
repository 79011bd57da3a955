"""Limits of a container that runs: written in whichever order the kernel takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import InvalidFileError, LaunchError, UnsupportedError
from whit.runtime.oci.limits import completed, resource_writes
from whit.runtime.oci.model import Hierarchy, OciHost
from whit.runtime.oci.spec import parse_resources

if TYPE_CHECKING:
    from pathlib import Path

HOST = OciHost(0, 0, "amd64", 0, (Hierarchy(("memory",), "/cg/memory"), Hierarchy(("pids",), "/cg/pids")), swap=True)


def test_values_go_to_the_cgroup_that_has_the_controller(tmp_path: Path) -> None:
    for name in ("memory", "pids"):
        (tmp_path / name).mkdir()
    cgroups = (("memory", tmp_path / "memory"), ("pids", tmp_path / "pids"))
    resources, _ = parse_resources(b'{"memory": {"limit": 5}, "pids": {"limit": 7}}')
    resource_writes(resources, cgroups, HOST)
    assert (tmp_path / "memory" / "memory.limit_in_bytes").read_text() == "5"
    assert (tmp_path / "pids" / "pids.max").read_text() == "7"


def test_a_value_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    resources, _ = parse_resources(b'{"pids": {"limit": 7}}')
    with pytest.raises(LaunchError, match=r"linux\.resources\.pids\.limit"):
        resource_writes(resources, (("pids", tmp_path / "gone"),), HOST)


def test_a_container_without_the_cgroup_is_told(tmp_path: Path) -> None:
    resources, _ = parse_resources(b'{"pids": {"limit": 7}}')
    with pytest.raises(UnsupportedError, match="no pids cgroup"):
        resource_writes(resources, (("memory", tmp_path),), HOST)


def test_a_limit_below_what_is_used_is_refused_when_asked(tmp_path: Path) -> None:
    (tmp_path / "memory.usage_in_bytes").write_text("100\n")
    resources, _ = parse_resources(b'{"memory": {"limit": 50, "checkBeforeUpdate": true}}')
    with pytest.raises(LaunchError, match="100 bytes are in use"):
        resource_writes(resources, (("memory", tmp_path),), HOST)
    assert not (tmp_path / "memory.limit_in_bytes").exists()


V2 = OciHost(0, 0, "amd64", 0, unified="/cg", controllers=("cpu", "memory"))


@pytest.mark.parametrize(
    ("now", "given", "written"),
    [
        ("50000 200000", '{"quota": 70000}', "70000 200000"),
        ("50000 200000", '{"period": 100000}', "50000 100000"),
        ("max 100000", '{"period": 200000}', "max 200000"),
        ("50000 200000", '{"quota": -1}', "max 200000"),
        ("50000 200000", '{"quota": 1000, "period": 3000}', "1000 3000"),
    ],
)
def test_on_v2_a_quota_keeps_its_period_and_a_period_its_quota(
    tmp_path: Path, now: str, given: str, written: str
) -> None:
    (tmp_path / "cpu.max").write_text(f"{now}\n")
    cgroups = (("unified", tmp_path),)
    resources, _ = parse_resources(f'{{"cpu": {given}}}'.encode())
    resource_writes(completed(resources, cgroups, V2), cgroups, V2)
    assert (tmp_path / "cpu.max").read_text() == written


def test_on_v2_swap_is_counted_from_the_limit_that_memory_has(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("100\n")
    cgroups = (("unified", tmp_path),)
    resources, _ = parse_resources(b'{"memory": {"swap": 150}}')
    resource_writes(completed(resources, cgroups, V2), cgroups, V2)
    assert (tmp_path / "memory.swap.max").read_text() == "50"
    (tmp_path / "memory.max").write_text("max\n")
    with pytest.raises(InvalidFileError, match=r"linux\.resources\.memory\.swap"):
        resource_writes(completed(resources, cgroups, V2), cgroups, V2)
