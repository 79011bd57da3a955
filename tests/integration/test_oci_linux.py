"""``linux`` of config.json, field by field, in real containers: namespaces, devices, control groups, kernel parameters."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_bundle import MINIMAL, Bundle
from tests.integration.oci_hostile import MAPS, owned_by_others

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

OWN_WORDS = pytest.mark.ours("whit's own words")
NO_TIME = pytest.mark.ours("knows no time namespaces", "runc", "crun")

TYPES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
FILES = {
    "pid": "pid",
    "network": "net",
    "ipc": "ipc",
    "uts": "uts",
    "mount": "mnt",
    "cgroup": "cgroup",
    "user": "user",
    "time": "time",
}


def link(path: str) -> str:
    return str(Path(path).readlink())


@pytest.fixture
def other() -> Iterator[int]:
    """A process in namespaces of its own."""
    command = ["unshare", "-n", "-i", "-u", "-C", "sleep", "600"]
    with subprocess.Popen(command) as process:
        while link(f"/proc/{process.pid}/ns/uts") == link("/proc/self/ns/uts"):
            pass
        try:
            yield process.pid
        finally:
            process.kill()


def namespaces(bundle: Bundle, listed: list[dict[str, str]], **linux: Any) -> dict[str, str]:
    script = "".join(f"readlink /proc/self/ns/{file}; " for file in FILES.values())
    ran = bundle.run(script, {"linux": {"namespaces": listed, **linux}})
    assert ran.err == ""
    return dict(zip(FILES, ran.lines, strict=True))


def hosts(kind: str) -> str:
    return link(f"/proc/self/ns/{FILES[kind]}")


@NO_TIME
def test_each_new_namespace_is_another_than_the_hosts(bundle: Bundle) -> None:
    found = namespaces(bundle, [{"type": name} for name in (*TYPES, "time")])
    assert {name for name in FILES if found[name] != hosts(name)} == {*TYPES, "time"}


def test_what_is_not_listed_is_the_hosts(bundle: Bundle) -> None:
    ran = bundle.run(
        "readlink /proc/self/ns/net; readlink /proc/self/ns/uts",
        {"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}]}},
    )
    assert ran.lines == [hosts("network"), hosts("uts")]


def test_namespaces_are_joined_by_path(bundle: Bundle, other: int) -> None:
    joined = {"network": "net", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup"}
    listed = [{"type": kind, "path": f"/proc/{other}/ns/{file}"} for kind, file in joined.items()]
    found = namespaces(bundle, [*listed, {"type": "pid"}, {"type": "mount"}])
    for kind, file in joined.items():
        assert found[kind] == link(f"/proc/{other}/ns/{file}")


def test_the_process_namespace_is_joined(bundle: Bundle) -> None:
    with subprocess.Popen(["unshare", "-p", "-f", "--kill-child", "sleep", "600"]) as process:
        path = f"/proc/{process.pid}/ns/pid_for_children"
        # The namespace is one once it has a first process.
        while not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text():
            pass
        listed = [{"type": "pid", "path": path}, *({"type": name} for name in TYPES if name != "pid")]
        try:
            assert namespaces(bundle, listed)["pid"] == link(path)
        finally:
            process.kill()


def test_a_process_that_joins_others_cannot_be_looked_into(bundle: Bundle) -> None:
    """CVE-2016-9962: before it is the program it still holds what is the host's."""
    bundle.write("sleep 60")
    assert bundle.create("first") == 0
    assert bundle.call("start", "first").code == 0
    try:
        pid = bundle.state("first")["pid"]
        listed = [{"type": "pid", "path": f"/proc/{pid}/ns/pid"}, *({"type": name} for name in TYPES if name != "pid")]
        bundle.write("true", {"linux": {"namespaces": listed}})
        assert bundle.create("second") == 0
        waiting = bundle.state("second")["pid"]
        number = re.findall(r"NSpid:.*\t([0-9]+)$", Path(f"/proc/{waiting}/status").read_text(), re.MULTILINE)[0]
        ran = bundle.call("exec", "first", "/bin/sh", "-c", f"readlink /proc/{number}/fd/0; cat /proc/{number}/environ")
        assert (ran.code, ran.out) == (1, "")
        assert "denied" in ran.err
        bundle.call("delete", "--force", "second")
    finally:
        bundle.call("delete", "--force", "first")


