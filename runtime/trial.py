"""Running a program for a moment, confined, to see how it ends: what ``whit lint --fix`` compares two files by."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from whit.packer.lint.fix import Outcome
from whit.packer.support.errors import ExitCode
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.launch import find_launcher

if TYPE_CHECKING:
    from subprocess import Popen

SECONDS = 3.0
"""After so long a program that is still running has shown that it runs."""

START_SECONDS = 60.0
"""How long whit may take before the program is there, on a machine with much else to do."""

_GLANCE_SECONDS = 0.01
_MAX_OUTPUT = 1 << 20
_OWN = (ExitCode.RUNTIME_FAILURE, ExitCode.NOT_EXECUTABLE, ExitCode.NOT_FOUND)


def run_confined(path: Path, name: str, arguments: tuple[str, ...], seconds: float = SECONDS) -> Outcome:
    """Run an executable as ``name`` in a container of its own: no network, nothing of the host, a store of its own.

    ``seconds`` count from when it is started. It can't be told from whit's own failures when it ends with 125 to 127: then it
    counts as not run.
    """
    with tempfile.TemporaryDirectory(prefix="whit-trial-") as folder:
        link = Path(folder) / "program" / name
        link.parent.mkdir()
        link.symlink_to(path)
        output = Path(folder) / "output"
        environment = {**os.environ, "WHIT_ROOT": str(Path(folder) / "store")}
        with output.open("wb") as written:
            process = subprocess.Popen(
                [find_launcher(), "run", "--network", "none", str(link), "--", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            status = _status(process, seconds)
        with output.open("rb") as read:
            said = read.read(_MAX_OUTPUT)
    if status in _OWN:
        first = said.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("whit: ")
        return Outcome(status, said, problem=first or "it couldn't be started")
    return Outcome(status, said)


def _status(process: Popen[bytes], seconds: float) -> int | None:
    """How it ended, or None if the program, once it was there, ran for so long."""
    started = time.monotonic()
    while process.poll() is None and not _has_child(process.pid) and time.monotonic() < started + START_SECONDS:
        time.sleep(_GLANCE_SECONDS)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _has_child(pid: int) -> bool:
    """Whether whit has started the program; True as well where this kernel doesn't tell."""
    try:
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii"))
    except OSError:
        return True
