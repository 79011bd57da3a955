"""The engine, built once by cargo from the sources beside this file.

    CACHE/engine/KEY/whit-wasm      KEY is a hash of the sources and of what they are built with

CACHE is what place.py says. The compiler's version isn't in the key: an engine that is there stays, whether or not cargo is there
or has changed since. One whose sources changed is another one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from whit.packer.showing.console import complain, tell
from whit.packer.support import durable
from whit.packer.support.children import ends_with_this_one
from whit.packer.support.errors import LaunchError, UnsupportedError, WhitError
from whit.packer.support.private import check_private
from whit.runtime.launch import find_launcher
from whit.runtime.wasm.place import cache_root

SOURCES = Path(__file__).with_name("embedder")
NAME = "whit-wasm"
_FILES = ("Cargo.toml", "Cargo.lock", "src/*.rs")
_FLAGS = ("-Ctarget-feature=+crt-static", "-Crelocation-model=pie", '--cfg=getrandom_backend="linux_getrandom"')
"""Static and position-independent; random numbers by the system call alone, so that no /dev is needed."""

_KEY_SIZE = 16
_MOST_KEPT = 4
BUILDING = "building"


def engine_key() -> str:
    """What tells this engine from any other."""
    hashed = sha256(repr(_FLAGS).encode())
    for path in sorted(path for pattern in _FILES for path in SOURCES.glob(pattern)):
        data = path.read_bytes()
        hashed.update(b"%s\0%d\0%s" % (path.name.encode(), len(data), data))
    return hashed.hexdigest()[:_KEY_SIZE]


def cache_folder() -> Path:
    """Where engines are kept."""
    return cache_root() / "engine"


def find_engine() -> Path:
    """The engine: beside the launcher if one was installed there, else in the cache, else built now.

    Raises :class:`UnsupportedError` where it can't be built, :class:`LaunchError` where building fails.
    """
    beside = find_launcher().with_name(NAME)
    if beside.is_file() and _key_of(beside) == engine_key():
        return beside
    place = cache_folder() / engine_key() / NAME
    if place.is_file():
        check_private(place.parent)
        return place
    return build(place)


def _key_of(engine: Path) -> str:
    """The key that an engine was built with, as it says when it is started with nothing to do."""
    done = subprocess.run([str(engine)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace").strip()


def build(place: Path) -> Path:
    """Build the engine into its place. Several processes may ask at once: one builds, the others wait for it.

    What is killed on the way leaves the folder that it was built in, where the next one goes on; the engine is there whole or
    not at all.
    """
    cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo" / "bin"))
    if cargo is None:
        raise UnsupportedError(
            "running WebAssembly takes an engine that is built once by cargo, and there is no cargo",
            hint="install Rust 1.95 or newer (rustup.rs) and run it again, or put a built whit-wasm beside whit",
        )
    folder = place.parent.parent
    with durable.store_errors("keep the WebAssembly engine"):
        durable.private_folder(folder)
        with durable.locked(folder / ".lock", exclusive=True):
            if not place.is_file():
                tell("whit: building the WebAssembly engine, once; this takes some minutes\n")
                built = _built(cargo, folder / BUILDING)
                durable.private_folder(place.parent)
                _install(built, place)
                _remove_others(folder)
    return place


def _built(cargo: str, folder: Path) -> Path:
    """Cargo's own result. The sources are copied: a package's folder may be read-only, and none of its path is in the engine."""
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    for path in (path for pattern in _FILES for path in SOURCES.glob(pattern)):
        copy = source / path.relative_to(SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    target = f"{os.uname().machine}-unknown-linux-gnu"
    home = os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")
    flags = (*_FLAGS, f"--remap-path-prefix={source}=whit-wasm", f"--remap-path-prefix={home}=cargo")
    environment = {
        **os.environ,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "CARGO_TARGET_DIR": str(folder / "target"),
        "WHIT_WASM_KEY": engine_key(),
    }
    command = [cargo, "build", "--release", "--locked", "--target", target]
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, cwd=source, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
            preexec_fn=ends_with_this_one(),
        )  # fmt: skip
        if done.returncode:
            said.seek(0)
            _refuse(said.read().decode("utf-8", "replace"))
    return folder / "target" / target / "release" / NAME


def _refuse(said: str) -> None:
    """One line of what cargo said: its error, and what is behind that."""
    if re.search(r"failed to download|failed to get|Could(n't| not) resolve|network|spurious", said):
        raise LaunchError(
            "the WebAssembly engine can't be built: its crates can't be fetched from crates.io",
            hint="run it once with a network; cargo keeps them (CARGO_HOME)",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith("error")), lines[-1] if lines else "it said nothing")
    raise LaunchError(f"the WebAssembly engine can't be built: {error}", hint="rustc --version: it takes 1.95 or newer")


def _install(binary: Path, place: Path) -> None:
    with durable.temporary_file(place.parent, private=True) as (file, temporary), binary.open("rb") as built:
        shutil.copyfileobj(built, file)
        os.fchmod(file.fileno(), 0o555)
        os.fsync(file.fileno())
        temporary.rename(place)
    durable.sync_folder(place.parent)


def _remove_others(folder: Path) -> None:
    """What it was built in, and engines that were built long ago; one that runs still has its file open."""
    durable.remove_tree(folder / BUILDING)
    engines = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in engines[:-_MOST_KEPT]:
        durable.remove_tree(path)


def main() -> None:
    """``python -m whit.runtime.wasm.building FOLDER``: build the engine, if it isn't there, and install it into a folder."""
    folder = Path(sys.argv[1])
    place = cache_folder() / engine_key() / NAME
    try:
        engine = place if place.is_file() else build(place)
        folder.mkdir(parents=True, exist_ok=True)
        _install(engine, folder / NAME)
    except WhitError as error:
        complain(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
