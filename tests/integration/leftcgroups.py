"""No cgroup of a test's containers may stay: what is left of those in the foreground."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CGROUPS = Path("/sys/fs/cgroup")
CGROUP_NAME = re.compile(r"(\d+)-(\d+)-\d+")
"""Launcher, its PID namespace, and when the container was made."""


def own_cgroups() -> set[Path]:
    """Those of containers in the foreground that tests of this process have started, or whose launcher is gone: others' come and go."""
    found = (path for where in ("whit/*", "*/whit/*") for path in CGROUPS.glob(where))
    return {path for path in found if path.is_dir() and _is_own(path.name)}


def _is_own(name: str) -> bool:
    match = CGROUP_NAME.fullmatch(name)
    if match is None or int(match[2]) != Path("/proc/self/ns/pid").stat().st_ino:
        return False
    return os.getpid() in (ancestors := list(_ancestors(int(match[1])))) or not ancestors


def _ancestors(process: int) -> Iterator[int]:
    """None of one that is gone."""
    try:
        while process > 1:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
            yield process
    except OSError:
        return


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it didn't happen"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever a test does, no cgroup of its containers may stay."""
    before = own_cgroups()
    yield
    wait_until(lambda: own_cgroups() <= before)
