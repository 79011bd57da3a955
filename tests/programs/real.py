"""The sample of real programs that ``make test`` packs and runs; tests/corpus has many more."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.programs import CRANE, go_program
from tests.peers import find_peer
from tests.programs.build import ToolchainMissingError, build
from tests.programs.registries import ProgramMissingError, call, fetched, from_npm, from_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

ESBUILD = "0.28.2"
RUFF = "0.17.6"
UV = "0.13.9"
ZIG = "0.17.1"


def real_program(name: str) -> Path:
    """The executable; fetched if it isn't there yet. Its registry is only asked the first time.

    Raises ProgramMissingError where its registry can't be reached or the tool to fetch it isn't installed.
    """
    return _SOURCES[name](name)


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
        call("PyPI", [*pip, "--target", folder / "wheel", f"ziglang=={ZIG}"], folder)
        return folder / "wheel" / "ziglang" / name

    return fetched(f"{name}-{ZIG}", name, fetch)


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
    "esbuild": lambda _: from_npm("@esbuild/linux-x64", ESBUILD, "package/bin/esbuild"),
    "crane": _crane,
    "ruff": lambda name: from_wheel(name, RUFF, "musllinux_1_2_x86_64"),
    "uv": lambda name: from_wheel(name, UV, "musllinux_1_1_x86_64"),
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
