"""What tests of Compose share: a project in a folder of its own, on a host of its own, of which nothing is left."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from tests.integration.kept import BUSYBOX, PATIENCE_S, Engine
from tests.integration.netlab import start_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = "bb"
"""busybox, packed: what most services here run."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A Compose file, and a whit whose networks are on a host of the test's own."""

    engine: Engine
    folder: Path

    def write(self, text: str, name: str = "compose.yaml") -> None:
        """Write the file, or another one beside it."""
        (self.folder / name).write_text(dedent(text))

    def run(self, *words: str, timeout: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """``whit compose`` to its end, in the folder."""
        before = ("env", f"--chdir={self.folder}", f"PWD={self.folder}")
        return Engine(self.engine.program, self.engine.root, (*self.engine.before, *before)).run(
            "compose", *words, timeout=timeout
        )

    def __call__(self, *words: str) -> str:
        """What it says on standard output when all goes well."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def up(self, *words: str) -> list[str]:
        """``up -d``, and what was done: ``Container p-web-1  Started``."""
        done = self.run("--progress", "plain", "up", "-d", *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return [line.strip() for line in done.stderr.splitlines()]

    def ps(self, *words: str) -> dict[str, dict[str, Any]]:
        """All containers by their names."""
        listed = json.loads(self("ps", "-a", "--json", *words))["containers"]
        return {one["name"]: one for one in listed}

    def ids(self) -> dict[str, str]:
        """The containers' IDs by their names."""
        return {name: one["id"] for name, one in self.ps().items()}

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """``whit compose`` that goes on."""
        return subprocess.Popen(
            [*self.engine.before, self.engine.program, "compose", *words], cwd=self.folder, text=True,
            env={**self.engine.environment, "PWD": str(self.folder)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def leavings(self) -> str:
        """What of the project is there: containers, networks, bridges."""
        names = self.engine("ps", "-aq"), self.engine("network", "ls", "--format", "{{.Name}}")
        networks = [name for name in names[1].split() if name not in {"bridge", "host", "none"}]
        return " ".join([*names[0].split(), *networks])


@contextlib.contextmanager
def composed(whit: Path, place: Path) -> Iterator[Composed]:
    """A project ``shop`` that is nowhere yet."""
    host = start_namespace("host")
    host.command("ip link set lo up")
    engine = Engine(whit, place / "root", ("nsenter", f"--net=/proc/{host.pid}/ns/net"))
    folder = place / "shop"
    folder.mkdir()
    engine("pack", BUSYBOX, "-t", IMAGE)
    try:
        yield Composed(engine, folder)
    finally:
        engine.clean()
        host.end()
