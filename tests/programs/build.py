"""Builds the tests' programs, once: ``build("hello", "go", stripped=True)`` gives the path of an executable.

The sources stand beside this file, one folder a language. What is built is kept in ``build/test-programs``
(or ``$WHIT_TEST_PROGRAMS``) under a name made from source, options and compiler version, so that all tests share it
and several test processes may ask for the same program at once.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("WHIT_TEST_PROGRAMS") or SOURCES.parent.parent / "build" / "test-programs")


class ToolchainMissingError(Exception):
    """The language's compiler isn't on this machine."""


@dataclass(frozen=True)
class Options:
    """How to build: ``arch`` is Go's name (foreign ones: go and zig only); ``flags`` go to the compiler as they are."""

    stripped: bool = False
    pie: bool = False
    arch: str = "amd64"
    flags: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Language:
    """One way to make an executable."""

    folder: str
    suffix: str
    tool: Callable[[], tuple[str, ...]]
    version: tuple[str, ...]
    command: Callable[[tuple[str, ...], Path, Path, Options], tuple[list[str], dict[str, str]]]


def _found(*names: str) -> tuple[str, ...]:
    for name in names:
        if path := shutil.which(name):
            return (path,)
    raise ToolchainMissingError(f"none of {', '.join(names)} is on this machine")


def _zig() -> tuple[str, ...]:
    if importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang")
    return _found("zig")


