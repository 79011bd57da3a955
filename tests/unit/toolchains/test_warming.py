"""What a confined build's cache begins with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from whit.packer.buildfile.build.steps import Bound
from whit.packer.store.store import Store
from whit.packer.support.errors import WhitError
from whit.toolchains.cache import BuildCache
from whit.toolchains.hermetic import Box
from whit.toolchains.model import Hermetic, Recipe, Step, Tool, Warming
from whit.toolchains.warming import warm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.buildfile.build.steps import RunOrder

ZIG = Tool("zig", "/bin/true", "0.17.1", "/bin")


@dataclass
class Filling:
    """A runner whose program puts a file into its cache, and the steps' watcher."""

    code: int = 0
    orders: list[RunOrder] = field(default_factory=list)

    def run(self, order: RunOrder, output: Callable[[bytes], None]) -> int:
        del output
        self.orders.append(order)
        (cache,) = (mount for mount in order.mounts if isinstance(mount, Bound) and mount.target == "/cache/zig-t")
        Path(cache.path, "libc").write_text("made")
        return self.code

    def doing(self, what: str, seconds: float) -> None:
        pass

    def failed(self, output: bytes) -> None:
        pass

    def done(self) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[BuildCache]:
    made = BuildCache(Store.open(tmp_path / "store"))
    with made.using():
        yield made


def box(runner: Filling, sources: Path) -> Box:
    step = Step(("/bin/true",), "/")
    hermetic = Hermetic(caches=(("ZIG", "zig-t"), ("OTHER", "other")), warming=Warming(step, "zig-t", ZIG))
    recipe = Recipe((step,), (), tools=(ZIG,), hermetic=hermetic)
    return Box(recipe, (str(sources),), runner, runner)  # type: ignore[arg-type]


def test_it_is_made_once_without_the_sources_and_each_tree_has_a_copy_of_its_own(
    cache: BuildCache, tmp_path: Path
) -> None:
    """Given two trees, when one's build changes its cache, then the other's has what was made before."""
    runner, trees = Filling(), (cache.folder / "hermetic-a", cache.folder / "hermetic-b")
    warm(box(runner, tmp_path), trees[0], str(tmp_path), cache)
    (trees[0] / "zig-t" / "libc").write_text("hostile")
    warm(box(runner, tmp_path), trees[1], str(tmp_path), cache)
    warm(box(runner, tmp_path), trees[0], str(tmp_path), cache)
    (order,) = runner.orders
    assert order.network == "none"
    shown = {mount.target for mount in order.mounts if isinstance(mount, Bound)}
    assert "/cache/other" not in shown
    assert [(tree / "zig-t" / "libc").read_text() for tree in trees] == ["hostile", "made"]
    assert not list(cache.folder.glob(".tmp-*"))


def test_of_one_that_fails_nothing_is_kept(cache: BuildCache, tmp_path: Path) -> None:
    with pytest.raises(WhitError):
        warm(box(Filling(code=1), tmp_path), cache.folder / "hermetic-a", str(tmp_path), cache)
    assert not list(cache.folder.glob("hermetic-*"))


def test_what_needs_none_has_none(cache: BuildCache, tmp_path: Path) -> None:
    runner = Filling()
    needing_none = Box(Recipe((), (), hermetic=Hermetic()), (), runner, runner)  # type: ignore[arg-type]
    warm(needing_none, cache.folder / "hermetic-a", str(tmp_path), cache)
    assert runner.orders == []
