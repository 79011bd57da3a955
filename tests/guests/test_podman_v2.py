"""A user's podman on whit-oci, with limits: on cgroup v2, by scopes of the user's own systemd, beside crun. Slow: ``make guests``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import write_image
from tests.peers import find_peer
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, chain, installed_whit, libraries

if TYPE_CHECKING:
    from tests.vm.cases import Case

PROGRAMS = ("podman", "conmon", "crun", "newuidmap", "newgidmap")
HELPER = Path("/usr/libexec/podman/catatonit")

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer(
        "qemu-system-x86_64", "guest-kernel", "busybox-static", "systemctl", "dbus-daemon", "catatonit", *PROGRAMS
    ),
]

MIB = 1 << 20
RUNTIMES = ("whit-oci", "crun")

SCRIPT = r"""
export PATH=@VENV@/bin:$PATH
echo user:700000:65536 | tee /etc/subuid >/etc/subgid
systemctl start user@1000
until_so test -S /run/user/1000/bus
mkdir -p /home/user /var/tmp && chmod 1777 /var/tmp && chown 1000:1000 /home/user && cd /home/user
pod() {
    env XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus HOME=/home/user \
        /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups \
        podman --storage-driver vfs --cgroup-manager $manager --events-backend none --log-level error --runtime $runtime "$@"
}
run() { pod run --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"; }
own=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
manager=systemd runtime=$(command -v crun)
case_of import pod import /guest/image.tar box
live() {
    runtime=$(command -v $1)
    case_of $1-limits run --rm -m 64m --memory-swap 64m --pids-limit 20 --cpus 0.5 --cpu-shares 512 box \
        sh -c 'cd /sys/fs/cgroup && cat memory.max memory.swap.max pids.max cpu.max cpu.weight; cat /proc/self/cgroup'
    case_of $1-greedy run --rm -m 32m --memory-swap 32m box tail /dev/zero
    case_of $1-run run -d --name live -m 64m --pids-limit 20 box sleep 3000
    case_of $1-scope sh -c "cd $own/user.slice && ls -d libpod-????????????????????????????????????????????????????????????????.scope | wc -l"
    case_of $1-exec pod exec live sh -c 'cat /sys/fs/cgroup/pids.max; exit 3'
    case_of $1-pause pod pause live
    case_of $1-frozen sh -c "find $own/user.slice -name cgroup.events | xargs grep -h frozen | sort -u | tail -1"
    case_of $1-unpause pod unpause live
    case_of $1-update pod update --memory 80m live
    case_of $1-updated pod exec live cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
    case_of $1-stats pod stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' live
    case_of $1-stop pod stop --time 1 live
    case_of $1-ended pod inspect --format '{{.State.Status}} {{.State.ExitCode}}' live
    case_of $1-rm pod rm live
    case_of $1-left sh -c "ls $own/user.slice | grep -c '^libpod-[0-9a-f]*.scope'"
}
live whit-oci
live crun
manager=cgroupfs runtime=$(command -v whit-oci)
case_of without run --rm box sh -c 'id; ls /sys/fs/cgroup/cgroup.procs; cat /proc/self/cgroup'
runtime=$(command -v crun)
case_of crun-without run --rm box sh -c 'id; ls /sys/fs/cgroup/cgroup.procs; cat /proc/self/cgroup'
"""


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    image = tmp_path_factory.mktemp("image") / "image.tar"
    write_image(image)
    image.chmod(0o644)
    found = [path for path in map(find_peer, PROGRAMS) if path is not None]
    programs = [*(link for path in found for link in chain(path)), *libraries(*found)]
    settings = [*_files(Path("/etc/containers")), *_files(Path("/usr/share/containers"))]
    trees = [*installed_whit(), *programs, *chain(HELPER), *settings]
    return run_cases(
        SCRIPT.replace("@VENV@", str(VENV)), {"/guest/image.tar": image}, trees=trees, systemd=True, timeout=1200
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_limits_hold_and_change(cases: dict[str, Case], runtime: str) -> None:
    limits, updated = cases[f"{runtime}-limits"], cases[f"{runtime}-updated"]
    assert limits.status == 0, limits.said
    assert limits.lines[:4] == [str(64 * MIB), "0", "20", "50000 100000"]
    assert limits.lines[-1] == "0::/"
    assert cases[f"{runtime}-greedy"].status == 137
    assert (cases[f"{runtime}-update"].status, updated.lines) == (0, [str(80 * MIB), "20"]), cases[
        f"{runtime}-update"
    ].said


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_container_lives_in_a_scope_of_the_user_s(cases: dict[str, Case], runtime: str) -> None:
    said = {name: cases[f"{runtime}-{name}"] for name in ("run", "exec", "pause", "unpause", "stop", "rm")}
    assert {name: case.status for name, case in said.items() if name != "exec"} == dict.fromkeys(
        said.keys() - {"exec"}, 0
    ), said
    assert (said["exec"].status, said["exec"].said.strip()) == (3, "20")
    assert cases[f"{runtime}-scope"].said.strip() == "1"
    assert cases[f"{runtime}-frozen"].said.strip() == "frozen 1"
    assert cases[f"{runtime}-stats"].said.startswith("1 "), cases[f"{runtime}-stats"].said
    assert cases[f"{runtime}-ended"].said.strip() == "exited 137"
    assert cases[f"{runtime}-left"].said.strip() == "0"


def test_without_systemd_there_is_no_cgroup_and_the_container_runs_all_the_same(cases: dict[str, Case]) -> None:
    assert cases["without"].status == 0, cases["without"].said
    assert cases["without"].lines == cases["crun-without"].lines
