"""``whit _ended FOLDER``: what a container's supervisor has Python do at the end (runtime/launcher/engine_main.c)."""

from __future__ import annotations

from pathlib import Path

from whit.runtime.engine import ending


def ended(folders: tuple[str, ...]) -> None:
    """Give back what the container had."""
    for folder in folders:
        ending.ended(Path(folder))
