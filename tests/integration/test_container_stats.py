"""``whit stats`` of real containers: busy ones, limited ones, such as don't run."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.at_terminal import AtTerminal
from tests.integration.kept import BUSYBOX, PATIENCE_S, Engine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

HEAD = ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"]


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One that is busy and has a memory limit, one with two processes, and one that doesn't run."""
    made = Engine(whit, tmp_path_factory.mktemp("stats") / "root")
    try:
        fill(made)
        yield made
    finally:
        made.clean()


def fill(made: Engine) -> None:
    made.box("sh", "-c", "while :; do :; done", options=("--network", "none", "-m", "64m"), name="busy")
    made.box("sh", "-c", "/busybox sleep 10000 & exec /busybox sleep 10001", name="idle")
    made.box("sh", "-c", "exit 3", name="ended")
    until(lambda: made.state("ended")["Status"] == "exited")


def lines(engine: Engine, *words: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in engine("stats", "--no-stream", "--format", "json", *words).splitlines()]


def test_the_table_has_docker_s_columns_and_those_that_run(engine: Engine) -> None:
    head, *rows = engine("stats", "--no-stream").splitlines()
    starts = [head.index(name) for name in HEAD]
    assert starts == sorted(starts)
    assert sorted(row.split()[1] for row in rows) == ["busy", "idle"]


def test_what_is_used_is_seen(engine: Engine) -> None:
    busy, idle = lines(engine, "busy", "idle")
    assert float(busy["CPUPerc"].removesuffix("%")) > 1 > float(idle["CPUPerc"].removesuffix("%"))
    assert busy["MemUsage"].endswith(" / 64MiB")
    assert (busy["PIDs"], idle["PIDs"]) == ("1", "2")
    assert busy["Container"] == busy["Name"] == "busy"


def test_all_are_shown_with_a(engine: Engine) -> None:
    found = {line["Name"]: line for line in lines(engine, "-a", "--no-trunc")}
    assert set(found) == {"busy", "idle", "ended"}
    assert found["ended"]["MemUsage"] == "0B / 0B"
    assert {len(line["ID"]) for line in found.values()} == {64}


def test_without_no_stream_it_goes_on_line_by_line(engine: Engine) -> None:
    words = [str(engine.program), "stats", "--format", "{{.Name}}", "idle"]
    with subprocess.Popen(words, env=engine.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["idle\n"] * 3
        process.terminate()


def test_in_a_terminal_it_is_drawn_over_and_nothing_is_cleared_before(engine: Engine) -> None:
    terminal = AtTerminal([engine.program, "stats", "idle"], engine.environment)
    try:
        first = terminal.wait_for("\033[J")
        second = terminal.wait_for("\033[J")
        terminal.type("\x03")
        assert terminal.end() == 0
    finally:
        terminal.close()
    for shown in (first, second):
        assert shown.startswith("\033[HCONTAINER ID")
        assert shown.count("\033[K\r\n") == 2
        assert "\033[2J" not in shown


def test_prometheus_s_own_parser_reads_the_snapshot(engine: Engine) -> None:
    text = engine("stats", "--prometheus")
    found = {
        (sample.name, sample.labels["name"]): sample.value
        for family in text_string_to_metric_families(text + "\n")
        for sample in family.samples
        if "state" not in sample.labels
    }
    assert found["container_spec_memory_limit_bytes", "busy"] == 64 << 20
    assert found["container_cpu_usage_seconds_total", "busy"] > 0
    assert found["whit_container_last_exit_code", "ended"] == 3
    assert ("container_memory_usage_bytes", "ended") not in found
    only = engine("stats", "--prometheus", "idle")
    assert 'name="idle"' in only
    assert 'name="busy"' not in only


def test_traffic_is_counted_where_the_container_has_a_network(engine: Engine) -> None:
    engine("run", "-d", "--name", "net", "--network", "bridge", BUSYBOX, "ping", "-c", "1", "-W", "1", "192.0.2.1")
    until(lambda: lines(engine, "net")[0]["NetIO"] != "0B / 0B" or engine.state("net")["Status"] == "exited")
    assert 'name="net"' in engine("stats", "--prometheus", "net")
    engine("rm", "-f", "net")


@pytest.mark.parametrize(
    ("words", "said"),
    [(("nobox",), "there is no container nobox"), (("--no-stream", "--format", "{{.Nothing}}", "idle"), "Nothing")],
)
def test_what_is_wrong_is_told(engine: Engine, words: tuple[str, ...], said: str) -> None:
    done = engine.run("stats", *words, timeout=PATIENCE_S)
    assert done.returncode != 0
    assert said in done.stderr