@OWN_WORDS
def test_a_path_of_another_kind_is_refused(bundle: Bundle, other: int) -> None:
    listed = [{"type": "ipc", "path": f"/proc/{other}/ns/uts"}, {"type": "mount"}, {"type": "pid"}]
    ran = bundle.run("true", {"linux": {"namespaces": listed}})
    assert ran.code == 1
    assert "can't join the namespace" in ran.err


def test_a_user_namespace_with_many_users(bundle: Bundle) -> None:
    owned_by_others(bundle)
    listed = [{"type": name} for name in (*TYPES, "user")]
    change = {
        "process": {"user": {"uid": 1000, "gid": 1000, "additionalGids": [7]}},
        "linux": {"namespaces": listed, **MAPS},
    }
    ran = bundle.run(
        "id -u; id -G; cat /proc/self/uid_map; stat -c %u /bin /dev/null; echo x > /dev/null; ls -d /proc/1", change
    )
    assert (ran.code, ran.err) == (0, "")
    assert [line.split() for line in ran.lines] == [
        ["1000"], ["1000", "7"], ["0", "200000", "65536"], ["0"], ["65534"], ["/proc/1"],
    ]  # fmt: skip


def test_a_new_user_namespace_beside_joined_ones(bundle: Bundle, other: int) -> None:
    owned_by_others(bundle)
    listed = [
        {"type": "network", "path": f"/proc/{other}/ns/net"},
        *({"type": name} for name in ("user", "pid", "ipc", "uts", "mount", "cgroup")),
    ]
    change = {
        "linux": {"namespaces": listed, **MAPS},
        "mounts": [mount for mount in MINIMAL["mounts"] if mount["type"] != "sysfs"],
    }
    ran = bundle.run("readlink /proc/self/ns/net; id -u; cat /proc/self/uid_map", change)
    assert ran.err == ""
    assert ran.lines[0] == link(f"/proc/{other}/ns/net")
    assert [line.split() for line in ran.lines[1:]] == [["0"], ["0", "200000", "65536"]]


@NO_TIME
def test_time_offsets(bundle: Bundle) -> None:
    listed = [{"type": name} for name in (*TYPES, "time")]
    linux = {
        "namespaces": listed,
        "timeOffsets": {"boottime": {"secs": 864000, "nanosecs": 5}, "monotonic": {"secs": 7}},
    }
    ran = bundle.run("cat /proc/self/timens_offsets; cat /proc/uptime", {"linux": linux})
    assert [line.split() for line in ran.lines[:2]] == [["monotonic", "7", "0"], ["boottime", "864000", "5"]]
    assert float(ran.lines[2].split()[0]) > 864000


def test_kernel_parameters(bundle: Bundle) -> None:
    values = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242", "net/ipv4/conf/lo/log_martians": "1"}
    ran = bundle.run(
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/conf/lo/log_martians",
        {"linux": {"sysctl": values}},
    )
    assert ran.lines == ["1", "4242", "1"]


@OWN_WORDS
def test_kernel_parameters_never_reach_the_host(bundle: Bundle) -> None:
    listed = [{"type": "network", "path": "/proc/self/ns/net"}, {"type": "mount"}, {"type": "pid"}]
    ran = bundle.run("true", {"linux": {"namespaces": listed, "sysctl": {"net.ipv4.ip_forward": "1"}}})
    assert ran.code == 1
    assert "can't join the namespace" in ran.err


def test_devices(bundle: Bundle) -> None:
    devices = [
        {"path": "/dev/extra/one", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o600},
    ]
    ran = bundle.run(
        "stat -c '%F %a %u %g %t:%T' /dev/extra/one /dev/pipe /dev/null /dev/tty", {"linux": {"devices": devices}}
    )
    assert ran.lines == [
        "character special file 640 3 4 1:5",
        "fifo 600 0 0 0:0",
        "character special file 666 0 0 1:3",
        "character special file 666 0 0 5:0",
    ]


def test_links_of_dev(bundle: Bundle) -> None:
    ran = bundle.run("for name in fd stdin ptmx; do readlink /dev/$name; done")
    assert ran.lines == ["/proc/self/fd", "/proc/self/fd/0", "pts/ptmx"]


def test_device_rules(bundle: Bundle) -> None:
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "r"}]
    change = {
        "process": {
            "capabilities": {"bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"]}
        },
        "linux": {"resources": {"devices": rules}},
    }
    ran = bundle.run(
        "mknod /tmp/fuse c 10 229; mknod /tmp/mem c 1 1; dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null && echo zero;"
        "true < /tmp/fuse && echo read; true > /tmp/fuse && echo written; true < /tmp/mem && echo memory; true",
        change,
    )
    assert ran.lines == ["zero", "read"]


