"""``whit _idle FOLDER DEVICE NUMBER``: what a bridge's watcher has Python do (runtime/launcher/bridge_idle.c)."""

from __future__ import annotations

from pathlib import Path

from whit.runtime.engine.networks.leaving import remove_gone, remove_idle


def idle(words: tuple[str, ...]) -> None:
    """Remove the bridges of the store whose networks the folder holds; of a store that was removed, the one that is named."""
    networks = Path(words[0])
    if networks.is_dir():
        remove_idle(networks.parent)
    else:
        remove_gone(*words[1:])
