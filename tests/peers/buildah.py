"""Buildah with a storage of its own: the peer that builds Dockerfiles whose RUN has mounts, where docker has no BuildKit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Buildah:
    """Its images are in ``folder``; they are run by runc, which takes every machine's cgroups."""

    program: Path
    folder: Path

    @property
    def words(self) -> tuple[str, ...]:
        """How each command begins."""
        storage = ("--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run", "--storage-driver", "overlay")
        return str(self.program), *storage

    @property
    def building(self) -> tuple[str, ...]:
        """How a build begins; what it is called, and the context, come after."""
        return *self.words, "bud", "--layers", "--runtime", "runc", "--network", "none", "-q"

    def __call__(self, *words: str | Path) -> str:
        """What it says."""
        done = subprocess.run(
            [*self.words, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def close(self) -> None:
        """Let nothing of it stay mounted, also after a build that has failed."""
        self("rm", "--all")
        subprocess.run(["umount", self.folder / "root" / "overlay"], capture_output=True, check=False)

    def bring(self, tar: Path, name: str) -> None:
        """Make an image of a root file system."""
        container = self("from", "scratch")
        self("add", container, tar, "/")
        self("commit", "-q", "--rm", container, f"localhost/{name}")

    def files(self, context: Path, *words: str) -> bytes:
        """All files of what is built, as a tar."""
        out = self.folder / "out.tar"
        begun: list[str | Path] = [*self.building, *words, "-o", f"type=tar,dest={out}", "-t", "built", context]
        done = subprocess.run(
            begun, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        assert done.returncode == 0, done.stderr
        return out.read_bytes()
