"""Programs of others, built from their sources, as images: by whit, on a distroless-like base, by ko on that base, by docker on alpine.

Compressed bytes of all layers, of linux/amd64. ko builds by its own defaults, and its image is read from the layout that it
writes. docker builds a Dockerfile of two stages, the last of which copies the program to alpine; what it saves is compressed
as it would be pushed. That program, and the one on the distroless-like base, is the one that whit has built.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.alpine import alpine_files
from tests.bench.measure import print_table, run_timed
from tests.bench.sizes import megabytes
from tests.bench.sources import brought, ko, ko_program
from tests.corpus.distroless import STATIC, gzipped, packages_size, tar_size, write_packages
from tests.integration import test_build_source_programs as go
from tests.integration.test_build_real_programs import PROGRAMS, source_of
from tests.peers import PROJECT, find_peer
from tests.peers.dockerd import start_dockerd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.measure import Command

WHIT = str(PROJECT / ".venv" / "bin" / "whit")
SCHEMA = "whit.bench.built/2"
NAMES = (*go.MODULES, *PROGRAMS)
DOCKERFILE = """FROM scratch AS build
COPY {0} /out/{0}
FROM alpine
COPY --from=build /out/{0} /usr/local/bin/{0}
ENTRYPOINT ["/usr/local/bin/{0}"]
"""


@dataclass(frozen=True, slots=True)
class Built:
    """Bytes; None where that can't be had: ko builds Go alone, and docker or alpine may be missing."""

    name: str
    program: int
    whit: int
    distroless: int
    ko: int | None
    docker: int | None


@dataclass(frozen=True, slots=True)
class Peers:
    """ko makes an image of a package's folder in a folder, docker one of a program: their compressed bytes."""

    ko: Callable[[Path, Path], int] | None
    docker: Callable[[Path], int] | None


@contextlib.contextmanager
def peers(folder: Path) -> Iterator[Peers]:
    """What there is on this machine, on its bases."""
    with contextlib.ExitStack() as held:
        program = ko_program() if find_peer("docker-registry") else None
        by_ko = None
        if program:
            base = write_packages(STATIC, folder / "base.tar")
            by_ko = _by_ko(ko(program, brought(held, folder / "registry", base), "-mod=mod"))
        alpine = alpine_files()
        yield Peers(by_ko, _by_docker(held, folder, alpine) if alpine and find_peer("dockerd") else None)


def _by_ko(make: Callable[[Path, Path], Command]) -> Callable[[Path, Path], int]:
    def build(package: Path, folder: Path) -> int:
        run_timed(make(package, folder))
        blobs = folder / "layout" / "blobs" / "sha256"
        index = json.loads((folder / "layout" / "index.json").read_text())
        manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_text())
        return sum(layer["size"] for layer in manifest["layers"])

    return build


def _by_docker(held: contextlib.ExitStack, folder: Path, alpine: Path) -> Callable[[Path], int]:
    place = folder / "dockerd"
    place.mkdir()
    engine = held.enter_context(start_dockerd(place))
    tar = folder / "alpine.tar"
    subprocess.run(["tar", "-cf", tar, "-C", alpine, "."], check=True)
    engine.docker("import", tar, "alpine")

    def build(program: Path) -> int:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            context = Path(name)
            shutil.copy(program, context)
            (context / "Dockerfile").write_text(DOCKERFILE.format(program.name))
            engine.docker("build", "--network", "none", "-q", "-t", f"built-{program.name}", context)
            engine.docker("save", "-o", context / "saved.tar", f"built-{program.name}")
            with tarfile.open(context / "saved.tar") as saved:
                saved.extractall(context / "saved", filter="data")
            (image,) = json.loads((context / "saved" / "manifest.json").read_text())
            return sum(gzipped(context / "saved" / layer) for layer in image["Layers"])

    return build


def measured(name: str, folder: Path, others: Peers) -> Built:
    """One program, built in a store of its own."""
    root, sources = folder / "root", folder / "source"
    options: tuple[str, ...] = ()
    if name in go.MODULES:
        sources.mkdir()
        source = go.source_of(go.MODULES[name][0], sources)
    else:
        source, options = source_of(name, sources), PROGRAMS[name].options
    words = ("-t", name, "--bin", name, *options, "--platform", "linux/amd64", str(source))
    environment = {**os.environ, "WHIT_ROOT": str(root)}
    done = subprocess.run(
        [WHIT, "build", "--json", *words], env=environment, capture_output=True, text=True, check=True
    )
    (program,) = (root / "build" / "caches").glob(f"source-*/{name}")
    document = json.loads(done.stdout)
    image: int = document["images"][0]["compressed"] if "images" in document else document["compressed"]
    return Built(
        name, program.stat().st_size, image, packages_size(STATIC) + tar_size([program]),
        others.ko(source / "cmd" / name, folder) if others.ko and name in go.MODULES else None,
        others.docker(program) if others.docker else None,
    )  # fmt: skip


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*", default=list(NAMES), metavar="NAME", help=", ".join(NAMES))
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as folder, peers(Path(folder)) as others:
        for name in asked.names:
            place = Path(folder) / name
            place.mkdir()
            rows.append(measured(name, place, others))
            sys.stderr.write(f"{rows[-1]}\n")
    if asked.json:
        sys.stdout.write(json.dumps({"schema": SCHEMA, "programs": [asdict(row) for row in rows]}) + "\n")
        return
    cells = [[row.name, *map(megabytes, (row.program, row.whit, row.distroless, row.ko, row.docker))] for row in rows]
    header = ["program", "", "whit", "distroless-like", "ko", "docker, alpine"]
    print_table("Programs of others, built from their sources, as images: MB, compressed", header, cells)


if __name__ == "__main__":
    main()
