"""whit-oci for a user who isn't root: its own containers from its own folder, what takes root refused in one line."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import USER, become
from tests.integration.oci_bundle import make_bundle, run_in_files
from tests.peers import find_peer

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

FIRST_SUBORDINATE = 700_000
MANY = [
    {"containerID": 0, "hostID": USER, "size": 1},
    {"containerID": 1, "hostID": FIRST_SUBORDINATE, "size": 65536},
]

KNOWN = """
mount --bind etc-passwd /etc/passwd && mount --bind etc-group /etc/group || exit
mount --bind etc-sub /etc/subuid && mount --bind etc-sub /etc/subgid || exit
exec "$@"
"""
"""In a mount namespace of its own: a machine on which the user has subordinate ids."""

GIVEN = """
umount /sys/fs/cgroup/unified 2>/dev/null
for point in $(grep ' - cgroup ' /proc/self/mountinfo | cut -d' ' -f5); do
    test $point = /sys/fs/cgroup/pids || umount $point || exit
done
mount --bind /sys/fs/cgroup/pids/$0 /sys/fs/cgroup/pids && exec "$@"
"""
"""In a mount namespace of its own: a machine with one hierarchy of cgroups, all of which is a folder that may be the user's."""


@dataclass(frozen=True, slots=True)
class Rootless:
    """A user with a bundle in its home; its runtime directory is there too."""

    user: User
    runtime: Path

    @property
    def home(self) -> Path:
        return self.user.home

    def configure(self, script: str, **linux: Any) -> dict[str, Any]:
        """What ``spec --rootless`` writes, with a script and changes of ``linux``."""
        (self.home / "config.json").unlink(missing_ok=True)
        assert self("spec", "--rootless").returncode == 0
        config: dict[str, Any] = json.loads((self.home / "config.json").read_text())
        config["process"] |= {"terminal": False, "args": ["sh", "-c", script]}
        config["linux"] |= linux
        self.save(config)
        return config

    def save(self, config: dict[str, Any]) -> None:
        (self.home / "config.json").write_text(json.dumps(config))

    def __call__(
        self, *words: str, before: Sequence[str] = (), inside: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the runtime to its end."""
        command = [*before, *become(USER), *inside, str(self.runtime), *words]
        return run_in_files(command, self.home, self.user.environment({"XDG_RUNTIME_DIR": str(self.home)}))

    def with_subordinates(self) -> list[str]:
        """The beginning of a command on a machine where the user has a name and subordinate ids."""
        entry = f"rootless:x:{USER}:"
        texts = {
            "etc-passwd": Path("/etc/passwd").read_text() + f"{entry}{USER}::/:/bin/sh\n",
            "etc-group": Path("/etc/group").read_text() + f"{entry}\n",
            "etc-sub": f"rootless:{FIRST_SUBORDINATE}:65536\n",
        }
        for name, text in texts.items():
            (self.home / name).write_text(text)
        return ["unshare", "--mount", "sh", "-c", KNOWN, "sh"]


@pytest.fixture
def rootless(user: User) -> Iterator[Rootless]:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    bundle = make_bundle(user.home, busybox, user.program.with_name("whit-oci"))
    for path in user.home.rglob("*"):
        os.chown(path, USER, USER, follow_symlinks=False)
    runtime = Rootless(user, bundle.runtime)
    yield runtime
    runtime("delete", "--force", "c1")


def said_in_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    message, *hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert all(word in message for word in words), done.stderr
    assert len(hint) <= 1


def test_a_container_of_a_user_s_lives_and_is_removed(rootless: Rootless) -> None:
    rootless.configure("id; exec sleep 1000")
    created = rootless("create", "c1")
    assert created.returncode == 0, created.stderr
    assert (rootless.home / "whit-oci" / "c1" / "state.json").exists()
    assert rootless("start", "c1").returncode == 0
    assert json.loads(rootless("state", "c1").stdout)["status"] == "running"
    assert [item["owner"] for item in json.loads(rootless("list", "--format", "json").stdout)] == [f"#{USER}"]
    inside = rootless("exec", "c1", "sh", "-c", "id; readlink /proc/self/ns/pid; readlink /proc/1/ns/pid; exit 7")
    assert inside.returncode == 7, inside.stderr
    who, own, first = inside.stdout.splitlines()
    assert who == "uid=0 gid=0"
    assert own == first
    assert "sleep" in rootless("ps", "c1").stdout
    assert rootless("delete", "c1").returncode == 1
    assert rootless("kill", "c1", "KILL").returncode == 0
    assert rootless("delete", "--force", "c1").returncode == 0
    assert rootless("list", "--quiet").stdout == ""


def test_limits_take_a_cgroup_of_one_s_own(rootless: Rootless) -> None:
    rootless.configure("true", resources={"pids": {"limit": 5}})
    said_in_one_line(rootless("run", "c1"), "linux.resources", "only root may make cgroups here")
    rootless.configure("echo ran")
    assert rootless("run", "c1").stdout == "ran\n"


@pytest.mark.peer("newuidmap")
def test_more_ids_are_mapped_by_newuidmap(rootless: Rootless) -> None:
    config = rootless.configure(
        "id; cat /proc/self/uid_map; touch /data/file; exec sleep 1000", uidMappings=MANY, gidMappings=MANY
    )
    config["process"]["user"] = {"uid": 0, "gid": 0, "additionalGids": [5]}
    config["root"]["readonly"] = False
    rootless.save(config)
    done = rootless("run", "--detach", "c1", before=rootless.with_subordinates())
    assert done.returncode == 0, done.stderr
    inside = rootless("exec", "--user", "33:34", "c1", "sh", "-c", "id; stat -c %u /data/file")
    assert inside.stdout.splitlines() == ["uid=33 gid=34 groups=5", "0"], inside.stderr
    pid = json.loads(rootless("state", "c1").stdout)["pid"]
    lines = [line.split() for line in Path(f"/proc/{pid}/uid_map").read_text().splitlines()]
    assert lines == [["0", str(USER), "1"], ["1", str(FIRST_SUBORDINATE), "65536"]]


@pytest.mark.peer("newuidmap")
def test_ids_that_aren_t_the_user_s_are_refused(rootless: Rootless) -> None:
    stolen = [MANY[0], {"containerID": 1, "hostID": 5, "size": 10}]
    rootless.configure("true", uidMappings=stolen, gidMappings=stolen)
    done = rootless("run", "c1", before=rootless.with_subordinates())
    assert done.returncode == 1
    assert "can't map users into the namespace" in done.stderr
    assert "/etc/subuid" in done.stderr


def test_without_newuidmap_more_ids_are_refused_with_what_helps(rootless: Rootless) -> None:
    rootless.configure("true", uidMappings=MANY, gidMappings=MANY)
    done = rootless("run", "c1", inside=("env", f"PATH={rootless.home}"))
    said_in_one_line(done, "linux.uidMappings", "newuidmap", "aren't installed")
    assert "uidmap" in done.stderr.splitlines()[1]


def test_root_of_a_user_s_namespace_runs_containers_as_podman_has_them(rootless: Rootless) -> None:
    """No user namespace of the container's own, rules for devices, a cgroup's path: that of a runtime with root's rights."""
    config = rootless.configure("id; echo x >/dev/null && ls /dev/zero")
    linux = config["linux"]
    linux["namespaces"] = [item for item in linux["namespaces"] if item["type"] != "user"]
    linux |= {"uidMappings": [], "gidMappings": [], "cgroupsPath": "/libpod/c1"}
    linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    rootless.save(config)
    done = rootless("--log", "log", "run", "c1", inside=("unshare", "--user", "--map-root-user"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "uid=0 gid=0\n/dev/zero\n"
    assert "so there is no cgroup" in (rootless.home / "log").read_text()
    assert (rootless.home / "whit-oci").is_dir()


def test_root_of_a_user_s_namespace_shares_its_caller_s_processes_and_cgroups(rootless: Rootless) -> None:
    """As with podman's ``--pid host`` and ``--cgroupns host``: such a root may mount neither a /proc nor cgroups of these."""
    config = rootless.configure(
        "cat /proc/sys/net/ipv4/ping_group_range /proc/self/oom_score_adj; grep -c ' cgroup' /proc/mounts"
    )
    linux = config["linux"]
    shared = {"user", "pid", "cgroup"}
    linux["namespaces"] = [item for item in linux["namespaces"] if item["type"] not in shared] + [{"type": "network"}]
    linux |= {"uidMappings": [], "gidMappings": [], "sysctl": {"net.ipv4.ping_group_range": "0 0"}}
    config["process"]["oomScoreAdj"] = 500
    config["mounts"] = [item for item in config["mounts"] if item["destination"] != "/proc"]
    config["mounts"].insert(0, {"destination": "/proc", "source": "/proc", "options": ["rbind"]})
    rootless.save(config)

    done = rootless("run", "c1", inside=("unshare", "--user", "--map-root-user"))

    assert done.returncode == 0, done.stderr
    *said, cgroups = done.stdout.split()
    assert said == ["0", "0", "500"]
    assert int(cgroups) > 0


@pytest.mark.skipif(not Path("/sys/fs/cgroup/pids/cgroup.procs").exists(), reason="no cgroup v1 here")
def test_a_plan_that_is_kept_without_cgroups_is_not_used_where_the_user_has_been_given_one(rootless: Rootless) -> None:
    config = rootless.configure("grep :pids: /proc/self/cgroup")
    linux = config["linux"]
    linux["namespaces"] = [item for item in linux["namespaces"] if item["type"] not in {"user", "cgroup"}]
    linux |= {"uidMappings": [], "gidMappings": []}
    rootless.save(config)
    given = Path(f"/sys/fs/cgroup/pids/whit-{rootless.home.name}")
    given.mkdir()
    before, inside = ("unshare", "--mount", "sh", "-c", GIVEN, given.name), ("unshare", "--user", "--map-root-user")
    try:
        closed = [rootless("run", "c1", before=before, inside=inside).stdout for _ in range(2)]
        for path in (given, given / "cgroup.procs"):
            os.chown(path, USER, USER)
        opened = [rootless("run", "c1", before=before, inside=inside).stdout for _ in range(2)]
        os.chown(given, 0, 0)
        again = rootless("run", "c1", before=before, inside=inside)
    finally:
        given.rmdir()

    assert [line.partition(":pids:")[2] for line in closed] == ["/\n"] * 2
    assert [line.partition(":pids:")[2] for line in opened] == [f"/{given.name}/c1\n"] * 2
    assert again.stdout in closed, again.stderr
