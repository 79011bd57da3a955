"""Where compilers are on this machine, and which version each is: by files where that can be told, else by asking them."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import sys
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.store.fetched import fetched_in
from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.regular import read_regular
from whit.toolchains.go import ARCHITECTURES
from whit.toolchains.model import Source, Step, Tool, is_older
from whit.toolchains.pins import PINS
from whit.toolchains.zigcc import ZIG_TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.toolchains.process import Watcher


@dataclass(frozen=True, slots=True)
class Known:
    """How a tool is found. ``usual`` are places beside PATH; ``version`` asks it, and ``pattern`` finds that in the answer.

    ``debian`` is the package that brings it there. ``platforms`` are those that it builds for, in OCI's words.
    ``through`` is the tool that compiles for it, and says what for.
    A shim looks at the name that it is called by: links to it aren't followed. ``inherits`` are variables that say what it starts.
    """

    title: str
    usual: tuple[str, ...] = ()
    version: tuple[str, ...] = ("--version",)
    pattern: str = r"(\d+\.\d+(?:\.\d+)?\S*)"
    debian: str = ""
    platforms: tuple[str, ...] = ()
    through: str = ""
    is_shim: bool = False
    inherits: tuple[str, ...] = ()


_GO_PLATFORMS = (*(f"linux/{name}" for name in sorted(ARCHITECTURES)), "wasi/wasm")
_ZIG_PLATFORMS = (*(f"linux/{name}" for name in sorted(ZIG_TARGETS)), "wasi/wasm")
_NIM_PLATFORMS = tuple(name for name in _ZIG_PLATFORMS if name != "linux/s390x")
_MOST_READ = 64 << 20
_RUSTUP = ("RUSTUP_HOME", "RUSTUP_TOOLCHAIN")
_CARGO_PLACES = (posixpath.expanduser("~/.cargo/bin"), "/usr/local/cargo/bin")

TOOLS: dict[str, Known] = {
    "go": Known("Go", ("/usr/local/go/bin", "/usr/lib/go/bin"), ("version",), r"go(\d\S*)", "golang-go", _GO_PLATFORMS),
    "zig": Known("Zig", ("/usr/local/zig", "/opt/zig"), ("version",), r"(\S+)", platforms=_ZIG_PLATFORMS),
    "cargo": Known("Cargo", _CARGO_PLACES, debian="cargo", through="rustc", is_shim=True, inherits=_RUSTUP),
    "rustc": Known("Rust", _CARGO_PLACES, debian="rustc", is_shim=True, inherits=_RUSTUP),
    "nim": Known(
        "Nim",
        (posixpath.expanduser("~/.nimble/bin"),),
        debian="nim",
        platforms=_NIM_PLATFORMS,
        is_shim=True,
        inherits=("NIMBLE_DIR",),
    ),
    "make": Known("GNU make", debian="make", through="zig"),
    "cmake": Known("CMake", debian="cmake", through="zig"),
    "meson": Known("Meson", debian="meson", through="zig"),
    "ninja": Known("Ninja", debian="ninja-build", through="zig"),
}
"""By the executable's name."""


def places(name: str, cache: Path | None = None) -> tuple[str, ...]:
    """Executables: on PATH, in a usual place, beside whit's Python, or fetched before. Starts nothing."""
    known = TOOLS[name]
    found = [
        shutil.which(name),
        shutil.which(name, path=os.pathsep.join(known.usual) or "/nowhere"),
        _beside_python(name),
    ]
    pin = PINS.get(name)
    if cache and pin:
        programs = [str(one.folder / pin.program) for one in fetched_in(cache) if one.name == name]
        found += [path for path in programs if os.access(path, os.X_OK)]
    return tuple(dict.fromkeys(path if known.is_shim else posixpath.realpath(path) for path in found if path))


def locate(name: str, cache: Path | None = None) -> str | None:
    """The executable that comes first."""
    return next(iter(places(name, cache)), None)


def _beside_python(name: str) -> str | None:
    """PyPI's ziglang, where whit's own Python has it installed."""
    for folder in map(Path, sys.path):
        path = folder / "ziglang" / name
        if name == "zig" and os.access(path, os.X_OK):
            return str(path)
    return None


def described(name: str, path: str, cache: Path | None = None) -> Tool:
    """What is known of an executable; it is asked for its version unless a file beside it says that. Raises :class:`WhitError`."""
    real = posixpath.realpath(path)
    home = posixpath.dirname(real)
    if name == "go":
        home = posixpath.dirname(home)
    source = Source.FETCHED if cache and Path(real).is_relative_to(cache) else Source.MACHINE
    return Tool(name, path, _version(name, path, home), home, source)


