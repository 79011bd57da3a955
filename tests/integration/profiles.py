"""What tests of engines with filters of programs' own calls share: images and profiles of a C, a Go and a Rust program."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from tests.integration.compiled import compiled
from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

KILLED = 128 + 31
TERMINATED = 2
"""What Go's runtime ends with at SIGTERM."""

PROGRAMS = {"hello": "c-zig", "server": "go", "net": "rust"}


def _run(whit: Path, folder: Path, *words: str | Path) -> str:
    environment = {**os.environ, "WHIT_ROOT": str(folder / "store")}
    return subprocess.run([whit, *words], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def pack_programs(folder: Path, whit: Path) -> None:
    """Images that tell their calls, and profiles; ``wrong`` is a filter that doesn't let ``hello`` say anything."""
    for name, language in PROGRAMS.items():
        program = compiled(lambda name=name, language=language: build(name, language, stripped=True))  # type: ignore[misc]
        _run(whit, folder, "pack", "--seccomp", "auto:kill", program, "-t", name, "-o", folder / f"{name}.tar")
        document = _run(whit, folder, "syscalls", "--profile", "docker", "--refuse", "kill", program)
        (folder / f"{name}.json").write_text(document)
    profile = json.loads((folder / "hello.json").read_text())
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "writev"]
    profile["syscalls"].append({"names": ["writev"], "action": "SCMP_ACT_KILL_PROCESS"})
    (folder / "wrong.json").write_text(json.dumps(profile))
