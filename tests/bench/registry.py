"""Registries: a large program packed and pushed, again unchanged, again with one file changed; a pull of ten layers.

The registry is Debian's docker-registry on loopback, in the network namespace of the Docker Engine, where all contenders run, so that
each reaches it alike. The floor is what is physical of it (registry_floor.py). Times are medians, CPU is that of all processes that work for a contender (docker's engine included,
the registry not), memory their highest peak.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import PAGE_SIZE, Command, descendants, print_table
from tests.bench.programs import CRANE, KO, RCLONE, go_program
from tests.integration.registries import MB, make_image
from tests.peers import PROJECT, find_peer
from tests.peers.dockerd import start_dockerd
from tests.peers.registry import docker_registry, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.peers.dockerd import Dockerd

ROUNDS = 3
FLOOR = "the floor"
LAYERS = 10
LAYER = 6 * MB
SAMPLE_SECONDS = 0.005
SETTLED_SECONDS = 0.2
"""A file that changed just now may change again without a trace: whit doesn't remember what it made of it."""
WHIT = str(PROJECT / ".venv" / "bin" / "whit")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one round works: its own folder, and the registry's name."""

    folder: Path
    registry: str
    inside: tuple[str, ...]
    engine: Dockerd

    def shell(self, *lines: str, environment: Mapping[str, str] | None = None, beside: int | None = None) -> Command:
        """A script in the engine's network."""
        command = (*self.inside, "sh", "-ec", "\n".join(lines))
        return Command(command, {**os.environ, **(environment or {})}, beside)


