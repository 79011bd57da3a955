"""Limits of a container that runs: written in whichever order the kernel takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.errors import LaunchError, UnsupportedError
from whit.runtime.oci.limits import resource_writes
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
