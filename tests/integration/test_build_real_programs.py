"""``whit build`` with programs of others, of Rust, C, Nim and Zig: as they were published, built static for two platforms, and run."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.fetched_sources import Crate, DebianSource, unpacked, zig_s_own
from tests.integration.sources import done
from tests.peers import find_peer
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Program:
    """Where its sources come from, files that are written beside them, and what it says to what it is asked: ``answer`` is part of that.

    ``knows_its_folder``: the language writes the folder of the sources into it, so that it is the same from the same folder alone.
    """

    source: Crate | DebianSource | str
    question: tuple[str, ...]
    answer: str
    stdin: str = ""
    below: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    platforms: str = "linux/amd64,linux/arm64"
    tools: tuple[str, ...] = ()
    knows_its_folder: bool = False
    written: Mapping[str, str] = field(default_factory=dict)


BUILD_ZIG = """const std = @import("std");

pub fn build(b: *std.Build) void {
    const program = b.addExecutable(.{
        .name = "objcopy",
        .root_module = b.createModule(.{
            .root_source_file = b.path("main.zig"),
            .target = b.standardTargetOptions(.{}),
            .optimize = b.standardOptimizeOption(.{}),
        }),
    });
    b.installArtifact(program);
}
"""
NIM = DebianSource("nim", "1.6.10", "1e237bb4faad68ace02f628bd7b5a6a861e58a1f2fd7029a6e5afdef0c589dd1")
PROGRAMS = {
    "hexyl": Program(
        Crate("hexyl", "0.16.0", "43d56dd04872b6c6d429f18d2e03df95f853feb618c7cd8bf22d0e6851ce5ef8"),
        ("--color=never", "--border=ascii"), "77 68 69 74", stdin="whit", tools=("cargo",),
    ),
    "mini-redis-server": Program(
        Crate("mini-redis", "0.4.1", "528890a6b63c88c9bda173867128abe62c0f5050dd959f067aeea09e90439f33"),
        ("--version",), "mini-redis-server 0.4.1", tools=("cargo",),
    ),
    "cmark": Program(
        DebianSource("cmark", "0.30.2", "6c7d2bcaea1433d977d8fed0b55b71c9d045a7cdf616e3cd2dce9007da753db3"),
        (), "<em>whit</em>", stdin="*whit*\n", tools=("cmake",),
    ),
    "dash": Program(
        DebianSource("dash", "0.5.12", "6a474ac46e8b0b32916c4c60df694c82058d3297d8b385b74508030ca4a8f28a"),
        ("-c", "echo $((6 * 7))"), "42", tools=("make",),
        platforms="linux/amd64",  # its build executes helpers that it compiles with the program's own compiler
    ),
    "lz4": Program(
        DebianSource("lz4", "1.9.4", "0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b"),
        ("--version",), "v1.9.4", tools=("make",),
    ),
    "pkgconf": Program(
        DebianSource("pkgconf", "1.8.1", "644361ada2942be05655d4452eb018791647c31bba429b287f1f68deb2dc6840"),
        ("--version",), "1.8.1", options=("--build-arg", "OPTIONS=-Dtests=false"), tools=("meson", "ninja"),
    ),
    "niminst": Program(NIM, ("--help",), "Nim Installation Generator", below=("tools/niminst",), tools=("nim",)),
    "nimpretty": Program(
        NIM, ("--help",), "Nim Pretty Printer", below=("compiler", "nimpretty"), tools=("nim",),
        knows_its_folder=True,  # Nim's own sources ask for instantiationInfo(fullPaths = true)
        written={"nimpretty.nimble": 'srcDir = "nimpretty"\nbin = @["nimpretty"]\n'},
    ),
    "objdump": Program("objdump", ("--help",), "Usage"),
    "objcopy": Program("objcopy", ("--help",), "Usage", written={"build.zig": BUILD_ZIG}),
}  # fmt: skip


def source_of(name: str, folder: Path) -> Path:
    program = PROGRAMS[name]
    for tool in (*program.tools, "zig"):
        if locate(tool) is None:
            lacking(f"{tool} isn't installed; tests/setup.sh peers installs it")
    folder.mkdir()
    source = program.source
    place = zig_s_own(folder, source) if isinstance(source, str) else unpacked(source, folder, *program.below)
    for file, text in program.written.items():
        (place / file).write_text(text)
    return place.rename(folder / name)


def made(run_whit: RunWhit, source: Path, name: str, platforms: str, root: Path) -> dict[str, str]:
    """Platform → digest of its image."""
    words: tuple[str | Path, ...] = (
        "build",
        "--json",
        "-t",
        name,
        "--bin",
        name,
        *PROGRAMS[name].options,
        "--platform",
        platforms,
        source,
    )
    result = run_whit(*words, root=root, timeout=1500)
    assert result.returncode == 0, result.stderr
    return {image["platform"]["architecture"]: image["digest"] for image in json.loads(result.stdout)["images"]}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_static_runs_on_two_architectures_and_is_the_same_from_another_folder(
    run_whit: RunWhit, tmp_path: Path, whit_root: Path, name: str
) -> None:
    """Given a program's published sources, when they are built, then it runs in its image, and on arm64 in an emulator."""
    program = PROGRAMS[name]
    source = source_of(name, tmp_path / "here")
    digests = made(run_whit, source, name, program.platforms, whit_root)
    ran = run_whit("run", "-i", name, *program.question, stdin=program.stdin)
    assert program.answer in ran.stdout + ran.stderr, ran.stderr
    for path in (whit_root / "build" / "caches").glob(f"source-*/{name}"):
        inspected = json.loads(done(run_whit, "inspect", "--json", path))
        assert inspected["linkage"] in {"static", "static-pie"}
        emulator = find_peer("qemu-aarch64" if inspected["platform"]["architecture"] == "arm64" else "qemu-x86_64")
        if emulator:
            words: list[str | Path] = [emulator, path, *program.question]
            emulated = subprocess.run(
                words, input=program.stdin, capture_output=True, text=True, check=False, timeout=120
            )
            assert program.answer in emulated.stdout + emulated.stderr, emulated.stderr
    (tmp_path / "else").mkdir()
    moved = source if program.knows_its_folder else source.rename(tmp_path / "else" / name)
    assert made(run_whit, moved, name, "linux/amd64", tmp_path / "other")["amd64"] == digests["amd64"]


def test_a_server_of_rust_s_answers_in_its_image(run_whit: RunWhit, tmp_path: Path, whit_root: Path) -> None:
    """Given mini-redis in an image, when it is asked over the network that whit published, then it answers as Redis does."""
    name = "mini-redis-server"
    made(run_whit, source_of(name, tmp_path / "here"), name, "linux/amd64", whit_root)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done(run_whit, "run", "-d", "--name", "redis", "--network", "host", name, "--port", str(port))
    try:
        assert asked(port, b"*3\r\n$3\r\nset\r\n$1\r\nk\r\n$4\r\nwhit\r\n") == b"+OK\r\n"
        assert asked(port, b"*2\r\n$3\r\nget\r\n$1\r\nk\r\n") == b"$4\r\nwhit\r\n"
    finally:
        done(run_whit, "rm", "-f", "redis")


def asked(port: int, request: bytes) -> bytes:
    """What it says; it may have to start first."""
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(request)
                return connection.recv(100)
        except ConnectionRefusedError:
            time.sleep(0.05)
    pytest.fail("nothing listens")
