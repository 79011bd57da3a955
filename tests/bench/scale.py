"""What grows with the number of services: ``python -m tests.bench.scale [--json] [--services 1,5,20,50] [--manifests 20,200,1000]``, as root.

Only what doesn't depend on what else the machine does, but for the seconds: processor time of ``up``, ``down``, and of ``config``, ``ps`` and ``up``
with nothing to do, processes and memory that stay beside the programs, bytes of state, bytes of a container's /etc/hosts; of as many images of one
program's making, bytes in a registry and on its way to a host, with the layer that they share and without; and what it takes to make a project's
manifests for Kubernetes. Projects run in a network namespace of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.compose import BUSYBOX, WHIT, project_text
from tests.bench.measure import print_table, pss
from tests.integration.netlab import start_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Grown:
    """Of a project of so many services. Memory is the proportional set size of all processes but the programs."""

    services: int
    up_seconds: float
    up_cpu_seconds: float
    again_cpu_seconds: float
    """``up`` of what is up."""
    ps_cpu_seconds: float
    config_cpu_seconds: float
    down_cpu_seconds: float
    processes: int
    kilobytes: int
    state_kilobytes: int
    hosts_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """Kilobytes of layers of so many images: all of them, and each once, as a registry and a host have them."""

    images: int
    all_kilobytes: int
    once_kilobytes: int


@dataclass(frozen=True, slots=True)
class Written:
    """The manifests of a project of so many services; memory is the most that whit had at once."""

    services: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: int
    files: int
    kilobytes: int


def _called(
    before: Sequence[str], folder: Path, environment: Mapping[str, str], *words: str
) -> tuple[float, float, str]:
    """Run whit; seconds, seconds of the processor (its own and those of what it has waited for), and what it printed."""
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*before, str(WHIT), *words], cwd=folder, env={**environment, "PWD": str(folder)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"whit {' '.join(words)}: {done.stderr}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, done.stdout


def _supervisors(pids: Sequence[int]) -> set[int]:
    """Whit's own processes, from containers' first ones (``init``) upwards: those that stay beside the programs."""
    found: set[int] = set()
    for pid in pids:
        at = pid
        while at > 1 and "whit" in Path(f"/proc/{at}/comm").read_text():
            found.add(at)
            at = _parent(at)
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kilobytes(folder: Path) -> int:
    """What a folder's files hold, without the store's layers and what is unpacked of them."""
    files = (
        place
        for place in folder.rglob("*")
        if place.is_file() and not place.is_symlink() and not {"blobs", "rootfs"} & set(place.parts)
    )
    return sum(place.stat().st_blocks * 512 for place in files) // 1024


def grown(count: int, place: Path, before: Sequence[str]) -> Grown:
    """One project, up and down."""
    root, folder = place / f"root{count}", place / f"scale{count}"
    environment = {**os.environ, "WHIT_ROOT": str(root)}
    folder.mkdir()
    (folder / "compose.yaml").write_text(project_text(count))
    _called(before, place, environment, "import", str(place / "busybox.tar"), "bench:1")
    empty = _kilobytes(root)
    up, up_cpu, _ = _called(before, folder, environment, "compose", "--progress", "quiet", "up", "-d")
    rest = [
        min(_called(before, folder, environment, "compose", *words)[1] for _ in range(3))
        for words in (("--progress", "quiet", "up", "-d"), ("ps",), ("config", "-q"))
    ]
    ids = _called(before, folder, environment, "compose", "ps", "-q")[2].split()
    pids = _called(before, folder, environment, "inspect", "--format", "{{.State.Pid}}", *ids)[2].split()
    beside = _supervisors([int(pid) for pid in pids])
    memory = sum(pss(pid) for pid in beside) // 1024
    state = _kilobytes(root) - empty
    hosts = _called(before, folder, environment, "compose", "exec", "-T", "s0", "/busybox", "cat", "/etc/hosts")[2]
    _, down_cpu, _ = _called(before, folder, environment, "compose", "--progress", "quiet", "down", "-t", "5")
    again, listed, read = (round(value, 3) for value in rest)
    up_and_down = round(up, 2), round(up_cpu, 2), again, listed, read, round(down_cpu, 2)
    return Grown(count, *up_and_down, len(beside), memory, state, len(hosts))


def manifests_text(count: int) -> str:
    """A project of so many services, 20 in each network, each with a port and after another one, every fourth with a volume."""
    lines = ["name: big", "services:"]
    for number in range(count):
        words = [f"image: i{number}:1, restart: always, expose: [80], networks: [n{number // 20}]"]
        words += [f"depends_on: [s{number - 1}]"] if number else []
        words += [f'volumes: ["v{number}:/data"]'] if number % 4 == 0 else []
        lines.append(f"  s{number}: {{{', '.join(words)}}}")
    networks = ", ".join(f"n{number}: null" for number in range(-(-count // 20)))
    volumes = ", ".join(f"v{number}: null" for number in range(0, count, 4))
    return "\n".join([*lines, f"networks: {{{networks}}}", f"volumes: {{{volumes}}}", ""])


def written(count: int, place: Path) -> Written:
    """The manifests of one project."""
    folder = place / f"manifests{count}"
    folder.mkdir()
    (folder / "compose.yaml").write_text(manifests_text(count))
    environment = {**os.environ, "WHIT_ROOT": str(folder / "root"), "PWD": str(folder)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(WHIT), "kube", "generate", "-q", "-o", "k8s"], cwd=folder, env=environment, stdin=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"whit kube generate of {count} services: exit code {process.returncode}")
    made = list((folder / "k8s").iterdir())
    kilobytes = sum(path.stat().st_size for path in made) // 1024
    cpu = round(used.ru_utime + used.ru_stime, 2)
    return Written(count, round(time.perf_counter() - start, 2), cpu, used.ru_maxrss // 1024, len(made), kilobytes)


def stored(count: int, place: Path, program: Path) -> Stored:
    """Images of as many programs that need the same files beside them: the program with other bytes behind it."""
    seen: dict[str, int] = {}
    whole = 0
    environment = {**os.environ, "WHIT_ROOT": str(place / f"images{count}")}
    for number in range(count):
        copy = place / f"program{number}"
        shutil.copyfile(program, copy)
        with copy.open("ab") as file:
            file.write(b"%d" % number)
        copy.chmod(0o755)
        layout = place / f"layout{count}-{number}"
        _called((), place, environment, "pack", str(copy), "-o", f"{layout}/")
        index = json.loads((layout / "index.json").read_text())
        manifest = json.loads(_blob(layout, index["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            whole += layer["size"]
            seen[layer["digest"]] = layer["size"]
        shutil.rmtree(layout)
        copy.unlink()
    return Stored(count, whole // 1024, sum(seen.values()) // 1024)


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--services", default="1,5,20,50")
    parser.add_argument("--manifests", default="", help="so many services each, for Kubernetes")
    parser.add_argument("--program", type=Path, help="a static program that needs files beside it, for the images")
    given = parser.parse_args()
    counts = [int(count) for count in given.services.split(",") if count]
    with tempfile.TemporaryDirectory(prefix="whit-scale-") as name:
        place = Path(name)
        subprocess.run(["tar", "-cf", place / "busybox.tar", "-C", BUSYBOX.parent, BUSYBOX.name], check=True)
        host = start_namespace("host")
        host.command("ip link set lo up")
        projects = [grown(count, place, ("nsenter", f"--net=/proc/{host.pid}/ns/net")) for count in counts]
        host.end()
        kubernetes = [written(int(count), place) for count in given.manifests.split(",") if count]
        images = [stored(count, place, given.program) for count in counts] if given.program else []
    if given.json:
        sys.stdout.write(json.dumps([*map(asdict, projects), *map(asdict, images), *map(asdict, kubernetes)]) + "\n")
        return
    tables: dict[str, Sequence[Grown | Stored | Written]] = {
        "Projects": projects, "Images": images, "Manifests": kubernetes,
    }  # fmt: skip
    for title, rows in tables.items():
        if rows:
            pages = [asdict(one) for one in rows]
            print_table(title, tuple(pages[0]), [tuple(str(value) for value in page.values()) for page in pages])


if __name__ == "__main__":
    main()
