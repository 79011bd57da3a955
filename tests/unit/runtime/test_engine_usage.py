"""What containers use: read from files as the kernel writes them, shown as docker does, told to Prometheus."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from whit.runtime.engine.exposition import Seen, exposition
from whit.runtime.engine.model import Container, Root
from whit.runtime.engine.status import Health, State, Status
from whit.runtime.engine.usage import Block, Interface, Usage, interfaces, read_usage
from whit.runtime.engine.usageform import cpu_percent, row

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 10**9
MACHINE = 8 << 30
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     999       9    0    0    0    0          0         0      999       9    0    0    0     0       0          0
  eth0:    1042      11    1    2    0    0          0         0     2084      22    3    4    0     0       0          0
"""
V1 = {
    "cpuacct/cpuacct.usage": "5000000000\n",
    "cpuacct/cpuacct.stat": "user 300\nsystem 200\n",
    "cpu/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 7000\n",
    "memory/memory.usage_in_bytes": "1048576\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/memory.failcnt": "3\n",
    "memory/memory.stat": "cache 1\nrss 2\ntotal_cache 4096\ntotal_rss 8192\ntotal_inactive_file 48576\n",
    "pids/pids.current": "7\n",
    "pids/pids.max": "max\n",
    "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
    "blkio/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n",
}
V2 = {
    "cpu.stat": "usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 7\n",
    "memory.current": "1048576\n",
    "memory.max": "max\n",
    "memory.stat": "anon 8192\nfile 4096\ninactive_file 48576\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 0\n",
    "pids.current": "7\n",
    "pids.max": "max\n",
    "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
}
USED = Usage(
    moment=0,
    cpu=5 * SECOND,
    cpu_user=3 * SECOND,
    cpu_system=2 * SECOND,
    periods=10,
    throttled_periods=4,
    throttled=7000,
    memory=1 << 20,
    inactive=48576,
    cache=4096,
    anonymous=8192,
    failures=3,
    pids=7,
    blocks=(Block("8:0", 10, 20, 1, 2),),
)
BOX = Container(
    id="ab" * 32, name="box", created=0, image="me/box:1", image_id="", image_digest="", command=("/box",), root=Root("/", "/")
)  # fmt: skip


def put(folder: Path, files: dict[str, str], cgroups: dict[str, Path]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "cgroups").write_text("".join(f"{names}:{path}\n" for names, path in cgroups.items()))
    return str(folder)