def cgroup_of(bundle: Bundle, resources: dict[str, Any], *files: str) -> dict[str, str]:
    """What the host reads in the container's cgroup: the container's cgroup file systems show its own as their root."""
    cgroup = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
    script = "".join(f"echo {file}=$(cat /sys/fs/cgroup/{file}); " for file in files)
    ran = bundle.run(script, {"linux": {"resources": resources}, "mounts": ["+", cgroup]})
    assert ran.err == ""
    return dict(line.split("=", 1) for line in ran.lines)


V1 = pytest.mark.skipif(not Path("/sys/fs/cgroup/memory").exists(), reason="cgroup v1 isn't mounted here")


@V1
def test_limits_are_in_the_cgroup(bundle: Bundle) -> None:
    resources = {
        "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swappiness": 7},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"},
        "pids": {"limit": 77},
    }
    wanted = {
        "memory/memory.limit_in_bytes": str(64 << 20),
        "memory/memory.soft_limit_in_bytes": str(32 << 20),
        "memory/memory.swappiness": "7",
        "cpu/cpu.shares": "512",
        "cpu/cpu.cfs_quota_us": "50000",
        "cpu/cpu.cfs_period_us": "100000",
        "cpuset/cpuset.cpus": "0",
        "pids/pids.max": "77",
    }
    assert cgroup_of(bundle, resources, *wanted) == wanted


@V1
def test_the_container_stands_in_its_cgroup_and_sees_it_as_the_root(bundle: Bundle) -> None:
    path = f"/whit-test-{os.getpid()}"
    shared = [{"type": name} for name in TYPES if name != "cgroup"]
    ran = bundle.run("cat /proc/self/cgroup", {"linux": {"cgroupsPath": path, "namespaces": shared}})
    assert {line.split(":")[2] for line in ran.lines if not line.startswith("0:")} == {path}
    ran = bundle.run("cat /proc/self/cgroup", {"linux": {"cgroupsPath": path}})
    assert {line.split(":")[2] for line in ran.lines if not line.startswith("0:")} == {"/"}


def test_masked_and_readonly_paths(bundle: Bundle) -> None:
    (bundle.rootfs / "data" / "secret").write_text("secret")
    (bundle.rootfs / "data" / "below").mkdir()
    (bundle.rootfs / "data" / "below" / "file").touch()
    (bundle.rootfs / "etc" / "fixed").touch()
    (bundle.rootfs / "link").symlink_to("/data/secret")
    change = {
        "linux": {
            "maskedPaths": ["/link", "/data/below", "/nowhere", "/proc/keys"],
            "readonlyPaths": ["/etc", "/proc/sys", "/nowhere"],
        }
    }
    ran = bundle.run(
        "cat /data/secret; ls -A /data/below; touch /etc/x 2>&1; echo 1 > /proc/sys/kernel/msgmax; stat -c %t:%T /proc/keys",
        change,
    )
    assert ran.out.count("Read-only file system") + ran.err.count("Read-only file system") == 2
    assert "secret" not in ran.out
    assert ran.lines[-1] == "1:3"
    assert not re.search(r"^file$", ran.out, re.MULTILINE)


def test_the_root_is_readonly_when_asked(bundle: Bundle) -> None:
    assert bundle.run("touch /x && echo made").out == "made\n"
    ran = bundle.run("touch /x", {"root": {"path": "rootfs", "readonly": True}})
    assert "Read-only file system" in ran.err


@pytest.mark.parametrize(
    ("word", "tagged"),
    [
        pytest.param("shared", "shared:", marks=pytest.mark.ours("the root stays private", "runc")),
        ("private", ""),
        pytest.param("unbindable", "unbindable", marks=pytest.mark.ours("the root stays private", "runc")),
        pytest.param("slave", "master:", marks=pytest.mark.ours("the root is cut off first", "runc", "crun")),
    ],
)
def test_propagation_of_the_root(bundle: Bundle, word: str, tagged: str) -> None:
    point = bundle.folder
    subprocess.run(["mount", "--bind", point, point], check=True)
    try:
        subprocess.run(["mount", "--make-shared", point], check=True)
        ran = bundle.run("cat /proc/self/mountinfo", {"linux": {"rootfsPropagation": word}})
    finally:
        subprocess.run(["umount", "-l", point], check=True)
    root = next(fields for fields in map(str.split, ran.lines) if fields[4] == "/")
    options = root[6 : root.index("-")]
    assert " ".join(options).startswith(tagged)
    assert bool(options) is bool(tagged)
