"""docker compose itself, built from the Go proxy: what it makes of a file is what whit should."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.peers import BUILD, find_peer

VERSION = "v5.6.0"
PACKAGE = "github.com/docker/compose/v5/cmd"
PROGRAM = BUILD / "peers" / "docker-compose"
_SECONDS = 840


def compose_program() -> Path | None:
    """The program, built if it isn't yet: minutes, once. None where Go isn't installed or its proxy doesn't answer."""
    go = find_peer("go")
    if PROGRAM.exists() or go is None:
        return PROGRAM if PROGRAM.exists() else None
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "go.mod").write_text("module oracle\n\ngo 1.25\n")
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
        unfinished = PROGRAM.with_name(f"docker-compose.{os.getpid()}")
        flags = f"-s -w -X github.com/docker/compose/v5/internal.Version={VERSION}"
        for line in (["get", f"{PACKAGE}@{VERSION}"], ["build", "-ldflags", flags, "-o", str(unfinished), PACKAGE]):
            words = ["nice", str(go), *line]
            if subprocess.run(words, cwd=work, env=environment, timeout=_SECONDS, check=False).returncode:
                return None
        unfinished.rename(PROGRAM)
    return PROGRAM
