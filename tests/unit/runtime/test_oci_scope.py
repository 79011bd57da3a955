"""Systemd's side of a container's cgroup: names, places, and limits as properties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.runtime.model import Op
from whit.runtime.oci.model import OciHost, Scope
from whit.runtime.oci.scope import (
    annotated,
    limit_properties,
    scope_folders,
    scope_properties,
    scoped_cgroups,
    slice_path,
    unit_of,
)
from whit.runtime.oci.spec import parse_resources

if TYPE_CHECKING:
    from whit.runtime.oci.resources import Resources

HOST = OciHost(
    0, 0, "amd64", 0, unified="/cg", controllers=("cpu", "cpuset", "memory", "pids", "io"), weight_file="io.weight"
)
UNLIMITED = (1 << 64) - 1


def resources(**members: Any) -> Resources:
    return parse_resources(json.dumps(members).encode())[0]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("system.slice", "system.slice"),
        ("user-1000.slice", "user.slice/user-1000.slice"),
        ("a-b-c.slice", "a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice", ""),
    ],
)
def test_each_dash_of_a_slice_s_name_leads_one_down(name: str, path: str) -> None:
    assert slice_path(name) == path


@pytest.mark.parametrize("name", ["system", "a--b.slice", "-a.slice", ".slice", "a/b.slice", "../x.slice", "a b.slice"])
def test_what_is_no_slice_is_refused(name: str) -> None:
    with pytest.raises(InvalidFileError, match=r"linux\.cgroupsPath"):
        slice_path(name)


def test_the_path_names_slice_prefix_and_name() -> None:
    unit = unit_of("user-web.slice:docker:c1", "c1", user=False)
    assert (unit.name, unit.slice) == ("docker-c1.scope", "user-web.slice")
    assert unit.path == "user.slice/user-web.slice/docker-c1.scope"


def test_without_a_path_the_scope_is_in_the_manager_s_own_slice() -> None:
    assert unit_of("", "c1", user=False).path == "system.slice/whit-c1.scope"
    assert unit_of("", "c1", user=True).path == "user.slice/whit-c1.scope"
    assert unit_of(":p:n", "c1", user=False).path == "system.slice/p-n.scope"


@pytest.mark.parametrize(
    "path", ["/a/b", "a:b", "a.slice:b:c:d", "a.slice:b:c.slice", "a.slice:b:../c", "a.slice:b:c d"]
)
def test_another_form_is_refused(path: str) -> None:
    with pytest.raises(InvalidFileError, match=r"linux\.cgroupsPath"):
        unit_of(path, "c1", user=False)


@pytest.mark.parametrize(
    ("limits", "properties"),
    [
        ({"memory": {"limit": 100, "swap": 150}}, {"MemoryMax": ("t", 100), "MemorySwapMax": ("t", 50)}),
        ({"memory": {"limit": -1}}, {"MemoryMax": ("t", UNLIMITED)}),
        ({"pids": {"limit": 7}}, {"TasksMax": ("t", 7)}),
        ({"pids": {"limit": 0}}, {"TasksMax": ("t", 1)}),
        (
            {"cpu": {"quota": 50_000, "period": 200_000}},
            {"CPUQuotaPerSecUSec": ("t", 250_000), "CPUQuotaPeriodUSec": ("t", 200_000)},
        ),
        ({"cpu": {"shares": 1024}}, {"CPUWeight": ("t", 39)}),
        ({"cpu": {"idle": 1}}, {"CPUWeight": ("t", 0)}),
        ({"cpu": {"cpus": "0-1,9", "mems": "0"}}, {"AllowedCPUs": ("ay", [3, 2]), "AllowedMemoryNodes": ("ay", [1])}),
        ({"blockIO": {"weight": 500}}, {"IOWeight": ("t", 4950)}),
        ({"unified": {"memory.high": "5", "memory.oom.group": "1"}}, {"MemoryHigh": ("t", 5)}),
        (
            {"unified": {"cpu.max": "max"}},
            {"CPUQuotaPerSecUSec": ("t", UNLIMITED), "CPUQuotaPeriodUSec": ("t", 100_000)},
        ),
    ],
)
def test_limits_become_the_properties_that_systemd_has_for_them(
    limits: dict[str, Any], properties: dict[str, Any]
) -> None:
    assert dict(limit_properties(resources(**limits), HOST, 252)) == properties


def test_an_older_systemd_isn_t_asked_for_what_it_lacks() -> None:
    assert limit_properties(resources(cpu={"idle": 1}), HOST, 251) == []


def test_a_scope_is_delegated_and_begins_with_the_container_s_process() -> None:
    properties = dict(scope_properties(unit_of("", "c1", user=False), "c1", 77))
    assert properties["PIDs"] == ("au", [77])
    assert properties["Delegate"] == ("b", True)
    assert properties["Slice"] == ("s", "system.slice")


def test_what_the_host_lacks_is_refused_before_systemd_is_asked() -> None:
    scope = Scope(scope_folders("system.slice/whit-c1.scope", HOST), Op("HOOK_OUTSIDE", (), ""))
    assert scoped_cgroups(resources(), HOST, scope).cgroup.folders == (((), "/cg/system.slice/whit-c1.scope"),)
    with pytest.raises(UnsupportedError, match=r"linux\.resources\.rdma"):
        scoped_cgroups(resources(rdma={"mlx": {"hcaHandles": 1}}), HOST, scope)


def test_annotations_may_name_properties_of_the_unit() -> None:
    annotations = (
        ("org.systemd.property.TimeoutStopUSec", "uint64 5000000"),
        ("org.systemd.property.CollectMode", "'inactive-or-failed'"),
        ("org.systemd.property.DefaultDependencies", "true"),
        ("com.example.other", "x"),
    )
    assert annotated(annotations) == [
        ("TimeoutStopUSec", ("t", 5_000_000)),
        ("CollectMode", ("s", "inactive-or-failed")),
        ("DefaultDependencies", ("b", True)),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("TimeoutStopUSec", "uint64 -1"), ("TimeoutStopUSec", "5s"), ("A", "byte 256"), ("a.b", "true"), ("A", "['a']")],
)
def test_an_annotation_that_is_no_property_is_named(name: str, value: str) -> None:
    with pytest.raises(UnsupportedError, match=r"annotations\['org\.systemd\.property\."):
        annotated(((f"org.systemd.property.{name}", value),))


@pytest.mark.parametrize(
    "unified",
    [
        {"memory.max": "1G"},
        {"io.weight": "8:0 100"},
        {"cpuset.cpus": ""},
        {"cpuset.cpus": "all"},
        {"cpuset.cpus": "0-4000000000"},
        {"cpu.max": "x y"},
        {"cpu.max": "100 0"},
        {"memory.max": str(1 << 64)},
    ],
)
def test_values_that_systemd_has_no_form_for_are_the_kernel_s_alone(unified: dict[str, str]) -> None:
    assert limit_properties(resources(unified=unified), HOST, 252) == []


def test_a_processor_s_number_has_a_bound() -> None:
    with pytest.raises(InvalidFileError, match=r"cpu\.cpus.*a list such as 0-3,7"):
        resources(cpu={"cpus": "0-4000000"})
