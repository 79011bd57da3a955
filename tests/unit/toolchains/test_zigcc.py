"""The scripts that stand for compilers and linkers: what they make of a command line. Zig and Rust's linker are scripts here that tell what they are given."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.toolchains.kits import FakeKit
from whit.packer.image.platform import Platform
from whit.toolchains.model import ROOM, Tool
from whit.toolchains.rustlinker import linker
from whit.toolchains.zigcc import compiler

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.model import Written

TELLS = """#!/bin/sh
echo "$@"
"""
LINKS = """#!/bin/sh
echo ld.lld -static -o x /cache/a/libc++.a /cache/b/libc++abi.a /cache/c/libc.a >&2
"""


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def placed(folder: Path, files: tuple[Written, ...]) -> None:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(0o755 if file.is_executable else 0o644)


def compiled(folder: Path, *words: str, architecture: str = "amd64") -> list[list[str]]:
    """The lines that Zig is called with, without those that are always there."""
    zig = Tool("zig", program(folder / "zig", TELLS), "1", str(folder))
    system = "wasi" if architecture == "wasm" else "linux"
    made = compiler(Platform(system, architecture), str(folder), ("/p",), FakeKit(tools=(zig,)))
    placed(folder, made.files)
    done = subprocess.run([made.program("cc"), *words], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "own"),
    [
        (("-c", "a.c", "-Ix", "b.c"), [["-c", "a.c", "-Ix"], ["-c", "-Ix", "b.c"]]),
        (("-c", "a.c", "-o", "x.o"), [["-c", "a.c", "-o", "x.o"]]),
        (("a.c", "b.c"), [["a.c", "b.c"]]),
        (("-Wl,--version",), [["LLD,", "in", "zig", "1", "(compatible", "with", "GNU", "linkers)"]]),
        (("-E", "-dM", "-"), [["-x", "c", "-E", "-dM", "-"]]),
        (("-E", "-xc", "-"), [["-E", "-xc", "-"]]),
        (("-c", "a.cpp", "it s.S"), [["-c", "a.cpp"], ["-c", "it", "s.S"]]),
    ],
)
def test_of_several_sources_each_becomes_an_object_of_its_own_and_standard_input_has_a_language(
    tmp_path: Path, words: tuple[str, ...], own: list[list[str]]
) -> None:
    """Zig itself makes one object of ``-c a.c b.c``, with all that is in both; make's recipes count on two."""
    lines = compiled(tmp_path, *words)
    assert [line[-len(expected) :] for line, expected in zip(lines, own, strict=True)] == own


def test_what_strips_and_what_fits_one_machine_alone_is_left_out(tmp_path: Path) -> None:
    (line,) = compiled(tmp_path, "-s", "-Wl,-s", "-g0", "-march=native", "--target=x", "a.c")
    assert line[-1] == "a.c"
    assert not {"-s", "-Wl,-s", "-g0", "-march=native", "--target=x"}.intersection(line)
    assert {"-g", f"-Wl,--build-id={ROOM}"} <= set(line)


def test_webassembly_is_stripped_as_it_is_linked(tmp_path: Path) -> None:
    (line,) = compiled(tmp_path, "-s", "a.c", architecture="wasm")
    assert "-s" in line
    assert "-g" not in line


@pytest.mark.parametrize(
    ("words", "linked"),
    [
        (("a.o", "-lc", "-o", "x"), "a.o -lc -o x"),
        (("a.o", "-lstdc++", "-lc"), "a.o -lc /cache/a/libc++.a /cache/b/libc++abi.a"),
        (("a.o", "-lc++"), "a.o /cache/a/libc++.a /cache/b/libc++abi.a"),
    ],
)
def test_the_library_of_cpp_is_zig_s_where_a_crate_wants_one(
    tmp_path: Path, words: tuple[str, ...], linked: str
) -> None:
    zig = Tool("zig", program(tmp_path / "zig", LINKS), "1", str(tmp_path))
    files = linker(zig, "x86_64-linux-musl", "x86_64", program(tmp_path / "real", TELLS))
    placed(tmp_path, files)
    done = subprocess.run([tmp_path / files[0].path, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == linked
    assert sorted(path.name for path in (tmp_path / "linker").iterdir()) == ["empty.cpp", "ld"]
