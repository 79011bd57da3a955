"""A confined build's cache begins with what is the same for all sources, such as Zig's libc, which takes a minute.

    ROOT/build/caches/hermetic-NAME-KEY/    what a step made that sees no sources; no tree's build sees it, each gets a copy

So what one tree's build writes into its cache is in nobody else's. KEY is of the tool's file, as it is now.
"""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.image.packcache import file_state
from whit.packer.support import durable
from whit.toolchains.hermetic import Box, rooms
from whit.toolchains.model import Hermetic, Recipe

if TYPE_CHECKING:
    from whit.toolchains.cache import BuildCache
    from whit.toolchains.model import Tool, Warming


def warm(box: Box, folder: Path, output: str, cache: BuildCache) -> None:
    """Give sources that have no such cache yet a copy of the one that is kept, which is made where there is none.

    ``folder`` is where the sources' own caches are; ``output`` holds the recipe's files, and nothing else yet. Raises
    :class:`WhitError` where the step fails.
    """
    warming = box.recipe.hermetic.warming if box.recipe.hermetic else None
    if warming is None:
        return
    own = folder / warming.cache
    key = f"{warming.cache}-{_key(warming.tool)}"
    kept = cache.folder / f"hermetic-{key}"
    with cache.one_at_a_time(key):
        if own.exists():
            return
        if not kept.exists():
            _make(warming, box, output, kept, cache)
        os.utime(kept)
        _copy(kept, own)


def _make(warming: Warming, box: Box, output: str, kept: Path, cache: BuildCache) -> None:
    variables = (
        tuple(pair for pair in box.recipe.hermetic.caches if pair[1] == warming.cache) if box.recipe.hermetic else ()
    )
    recipe = Recipe((warming.step,), (), tools=(warming.tool,), hermetic=Hermetic(caches=variables, system=True))
    with cache.workplace() as place:
        confined = rooms(place / "rooms", Path(output), place, "")
        Box(recipe, (), box.runner, box.watcher).run(warming.step, confined)
        durable.sync_file_system(place)
        Path(confined.caches, warming.cache).rename(kept)


def _copy(kept: Path, own: Path) -> None:
    """All of it or nothing."""
    own.parent.mkdir(parents=True, exist_ok=True)
    made = durable.temporary_beside(kept)
    try:
        shutil.copytree(kept, made, symlinks=True)
        made.rename(own)
    finally:
        durable.remove_tree(made)


def _key(tool: Tool) -> str:
    state = file_state(os.fsencode(os.path.realpath(tool.path)))
    return sha256(repr((tool.path, tool.version, state)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
