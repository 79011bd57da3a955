"""The engine's benchmarks run to their end and give numbers for all that they compare; what the numbers are is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.peers import PROJECT

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("whit")]


def _measured(module: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", "--json", "--only", "whit", *words]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document.pop("schema") == f"whit.bench.{module}/1"
    return document


@pytest.mark.slow
def test_a_kept_containers_life_is_measured_with_and_without_pauses() -> None:
    document = _measured("starts", "--rounds", "2")

    assert set(document) == {"back to back", "100 ms before each"}
    for times in document.values():
        assert {"whit run -d -p", "whit run -d -p, answers", "whit ps", "whit stop", "floor the program alone"} <= set(
            times
        )
        assert all(0 < row["least"] <= row["median"] <= row["p90"] for row in times.values())
        assert times["whit run -d -p"]["least"] < times["whit run -d -p, answers"]["least"]


@pytest.mark.slow
def test_many_containers_are_weighed_started_at_once_and_listed() -> None:
    document = _measured("many", "--counts", "1,3", "--listed", "2")

    # Two processes stay for each: the supervisor, and who waits for its end.
    assert {count: len(sizes["whit"]) for count, sizes in document["whit"]["memory"].items()} == {"1": 2, "3": 6}
    assert document["whit"]["at once"].items() >= {"count": 3, "failed": 0}.items()
    assert document["whit"]["ps --all"] > 0


@pytest.mark.peer("nft")
def test_a_published_port_is_measured_beside_the_direct_way() -> None:
    document = _measured("ports", "--rounds", "1", "--times", "20", "--megabytes", "1")

    assert set(document) == {"floor, the host's loopback", "whit, straight to the container", "whit, published"}
    assert all(value > 0 for row in document.values() for value in row.values())


def test_a_programs_output_is_measured_and_no_line_is_lost() -> None:
    document = _measured("written", "--rounds", "1", "--megabytes", "1")

    assert set(document) == {
        f"{name} {way}" for name in ("floor", "whit") for way in ("a line a write", "64 KiB a write")
    }
    # How long a megabyte takes is below the tick of the clock that stamps files: the time may be none, or less.
    assert all(row["lost"] == 0 for row in document.values())
