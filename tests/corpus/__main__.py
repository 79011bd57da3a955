"""Each module of this folder that has a ``main``, one after the other; ``python -m tests.corpus NAME…`` only those."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def modules() -> list[str]:
    """The corpora that there are."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_") and "\ndef main(" in file.read_text())


def run(chosen: list[str]) -> int:
    """How many of them failed; each is a process of its own, so that one can't spoil another."""
    known = modules()
    unknown = [name for name in chosen if name not in known]
    if unknown:
        sys.exit(f"no such corpus: {', '.join(unknown)}; there are {', '.join(known)}")
    return sum(
        subprocess.run([sys.executable, "-m", f"tests.corpus.{module}"], check=False).returncode != 0
        for module in chosen or known
    )


if __name__ == "__main__":
    sys.exit(min(run(sys.argv[1:]), 1))
