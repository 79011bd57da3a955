"""whit as people install it: from a copy of the sources, by pip, into a virtual environment of its own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.peers import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("packer", "runtime", "toolchains", "pyproject.toml", "README.md", "LICENSE")


def copy_sources(folder: Path) -> Path:
    """All that a wheel is built from, and nothing that earlier builds have left."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(PROJECT / name, source / name)
    return source


def install(python: Path | str, folder: Path) -> Path:
    """The ``bin`` folder of a new virtual environment below ``folder`` that has whit and no trace of its sources."""
    source, venv = copy_sources(folder), folder / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, source], check=True, timeout=600)
    shutil.rmtree(source)
    return venv / "bin"
