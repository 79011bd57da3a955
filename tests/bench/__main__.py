"""All benchmarks, one after the other: ``make bench``."""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "launch",
    "filters",
    "bundle",
    "filtered",
    "oci",
    "pack",
    "memory",
    "help",
    "analyse",
    "syscalls",
    "starts",
    "many",
    "compose",
    "swarm",
    "ports",
    "written",
    "registry",
    "sizes",
    "chunks",
    "builds",
    "sources",
    "built",
    "wasm",
)

if __name__ == "__main__":
    for module in MODULES:
        subprocess.run([sys.executable, "-m", f"tests.bench.{module}"], check=True)
