"""Limits that change: what docker takes, what it refuses, and what comes of it."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.engine.limiting import Asked, Machine, merged, resources_of

TWO = Machine("0-1", "0")
LIMITED = {"memory": {"limit": 64 << 20, "swap": 64 << 20}, "pids": {"limit": 100}}
WITH_SWAP = {"memory": {"limit": 64 << 20, "swap": 128 << 20}}


def test_what_isn_t_asked_for_stays() -> None:
    assert resources_of(Asked(), LIMITED, TWO) == {}
    changes = resources_of(Asked(pids_limit=7), LIMITED, TWO)
    assert merged(LIMITED, changes) == {"memory": LIMITED["memory"], "pids": {"limit": 7}}
    assert LIMITED["pids"] == {"limit": 100}


@pytest.mark.parametrize(
    ("asked", "own", "memory"),
    [
        (Asked(memory="128m"), {}, {"limit": 128 << 20, "swap": 128 << 20}),
        (Asked(memory="128m"), LIMITED, {"limit": 128 << 20, "swap": 128 << 20}),
        (Asked(memory="100m"), WITH_SWAP, {"limit": 100 << 20}),
        (Asked(memory="1g", memory_swap="-1"), WITH_SWAP, {"limit": 1 << 30, "swap": -1}),
        (Asked(memory="1g"), {"memory": {"limit": 64 << 20, "swap": -1}}, {"limit": 1 << 30}),
        (Asked(memory_swap="256m"), LIMITED, {"swap": 256 << 20}),
        (Asked(memory_reservation="16m"), LIMITED, {"reservation": 16 << 20}),
    ],
)
def test_memory_has_no_swap_beside_it_unless_it_was_given(
    asked: Asked, own: dict[str, object], memory: dict[str, object]
) -> None:
    assert resources_of(asked, own, TWO) == {"memory": memory}


def test_processors_are_a_quota_of_a_period() -> None:
    assert resources_of(Asked(cpus=1.5), {}, TWO) == {"cpu": {"quota": 150_000, "period": 100_000}}
    asked = Asked(cpu_period=20_000, cpu_quota=-1, cpu_shares=512, cpuset_cpus="0-1", cpuset_mems="0")
    assert resources_of(asked, {}, TWO) == {
        "cpu": {"quota": -1, "period": 20_000, "shares": 512, "cpus": "0-1", "mems": "0"}
    }


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_of_processes_is_written_as_docker_has_it(limit: int) -> None:
    assert resources_of(Asked(pids_limit=limit), LIMITED, TWO) == {"pids": {"limit": -1}}


@pytest.mark.parametrize(
    ("asked", "own", "said"),
    [
        (Asked(memory="1m"), {}, "Minimum memory limit allowed is 6MB"),
        (Asked(memory="lots"), {}, "--memory: 'lots' is no size"),
        (Asked(memory="1g"), WITH_SWAP, "Memory limit should be smaller than already set memoryswap limit"),
        (Asked(memory_swap="1g"), {}, "You should always set the Memory limit when using Memoryswap limit"),
        (Asked(memory="64m", memory_swap="32m"), {}, "Minimum memoryswap limit should be larger than memory limit"),
        (Asked(memory_reservation="1g"), LIMITED, "Minimum memory limit can not be less than memory reservation"),
        (Asked(cpus=3), {}, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        (Asked(cpus=0), {}, "Range of CPUs is from 0.01"),
        (Asked(cpus=1, cpu_quota=1000), {}, "Conflicting options: Nano CPUs and CPU Quota"),
        (Asked(cpus=1, cpu_period=1000), {}, "Conflicting options: Nano CPUs and CPU Period"),
        (Asked(cpu_period=100), {}, "CPU cfs period can not be less than 1ms"),
        (Asked(cpu_quota=100), {}, "CPU cfs quota can not be less than 1ms"),
        (Asked(cpu_shares=1), {}, "the minimum allowed cpu-shares is 2"),
        (Asked(cpuset_cpus="1-2"), {}, "Requested CPUs are not available - requested 1-2, available: 0-1"),
        (Asked(cpuset_cpus="0-99999999"), {}, "Invalid value 0-99999999"),
        (Asked(cpuset_mems="x"), {}, "Invalid value x"),
        (Asked(blkio_weight=5), {}, "Range of blkio weight is from 10 to 1000"),
    ],
)
def test_what_can_t_be_is_refused_in_docker_s_words(asked: Asked, own: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        resources_of(asked, own, TWO)
    assert said in caught.value.message
