"""Dockerfiles: whit and docker's classic builder; cold, with nothing changed, and with one file changed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, print_table, run_timed
from tests.integration.builds import base_tar, write_context
from tests.integration.projects import PROJECTS, tools_tar
from tests.peers.dockerd import start_dockerd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.projects import Project

    Told = tuple[tuple[str, ...], Mapping[str, str]]

WARM_RUNS = 3


def commands(folder: Path, socket: Mapping[str, str], client: Path) -> dict[str, Told]:
    """How each is told to build; the context comes last."""
    whit = Path(sys.executable).with_name("whit")
    return {
        "whit": (
            (str(whit), "build", "--network", "none", "-q", "-t"),
            {**os.environ, "WHIT_ROOT": str(folder / "whit")},
        ),
        "docker": ((str(client), "build", "--network", "none", "-q", "-t"), socket),
    }


def bring(folder: Path, built: Mapping[str, Told]) -> None:
    """The base images."""
    for name, make in (("base", base_tar), ("tools", tools_tar)):
        tar = str(make(folder / f"{name}.tar"))
        for words, environment in built.values():
            run_timed(Command((words[0], "import", tar, name), environment))


def measured(
    project: Project, folder: Path, words: tuple[str, ...], environment: Mapping[str, str]
) -> list[float | None]:
    """Seconds: cold, nothing changed, one file changed."""
    context = write_context(folder, {**project.files, "Dockerfile": project.dockerfile})
    command = Command((*words, project.name, str(context)), environment)
    times: list[float | None] = [run_timed(command), min(run_timed(command) for _ in range(WARM_RUNS)), None]
    if project.changing:
        with (context / project.changing).open("a") as file:
            file.write("\n")
        times[2] = run_timed(command)
    return times


def main() -> None:
    """Build all projects, and print how long each took."""
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name:
        folder = Path(name)
        (folder / "dockerd").mkdir()
        with start_dockerd(folder / "dockerd") as docker:
            built = commands(folder, docker.environment, docker.client)
            bring(folder, built)
            rows = []
            for project in PROJECTS:
                cells: list[str] = []
                for builder, (words, environment) in built.items():
                    if project.needs_buildkit and builder == "docker":
                        cells += ["-"] * 3
                        continue
                    context = folder / builder / "contexts" / project.name
                    context.mkdir(parents=True)
                    times = measured(project, context, words, environment)
                    cells += ["-" if one is None else f"{one:.2f}" for one in times]
                rows.append([project.name, *cells])
            header = ["seconds", *(f"{name} {what}" for name in built for what in ("cold", "warm", "edit"))]
            print_table("Dockerfiles: everything anew, nothing changed, one file changed", header, rows)


if __name__ == "__main__":
    main()
