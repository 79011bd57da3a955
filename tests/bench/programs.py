"""Programs from the Go proxy that benchmarks need: built once, kept in build/bench/bin."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.peers import BUILT_PEERS, find_peer

if TYPE_CHECKING:
    from pathlib import Path

CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.20.2"
RCLONE = "github.com/rclone/rclone@v1.76.0"
"""A static Go program of more than 90 MB; building it takes minutes."""


def go_program(package: str) -> Path | None:
    """The built program; None where there is no Go."""
    name = package.partition("@")[0].rpartition("/")[2]
    target = BUILT_PEERS / name
    go = find_peer("go")
    if target.exists() or go is None:
        return target if target.exists() else None
    sys.stderr.write(f"building {package}, once …\n")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(BUILT_PEERS), "GOFLAGS": ""}
    subprocess.run(["nice", go, "install", package], env=environment, check=True)
    return target
