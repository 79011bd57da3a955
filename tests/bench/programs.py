"""Programs from the Go proxy and from crates.io that benchmarks need: built once, kept in build/bench/bin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.peers import BUILT_PEERS, find_peer
from whit.packer.support.durable import locked

CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.20.2"
KO = "github.com/google/ko@v0.18.0"
RCLONE = "github.com/rclone/rclone@v1.76.0"
"""A static Go program of more than 90 MB; building it takes minutes."""
RUST_TARGET = "x86_64-unknown-linux-gnu"


def go_program(package: str, *flags: str, folder: Path = BUILT_PEERS) -> Path | None:
    """The built program; None where there is no Go, or the module isn't to be had."""
    path, _, version = package.partition("@")
    parts = [part for part in path.split("/") if not re.fullmatch(r"v[0-9]+", part)]
    target = folder / parts[-1]
    go = find_peer("go")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f".{target.name}.lock", exclusive=True):
        if target.exists() or go is None:
            return target if target.exists() else None
        sys.stderr.write(f"building {package}, once …\n")
        environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(folder), "GOFLAGS": ""}
        done = subprocess.run([go, "install", *flags, f"{path}@{version}"], env=environment, check=False)
    return target if done.returncode == 0 else None


def rust_program(crate: str) -> Path | None:
    """The program of a crate (``NAME@VERSION``), static; None where there is no Cargo, or it can't be built."""
    name, _, version = crate.partition("@")
    target, cargo = BUILT_PEERS / name, find_peer("cargo")
    if target.exists() or cargo is None:
        return target if target.exists() else None
    sys.stderr.write(f"building {crate}, once …\n")
    environment = {**os.environ, "RUSTFLAGS": "-C target-feature=+crt-static"}
    with tempfile.TemporaryDirectory() as folder:
        words = ("install", "--locked", "--target", RUST_TARGET, "--root", folder, "--version", version, name)
        done = subprocess.run(["nice", cargo, *words], env=environment, check=False)
        if done.returncode != 0:
            return None
        BUILT_PEERS.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "bin" / name, target)
    return target