@dataclass(frozen=True, slots=True)
class Contender:
    """How one packs ``program`` (with ``extra`` beside it) and pushes it, and how it pulls an image; None if it can't."""

    name: str
    pack_push: Callable[[Place, Path, Path], Command] | None
    pull: Callable[[Place, str], Command] | None
    forget: Callable[[Place], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of wall clock and CPU, bytes of memory."""

    seconds: float
    cpu: float
    peak: int


def _whit() -> Contender:
    def environment(place: Place) -> dict[str, str]:
        return {"WHIT_ROOT": f"{place.folder}/store"}

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        name = f"{place.registry}/whit/app:1"
        added = f"--add {shlex.quote(str(extra))}:/extra"
        return place.shell(
            f"{WHIT} pack {program} {added} -t {name} --push >/dev/null",
            environment=environment(place),
        )

    def pull(place: Place, name: str) -> Command:
        return place.shell(f"{WHIT} pull -q {name}", environment=environment(place))

    return Contender("whit", pack_push, pull)


def _floor() -> Contender:
    """What nobody who does as much can be faster than: registry_floor.py."""
    paths = f"{sysconfig.get_path('purelib')}:{PROJECT / '.typing'}"
    words = f"{sys.executable} -IS {Path(__file__).with_name('registry_floor.py')} {paths}"

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        folder, seen = place.folder / "floor", place.folder / "floor" / "extra"
        if not folder.exists():
            folder.mkdir()
            what, file = "push", program
        else:
            what, file = ("again" if seen.read_bytes() == extra.read_bytes() else "push"), extra
        shutil.copy2(extra, seen)
        return place.shell(f"{words} {what} {place.registry} {file} {folder}")

    def pull(place: Place, _: str) -> Command:
        return place.shell(f"mkdir {place.folder}/pulled", f"{words} pull {place.registry} - {place.folder}/pulled")

    return Contender(FLOOR, pack_push, pull)


def _crane(crane: Path) -> Contender:
    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        tar = f"{place.folder}/layer.tar"
        return place.shell(
            f"tar -cf {tar} -C {program.parent} {program.name} -C {extra.parent} {extra.name}",
            f"{crane} append --oci-empty-base -f {tar} -t {place.registry}/crane/app:1",
        )

    def pull(place: Place, name: str) -> Command:
        return place.shell(f"{crane} pull --format oci {name} {place.folder}/pulled")

    return Contender("crane", pack_push, pull)


def _skopeo() -> Contender:
    """It packs nothing by itself: umoci makes the image."""
    umoci = find_peer("umoci")

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        image, bundle = f"{place.folder}/image", f"{place.folder}/bundle"
        return place.shell(
            f"rm -rf {image} {bundle}",
            f"{umoci} init --layout {image}",
            f"{umoci} new --image {image}:1",
            f"{umoci} unpack --image {image}:1 {bundle}",
            f"cp {program} {extra} {bundle}/rootfs/",
            f"{umoci} repack --image {image}:1 {bundle}",
            f"skopeo copy -q --dest-tls-verify=false oci:{image}:1 docker://{place.registry}/skopeo/app:1",
        )

    def pull(place: Place, name: str) -> Command:
        return place.shell(f"skopeo copy -q --src-tls-verify=false docker://{name} oci:{place.folder}/pulled:1")

    return Contender("umoci + skopeo", pack_push if umoci else None, pull)


def _buildah(buildah: Path) -> Contender:
    """From a Dockerfile, as docker does it, with its own cache of layers. What it pulls it unpacks."""

    def command(place: Place) -> str:
        return f"{buildah} --root {place.folder}/containers --runroot {place.folder}/run --storage-driver overlay"

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        context, name = _context(place, program, extra), f"{place.registry}/buildah/app:1"
        return place.shell(
            f"{command(place)} build -q --layers -t {name} {context}",
            f"{command(place)} push -q --tls-verify=false {name}",
        )

    def pull(place: Place, name: str) -> Command:
        return place.shell(f"{command(place)} pull -q --tls-verify=false {name}")

    return Contender("buildah", pack_push, pull)


def _ko(ko: Path, go: Path) -> Contender:
    """It builds Go programs itself; here its compiler gives it the program that is there, so that only the rest is measured."""
    compiler = f"""#!/bin/sh
test "$1" = build || exec {go} "$@"
while test "$1" != -o; do shift; done
cp "$PROGRAM" "$2"
"""

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        source, name = place.folder / "source", f"{place.registry}/base:1"
        if not source.exists():
            (source / "kodata").mkdir(parents=True)
            (source / "go.mod").write_text("module example.com/app\n\ngo 1.20\n")
            (source / "main.go").write_text("package main\n\nfunc main() {}\n")
            (place.folder / "go").write_text(compiler)
            (place.folder / "go").chmod(0o755)
            _push_made(place, name, (1,))
        shutil.copy2(extra, source / "kodata" / "extra")
        environment = {
            "KO_DOCKER_REPO": f"{place.registry}/ko/app",
            "KO_DEFAULTBASEIMAGE": name,
            "KO_GO_PATH": f"{place.folder}/go",
            "KOCACHE": f"{place.folder}/kocache",
            "PROGRAM": str(program),
        }
        script = f"{ko} build --bare --insecure-registry --platform=linux/amd64 --sbom=none ."
        return place.shell(f"cd {source}", script, environment=environment)

    return Contender("ko, compiling left out", pack_push, None)


def _context(place: Place, program: Path, extra: Path) -> Path:
    """A folder with a Dockerfile and what it copies."""
    context = place.folder / "context"
    context.mkdir(exist_ok=True)
    for file in (program, extra):
        shutil.copy2(file, context / file.name)
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY {program.name} /\nCOPY {extra.name} /\n")
    return context


def _docker(engine: Dockerd) -> Contender:
    client = engine.client

    def pack_push(place: Place, program: Path, extra: Path) -> Command:
        context, name = _context(place, program, extra), f"{place.registry}/docker/app:1"
        script = (f"{client} build -q -t {name} {context} >/dev/null", f"{client} push -q {name} >/dev/null")
        return place.shell(*script, environment=engine.environment, beside=engine.pid)

    def pull(place: Place, name: str) -> Command:
        return place.shell(f"{client} pull -q {name} >/dev/null", environment=engine.environment, beside=engine.pid)

    def forget(_: Place) -> None:
        engine.docker("system", "prune", "-a", "-f")

    return Contender("docker", pack_push, pull, forget)


def _cpu(pid: int | None) -> float:
    """Seconds of CPU that a daemon and its children have used."""
    total = 0
    for each in descendants(pid) if pid else []:
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICKS


def _resident(pid: int | None) -> int:
    """Bytes of a process and all below it."""
    pages = 0
    for each in descendants(pid) if pid else []:
        with contextlib.suppress(OSError, IndexError, ValueError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * PAGE_SIZE


def _measured(command: Command, *, weigh: bool) -> Measured:
    """``weigh`` looks at memory each few milliseconds, which takes time of its own; the registry isn't looked at."""
    before, daemon, held = os.times(), _cpu(command.beside), _resident(command.beside)
    begin, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command.arguments, env=command.environment, stdout=subprocess.DEVNULL, stderr=said)
        while weigh and process.poll() is None:
            peak = max(peak, _resident(process.pid) + _resident(command.beside) - held)
            time.sleep(SAMPLE_SECONDS)
        process.wait()
        seconds = time.perf_counter() - begin
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command.arguments[-1]}: {said.read().decode(errors='replace')}")
    after = os.times()
    children = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(seconds, children + _cpu(command.beside) - daemon, peak)


@contextlib.contextmanager
def _place(engine: Dockerd, inside: tuple[str, ...]) -> Iterator[Place]:
    """A fresh folder and a fresh registry: nothing has been pushed to it."""
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        with docker_registry(folder / "registry", port=free_port(), prefix=inside) as peer:
            yield Place(folder, peer.name, inside, engine)


