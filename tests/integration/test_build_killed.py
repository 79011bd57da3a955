"""Builds that are killed at random instants: the next one goes on from where they were, and nothing is wrong or left."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.builds import make_builder, write_context
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.garbage import collect, verify
from whit.packer.store.store import Store

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer("busybox-static")]

KILLS = 40
LINES = (
    "FROM base AS one", "RUN --mount=type=cache,target=/c echo 1 > /one && echo x >> /c/x", "COPY a /a", "RUN cat /a /one > /sum",
    "FROM base AS two", "COPY a b /in/", "RUN cat /in/a /in/b > /two", "WORKDIR /w",
    "FROM scratch", "COPY --from=one /sum /", "COPY --from=two /two /",
)  # fmt: skip


def test_builds_that_are_killed_leave_nothing_wrong(whit: Path, tmp_path: Path) -> None:
    builder = make_builder(whit, tmp_path)
    folder = write_context(tmp_path / "context", {"Dockerfile": "\n".join(LINES), "a": "0\n", "b": "b\n"})
    store, chance = Store(builder.engine.root), random.Random(7)
    words: list[str | Path] = [whit, "build", "--network", "none", "-q", "-t", "killed", folder]
    for number in range(KILLS):
        if number % 4 == 0:
            (folder / "a").write_text(f"{number}\n")
        process = subprocess.Popen(
            words, env=builder.engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert verify(store) == ()
    files = builder.files(folder, "--network", "none", "-t", "killed")
    assert {name: files[name][-1] for name in files} == {"sum": b"36\n1\n", "two": b"36\nb\n"}
    assert collect(store, wait=True)
    assert verify(store) == ()
    cache = StepCache(store)
    assert {path.name for path in cache.snapshots.iterdir()} == {record.snapshot for record in cache.every()}
    assert str(builder.engine.root) not in Path("/proc/self/mountinfo").read_text()
