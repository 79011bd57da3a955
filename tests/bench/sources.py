"""A Go service from its sources to an image: whit beside ko; all anew, with nothing changed, and with one file changed.

Both have compiled the standard library before, and write the image to a folder of their own. ko puts it on a base, which is
an image of one small file in a registry on loopback; whit's has none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, print_table, run_timed
from tests.bench.programs import go_program
from tests.peers import PROJECT
from tests.peers.registry import docker_registry

if TYPE_CHECKING:
    from collections.abc import Callable

KO = "github.com/google/ko@v0.18.0"
ROUNDS, AGAIN = 5, 4
EXAMPLE = PROJECT / "examples" / "go-http"


def whit(source: Path, folder: Path) -> Command:
    """Into its store."""
    program = str(Path(sys.executable).with_name("whit"))
    return Command((program, "build", "-q", str(source)), {**os.environ, "WHIT_ROOT": str(folder / "store")})


def ko(program: Path, base: str, flags: str = "") -> Callable[[Path, Path], Command]:
    """Into an OCI layout; ``flags`` are Go's."""

    def make(source: Path, folder: Path) -> Command:
        line = f'cd "{source}" && exec "{program}" build --push=false --oci-layout-path="{folder}/layout" --sbom=none .'
        environment = {**os.environ, "KO_DEFAULTBASEIMAGE": base, "KOCACHE": str(folder / "cache"), "GOFLAGS": flags}
        return Command(("sh", "-c", line), environment)

    return make


@dataclass
class Measured:
    """One contender and its seconds: the first time, again with nothing changed, after a change."""

    name: str
    make: Callable[[Path, Path], Command]
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)

    def round(self, folder: Path, number: int) -> None:
        """Once each, of a copy of the sources."""
        source = folder / self.name / "go-http"
        if not number:
            shutil.copytree(EXAMPLE, source)
        own = folder / self.name / str(number)
        own.mkdir()
        command = self.make(source, own)
        self.first.append(run_timed(command))
        self.again += [run_timed(command) for _ in range(AGAIN)]
        with (source / "main.go").open("a") as file:
            file.write(f"\n// {folder} {number}\n\nvar _ = {number}\n")
        self.changed.append(run_timed(command))


def ko_program() -> Path | None:
    """None where it can't be had."""
    try:
        return go_program(KO)
    except subprocess.CalledProcessError:
        return None


def _empty(folder: Path) -> Path:
    """An image as small as can be, as a tar."""
    (folder / "empty").mkdir()
    tar = folder / "empty.tar"
    subprocess.run(["tar", "-cf", tar, "-C", folder, "empty"], check=True)
    return tar


def brought(held: contextlib.ExitStack, folder: Path, tar: Path) -> str:
    """A base image of a tar, in a registry that keeps what it has in ``folder``: its name there."""
    folder.mkdir()
    registry = held.enter_context(docker_registry(folder))
    reference = f"{registry.name}/base:1"
    environment = {**os.environ, "WHIT_ROOT": str(folder / "store")}
    for words in (["import", str(tar), reference], ["push", "-q", reference]):
        subprocess.run(
            [str(Path(sys.executable).with_name("whit")), *words],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return reference


def main() -> None:
    """Print the table: the best of all rounds, in which the contenders take turns, as others work on the machine, too."""
    contenders = [Measured("whit", whit)]
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, contextlib.ExitStack() as held:
        folder = Path(name)
        program = ko_program()
        if program:
            contenders.append(Measured("ko", ko(program, brought(held, folder / "registry", _empty(folder)))))
        for number in range(ROUNDS):
            for contender in contenders:
                contender.round(folder, number)
    rows = [
        [one.name, *(f"{min(seconds):.2f}" for seconds in (one.first, one.again, one.changed))] for one in contenders
    ]
    print_table(
        "A Go service: first, nothing changed, one file changed", ["seconds", "first", "again", "changed"], rows
    )


if __name__ == "__main__":
    main()
