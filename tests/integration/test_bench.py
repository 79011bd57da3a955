"""The benchmarks run to their end and give numbers for all that they compare; what the numbers are is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.alpine import files_of
from tests.bench.oci import WAIT_FOR_EVER, runtimes
from tests.peers import PROJECT

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("whit")]


@pytest.mark.peer("bwrap", "crun", "runc")
def test_starting_is_measured_for_all_in_both_ways() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.bench.launch",
        "--json",
        "--rounds",
        "1",
        "--only",
        "floor,whit,bwrap,crun,runc",
    ]

    measured = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert measured.returncode == 0, measured.stderr
    document = json.loads(measured.stdout)
    assert document["schema"] == "whit.bench.launch/1"
    for way in ("back_to_back", "with_gaps"):
        assert {name.split()[0] for name in document[way]} == {"floor", "whit", "bwrap", "crun", "runc"}
        for times in document[way].values():
            assert 0 < times["least"] <= times["median"] <= times["p90"]


@pytest.mark.peer("crun", "runc")
def test_oci_runtimes_are_measured_side_by_side() -> None:
    command = [sys.executable, "-m", "tests.bench.oci", "--json", "--rounds", "2", "--only", "runtimes"]

    measured = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert measured.returncode == 0, measured.stderr
    document = json.loads(measured.stdout)
    assert document["schema"] == "whit.bench.oci/1"
    for way in ("back to back", "100 ms before each"):
        verbs = ("create", "start", "state", "kill", "delete", "run", "create+start+delete")
        rows = {(name, verb) for name in runtimes() for verb in verbs if verb != "run" or name not in WAIT_FOR_EVER}
        assert set(document[way]) == {f"{name} {verb}" for name, verb in rows}
    assert document["no plan kept"]["whit-oci first create"]["runs"] == 2


def test_what_alpine_s_image_is_made_of_is_taken_from_apk_s_database_and_no_more() -> None:
    database = "P:musl\nV:1\nF:lib\nR:libc.so\na:0:0:755\nR:ld.so\nF:\nR:top\n\nP:linux-virt\nF:boot\nR:vmlinuz\n\n"
    assert files_of(database) == ["/lib/ld.so", "/lib/libc.so", "/top"]
