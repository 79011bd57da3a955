"""WebAssembly → native code, compiled on this machine and kept.

    CACHE/code/KEY.DIGEST           KEY is a hash of the program, the compiler, what it was set to and the target;
                                    DIGEST (SHA-256) is the code's own

CACHE is what place.py says. Compiled code is native code, so it is only ever taken from here: a folder that only its owner
can write, and no image brings any. The digest in the name isn't against whoever can write there, who could change whit's plans as
well, but against a disk that fails and a file cut short: wasmtime trusts what it loads.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import stat
import subprocess
import sys
from hashlib import sha256
from importlib import metadata
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.packer.support.children import ends_with_this_one
from whit.packer.support.errors import InvalidFileError, LaunchError, UnsupportedError
from whit.packer.support.imagepath import shown
from whit.packer.wasm.component import read_component
from whit.packer.wasm.module import HEADER_SIZE
from whit.runtime.wasm.compiling import MAX_MEMORY, MAX_SECONDS
from whit.runtime.wasm.place import cache_root
from whit.runtime.wasm.settings import COMPONENT, MODULE, SERVICE

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from whit.runtime.wasm.settings import Tuning

MAGIC = b"\0asm"
HANDLER = "wasi:http/incoming-handler@0.2"
"""What a service exports (wasi:http, world proxy)."""

COMPILER = "48.0"
"""The version of PyPI's wasmtime whose code the engine takes: the engine is built with 48.0.8 (embedder/Cargo.toml)."""

_FORMAT = 1
"""Raised when the same key would mean other code."""

_MAX_FILE = 512 << 20
_MOST_KEPT = 64
"""Programs whose code is kept; those that were compiled longest ago go first."""


def kind_of(path: Path) -> str | None:
    """What a program is, by its first bytes (core specification, 5.5.16; component model, Binary.md) and, of a component, its exports.

    None where it is none.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_SIZE)
            if not head.startswith(MAGIC) or len(head) < HEADER_SIZE:
                return None
            if head[6:8] == b"\0\0":
                return MODULE
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                exports = read_component(data).exports
    except OSError:
        return None
    except InvalidFileError:
        # Whatever is wrong with it, the compiler says.
        return COMPONENT
    return SERVICE if any(name.startswith(HANDLER) for name in exports) else COMPONENT


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
    with durable.temporary_file(folder, private=True) as (output, temporary):
        command = [sys.executable, "-P", "-m", "whit.runtime.wasm.compiling", *words]
        done = subprocess.run(
            command, stdin=file, stdout=output, stderr=subprocess.PIPE, check=False, preexec_fn=ends_with_this_one()
        )
        if done.returncode:
            _refuse(name, done.returncode, done.stderr.decode("utf-8", "replace"))
        output.seek(0)
        place = folder / f"{key}.{_digest(output)}"
        os.fsync(output.fileno())
        temporary.rename(place)
    durable.sync_folder(folder)
    _forget_oldest(folder)
    return place


def _refuse(name: str, status: int, said: str) -> None:
    """What became of a compiler that gave no code."""
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    if status == 1 and not last.startswith(("MemoryError", "OSError")):
        raise InvalidFileError(f"{shown(name)}: this can't be compiled: {last}")
    if last.startswith("OSError"):
        raise LaunchError(
            f"the code of {shown(name)} can't be kept: {last.rpartition('] ')[2]}", hint="free some space"
        )
    what = "CPU time" if -status in (signal.SIGXCPU, signal.SIGKILL) else "memory"
    raise UnsupportedError(
        f"{shown(name)}: compiling it takes more {what} than whit gives it ({MAX_MEMORY >> 30} GiB, {MAX_SECONDS} s)",
        hint="is it a program? A smaller one compiles in seconds",
    )


def _forget_oldest(folder: Path) -> None:
    """What is run again is compiled again; plans that were kept notice that the code is gone."""
    kept = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.stat().st_mtime
    )
    for path in kept[:-_MOST_KEPT]:
        path.unlink(missing_ok=True)
