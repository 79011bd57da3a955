"""RUN for another platform by a handler of binfmt_misc: qemu-user's own program, in a namespace of the test's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.builds import write_context
from tests.peers import find_peer

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.peer("qemu-aarch64-static"), pytest.mark.peer("go")]

PROGRAM = """package main

import (
	"os"
	"runtime"
)

func main() {
	if os.WriteFile("/out", []byte(runtime.GOARCH+"\\n"), 0o644) != nil {
		os.Exit(1)
	}
}
"""


def test_programs_of_both_platforms_are_executed_where_a_handler_is_there(whit: Path, tmp_path: Path) -> None:
    source = write_context(tmp_path / "source", {"main.go": PROGRAM, "go.mod": "module x\n\ngo 1.21\n"})
    context = write_context(
        tmp_path / "context",
        {"Dockerfile": 'FROM scratch\nARG TARGETARCH\nCOPY prog-$TARGETARCH /prog\nRUN ["/prog"]\n'},
    )
    for architecture in ("amd64", "arm64"):
        environment = {**os.environ, "GOARCH": architecture, "CGO_ENABLED": "0", "GOCACHE": str(tmp_path / "cache")}
        words: list[str | Path] = [find_peer("go") or "go", "build", "-o", context / f"prog-{architecture}", "."]
        subprocess.run(words, cwd=source, env=environment, check=True, timeout=300, capture_output=True)
    command: list[str | Path] = [
        whit, "build", "--network", "none", "--platform", "linux/amd64,linux/arm64", "-o", f"type=local,dest={tmp_path / 'out'}", context,
    ]  # fmt: skip
    interpreter = find_peer("qemu-aarch64-static")
    assert interpreter
    script = Path(__file__).with_name("emulating.py")
    environment = {**os.environ, "WHIT_ROOT": str(tmp_path / "root")}
    done = subprocess.run(
        [sys.executable, script, interpreter, *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert {path.parent.name: path.read_text() for path in (tmp_path / "out").glob("*/out")} == {
        "linux_amd64": "amd64\n",
        "linux_arm64": "arm64\n",
    }
