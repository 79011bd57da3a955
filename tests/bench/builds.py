"""Dockerfiles: whit, docker's classic builder, and buildah; cold, with nothing changed, and with one file changed.

Cold is without a single step in the cache, on base images that each has unpacked by then: what bringing those takes is a table of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, print_table, run_timed
from tests.integration.builds import write_context
from tests.integration.projects import BASES, PROJECTS
from tests.peers import find_peer
from tests.peers.buildah import Buildah
from tests.peers.dockerd import start_dockerd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.integration.projects import Project

WARM_RUNS = 3
FIRST = 'FROM {0}\nRUN ["/bin/true"]\n'
WHAT = ("cold", "warm", "edit")


@dataclass(frozen=True, slots=True)
class Contender:
    """How one is told to build: name and context come last. ``bring`` takes a base image's tar, and its name."""

    name: str
    words: tuple[str, ...]
    bring: Callable[[Path, str], object]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    has_mounts: bool = True

    def build(self, name: str, context: Path) -> float:
        """Seconds."""
        return run_timed(Command((*self.words, name, str(context)), self.environment))


@contextlib.contextmanager
def contenders(folder: Path) -> Iterator[list[Contender]]:
    """All that are on this machine."""
    whit, environment = str(Path(sys.executable).with_name("whit")), {**os.environ, "WHIT_ROOT": str(folder / "whit")}
    (folder / "dockerd").mkdir()
    with start_dockerd(folder / "dockerd") as docker:
        words = (str(docker.client), "build", "--network", "none", "-q", "-t")
        found = [
            Contender(
                "whit", (whit, "build", "--network", "none", "-q", "-t"),
                lambda tar, name: run_timed(Command((whit, "import", str(tar), name), environment)), environment,
            ),
            Contender("docker", words, lambda tar, name: docker.docker("import", tar, name), docker.environment, has_mounts=False),
        ]  # fmt: skip
        if not (program := find_peer("buildah")):
            yield found
            return
        buildah = Buildah(program, folder / "buildah")
        buildah.folder.mkdir()
        with contextlib.closing(buildah):
            yield [*found, Contender("buildah", (*buildah.building, "-t"), buildah.bring)]


def brought(folder: Path, built: list[Contender], names: Iterable[str]) -> list[list[str]]:
    """The base images, from a tar to the first program that has run on each: seconds."""
    rows = []
    for name in names:
        tar = BASES[name](folder / f"{name}.tar")
        context = write_context(folder / f"first-{name}", {"Dockerfile": FIRST.format(name)})
        cells = [name, f"{tar.stat().st_size >> 20} MiB"]
        for one in built:
            start = os.times().elapsed
            one.bring(tar, name)
            imported = os.times().elapsed - start
            cells += [f"{imported:.2f}", f"{one.build(f'first-{name}', context):.2f}"]
        rows.append(cells)
    return rows


def measured(project: Project, folder: Path, builder: Contender) -> list[float | None]:
    """Seconds: cold, nothing changed, one file changed."""
    if project.needs_buildkit and not builder.has_mounts:
        return [None] * 3
    context = write_context(folder, {**project.files, "Dockerfile": project.dockerfile})
    times: list[float | None] = [builder.build(project.name, context)]
    times += [min(builder.build(project.name, context) for _ in range(WARM_RUNS)), None]
    if project.changing:
        with (context / project.changing).open("a") as file:
            file.write("\n")
        times[2] = builder.build(project.name, context)
    return times


def ratios(times: Mapping[str, list[float | None]]) -> list[str]:
    """The faster peer's time in whit's: below 1 whit is faster."""
    found = []
    for position, ours in enumerate(times["whit"]):
        theirs = [peer[position] for name, peer in times.items() if name != "whit"]
        best = min((one for one in theirs if one), default=None)
        found.append(f"{ours / best:.2f}" if ours and best else "-")
    return found


def main() -> None:
    """Build all projects, and print how long each took; words are names of those that are wanted alone."""
    wanted = [project for project in PROJECTS if not sys.argv[1:] or project.name in sys.argv[1:]]
    bases = dict.fromkeys(("base", *(project.base for project in wanted)))
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, contenders(Path(name)) as built:
        folder = Path(name)
        names = [one.name for one in built]
        header = ["base", "size", *(f"{name} {what}" for name in names for what in ("import", "first RUN"))]
        print_table("Base images, seconds", header, brought(folder, built, bases))
        rows = []
        for project in wanted:
            times = {}
            for one in built:
                context = folder / one.name / "contexts" / project.name
                context.mkdir(parents=True)
                times[one.name] = measured(project, context, one)
            cells = ["-" if one is None else f"{one:.2f}" for of_one in times.values() for one in of_one]
            rows.append([project.name, *cells, *ratios(times)])
        header = ["seconds", *(f"{name} {what}" for name in (*names, "whit : best peer") for what in WHAT)]
        print_table("Dockerfiles: everything anew, nothing changed, one file changed", header, rows)


if __name__ == "__main__":
    main()