def _c(*link: str) -> Callable[..., tuple[list[str], dict[str, str]]]:
    def command(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
        pie = ["-static-pie", "-fPIE"] if options.pie else list(link)
        strip = ["-s"] if options.stripped else []
        return [*tool, "-O1", *pie, *strip, *options.flags, "-o", str(out), str(source)], {}

    return command


def _go(
    tool: tuple[str, ...], source: Path, out: Path, options: Options, system: str = "linux"
) -> tuple[list[str], dict[str, str]]:
    strip = ["-ldflags=-s -w"] if options.stripped else []
    pie = ["-buildmode=pie"] if options.pie else []
    arch, _, variant = options.arch.partition("/v")
    env = {
        "CGO_ENABLED": "0",
        "GOOS": system,
        "GOARCH": arch,
        "GOARM": variant or "7",
        "GOFLAGS": "-mod=mod",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    line = [*tool, "build", "-C", str(source.parent), "-trimpath", "-buildvcs=false", *strip, *pie, *options.flags]
    return [*line, "-o", str(out), f"./{source.name}"], env


def _go_wasm(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    return _go(tool, source, out, Options(arch="wasm", stripped=options.stripped, flags=options.flags), "wasip1")


def _rust(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    static = ["-Ctarget-feature=+crt-static", f"-Crelocation-model={'pie' if options.pie else 'static'}"]
    strip = ["-Cstrip=symbols"] if options.stripped else []
    return [*tool, "-O", *static, *strip, *options.flags, "-o", str(out), str(source)], {}


def _rust_arm64(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    """On musl, linked by what comes with Rust."""
    line, more = _rust(tool, source, out, options)
    return [*line, f"--target={_RUST_ARM64}", "-Clinker=rust-lld"], more


_RUST_ARM64 = "aarch64-unknown-linux-musl"


def _rust_wasi(target: str) -> Callable[..., tuple[list[str], dict[str, str]]]:
    def command(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
        strip = ["-Cstrip=symbols"] if options.stripped else []
        return [*tool, "-O", f"--target={target}", *strip, *options.flags, "-o", str(out), str(source)], {}

    return command


def _rust_for(target: str) -> tuple[str, ...]:
    tool = _found("rustc")
    places = subprocess.run([*tool, "--print=sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    if not (Path(places) / "lib" / "rustlib" / target / "lib").is_dir():
        raise ToolchainMissingError(f"Rust's standard library for it isn't here: rustup target add {target}")
    return tool


def _nim(compiler: str) -> Callable[..., tuple[list[str], dict[str, str]]]:
    def command(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
        gcc = _found(compiler)[0]
        link = ["--passL:-static", *(["--passL:-s"] if options.stripped else [])]
        cc = [f"--gcc.exe:{gcc}", f"--gcc.linkerexe:{gcc}"]
        quiet = ["--hints:off", f"--nimcache:{out.parent}/nimcache"]
        return [*tool, "c", "-d:release", *cc, *link, *quiet, *options.flags, f"-o:{out}", str(source)], {}

    return command


def _zig_cc() -> tuple[str, ...]:
    return (*_zig(), "cc")


def _c_zig(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    """As ``whit build`` compiles C for this machine: Zig's cache has a libc for each of these words, and makes it in a minute."""
    is_native = options.arch == "amd64"
    target = f"{_ZIG_ARCH[options.arch]}-linux-musl{'eabi' if options.arch == 'arm' else ''}"
    words = ["-target", target, "-static", "-Os", *(["-mcpu=x86_64"] if is_native else [])]
    debugging = "-s" if options.stripped and not is_native else "-g"
    line = [*tool, *words, debugging, *options.flags, "-o", str(out), str(source)]
    if options.stripped and is_native:
        return ["sh", "-c", 'out=$1; shift; "$@" && strip "$out"', "sh", str(out), *line], {}
    return line, {}


_ZIG_ARCH = {"amd64": "x86_64", "arm64": "aarch64", "arm": "arm", "386": "x86", "riscv64": "riscv64", "s390x": "s390x"}


def _zig_arm64(folder: Path) -> Path:
    """What others call as a C compiler for AArch64 on musl."""
    script = folder / "cc"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(_zig_cc())} -target aarch64-linux-musl "$@"\n')
    script.chmod(0o755)
    return script


def _cgo_arm64(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    line, env = _go(tool, source, out, options)
    strip = ["-s", "-w"] if options.stripped else []
    static = shlex.join(["-linkmode=external", "-extldflags=-static", *strip])
    more = {"CGO_ENABLED": "1", "GOARCH": "arm64", "CC": str(_zig_arm64(out.parent))}
    return [*line[:-3], f"-ldflags={static}", *line[-3:]], {**env, **more}


def _nim_arm64(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    script = _zig_arm64(out.parent)
    cc = ["--cpu:arm64", "--os:linux", "--cc:clang", f"--clang.exe:{script}", f"--clang.linkerexe:{script}"]
    link = ["--passL:-static", *(["--passL:-s"] if options.stripped else [])]
    quiet = ["--hints:off", f"--nimcache:{out.parent}/nimcache"]
    return [*tool, "c", "-d:release", *cc, *link, *quiet, *options.flags, f"-o:{out}", str(source)], {}


def _zig_exe(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    target = f"{_ZIG_ARCH[options.arch]}-linux"
    strip = ["-fstrip"] if options.stripped else []
    line = [*tool, "build-exe", "-OReleaseSafe", "-target", target, f"-femit-bin={out}"]
    return [*line, *strip, *options.flags, str(source)], {}


def _c_wasi(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    strip = ["-s"] if options.stripped else []
    return [*tool, "-target", "wasm32-wasi", "-Os", *strip, *options.flags, "-o", str(out), str(source)], {}


def _wat(tool: tuple[str, ...], source: Path, out: Path, options: Options) -> tuple[list[str], dict[str, str]]:
    return [*tool, *options.flags, "-o", str(out), str(source)], {}


LANGUAGES: dict[str, Language] = {
    "c-glibc": Language("c", ".c", lambda: _found("gcc", "cc"), ("--version",), _c("-static", "-no-pie")),
    "c-musl": Language("c", ".c", lambda: _found("musl-gcc"), ("--version",), _c("-static", "-no-pie")),
    "c-dynamic": Language("c", ".c", lambda: _found("gcc", "cc"), ("--version",), _c()),
    "c-zig": Language("c", ".c", _zig_cc, ("--version",), _c_zig),
    "c++": Language("c++", ".cc", lambda: _found("g++", "c++"), ("--version",), _c("-static", "-no-pie")),
    "c++-dynamic": Language("c++", ".cc", lambda: _found("g++", "c++"), ("--version",), _c()),
    "c-clang": Language("c", ".c", lambda: _found("clang"), ("--version",), _c()),
    "c-shared": Language("c", ".c", lambda: _found("gcc", "cc"), ("--version",), _c("-shared", "-fPIC")),
    "c-object": Language("c", ".c", lambda: _found("gcc", "cc"), ("--version",), _c("-c")),
    "go": Language("go", "", lambda: _found("go"), ("version",), _go),
    "rust": Language("rust", ".rs", lambda: _found("rustc"), ("--version",), _rust),
    "rust-arm64": Language("rust", ".rs", lambda: _rust_for(_RUST_ARM64), ("--version",), _rust_arm64),
    "nim": Language("nim", ".nim", lambda: _found("nim"), ("--version",), _nim("gcc")),
    "nim-musl": Language("nim", ".nim", lambda: _found("nim"), ("--version",), _nim("musl-gcc")),
    "nim-arm64": Language("nim", ".nim", lambda: _found("nim"), ("--version",), _nim_arm64),
    "cgo-arm64": Language("go", "", lambda: _found("go"), ("version",), _cgo_arm64),
    "zig": Language("zig", ".zig", _zig, ("version",), _zig_exe),
    "wasm-go": Language("go", "", lambda: _found("go"), ("version",), _go_wasm),
    "wasm-c": Language("c", ".c", _zig_cc, ("--version",), _c_wasi),
    "wasm-rust": Language(
        "rust", ".rs", lambda: _rust_for("wasm32-wasip1"), ("--version",), _rust_wasi("wasm32-wasip1")
    ),
    "component-rust": Language(
        "rust", ".rs", lambda: _rust_for("wasm32-wasip2"), ("--version",), _rust_wasi("wasm32-wasip2")
    ),
    "wasm-wat": Language("wasm", ".wat", lambda: _found("wat2wasm"), ("--version",), _wat),
}


@functools.cache
def _version(command: tuple[str, ...]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


def _source_bytes(source: Path) -> bytes:
    files = [source] if source.is_file() else sorted(source.parent.glob("go.*")) + sorted(source.rglob("*.go"))
    if source.is_dir():
        files += sorted((source.parent / "greeting").rglob("*.go"))
    return b"\0".join(file.read_bytes() for file in files)


def build(name: str, language: str, **options: Any) -> Path:
    """The executable made from ``tests/programs/<language>/<name>``; see :class:`Options` for ``options``.

    Raises ToolchainMissingError without a compiler, CalledProcessError (stderr in its note) if it doesn't compile.
    """
    how, wanted = LANGUAGES[language], Options(**options)
    tool = how.tool()
    source = SOURCES / how.folder / f"{name}{how.suffix}"
    key = hashlib.sha256(repr((language, wanted, _version((*tool, *how.version)))).encode())
    key.update(_source_bytes(source))
    folder = CACHE / f"{name}-{language}-{key.hexdigest()[:16]}"
    program = folder / name
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _compile(how, tool, source, program, wanted)
    return program


def _compile(how: Language, tool: tuple[str, ...], source: Path, program: Path, options: Options) -> None:
    unfinished = program.with_name(f"{program.name}.new")
    line, env = how.command(tool, source, unfinished, options)
    done = subprocess.run(
        line,
        check=False,
        capture_output=True,
        text=True,
        cwd=program.parent,
        env={**os.environ, **env, **dict(options.env)},
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, line, done.stdout, done.stderr) from RuntimeError(
            done.stderr
        )
    unfinished.rename(program)


if __name__ == "__main__":
    print(build(sys.argv[1], sys.argv[2], **dict.fromkeys(sys.argv[3:], True)))  # noqa: T201 - it is a command
