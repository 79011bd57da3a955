"""What a confined step sees."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from whit.packer.buildfile.build.steps import Bound, Memory
from whit.packer.support.errors import UnsupportedError
from whit.toolchains.hermetic import Box, Rooms, order_of, rooms
from whit.toolchains.model import Hermetic, Recipe, Step, Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.buildfile.build.steps import RunOrder

ROOMS = Rooms("/s/root", "/s/run", "/s/out", "/s/caches/of-it", "/s/caches")


def recipe(tmp_path: Path, hermetic: Hermetic | None) -> tuple[Step, Recipe]:
    for name in ("go", "modules", "src"):
        (tmp_path / name).mkdir(exist_ok=True)
    step = Step((f"{tmp_path}/go/bin/go", "build"), f"{tmp_path}/src", (("CGO_ENABLED", "0"),), ("GOPROXY",))
    return step, Recipe((step,), (), tools=(Tool("go", step.argv[0], "1.26", f"{tmp_path}/go"),), hermetic=hermetic)


def test_sources_and_tools_are_read_only_and_the_output_alone_is_written(tmp_path: Path) -> None:
    hermetic = Hermetic((f"{tmp_path}/modules",), (("ZIG_CACHE", "zig"),), (("GOCACHE", "go"),), (("GOPROXY", "off"),))
    order = order_of(*recipe(tmp_path, hermetic), [f"{tmp_path}/src"], ROOMS)
    assert order.network == "none"
    assert order.directory == f"{tmp_path}/src"
    bound = {mount.target: mount.is_readonly for mount in order.mounts if isinstance(mount, Bound)}
    assert bound == {
        f"{tmp_path}/go": True,
        f"{tmp_path}/modules": True,
        f"{tmp_path}/src": True,
        "/s/out": False,
        "/cache/zig": False,
        "/cache/go": False,
    }
    kept = {mount.target: mount.path for mount in order.mounts if isinstance(mount, Bound) and "cache" in mount.target}
    assert kept == {"/cache/zig": "/s/caches/of-it/zig", "/cache/go": "/s/caches/hermetic-go"}
    assert Memory("/tmp", 0) in order.mounts
    assert set(order.environment) == {
        "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "TMPDIR=/tmp", "CGO_ENABLED=0", "GOPROXY=off", "GOCACHE=/cache/go", "ZIG_CACHE=/cache/zig",
    }  # fmt: skip


def test_what_brings_packages_by_executing_what_they_say_has_a_network_and_is_confined_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    order = order_of(*recipe(tmp_path, Hermetic()), [], ROOMS, has_network=True)
    assert order.network == "default"
    assert "HTTPS_PROXY=http://proxy:1" in order.environment
    assert Bound("/etc/ssl", None, "/etc/ssl", is_readonly=True) in order.mounts


def test_the_machine_s_own_programs_are_seen_where_they_are_needed(tmp_path: Path) -> None:
    order = order_of(*recipe(tmp_path, Hermetic(system=True)), [], ROOMS)
    assert Bound("/usr", None, "/usr", is_readonly=True) in order.mounts


def test_a_recipe_that_knows_no_such_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="aren't built hermetically yet"):
        order_of(*recipe(tmp_path, None), [], ROOMS)


@dataclass
class Silent:
    """A runner whose program says nothing for a while; the steps' watcher at the same time."""

    told: threading.Event = field(default_factory=threading.Event)

    def run(self, order: RunOrder, output: Callable[[bytes], None]) -> int:
        del order, output
        assert self.told.wait(60), "nobody was told that it is still being done"
        return 0

    def doing(self, what: str, seconds: float) -> None:
        assert what == "a bomb"
        if seconds:
            self.told.set()

    def done(self) -> None:
        pass


def test_a_step_that_says_nothing_is_told_of_all_the_while(tmp_path: Path) -> None:
    silent = Silent()
    confined = rooms(tmp_path / "rooms", tmp_path / "out", tmp_path / "caches", "/p")
    step = Step(("/bin/true",), "/", doing="a bomb")
    box = Box(Recipe((step,), (), hermetic=Hermetic()), (), silent, silent)  # type: ignore[arg-type]
    box.run(step, confined)
    assert silent.told.is_set()
