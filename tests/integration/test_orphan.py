"""No container starts without its supervisor, however early that is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

BORN = re.compile(r"^(\d+) +(?:clone3\(|<\.\.\. clone3 resumed>).*\) = \d+$", re.MULTILINE)

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static", "strace")]


def test_a_container_whose_supervisor_ended_before_they_were_tied_does_not_start(
    run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    command = ["run", "-u", "0", "-v", f"{tmp_path}:/out", str(BUSYBOX), "touch", "/out/started"]
    assert run_whit(*command).returncode == 0
    (tmp_path / "started").unlink()
    # Slowed down between being born and tying its life to the supervisor's.
    trace = tmp_path / "trace"
    slow = [
        "strace",
        "-f",
        "-o",
        str(trace),
        "-e",
        "trace=prctl,clone3",
        "-e",
        "inject=prctl:delay_enter=700000:when=1",
    ]
    with subprocess.Popen(
        [*slow, str(whit), *command],
        env={**os.environ, "WHIT_ROOT": str(whit_root)},
        stdin=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 20
        while not (born := BORN.search(trace.read_text() if trace.exists() else "")):
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(int(born[1]), signal.SIGKILL)
        process.wait(20)
    assert "PR_SET_PDEATHSIG" in trace.read_text()
    assert not (tmp_path / "started").exists()
