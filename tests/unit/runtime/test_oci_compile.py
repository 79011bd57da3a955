"""What a configuration becomes: operations in an order that keeps the container confined at every step."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.oci_plans import NAMESPACES, OWN, ROOTLESS, V1, V2
from tests.unit.runtime.oci_plans import spec_of as spec
from whit.packer.support.errors import InvalidFileError, UnsupportedError, WhitError
from whit.runtime.encode import decode, encode
from whit.runtime.model import Op
from whit.runtime.oci.cgroups import cgroup_path, cpu_weight, io_weight, resource_writes
from whit.runtime.oci.compile import Compiled, Lifecycle, compile_container, compile_exec
from whit.runtime.oci.model import Cgroup, OciHost, Running
from whit.runtime.oci.process import Affinity

if TYPE_CHECKING:
    from whit.runtime.oci.spec import Spec

LIFE = Lifecycle(before_exec=(Op("FIND_PROGRAM", ("/server", "/bin"), ""), Op("WAIT_START", (), "")))


def compiled(config: Spec, host: OciHost = V1) -> Compiled:
    return compile_container(config, "/b", "c1", host, LIFE)


def ops(config: Spec, host: OciHost = V1) -> list[Op]:
    return list(compiled(config, host).plan.ops)


def named(operations: list[Op], name: str) -> list[tuple[Any, ...]]:
    return [op.args for op in operations if op.name == name]


@pytest.mark.parametrize("host", [V1, V2])
def test_the_launcher_takes_the_plan(host: OciHost) -> None:
    plan = compiled(spec(), host).plan
    assert decode(encode(plan)) == plan


def test_steps_that_depend_on_each_other_stand_in_their_order() -> None:
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW"}
    limits = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    config = spec(
        {"rlimits": limits, "oomScoreAdj": 1},
        mounts=[{"destination": "/proc", "type": "proc"}],
        linux={"seccomp": seccomp, "sysctl": {"net.x": "1"}, "maskedPaths": ["/proc/keys"]},
    )
    names = [op.name for op in ops(config)]
    wanted = [
        "CGROUP_OPEN", "CLONE_FREE", "CGROUP_ENTER", "PROC_WRITE", "CGROUP_UNSHARE", "MOUNTS_PROPAGATE", "ROOT_BIND",
        "TREE_NEW", "TREE_ATTACH", "DEVICE_NODE", "MASK", "SYSCTL", "ROOT_SWITCH", "SET_RLIMIT", "DROP_BOUNDING",
        "SET_IDS", "SET_CAPABILITIES", "CHANGE_DIRECTORY", "WAIT_START", "SECCOMP_WITH", "EXEC",
    ]  # fmt: skip
    assert [names.index(name) for name in wanted] == sorted(names.index(name) for name in wanted)
    # Loading the filter took a right: it goes in the step after that.
    assert names[-3:] == ["SECCOMP_WITH", "SET_CAPABILITIES", "EXEC"]


def test_with_no_new_privileges_no_right_is_held_for_the_filter() -> None:
    config = spec({"noNewPrivileges": True}, linux={"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}})
    assert named(ops(config), "SET_CAPABILITIES") == [(0, 0, 0, 0)]


def test_rights_that_the_caller_lacks_are_told_and_not_given() -> None:
    sets = {name: ["CAP_KILL", "CAP_CHOWN"] for name in ("bounding", "effective", "permitted")}
    result = compiled(spec({"capabilities": sets}), replace(V1, capabilities=1))
    assert named(list(result.plan.ops), "DROP_BOUNDING") == [(1,)]
    assert "CAP_KILL" in result.warnings[0]


def test_the_ambient_set_is_within_the_others() -> None:
    sets = {"permitted": ["CAP_KILL"], "inheritable": [], "ambient": ["CAP_KILL"], "effective": ["CAP_CHOWN"]}
    result = compiled(spec({"capabilities": sets}))
    assert named(list(result.plan.ops), "SET_CAPABILITIES") == [(0, 32, 0, 0)]
    assert [warning.partition(":")[0] for warning in result.warnings] == [
        "process.capabilities.effective",
        "process.capabilities.ambient",
    ]


def asking(name: str) -> dict[str, Any]:
    """A filter that asks an agent about a system call."""
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [name], "action": "SCMP_ACT_NOTIFY"}]}


@pytest.mark.parametrize(
    ("linux", "host", "named_"),
    [
        ({"namespaces": [{"type": "user"}], **OWN}, V1, "linux.namespaces"),
        ({"namespaces": [{"type": "mount", "path": "/x"}, {"type": "user"}], **OWN}, V1, "linux.namespaces"),
        ({}, ROOTLESS, "linux.namespaces"),
        ({"namespaces": [*NAMESPACES, {"type": "user"}]}, V1, "linux.uidMappings"),
        ({"uidMappings": OWN["uidMappings"]}, V1, "linux.uidMappings"),
        ({"timeOffsets": {"boottime": {"secs": 1}}}, V1, "linux.timeOffsets"),
        ({"sysctl": {"kernel.panic": "1"}}, V1, "linux.sysctl['kernel.panic']"),
        ({"sysctl": {"net.a": "1"}, "namespaces": [{"type": "mount"}]}, V1, "linux.sysctl['net.a']"),
        ({"sysctl": {"net/../kernel/panic": "1"}}, V1, "linux.sysctl['net/../kernel/panic']"),
        ({"sysctl": {"net..a": "1"}}, V1, "linux.sysctl['net..a']"),
        ({"cgroupsPath": "/a/../b"}, V1, "linux.cgroupsPath"),
        ({"cgroupsPath": "/"}, V1, "linux.cgroupsPath"),
        ({"resources": {"unified": {"memory.high": "1"}}}, V1, "linux.resources.unified"),
        ({"resources": {"memory": {"swappiness": 1}}}, V2, "linux.resources.memory.swappiness"),
        ({"resources": {"network": {"classID": 1}}}, V2, "linux.resources.network"),
        ({"resources": {"cpu": {"realtimeRuntime": 1}}}, V2, "linux.resources.cpu.realtimeRuntime"),
        ({"resources": {"blockIO": {"leafWeight": 10}}}, V1, "linux.resources.blockIO.leafWeight"),
        ({"resources": {"hugepageLimits": [{"pageSize": "1GB", "limit": 1}]}}, V1, "linux.resources.hugepageLimits"),
        ({"resources": {"memory": {"limit": 2, "swap": 1}}}, V1, "linux.resources.memory.swap"),
        (
            {"resources": {"memory": {"limit": 1}}},
            replace(V1, hierarchies=V1.hierarchies[:1]),
            "linux.resources.memory.limit",
        ),
        ({"seccomp": {"defaultAction": "SCMP_ACT_NOTIFY"}}, V1, "linux.seccomp.defaultAction"),
        ({"seccomp": asking("mkdir")}, V1, "linux.seccomp.listenerPath"),
        ({"seccomp": {**asking("sendmsg"), "listenerPath": "/a"}}, V1, "linux.seccomp.syscalls"),
        ({"intelRdt": {}}, V1, "linux.intelRdt"),
        ({"netDevices": {"eth0": {}}, "namespaces": [{"type": "mount"}]}, V1, "linux.netDevices"),
        ({"netDevices": {"eth0": {}}}, replace(V1, first_users=False), "linux.netDevices"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(linux: dict[str, Any], host: OciHost, named_: str) -> None:
    with pytest.raises((InvalidFileError, UnsupportedError)) as raised:
        compiled(spec(linux=linux), host)
    assert raised.value.message.startswith(named_)


def test_names_need_a_namespace_of_their_own() -> None:
    with pytest.raises(UnsupportedError, match="hostname"):
        compiled(spec(hostname="x", linux={"namespaces": [{"type": "mount"}]}))


def test_one_clone_makes_all_namespaces() -> None:
    operations = ops(spec())
    assert named(operations, "CLONE_FREE") == [(0x6C02_0000, 0)]
    assert named(operations, "CLONE_AGAIN") == []


def test_a_new_user_namespace_beside_joined_ones_takes_a_second_clone() -> None:
    joined = [{"type": "network", "path": "/n"}, {"type": "mount"}, {"type": "user"}]
    operations = ops(spec(linux={"namespaces": joined, **OWN}))
    assert named(operations, "CLONE_FREE") == [(0, 0)]
    names = [op.name for op in operations]
    assert names.index("JOIN_NAMESPACE") < names.index("CLONE_AGAIN") < names.index("MAP_RANGES")


def test_without_root_only_ones_own_number_is_mapped() -> None:
    namespaces = [*NAMESPACES, {"type": "user"}]
    assert named(ops(spec(linux={"namespaces": namespaces, **OWN}), ROOTLESS), "MAP_IDS") == [(0, 1000, 0, 1000)]
    more = {name: [{"containerID": 0, "hostID": 1000, "size": 2}] for name in OWN}
    with pytest.raises(UnsupportedError, match=r"linux\.uidMappings"):
        compiled(spec(linux={"namespaces": namespaces, **more}), ROOTLESS)


def test_the_launcher_hides_from_who_may_write_it() -> None:
    assert named(ops(spec()), "SEAL_SELF") == [()]
    assert named(ops(spec({"user": {"uid": 5, "gid": 5}})), "SEAL_SELF") == [()]
    far = {name: [{"containerID": 0, "hostID": 100_000, "size": 65536}] for name in OWN}
    assert named(ops(spec(linux={"namespaces": [*NAMESPACES, {"type": "user"}], **far})), "SEAL_SELF") == []


RESOURCES = {
    "memory": {"limit": 100, "swap": 150, "reservation": 50},
    "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0-1"},
    "pids": {"limit": -1},
    "blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 9}]},
    "hugepageLimits": [{"pageSize": "2MB", "limit": 4}],
    "rdma": {"mlx": {"hcaHandles": 3}},
}


def test_limits_of_v1() -> None:
    writes = resource_writes(spec(linux={"resources": RESOURCES}).linux.resources, V1)
    assert [(write.file, write.value) for write in writes] == [
        ("cpu.shares", "1024"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "50000"),
        ("cpuset.cpus", "0-1"),
        ("memory.limit_in_bytes", "100"),
        ("memory.memsw.limit_in_bytes", "150"),
        ("memory.soft_limit_in_bytes", "50"),
        ("pids.max", "max"),
        ("blkio.bfq.weight", "500"),
        ("blkio.throttle.read_bps_device", "8:0 9"),
        ("hugetlb.2MB.limit_in_bytes", "4"),
        ("rdma.max", "mlx hca_handle=3 hca_object=max"),
    ]


def test_limits_of_v2() -> None:
    writes = resource_writes(
        spec(linux={"resources": {**RESOURCES, "unified": {"memory.high": "90"}}}).linux.resources, V2
    )
    assert [(write.file, write.value) for write in writes] == [
        ("cpu.weight", "39"),
        ("cpu.max", "50000 100000"),
        ("cpuset.cpus", "0-1"),
        ("memory.max", "100"),
        ("memory.swap.max", "50"),
        ("memory.low", "50"),
        ("pids.max", "max"),
        ("io.weight", "4950"),
        ("io.max", "8:0 rbps=9"),
        ("hugetlb.2MB.max", "4"),
        ("rdma.max", "mlx hca_handle=3 hca_object=max"),
        ("memory.high", "90"),
    ]


def test_zeros_of_engines_are_no_limits() -> None:
    zeros = {
        "memory": {"limit": 0, "swap": 0, "disableOOMKiller": False},
        "cpu": {"shares": 0, "quota": 0, "period": 0},
        "blockIO": {"weight": 0},
    }
    for host in (V1, V2):
        assert resource_writes(spec(linux={"resources": zeros}).linux.resources, host) == ()


def test_weights_reach_from_end_to_end() -> None:
    assert (cpu_weight(2), cpu_weight(262144), cpu_weight(1)) == (1, 10000, 1)
    assert (io_weight(10), io_weight(1000)) == (1, 10000)


def test_the_cgroups_place() -> None:
    assert cgroup_path("/docker/x", "c1", "/own") == "docker/x"
    assert cgroup_path("docker/x", "c1", "/own") == "own/docker/x"
    assert cgroup_path("", "c1", "/") == "c1"


def test_labels_of_mounts_mean_nothing_without_selinux() -> None:
    config = spec(mounts=[{"destination": "/data", "type": "tmpfs"}], linux={"mountLabel": "x"})
    assert any("linux.mountLabel" in warning for warning in compiled(config).warnings)
    labelled = ops(config, replace(V1, selinux=True))
    assert any("context=x" in args[2] for args in named(labelled, "TREE_NEW"))


def test_where_the_mounts_are_anothers_the_root_is_attached_nowhere() -> None:
    for listed in ([{"type": "pid"}], [{"type": "mount", "path": "/x"}]):
        operations = ops(spec(linux={"namespaces": listed}))
        assert [args[2] for args in named(operations, "ROOT_BIND")] == [0]
        assert named(operations, "MOUNTS_PROPAGATE") == []
        assert named(operations, "ROOT_SWITCH") == [(2,)]


def test_a_readonly_tmpfs_becomes_so_at_the_end() -> None:
    mounts = [{"destination": "/data", "type": "tmpfs", "options": ["ro"]}]
    operations = ops(spec(mounts=mounts))
    assert [args[3] for args in named(operations, "TREE_NEW")] == [0]
    assert ("/data", 1, 0, 0) in named(operations, "PATH_ATTRIBUTES")


def test_a_shared_bind_is_opened_before_the_mounts_are_cut_off() -> None:
    mounts = [{"destination": "/data", "source": "/x", "options": ["rbind", "rshared"]}]
    names = [op.name for op in ops(spec(mounts=mounts))]
    assert (
        names.index("TREE_BIND") < names.index("TREE_KEEP") < names.index("MOUNTS_PROPAGATE") < names.index("TREE_TAKE")
    )


def test_exec_joins_what_the_container_has() -> None:
    config = spec()
    assert config.process is not None
    process = replace(config.process, exec_affinity=Affinity("0", "0-1,64"))
    running = Running(42, 1000, Cgroup(((("memory",), "/cg/memory/c1"),)))
    operations = list(compile_exec(process, config, running, V1, LIFE).plan.ops)
    assert named(operations, "CONTAINER_FIND") == [(42, 1000)]
    assert named(operations, "JOIN_PROCESSES") == [("ns/pid",)]
    joined = [args[0] for args in named(operations, "JOIN_NAMESPACE")]
    assert joined == [f"ns/{name}" for name in ("ipc", "uts", "net", "cgroup", "mnt")]
    assert named(operations, "CGROUP_OPEN") == [("/cg/memory/c1", "", 2)]
    assert named(operations, "SET_AFFINITY") == [(b"\1" + bytes(7),), (b"\3" + bytes(7) + b"\1" + bytes(7),)]


def test_every_warning_and_error_can_be_shown() -> None:
    with pytest.raises(WhitError) as raised:
        compiled(spec({"apparmorProfile": "x"}))
    assert raised.value.hint


def test_more_ids_than_one_s_own_are_mapped_by_newuidmap_and_newgidmap() -> None:
    namespaces = [*NAMESPACES, {"type": "user"}]
    more = {name: [*OWN[name], {"containerID": 1, "hostID": 100_000, "size": 9}] for name in OWN}
    config = spec({"user": {"uid": 1, "gid": 1, "additionalGids": [5]}}, linux={"namespaces": namespaces, **more})
    with pytest.raises(UnsupportedError, match="newuidmap"):
        compiled(config, ROOTLESS)
    helped = ops(config, replace(ROOTLESS, mappers=("/bin/newuidmap", "/bin/newgidmap")))
    ((users, uids, groups, gids),) = named(helped, "MAP_HELPED")
    assert (users, groups) == ("/bin/newuidmap", "/bin/newgidmap")
    assert uids == gids == struct.pack("=6I", 0, 1000, 1, 1, 100_000, 9)
    # Groups may be set then, and are.
    assert named(helped, "SET_IDS")[-1] == (1, 1, struct.pack("=I", 5), 1)


def test_without_root_exec_goes_into_the_user_namespace_first() -> None:
    config = spec(linux={"namespaces": [*NAMESPACES, {"type": "user"}], **OWN})
    assert config.process is not None
    operations = compile_exec(config.process, config, Running(7, 1000, Cgroup()), ROOTLESS, LIFE).plan.ops
    joined = [str(op.args[0]) if op.name == "JOIN_NAMESPACE" else op.name for op in operations]
    order = ["CONTAINER_FIND", "CLONE_FREE", "ns/user", "ns/pid", "CLONE_AGAIN", "ns/mnt"]
    assert [name for name in joined if name in order] == order
    assert "JOIN_PROCESSES" not in joined


def test_as_root_exec_goes_into_the_user_namespace_last() -> None:
    # given a first process that only those outside of the user namespace may look at, as --init's is
    config = spec(linux={"namespaces": [*NAMESPACES, {"type": "user"}], **OWN})
    assert config.process is not None
    operations = list(compile_exec(config.process, config, Running(7, 1000, Cgroup()), V1, LIFE).plan.ops)
    # then all else of it is joined before
    assert [args[0] for args in named(operations, "JOIN_NAMESPACE")][-2:] == ["ns/mnt", "ns/user"]


@pytest.mark.parametrize(
    ("process", "options", "owner"),
    [({"user": {"uid": 7, "gid": 7}}, [], [(0, 7)]), ({"user": {"uid": 7, "gid": 7}}, ["ro"], []), ({}, [], [])],
)
def test_a_cgroup_that_is_mounted_writable_is_given_to_the_container_s_user(
    process: dict[str, Any], options: list[str], owner: list[tuple[int, int]]
) -> None:
    mounts = [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": options}]
    assert named(ops(spec(process, mounts=mounts), V2), "CGROUP_OWNER") == owner
    assert named(ops(spec(process, mounts=mounts), V1), "CGROUP_OWNER") == []


def test_on_v2_a_relative_cgroup_stands_beside_the_caller_s_own() -> None:
    own = replace(V2, unified_own="user.slice/session-1.scope")
    assert named(ops(spec(), own), "CGROUP_OPEN") == [("/cg", "user.slice/c1", 4)]


def test_without_root_cgroups_are_made_where_they_are_delegated() -> None:
    linux = {"namespaces": [*NAMESPACES, {"type": "user"}], **OWN, "resources": {"pids": {"limit": 5}}}
    host = replace(V2, user=1000, group=1000, unified_own="user/app/mine", delegated="user/app")
    operations = ops(spec(linux=linux), host)
    assert named(operations, "CGROUP_OPEN") == [("/cg", "user/app/c1", 4)]
    # Loading a program takes more than a user has.
    assert named(operations, "DEVICE_FILTER") == []
    for closed in (replace(host, delegated=None), replace(host, delegated="user/app/mine")):
        with pytest.raises(UnsupportedError, match=r"linux\.resources"):
            compiled(spec(linux=linux), closed)
