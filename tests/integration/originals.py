"""Bundles that many tests begin with: each is made once in a test process, and every test has a copy of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Thing = Path | Callable[[Path], str]
"""A file, or what puts an image into the store in a folder and tells its name."""


@dataclass(frozen=True, slots=True)
class Originals:
    """What was asked for so far; each was made in a store of its own, as one that a single test makes is."""

    whit: Path
    folder: Path
    made: dict[tuple[Thing, tuple[str, ...]], Path] = field(default_factory=dict)

    def copy(self, target: Path, thing: Thing, *words: str) -> Path:
        """Not a link: tests damage theirs, and what is kept of a bundle is named by the state of its file."""
        if (thing, words) not in self.made:
            self.made[thing, words] = self._make(thing, words)
        return Path(shutil.copy(self.made[thing, words], target))

    def _make(self, thing: Thing, words: tuple[str, ...]) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        named = thing if isinstance(thing, Path) else thing(folder / "store")
        made = folder / "made.run"
        done = subprocess.run(
            [self.whit, "bundle", named, "-o", made, *words], env={**os.environ, "WHIT_ROOT": str(folder / "store")},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {path.name for path in folder.iterdir()} <= {"store", made.name}
        return made