def _pushes(contender: Contender, place: Place, program: Path, *, weigh: bool) -> dict[str, Measured]:
    assert contender.pack_push is not None
    extra = place.folder / "files" / "extra"
    extra.parent.mkdir()
    extra.write_bytes(b"first")
    time.sleep(SETTLED_SECONDS)
    command = contender.pack_push(place, program, extra)
    found = {"pack+push": _measured(command, weigh=weigh)}
    found["again"] = _measured(contender.pack_push(place, program, extra), weigh=weigh)
    extra.write_bytes(b"second, and another size")
    time.sleep(SETTLED_SECONDS)
    found["one file changed"] = _measured(contender.pack_push(place, program, extra), weigh=weigh)
    return found


def _pull(contender: Contender, place: Place, *, weigh: bool) -> Measured:
    assert contender.pull is not None
    name = f"{place.registry}/ten/layers:1"
    _push_made(place, name, (LAYER,) * LAYERS)
    return _measured(contender.pull(place, name), weigh=weigh)


def _push_made(place: Place, name: str, sizes: tuple[int, ...]) -> None:
    """Have the registry hold an image of layers of these sizes."""
    origin = place.folder / "origin"
    make_image(origin, name, sizes)
    subprocess.run(
        [*place.inside, WHIT, "push", "-q", name],
        env={**os.environ, "WHIT_ROOT": str(origin)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def measure(field: list[Contender], engine: Dockerd, program: Path, rounds: int) -> dict[str, dict[str, Measured]]:
    """Each in turn, ``rounds`` times, and once more to weigh; medians."""
    inside = ("nsenter", f"--net=/proc/{engine.pid}/ns/net")
    seen: dict[str, dict[str, list[Measured]]] = {contender.name: {} for contender in field}
    for number in range(rounds + 1):
        for contender in field:
            weigh = number == rounds
            with _place(engine, inside) as place:
                contender.forget(place)
                found = _pushes(contender, place, program, weigh=weigh) if contender.pack_push else {}
                contender.forget(place)
                if contender.pull:
                    found["pull"] = _pull(contender, place, weigh=weigh)
            for what, result in found.items():
                seen[contender.name].setdefault(what, []).append(result)
    return {
        name: {
            what: Measured(
                statistics.median(one.seconds for one in results[:-1]),
                statistics.median(one.cpu for one in results[:-1]),
                results[-1].peak,
            )
            for what, results in kinds.items()
        }
        for name, kinds in seen.items()
    }


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description="pushing and pulling")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--program", type=Path, help="instead of rclone")
    options = parser.parse_args()
    program = options.program or go_program(RCLONE)
    if program is None or not find_peer("docker-registry") or not find_peer("dockerd"):
        sys.exit("whit: rclone, docker-registry and dockerd are needed\nhint: tests/setup.sh peers, and a Go")
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as folder, start_dockerd(Path(folder)) as engine:
        field = [_whit(), _floor()]
        if crane := go_program(CRANE):
            field.append(_crane(crane))
        if find_peer("skopeo"):
            field.append(_skopeo())
        if buildah := find_peer("buildah"):
            field.append(_buildah(buildah))
        if (ko := go_program(KO)) and (go := find_peer("go")):
            field.append(_ko(ko, go))
        field.append(_docker(engine))
        results = measure(field, engine, program, options.rounds)
    if options.json:
        document = {name: {what: asdict(one) for what, one in kinds.items()} for name, kinds in results.items()}
        sys.stdout.write(json.dumps({"schema": "whit.bench.registry/1", **document}, indent=2) + "\n")
        return
    _print(results, f"{program.name}, {program.stat().st_size / 1e6:.1f} MB")


def _print(results: dict[str, dict[str, Measured]], what: str) -> None:
    for title in ("pack+push", "again", "one file changed", "pull"):
        peers = [
            kinds[title].seconds for name, kinds in results.items() if name not in {"whit", FLOOR} and title in kinds
        ]
        fastest = min(peers, default=0.0)
        rows = [
            [
                name,
                f"{one.seconds:.2f}",
                f"{one.seconds / fastest:.2f}" if fastest else "-",
                f"{one.cpu:.2f}",
                f"{one.peak / 1e6:.0f}",
            ]
            for name, kinds in results.items()
            if (one := kinds.get(title))
        ]
        of = f"{LAYERS} layers of {LAYER / 1e6:.1f} MB" if title == "pull" else what
        print_table(f"{title}: {of}; ratios to the fastest peer", ["", "s", "ratio", "CPU s", "peak MB"], rows)


if __name__ == "__main__":
    main()
