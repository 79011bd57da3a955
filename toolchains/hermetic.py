"""``--hermetic``: a step on whit's own runtime, that sees its sources read-only, its tools, and no network.

Everything is at the place where it is on this machine, so that a step is the same as without.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import threading
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.steps import Bound, Layers, Memory, RunOrder
from whit.packer.support.errors import UnsupportedError, WhitError
from whit.toolchains.advice import hint_for
from whit.toolchains.model import Hermetic, Recipe
from whit.toolchains.process import PROXIES, TICK, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.buildfile.build.steps import StepRunner
    from whit.toolchains.model import Step
    from whit.toolchains.process import Watcher

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_WAYS_OUT = ("/etc/ssl", "/etc/ca-certificates", "/etc/pki")
"""What a step needs beside for a network: whom to trust."""

_CACHES = "/cache"
_MOST_OUTPUT = 1 << 20
_TMP = "/tmp"  # noqa: S108 - the confined program's own
_HINT = "it sees no network, and of this machine its sources and tools alone: --hermetic"
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Rooms:
    """Folders for one build: an empty ``root``, ``run`` for the runner, ``output``; ``caches`` those of the same sources, ``shared`` of all."""

    root: str
    run: str
    output: str
    caches: str
    shared: str


def rooms(folder: Path, output: Path, caches: Path, root: str) -> Rooms:
    """Those of one step, made in a folder that isn't there yet; ``root`` is the sources'."""
    for name in ("root", "run"):
        (folder / name).mkdir(parents=True)
    own = own_caches(caches, root)
    return Rooms(str(folder / "root"), str(folder / "run"), str(output), str(own), str(caches))


def own_caches(caches: Path, root: str) -> Path:
    """Where caches are that only builds of the same sources have."""
    return caches / f"hermetic-{sha256(os.fsencode(root)).hexdigest()[:16]}"


def order_of(
    step: Step, recipe: Recipe, sources: Iterable[str], rooms: Rooms, *, has_network: bool = False
) -> RunOrder:
    """The order for whoever runs it. Raises :class:`UnsupportedError` where the recipe knows no such way."""
    hermetic = recipe.hermetic
    if hermetic is None:
        raise UnsupportedError("such sources aren't built hermetically yet", hint="leave --hermetic out")
    homes = [tool.home for tool in recipe.tools]
    needs_system = hermetic.system or any(
        _is_below(home, "/usr") and not _is_below(home, "/usr/local") for home in homes
    )
    shown = dict.fromkeys(
        (*(_SYSTEM if needs_system else ()), *homes, *hermetic.shows, *sources, *(_WAYS_OUT if has_network else ()))
    )
    mounts: list[Bound | Memory] = [Memory(_TMP, 0)]
    # Those above others come first, so that none hides another; what is in memory hides none of them.
    mounts += [Bound(path, None, path, is_readonly=True) for path in sorted(shown) if Path(path).exists()]
    mounts += [Bound(rooms.output, None, rooms.output, is_readonly=False)]
    environment = {"PATH": _USUAL_PATH, "HOME": _TMP, "TMPDIR": _TMP, **dict(step.env), **dict(hermetic.env)}
    for variable, name, folder in _caches(hermetic, rooms):
        mounts.append(Bound(f"{_CACHES}/{name}", None, folder, is_readonly=False))
        environment[variable] = f"{_CACHES}/{name}"
    if has_network:
        environment |= {name: os.environ[name] for name in PROXIES if name in os.environ}
    return RunOrder(
        layers=Layers((rooms.root,)),
        folder=rooms.run,
        words=step.argv,
        environment=tuple(f"{name}={value}" for name, value in environment.items()),
        directory=step.cwd,
        user="0:0",
        network="default" if has_network else "none",
        architecture="",
        mounts=tuple(mounts),
    )


def _caches(hermetic: Hermetic, rooms: Rooms) -> list[tuple[str, str, str]]:
    """Variable, name, folder of this machine."""
    own = [(variable, name, f"{rooms.caches}/{name}") for variable, name in hermetic.caches]
    return own + [(variable, name, f"{rooms.shared}/hermetic-{name}") for variable, name in hermetic.shared]


def _is_below(path: str, folder: str) -> bool:
    return f"{posixpath.normpath(path)}/".startswith(f"{folder}/")


@dataclass(frozen=True, slots=True)
class Box:
    """What steps of one recipe are confined with."""

    recipe: Recipe
    sources: tuple[str, ...]
    runner: StepRunner
    watcher: Watcher

    def run(self, step: Step, rooms: Rooms, *, has_network: bool = False) -> None:
        """As :func:`whit.toolchains.process.run`, confined."""
        order = order_of(step, self.recipe, self.sources, rooms, has_network=has_network)
        code, output = _performed(step, self.recipe, order, rooms, self.runner, self.watcher)
        if code:
            self.watcher.failed(output)
            raise WhitError(
                f"{title(step)} failed with exit status {code}",
                hint=_HINT if not has_network else hint_for(code, output.decode("utf-8", "replace")),
            )


def ask(step: Step, sources: Iterable[str], rooms: Rooms, runner: StepRunner, watcher: Watcher) -> str:
    """As :func:`whit.toolchains.process.ask`, confined, with this machine's own programs; stderr is among what is told."""
    recipe = Recipe((step,), (), hermetic=Hermetic(system=True))
    code, output = _performed(step, recipe, order_of(step, recipe, sources, rooms), rooms, runner, watcher)
    told = output.decode("utf-8", "surrogateescape")
    if code:
        last = "".join(told.strip().splitlines()[-1:])
        raise WhitError(f"{title(step)} failed with exit status {code}: {last}".removesuffix(": "), hint=_HINT)
    return told


def _performed(
    step: Step, recipe: Recipe, order: RunOrder, rooms: Rooms, runner: StepRunner, watcher: Watcher
) -> tuple[int, bytes]:
    """Exit status, and the last of what it printed."""
    output = bytearray()
    for _, _, folder in _caches(recipe.hermetic, rooms) if recipe.hermetic else ():
        Path(folder).mkdir(parents=True, exist_ok=True)
        for used in (folder, rooms.caches) if folder.startswith(rooms.caches) else (folder,):
            os.utime(used)

    def heard(chunk: bytes) -> None:
        output.extend(chunk)
        del output[:-_MOST_OUTPUT]

    with _telling(step.doing, watcher):
        code = runner.run(order, heard)
    watcher.done()
    return code, bytes(output)


@contextlib.contextmanager
def _telling(doing: str, watcher: Watcher) -> Iterator[None]:
    """The watcher is told again and again that it is being done, whether or not it says anything itself."""
    over, began = threading.Event(), time.monotonic()

    def tell() -> None:
        watcher.doing(doing, 0)
        while not over.wait(TICK):
            watcher.doing(doing, time.monotonic() - began)

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
