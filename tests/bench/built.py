"""Programs of others, built from their sources by whit, as images: whit's, on a distroless-like base, and on alpine.

Compressed bytes of all layers, of linux/amd64. What stands on a base is the program that whit has built, as the last stage of
a Dockerfile copies it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.alpine import alpine_files
from tests.bench.measure import print_table
from tests.bench.sizes import megabytes
from tests.corpus.distroless import STATIC, packages_size, tar_size
from tests.integration.test_build_real_programs import PROGRAMS, source_of
from tests.peers import PROJECT

WHIT = str(PROJECT / ".venv" / "bin" / "whit")
SCHEMA = "whit.bench.built/1"


@dataclass(frozen=True, slots=True)
class Built:
    """Bytes; None where there is no alpine to be had."""

    name: str
    program: int
    whit: int
    distroless: int
    alpine: int | None


def measured(name: str, folder: Path, bases: tuple[int, int | None]) -> Built:
    """One program, built in a store of its own."""
    root = folder / "root"
    words: tuple[str | Path, ...] = (
        WHIT,
        "build",
        "--json",
        "-t",
        name,
        "--bin",
        name,
        *PROGRAMS[name].options,
        "--platform",
        "linux/amd64",
        source_of(name, folder / "source"),
    )
    done = subprocess.run(words, env={**os.environ, "WHIT_ROOT": str(root)}, capture_output=True, text=True, check=True)
    (program,) = (root / "build" / "caches").glob(f"source-*/{name}")
    image: int = json.loads(done.stdout)["images"][0]["compressed"]
    alone, (distroless, alpine) = tar_size([program]), bases
    return Built(name, program.stat().st_size, image, distroless + alone, alpine + alone if alpine else None)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*", default=list(PROGRAMS), metavar="NAME", help=", ".join(PROGRAMS))
    asked = parser.parse_args()
    alpine = alpine_files()
    files = sorted(path for path in alpine.rglob("*") if path.is_file()) if alpine else []
    bases = packages_size(STATIC), tar_size(files) if files else None
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as folder:
        rows = []
        for name in asked.names:
            place = Path(folder) / name
            place.mkdir()
            rows.append(measured(name, place, bases))
    if asked.json:
        sys.stdout.write(json.dumps({"schema": SCHEMA, "programs": [asdict(row) for row in rows]}) + "\n")
        return
    cells = [[row.name, *map(megabytes, (row.program, row.whit, row.distroless, row.alpine))] for row in rows]
    header = ["program", "", "whit", "distroless-like", "alpine"]
    print_table("Programs of others, built by whit, as images: MB, compressed", header, cells)


if __name__ == "__main__":
    main()
