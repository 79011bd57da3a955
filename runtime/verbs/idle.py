"""``whit _idle FOLDER DEVICE NUMBER``: what a bridge's watcher has Python do (runtime/launcher/bridge_idle.c)."""

from __future__ import annotations

from pathlib import Path

from whit.runtime.engine.networks.leaving import remove_gone, remove_idle


def idle(words: tuple[str, ...]) -> None:
    """Remove the bridges that nobody is in of the store whose networks the folder holds; of one that has gone from there, the one that is named."""
    # A store that was moved away may have left a link.
    networks = Path(words[0]).resolve()
    if networks.is_dir():
        remove_idle(networks.parent)
    remove_gone(networks.parent, words[1], int(words[2]))
