"""``whit exec``, ``debug``, ``stats``, ``update`` and ``top`` on cgroup v2, in a guest of its own. Slow: ``make guests``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, installed_whit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.cases import Case

pytestmark = [pytest.mark.root, pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static", "busybox")]

SCRIPT = r"""
export PATH=@VENV@/bin:$PATH WHIT_ROOT=@ROOT@
case_of run whit run -d --name box --network none -m 64m --pids-limit 50 busybox sh -c '/busybox sleep 3000 & while :; do :; done'
case_of exec whit exec box /busybox cat /proc/self/cgroup
case_of again whit exec box /busybox cat /proc/self/cgroup
case_of debug whit debug box sh -c 'cat /proc/self/cgroup /proc/1/comm; mkdir /x'
case_of stats whit stats --no-stream --format json box
case_of prometheus whit stats --prometheus box
case_of update whit update --memory 96m --cpus 0.5 --pids-limit 30 --cpu-shares 512 --memory-swap -1 box
case_of limits sh -c 'cd /sys/fs/cgroup/whit/*/ && cat memory.max memory.swap.max cpu.max pids.max'
case_of removed whit rm -f box
"""


@pytest.fixture(scope="module")
def cases(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    engine = Engine(whit, tmp_path_factory.mktemp("whit") / "root")
    engine("pack", BUSYBOX, "-t", "busybox")
    trees = [path for path in sorted(engine.root.rglob("*")) if path.is_symlink() or path.is_file() or path.is_dir()]
    script = SCRIPT.replace("@VENV@", str(VENV)).replace("@ROOT@", str(engine.root))
    return run_cases(script, trees=[*installed_whit(), engine.root, *trees], timeout=600)


def test_a_further_process_is_in_the_container_s_cgroup_the_second_time_too(cases: dict[str, Case]) -> None:
    assert cases["run"].status == 0, cases["run"].said
    assert (cases["exec"].status, cases["exec"].lines) == (0, ["0::/"])
    assert (cases["again"].status, cases["again"].lines) == (0, ["0::/"])


def test_tools_are_beside_it(cases: dict[str, Case]) -> None:
    assert cases["debug"].lines[:2] == ["0::/", "busybox"]
    assert "Read-only file system" in cases["debug"].said


def test_what_is_used_is_counted(cases: dict[str, Case]) -> None:
    shown = json.loads(cases["stats"].said)
    assert float(shown["CPUPerc"].removesuffix("%")) > 10
    assert shown["MemUsage"].endswith(" / 64MiB")
    assert not shown["MemUsage"].startswith("0B")
    assert shown["PIDs"] == "2"
    assert "container_spec_memory_limit_bytes{" in cases["prometheus"].said
    assert f"}} {64 << 20}\n" in cases["prometheus"].said


def test_limits_change(cases: dict[str, Case]) -> None:
    assert cases["update"].status == 0, cases["update"].said
    assert cases["limits"].lines == [str(96 << 20), "max", "50000 100000", "30"]
    assert cases["removed"].status == 0
