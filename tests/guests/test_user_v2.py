"""A user's kept containers on cgroup v2, in a cgroup that is delegated to the user, in a guest of its own. Slow: ``make guests``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine
from tests.peers import find_peer
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, chain, installed_whit, libraries

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.cases import Case

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static", "busybox", "setpriv"),
]

SCRIPT = r"""
export PATH=@VENV@/bin:$PATH
own=/sys/fs/cgroup/home
mkdir -p $own/shell /home/user/.local/share
for controller in $(cat $own/cgroup.controllers); do echo +$controller >$own/cgroup.subtree_control; done
cp -a @ROOT@ /home/user/.local/share/whit
chown -R 1000:1000 /home/user
chown 1000 $own $own/cgroup.procs $own/cgroup.subtree_control $own/shell $own/shell/cgroup.procs
echo $$ >$own/shell/cgroup.procs
# busybox has a setpriv too, which knows less, and prefers it.
mine() { env HOME=/home/user /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups whit "$@"; }
box() { mine run -d --network none "$@"; }
case_of run box --name box -m 64m --pids-limit 50 --cpus 0.5 busybox sh -c '/busybox sleep 3000 & while :; do :; done'
case_of limits sh -c 'cd /sys/fs/cgroup/home/whit/*/ && cat memory.max pids.max cpu.max && stat -c %u .'
case_of stats mine stats --no-stream --format json box
case_of pause mine pause box
case_of frozen sh -c 'cat /sys/fs/cgroup/home/whit/*/cgroup.freeze'
case_of paused mine ps --filter status=paused --format '{{.Names}}'
case_of unpause mine unpause box
case_of update mine update --memory 96m --memory-swap 96m --pids-limit 30 box
case_of updated sh -c 'cd /sys/fs/cgroup/home/whit/*/ && cat memory.max pids.max'
case_of exec mine exec box /busybox cat /proc/self/cgroup
case_of removed mine rm -f box
case_of greedy box --name greedy -m 32m --memory-swap 32m busybox tail /dev/zero
case_of ended mine wait greedy
case_of oom mine inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' greedy
case_of event mine events --since 1h --until 0s --filter event=oom --format '{{.Action}} {{.Actor.Attributes.name}}'
case_of gone mine rm greedy
case_of left ls /sys/fs/cgroup/home/whit
"""


@pytest.fixture(scope="module")
def cases(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    engine = Engine(whit, tmp_path_factory.mktemp("whit") / "root")
    engine("pack", BUSYBOX, "-t", "busybox")
    trees = [path for path in sorted(engine.root.rglob("*")) if path.is_symlink() or path.is_file() or path.is_dir()]
    setpriv = find_peer("setpriv")
    assert setpriv is not None
    programs = [*chain(setpriv), *libraries(setpriv)]
    script = SCRIPT.replace("@VENV@", str(VENV)).replace("@ROOT@", str(engine.root))
    return run_cases(script, trees=[*installed_whit(), *programs, engine.root, *trees], timeout=600)


def test_limits_hold_and_change(cases: dict[str, Case]) -> None:
    assert cases["run"].status == 0, cases["run"].said
    assert cases["limits"].lines == [str(64 << 20), "50", "50000 100000", "1000"]
    assert cases["update"].status == 0, cases["update"].said
    assert cases["updated"].lines == [str(96 << 20), "30"]
    assert (cases["exec"].status, cases["exec"].lines) == (0, ["0::/"])


def test_what_is_used_is_counted(cases: dict[str, Case]) -> None:
    shown = json.loads(cases["stats"].said)
    assert float(shown["CPUPerc"].removesuffix("%")) > 10
    assert shown["MemUsage"].endswith(" / 64MiB")
    assert shown["PIDs"] == "2"


def test_it_stands_still(cases: dict[str, Case]) -> None:
    assert (cases["pause"].status, cases["frozen"].lines, cases["paused"].lines) == (0, ["1"], ["box"])
    assert cases["unpause"].status == 0, cases["unpause"].said


def test_an_end_for_want_of_memory_is_told(cases: dict[str, Case]) -> None:
    assert (cases["ended"].lines, cases["oom"].lines) == (["137"], ["true 137"])
    assert cases["event"].lines == ["oom greedy"]


def test_nothing_is_left(cases: dict[str, Case]) -> None:
    assert (cases["removed"].status, cases["gone"].status) == (0, 0)
    assert not [line for line in cases["left"].lines if len(line) == 64]
