"""Ten real services as images: packed by whit, on a distroless-like base as ko does it, and on alpine as many Dockerfiles end.

Compressed bytes of all layers, as they lie in a registry and are pulled. The bases of the others are made here of the
packages that they are made of (Debian's base-files, netbase, tzdata, media-types and certificates; alpine's base image)
and compressed by gzip -6, what ko, docker and most builders use. No person's Dockerfile is as small as that of alpine
here: it adds nothing but the program.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.alpine import alpine_files
from tests.bench.measure import print_table
from tests.bench.programs import RCLONE, go_program, rust_program
from tests.corpus.distroless import STATIC, package_size, packages_size, tar_size
from tests.peers import BUILD, PROJECT, find_peer

WHIT = str(PROJECT / ".venv" / "bin" / "whit")
SCHEMA = "whit.bench.sizes/1"
STRIPPED = "-ldflags=-s -w"
GO = (
    "github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin@v2.15.0",
    "github.com/google/go-containerregistry/cmd/registry@v0.20.2",
    "github.com/prometheus/node_exporter@v1.8.2",
    "github.com/nats-io/nats-server/v2@v2.10.22",
    "github.com/caddyserver/caddy/v2/cmd/caddy@v2.8.4",
    "github.com/coredns/coredns@v1.11.3",
    RCLONE,
)
RUST = ("miniserve@0.29.0",)
STATIC_C = ("busybox-static",)
DEBIAN = (("passt", "passt"),)
"""A package of Debian's and its program, which needs the C library."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes; None where the service can't be had that way."""

    name: str
    language: str
    program: int
    whit: int
    whit_zstd: int
    distroless: int
    alpine: int | None


def services() -> list[tuple[str, Path, str | None]]:
    """Language, program, and Debian's package where it isn't static. What can't be built here is told and left out."""
    found: list[tuple[str, Path | None, str | None]] = [
        *(("Go", go_program(package, STRIPPED, folder=BUILD / "bench" / "stripped"), None) for package in GO),
        *(("Rust", rust_program(crate), None) for crate in RUST),
        *(("C", find_peer(name), None) for name in STATIC_C),
        *(("C, dynamic", find_peer(program), package) for package, program in DEBIAN),
    ]
    missing = [language for language, program, _ in found if program is None]
    if missing:
        sys.stderr.write(f"{len(missing)} services aren't to be had here: {', '.join(missing)}\n")
    return [(language, program, package) for language, program, package in found if program]


def packed(program: Path, root: Path, compression: str) -> int:
    """The compressed bytes of whit's image."""
    words = (WHIT, "pack", "--json", "--compression", compression, program, "-t", f"team/{program.name}:{compression}")
    done = subprocess.run(words, env={**os.environ, "WHIT_ROOT": str(root)}, capture_output=True, text=True, check=True)
    size: int = json.loads(done.stdout)["compressed"]
    return size


def measured(root: Path) -> list[Sizes]:
    """All of them."""
    alpine = alpine_files()
    base = tar_size(sorted(path for path in alpine.rglob("*") if path.is_file())) if alpine else None
    rows = []
    for language, program, package in services():
        alone = tar_size([program])
        rows.append(
            Sizes(
                program.name, language, program.stat().st_size,
                packed(program, root, "gzip"), packed(program, root, "zstd"),
                package_size(package) if package else packages_size(STATIC) + alone,
                base + alone if base and not package else None,
            )
        )  # fmt: skip
    return rows


def saved(root: Path) -> int:
    """What whit's store needn't hold since images share layers."""
    words = (WHIT, "system", "df", "--json")
    done = subprocess.run(words, env={**os.environ, "WHIT_ROOT": str(root)}, capture_output=True, text=True, check=True)
    size: int = json.loads(done.stdout)["sharing"]["saved"]
    return size


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder) / "root")
        shared = saved(Path(folder) / "root")
    if asked.json:
        document = {
            "schema": SCHEMA,
            "services": [{name: getattr(row, name) for name in Sizes.__slots__} for row in rows],
            "saved": shared,
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return
    header = ["service", "", "program", "whit", "whit zstd", "distroless-like", "alpine"]
    cells = [
        [row.name, row.language, *map(megabytes, (row.program, row.whit, row.whit_zstd, row.distroless, row.alpine))]
        for row in rows
    ]
    print_table("Ten services as images: MB, compressed", header, cells)
    sys.stdout.write(f"  sharing saves whit's store {megabytes(shared)} MB of both compressions\n")


def megabytes(size: int | None) -> str:
    """With two decimals."""
    return "-" if size is None else f"{size / 1_000_000:.2f}"


if __name__ == "__main__":
    main()
