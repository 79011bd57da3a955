"""config.json is read strictly: what is wrong is named by its path, and what is unknown is told."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import InvalidFileError, UnsupportedError, WhitError
from whit.runtime.oci.process import ProcessRlimit
from whit.runtime.oci.resources import DeviceRule
from whit.runtime.oci.spec import Spec, parse_process, parse_resources, parse_spec, read_spec

PROCESS: dict[str, Any] = {"args": ["/server"], "cwd": "/"}


def document(**members: Any) -> dict[str, Any]:
    return {"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": PROCESS, **members}


def process(**members: Any) -> Spec:
    return read_spec(document(process={**PROCESS, **members}))


def linux(**members: Any) -> Spec:
    return read_spec(document(linux=members))


def resources(**members: Any) -> Spec:
    return linux(resources=members)


def mount(**members: Any) -> Spec:
    return read_spec(document(mounts=[{"destination": "/data", **members}]))


def test_the_least_configuration() -> None:
    spec = read_spec(document())
    assert (spec.version, spec.root.path, spec.root.readonly, spec.warnings) == ("1.2.0", "rootfs", False, ())
    assert spec.process is not None
    assert (spec.process.args, spec.process.user.uid, spec.process.capabilities) == (("/server",), 0, None)


def test_null_is_absent() -> None:
    assert read_spec(document(hostname=None, linux=None, mounts=None, hooks=None)) == read_spec(document())


def test_members_that_nobody_knows_are_told_with_their_path() -> None:
    spec = read_spec(
        document(extra=1, linux={"resources": {"memory": {"lmit": 1}}, "seccomp": {"defaultAction": "x", "y": 1}})
    )
    assert [warning.partition(":")[0] for warning in spec.warnings] == [
        "linux.resources.memory.lmit",
        "linux.seccomp.y",
        "extra",
    ]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"ociVersion": "1"}, "ociVersion"),
        ({"ociVersion": None}, "ociVersion"),
        ({"root": None}, "root"),
        ({"root": {"path": ""}}, "root.path"),
        ({"root": {"path": "x", "readonly": 1}}, "root.readonly"),
        ({"hostname": 5}, "hostname"),
        ({"hostname": "a\0b"}, "hostname"),
        ({"hostname": "\ud800"}, "hostname"),
        ({"domainname": "\udc80"}, "domainname"),
        ({"annotations": {"\ud800": "x"}}, "annotations"),
        ({"hooks": {"poststop": [{"path": "/\ud800"}]}}, "hooks.poststop[0].path"),
        ({"hooks": {"poststart": [{"path": "/x", "args": ["x", "\udfff"]}]}}, "hooks.poststart[0].args[1]"),
        ({"hooks": {"poststop": [{"path": "/x", "env": ["A=\ud800"]}]}}, "hooks.poststop[0].env[0]"),
        ({"annotations": {"": "x"}}, "annotations"),
        ({"annotations": {"x": 1}}, "annotations['x']"),
        ({"mounts": {}}, "mounts"),
        ({"mounts": [{"type": "tmpfs"}]}, "mounts[0].destination"),
        ({"mounts": [{"destination": "/a"}]}, "mounts[0].type"),
        ({"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["a,,b"]}]}, "mounts[0].options[0]"),
        ({"hooks": {"prestart": [{"path": "relative"}]}}, "hooks.prestart[0].path"),
        ({"hooks": {"poststop": [{"path": "/x", "timeout": 0}]}}, "hooks.poststop[0].timeout"),
        ({"linux": []}, "linux"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        read_spec(document(**members))
    assert raised.value.message.startswith((f"{path}:", f"{path} is missing"))


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"args": []}, "process.args"),
        ({"args": ["a", 1]}, "process.args[1]"),
        ({"cwd": "etc"}, "process.cwd"),
        ({"cwd": ""}, "process.cwd"),
        ({"terminal": "yes"}, "process.terminal"),
        ({"user": {"uid": 1.0}}, "process.user.uid"),
        ({"user": {"uid": True}}, "process.user.uid"),
        ({"user": {"uid": "0"}}, "process.user.uid"),
        ({"user": {"gid": 4294967295}}, "process.user.gid"),
        ({"user": {"umask": 0o10000}}, "process.user.umask"),
        ({"user": {"additionalGids": [1, -1]}}, "process.user.additionalGids[1]"),
        ({"user": {"username": "me"}}, "process.user.username"),
        ({"consoleSize": {"height": 1}}, "process.consoleSize.width"),
        ({"capabilities": {"bounding": [5]}}, "process.capabilities.bounding[0]"),
        ({"rlimits": [{"type": "NOFILE", "soft": 1, "hard": 1}]}, "process.rlimits[0].type"),
        ({"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]}, "process.rlimits[0].soft"),
        ({"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}] * 2}, "process.rlimits[1].type"),
        ({"oomScoreAdj": 1001}, "process.oomScoreAdj"),
        ({"scheduler": {"policy": "FIFO"}}, "process.scheduler.policy"),
        ({"scheduler": {"policy": "SCHED_FIFO", "flags": ["x"]}}, "process.scheduler.flags[0]"),
        ({"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}, "process.ioPriority.priority"),
        ({"commandLine": "x"}, "process.commandLine"),
    ],
)
def test_a_wrong_member_of_the_process_is_named(members: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        process(**members)
    assert raised.value.message.startswith(f"{path}")


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"namespaces": [{"type": "net"}]}, "linux.namespaces[0].type"),
        ({"namespaces": [{"type": "ipc"}, {"type": "ipc"}]}, "linux.namespaces[1].type"),
        ({"namespaces": [{"type": "ipc", "path": "x"}]}, "linux.namespaces[0].path"),
        ({"uidMappings": [{"containerID": 0, "hostID": 0, "size": 0}]}, "linux.uidMappings[0].size"),
        ({"uidMappings": [{"containerID": 4294967290, "hostID": 0, "size": 9}]}, "linux.uidMappings[0].size"),
        ({"timeOffsets": {"realtime": {}}}, "linux.timeOffsets"),
        ({"timeOffsets": {"boottime": {"nanosecs": 10**9}}}, "linux.timeOffsets['boottime'].nanosecs"),
        ({"devices": [{"path": "/dev/../x", "type": "c", "major": 1, "minor": 1}]}, "linux.devices[0].path"),
        ({"devices": [{"path": "/dev/x", "type": "c", "major": 1}]}, "linux.devices[0].minor"),
        ({"devices": [{"path": "/dev/x", "type": "d"}]}, "linux.devices[0].type"),
        ({"netDevices": {"a/b": {}}}, "linux.netDevices"),
        *(({"netDevices": {"e": {"name": name}}}, "linux.netDevices") for name in ("a%s", "%dx", "a%d%d", "..", "a b")),
        ({"rootfsPropagation": "both"}, "linux.rootfsPropagation"),
        ({"maskedPaths": ["proc"]}, "linux.maskedPaths[0]"),
        ({"personality": {"domain": "BSD"}}, "linux.personality.domain"),
        ({"personality": {"domain": "LINUX", "flags": ["x"]}}, "linux.personality.flags[0]"),
        ({"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "3-1"}}, "linux.memoryPolicy.nodes"),
        ({"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}}, "linux.seccomp.flags[0]"),
        ({"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}}, "linux.seccomp.listenerMetadata"),
        ({"resources": {"devices": [{"allow": True, "access": "x"}]}}, "linux.resources.devices[0].access"),
        ({"resources": {"memory": {"limit": -2}}}, "linux.resources.memory.limit"),
        ({"resources": {"cpu": {"cpus": "0-"}}}, "linux.resources.cpu.cpus"),
        ({"resources": {"pids": {"limit": "1"}}}, "linux.resources.pids.limit"),
        (
            {"resources": {"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}},
            "linux.resources.hugepageLimits[0].pageSize",
        ),
        ({"resources": {"unified": {"cgroup.procs": "1"}}}, "linux.resources.unified"),
        ({"resources": {"unified": {"../memory.max": "1"}}}, "linux.resources.unified"),
    ],
)
def test_a_wrong_member_of_linux_is_named(members: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        linux(**members)
    assert raised.value.message.startswith(path)


@pytest.mark.parametrize("name", ["solaris", "windows", "vm", "zos", "freebsd"])
def test_other_platforms_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedError, match=name):
        read_spec(document(**{name: {}}))


def test_a_specification_of_another_age_is_refused() -> None:
    assert read_spec(document(ociVersion="1.0.2-dev")).version == "1.0.2-dev"
    with pytest.raises(UnsupportedError, match="ociVersion"):
        read_spec(document(ociVersion="2.0.0"))


def test_a_capability_of_the_future_is_told_and_passed_over() -> None:
    spec = process(capabilities={"bounding": ["CAP_KILL", "CAP_TELEPORT"]})
    assert spec.process is not None
    assert spec.process.capabilities is not None
    assert spec.process.capabilities.bounding == 1 << 5
    assert "CAP_TELEPORT" in spec.warnings[0]


def test_limits_of_the_process_are_numbers() -> None:
    spec = process(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 10, "hard": (1 << 64) - 1}])
    assert spec.process is not None
    assert spec.process.rlimits == (ProcessRlimit(7, 10, (1 << 64) - 1),)


@pytest.mark.parametrize(
    ("words", "set_", "clear"),
    [
        (["ro"], 1, 0),
        (["ro", "rw"], 0, 1),
        (["rw", "ro"], 1, 0),
        (["noexec,nosuid"], 0xA, 0),
        (["noatime"], 0x10, 0x60),
        (["noatime", "strictatime"], 0x20, 0x50),
        (["noatime", "relatime"], 0, 0x70),
        (["nosymfollow", "symfollow"], 0, 0x200000),
    ],
)
def test_of_contradicting_options_the_last_one_wins(words: list[str], set_: int, clear: int) -> None:
    attributes = mount(type="tmpfs", options=words).mounts[0].attributes
    assert attributes.set == set_
    assert attributes.clear & ~attributes.set == clear & ~attributes.set


def test_options_are_sorted_by_what_they_are_for() -> None:
    options = ["rbind", "rro", "rslave", "size=1", "sync", "nolazytime", "defaults", "idmap", "uid=5"]
    mapping = [{"containerID": 0, "hostID": 5, "size": 1}]
    found = mount(source="/x", options=options, uidMappings=mapping, gidMappings=mapping).mounts[0]
    assert (found.bind, found.recursive, found.idmap) == (True, True, "idmap")
    assert (found.below.set, found.attributes.set) == (1, 0)
    assert found.propagation == ((1 << 19, True),)
    assert (found.data, found.flags) == (("size=1", "uid=5"), (("sync", True), ("lazytime", False)))


def test_one_mapping_without_the_other_is_refused() -> None:
    mapping = [{"containerID": 0, "hostID": 5, "size": 1}]
    with pytest.raises(InvalidFileError, match=r"mounts\[0\]\.gidMappings"):
        mount(source="/x", options=["bind"], uidMappings=mapping)


def test_a_device_rule_says_all_unless_told_otherwise() -> None:
    rules = resources(devices=[{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": -1, "access": "wr"}])
    assert rules.linux.resources.devices == (DeviceRule(False), DeviceRule(True, "c", 1, None, "rw"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"ociVersion": NaN}'])
def test_what_is_no_configuration_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFileError):
        parse_spec(data)


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_configuration_is_utf_8_without_a_mark(code: str) -> None:
    with pytest.raises(InvalidFileError, match=r"config\.json is not JSON: it must be UTF-8 without a byte order mark"):
        parse_spec(json.dumps(document()).encode(code))


@pytest.mark.parametrize("name", [b"\xe4", b"\xed\xa0\x80"], ids=["Latin-1", "a surrogate"])
def test_a_configuration_of_bytes_that_are_no_utf_8_is_refused(name: bytes) -> None:
    with pytest.raises(InvalidFileError, match="it must be UTF-8, and byte"):
        parse_spec(json.dumps(document(hostname="NAME")).encode().replace(b"NAME", name))


def test_process_and_resources_stand_alone() -> None:
    found, warnings = parse_process(json.dumps({**PROCESS, "x": 1}).encode())
    assert (found.args, len(warnings)) == (("/server",), 1)
    limits, warnings = parse_resources(b'{"pids": {"limit": -1}}')
    assert (limits.pids, warnings) == (-1, ())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = (
    "root", "process", "mounts", "hooks", "linux", "annotations", "linux.resources", "linux.resources.cpu", "linux.seccomp",
    "linux.namespaces", "process.user", "process.capabilities", "linux.devices", "linux.resources.devices",
)  # fmt: skip


@given(st.sampled_from(PLACES), VALUES)
def test_whatever_stands_there_it_is_read_or_refused(place: str, value: object) -> None:
    config: dict[str, Any] = {**document(), "linux": {"resources": {}}, "process": dict(PROCESS)}
    *outer, last = place.split(".")
    where = config
    for name in outer:
        where = where[name]
    where[last] = value
    with contextlib.suppress(WhitError):
        read_spec(config)
