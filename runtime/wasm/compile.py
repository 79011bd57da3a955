"""WebAssembly → native code, compiled on this machine and kept.

    CACHE/code/KEY.DIGEST           KEY is a hash of the program, the compiler, what it was set to and the target;
                                    DIGEST (SHA-256) is the code's own

CACHE is what place.py says. Compiled code is native code, so it is only ever taken from here: a folder that only its owner
can write, and no image brings any. The digest in the name isn't against whoever can write there, who could change whit's plans as
well, but against a disk that fails and a file cut short: wasmtime trusts what it loads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING

from whit.packer.showing.console import end_progress, progress
from whit.packer.support import durable
from whit.packer.support.children import ends_with_this_one
from whit.packer.support.errors import LaunchError, UnsupportedError
from whit.packer.support.imagepath import shown
from whit.runtime.wasm.bounds import MEMORY, SECONDS, bounds
from whit.runtime.wasm.place import cache_root
from whit.runtime.wasm.suitable import uncompiled

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from whit.runtime.wasm.bounds import Bounds
    from whit.runtime.wasm.settings import Tuning

COMPILER = "48.0"
"""The version of PyPI's wasmtime whose code the engine takes: the engine is built with 48.0.8 (embedder/Cargo.toml)."""

_FORMAT = 1
"""Raised when the same key would mean other code."""

_MAX_FILE = 512 << 20
_TICK, _SOON = 0.5, 10
_MOST_KEPT = 64
"""Programs whose code is kept; those that were compiled longest ago go first."""


def compiler_version() -> str:
    """The version of the compiler that is here. Raises :class:`UnsupportedError` where there is none, or not the right one."""
    try:
        version = metadata.version("wasmtime")
    except metadata.PackageNotFoundError:
        version = ""
    if version.rpartition(".")[0] != COMPILER:
        there = f"this is {version}" if version else "it isn't here"
        raise UnsupportedError(
            f"WebAssembly is compiled by PyPI's wasmtime {COMPILER}, and {there}",
            hint="pip install 'whit[wasm]', or pip install wasmtime==48.0.0",
        )
    return version


def compiled(path: Path, name: str, kind: str, tuned: Tuning) -> Path:
    """The file with the code of the program at ``path``, which people know as ``name``; compiled now if it isn't there.

    Several processes may ask at once: one compiles. Raises :class:`InvalidFileError` for what isn't WebAssembly,
    :class:`UnsupportedError` without a compiler or for what takes too much of it, :class:`StoreError` for the disk.
    """
    folder = cache_root() / "code"
    target = f"{os.uname().machine}-unknown-linux-gnu"
    with path.open("rb") as file, durable.store_errors(f"keep the code of {name}"):
        words = (
            _FORMAT,
            compiler_version(),
            kind,
            tuned.fuel,
            tuned.epoch,
            target,
            _digest(file),
        )
        key = sha256(repr(words).encode()).hexdigest()[:32]
        durable.private_folder(folder)
        found = _find(folder, key)
        if found:
            return found
        with durable.locked(folder / f".lock-{key[:2]}", exclusive=True):
            found = _find(folder, key)
            if found:
                return found
            file.seek(0)
            return _compile(file, name, (kind, str(int(tuned.fuel)), str(int(tuned.epoch)), target), folder, key)


def _digest(file: IO[bytes]) -> str:
    hashed = sha256()
    while piece := file.read(1 << 20):
        hashed.update(piece)
    return hashed.hexdigest()


def _find(folder: Path, key: str) -> Path | None:
    """The code that is kept under a key, if it is what it was; what was damaged, or isn't this user's own file, is removed."""
    with contextlib.suppress(FileNotFoundError):
        for path in folder.glob(f"{key}.*"):
            if _is_own_file(path):
                with path.open("rb") as file:
                    if _digest(file) == path.suffix[1:]:
                        return path
            path.unlink(missing_ok=True)
    return None


def _is_own_file(path: Path) -> bool:
    """Whether it is a plain file that nobody else can write."""
    state = path.lstat()
    return stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o022


def _compile(file: IO[bytes], name: str, words: tuple[str, ...], folder: Path, key: str) -> Path:
    if os.fstat(file.fileno()).st_size > _MAX_FILE:
        raise UnsupportedError(f"{shown(name)}: WebAssembly of more than {_MAX_FILE >> 20} MiB isn't compiled")
    most = bounds()
    with durable.temporary_file(folder, private=True) as (output, temporary):
        command = [
            sys.executable,
            "-P",
            "-m",
            "whit.runtime.wasm.compiling",
            *words,
            str(most.memory),
            str(most.seconds),
        ]
        status, said = _performed(command, file, output, f"compiling {shown(name)}", most)
        if status:
            _refuse(name, status, said, most)
        output.seek(0)
        place = folder / f"{key}.{_digest(output)}"
        os.fsync(output.fileno())
        temporary.rename(place)
    durable.sync_folder(folder)
    _forget_oldest(folder)
    return place


def _performed(command: list[str], file: IO[bytes], output: IO[bytes], doing: str, most: Bounds) -> tuple[int, str]:
    """The compiler's exit status, and what it said; on a terminal it is told meanwhile that it is at work, and how long it may be."""
    with subprocess.Popen(
        command,
        stdin=file,
        stdout=output,
        stderr=subprocess.PIPE,
        preexec_fn=ends_with_this_one(),  # noqa: PLW1509 - no other thread runs then
    ) as compiler:
        began = time.monotonic()
        try:
            while True:
                try:
                    _, said = compiler.communicate(timeout=_TICK)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - began
                    limit = f" of {most.seconds} s of CPU time" if seconds > _SOON else ""
                    progress(f"{doing} … {seconds:.0f} s{limit}")
        except BaseException:
            compiler.kill()
            raise
        finally:
            end_progress()
    return compiler.returncode, said.decode("utf-8", "replace")


def _refuse(name: str, status: int, said: str, most: Bounds) -> None:
    """What became of a compiler that gave no code."""
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    if status == 1 and not last.startswith(("MemoryError", "OSError")):
        raise uncompiled(name, last)
    if last.startswith("OSError"):
        raise LaunchError(
            f"the code of {shown(name)} can't be kept: {last.rpartition('] ')[2]}", hint="free some space"
        )
    is_late = -status in (signal.SIGXCPU, signal.SIGKILL)
    more = f"{SECONDS}={2 * most.seconds}" if is_late else f"{MEMORY}={max(1, most.memory >> 29)}g"
    raise UnsupportedError(
        f"{shown(name)}: compiling it takes more {'CPU time' if is_late else 'memory'} than whit gives it ({most.told})",
        hint=f"is it a program? A smaller one compiles in seconds; {more} in the environment gives it more, within ulimit -H",
    )


def _forget_oldest(folder: Path) -> None:
    """What is run again is compiled again; plans that were kept notice that the code is gone."""
    kept = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.stat().st_mtime
    )
    for path in kept[:-_MOST_KEPT]:
        path.unlink(missing_ok=True)