def _version(name: str, path: str, home: str) -> str:
    if name == "go":
        try:
            with open(f"{home}/VERSION", encoding="utf-8") as file:  # noqa: PTH123 - a text, as all here
                return file.readline().strip().removeprefix("go")
        except OSError:
            pass  # a distribution's own layout
    from whit.toolchains.process import ask  # noqa: PLC0415 - nothing is started where nothing has changed

    known = TOOLS[name]
    told = ask(Step((path, *known.version), "/", (), known.inherits))
    match = re.search(known.pattern, told)
    if match is None:
        raise WhitError(f"{path} doesn't say which version it is: {told[:80]!r}")
    return match[1]


def missing(name: str) -> NotFoundError:
    """The error for a tool that isn't here."""
    known = TOOLS[name]
    ways = [f"'whit toolchains --fetch {name}'"] if name in PINS else []
    ways += [f"Debian's package {known.debian}"] if known.debian else []
    return NotFoundError(
        f"{known.title} isn't on this machine", hint=f"it comes with {' or '.join(ways)}" if ways else "install it"
    )


@dataclass(slots=True)
class MachineKit:
    """The kit of this machine. ``fetch`` brings a tool that isn't here, or raises why it can't; without it none is fetched. ``watcher`` is
    told of questions that take a while. ``work`` is where builders keep what they want to find again; ``confined`` is asked
    what evaluates a tree.
    """

    cache: Path
    fetch: Callable[[str], str] | None = None
    watcher: Watcher | None = None
    work: Path | None = None
    confined: Callable[[Step], str] | None = None
    _tools: dict[tuple[str, str], Tool] = field(default_factory=dict)

    def tool(self, name: str, least: str = "") -> Tool:
        """See :class:`whit.toolchains.model.Kit`."""
        key = (name, least)
        if key not in self._tools:
            self._tools[key] = self._found(name, least)
        return self._tools[key]

    def _found(self, name: str, least: str) -> Tool:
        first: Tool | None = None
        for path in places(name, self.cache):
            tool = described(name, path, self.cache)
            if not is_older(tool.version, least):
                return tool
            first = first or tool
        pin = PINS.get(name)
        if self.fetch and pin and not is_older(pin.version, least):
            return described(name, self.fetch(name), self.cache)
        if first is None:
            raise missing(name)
        return first

    @property
    def processors(self) -> int:
        """See :class:`whit.toolchains.model.Kit`."""
        return len(os.sched_getaffinity(0))

    def kept(self, name: str, root: str) -> str:
        """See :class:`whit.toolchains.model.Kit`. It counts as used now."""
        folder = (self.work or self.cache) / f"work-{name}-{sha256(os.fsencode(root)).hexdigest()[:16]}"
        durable.private_folder(folder)
        os.utime(folder)
        return str(folder)

    def place(self, name: str) -> str:
        """See :class:`whit.toolchains.model.Kit`."""
        return locate(name, self.cache) or ""

    @property
    def is_hermetic(self) -> bool:
        """See :class:`whit.toolchains.model.Kit`."""
        return self.confined is not None

    def confining(self, ask: Callable[[Step], str]) -> MachineKit:
        """See :class:`whit.toolchains.model.Kit`."""
        return replace(self, confined=ask)

    def ask(self, step: Step) -> str:
        """See :class:`whit.toolchains.model.Kit`."""
        if step.evaluates and self.confined:
            return self.confined(step)
        from whit.toolchains.process import ask  # noqa: PLC0415 - as above

        return ask(step, self.watcher)

    def read(self, path: str) -> str | None:
        """See :class:`whit.toolchains.model.Kit`."""
        try:
            return (
                read_regular(Path(path), _MOST_READ).decode("utf-8", "surrogateescape") if self.is_file(path) else None
            )
        except FileNotFoundError:
            return None

    def is_file(self, path: str) -> bool:
        """See :class:`whit.toolchains.model.Kit`."""
        return os.path.isfile(path)  # noqa: PTH113 - a text, as all here

    def names(self, folder: str) -> tuple[str, ...]:
        """See :class:`whit.toolchains.model.Kit`."""
        try:
            return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - names
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def real(self, path: str) -> str:
        """See :class:`whit.toolchains.model.Kit`."""
        return posixpath.realpath(path)
