"""Containers come back on another start of a machine, by systemd: with cgroup v2 where there was v1 before. Slow: ``make guests``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.crashing import crash
from tests.integration.kept import BUSYBOX, Engine
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, installed_whit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.vm.cases import Case

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static", "busybox", "systemctl", "dbus-daemon"),
]

STAY = ("sh", "-c", "echo here; trap 'exit 0' TERM; while true; do sleep 0.1; done")
NONE = ("--network", "none")
SCRIPT = r"""
export PATH=@VENV@/bin:$PATH WHIT_ROOT=@ROOT@
for target in sysinit basic shutdown multi-user; do echo "[Unit]" >/etc/systemd/system/$target.target; done
case_of before whit ps -a --format '{{.Names}} {{.State}} {{.Status}}'
whit generate systemd >/etc/systemd/system/whit-restore.service
whit generate systemd --name never >/etc/systemd/system/container-never.service
systemctl daemon-reload
case_of restore systemctl start whit-restore
case_of restored whit ps --format '{{.Names}}'
case_of unit systemctl show -p ActiveState,SubState,Result whit-restore
case_of supervisors sh -c 'for pid in $(cat /sys/fs/cgroup/system.slice/whit-restore.service/cgroup.procs); do tr "\\0" "\\n" </proc/$pid/cmdline | sed -n 2p; done'
case_of shared sh -c 'ls -iL /proc/$(whit inspect -f "{{.State.Pid}}" base)/ns/net /proc/$(whit inspect -f "{{.State.Pid}}" a-shares)/ns/net | cut -d " " -f 1 | sort -u'
case_of stop systemctl stop whit-restore
case_of stopped whit ps -a --format '{{.Names}} {{.Status}}'
case_of again systemctl start whit-restore
case_of again-running whit ps -q

case_of start systemctl start container-never
case_of active systemctl show -p ActiveState,SubState container-never
case_of never-runs whit inspect -f '{{.State.Running}}' never
case_of end systemctl stop container-never
case_of ended whit inspect -f '{{.State.Running}} {{.State.ExitCode}}' never

whit run -d --name hungry --network none -m 32m busybox sh -c 'exec tail /dev/zero' >/dev/null
case_of hungry whit wait hungry
case_of oom whit inspect -f '{{.State.OOMKilled}}' hungry
whit run -d --name well --network none --health-cmd '["/busybox", "true"]' --health-interval 500ms busybox sleep 1000 >/dev/null
until_so sh -c 'whit inspect -f "{{.State.Health.Status}}" well | grep -q ^healthy'
whit pause well >/dev/null
until_so sh -c 'whit inspect -f "{{.State.Status}}" well | grep -q paused'
cp $WHIT_ROOT/containers/names/well/health /tmp/health
sleep 3
case_of unprobed cmp /tmp/health $WHIT_ROOT/containers/names/well/health
whit unpause well >/dev/null
case_of probed until_so sh -c '! cmp -s /tmp/health $WHIT_ROOT/containers/names/well/health'
case_of pruned whit rm -f hungry well
"""


@pytest.fixture(scope="module")
def cases(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    # given a store whose machine went off while its containers ran
    engine = Engine(whit, tmp_path_factory.mktemp("whit") / "root")
    engine("pack", BUSYBOX, "-t", "busybox")
    try:
        engine("run", "-d", "--name", "never", *NONE, "busybox", *STAY)
        engine("run", "-d", "--name", "base", *NONE, "--restart", "always", "busybox", *STAY)
        engine("run", "-d", "--name", "unless", *NONE, "--restart", "unless-stopped", "busybox", *STAY)
        engine(
            "run", "-d", "--name", "a-shares", "--network", "container:base", "--restart", "always", "busybox", *STAY
        )
        crash(engine)
        trees = [
            path for path in sorted(engine.root.rglob("*")) if path.is_symlink() or path.is_file() or path.is_dir()
        ]
        script = SCRIPT.replace("@VENV@", str(VENV)).replace("@ROOT@", str(engine.root))
        yield run_cases(script, trees=[*installed_whit(), engine.root, *trees], timeout=900, systemd=True)
    finally:
        engine.clean()


def test_after_the_start_nothing_runs_and_the_ends_are_on_record(cases: dict[str, Case]) -> None:
    assert sorted(line.split(" ")[:4] for line in cases["before"].lines) == [
        [name, "exited", "Exited", "(137)"] for name in ("a-shares", "base", "never", "unless")
    ]


def test_systemd_brings_back_those_that_are_to_come(cases: dict[str, Case]) -> None:
    assert cases["restore"].status == 0, cases["restore"].said
    assert sorted(cases["restored"].lines) == ["a-shares", "base", "unless"]
    assert cases["unit"].lines == ["Result=success", "ActiveState=active", "SubState=exited"]
    assert len(cases["shared"].lines) == 1


def test_their_supervisors_are_the_unit_s_and_end_with_it(cases: dict[str, Case]) -> None:
    assert cases["supervisors"].lines == ["_supervise"] * 6
    assert cases["stop"].status == 0
    assert {" ".join(line.split(" ")[:3]) for line in cases["stopped"].lines} == {
        "a-shares Exited (0)", "base Exited (0)", "unless Exited (0)", "never Exited (137)"
    }  # fmt: skip
    # and that was nobody's wish: they come back again
    assert cases["again"].status == 0
    assert len(cases["again-running"].lines) == 3


def test_a_container_s_own_unit_starts_and_stops_it(cases: dict[str, Case]) -> None:
    assert cases["start"].status == 0, cases["start"].said
    assert cases["active"].lines == ["ActiveState=active", "SubState=running"]
    assert cases["never-runs"].lines == ["true"]
    assert cases["end"].status == 0
    assert cases["ended"].lines == ["false 0"]


def test_on_cgroup_v2_an_end_for_want_of_memory_is_told_and_one_that_is_paused_isn_t_probed(
    cases: dict[str, Case],
) -> None:
    assert cases["hungry"].lines == ["137"]
    assert cases["oom"].lines == ["true"]
    assert cases["unprobed"].status == 0
    assert cases["probed"].status == 0
