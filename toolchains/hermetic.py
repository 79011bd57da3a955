"""``--hermetic``: a step on whit's own runtime, that sees its sources read-only, its tools, and no network.

Everything is at the place where it is on this machine, so that a step is the same as without.
"""

from __future__ import annotations

import posixpath
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.steps import Bound, Layers, Memory, RunOrder
from whit.packer.support.errors import UnsupportedError, WhitError
from whit.toolchains.model import Hermetic, Recipe
from whit.toolchains.process import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.build.steps import StepRunner
    from whit.toolchains.model import Step
    from whit.toolchains.process import Watcher

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_CACHES = "/cache"
_TMP = "/tmp"  # noqa: S108 - the confined program's own
_HINT = "it sees no network, and of this machine its sources and tools alone: --hermetic"
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Rooms:
    """Folders for one build: an empty ``root``, ``run`` for the runner, ``output``; ``caches`` holds those of all builds."""

    root: str
    run: str
    output: str
    caches: str


def rooms(folder: Path, output: Path, caches: Path) -> Rooms:
    """Those of one step, made in a folder that isn't there yet."""
    for name in ("root", "run"):
        (folder / name).mkdir(parents=True)
    return Rooms(str(folder / "root"), str(folder / "run"), str(output), str(caches))


def order_of(step: Step, recipe: Recipe, sources: Iterable[str], rooms: Rooms) -> RunOrder:
    """The order for whoever runs it. Raises :class:`UnsupportedError` where the recipe knows no such way."""
    hermetic = recipe.hermetic
    if hermetic is None:
        raise UnsupportedError("such sources aren't built hermetically yet", hint="leave --hermetic out")
    homes = [tool.home for tool in recipe.tools]
    needs_system = hermetic.system or any(
        _is_below(home, "/usr") and not _is_below(home, "/usr/local") for home in homes
    )
    shown = dict.fromkeys((*(_SYSTEM if needs_system else ()), *homes, *hermetic.shows, *sources))
    mounts: list[Bound | Memory] = [Memory(_TMP, 0)]
    # Those above others come first, so that none hides another; what is in memory hides none of them.
    mounts += [Bound(path, None, path, is_readonly=True) for path in sorted(shown) if Path(path).exists()]
    mounts += [Bound(rooms.output, None, rooms.output, is_readonly=False)]
    environment = {"PATH": _USUAL_PATH, "HOME": _TMP, "TMPDIR": _TMP, **dict(step.env), **dict(hermetic.env)}
    for variable, name in hermetic.caches:
        mounts.append(Bound(f"{_CACHES}/{name}", None, f"{rooms.caches}/hermetic-{name}", is_readonly=False))
        environment[variable] = f"{_CACHES}/{name}"
    return RunOrder(
        layers=Layers((rooms.root,)),
        folder=rooms.run,
        words=step.argv,
        environment=tuple(f"{name}={value}" for name, value in environment.items()),
        directory=step.cwd,
        user="0:0",
        network="none",
        architecture="",
        mounts=tuple(mounts),
    )


def _is_below(path: str, folder: str) -> bool:
    return f"{posixpath.normpath(path)}/".startswith(f"{folder}/")


def run(step: Step, recipe: Recipe, sources: Iterable[str], rooms: Rooms, runner: StepRunner, watcher: Watcher) -> None:
    """As :func:`whit.toolchains.process.run`, confined."""
    code, output = _performed(step, recipe, sources, rooms, runner, watcher)
    if code:
        watcher.failed(output)
        raise WhitError(f"{title(step)} failed with exit status {code}", hint=_HINT)


def ask(step: Step, sources: Iterable[str], rooms: Rooms, runner: StepRunner, watcher: Watcher) -> str:
    """As :func:`whit.toolchains.process.ask`, confined, with this machine's own programs; stderr is among what is told."""
    recipe = Recipe((step,), (), hermetic=Hermetic(system=True))
    code, output = _performed(step, recipe, sources, rooms, runner, watcher)
    told = output.decode("utf-8", "surrogateescape")
    if code:
        last = "".join(told.strip().splitlines()[-1:])
        raise WhitError(f"{title(step)} failed with exit status {code}: {last}".removesuffix(": "), hint=_HINT)
    return told


def _performed(
    step: Step, recipe: Recipe, sources: Iterable[str], rooms: Rooms, runner: StepRunner, watcher: Watcher
) -> tuple[int, bytes]:
    """Exit status, and what it printed."""
    order, output, began = order_of(step, recipe, sources, rooms), bytearray(), time.monotonic()
    for _, name in recipe.hermetic.caches if recipe.hermetic else ():
        (Path(rooms.caches) / f"hermetic-{name}").mkdir(exist_ok=True)

    def heard(chunk: bytes) -> None:
        output.extend(chunk)
        watcher.doing(step.doing, time.monotonic() - began)

    watcher.doing(step.doing, 0)
    code = runner.run(order, heard)
    watcher.done()
    return code, bytes(output)