def test_both_versions_of_cgroups_tell_the_same(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    v1 = put(
        one,
        V1,
        {"cpu,cpuacct": one / "cpuacct", "memory": one / "memory", "pids": one / "pids", "blkio": one / "blkio"},
    )
    (one / "cpuacct" / "cpu.stat").write_text(V1["cpu/cpu.stat"])
    v2 = put(two, V2, {"unified": two})
    assert replace(read_usage(v1, networked=False), moment=0) == USED
    assert replace(read_usage(v2, networked=False), moment=0) == USED


def test_a_cgroup_that_is_gone_has_used_nothing(tmp_path: Path) -> None:
    gone = put(tmp_path, {}, {"cpuacct": tmp_path / "none", "memory": tmp_path / "none"})
    assert replace(read_usage(gone, networked=True), moment=0) == Usage(0)


def test_what_a_process_says_to_itself_is_no_network_traffic() -> None:
    assert interfaces(NET_DEV) == (Interface("eth0", (1042, 11, 1, 2), (2084, 22, 3, 4)),)


def test_a_share_of_cpu_time_is_of_one_processor_since_the_last_look() -> None:
    later = replace(USED, moment=2 * SECOND, cpu=USED.cpu + 3 * SECOND)
    assert cpu_percent(USED, later) == 150
    assert cpu_percent(None, later) == cpu_percent(later, later) == 0
    assert cpu_percent(later, replace(USED, moment=3 * SECOND)) == 0, "it was started again"


def test_a_row_is_in_docker_s_form() -> None:
    now = replace(USED, moment=SECOND, cpu=USED.cpu + SECOND // 8, interfaces=interfaces(NET_DEV))
    assert row(BOX, USED, now, MACHINE, "box", whole=False) == {
        "BlockIO": "10B / 20B",
        "CPUPerc": "12.50%",
        "Container": "box",
        "ID": BOX.id[:12],
        "MemPerc": "0.01%",
        "MemUsage": "976.6KiB / 8GiB",
        "Name": "box",
        "NetIO": "1.04kB / 2.08kB",
        "PIDs": "7",
    }


@pytest.mark.parametrize(
    ("limit", "inactive", "usage", "share"),
    [
        (2 << 20, 0, "1MiB / 2MiB", "50.00%"),
        (16 << 30, 0, "1MiB / 8GiB", "0.01%"),
        (0, 2 << 20, "1MiB / 8GiB", "0.01%"),
    ],
)
def test_memory_is_compared_with_what_there_is_at_most(limit: int, inactive: int, usage: str, share: str) -> None:
    shown = row(BOX, None, replace(USED, memory_limit=limit, inactive=inactive), MACHINE, "box", whole=True)
    assert (shown["MemUsage"], shown["MemPerc"], shown["ID"]) == (usage, share, BOX.id)


def test_one_that_doesn_t_run_uses_nothing() -> None:
    shown = row(BOX, None, None, MACHINE, "box", whole=False)
    assert (shown["CPUPerc"], shown["MemUsage"], shown["NetIO"], shown["PIDs"]) == ("0.00%", "0B / 0B", "0B / 0B", "0")


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """By Prometheus's own parser: name → labels and value of each."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in {"counter", "gauge"}
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_prometheus_reads_what_is_exposed() -> None:
    odd = replace(BOX, id="cd" * 32, name="odd", image='quo"te\\back\nline')
    up = Status(state=State.RUNNING, started=15 * SECOND // 10, restarts=2, health=Health.UNHEALTHY, supervised=True)
    down = Status(state=State.EXITED, started=SECOND, finished=2 * SECOND, exit_code=137, oom=True)
    usage = replace(USED, interfaces=interfaces(NET_DEV))
    found = samples(exposition([Seen(BOX, up, usage), Seen(odd, down, None)], MACHINE))
    own, other = (
        {"id": item.id, "name": item.name, "image": item.image} for item in (BOX, odd)
    )  # fmt: skip
    assert found["container_cpu_usage_seconds_total"] == [(own, 5.0)]
    assert found["container_memory_usage_bytes"] == [(own, 1 << 20)]
    assert found["container_memory_working_set_bytes"] == [(own, (1 << 20) - 48576)]
    assert found["container_spec_memory_limit_bytes"] == [(own, MACHINE)]
    assert found["container_network_receive_bytes_total"] == [({**own, "interface": "eth0"}, 1042)]
    assert found["container_network_transmit_packets_dropped_total"] == [({**own, "interface": "eth0"}, 4)]
    assert found["container_fs_writes_bytes_total"] == [({**own, "device": "8:0"}, 20)]
    assert found["container_start_time_seconds"] == [(own, 1.5), (other, 1.0)]
    assert found["whit_container_restarts_total"] == [(own, 2), (other, 0)]
    assert found["whit_container_last_exit_code"] == [(other, 137)]
    assert found["whit_container_oom_killed"] == [(own, 0), (other, 1)]
    assert [labels["health"] for labels, value in found["whit_container_health"] if value] == ["unhealthy"]
    assert [(labels["name"], labels["state"]) for labels, value in found["whit_container_state"] if value] == [
        ("box", "running"),
        ("odd", "exited"),
    ]


def test_where_there_is_no_container_there_is_nothing_to_expose() -> None:
    assert exposition([], MACHINE) == ""
